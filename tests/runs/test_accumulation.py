"""The official client adds deltas up; what it has in the end is what was stored (contract 8)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openai._models import construct_type
from openai.lib.streaming._assistants import accumulate_event, accumulate_run_step
from openai.types.beta import AssistantStreamEvent
from openai.types.beta.threads import Message
from openai.types.beta.threads.runs import RunStep

from drawbar.llm.scripted import Item, Turn, invoke, say
from drawbar.runs.order import ToolOutput
from drawbar.store.records import RunEvent
from runs.bench import CLIENT_TOOL, collect, run_bench


class Client:
    """Adds up a stream as the SDK's event handler does."""

    def __init__(self) -> None:
        self.steps: dict[str, RunStep] = {}
        self.messages: dict[str, Message] = {}
        self._message: Message | None = None
        self.checked = 0

    def hear(self, events: Iterable[RunEvent]) -> None:
        for event in events:
            given_: Any = {"event": event.name, "data": event.data}
            told: Any = construct_type(type_=AssistantStreamEvent, value=given_)
            if event.name.startswith("thread.message."):
                self._message, _ = accumulate_event(
                    event=told, current_message_snapshot=self._message
                )
            if event.name.startswith("thread.run.step."):
                accumulate_run_step(event=told, run_step_snapshots=self.steps)
            if event.name in {"thread.message.completed", "thread.message.incomplete"}:
                assert self._message is not None
                assert _plain(self._message.content) == _plain(told.data.content)
                self.checked += 1
            if event.name == "thread.run.step.completed":
                have = self.steps[told.data.id].step_details
                assert _plain(have) == _plain(told.data.step_details)
                self.checked += 1


def _plain(value: Any) -> Any:  # objects of the SDK, without the `index` of deltas
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if hasattr(value, "model_dump"):
        value = value.model_dump(exclude_unset=True)
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items() if name != "index"}
    return value


async def test_text_and_calls_and_their_outputs_add_up(url: str) -> None:
    async with run_bench(
        url,
        say("Let me look that up. ")
        + invoke("hr_get", {"q": "a b"}, pieces=3)
        + invoke("hr_other"),
        say("Here it is"),
    ) as bench:
        client = Client()

        client.hear(await bench.events(await bench.create()))

        assert client.checked == 5  # two messages with their steps, one step of calls


async def test_the_clients_own_calls_add_up_over_two_streams(url: str) -> None:
    async with run_bench(
        url, invoke("ask_user", {"x": 1}) + invoke("hr_get"), say("ok"), tools=[CLIENT_TOOL]
    ) as bench:
        client = Client()
        run = await bench.create()
        client.hear(await bench.events(run))
        (step,) = client.steps.values()
        assert step.step_details.type == "tool_calls"
        ask, get = step.step_details.tool_calls
        assert ask.type == get.type == "function"
        assert (ask.function.arguments, ask.function.output) == ('{"x":1}', None)
        assert get.function.output is not None

        queued = await bench.runs.submit_tool_outputs(
            bench.thread_id, run.id, [ToolOutput("call_1", "blue")]
        )
        second = await bench.events(queued)

        assert second[0].name == "thread.run.step.completed"
        Client().hear(second[1:])


pieces = st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=5)
turn_items = st.lists(
    st.one_of(
        pieces.map(lambda texts: ("say", texts)),
        st.sampled_from([("call", ["hr_get"]), ("call", ["hr_other"]), ("call", ["nope"])]),
    ),
    min_size=1,
    max_size=5,
)


def _turn(items: Sequence[tuple[str, list[str]]]) -> list[Item]:
    turn: list[Item] = []
    for kind, texts in items:
        if kind == "say":
            turn += [item for text in texts for item in say(text, pieces=1)]
        else:
            turn += invoke(texts[0], {"q": "some words"}, pieces=3)
    return turn


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(said=st.lists(turn_items, min_size=1, max_size=3))
async def test_whatever_the_model_says_adds_up_live_and_replayed(
    url: str, said: list[list[tuple[str, list[str]]]]
) -> None:
    turns: list[Turn] = [_turn(items) for items in said]
    async with run_bench(url, *turns, say("done"), say("done"), say("done")) as bench:
        run = await bench.create()
        live = await bench.events(run)
        live_client, late_client = Client(), Client()

        live_client.hear(live)
        late_client.hear(await collect(bench.runs.follow(run.id)))

        assert live[-1].name == "thread.run.completed"
        assert live_client.checked == late_client.checked > 0


@pytest.mark.parametrize("after", [0, 4, 7])
async def test_a_resumed_stream_adds_up_with_what_was_heard_before(url: str, after: int) -> None:
    async with run_bench(url, say("one two three four")) as bench:
        run = await bench.create()
        whole = await bench.events(run)
        client = Client()

        client.hear(whole[:after])
        client.hear(await collect(bench.runs.follow(run.id, after)))

        assert client.checked == 2
