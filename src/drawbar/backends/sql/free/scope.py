"""Which tables and columns a free query reads, and how it is rewritten so that it can read no others.

The rewriting is the wall, the checks are for good messages: each table is replaced by a select of its allowed columns,
so nothing else is in reach, whatever the database makes of a name (`*`, natural joins, whole rows, system columns,
`rowid`, functions written like columns); and each `with` gets a name that no table has, so that a
name that the database resolves otherwise than this module is an unknown table there, not another one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from drawbar.backends.sql.dialect import Dialect
from drawbar.backends.sql.free.speak import ONE_ROW
from drawbar.backends.sql.free.words import ROWS_OF
from drawbar.backends.sql.plan import FreeQuery, FreeTable
from drawbar.spec.names import closest

RENAMED = "drawbar_with_"
_ANY = "*"
"""Stands among the columns of what was denied, so that only that is told."""
_JOINED = ("from_", "joins")


@dataclass(frozen=True, slots=True)
class Denied:
    """Something that is not allowed: what, where in the text (offset; None: not known), and what is."""

    message: str
    fix: str | None = None
    at: int | None = None


@dataclass(slots=True)
class _Scope:
    """Names that an expression may use: of its own select, then of those around it."""

    outer: _Scope | None
    sources: dict[str, set[str]] = field(default_factory=dict)
    aliases: set[str] = field(default_factory=set)

    def around(self) -> Iterator[_Scope]:
        scope: _Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.outer


@dataclass(frozen=True, slots=True)
class _With:
    name: str
    columns: tuple[str, ...]


_Withs = Mapping[str, _With]


def rewrite(tree: exp.Expr, query: FreeQuery) -> list[Denied]:
    """Check the names of a parsed select and rewrite it in place; the text may be used only if nothing is denied."""
    reader = _Reader(query)
    reader.query(tree, None, {})
    if not reader.denied:
        reader.replace()
        _quote(tree, query.dialect)
    return list(dict.fromkeys(reader.denied))


class _Reader:
    def __init__(self, query: FreeQuery) -> None:
        self._dialect = query.dialect
        self._tables = {
            (self._own(table.schema or ""), self._own(table.name)): table for table in query.tables
        }
        self._rows_of = ROWS_OF[query.dialect.asked_as]
        self._wrapped: list[tuple[exp.Table, FreeTable]] = []
        self._renamed: list[tuple[exp.Table, str]] = []
        self._one_rows: list[exp.Table] = []
        self._withs = 0
        self.denied: list[Denied] = []

    def query(self, node: exp.Expr, outer: _Scope | None, withs: _Withs) -> tuple[str, ...]:
        """The names of its result columns."""
        withs = self._with(node, outer, withs)
        if isinstance(node, exp.Select):
            return self._select(node, outer, withs)
        if isinstance(node, exp.SetOperation):
            names = self.query(node.this, outer, withs)
            self.query(node.expression, outer, withs)
        elif isinstance(node, (exp.Subquery, exp.Paren)):
            names = self.query(node.this, outer, withs)
        elif isinstance(node, exp.Values):
            self._expressions(node.expressions, _Scope(outer), withs)
            return ()
        else:
            self._deny("only a select may stand here", node)
            return ()
        ending = _Scope(outer, aliases=set(names))
        for key, part in node.args.items():
            if key not in {"this", "expression", "with_", "alias"}:
                self._expressions(_nodes(part), ending, withs)
        return names

    def _with(self, node: exp.Expr, outer: _Scope | None, withs: _Withs) -> _Withs:
        found = node.args.get("with_")
        if found is None:
            return withs
        known = dict(withs)
        for each in found.expressions:
            alias = each.args["alias"]
            given = tuple(self._name(column) for column in alias.args.get("columns") or ())
            self._withs += 1
            named = _With(f"{RENAMED}{self._withs}", given)
            inner = dict(known)
            if found.args.get("recursive"):
                inner[self._name(alias.this)] = _With(
                    named.name, given or self._promised(each.this)
                )
            columns = self.query(each.this, outer, inner)
            known[self._name(alias.this)] = _With(named.name, given + columns[len(given) :])
            alias.set("this", exp.to_identifier(named.name, quoted=True))
        return known

    def _promised(self, node: exp.Expr) -> tuple[str, ...]:
        """Columns of a recursive `with` as far as its first select names them."""
        while isinstance(node, (exp.SetOperation, exp.Subquery, exp.Paren)):
            node = node.this
        return tuple(filter(None, map(self._named, getattr(node, "selects", ()))))

    def _select(self, node: exp.Select, outer: _Scope | None, withs: _Withs) -> tuple[str, ...]:
        scope = _Scope(outer)
        for key in _JOINED:
            for each in _nodes(node.args.get(key)):
                self._source(each.this, scope, withs)
        for each in _nodes(node.args.get("joins")):
            self._expressions(_nodes(each.args.get("on")), scope, withs)
            for column in _nodes(each.args.get("using")):
                self._unqualified(column, scope)
        names: list[str] = []
        for column in node.selects:
            names += self._result(column, scope)
            self._expression(column, scope, withs)
        scope.aliases |= set(names)
        for key, part in node.args.items():
            if key not in {"expressions", "with_", *_JOINED}:
                self._expressions(_nodes(part), scope, withs)
        return tuple(names)

    def _result(self, column: exp.Expr, scope: _Scope) -> list[str]:
        """Names of the result columns that it makes; an expression without a name makes none that can be used."""
        if isinstance(column, exp.Star):
            return [name for columns in scope.sources.values() for name in sorted(columns)]
        if isinstance(column, exp.Column) and isinstance(column.this, exp.Star):
            return sorted(scope.sources.get(self._name(column.args.get("table")), ()))
        named = self._named(column)
        return [named] if named else []

    def _named(self, column: exp.Expr) -> str | None:
        if isinstance(column, exp.Alias):
            return self._name(column.args["alias"])
        return self._name(column.this) if isinstance(column, exp.Column) else None

    def _source(self, node: exp.Expr, scope: _Scope, withs: _Withs) -> None:
        """A table, a select, or a function that answers rows."""
        if isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
            self._table(node, scope, withs)
        elif isinstance(node, (exp.Subquery, exp.Paren)) and isinstance(node.this, exp.Table):
            self._source(node.this, scope, withs)  # joins in brackets
            self._joins(node, scope, withs)
        elif isinstance(node, exp.Subquery):
            self._place(node, self.query(node, scope.outer, withs), scope)
            self._joins(node, scope, withs)
        elif isinstance(node, exp.Lateral) and isinstance(node.this, exp.Subquery):
            self._place(node, self.query(node.this, scope, withs), scope)
        elif isinstance(node, exp.Values):
            self._expressions(node.expressions, scope, withs)
            width = len(node.expressions[0].expressions) if node.expressions else 0
            self._place(node, tuple(f"column{n}" for n in range(1, width + 1)), scope)
        else:
            self._function(node, scope, withs)

    def _joins(self, node: exp.Expr, scope: _Scope, withs: _Withs) -> None:
        for each in _nodes(node.args.get("joins")):
            self._source(each.this, scope, withs)
        for each in _nodes(node.args.get("joins")):
            self._expressions(_nodes(each.args.get("on")), scope, withs)
            for column in _nodes(each.args.get("using")):
                self._unqualified(column, scope)

    def _place(self, node: exp.Expr, columns: Sequence[str], scope: _Scope) -> None:
        alias = node.args.get("alias")
        if alias is None or alias.this is None:
            scope.sources.setdefault("", set()).update(columns)
            return
        given = [self._name(column) for column in alias.args.get("columns") or ()]
        names = {*given, *columns[len(given) :]}
        scope.sources.setdefault(self._name(alias.this), set()).update(names)

    def _table(self, node: exp.Table, scope: _Scope, withs: _Withs) -> None:
        schema, name = self._name(node.args.get("db")), self._name(node.this)
        found = withs.get(name) if not schema else None
        if found is not None:
            self._renamed.append((node, found.name))
            columns = found.columns
        elif (schema, name) in self._tables and not node.args.get("catalog"):
            table = self._tables[schema, name]
            self._wrapped.append((node, table))
            columns = tuple(self._own(column) for column in table.columns)
        elif (schema, name) == ("", ONE_ROW) and self._dialect.asked_as == "firebird":
            self._one_rows.append(node)
            columns = ()
        else:
            written = ".".join(part.name for part in node.parts)
            self._deny(f"the table `{written}` is not allowed", node, self._meant_table(written))
            columns = (_ANY,)
        if node.args.get("alias") is not None:
            self._place(node, columns, scope)
        else:
            scope.sources.setdefault(name, set()).update(columns)
        self._joins(node, scope, withs)

    def _meant_table(self, name: str) -> str:
        known = [table.shown for table in self._tables.values()]
        near = closest(name, known)
        return f"did you mean `{near}`?" if near else f"there are: {', '.join(known)}"

    def _function(self, node: exp.Expr, scope: _Scope, withs: _Withs) -> None:
        inside = (node.this if isinstance(node, (exp.Table, exp.Lateral)) else None) or node
        name = _called(inside)
        columns = self._rows_of.get(name)
        if columns is None:
            message = f"`{name or _shown(inside)}` cannot stand where a table does"
            allowed = f"functions that can: {', '.join(self._rows_of)}" if self._rows_of else None
            self._deny(message, inside, allowed)
            return
        self._expressions(inside.iter_expressions(), scope, withs, but=exp.TableAlias)
        alias = node.args.get("alias") or inside.args.get("alias")
        given = [self._name(each) for each in (alias.args.get("columns") or ())] if alias else []
        named = self._name(alias.this) if alias and alias.this is not None else name
        own = columns or (named,)
        scope.sources.setdefault(named, set()).update([*given, *own[len(given) :], "ordinality"])

    def _expressions(
        self,
        nodes: Iterable[exp.Expr],
        scope: _Scope,
        withs: _Withs,
        *,
        but: type[exp.Expr] | None = None,
    ) -> None:
        for node in nodes:
            if but is None or not isinstance(node, but):
                self._expression(node, scope, withs)

    def _expression(self, node: exp.Expr, scope: _Scope, withs: _Withs) -> None:
        if isinstance(node, exp.Column):
            self._column(node, scope)
        elif isinstance(node, exp.Query):
            self.query(node, scope, withs)
        elif isinstance(node, (exp.Table, exp.From, exp.Join, exp.With)):
            self._deny(f"`{_shown(node)}` cannot stand here", node)
        elif isinstance(node, exp.In) and (node.args.get("field") or node.args.get("unnest")):
            self._deny(
                f"`{_shown(node)}` names a table after `in`", node, "write `in (select ...)`"
            )
        elif isinstance(node, exp.Collate):
            self._expression(node.this, scope, withs)
        else:
            self._expressions(node.iter_expressions(), scope, withs)

    def _column(self, node: exp.Column, scope: _Scope) -> None:
        table = node.args.get("table")
        if node.args.get("db"):
            fix = "write the table's name or alias, without a schema"
            self._deny(f"the column `{_shown(node)}` is written too long", node, fix)
        elif table is None:
            self._unqualified(node.this, scope)
        else:
            self._qualified(node, self._name(table), scope)

    def _qualified(self, node: exp.Column, table: str, scope: _Scope) -> None:
        for each in scope.around():
            columns = each.sources.get(table)
            if columns is None:
                continue
            is_known = isinstance(node.this, exp.Star) or self._name(node.this) in columns
            if not is_known and _ANY not in columns:
                self._deny(
                    f"the column `{_shown(node)}` is not allowed",
                    node,
                    _meant(node.this.name, columns),
                )
            return
        known = sorted({name for each in scope.around() for name in each.sources})
        self._deny(f"`{table}` is no table of this query", node, _meant(table, known))

    def _unqualified(self, node: exp.Expr, scope: _Scope) -> None:
        if isinstance(node, exp.Star):
            return
        if isinstance(node, exp.Column):
            node = node.this
        name = self._name(node)
        known: set[str] = set()
        for each in scope.around():
            known |= each.aliases.union(*each.sources.values())
        if name not in known and _ANY not in known:
            self._deny(f"the column `{node.name}` is not allowed", node, _meant(node.name, known))

    def _own(self, name: str) -> str:
        return fold(known_as(name, self._dialect), self._dialect, quoted=True)

    def _name(self, node: exp.Expr | None) -> str:
        if node is None:
            return ""
        return fold(node.name, self._dialect, quoted=bool(node.args.get("quoted")))

    def _deny(self, message: str, node: exp.Expr, fix: str | None = None) -> None:
        self.denied.append(Denied(message, fix, place_of(node)))

    def replace(self) -> None:
        """Put a select of the allowed columns in the place of each table."""
        for node, name in self._renamed:
            if node.args.get("alias") is None:
                node.set("alias", exp.TableAlias(this=node.this.copy()))
            node.set("this", exp.to_identifier(name, quoted=True))
        for node in self._one_rows:
            one = exp.alias_(exp.Literal.number(1), exp.to_identifier("ONE", quoted=True))
            self._put(node, exp.Select(expressions=[one], from_=exp.From(this=_bare(node))))
        for node, table in self._wrapped:
            columns = [exp.column(_written(name, self._dialect)) for name in table.columns]
            real = exp.Table(
                this=_written(table.name, self._dialect),
                db=_written(table.schema, self._dialect) if table.schema else None,
            )
            self._put(node, exp.Select(expressions=columns, from_=exp.From(this=real)))

    def _put(self, node: exp.Table, inner: exp.Select) -> None:
        alias = node.args.get("alias") or exp.TableAlias(this=node.this.copy())
        node.replace(exp.Subquery(this=inner, alias=alias, joins=node.args.get("joins")))


def fold(name: str, dialect: Dialect, *, quoted: bool) -> str:
    """What a database takes a name for that is written in a statement."""
    if dialect.folds_to is None:
        return name.lower()
    if quoted:
        return name
    return name.upper() if dialect.folds_to == "upper" else name.lower()


def known_as(name: str, dialect: Dialect) -> str:
    """A name of an adapter as the database has it; in lower case it stands for the one that is not quoted."""
    return name.upper() if dialect.folds_to == "upper" and name == name.lower() else name


def _bare(node: exp.Table) -> exp.Table:
    return exp.Table(this=node.this.copy())


def _written(name: str, dialect: Dialect) -> exp.Identifier:
    return exp.to_identifier(known_as(name, dialect), quoted=True)


def _quote(tree: exp.Expr, dialect: Dialect) -> None:
    """Names in quotes, as the database would have read them without."""
    for node in tree.find_all(exp.Identifier):
        if not node.args.get("quoted"):
            if dialect.folds_to is not None:
                node.set("this", fold(node.name, dialect, quoted=False))
            node.set("quoted", True)


def _nodes(part: object) -> list[exp.Expr]:
    found = part if isinstance(part, list) else [part]
    return [each for each in found if isinstance(each, exp.Expr)]


def _called(node: exp.Expr) -> str:
    """The name of a function that answers rows."""
    if isinstance(node, exp.Anonymous):
        return node.name.lower()
    if isinstance(node, (exp.GenerateSeries, exp.ExplodingGenerateSeries)):
        return "generate_series"
    return type(node).__name__.lower() if isinstance(node, (exp.Func, exp.Unnest)) else ""


def place_of(node: exp.Expr) -> int | None:
    """The offset of its first name, where sqlglot has kept it."""
    places = [each.meta.get("start") for each in node.walk()]
    return min((place for place in places if isinstance(place, int)), default=None)


def _shown(node: exp.Expr) -> str:
    text = node.sql(comments=False)
    return text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004 -- fits on one line


def _meant(name: str, known: Iterable[str]) -> str | None:
    names = sorted(known)
    near = closest(name, names)
    if near:
        return f"did you mean `{near}`?"
    return f"there are: {', '.join(names)}" if names else None
