"""A gateway in a process of its own, to be killed: `victim.py URL FOLDER` makes a run and hangs in it.

Each call leaves a line in FOLDER/<function> before it hangs.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from drawbar.kernel.ports import Call, Reply
from drawbar.llm.scripted import invoke, say
from runs.bench import run_bench


async def main(url: str, folder: Path, script: str) -> None:
    turn = {
        "calls": invoke("hr_get") + invoke("hr_set") + invoke("hr_other"),
        "text": [*say("Half an answer"), asyncio.Event()],
        "half a call": [*say("So: ") + invoke("hr_set", '{"q": "1"}', pieces=3), asyncio.Event()],
    }[script]
    async with run_bench(url, turn) as bench:

        async def note_and_hang(call: Call) -> Reply:
            await asyncio.to_thread(note, folder / call.function)
            if call.function == "hr_other":
                return Reply("finished before the end")
            await asyncio.Event().wait()
            raise AssertionError

        bench.company.actions = dict.fromkeys(("hr_get", "hr_set", "hr_other"), note_and_hang)
        run = await bench.create()
        sys.stdout.write(f"{bench.thread_id} {run.id}\n")
        sys.stdout.flush()
        await bench.events(run)


def note(file: Path) -> None:
    with file.open("a") as lines:
        lines.write("called\n")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3]))
