"""`drawbar serve`: answer all protocols on one port until SIGTERM."""

from __future__ import annotations

import argparse
import asyncio
import gc
import importlib.util
import logging
import signal
import socket
from collections.abc import Callable
from pathlib import Path

from drawbar.app import Gateway, load
from drawbar.app.deployment import deployed
from drawbar.compiler.toolset import count_broken
from drawbar.surfaces.callers import is_loopback
from drawbar.surfaces.logs import write_logs
from drawbar.surfaces.server import address_of, bind, serve
from drawbar.surfaces.services import Services

EXAMPLE = "drawbar serve --port 8321"

_log = logging.getLogger("drawbar.serve")


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--settings", type=Path, help="default: config/drawbar.yaml")
    parser.add_argument("--host", help="the address to listen on; default: `listen: {host: ...}`")
    parser.add_argument("--port", type=int, help="0 takes any free one")
    parser.add_argument(
        "--log-level", choices=("debug", "info", "warning", "error"), default="info"
    )
    parser.add_argument("--log-requests", action="store_true", help="one line for each request")


def run(args: argparse.Namespace) -> int:
    """0 after a clean end. Raises OperatorError and AuthorError, which end with 3."""
    gc.disable()  # until all is there: what a start makes stays
    try:
        return _run(args)
    finally:
        gc.enable()


def _run(args: argparse.Namespace) -> int:
    given = {"listen.host": args.host, "listen.port": args.port}
    flags = {name: value for name, value in given.items() if value is not None}
    gateway = load(args.settings, flags=flags)
    listening = bind(gateway.settings.listen.host, gateway.settings.listen.port)
    write_logs(args.log_level, requests=args.log_requests)
    with listening, asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(gateway, listening))
    return 0


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Of uvloop where it exists; it does not on Windows."""
    if importlib.util.find_spec("uvloop") is None:
        return None
    import uvloop  # noqa: PLC0415 -- optional

    return uvloop.new_event_loop


async def _serve(gateway: Gateway, listening: socket.socket) -> None:
    stop = asyncio.Event()
    with_signals(stop)
    async with deployed(gateway) as services:
        _tell(gateway, services)
        # What a start leaves as garbage is collected once the server answers: until then nobody needs the room.
        await serve(
            services, listening, stop, lambda: _ready(services, listening), spare_the_collector
        )
    _log.info("stopped")


def spare_the_collector() -> None:
    """Keep the garbage collector from walking over what lives as long as the process.

    Modules, schemas and plans are a million objects. Looking through them again and again took half of
    the CPU of a direct call (measured with py-spy).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    gc.enable()


def with_signals(stop: asyncio.Event) -> None:
    """The first SIGTERM or Ctrl+C asks for a clean end, the second one does not wait for it."""
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()

    def ask() -> None:
        if stop.is_set() and task is not None:
            task.cancel()
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ask)


def _ready(services: Services, listening: socket.socket) -> None:
    broken = count_broken(services.toolset)
    _log.info(
        "listening",
        extra={
            "url": address_of(listening),
            "functions": len(services.toolset) - broken,
            "broken": broken,
            "model": services.model.label,
        },
    )


def _tell(gateway: Gateway, services: Services) -> None:
    """What an operator should know, and what does not stop the start."""
    for problem in gateway.problems:
        level = logging.ERROR if problem.severity == "error" else logging.WARNING
        _log.log(level, "%s", problem)
    settings = services.settings
    if settings.anonymous is not None and not is_loopback(settings.listen.host):
        _log.warning(
            "`anonymous` has no effect: %s can be reached from other machines, so every request needs a key",
            settings.listen.host,
        )
