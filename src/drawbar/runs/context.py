"""What the model reads in a run: instructions, the thread, and what the run did so far.

Texts of several authors are told apart by a name before each of them. Function outputs follow their
calls in the order in which the model made these.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from drawbar.compiler.function import Toolset
from drawbar.kernel.values import JsonObject, JsonValue
from drawbar.llm.chat import ChatMessage
from drawbar.runs.pending import StepCall, calls_of
from drawbar.store.records import Message, Run, Step

_CHARACTERS_PER_TOKEN = 4
_SEVERAL = "Several people and assistants take part; each message begins with its author's name."


@dataclass(frozen=True, slots=True)
class Conversation:
    """`messages` are those of the thread from before the run, oldest first."""

    messages: Sequence[Message]
    names: Mapping[str, str]
    """Names of other assistants by their id."""
    changes: Sequence[tuple[str, ChatMessage]] = ()
    """What `changes_told` has made."""


def model_messages(
    run: Run, conversation: Conversation, steps: Iterable[Step], written: Mapping[str, Message]
) -> tuple[ChatMessage, ...]:
    """`written` are the run's own messages by id."""
    history = [
        message
        for message in conversation.messages
        if message.run_id != run.id and not _was_abandoned(message)
    ]
    last = run.truncation_strategy.get("last_messages")
    if run.truncation_strategy.get("type") == "last_messages" and isinstance(last, int):
        history = history[-last:]
    several = _several_authors(history, run)
    told = _with_changes(
        [
            (message.id, _told(message, run, conversation.names, named=several))
            for message in history
        ],
        conversation.changes,
    )
    own = list(_own(steps, written))
    instructions = "\n\n".join(filter(None, (run.instructions, _SEVERAL if several else "")))
    first = [ChatMessage("system", instructions)] if instructions else []
    told = _fit(told, run.max_prompt_tokens, [*first, *own])
    return (*first, *told, *own)


def changes_told(steps: Iterable[Step], toolset: Toolset) -> list[tuple[str, ChatMessage]]:
    """What runs that ended without an answer had changed, or may have, by the id of the step.

    Whoever asks again on the thread would have it done twice if the model did not know.
    """
    return [
        (step.id, ChatMessage("assistant", _change_told(item)))
        for step in steps
        for item in calls_of(step)
        if item.output is not None and _is_change(item.call.name, toolset)
    ]


def _is_change(name: str, toolset: Toolset) -> bool:
    function = toolset.get(name)
    return function is not None and function.effect != "read"


def _change_told(item: StepCall) -> str:
    call = f"{item.call.name}({item.call.arguments})"
    return f"[I was stopped before I could answer. I had called {call}, with this outcome: {item.output}]"


def _with_changes(
    told: Sequence[tuple[str, ChatMessage]], changes: Sequence[tuple[str, ChatMessage]]
) -> list[ChatMessage]:
    """Each where it belongs; behind the prefix of an id is the time at which it was made."""
    if not changes:
        return [message for _, message in told]
    both = sorted([*told, *changes], key=lambda each: each[0].partition("_")[2])
    return [message for _, message in both]


def estimated_tokens(messages: Iterable[ChatMessage]) -> int:
    """About four characters a token; for budgets where nobody counts better."""
    return sum(_characters(message) for message in messages) // _CHARACTERS_PER_TOKEN


def _characters(message: ChatMessage) -> int:
    content = message.content
    size = len(content) if isinstance(content, str) else sum(len(str(part)) for part in content)
    return size + sum(len(call.name) + len(call.arguments) for call in message.tool_calls)


def _was_abandoned(message: Message) -> bool:
    """Empty, or half written by a run that failed: not part of what was said."""
    reason = (message.incomplete_details or {}).get("reason")
    return not message.content or reason == "run_failed"


def _several_authors(history: Iterable[Message], run: Run) -> bool:
    people = {message.author for message in history if message.role == "user" and message.author}
    others = {
        message.assistant_id
        for message in history
        if message.assistant_id not in {None, run.assistant_id}
    }
    return len(people) > 1 or bool(others)


def _told(message: Message, run: Run, names: Mapping[str, str], *, named: bool) -> ChatMessage:
    name = None
    if named and message.assistant_id is None:
        name = message.author
    elif named and message.assistant_id != run.assistant_id:
        name = names.get(str(message.assistant_id), message.assistant_id)
    parts = [part for part in map(_part, message.content) if part is not None]
    for item in message.attachments:
        said = f", {item['file']}" if "file" in item else ""
        attached = f"[attached, not shown: file_id {item['file_id']}{said}]"
        parts.append({"type": "text", "text": attached})
    if any(part["type"] != "text" for part in parts):
        prefix: list[JsonObject] = [{"type": "text", "text": f"{name}:"}] if name else []
        content: list[JsonValue] = [*prefix, *parts]
        return ChatMessage(message.role, content)
    text = "\n".join(str(part["text"]) for part in parts)
    return ChatMessage(message.role, f"{name}: {text}" if name else text)


def _part(part: JsonObject) -> JsonObject | None:
    """A content part of the Assistants API as one of Chat Completions."""
    match part:
        case {"type": "text", "text": {"value": str(value)}}:
            return {"type": "text", "text": value}
        case {"type": "image_url", "image_url": image}:
            return {"type": "image_url", "image_url": image}
        case {"type": "image_file", "image_file": {"file_id": file_id}}:
            return {"type": "text", "text": f"[image, not shown: {file_id}]"}
        case {"type": "refusal", "refusal": str(text)}:
            return {"type": "text", "text": text}
        case _:
            return None


def _own(steps: Iterable[Step], written: Mapping[str, Message]) -> Iterator[ChatMessage]:
    """The run's turns. A message directly before calls was said in the same turn."""
    said = ""
    for step in steps:
        if step.status != "completed":
            continue
        if step.type == "message_creation":
            if said:
                yield ChatMessage("assistant", said)
            said = _text_of(step, written)
            continue
        calls = list(calls_of(step))
        yield ChatMessage("assistant", said, tuple(item.call for item in calls))
        said = ""
        for item in calls:
            yield ChatMessage(
                "tool", item.output or "", tool_call_id=item.call.id, name=item.call.name
            )
    if said:
        yield ChatMessage("assistant", said)


def _text_of(step: Step, written: Mapping[str, Message]) -> str:
    creation = step.step_details.get("message_creation")
    message_id = str(creation["message_id"]) if isinstance(creation, dict) else ""
    message = written.get(message_id)
    parts = map(_part, message.content if message else [])
    return "\n".join(str(part["text"]) for part in parts if part and part["type"] == "text")


def _fit(
    told: list[ChatMessage], budget: int | None, around: Iterable[ChatMessage]
) -> list[ChatMessage]:
    """Drop from the middle until it fits: the first message and the newest ones stay."""
    if budget is None:
        return told
    room = budget * _CHARACTERS_PER_TOKEN - sum(map(_characters, around))
    size = sum(map(_characters, told))
    kept = list(told)
    while size > room and len(kept) > 2:  # noqa: PLR2004 -- the first and the last one
        size -= _characters(kept.pop(1))
    return kept
