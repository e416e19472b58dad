"""Whether the database has the routine that an adapter calls, as it was declared; asked before the first call."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from drawbar.backends.sql.dialect import Dialect
from drawbar.backends.sql.execute.calls import HINT, MISMATCH
from drawbar.backends.sql.live.routines import LiveRoutine, list_routines
from drawbar.backends.sql.plan import Routine
from drawbar.backends.sql.session import Session
from drawbar.backends.sql.signature import Argument, Signature, counted, plain_type
from drawbar.kernel.ports import BackendError
from drawbar.spec.names import closest


def check_routine(session: Session, routine: Routine) -> None:
    """Raises BackendError that shows what was declared beside what is there."""
    wanted = routine.signature
    schema = wanted.schema.name if wanted.schema else None
    there = list_routines(session, routine.dialect, schema, wanted.name.name)
    if not there:
        raise _mismatch(_unknown(session, routine, schema))
    if any(_fits(routine, each) for each in there):
        return
    shown = " and ".join(f"`{each.signature}`" for each in there)
    reasons = [reason for each in there for reason in _reasons(routine, each)]
    why = f"; {reasons[0]}" if len(there) == 1 and reasons else ""
    raise _mismatch(f"the adapter calls `{wanted}`, and the database has {shown}{why}")


def _mismatch(message: str) -> BackendError:
    return BackendError(message, code=MISMATCH, work="not_started", hint=HINT)


def _unknown(session: Session, routine: Routine, schema: str | None) -> str:
    others = list_routines(session, routine.dialect, schema)
    meant = closest(
        routine.signature.name.name, {each.signature.name.name: None for each in others}
    )
    there = next((each for each in others if each.signature.name.name == meant), None)
    also = f"; there is `{there.signature}`" if there else ""
    return f"the database has no routine `{routine.signature.called}` that this login can see{also}"


def _fits(routine: Routine, live: LiveRoutine) -> bool:
    return next(_reasons(routine, live), None) is None


def _reasons(routine: Routine, live: LiveRoutine) -> Iterator[str]:
    """Why a routine is not the one that was declared."""
    wanted, dialect = routine.signature, routine.dialect
    if wanted.sort != live.signature.sort:
        yield f"it is a {live.signature.sort}"
        return
    if dialect.name == "firebird" and wanted.sort == "procedure":
        if live.answers == "rows" and routine.rows is None:
            yield "it answers rows, so `rows: many` or `rows: one` belongs beside `call`"
        elif live.answers != "rows" and routine.rows is not None:
            yield "it has no `suspend` and so no rows, so `rows` does not belong beside `call`"
    has = live.signature.arguments or ()
    if wanted.arguments is None:
        yield from _without_arguments(routine, live, has)
        return
    yield from _parts(wanted, has, live.defaults, dialect, has_rows=routine.rows is not None)


def _without_arguments(
    routine: Routine, live: LiveRoutine, has: Sequence[Argument]
) -> Iterator[str]:
    given = len(routine.statement.slots)
    ins = sum(1 for each in has if each.goes_in)
    if not ins - live.defaults <= given <= ins:
        values, arguments = counted(given, "value"), counted(ins, "argument")
        yield f"it is called with {values}, and takes {arguments}"
    if routine.rows is None and any(each.comes_out for each in has):
        yield "what comes out has to be declared"


def _parts(
    wanted: Signature, has: Sequence[Argument], defaults: int, dialect: Dialect, *, has_rows: bool
) -> Iterator[str]:
    """A procedure's arguments stand in one order; elsewhere what comes out is told by itself."""
    given = wanted.arguments or ()
    if wanted.sort == "procedure" and dialect.name != "firebird":
        yield from _compared(given, has, defaults, dialect)
        return
    ins = [each for each in given if each.goes_in]
    yield from _compared(ins, [each for each in has if each.goes_in], defaults, dialect)
    out = [each for each in given if each.comes_out]
    has_out = [each for each in has if each.comes_out]
    if out or (has_out and not has_rows):
        yield from _compared(out, has_out, 0, dialect)


def _compared(
    given: Sequence[Argument], has: Sequence[Argument], defaults: int, dialect: Dialect
) -> Iterator[str]:
    if not len(has) - defaults <= len(given) <= len(has):
        yield f"it is declared with {counted(len(given), 'argument')}, and has {len(has)}"
        return
    for one, other in zip(given, has, strict=False):
        same_name = not one.comes_out or one.name == other.name
        same_type = _last(plain_type(one.type, dialect)) == _last(plain_type(other.type, dialect))
        if one.mode != other.mode or not same_name or not same_type:
            yield f"`{one}` is declared where it has `{other}`"


def _last(written: str) -> str:
    """Without the schema of a type, which the database leaves out where it is in the search path."""
    return written.rpartition(".")[2].strip('"')
