"""The open SQL backend: a place in its bounded threads for each call, its deadline, its cancellation."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from drawbar.backends.sql.databases.drivers import open_database
from drawbar.backends.sql.dialect import SQLITE
from drawbar.backends.sql.execute.calls import MISMATCH
from drawbar.backends.sql.execute.cursor import Seal
from drawbar.backends.sql.execute.identity import identity_of
from drawbar.backends.sql.execute.operation import operate
from drawbar.backends.sql.execute.page import enter, statement_of
from drawbar.backends.sql.execute.reading import read, the_one
from drawbar.backends.sql.execute.rehearse import Shown, of_reading, rehearse
from drawbar.backends.sql.free_query import FreeQueries, open_queries
from drawbar.backends.sql.live.declared import check_routine
from drawbar.backends.sql.logins.logins import Logins, logins_of
from drawbar.backends.sql.options import SqlBackendSpec, SqlIdentitySpec
from drawbar.backends.sql.plan import (
    ARGUMENT,
    Binding,
    FreeQuery,
    Operation,
    Query,
    Reading,
    Routine,
    Statement,
    Values,
)
from drawbar.backends.sql.session import (
    AT_ONCE,
    Allowed,
    AsksAlone,
    Database,
    LetsRoutinesCommit,
    NotAtOnce,
    Session,
    Unanswered,
)
from drawbar.backends.sql.stop import Stop
from drawbar.backends.sql.survey import Survey
from drawbar.backends.sql.url import parse_url
from drawbar.kernel.files import FileText
from drawbar.kernel.places import Places
from drawbar.kernel.ports import BackendError, Call, Health, Progress, Reply
from drawbar.kernel.values import Caller, JsonObject, JsonValue
from drawbar.kernel.workers import Workers
from drawbar.spec.model import Adapter

T = TypeVar("T")

_UNREACHED = {"backend_unavailable", "backend_denied", "backend_busy"}
_ATTEMPTS = 3
_PAUSE = 0.1
"""Seconds between two attempts to find out what became of a call that is done once."""
_SETTLED_LATER = {*_UNREACHED, "conflict", "constraint_violation"}
_CARRIED_OUT = "It was carried out and undone; sequences have moved on, and what triggers did elsewhere has stayed."
_TRANSACTIONS = {
    "reading": "read only",
    "changing": "one for all statements",
    "none": "none: the procedure ends its own",
}
_FORGETS = {"statement_failed", MISMATCH}
_STOP_WITHIN = 1.0
"""Seconds that a stopped call waits for its thread."""
_SLOW_FOR = 10.0
_TOO_LONG = 10 * AT_ONCE
_LATE_IN_A_ROW = 3
_LATE_FOR = 1.0
"""A reading that ends later three times in a row waits for its disk, or the machine is busy: it gets a
thread for a moment. Once or twice it was the machine."""
_DEAD_WITHIN = 0.5
"""Seconds in which a connection that died in the pool shows; later it was lost while it worked."""
_HEALTH_WITHIN = 5.0
_LOGIN_WITHIN = 20.0

_NOBODY = Caller("drawbar")
_MARGIN = 0.25
"""Seconds before the deadline at which the database itself stops, so that its own words arrive in time."""


def open_backend(adapter: Adapter, survey: Survey, workers: Workers) -> SqlBackend:
    """Nothing is connected yet."""
    backend = adapter.backend
    assert isinstance(backend, SqlBackendSpec)  # noqa: S101 -- the loader used this kind's own model
    changes = survey.changes
    target = parse_url(backend, adapter.folder)
    database = open_database(target, workers.size, changes=changes)
    queries = open_queries(backend, adapter.folder, workers.size, changes=changes)
    logins = logins_of(adapter, survey, database, queries)
    opened = SqlBackend(
        database, workers, Seal(_secret(backend)), queries, logins, backend.identity
    )
    opened.alone = f"select 1{target.dialect.one_row}"
    return opened


def _secret(backend: SqlBackendSpec) -> bytes:
    """What all machines of a deployment have in common, and nobody else has."""
    if backend.cursor_secret is not None:
        return backend.cursor_secret.reveal().encode()
    password = "" if backend.password is None else backend.password.reveal()
    return f"{backend.url.reveal()}\n{password}".encode()


def _compare(session: Session, routine: Routine) -> None:
    """What was declared with what is there; behind ODBC and JDBC the database itself says it when it is called."""
    if routine.dialect.name not in {"odbc", "jdbc"}:
        check_routine(session, routine)


class SqlBackend:
    """One database. As many calls at a time as there are threads; the others wait, and are told so."""

    def __init__(
        self,
        database: Database,
        workers: Workers,
        seal: Seal,
        queries: FreeQueries,
        logins: Logins,
        identity: SqlIdentitySpec | None = None,
    ) -> None:
        self._database = database
        self.queries = queries
        self._logins = logins
        self._identity = identity
        self.alone = "select 1"
        """What `health` asks for."""
        self._workers = workers
        self._seal = seal
        self._places = Places(workers.size)
        self.answers_at_once = database.answers_at_once
        self._asks = database if isinstance(database, AsksAlone) else None
        self._running: dict[Stop, asyncio.Task[Any]] = {}  # each call has its own result
        self._closed = False
        self._slow_until: dict[int, float] = {}
        """By identity of a reading, which lives as long as the adapter."""
        self._checked: set[int] = set()
        """Calls of routines that the database has, likewise."""
        self._late: dict[int, int] = {}

    async def invoke(self, binding: Binding, call: Call) -> Reply:
        """Carry it out, or describe it. Raises BackendError, or lets CancelledError out."""
        values: Values = {
            name: value.content.data if isinstance(value, FileText) else value
            for name, value in call.arguments.items()
        }
        if isinstance(binding, FreeQuery):
            return await self._in_thread(
                lambda allowed: self._ask_freely(binding, str(values[ARGUMENT]), call, allowed),
                call,
            )
        if self._logins.main is not None and self._logins.main.refuses:
            await self._in_thread(self._logins.main.admit, call)
        if isinstance(binding, Reading):
            values = enter(binding, values, self._seal)
        if call.mode == "dry_run":
            return await self._dry_run(binding, values, call)
        if isinstance(binding, Reading):
            reply = self._read_at_once(binding, values, call)
            if reply is None and (asks := self._asks) is not None and self._is_alone(binding):
                reply = await self._ask_alone(asks, binding, values, call)
            if reply is not None:
                return reply
            return await self._in_thread(
                lambda allowed: self._read(binding, values, call, allowed), call
            )
        return await self._in_thread(
            lambda allowed: self._operate(binding, values, call, allowed),
            call,
            changes=binding.transaction != "reading",
            is_ours=binding.routine is None,
        )

    def invoke_at_once(self, binding: Binding, call: Call) -> Reply | None:
        """A reading without a thread, which would cost ten times as much. None: a thread has the patience."""
        if not self.answers_at_once or not isinstance(binding, Reading):
            return None
        if self._logins.main is not None and self._logins.main.refuses:
            return None
        return self._read_at_once(binding, enter(binding, call.arguments, self._seal), call)

    def _read_at_once(self, reading: Reading, values: Values, call: Call) -> Reply | None:
        """A reading that took too long goes to a thread for some time."""
        if not self.answers_at_once or self._closed:
            return None
        begun = time.monotonic()
        key = id(reading)
        if call.deadline <= begun or self._slow_until.get(key, 0.0) > begun:
            return None
        try:
            reply = self._database.at_once(
                lambda session: read(session, reading, values, call),
                snapshot=bool(reading.children),
            )
        except NotAtOnce:
            self._slow_until[key] = begun + _SLOW_FOR
            return None
        if time.monotonic() - begun < _TOO_LONG:
            if self._late:
                self._late.pop(key, None)
            return reply
        self._late[key] = self._late.get(key, 0) + 1
        if self._late[key] >= _LATE_IN_A_ROW:
            self._slow_until[key] = begun + _LATE_FOR
        return reply

    def _is_alone(self, reading: Reading) -> bool:
        """Whether it is one select of one row, which nobody but the database has to be told."""
        one = reading.rows == "one" and reading.page is None and not reading.children
        return one and self._identity is None

    async def _ask_alone(
        self, asks: AsksAlone, reading: Reading, values: Values, call: Call
    ) -> Reply | None:
        """Without a thread, which would cost more than the question. None: a thread has to do it."""
        until = call.deadline - _margin(call.remaining())
        if self._closed or not self._places.take():
            await self._place(until)
        try:
            found = await asks.ask_alone(statement_of(reading, values), values, until)
        except Unanswered:
            return None
        finally:
            self._places.give_back()
        return the_one(found, reading, values, call)

    def _ask_freely(self, query: FreeQuery, text: str, call: Call, allowed: Allowed) -> Reply:
        if self._logins.query is not None:
            self._logins.query.admit(allowed)
        return self.queries.read(query, text, call, allowed)

    def _read(self, reading: Reading, values: Values, call: Call, allowed: Allowed) -> Reply:
        has_children = bool(reading.children)
        single = reading.rows == "one" and not has_children
        begun = time.monotonic()
        try:
            with self._database.reading(allowed, snapshot=has_children, single=single) as session:
                return read(session, reading, values, call)
        except BackendError as error:
            found_dead = (
                single and error.code == "backend_unavailable" and error.work != "not_started"
            )
            if not found_dead or time.monotonic() - begun > _DEAD_WITHIN:
                raise
        with self._database.reading(
            allowed, snapshot=False
        ) as session:  # begins, which finds the living
            return read(session, reading, values, call)

    def _operate(self, plan: Operation, values: Values, call: Call, allowed: Allowed) -> Reply:
        """Repeated when the database undoes it for a conflict: nothing has happened then.

        One that is done once is also repeated when its end is not known, until it is.
        """
        attempt = 0
        lost: BackendError | None = None
        self._check(plan, allowed)
        while True:
            attempt += 1
            try:
                with self._session(plan, allowed) as session:
                    return operate(session, plan, values, call)
            except BackendError as error:
                if error.code in _FORGETS:
                    self._checked.discard(id(plan))
                is_lost = error.work == "unknown" and error.code in _UNREACHED
                if plan.once is not None and is_lost:
                    lost = error
                if lost is None:
                    if attempt >= _ATTEMPTS or not _may_repeat(plan, error, attempt):
                        raise
                elif error is not lost and error.code not in _SETTLED_LATER:
                    raise  # its own key was written, so the one before has not happened
                elif time.monotonic() + _PAUSE > allowed.until or allowed.stop.signal.wait(_PAUSE):
                    raise lost from None

    def _session(self, plan: Operation, allowed: Allowed) -> AbstractContextManager[Session]:
        if plan.transaction == "reading":
            return self._database.reading(allowed, snapshot=True)
        if plan.transaction == "none":
            assert isinstance(self._database, LetsRoutinesCommit)  # noqa: S101 -- the compiler asks for it
            return self._database.unguarded(allowed)
        return self._database.changing(allowed)

    def _check(self, plan: Operation, allowed: Allowed) -> None:
        """Once, until something fails that a change of the database may be behind."""
        if plan.routine is None or id(plan) in self._checked:
            return
        with self._database.reading(allowed, snapshot=True) as session:
            _compare(session, plan.routine)
        self._checked.add(id(plan))

    def _undone(self, plan: Operation, values: Values, call: Call, allowed: Allowed) -> Reply:
        """Carry it out, and undo it. What it does has not happened, so it never counts as sent."""
        apart = replace(call, progress=Progress(), idempotency_key=None)
        reply: Reply | None = None
        with suppress(_Undo), self._database.changing(allowed) as session:
            reply = operate(session, plan, values, apart)
            raise _Undo
        assert reply is not None  # noqa: S101 -- what else was raised has left by now
        return reply

    def _look_ahead(self, plan: Operation, values: Values, allowed: Allowed) -> list[Shown]:
        """What an operation would do, found out by reading only."""
        with self._database.reading(allowed, snapshot=True) as session:
            if plan.routine is not None:
                _compare(session, plan.routine)
            return rehearse(session, plan, values)

    async def _in_thread(
        self,
        work: Callable[[Allowed], T],
        call: Call,
        *,
        changes: bool = False,
        is_ours: bool = True,
    ) -> T:
        """Run in one of the backend's threads, and stop what runs there when this task is cancelled.

        `is_ours`: nothing but our own commit can make its changes last.
        """
        until = call.deadline - _margin(call.remaining())
        identity = None if call.caller is _NOBODY else identity_of(self._identity, call.caller)
        await self._place(until)
        stop = Stop()
        task = asyncio.ensure_future(self._workers.run(work, Allowed(stop, until, identity)))
        self._running[stop] = task
        task.add_done_callback(lambda done: self._ended(done, stop))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            await _stopped(task, stop)
            if changes and (is_ours or task.done()):
                _judge(task, stop)
            raise

    async def _place(self, until: float) -> None:
        if self._closed:
            message = "the backend was closed"
            raise BackendError(message, code="backend_unavailable", work="not_started")
        try:
            await self._places.wait(until)
        except TimeoutError:
            message = f"all {self._workers.size} connections to the database were in use for the whole time of the call"
            raise BackendError(
                message, code="backend_busy", retryable=True, work="not_started"
            ) from None

    def _ended(self, task: asyncio.Task[T], stop: Stop) -> None:
        del self._running[stop]
        self._places.give_back()
        if not task.cancelled():
            task.exception()  # taken note of, also when nobody waits for it any more

    async def _dry_run(self, binding: Reading | Operation, values: Values, call: Call) -> Reply:
        """The statements with their values, and how the database would carry them out."""
        notes: list[str] = []
        described: list[JsonValue] = []
        for shown in await self._rehearse(binding, values, call, notes):
            description = shown.described()
            if shown.explained:
                try:
                    plan = await self._in_thread(
                        partial(self._database.explain, shown.statement, shown.values), call
                    )
                    description["plan"] = list[JsonValue](plan)
                except BackendError as error:
                    notes.append(f"not explained: {error.message}")
            described.append(description)
        transaction = "read only"
        if isinstance(binding, Operation):
            transaction = _TRANSACTIONS[binding.transaction]
        value: JsonObject = {"request": {"transaction": transaction, "statements": described}}
        if isinstance(binding, Operation) and binding.undone:
            reply = await self._in_thread(partial(self._undone, binding, values, call), call)
            value["would_answer"] = reply.value
            notes += [*reply.notes, _CARRIED_OUT]
        return Reply(value, notes=tuple(dict.fromkeys(notes)))

    async def _rehearse(
        self, binding: Reading | Operation, values: Values, call: Call, notes: list[str]
    ) -> list[Shown]:
        """What would be carried out. Raises the refusals of the business."""
        if isinstance(binding, Reading):
            return of_reading(binding, values)
        if not binding.asks:
            return rehearse(None, binding, values)
        try:
            return await self._in_thread(partial(self._look_ahead, binding, values), call)
        except BackendError as error:
            if error.code not in _UNREACHED:
                raise
            notes.append(f"nothing was looked up or checked: {error.message}")
            return rehearse(None, binding, values)

    async def examine(self, work: Callable[[Database, Allowed], T], within: float) -> T:
        """Do this in one of the threads; it may take so many seconds. Raises BackendError."""
        call = Call("examine", {}, _NOBODY, time.monotonic() + within)
        return await self._in_thread(partial(work, self._database), call)

    async def health(self) -> Health:
        """A select of one value, within five seconds."""
        deadline = time.monotonic() + _HEALTH_WITHIN
        call = Call("health", {}, _NOBODY, deadline)
        alone = Statement(self.alone, (), self.alone)
        reading = Reading(Query(SQLITE, alone), "many")
        try:
            async with asyncio.timeout(_HEALTH_WITHIN):
                await self._in_thread(lambda allowed: self._read(reading, {}, call, allowed), call)
        except BackendError as error:
            denied = error.code == "backend_denied"
            return Health(ok=False, detail=f"{self.alone}: {error.message}", denied=denied)
        except TimeoutError:
            said = f"{self.alone}: no answer within {_HEALTH_WITHIN:g} seconds"
            return Health(ok=False, detail=said)
        wide = self._logins.known()
        return Health(ok=True, detail="; ".join([f"{self.alone} was answered", *wide]))

    async def check_login(self) -> tuple[str, ...]:
        """What the login may do although no function needs it, each with its mend. Raises BackendError."""
        return await self.examine(lambda _, allowed: self._logins.describe(allowed), _LOGIN_WITHIN)

    async def close(self) -> None:
        """Stop what runs, and let go of threads and connections."""
        if self._closed:
            return
        self._closed = True
        if self._asks is not None:
            await self._asks.hang_up()
        await asyncio.gather(*(_stopped(task, stop) for stop, task in tuple(self._running.items())))
        if (
            self._running
        ):  # a server that does not even take a cancel request; its lines are cut by now
            await asyncio.wait(self._running.values(), timeout=_STOP_WITHIN)
        self._database.close()
        self.queries.close()
        self._workers.close()


class _Undo(Exception):
    """Ends a transaction without its changes."""


def _may_repeat(plan: Operation, error: BackendError, attempt: int) -> bool:
    """Two calls with one key may meet at it: the second attempt finds the answer of the other."""
    met = plan.once is not None and error.code == "constraint_violation" and attempt == 1
    return met or (error.code == "conflict" and error.work != "unknown")


def _margin(remaining: float) -> float:
    return min(_MARGIN, remaining / 10)


async def _trigger(stop: Stop) -> None:
    """Interrupt what a call does at the database; that may block, so it gets a thread of its own."""
    with ThreadPoolExecutor(1, thread_name_prefix="sql-stop") as thread:
        await asyncio.get_running_loop().run_in_executor(thread, stop.trigger)


async def _stopped(task: asyncio.Task[T], stop: Stop) -> None:
    """Stop the thread of a call, and give it a moment to undo what it has begun.

    Repeated, since an interrupt that arrives between two statements of the thread hits nothing.
    """
    loop = asyncio.get_running_loop()
    ends = loop.time() + _STOP_WITHIN
    while not task.done() and loop.time() < ends:
        await _trigger(stop)
        await asyncio.wait({task}, timeout=_STOP_WITHIN / 20)


def _judge(task: asyncio.Task[T], stop: Stop) -> None:
    """Raise what is known of a change that was stopped; return when nothing is."""
    if not task.done():
        if not stop.committing:  # and so it never will
            message = "the call was stopped before its changes were committed"
            raise BackendError(message, code="cancelled", work="rolled_back")
        return
    error = task.exception()
    if isinstance(error, BackendError):
        raise error
    if error is None:
        message = "the call was stopped, but its changes had been committed by then"
        raise BackendError(message, code="cancelled", work="done")
