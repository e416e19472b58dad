"""What every database has to do for Drawbar, tried on one: the same checks for each dialect.

They make two tables of their own, `drawbar_contract` and `drawbar_parts`, and on databases whose routines can be called a
procedure `drawbar_raise`; they drop them at the end, so the login has to be one that may. Nothing else is touched.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

import orjson

from drawbar.backends.sql.backend import SqlBackend, open_backend
from drawbar.backends.sql.compile.adapter import compile_adapter
from drawbar.backends.sql.contract.words import (
    NUMBERS,
    PROCEDURE,
    SETUP,
    TABLES,
    TITLE,
    functions,
    procedure_of,
    rows,
)
from drawbar.backends.sql.databases.drivers import open_database
from drawbar.backends.sql.dialect import Dialect
from drawbar.backends.sql.options import SqlBackendSpec, SqlFunctionSpec
from drawbar.backends.sql.plan import Query, Reading, Statement
from drawbar.backends.sql.session import Allowed
from drawbar.backends.sql.stop import Stop
from drawbar.backends.sql.survey import survey_of
from drawbar.backends.sql.url import parse_url
from drawbar.compiler.contract import Verdict
from drawbar.compiler.kind import Plan
from drawbar.kernel.ports import BackendError, Call, Reply
from drawbar.kernel.values import Caller, JsonObject, JsonValue
from drawbar.kernel.workers import Workers
from drawbar.spec.model import Adapter
from drawbar.spec.source import Report

_WITHIN = 20.0
_STOPPED_WITHIN = 10.0
"""Seconds; a second on a machine that does nothing else. What is not stopped goes on for hours."""
_THREADS = 4


class Broken(Exception):
    """A check did not hold."""


def _equal(found: object, wanted: object) -> None:
    if found != wanted:
        raise Broken(f"{found!r} instead of {wanted!r}")


@dataclass(frozen=True, slots=True)
class Trial:
    """The open backend with the functions of the contract."""

    backend: SqlBackend
    dialect: Dialect
    plans: Mapping[str, Plan]

    async def reply(
        self,
        function: str,
        arguments: JsonObject | None = None,
        *,
        seconds: float = _WITHIN,
        rows: int = 500,
    ) -> Reply:
        deadline = time.monotonic() + seconds
        call = Call(function, arguments or {}, Caller("contract"), deadline, max_rows=rows)
        return await self.backend.invoke(self.plans[function].binding, call)

    async def value(self, function: str, arguments: JsonObject | None = None) -> JsonValue:
        return (await self.reply(function, arguments)).value

    async def error(
        self, function: str, arguments: JsonObject | None = None, *, seconds: float = _WITHIN
    ) -> BackendError:
        try:
            reply = await self.reply(function, arguments, seconds=seconds)
        except BackendError as error:
            return error
        raise Broken(f"{function} answered {reply.value!r} instead of failing")

    async def raw(self, text: str) -> None:
        """As a reading, past the compiler. What it raises is one way to refuse."""
        query = Query(self.dialect, Statement(text, (), text))
        call = Call("raw", {}, Caller("contract"), time.monotonic() + _WITHIN)
        with suppress(BackendError):
            await self.backend.invoke(Reading(query, "many"), call)

    async def row(self, number: str = "N-001") -> JsonObject:
        found = await self.value("get", {"no": number})
        return found if isinstance(found, dict) else {}

    async def is_untouched(self) -> None:
        """All items are there, with what they held."""
        _equal(await self.value("others", {"numbers": []}), {"how_many": len(NUMBERS)})
        _equal((await self.row())["amount"], 1)


async def _one_row(trial: Trial) -> None:
    wanted: JsonObject = {
        "item_no": "N-001",
        "title": None,
        "price": "1.50",
        "amount": 1,
        "day_of": "2026-11-24",
    }
    found = await trial.row()
    _equal(set(found), set(wanted))
    _equal({**found, "price": "1.50", "day_of": "2026-11-24"}, wanted)
    _equal((await trial.error("get", {"no": "none"})).code, "not_found")


async def _capped_list(trial: Trial) -> None:
    reply = await trial.reply("all", rows=3)
    _equal(reply.value, [{"item_no": number} for number in NUMBERS[:3]])
    _equal([cut.kept for cut in reply.cuts], [3])
    _equal((await trial.reply("all", rows=len(NUMBERS))).cuts, ())


async def _lists(trial: Trial) -> None:
    _equal(
        await trial.value("some", {"numbers": ["N-003", "N-001", "it's"]}),
        [{"item_no": "N-001"}, {"item_no": "N-003"}],
    )
    _equal(await trial.value("some", {"numbers": []}), [])
    _equal(await trial.value("others", {"numbers": ["N-001"]}), {"how_many": len(NUMBERS) - 1})
    _equal(await trial.value("others", {"numbers": []}), {"how_many": len(NUMBERS)})


async def _conditions(trial: Trial) -> None:
    everything: list[JsonValue] = [{"item_no": number} for number in NUMBERS]
    _equal(await trial.value("find"), everything)
    _equal(await trial.value("find", {"most": 1.5, "title": "none"}), [])
    _equal(await trial.value("find", {"most": 1.5}), everything)


async def _exact_values(trial: Trial) -> None:
    arguments: JsonObject = {"no": "N-001", "price": 1234567.89, "title": TITLE}
    found = await trial.value("price", arguments)
    assert isinstance(found, dict)  # noqa: S101 -- `rows: one`
    _equal(found["title"], TITLE)
    _equal(str(found["price"]), "1234567.89")
    _equal(str(found["day_of"])[:10], "2026-11-24")
    _equal(await trial.value("find", {"title": TITLE, "most": 1234567.89}), [{"item_no": "N-001"}])
    _equal((await trial.error("price", {"no": "none", "price": 1})).code, "unexpected_rows")


async def _looked_up(trial: Trial) -> None:
    await trial.value("price", {"no": "N-001", "price": 1234567.89})
    await trial.value("copy", {"no": "N-001"})
    first, second = await trial.row(), await trial.row("N-002")
    _equal((second["price"], second["day_of"]), (first["price"], first["day_of"]))
    _equal((await trial.error("copy", {"no": "none"})).code, "no_such_item")


async def _only_reading(trial: Trial) -> None:
    for text in (
        "update drawbar_contract set amount = 9",
        "delete from drawbar_parts",
        "insert into drawbar_contract (item_no, price, amount) values ('X', 1, 1)",
    ):
        await trial.raw(text)
        await trial.is_untouched()


async def _one_statement(trial: Trial) -> None:
    for first in ("select item_no from drawbar_contract", "commit", "rollback"):
        await trial.raw(f"{first}; update drawbar_contract set amount = 9")
        await trial.is_untouched()


async def _all_or_nothing(trial: Trial) -> None:
    error = await trial.error("half")
    _equal((error.code, error.work), ("constraint_violation", "rolled_back"))
    await trial.is_untouched()


async def _constraints(trial: Trial) -> None:
    await trial.value("part", {"no": "N-001"})
    errors = {
        "unique": await trial.error("add", {"no": "N-001", "price": 1, "amount": 1}),
        "check": await trial.error("add", {"no": "X", "price": -1, "amount": 1}),
        "null": await trial.error("add", {"no": "X", "price": 1}),
        "parent": await trial.error("part", {"no": "none"}),
        "child": await trial.error("remove", {"no": "N-001"}),
    }
    _equal(
        {name: error.code for name, error in errors.items()},
        dict.fromkeys(errors, "constraint_violation"),
    )


async def _states(trial: Trial) -> None:
    await _constraints(trial)
    found = {
        "unique": (await trial.error("add", {"no": "N-001", "price": 1, "amount": 1})).facts,
        "check": (await trial.error("add", {"no": "X", "price": -1, "amount": 1})).facts,
    }
    _equal(
        {name: facts.get("sqlstate") for name, facts in found.items()},
        {"unique": "23505", "check": "23514"},
    )
    _equal(str(found["check"].get("constraint")).lower(), "drawbar_price")


async def _no_lost_update(trial: Trial) -> None:
    async def add() -> bool:
        try:
            await trial.value("more")
        except BackendError as error:
            if error.code not in {"conflict", "backend_busy"} or error.work != "rolled_back":
                raise
            return False
        return True

    done = await asyncio.gather(*(add() for _ in range(8)))
    _equal((await trial.row())["amount"], 1 + sum(done))
    if not any(done):
        raise Broken("none of eight changes got through")


async def _times_out(trial: Trial) -> None:
    for function in ("long", "long_change"):
        begun = time.monotonic()
        error = await trial.error(function, seconds=0.8)
        _equal((error.code, error.work), ("timeout", "rolled_back"))
        if time.monotonic() - begun > _STOPPED_WITHIN:
            raise Broken(f"it took {time.monotonic() - begun:.1f} s instead of 0.8")
        await trial.is_untouched()


async def _is_cancelled(trial: Trial) -> None:
    for function in ("long", "long_change"):
        task = asyncio.create_task(trial.reply(function))
        await asyncio.sleep(0.3)
        if task.done():
            raise Broken("it ended before it could be cancelled")
        task.cancel()
        begun = time.monotonic()
        await asyncio.wait({task}, timeout=_WITHIN)
        if time.monotonic() - begun > _STOPPED_WITHIN:
            raise Broken(f"it took {time.monotonic() - begun:.1f} s")
        if not task.cancelled():
            error = task.exception()
            _equal(getattr(error, "code", error), "cancelled")
        await trial.is_untouched()


async def _procedure(trial: Trial) -> None:
    _equal(await trial.value("raise", {"item": "N-001", "by_much": 2}), {"new_amount": 3})
    _equal((await trial.row())["amount"], 3)
    error = await trial.error("raise", {"item": "N-001", "by_much": -1})
    _equal(error.work, "rolled_back")
    _equal((await trial.row())["amount"], 3)


CHECKS: Mapping[str, Callable[[Trial], Awaitable[None]]] = {
    "one row, a null and a date": _one_row,
    "a list, and a cap that tells": _capped_list,
    "`in` and `not in` a list, also an empty one": _lists,
    "optional conditions; marks in texts and comments": _conditions,
    "texts and decimals go there and back unchanged": _exact_values,
    "looked-up values keep what they were": _looked_up,
    "a reading cannot change anything": _only_reading,
    "one statement at a time": _one_statement,
    "all statements or none": _all_or_nothing,
    "a violated constraint is told as one": _constraints,
    "its SQLSTATE and name are told": _states,
    "changes at the same time lose nothing": _no_lost_update,
    "a time-out stops the work": _times_out,
    "a cancelled call stops the work": _is_cancelled,
    "a procedure is called, and undone when it fails": _procedure,
}
_OF_PROCEDURES = {_procedure}
"""Tried only on databases whose routines can be called."""


def _nobodys(adapter: Adapter) -> Adapter:
    """The adapter with the contract's functions, for no caller in particular."""
    specs = {
        name: SqlFunctionSpec.model_validate_json(orjson.dumps(words))
        for name, words in functions(_dialect(adapter)).items()
    }
    backend = adapter.backend.model_copy(update={"identity": None})
    return replace(adapter, functions=specs, backend=backend)


def _dialect(adapter: Adapter) -> Dialect:
    assert isinstance(adapter.backend, SqlBackendSpec)  # noqa: S101 -- the loader used this kind's own model
    return parse_url(adapter.backend, adapter.folder).dialect


def compiled_contract(adapter: Adapter) -> tuple[Mapping[str, Plan], list[str]]:
    """The contract's functions in the adapter's dialect, and what is wrong with them; offline."""
    report = Report(adapter.source)
    plans = compile_adapter(_nobodys(adapter), report)
    return plans, [each.message for each in report.problems if each.severity == "error"]


async def check_contract(adapter: Adapter) -> AsyncIterator[Verdict]:
    """Try all of it on the adapter's own database, with tables made for each check. Raises BackendError without it."""
    plans, problems = compiled_contract(adapter)
    if problems:
        yield Verdict("the functions compile", "; ".join(problems))
        return
    dialect = _dialect(adapter)
    tables = Tables(adapter)
    backend = open_backend(_nobodys(adapter), survey_of(plans), Workers("contract", _THREADS))
    try:
        for feature, check in CHECKS.items():
            if check in _OF_PROCEDURES and procedure_of(dialect) is None:
                continue
            await asyncio.to_thread(tables.fill)
            try:
                await check(Trial(backend, dialect, plans))
            except Broken as broken:
                yield Verdict(feature, str(broken))
            except BackendError as error:
                yield Verdict(feature, f"{error.code}: {error.message}")
            else:
                yield Verdict(feature)
    finally:
        await backend.close()
        await asyncio.to_thread(tables.close)


class Tables:
    """The two tables, made anew past the adapter; they are gone when it is closed."""

    def __init__(self, adapter: Adapter) -> None:
        assert isinstance(adapter.backend, SqlBackendSpec)  # noqa: S101 -- as above
        target = parse_url(adapter.backend, adapter.folder)
        self._dialect = target.dialect
        self._database = open_database(target, 1)
        self._made = False

    def fill(self) -> None:
        """Make them when they are not there; every row as it was at the beginning."""
        if not self._made:
            self.drop()
            for text in SETUP:
                self._change(text)
            if procedure := procedure_of(self._dialect):
                self._change(procedure)
            self._made = True
        for table in TABLES:
            self._change(f"delete from {table}")
        self._change(*rows(self._dialect))

    def _change(self, *texts: str) -> None:
        allowed = Allowed(Stop(), time.monotonic() + _WITHIN)
        with self._database.changing(allowed) as session:
            for text in texts:
                session.change(Statement(text, (), text, changes=True, answers=False), {})

    def drop(self) -> None:
        if procedure_of(self._dialect) is not None:
            with suppress(BackendError):  # as below
                self._change(f"drop procedure {PROCEDURE}")
        for table in TABLES:
            with suppress(BackendError):  # it was not there
                self._change(f"drop table {table}")

    def close(self) -> None:
        self.drop()
        self._database.close()
