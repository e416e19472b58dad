"""Checks values of a YAML file against a model, and says what is wrong in words of the file's author.

A value that came from a reference (`${...}`) is never printed, whatever is wrong with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import orjson
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from drawbar.kernel.values import JsonValue
from drawbar.spec.check_words import Wrong, explain, wanted
from drawbar.spec.model import Spec
from drawbar.spec.names import closest, known_keys
from drawbar.spec.references import References
from drawbar.spec.secrets import holds_secret, mask, texts_in
from drawbar.spec.source import At, Report
from drawbar.spec.yaml12 import BadScalar, plain_scalar

S = TypeVar("S", bound=Spec)

_SCALAR_TYPES = frozenset({"int_type", "int_from_float", "float_type", "bool_type"})


def check(
    model: type[S], value: JsonValue, at: At, report: Report, references: References
) -> S | None:
    """The model filled with a value that stands at `at`; None when an error was noted."""
    try:
        return model.model_validate_json(orjson.dumps(value))
    except ValidationError as error:
        errors = error.errors(include_url=False, include_input=False)
    if (read := _read_numbers(value, at, errors, references)) is not value:
        try:
            return model.model_validate_json(orjson.dumps(read))
        except ValidationError as error:
            errors = error.errors(include_url=False, include_input=False)
    for way, details in _grouped(errors, value):
        _note(_Finding(model, value, at, way, details), report, references)
    return None


def _read_numbers(
    value: JsonValue, at: At, errors: Sequence[ErrorDetails], references: References
) -> JsonValue:
    """References are texts; where a number or true/false is wanted, the text is read as one."""
    for error in errors:
        way = _way(error["loc"], value)
        if error["type"] in _SCALAR_TYPES and (*at, *way) in references.at:
            text = _at(value, way)
            try:
                scalar = plain_scalar(text) if isinstance(text, str) else text
            except BadScalar:
                continue
            value = _replaced(value, way, scalar)
    return value


def _replaced(value: JsonValue, way: At, scalar: JsonValue) -> JsonValue:
    """A copy with another scalar at the end of the way, which leads through mappings and lists."""
    if not way:
        return scalar
    if isinstance(value, dict):
        key = str(way[0])
        return {**value, key: _replaced(value[key], way[1:], scalar)}
    changed: list[JsonValue] = list(value)  # type: ignore[arg-type]  # what is no mapping is a list here
    index = int(way[0])
    changed[index] = _replaced(changed[index], way[1:], scalar)
    return changed


def _at(value: Any, way: At) -> JsonValue:  # what the way leads through is a mapping or a list
    for key in way:
        value = value[key]
    return value  # type: ignore[no-any-return]  # JSON holds JSON


def _way(loc: tuple[int | str, ...], value: JsonValue) -> At:
    """A location of pydantic without what it adds for unions and keys; a missing key is left out."""
    way: list[str | int] = []
    for part in loc:
        if isinstance(value, dict) and part in value:
            value = value[str(part)]
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
        else:
            continue
        way.append(part)
    return tuple(way)


def _branch(error: ErrorDetails, value: JsonValue) -> tuple[At, str] | None:
    """Where a union was tried and which of its members, when an error is inside one."""
    loc = error["loc"][:-1] if error["type"] == "missing" else error["loc"]
    way: list[str | int] = []
    for part in loc:
        if isinstance(value, dict) and part in value:
            value = value[str(part)]
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
        else:
            return None if part == "[key]" else (tuple(way), str(part))
        way.append(part)
    return None


def _grouped(
    errors: Sequence[ErrorDetails], value: JsonValue
) -> list[tuple[At, list[ErrorDetails]]]:
    """Errors that say one thing together: of a union only the member that was probably meant."""
    unions: dict[At, dict[str, list[ErrorDetails]]] = {}
    for error in errors:
        if (branch := _branch(error, value)) is not None:
            unions.setdefault(branch[0], {}).setdefault(branch[1], []).append(error)
    dropped: set[int] = set()
    groups: list[tuple[At, list[ErrorDetails]]] = []
    for way, members in unions.items():
        flat = [error for each in members.values() for error in each]
        dropped.update(id(error) for error in flat)
        if all(_way(error["loc"], value) == way and _is_type(error) for error in flat):
            groups.append((way, flat))
        else:
            choices = list(members.values())
            if isinstance(_at(value, way), dict | list):  # which is none of some words
                choices = [each for each in choices if not _is_choice_at(way, each[0], value)]
            meant = min(choices or members.values(), key=_distance)
            groups.extend((_way(error["loc"], value), [error]) for error in meant)
    groups.extend((_way(e["loc"], value), [e]) for e in errors if id(e) not in dropped)
    return groups


def _is_type(error: ErrorDetails) -> bool:
    return error["type"].endswith("_type") or error["type"] == "int_from_float"


def _is_choice_at(way: At, error: ErrorDetails, value: JsonValue) -> bool:
    return error["type"] == "literal_error" and _way(error["loc"], value) == way


def _distance(errors: Sequence[ErrorDetails]) -> tuple[int, int, int]:
    """How far a value is from a member of a union: of another type altogether, then by keys."""
    wrong_type = any(_is_type(error) for error in errors)
    unknown = sum(error["type"] == "extra_forbidden" for error in errors)
    return int(wrong_type), unknown, len(errors)


class _Finding:
    """What pydantic found at one place."""

    def __init__(
        self, model: type[Spec], value: JsonValue, at: At, way: At, details: list[ErrorDetails]
    ) -> None:
        self.model = model
        self.root = value
        self.base = at
        self.at = (*at, *way)
        self.way = way
        self.details = details
        self.value = _at(value, way)


def _note(finding: _Finding, report: Report, references: References) -> None:
    error = finding.details[0]
    if error["type"] == "extra_forbidden":
        _unknown(finding, report)
    elif error["type"] == "missing":
        _missing(finding, error, report)
    else:
        wrong = (
            Wrong("DB111", "expected " + wanted([d["type"] for d in finding.details]))
            if len(finding.details) > 1
            else explain(error)
        )
        _wrong(finding, wrong, report, references)


def _wrong(finding: _Finding, wrong: Wrong, report: Report, references: References) -> None:
    if report.has_error_at(finding.at):
        return  # the value could not be read; what was put in its place need not fit
    reference = references.at.get(finding.at)
    if reference is not None:
        report.add(finding.at, wrong.code, wrong.of_reference(reference.written))
        return
    message, fix = wrong.about(finding.value)
    if holds_secret(finding.at):  # it may have been written in clear
        message = mask(message, texts_in(finding.value)) if wrong.private else wrong.message
        fix = wrong.fix
    report.add(
        finding.at,
        wrong.code,
        references.hide(message, finding.at),
        fix=None if fix is None else references.hide(fix, finding.at),
    )


def _missing(finding: _Finding, error: ErrorDetails, report: Report) -> None:
    key = str(error["loc"][-1])
    holder = finding.way[-1] if finding.way else None
    of = f" of `{holder}`" if isinstance(holder, str) else ""
    described = known_keys(finding.model, error["loc"][:-1]).get(key)
    report.add(
        finding.at,
        "DB110",
        f"`{key}`{of} is missing",
        fix=f"add `{key}:`" + (f" -- {described}" if described else ""),
    )


def _unknown(finding: _Finding, report: Report) -> None:
    error = finding.details[0]
    unknown_key(report, finding.at, known_keys(finding.model, error["loc"][:-1]))


def unknown_key(report: Report, at: At, known: Mapping[str, Any] | Sequence[str]) -> None:
    """Note DB101 for the key that `at` ends in."""
    key = str(at[-1])
    meant = closest(key, known)
    report.add(
        at,
        "DB101",
        f"unknown key `{key}`",
        fix=f"did you mean `{meant}`?"
        if meant
        else f"known here: {', '.join(known)}"
        if known
        else None,
    )
