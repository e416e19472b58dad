"""From an LDAP adapter to bindings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from drawbar.backends.ldap.access import address_of, check_access
from drawbar.backends.ldap.attributes import NAME, Shown
from drawbar.backends.ldap.backend import LdapBackend
from drawbar.backends.ldap.filters import (
    ATTRIBUTE,
    FilterError,
    Node,
    Present,
    Value,
    needed,
    read_filter,
    read_value,
    within_parts,
)
from drawbar.backends.ldap.messages import Change
from drawbar.backends.ldap.names import NameTemplate, read_name
from drawbar.backends.ldap.options import Given, LdapBackendSpec, LdapFunctionSpec
from drawbar.backends.ldap.request import Binding, Compare, GivenValues, Search, Write
from drawbar.backends.ldap.who import read_identity
from drawbar.compiler.draft import Draft, DraftWish
from drawbar.compiler.kind import Parameter, Plan, compile_each, options_of
from drawbar.compiler.parameters import merge_parameters
from drawbar.kernel.ports import Backend
from drawbar.kernel.workers import Workers
from drawbar.spec.model import Adapter, BackendSpec, FunctionSpec
from drawbar.spec.names import closest
from drawbar.spec.source import At, Report

CODES = {
    "DB951": "a URL that is not ldap://HOST[:PORT] or ldaps://HOST[:PORT], or TLS that does not fit it",
    "DB952": "a bind that would be none, or an identity that names no caller",
    "DB953": "warning: a password that goes over the network in clear",
    "DB954": "a filter that is none",
    "DB955": "a distinguished name that is none, or that nothing holds to a base",
    "DB956": "a parameter that is not declared, has the wrong type, or may be missing where it must not",
    "DB957": "not exactly one operation, or words that belong to another",
    "DB958": "a name of an attribute that is none",
    "DB959": "a change whose effect is `read`",
}
_OPERATIONS = ("search", "compare", "add", "modify", "delete")
_OF_SEARCH = ("base", "scope", "attributes", "rows")


class LdapKind:
    """Fills the port `drawbar.compiler.draft.DraftingKind`."""

    name = "ldap"
    options: type[BackendSpec] = LdapBackendSpec
    function: type[FunctionSpec] = LdapFunctionSpec
    codes: Mapping[str, str] = CODES

    def compile(self, adapter: Adapter, report: Report) -> Mapping[str, Plan]:
        backend = options_of(adapter, LdapBackendSpec)
        check_access(backend, report)

        def plan(_: str, spec: LdapFunctionSpec, at: At) -> Plan | None:
            return _Compiler(spec, backend, report, at).plan()

        return compile_each(adapter, report, LdapFunctionSpec, plan)

    def open(self, adapter: Adapter, plans: Mapping[str, Plan], workers: Workers) -> Backend:
        del plans, workers  # bindings come with each call, and nothing here blocks
        backend = options_of(adapter, LdapBackendSpec)
        address = address_of(backend.url)
        if address is None:
            raise TypeError("an adapter with an error is never opened")
        identity = None if backend.identity is None else read_identity(backend.identity)
        return LdapBackend(backend, address, identity, adapter.folder)

    def draft(self, source: str, wish: DraftWish) -> Draft:
        """From a running directory."""
        from drawbar.backends.ldap.draft import draft_adapter  # noqa: PLC0415 -- nobody else needs it

        return draft_adapter(source, wish)


KIND = LdapKind()


class _Compiler:
    """One function on its way to a plan."""

    def __init__(
        self, spec: LdapFunctionSpec, backend: LdapBackendSpec, report: Report, at: At
    ) -> None:
        self.spec = spec
        self.backend = backend
        self.report = report
        self.at = at
        self.parameters = {each.name: each for each in merge_parameters(spec, {}, report, at)}
        self.used: set[str] = set()

    def plan(self) -> Plan | None:
        word = self._word()
        if word is None or self.report.is_broken(self.at):
            return None
        operation = self._search() if word == "search" else self._on_entry(word)
        broken = self.report.is_broken(self.at)  # then it is not known what would be used
        for name in self.parameters:
            if name not in self.used and not broken:
                self.report.add((*self.at, "parameters", name), "DB956", f"nothing uses `{name}`")
        if operation is None:
            return None
        formats = {
            name: str(parameter.schema["format"])
            for name, parameter in self.parameters.items()
            if "format" in parameter.schema
        }
        return Plan(tuple(self.parameters.values()), Binding(operation, formats))

    def _word(self) -> str | None:
        written = self.spec.model_fields_set
        words = [word for word in _OPERATIONS if word in written]
        if not words and written & {"base", "scope"}:
            words = ["search"]  # of everything
        if len(words) != 1:
            self.report.add(
                self.at,
                "DB957",
                "a function is one operation",
                fix=f"write exactly one of {', '.join(_OPERATIONS)}",
            )
            return None
        [word] = words
        wrong = ("entry",) if word == "search" else _OF_SEARCH
        for each in wrong:
            if each in written:
                self.report.add((*self.at, each), "DB957", f"`{each}` has no meaning with `{word}`")
        if word in ("add", "modify", "delete") and self.spec.effect == "read":
            self.report.add(
                (*self.at, word),
                "DB959",
                "this changes the directory",
                fix=f"write `effect: {'destroy' if word == 'delete' else 'write'}`",
            )
        return word

    def _search(self) -> Search | None:
        condition: Node = Present("objectClass")
        at: At = (*self.at, "search")
        if self.spec.search is not None:
            try:
                condition = read_filter(self.spec.search)
            except FilterError as error:
                self.report.add(at, "DB954", f"this is no filter: {error}")
                return None
        self._use(condition.holes(), at, always=needed(condition))
        self._not_empty(within_parts(condition))
        base = self._name(self.spec.base or self.backend.base, "base")
        shown = tuple(self._shown(name) for name in self.spec.attributes)
        if base is None:
            return None
        return Search(base, self.spec.scope, condition, shown, self.spec.rows == "one")

    def _on_entry(self, word: str) -> Compare | Write | None:
        entry = self._name(self.spec.entry, "entry")
        if word == "compare":
            values = [given for _, given in self._given(None, self.spec.compare, (word,))]
            if len(values) != 1:
                self.report.add((*self.at, word), "DB957", "one attribute is compared at a time")
            for name in (name for each in values for name in each.values[0].holes()):
                self._require(name, (*self.at, word))
            return None if entry is None or len(values) != 1 else Compare(entry, values[0])
        changes: list[tuple[Change | None, GivenValues]] = []
        if word == "add":
            changes += self._given(None, self.spec.add, (word,))
        elif self.spec.modify is not None:
            changes += self._given("delete", self.spec.modify.delete, (word, "delete"))
            changes += self._given("add", self.spec.modify.add, (word, "add"))
            changes += self._given("replace", self.spec.modify.replace, (word, "replace"))
        if word != "delete" and not changes:
            self.report.add((*self.at, word), "DB957", "nothing would be written")
        return None if entry is None else Write(entry, word, tuple(changes))

    def _name(self, text: str | None, word: str) -> NameTemplate | None:
        at: At = (*self.at, word)
        if text is None:
            self.report.add(
                self.at, "DB955", f"`{word}` is missing", fix="write a distinguished name"
            )
            return None
        name = read_name(text, self.backend.base)
        if name is None:
            self.report.add(
                at,
                "DB955",
                f"`{text}` is no distinguished name",
                fix="write such as uid={uid},ou=people,dc=example; a parameter that is a whole name needs "
                "`base:` of the backend, below which it has to lie",
            )
            return None
        self._use(name.holes(), at, always=frozenset(name.holes()))
        if name.below is None:
            self._not_empty(name.holes())
        return name

    def _given(
        self, change: Change | None, given: Mapping[str, Given], words: tuple[str, ...]
    ) -> list[tuple[Change | None, GivenValues]]:
        found: list[tuple[Change | None, GivenValues]] = []
        for attribute, written in given.items():
            at: At = (*self.at, *words, attribute)
            self._check_attribute(attribute, at)
            values: list[Value] = []
            for text in (written,) if isinstance(written, str) else written:
                try:
                    values.append(read_value(text, escapes=False))
                except FilterError as error:
                    self.report.add(at, "DB954", str(error))
            lists = self._lists(values, words)
            self._use((name for value in values for name in value.holes()), at, lists=lists)
            found.append((change, GivenValues(attribute, tuple(values), lists)))
        return found

    def _lists(self, values: Iterable[Value], words: tuple[str, ...]) -> frozenset[str]:
        """Parameters that are lists and fill a place by themselves: each element becomes a value."""
        if words == ("compare",):
            return frozenset()
        alone = (name for value in values if len(value.pieces) == 1 for name in value.holes())
        return frozenset(
            name for name in alone if name in self.parameters and self._type(name) == "array"
        )

    def _shown(self, name: str) -> Shown:
        written = self.spec.attributes[name]
        at: At = (*self.at, "attributes", name)
        if isinstance(written, str):
            self._check_attribute(written, at)
            return Shown(name, written)
        self._check_attribute(written.attribute, (*at, "attribute"))
        return Shown(name, written.attribute, written.type, written.values)

    def _check_attribute(self, name: str, at: At) -> None:
        if name != NAME and not ATTRIBUTE.fullmatch(name) and name not in ("*", "+"):
            self.report.add(at, "DB958", f"`{name}` is no name of an attribute")

    def _use(
        self,
        names: Iterable[str],
        at: At,
        *,
        always: frozenset[str] = frozenset(),
        lists: frozenset[str] = frozenset(),
    ) -> None:
        for name in names:
            self.used.add(name)
            if name not in self.parameters:
                meant = closest(name, self.parameters)
                self.report.add(
                    at,
                    "DB956",
                    f"there is no parameter `{name}`",
                    fix=f"did you mean `{meant}`?" if meant else "declare it under `parameters`",
                )
            elif name not in lists and self._type(name) not in _SCALARS:
                self.report.add(
                    at, "DB956", f"`{name}` is of type {self._type(name)}, which is no value here"
                )
            elif name in always:
                self._require(name, at)

    def _require(self, name: str, at: At) -> None:
        parameter = self.parameters.get(name)
        if parameter and not parameter.required and "default" not in parameter.schema:
            self.report.add(
                at, "DB956", f"`{name}` may be missing, and then nothing would stand here"
            )

    def _type(self, name: str) -> str:
        return str(self.parameters[name].schema.get("type", "string"))

    def _not_empty(self, names: Iterable[str]) -> None:
        """An empty text in such a place would ask for everything, or name another entry.

        A pattern says so, since OpenAI's strict mode holds a model to it, and to no `minLength`.
        """
        for name in names:
            parameter = self.parameters.get(name)
            if parameter is not None and _may_be_empty(parameter):
                schema = {**parameter.schema, "pattern": r"\S"}
                self.parameters[name] = replace(parameter, schema=schema)


_SCALARS = ("string", "integer", "number", "boolean")


def _may_be_empty(parameter: Parameter) -> bool:
    schema = parameter.schema
    closed = any(word in schema for word in ("enum", "const", "format", "minLength", "pattern"))
    return schema.get("type", "string") == "string" and not closed and parameter.source == "model"
