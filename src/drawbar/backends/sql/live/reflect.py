"""Reads the catalog of a live database by SQLAlchemy's reflection; DuckDB has none, and is asked itself."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from itertools import takewhile
from typing import Any
from urllib.parse import quote as quoted_for_url

from sqlalchemy import Engine, NullPool, create_engine, inspect
from sqlalchemy.engine.interfaces import ReflectedColumn, ReflectedIndex
from sqlalchemy.engine.reflection import Inspector, ObjectKind
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.types import NullType

from drawbar.backends.sql.dialect import Dialect
from drawbar.backends.sql.live.asking import asking
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
from drawbar.backends.sql.live.column_types import column_type
from drawbar.backends.sql.live.constraints import limits_of
from drawbar.backends.sql.live.reflect_firebird import read_firebird
from drawbar.backends.sql.live.standard import read_standard
from drawbar.backends.sql.url import Target
from drawbar.kernel.errors import OperatorError
from drawbar.kernel.extras import import_extra

_ENGINES = {
    "sqlite": "sqlite://",
    "postgresql": "postgresql+psycopg://",
    "mariadb": "mysql+pymysql://",
}
"""What SQLAlchemy reads; the others are asked themselves."""
_CONNECT_WITHIN = "10"
_OF_SYSTEMS = frozenset({"information_schema", "mysql", "performance_schema", "sys"})


def read_catalog(target: Target, schemas: tuple[str, ...], wants: Wants) -> Catalog:
    """`schemas` empty: the one where names are looked for. Raises OperatorError, which never shows a password."""
    if target.dialect.name == "duckdb":
        from drawbar.backends.sql.live.reflect_duckdb import read_duckdb  # noqa: PLC0415 -- optional driver

        return read_duckdb(target, schemas, wants)
    if target.dialect.name not in _ENGINES:
        return _read_elsewhere(target, schemas, wants)
    engine = create_engine(
        _ENGINES[target.dialect.name], creator=lambda: connect(target), poolclass=NullPool
    )
    try:
        with engine.connect() as connection:
            return _read(engine, inspect(connection), target.dialect, schemas, wants)
    except SQLAlchemyError as error:
        raise OperatorError(f"the database cannot be read: {_told(error, target)}") from None


def _read_elsewhere(target: Target, schemas: tuple[str, ...], wants: Wants) -> Catalog:
    """Where SQLAlchemy brings no words: by those of the driver, or of the database's own tables."""
    with asking(target) as asks:
        if target.dialect.name == "firebird":
            return read_firebird(asks, schemas, wants)
        return read_standard(asks, target.dialect, schemas, wants)


def connect(target: Target) -> Any:  # a driver's own connection
    words = target.connection
    password = "" if target.password is None else target.password.reveal()
    if target.dialect.name == "sqlite":
        return sqlite3.connect(f"file:{quoted_for_url(str(target.path))}?mode=ro", uri=True)
    if target.dialect.name == "postgresql":
        psycopg = import_extra("psycopg", "postgresql")
        secret = {"password": password} if password else {}
        return psycopg.connect(**({"connect_timeout": _CONNECT_WITHIN} | words | secret))
    import_extra("pymysql", "mariadb")
    from drawbar.backends.sql.databases.mariadb.database import MariadbServer  # noqa: PLC0415 -- optional driver

    return MariadbServer(target).connect()


def _told(error: SQLAlchemyError, target: Target) -> str:
    original = getattr(error, "orig", None)
    text = " ".join(str(original or error).split())
    password = "" if target.password is None else target.password.reveal()
    return text.replace(password, "***") if password else text


def _read(
    engine: Engine, inspector: Inspector, dialect: Dialect, schemas: tuple[str, ...], wants: Wants
) -> Catalog:
    home = inspector.default_schema_name
    known = inspector.get_schema_names()
    for schema in schemas:
        if schema not in known:
            theirs = ", ".join(each for each in known if each not in _OF_SYSTEMS)
            raise OperatorError(f"there is no schema `{schema}`; there are: {theirs}")
    named = [None if schema == home else schema for schema in schemas] or [None]
    tables = [table for each in named for table in _tables(inspector, dialect, each, wants)]
    return Catalog(
        dialect,
        tuple(tables),
        engine.dialect.identifier_preparer.quote,
        has_returning=dialect.name != "mariadb" or bool(getattr(engine.dialect, "is_mariadb", 0)),
    )


def _tables(
    inspector: Inspector, dialect: Dialect, schema: str | None, wants: Wants
) -> list[Table]:
    views = {*inspector.get_view_names(schema)}
    if dialect.name == "postgresql":
        views |= {*inspector.get_materialized_view_names(schema)}
    names = [*inspector.get_table_names(schema), *sorted(views)]
    wanted = [name for name in names if wants(name, label(schema, name))]
    if not wanted:
        return []
    facts = _Facts(inspector, dialect, schema, wanted)
    return [facts.table(name, is_view=name in views) for name in wanted]


class _Facts:
    """All that is known of some tables of a schema, each kind of fact asked once."""

    def __init__(
        self, inspector: Inspector, dialect: Dialect, schema: str | None, names: list[str]
    ) -> None:
        def ask(get: Callable[..., Any]) -> Mapping[str, Any]:
            found = get(schema=schema, filter_names=names, kind=ObjectKind.ANY)
            return {name: value for (_, name), value in found.items()}

        self.dialect = dialect
        self.schema = schema
        self._speech = inspector.dialect
        self.columns = ask(inspector.get_multi_columns)
        self.keys = ask(inspector.get_multi_pk_constraint)
        self.indexes = ask(inspector.get_multi_indexes)
        self.uniques = ask(inspector.get_multi_unique_constraints)
        self.pointers = ask(inspector.get_multi_foreign_keys)
        self.checks = ask(inspector.get_multi_check_constraints)
        self.comments: Mapping[str, Any] = {}
        if inspector.dialect.supports_comments:
            self.comments = ask(inspector.get_multi_table_comment)

    def table(self, name: str, *, is_view: bool) -> Table:
        key = tuple(self.keys.get(name, {}).get("constrained_columns") or ())
        checks = [each["sqltext"] for each in self.checks.get(name, ()) if each.get("sqltext")]
        limits = limits_of(checks, self.dialect)
        pointers = {
            each["constrained_columns"][0]: Pointer(
                label(each["referred_schema"], each["referred_table"]), each["referred_columns"][0]
            )
            for each in self.pointers.get(name, ())
            if len(each["constrained_columns"]) == 1 and each["referred_columns"]
        }
        columns = tuple(
            self._column(each, key, limits.get(each["name"], {}), pointers.get(each["name"]))
            for each in self.columns.get(name, ())
        )
        comment = (self.comments.get(name) or {}).get("text") or ""
        return Table(
            self.schema, name, columns, key, self._indexes(name, key), comment.strip(), is_view
        )

    def _indexes(self, name: str, key: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
        kept = [each for each in self.indexes.get(name, ()) if _finds_equals(each)]
        kept += self.uniques.get(name, ())
        # An index on an expression has None where a column would be.
        plain = (tuple(takewhile(bool, each["column_names"])) for each in kept)
        return tuple(dict.fromkeys(filter(None, (key, *plain))))

    def _column(
        self, found: ReflectedColumn, key: tuple[str, ...], limits: Words, pointer: Pointer | None
    ) -> Column:
        name = found["name"]
        kind = self._type(found["type"])
        is_row_number = self.dialect.name == "sqlite" and key == (name,) and kind.name == "INTEGER"
        is_counted = found.get("autoincrement") is True
        return Column(
            name,
            kind,
            limits,
            nullable=bool(found["nullable"]) and name not in key,
            default=found.get("default"),
            is_made=bool(
                found.get("identity") or found.get("computed") or is_row_number or is_counted
            ),
            comment=(found.get("comment") or "").strip(),
            points_to=pointer,
        )

    def _type(self, found: Any) -> ColumnType:  # SQLAlchemy's own, of each dialect
        found = getattr(found, "data_type", found)  # what a domain stands for
        enums = getattr(found, "enums", None)
        if enums:
            return ColumnType(found.name or "enum", {"type": "string", "enum": list(enums)})
        if isinstance(found, NullType):
            return ColumnType("unknown")
        return column_type(found.compile(dialect=self._speech), self.dialect)


def _finds_equals(index: ReflectedIndex) -> bool:
    """Whether all rows with a value are found by it; PostgreSQL has indexes for other questions, and of some rows."""
    words = index.get("dialect_options", {})
    is_partial = bool(words.get("postgresql_where") or words.get("sqlite_where") is not None)
    return words.get("postgresql_using", "btree") in {"btree", "hash"} and not is_partial
