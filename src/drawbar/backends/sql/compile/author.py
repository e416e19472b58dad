"""One function while it is compiled: its SQL is parsed, and what is wrong is noted at its place."""

from __future__ import annotations

from dataclasses import dataclass, field

from drawbar.backends.sql.compile.check import check_columns, check_reading, has_rows, is_change
from drawbar.backends.sql.compile.texts import Texts
from drawbar.backends.sql.dialect import Dialect
from drawbar.backends.sql.parse import (
    ForeignPlaceholder,
    Found,
    Known,
    NotAllowed,
    NotOneStatement,
    Parsed,
    Unreadable,
    parse,
    sqlite_syntax_error,
)
from drawbar.backends.sql.plan import Query, Statement, render
from drawbar.compiler.kind import Parameter
from drawbar.spec.source import At, Report


@dataclass(slots=True)
class Author:
    """Whose function stands at `at`; `known` are the names that its SQL may use, `used` those it does."""

    report: Report
    at: At
    dialect: Dialect
    parameters: tuple[Parameter, ...]
    texts: Texts
    known: dict[str, Known] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)

    @property
    def told(self) -> tuple[str, ...]:
        """Parameters that the model fills."""
        return tuple(each.name for each in self.parameters if each.source == "model")

    def add(self, at: At, found: Found) -> None:
        """`at` starts inside the function."""
        self.report.add((*self.at, *at), found.code, found.message, fix=found.fix)

    def is_broken(self, at: At = ()) -> bool:
        return self.report.is_broken((*self.at, *at))

    def parse(self, sql: str, at: At, *, condition: bool = False) -> Parsed | None:
        """One statement or condition, or nothing when it cannot be read."""
        parsed = self.texts.find(sql, self.known, condition=condition)
        if parsed is None:
            parsed = self._read(sql, at, condition=condition)
        if parsed is not None:
            self.used |= parsed.names
        return parsed

    def _read(self, sql: str, at: At, *, condition: bool) -> Parsed | None:
        """A text that is new, or was read where its names meant something else."""
        try:
            parsed = parse(sql, self.dialect, self.known, condition=condition)
        except (NotOneStatement, NotAllowed, Unreadable, ForeignPlaceholder) as error:
            self.add(at, _found(error))
            return None
        for found in parsed.problems:
            self.add(at, found)
        if parsed.problems:
            return parsed
        if self.dialect.name == "sqlite" and not condition:
            said = sqlite_syntax_error(self.statement(parsed).text)
            if said is not None:
                self.add(at, Found("DB303", f"SQLite cannot read it: {said}"))
                return parsed
        self.texts.note(sql, self.known, parsed, condition=condition)
        return parsed

    def select(self, sql: str, at: At) -> Parsed | None:
        """One reading with usable columns."""
        parsed = self.parse(sql, at)
        if parsed is None:
            return None
        if parsed.unfit is None:
            found = (*check_reading(parsed), *check_columns(parsed, self.dialect))
            parsed.unfit = found
        for each in parsed.unfit:
            self.add(at, each)
        return None if self.is_broken(at) else parsed

    def statement(self, parsed: Parsed) -> Statement:
        if parsed.rendered is None:
            parsed.rendered = render(
                parsed.whole(),
                self.dialect,
                changes=is_change(parsed),
                answers=has_rows(parsed.tree),
            )
        return parsed.rendered

    def query(self, parsed: Parsed) -> Query:
        return Query(self.dialect, self.statement(parsed))


def _found(error: NotOneStatement | NotAllowed | Unreadable | ForeignPlaceholder) -> Found:
    match error:
        case NotOneStatement(count=0):
            return Found("DB304", "one statement belongs here, and there is none")
        case NotOneStatement(count=count):
            return Found(
                "DB304",
                f"one statement belongs here, and there are {count}",
                "write each statement as an entry of `statements`",
            )
        case NotAllowed():
            return Found(
                "DB310",
                f"a statement that begins with `{error}` is not allowed",
                "write a select, or a change under `statements`; a procedure is called as a function in a select",
            )
        case ForeignPlaceholder():
            return Found(
                "DB307",
                f"`{error}` is no placeholder of Drawbar",
                "write `:name`, with the name of a parameter",
            )
    return Found("DB303", str(error))
