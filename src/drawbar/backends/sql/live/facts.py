"""What a database says of its tables, in rows and in its own names, put together as a catalog.

Whoever can ask a database (ODBC, JDBC, Firebird's own tables) fills `Facts`; what is made of them is the same for all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from drawbar.backends.sql.dialect import Dialect
from drawbar.backends.sql.live.catalog import (
    Catalog,
    Column,
    ColumnType,
    Pointer,
    Table,
    Wants,
    Words,
    label,
)
from drawbar.backends.sql.live.constraints import limits_of
from drawbar.backends.sql.live.naming import Naming


@dataclass(frozen=True, slots=True)
class ColumnFact:
    """One column, in the database's own name."""

    name: str
    type: ColumnType
    nullable: bool = True
    default: str | None = None
    is_made: bool = False
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Reference:
    """A foreign key of one column. `schema` None: that of the table itself."""

    column: str
    schema: str | None
    table: str
    to: str


@dataclass(slots=True)
class TableFact:
    """One table or view."""

    name: str
    comment: str = ""
    is_view: bool = False
    columns: list[ColumnFact] = field(default_factory=list)
    key: list[str] = field(default_factory=list)
    references: list[Reference] = field(default_factory=list)
    indexes: list[list[str]] = field(default_factory=list)
    checks: list[str] = field(default_factory=list)
    """Conditions, without the word `check`."""


class Facts:
    """The tables of a database by schema; `home` is the schema where names are looked for that have none."""

    def __init__(self, dialect: Dialect, naming: Naming, home: str | None) -> None:
        self.dialect = dialect
        self.naming = naming
        self._home = home
        self._tables: dict[str | None, list[TableFact]] = defaultdict(list)

    def wants(self, wants: Wants, schema: str | None, table: str) -> bool:
        plain = self.naming.plain(table)
        return wants(plain, label(self._named(schema), plain))

    def add(self, schema: str | None, table: TableFact) -> None:
        self._tables[schema].append(table)

    def catalog(self, *, has_returning: bool) -> Catalog:
        tables = tuple(
            self._table(schema, each)
            for schema, several in self._tables.items()
            for each in sorted(several, key=lambda each: (each.is_view, each.name))
        )
        return Catalog(self.dialect, tables, self.naming.quoted, has_returning)

    def _named(self, schema: str | None) -> str | None:
        is_home = schema is None or schema == self._home
        return None if is_home else self.naming.plain(str(schema))

    def _table(self, schema: str | None, fact: TableFact) -> Table:
        plain = self.naming.plain
        key = tuple(map(plain, fact.key))
        limits = self._limits(fact)
        pointers = {
            each.column: Pointer(
                label(self._named(each.schema or schema), plain(each.table)), plain(each.to)
            )
            for each in fact.references
        }
        columns = tuple(
            _column(replace(each, name=plain(each.name)), key, limits, pointers.get(each.name))
            for each in fact.columns
        )
        indexes = (tuple(map(plain, each)) for each in fact.indexes)
        return Table(
            self._named(schema),
            plain(fact.name),
            columns,
            key,
            tuple(dict.fromkeys(filter(None, (key, *indexes)))),
            fact.comment.strip(),
            fact.is_view,
        )

    def _limits(self, fact: TableFact) -> dict[str, Words]:
        """By the column's name as people write it; a condition may name it in any case."""
        found = {
            name.lower(): words for name, words in limits_of(fact.checks, self.dialect).items()
        }
        plain = (self.naming.plain(each.name) for each in fact.columns)
        return {name: found[name.lower()] for name in plain if name.lower() in found}


def _column(
    fact: ColumnFact, key: tuple[str, ...], limits: Mapping[str, Words], pointer: Pointer | None
) -> Column:
    return Column(
        fact.name,
        fact.type,
        limits.get(fact.name, {}),
        nullable=fact.nullable and fact.name not in key,
        default=fact.default,
        is_made=fact.is_made,
        comment=fact.comment.strip(),
        points_to=pointer,
    )
