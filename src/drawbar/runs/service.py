"""Runs, as the surfaces use them: create, follow, hand in outputs, cancel.

What is refused is raised as ClientError with the texts of the Assistants API (contract 1.2).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence

from drawbar.dispatch.dispatcher import Dispatcher
from drawbar.kernel.values import Caller, JsonObject
from drawbar.llm.chat import ChatModel
from drawbar.runs.order import NewMessage, RunOrder, ToolOutput
from drawbar.settings import RunSettings
from drawbar.store.database import Store
from drawbar.store.records import Message, Run, RunEvent


class Runs:
    """The run engine. `start()` resumes what a dead process left; `close()` leaves runs resumable."""

    def __init__(
        self,
        store: Store,
        model: ChatModel,
        dispatcher: Dispatcher,
        settings: RunSettings,
        *,
        toolsets: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        """`toolsets`: the settings' named groups (names of functions, or patterns with `*`)."""

    async def start(self) -> None:
        """Resume queued and interrupted runs, and watch over expiry."""
        raise NotImplementedError

    async def close(self) -> None:
        """Stop working. Runs under way keep their rows and go on after the next start."""
        raise NotImplementedError

    async def add_message(self, thread_id: str, message: NewMessage, caller: Caller) -> Message:
        """Append to a thread. Refused while a run of the thread is active; 404 for an unknown thread."""
        raise NotImplementedError

    async def create(self, thread_id: str, order: RunOrder, caller: Caller) -> Run:
        """Store and start a run. It acts with the rights of `caller`. Follow from `run.stream_from`."""
        raise NotImplementedError

    async def create_with_thread(
        self,
        order: RunOrder,
        caller: Caller,
        *,
        messages: Sequence[NewMessage] = (),
        metadata: Mapping[str, str] | None = None,
        tool_resources: JsonObject | None = None,
    ) -> Run:
        """The same on a new thread; its stream begins with `thread.created`."""
        raise NotImplementedError

    async def submit_tool_outputs(
        self, thread_id: str, run_id: str, outputs: Sequence[ToolOutput]
    ) -> Run:
        """All pending outputs at once; the run returns `queued`. Follow from `run.stream_from`."""
        raise NotImplementedError

    async def cancel(self, thread_id: str, run_id: str) -> Run:
        """Returns the run as `cancelling`; it is `cancelled` within a second."""
        raise NotImplementedError

    async def get(self, thread_id: str, run_id: str) -> Run:
        """404 when there is no such run on this thread."""
        raise NotImplementedError

    async def modify(self, thread_id: str, run_id: str, metadata: Mapping[str, str]) -> Run:
        """Replace the metadata, also of a run in flight."""
        raise NotImplementedError

    def follow(self, run_id: str, after: int = 0) -> AsyncIterator[RunEvent]:
        """Events with `seq` > `after`, stored and live, without gap or repeat.

        Ends with the first event that ends a stream: a terminal state or `thread.run.requires_action`.
        Closing the iterator leaves the run alone. Events expire `keep_events` after the run's end;
        then nothing comes.
        """
        raise NotImplementedError
