"""Errors of drivers that say little more than a SQLSTATE and a text: ODBC and JDBC."""

from __future__ import annotations

import re

from drawbar.backends.sql.databases.mariadb.numbers import told
from drawbar.backends.sql.dialect import Dialect
from drawbar.backends.sql.session import took_too_long, was_stopped
from drawbar.kernel.ports import BackendError
from drawbar.kernel.values import Secret

_CODES = {
    "40001": "conflict",
    "40P01": "conflict",
    "25006": "not_allowed",
    "42501": "not_allowed",
    "42000": "statement_failed",
    "90097": "not_allowed",
}
_CLASSES = {"22": "bad_value", "23": "constraint_violation", "28": "backend_denied", "45": "raised"}
_STOPPED = {"57014", "HY008", "70100"}
_LOST = {"57P01", "57P02", "57P03", "90067", "90098", "90121", "HY000-2006", "HY000-2013"}
_NAME = re.compile(
    r"; (\w+) table:|constraint(?: violation:)? [\"'`](?:[A-Za-z_]+\.)*([A-Za-z0-9_$]+)|CONSTRAINT `([^`]+)`|for key '([^']+)'"
)
_SAME = {"23000": "", "23513": "23514", "23506": "23503", "23503": "23503"}
"""What H2 calls otherwise than the others."""


def is_lost(state: str) -> bool:
    """Whether the connection is gone, so that the answer will never come."""
    return state.startswith("08") or state in _LOST


def translated(state: str, message: str, number: int, dialect: Dialect) -> BackendError:
    """An error of a statement; what was begun is undone. `number` is the database's own."""
    if dialect.grammar == "mysql" and number:
        return told(number, message)
    if state in _STOPPED:
        return was_stopped()
    if state == "HYT00":
        return took_too_long()
    code = _CODES.get(state) or _CLASSES.get(state[:2], "statement_failed")
    if code == "conflict":
        message = "someone else changed the same data at the same time; everything was undone"
    facts: dict[str, str | int] = {"sqlstate": _SAME.get(state, state) or state}
    if code == "constraint_violation" and (found := _NAME.search(message)):
        facts["constraint"] = dialect.column(next(name for name in found.groups() if name))
    return BackendError(
        message, code=code, retryable=code == "conflict", work="rolled_back", facts=facts
    )


def not_connected(state: str, text: str, password: Secret | None) -> BackendError:
    """A connection could not be made; nothing has been sent."""
    text = " ".join(text.split())
    if password is not None and password.reveal():
        text = text.replace(password.reveal(), "***")
    if state.startswith("28"):
        message = f"the server refused the login: {text}"
        return BackendError(message, code="backend_denied", work="not_started")
    return BackendError(
        f"the database cannot be reached: {text}",
        code="backend_unavailable",
        retryable=state.startswith("08"),
        work="not_started",
    )
