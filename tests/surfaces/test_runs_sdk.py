"""Runs, as the official client library makes, streams, resumes and polls them."""

from __future__ import annotations

import asyncio
from typing import Any

import openai
import orjson
import pytest
from openai import AsyncAssistantEventHandler
from openai.types.beta.threads import Run

from drawbar.llm.chat import ModelError
from drawbar.llm.scripted import invoke, say

from .conftest import Served

CLIENT_TOOL: Any = {
    "type": "function",
    "function": {
        "name": "ask_user",
        "description": "Ask the person in front of the screen.",
        "parameters": {"type": "object", "properties": {"question": {"type": "string"}}},
    },
}


async def made(client: openai.AsyncOpenAI, **options: Any) -> tuple[str, str]:
    """An assistant with the toolset `all`, and a thread with one message."""
    options.setdefault("metadata", {"toolset": "all"})
    assistant = await client.beta.assistants.create(model="default", name="Store", **options)
    thread = await client.beta.threads.create(messages=[{"role": "user", "content": "Stock?"}])
    return assistant.id, thread.id


async def names_of(stream: Any) -> list[str]:
    return [event.event async for event in stream]


async def test_a_run_that_calls_a_server_side_function_is_streamed_whole(served: Served) -> None:
    served.model.add(
        [*say("Let me look. "), *invoke("shelf_find", {"part_no": "4711"}, pieces=3)],
        say("There are 12."),
    )
    async with served.client() as client:
        assistant, thread = await made(client)
        async with client.beta.threads.runs.stream(
            thread_id=thread, assistant_id=assistant
        ) as stream:
            await stream.until_done()
            steps = await stream.get_final_run_steps()
            messages = await stream.get_final_messages()
            run = stream.current_run

    assert run is not None
    assert run.status == "completed"
    assert run.required_action is None
    assert run.usage is not None
    assert run.usage.total_tokens == 30
    assert [message.content[0].text.value for message in messages] == [  # type: ignore[union-attr] # texts only
        "Let me look. ",
        "There are 12.",
    ]
    calls = [step for step in steps if step.type == "tool_calls"]
    assert len(calls) == 1
    call: Any = calls[0].step_details.tool_calls[0]  # type: ignore[union-attr] # a step with calls
    assert call.function.arguments == '{"part_no":"4711"}'
    assert orjson.loads(call.function.output)["data"] == {"part_no": "4711", "stock": 12}
    assert served.shelf.calls[0].caller.subject == "anna"


async def test_the_events_of_a_plain_answer_come_in_the_order_of_the_contract(
    served: Served,
) -> None:
    served.model.add(say("Hello", pieces=1))
    async with served.client() as client:
        assistant = await client.beta.assistants.create(model="default")
        stream = await client.beta.threads.create_and_run(
            assistant_id=assistant.id,
            thread={"messages": [{"role": "user", "content": "Hi"}]},
            stream=True,
        )
        names = await names_of(stream)

    assert names == [
        "thread.created",
        "thread.run.created",
        "thread.run.queued",
        "thread.run.in_progress",
        "thread.run.step.created",
        "thread.run.step.in_progress",
        "thread.message.created",
        "thread.message.in_progress",
        "thread.message.delta",
        "thread.message.completed",
        "thread.run.step.completed",
        "thread.run.completed",
    ]


async def test_client_side_functions_are_handed_over_and_their_outputs_taken(
    served: Served,
) -> None:
    served.model.add(invoke("ask_user", {"question": "Which part?"}), say("Thank you."))
    async with served.client() as client:
        assistant, thread = await made(client, tools=[CLIENT_TOOL])
        run = await client.beta.threads.runs.create_and_poll(
            thread_id=thread, assistant_id=assistant
        )
        assert run.status == "requires_action"
        assert run.required_action is not None
        call = run.required_action.submit_tool_outputs.tool_calls[0]
        assert orjson.loads(call.function.arguments) == {"question": "Which part?"}
        async with client.beta.threads.runs.submit_tool_outputs_stream(
            thread_id=thread,
            run_id=run.id,
            tool_outputs=[{"tool_call_id": call.id, "output": "4711"}],
        ) as stream:
            names = await names_of(stream)
            text = (await stream.get_final_messages())[0].content[0].text.value  # type: ignore[union-attr] # a text

    assert text == "Thank you."
    assert names[:3] == [
        "thread.run.step.completed",
        "thread.run.queued",
        "thread.run.in_progress",
    ]


async def test_a_stream_ends_when_the_client_has_to_act(served: Served) -> None:
    served.model.add(invoke("ask_user", {"question": "Which part?"}))
    async with served.client() as client:
        assistant, thread = await made(client, tools=[CLIENT_TOOL])
        stream = await client.beta.threads.runs.create(
            thread_id=thread, assistant_id=assistant, stream=True
        )
        names = await names_of(stream)

    assert names[-1] == "thread.run.requires_action"


async def test_wrong_outputs_are_refused_in_the_words_that_clients_look_for(
    served: Served,
) -> None:
    served.model.add(invoke("ask_user", id="call_a") + invoke("ask_user", id="call_b"))
    async with served.client() as client:
        assistant, thread = await made(client, tools=[CLIENT_TOOL])
        run = await client.beta.threads.runs.create_and_poll(
            thread_id=thread, assistant_id=assistant
        )
        with pytest.raises(openai.BadRequestError) as incomplete:
            await client.beta.threads.runs.submit_tool_outputs(
                run.id, thread_id=thread, tool_outputs=[{"tool_call_id": "call_a", "output": ""}]
            )
        with pytest.raises(openai.BadRequestError) as locked:
            await client.beta.threads.messages.create(thread, role="user", content="more")
        with pytest.raises(openai.BadRequestError) as busy:
            await client.beta.threads.runs.create(thread_id=thread, assistant_id=assistant)

    assert incomplete.value.body == {
        "message": "Expected tool outputs for call_ids ['call_a', 'call_b'], got ['call_a']",
        "type": "invalid_request_error",
        "param": None,
        "code": None,
    }
    assert f"Can't add messages to {thread} while a run {run.id} is active." in locked.value.message
    assert f"Thread {thread} already has an active run {run.id}." in busy.value.message


async def test_a_waiting_run_is_cancelled_and_then_takes_nothing_more(served: Served) -> None:
    served.model.add(invoke("ask_user"))
    async with served.client() as client:
        assistant, thread = await made(client, tools=[CLIENT_TOOL])
        run = await client.beta.threads.runs.create_and_poll(
            thread_id=thread, assistant_id=assistant
        )
        cancelled = await client.beta.threads.runs.cancel(run.id, thread_id=thread)
        assert cancelled.status in {"cancelling", "cancelled"}
        ended = await client.beta.threads.runs.poll(run.id, thread_id=thread, poll_interval_ms=20)
        with pytest.raises(openai.BadRequestError) as late:
            await client.beta.threads.runs.submit_tool_outputs(
                run.id, thread_id=thread, tool_outputs=[]
            )
        with pytest.raises(openai.BadRequestError) as again:
            await client.beta.threads.runs.cancel(run.id, thread_id=thread)

    assert ended.status == "cancelled"
    assert 'Runs in status "cancelled" do not accept tool outputs.' in late.value.message
    assert "Cannot cancel run with status 'cancelled'." in again.value.message


async def test_a_model_that_fails_is_told_in_the_stream(served: Served) -> None:
    served.model.add([*say("One"), ModelError("overloaded", code="rate_limit_exceeded")])
    async with served.client() as client:
        assistant, thread = await made(client)
        stream = await client.beta.threads.runs.create(
            thread_id=thread, assistant_id=assistant, stream=True
        )
        events: list[Any] = [event async for event in stream]

    assert events[-1].event == "thread.run.failed"
    assert events[-1].data.last_error.code == "rate_limit_exceeded"


async def test_a_client_that_leaves_does_not_end_the_run(served: Served) -> None:
    gate = asyncio.Event()
    served.model.add([*say("One "), gate, *say("two")])
    async with served.client() as client:
        assistant, thread = await made(client)
        stream = await client.beta.threads.runs.create(
            thread_id=thread, assistant_id=assistant, stream=True
        )
        run_id = None
        async for event in stream:
            if isinstance(event.data, Run):
                run_id = event.data.id
            if event.event == "thread.message.delta":
                break
        await stream.close()
        gate.set()
        assert run_id is not None
        run = await client.beta.threads.runs.poll(run_id, thread_id=thread, poll_interval_ms=20)
        messages = await client.beta.threads.messages.list(thread, run_id=run_id)

    assert run.status == "completed"
    assert messages.data[0].content[0].text.value == "One two"  # type: ignore[union-attr] # a text


async def test_a_stream_is_resumed_after_the_last_event_that_was_seen(served: Served) -> None:
    served.model.add(say("Hello there"))
    async with served.client() as client, served.http() as http:
        assistant, thread = await made(client)
        run = await client.beta.threads.runs.create_and_poll(
            thread_id=thread, assistant_id=assistant, poll_interval_ms=20
        )
        path = f"/v1/threads/{thread}/runs/{run.id}/events"
        whole = (await http.get(path)).text.split("\n\n")
        rest = (await http.get(path, headers={"last-event-id": "3"})).text.split("\n\n")
        wrong = await http.get(path, headers={"last-event-id": "three"})

    assert whole[0].startswith("event: thread.run.created\nid: 1\ndata: {")
    assert rest == whole[3:]
    assert whole[-2:] == ["event: done\ndata: [DONE]", ""]
    assert wrong.status_code == 400
    assert wrong.json()["error"]["param"] == "Last-Event-ID"


async def test_a_ping_does_not_disturb_the_client_library(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drawbar.surfaces.streaming.PING_AFTER", 0.02)
    gate = asyncio.Event()
    served.model.add([*say("One "), gate, *say("two")])
    seen: list[str] = []

    class Handler(AsyncAssistantEventHandler):
        async def on_text_delta(self, delta: Any, snapshot: Any) -> None:
            seen.append(delta.value)
            if seen == ["One "]:
                asyncio.get_running_loop().call_later(0.1, gate.set)

    async with served.client() as client:
        assistant, thread = await made(client)
        async with client.beta.threads.runs.stream(
            thread_id=thread, assistant_id=assistant, event_handler=Handler()
        ) as stream:
            await stream.until_done()

    assert seen == ["One ", "two"]


async def test_a_run_says_what_it_was_told_to_do_differently(served: Served) -> None:
    served.model.add(say("fine"))
    async with served.client() as client:
        assistant, thread = await made(client, instructions="Be brief.")
        run = await client.beta.threads.runs.create_and_poll(
            thread_id=thread,
            assistant_id=assistant,
            additional_instructions="Be kind.",
            additional_messages=[{"role": "user", "content": "And 4712?"}],
            metadata={"toolset": "readers"},
            temperature=0.5,
            max_completion_tokens=300,
            truncation_strategy={"type": "last_messages", "last_messages": 4},
            tool_choice="none",
            parallel_tool_calls=False,
            poll_interval_ms=20,
        )
        messages = await client.beta.threads.messages.list(thread, order="asc")

    assert run.status == "completed"
    assert "Be brief." in run.instructions
    assert "Be kind." in run.instructions
    assert (run.temperature, run.max_completion_tokens) == (0.5, 300)
    assert run.truncation_strategy is not None
    assert run.truncation_strategy.last_messages == 4
    assert (run.tool_choice, run.parallel_tool_calls) == ("none", False)
    assert [message.role for message in messages.data] == ["user", "user", "assistant"]
    assert [message.model_dump()["author"] for message in messages.data][:2] == ["anna", "anna"]
    assert served.model.requests[0].tool_choice == "none"


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"assistant_id": "thread_1"}, "assistant_id"),
        ({"tools": [CLIENT_TOOL] * 21}, "tools"),
        ({"max_prompt_tokens": 255}, "max_prompt_tokens"),
        (
            {"truncation_strategy": {"type": "last_messages", "last_messages": 0}},
            "truncation_strategy.last_messages",
        ),
        ({"tool_choice": "any"}, "tool_choice"),
        ({"extra_body": {"nonsense": 1}}, "nonsense"),
        ({"extra_query": {"nonsense": "1"}}, "nonsense"),
        ({"include": ["everything"]}, "include"),
        (
            {"additional_messages": [{"role": "user", "content": []}]},
            "additional_messages[0].content",
        ),
    ],
)
async def test_a_wrong_run_is_refused_before_anything_is_stored(
    served: Served, change: dict[str, Any], param: str
) -> None:
    async with served.client() as client:
        assistant, thread = await made(client)
        with pytest.raises(openai.BadRequestError) as caught:
            await client.beta.threads.runs.create(
                **{"thread_id": thread, "assistant_id": assistant, **change}
            )
        runs = await client.beta.threads.runs.list(thread)

    assert caught.value.param == param
    assert runs.data == []


async def test_an_unknown_assistant_is_a_normal_answer_also_for_a_stream(served: Served) -> None:
    async with served.client() as client:
        thread = await client.beta.threads.create()
        with pytest.raises(openai.NotFoundError) as caught:
            await client.beta.threads.runs.create(
                thread_id=thread.id, assistant_id="asst_none", stream=True
            )

    assert "No assistant found with id 'asst_none'." in caught.value.message


async def test_metadata_of_a_run_can_be_changed(served: Served) -> None:
    served.model.add(say("fine"))
    async with served.client() as client:
        assistant, thread = await made(client)
        run = await client.beta.threads.runs.create_and_poll(
            thread_id=thread, assistant_id=assistant, poll_interval_ms=20
        )
        changed = await client.beta.threads.runs.update(
            run.id, thread_id=thread, metadata={"ticket": "17"}
        )
        listed = await client.beta.threads.runs.list(thread)

    assert changed.metadata == {"ticket": "17"}
    assert [each.metadata for each in listed.data] == [{"ticket": "17"}]


async def test_steps_are_listed_and_fetched(served: Served) -> None:
    served.model.add(invoke("shelf_find", {"part_no": "4711"}), say("12"))
    async with served.client() as client:
        assistant, thread = await made(client)
        run = await client.beta.threads.runs.create_and_poll(
            thread_id=thread, assistant_id=assistant, poll_interval_ms=20
        )
        steps = await client.beta.threads.runs.steps.list(
            run.id,
            thread_id=thread,
            order="asc",
            include=["step_details.tool_calls[*].file_search.results[*].content"],
        )
        one = await client.beta.threads.runs.steps.retrieve(
            steps.data[0].id, thread_id=thread, run_id=run.id
        )
        with pytest.raises(openai.NotFoundError):
            await client.beta.threads.runs.steps.retrieve("step_1", thread_id=thread, run_id=run.id)

    assert [step.type for step in steps.data] == ["tool_calls", "message_creation"]
    assert one.id == steps.data[0].id


async def test_polling_is_told_when_to_come_back(served: Served) -> None:
    served.model.add(say("fine"))
    async with served.client() as client:
        assistant, thread = await made(client)
        run = await client.beta.threads.runs.create(thread_id=thread, assistant_id=assistant)
        raw = await client.beta.threads.runs.with_raw_response.retrieve(run.id, thread_id=thread)

    assert raw.headers["openai-poll-after-ms"] == "300"


def test_the_synchronous_client_streams_too(sync_served: Served) -> None:
    """From a thread of its own, as programs without a loop do."""
    sync_served.model.add(say("Hello there"))
    with openai.OpenAI(
        base_url=f"{sync_served.url}/v1", api_key=sync_served.key, max_retries=0, timeout=10
    ) as client:
        assistant = client.beta.assistants.create(model="default")
        thread = client.beta.threads.create(messages=[{"role": "user", "content": "Hi"}])
        with client.beta.threads.runs.stream(
            thread_id=thread.id, assistant_id=assistant.id
        ) as stream:
            text = "".join(stream.text_deltas)

    assert text == "Hello there"
