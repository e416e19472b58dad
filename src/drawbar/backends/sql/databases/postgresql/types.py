"""How values of PostgreSQL become Python's: as the server's own text wherever Python's types are narrower.

psycopg raises on `infinity`, dates before Christ and `24:00`, and loses the months of an interval; the texts
of the server (ISO dates, ISO 8601 intervals) lose nothing. Importing this module needs the driver.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import Dumper, Loader, PyFormat
from psycopg.pq import Escaping, ExecStatus
from psycopg.types.json import Jsonb as _Jsonb
from psycopg.types.string import TextLoader

from drawbar.backends.sql.plan import Held
from drawbar.backends.sql.reply import cell, read_json
from drawbar.backends.sql.session import Found, Identity
from drawbar.kernel.values import JsonValue, Secret

Error = psycopg.Error
driver: Any = psycopg  # handed to SQLAlchemy, which takes any driver

_AS_TEXT = (
    *("numeric", "date", "time", "timetz", "interval", "uuid", "inet", "cidr"),
    *("int4range", "int8range", "numrange", "daterange", "tsrange", "tstzrange"),
    *("int4multirange", "int8multirange", "nummultirange"),
    *("datemultirange", "tsmultirange", "tstzmultirange"),
)


_VOID = 2278
"""The number of the type `void`, which psycopg has no name for."""


class _MomentLoader(Loader):
    """`2026-11-24 05:43:20+01` as ISO 8601 with its T and minutes; `infinity` and BC stay as they are."""

    def load(self, data: Buffer) -> str:
        text = bytes(data).decode()
        if text.endswith("BC") or text[0] in "i-":
            return text
        text = text.replace(" ", "T", 1)
        return f"{text}:00" if text[-3:-2] in {"+", "-"} and ":" in text[:-3] else text


class _VoidLoader(Loader):
    def load(self, data: Buffer) -> None:
        """A function that returns nothing answers a row with nothing in it."""


class _JsonLoader(Loader):
    def load(self, data: Buffer) -> JsonValue:
        return read_json(bytes(data))


def Jsonb(value: object) -> object:  # noqa: N802 -- stands for psycopg's class of this name
    """A list or an object, bound as jsonb."""
    return _Jsonb(value)


class _Typed:
    """A looked-up value on its way back: the server's own text, with the server's own type."""

    __slots__ = ("oid", "text")

    def __init__(self, text: bytes | None, oid: int) -> None:
        self.text = text
        self.oid = oid


class _TypedDumper(Dumper):
    """psycopg asks a dumper class for one of the value's own type, and keeps it by that type."""

    def get_key(self, obj: _Typed, format: PyFormat) -> Any:  # noqa: A002, ARG002 -- psycopg's own names
        return (self.cls, obj.oid)

    def upgrade(self, obj: _Typed, format: PyFormat) -> _TypedDumper:  # noqa: A002, ARG002 -- as above
        dumper = _TypedDumper(self.cls, self.connection)
        dumper.oid = obj.oid
        return dumper

    def dump(self, obj: _Typed) -> bytes | None:
        return obj.text


def held(cursor: psycopg.Cursor[tuple[Any, ...]], fetched: Sequence[tuple[Any, ...]]) -> Found:
    """The rows of a cursor, each value as JSON and as what goes back to the server."""
    columns = [(column.name, column.type_code) for column in cursor.description or ()]
    result = cursor.pgresult
    rows: list[dict[str, Held]] = []
    for number, row in enumerate(fetched):
        raw = [result.get_value(number, index) for index in range(len(row))] if result else []
        rows.append(
            {
                name: Held(cell(value), _Typed(text, oid))
                for (name, oid), value, text in zip(columns, row, raw, strict=True)
            }
        )
    return Found(rows, {name: Held(None, _Typed(None, oid)) for name, oid in columns})


def execute_own(connection: psycopg.Connection[tuple[Any, ...]], text: str) -> bytes | None:
    """Run a text without values or rows, past psycopg's cursors, which would cost more than the message."""
    result = connection.pgconn.exec_(text.encode())
    if result.status in {ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK}:
        return result.command_status
    if connection.closed:
        raise psycopg.OperationalError("the connection was lost")
    raise psycopg.errors.error_from_result(result)


def quoted(connection: psycopg.Connection[tuple[Any, ...]], name: str) -> str:
    """A name as SQL writes it."""
    return bytes(Escaping(connection.pgconn).escape_identifier(name.encode())).decode()


def told(connection: psycopg.Connection[tuple[Any, ...]], identity: Identity) -> str:
    """Statements that hold for the rest of the transaction, to be put behind its `begin`."""
    escaping = Escaping(connection.pgconn)

    def literal(text: str) -> str:
        return bytes(escaping.escape_literal(text.encode())).decode()

    text = ""
    if identity.role is not None:
        text = f"; set local role {quoted(connection, identity.role)}"
    for name, value in identity.settings:
        text += f"; select set_config({literal(name)}, {literal(value)}, true)"
    return text


def connect(
    words: Mapping[str, Any],  # libpq's own words
    password: Secret | None,
) -> psycopg.Connection[tuple[Any, ...]]:
    """A connection in autocommit mode that prepares every statement. Raises Error."""
    secret: dict[str, Any] = {} if password is None else {"password": password.reveal()}
    connection = psycopg.Connection.connect(
        autocommit=True, prepare_threshold=0, cursor_factory=psycopg.RawCursor, **words, **secret
    )
    adapters = connection.adapters
    adapters.register_dumper(_Typed, _TypedDumper)
    for name in _AS_TEXT:
        adapters.register_loader(name, TextLoader)
    for name in ("timestamp", "timestamptz"):
        adapters.register_loader(name, _MomentLoader)
    for name in ("json", "jsonb"):
        adapters.register_loader(name, _JsonLoader)
    adapters.register_loader(_VOID, _VoidLoader)
    return connection
