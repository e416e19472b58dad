"""Firebird through its own client library: a server, or the engine in this process for a file.

Its transactions say themselves whether they may write, and it stops work on a word from another thread. Version 3
has no limit of its own for a statement, so the watchdog keeps the time.
"""

from __future__ import annotations

import datetime as dt
import re
import warnings
from decimal import Decimal
from typing import Any

from firebird.driver import (
    DatabaseError,
    Error,
    Isolation,
    TraAccessMode,
    connect,
    driver_config,
    tpb,
)
from firebird.driver.types import CancelType, FirebirdWarning, StatementType

from drawbar.backends.sql.databases.pooled import How, Server, State
from drawbar.backends.sql.databases.single import check_single
from drawbar.backends.sql.dialect import FIREBIRD
from drawbar.backends.sql.plan import Statement, Values
from drawbar.backends.sql.request import spread
from drawbar.backends.sql.session import was_stopped
from drawbar.backends.sql.url import Target
from drawbar.kernel.ports import BackendError
from drawbar.kernel.values import Secret

_COUNTED = {StatementType.INSERT, StatementType.UPDATE, StatementType.DELETE}
_SCALE = 5
"""Its place in the description of a column."""
_CANCELLED = 335544794
_LOST = {335544721, 335544726, 335544727, 335544741, 335544648, 335544856}
_CONFLICTS = {335544336, 335544345, 335544878, 335544451}
_BAD_VALUES = {335544334, 335544321, 335544914, 335544395}
_DENIED = {335544352, 335544361}
_CONSTRAINTS = {
    335544665: ("23505", re.compile(r'constraint "([^"]+)"')),
    335544349: ("23505", re.compile(r'unique index "([^"]+)"')),
    335544466: ("23503", re.compile(r'constraint "([^"]+)"')),
    335544558: ("23514", re.compile(r"CHECK constraint (\S+)")),
    335544347: ("23502", re.compile(r'column "[^"]+"\."([^"]+)"')),
}
"""The SQLSTATE that other databases give, so that `errors:` rules can be written once."""


class FirebirdServer(Server):
    """Firebird from version 3 on."""

    dialect = FIREBIRD
    errors = (Error,)

    def __init__(self, target: Target, *, asked_freely: bool = False) -> None:
        """`asked_freely`: texts of a model are sent, of which none may be anything else than one select."""
        self._target = target
        self._asked_freely = asked_freely

    def connect(self) -> Any:
        words = self._target.connection
        password = self._target.password
        return connect(
            _address(words, self._target.path),
            user=words.get("user", "SYSDBA"),
            password=None if password is None else password.reveal(),
            role=words.get("role"),
            charset=words.get("charset", "UTF8"),
        )

    def begin(self, connection: Any, state: State, how: How, seconds: float) -> None:
        """Changes see one state and lock what they touch; a second one that wants it too is undone."""
        del state
        access = TraAccessMode.WRITE if how == "changing" else TraAccessMode.READ
        isolation = Isolation.READ_COMMITTED_RECORD_VERSION
        if how != "reading":
            isolation = Isolation.SNAPSHOT
        connection.begin(tpb(isolation, max(1, int(seconds)), access))

    def execute(self, connection: Any, statement: Statement, values: Values) -> Any:
        """`execute block` counts as a select, and may act as another user in a database that is a file."""
        if self._asked_freely:
            check_single(statement.text, self.dialect, changes=False)
        text, bound = spread(statement, values, self.dialect.no_element)
        cursor = connection.cursor()
        try:
            cursor.execute(text, [_bound(value) for value in bound])
        except (TypeError, ValueError, OverflowError) as error:  # of the driver, before it sends
            cursor.close()
            raise BackendError(str(error), code="bad_value", work="rolled_back") from None
        return _Exact(cursor)

    def count(self, cursor: Any) -> int:
        if cursor.statement.type not in _COUNTED:  # asking for others is an error
            return 0
        return max(0, int(cursor.affected_rows))

    def interrupt(self, connection: Any) -> None:
        attachment = connection._att  # noqa: SLF001 -- the driver has no other word for it
        if attachment is not None:
            attachment.cancel_operation(CancelType.RAISE)

    def is_closed(self, connection: Any) -> bool:
        return bool(connection.is_closed())

    def is_lost(self, error: Exception) -> bool:
        return isinstance(error, DatabaseError) and not _LOST.isdisjoint(error.gds_codes or ())

    def translate(self, error: Exception) -> BackendError:
        codes = set(getattr(error, "gds_codes", None) or ())
        message = " ".join(str(error).replace("-", " ", 1).split())
        if _CANCELLED in codes:
            return was_stopped()
        facts: dict[str, str | int] = {}
        if state := getattr(error, "sqlstate", None):
            facts["sqlstate"] = str(state)
        if codes & _CONFLICTS:
            return BackendError(
                "someone else changed the same data at the same time; everything was undone",
                code="conflict",
                retryable=True,
                work="rolled_back",
                facts=facts,
            )
        code = "statement_failed"
        for number in codes & _CONSTRAINTS.keys():
            code = "constraint_violation"
            facts["sqlstate"], name = _CONSTRAINTS[number]
            if found := name.search(message):
                named = "column" if facts["sqlstate"] == "23502" else "constraint"
                facts[named] = self.dialect.column(found[1])
        if codes & _BAD_VALUES and code == "statement_failed":
            code = "bad_value"
        elif codes & _DENIED:
            code = "not_allowed"
        elif 335544517 in codes:  # noqa: PLR2004 -- an exception that a procedure or trigger raised
            code = "raised"
            facts["message"] = message
        return BackendError(message, code=code, work="rolled_back", facts=facts)

    def connect_error(self, error: Exception) -> BackendError:
        text = _without(" ".join(str(error).split()), self._target.password)
        if 335544472 in (getattr(error, "gds_codes", None) or ()):  # noqa: PLR2004 -- login
            message = f"the server refused the login: {text}"
            return BackendError(message, code="backend_denied", work="not_started")
        return BackendError(
            f"the database cannot be reached: {text}",
            code="backend_unavailable",
            retryable=True,
            work="not_started",
        )

    def explain(self, connection: Any, statement: Statement, values: Values) -> list[str]:
        text, _ = spread(statement, values, self.dialect.no_element)
        with connection.cursor() as cursor, cursor.prepare(text) as prepared:
            plan = str(prepared.detailed_plan or "")
        return [line for line in plan.splitlines() if line.strip()]


class _Exact:
    """A cursor whose decimals have as many digits as their column; the driver leaves zeros at the end out."""

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor
        self.description = cursor.description
        self._scales = {
            index: Decimal(1).scaleb(int(each[_SCALE]))
            for index, each in enumerate(cursor.description or ())
            if each[1] is Decimal and each[_SCALE]
        }

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)

    def fetchone(self) -> Any:
        row = self._cursor.fetchone()
        return None if row is None else self._exact([row])[0]

    def fetchmany(self, count: int) -> Any:
        return self._exact(self._cursor.fetchmany(count))

    def fetchall(self) -> Any:
        return self._exact(self._cursor.fetchall())

    def _exact(self, rows: Any) -> Any:
        if not self._scales:
            return rows
        found = [list(row) for row in rows]
        for row in found:
            for index, scale in self._scales.items():
                if row[index] is not None:
                    row[index] = row[index].quantize(scale)
        return found


def _bound(value: Any) -> Any:
    """A moment as a text: the driver cannot write those before 1858, the beginning of the engine's own count."""
    if isinstance(value, dt.datetime) and value.tzinfo is None:
        return value.isoformat(sep=" ", timespec="microseconds")[:-2]
    return value


def _address(words: dict[str, str], path: object) -> str:
    if path is not None:
        return str(path)
    port = f"/{words['port']}" if "port" in words else ""
    return f"{words.get('host', '127.0.0.1')}{port}:{words.get('dbname', '')}"


def _without(text: str, password: Secret | None) -> str:
    return (
        text
        if password is None or not password.reveal()
        else text.replace(password.reveal(), "***")
    )


driver_config.server_defaults.encoding.value = "utf8"
warnings.filterwarnings("ignore", category=FirebirdWarning)
"""What the engine remarks on a statement that it then carries out."""
