"""How a run ends: exit codes, deadlines, cancels, floods of output; and that nothing is left behind."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import Any  # types of fixtures live in conftest, which tests cannot import

import pytest
import uvloop

from drawbar.backends.command import KIND
from drawbar.kernel.ports import BackendError, Call, Cut, Progress
from drawbar.kernel.values import Caller
from drawbar.kernel.workers import Workers

FAMILY = """
    # Three generations; the youngest two ignore a polite request to end. `ready` is a named pipe.
    echo $$ >> pids
    sh -c '
      trap "" TERM
      echo $$ >> pids
      sh -c "trap : TERM; echo \\\\$\\\\$ >> pids; while :; do sleep 9; done" &
      while ! [ "$(wc -l < pids)" -ge 3 ]; do sleep 0.01; done
      echo go > ready
      while :; do sleep 9; done
    ' &
    trap 'echo asked > asked; exit 3' TERM
    while :; do sleep 9 & wait $!; done
"""

RUNS = """
    adapter: runs
    backend: {{kind: command, program: {program}}}
    functions:
      look: {{description: Reads., {words}}}
      make: {{description: Writes., effect: write, {words}}}
"""


def runs(program: str, words: str = "stdout: text") -> str:
    return RUNS.format(program=program, words=words)


def living(folder: Any) -> list[str]:
    """Processes of the family that still run; a zombie that nobody has reaped yet does not.

    What was killed may need a moment on a busy machine until it is dead, and no event tells of it.
    """
    limit = time.monotonic() + 2
    while (found := running(folder)) and time.monotonic() < limit:
        time.sleep(0.01)
    return found


def running(folder: Any) -> list[str]:
    found = []
    for pid in (folder.path / "pids").read_text().split():
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if state not in ("Z", "X"):
            found.append(f"{pid} {state}")
    return found


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.fixture
def family(folder: Any, open_command: Any) -> Any:
    os.mkfifo(folder.path / "ready")
    return open_command(runs(folder.script("family.sh", FAMILY)))


async def test_at_the_deadline_the_program_and_all_its_descendants_end(
    family: Any, folder: Any
) -> None:
    progress = Progress()
    begun = time.monotonic()
    call = asyncio.create_task(family.fail("make", seconds=3, progress=progress))
    await asyncio.to_thread((folder.path / "ready").read_text)

    error = await call

    assert time.monotonic() - begun < 3 + 2  # one second, and another for a busy machine
    assert (error.code, error.work, error.retryable) == ("timeout", "unknown", False)
    assert progress.sent
    assert living(folder) == []
    assert (folder.path / "asked").exists()


async def test_a_cancel_ends_the_program_and_all_its_descendants(family: Any, folder: Any) -> None:
    call = asyncio.create_task(family.invoke("look", seconds=30))
    await asyncio.to_thread((folder.path / "ready").read_text)
    begun = time.monotonic()

    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call

    assert time.monotonic() - begun < 2  # one second, and another for a busy machine
    assert living(folder) == []


async def test_a_second_cancel_does_not_stop_the_clearing_up(family: Any, folder: Any) -> None:
    call = asyncio.create_task(family.invoke("look", seconds=30))
    await asyncio.to_thread((folder.path / "ready").read_text)

    call.cancel()
    await asyncio.sleep(0)  # the first cancel is on its way, not done
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call

    assert living(folder) == []


def children() -> set[str]:
    """Processes that this one has started and not yet buried; other tests may have some, too."""
    return {
        pid
        for task in Path("/proc/self/task").iterdir()
        for pid in (task / "children").read_text().split()
    }


@pytest.mark.parametrize("ticks", range(6))
async def test_a_cancel_while_the_program_is_being_started_leaves_none(
    ticks: int, folder: Any, open_command: Any
) -> None:
    opened = open_command(runs(folder.script("long.sh", "exec sleep 60")))
    before = children()
    call = asyncio.create_task(opened.invoke("make", seconds=30))
    for _ in range(ticks):
        await asyncio.sleep(0)

    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call

    assert children() <= before


async def test_closing_the_backend_ends_what_runs(family: Any, folder: Any) -> None:
    call = asyncio.create_task(family.fail("make", seconds=30))
    await asyncio.to_thread((folder.path / "ready").read_text)

    await family.backend.close()

    error = await call
    assert (error.code, error.work) == ("backend_unavailable", "unknown")
    assert living(folder) == []
    assert (await family.fail("look")).code == "backend_unavailable"


async def test_a_child_that_outlives_the_program_is_ended_and_does_not_hold_up_the_answer(
    folder: Any, open_command: Any
) -> None:
    program = folder.script("parent.sh", "sleep 60 & echo $! > pids; echo done")
    begun = time.monotonic()

    reply = await open_command(runs(program)).invoke("look", seconds=30)

    assert reply.value == "done"
    assert time.monotonic() - begun < 5
    assert living(folder) == []


def test_the_same_holds_on_the_event_loop_of_the_server(folder: Any, compile_text: Any) -> None:
    os.mkfifo(folder.path / "ready")
    text = runs(folder.script("family.sh", FAMILY))
    adapter = compile_text(text, None, folder.path)

    async def scenario() -> tuple[str, str]:
        backend = KIND.open(adapter.adapter, adapter.plans, Workers("x", 1))
        binding = adapter.plans["make"].binding
        call = Call("make", {}, Caller("anna"), time.monotonic() + 3)
        task = asyncio.create_task(backend.invoke(binding, call))
        await asyncio.to_thread((folder.path / "ready").read_text)
        try:
            await task
        except BackendError as error:
            return error.code, error.work
        finally:
            await backend.close()
        return "", ""

    assert uvloop.run(scenario()) == ("timeout", "unknown")
    assert living(folder) == []


def test_standard_input_is_written_and_ended_on_the_event_loop_of_the_server(
    folder: Any, compile_text: Any
) -> None:
    text = """
    adapter: cat
    backend: {kind: command, program: [/bin/cat]}
    functions:
      f: {description: Back., stdin: text, parameters: {text: {type: string}}}
    """
    adapter = compile_text(text, None, folder.path)

    async def scenario() -> object:
        backend = KIND.open(adapter.adapter, adapter.plans, Workers("x", 1))
        call = Call("f", {"text": "x" * 300_000}, Caller("anna"), time.monotonic() + 10)
        reply = await backend.invoke(adapter.plans["f"].binding, call)
        await backend.close()
        return reply.value

    assert uvloop.run(scenario()) == "x" * 300_000


@pytest.mark.parametrize(
    ("ending", "expected"),
    [
        (
            "echo no such part >&2; exit 2",
            ("not_found", "rolled_back", {"exit": 2}, "no such part"),
        ),
        (
            "echo not enough >&2; exit 3",
            ("command_failed", "rolled_back", {"exit": 3}, "not enough"),
        ),
        ("echo on stdout; exit 7", ("command_failed", "unknown", {"exit": 7}, "on stdout")),
        (
            "exit 9",
            (
                "command_failed",
                "unknown",
                {"exit": 9},
                "The program ended with code 9 and said nothing.",
            ),
        ),
        (
            "kill -s 50 $$",
            (
                "command_failed",
                "unknown",
                {"exit": -50, "signal": "signal 50"},
                "The program was ended by signal 50.",
            ),
        ),
        (
            "kill -SEGV $$",
            (
                "command_failed",
                "unknown",
                {"exit": -11, "signal": "SIGSEGV"},
                "The program was ended by SIGSEGV.",
            ),
        ),
    ],
)
async def test_an_exit_code_that_the_author_knows_is_a_no_and_any_other_leaves_it_open(
    ending: str, expected: tuple[Any, ...], folder: Any, open_command: Any
) -> None:
    program = folder.script("end.sh", ending)
    words = "exit_codes: {2: not_found}, errors: [{when: {exit: 3}, code: not_enough}]"

    error = await open_command(runs(program, words)).fail("make")

    assert (error.code, error.work, error.facts, error.message) == expected


async def test_the_end_of_a_long_complaint_is_kept_and_secrets_in_it_are_not(
    folder: Any, open_command: Any
) -> None:
    program = folder.python(
        "fail.py", "import os, sys; sys.exit('x' * 500_000 + ' at last ' + os.environ['KEY'])"
    )
    text = runs(program).replace("program:", 'env: {KEY: "${KEY}"}, program:')

    error = await open_command(text, {"KEY": "t0psecret"}).fail("look")

    assert len(error.message) <= 1003
    assert error.message.endswith("xxx at last ***")


@pytest.mark.parametrize(
    ("program", "why"),
    [
        ("[no-such-program]", "no-such-program is not there, or cannot be executed"),
        ("[./missing]", "./missing is not there, or cannot be executed"),
        ("[./data.txt]", "./data.txt is not there, or cannot be executed"),
        ("[/bin/cat], cwd: nowhere", "there is no folder nowhere"),
    ],
)
async def test_a_program_that_cannot_be_started_changed_nothing(
    program: str, why: str, folder: Any, open_command: Any
) -> None:
    (folder.path / "data.txt").write_text("no program")
    opened = open_command(runs(program))

    error, health = await opened.fail("make"), await opened.backend.health()

    assert (error.code, error.work) == ("backend_unavailable", "not_started")
    assert error.message == f"The program was not started: {why}."
    assert (health.ok, health.detail) == (False, why)


async def test_health_looks_at_the_program_and_at_the_files_among_its_arguments(
    folder: Any, open_command: Any
) -> None:
    well = open_command(runs(folder.python("here.py", "")))
    ill = open_command(runs('[python3, "./gone.py"]'))

    assert (await well.backend.health()).ok
    assert (await ill.backend.health()).detail == "there is no file ./gone.py"


COUNT = "i=0; while [ $i -lt $1 ]; do i=$((i+1)); echo $i; done"


@pytest.mark.parametrize("total", [2, 3, 4])
async def test_lines_are_cut_at_their_cap_and_counted(
    total: int, folder: Any, open_command: Any
) -> None:
    program = folder.script("count.sh", COUNT)
    opened = open_command(runs(program, f'stdout: lines, argv: ["{total}"]'))

    reply = await opened.invoke("look", max_rows=3)

    assert reply.value == [str(number) for number in range(1, min(3, total) + 1)]
    advice = "Ask again with arguments that match less."
    assert reply.cuts == (() if total <= 3 else (Cut(3, 4, "rows", advice),))


async def test_a_flood_of_lines_ends_the_program_and_keeps_the_whole_ones(
    folder: Any, open_command: Any
) -> None:
    program = folder.script("flood.sh", "echo $$ > pids; while :; do echo abcdefg; done")
    begun = time.monotonic()

    reply = await open_command(runs(program, "stdout: lines")).invoke(
        "look", max_bytes=1005, seconds=30
    )

    assert reply.value == ["abcdefg"] * 125
    assert reply.cuts == (Cut(1000, None, "bytes", "Ask again with arguments that match less."),)
    assert time.monotonic() - begun < 5
    assert living(folder) == []


@pytest.mark.parametrize("size", [99, 100, 101])
async def test_a_text_is_cut_between_its_letters(size: int, folder: Any, open_command: Any) -> None:
    program = folder.script("text.sh", f"printf '%s' '{'x' * (size - 2)}ü'")

    reply = await open_command(runs(program)).invoke("look", max_bytes=100)

    if size <= 100:
        assert (reply.value, reply.cuts) == ("x" * (size - 2) + "ü", ())
    else:
        assert reply.value == "x" * 99
        assert [(cut.kept, cut.total, cut.unit) for cut in reply.cuts] == [(99, None, "bytes")]


async def test_a_flood_of_records_without_line_ends_keeps_the_whole_ones(
    folder: Any, open_command: Any
) -> None:
    program = folder.script("records.sh", "while :; do printf 007; done")
    words = "stdout: {records: [{name: no, width: 3, type: digits}], separator: none}"

    reply = await open_command(runs(program, words)).invoke("look", max_bytes=10)

    assert reply.value == [{"no": "007"}] * 3
    assert [(cut.kept, cut.total, cut.unit) for cut in reply.cuts] == [(9, None, "bytes")]


async def test_json_that_is_too_large_is_not_shown_in_parts(folder: Any, open_command: Any) -> None:
    program = folder.script("big.sh", "while :; do echo 1111111111; done")

    error = await open_command(runs(program, "stdout: json")).fail("look", max_bytes=100)

    assert error.code == "reply_too_large"
    assert error.message == (
        "The answer is longer than the 100 bytes that are read; nothing of it is shown."
    )


async def test_a_change_is_not_cut_off_for_what_it_prints(folder: Any, open_command: Any) -> None:
    program = folder.script("chatty.sh", f"set 20000; {COUNT}; touch done")

    reply = await open_command(runs(program, "stdout: lines")).invoke("make", max_bytes=10)

    assert reply.value == ["1", "2", "3", "4", "5"]
    assert [(cut.kept, cut.total, cut.unit) for cut in reply.cuts] == [(10, None, "bytes")]
    assert (folder.path / "done").exists()


@pytest.mark.parametrize(
    ("output", "words", "message"),
    [
        (
            "echo '{\"a\":'",
            "stdout: json",
            ("The answer cannot be read: line 2, column 1: not JSON: unexpected end of data."),
        ),
        (
            "printf 'Gr\\374n'",
            "stdout: text",
            "The answer cannot be read: byte 3: not utf-8: invalid start byte.",
        ),
        (
            "echo 12x",
            "stdout: {record: [{name: no, width: 3, type: decimal}]}",
            (
                "The answer cannot be read: "
                "record 1, field no, byte 1: is '12x', not a number of type decimal."
            ),
        ),
        (
            "printf 'a\\nbb\\n'",
            "stdout: {record: [{name: no, width: 3}]}",
            "The answer cannot be read: 2 records where one was declared.",
        ),
    ],
)
async def test_output_that_cannot_be_read_says_where_and_that_the_work_was_done(
    output: str, words: str, message: str, folder: Any, open_command: Any
) -> None:
    opened = open_command(runs(folder.script("say.sh", output), words))

    read, change = await opened.fail("look"), await opened.fail("make")

    assert read.message == message
    assert (read.code, read.work, change.work) == ("bad_reply", "unknown", "done")


async def test_no_output_where_json_is_expected_is_null(folder: Any, open_command: Any) -> None:
    opened = open_command(runs(folder.script("quiet.sh", "exit 0"), "stdout: json"))

    assert (await opened.invoke("make")).value is None


async def test_a_program_need_not_read_what_it_gets(folder: Any, open_command: Any) -> None:
    program = folder.script("deaf.sh", "exec <&-; echo fine")
    text = f"""
    adapter: deaf
    backend: {{kind: command, program: {program}}}
    functions:
      f: {{description: Deaf., stdin: text, parameters: {{text: {{type: string}}}}}}
    """

    assert (await open_command(text).invoke("f", {"text": "x" * 1_000_000})).value == "fine"


async def test_many_calls_at_once_leave_no_descriptor_open(folder: Any, open_command: Any) -> None:
    opened = open_command(runs(folder.script("ok.sh", "echo ok")))
    await opened.invoke("look")
    before = open_descriptors()

    replies = await asyncio.gather(*(opened.invoke("look", seconds=30) for _ in range(24)))

    assert [reply.value for reply in replies] == ["ok"] * 24
    assert open_descriptors() <= before
