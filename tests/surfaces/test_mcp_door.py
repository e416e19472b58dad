"""/mcp through the official MCP client, in both eras of the protocol; and the quick way beside the SDK's."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.exceptions import MCPError
from mcp_types import BlobResourceContents, ResourceLink

from drawbar.kernel.values import Caller
from drawbar.surfaces.mcp.door import McpDoor

from .conftest import Served

MODULE = pytest.mark.asyncio(loop_scope="module")
Soon = Callable[[Awaitable[Any]], Awaitable[Any]]
ERAS = ["legacy", "2026-07-28"]
MODERN_META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "t", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
ACCEPT = {"accept": "application/json, text/event-stream"}


@asynccontextmanager
async def connected(served: Served, era: Any) -> AsyncIterator[Client]:
    async with (
        served.http() as http,
        Client(streamable_http_client(f"{served.url}/mcp", http_client=http), mode=era) as client,
    ):
        yield client


@MODULE
@pytest.mark.parametrize("era", ERAS)
async def test_tools_are_the_callable_functions_with_their_effect(shared: Served, era: str) -> None:
    async with connected(shared, era) as client:
        tools = (await client.list_tools()).tools

    assert [tool.name for tool in tools] == ["shelf_find", "shelf_take", "shelf_scrap"]
    assert all(tool.description for tool in tools)
    hints = [tool.annotations.model_dump(exclude_none=True) for tool in tools if tool.annotations]
    assert [hint["read_only_hint"] for hint in hints] == [True, False, False]
    assert [hint.get("destructive_hint") for hint in hints] == [None, False, True]
    assert tools[0].input_schema["additionalProperties"] is False


@MODULE
@pytest.mark.parametrize("era", ERAS)
async def test_a_call_goes_through_the_dispatcher_as_its_caller(shared: Served, era: str) -> None:
    async with connected(shared, era) as client:
        answers = [await client.call_tool("shelf_find", {"part_no": "4711"}) for _ in range(3)]

    assert [answer.is_error for answer in answers] == [False] * 3
    texts = {answer.content[0].text for answer in answers}  # type: ignore[union-attr] # a text
    assert len(texts) == 1
    assert '"stock":12' in texts.pop()
    assert {call.caller.subject for call in shared.shelf.calls} == {"anna"}


@MODULE
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    ("name", "arguments", "word"),
    [
        ("shelf_find", {"part_no": "1"}, "not_found"),
        ("shelf_find", {"part": "1"}, "invalid_arguments"),
        ("shelf_scrap", {"part_no": "4711"}, "not_allowed"),
        ("shelf_take", {"part_no": "lost"}, "indeterminate"),
    ],
)
async def test_what_went_wrong_is_a_result_that_the_model_reads(
    shared: Served, era: str, name: str, arguments: dict[str, Any], word: str
) -> None:
    async with connected(shared, era) as client:
        first = await client.call_tool(name, arguments)
        again = await client.call_tool(name, arguments)

    assert first.is_error
    assert again.is_error
    assert word in first.content[0].text  # type: ignore[union-attr] # a text


@MODULE
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("name", ["nothing", "shelf_lost"])
async def test_an_unknown_tool_is_an_error_of_the_protocol(
    shared: Served, era: str, name: str
) -> None:
    async with connected(shared, era) as client:
        with pytest.raises(MCPError) as caught:
            await client.call_tool(name, {})

    assert caught.value.code == -32602
    assert name in caught.value.message


@MODULE
async def test_a_key_is_asked_for(shared: Served) -> None:
    async with shared.http(key="", **ACCEPT) as http:
        response = await http.post("/mcp", json=request_of("2025-11-25"))

    assert response.status_code == 401
    assert response.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "https://evil.example"}, 403),
        ({"host": "evil.example"}, 421),
    ],
)
async def test_host_and_origin_are_checked(
    served: Served, headers: dict[str, str], status: int
) -> None:
    async with served.http(**ACCEPT, **headers) as http:
        refused = await http.post("/mcp", json=request_of("2025-11-25"))
    async with served.http(**ACCEPT) as http:
        accepted = await http.post("/mcp", json=request_of("2025-11-25"))
    async with served.http(**ACCEPT, **headers) as http:
        still = await http.post("/mcp", json=request_of("2025-11-25"))

    assert (refused.status_code, accepted.status_code, still.status_code) == (status, 200, status)


def request_of(version: str, *, id: Any = 1, **params: Any) -> dict[str, Any]:  # noqa: A002 -- JSON-RPC's word
    given: dict[str, Any] = {"name": "shelf_find", "arguments": {"part_no": "4711"}, **params}
    if version == "2026-07-28":
        given.setdefault("_meta", MODERN_META)
    return {"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": given}


def headers_of(version: str) -> dict[str, str]:
    modern = {"mcp-method": "tools/call", "mcp-name": "shelf_find"}
    return {**ACCEPT, "mcp-protocol-version": version, **(modern if version > "2026" else {})}


@pytest.mark.parametrize("version", ["2024-11-05", "2025-11-25", "2026-07-28"])
@pytest.mark.parametrize("arguments", [{"part_no": "4711"}, {"part_no": "1"}, {"wrong": True}, {}])
async def test_the_quick_way_and_the_sdk_answer_alike(
    served: Served, monkeypatch: pytest.MonkeyPatch, version: str, arguments: dict[str, Any]
) -> None:
    quick_answers = []
    quickly = McpDoor._carried_out

    async def counted(door: McpDoor, *args: Any) -> Any:  # Answer
        quick_answers.append(args)
        return await quickly(door, *args)

    monkeypatch.setattr(McpDoor, "_carried_out", counted)
    async with served.http(**headers_of(version)) as http:
        by_sdk = await http.post("/mcp", json=request_of(version, id="a", arguments=arguments))
        assert quick_answers == []
        quick = await http.post("/mcp", json=request_of(version, id="a", arguments=arguments))

    assert len(quick_answers) == 1
    assert quick.content == by_sdk.content
    assert quick.status_code == by_sdk.status_code == 200
    assert quick.headers["content-type"] == by_sdk.headers["content-type"]


@pytest.mark.parametrize(
    ("headers", "change"),
    [
        ({"mcp-name": "shelf_take"}, {}),
        ({"mcp-method": "tools/list"}, {}),
        ({"accept": "text/html"}, {}),
        ({"content-type": "application/json+x"}, {}),
        ({}, {"_meta": {}}),
        ({}, {"name": "shelf_take"}),
        ({}, {"arguments": [1]}),
        ({"mcp-protocol-version": "2031-01-01"}, {}),
    ],
)
async def test_a_request_that_the_sdk_would_refuse_is_never_answered_quickly(
    served: Served, headers: dict[str, str], change: dict[str, Any]
) -> None:
    version = "2026-07-28"
    async with served.http(**headers_of(version)) as http:
        for _ in range(2):
            assert (await http.post("/mcp", json=request_of(version))).status_code == 200
        response = await http.post("/mcp", json=request_of(version, **change), headers=headers)

    assert response.status_code >= 400 or "error" in response.json()


@MODULE
async def test_notifications_are_accepted(shared: Served) -> None:
    async with shared.http(**ACCEPT) as http:
        response = await http.post(
            "/mcp", json={"jsonrpc": "2.0", "method": "notifications/initialized"}
        )

    assert response.status_code == 202


async def test_a_read_is_stopped_when_its_client_leaves(served: Served, soon: Soon) -> None:
    version = "2026-07-28"
    async with served.http(**headers_of(version)) as http:
        await http.post("/mcp", json=request_of(version))
        served.shelf.entered.clear()
        served.shelf.hold = asyncio.Event()
        call = asyncio.create_task(http.post("/mcp", json=request_of(version)))
        await soon(served.shelf.entered.wait())
        call.cancel()

        await soon(served.shelf.stopped.wait())


@MODULE
async def test_lists_say_how_long_they_may_be_kept(shared: Served) -> None:
    body = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/list",
        "params": {"_meta": MODERN_META},
    }
    headers = {**ACCEPT, "mcp-protocol-version": "2026-07-28", "mcp-method": "tools/list"}
    async with shared.http(**headers) as http:
        result = (await http.post("/mcp", json=body)).json()["result"]

    assert result["ttlMs"] > 0
    assert result["cacheScope"] == "private"


def listing_of(version: str, **more: Any) -> dict[str, Any]:
    params: dict[str, Any] = {"_meta": MODERN_META} if version > "2026" else {}
    return {"jsonrpc": "2.0", "id": "a", "method": "tools/list", "params": params, **more}


def listing_headers(version: str) -> dict[str, str]:
    modern = {"mcp-method": "tools/list"} if version > "2026" else {}
    return {**ACCEPT, "mcp-protocol-version": version, **modern}


@pytest.mark.parametrize("version", ["2024-11-05", "2025-11-25", "2026-07-28"])
async def test_tools_are_listed_by_the_sdk_once_and_then_alike(
    served: Served, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    asked = []
    handle = StreamableHTTPSessionManager.handle_request

    async def counted(manager: StreamableHTTPSessionManager, *args: Any) -> None:
        asked.append(args)
        await handle(manager, *args)

    monkeypatch.setattr(StreamableHTTPSessionManager, "handle_request", counted)
    async with served.http(**listing_headers(version)) as http:
        by_sdk = await http.post("/mcp", json=listing_of(version))
        again = await http.post("/mcp", json=listing_of(version))
        other = await http.post("/mcp", json=listing_of(version, id=7))

    assert len(asked) == 1
    assert len(by_sdk.json()["result"]["tools"]) == 3
    assert again.json() == by_sdk.json()
    assert other.json() == {**by_sdk.json(), "id": 7}
    assert again.headers["content-type"] == by_sdk.headers["content-type"]


@pytest.mark.parametrize(
    ("headers", "change"),
    [
        ({"accept": "text/html"}, {}),
        ({"host": "evil.example"}, {}),
        ({"mcp-method": "tools/call"}, {}),
        ({}, {"params": {}}),
        ({}, {"params": {"_meta": MODERN_META, "cursor": "x"}}),
        ({}, {"jsonrpc": "1.0"}),
        ({"mcp-protocol-version": "2031-01-01"}, {}),
    ],
)
async def test_a_list_that_is_asked_for_in_other_words_is_the_sdks_business(
    served: Served,
    monkeypatch: pytest.MonkeyPatch,
    headers: dict[str, str],
    change: dict[str, Any],
) -> None:
    version = "2026-07-28"
    asked = []
    handle = StreamableHTTPSessionManager.handle_request

    async def counted(manager: StreamableHTTPSessionManager, *args: Any) -> None:
        asked.append(args)
        await handle(manager, *args)

    async with served.http(**listing_headers(version)) as http:
        assert (await http.post("/mcp", json=listing_of(version))).status_code == 200
        monkeypatch.setattr(StreamableHTTPSessionManager, "handle_request", counted)
        await http.post("/mcp", json=listing_of(version, **change), headers=headers)

    assert len(asked) == 1


@pytest.mark.parametrize("era", ERAS)
async def test_a_file_of_an_answer_is_a_link_that_its_caller_reads(
    served: Served, era: str
) -> None:
    served.shelf.pictures["4712"] = b"\x89PNG\r\n\x1a\n and more"
    _, other = await served.services.store.keys.create(Caller("bert"))

    async with connected(served, era) as client:
        answers = [await client.call_tool("shelf_find", {"part_no": "4712"}) for _ in range(2)]
        links = [answer.content[1] for answer in answers]
        templates = (await client.list_resource_templates()).resource_templates

        for link in links:  # by the SDK, and by the quick way beside it
            assert isinstance(link, ResourceLink)
            assert (link.name, link.mime_type, link.size) == ("4712.png", "image/png", 17)
            [content] = (await client.read_resource(link.uri)).contents
            assert isinstance(content, BlobResourceContents)
            assert base64.b64decode(content.blob) == served.shelf.pictures["4712"]
            assert content.mime_type == "image/png"

    assert [template.uri_template for template in templates] == ["drawbar://files/{file_id}"]
    served.key = other
    async with connected(served, era) as client:
        with pytest.raises(MCPError, match="Unknown resource"):
            await client.read_resource(links[0].uri)  # type: ignore[union-attr] # a link, as above
