"""Who may ask: keys, and the anonymous caller of a loopback address."""

from __future__ import annotations

import openai
import pytest

from drawbar.kernel.values import Caller
from drawbar.settings import Settings
from drawbar.surfaces.callers import anonymous_caller, is_loopback

from .conftest import Serve, Served

NOBODY = {"anonymous": {"subject": "guest", "roles": ("reader",)}}


async def test_without_a_key_the_answer_is_401_and_names_the_scheme(served: Served) -> None:
    async with served.http(key="") as http:
        response = await http.get("/v1/assistants")

    assert response.status_code == 401
    assert response.headers["www-authenticate"] == 'Bearer realm="drawbar"'
    assert "You didn't provide an API key" in response.json()["error"]["message"]


async def test_a_wrong_key_is_shown_masked(served: Served) -> None:
    async with served.client(api_key="dbk_this-is-no-key-of-this-server") as client:
        with pytest.raises(openai.AuthenticationError) as caught:
            await client.models.list()

    assert caught.value.code == "invalid_api_key"
    assert "dbk_***rver" in caught.value.message
    assert "this-is-no-key" not in caught.value.message


@pytest.mark.parametrize("value", ["Basic YTpi", "Bearer", "dbk_x"])
async def test_another_scheme_is_refused(served: Served, value: str) -> None:
    async with served.http(key="", authorization=value) as http:
        response = await http.get("/v1/assistants")

    assert response.status_code == 401


async def test_a_revoked_key_no_longer_opens(served: Served) -> None:
    record, key = await served.services.store.keys.create(Caller("bert"))
    async with served.http(key=key) as http:
        before = await http.get("/functions")
        await served.services.store.keys.revoke(record.id)
        after = await http.get("/functions")

    assert (before.status_code, after.status_code) == (200, 401)


async def test_the_anonymous_caller_needs_no_key(start: Serve) -> None:
    async with start(**NOBODY) as served, served.http(key="") as http:
        response = await http.post("/functions/shelf_find", json={"part_no": "4711"})

        assert response.status_code == 200
        assert served.shelf.calls[0].caller == Caller("guest", ("reader",))


async def test_an_sdk_that_must_have_some_key_is_anonymous_too(start: Serve) -> None:
    async with start(**NOBODY) as served, served.client(api_key="unused") as client:
        assert (await client.models.list()).data == []


async def test_a_mistyped_key_is_never_taken_for_anonymous(start: Serve) -> None:
    async with start(**NOBODY) as served, served.http(key="dbk_mistyped") as http:
        assert (await http.get("/functions")).status_code == 401


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"host": "evil.example"}, "wrong_host"),
        ({"host": "[::"}, "wrong_host"),
        ({"origin": "https://evil.example"}, "wrong_origin"),
        ({"origin": "null"}, "wrong_origin"),
    ],
)
async def test_a_page_of_somebody_else_is_not_anonymous(
    start: Serve, headers: dict[str, str], code: str
) -> None:
    async with start(**NOBODY) as served, served.http(key="", **headers) as http:
        response = await http.get("/functions")

    assert response.status_code == 403
    assert response.json()["error"]["code"] == code


async def test_the_servers_own_page_is_anonymous(start: Serve) -> None:
    async with start(**NOBODY) as served, served.http(key="", origin=served.url) as http:
        assert (await http.get("/functions")).status_code == 200


def test_nobody_is_anonymous_on_an_address_that_others_reach() -> None:
    settings = Settings.model_validate({**NOBODY, "listen": {"host": "0.0.0.0"}})

    assert anonymous_caller(settings) is None


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("localhost.evil.example", False),
        (None, False),
    ],
)
def test_only_addresses_of_this_machine_are_loopback(host: str | None, expected: bool) -> None:
    assert is_loopback(host) is expected
