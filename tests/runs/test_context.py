"""What the model reads."""

from __future__ import annotations

from dataclasses import replace

from doubles import ANNA
from drawbar.kernel.values import JsonObject
from drawbar.llm.chat import ChatMessage, ToolCall
from drawbar.runs.context import Conversation, estimated_tokens, model_messages
from drawbar.runs.objects import text_part
from drawbar.runs.writer import call_entry, tool_calls_details
from drawbar.store.records import Message, Run, Step

RUN = Run("run_1", 1, "thread_1", "asst_1", ANNA, "in_progress", "m", "Be brief.", [], (), None)


def user(text: str, author: str | None = "anna") -> Message:
    return Message(f"msg_{text}", 1, "thread_1", "user", [text_part(text)], author=author)


def assistant(text: str, assistant_id: str = "asst_1", run_id: str = "run_0") -> Message:
    message = Message(f"msg_{text}", 1, "thread_1", "assistant", [text_part(text)])
    return replace(message, assistant_id=assistant_id, author=assistant_id, run_id=run_id)


def read(*messages: Message, run: Run = RUN, **names: str) -> list[tuple[str, object]]:
    told = model_messages(run, Conversation(messages, names), [], {})
    return [(message.role, message.content) for message in told]


def test_instructions_come_first_and_one_author_needs_no_name() -> None:
    assert read(user("hi"), assistant("hello"), user("and?")) == [
        ("system", "Be brief."),
        ("user", "hi"),
        ("assistant", "hello"),
        ("user", "and?"),
    ]


def test_without_instructions_there_is_no_system_message() -> None:
    assert read(user("hi"), run=replace(RUN, instructions="")) == [("user", "hi")]


def test_several_people_are_told_apart_and_the_model_knows_how() -> None:
    told = read(user("hi"), user("no", "bob"), assistant("well"))

    assert told[0][1] == (
        "Be brief.\n\nSeveral people and assistants take part; "
        "each message begins with its author's name."
    )
    assert told[1:] == [("user", "anna: hi"), ("user", "bob: no"), ("assistant", "well")]


def test_another_assistant_has_its_name() -> None:
    told = read(user("hi"), assistant("hello", "asst_2"), assistant("me"), asst_2="Planner")

    assert [content for _, content in told[1:]] == ["anna: hi", "Planner: hello", "me"]


def test_only_the_last_messages_are_sent_when_the_run_says_so() -> None:
    strategy: JsonObject = {"type": "last_messages", "last_messages": 2}

    told = read(user("a"), user("b"), user("c"), run=replace(RUN, truncation_strategy=strategy))

    assert [content for _, content in told] == ["Be brief.", "b", "c"]


def test_a_prompt_budget_drops_from_the_middle() -> None:
    long = [user(letter * 400) for letter in "abcde"]

    told = read(*long, run=replace(RUN, max_prompt_tokens=320))

    assert [str(content)[:1] for _, content in told] == ["B", "a", "d", "e"]


def test_text_that_a_failed_run_left_is_not_read_but_a_cancelled_one_is() -> None:
    failed = replace(
        assistant("half"), status="incomplete", incomplete_details={"reason": "run_failed"}
    )
    stopped = replace(
        assistant("stopped"), status="incomplete", incomplete_details={"reason": "run_cancelled"}
    )
    empty = replace(assistant(""), content=[])

    assert [content for _, content in read(user("hi"), failed, stopped, empty)[1:]] == [
        "hi",
        "stopped",
    ]


def test_pictures_and_files_are_passed_on_or_named() -> None:
    picture: JsonObject = {"type": "image_url", "image_url": {"url": "http://x/y.png"}}
    shown = replace(user("see"), content=[text_part("see"), picture])
    stored: JsonObject = {"type": "image_file", "image_file": {"file_id": "file-1"}}
    named = replace(
        user("b"), content=[text_part("b"), stored], attachments=[{"file_id": "file-2"}]
    )

    told = read(shown, named)

    assert told[1][1] == [
        {"type": "text", "text": "see"},
        {"type": "image_url", "image_url": {"url": "http://x/y.png"}},
    ]
    assert told[2][1] == "b\n[image, not shown: file-1]\n[attached, not shown: file_id file-2]"


def test_the_runs_own_turns_follow_with_outputs_in_the_order_of_the_calls() -> None:
    said = assistant("Let me see", run_id="run_1")
    calls = [ToolCall("call_1", "f", "{}"), ToolCall("call_2", "g", '{"x": ')]
    entries = [call_entry(calls[0], "one"), call_entry(calls[1], "two")]
    message_details: JsonObject = {
        "type": "message_creation",
        "message_creation": {"message_id": said.id},
    }
    steps = [
        Step("step_1", 1, "t", "run_1", "asst_1", 1, "message_creation", "completed", message_details),
        Step("step_2", 1, "t", "run_1", "asst_1", 2, "tool_calls", "completed", tool_calls_details(entries)),
        Step("step_3", 1, "t", "run_1", "asst_1", 3, "message_creation", "failed", message_details),
    ]  # fmt: skip

    told = model_messages(RUN, Conversation((user("hi"), said), {}), steps, {said.id: said})

    assert told[1:] == (
        ChatMessage("user", "hi"),
        ChatMessage("assistant", "Let me see", tuple(calls)),
        ChatMessage("tool", "one", tool_call_id="call_1", name="f"),
        ChatMessage("tool", "two", tool_call_id="call_2", name="g"),
    )
    assert estimated_tokens(told) == (9 + 2 + 10 + 1 + 2 + 1 + 6 + 3 + 3) // 4
