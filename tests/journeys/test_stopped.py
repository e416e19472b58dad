"""SIGTERM: what ends in time is told to its end, the rest is kept; the exit code is 0, and the next start goes on."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest

from .front_end import FrontEnd, text_of
from .gateway import PATIENCE, Deployment, Gateway
from .workshop import ADAPTER, Workshop

RULES = """
rules:
  - when: short story
    turns: [[{say: "One, "}, {say: "two, ", delay: 200ms}, {say: "three.", delay: 200ms}]]
  - when: long story
    turns:
      - calls: [{name: workshop_read_gauge, arguments: {gauge: "GAUGE"}}]
      - {say: "It was {{tool.data.bar}} bar."}
"""


@pytest.fixture
def yard(tmp_path: Path, workshop: Workshop) -> Deployment:
    return Deployment.write(
        tmp_path,
        own={"workshop.yaml": ADAPTER},
        script=RULES.replace("GAUGE", tmp_path.name),
        environ={"WORKSHOP_URL": workshop.url},
        listen={"port": 0, "drain": "2s"},
    )


def test_streams_under_way_are_finished_in_time_or_resumed_by_the_next_start(
    yard: Deployment, workshop: Workshop
) -> None:
    gauge = yard.folder.name
    with (
        workshop.holding(gauge) as hold,
        yard.serving() as gateway,
        gateway.client() as client,
        gateway.http() as http,
    ):
        front_end = FrontEnd(client)
        assistant, thread = front_end.assistant(), front_end.thread("long story")
        body = {"assistant_id": assistant, "stream": True}
        with http.stream("POST", f"/v1/threads/{thread}/runs", json=body) as long_story:
            hold.wait_entered()
            short_names, short_texts = told_while_stopping(gateway, front_end, assistant)
            long_lines = read_until_cut(long_story)
        code = gateway.process.wait(PATIENCE)
        hold.wait_dropped()

    assert short_names[-1] == "thread.run.completed"
    assert short_texts == ["One, two, three."]
    assert code == 0
    assert gateway.said("stopped")["level"] == "info"
    gateway.assert_nothing_broke()
    assert "event: thread.run.step.in_progress" in long_lines
    assert not [line for line in long_lines if line.startswith("event: thread.run.fail")]
    last_seen = [line for line in long_lines if line.startswith("id: ")][-1].removeprefix("id: ")

    with yard.serving() as again, again.client() as client:
        front_end = FrontEnd(client)
        (run,) = front_end.runs.list(thread)
        with again.http(**{"last-event-id": last_seen}) as http:
            rest = http.get(f"/v1/threads/{thread}/runs/{run.id}/events").text
        answer = front_end.answer(front_end.now(run))
    again.assert_nothing_broke()

    names = [line for line in rest.splitlines() if line.startswith("event: ")]
    assert names[-2:] == ["event: thread.run.completed", "event: done"]
    assert "event: thread.run.created" not in names  # that was seen before
    assert answer == "It was 7 bar."
    assert workshop.calls[gauge] == 2  # a read may be repeated


def told_while_stopping(
    gateway: Gateway, front_end: FrontEnd, assistant: str
) -> tuple[list[str], list[str]]:
    """Names of the events and final texts of a stream, in the middle of which SIGTERM comes."""
    names: list[str] = []
    thread = front_end.thread("short story")
    with front_end.runs.stream(thread_id=thread, assistant_id=assistant) as stream:
        for event in stream:
            if event.event == "thread.message.delta" and event.event not in names:
                gateway.process.terminate()
            names.append(event.event)
        return names, [text_of(message) for message in stream.get_final_messages()]


def read_until_cut(response: httpx2.Response) -> list[str]:
    """The lines of a stream that the drain cuts off."""
    lines: list[str] = []
    try:
        lines.extend(response.iter_lines())
    except httpx2.TransportError:
        return lines
    return lines
