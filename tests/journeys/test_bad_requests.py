"""Whatever a client sends, it is told what is wrong; the gateway stays well and shows no trace."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx2
import openai
import pytest

from .front_end import FrontEnd
from .gateway import Gateway, peak_of
from .workshop import LOG_SIZE, Workshop

SCRIPT = """
- when: read the whole log
  turns:
    - calls: [{name: workshop_read_log, arguments: {}}]
    - {say: "{{tool.outcome}}"}
"""
NO_THREAD = "thread_000000000000000000000000"
MEGABYTE = 1_000_000


def error_of(response: httpx2.Response) -> dict[str, Any]:
    """OpenAI's envelope, complete, without a word about our insides."""
    assert response.headers["x-request-id"]
    for word in ("Traceback", 'File "', ".py", "site-packages", "sqlalchemy", "pydantic"):
        assert word not in response.text
    (body,) = response.json().items()
    assert body[0] == "error"
    assert body[1].keys() == {"message", "type", "param", "code"}
    error: dict[str, Any] = body[1]
    return error


@pytest.mark.parametrize(
    ("method", "path", "sent", "status", "code"),
    [
        ("POST", "/v1/assistants", {"content": b'{"model": '}, 400, "invalid_json"),
        ("POST", "/v1/assistants", {"content": b"\xff\xfe\x00"}, 400, "invalid_json"),
        ("POST", "/v1/assistants", {"content": b"[" * 100_000}, 400, "invalid_json"),
        ("POST", "/v1/assistants", {"json": ["model"]}, 400, None),
        ("POST", "/v1/assistants", {"json": {}}, 400, None),
        ("POST", "/v1/assistants", {"json": {"model": 7}}, 400, None),
        ("POST", "/v1/assistants", {"json": {"model": "m", "tools": [{}]}}, 400, None),
        ("POST", "/v1/threads/runs", {"json": {"assistant_id": "asst_x", "stream": 1}}, 400, None),
        ("POST", "/v1/chat/completions", {"json": {"model": "none", "messages": []}}, None, None),
        ("POST", "/functions/hr_get_employee", {"content": b"emp_no=1042"}, 400, None),
        ("POST", "/functions/nothing", {"json": {}}, 404, None),
        ("GET", f"/v1/threads/{NO_THREAD}", {}, 404, None),
        ("GET", f"/v1/threads/{NO_THREAD}/messages?limit=many", {}, 400, None),
        ("GET", "/v1/assistants?limit=0", {}, 400, None),
        ("GET", "/v1/assistants?limit=101", {}, 400, None),
        ("GET", "/v1/assistants?order=sideways", {}, 400, None),
        ("GET", "/v1/assistants?after=asst_of_another_world", {}, None, None),
        ("GET", "/v1/assistants?after=%00%ff", {}, None, None),
        ("GET", "/v1/assistants/%2e%2e%2fetc%2fpasswd", {}, None, None),
        ("GET", "/v1/assistants/'; drop table runs; --", {}, None, None),
        ("GET", "/v1/assistants/" + "a" * 5000, {}, None, None),
        ("GET", "/v1/nothing", {}, 404, "unknown_url"),
        ("PUT", "/v1/assistants", {"json": {}}, 405, "method_not_allowed"),
        ("POST", "/mcp", {"json": {"jsonrpc": "1.0"}}, None, None),
    ],
)
def test_a_bad_request_is_answered_with_what_is_wrong(
    gateway: Gateway,
    method: str,
    path: str,
    sent: dict[str, Any],
    status: int | None,
    code: str | None,
) -> None:
    with gateway.http(**{"content-type": "application/json"}) as http:
        response = http.request(method, path, **sent)
        well = http.get("/healthz")

    assert 400 <= response.status_code < 500, response.text
    assert status in {None, response.status_code}, response.text
    if path.startswith("/v1/"):
        error = error_of(response)
        assert error["message"]
        assert code in {None, error["code"]}
    assert well.status_code == 200


def test_a_body_over_the_limit_is_refused_and_a_large_one_below_it_taken(
    gateway: Gateway, front_end: FrontEnd
) -> None:
    thread = front_end.thread()
    path = f"/v1/threads/{thread}/messages"
    with gateway.http() as http:
        large = http.post(path, json={"role": "user", "content": "x" * 200_000})
        over = http.post(path, json={"role": "user", "content": "x" * 10 * MEGABYTE})
        chunks = (b"x" * MEGABYTE for _ in range(12))
        unannounced = http.post(path, content=chunks, headers={"content-type": "application/json"})

    assert large.status_code == 200
    for response in (over, unannounced):
        assert response.status_code == 413
        assert error_of(response)["code"] == "request_too_large"
    assert len(front_end.messages(thread)) == 1


def test_a_wrong_content_type_is_refused_with_the_right_one(gateway: Gateway) -> None:
    with gateway.http() as http:
        response = http.post("/v1/assistants", data={"model": "default"})

    assert response.status_code == 415
    assert "Content-Type: application/json" in error_of(response)["message"]


def test_seventeen_pairs_of_metadata_are_one_too_many(front_end: FrontEnd) -> None:
    pairs = {f"key{number}": "x" for number in range(17)}
    attempts: list[Callable[[], object]] = [
        lambda: front_end.client.beta.threads.create(metadata=pairs),
        lambda: front_end.client.beta.assistants.create(model="m", metadata=pairs),
        lambda: front_end.runs.create(
            thread_id=front_end.thread("x"), assistant_id=front_end.assistant(), metadata=pairs
        ),
    ]
    for attempt in attempts:
        with pytest.raises(openai.BadRequestError) as caught:
            attempt()
        assert caught.value.body == {
            "message": (
                "Invalid 'metadata': too many properties. Expected an object with at most 16 "
                "properties, but got an object with 17 properties instead."
            ),
            "type": "invalid_request_error",
            "param": "metadata",
            "code": "object_above_max_properties",
        }


def test_a_wrong_prefix_and_an_unknown_id_are_told_apart(front_end: FrontEnd) -> None:
    thread = front_end.thread("x")
    with pytest.raises(openai.BadRequestError) as prefix:
        front_end.runs.create(thread_id=thread, assistant_id="gpt-4")
    with pytest.raises(openai.NotFoundError) as unknown:
        front_end.runs.create(thread_id=thread, assistant_id="asst_000")

    assert prefix.value.code == "invalid_value"
    assert "Expected an ID that begins with 'asst'." in prefix.value.message
    assert "No assistant found with id 'asst_000'." in unknown.value.message


def test_a_reply_of_a_hundred_megabytes_never_stands_in_memory(
    gateway: Gateway, front_end: FrontEnd, workshop: Workshop
) -> None:
    front_end.ask("Read the whole log")  # whatever is loaded at the first call
    before = peak_of(gateway.process.pid)

    runs = [front_end.ask("Read the whole log") for _ in range(3)]

    grown = peak_of(gateway.process.pid) - before
    (call,) = front_end.calls(runs[-1])
    assert call.outcome["outcome"] == "failed"
    assert call.outcome["code"] == "reply_too_large"
    assert "larger than the 1000000 bytes" in call.outcome["message"]
    assert grown < 20 * MEGABYTE
    assert workshop.calls["pieces of the log"] < 4 * LOG_SIZE / 100_000 / 2, "it was read on"
