"""What PostgreSQL says of a statement that it has prepared: types of parameters and of result columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from drawbar.backends.sql.live.reflect import connect
from drawbar.backends.sql.plan import Statement
from drawbar.backends.sql.url import Target

_OK = 1
"""PGRES_COMMAND_OK."""
_TYPE = "select pg_catalog.format_type(%s::oid, %s::integer)"


@dataclass(frozen=True, slots=True)
class Described:
    """Types by name, as the server writes them."""

    parameters: Mapping[str, str]
    columns: Mapping[str, str]


class Describer:
    """One connection on which statements are prepared, and never carried out."""

    def __init__(self, target: Target) -> None:
        self._connection: Any = connect(target)
        self._connection.autocommit = True  # one that is refused is no end of the others
        self._types: dict[tuple[int, int], str] = {}

    def describe(self, statement: Statement) -> Described | None:
        """None: the server cannot prepare it by itself."""
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
