"""What psycopg raises, in Drawbar's words: told apart by SQLSTATE, and by the server's text before there is one.

Texts of the driver can quote the connection's words, so a password never passes through here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from drawbar.backends.sql.session import took_too_long, was_stopped
from drawbar.kernel.ports import BackendError, WorkState
from drawbar.kernel.values import Secret

if TYPE_CHECKING:
    import psycopg

_CONFLICTS = {"40001", "40P01"}
_CODES = {
    "55P03": "backend_busy",
    "53300": "backend_busy",
    "53400": "backend_busy",
    "25006": "not_allowed",
    "42501": "not_allowed",
}
_CLASSES = {
    "22": "bad_value",
    "23": "constraint_violation",
    "28": "backend_denied",
    "P0": "raised",
}
"""By the first two characters of the SQLSTATE."""
_ENDS_TRANSACTION = "2D000"
_SHUT_DOWN = {"57P01", "57P02", "57P03", "57P04", "57P05"}
_DENIED_TEXTS = (
    "password authentication failed",
    "authentication failed",
    "no password supplied",
    "no pg_hba.conf entry",
    "is not permitted to log in",
    "permission denied for database",
)
_FULL_TEXTS = ("too many clients", "remaining connection slots", "too many connections")
_ABSENT_TEXTS = ("does not exist",)  # the role or the database


def is_lost(error: psycopg.Error) -> bool:
    """Whether the connection is gone, so that the answer will never come."""
    import psycopg  # noqa: PLC0415 -- the driver is optional

    state = error.sqlstate
    if state is None:
        return isinstance(error, psycopg.OperationalError)
    return state.startswith("08") or state in _SHUT_DOWN


def translate(error: psycopg.Error, work: WorkState, *, stopped: bool) -> BackendError:
    """An error of a statement or a commit."""
    if is_lost(error):
        if stopped and work != "unknown":
            return was_stopped()
        message = "the connection to the database was lost"
        return BackendError(message, code="backend_unavailable", retryable=True, work=work)
    state = error.sqlstate or ""
    message = error.diag.message_primary or str(error)
    if state == "57014":
        return was_stopped() if stopped else took_too_long()
    if state in _CONFLICTS:
        return BackendError(
            "someone else changed the same data at the same time; everything was undone",
            code="conflict",
            retryable=True,
            work="rolled_back",
            facts={"sqlstate": state},
        )
    code, retryable = _code(error)
    named = {
        "sqlstate": state,
        "constraint": error.diag.constraint_name,
        "table": error.diag.table_name,
        "column": error.diag.column_name,
    }
    facts: dict[str, str | int] = {name: value for name, value in named.items() if value}
    if code == "raised":
        facts["message"] = message
    if state == _ENDS_TRANSACTION:
        message = f"{message}: the procedure commits by itself, so `transaction: none` belongs beside its `call`"
    return BackendError(
        message,
        code=code,
        retryable=retryable,
        work="rolled_back",
        detail=error.diag.message_detail,
        facts=facts,
    )


def _code(error: psycopg.Error) -> tuple[str, bool]:
    """The code, and whether the same call may work later."""
    import psycopg  # noqa: PLC0415 -- the driver is optional

    state = error.sqlstate or ""
    if not state and isinstance(error, psycopg.DataError):
        return "bad_value", False  # the driver could not send it
    found = _CODES.get(state) or _CLASSES.get(state[:2], "statement_failed")
    return found, found == "backend_busy"


def connect_error(error: psycopg.Error, password: Secret | None) -> BackendError:
    """A connection could not be made; nothing has been sent."""
    text = " ".join(str(error).split())
    if password is not None and password.reveal():
        text = text.replace(password.reveal(), "***")
    lower = text.lower()
    if any(part in lower for part in _FULL_TEXTS):
        return BackendError(
            f"the server takes no more connections: {text}",
            code="backend_busy",
            retryable=True,
            work="not_started",
        )
    if any(part in lower for part in _DENIED_TEXTS):
        return BackendError(
            f"the server refused the login: {text}", code="backend_denied", work="not_started"
        )
    absent = any(part in lower for part in _ABSENT_TEXTS)
    return BackendError(
        f"the database cannot be reached: {text}",
        code="backend_denied" if absent and "role" in lower else "backend_unavailable",
        retryable=not absent,
        work="not_started",
    )
