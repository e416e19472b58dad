"""A change that depends on the state that was read just before: ETag, If-Match, 412."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web

from drawbar.kernel.ports import BackendError, Progress
from drawbar.kernel.ticker import Alarm, Ticker

ADAPTER = """
adapter: shelf
backend: {{kind: http, url: "{url}/v1", auth: {{api_key: {{name: X-Key, value: quite-secret}}}}}}
functions:
  get_part:
    request: GET /parts/{{part}}
    description: Show a part.
    parameters:
      part: {{type: string}}
      depot: {{const: north}}
  rename:
    request: PATCH /parts/{{part}}
    description: Rename a part.
    effect: write
    precondition: {{etag_of: get_part}}
    parameters:
      part: {{type: string}}
      name: {{type: string}}
  versioned:
    request: PATCH /parts/{{part}}
    description: Rename a part.
    effect: write
    precondition: {{etag_of: get_part, at: /meta/version}}
    parameters:
      part: {{type: string}}
      name: {{const: bolt}}
"""
CALL = {"part": "7", "name": "bolt"}


class _Parts:
    """One part, which somebody else may change whenever it is read."""

    def __init__(self) -> None:
        self.name = "screw"
        self.version = 1
        self.busy = False
        self.asked: list[tuple[str, str, str | None]] = []

    @property
    def tag(self) -> str:
        return f'"v{self.version}"'

    async def __call__(self, request: web.Request) -> web.Response:
        self.asked.append((request.method, request.raw_path, request.headers.get("If-Match")))
        if request.method == "GET":
            body = {"name": self.name, "meta": {"version": self.tag}}
            answer = web.json_response(body, headers={"ETag": self.tag})
            self.version += self.busy
            return answer
        if request.headers.get("If-Match") != self.tag:
            return web.Response(status=412)
        self.name = (await request.json()).get("name", "")
        self.version += 1
        return web.json_response({"name": self.name})


@pytest.fixture
def parts(api: Any) -> _Parts:
    api.answer = _Parts()
    return api.answer  # type: ignore[no-any-return]  # as it was just put there


async def test_the_change_carries_the_etag_of_what_was_read_before(
    api: Any, parts: _Parts, open_http: Any
) -> None:
    shelf = open_http(ADAPTER.format(url=api.url))

    reply = await shelf.invoke("rename", CALL)

    assert reply.value == {"name": "bolt"}
    assert parts.asked == [
        ("GET", "/v1/parts/7?depot=north", None),
        ("PATCH", "/v1/parts/7", '"v1"'),
    ]


async def test_the_etag_may_stand_in_the_reply(api: Any, parts: _Parts, open_http: Any) -> None:
    shelf = open_http(ADAPTER.format(url=api.url))

    await shelf.invoke("versioned", CALL)

    assert parts.asked[-1] == ("PATCH", "/v1/parts/7", '"v1"')


async def test_a_state_that_somebody_else_changed_is_not_overwritten(
    api: Any, parts: _Parts, open_http: Any
) -> None:
    parts.busy = True
    shelf = open_http(ADAPTER.format(url=api.url))

    error = await shelf.fail("rename", CALL)

    assert (error.code, error.retryable, error.work) == ("changed_meanwhile", True, "not_started")
    assert error.hint == (
        "Read it again with get_part, and decide whether the change is still right."
    )
    assert parts.name == "screw"


async def test_a_dry_run_shows_the_state_and_the_request_and_changes_nothing(
    api: Any, parts: _Parts, open_http: Any
) -> None:
    shelf = open_http(ADAPTER.format(url=api.url))

    reply = await shelf.invoke("rename", CALL, mode="dry_run")

    assert reply.value["current"] == {"name": "screw", "meta": {"version": '"v1"'}}
    assert 'If-Match: "v1"' in reply.value["request"].splitlines()
    assert "quite-secret" not in str(reply.value)
    assert [method for method, _, _ in parts.asked] == ["GET"]


async def test_a_dry_run_without_the_backend_says_what_is_missing(
    open_http: Any,
) -> None:
    shelf = open_http(ADAPTER.format(url="http://127.0.0.1:1"))

    reply = await shelf.invoke("rename", CALL, mode="dry_run")

    assert "If-Match: (the ETag of get_part)" in reply.value["request"]
    assert reply.notes[0].startswith("The current state could not be read: The backend at")


@pytest.mark.parametrize("status", [404, 500])
async def test_where_the_state_cannot_be_read_nothing_is_changed(
    api: Any, open_http: Any, status: int
) -> None:
    api.says({"message": "no"}, status=status)
    shelf = open_http(ADAPTER.format(url=api.url))

    error = await shelf.fail("rename", CALL)

    assert (error.message, error.work) == ("no", "not_started")
    assert api.targets == ["GET /v1/parts/7?depot=north"]


async def test_a_state_without_an_etag_is_not_changed(api: Any, open_http: Any) -> None:
    shelf = open_http(ADAPTER.format(url=api.url))

    error = await shelf.fail("rename", CALL)

    assert (error.code, error.work) == ("bad_reply", "not_started")
    assert error.message == "get_part answered without an ETag, so nothing was changed."


async def test_a_reading_that_takes_too_long_or_is_cut_off_leaves_everything_as_it_was(
    api: Any, open_http: Any
) -> None:
    waiting = asyncio.Event()

    async def late(_: web.Request) -> web.Response:
        await waiting.wait()
        return web.Response()

    async def cut_off(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    shelf = open_http(ADAPTER.format(url=api.url))
    errors: list[BackendError] = []
    for answer in (late, cut_off):
        api.answer = answer
        errors.append(await shelf.fail("rename", CALL, seconds=0.3, progress=Progress()))
    waiting.set()

    assert [(each.code, each.work) for each in errors] == [
        ("timeout", "not_started"),
        ("connection_lost", "not_started"),
    ]


class _Late(Ticker):
    """Rings late, as on a busy machine."""

    def at(self, when: float, callback: Callable[[], object]) -> Alarm:
        return super().at(when + 0.5, callback)


async def test_the_end_of_the_time_is_told_as_that_whoever_notices_it_first(
    api: Any, open_http: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = asyncio.Event()

    async def late(_: web.Request) -> web.Response:
        await waiting.wait()
        return web.Response()

    api.answer = late
    shelf = open_http(ADAPTER.format(url=api.url))
    monkeypatch.setattr(shelf.backend, "_ticker", _Late())

    error = await shelf.fail("rename", CALL, seconds=0.2)
    shown = await shelf.invoke("rename", CALL, seconds=0.2, mode="dry_run")

    waiting.set()
    assert (error.code, error.retryable, error.work) == ("timeout", True, "not_started")
    told = "The backend did not answer in time what the change needs first; nothing was changed."
    assert error.message == told
    assert shown.notes == (f"The current state could not be read: {told}",)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("precondition: {etag_of: get_prat}", "there is no function `get_prat` here"),
        ("precondition: {etag_of: change}", "`change` changes something; name a reading"),
        ("precondition: {etag_of: get_part}", "`get_part` needs `part`, and the change has no"),
        ("precondition: {etag_of: listed}", "a list in pages has no ETag"),
        ("precondition: {etag_of: any, at: version}", "`version` is no JSON pointer"),
        (
            "precondition: {etag_of: any}, parameters: {tag: {type: string, to: header.if-match}}",
            "a parameter goes to the header If-Match already",
        ),
    ],
)
def test_a_precondition_that_cannot_be_read_is_told(problems: Any, words: str, told: str) -> None:
    found = problems(
        f"""
        adapter: a
        backend: {{kind: http, url: "http://x"}}
        functions:
          get_part: {{request: "GET /parts/{{part}}", description: A., parameters: {{part: {{type: string}}}}}}
          any: {{request: GET /any, description: A.}}
          listed: {{request: GET /all, description: A., pages: {{next: link}}}}
          change: {{request: PUT /any, description: A., effect: write, {words}}}
        """
    )
    assert len(found) == 1, found
    assert "DB516" in found[0] or "DB511" in found[0]
    assert told in found[0]


def test_a_reading_has_no_precondition(problems: Any) -> None:
    found = problems(
        """
        adapter: a
        backend: {kind: http, url: "http://x"}
        functions:
          any: {request: GET /any, description: A.}
          other: {request: GET /other, description: A., precondition: {etag_of: any}}
        """
    )
    assert [each.partition(": ")[2] for each in found] == [
        "DB516 a precondition is for what changes something"
    ]
