"""`drawbar demo` and `drawbar chat` as a newcomer starts them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

DRAWBAR = [sys.executable, "-m", "drawbar"]


def environ(folder: Path) -> dict[str, str]:
    """Everything temporary goes to `folder`, and no model that somebody pulled is found."""
    return {
        **os.environ,
        "TMPDIR": str(folder),
        "XDG_DATA_HOME": str(folder / "data"),
        "PYTHONUNBUFFERED": "1",
    }


@contextmanager
def demo(folder: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The running demo and the address of its gateway."""
    with subprocess.Popen(
        [*DRAWBAR, "demo", "--port", "0", "--no-browser", *arguments],
        env=environ(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            told = ""
            while "Stop with" not in told:
                line = process.stdout.readline()
                assert line, process.stderr.read() if process.stderr else ""
                told += line
            found = re.search(r"(http://127\.0\.0\.1:\d+)/console/", told)
            assert found is not None
            yield process, found[1]
        finally:
            process.kill()


def test_once_prints_the_question_the_invocation_its_outcome_and_the_answer(tmp_path: Path) -> None:
    question = "How many days of leave does employee 1042 have left?"
    kept, scratch = tmp_path / "kept", tmp_path / "scratch"
    scratch.mkdir()

    done = subprocess.run(
        [*DRAWBAR, "demo", "--keep", str(kept), "--once", question],
        env=environ(scratch),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    lines = [line.strip() for line in done.stdout.splitlines()]
    at = [
        lines.index(f"> {question}"),
        lines.index("answered by rules, not a model"),
        lines.index("hr_get_leave_balance"),
        lines.index("emp_no = 1042"),
        lines.index("+ succeeded"),
    ]
    assert at == sorted(at)
    assert "28" in done.stdout[done.stdout.index("+ succeeded") :]
    assert (kept / "drawbar.db").is_file()
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_answers_the_chat_until_it_is_told_to_end_and_leaves_nothing(
    tmp_path: Path, number: int
) -> None:
    with demo(tmp_path) as (process, url):
        assert list(tmp_path.iterdir()) != []
        chat = subprocess.run(
            [*DRAWBAR, "chat", "--url", url, "--toolset", "bookings"],
            input="Show booking B-20417\nFind parts: impeller\n",
            capture_output=True,
            text=True,
            check=False,
        )
        process.send_signal(number)
        _, told = process.communicate(timeout=20)

    assert chat.returncode == 0, chat.stderr
    first, second = chat.stdout.split("> Find parts: impeller\n")
    assert "bookings_get_booking" in first
    assert "Fenna Copperthwaite" in first
    assert "stores_find_parts" not in second
    assert process.returncode == 0
    assert told.endswith("The company is closed; nothing is left behind.\n")
    assert list(tmp_path.iterdir()) == []


def test_a_system_that_crashes_ends_the_demo_with_its_name(tmp_path: Path) -> None:
    with demo(tmp_path) as (process, _):
        tasks = Path(f"/proc/{process.pid}/task").iterdir()
        children = [pid for task in tasks for pid in (task / "children").read_text().split()]
        [crew] = [
            pid
            for pid in children
            if b"demo.personnel" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]
        os.kill(int(crew), signal.SIGKILL)
        _, told = process.communicate(timeout=20)

    assert process.returncode == 4
    assert "the crew office has ended by itself, with exit code -9" in told
    assert list(tmp_path.iterdir()) == []


def test_chat_says_where_it_found_no_gateway() -> None:
    done = subprocess.run(
        [*DRAWBAR, "chat", "--url", "http://127.0.0.1:1"],
        input="",
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (
        4,
        "drawbar chat: no gateway answers at http://127.0.0.1:1; start one with `drawbar demo`\n",
    )
