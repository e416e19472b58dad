"""Bodies and queries, checked against pydantic models; what is wrong is said in OpenAI's words.

Every problem is named, the first one in `param` and `code`. JSON is read by orjson, which refuses what
could not be written back: NaN, lone surrogates, nesting without end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from drawbar.kernel.errors import ClientError
from drawbar.kernel.values import DEEPEST, depth

_SHOWN = 3
"""Problems spelled out in one message; the rest is counted."""
_LONGEST = 100
"""Characters of a name or value of the client that a message repeats."""

M = TypeVar("M", bound=BaseModel)


class Body(BaseModel):
    """A closed part of a request; scalars are not converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)


def parse_json(body: bytes) -> Any:  # any JSON; the models say what it should be
    """Raises ClientError with the place of the mistake."""
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        message = (
            f"We could not parse the JSON body of your request: {error.msg} "
            f"(line {error.lineno}, column {error.colno}). Send one JSON object in UTF-8."
        )
        raise ClientError(message, code="invalid_json") from None
    if body.count(b"[") + body.count(b"{") > DEEPEST and depth(data) > DEEPEST:
        message = f"The body is nested more than {DEEPEST} levels deep; send it flatter."
        raise ClientError(message, code="invalid_json")
    if b"\\u0000" in body and _holds_nul(data):
        message = (
            "A text in the body holds the character U+0000, which no store takes; leave it out."
        )
        raise ClientError(message, code="invalid_value")
    return data


def _holds_nul(value: object) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(_holds_nul(part) for pair in value.items() for part in pair)
    return isinstance(value, list) and any(_holds_nul(part) for part in value)


def parse_body(model: type[M], body: bytes) -> M:
    """An absent body counts as `{}`. Raises ClientError."""
    return check(model, parse_json(body) if body else {})


def check(model: type[M], data: Any) -> M:  # any JSON; the model says what it should be
    """Raises ClientError that names every problem."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise explain(error.errors(include_url=False)) from None


def explain(errors: list[ErrorDetails]) -> ClientError:
    """The first problem gives `param` and `code`."""
    told = [_tell(error) for error in errors]
    messages = list(dict.fromkeys(message for message, _, _ in told))
    text = " ".join(messages[:_SHOWN])
    if len(messages) > _SHOWN:
        text += f" ({len(messages) - _SHOWN} more problems.)"
    _, code, param = told[0]
    return ClientError(text, code=code, param=param)


def _param(location: tuple[int | str, ...]) -> str | None:
    """`tools[0].function.name`; parts that start with @ are branches of a union, not words of the API."""
    text = ""
    for part in location:
        if isinstance(part, int):
            text += f"[{part}]"
        elif not part.startswith("@"):
            text += f".{part}" if text else part
    return _cut(text) or None


_Told = tuple[str, str | None, str | None]
"""Message, code, param."""


def _tell(error: ErrorDetails) -> _Told:
    location = error["loc"]
    if location and location[-1] == "[key]":  # the key of a mapping; its name stands before it
        location = location[:-1]
    param = _param(location)
    context: Mapping[str, Any] = error.get("ctx") or {}  # pydantic's, by kind of error
    kind = error["type"]
    if kind in _EXPECTED:
        return _wrong_type(_EXPECTED[kind], error["input"], param)
    if kind in _ALLOWED:
        word = "role" if "role" in str(context.get("discriminator")) else "type"
        return _not_allowed(str(context.get(_ALLOWED[kind], "")), error["input"], param, word)
    if kind in _LIMITS:
        what, code, expected = _LIMITS[kind](context, error["input"])
        return f"Invalid '{param}': {what}. Expected {expected} instead.", code, param
    if kind in _PLAIN:
        text, code = _PLAIN[kind]
        return text.format(param=param, **context), code, param
    return f"Invalid '{param}': {_reason(error)}", str(context.get("code", "invalid_value")), param


_PLAIN = {
    "missing": ("Missing required parameter: '{param}'.", "missing_required_parameter"),
    "extra_forbidden": ("Unknown parameter: '{param}'.", "unknown_parameter"),
    "string_pattern_mismatch": (
        (
            "Invalid '{param}': string does not match pattern. "
            "Expected a string that matches the pattern '{pattern}'."
        ),
        "invalid_value",
    ),
}


def _wrong_type(expected: str, value: object, param: str | None) -> _Told:
    where = f"Invalid type for '{param}'" if param else "Invalid type for the body"
    message = f"{where}: expected {expected}, but got {_kind_of(value)} instead."
    return message, "invalid_type", param


def _reason(error: ErrorDetails) -> str:
    text = error["msg"].removeprefix("Value error, ")
    return text if text.endswith(".") else f"{text}."


def _not_allowed(allowed: str, value: object, param: str | None, word: str) -> _Told:
    """`word` is the key that tells the branches of a union apart."""
    given = value
    if allowed.startswith("'@"):  # a union of objects
        if not isinstance(value, dict):
            return _wrong_type("an object", value, param)
        param = f"{param}.{word}" if param else word
        if word not in value:
            return f"Missing required parameter: '{param}'.", "missing_required_parameter", param
        given = value[word]
    allowed = allowed.replace("@", "").replace("' or '", "' and '").replace(" or ", " and ")
    one = "Supported value is" if " and " not in allowed and "," not in allowed else None
    message = f"Invalid value: {_quoted(given)}. {one or 'Supported values are'}: {allowed}."
    return message, "invalid_value", param


def _quoted(value: object) -> str:
    return f"'{_cut(value)}'" if isinstance(value, str) else _cut(orjson.dumps(value).decode())


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _kind_of(value: object) -> str:
    """As the original names JSON's types."""
    names: tuple[tuple[type, str], ...] = (
        (bool, "a boolean"),
        (int, "an integer"),
        (float, "a decimal number"),
        (str, "a string"),
        (list, "an array"),
        (dict, "an object"),
    )
    return next((name for kind, name in names if isinstance(value, kind)), "null")


_EXPECTED = {
    "string_type": "a string",
    "int_type": "an integer",
    "int_from_float": "an integer",
    "int_parsing": "an integer",
    "float_type": "a decimal number",
    "bool_type": "a boolean",
    "list_type": "an array",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
    "none_required": "null",
}

_ALLOWED = {"literal_error": "expected", "union_tag_invalid": "expected_tags"}
"""Where pydantic keeps the values it would have taken."""

_Limit = Callable[[Mapping[str, Any], Any], tuple[str, str, str]]  # Any: the input may be anything


def _number(word: str, code: str, sign: str, key: str) -> _Limit:
    def tell(context: Mapping[str, Any], value: Any) -> tuple[str, str, str]:
        name = "decimal" if isinstance(value, float) else "integer"
        return (
            f"{name} {word} value",
            f"{name}_{code}_value",
            f"a value {sign} {context[key]:g}, but got {value}",
        )

    return tell


def _string(word: str, code: str, bound: str, key: str) -> _Limit:
    def tell(context: Mapping[str, Any], value: Any) -> tuple[str, str, str]:
        expected = f"a string with {bound} length {context[key]}, but got a string with length {len(value)}"
        return f"string too {word}", f"string_{code}_length", expected

    return tell


def _too_long(context: Mapping[str, Any], value: Any) -> tuple[str, str, str]:
    most = context["max_length"]
    if isinstance(value, Mapping):
        expected = f"an object with at most {most} properties, but got an object with {len(value)} properties"
        return "too many properties", "object_above_max_properties", expected
    expected = f"an array with maximum length {most}, but got an array with length {len(value)}"
    return "array too long", "array_above_max_length", expected


def _too_short(context: Mapping[str, Any], value: Any) -> tuple[str, str, str]:
    least = context["min_length"]
    expected = f"an array with minimum length {least}, but got an array with length {len(value)}"
    return "array too short", "array_below_min_length", expected


_LIMITS: Mapping[str, _Limit] = {
    "greater_than_equal": _number("below minimum", "below_min", ">=", "ge"),
    "less_than_equal": _number("above maximum", "above_max", "<=", "le"),
    "string_too_long": _string("long", "above_max", "maximum", "max_length"),
    "string_too_short": _string("short", "below_min", "minimum", "min_length"),
    "too_long": _too_long,
    "too_short": _too_short,
}
