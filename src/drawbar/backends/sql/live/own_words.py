"""What ODBC and JDBC do not tell of tables, asked of the database in its own words where those are known."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from drawbar.backends.sql.dialect import Dialect
from drawbar.backends.sql.live.catalog import ColumnType
from drawbar.backends.sql.live.column_types import column_type

At = tuple[str, str]
"""A column by the names of its table and its own."""


class AsksRows(Protocol):
    """Asks a select with `?` for each value; rows by column in upper case."""

    catalog: str | None
    schema: str | None
    has_schemas: bool

    def rows(self, sql: str, *values: str) -> list[Mapping[str, Any]]: ...


@dataclass(slots=True)
class OwnWords:
    """Of the tables of one schema, in the database's own names."""

    types: dict[At, ColumnType] = field(default_factory=dict)
    made: set[At] = field(default_factory=set)
    """Columns that the database fills by itself."""
    comments: dict[At, str] = field(default_factory=dict)
    """Also of tables, whose column is ""."""
    checks: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    unfit: set[str] = field(default_factory=set)
    """Names of indexes that do not find all rows with a value."""


_HOMES = {
    "PostgreSQL": "select current_schema() as home",
    "SQL Server": "select schema_name() as home",
    "SAP HANA": "select current_schema as home from dummy",
    "Db2": "select current schema as home from sysibm.sysdummy1",
    "Oracle": "select sys_context('userenv', 'current_schema') as home from dual",
}


def spoken_by(dialect: Dialect) -> str:
    """The database itself, without the way by which it is reached."""
    return dialect.title.partition(" (")[0]


def home_of(asks: AsksRows, dialect: Dialect) -> str | None:
    """The schema where names are looked for that have none."""
    if not asks.has_schemas:
        return asks.catalog
    question = _HOMES.get(spoken_by(dialect))
    if asks.schema is not None or question is None:
        return asks.schema
    return str(asks.rows(question)[0]["HOME"])


def read_own_words(asks: AsksRows, dialect: Dialect, schema: str | None) -> OwnWords:
    """Nothing for a database whose own words are not known here."""
    found = OwnWords()
    readers: Mapping[str, Callable[[AsksRows, Dialect, str, OwnWords], None]] = {
        "PostgreSQL": _of_postgresql,
        "MariaDB": _of_mariadb,
        "H2": _of_h2,
    }
    reader = readers.get(spoken_by(dialect))
    if reader is not None and schema is not None:
        reader(asks, dialect, schema, found)
    return found


_POSTGRESQL_COLUMNS = """
select c.relname as tab, a.attname as col, pg_catalog.format_type(coalesce(nullif(t.typbasetype, 0), a.atttypid),
    case when t.typbasetype = 0 then a.atttypmod else t.typtypmod end) as typ,
  (select pg_catalog.json_agg(e.enumlabel order by e.enumsortorder)::text from pg_catalog.pg_enum e
    where e.enumtypid = coalesce(nullif(t.typbasetype, 0), a.atttypid)) as labels,
  case when a.attidentity <> '' or a.attgenerated <> '' then 1 else 0 end as made,
  pg_catalog.col_description(c.oid, a.attnum) as said
from pg_catalog.pg_attribute a join pg_catalog.pg_class c on c.oid = a.attrelid
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace join pg_catalog.pg_type t on t.oid = a.atttypid
where n.nspname = ? and a.attnum > 0 and not a.attisdropped and c.relkind in ('r', 'v', 'm', 'p', 'f')
"""
_POSTGRESQL_COMMENTS = """
select c.relname as tab, pg_catalog.obj_description(c.oid, 'pg_class') as said
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where n.nspname = ? and pg_catalog.obj_description(c.oid, 'pg_class') is not null
"""
_POSTGRESQL_CHECKS = """
select c.relname as tab, pg_catalog.pg_get_expr(k.conbin, k.conrelid) as said
from pg_catalog.pg_constraint k join pg_catalog.pg_class c on c.oid = k.conrelid
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where n.nspname = ? and k.contype = 'c'
"""
_POSTGRESQL_UNFIT = """
select i.relname as name
from pg_catalog.pg_index x join pg_catalog.pg_class i on i.oid = x.indexrelid
  join pg_catalog.pg_namespace n on n.oid = i.relnamespace join pg_catalog.pg_am m on m.oid = i.relam
where n.nspname = ? and (x.indpred is not null or m.amname not in ('btree', 'hash'))
"""


def _of_postgresql(asks: AsksRows, dialect: Dialect, schema: str, found: OwnWords) -> None:
    for row in asks.rows(_POSTGRESQL_COLUMNS, schema):
        at = (str(row["TAB"]), str(row["COL"]))
        name = str(row["TYP"])
        labels = row["LABELS"]
        found.types[at] = (
            column_type(name, dialect)
            if labels is None
            else ColumnType(name, {"type": "string", "enum": json.loads(str(labels))})
        )
        if int(row["MADE"]):
            found.made.add(at)
        found.comments[at] = str(row["SAID"] or "")
    for row in asks.rows(_POSTGRESQL_COMMENTS, schema):
        found.comments[str(row["TAB"]), ""] = str(row["SAID"])
    _checks(asks.rows(_POSTGRESQL_CHECKS, schema), found)
    found.unfit |= {str(row["NAME"]) for row in asks.rows(_POSTGRESQL_UNFIT, schema)}


_MARIADB_COLUMNS = """
select table_name as tab, column_name as col, column_type as typ, column_comment as said,
  case when extra like '%auto_increment%' or extra like '%GENERATED%' then 1 else 0 end as made
from information_schema.columns where table_schema = ?
"""
_MARIADB_CHECKS = """
select table_name as tab, check_clause as said from information_schema.check_constraints where constraint_schema = ?
"""


def _of_mariadb(asks: AsksRows, dialect: Dialect, schema: str, found: OwnWords) -> None:
    for row in asks.rows(_MARIADB_COLUMNS, schema):
        at = (str(row["TAB"]), str(row["COL"]))
        found.types[at] = column_type(str(row["TYP"]), dialect)
        found.comments[at] = str(row["SAID"] or "")
        if int(row["MADE"]):
            found.made.add(at)
    _checks(asks.rows(_MARIADB_CHECKS, schema), found)


_H2_CHECKS = """
select t.table_name as tab, c.check_clause as said
from information_schema.check_constraints c join information_schema.table_constraints t
  on t.constraint_schema = c.constraint_schema and t.constraint_name = c.constraint_name
where t.table_schema = ?
"""


def _of_h2(asks: AsksRows, dialect: Dialect, schema: str, found: OwnWords) -> None:
    del dialect
    _checks(asks.rows(_H2_CHECKS, schema), found)


def _checks(rows: list[Mapping[str, Any]], found: OwnWords) -> None:
    for row in rows:
        found.checks[str(row["TAB"])].append(str(row["SAID"]))
