"""What every kind of backend owes the core, as tests."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from drawbar.backends import InstalledKinds
from drawbar.compiler.toolset import CompiledAdapter, compile_adapter, compile_toolset
from drawbar.dispatch.dispatcher import Dispatcher
from drawbar.dispatch.invocation import Invocation
from drawbar.dispatch.ledger import MemoryLedger
from drawbar.kernel.files import FileStore
from drawbar.kernel.ids import new_id
from drawbar.kernel.outcome import Failed, Indeterminate, Outcome, Refused, Succeeded
from drawbar.kernel.ports import AuditEntry, Backend, Call
from drawbar.kernel.values import Caller, JsonObject
from drawbar.kernel.workers import Workers
from drawbar.settings import load_settings
from drawbar.spec.load import parse_adapter
from drawbar.testing.peer import Peer

_PATIENCE = 10.0
"""Seconds after which something that should happen at once counts as not happening."""
_LONG = 60.0
"""Seconds that a peer is asked to take when nobody will wait for it."""
_SHORT = 0.5
"""Seconds after which nobody waits any more."""


class _NoAudit:
    def record(self, entry: AuditEntry) -> None:
        """These tests look at outcomes."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A compiled adapter with its backend, and the dispatcher in front of it."""

    compiled: CompiledAdapter
    backend: Backend
    dispatcher: Dispatcher

    async def call(
        self, function: str, arguments: JsonObject, *, seconds: float = _PATIENCE
    ) -> Outcome:
        invocation = Invocation(
            f"peer_{function}",
            arguments,
            Caller("compliance"),
            new_id("call_"),
            "python",
            deadline=time.monotonic() + seconds,
        )
        return await self.dispatcher.dispatch(invocation)


def installed_kinds(settings: str, folder: Path) -> InstalledKinds:
    """The kinds of this installation, as these settings let them be."""
    file = folder / "settings-of-the-peer.yaml"
    kinds = InstalledKinds()
    if settings:
        file.write_text(settings, encoding="utf-8")
        problems = kinds.configure(load_settings(file, os.environ))
        assert not problems, "\n".join(map(str, problems))
    return kinds


def compiled(text: str, folder: Path, settings: str = "") -> CompiledAdapter:
    """An adapter file as the gateway would compile it."""
    kinds = installed_kinds(settings, folder)
    return compile_adapter(parse_adapter(text, "peer.yaml", folder, kinds, os.environ), kinds)


@contextlib.asynccontextmanager
async def opened(
    text: str, folder: Path, settings: str = "", files: FileStore | None = None
) -> AsyncIterator[Opened]:
    """The adapter opened; closed at the end. Files are not kept where there is no store for them."""
    kinds = installed_kinds(settings, folder)
    loaded = parse_adapter(text, "peer.yaml", folder, kinds, os.environ)
    found = compile_adapter(loaded, kinds)
    errors = [str(problem) for problem in found.problems if problem.severity == "error"]
    assert not errors, "\n".join(errors)
    adapter = found.adapter
    assert adapter is not None
    workers = Workers("peer", 4)
    backend = kinds.find(adapter.kind).open(adapter, found.plans, workers)
    try:
        dispatcher = Dispatcher(
            compile_toolset(found),
            {adapter.name: backend},
            ledger=MemoryLedger(),
            audit=_NoAudit(),
            limits={adapter.name: adapter.limits},
            files=files,
        )
        yield Opened(found, backend, dispatcher)
    finally:
        await backend.close()
        workers.close()


async def until(true: Callable[[], Awaitable[bool]], what: str) -> None:
    """Wait for something that has to come, but not for ever."""
    end = time.monotonic() + _PATIENCE
    while not await true():
        assert time.monotonic() < end, f"this did not come true: {what}"
        await asyncio.sleep(0.02)


class KindCompliance:
    """Subclass it with a fixture `peer`; each test gets a running peer."""

    @pytest.fixture
    def peer(self) -> Peer:
        raise NotImplementedError("override the fixture `peer` with one that yields a running Peer")

    @pytest.fixture
    async def gateway(self, peer: Peer, tmp_path: Path) -> AsyncIterator[Opened]:
        async with opened(peer.adapter(), tmp_path, peer.settings) as gateway:
            yield gateway

    def test_an_unknown_key_is_refused_at_its_place(self, peer: Peer, tmp_path: Path) -> None:
        for text in peer.wrong_words():
            [problem] = compiled(text, tmp_path, peer.settings).problems
            line = next(i for i, row in enumerate(text.split("\n"), 1) if "unheard_of" in row)
            assert (problem.place.line, problem.severity) == (line, "error")
            assert "unheard_of" in problem.message

    def test_compiling_is_deterministic(self, peer: Peer, tmp_path: Path) -> None:
        one, two = (compiled(peer.adapter(), tmp_path, peer.settings) for _ in range(2))

        for first, second in zip(one.functions, two.functions, strict=True):
            assert (first.name, first.description) == (second.name, second.description)
            assert (first.schema, first.strict_schema) == (second.schema, second.strict_schema)

    async def test_opening_connects_to_nothing(self, peer: Peer, tmp_path: Path) -> None:
        if peer.restarts:
            await peer.stop()
        async with opened(peer.adapter(), tmp_path, peer.settings):
            pass

    async def test_texts_arrive_as_they_are_or_not_at_all(
        self, gateway: Opened, peer: Peer
    ) -> None:
        """What a wire cannot carry is refused before it is sent, never changed on its way."""
        arrived = 0
        for text in peer.hostile:
            outcome = await gateway.call("echo", {"text": text})
            if isinstance(outcome, Succeeded):
                found = peer.text_of(outcome.value)
                assert found == text, f"{text!r} became {found!r}"
                arrived += 1
            else:
                assert isinstance(outcome, Refused | Failed), outcome
                assert outcome.code in ("invalid_arguments", "bad_value"), (text, outcome)
        assert arrived >= 2

    async def test_a_dry_run_sends_nothing(self, gateway: Opened, peer: Peer) -> None:
        invocation = Invocation(
            "peer_change", {"seconds": 0}, Caller("compliance"), new_id("call_"), "python"
        )
        outcome = await gateway.dispatcher.dispatch(invocation, mode="dry_run")

        assert isinstance(outcome, Succeeded), outcome
        assert isinstance(outcome.value, dict)
        assert "request" in outcome.value
        assert await peer.changes() == 0
        if peer.secret:
            assert peer.secret not in str(outcome)

    async def test_a_change_is_carried_out_once(self, gateway: Opened, peer: Peer) -> None:
        outcome = await gateway.call("change", {"seconds": 0})

        assert isinstance(outcome, Succeeded), outcome
        assert await peer.changes() == 1

    async def test_a_read_ends_at_its_deadline(self, gateway: Opened, peer: Peer) -> None:
        outcome = await asyncio.wait_for(
            gateway.call("wait", {"seconds": _LONG}, seconds=_SHORT), _PATIENCE
        )

        assert isinstance(outcome, Failed), outcome
        assert outcome.code == "timeout"
        await self._at_rest(peer)

    async def test_a_change_without_an_answer_may_have_happened(
        self, gateway: Opened, peer: Peer
    ) -> None:
        await gateway.call("echo", {"text": "warm"})  # so that all of the time is the change's
        outcome = await asyncio.wait_for(
            gateway.call("change", {"seconds": _LONG}, seconds=_SHORT * 2), _PATIENCE
        )

        assert isinstance(outcome, Indeterminate) or (
            peer.undoes and isinstance(outcome, Failed) and outcome.code == "timeout"
        ), outcome
        assert await peer.changes() == 1

    async def test_a_cancel_frees_the_peer(self, gateway: Opened, peer: Peer) -> None:
        call = asyncio.ensure_future(gateway.call("wait", {"seconds": _LONG}, seconds=_LONG))
        if peer.counts_work:
            await until(lambda: _is(peer.at_work, 1), "the peer is at work")
        else:
            await asyncio.sleep(_SHORT)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

        await self._at_rest(peer)
        after = await gateway.call("echo", {"text": "after"})
        assert isinstance(after, Succeeded), after

    async def test_many_calls_at_once_do_not_mix(self, gateway: Opened, peer: Peer) -> None:
        texts = [f"text {number}" for number in range(25)]
        outcomes = await asyncio.gather(
            *(gateway.call("echo", {"text": text}, seconds=30) for text in texts)
        )

        assert [isinstance(each, Succeeded) and peer.text_of(each.value) for each in outcomes] == (
            texts
        )

    async def test_a_cap_tells_when_it_cut(self, gateway: Opened, peer: Peer) -> None:
        if not peer.lists:
            pytest.skip("one reply of this kind is never a list")
        function = next(f for f in gateway.compiled.functions if f.local_name == "rows")
        for count in (2, 3, 4):
            call = Call(
                function.name,
                {"count": count},
                Caller("compliance"),
                time.monotonic() + _PATIENCE,
                max_rows=3,
            )
            reply = await gateway.backend.invoke(function.binding, call)
            rows = peer.list_of(reply.value)
            assert isinstance(rows, list)
            assert (len(rows), len(reply.cuts)) == (min(count, 3), int(count > 3)), count
            assert all(cut.kept == 3 and cut.unit in ("rows", "items") for cut in reply.cuts)

    async def test_health_follows_the_peer_and_calls_find_it_again(
        self, gateway: Opened, peer: Peer
    ) -> None:
        if not peer.restarts:
            pytest.skip("this kind has no peer that could be gone")
        assert (await gateway.backend.health()).ok
        assert isinstance(await gateway.call("echo", {"text": "before"}), Succeeded)

        await peer.stop()
        health = await asyncio.wait_for(gateway.backend.health(), _PATIENCE)
        assert not health.ok
        outcome = await gateway.call("change", {"seconds": 0}, seconds=5)
        assert isinstance(outcome, Failed), "nothing was there to be changed"
        self._keeps_its_secret(peer, health.detail, str(outcome))

        await peer.start()
        assert isinstance(await gateway.call("echo", {"text": "after"}, seconds=20), Succeeded)
        assert (await gateway.backend.health()).ok

    async def test_nothing_is_left_after_closing(self, peer: Peer, tmp_path: Path) -> None:
        async with opened(
            peer.adapter(), tmp_path, peer.settings
        ) as warm:  # what a library keeps for itself
            await warm.call("echo", {"text": "warm"})
        # Something else in this process may grow meanwhile, but not each time.
        for _ in range(3):
            left = await self._left_by_one_gateway(peer, tmp_path)
            if not left:
                return
        pytest.fail(f"still there after closing: {left}")

    async def _left_by_one_gateway(self, peer: Peer, tmp_path: Path) -> Counter[str]:
        before = _held()
        async with opened(peer.adapter(), tmp_path, peer.settings) as gateway:
            await gateway.call("echo", {"text": "one"})
            await gateway.call("wait", {"seconds": _LONG}, seconds=_SHORT)
            hanging = asyncio.ensure_future(gateway.call("wait", {"seconds": _LONG}, seconds=_LONG))
            await asyncio.sleep(_SHORT)
        outcome = await asyncio.wait_for(hanging, _PATIENCE)
        assert isinstance(outcome, Failed), "a call that was cut off by closing says so"
        await peer.rest()
        end = time.monotonic() + _PATIENCE / 3
        while (left := _held() - before) and time.monotonic() < end:
            await asyncio.sleep(0.05)
            gc.collect()
        return left

    async def test_no_secret_is_told(
        self,
        peer: Peer,
        tmp_path: Path,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        if peer.secret is None:
            pytest.skip("an adapter of this kind holds no secret")
        caplog.set_level(logging.DEBUG)
        async with opened(peer.adapter(), tmp_path, peer.settings) as gateway:
            told = [repr(gateway.compiled), repr(gateway.backend)]
            told.append(repr(await gateway.call("echo", {"text": "x"})))
            told.append(repr(await gateway.call("wait", {"seconds": _LONG}, seconds=_SHORT)))
            told.append(repr(await gateway.backend.health()))
        self._keeps_its_secret(peer, *told, caplog.text)

    async def _at_rest(self, peer: Peer) -> None:
        if peer.counts_work:
            await until(lambda: _is(peer.at_work, 0), "the peer has stopped working")

    def _keeps_its_secret(self, peer: Peer, *told: str) -> None:
        for text in told:
            assert peer.secret is None or peer.secret not in text, text


async def _is(ask: Callable[[], Awaitable[int]], wanted: int) -> bool:
    return await ask() == wanted


def _held() -> Counter[str]:
    """How many threads, tasks, child processes and open files of each sort this process has."""
    held = Counter(f"thread {each.name}" for each in threading.enumerate())
    held.update(f"task {type(each.get_coro()).__name__}" for each in asyncio.all_tasks())
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii").split()
    held["child process"] = len(children)
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            held[f"file {entry.readlink().as_posix().partition(':')[0]}"] += 1
    return held
