"""`drawbar chat` against a real gateway: Ctrl-C stops the run, a second one leaves; a cut wire is mended."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from .gateway import Gateway


class Terminal:
    """A chat under way; `read_until` takes what is printed, letter by letter."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.seen = ""

    def say(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def read_until(self, text: str, times: int = 1) -> str:
        assert self.process.stdout is not None
        while self.seen.count(text) < times:
            letter = self.process.stdout.read(1)
            assert letter, f"the chat ended; it said {self.seen!r}"
            self.seen += letter
        return self.seen


@pytest.fixture
def terminal(gateway: Gateway) -> Iterator[Terminal]:
    gateway.loop.call_soon_threadsafe(gateway.wire.mend)
    with subprocess.Popen(
        [
            sys.executable,
            "-u",
            "-m",
            "drawbar",
            "chat",
            "--url",
            gateway.url.removesuffix("/console/"),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield Terminal(process)
        finally:
            process.kill()


def test_ctrl_c_stops_the_run_and_a_second_one_leaves(terminal: Terminal) -> None:
    terminal.say("think")
    terminal.read_until("Let me think")
    terminal.process.send_signal(signal.SIGINT)
    terminal.read_until("Stopped. What was carried out before stays carried out.")

    terminal.say("think again")
    terminal.read_until("Let me think", times=2)
    terminal.process.send_signal(signal.SIGINT)
    terminal.read_until("Ctrl-C again leaves", times=2)
    terminal.process.send_signal(signal.SIGINT)

    assert terminal.process.wait(10) in (0, 130)


def test_an_answer_goes_on_after_a_cut_without_a_gap_or_a_repeat(
    terminal: Terminal, gateway: Gateway
) -> None:
    terminal.say("count")
    terminal.read_until("tick tick")

    gateway.loop.call_soon_threadsafe(gateway.wire.cut)
    gateway.loop.call_soon_threadsafe(gateway.wire.mend)
    terminal.read_until("tick", times=60)
    terminal.say("hello")
    said = terminal.read_until("You said: hello\n")

    assert said.count("tick") == 60


def test_a_refused_question_is_told_in_the_words_of_the_gateway(gateway: Gateway) -> None:
    gateway.loop.call_soon_threadsafe(gateway.wire.mend)
    url = gateway.url.removesuffix("/console/")
    done = subprocess.run(
        [sys.executable, "-m", "drawbar", "chat", "--url", url, "--assistant", "asst_none"],
        input="hello\n",
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (
        1,
        "drawbar chat: No assistant found with id 'asst_none'.\n",
    )
