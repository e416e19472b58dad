"""Carrying out server-side calls and telling the model what came of them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from drawbar.dispatch.dispatcher import Dispatcher
from drawbar.dispatch.invocation import Invocation, Surface
from drawbar.dispatch.shape import text_for_model
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


async def carry_out(dispatcher: Dispatcher, call: ToolCall, site: CallSite) -> Told:
    """Never raises for what the model said or the backend did; cancelling stops the backend's work."""
    invocation = Invocation(
        function=call.name,
        arguments=call.arguments,
        caller=site.caller,
        call_id=call.id,
        surface=site.surface,
        run_id=site.run_id,
        toolset=site.functions,
        deadline=site.deadline,
    )
    outcome = dispatcher.at_once(invocation) or await dispatcher.dispatch(invocation)
    return Told(text_for_model(outcome, call.name), outcome.kind == "succeeded")
