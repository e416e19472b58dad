"""What a SQL function compiles to: statements with the places where values go in.

A statement is kept in the author's own words. Only its placeholders are replaced by the driver's, at
offsets that the parser has confirmed, so literals, comments, casts and `$$` bodies stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from drawbar.backends.sql.dialect import Dialect
from drawbar.backends.sql.options import ColumnType, Expected, RowsWord
from drawbar.backends.sql.signature import Signature
from drawbar.kernel.values import JsonValue

HOLE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)?)\}")
"""A place in a guard's message, `{name}` or `{let.field}`."""

Values: TypeAlias = Mapping[str, Any]
"""Arguments by name (JSON), and what was looked up: Held, fields of Held, or HeldRows."""


@dataclass(frozen=True, slots=True)
class Held:
    """A looked-up value: as JSON for people, and as the driver takes it back without a loss."""

    shown: JsonValue
    bound: Any  # the driver's own

    @property
    def is_null(self) -> bool:
        return self.shown is None


class HeldRows(list[JsonValue]):
    """A looked-up list: its rows as JSON objects, and each with its values as the driver takes them back."""

    def __init__(self, rows: Sequence[Mapping[str, Held]]) -> None:
        super().__init__({name: held.shown for name, held in row.items()} for row in rows)
        self.rows = rows


Form = Literal["auto", "number", "array", "text"]
"""auto: by the value, lists and objects as JSON; number: exact decimals where there are; array: the driver's own list;
text: a number as its text where the database then reads it as the type it is compared with."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A place where a value goes in. Equal slots share one placeholder where those have numbers."""

    name: str
    field: str | None = None
    form: Form = "auto"
    cast: str | None = None
    """The type it is cast to on the spot; keeps differently typed uses of one name apart."""

    @property
    def label(self) -> str:
        return self.name if self.field is None else f"{self.name}.{self.field}"

    def value(self, values: Values) -> Any:  # see Values
        """What is bound; absent names and fields are null."""
        found = values.get(self.name)
        if self.field is None:
            return found
        return found.get(self.field) if isinstance(found, dict) else None


Pieces: TypeAlias = "tuple[str | Slot, ...]"


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement as the driver gets it."""

    text: str
    slots: tuple[Slot, ...]
    named: str
    """The same with `:name`, for people."""
    changes: bool = False
    """It inserts, updates, deletes or merges."""
    answers: bool = True
    """It has result rows."""
    parts: tuple[str, ...] = ()
    """The text around its slots, where marks have no numbers."""
    calls: bool = False
    """It belongs to the call of a routine, and so is no select even where nothing is changed."""

    @property
    def texts(self) -> tuple[str, ...]:
        """The text around its slots, one more than there are slots."""
        return self.parts or (self.text,)


def render(
    pieces: Iterable[str | Slot], dialect: Dialect, *, changes: bool = False, answers: bool = True
) -> Statement:
    """Give the slots their marks: `?1` on SQLite, `$1` on PostgreSQL, `?` for each use elsewhere."""
    numbers: dict[Slot, int] = {}
    slots: list[Slot] = []
    text: list[str] = []
    parts = [""]
    named: list[str] = []
    for piece in pieces:
        if isinstance(piece, str):
            text.append(piece)
            parts[-1] += piece
            named.append(piece)
            continue
        slots.append(piece)
        number = numbers.setdefault(piece, len(numbers) + 1)
        text.append(f"{dialect.mark}{number}" if dialect.is_numbered else dialect.mark)
        parts.append("")
        named.append(f":{piece.label}")
    if dialect.is_numbered:
        slots, parts = list(numbers), []
    return Statement("".join(text), tuple(slots), "".join(named), changes, answers, tuple(parts))


@dataclass(frozen=True, slots=True)
class Filters:
    """A select in three parts, and the conditions that are joined in when their parameter is there."""

    before: Pieces
    own: Pieces
    """The author's own condition; empty when the select has none."""
    after: Pieces
    conditions: Mapping[str, Pieces]

    def present(self, values: Values) -> tuple[str, ...]:
        """The conditions whose parameter is there."""
        return tuple(name for name in self.conditions if values.get(name) is not None)

    def pieces(self, present: Iterable[str]) -> list[str | Slot]:
        """The select with the conditions of these parameters."""
        conditions = [self.conditions[name] for name in present]
        if self.own:
            conditions.insert(0, self.own)
        joined: list[str | Slot] = list(self.before)
        for index, condition in enumerate(conditions):
            joined += ["\nwhere (" if index == 0 else ")\n and (", *condition]
        if conditions:
            joined.append(")")
        return [*joined, *self.after]


@dataclass(frozen=True, slots=True)
class Query:
    """A select, with its optional conditions."""

    dialect: Dialect
    statement: Statement
    filters: Filters | None = None
    _joined: dict[tuple[str, ...], Statement] = field(default_factory=dict, compare=False)

    def statement_for(self, values: Values) -> Statement:
        """The statement that these values ask for; joined once for each set of conditions."""
        if self.filters is None:
            return self.statement
        present = self.filters.present(values)
        if not present:
            return self.statement
        found = self._joined.get(present)
        if found is None:
            found = render(self.filters.pieces(present), self.dialect)
            self._joined[present] = found
        return found


@dataclass(frozen=True, slots=True)
class Term:
    """One column that rows are sorted by."""

    column: str
    """As it is written around the select."""
    index: int
    """Of the result column; negative from the end."""
    descending: bool
    nulls_first: bool


@dataclass(frozen=True, slots=True)
class Keyset:
    """A select of an author, sorted by `terms`, that can go on behind the keys of a row; see keyset.py."""

    dialect: Dialect
    select: Filters
    terms: tuple[Term, ...]
    hidden: int
    """Columns at the end of each row that are there to be sorted by, and not answered."""
    order: str
    limit: str
    _placed: dict[tuple[object, ...], Statement] = field(default_factory=dict, compare=False)

    def at(self, place: tuple[object, ...], write: Callable[[], Iterable[str | Slot]]) -> Statement:
        """The statement for a place, written when it is first needed."""
        found = self._placed.get(place)
        if found is None:
            found = self._placed[place] = render(write(), self.dialect)
        return found


Sorting: TypeAlias = Query | Keyset
"""A select in one order."""

SKIP = "drawbar_skip"
"""The name, among the values of a page, of the number of rows to be skipped."""


@dataclass(frozen=True, slots=True)
class Page:
    """How much of a list one answer holds, and what its cursor is bound to."""

    size: int
    longest: int
    """Bytes of JSON that an answer may have."""
    function: str
    bound_to: tuple[str, ...]
    """The parameters that have to stay the same from page to page."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A function that only reads."""

    query: Query
    """In its first sorting."""
    rows: RowsWord
    told: tuple[str, ...] = ()
    """Parameters that the model fills, for messages that it reads."""
    not_found: str | None = None
    children: Mapping[str, Query] = field(default_factory=dict)
    """Lists that belong to the one row."""
    columns: Mapping[str, ColumnType] = field(default_factory=dict)
    """How a column is read, by name or `list.name`."""
    sortings: Mapping[str, Sorting] = field(default_factory=dict)
    """By the value of `sorted_by`; "" where nothing is chosen. Empty: nothing is sorted or paged here."""
    sorted_by: str | None = None
    page: Page | None = None


@dataclass(frozen=True, slots=True)
class Let:
    """A value, a row or a list that is looked up before anything is changed."""

    name: str
    query: Query
    shape: Literal["value", "row", "list"]


@dataclass(frozen=True, slots=True)
class Walk:
    """A list, and the name of its element in each turn."""

    variable: str
    over: str


@dataclass(frozen=True, slots=True)
class Guard:
    """A refusal: when `query` has a row, or when it has none."""

    query: Query
    stops_on_row: bool
    code: str
    message: str
    walks: tuple[Walk, ...] = ()
    """Asked for each element."""


@dataclass(frozen=True, slots=True)
class Test:
    """Whether a step is done: when `query` has a row, or when it has none."""

    __test__ = False  # not a test class, whatever its name suggests to pytest

    query: Query
    wants_row: bool


@dataclass(frozen=True, slots=True)
class Kept:
    """The rows of a step's `returning`, by a name that later steps and the answer use."""

    name: str
    shape: Literal["value", "row", "list"]


@dataclass(frozen=True, slots=True)
class Otherwise:
    """What is said when a step touched another number of rows than expected."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Step:
    """One change, done once, or once for each element of its lists."""

    statement: Statement
    expected: Expected | None = None
    otherwise: Otherwise | None = None
    test: Test | None = None
    """Asked before each turn."""
    walks: tuple[Walk, ...] = ()
    kept: Kept | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The reading that runs before commit, and where its arguments come from."""

    reading: Reading
    taken: tuple[str, ...]
    """Names of parameters and values of `let`."""
    constants: Mapping[str, JsonValue]


CALL = "drawbar_call"
"""The name, among the values of an operation that is done once, of its call: `key`, `function`, `answer`."""


@dataclass(frozen=True, slots=True)
class Once:
    """How the key and the answer of a call are kept beside what it changes."""

    find: Statement
    begin: Statement
    end: Statement


@dataclass(frozen=True, slots=True)
class Routine:
    """A call of a procedure or a function of the database."""

    dialect: Dialect
    signature: Signature
    """As the author wrote it; compared with the database's own before the first call."""
    statement: Statement
    rows: RowsWord | None
    """How the routine's own rows are answered; None: it has none, and answers `out` and `results` by name."""
    out: tuple[str, ...] = ()
    """The arguments that come out, in their order; cursors among them are named in `results`."""
    results: Mapping[str, RowsWord] = field(default_factory=dict)
    given: Statement | None = None
    """What stands before the call where values go in and come out by variables."""
    taken: Statement | None = None
    """What reads such variables afterwards."""
    cleared: Statement | None = None
    """What leaves nothing in them."""

    @property
    def statements(self) -> tuple[Statement, ...]:
        return tuple(each for each in (self.given, self.statement, self.taken) if each is not None)


@dataclass(frozen=True, slots=True)
class Operation:
    """A function that changes something: look up, check, do, tell; all of it one transaction.

    Also each `call`, which may be one that only reads.
    """

    steps: tuple[Step, ...]
    rows: RowsWord = "many"
    told: tuple[str, ...] = ()
    not_found: str | None = None
    max_affected_rows: int | None = None
    expected: Expected | None = None
    """How many rows its routine may change."""
    lets: tuple[Let, ...] = ()
    guards: tuple[Guard, ...] = ()
    answer: Answer | None = None
    columns: Mapping[str, ColumnType] = field(default_factory=dict)
    """How a column of `returning` is read, by name or `name.column`."""
    once: Once | None = None
    undone: bool = False
    """Whether a dry run carries it out and undoes it."""
    routine: Routine | None = None
    """What is called after `steps`, of which there are none then."""
    transaction: Literal["changing", "reading", "none"] = "changing"
    """none: the routine ends its own."""

    @property
    def asks(self) -> bool:
        """Whether the database is asked something before the changes."""
        return bool(self.lets or self.guards or self.routine) or any(
            step.test for step in self.steps
        )


ARGUMENT = "sql"
"""The parameter of a free query that holds the model's text."""


@dataclass(frozen=True, slots=True)
class FreeTable:
    """A table, or a view, that free queries may read, and its columns that they may."""

    schema: str | None
    name: str
    columns: tuple[str, ...]

    @property
    def shown(self) -> str:
        return self.name if self.schema is None else f"{self.schema}.{self.name}"


@dataclass(frozen=True, slots=True)
class FreeQuery:
    """A function whose select is written by the model; see free_guard.py."""

    dialect: Dialect
    tables: tuple[FreeTable, ...]
    functions: tuple[str, ...] = ()
    """Beside those that everybody may use."""
    max_cost: float | None = None


Binding: TypeAlias = Reading | Operation | FreeQuery
