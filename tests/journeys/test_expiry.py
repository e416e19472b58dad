"""A run whose time is over ends by itself, also when nobody asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import openai
import pytest

from .front_end import FrontEnd, text_of, until
from .gateway import Deployment, Gateway
from .test_client_side_functions import ASK
from .workshop import ADAPTER, Workshop

RULES = """
rules:
  - {when: hang, turns: [[{say: Hm}, {hang: true}]]}
  - {when: gauge, turns: [{calls: [{name: workshop_read_gauge, arguments: {gauge: eternal}}]}]}
  - {when: ask, turns: [{calls: [{name: ask_person, arguments: {question: "?"}}]}]}
  - {when: hello, turns: [{say: Hello.}]}
"""


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory, workshop: Workshop) -> Iterator[Gateway]:
    deployment = Deployment.write(
        tmp_path_factory.mktemp("hasty"),
        own={"workshop.yaml": ADAPTER},
        script=RULES,
        environ={"WORKSHOP_URL": workshop.url},
        runs={"expire_after": "2s"},
    )
    with deployment.serving() as gateway:
        yield gateway
    gateway.assert_nothing_broke()


def test_three_runs_expire_together_and_their_threads_are_free_again(
    hasty: Gateway, workshop: Workshop
) -> None:
    """One in the middle of the model's answer, one in a backend, one that waits for its client."""
    with hasty.client() as client, workshop.holding("eternal") as hold:
        front_end = FrontEnd(client)
        assistant = front_end.assistant(tools=[ASK])
        threads = [front_end.thread(word) for word in ("hang", "gauge", "ask")]
        runs = [front_end.start(thread, assistant) for thread in threads]
        hold.wait_entered()
        hold.wait_dropped()  # nobody polls: the gateway gives the call up by itself
        for thread in threads:
            until(partial(takes_messages, front_end, thread), "the thread is free")

        after = [front_end.now(run) for run in runs]
        assert [run.status for run in after] == ["expired"] * 3
        assert [run.expires_at for run in after] == [run.created_at + 2 for run in runs]
        assert [run.required_action for run in after] == [None] * 3
        for thread in threads:
            assert front_end.answer(front_end.run(thread, assistant)) == "Hello."
        _, half, *_ = front_end.messages(threads[0])
        assert (text_of(half), half.status) == ("Hm", "incomplete")
        (step,) = front_end.steps(runs[1])
        assert step.status == "expired"
        with pytest.raises(openai.BadRequestError) as late:
            front_end.runs.submit_tool_outputs(runs[2].id, thread_id=threads[2], tool_outputs=[])
        assert 'Runs in status "expired" do not accept tool outputs.' in late.value.message


def takes_messages(front_end: FrontEnd, thread: str) -> bool:
    try:
        front_end.client.beta.threads.messages.create(thread, role="user", content="hello")
    except openai.BadRequestError:
        return False
    return True
