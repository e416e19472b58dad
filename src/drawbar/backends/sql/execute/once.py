"""A call that is done once: its key and its answer are kept in the transaction of its changes.

Whoever sees the key sees the changes, and the other way round. So a call whose commit was not answered is simply
made again: either its key is there, and with it the answer, or nothing has happened. A second transaction that
writes the same key waits for the first, which is what makes this right while the first is still ending.
"""

from __future__ import annotations

from typing import Any

import orjson

from drawbar.backends.sql.dialect import Dialect
from drawbar.backends.sql.plan import CALL, Once, Slot, Statement, Values, render
from drawbar.backends.sql.session import Session
from drawbar.kernel.ports import BackendError, Call, Reply

DONE_BEFORE = (
    "This call had been carried out before; this is its answer of then. Nothing was changed now."
)


def once_in(dialect: Dialect, table: str) -> Once:
    """The statements for a table with the columns call_key, function and answer."""
    key, function, answer = (Slot(CALL, name) for name in ("key", "function", "answer"))

    def statement(*pieces: str | Slot, changes: bool = True) -> Statement:
        return render(pieces, dialect, changes=changes, answers=not changes)

    insert = f"insert into {table} (call_key, function, answer) values ("  # noqa: S608 -- the author's own name
    return Once(
        find=statement("select answer from ", table, " where call_key = ", key, changes=False),
        begin=statement(insert, key, ", ", function, ", '')"),
        end=statement("update ", table, " set answer = ", answer, " where call_key = ", key),
    )


def begin(session: Session, once: Once, call: Call) -> Reply | None:
    """The answer of the same call, if it was carried out; else its key is written."""
    values = _values(call)
    found = session.look_up(once.find, values, 1).rows
    if found:
        text = next(iter(found[0].values())).shown
        if not text:  # a procedure has committed it, and then its call ended in some way
            message = "this call was begun before, and how it ended is not known"
            raise BackendError(message, code="unknown_end", work="unknown")
        return Reply(orjson.loads(str(text)), notes=(DONE_BEFORE,))
    session.change(once.begin, values)
    return None


def end(session: Session, once: Once, call: Call, reply: Reply) -> None:
    """Keep the answer."""
    session.change(once.end, _values(call, orjson.dumps(reply.value).decode()))


def _values(call: Call, answer: str = "") -> Values:
    named: dict[str, Any] = {  # see Values
        "key": call.idempotency_key,
        "function": call.function,
        "answer": answer,
    }
    return {CALL: named}
