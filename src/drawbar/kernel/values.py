"""Values that cross layers: JSON, secrets, callers and effects."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import orjson

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"
JsonObject: TypeAlias = "dict[str, JsonValue]"

Effect = Literal["read", "write", "destroy"]
"""What a function does to the backend: declared by its author, never guessed from a name."""


class Secret:
    """A text that no dump, log, error or format string can show; `reveal` gives it to the wire."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> tuple[type[Secret], tuple[str]]:
        message = "a secret cannot be pickled"
        raise TypeError(message)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is behind a request. `claims` are free values such as `emp_no` that adapters may use."""

    subject: str
    roles: tuple[str, ...] = ()
    claims: Mapping[str, JsonValue] = field(default_factory=dict)

    def as_json(self) -> JsonObject:
        return {"subject": self.subject, "roles": list(self.roles), "claims": dict(self.claims)}

    @classmethod
    def from_json(cls, data: Mapping[str, JsonValue]) -> Caller:
        roles = data.get("roles")
        claims = data.get("claims")
        return cls(
            subject=str(data["subject"]),
            roles=tuple(str(role) for role in roles) if isinstance(roles, list) else (),
            claims=claims if isinstance(claims, dict) else {},
        )


def canonical_json(value: JsonValue) -> bytes:
    """The same bytes for equal values: sorted keys, no blanks."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def arguments_hash(arguments: JsonValue) -> str:
    """The hex SHA-256 by which ledger and audit name the arguments of an invocation."""
    return hashlib.sha256(canonical_json(arguments)).hexdigest()


DEEPEST = 200
"""Levels of lists and objects in what others send: libraries that read or write JSON have such a limit, too."""


def depth(value: JsonValue) -> int:
    """Levels of lists and objects; 0 for a scalar."""
    levels, level = 0, [value]
    while level := [each for each in level if isinstance(each, dict | list)]:
        levels += 1
        inner = [each.values() if isinstance(each, dict) else each for each in level]
        level = [part for parts in inner for part in parts]
    return levels
