"""What PyMySQL raises, in Drawbar's words: told apart by the server's error numbers."""

from __future__ import annotations

import re
from typing import Any

import pymysql

from drawbar.backends.sql.session import took_too_long, was_stopped
from drawbar.kernel.ports import BackendError
from drawbar.kernel.values import Secret

INTERRUPTED = 1317
NO_SUCH_THREAD = 1094

_LOST = {0, 1053, 1079, 1152, 1153, 1158, 1159, 1160, 1161, 1927, 2006, 2013, 2014, 2055, 4031}
_CONFLICTS = {1205, 1213, 1020}
_TIMES = {1969, 3024}
_CODES = {
    1040: "backend_busy",
    1203: "backend_busy",
    1226: "backend_busy",
    1044: "not_allowed",
    1045: "not_allowed",
    1142: "not_allowed",
    1143: "not_allowed",
    1227: "not_allowed",
    1290: "not_allowed",
    1370: "not_allowed",
    1959: "not_allowed",
    1792: "not_allowed",
    1406: "bad_value",
    1264: "bad_value",
    1265: "bad_value",
    1292: "bad_value",
    1366: "bad_value",
    1365: "bad_value",
    1690: "bad_value",
    3140: "bad_value",
    4025: "constraint_violation",
    3819: "constraint_violation",
    1644: "raised",
}
_CONSTRAINTS = {
    1062: ("23505", re.compile(r"for key '(?:[^'.]+\.)?([^']+)'")),
    1586: ("23505", re.compile(r"for key '(?:[^'.]+\.)?([^']+)'")),
    1451: ("23503", re.compile(r"CONSTRAINT `([^`]+)`")),
    1452: ("23503", re.compile(r"CONSTRAINT `([^`]+)`")),
    1216: ("23503", re.compile(r"CONSTRAINT `([^`]+)`")),
    1217: ("23503", re.compile(r"CONSTRAINT `([^`]+)`")),
    1048: ("23502", re.compile(r"Column '([^']+)'")),
    1364: ("23502", re.compile(r"Field '([^']+)'")),
    4025: ("23514", re.compile(r"CONSTRAINT `(?:[^`.]+\.)?([^`]+)`")),
    3819: ("23514", re.compile(r"[Cc]heck constraint '([^']+)'")),
}
"""The SQLSTATE that other databases give, so that `errors:` rules can be written once, and where the name stands."""


def _number(error: Exception) -> int:
    number: Any = error.args[0] if error.args else 0
    return number if isinstance(number, int) else 0


def _text(error: Exception) -> str:
    return str(error.args[1]) if len(error.args) > 1 else str(error)


def is_lost(error: Exception) -> bool:
    """Whether the connection is gone, so that the answer will never come."""
    if isinstance(error, pymysql.err.InterfaceError):
        return True
    return _number(error) in _LOST and isinstance(
        error, (pymysql.err.OperationalError, pymysql.err.InternalError)
    )


def translate(error: Exception) -> BackendError:
    number, message = _number(error), _text(error)
    if number == INTERRUPTED:
        return was_stopped()
    if number in _TIMES:
        return took_too_long()
    facts: dict[str, str | int] = {"mysql": number}
    if number in _CONFLICTS:
        return BackendError(
            "someone else changed the same data at the same time; everything was undone",
            code="conflict",
            retryable=True,
            work="rolled_back",
            facts=facts,
        )
    code = _CODES.get(number, "statement_failed")
    if number in _CONSTRAINTS:
        code = "constraint_violation"
        state, name = _CONSTRAINTS[number]
        facts["sqlstate"] = state
        if found := name.search(message):
            facts["column" if state == "23502" else "constraint"] = found[1]
    if code == "raised":
        facts["message"] = message
    return BackendError(
        message, code=code, retryable=code == "backend_busy", work="rolled_back", facts=facts
    )


def connect_error(error: Exception, password: Secret | None) -> BackendError:
    """A connection could not be made; nothing has been sent."""
    number, text = _number(error), _text(error)
    if password is not None and password.reveal():
        text = text.replace(password.reveal(), "***")
    if number in {1040, 1203, 1226}:
        return BackendError(
            f"the server takes no more connections: {text}",
            code="backend_busy",
            retryable=True,
            work="not_started",
        )
    if number in {1044, 1045, 1130, 1698, 1862, 3118}:
        return BackendError(
            f"the server refused the login: {text}", code="backend_denied", work="not_started"
        )
    return BackendError(
        f"the database cannot be reached: {text}",
        code="backend_unavailable",
        retryable=number != 1049,  # noqa: PLR2004 -- no such database
        work="not_started",
    )
