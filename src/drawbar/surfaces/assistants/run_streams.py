"""What starts or resumes a run, with or without a stream: plain ASGI, as the fastest part of `/v1`.

A refusal found before the first byte is a normal answer in JSON. From then on the run's own events
tell what became of it; a client that leaves does not end its run.
"""

from __future__ import annotations

import orjson

from drawbar.kernel.errors import ClientError
from drawbar.runs.objects import run_object
from drawbar.runs.order import ToolOutput
from drawbar.store.records import Run
from drawbar.surfaces.assistants.objects import find_attachments, new_message, run_order
from drawbar.surfaces.assistants.requests import CreateRun, CreateThreadAndRun, SubmitToolOutputs
from drawbar.surfaces.errors import check_id, check_run_ids
from drawbar.surfaces.exchange import Exchange
from drawbar.surfaces.front import Routes
from drawbar.surfaces.services import Services
from drawbar.surfaces.streaming import stream_events
from drawbar.surfaces.validation import parse_body

_INCLUDE = "step_details.tool_calls[*].file_search.results[*].content"
_QUERY = frozenset({"include[]", "include", "api-version"})


class RunStreams:
    """The endpoints, each with its path in `add_to`."""

    def __init__(self, services: Services) -> None:
        self._runs = services.runs
        self._files = services.store.files

    def add_to(self, routes: Routes) -> None:
        routes.add("POST", "/v1/threads/runs", self.create_with_thread)
        routes.add("POST", "/v1/threads/{}/runs", self.create)
        routes.add("POST", "/v1/threads/{}/runs/{}/submit_tool_outputs", self.submit)
        routes.add("GET", "/v1/threads/{}/runs/{}/events", self.follow)

    async def create(self, exchange: Exchange, thread_id: str) -> None:
        check_id(thread_id, "thread", "thread_id")
        _check_query(exchange)
        order = parse_body(CreateRun, exchange.body)
        streamed = bool(order.stream)
        wanted = run_order(order)
        await find_attachments(self._files, exchange.caller, wanted.additional_messages)
        run = await self._runs.create(thread_id, wanted, exchange.caller, streamed=streamed)
        await self._answer(exchange, run, stream=streamed)

    async def create_with_thread(self, exchange: Exchange) -> None:
        _check_query(exchange)
        order = parse_body(CreateThreadAndRun, exchange.body)
        thread, streamed = order.thread, bool(order.stream)
        messages = [new_message(message) for message in (thread and thread.messages) or ()]
        await find_attachments(self._files, exchange.caller, messages)
        run = await self._runs.create_with_thread(
            run_order(order),
            exchange.caller,
            messages=messages,
            metadata=thread.metadata if thread else None,
            tool_resources=thread.tool_resources if thread else None,
            streamed=streamed,
        )
        await self._answer(exchange, run, stream=streamed)

    async def submit(self, exchange: Exchange, thread_id: str, run_id: str) -> None:
        check_run_ids(thread_id, run_id)
        order = parse_body(SubmitToolOutputs, exchange.body)
        outputs = [ToolOutput(item.tool_call_id, item.output) for item in order.tool_outputs]
        run = await self._runs.submit_tool_outputs(thread_id, run_id, outputs)
        await self._answer(exchange, run, stream=bool(order.stream))

    async def follow(self, exchange: Exchange, thread_id: str, run_id: str) -> None:
        """An addition to the contract: a stream joined late, or again after `Last-Event-ID`."""
        check_run_ids(thread_id, run_id)
        after = _last_event(exchange.header(b"last-event-id"))
        run = await self._runs.get(thread_id, run_id)
        await stream_events(self._runs.follow(run.id, after), exchange.receive, exchange.send)

    async def _answer(self, exchange: Exchange, run: Run, *, stream: bool) -> None:
        if not stream:
            await exchange.answer(orjson.dumps(run_object(run)))
            return
        events = self._runs.follow(run.id, run.stream_from)
        await stream_events(events, exchange.receive, exchange.send)


def _check_query(exchange: Exchange) -> None:
    for name, values in exchange.query.items():
        if name not in _QUERY:
            raise ClientError(f"Unknown parameter: '{name}'.", code="unknown_parameter", param=name)
        for value in values:
            if name.startswith("include") and value != _INCLUDE:
                message = f"Invalid value: '{value}'. Supported value is: '{_INCLUDE}'."
                raise ClientError(message, code="invalid_value", param="include")


def _last_event(text: str | None) -> int:
    if not text:
        return 0
    if not text.isascii() or not text.isdigit() or len(text) > 18:  # noqa: PLR2004 -- fits 64 bits
        message = f"Invalid 'Last-Event-ID': '{text}'. Expected the number of an event, such as 12."
        raise ClientError(message, code="invalid_value", param="Last-Event-ID")
    return int(text)
