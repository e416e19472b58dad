"""Whether `oneOf` can be enforced: a value that fits two of the alternatives is then refused.

Documents write `oneOf` also where one alternative takes everything that another does (a number and an integer,
an object and the same with one more optional part). Enforced, it would leave the narrower one without a value,
which no author means and few servers check; there it is read as `anyOf`. So each alternative has to be able to
say something that the others do not take. What cannot be decided counts as the other case.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import permutations

from drawbar.kernel.values import JsonObject, JsonValue

_WIDER = {"integer": "number"}


def is_exact(
    alternatives: Sequence[JsonValue], resolved: Callable[[JsonObject], JsonObject]
) -> bool:
    """`resolved` gives what a reference leads to."""
    found = [resolved(each) for each in alternatives if isinstance(each, dict)]
    if len(found) != len(alternatives):
        return False
    return all(_escapes(one, other, resolved) for one, other in permutations(found, 2))


def _escapes(
    one: JsonObject, other: JsonObject, resolved: Callable[[JsonObject], JsonObject]
) -> bool:
    """Whether there surely is a value of the one that the other does not take."""
    kinds, taken = _kinds(one), _kinds(other)
    if not kinds or not taken:
        return False
    if any(kind not in taken and _WIDER.get(kind) not in taken for kind in kinds):
        return True
    choices, others = _choices(one), _choices(other)
    if others is not None:
        return choices is None or any(value not in others for value in choices)
    if kinds == taken == {"object"}:
        return _escapes_object(one, other, resolved)
    return False


def _escapes_object(
    one: JsonObject, other: JsonObject, resolved: Callable[[JsonObject], JsonObject]
) -> bool:
    """By a part that the other does not know or writes otherwise, or by leaving out what the other needs."""
    mine, theirs = _parts(one), _parts(other)
    if not _names(other.get("required")) <= _names(one.get("required")):
        return True
    for name, part in mine.items():
        if name not in theirs:
            if other.get("additionalProperties") is False:
                return True
        elif _escapes_shallow(resolved(part), resolved(theirs[name])):
            return True
    return False


def _escapes_shallow(one: JsonObject, other: JsonObject) -> bool:
    """The same for values of a part, without looking into objects."""
    kinds, taken = _kinds(one), _kinds(other)
    if not kinds or not taken:
        return False
    if any(kind not in taken and _WIDER.get(kind) not in taken for kind in kinds):
        return True
    choices, others = _choices(one), _choices(other)
    return others is not None and (choices is None or any(value not in others for value in choices))


def _parts(schema: JsonObject) -> dict[str, JsonObject]:
    found = schema.get("properties")
    parts = found.items() if isinstance(found, dict) else ()
    return {name: part for name, part in parts if isinstance(part, dict)}


def _names(value: JsonValue) -> set[str]:
    return {each for each in value if isinstance(each, str)} if isinstance(value, list) else set()


def _kinds(schema: JsonObject) -> set[str]:
    kind = schema.get("type")
    if isinstance(kind, list):
        return _names(kind)
    return {kind} if isinstance(kind, str) else set()


def _choices(schema: JsonObject) -> list[JsonValue] | None:
    if "const" in schema:
        return [schema["const"]]
    found = schema.get("enum")
    return found if isinstance(found, list) else None
