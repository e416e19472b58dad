"""What a live database says of statements that it prepares and does not carry out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from drawbar.backends.sql.live.asking import asking
from drawbar.backends.sql.live.described import Described
from drawbar.backends.sql.live.reflect import connect
from drawbar.backends.sql.plan import Statement
from drawbar.backends.sql.url import Target

_OK = 1
"""PGRES_COMMAND_OK."""
_TYPE = "select pg_catalog.format_type(%s::oid, %s::integer)"
_ASKED = frozenset({"firebird", "odbc", "jdbc"})


class Describer(Protocol):
    """A connection beside those of the backend."""

    def describe(self, statement: Statement) -> Described | None:
        """None: the database cannot say it."""
        ...


@contextmanager
def describing(target: Target) -> Iterator[Describer | None]:
    """None: no such database says anything of a statement. Raises OperatorError."""
    if target.dialect.name in _ASKED:
        with asking(target) as asks:
            yield asks
    elif target.dialect.name == "postgresql":
        describer = _PostgresqlDescriber(target)
        try:
            yield describer
        finally:
            describer.close()
    else:
        yield None


class _PostgresqlDescriber:
    """By the extended protocol, which has a word for it."""

    def __init__(self, target: Target) -> None:
        self._connection: Any = connect(target)
        self._connection.autocommit = True  # one that is refused is no end of the others
        self._types: dict[tuple[int, int], str] = {}

    def describe(self, statement: Statement) -> Described | None:
        server = self._connection.pgconn
        if server.prepare(b"", statement.text.encode()).status != _OK:
            return None
        found = server.describe_prepared(b"")
        parameters = {
            slot.name: self._type(found.param_type(number), -1)
            for number, slot in enumerate(statement.slots[: found.nparams])
            if slot.field is None
        }
        columns = {
            found.fname(number).decode(): self._type(found.ftype(number), found.fmod(number))
            for number in range(found.nfields)
        }
        return Described(parameters, columns)

    def _type(self, number: int, size: int) -> str:
        key = (number, size)
        if key not in self._types:
            self._types[key] = str(self._connection.execute(_TYPE, key).fetchone()[0])
        return self._types[key]

    def close(self) -> None:
        self._connection.close()
