"""The same functions through every door: Chat Completions, MCP over HTTP and stdio, REST, and a run."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import orjson
import pytest
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from .front_end import FrontEnd
from .gateway import PATIENCE, Deployment, Gateway
from .test_client_side_functions import ASK

SCRIPT = """
- when: through every door
  turns:
    - calls: [{name: bookings_get_booking, arguments: {booking_no: B-20417}}]
    - [{say: "It is booked "}, {say: "for {{tool.data.customer}}."}]
- when: an unknown booking at all doors
  turns:
    - calls: [{name: bookings_get_booking, arguments: {booking_no: B-99999}}]
    - {say: "{{tool.code}}"}
- when: chat with both kinds
  turns:
    - calls:
        - {name: harbour_get_vessel, arguments: {vessel: fulmar}}
        - {name: ask_person, arguments: {question: "Sure?"}}
    - {say: "You said {{tool}}."}
"""
QUESTION: Any = [{"role": "user", "content": "Tell me, through every door"}]
FUNCTION = "bookings_get_booking"
FOUND = {"booking_no": "B-20417"}
UNKNOWN = {"booking_no": "B-99999"}
WRONG = {"booking": "20417"}


# Chat Completions


def test_every_assistant_is_a_model_that_answers_a_chat(front_end: FrontEnd) -> None:
    assistant = front_end.assistant(name="Booking clerk of the chat")
    models = front_end.client.models.list().data
    assert "Booking clerk of the chat" in [model.id for model in models]

    for model in (assistant, "Booking clerk of the chat"):
        answered = front_end.client.chat.completions.create(model=model, messages=QUESTION)
        (choice,) = answered.choices
        assert choice.message.content == "It is booked for Fenna Copperthwaite."
        assert choice.message.tool_calls is None
        assert choice.finish_reason == "stop"
        assert answered.usage is not None
        assert answered.usage.total_tokens == 30  # of both turns


def test_a_streamed_chat_shows_text_only(front_end: FrontEnd) -> None:
    chunks = list(
        front_end.client.chat.completions.create(
            model=front_end.assistant(),
            messages=QUESTION,
            stream=True,
            stream_options={"include_usage": True},
        )
    )

    choices = [chunk.choices[0] for chunk in chunks if chunk.choices]
    assert [choice.delta.content for choice in choices if choice.delta.content] == [
        "It is booked ",
        "for Fenna Copperthwaite.",
    ]
    assert not any(choice.delta.tool_calls for choice in choices)
    assert [choice.finish_reason for choice in choices if choice.finish_reason] == ["stop"]
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 30


@pytest.mark.parametrize("stream", [False, True])
def test_the_functions_that_a_chat_client_brings_are_handed_to_it(
    front_end: FrontEnd, stream: bool
) -> None:
    chat = front_end.client.chat.completions
    model = front_end.assistant()
    messages: list[Any] = [{"role": "user", "content": "Chat with both kinds"}]
    if stream:
        with chat.stream(model=model, messages=messages, tools=[ASK]) as events:
            completion: Any = events.get_final_completion()
    else:
        completion = chat.create(model=model, messages=messages, tools=[ASK])
    (choice,) = completion.choices
    assert choice.finish_reason == "tool_calls"
    (asked,) = choice.message.tool_calls
    assert asked.function.name == "ask_person"
    call = {
        "id": asked.id,
        "type": "function",
        "function": {"name": "ask_person", "arguments": asked.function.arguments},
    }
    messages += [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": asked.id, "content": "yes"},
    ]
    done = chat.create(model=model, messages=messages, tools=[ASK])
    assert done.choices[0].message.content == "You said yes."


# One function through all doors


def by_rest(gateway: Gateway, arguments: dict[str, str]) -> tuple[int, dict[str, Any]]:
    with gateway.http() as http:
        response = http.post(f"/functions/{FUNCTION}", json=arguments)
        return response.status_code, response.json()


async def by_mcp(client: Client, arguments: dict[str, str]) -> dict[str, Any]:
    answer = await client.call_tool(FUNCTION, arguments)
    read: dict[str, Any] = orjson.loads(answer.content[0].text)  # type: ignore[union-attr] # a text
    assert answer.is_error is (read["outcome"] != "succeeded")
    return read


async def over_http(gateway: Gateway, era: Any) -> list[dict[str, Any]]:
    async with (
        asyncio.timeout(PATIENCE),
        httpx2.AsyncClient(timeout=PATIENCE) as http,
        Client(streamable_http_client(f"{gateway.url}/mcp", http_client=http), mode=era) as client,
    ):
        return [await by_mcp(client, arguments) for arguments in (FOUND, UNKNOWN, WRONG)]


async def over_stdio(deployment: Deployment) -> list[dict[str, Any]]:
    command, *arguments = deployment.command("mcp")
    server = StdioServerParameters(
        command=command, args=arguments, cwd=deployment.folder, env=deployment.env()
    )
    async with asyncio.timeout(PATIENCE), Client(server) as client:
        return [await by_mcp(client, arguments) for arguments in (FOUND, UNKNOWN, WRONG)]


async def test_one_function_has_one_outcome_through_all_doors(
    gateway: Gateway, front_end: FrontEnd, deployment: Deployment
) -> None:
    """A run, MCP of both eras, MCP over stdio, REST and the shell."""
    found = await asyncio.to_thread(front_end.ask, "Tell me, through every door")
    unknown = await asyncio.to_thread(front_end.ask, "An unknown booking at all doors")
    by_run = [front_end.calls(run)[0].outcome for run in (found, unknown)]

    stdio, legacy, modern = await asyncio.gather(
        over_stdio(deployment), over_http(gateway, "legacy"), over_http(gateway, "2026-07-28")
    )

    assert stdio == legacy == modern
    assert stdio[:2] == by_run
    assert stdio[0]["data"]["customer"] == "Fenna Copperthwaite"
    assert (stdio[1]["outcome"], stdio[1]["code"]) == ("failed", "not_found")
    assert (stdio[2]["outcome"], stdio[2]["code"]) == ("refused", "invalid_arguments")
    rest = [by_rest(gateway, arguments) for arguments in (FOUND, UNKNOWN, WRONG)]
    assert [status for status, _ in rest] == [200, 404, 400]
    assert [outcome["outcome"] for _, outcome in rest] == [each["outcome"] for each in stdio]
    assert rest[0][1]["value"] == stdio[0]["data"]
    assert rest[1][1]["code"] == stdio[1]["code"]
    assert rest[2][1]["problems"] == stdio[2]["problems"]


def test_the_shell_calls_the_same_function(deployment: Deployment, gateway: Gateway) -> None:
    called = deployment.run("call", FUNCTION, "booking_no=B-20417", "--json")

    assert called.returncode == 0, called.stderr
    assert orjson.loads(called.stdout) == by_rest(gateway, FOUND)[1]


def test_a_dry_run_shows_the_request_and_sends_nothing(gateway: Gateway) -> None:
    with gateway.http() as http:
        body = {"vessel": "fulmar", "title": "Dry run only", "severity": "service"}
        answer = http.post("/functions/harbour_report_defect?dry_run=true", json=body)
        listed = http.post("/functions/harbour_list_defects", json={"vessel": "fulmar"}).json()

    assert answer.status_code == 200
    assert "Dry run only" in answer.text
    assert "harbour-demo-key" not in answer.text  # the secret of the adapter
    assert "Dry run only" not in [each["title"] for each in listed["value"]]


def test_a_repeated_request_with_one_key_is_one_change(gateway: Gateway) -> None:
    body = {"vessel": "fulmar", "title": "Reported only once", "severity": "cosmetic"}
    with gateway.http(**{"idempotency-key": "journey-1"}) as http:
        first = http.post("/functions/harbour_report_defect", json=body)
        again = http.post("/functions/harbour_report_defect", json=body)
        listed = http.post("/functions/harbour_list_defects", json={"vessel": "fulmar"}).json()

    assert first.status_code == 200, first.text
    assert again.json() == first.json()
    titles = [each["title"] for each in listed["value"]]
    assert titles.count("Reported only once") == 1
