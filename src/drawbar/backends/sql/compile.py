"""From the words of a SQL adapter to statements, checked offline: no connection is opened here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from drawbar.backends.sql.check import (
    check_change,
    check_columns,
    check_inside,
    check_reading,
    has_rows,
    is_change,
)
from drawbar.backends.sql.filters import join_filters
from drawbar.backends.sql.options import SqlBackendSpec, SqlFunctionSpec
from drawbar.backends.sql.parse import (
    ForeignPlaceholder,
    Found,
    Known,
    NotAllowed,
    NotOneStatement,
    Parsed,
    Unreadable,
    known_from_schema,
    parse,
    sqlite_syntax_error,
)
from drawbar.backends.sql.plan import Operation, Query, Reading, Statement, Step, render
from drawbar.backends.sql.url import Dialect, parse_url
from drawbar.compiler.kind import Parameter, Plan
from drawbar.compiler.parameters import merge_parameters
from drawbar.spec.model import Adapter
from drawbar.spec.source import At, Report

CODES: Mapping[str, str] = {
    "DB301": "the `url` of a SQL backend names no database that can be used",
    "DB302": "a function needs exactly one of `sql` and `statements`",
    "DB303": "the SQL cannot be read",
    "DB304": "one statement belongs here, not none and not several",
    "DB305": "a placeholder that nobody declares",
    "DB306": "a parameter that no SQL uses",
    "DB307": "a placeholder of another style than `:name`",
    "DB308": "a placeholder stands where its type does not fit",
    "DB309": "a change where only reading is allowed",
    "DB310": "a kind of statement that is not allowed here",
    "DB311": "`effect` does not fit what the function does",
    "DB312": "a result column without a name",
    "DB313": "two result columns of one name",
    "DB314": "a word that has no meaning beside the others",
    "DB315": "an optional condition (`where`) that cannot be joined in",
    "DB317": "a word of the language that is not built yet",
    "DB318": "a function of the database that reaches beyond rows",
}


def compile_adapter(adapter: Adapter, report: Report) -> dict[str, Plan]:
    """Plans of all functions without an error; each problem is noted at its place."""
    backend = adapter.backend
    assert isinstance(backend, SqlBackendSpec)  # noqa: S101 -- the loader used this kind's own model
    try:
        dialect = parse_url(backend, adapter.folder).dialect
    except ValueError as error:
        report.add(("backend", "url"), "DB301", str(error))
        return {}
    plans: dict[str, Plan] = {}
    for name, spec in adapter.functions.items():
        assert isinstance(spec, SqlFunctionSpec)  # noqa: S101 -- as above
        plan = FunctionCompiler(name, spec, backend, dialect, report).plan()
        if plan is not None:
            plans[name] = plan
    return plans


class FunctionCompiler:
    """Compiles one function; what is wrong goes to the report, and then there is no plan."""

    def __init__(
        self,
        name: str,
        spec: SqlFunctionSpec,
        backend: SqlBackendSpec,
        dialect: Dialect,
        report: Report,
    ) -> None:
        self.spec = spec
        self.backend = backend
        self.dialect = dialect
        self.report = report
        self.at: At = ("functions", name)
        self.used: set[str] = set()
        self.known: dict[str, Known] = {}

    def plan(self) -> Plan | None:
        parameters = merge_parameters(self.spec, {}, self.report, self.at)
        # A parameter with a mistake of its own is no reason to call its placeholder unknown.
        self.known = {name: Known("any") for name in self.spec.parameters}
        self.known.update({each.name: known_from_schema(each.schema) for each in parameters})
        if not self._words_fit():
            return None
        if self.spec.sql is not None:
            binding: Reading | Operation | None = self._reading(self.spec.sql, parameters)
        else:
            binding = self._operation(parameters)
        self._unused()
        if binding is None or self.report.is_broken(self.at):
            return None
        return Plan(parameters, binding)

    def _words_fit(self) -> bool:
        """Whether the words of the function make a reading or an operation."""
        spec, at = self.spec, self.at
        for word in ("if", "unless", "for_each"):
            for index, statement in enumerate(spec.statements):
                if getattr(statement, {"if": "if_"}.get(word, word)) is not None:
                    self._not_built((*at, "statements", index, word), word)
        for key, word in (("order_by", "order_by"), ("page", "page")):
            if getattr(spec, key) is not None:
                self._not_built((*at, word), word)
        if (spec.sql is None) == (not spec.statements):
            both = "not both" if spec.sql is not None else "and it has neither"
            self._add(
                at,
                Found(
                    "DB302",
                    f"a function is a reading (`sql`) or an operation (`statements`), {both}",
                ),
            )
            return False
        if spec.sql is not None:
            self._foreign_words(("max_affected_rows", "let", "guard"), "reads")
            if spec.effect != "read":
                self._add(
                    (*at, "effect"),
                    Found(
                        "DB311",
                        f"`sql` only reads, but the function says `effect: {spec.effect}`",
                        "write the change under `statements`, or leave `effect` out",
                    ),
                )
        else:
            self._foreign_words(("where", "with"), "is an operation")
            if spec.effect == "read":
                self._add(
                    (*at, "statements"),
                    Found(
                        "DB311",
                        "`statements` change the database, but the function's effect is read",
                        "add `effect: write` or `effect: destroy`",
                    ),
                )
        return True

    def _foreign_words(self, words: Iterable[str], because: str) -> None:
        for word in words:
            if getattr(self.spec, {"with": "with_"}.get(word, word)):
                self._add(
                    (*self.at, word),
                    Found("DB314", f"`{word}` has no meaning here, since the function {because}"),
                )

    def _not_built(self, at: At, word: str) -> None:
        self._add(at, Found("DB317", f"`{word}` is not built yet in this version of Drawbar"))

    def _reading(self, sql: str, parameters: tuple[Parameter, ...]) -> Reading | None:
        at: At = (*self.at, "sql")
        parsed = self.parse(sql, at)
        if parsed is None or not self.check_select(parsed, at):
            return None
        rows = self.spec.rows or "many"
        if self.spec.not_found is not None and rows != "one":
            self._add(
                (*self.at, "not_found"),
                Found(
                    "DB314", "`not_found` belongs to `rows: one`; a list without rows is no failure"
                ),
            )
        return Reading(
            self._filtered(parsed, parameters), rows, _told(parameters), self.spec.not_found
        )

    def _filtered(self, parsed: Parsed, parameters: tuple[Parameter, ...]) -> Query:
        whole = self._statement(parsed)
        if not self.spec.where:
            return Query(self.dialect, whole)
        optional = {each.name for each in parameters if not each.required}
        conditions: dict[str, Parsed] = {}
        for name, condition in self.spec.where.items():
            at: At = (*self.at, "where", name)
            read = self.parse(condition, at, condition=True)
            if name not in self.spec.parameters:
                self._add(
                    at, Found("DB315", f"`where` is keyed by parameters, and `{name}` is none")
                )
            elif name not in optional and not self.report.is_broken(self.at):
                self._add(
                    at,
                    Found(
                        "DB315",
                        f"`{name}` is always there, so its condition is no optional one",
                        f"give `{name}` the word `optional: true`, or write the condition into `sql`",
                    ),
                )
            if read is not None:
                for found in check_inside(read.tree):
                    self._add(at, found)
                conditions[name] = read
        filters = join_filters(parsed, conditions, self.dialect)
        if isinstance(filters, Found):
            self._add((*self.at, "where"), filters)
            return Query(self.dialect, whole)
        return Query(self.dialect, whole, filters)

    def _operation(self, parameters: tuple[Parameter, ...]) -> Operation:
        steps: list[Step] = []
        for index, statement in enumerate(self.spec.statements):
            at: At = (*self.at, "statements", index)
            at = (*at, "sql") if (*at, "sql") in self.report.source.places else at
            parsed = self.parse(statement.sql, at)
            if parsed is None:
                continue
            for found in (*check_change(parsed), *check_columns(parsed, self.dialect)):
                self._add(at, found)
            steps.append(Step(self._statement(parsed), statement.expect_rows))
        rows = self.spec.returns.rows or self.spec.rows
        if rows is not None and not any(step.statement.answers for step in steps):
            word: At = ("returns", "rows") if self.spec.returns.rows else ("rows",)
            self._add(
                (*self.at, *word),
                Found("DB314", "`rows` has no meaning here, since no statement has `returning`"),
            )
        return Operation(
            tuple(steps),
            rows or "many",
            _told(parameters),
            self.spec.not_found,
            self.spec.max_affected_rows or self.backend.max_affected_rows,
        )

    def parse(self, sql: str, at: At, *, condition: bool = False) -> Parsed | None:
        """One statement or condition; its problems are noted."""
        try:
            parsed = parse(sql, self.dialect, self.known, condition=condition)
        except (NotOneStatement, NotAllowed, Unreadable, ForeignPlaceholder) as error:
            self._add(at, _found(error))
            return None
        self.used |= parsed.names
        for found in parsed.problems:
            self._add(at, found)
        if self.dialect == "sqlite" and not condition and not parsed.problems:
            said = sqlite_syntax_error(self._statement(parsed).text)
            if said is not None:
                self._add(at, Found("DB303", f"SQLite cannot read it: {said}"))
        return parsed

    def check_select(self, parsed: Parsed, at: At) -> bool:
        """Note what keeps it from being a reading with usable columns."""
        for found in (*check_reading(parsed), *check_columns(parsed, self.dialect)):
            self._add(at, found)
        return not self.report.is_broken(at)

    def _statement(self, parsed: Parsed) -> Statement:
        return render(
            parsed.slice(0, len(parsed.text)),
            self.dialect,
            changes=is_change(parsed.tree),
            answers=has_rows(parsed.tree),
        )

    def _unused(self) -> None:
        for name in self.spec.parameters:
            if name not in self.used and name not in self.spec.where:
                self._add(
                    (*self.at, "parameters", name),
                    Found(
                        "DB306",
                        f"no SQL of this function uses the parameter `{name}`",
                        f"write `:{name}` where its value belongs, or remove it",
                    ),
                )

    def _add(self, at: At, found: Found) -> None:
        self.report.add(at, found.code, found.message, fix=found.fix)


def _told(parameters: tuple[Parameter, ...]) -> tuple[str, ...]:
    return tuple(each.name for each in parameters if each.source == "model")


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
