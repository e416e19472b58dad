"""What a chat front end does with the official client: ask, wait, read the answer and the steps."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import openai
import orjson
from openai.types.beta.threads import Message, Run
from openai.types.beta.threads.runs import RunStep

from .gateway import PATIENCE, POLL


@dataclass(frozen=True)
class MadeCall:
    """One call of a step as its reader sees it."""

    id: str
    name: str
    arguments: str
    output: str | None

    @property
    def outcome(self) -> dict[str, Any]:
        assert self.output is not None
        read: dict[str, Any] = orjson.loads(self.output)
        return read

    @property
    def data(self) -> Any:  # any JSON
        assert self.outcome["outcome"] == "succeeded", self.output
        return self.outcome["data"]


class FrontEnd:
    """One person's view of a gateway."""

    def __init__(self, client: openai.OpenAI) -> None:
        self.client = client
        self.runs = client.beta.threads.runs

    def assistant(self, toolset: str = "all", **options: Any) -> str:
        made = self.client.beta.assistants.create(
            model="default", metadata={"toolset": toolset}, **options
        )
        return made.id

    def thread(self, *texts: str) -> str:
        messages: Any = [{"role": "user", "content": text} for text in texts]
        return self.client.beta.threads.create(messages=messages).id

    def ask(self, text: str, **assistant: Any) -> Run:
        """A new assistant, a new thread, and the run's end (or its call for the client)."""
        return self.run(self.thread(text), self.assistant(**assistant))

    def run(self, thread: str, assistant: str, **options: Any) -> Run:
        return self.runs.create_and_poll(
            thread_id=thread, assistant_id=assistant, poll_interval_ms=POLL, **options
        )

    def start(self, thread: str, assistant: str) -> Run:
        return self.runs.create(thread_id=thread, assistant_id=assistant)

    def end_of(self, run: Run) -> Run:
        return self.runs.poll(run.id, thread_id=run.thread_id, poll_interval_ms=POLL)

    def now(self, run: Run) -> Run:
        return self.runs.retrieve(run.id, thread_id=run.thread_id)

    def steps(self, run: Run) -> list[RunStep]:
        """Oldest first."""
        return list(self.runs.steps.list(run.id, thread_id=run.thread_id, order="asc"))

    def calls(self, run: Run) -> list[MadeCall]:
        """Of all steps, in the order in which the model made them."""
        return [call for step in self.steps(run) for call in calls_of(step)]

    def messages(self, thread: str) -> list[Message]:
        return list(self.client.beta.threads.messages.list(thread, order="asc"))

    def answer(self, run: Run) -> str:
        """The text of the run's last message."""
        assert run.status == "completed", run.last_error
        listed = self.client.beta.threads.messages.list(run.thread_id, run_id=run.id)
        return text_of(listed.data[0])


def calls_of(step: RunStep) -> list[MadeCall]:
    details: Any = step.step_details  # a union whose members are told apart by `type`
    if details.type != "tool_calls":
        return []
    return [
        MadeCall(call.id, call.function.name, call.function.arguments, call.function.output)
        for call in details.tool_calls
    ]


def text_of(message: Message) -> str:
    part: Any = message.content[0]  # a union; these journeys write texts only
    text: str = part.text.value
    return text


def until(holds: Callable[[], bool], what: str) -> None:
    """Looks again and again, as a client that polls; for what a gateway tells in no stream."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, f"not within {PATIENCE:g} s: {what}"
        time.sleep(POLL / 1000)
