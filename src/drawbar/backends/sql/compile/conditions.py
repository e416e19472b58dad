"""`where`: the optional conditions of a reading, and the selects they are joined into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from drawbar.backends.sql.compile.author import Author
from drawbar.backends.sql.compile.check import check_inside
from drawbar.backends.sql.compile.filters import join_filters
from drawbar.backends.sql.options import SqlFunctionSpec
from drawbar.backends.sql.parse import Found, Parsed
from drawbar.backends.sql.plan import Query
from drawbar.spec.source import At


@dataclass(frozen=True, slots=True)
class Conditions:
    """The optional conditions of a function, each read by itself."""

    author: Author
    parsed: Mapping[str, Parsed]

    def query(self, select: Parsed) -> Query:
        """The select, with the conditions that are there."""
        whole = self.author.query(select)
        if not self.parsed:
            return whole
        filters = join_filters(select, self.parsed, self.author.dialect)
        if isinstance(filters, Found):
            if not self.author.is_broken(("where",)):
                self.author.add(("where",), filters)
            return whole
        return Query(self.author.dialect, whole.statement, filters)


def conditions_of(author: Author, spec: SqlFunctionSpec) -> Conditions:
    """What is wrong with one is noted at its place."""
    conditions: dict[str, Parsed] = {}
    for name, condition in spec.where.items():
        at: At = ("where", name)
        _check_key(author, spec, name)
        read = author.parse(condition, at, condition=True)
        if read is None:
            continue
        for found in check_inside(read):
            author.add(at, found)
        conditions[name] = read
    return Conditions(author, conditions)


def _check_key(author: Author, spec: SqlFunctionSpec, name: str) -> None:
    at: At = ("where", name)
    if name not in spec.parameters:
        author.add(at, Found("DB315", f"`where` is keyed by parameters, and `{name}` is none"))
    elif any(each.name == name and each.required for each in author.parameters):
        author.add(
            at,
            Found(
                "DB315",
                f"`{name}` is always there, so its condition is no optional one",
                f"give `{name}` the word `optional: true`, or write the condition into `sql`",
            ),
        )
