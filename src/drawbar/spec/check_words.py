"""What pydantic found, in plain words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic_core import ErrorDetails

from drawbar.kernel.values import JsonValue
from drawbar.spec.names import closest

Code = Literal["DB111", "DB112", "DB113"]

_WANTED: dict[str, str] = {
    "string_type": "a text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "dict_type": "a mapping (key: value)",
    "model_type": "a mapping (key: value)",
    "model_attributes_type": "a mapping (key: value)",
    "mapping_type": "a mapping (key: value)",
    "dataclass_type": "a mapping (key: value)",
    "tuple_type": "a list",
    "list_type": "a list",
    "set_type": "a list",
    "frozen_set_type": "a list",
    "none_required": "nothing (null)",
}


def wanted(types: Iterable[str]) -> str:
    """`a number`, or `a text or a list` where several would do."""
    words = list(dict.fromkeys(_WANTED.get(each, "another value") for each in types))
    if "a number" in words and "a whole number" in words:
        words.remove("a whole number")
    return " or ".join(words)


def shown_value(value: JsonValue) -> str:
    """`the text "5"`, `the number 5`, `a list`: short, and never more than a glance of a long text."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return f"the number {value}"
    if isinstance(value, str):
        return f'the text "{value if len(value) <= 60 else value[:57] + "..."}"'  # noqa: PLR2004 -- a glance
    return "a list" if isinstance(value, list) else "a mapping"


@dataclass(frozen=True, slots=True)
class Wrong:
    """One wrong value. `message` is told without the value; `got` is added where it may be shown."""

    code: Code
    message: str
    fix: str | None = None
    kind: Literal["type", "choice", "whole"] = "type"
    choices: tuple[str, ...] = ()
    private: bool = False
    """The message is a validator's own and may quote the value."""

    def of_reference(self, written: str) -> str:
        """The message where the value came from a reference and must not be seen."""
        message = "the value is not valid here" if self.private else self.message
        return f"{message}, and {written} is something else (not shown)"

    def about(self, value: JsonValue) -> tuple[str, str | None]:
        if self.kind == "type":
            return f"{self.message}, got {shown_value(value)}", self.fix or _fix(
                self.message, value
            )
        if self.kind == "choice":
            meant = closest(value, self.choices) if isinstance(value, str) else None
            fix = f"did you mean `{meant}`?" if meant else self.fix
            return f"{self.message}, got {shown_value(value)}", fix
        return self.message, self.fix


def _fix(message: str, value: JsonValue) -> str | None:
    if "a text" in message and isinstance(value, (bool, int, float)):
        text = str(value).lower() if isinstance(value, bool) else value
        return f'write it in quotes: "{text}"'
    if "a list" in message and isinstance(value, str):
        return f"write [{value}]" if len(value) < 40 else "begin each element with `- `"  # noqa: PLR2004
    if "number" in message and isinstance(value, str) and value.lstrip("-").isdigit():
        return f"write {value} without quotes"
    return None


def explain(error: ErrorDetails) -> Wrong:
    """One error of pydantic that is neither a missing nor an unknown key."""
    kind = error["type"]
    context: Mapping[str, Any] = error.get("ctx", {})  # each type has its own
    if kind in _WANTED:
        return Wrong("DB111", f"expected {wanted([kind])}")
    if kind in _LIMITS:
        return Wrong("DB112", _LIMITS[kind](context))
    if kind in ("literal_error", "enum"):
        choices = tuple(
            _choice(part.strip())
            for part in str(context["expected"]).replace(" or ", ", ").split(",")
        )
        several = "one of " if len(choices) > 1 else ""
        return Wrong(
            "DB112", f"expected {several}{', '.join(choices)}", kind="choice", choices=choices
        )
    if kind in ("value_error", "assertion_error"):
        message, _, fix = str(context.get("error", error["msg"])).partition("; ")
        return Wrong("DB113", message, fix or None, kind="whole", private=True)
    message = error["msg"][:1].lower() + error["msg"][1:]
    return Wrong("DB113", message, kind="whole", private=True)


_YAML_WORDS = {"True": "true", "False": "false", "None": "null"}
"""How an author writes what pydantic shows as Python does."""


def _choice(shown: str) -> str:
    return _YAML_WORDS.get(shown, shown.strip("'"))


_LIMITS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "greater_than_equal": lambda c: f"expected at least {c['ge']}",
    "greater_than": lambda c: f"expected more than {c['gt']}",
    "less_than_equal": lambda c: f"expected at most {c['le']}",
    "less_than": lambda c: f"expected less than {c['lt']}",
    "multiple_of": lambda c: f"expected a multiple of {c['multiple_of']}",
    "string_pattern_mismatch": lambda c: f"expected a text that matches {c['pattern']}",
    "string_too_short": lambda c: f"expected at least {c['min_length']} characters",
    "string_too_long": lambda c: f"expected at most {c['max_length']} characters",
    "too_short": lambda c: f"expected at least {c['min_length']} entries",
    "too_long": lambda c: f"expected at most {c['max_length']} entries",
}
