"""From a live database to a first version of an adapter, for a person to read, prune and decide.

What the catalog says is written out: types, ranges and choices of parameters, comments, where foreign keys lead. The
adapter then compiles without the database, and a person sees all of it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from drawbar.backends.sql.draft.routines import RoutineDraft, read_routines
from drawbar.backends.sql.draft.tables import TableDraft, Verb, why_hidden
from drawbar.backends.sql.draft.writes import WritesDraft
from drawbar.backends.sql.live.catalog import Catalog
from drawbar.backends.sql.live.reflect import read_catalog
from drawbar.backends.sql.options import SqlBackendSpec
from drawbar.backends.sql.url import Target, parse_url
from drawbar.compiler.draft import (
    Draft,
    DraftWish,
    Inline,
    Node,
    Noted,
    Reference,
    function_names,
    snake_case,
    write_yaml,
)
from drawbar.kernel.errors import OperatorError
from drawbar.kernel.values import Secret
from drawbar.spec.names import closest
from drawbar.spec.secrets import mask_url, sounds_secret

OPTIONS: Mapping[str, str] = {
    "schema": "of the database, or several with commas between them; by default the one where names are looked for",
    "writes": "`insert`, `update`, `call`, or several with commas: changes of one row, and routines that do not say that they "
    "only read; by default none",
}
_MAGIC = {"sqlite": (0, b"SQLite format 3\0"), "duckdb": (8, b"DUCK")}
"""What a file of each holds, and where."""
_MASKED = "***"
_CALL = "call"
_VERBS: tuple[Verb, ...] = ("insert", "update")
_WRITES = (*_VERBS, _CALL)


def draft_adapter(source: str, wish: DraftWish) -> Draft:
    """`source` is a URL, or a file of SQLite or DuckDB. Raises OperatorError."""
    wish.check_options(OPTIONS)
    _writes(wish)  # a mistake in it is told before anything is connected to
    url = _url(source)
    name = wish.name or _adapter_name(url)
    target = _target(url, name)
    schemas = tuple(filter(None, wish.options.get("schema", "").replace(" ", "").split(",")))

    def wants(name: str, label: str) -> bool:
        return wish.wants(name) or wish.wants(label)

    catalog = read_catalog(target, schemas, wants)
    routines = read_routines(target, schemas, wants)
    return _Drafting(url, target, name, catalog, routines, wish).draft()


def _writes(wish: DraftWish) -> tuple[str, ...]:
    words = [word.strip() for word in wish.options.get("writes", "").split(",") if word.strip()]
    for word in words:
        if word not in _WRITES:
            meant = closest(word, _WRITES)
            fix = f"did you mean `{meant}`?" if meant else "write `insert`, `update`, `call`"
            raise OperatorError(f"`--option writes={word}` is nothing that can be drafted; {fix}")
    return tuple(each for each in _WRITES if each in words)


def _url(source: str) -> str:
    """A file by the first bytes in it."""
    path = Path(source)
    if not path.is_file():
        return source
    with path.open("rb") as file:
        head = file.read(16)
    for scheme, (at, magic) in _MAGIC.items():
        if head[at:].startswith(magic):
            return f"{scheme}:///{quote(str(path))}"
    raise OperatorError(f"{source} is no database file of SQLite or DuckDB")


def _target(url: str, name: str) -> Target:
    """A password that the URL lacks comes from the variable that the draft refers to."""
    spec = SqlBackendSpec(kind="sql", url=Secret(url.replace(f":{_MASKED}@", "@")))
    password = os.environ.get(_variable(name, "PASSWORD"))
    try:
        target = parse_url(spec, Path())
        if password and target.path is None and target.password is None:
            target = parse_url(spec.model_copy(update={"password": Secret(password)}), Path())
    except ValueError as error:
        raise OperatorError(f"{mask_url(url)}: {error}") from None
    if target.path is not None and not target.path.exists():
        raise OperatorError(f"there is no database file {target.path}")
    if f":{_MASKED}@" in url and target.password is None:
        variable = _variable(name, "PASSWORD")
        raise OperatorError(f"passwords are not kept: set {variable}, or give the whole URL again")
    return target


def _variable(name: str, what: str) -> str:
    return f"{name}_{what}".upper()


def _adapter_name(url: str) -> str:
    last = urlsplit(url).path.rstrip("/").rpartition("/")[2]
    return snake_case(Path(last).stem or "database")


def _open_url(url: str) -> str:
    """Without user, password and whatever else sounds secret."""
    parts = urlsplit(url)
    words = [(key, value) for key, value in parse_qsl(parts.query) if not sounds_secret(key)]
    host = parts.netloc.rpartition("@")[2]
    # urlunsplit would make a host of the first folder of sqlite:////folder/file.
    return f"{parts.scheme}://{host}{parts.path}{'?' if words else ''}{urlencode(words)}"


class _Drafting:
    """One draft while it is made."""

    def __init__(
        self,
        url: str,
        target: Target,
        name: str,
        catalog: Catalog,
        routines: list[RoutineDraft],
        wish: DraftWish,
    ) -> None:
        self.url = url
        self.target = target
        self.name = name
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
            raise OperatorError(f"{mask_url(self.url)} has no table or view{asked}")
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
            functions[names[key]] = Noted(words, above, apart=bool(functions))
        for key, routine in self.routines.items():
            words, above = routine.words()
            functions[names[key]] = Noted(words, above, apart=bool(functions))
            undecided.append(names[key])
        url_variable = _variable(self.name, "URL")
        return Draft(
            self.name,
            write_yaml(self._head() | {"functions": Noted(functions, apart=True)}),
            notes=(*self._variables(), *self._notes()),
            named=names,
            undecided=tuple(undecided),
            environ={url_variable: _open_url(self.url)},
        )

    def _offered(self) -> Iterator[tuple[str, Verb]]:
        """The table of each function, and what it does there."""
        verbs = tuple(verb for verb in _VERBS if verb in self.writes)
        for label, table in self.tables.items():
            for verb in (*table.readings, *WritesDraft(table, self.tables).offered(verbs)):
                yield label, verb

    def _head(self) -> dict[str, Node]:
        count, calls = len(self.tables), len(self.routines)
        title = self.target.dialect.title
        routines = f", {calls} routine{'' if calls == 1 else 's'}" if calls else ""
        above = (
            f"Drafted by `drawbar new sql` from {title}, {count} {'table' if count == 1 else 'tables'} and views{routines}. "
            "Take out what no model should call, and say when to use what is left."
        )
        backend: dict[str, Node] = {"kind": "sql", "url": self._reference()}
        words = self.target.connection
        if self.target.path is None and "user" in words:
            backend["username"] = Reference(_variable(self.name, "USER"), words["user"])
        if self.target.password is not None:
            backend["password"] = Reference(_variable(self.name, "PASSWORD"))
        if {*_VERBS} & {*self.writes}:
            backend["max_affected_rows"] = 1
        return {
            "adapter": Noted(self.name, above),
            "description": f"The database {_adapter_name(self.url)} ({title}).",
            "backend": Noted(backend, apart=True),
            "limits": Noted(Inline({"timeout": "10s", "rows": 200}), apart=True),
        }

    def _reference(self) -> Reference:
        """Where a server stands is no secret; where a file lies is known where the adapter runs."""
        variable = _variable(self.name, "URL")
        is_plain = self.target.path is None and "}" not in self.url
        return Reference(variable, _open_url(self.url) if is_plain else None)

    def _variables(self) -> Iterator[str]:
        if self.target.path is not None:
            variable = _variable(self.name, "URL")
            scheme = self.target.dialect.schemes[0]
            yield f"set {variable} where it runs, such as {variable}={scheme}:///{self.target.path}"
        if self.target.password is not None:
            yield f"set {_variable(self.name, 'PASSWORD')} where it runs; the password is not in the draft"

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
