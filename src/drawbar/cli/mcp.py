"""`drawbar mcp`: the functions over stdio, started by an MCP client as its own process.

Stdout is the wire, so nothing else is ever printed there; logs go to stderr.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
from pathlib import Path

from drawbar.app import Gateway, load
from drawbar.cli.call import add_caller_options, caller_of
from drawbar.kernel.values import Caller
from drawbar.surfaces.logs import write_logs

EXAMPLE = "drawbar mcp --subject anna --role staff"


def configure(parser: argparse.ArgumentParser) -> None:
    add_caller_options(parser)
    parser.add_argument("--settings", type=Path, help="default: config/drawbar.yaml")


def run(args: argparse.Namespace) -> int:
    """0 when the client closes the connection."""
    gateway = load(args.settings)
    write_logs("warning", requests=False)
    asyncio.run(_serve(gateway, caller_of(args) or gateway.default_caller()))
    return 0


async def _serve(gateway: Gateway, caller: Caller) -> None:
    from mcp.server.stdio import stdio_server  # noqa: PLC0415 -- half a second that `--help` does without

    from drawbar.surfaces.mcp.server import make_server  # noqa: PLC0415 -- imports mcp

    async with gateway:
        _leave_on_sigterm(gateway)
        files = gateway.store.files
        server = make_server(gateway.toolset, gateway.dispatcher, files, lambda _context: caller)
        async with stdio_server() as (read, write):
            await server.run(read, write, server.create_initialization_options())


def _leave_on_sigterm(gateway: Gateway) -> None:
    """Write the audit and let go of the backends, then end at once: stdin is read in a thread that
    nothing but the client can wake, so the usual way out would wait for it.
    """
    loop = asyncio.get_running_loop()
    leaving: list[asyncio.Task[None]] = []

    async def leave() -> None:
        await gateway.close()
        os._exit(0)

    def ask() -> None:
        if not leaving:
            leaving.append(loop.create_task(leave()))

    loop.add_signal_handler(signal.SIGTERM, ask)
