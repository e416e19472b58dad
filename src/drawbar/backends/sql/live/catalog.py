"""What a live database says of its tables, whichever it is: columns, keys, indexes, comments, constraints."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from drawbar.backends.sql.dialect import Dialect

Value: TypeAlias = str | int | float
Wants: TypeAlias = Callable[[str, str], bool]
"""Whether a table is wanted, by its name and its label."""
Words: TypeAlias = Mapping[str, Value | list[Value]]
"""Words of a parameter, as an author writes them: `type`, `enum`, `max_length`, ..."""


@dataclass(frozen=True, slots=True)
class ColumnType:
    """What the type of a column means for a parameter."""

    name: str
    """As the database calls it."""
    words: Words | None = None
    """Of a value that is compared with the column; None where a parameter cannot hold one, such as a binary."""
    stored: Words | None = None
    """What besides holds of a value that is stored, such as its length, range and decimals."""
    example: str = ""
    """How its values look, where `format` has no word for it."""
    is_ranged: bool = False
    """Whether people ask for a range of it, such as of days, and not for one value."""

    @property
    def is_binary(self) -> bool:
        name = self.name.lower()
        is_text = "sub_type text" in name  # Firebird's long texts
        return not is_text and any(word in name for word in ("blob", "binary", "bytea"))


@dataclass(frozen=True, slots=True)
class Pointer:
    """What a foreign key of one column points to."""

    table: str
    """Its label."""
    column: str


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table or view."""

    name: str
    type: ColumnType
    limits: Words
    """What constraints say of it."""
    nullable: bool = True
    default: str | None = None
    """The expression."""
    is_made: bool = False
    """The database makes it by itself: a number that counts up, a computed value."""
    comment: str = ""
    points_to: Pointer | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A table or view."""

    schema: str | None
    """None: where names are looked for that have none."""
    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    indexes: tuple[tuple[str, ...], ...] = ()
    """The columns of each index that finds all rows with a value, in its order; that of the key among them."""
    comment: str = ""
    is_view: bool = False

    @property
    def label(self) -> str:
        """How people call it."""
        return label(self.schema, self.name)

    def column(self, name: str) -> Column:
        return next(each for each in self.columns if each.name == name)


@dataclass(frozen=True, slots=True)
class Catalog:
    """All that was asked for."""

    dialect: Dialect
    tables: tuple[Table, ...]
    quote: Callable[[str], str]
    """A name as it stands in SQL: in quotes where it needs them."""
    has_returning: bool = True
    """Whether a change can answer with rows."""

    def sql_name(self, table: Table) -> str:
        names = [table.name] if table.schema is None else [table.schema, table.name]
        return ".".join(map(self.quote, names))


def label(schema: str | None, name: str) -> str:
    return name if schema is None else f"{schema}.{name}"
