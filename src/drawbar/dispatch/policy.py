"""Who may call what: the toolset of the invocation, and the author's `allow` in CEL.

A condition that cannot be evaluated refuses: an error in a rule must never open a door.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping

from drawbar.compiler.function import Function, Toolset
from drawbar.compiler.rules import compile_rule, rule_values
from drawbar.kernel.outcome import Failed, Refused
from drawbar.kernel.values import Caller, JsonValue


class Condition:
    """A CEL expression over `caller`, `args`, `function` and `now`."""

    def __init__(self, text: str) -> None:
        self._program = compile_rule(text)
        self.reads_arguments = "args" in self._program.variables()

    def holds(
        self, function: Function, caller: Caller, arguments: Mapping[str, JsonValue]
    ) -> bool | None:
        """None: it could not be evaluated with these values."""
        try:
            answer = self._program.execute(rule_values(function, caller, arguments))
        except (RuntimeError, TypeError, ValueError, KeyError):
            return None
        return answer if isinstance(answer, bool) else None


def find_function(
    toolset: Toolset, name: str, offered: Collection[str] | None
) -> Function | Refused | Failed:
    """The function if it exists, is offered here, and compiled; otherwise what to do instead."""
    function = toolset.get(name)
    if function is None or (offered is not None and name not in offered):
        names = sorted(toolset if offered is None else offered)
        near = difflib.get_close_matches(name, names, 3, 0.5)
        if near:
            advice = "Did you mean " + " or ".join(f"`{item}`" for item in near) + "?"
        elif names:
            listed = ", ".join(f"`{item}`" for item in names[:20])
            advice = f"Functions here: {listed}{' ...' if len(names) > 20 else ''}."  # noqa: PLR2004 -- a readable list
        else:
            advice = "No functions are offered here; answer without calling any."
        return Refused("unknown_function", f"There is no function `{name[:80]}`. {advice}")
    if not function.callable:
        reasons = "; ".join(
            f"{problem.code} {problem.message}"
            for problem in function.problems
            if problem.severity == "error"
        )
        return Failed(
            "function_unavailable",
            f"`{name}` cannot be called until its adapter is put right: {reasons}",
            hint="Tell the user that this function is out of order and that the operator can see why.",
        )
    return function


class Policy:
    """Evaluates `allow` and `approve`; conditions are compiled on first use."""

    def __init__(self) -> None:
        self._conditions: dict[str, Condition] = {}

    def refuses(
        self, function: Function, caller: Caller, arguments: Mapping[str, JsonValue] | None
    ) -> Refused | None:
        """With `arguments` None, only a rule that does not read them is judged."""
        if function.allow is None:
            return None
        condition = self._condition(function.allow)
        if (arguments is None) == condition.reads_arguments:
            return None
        if condition.holds(function, caller, arguments or {}) is True:
            return None
        return Refused(
            "not_allowed",
            f"{caller.subject!r} may not call `{function.name}`"
            + (" with these arguments." if condition.reads_arguments else ".")
            + " Do not try again; tell the user that this right is missing.",
        )

    def needs_approval(
        self, function: Function, caller: Caller, arguments: Mapping[str, JsonValue]
    ) -> bool:
        """A condition that cannot be evaluated asks for approval."""
        if function.approve is None:
            return False
        if function.approve.when is None:
            return True
        return (
            self._condition(function.approve.when).holds(function, caller, arguments) is not False
        )

    def _condition(self, text: str) -> Condition:
        condition = self._conditions.get(text)
        if condition is None:
            condition = self._conditions[text] = Condition(text)
        return condition
