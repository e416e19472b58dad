"""The loop of a run: let the model speak, carry out what it called, until it has answered.

`Worker.advance` may be called for a run at any time and any number of times: it takes the run over,
goes on from what is stored, and returns when the run has ended or waits for its client.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass

from drawbar.compiler.function import Toolset
from drawbar.dispatch.dispatcher import Dispatcher
from drawbar.kernel.errors import StoreError
from drawbar.kernel.ids import new_id
from drawbar.kernel.values import JsonObject, JsonValue
from drawbar.llm.chat import ChatModel, ChatRequest, ModelError
from drawbar.runs import states
from drawbar.runs.calls import CallSite, carry_out, carry_out_at_once
from drawbar.runs.closing import end_run, tell_changes, tell_output, total_usage
from drawbar.runs.context import Conversation, changes_told, estimated_tokens, model_messages
from drawbar.runs.events import Channel
from drawbar.runs.interrupt import InterruptedRun
from drawbar.runs.journal import Journal
from drawbar.runs.objects import run_object
from drawbar.runs.offer import client_tools, server_tools, with_results
from drawbar.runs.pending import StepCall, calls_of, open_calls, required_action
from drawbar.runs.resume import begin_events, mend, take_over_change
from drawbar.runs.turn import Turn, take_turn
from drawbar.runs.writer import Writer
from drawbar.settings import RunSettings
from drawbar.store.records import Run, Step, changed
from drawbar.store.runs import Fenced, NewRun, Opened, RunRows

_log = logging.getLogger("drawbar.runs")


@dataclass(frozen=True, slots=True)
class Engine:
    """What runs are carried out with."""

    rows: RunRows
    model: ChatModel
    dispatcher: Dispatcher
    settings: RunSettings


class Worker:
    """Carries out runs, each in the task that calls `advance`."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.active: dict[str, Journal] = {}
        """Runs that are being carried out here."""
        self.channels: dict[str, Channel] = {}
        """Events of runs that are, or are about to be, carried out here."""
        self._taking: set[str] = set()
        self._begun: dict[str, Opened] = {}

    def begin(self, opened: Opened, born: asyncio.Future[NewRun] | None = None) -> None:
        """Take a run that is stored as begun here; `advance` goes on with it.

        It may begin while the commit of its creation is under way (`born`), since nobody knows of it yet.
        What it does to the world waits for that, and all of it is dropped when the commit fails.
        """
        journal = self.active[opened.run.id] = self._journal(opened, born)
        if born is not None:
            born.add_done_callback(lambda done: _drop_unborn(journal, done))
        self._begun[opened.run.id] = opened

    async def advance(self, run_id: str) -> None:
        opened = self._begun.pop(run_id, None)
        if opened is None:
            if run_id in self._taking or run_id in self.active:
                return  # delivered twice
            opened = await self._take_over(run_id)
            if opened is None:
                self._forget(run_id)
                return
            self.active[run_id] = self._journal(opened)
        journal = self.active[run_id]
        try:
            conversation = _conversation(opened, self.engine.dispatcher.toolset)
            await _Progress(self.engine, journal, conversation).go(opened)
        except Fenced:
            _log.info("%s is carried out elsewhere now", run_id)
        except InterruptedRun:
            journal.save()  # a shutdown: the next start goes on from here
        except Exception as error:  # noqa: BLE001 -- around a run: a bug must not end the gateway
            await self._break(journal, error)
        finally:
            self.active.pop(run_id, None)
            self._forget(run_id)
            journal.left.set_result(None)

    async def cancel(self, journal: Journal) -> Run | None:
        """Stop the work of a run; None when it is being worked on no more."""
        if journal.run.status != "in_progress":
            return None
        run = states.cancel(journal.run)
        journal.change_run(run)
        journal.save()
        journal.interruption.stop("cancel")
        try:
            await journal.stored()
        except Fenced:
            return None
        return run

    async def _take_over(self, run_id: str) -> Opened | None:
        self._taking.add(run_id)
        try:
            return await self.engine.rows.take_over(run_id, take_over_change)
        except StoreError as error:
            _log.warning("%s could not be taken over and waits: %s", run_id, error)
            return None
        finally:
            self._taking.discard(run_id)

    def _journal(self, opened: Opened, born: asyncio.Future[NewRun] | None = None) -> Journal:
        run = opened.run
        channel = self.channels.get(run.id)
        if channel is None:
            channel = self.channels[run.id] = Channel(run.id, run.last_seq)
        own = [message for message in opened.messages if message.run_id == run.id]
        rows = self.engine.rows
        journal = Journal(rows, channel, run, steps=opened.steps, messages=own, born=born)
        channel.adopt(begin_events(opened), last_seq=run.last_seq)
        return journal

    def _forget(self, run_id: str) -> None:
        channel = self.channels.pop(run_id, None)
        if channel is not None:
            channel.close()

    async def _break(self, journal: Journal, error: Exception) -> None:
        number = new_id("err_")
        _log.error("%s: %s broke", number, journal.run.id, exc_info=error)
        reason: JsonObject = {
            "code": "server_error",
            "message": f"The gateway failed ({number}). The operator finds the cause in its log.",
        }
        if journal.run.status in states.TERMINAL or journal.interruption.reason == "lost":
            return
        ending: states.Ending = "stop" if journal.run.status == "cancelling" else "fail"
        engine = self.engine
        try:
            await tell_changes(journal, engine.rows, engine.dispatcher.toolset)
            await end_run(journal, ending, keep_events=engine.settings.keep_events, reason=reason)
        except (Fenced, StoreError) as failure:
            _log.warning("%s could not be ended and waits: %s", journal.run.id, failure)


class _Progress:
    """One stretch of work on a run, from a take-over to its end or to a call for the client."""

    def __init__(self, engine: Engine, journal: Journal, conversation: Conversation) -> None:
        self._engine = engine
        self._journal = journal
        self._conversation = conversation
        run, toolset = journal.run, engine.dispatcher.toolset
        self._client_tools = client_tools(run.tools, toolset)
        self._client_names = frozenset(tool.name for tool in self._client_tools)
        self._functions = tuple(run.functions)
        self._tools = (*server_tools(self._functions, toolset), *self._client_tools)
        expires_at = run.expires_at or time.time() + engine.settings.expire_after
        self._seconds_left = expires_at - time.time()
        # Expiry interrupts calls; their own deadline is only there if that should fail.
        self._deadline = time.monotonic() + self._seconds_left + 1.0
        self._call_ids = {
            item.call.id for step in journal.steps.values() for item in calls_of(step)
        }

    async def go(self, opened: Opened) -> None:
        loop = asyncio.get_running_loop()
        expiry = loop.call_later(self._seconds_left, self._journal.interruption.stop, "expire")
        try:
            if self._journal.run.status == "cancelling":
                await self._end("stop")
                return
            mend(self._journal, opened)
            while await self._round():
                pass
        except InterruptedRun:
            await self._interrupted()
        finally:
            expiry.cancel()

    async def _round(self) -> bool:
        """Finish the calls that are open, then let the model speak. False: nothing more to do here."""
        journal = self._journal
        for step in journal.open_steps():
            if not await self._finish_calls(step):
                return False
        rounds = sum(step.type == "tool_calls" for step in journal.steps.values())
        if rounds >= self._engine.settings.rounds:
            await self._fail(
                "server_error",
                f"The model called functions in {rounds} turns without giving an answer.",
            )
            return False
        if budget := self._exhausted():
            await self._end("exhaust", {"reason": budget})
            return False
        return await self._turn()

    # The model

    async def _turn(self) -> bool:
        request = self._request()
        writer = Writer(self._journal, int(time.time()))
        listening = take_turn(self._engine.model, request, writer, self._give_id)
        try:
            turn = await self._journal.interruption.run(listening)
        except ModelError as error:
            writer.keep()
            await self._fail(error.code, error.message)
            return False
        except InterruptedRun:
            if self._journal.interruption.reason != "shutdown":
                writer.keep()
            raise
        cut = turn.finished.reason in {"length", "content_filter"}
        if cut and turn.calls:
            writer.keep()
        else:
            writer.finish(self._usage(turn, request), answered=not turn.calls)
        if turn.calls:
            # Queued before any of them is carried out: after a crash each call keeps its id, by which
            # the ledger knows whether it was sent.
            self._journal.save()
        return await self._after(turn)

    async def _after(self, turn: Turn) -> bool:
        match turn.finished.reason:
            case "length":
                await self._end("exhaust", {"reason": "max_completion_tokens"})
            case "content_filter":
                await self._fail(
                    "server_error",
                    "The model's answer was stopped by its content filter.",
                    message_reason="content_filter",
                )
            case _ if turn.calls:
                return True
            case _:
                await self._end("finish")
        return False

    def _request(self) -> ChatRequest:
        run, journal = self._journal.run, self._journal
        steps = list(journal.steps.values())
        self._offer_results()
        first = not any(step.type == "tool_calls" and step.status == "completed" for step in steps)
        left = None
        if run.max_completion_tokens is not None:
            left = run.max_completion_tokens - self._spent("completion_tokens")
        return ChatRequest(
            model=run.model,
            messages=model_messages(run, self._conversation, steps, journal.messages),
            tools=self._tools,
            tool_choice=tool_choice(run.tool_choice) if first else "auto",
            parallel_tool_calls=run.parallel_tool_calls,
            temperature=run.temperature,
            top_p=run.top_p,
            max_tokens=left,
            response_format=None if run.response_format == "auto" else run.response_format,
            reasoning_effort=run.reasoning_effort,
        )

    def _offer_results(self) -> None:
        """Once rows were kept in this run, the model may read them."""
        toolset = self._engine.dispatcher.toolset
        steps = self._journal.steps.values()
        outputs = (item.output or "" for step in steps for item in calls_of(step))
        functions = with_results(self._functions, outputs, toolset)
        if functions != self._functions:
            self._functions = functions
            self._tools = (*server_tools(functions, toolset), *self._client_tools)

    def _give_id(self, wish: str | None) -> str:
        """The model's own id, unless it is none or was used before: the ledger knows a call by it."""
        call_id = wish if wish and wish not in self._call_ids else new_id("call_")
        self._call_ids.add(call_id)
        return call_id

    # Functions

    async def _finish_calls(self, step: Step) -> bool:
        """Carry out the server's calls of a step; False when the client's are missing."""
        journal = self._journal
        mine = [item for item in open_calls(step) if item.call.name not in self._client_names]
        if mine and not self._carry_out_at_once(step.id, mine):
            await journal.interruption.run(self._carry_out(step.id, mine))
        step = journal.steps[step.id]
        if theirs := open_calls(step):
            run = journal.run = states.park(journal.run, required_action(theirs))
            await journal.tell_stored("thread.run.requires_action", run_object(run))
            return False
        usage = step.usage or states.no_usage()
        done = changed(step, status="completed", completed_at=int(time.time()), usage=usage)
        journal.close_step(done)
        journal.save()
        return True

    def _carry_out_at_once(self, step_id: str, calls: Sequence[StepCall]) -> bool:
        """A single reading that has nothing to wait for: what cannot be stopped needs no task of its own."""
        if len(calls) > 1 or self._journal.interruption.is_stopped() or self._changes(calls[0]):
            return False
        told = carry_out_at_once(self._engine.dispatcher, calls[0].call, self._site())
        if told is not None:
            tell_output(self._journal, step_id, calls[0], told.output)
        return told is not None

    def _changes(self, item: StepCall) -> bool:
        function = self._engine.dispatcher.toolset.get(item.call.name)
        return function is not None and function.effect != "read"

    def _site(self) -> CallSite:
        self._offer_results()  # after a restart the calls may come before the model is asked
        run = self._journal.run
        return CallSite(run.caller, "runs", self._functions, run.id, self._deadline)

    async def _carry_out(self, step_id: str, calls: Sequence[StepCall]) -> None:
        if len(calls) == 1:
            await self._carry_out_one(step_id, calls[0])
            return
        async with asyncio.TaskGroup() as group:
            for item in calls:
                group.create_task(self._carry_out_one(step_id, item))

    async def _carry_out_one(self, step_id: str, item: StepCall) -> None:
        journal = self._journal
        if self._changes(item):
            await journal.exists()
        told = await carry_out(self._engine.dispatcher, item.call, self._site())
        if journal.interruption.reason is not None:
            return  # the run has ended meanwhile; a late output does not open it again
        tell_output(journal, step_id, item, told.output)
        step = journal.steps[step_id]
        if any(other.call.name not in self._client_names for other in open_calls(step)):
            journal.save()  # the last one is stored with what follows at once

    # Budgets and ends

    def _usage(self, turn: Turn, request: ChatRequest) -> JsonObject:
        """As the model's server counted; estimated where it did not count and a budget needs it."""
        run, finished = self._journal.run, turn.finished
        prompt, completion = finished.prompt_tokens, finished.completion_tokens
        if prompt == 0 and run.max_prompt_tokens is not None:
            prompt = estimated_tokens(request.messages)
        if completion == 0 and run.max_completion_tokens is not None:
            size = len(turn.text) + sum(len(call.arguments) for call in turn.calls)
            completion = -(-size // 4)
        return {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
        }

    def _spent(self, name: str) -> int:
        spent = total_usage(list(self._journal.steps.values()))[name]
        return spent if isinstance(spent, int) else 0

    def _exhausted(self) -> str | None:
        run = self._journal.run
        for limit, name in (
            (run.max_prompt_tokens, "prompt_tokens"),
            (run.max_completion_tokens, "completion_tokens"),
        ):
            if limit is not None and self._spent(name) >= limit:
                return f"max_{name}"
        return None

    async def _interrupted(self) -> None:
        match self._journal.interruption.reason:
            case "cancel":
                await self._end("stop")
            case "expire":
                await self._end("expire")
            case "lost":
                await self._journal.stored()  # raises why
            case _:
                raise InterruptedRun

    async def _fail(self, code: str, message: str, *, message_reason: str | None = None) -> None:
        reason: JsonObject = {"code": code, "message": message}
        await self._end("fail", reason, message_reason=message_reason)

    async def _end(
        self,
        ending: states.Ending,
        reason: JsonObject | None = None,
        *,
        message_reason: str | None = None,
    ) -> None:
        engine = self._engine
        await tell_changes(self._journal, engine.rows, engine.dispatcher.toolset)
        await end_run(
            self._journal,
            ending,
            keep_events=self._engine.settings.keep_events,
            reason=reason,
            message_reason=message_reason,
        )


def _drop_unborn(journal: Journal, born: asyncio.Future[NewRun]) -> None:
    if born.cancelled() or born.exception() is not None:
        journal.lose()


def tool_choice(choice: JsonValue) -> str:
    """A run's `tool_choice` in the words of `ChatRequest`."""
    match choice:
        case {"type": "function", "function": {"name": str(name)}}:
            return f"function:{name}"
        case "none" | "required":
            return str(choice)
        case _:
            return "auto"


def _conversation(opened: Opened, toolset: Toolset) -> Conversation:
    changes = changes_told(opened.stopped, toolset) if opened.stopped else ()
    return Conversation(opened.messages, opened.names, changes)
