"""Carrying out server-side calls and telling the model what came of them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from drawbar.dispatch.dispatcher import Dispatcher
from drawbar.dispatch.invocation import Invocation, Surface
from drawbar.dispatch.shape import text_for_model
from drawbar.kernel.outcome import Outcome
from drawbar.kernel.values import Caller
from drawbar.llm.chat import ToolCall


@dataclass(frozen=True, slots=True)
class Told:
    """The tool output; `ok` when the outcome is Succeeded."""

    output: str
    ok: bool


@dataclass(frozen=True, slots=True)
class CallSite:
    """For whom and within what a call is made. `deadline` is a moment of `time.monotonic()`."""

    caller: Caller
    surface: Surface
    functions: Collection[str]
    run_id: str | None = None
    deadline: float | None = None


def carry_out_at_once(dispatcher: Dispatcher, call: ToolCall, site: CallSite) -> Told | None:
    """The same as `carry_out`, where nothing has to wait; None where it has to: nothing was done."""
    outcome = dispatcher.at_once(_invocation(call, site))
    return None if outcome is None else _told(outcome, call)


async def carry_out(dispatcher: Dispatcher, call: ToolCall, site: CallSite) -> Told:
    """Never raises for what the model said or the backend did; cancelling stops the backend's work."""
    invocation = _invocation(call, site)
    return _told(dispatcher.at_once(invocation) or await dispatcher.dispatch(invocation), call)


def _invocation(call: ToolCall, site: CallSite) -> Invocation:
    return Invocation(
        function=call.name,
        arguments=call.arguments,
        caller=site.caller,
        call_id=call.id,
        surface=site.surface,
        run_id=site.run_id,
        toolset=site.functions,
        deadline=site.deadline,
    )


def _told(outcome: Outcome, call: ToolCall) -> Told:
    return Told(text_for_model(outcome, call.name), outcome.kind == "succeeded")
