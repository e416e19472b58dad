"""POST /v1/chat/completions through the official client library."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import openai
import orjson
import pytest

from drawbar.llm.chat import Finished, ModelError
from drawbar.llm.scripted import invoke, say

from .conftest import Served

Soon = Callable[[Awaitable[Any]], Awaitable[Any]]
HELLO: Any = [{"role": "user", "content": "Stock of 4711?"}]
CLIENT_TOOL: Any = {
    "type": "function",
    "function": {"name": "ask_user", "parameters": {"type": "object", "properties": {}}},
}


async def assistant(served: Served, **options: Any) -> str:
    values = {"model": "default", "metadata": {"toolset": "all"}, "name": "Store", **options}
    return (await served.services.store.assistants.create(**values)).id


async def test_a_server_side_function_runs_inside_and_is_never_shown(served: Served) -> None:
    served.model.add(invoke("shelf_find", {"part_no": "4711"}), say("There are 12."))
    await assistant(served, instructions="Be brief.")
    async with served.client() as client:
        answer = await client.chat.completions.create(model="Store", messages=HELLO)

    assert answer.model == "Store"
    assert answer.choices[0].message.content == "There are 12."
    assert answer.choices[0].message.tool_calls is None
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.model_dump(exclude_none=True) == {
        "prompt_tokens": 20,
        "completion_tokens": 10,
        "total_tokens": 30,
    }
    assert [message.role for message in served.model.requests[0].messages] == ["system", "user"]
    assert [call.caller.subject for call in served.shelf.calls] == ["anna"]


async def test_a_stream_says_the_same_in_pieces_and_ends_with_the_usage(served: Served) -> None:
    served.model.add(invoke("shelf_find", {"part_no": "4711"}), say("There are 12."))
    id_ = await assistant(served)
    async with served.client() as client:
        stream = await client.chat.completions.create(
            model=id_, messages=HELLO, stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]

    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    assert deltas[0].role == "assistant"
    assert "".join(delta.content or "" for delta in deltas) == "There are 12."
    assert all(delta.tool_calls is None for delta in deltas)
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 30
    assert len({chunk.id for chunk in chunks}) == 1


async def test_functions_that_the_client_brought_are_returned_to_it(served: Served) -> None:
    served.model.add(invoke("ask_user", {"question": "Which?"}, id="call_7"), say("Thanks."))
    await assistant(served)
    async with served.client() as client:
        first = await client.chat.completions.create(
            model="Store", messages=HELLO, tools=[CLIENT_TOOL]
        )
        calls = first.choices[0].message.tool_calls
        assert calls is not None
        second = await client.chat.completions.create(
            model="Store",
            tools=[CLIENT_TOOL],
            messages=[
                *HELLO,
                first.choices[0].message.model_dump(exclude_none=True),  # type: ignore[list-item] # as programs do
                {"role": "tool", "tool_call_id": calls[0].id, "content": "the blue one"},
            ],
        )

    assert first.choices[0].finish_reason == "tool_calls"
    assert first.choices[0].message.content is None
    assert calls[0].id == "call_7"
    assert calls[0].function.name == "ask_user"  # type: ignore[union-attr] # a function call
    assert second.choices[0].message.content == "Thanks."
    told = served.model.requests[1].messages[-1]
    assert (told.role, told.content, told.tool_call_id) == ("tool", "the blue one", "call_7")


async def test_streamed_client_calls_can_be_put_together(served: Served) -> None:
    served.model.add(say("One moment. ") + invoke("ask_user", {"q": "a"}) + invoke("ask_user"))
    await assistant(served)
    async with (
        served.client() as client,
        client.chat.completions.stream(
            model="Store", messages=HELLO, tools=[CLIENT_TOOL]
        ) as stream,
    ):
        final = await stream.get_final_completion()

    calls = final.choices[0].message.tool_calls
    assert final.choices[0].message.content == "One moment. "
    assert calls is not None
    assert [call.function.arguments for call in calls] == ['{"q":"a"}', "{}"]


async def test_models_are_the_assistants_by_name_or_id(served: Served) -> None:
    one = await assistant(served)
    twins = [await assistant(served, name="Twin") for _ in range(2)]
    nameless = await assistant(served, name=None)
    async with served.client() as client:
        listed = [model.id for model in (await client.models.list()).data]
        by_id = await client.models.retrieve(one)
        by_name = await client.models.retrieve("Store")
        with pytest.raises(openai.NotFoundError) as unknown:
            await client.chat.completions.create(model="gpt-5", messages=HELLO)
        with pytest.raises(openai.BadRequestError) as ambiguous:
            await client.chat.completions.create(model="Twin", messages=HELLO)

    assert listed == ["Store", *twins, nameless]
    assert (by_id.id, by_name.id) == (one, "Store")
    assert unknown.value.code == "model_not_found"
    assert twins[0] in ambiguous.value.message


@pytest.mark.parametrize("stream", [False, True])
async def test_a_model_server_that_fails_at_once_is_an_http_error(
    served: Served, stream: bool
) -> None:
    served.model.add([ModelError("too many requests", code="rate_limit_exceeded")])
    await assistant(served)
    async with served.client() as client:
        with pytest.raises(openai.RateLimitError) as caught:
            await client.chat.completions.create(model="Store", messages=HELLO, stream=stream)

    assert caught.value.code == "rate_limit_exceeded"


async def test_a_model_server_that_fails_later_ends_the_stream_with_an_error(
    served: Served,
) -> None:
    served.model.add([*say("One"), ModelError("connection lost")])
    await assistant(served)
    async with served.client() as client:
        stream = await client.chat.completions.create(model="Store", messages=HELLO, stream=True)
        with pytest.raises(openai.APIError) as caught:
            async for _ in stream:
                pass

    assert "connection lost" in caught.value.message


async def test_a_failure_after_a_call_tells_the_client_not_to_send_the_request_again(
    served: Served,
) -> None:
    served.model.add(invoke("shelf_find", {"part_no": "4711"}), [ModelError("connection lost")])
    await assistant(served)
    async with served.client(max_retries=2) as client:
        with pytest.raises(openai.InternalServerError) as caught:
            await client.chat.completions.create(model="Store", messages=HELLO)

    assert caught.value.response.headers["x-should-retry"] == "false"
    assert len(served.model.requests) == 2
    assert "`shelf_find`. What they changed stays." in caught.value.message


async def test_a_client_that_leaves_stops_the_call_under_way(served: Served, soon: Soon) -> None:
    served.model.add(invoke("shelf_find", {"part_no": "4711"}))
    served.shelf.hold = asyncio.Event()
    await assistant(served)
    async with served.client() as client:
        asking = asyncio.create_task(client.chat.completions.create(model="Store", messages=HELLO))
        await soon(served.shelf.entered.wait())
        asking.cancel()

        await soon(served.shelf.stopped.wait())


async def test_the_length_limit_is_passed_on_and_told(served: Served) -> None:
    served.model.add([*say("One"), Finished("length", 3, 1)])
    await assistant(served, temperature=0.3)
    async with served.client() as client:
        answer = await client.chat.completions.create(
            model="Store",
            messages=[{"role": "developer", "content": [{"type": "text", "text": "x"}]}, *HELLO],
            max_tokens=1,
            top_p=0.5,
            tool_choice={"type": "function", "function": {"name": "shelf_find"}},
            n=1,
            presence_penalty=0,
            user="u-1",
            seed=7,
        )

    request = served.model.requests[0]
    assert answer.choices[0].finish_reason == "length"
    assert (request.max_tokens, request.temperature, request.top_p) == (1, 0.3, 0.5)
    assert request.tool_choice == "function:shelf_find"
    assert (request.messages[0].role, request.messages[0].content) == ("system", "x")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"messages": HELLO}, "model"),
        ({"model": "Store"}, "messages"),
        ({"model": "Store", "messages": []}, "messages"),
        ({"model": "Store", "messages": [{"role": "robot", "content": "x"}]}, "messages[0].role"),
        ({"model": "Store", "messages": [{"content": "x"}]}, "messages[0].role"),
        ({"model": "Store", "messages": HELLO, "n": 2}, "n"),
        ({"model": "Store", "messages": HELLO, "stop": ["."]}, "stop"),
        ({"model": "Store", "messages": HELLO, "logprobs": True}, "logprobs"),
        ({"model": "Store", "messages": HELLO, "max_tokens": 0}, "max_tokens"),
        (
            {
                "model": "Store",
                "messages": HELLO,
                "tool_choice": {"type": "function", "function": {"name": "nowhere"}},
            },
            "tool_choice",
        ),
        ({"model": "Store", "messages": HELLO, "temprature": 1}, "temprature"),
        (
            {
                "model": "Store",
                "messages": HELLO,
                "tools": [
                    {
                        "type": "function",
                        "function": {"name": "shelf_find", "parameters": {"type": "object"}},
                    }
                ],
            },
            None,
        ),
    ],
)
async def test_a_wrong_request_is_refused(
    served: Served, body: dict[str, Any], param: str | None
) -> None:
    await assistant(served)
    async with served.http() as http:
        response = await http.post("/v1/chat/completions", json=body)

    assert response.status_code == 400
    if param is not None:
        assert response.json()["error"]["param"] == param


async def test_a_stream_is_plain_data_lines(served: Served) -> None:
    served.model.add(say("Hi", pieces=1))
    await assistant(served)
    async with served.http() as http:
        response = await http.post(
            "/v1/chat/completions", json={"model": "Store", "messages": HELLO, "stream": True}
        )

    blocks = response.text.split("\n\n")
    assert response.headers["content-type"].startswith("text/event-stream")
    assert blocks[-2:] == ["data: [DONE]", ""]
    assert [orjson.loads(block.removeprefix("data: "))["object"] for block in blocks[:-2]] == [
        "chat.completion.chunk"
    ] * 3
