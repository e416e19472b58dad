"""Bindings, and the operation that a call makes of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from drawbar.backends.ldap import messages
from drawbar.backends.ldap.attributes import NAME, Shown, text_of
from drawbar.backends.ldap.filters import Node, Texts, Value
from drawbar.backends.ldap.messages import Change, Scope
from drawbar.backends.ldap.names import NameTemplate
from drawbar.kernel.ports import BackendError
from drawbar.kernel.values import JsonObject, JsonValue

Filled = list[tuple[str, list[bytes]]]


@dataclass(frozen=True, slots=True)
class GivenValues:
    """The values of one attribute that is written; `lists` are parameters that are a value for each element."""

    attribute: str
    values: tuple[Value, ...]
    lists: frozenset[str] = frozenset()

    def fill(self, call: Arguments) -> list[bytes] | None:
        """None: a parameter was left out, and so is the attribute."""
        found: list[bytes] = []
        for value in self.values:
            names = tuple(value.holes())
            if any(name not in call.texts and name not in call.lists for name in names):
                return None
            if names and names[0] in self.lists:
                found += call.lists[names[0]]
            else:
                found.append(value.fill(call.texts))
        return found


@dataclass(frozen=True, slots=True)
class Arguments:
    """What a call was given, as a directory reads it."""

    texts: Texts
    lists: Mapping[str, list[bytes]]


@dataclass(frozen=True, slots=True)
class Search:
    base: NameTemplate
    scope: Scope
    condition: Node
    shown: tuple[Shown, ...]
    one: bool

    @property
    def asked(self) -> list[str]:
        """The attributes that the server is asked for; `1.1` stands for none (RFC 4511 4.5.1.8)."""
        if not self.shown:
            return ["*"]
        return [each.attribute for each in self.shown if each.attribute != NAME] or ["1.1"]


@dataclass(frozen=True, slots=True)
class Compare:
    entry: NameTemplate
    value: GivenValues


@dataclass(frozen=True, slots=True)
class Write:
    """One of add, modify and delete. Of an `add` each change is None."""

    entry: NameTemplate
    word: str
    values: tuple[tuple[Change | None, GivenValues], ...]

    def filled(self, call: Arguments) -> Iterator[tuple[Change | None, str, list[bytes]]]:
        for change, given in self.values:
            values = given.fill(call)
            if values is None or (not values and change not in {"delete", "replace"}):
                continue
            yield change, given.attribute, values


@dataclass(frozen=True, slots=True)
class Binding:
    """One function, compiled; `formats` are those of its parameters that have one."""

    operation: Search | Compare | Write
    formats: Mapping[str, str]


def arguments_of(binding: Binding, given: Mapping[str, JsonValue]) -> Arguments:
    texts, lists = {}, {}
    for name, value in given.items():
        form = binding.formats.get(name)
        if isinstance(value, list):
            lists[name] = [text_of(each, form) for each in value]
        elif value is not None:
            texts[name] = text_of(value, form)
    return Arguments(texts, lists)


def encode(operation: Compare | Write, call: Arguments) -> bytes:
    """Raises BackendError `invalid_arguments` when nothing is left to be changed."""
    name = operation.entry.fill(call.texts)
    if isinstance(operation, Compare):
        [value] = operation.value.fill(call) or [b""]
        return messages.compare(name, operation.value.attribute, value)
    if operation.word == "delete":
        return messages.delete(name)
    filled = list(operation.filled(call))
    if not filled:
        raise BackendError(
            "Nothing would be changed: give at least one of the values.",
            code="invalid_arguments",
            work="not_started",
        )
    if operation.word == "add":
        return messages.add(name, {attribute: values for _, attribute, values in filled})
    return messages.modify(name, [(c, a, v) for c, a, v in filled if c is not None])


def described(operation: Search | Compare | Write, call: Arguments) -> JsonObject:
    """For a dry run."""
    if isinstance(operation, Search):
        return {
            "search": operation.condition.text(call.texts),
            "base": operation.base.fill(call.texts),
            "scope": operation.scope,
            "attributes": list[JsonValue](operation.asked),
        }
    shown: JsonObject = {"entry": operation.entry.fill(call.texts)}
    if isinstance(operation, Compare):
        values = operation.value.fill(call) or []
        shown["compare"] = {operation.value.attribute: [_readable(each) for each in values]}
        return shown
    encode(operation, call)
    changes: JsonObject = {}
    for change, attribute, filled in operation.filled(call):
        written = [_readable(each) for each in filled]
        changes[attribute if change is None else f"{change} {attribute}"] = written
    shown[operation.word] = changes if operation.values else True
    return shown


def _readable(value: bytes) -> JsonValue:
    return value.decode("utf-8", "backslashreplace")
