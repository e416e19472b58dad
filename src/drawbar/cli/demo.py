"""`drawbar demo`: an invented company, its legacy systems, the gateway and the chat page, on this machine."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
import sys
import webbrowser
from pathlib import Path

from drawbar.cli.transcript import Transcript
from drawbar.demo.company import NAME, QUESTIONS
from drawbar.demo.deployment import Demo, DemoOptions, open_demo
from drawbar.kernel.errors import OperatorError
from drawbar.kernel.values import Caller
from drawbar.runs.objects import text_part
from drawbar.runs.order import NewMessage, RunOrder
from drawbar.surfaces.server import address_of, bind, serve

EXAMPLE = f'drawbar demo --once "{QUESTIONS[0]}"'
DEFAULT_PORT = 8321
CRASHED = 4


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--port", type=int, help=f"default: {DEFAULT_PORT}, or a free one when that is taken"
    )
    parser.add_argument(
        "--model",
        choices=("rules", "local", "openai"),
        help="default: the model that `drawbar model pull` fetched, else keyword rules; "
        "openai: the server named by DRAWBAR_MODEL__BASE_URL",
    )
    parser.add_argument(
        "--postgres",
        metavar="URL",
        help="keep the booking office's tables in this database, in a schema of their own",
    )
    parser.add_argument("--once", metavar="QUESTION", help="ask, print the run, and end")
    parser.add_argument(
        "--keep",
        type=Path,
        nargs="?",
        const=Path("var/demo"),
        metavar="FOLDER",
        help="keep the conversations, in var/demo unless a folder is named",
    )
    parser.add_argument("--no-browser", action="store_true", help="open no browser")


def run(args: argparse.Namespace) -> int:
    return asyncio.run(_until_told(args))


async def _until_told(args: argparse.Namespace) -> int:
    """The demo, ended in order by Ctrl-C or SIGTERM, whenever they come."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    told = asyncio.create_task(stop.wait())
    serving = asyncio.Event()
    work = asyncio.create_task(_demo(args, stop, serving))
    await asyncio.wait({told, work}, return_when=asyncio.FIRST_COMPLETED)
    told.cancel()
    if not (work.done() or serving.is_set()):
        work.cancel()  # a server ends by `stop`, with what is under way; nothing else waits for it
    try:
        return await work
    except asyncio.CancelledError:
        return 130


async def _demo(args: argparse.Namespace, stop: asyncio.Event, serving: asyncio.Event) -> int:
    options = DemoOptions(args.model, args.postgres, args.keep)
    _note("Starting the company's systems and the gateway ...")
    if args.once is not None:
        async with open_demo(options, _note) as demo:
            return await _ask(demo, args.once)
    with _listen(args.port) as listening:
        async with open_demo(options, _note) as demo:
            serving.set()
            return await _serve(demo, listening, stop, browser=not args.no_browser)


def _note(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _listen(port: int | None) -> socket.socket:
    if port is not None:
        return bind("127.0.0.1", port)
    try:
        return bind("127.0.0.1", DEFAULT_PORT)
    except OperatorError:
        return bind("127.0.0.1", 0)


async def _serve(
    demo: Demo, listening: socket.socket, stop: asyncio.Event, *, browser: bool
) -> int:
    """Until it is told to stop, or one of the company's systems ends by itself."""
    address = address_of(listening)

    def tell() -> None:
        print(welcome(demo, address), flush=True)
        if browser and sys.stdout.isatty() and _has_screen():
            webbrowser.open(f"{address}/console/")

    serving = asyncio.create_task(serve(demo.services, listening, stop, tell))
    crash = asyncio.create_task(demo.company.crashed())
    try:
        await asyncio.wait({serving, crash}, return_when=asyncio.FIRST_COMPLETED)
        crashed = crash.result() if crash.done() else None
    finally:
        crash.cancel()
        stop.set()
        await serving
    if crashed is None:
        print("The company is closed; nothing is left behind.", file=sys.stderr)
        return 0
    print(f"drawbar demo: {crashed}; start the demo again", file=sys.stderr)
    return CRASHED


def _has_screen() -> bool:
    """A browser in a terminal would take the terminal away."""
    return sys.platform != "linux" or any(os.environ.get(v) for v in ("DISPLAY", "WAYLAND_DISPLAY"))


def welcome(demo: Demo, address: str) -> str:
    """What a newcomer reads first."""
    systems = demo.company.systems
    name, what = (max(len(getattr(one, word)) for one in systems) for word in ("name", "what"))
    settings = demo.services.settings.model
    hint = "" if settings.provider != "rules" else "; `drawbar model pull` fetches a small one"
    return "\n".join(
        [
            "",
            f"  {NAME} is open. The company is invented; its systems run, on this machine only.",
            "",
            f"  Chat      {address}/console/",
            f"  API       {address}/v1  (Assistants, Chat Completions), {address}/mcp",
            f"  Answers   {demo.services.model.label}{hint}",
            "",
            *(f"  {one.name:{name}}  {one.what:{what}}  {one.where}" for one in systems),
            "",
            "  Ask, for example:",
            *(f"    {question}" for question in QUESTIONS),
            "",
            "  Stop with Ctrl-C.",
            "",
        ]
    )


async def _ask(demo: Demo, question: str) -> int:
    """One run, printed as it happens."""
    anonymous = demo.services.settings.anonymous
    caller = (
        Caller(anonymous.subject, anonymous.roles, anonymous.claims)
        if anonymous
        else Caller("demo")
    )
    print(f"> {question}\n\n  answered by {demo.services.model.label}", flush=True)
    runs = demo.services.runs
    created = await runs.create_with_thread(
        RunOrder(assistant_id=demo.assistant_id),
        caller,
        messages=[NewMessage("user", [text_part(question)])],
    )
    transcript = Transcript(sys.stdout)
    async for event in runs.follow(created.id):
        transcript.take(event.name, event.data)
    transcript.end()
    return 0 if transcript.status == "completed" else 1
