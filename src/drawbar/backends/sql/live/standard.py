"""Reads the catalog of a database behind ODBC or JDBC, which ask the same questions and give the same answers.

What those two do not tell (conditions, and on some databases comments, enumerations, computed columns) is asked of the
database itself, where it is known how, see extras.py.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Protocol, TypeAlias

from drawbar.backends.sql.dialect import Dialect
from drawbar.backends.sql.live.catalog import Catalog, ColumnType, Wants
from drawbar.backends.sql.live.facts import ColumnFact, Facts, Reference, TableFact
from drawbar.backends.sql.live.naming import Naming
from drawbar.backends.sql.live.own_words import OwnWords, home_of, read_own_words
from drawbar.backends.sql.live.standard_types import standard_type
from drawbar.kernel.errors import OperatorError

Row: TypeAlias = Mapping[str, Any]
"""By column, in upper case; values of a driver."""
_TABLES = frozenset({"TABLE", "BASE TABLE", "PARTITIONED TABLE", "FOREIGN TABLE"})
_VIEWS = frozenset({"VIEW", "MATVIEW", "MATERIALIZED VIEW"})
_RETURNING = ("Firebird", "MariaDB", "PostgreSQL", "SQLite")
"""Where `returning` is a word of an insert; others say it otherwise or not at all."""
_NO_INDEX = 0
"""A row about the size of the table among those of its indexes."""
_GENERATED = "YES"


class Asks(Protocol):
    """A connection that answers what ODBC and JDBC have in common. Raises what its driver raises.

    A place is the catalog and the schema; None stands for any.
    """

    product: str
    """The database by its own name."""
    quote: str
    keywords: Collection[str]
    catalog: str | None
    schema: str | None
    """Where names are looked for; None: it is not told."""
    has_schemas: bool
    """Whether a schema is one; else it is the catalog that people call so."""

    def schemas(self) -> list[str]: ...

    def tables(self, place: Place) -> list[Row]: ...

    def columns(self, place: Place, table: str) -> list[Row]: ...

    def key(self, place: Place, table: str) -> list[Row]: ...

    def references(self, place: Place, table: str) -> list[Row]: ...

    def indexes(self, place: Place, table: str) -> list[Row]: ...

    def rows(self, sql: str, *values: str) -> list[Row]: ...


Place: TypeAlias = "tuple[str | None, str | None]"


def read_standard(asks: Asks, dialect: Dialect, schemas: tuple[str, ...], wants: Wants) -> Catalog:
    """Raises OperatorError for a schema that is not there."""
    naming = Naming(dialect, asks.quote, asks.keywords)
    home = home_of(asks, dialect)
    facts = Facts(dialect, naming, home)
    known = {naming.plain(each): each for each in asks.schemas()} if schemas else {}
    for schema in schemas:
        if schema not in known and schema not in known.values():
            raise OperatorError(f"there is no schema `{schema}`; there are: {', '.join(known)}")
    asked: list[str | None] = [known.get(schema, schema) for schema in schemas]
    for each in asked or [home]:
        _Reading(asks, facts, each).read(wants)
    return facts.catalog(has_returning=asks.product.startswith(_RETURNING))


class _Reading:
    """One schema, table by table."""

    def __init__(self, asks: Asks, facts: Facts, schema: str | None) -> None:
        self._asks = asks
        self._facts = facts
        self._schema = schema
        self._place = (asks.catalog, schema) if asks.has_schemas else (schema, None)

    def read(self, wants: Wants) -> None:
        found = [
            (self._schema_of(row), row)
            for row in self._asks.tables(self._place)
            if str(row["TABLE_TYPE"]).upper() in _TABLES | _VIEWS
        ]
        wanted = [
            (schema, row)
            for schema, row in found
            if self._facts.wants(wants, schema, row["TABLE_NAME"])
        ]
        extras = {
            schema: read_own_words(self._asks, self._facts.dialect, schema)
            for schema in dict.fromkeys(schema for schema, _ in wanted)
        }
        for schema, row in wanted:
            self._facts.add(schema, self._table(row, extras[schema]))

    def _schema_of(self, row: Row) -> str | None:
        found = row["TABLE_SCHEM" if self._asks.has_schemas else "TABLE_CAT"]
        return str(found) if found else self._schema

    def _table(self, row: Row, extras: OwnWords) -> TableFact:
        name = str(row["TABLE_NAME"])
        is_view = str(row["TABLE_TYPE"]).upper() in _VIEWS
        place = (row["TABLE_CAT"] or None, row["TABLE_SCHEM"] or None)
        columns = [
            _column(each, extras, self._facts.dialect)
            for each in self._asks.columns(place, name)
            if each["TABLE_NAME"] == name  # what was asked for is a pattern
        ]
        remarks = str(row["REMARKS"] or "")
        comment = extras.comments.get((name, ""), "" if remarks == "VIEW" else remarks)
        if is_view:
            return TableFact(name, comment, is_view, columns)
        keys = sorted(self._asks.key(place, name), key=lambda each: int(each["KEY_SEQ"]))
        return TableFact(
            name,
            comment,
            is_view,
            columns,
            [str(each["COLUMN_NAME"]) for each in keys],
            list(_references(self._asks.references(place, name), self._asks)),
            list(_indexes(self._asks.indexes(place, name), columns, extras)),
            extras.checks.get(name, []),
        )


def _column(row: Row, extras: OwnWords, dialect: Dialect) -> ColumnFact:
    at = (str(row["TABLE_NAME"]), str(row["COLUMN_NAME"]))
    default = row["COLUMN_DEF"]
    counts = _GENERATED in {row.get("IS_AUTOINCREMENT"), row.get("IS_GENERATEDCOLUMN")}
    return ColumnFact(
        at[1],
        extras.types.get(at) or _type(row, dialect),
        nullable=str(row["NULLABLE"]) != "0",
        default=None if default is None or str(default).upper() == "NULL" else str(default),
        is_made=counts or str(row.get("AUTO_INCREMENT")) == "1" or at in extras.made,
        comment=extras.comments.get(at, str(row["REMARKS"] or "")),
    )


def _type(row: Row, dialect: Dialect) -> ColumnType:
    size, decimals = row["COLUMN_SIZE"], row["DECIMAL_DIGITS"]
    return standard_type(
        str(row["TYPE_NAME"]),
        int(row["DATA_TYPE"]),
        None if size is None else int(size),
        None if decimals is None else int(decimals),
        dialect,
    )


def _references(rows: Iterable[Row], asks: Asks) -> Iterable[Reference]:
    """Those of one column. Keys without a name are told apart by where their columns begin again."""
    keys: list[list[Row]] = []
    for row in rows:
        if int(row["KEY_SEQ"]) == 1 or not keys:
            keys.append([])
        keys[-1].append(row)
    schema = "PKTABLE_SCHEM" if asks.has_schemas else "PKTABLE_CAT"
    for row in (each[0] for each in keys if len(each) == 1):
        place = row[schema]
        yield Reference(
            str(row["FKCOLUMN_NAME"]),
            str(place) if place else None,
            str(row["PKTABLE_NAME"]),
            str(row["PKCOLUMN_NAME"]),
        )


def _indexes(
    rows: Iterable[Row], columns: list[ColumnFact], extras: OwnWords
) -> Iterable[list[str]]:
    """Their columns up to the first expression; not of those that hold a part of the rows."""
    names = {each.name for each in columns}
    found: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for row in rows:
        name = str(row["INDEX_NAME"])
        if int(row["TYPE"]) == _NO_INDEX or row["FILTER_CONDITION"] or name in extras.unfit:
            continue
        found[name].append((int(row["ORDINAL_POSITION"]), str(row["COLUMN_NAME"])))
    for parts in found.values():
        plain: list[str] = []
        for _, column in sorted(parts):
            if column not in names:
                break
            plain.append(column)
        yield plain
