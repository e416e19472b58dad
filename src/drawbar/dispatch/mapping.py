"""A backend's error becomes the outcome that the model reads; only here.

Decided by what became of the work, never by how the error looks: a change that was sent and not
answered is Indeterminate, whatever the backend's library called it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from drawbar.compiler.function import Function
from drawbar.dispatch.redact import Redactor
from drawbar.kernel.outcome import (
    ArgumentProblem,
    Failed,
    Indeterminate,
    Outcome,
    Refused,
    Succeeded,
)
from drawbar.kernel.ports import BackendError
from drawbar.spec.model import ErrorRuleSpec


def outcome_of(error: BackendError, function: Function, redactor: Redactor) -> Outcome:
    """The adapter's `errors:` rules give code, message and hint; the work decides the outcome."""
    rule = matching_rule(function.errors, error)
    message = redactor.text(rule.message if rule and rule.message else error.message)
    hint = rule.hint if rule and rule.hint else error.hint
    hint = redactor.text(hint) if hint else None
    code = rule.code if rule else error.code
    if error.argument is not None:
        told = " ".join(filter(None, [message, hint]))
        return Refused(code, "Nothing was sent.", (ArgumentProblem(error.argument, told),))
    retryable = rule.retryable if rule and rule.retryable is not None else error.retryable
    if function.effect != "read" and error.work == "done":
        note = f"It was carried out, but its answer could not be used: {message}"
        return Succeeded(None, (note,))
    if function.effect != "read" and error.work == "unknown":
        return lost_outcome(function, code, message, hint)
    return Failed(
        code,
        message,
        retryable=retryable,
        hint=hint,
        detail=redactor.value(error.detail),
    )


def lost_outcome(
    function: Function, code: str, message: str, hint: str | None = None
) -> Failed | Indeterminate:
    """A change was sent and no answer came; where repeating it is safe, the reader may try again."""
    if not function.idempotency.repeatable:
        return unknown_outcome(function, message, hint)
    safe = "It may have happened all the same; calling it again is safe."
    return Failed(code, message, retryable=True, hint=" ".join(filter(None, [hint, safe])))


def unknown_outcome(function: Function, message: str, hint: str | None = None) -> Indeterminate:
    """A change was sent and nothing is known of its end; the adapter may name how to find out."""
    if verify := function.idempotency.verify:
        name = function.name.removesuffix(function.local_name) + verify
        hint = " ".join(filter(None, [hint, f"Call `{name}` to see whether it happened."]))
    return Indeterminate(message, hint)


def matching_rule(rules: Sequence[ErrorRuleSpec], error: BackendError) -> ErrorRuleSpec | None:
    """The first rule whose every condition matches; `*` in a condition stands for any text."""
    facts = {"code": error.code, **error.facts}
    return next((rule for rule in rules if _matches(rule.when, facts)), None)


def _matches(when: Mapping[str, str | int], facts: Mapping[str, str | int]) -> bool:
    return all(
        name in facts and re.fullmatch(_pattern(str(wanted)), str(facts[name]), re.DOTALL)
        for name, wanted in when.items()
    )


def _pattern(wanted: str) -> str:
    return ".*".join(re.escape(part) for part in wanted.split("*"))
