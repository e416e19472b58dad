"""From a live database to a first version of an adapter, for a person to read, prune and decide.

What the catalog says is written out: types, ranges and choices of parameters, comments, where foreign keys lead. The
adapter then compiles without the database, and a person sees all of it.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import replace

from drawbar.backends.sql.draft import origin
from drawbar.backends.sql.draft.origin import Origin, adapter_name, origin_of
from drawbar.backends.sql.draft.pinned import types_of
from drawbar.backends.sql.draft.routines import RoutineDraft, read_routines
from drawbar.backends.sql.draft.tables import TableDraft, Verb, why_hidden
from drawbar.backends.sql.draft.writes import WritesDraft
from drawbar.backends.sql.live.catalog import Catalog
from drawbar.backends.sql.live.reflect import read_catalog
from drawbar.compiler.draft import (
    Draft,
    DraftWish,
    Inline,
    Node,
    Noted,
    Reference,
    function_names,
    functions_node,
    write_yaml,
)
from drawbar.kernel.errors import OperatorError
from drawbar.spec.names import closest

OPTIONS: Mapping[str, str] = {
    "schema": "of the database, or several with commas between them; by default the one where names are looked for",
    "writes": "`insert`, `update`, `call`, or several with commas: changes of one row, and routines that do not say that they "
    "only read; by default none",
    **origin.OPTIONS,
}
_CALL = "call"
_VERBS: tuple[Verb, ...] = ("insert", "update")
_WRITES = (*_VERBS, _CALL)


def draft_adapter(source: str, wish: DraftWish) -> Draft:
    """`source` is a URL, or a file of SQLite, DuckDB or Firebird. Raises OperatorError."""
    wish.check_options(OPTIONS)
    _writes(wish)  # a mistake in it is told before anything is connected to
    found = origin_of(source, wish)
    schemas = tuple(filter(None, wish.options.get("schema", "").replace(" ", "").split(",")))

    def wants(name: str, label: str) -> bool:
        return wish.wants(name) or wish.wants(label)

    catalog = read_catalog(found.target, schemas, wants)
    routines = read_routines(found.target, schemas, wants)
    draft = _Drafting(found, catalog, routines, wish).draft()
    return replace(draft, types=types_of(found, draft))


def _writes(wish: DraftWish) -> tuple[str, ...]:
    words = [word.strip() for word in wish.options.get("writes", "").split(",") if word.strip()]
    for word in words:
        if word not in _WRITES:
            meant = closest(word, _WRITES)
            fix = f"did you mean `{meant}`?" if meant else "write `insert`, `update`, `call`"
            raise OperatorError(f"`--option writes={word}` is nothing that can be drafted; {fix}")
    return tuple(each for each in _WRITES if each in words)


class _Drafting:
    """One draft while it is made."""

    def __init__(
        self, found: Origin, catalog: Catalog, routines: list[RoutineDraft], wish: DraftWish
    ) -> None:
        self.origin = found
        self.target = found.target
        self.name = found.name
        self.catalog = catalog
        self.wish = wish
        self.writes = _writes(wish)
        self.routines = {
            each.key: each
            for each in routines
            if each.why_not() is None and (each.live.effect == "read" or _CALL in self.writes)
        }
        self.left_out = [each for each in routines if each.key not in self.routines]
        self.tables = {each.label: TableDraft(catalog, each) for each in catalog.tables}

    def draft(self) -> Draft:
        offered = {f"{label} {verb}": (label, verb) for label, verb in self._offered()}
        if not offered and not self.routines:
            asked = f" that is called {' or '.join(self.wish.only)}" if self.wish.only else ""
            raise OperatorError(f"{self.origin.url} has no table or view{asked}")
        labels = {key: f"{verb} {label}" for key, (label, verb) in offered.items()}
        labels |= {key: routine.name for key, routine in self.routines.items()}
        names = function_names(labels, f"{self.name}_", self.wish.named)
        see = {
            label: f"{self.name}_{names[key]}"
            for key, (label, verb) in offered.items()
            if verb == "get"
        }
        functions: dict[str, Node] = {}
        undecided: list[str] = []
        for key, (label, verb) in offered.items():
            table = self.tables[label]
            if verb in _VERBS:
                own = {v: names[k] for k, (other, v) in offered.items() if other == label}
                words, above = WritesDraft(table, self.tables).change(verb, own, see)
                undecided.append(names[key])
            else:
                words, above = table.reading(verb, see)
            functions[names[key]] = Noted(words, above)
        for key, routine in self.routines.items():
            words, above = routine.words()
            functions[names[key]] = Noted(words, above)
            undecided.append(names[key])
        return Draft(
            self.name,
            write_yaml(self._head() | {"functions": functions_node(functions)}),
            notes=(*self._variables(), *self._notes()),
            named=names,
            undecided=tuple(undecided),
            environ={self.origin.variable("URL"): self.origin.url},
        )

    def _offered(self) -> Iterator[tuple[str, Verb]]:
        """The table of each function, and what it does there."""
        verbs = tuple(verb for verb in _VERBS if verb in self.writes)
        for label, table in self.tables.items():
            for verb in (*table.readings, *WritesDraft(table, self.tables).offered(verbs)):
                yield label, verb

    def _head(self) -> dict[str, Node]:
        count, calls = len(self.tables), len(self.routines)
        title = self.target.dialect.title.replace(" (", " by ").rstrip(")")
        routines = f", {calls} routine{'' if calls == 1 else 's'}" if calls else ""
        above = (
            f"Drafted by `drawbar new sql` from {title}, {count} {'table' if count == 1 else 'tables'} and views{routines}. "
            "Take out what no model should call, and say when to use what is left."
        )
        backend = self._backend()
        if {*_VERBS} & {*self.writes}:
            backend["max_affected_rows"] = 1
        return {
            "adapter": Noted(self.name, above),
            "description": f"The database {adapter_name(self.origin.url)} ({title}).",
            "backend": Noted(backend, apart=True),
            "limits": Noted(Inline({"timeout": "10s", "rows": 200}), apart=True),
        }

    def _backend(self) -> dict[str, Node]:
        """How the database is reached, with what is no secret as a default."""
        variable, words = self.origin.variable, self.target.connection
        default = self.origin.url if self.origin.is_known else None
        backend: dict[str, Node] = {"kind": "sql", "url": Reference(variable("URL"), default)}
        if self.target.path is None and "user" in words:
            backend["username"] = Reference(variable("USER"), words["user"])
        if self.target.password is not None:
            backend["password"] = Reference(variable("PASSWORD"))
        if self.origin.spec.dialect is not None:
            backend["dialect"] = self.origin.spec.dialect
        if self.origin.spec.jdbc is not None:
            jars = [
                Reference(variable(f"JAR_{number}" if number > 1 else "JAR"), str(jar))
                for number, jar in enumerate(self.target.jars, 1)
            ]
            driver = self.origin.spec.jdbc.driver
            backend["jdbc"] = Inline({"driver": driver, "jars": Inline(jars)})
        return backend

    def _variables(self) -> Iterator[str]:
        if not self.origin.is_known:
            variable, path = self.origin.variable("URL"), self.target.path
            scheme = self.target.dialect.schemes[0] if path else ""
            such = self.origin.url if path is None else f"{scheme}:///{path}"
            yield f"set {variable} where it runs, such as {variable}={shlex.quote(such)}"
        if self.target.password is not None:
            yield f"set {self.origin.variable('PASSWORD')} where it runs; the password is not in the draft"

    def _notes(self) -> Iterator[str]:
        for label, draft in self.tables.items():
            hidden = [
                each.name for each in draft.table.columns if why_hidden(each) == "looks secret"
            ]
            if hidden:
                what = "looks secret and is" if len(hidden) == 1 else "look secret and are"
                yield f"{label}: {', '.join(hidden)} {what} left out"
            if not draft.visible:
                yield f"{label}: nothing of it can be shown"
            elif not draft.key and not draft.table.is_view:
                yield f"{label}: no primary key that can be used, so it has no `get` and no pages"
            if "insert" in self.writes and not draft.table.is_view:
                why = WritesDraft(draft, self.tables).why_no_insert()
                if why is not None:
                    yield f"{label}: no insert is drafted, since {why}"
        for routine in self.left_out:
            why = routine.why_not() or "it does not say that it only reads; `--option writes=call`"
            yield f"{routine.live.signature.called}: no call is drafted, since {why}"
