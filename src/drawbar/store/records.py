"""Rows of the store as values. Field names and JSON shapes are those of the Assistants API v2."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, Literal, NamedTuple, TypeVar

from drawbar.kernel.values import Caller, JsonObject, JsonValue

T = TypeVar("T")


def changed(record: T, **changes: object) -> T:
    """A copy of a Message, Run or Step with other values in these fields.

    A run makes some twenty of them, and `dataclasses.replace` sets each of thirty fields by itself: 10 us
    against 1.5 us, measured.
    """
    if not changes.keys() <= record.__dict__.keys():
        unknown = ", ".join(changes.keys() - record.__dict__.keys())
        message = f"{type(record).__name__} has no field {unknown}"
        raise TypeError(message)
    copy = object.__new__(type(record))
    copy.__dict__.update(record.__dict__, **changes)
    return copy


@dataclass(frozen=True, slots=True)
class Page:
    """What a list asks for; cursors are ids, positions in the requested order (contract 2.1)."""

    limit: int = 20
    order: Literal["asc", "desc"] = "desc"
    after: str | None = None
    before: str | None = None


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    data: tuple[T, ...]
    has_more: bool


@dataclass(frozen=True, slots=True)
class Assistant:
    id: str
    created_at: int
    model: str
    name: str | None = None
    description: str | None = None
    instructions: str | None = None
    tools: list[JsonObject] = field(default_factory=list)
    metadata: dict[str, str] = field(default_factory=dict)
    temperature: float | None = None
    top_p: float | None = None
    response_format: JsonValue = "auto"
    tool_resources: JsonObject | None = None
    reasoning_effort: str | None = None


@dataclass(frozen=True, slots=True)
class Thread:
    id: str
    created_at: int
    metadata: dict[str, str] = field(default_factory=dict)
    tool_resources: JsonObject | None = None


@dataclass(frozen=True)  # without slots: see `changed`
class Message:
    """`author` is the subject of the caller who wrote it, or the assistant's id."""

    id: str
    created_at: int
    thread_id: str
    role: Literal["user", "assistant"]
    content: list[JsonObject]
    """Parts in the response shape."""
    author: str | None = None
    status: Literal["in_progress", "incomplete", "completed"] = "completed"
    assistant_id: str | None = None
    run_id: str | None = None
    attachments: list[JsonObject] = field(default_factory=list)
    metadata: dict[str, str] = field(default_factory=dict)
    incomplete_details: JsonObject | None = None
    completed_at: int | None = None
    incomplete_at: int | None = None


RunStatus = Literal[
    "queued",
    "in_progress",
    "requires_action",
    "cancelling",
    "cancelled",
    "failed",
    "completed",
    "incomplete",
    "expired",
]


@dataclass(frozen=True)  # without slots: see `changed`
class Run:
    """A run and the snapshot it acts on: later edits of its assistant do not change it."""

    id: str
    created_at: int
    thread_id: str
    assistant_id: str
    caller: Caller
    status: RunStatus
    model: str
    instructions: str
    tools: list[JsonObject]
    """As they are echoed to clients."""
    functions: tuple[str, ...]
    """Names of the server-side functions it may call, toolsets resolved."""
    expires_at: int | None
    epoch: int = 0
    metadata: dict[str, str] = field(default_factory=dict)
    required_action: JsonObject | None = None
    last_error: JsonObject | None = None
    incomplete_details: JsonObject | None = None
    started_at: int | None = None
    cancelled_at: int | None = None
    failed_at: int | None = None
    completed_at: int | None = None
    usage: JsonObject | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_prompt_tokens: int | None = None
    max_completion_tokens: int | None = None
    truncation_strategy: JsonObject = field(
        default_factory=lambda: {"type": "auto", "last_messages": None}
    )
    tool_choice: JsonValue = "auto"
    parallel_tool_calls: bool = True
    response_format: JsonValue = "auto"
    reasoning_effort: str | None = None
    cancel_requested: bool = False
    last_seq: int = 0
    """The `seq` of its newest event."""
    stream_from: int = 0
    """Where the stream of the request that gave this record starts: `follow(run.id, run.stream_from)`."""


@dataclass(frozen=True)  # without slots: see `changed`
class Step:
    id: str
    created_at: int
    thread_id: str
    run_id: str
    assistant_id: str
    step_no: int
    type: Literal["message_creation", "tool_calls"]
    status: Literal["in_progress", "cancelled", "failed", "completed", "expired"]
    step_details: JsonObject
    metadata: dict[str, str] = field(default_factory=dict)
    last_error: JsonObject | None = None
    expired_at: int | None = None
    cancelled_at: int | None = None
    failed_at: int | None = None
    completed_at: int | None = None
    usage: JsonObject | None = None


class RunEvent(NamedTuple):
    """One event of a run's stream. `seq` counts from 1 within the run and is the SSE id."""

    run_id: str
    seq: int
    name: str
    """Such as `thread.run.queued`."""
    data: JsonObject
    """The wire object."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that is whole. `owner` is the subject of its caller; `run_id` the run that answered with it."""

    id: str
    created_at: int
    owner: str
    purpose: str
    filename: str
    media_type: str
    bytes: int
    run_id: str | None = None
    expires_at: int | None = None


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is known of a key; the key itself is only shown when it is made."""

    id: str
    created_at: int
    caller: Caller
    note: str | None = None
    last_used_at: int | None = None
