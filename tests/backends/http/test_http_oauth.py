"""Tokens of a token server: fetched once, kept until they expire, exchanged for a caller's own, never shown."""

from __future__ import annotations

import asyncio
import base64
import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from drawbar.kernel.ports import BackendError, Call
from drawbar.kernel.values import Caller

from .serving import served

SECRET = "s3cret/with:signs"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"


@dataclass
class Bank:
    """A token server and the API that its tokens are for."""

    url: str = ""
    life: int | None = 3600
    asked: list[dict[str, str]] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    used: list[str] = field(default_factory=list)
    broken: int | None = None


def bank_app(bank: Bank) -> FastAPI:
    app = FastAPI()
    numbers = itertools.count(1)

    @app.post("/token")
    async def token(request: Request) -> Any:
        form = dict(parse_qsl((await request.body()).decode()))
        bank.asked.append(form)
        await asyncio.sleep(0.02)  # long enough for several to ask at once
        if bank.broken is not None:
            return JSONResponse({}, bank.broken)
        basic = request.headers.get("authorization", "Basic ").removeprefix("Basic ")
        client, _, secret = base64.b64decode(basic).decode().partition(":")
        client, secret = unquote(client), unquote(secret)
        if (client or form.get("client_id"), secret or form.get("client_secret")) != ("me", SECRET):
            return JSONResponse({"error": "invalid_client"}, 401)
        if form["grant_type"] == EXCHANGE:
            made = f"for-{form['subject_token']}-{next(numbers)}"
        elif form["grant_type"] == "client_credentials":
            made = f"token-{next(numbers)}"
        else:
            return JSONResponse({"error": "unsupported_grant_type"}, 400)
        bank.tokens.add(made)
        answer = {"access_token": made, "token_type": "Bearer"}
        return answer if bank.life is None else {**answer, "expires_in": bank.life}

    @app.api_route("/api/{rest:path}", methods=["GET", "POST"])
    async def api(request: Request) -> Any:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        bank.used.append(token)
        if token not in bank.tokens:
            return JSONResponse({"error": {"message": f"{token} is not valid"}}, 401)
        return {"token": token}

    return app


@pytest.fixture
def bank() -> Iterator[Bank]:
    bank = Bank()
    with served(bank_app(bank)) as url:
        bank.url = url
        yield bank


ADAPTER = """
    adapter: bank
    backend:
      kind: http
      url: "{url}/api"
      auth:
        oauth2:
          token_url: "{url}/token"
          client_id: me
          client_secret: "${{SECRET}}"
          {more}
    functions:
      look: {{request: GET /a, description: Look.}}
      pay: {{request: POST /a, description: Pay., effect: write}}
"""


def adapter(bank: Bank, more: str = "scope: read write") -> str:
    return ADAPTER.format(url=bank.url, more=more)


async def test_many_calls_share_one_token(bank: Bank, open_http: Any) -> None:
    opened = open_http(adapter(bank), {"SECRET": SECRET})

    replies = await asyncio.gather(*(opened.invoke("look") for _ in range(5)))
    await opened.invoke("pay")

    assert [reply.value for reply in replies] == [{"token": "token-1"}] * 5
    assert bank.asked == [{"grant_type": "client_credentials", "scope": "read write"}]


async def test_the_secret_may_go_into_the_form(bank: Bank, open_http: Any) -> None:
    opened = open_http(
        adapter(bank, "client_auth: body\n          audience: x"), {"SECRET": SECRET}
    )

    await opened.invoke("look")

    assert bank.asked == [
        {
            "grant_type": "client_credentials",
            "audience": "x",
            "client_id": "me",
            "client_secret": SECRET,
        }
    ]


async def test_a_token_is_not_used_when_it_is_about_to_expire(bank: Bank, open_http: Any) -> None:
    bank.life = 1
    opened = open_http(adapter(bank), {"SECRET": SECRET})
    first = await opened.invoke("look")
    tokens = opened.backend._tokens
    (kept,) = tokens._kept.values()

    assert kept.until <= time.monotonic() + 0.9
    object.__setattr__(kept, "until", time.monotonic())
    second = await opened.invoke("look")

    assert (first.value, second.value) == ({"token": "token-1"}, {"token": "token-2"})


@pytest.mark.parametrize("function", ["look", "pay"])
async def test_a_token_that_was_revoked_is_replaced_once(
    bank: Bank, open_http: Any, function: str
) -> None:
    opened = open_http(adapter(bank), {"SECRET": SECRET})
    await opened.invoke("look")
    bank.tokens.clear()

    reply = await opened.invoke(function)

    assert reply.value == {"token": "token-2"}
    assert bank.used == ["token-1", "token-1", "token-2"]


async def test_what_the_backend_says_of_a_token_is_told_without_it(
    bank: Bank, open_http: Any
) -> None:
    opened = open_http(adapter(bank), {"SECRET": SECRET})
    await opened.invoke("look")

    bank.tokens = set[str]()
    bank_tokens, bank.tokens = bank.tokens, _Deaf()
    error = await opened.fail("look")

    assert bank_tokens == set()
    assert (error.code, error.message) == ("backend_denied", "*** is not valid")


class _Deaf(set[str]):
    """Takes no token."""

    def __contains__(self, item: object) -> bool:
        return False


async def test_a_callers_own_token_is_exchanged_and_kept_apart(bank: Bank, open_http: Any) -> None:
    opened = open_http(
        adapter(bank, "exchange: {subject_token: caller.claims.token}"), {"SECRET": SECRET}
    )
    plan = opened.adapter.plans["look"].binding

    async def look(name: str) -> Any:
        caller = Caller(name, claims={"token": f"own-{name}"})
        call = Call("look", {}, caller, time.monotonic() + 5)
        return (await opened.backend.invoke(plan, call)).value

    found = [await look("anna"), await look("ben"), await look("anna")]

    assert [each["token"] for each in found] == [
        "for-own-anna-1",
        "for-own-ben-2",
        "for-own-anna-1",
    ]
    assert bank.asked[0] == {
        "grant_type": EXCHANGE,
        "subject_token": "own-anna",
        "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
    }
    with pytest.raises(BackendError) as caught:
        await opened.invoke("look")
    assert (caught.value.code, caught.value.work) == ("caller_incomplete", "not_started")


@pytest.mark.parametrize(
    ("secret", "broken", "code", "retryable"),
    [
        ("wrong", None, "backend_denied", False),
        (SECRET, 503, "backend_unavailable", True),
        (SECRET, 200, "backend_denied", False),
    ],
)
async def test_without_a_token_nothing_is_sent(
    bank: Bank, open_http: Any, secret: str, broken: int | None, code: str, retryable: bool
) -> None:
    bank.broken = broken
    opened = open_http(adapter(bank), {"SECRET": secret})

    error = await opened.fail("pay")

    assert (error.code, error.retryable, error.work) == (code, retryable, "not_started")
    assert "token server 127.0.0.1:" in error.message
    assert bank.used == []


async def test_a_token_server_that_is_not_there_is_told(bank: Bank, open_http: Any) -> None:
    text = adapter(bank).replace(
        f'token_url: "{bank.url}/token"', "token_url: http://127.0.0.1:9/t"
    )
    opened = open_http(text, {"SECRET": SECRET})

    error = await opened.fail("pay")

    assert error.message == (
        "No token could be had: The backend at 127.0.0.1:9 cannot be reached: nothing listens there."
    )
    assert error.work == "not_started"


async def test_a_dry_run_asks_for_no_token(bank: Bank, open_http: Any) -> None:
    opened = open_http(adapter(bank), {"SECRET": SECRET})

    reply = await opened.invoke("pay", mode="dry_run")

    assert "Authorization: ***" in reply.value["request"]
    assert bank.asked == []


@pytest.mark.parametrize("url", ["ftp://x/t", "http://169.254.169.254/t", "http://a:b@x/t"])
def test_a_token_server_that_may_not_be_called_is_a_problem(
    bank: Bank, compile_text: Any, url: str
) -> None:
    text = adapter(bank).replace(f"{bank.url}/token", url)

    assert [each.code for each in compile_text(text, {"SECRET": SECRET}).problems] == ["DB514"]
