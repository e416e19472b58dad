"""The calls of a `tool_calls` step: which are open, and whose they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from drawbar.kernel.values import JsonObject
from drawbar.llm.chat import ToolCall
from drawbar.runs.writer import call_entry, tool_calls_details
from drawbar.store.records import Step, changed


@dataclass(frozen=True, slots=True)
class StepCall:
    """One call of a step; `output` None: not known yet."""

    index: int
    call: ToolCall
    output: str | None


def calls_of(step: Step) -> Iterator[StepCall]:
    """In the order in which the model made them."""
    entries = step.step_details.get("tool_calls")
    for index, entry in enumerate(entries if isinstance(entries, list) else []):
        if not isinstance(entry, dict) or not isinstance(entry["function"], dict):
            continue
        function = entry["function"]
        output = function["output"]
        yield StepCall(
            index,
            ToolCall(str(entry["id"]), str(function["name"]), str(function["arguments"])),
            None if output is None else str(output),
        )


def open_calls(step: Step) -> list[StepCall]:
    return [item for item in calls_of(step) if item.output is None]


def with_outputs(step: Step, outputs: Mapping[str, str]) -> Step:
    """The step with outputs by call id filled in."""
    entries = [
        call_entry(item.call, outputs.get(item.call.id, item.output)) for item in calls_of(step)
    ]
    return changed(step, step_details=tool_calls_details(entries))


def required_action(calls: Sequence[StepCall]) -> JsonObject:
    """What the client is asked for (contract 3)."""
    return {
        "type": "submit_tool_outputs",
        "submit_tool_outputs": {
            "tool_calls": [
                {
                    "id": item.call.id,
                    "type": "function",
                    "function": {"name": item.call.name, "arguments": item.call.arguments},
                }
                for item in calls
            ]
        },
    }
