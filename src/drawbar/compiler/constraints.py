"""Constraints of a parameter that contradict each other, or that say nothing about its type."""

from __future__ import annotations

import re
from collections.abc import Mapping

import jsonschema_rs

from drawbar.kernel.values import JsonObject, JsonValue
from drawbar.spec.names import closest
from drawbar.spec.source import At, Report

_FITS: Mapping[str, frozenset[str]] = {
    "pattern": frozenset({"string"}),
    "minLength": frozenset({"string"}),
    "maxLength": frozenset({"string"}),
    "minimum": frozenset({"integer", "number"}),
    "maximum": frozenset({"integer", "number"}),
    "multipleOf": frozenset({"integer", "number"}),
    "minItems": frozenset({"array"}),
    "maxItems": frozenset({"array"}),
    "uniqueItems": frozenset({"array"}),
    "items": frozenset({"array"}),
    "properties": frozenset({"object"}),
}
_RANGES = (("minimum", "maximum"), ("minLength", "maxLength"), ("minItems", "maxItems"))
_WORD = re.compile(r"(?<=[a-z])(?=[A-Z])")


def author_word(keyword: str) -> str:
    """A keyword of JSON Schema as it is written in an adapter: `min_length` for `minLength`."""
    return _WORD.sub("_", keyword).lower()


_FORMATS = frozenset(
    {
        *(
            "date",
            "time",
            "date-time",
            "duration",
            "email",
            "idn-email",
            "hostname",
            "idn-hostname",
        ),
        *("ipv4", "ipv6", "uri", "uri-reference", "iri", "iri-reference", "uri-template", "uuid"),
        *("json-pointer", "relative-json-pointer", "regex"),
    }
)
"""Those that are enforced; any other would be published and then ignored."""


def check_format(name: str, kind: JsonValue, report: Report, at: At) -> None:
    """Note a format of the author's that nothing would come of."""
    if name not in _FORMATS:
        meant = closest(name, _FORMATS)
        report.add(
            (*at, "format"),
            "DB209",
            f"no format is called `{name}`",
            fix=f"did you mean `{meant}`?" if meant else f"known: {', '.join(sorted(_FORMATS))}",
        )
    elif kind != "string":
        report.add(
            (*at, "format"),
            "DB205",
            f"`format` says nothing about a value of type {kind}",
            fix="remove it, or write `type: string`",
        )


def check_schema(schema: JsonObject, report: Report, at: At, *, const: JsonValue = None) -> None:
    """Note what is wrong with the schema of the value at `at` and with everything inside it."""
    _check_words(schema, report, at)
    items = schema.get("items")
    if isinstance(items, dict):
        check_schema(items, report, (*at, "items"))
    properties = schema.get("properties")
    if isinstance(properties, dict):
        for name, inner in properties.items():
            if isinstance(inner, dict):
                check_schema(inner, report, (*at, "properties", name))
    if not report.is_broken(at):
        _check_values(schema, report, at, const)


def _check_words(schema: JsonObject, report: Report, at: At) -> None:
    kind = schema.get("type")
    if isinstance(kind, str):
        for keyword, kinds in _FITS.items():
            if keyword in schema and kind not in kinds:
                report.add(
                    (*at, author_word(keyword)),
                    "DB205",
                    f"`{author_word(keyword)}` says nothing about a value of type {kind}",
                    fix=f"remove it, or write `type: {min(kinds)}`",
                )
        for keyword, holder, what in (
            ("items", "array", "what each element is"),
            ("properties", "object", "what it holds"),
        ):
            described = {keyword, "prefixItems", "additionalProperties"}.intersection(schema)
            if kind == holder and not described:  # the last two come from a contract only
                report.add(
                    at, "DB206", f"an {holder} needs `{keyword}`", fix=f"say {what}: `{keyword}:`"
                )
    for low, high in _RANGES:
        least, most = schema.get(low), schema.get(high)
        if isinstance(least, (int, float)) and isinstance(most, (int, float)) and least > most:
            report.add(
                (*at, author_word(low)),
                "DB205",
                f"`{author_word(low)}` {least} is more than `{author_word(high)}` {most}; no value fits",
            )
    pattern = schema.get("pattern")
    if isinstance(pattern, str) and not report.is_broken((*at, "pattern")):
        check_pattern(pattern, report, at)


def check_pattern(pattern: str, report: Report, at: At) -> None:
    """Note a pattern that does not compile in the dialect by which arguments are checked."""
    try:
        _validator({"pattern": pattern})
    except ValueError:
        report.add(
            (*at, "pattern"),
            "DB207",
            f"{pattern} is no regular expression",
            fix="the dialect is that of JSON Schema (ECMA 262)",
        )


def _check_values(schema: JsonObject, report: Report, at: At, const: JsonValue) -> None:
    """Values that the author wrote have to be values that the schema allows."""
    told = {"default", "enum", "examples"} & schema.keys()
    if not told and const is None:
        return
    rules = {key: value for key, value in schema.items() if key not in ("default", "examples")}
    enum = rules.pop("enum", None)
    without_enum = _validator(rules)
    choices = enum if isinstance(enum, list) else []
    if isinstance(enum, list) and not enum:
        report.add((*at, "enum"), "DB205", "`enum` is empty; no value fits")
    for index, choice in enumerate(choices):
        _check_value(choice, without_enum, report, (*at, "enum", index))
    validator = without_enum if enum is None else _validator({**rules, "enum": choices})
    if "default" in told:
        _check_value(schema["default"], validator, report, (*at, "default"))
    examples = schema.get("examples")
    for index, example in enumerate(examples if isinstance(examples, list) else ()):
        _check_value(example, validator, report, (*at, "examples", index))
    if const is not None:
        _check_value(const, validator, report, (*at, "const"))


def _validator(schema: JsonObject) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(schema, validate_formats=True)


def _check_value(
    value: JsonValue, validator: jsonschema_rs.Draft202012Validator, report: Report, at: At
) -> None:
    error = next(iter(validator.iter_errors(value)), None)
    if error is not None:
        report.add(
            at,
            "DB208",
            f"this value contradicts the parameter itself: {error.message}",
            fix="write `optional: true` for what may be left out" if value is None else None,
        )
