"""What the compliance suite does not ask: a service that says no, a subject nobody listens to, events."""

from __future__ import annotations

import importlib
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from brokers import NATS, nats_client
from drawbar.backends import InstalledKinds
from drawbar.compiler.toolset import compile_adapter
from drawbar.kernel.outcome import Failed, Refused, Succeeded
from drawbar.spec.load import parse_adapter
from drawbar.testing.kinds import opened

FUNCTIONS = """\
errors:
  - {when: {service_error: "404"}, code: not_found}
functions:
  ask:
    description: Ask.
    parameters: {room: {type: string}, text: {type: string}}
    subject: NAME.{room}.ask
    request: text
    reply: text
  tell:
    description: Tell.
    effect: write
    parameters: {text: {type: string}}
    subject: NAME.events
    request: text
    reply: none
"""


def adapter(name: str, functions: str = FUNCTIONS) -> str:
    return f"adapter: peer\nbackend: {{kind: nats, servers: [{NATS}]}}\n" + functions.replace(
        "NAME", name
    )


@pytest.fixture
async def service() -> AsyncIterator[Client]:
    client = await nats_client()
    yield client
    await client.close()


async def test_a_service_is_asked_on_a_subject_made_of_arguments(
    service: Client, tmp_path: Path
) -> None:
    name = f"t{uuid.uuid4().hex}"

    async def answer(message: Msg) -> None:
        if message.subject.endswith(".13.ask"):
            errors = {"Nats-Service-Error-Code": "404", "Nats-Service-Error": "no room 13"}
            await service.publish(message.reply, b"", headers=errors)
        else:
            await message.respond(b"".join((message.subject[-6:].encode(), b" ", message.data)))

    await service.subscribe(f"{name}.*.ask", cb=answer)
    await service.flush()
    async with opened(adapter(name), tmp_path) as peer:
        assert await peer.call("ask", {"room": "12", "text": "hi"}) == Succeeded("12.ask hi")
        missing = await peer.call("ask", {"room": "13", "text": "hi"})
        for room in ("*", "1.2", "a b", ">", ""):
            wrong = await peer.call("ask", {"room": room, "text": "hi"})
            assert isinstance(wrong, Refused), room

    assert isinstance(missing, Failed)
    assert (missing.code, missing.message) == ("not_found", "no room 13")


async def test_a_subject_that_nobody_answers_is_known_at_once(
    service: Client, tmp_path: Path
) -> None:
    del service
    async with opened(adapter("nobody.here"), tmp_path) as peer:
        outcome = await peer.call("ask", {"room": "1", "text": "x"}, seconds=1)

    assert isinstance(outcome, Failed)
    assert (outcome.code, outcome.retryable) == ("backend_unavailable", True)
    assert "nobody answers" in outcome.message


async def test_what_is_told_without_an_answer_has_left_when_it_succeeded(
    service: Client, tmp_path: Path
) -> None:
    name = f"t{uuid.uuid4().hex}"
    heard = await service.subscribe(f"{name}.events")
    await service.flush()
    async with opened(adapter(name), tmp_path) as peer:
        assert await peer.call("tell", {"text": "the gate is open"}) == Succeeded(None)

    assert (await heard.next_msg(5)).data == b"the gate is open"


async def test_what_a_server_does_not_take_is_not_sent(service: Client, tmp_path: Path) -> None:
    async with opened(adapter("x"), tmp_path) as peer:
        outcome = await peer.call("tell", {"text": "x" * (service.max_payload + 1)})

    assert isinstance(outcome, Failed)
    assert outcome.code == "invalid_arguments"


async def test_an_answer_above_the_cap_says_so(service: Client, tmp_path: Path) -> None:
    name = f"t{uuid.uuid4().hex}"

    async def answer(message: Msg) -> None:
        await message.respond(b"." + "é".encode() * 600)

    await service.subscribe(f"{name}.*.ask", cb=answer)
    await service.flush()
    text = adapter(name).replace("functions:\n", "limits: {bytes: 1KB}\nfunctions:\n")
    async with opened(text, tmp_path) as peer:
        outcome = await peer.call("ask", {"room": "1", "text": "x"})

    assert isinstance(outcome, Succeeded)
    assert isinstance(outcome.value, str)
    assert 900 < len(outcome.value.encode()) <= 1024
    assert set(outcome.value) == {".", "é"}
    assert "bytes" in outcome.notes[0]


async def test_without_the_library_a_call_names_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = importlib.import_module

    def without_nats(name: str, package: str | None = None) -> Any:
        if name.split(".", maxsplit=1)[0] == "nats":
            raise ImportError(name)
        return real(name, package)

    async with opened(adapter("x"), tmp_path) as peer:
        monkeypatch.setattr(importlib, "import_module", without_nats)
        outcome = await peer.call("ask", {"room": "1", "text": "x"}, seconds=1)

    assert isinstance(outcome, Failed)
    assert "install drawbar[nats]" in outcome.message


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (("NAME.{room}.ask", "NAME.{rooms}.ask"), "DB809 there is no parameter `rooms`"),
        (
            ("NAME.{room}.ask", "NAME.{room.ask"),
            "DB809 `x.{room.ask` has a brace that stands alone",
        ),
        (
            ("room: {type: string}", "room: {type: string, optional: true}"),
            "DB809 `room` may be missing, and then nothing would stand here",
        ),
        (
            ("room: {type: string}", "room: {type: array, items: {type: string}}"),
            "DB809 `room` is of type array, which is no name",
        ),
    ],
)
def test_what_is_wrong_with_a_subject_is_told(change: tuple[str, str], problem: str) -> None:
    kinds = InstalledKinds()
    text = adapter("x", FUNCTIONS.replace(*change))
    problems = compile_adapter(parse_adapter(text, "peer.yaml", Path(), kinds, {}), kinds).problems

    assert problem in [str(each).split(" ", 1)[1].split("\n")[0] for each in problems]


def test_the_place_of_a_parameter_is_published() -> None:
    kinds = InstalledKinds()
    compiled = compile_adapter(parse_adapter(adapter("x"), "peer.yaml", Path(), kinds, {}), kinds)

    assert compiled.functions[0].schema["properties"] == {
        "room": {"type": "string", "pattern": r"^(?:[^\s.*>\x00]+)$"},
        "text": {"type": "string"},
    }
