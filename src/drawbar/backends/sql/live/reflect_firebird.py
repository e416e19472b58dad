"""Reads the catalog of a Firebird database, by its own tables `rdb$relations`, `rdb$relation_fields` and so on."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from drawbar.backends.sql.dialect import FIREBIRD
from drawbar.backends.sql.live.catalog import Catalog, Wants
from drawbar.backends.sql.live.column_types import column_type
from drawbar.backends.sql.live.facts import ColumnFact, Facts, Reference, TableFact
from drawbar.backends.sql.live.firebird_types import FIELD, firebird_type
from drawbar.backends.sql.live.naming import Naming
from drawbar.kernel.errors import OperatorError

_SAID = "cast(substring({}.rdb$description from 1 for 2000) as varchar(2000))"
_TABLES = f"""
select trim(r.rdb$relation_name) as tab, {_SAID.format("r")} as said,
  case when r.rdb$view_blr is null then 0 else 1 end as is_view
from rdb$relations r where coalesce(r.rdb$system_flag, 0) = 0 order by 1
"""  # noqa: S608 -- its parts stand above
_COLUMNS = f"""
select trim(c.rdb$relation_name) as tab, trim(c.rdb$field_name) as col, {_SAID.format("c")} as said,
  coalesce(c.rdb$null_flag, f.rdb$null_flag, 0) as needed, c.rdb$identity_type as identity, f.rdb$computed_blr as computed,
  cast(coalesce(c.rdb$default_source, f.rdb$default_source) as varchar(2000)) as standard,
  cast(f.rdb$validation_source as varchar(8000)) as domain_check, f.rdb$dimensions as dimensions, {FIELD}
from rdb$relation_fields c join rdb$fields f on f.rdb$field_name = c.rdb$field_source
where coalesce(c.rdb$system_flag, 0) = 0 order by c.rdb$relation_name, c.rdb$field_position
"""  # noqa: S608 -- as above
_KEYS = """
select trim(k.rdb$relation_name) as tab, trim(k.rdb$constraint_type) as sort, trim(k.rdb$index_name) as idx,
  trim(o.rdb$relation_name) as other, trim(o.rdb$index_name) as other_idx
from rdb$relation_constraints k left join rdb$ref_constraints r on r.rdb$constraint_name = k.rdb$constraint_name
  left join rdb$relation_constraints o on o.rdb$constraint_name = r.rdb$const_name_uq
where k.rdb$index_name is not null order by k.rdb$constraint_name
"""
_INDEXES = """
select trim(i.rdb$relation_name) as tab, trim(i.rdb$index_name) as idx, trim(s.rdb$field_name) as col
from rdb$indices i join rdb$index_segments s on s.rdb$index_name = i.rdb$index_name
where coalesce(i.rdb$system_flag, 0) = 0 and coalesce(i.rdb$index_inactive, 0) = 0
order by i.rdb$relation_name, i.rdb$index_name, s.rdb$field_position
"""
_CHECKS = """
select distinct trim(k.rdb$relation_name) as tab, cast(t.rdb$trigger_source as varchar(8000)) as said
from rdb$relation_constraints k join rdb$check_constraints c on c.rdb$constraint_name = k.rdb$constraint_name
  join rdb$triggers t on t.rdb$trigger_name = c.rdb$trigger_name
where k.rdb$constraint_type = 'CHECK'
"""
_CHECK = re.compile(r"^\s*check\b", re.IGNORECASE)
_DEFAULT = re.compile(r"^\s*(?:default\b|=)\s*", re.IGNORECASE)
_VALUE = re.compile(r"\bvalue\b", re.IGNORECASE)
Rows = list[dict[str, Any]]


class AsksRows(Protocol):
    """Rows by column, in lower case."""

    def rows(self, sql: str) -> Rows: ...


def read_firebird(asks: AsksRows, schemas: tuple[str, ...], wants: Wants) -> Catalog:
    """Raises OperatorError for a schema, since Firebird has none."""
    if schemas:
        raise OperatorError(f"there is no schema `{schemas[0]}`: Firebird has none")
    facts = Facts(FIREBIRD, Naming(FIREBIRD, '"'), None)
    reader = _Reader(asks)
    for row in asks.rows(_TABLES):
        if facts.wants(wants, None, row["tab"]):
            facts.add(None, reader.table(row))
    return facts.catalog(has_returning=True)


class _Reader:
    """All that is known of the tables, each kind of fact asked once."""

    def __init__(self, asks: AsksRows) -> None:
        self._columns = _by_table(asks.rows(_COLUMNS))
        self._keys = _by_table(asks.rows(_KEYS))
        self._checks = _by_table(asks.rows(_CHECKS))
        self._indexes: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        for row in asks.rows(_INDEXES):
            self._indexes[row["tab"]][row["idx"]].append(row["col"])

    def table(self, row: Mapping[str, Any]) -> TableFact:
        name = row["tab"]
        indexes = self._indexes[name]
        columns, keys = self._columns[name], self._keys[name]
        primary = next((each["idx"] for each in keys if each["sort"] == "PRIMARY KEY"), None)
        return TableFact(
            name,
            row["said"] or "",
            bool(row["is_view"]),
            [_column(each) for each in columns],
            indexes.get(primary or "", []),
            list(self._references(keys, indexes)),
            list(indexes.values()),
            [*self._of_table(name), *_of_domains(columns)],
        )

    def _references(self, keys: Rows, indexes: Mapping[str, list[str]]) -> Iterator[Reference]:
        for each in keys:
            own = indexes.get(each["idx"], [])
            if each["sort"] == "FOREIGN KEY" and len(own) == 1:
                (to,) = self._indexes[each["other"]][each["other_idx"]]
                yield Reference(own[0], None, each["other"], to)

    def _of_table(self, name: str) -> Iterator[str]:
        for each in self._checks[name]:
            yield _CHECK.sub("", each["said"])


def _column(row: Mapping[str, Any]) -> ColumnFact:
    kind = f"array of {firebird_type(row)}" if row["dimensions"] else firebird_type(row)
    return ColumnFact(
        row["col"],
        column_type(kind, FIREBIRD),
        nullable=not row["needed"],
        default=_DEFAULT.sub("", row["standard"]) if row["standard"] else None,
        is_made=row["identity"] is not None or row["computed"] is not None,
        comment=row["said"] or "",
    )


def _of_domains(columns: Rows) -> Iterator[str]:
    """The condition of a domain speaks of `value`, whichever column it is."""
    for row in columns:
        if row["domain_check"]:
            quoted = '"' + row["col"].replace('"', '""') + '"'
            plain = quoted.replace("\\", r"\\")
            yield _VALUE.sub(plain, _CHECK.sub("", row["domain_check"]))


def _by_table(rows: Rows) -> dict[str, Rows]:
    found: dict[str, Rows] = defaultdict(list)
    for row in rows:
        found[row["tab"]].append(row)
    return found
