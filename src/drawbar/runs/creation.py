"""A run as it is made: the assistant's snapshot, the client's overrides, its first events (contract 5)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from drawbar.compiler.function import Toolset
from drawbar.kernel.ids import new_id
from drawbar.kernel.values import Caller, JsonObject, JsonValue
from drawbar.runs import states
from drawbar.runs.events import pack
from drawbar.runs.objects import run_object, thread_object
from drawbar.runs.offer import Offer, check_choice, resolve_offer
from drawbar.runs.order import NewMessage, RunOrder
from drawbar.runs.resume import in_progress_event
from drawbar.store.messages import new_message
from drawbar.store.records import Assistant, Message, Run, RunEvent, Thread, changed
from drawbar.store.runs import NewRun
from drawbar.store.threads import new_thread

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Offering:
    """What this deployment offers, and how long its runs may take (seconds)."""

    toolset: Toolset
    groups: Mapping[str, Sequence[str]]
    expire_after: float


@dataclass(frozen=True, slots=True)
class NewThread:
    """The thread of `POST /threads/runs`."""

    messages: Sequence[NewMessage] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    tool_resources: JsonObject | None = None


def message_of(new: NewMessage, caller: Caller) -> Message:
    return new_message(
        new.role,
        new.content,
        author=caller.subject,
        attachments=new.attachments,
        metadata=new.metadata,
    )


def run_maker(
    order: RunOrder,
    caller: Caller,
    offering: Offering,
    where: str | NewThread,
    *,
    start: bool = False,
) -> Callable[[Assistant], NewRun]:
    """Makes the run once the assistant is known; it may be called again.

    `where` names the thread or makes it. With `start` the run is stored as begun: its worker needs no
    second commit to take it over.
    """

    def make(assistant: Assistant) -> NewRun:
        thread = None
        if isinstance(where, NewThread):
            thread = new_thread(dict(where.metadata), where.tool_resources)
        thread_id = thread.id if thread else str(where)
        new = where.messages if isinstance(where, NewThread) else order.additional_messages
        messages = [changed(message_of(item, caller), thread_id=thread_id) for item in new]
        run = _run(assistant, order, caller, offering, thread_id)
        events = list(_first_events(run, thread))
        queued = changed(run, last_seq=len(events))
        if not start:
            return NewRun(queued, queued, pack(events), events, messages, thread)
        run = changed(states.start(queued, run.created_at), last_seq=len(events) + 1)
        events.append(in_progress_event(run))
        return NewRun(run, queued, pack(events), events, messages, thread)

    return make


def _first_events(run: Run, thread: Thread | None) -> list[RunEvent]:
    told = [("thread.created", thread_object(thread))] if thread else []
    data = run_object(run)
    told += [("thread.run.created", data), ("thread.run.queued", data)]
    return [RunEvent(run.id, seq, name, data) for seq, (name, data) in enumerate(told, 1)]


def _run(
    assistant: Assistant, order: RunOrder, caller: Caller, offering: Offering, thread_id: str
) -> Run:
    now = int(time.time())
    tools = assistant.tools if order.tools is None else order.tools
    offer = resolve_offer(tools, _toolset_name(assistant, order), offering.toolset, offering.groups)
    _check_choice(order.tool_choice, offer)
    strategy: JsonObject = {"type": "auto", "last_messages": None}
    if order.truncation_strategy is not None:
        strategy |= order.truncation_strategy
    return Run(
        id=new_id("run_"),
        created_at=now,
        thread_id=thread_id,
        assistant_id=assistant.id,
        caller=caller,
        status="queued",
        model=_chosen(order.model, assistant.model),
        instructions=_instructions(assistant, order),
        tools=list(tools),
        functions=offer.functions,
        expires_at=now + max(1, int(offering.expire_after)),
        metadata=dict(order.metadata),
        temperature=_chosen(order.temperature, assistant.temperature),
        top_p=_chosen(order.top_p, assistant.top_p),
        max_prompt_tokens=order.max_prompt_tokens,
        max_completion_tokens=order.max_completion_tokens,
        truncation_strategy=strategy,
        tool_choice=_chosen(order.tool_choice, "auto"),
        parallel_tool_calls=_chosen(order.parallel_tool_calls, default=True),
        response_format=_chosen(order.response_format, assistant.response_format),
        reasoning_effort=_chosen(order.reasoning_effort, assistant.reasoning_effort),
    )


def _chosen(override: T | None, default: T) -> T:
    return default if override is None else override


def _toolset_name(assistant: Assistant, order: RunOrder) -> str | None:
    """The run's own, else the assistant's; a run that brings `tools` replaces all that the assistant has."""
    if "toolset" in order.metadata:
        return order.metadata["toolset"]
    return assistant.metadata.get("toolset") if order.tools is None else None


def _instructions(assistant: Assistant, order: RunOrder) -> str:
    base = _chosen(order.instructions, assistant.instructions)
    return "\n\n".join(filter(None, (base, order.additional_instructions)))


def _check_choice(choice: JsonValue, offer: Offer) -> None:
    match choice:
        case {"type": "function", "function": {"name": str(name)}}:
            check_choice(name, offer)
