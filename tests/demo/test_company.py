from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from drawbar.demo.company import open_company
from drawbar.kernel.errors import OperatorError

PARENT = """
import asyncio, json, sys
from drawbar.demo.company import open_company

async def main():
    async with open_company() as company:
        pids = [process.pid for process in company.processes.values()]
        print(json.dumps({"pids": pids, "folder": str(company.folder)}), flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_it_opens_with_four_systems_and_leaves_nothing_behind() -> None:
    async with open_company() as company:
        pids = [process.pid for process in company.processes.values()]
        names = [system.name for system in company.systems]
        files = sorted(path.name for path in company.folder.iterdir())
        running = [is_running(pid) for pid in pids]

    assert names == ["Crew office", "Booking office", "Harbour desk", "Ship's stores"]
    assert files == ["bookings.db", "stores.dat"]
    assert running == [True, True]
    assert [is_running(pid) for pid in pids] == [False, False]
    assert not company.folder.exists()


async def test_a_system_that_ends_by_itself_is_named() -> None:
    async with asyncio.timeout(20), open_company() as company:
        company.processes["harbour desk"].kill()

        said = await company.crashed()

    assert said == "the harbour desk has ended by itself, with exit code -9"
    assert not company.folder.exists()


async def test_it_is_closed_in_order_when_it_is_cancelled() -> None:
    opened = asyncio.get_running_loop().create_future()

    async def work() -> None:
        async with open_company() as company:
            opened.set_result(company)
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    company = await asyncio.wait_for(opened, 20)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert [process.returncode for process in company.processes.values()] == [0, 0]
    assert not company.folder.exists()


async def test_a_database_that_cannot_be_reached_is_one_line_and_leaves_nothing() -> None:
    with pytest.raises(OperatorError, match="the data of the booking office could not be made: "):
        async with open_company(postgres="postgresql://nobody@127.0.0.1:1/none"):
            pass


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks at processes under /proc")
def test_the_systems_end_even_when_their_parent_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        told = json.loads(parent.stdout.readline())
        parent.kill()
        parent.wait(10)

    until = time.monotonic() + 10
    while any(map(is_running, told["pids"])) and time.monotonic() < until:
        os.sched_yield()  # an orphan gives no signal when it ends

    assert not any(map(is_running, told["pids"]))
    for name in Path(told["folder"]).iterdir():  # a killed parent cannot clear its folder
        name.unlink()
    Path(told["folder"]).rmdir()


@pytest.mark.parametrize("number", [signal.SIGINT])
def test_ctrl_c_in_the_parent_closes_the_company(number: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as parent:
        assert parent.stdout is not None
        told = json.loads(parent.stdout.readline())
        parent.send_signal(number)
        parent.wait(10)

    assert not any(map(is_running, told["pids"]))
    assert not Path(told["folder"]).exists()
