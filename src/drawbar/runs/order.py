"""What a client asks for when it creates a run; None means that the assistant's value holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from drawbar.kernel.values import JsonObject, JsonValue


@dataclass(frozen=True, slots=True)
class NewMessage:
    """`content` in the response shape: `[{"type": "text", "text": {"value": ..., "annotations": []}}]`."""

    role: Literal["user", "assistant"]
    content: list[JsonObject]
    attachments: list[JsonObject] = field(default_factory=list)
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ToolOutput:
    tool_call_id: str
    output: str


@dataclass(frozen=True, slots=True)
class RunOrder:
    """The overrides of contract 5. `metadata` belongs to the run; its `toolset` replaces the assistant's."""

    assistant_id: str
    model: str | None = None
    instructions: str | None = None
    additional_instructions: str | None = None
    additional_messages: tuple[NewMessage, ...] = ()
    tools: list[JsonObject] | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    temperature: float | None = None
    top_p: float | None = None
    max_prompt_tokens: int | None = None
    max_completion_tokens: int | None = None
    truncation_strategy: JsonObject | None = None
    tool_choice: JsonValue = None
    parallel_tool_calls: bool | None = None
    response_format: JsonValue = None
    reasoning_effort: str | None = None
