"""SIGTERM: what is under way is finished or kept; the process ends with 0 and the next start goes on."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest

from .front_end import FrontEnd, text_of
from .gateway import Deployment, Gateway
from .workshop import ADAPTER, Workshop

RULES = """
rules:
  - when: short story
    turns: [[{say: "One, "}, {say: "two, ", delay: 300ms}, {say: "three.", delay: 300ms}]]
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


def test_a_stream_that_ends_in_time_is_told_to_its_end(yard: Deployment) -> None:
    with yard.serving() as gateway, gateway.client() as client:
        front_end = FrontEnd(client)
        thread = front_end.thread("short story")
        names: list[str] = []
        with front_end.runs.stream(thread_id=thread, assistant_id=front_end.assistant()) as stream:
            for event in stream:
                if event.event == "thread.message.delta" and event.event not in names:
                    gateway.process.terminate()
                names.append(event.event)
            told = [text_of(message) for message in stream.get_final_messages()]
        code = gateway.process.wait(20)
    gateway.assert_nothing_broke()

    assert names[-1] == "thread.run.completed"
    assert told == ["One, two, three."]
    assert code == 0
    assert gateway.said("stopped")["level"] == "info"


def test_what_outlasts_the_drain_is_resumed_by_the_next_start(
    yard: Deployment, workshop: Workshop
) -> None:
    with workshop.holding(yard.folder.name) as hold:
        with yard.serving() as gateway, gateway.client() as client:
            front_end = FrontEnd(client)
            thread, assistant = front_end.thread("long story"), front_end.assistant()
            body = {"assistant_id": assistant, "stream": True}
            told = ""
            with (
                gateway.http() as http,
                http.stream("POST", f"/v1/threads/{thread}/runs", json=body) as response,
            ):
                try:
                    for piece in response.iter_text():
                        told += piece
                        if "thread.run.step.delta" in told and gateway.process.poll() is None:
                            hold.wait_entered()
                            gateway.process.terminate()
                except httpx2.TransportError:
                    pass  # cut off when the time was over
            code = gateway.process.wait(20)
            hold.wait_dropped()
        gateway.assert_nothing_broke()

    assert code == 0
    assert "thread.run.completed" not in told
    assert "thread.run.failed" not in told
    last_seen = max(int(line[4:]) for line in told.splitlines() if line.startswith("id: "))
    (run,) = [line for line in told.splitlines() if '"object":"thread.run"' in line][:1]
    run_id = run.split('"id":"')[1].split('"')[0]
    with yard.serving() as again:
        rest = resumed(again, f"/v1/threads/{thread}/runs/{run_id}/events", last_seen)
        with again.client() as client:
            front_end = FrontEnd(client)
            done = front_end.runs.retrieve(run_id, thread_id=thread)
            assert front_end.answer(done) == "It was 7 bar."
    again.assert_nothing_broke()
    names = [line[7:] for line in rest.splitlines() if line.startswith("event: ")]
    assert names[-2:] == ["thread.run.completed", "done"]
    assert "thread.run.created" not in names  # that was seen before
    assert workshop.calls[yard.folder.name] == 2


def resumed(gateway: Gateway, path: str, last_seen: int) -> str:
    with gateway.http(**{"last-event-id": str(last_seen)}) as http:
        return http.get(path).text
