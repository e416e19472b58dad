"""The error numbers of MariaDB and MySQL in Drawbar's words, whichever driver brings them."""

from __future__ import annotations

import re

from drawbar.backends.sql.session import took_too_long, was_stopped
from drawbar.kernel.ports import BackendError

INTERRUPTED = 1317

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


def told(number: int, message: str) -> BackendError:
    """An error of a statement; what was begun is undone."""
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
