"""The surfaces on a socket, from its first request to the last one that is still under way."""

from __future__ import annotations

import asyncio
import contextlib
import math
import socket
from collections.abc import Callable, Iterator

import uvicorn

from drawbar.kernel.errors import OperatorError
from drawbar.surfaces.at_once import AtOnceProtocol
from drawbar.surfaces.drain import Drain
from drawbar.surfaces.services import Services
from drawbar.surfaces.web import Web

_KEEP_ALIVE = 75
"""Seconds; longer than clients keep unused connections, so that none is closed under a new request."""


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._tell_started = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Tells of the start, which uvicorn itself only logs."""
        await super().startup(sockets)
        self._tell_started()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the command's business; uvicorn would raise them again after the end."""
        yield


def bind(host: str, port: int) -> socket.socket:
    """A listening address, taken before anything else is opened. Raises OperatorError in one line."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        listening = socket.socket(family, kind, protocol)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
        except OSError:
            listening.close()
            raise
    except OSError as error:
        reason = error.strerror or str(error)
        message = (
            f"cannot listen on {host}:{port}: {reason}; "
            "set `listen: {port: ...}`, DRAWBAR_LISTEN__PORT or --port"
        )
        raise OperatorError(message) from None
    listening.setblocking(False)
    return listening


def address_of(listening: socket.socket) -> str:
    """The URL at which a bound socket answers."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def serve(
    services: Services,
    listening: socket.socket,
    stop: asyncio.Event,
    started: Callable[[], None] = lambda: None,
    settled: Callable[[], None] = lambda: None,
) -> None:
    """Answer until `stop` is set; then accept nothing new and give what is under way its time.

    `started` is called when it listens, `settled` when nothing is left to be imported.
    What outlasts `listen.drain` is cut off: a stream can be resumed, a run goes on after a restart.
    """
    drain = Drain()
    web = Web(services, drain)
    config = uvicorn.Config(
        web,
        http=AtOnceProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=math.ceil(services.settings.listen.drain),
    )
    settling: set[asyncio.Task[None]] = set()

    async def settle() -> None:
        try:
            await web.settle()
        except BaseException:
            server.should_exit = True  # half a gateway is worse than none
            raise
        settled()

    def tell_started() -> None:
        started()
        settling.add(asyncio.create_task(settle()))

    server = _Server(config, tell_started)
    running = asyncio.create_task(server.serve([listening]))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        drain.begun = True
        server.should_exit = True
    await running
    await asyncio.gather(*settling)
