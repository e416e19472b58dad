"""What came of an invocation, in the words the model will read.

Four outcomes, told apart by what the reader may do next:

* Succeeded      carry on with the value
* Refused        the call was wrong or not allowed; change it and call again
* Failed         the backend said no; calling again gives the same answer unless `retryable`
* Indeterminate  sent, but no answer came; it may have happened, so do not call again
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from drawbar.kernel.values import JsonObject, JsonValue


@dataclass(frozen=True, slots=True)
class Succeeded:
    """`notes` tell what the value does not show, such as that it was cut and how to get the rest."""

    value: JsonValue
    notes: tuple[str, ...] = ()
    files: tuple[JsonObject, ...] = ()
    """References to what was kept of this call (see `kernel.files`); those that the value has, and others."""
    result: JsonObject | None = None
    """The handle of all rows where the value has only some (see `kernel.results`)."""

    kind = "succeeded"

    def as_json(self) -> JsonObject:
        told: JsonObject = {
            "outcome": self.kind,
            "value": self.value,
            "notes": list(self.notes),
        }
        if self.files:
            told["files"] = list(self.files)
        if self.result is not None:
            told["result"] = self.result
        return told


@dataclass(frozen=True, slots=True)
class ArgumentProblem:
    """One wrong argument: which one (JSON pointer without the first slash), and what would be right."""

    argument: str
    message: str

    def as_json(self) -> JsonObject:
        return {"argument": self.argument, "message": self.message}


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing was sent. `problems` names every wrong argument at once."""

    code: str
    message: str
    problems: tuple[ArgumentProblem, ...] = ()

    kind = "refused"

    def as_json(self) -> JsonObject:
        problems: list[JsonValue] = [problem.as_json() for problem in self.problems]
        return {
            "outcome": self.kind,
            "code": self.code,
            "message": self.message,
            "problems": problems,
        }


@dataclass(frozen=True, slots=True)
class Failed:
    """The backend answered no, or was not reached; nothing was changed there by this call."""

    code: str
    message: str
    retryable: bool = False
    hint: str | None = None
    detail: JsonValue = None

    kind = "failed"

    def as_json(self) -> JsonObject:
        return {
            "outcome": self.kind,
            "code": self.code,
            "message": self.message,
            "retryable": self.retryable,
            "hint": self.hint,
            "detail": self.detail,
        }


@dataclass(frozen=True, slots=True)
class Indeterminate:
    """A change was sent and its answer never came. `hint` says how to find out what became of it."""

    message: str
    hint: str | None = None

    kind = "indeterminate"

    def as_json(self) -> JsonObject:
        return {"outcome": self.kind, "message": self.message, "hint": self.hint}


Outcome: TypeAlias = Succeeded | Refused | Failed | Indeterminate


def outcome_from_json(data: Mapping[str, JsonValue]) -> Outcome:
    """The inverse of `as_json`, for outcomes that were written to a store."""
    fields = {key: value for key, value in data.items() if key != "outcome"}
    match data["outcome"]:
        case "succeeded":
            result = fields.get("result")
            return Succeeded(
                fields["value"],
                _texts(fields["notes"]),
                _objects(fields.get("files")),
                result if isinstance(result, dict) else None,
            )
        case "refused":
            problems = fields.get("problems")
            return Refused(
                str(fields["code"]),
                str(fields["message"]),
                tuple(
                    ArgumentProblem(str(item["argument"]), str(item["message"]))
                    for item in (problems if isinstance(problems, list) else [])
                    if isinstance(item, dict)
                ),
            )
        case "failed":
            return Failed(
                str(fields["code"]),
                str(fields["message"]),
                retryable=bool(fields["retryable"]),
                hint=_text(fields["hint"]),
                detail=fields["detail"],
            )
        case "indeterminate":
            return Indeterminate(str(fields["message"]), _text(fields["hint"]))
        case other:
            message = f"no outcome is called {other!r}"
            raise ValueError(message)


def _text(value: JsonValue) -> str | None:
    return None if value is None else str(value)


def _texts(value: JsonValue) -> tuple[str, ...]:
    return tuple(str(item) for item in value) if isinstance(value, list) else ()


def _objects(value: JsonValue) -> tuple[JsonObject, ...]:
    return (
        tuple(item for item in value if isinstance(item, dict)) if isinstance(value, list) else ()
    )
