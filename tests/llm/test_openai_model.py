"""The real client against a real server on loopback, byte by byte as servers answer."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from email.utils import formatdate
from typing import Any

import pytest
from aiohttp import web

from drawbar.kernel.values import Secret
from drawbar.llm.chat import (
    CallDelta,
    ChatEvent,
    ChatMessage,
    ChatRequest,
    Finished,
    ModelError,
    TextDelta,
    ToolCall,
)
from drawbar.llm.openai import OpenAIModel, Server

from .conftest import ModelServer, answers, asking, called, delta, said, sse, streams

FINE = streams(sse(delta(content="fine"), delta("stop"), "[DONE]"))


@asynccontextmanager
async def model_at(url: str, **fields: Any) -> AsyncIterator[OpenAIModel]:
    fields = {"name": "qwen", "timeout": 5.0, "backoff": 0.001, **fields}
    model = OpenAIModel(Server(url, **fields))
    try:
        yield model
    finally:
        await model.close()


async def ask(
    server: ModelServer, request: ChatRequest | None = None, **fields: Any
) -> list[ChatEvent]:
    async with model_at(server.url, **fields) as model:
        return [event async for event in model.stream(request or asking())]


async def test_text_calls_and_usage_of_a_stream_become_events(server: ModelServer) -> None:
    first = {"index": 0, "id": "c1", "type": "function"}
    second = {"index": 1, "id": "c2", "type": "function"}
    server.answers = [
        streams(
            sse(delta(role="assistant", content="")),
            sse(delta(content="One ")) + sse(delta(content="moment"))[:20],
            sse(delta(content="moment"))[20:],
            sse(
                delta(tool_calls=[{**first, "function": {"name": "a", "arguments": ""}}]),
                delta(tool_calls=[{"index": 0, "function": {"arguments": '{"n":'}}]),
                delta(tool_calls=[{"index": 0, "function": {"arguments": "1}"}}]),
                delta(tool_calls=[{**second, "function": {"name": "b", "arguments": "{"}}]),
                delta("tool_calls"),
                {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 9}},
                "[DONE]",
            ),
        )
    ]

    assert await ask(server) == [
        TextDelta("One "),
        TextDelta("moment"),
        CallDelta(0, "", id="c1", name="a"),
        CallDelta(0, '{"n":'),
        CallDelta(0, "1}"),
        CallDelta(1, "{", id="c2", name="b"),
        Finished("tool_calls", 7, 9),
    ]


async def test_the_request_is_what_chat_completions_asks_for(server: ModelServer) -> None:
    server.answers = [FINE]
    request = ChatRequest(
        "default",
        (
            ChatMessage("system", "Be brief."),
            ChatMessage("user", [{"type": "text", "text": "hello"}], name="Ann <a@b>"),
            ChatMessage("assistant", "", (ToolCall("c1", "hr_leave_balance", '{"a":1}'),)),
            ChatMessage("tool", "12", tool_call_id="c1"),
        ),
        tools=asking().tools,
        tool_choice="function:hr_cancel_leave",
        parallel_tool_calls=False,
        temperature=0.5,
        max_tokens=50,
        response_format={"type": "json_object"},
    )

    await ask(server, request, api_key=Secret("sk-very-secret"))

    balance, cancel = request.tools
    assert server.bodies == [
        {
            "model": "qwen",
            "messages": [
                {"role": "system", "content": "Be brief."},
                {
                    "role": "user",
                    "content": [{"type": "text", "text": "hello"}],
                    "name": "Ann_a@b_",
                },
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [
                        {
                            "id": "c1",
                            "type": "function",
                            "function": {"name": "hr_leave_balance", "arguments": '{"a":1}'},
                        }
                    ],
                },
                {"role": "tool", "content": "12", "tool_call_id": "c1"},
            ],
            "stream": True,
            "stream_options": {"include_usage": True},
            "tools": [
                {
                    "type": "function",
                    "function": {
                        "name": balance.name,
                        "description": balance.description,
                        "parameters": balance.parameters,
                        "strict": True,
                    },
                },
                {
                    "type": "function",
                    "function": {
                        "name": cancel.name,
                        "description": cancel.description,
                        "parameters": cancel.parameters,
                    },
                },
            ],
            "tool_choice": {"type": "function", "function": {"name": "hr_cancel_leave"}},
            "parallel_tool_calls": False,
            "temperature": 0.5,
            "max_tokens": 50,
            "response_format": {"type": "json_object"},
        }
    ]
    assert server.headers[0]["authorization"] == "Bearer sk-very-secret"


async def test_without_a_key_none_is_sent_even_if_the_environment_has_one(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-somebody-else")
    server.answers = [FINE]

    await ask(server)

    assert "authorization" not in server.headers[0]


async def test_user_and_password_of_the_url_are_sent_as_basic_credentials(
    server: ModelServer,
) -> None:
    server.answers = [FINE]
    url = server.url.replace("//", "//ann:pass%20word@")

    async with model_at(url) as model:
        events = [event async for event in model.stream(asking())]

    assert said(events) == "fine"
    assert server.headers[0]["authorization"] == "Basic YW5uOnBhc3Mgd29yZA=="
    assert model.label == f"qwen at {server.url}"


@pytest.mark.parametrize(
    "stream",
    [
        pytest.param(sse(delta(content="fine"), delta("stop")), id="no [DONE]"),
        pytest.param(sse(delta(content="fine"), "[DONE]"), id="no finish_reason"),
        pytest.param(sse(delta(content="fine"), delta("stop"))[:-2], id="no blank line at the end"),
        pytest.param(sse(delta(content="fine"), delta("stop")).replace(b"\n", b"\r\n"), id="CR LF"),
        pytest.param(b": ping\n\n" + sse(delta(content="fine"), delta("eos")), id="comment"),
        pytest.param(
            sse(delta(content=None), delta(content=[{"type": "text", "text": "fine"}]), "[DONE]"),
            id="content null or parts",
        ),
        pytest.param(sse(delta(content="fine"), "[DONE]", "rubbish"), id="more after [DONE]"),
    ],
)
async def test_streams_that_take_liberties_are_read(server: ModelServer, stream: bytes) -> None:
    server.answers = [streams(stream)]

    events = await ask(server)

    assert said(events) == "fine"
    assert events[-1] == Finished("stop")


async def test_a_server_that_does_not_stream_is_read(server: ModelServer) -> None:
    call = '{"id":"c1","type":"function","function":{"name":"a","arguments":"{}"}}'
    choice = f'{{"message":{{"content":"fine","tool_calls":[{call}]}},"finish_reason":"stop"}}'
    body = f'{{"choices":[{choice}],"usage":{{"prompt_tokens":1,"completion_tokens":2}}}}'
    server.answers = [answers(200, body)]

    assert await ask(server) == [
        TextDelta("fine"),
        CallDelta(0, "{}", id="c1", name="a"),
        Finished("tool_calls", 1, 2),
    ]


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_server_with_trouble_is_asked_again(server: ModelServer, status: int) -> None:
    server.answers = [answers(status, "{}"), answers(status, "oops", "text/plain"), FINE]

    assert said(await ask(server)) == "fine"
    assert len(server.bodies) == 3


async def test_a_stream_that_is_lost_before_its_first_piece_is_asked_for_again(
    server: ModelServer,
) -> None:
    server.answers = [streams(b": hello\n\n", lose=True), answers(200, ""), FINE]

    assert said(await ask(server)) == "fine"
    assert len(server.bodies) == 3


async def test_a_stream_that_is_lost_later_is_an_error_and_is_not_repeated(
    server: ModelServer,
) -> None:
    server.answers = [streams(sse(delta(content="half")), lose=True), FINE]
    events = []

    with pytest.raises(ModelError, match=r"broke off after 4 characters: .+") as error:
        async with model_at(server.url) as model:
            events += [event async for event in model.stream(asking())]
    assert error.value.code == "server_error"
    assert len(server.bodies) == 1


async def test_a_stream_that_ends_without_saying_so_is_an_error(server: ModelServer) -> None:
    server.answers = [streams(sse(delta(content="half")))]

    with pytest.raises(ModelError, match="broke off after 4 characters: the connection ended"):
        await ask(server)


@pytest.mark.parametrize(
    "retry_after",
    [lambda: {"Retry_After": "0.2"}, lambda: {"Retry_After_Ms": "200"}],
)
async def test_retry_after_is_honoured(
    server: ModelServer, retry_after: Callable[[], dict[str, str]]
) -> None:
    server.answers = [answers(429, "{}", **retry_after()), FINE]
    started = asyncio.get_running_loop().time()

    await ask(server)

    assert asyncio.get_running_loop().time() - started >= 0.2


async def test_a_wait_longer_than_the_timeout_is_told_at_once(server: ModelServer) -> None:
    server.answers = [answers(429, "{}", Retry_After=formatdate(4102444800, usegmt=True))]

    with pytest.raises(ModelError, match="it asks to wait") as error:
        await ask(server)
    assert error.value.code == "rate_limit_exceeded"
    assert len(server.bodies) == 1


@pytest.mark.parametrize(
    ("status", "body", "code", "text", "attempts"),
    [
        (429, '{"error":{"message":"slow down"}}', "rate_limit_exceeded", r"\(429\): slow down \(3 attempts\)", 3),
        (429, '{"error":{"code":"insufficient_quota","message":"pay"}}', "rate_limit_exceeded", "pay", 1),
        (500, '{"detail":"boom"}', "server_error", r"failed \(500\): boom \(3 attempts\)", 3),
        (502, "<html><title>x</title><p>Bad Gateway</p></html>", "server_error", r"\(502\): x Bad Gateway", 3),
        (400, '{"error":{"message":"context too long"}}', "invalid_prompt", r"\(400\): context too long$", 1),
        (422, '{"detail":[{"msg":"Input should be"}]}', "invalid_prompt", "Input should be", 1),
        (401, '{"error":{"message":"Incorrect API key: sk-ve*******cret"}}', "server_error", "settings.model.api_key", 1),
        (404, '{"error":"model not found"}', "server_error", "no model 'qwen'.*settings.model.name", 1),
        (418, "teapot", "server_error", "answered with status 418: teapot", 1),
    ],
)  # fmt: skip
async def test_a_refusal_says_what_to_do(
    server: ModelServer, status: int, body: str, code: str, text: str, attempts: int
) -> None:
    server.answers = [answers(status, body)]

    with pytest.raises(ModelError, match=text) as error:
        await ask(server, retries=2, api_key=Secret("very-secret"))
    assert error.value.code == code
    assert server.url in error.value.message
    assert "sk-ve" not in error.value.message
    assert len(server.bodies) == attempts


async def test_the_key_is_masked_when_the_server_says_it(server: ModelServer) -> None:
    server.answers = [answers(400, '{"error":"bad key very-secret"}')]

    with pytest.raises(ModelError, match=r"bad key \*\*\*$"):
        await ask(server, api_key=Secret("very-secret"))


@pytest.mark.parametrize(
    ("body", "kind", "text"),
    [
        ("<html><head>t</head><b>Sign in</b></html>", "text/html", r"no Chat Completions stream \(text/html\): Sign in; check"),
        ("hello", "text/plain", r"\(text/plain\): hello"),
        ('{"ok": true}', "application/json", r'no choices: \{"ok": true\}'),
        ("[1]", "application/json", r"no choices: \[1\]"),
        ("data: {broken\n\n", "text/event-stream", r"not JSON: \{broken"),
        ("data: 5\n\n", "text/event-stream", r"no Chat Completions chunk: 5"),
        ("x" * 1000, "text/plain", r"x{300} \.\.\."),
    ],
)  # fmt: skip
async def test_nonsense_is_shown_shortened_and_not_asked_for_again(
    server: ModelServer, body: str, kind: str, text: str
) -> None:
    server.answers = [answers(200, body, kind)]

    with pytest.raises(ModelError, match=text) as error:
        await ask(server)
    assert error.value.code == "server_error"
    assert len(server.bodies) == 1


@pytest.mark.parametrize(
    "stream",
    [
        pytest.param(sse("[DONE]"), id="nothing but [DONE]"),
        pytest.param(sse({"hello": ["world"]}, "[DONE]"), id="chunks of something else"),
    ],
)
async def test_a_stream_without_any_answer_is_an_error_and_not_an_empty_answer(
    server: ModelServer, stream: bytes
) -> None:
    server.answers = [streams(stream)]

    with pytest.raises(ModelError, match="sent an empty answer"):
        await ask(server, retries=0)


@pytest.mark.parametrize(
    "piece", [b"data: " + b"x" * 99_994, b"data: xxxx\n" * 9_000], ids=["one line", "many lines"]
)
async def test_a_piece_that_never_ends_is_given_up_before_it_fills_the_memory(
    server: ModelServer, piece: bytes
) -> None:
    written = 0

    async def flood(request: web.Request) -> web.StreamResponse:
        nonlocal written
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        while True:
            await response.write(piece)
            written += len(piece)

    server.answers = [flood]

    with pytest.raises(ModelError, match="without an end of the piece"):
        await ask(server)
    await asyncio.wait_for(server.gone.wait(), 5)
    assert written < 20_000_000
    assert len(server.bodies) == 1


async def test_a_server_that_does_not_speak_http_is_told_in_one_short_line() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"\x16\x03\x01\x02\x00" * 200 + b"\r\n\r\n")
        await writer.drain()
        writer.close()

    listening = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with listening:
        port = listening.sockets[0].getsockname()[1]
        async with model_at(f"http://127.0.0.1:{port}/v1", retries=0) as model:
            with pytest.raises(ModelError) as error:
                _ = [event async for event in model.stream(asking())]

    assert "answered with something that is no HTTP" in error.value.message
    assert len(error.value.message) < 500
    assert error.value.message.isprintable()


@pytest.mark.parametrize(
    ("told", "code", "attempts"),
    [
        ('{"error": {"message": "Rate limit reached"}}', "rate_limit_exceeded", 2),
        ('{"error": {"message": "maximum context length is 4"}}', "invalid_prompt", 1),
        ('{"error": "out of memory"}', "server_error", 2),
    ],
)
async def test_an_error_inside_of_a_stream_is_understood(
    server: ModelServer, told: str, code: str, attempts: int
) -> None:
    server.answers = [streams(sse(told))]

    with pytest.raises(ModelError, match="broke off: ") as error:
        await ask(server, retries=1)
    assert error.value.code == code
    assert len(server.bodies) == attempts


async def test_a_server_that_is_down_is_named_with_the_cause() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://user:pass@127.0.0.1:{free.getsockname()[1]}/v1"

    async with model_at(url, retries=1) as model:
        with pytest.raises(ModelError) as error:
            await anext(aiter(model.stream(asking())))
    assert error.value.message == (
        f"the model server at {url.replace('user:pass@', '')} cannot be reached: "
        "Connection refused (2 attempts)"
    )


async def test_a_server_that_takes_a_connection_and_says_nothing_is_given_up(
    server: ModelServer,
) -> None:
    server.answers = [streams(asyncio.Event())]

    with pytest.raises(ModelError, match=r"nothing came for 0\.3 s .*\(2 attempts\)"):
        await ask(server, timeout=0.3, retries=1)


async def test_pings_do_not_count_as_pieces(server: ModelServer) -> None:
    pinging = streams(*[b": ping\n\n"] * 50, asyncio.Event())
    server.answers = [pinging]

    with pytest.raises(ModelError, match=r"sent no answer: nothing came for 0\.3 s"):
        await ask(server, timeout=0.3, retries=0)


async def test_a_stream_that_falls_silent_is_given_up(server: ModelServer) -> None:
    server.answers = [streams(sse(delta(content="half")), asyncio.Event())]

    with pytest.raises(ModelError, match=r"broke off after 4 characters: nothing came for 0\.3 s"):
        await ask(server, timeout=0.3)
    assert len(server.bodies) == 1


async def test_cancelling_the_reader_ends_the_request(server: ModelServer) -> None:
    server.answers = [streams(sse(delta(content="half")), asyncio.Event())]

    async with model_at(server.url) as model, aclosing(model.stream(asking())) as events:  # type: ignore[type-var] # an async generator, which is how the port is filled
        assert await anext(events) == TextDelta("half")
        waiting = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await asyncio.wait_for(server.gone.wait(), 5)


REFUSALS = [
    ("stream_options", {}),
    ("parallel_tool_calls", {"parallel_tool_calls": False}),
    ("max_tokens", {"max_tokens": 5}),
]


@pytest.mark.parametrize(("name", "fields"), REFUSALS)
async def test_a_field_that_the_server_refuses_is_left_out_from_then_on(
    server: ModelServer, name: str, fields: dict[str, Any]
) -> None:
    refusal = answers(400, f'{{"error":{{"message":"Unsupported parameter: {name}"}}}}')
    server.answers = [refusal, FINE]

    async with model_at(server.url) as model:
        for _ in range(2):
            events = [event async for event in model.stream(asking(**fields))]
            assert said(events) == "fine"

    assert [name in body for body in server.bodies] == [True, False, False]


async def test_strict_is_left_out_when_it_is_refused(server: ModelServer) -> None:
    server.answers = [answers(422, '{"detail":"tools.0.function.strict: extra field"}'), FINE]

    await ask(server)

    assert ["strict" in body["tools"][0]["function"] for body in server.bodies] == [True, False]


async def test_max_tokens_is_said_in_the_newer_words_when_the_older_are_refused(
    server: ModelServer,
) -> None:
    server.answers = [answers(400, '{"error":"use max_completion_tokens, not max_tokens"}'), FINE]

    await ask(server, asking(max_tokens=5))

    assert server.bodies[1]["max_completion_tokens"] == 5


async def test_arguments_that_are_no_json_are_wrapped_for_a_server_that_parses_the_history(
    server: ModelServer,
) -> None:
    broken = ChatMessage("assistant", "", (ToolCall("c1", "a", '{"a": '),))
    request = ChatRequest("m", (ChatMessage("user", "x"), broken))
    server.answers = [answers(400, '{"error":"Expecting value: line 1"}'), FINE]

    await ask(server, request)

    sent = [body["messages"][1]["tool_calls"][0]["function"]["arguments"] for body in server.bodies]
    assert sent == ['{"a": ', '{"not_valid_json":"{\\"a\\": "}']


async def test_a_refusal_that_names_a_field_again_is_told(server: ModelServer) -> None:
    server.answers = [answers(400, '{"error":"stream_options is bad"}')]

    with pytest.raises(ModelError, match="stream_options is bad"):
        await ask(server)
    assert len(server.bodies) == 2


async def test_a_call_in_the_text_of_a_known_function_is_a_call(server: ModelServer) -> None:
    text = '{"name": "hr_leave_balance", "arguments": {"employee": "4711"}}'
    server.answers = [streams(sse(*[delta(content=char) for char in text], delta("stop")))]

    events = await ask(server)

    assert said(events) == ""
    assert called(events) == [("hr_leave_balance", '{"employee":"4711"}')]
    assert events[-1] == Finished("tool_calls")
