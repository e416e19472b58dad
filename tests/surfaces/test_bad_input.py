"""What is wrong with a request is said in OpenAI's envelope, whatever is wrong."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest

from .conftest import Served

pytestmark = pytest.mark.asyncio(loop_scope="module")

WRONG_THREAD = "thread_000000000000000000000000"


def error_of(response: httpx2.Response) -> dict[str, Any]:
    body = response.json()
    assert body.keys() == {"error"}
    assert body["error"].keys() == {"message", "type", "param", "code"}
    assert response.headers["content-type"] == "application/json"
    assert response.headers["x-request-id"].startswith("req_")
    error: dict[str, Any] = body["error"]
    return error


async def test_an_unknown_url_is_named(shared: Served) -> None:
    async with shared.http() as http:
        response = await http.get("/v1/nothing")

    assert response.status_code == 404
    assert error_of(response) == {
        "message": "Unknown request URL: GET /v1/nothing.",
        "type": "invalid_request_error",
        "param": None,
        "code": "unknown_url",
    }


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/v1/assistants", "GET, POST"),
        ("DELETE", "/functions/shelf_find", "GET, POST"),
        ("GET", "/mcp", "POST"),
    ],
)
async def test_a_wrong_method_names_those_that_are_allowed(
    shared: Served, method: str, path: str, allowed: str
) -> None:
    async with shared.http() as http:
        response = await http.request(method, path)

    assert response.status_code == 405
    assert sorted(response.headers["allow"].split(", ")) == sorted(allowed.split(", "))
    assert error_of(response)["code"] == "method_not_allowed"


@pytest.mark.parametrize("path", ["/v1/assistants", "/functions/shelf_find"])
async def test_a_body_that_is_not_json_is_refused_with_what_to_send(
    shared: Served, path: str
) -> None:
    async with shared.http() as http:
        response = await http.post(path, content=b"model=x", headers={"content-type": "text/plain"})

    assert response.status_code == 415
    assert error_of(response)["message"] == (
        "Unsupported content type: 'text/plain'. "
        "Send the body as JSON with the header 'Content-Type: application/json'."
    )


async def test_a_body_without_content_type_is_refused(shared: Served) -> None:
    async with shared.http() as http:
        response = await http.post("/v1/assistants", content=b"{}")

    assert response.status_code == 415


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b'{"model": }', "line 1, column 11"),
        (b'{"model": "m",\n "name": NaN}', "line 2, column 10"),
        (b'{"model": "\\ud800"}', "line 1"),
        (b"\xff\xfe", "line 1, column 1"),
        (b"[" * 3000, "line 1"),
    ],
)
async def test_broken_json_is_told_with_its_place(shared: Served, body: bytes, where: str) -> None:
    async with shared.http(**{"content-type": "application/json"}) as http:
        response = await http.post("/v1/assistants", content=body)

    assert response.status_code == 400
    error = error_of(response)
    assert error["code"] == "invalid_json"
    assert where in error["message"]


@pytest.mark.parametrize("path", ["/v1/assistants", "/functions/shelf_find"])
async def test_a_body_that_is_nested_too_deep_is_refused(shared: Served, path: str) -> None:
    async with shared.http(**{"content-type": "application/json"}) as http:
        response = await http.post(path, content=b'{"tools": ' + b"[" * 900 + b"]" * 900 + b"}")

    assert response.status_code == 400
    assert "nested more than 200 levels deep" in response.text


@pytest.mark.parametrize(
    "body",
    [
        {"model": "m", "metadata": {"k" * 10_000: "v"}},
        {"model": "m", "response_format": "v" * 10_000},
        {"model": "m", "response_format": {"type": "v" * 10_000}},
        {"model": "m", "n" * 10_000: 1},
        {"model": "m", "metadata": {"toolset": "t" * 500}, "tools": [{"type": "t" * 10_000}]},
    ],
)
async def test_what_a_client_sent_is_not_sent_back_at_length(
    shared: Served, body: dict[str, object]
) -> None:
    async with shared.http() as http:
        response = await http.post("/v1/assistants", json=body)

    assert response.status_code == 400
    assert len(response.content) < 1000
    assert error_of(response)["message"].endswith(".")


async def test_a_long_id_is_not_sent_back_whole(shared: Served) -> None:
    async with shared.http() as http:
        response = await http.get(f"/v1/assistants/{'x' * 50_000}")

    assert response.status_code == 400
    assert len(response.content) < 10_000
    assert error_of(response)["message"].endswith("Expected an ID that begins with 'asst'.")


@pytest.mark.parametrize(
    "url",
    ["/v1/assistants/asst_%00", "/functions/%00", "/v1/assistants?after=asst_%00", "/v1/%00"],
)
async def test_a_url_with_a_character_that_no_store_takes_is_refused(
    shared: Served, url: str
) -> None:
    async with shared.http() as http:
        response = await http.get(url)

    assert response.status_code == 400
    assert "U+0000 (%00)" in error_of(response)["message"]


async def test_a_character_that_no_store_takes_is_refused(shared: Served) -> None:
    async with shared.http() as http:
        response = await http.post("/v1/assistants", json={"model": "m", "name": "a\0b"})

    assert response.status_code == 400
    assert "U+0000" in error_of(response)["message"]


@pytest.mark.parametrize("path", ["/v1/assistants", "/functions/shelf_find", "/mcp"])
async def test_a_body_over_the_limit_is_refused_by_its_announced_length(
    shared: Served, path: str
) -> None:
    async with shared.http(**{"content-type": "application/json"}) as http:
        response = await http.post(path, content=b'"' + b"x" * 100_000 + b'"')
        after = await http.get("/functions")

    assert response.status_code == 413
    assert error_of(response)["code"] == "request_too_large"
    assert after.status_code == 200


async def test_a_body_over_the_limit_is_refused_while_it_is_read(shared: Served) -> None:
    host, _, port = shared.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        b"POST /v1/threads HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        b"authorization: Bearer %b\r\ntransfer-encoding: chunked\r\n\r\n" % shared.key.encode()
    )
    for _ in range(11):
        writer.write(b"2710\r\n" + b"x" * 10_000 + b"\r\n")
    try:
        status = await asyncio.wait_for(reader.readline(), 5)  # the body has not ended
    finally:
        writer.close()
        await writer.wait_closed()

    assert status.startswith(b"HTTP/1.1 413 ")  # its name differs between versions of Python


@pytest.mark.parametrize(
    ("query", "message", "param"),
    [
        (
            "limit=0",
            "Invalid 'limit': integer below minimum value. Expected a value >= 1, but got 0 instead.",
            "limit",
        ),
        (
            "limit=101",
            "Invalid 'limit': integer above maximum value. Expected a value <= 100, but got 101 instead.",
            "limit",
        ),
        (
            "limit=ten",
            "Invalid type for 'limit': expected an integer, but got a string instead.",
            "limit",
        ),
        ("order=up", "Invalid value: 'up'. Supported values are: 'asc' and 'desc'.", "order"),
        (
            "after=run_1",
            "Invalid 'after': 'run_1'. Expected an ID that begins with 'asst'.",
            "after",
        ),
        (
            "before=asst_1",
            "Invalid 'before': 'asst_1'. Expected the ID of an item of this list.",
            "before",
        ),
        ("limt=5", "Unknown parameter: 'limt'.", "limt"),
    ],
)
async def test_a_wrong_query_is_explained(
    shared: Served, query: str, message: str, param: str
) -> None:
    async with shared.http() as http:
        response = await http.get(f"/v1/assistants?{query}")

    assert response.status_code == 400
    error = error_of(response)
    assert (error["message"], error["param"]) == (message, param)


@pytest.mark.parametrize(
    ("method", "path", "message"),
    [
        (
            "GET",
            "/v1/assistants/thread_1",
            "Invalid 'assistant_id': 'thread_1'. Expected an ID that begins with 'asst'.",
        ),
        ("GET", "/v1/assistants/asst_1", "No assistant found with id 'asst_1'."),
        ("DELETE", "/v1/assistants/asst_1", "No assistant found with id 'asst_1'."),
        ("GET", f"/v1/threads/{WRONG_THREAD}", f"No thread found with id '{WRONG_THREAD}'."),
        (
            "GET",
            f"/v1/threads/{WRONG_THREAD}/messages",
            f"No thread found with id '{WRONG_THREAD}'.",
        ),
        ("GET", f"/v1/threads/{WRONG_THREAD}/runs/run_1", "No run found with id 'run_1'."),
        ("POST", f"/v1/threads/{WRONG_THREAD}/runs/run_1/cancel", "No run found with id 'run_1'."),
        ("GET", f"/v1/threads/{WRONG_THREAD}/runs/run_1/steps", "No run found with id 'run_1'."),
        (
            "GET",
            f"/v1/threads/{WRONG_THREAD}/messages/msg_1",
            "No message found with id 'msg_1'.",
        ),
    ],
)
async def test_a_wrong_id_is_named(shared: Served, method: str, path: str, message: str) -> None:
    async with shared.http() as http:
        response = await http.request(method, path)

    assert response.status_code == (400 if message.startswith("Invalid") else 404)
    assert error_of(response)["message"] == message


@pytest.mark.parametrize(
    ("body", "code", "param", "message"),
    [
        ({}, "missing_required_parameter", "model", "Missing required parameter: 'model'."),
        ({"model": "m", "nmae": "x"}, "unknown_parameter", "nmae", "Unknown parameter: 'nmae'."),
        (
            {"model": "m", "metadata": {str(n): "v" for n in range(17)}},
            "object_above_max_properties",
            "metadata",
            (
                "Invalid 'metadata': too many properties. Expected an object with at most 16 properties, "
                "but got an object with 17 properties instead."
            ),
        ),
        (
            {"model": "m", "metadata": {"k": None}},
            "invalid_type",
            "metadata.k",
            "Invalid type for 'metadata.k': expected a string, but got null instead.",
        ),
        (
            {"model": "m", "metadata": {"k": "v" * 513}},
            "string_above_max_length",
            "metadata.k",
            (
                "Invalid 'metadata.k': string too long. Expected a string with maximum length 512, "
                "but got a string with length 513 instead."
            ),
        ),
        (
            {"model": "m", "name": "n" * 257},
            "string_above_max_length",
            "name",
            (
                "Invalid 'name': string too long. Expected a string with maximum length 256, "
                "but got a string with length 257 instead."
            ),
        ),
        (
            {"model": "m", "temperature": 2.5},
            "decimal_above_max_value",
            "temperature",
            (
                "Invalid 'temperature': decimal above maximum value. "
                "Expected a value <= 2, but got 2.5 instead."
            ),
        ),
        (
            {"model": "m", "tools": [{"type": "function", "function": {"name": "a b"}}]},
            "invalid_value",
            "tools[0].function.name",
            (
                "Invalid 'tools[0].function.name': string does not match pattern. "
                "Expected a string that matches the pattern '^[a-zA-Z0-9_-]{1,64}$'."
            ),
        ),
        (
            {"model": "m", "tools": [{"type": "code_interpreter"}]},
            "invalid_value",
            "tools[0].type",
            "Invalid value: 'code_interpreter'. Supported value is: 'function'.",
        ),
        (
            {"model": "m", "tools": [{"type": "function", "function": {"name": "f"}}] * 129},
            "array_above_max_length",
            "tools",
            (
                "Invalid 'tools': array too long. Expected an array with maximum length 128, "
                "but got an array with length 129 instead."
            ),
        ),
        (
            {"model": "m", "response_format": {"type": "xml"}},
            "invalid_value",
            "response_format.type",
            "Invalid value: 'xml'. Supported values are: 'text', 'json_object', 'json_schema'.",
        ),
        (
            {"model": "m", "tool_resources": {"file_search": {"vector_store_ids": ["vs_1"]}}},
            "unsupported_parameter",
            "tool_resources",
            "Invalid 'tool_resources': this server searches no files and runs no code; leave it out or empty.",
        ),
        (
            [],
            "invalid_type",
            None,
            "Invalid type for the body: expected an object, but got an array instead.",
        ),
    ],
)
async def test_a_wrong_assistant_is_explained(
    shared: Served, body: Any, code: str, param: str | None, message: str
) -> None:
    async with shared.http() as http:
        response = await http.post("/v1/assistants", json=body)

    assert response.status_code == 400
    assert error_of(response) == {
        "message": message,
        "type": "invalid_request_error",
        "param": param,
        "code": code,
    }


async def test_all_problems_are_told_at_once(shared: Served) -> None:
    async with shared.http() as http:
        response = await http.post("/v1/assistants", json={"name": 5, "temperature": 3, "x": 1})

    error = error_of(response)
    assert error["message"] == (
        "Missing required parameter: 'model'. "
        "Invalid type for 'name': expected a string, but got an integer instead. "
        "Invalid 'temperature': integer above maximum value. "
        "Expected a value <= 2, but got 3 instead. (1 more problems.)"
    )
    assert error["param"] == "model"


@pytest.mark.parametrize("path", ["/v1/uploads", "/v1/vector_stores/vs_1"])
async def test_uploads_in_parts_and_vector_stores_are_said_to_be_absent(
    shared: Served, path: str
) -> None:
    async with shared.http() as http:
        response = await http.get(path)
        upload = await http.post("/v1/uploads/x/parts", files={"data": b"x"})

    assert response.status_code == upload.status_code == 404
    assert error_of(response)["code"] == error_of(upload)["code"] == "not_served"


async def test_a_bug_shows_an_id_and_no_trace(
    shared: Served, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*args: Any) -> None:
        raise ZeroDivisionError("the secret of the house")

    monkeypatch.setattr(shared.services.store.assistants, "list", broken)
    async with shared.http() as http:
        response = await http.get("/v1/assistants")

    assert response.status_code == 500
    error = error_of(response)
    assert error["type"] == "server_error"
    assert response.headers["x-request-id"] in error["message"]
    assert "secret" not in response.text
    assert "the secret of the house" in caplog.text
    assert "Exception in ASGI application" not in caplog.text  # it would close the connection


async def test_the_documents_load_nothing_from_elsewhere(shared: Served) -> None:
    async with shared.http() as http:
        pages = [await http.get("/docs"), await http.get("/redoc")]
        document = (await http.get("/openapi.json")).json()

    assert [page.status_code for page in pages] == [404, 404]
    assert "/v1/threads/{thread_id}/runs" in document["paths"]
    assert "CreateRun" in document["components"]["schemas"]


async def test_every_reference_of_the_openapi_document_is_defined(shared: Served) -> None:
    async with shared.http(key="") as http:
        document = (await http.get("/openapi.json")).json()

    references = set()

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            if isinstance(node.get("$ref"), str):
                references.add(node["$ref"].rpartition("/")[2])
            for inner in node.values():
                walk(inner)
        elif isinstance(node, list):
            for inner in node:
                walk(inner)

    walk(document)
    assert references <= document["components"]["schemas"].keys()
