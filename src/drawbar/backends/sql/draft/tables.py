"""The readings that a draft offers of one table: get by key, list in pages, search by what is indexed."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from drawbar.backends.sql.live.catalog import Catalog, Column, Table
from drawbar.backends.sql.live.column_words import sentence, words_of
from drawbar.compiler.draft import Inline, Node, snake_case

Verb = Literal["get", "list", "search", "insert", "update"]
_SECRET = re.compile(
    r"pass_?(?:wor[dt]|wd|phrase|code)|kennwort|secret|token|credential|(?:api|private|access|session)_?key"
    r"|(?:^|_)(?:pwd|pw|hash|salt|pin|otp|totp|mfa|cvv2?|cvc2?)(?:_|$)|password",
    re.IGNORECASE,
)
_PAGE = 50
_MOST_FILTERS = 10
"""Columns by which one search finds."""
_LONGEST = 900
"""Characters of a description that is drafted: some model servers take 1024."""
_WIDTH = 88
_TAKEN = frozenset({"cursor"})
"""Parameters that come by themselves."""


@dataclass(frozen=True, slots=True)
class Filter:
    """One optional condition of a search."""

    name: str
    column: Column
    sign: Literal["=", ">=", "<="]
    beside: tuple[str, ...] = ()
    """Columns that come before it in the index, without which it finds nothing quickly."""


class TableDraft:
    """One table, and what can be offered of it."""

    def __init__(self, catalog: Catalog, table: Table) -> None:
        self.catalog = catalog
        self.table = table
        self.name = catalog.sql_name(table)

    @cached_property
    def visible(self) -> tuple[Column, ...]:
        return tuple(each for each in self.table.columns if why_hidden(each) is None)

    @cached_property
    def parameters(self) -> Mapping[str, str]:
        """The name of a parameter for each column."""
        names: dict[str, str] = {}
        for column in self.table.columns:
            names[column.name] = free_name(snake_case(column.name), {*names.values(), *_TAKEN})
        return names

    @cached_property
    def key(self) -> tuple[Column, ...]:
        """What tells rows apart, where parameters can hold it and a model may see it."""
        columns = tuple(self.table.column(name) for name in self.table.key)
        is_usable = all(each in self.visible and each.type.words for each in columns)
        return columns if is_usable else ()

    @cached_property
    def filters(self) -> tuple[Filter, ...]:
        by = self._found_by()
        found: list[Filter] = []
        for column in (each for each in self.visible if each.name in by):
            name, beside = self.parameters[column.name], by[column.name]
            if column.type.is_ranged:
                taken = {*self.parameters.values(), *(each.name for each in found)}
                found.append(Filter(free_name(f"{name}_from", taken), column, ">=", beside))
                found.append(Filter(free_name(f"{name}_to", taken), column, "<=", beside))
            else:
                found.append(Filter(name, column, "=", beside))
        return tuple(found)

    def _found_by(self) -> dict[str, tuple[str, ...]]:
        """Columns by which rows are found, each with those that it needs beside it; the indexes of a view nobody tells."""
        can = {each.name: () for each in self.visible if each.type.words}
        if self.table.is_view:
            return dict(list(can.items())[:_MOST_FILTERS])
        found: dict[str, tuple[str, ...]] = {}
        for depth in range(max(map(len, self.table.indexes), default=0)):
            for index in self.table.indexes:
                # The whole key is what `get` asks for.
                wanted = index[:-1] if index == self.table.key else index
                if depth < len(wanted) and all(name in can for name in wanted[: depth + 1]):
                    found.setdefault(wanted[depth], wanted[:depth])
        if len(self.key) == 1:
            found.pop(self.key[0].name, None)
        return dict(list(found.items())[:_MOST_FILTERS])

    @property
    def readings(self) -> tuple[Verb, ...]:
        """What can be offered; nothing where all columns are left out."""
        if not self.visible:
            return ()
        get: tuple[Verb, ...] = ("get",) if self.key else ()
        if self.table.is_view:
            return ("search",) if self.filters else ("list",)
        search: tuple[Verb, ...] = ("search",) if self.filters else ()
        return (*get, "list", *search)

    def reading(self, verb: Verb, see: Mapping[str, str]) -> tuple[dict[str, Node], str]:
        """With the comment above it. `see` has the function that gets a row of a table, by the table's label."""
        if verb == "list":
            return self._list(), self._left_out()
        return self._get(see) if verb == "get" else self._search(see), self._left_out()

    def _get(self, see: Mapping[str, str]) -> dict[str, Node]:
        key = listed(each.name for each in self.key)
        return {
            "description": self._description(
                f"One row of {self.table.label} by {key}.", see, self.visible
            ),
            "parameters": {
                self.parameters[each.name]: self.parameter(each, see) for each in self.key
            },
            "sql": f"{self._select()}\nwhere {self.is_key()}",
            "rows": "one",
            "not_found": f"no row of {self.table.label} has this {key}",
        }

    def _list(self) -> dict[str, Node]:
        order = f", in the order of {listed(each.name for each in self.key)}" if self.key else ""
        words: dict[str, Node] = {
            "description": self._description(f"All rows of {self.table.label}{order}.", {}),
            "sql": self._select(),
        }
        words.update(self._paged())
        return words

    def _search(self, see: Mapping[str, str]) -> dict[str, Node]:
        by = listed(dict.fromkeys(each.column.name for each in self.filters))
        words: dict[str, Node] = {
            "description": self._description(f"Find rows of {self.table.label} by {by}.", {}),
            "parameters": {
                each.name: self.parameter(each.column, see, _told(each), {"optional": True})
                for each in self.filters
            },
            "sql": self._select(),
            "where": {
                each.name: f"{self.quoted(each.column)} {each.sign} :{each.name}"
                for each in self.filters
            },
        }
        words.update(self._paged())
        return words

    def _paged(self) -> dict[str, Node]:
        if not self.key:
            return {}
        order = ", ".join(map(self.quoted, self.key))
        return {"order_by": order, "page": Inline({"size": _PAGE})}

    def _select(self) -> str:
        return f"{wrapped('select ', map(self.quoted, self.visible))}\nfrom {self.name}"

    def quoted(self, column: Column) -> str:
        return self.catalog.quote(column.name)

    def find_one(self) -> str:
        """Has a row when the key is there."""
        return f"select 1 as found from {self.name} where {self.is_key()}"  # noqa: S608 -- quoted names

    def is_key(self) -> str:
        """The condition that finds the one row."""
        return " and ".join(
            f"{self.quoted(each)} = :{self.parameters[each.name]}" for each in self.key
        )

    def parameter(
        self,
        column: Column,
        see: Mapping[str, str],
        told: str = "",
        more: Mapping[str, Node] | None = None,
        *,
        stored: bool = False,
    ) -> Inline:
        """The words of a parameter for values of this column, `told` besides its comment."""
        words: dict[str, Node] = {
            word: Inline(value) if isinstance(value, list) else value
            for word, value in words_of(column, stored=stored).items()
        }
        sentences = [column.comment, told.capitalize()]
        if column.type.example:
            sentences.append(f"Such as {column.type.example}")
        if column.points_to is not None and column.points_to.table in see:
            sentences.append(f"See {see[column.points_to.table]}")
        if text := sentence(*sentences):
            words["description"] = text
        return Inline({**words, **(more or {})})

    def _description(
        self, begins: str, see: Mapping[str, str], columns: Iterable[Column] = ()
    ) -> str:
        """With what the database says of the table, and of these columns."""
        lines = [sentence(begins, self.table.comment)]
        for column in columns:
            leads = see.get(column.points_to.table, "") if column.points_to else ""
            if text := sentence(column.comment, f"See {leads}" if leads else ""):
                lines.append(f"{column.name}: {text}")
        return textwrap.shorten(" ".join(lines), _LONGEST, placeholder=" ...")

    def _left_out(self) -> str:
        hidden = [
            f"{each.name} ({why})" for each in self.table.columns if (why := why_hidden(each))
        ]
        lines = [f"Left out: {', '.join(hidden)}"] if hidden else []
        if not self.key and not self.table.is_view:
            lines.append("No primary key that can be used, so no pages: what is over a cap is cut.")
        return "\n".join(lines)


def _told(asked: Filter) -> str:
    """What a condition asks for, besides being equal."""
    end = {">=": "from this on", "<=": "up to this", "=": ""}[asked.sign]
    beside = f"together with {listed(asked.beside)}" if asked.beside else ""
    return ", ".join(filter(None, (end, beside)))


def looks_secret(name: str) -> bool:
    return _SECRET.search(snake_case(name)) is not None


def why_hidden(column: Column) -> str | None:
    if looks_secret(column.name):
        return "looks secret"
    return "binary" if column.type.is_binary else None


def free_name(name: str, taken: set[str] | frozenset[str]) -> str:
    found, number = name, 1
    while found in taken:
        number += 1
        found = f"{name}_{number}"
    return found


def listed(names: Iterable[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def wrapped(begins: str, names: Iterable[str], ends: str = "") -> str:
    """A list of names, on several lines where it is long; each stays whole."""
    lines = [begins]
    for number, name in enumerate(names):
        text = f" {name}" if number else name
        lines[-1] += "," if number else ""
        if len(lines[-1]) + len(text) > _WIDTH:
            lines.append(" ")
        lines[-1] += text
    return "\n".join([*lines[:-1], lines[-1] + ends])
