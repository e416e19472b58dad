"""Words of the model become values: "payroll Berlin" where a system wants 4711.

The function of the lookup is called like any other, on the same path. Exactly one row, or one that says the
words exactly, gives the value; otherwise the call is refused with the candidates, and nothing is sent.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import jsonschema_rs
import orjson

from drawbar.compiler.function import Function
from drawbar.compiler.kind import Parameter
from drawbar.dispatch.shape import LABEL
from drawbar.kernel.outcome import ArgumentProblem, Failed, Outcome, Refused, Succeeded
from drawbar.kernel.values import JsonObject, JsonValue

Ask = Callable[[str, JsonObject], Awaitable[Outcome]]
"""Calls a function, by its full name, for the same caller."""

_SHOWN = 10
_NUMBER = re.compile(r"\s*-?(0|[1-9]\d*)(\.\d+)?\s*")
_NARROWING = {"pattern", "enum", "format", "const"}


@dataclass(frozen=True, slots=True)
class LookedUp:
    """The arguments with their values, and what was taken for what."""

    arguments: JsonObject
    notes: tuple[str, ...] = ()


def has_lookups(function: Function | None) -> bool:
    return function is not None and any(parameter.lookup for parameter in function.parameters)


async def look_up(function: Function, arguments: JsonObject, ask: Ask) -> LookedUp | Outcome:
    """Replace words by values. An outcome ends the call: refused with candidates, or why nothing was found out."""
    found = dict(arguments)
    notes: list[str] = []
    problems: list[ArgumentProblem] = []
    for parameter in function.parameters:
        words = arguments.get(parameter.name)
        if parameter.lookup is None or not isinstance(words, str):
            continue
        direct = _direct(parameter, words)
        if direct is not None:
            found[parameter.name] = direct
            continue
        name = function.name.removesuffix(function.local_name) + parameter.lookup.function
        outcome = await ask(name, {parameter.lookup.by: words})
        if not isinstance(outcome, Succeeded):
            return outcome
        rows = _rows(outcome.value)
        whole = not _is_cut(outcome)
        values = _values(parameter.lookup.value, rows, words, whole=whole)
        if len(values) == 1 and (whole or words.strip() in _plain(values)):
            value = _typed(parameter, next(iter(values.values()))[0])
            if not _fits(parameter, value):
                return _misfit(parameter, name, value)
            found[parameter.name] = value
            notes.append(f"`{parameter.name}`: {_text(words)} was taken for {_text(value)}.")
        else:
            problems.append(_problem(parameter.name, words, values, whole=whole))
    if problems:
        return Refused(
            "invalid_arguments",
            "Nothing was sent: what was looked up is not clear. Correct what is listed and call again.",
            tuple(problems),
        )
    return LookedUp(found, tuple(notes))


def _direct(parameter: Parameter, words: str) -> JsonValue:
    """The value that the words are already; None: they have to be looked up.

    A text is one only where its schema tells values from other words.
    """
    schema = parameter.schema
    if schema.get("type") != "string":
        return _typed(parameter, words) if _NUMBER.fullmatch(words) else None
    if not _NARROWING & schema.keys():
        return None
    return words if _fits(parameter, words) else None


def _fits(parameter: Parameter, value: JsonValue) -> bool:
    return jsonschema_rs.is_valid(parameter.schema, value, validate_formats=True)


def _misfit(parameter: Parameter, function: str, value: JsonValue) -> Failed:
    return Failed(
        "bad_lookup",
        f"`{function}` found {_text(value)}, which `{parameter.name}` does not take; nothing was sent.",
        hint="Tell the user; the operator can correct the adapter.",
    )


def _typed(parameter: Parameter, value: JsonValue) -> JsonValue:
    """The value as the parameter's type has it; a database may keep numbers as texts, and the reverse."""
    wanted = parameter.schema.get("type")
    if wanted == "string":
        return value if isinstance(value, str) else _text(value)
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        number: JsonValue = orjson.loads(value.strip())
        return number
    return value


def _is_cut(outcome: Succeeded) -> bool:
    """Whether there are rows that the answer does not hold, which might be meant as well."""
    value = outcome.value
    more = isinstance(value, dict) and isinstance(value.get("rows"), list) and value.get("next")
    return bool(more) or any(note.startswith("Cut:") for note in outcome.notes)


def _rows(value: JsonValue) -> Sequence[JsonObject]:
    """The rows of a list, of a page, or the one row."""
    if isinstance(value, dict):
        inner = value.get("rows")
        value = inner if isinstance(inner, list) else [value]
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


_Values = Mapping[str, tuple[JsonValue, JsonObject]]
"""Value and row by the value's text."""


def _values(field: str, rows: Sequence[JsonObject], words: str, *, whole: bool) -> _Values:
    """All that was found, or the one that says exactly the words; of a part of the rows only the value itself can."""
    found = {_text(row[field]): (row[field], row) for row in rows if row.get(field) is not None}
    exact = {
        key: each
        for key, each in found.items()
        if _says(each[1] if whole else {field: each[0]}, words)
    }
    return exact if len(exact) == 1 else found


def _plain(values: _Values) -> set[str]:
    return {key.strip('"') for key in values}


def _says(row: JsonObject, words: str) -> bool:
    wanted = words.strip().casefold()
    return any(_text(value).strip('"').casefold() == wanted for value in row.values())


def _problem(name: str, words: str, values: _Values, *, whole: bool) -> ArgumentProblem:
    if not values:
        return ArgumentProblem(
            name, f"Nothing was found by the text {_text(words)}; use other words."
        )
    rows = [_short(row) for _, row in list(values.values())[:_SHOWN]]
    rest = len(values) - len(rows)
    more = f" and {rest} more" if rest and whole else "" if whole else " and more"
    shown = orjson.dumps(rows).decode()
    message = (
        f"The text {_text(words)} may mean several: give the value of one, or more exact words. "
        f"Candidates ({LABEL}): {shown}{more}"
    )
    return ArgumentProblem(name, message)


def _short(row: JsonObject) -> JsonValue:
    """A row without what is too long to choose by."""
    kept: JsonObject = {
        name: value
        for name, value in row.items()
        if isinstance(value, (str, int, float)) and len(str(value)) <= _LONGEST
    }
    return kept


_LONGEST = 80


def _text(value: JsonValue) -> str:
    return orjson.dumps(value).decode()
