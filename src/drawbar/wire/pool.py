"""Connections to one host, kept for the next request that may be sent again."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Callable
from typing import Any, TypeAlias

from drawbar.kernel.places import Places
from drawbar.kernel.ticker import TICK, Ticker
from drawbar.wire.connection import Answer, Beyond, Connection, ConnectionLost

MakeSocket: TypeAlias = Callable[[tuple[Any, ...]], socket.socket]
"""Makes the socket for what `getaddrinfo` found, or refuses the address with an OSError."""


def plain_socket(target: tuple[Any, ...]) -> socket.socket:  # its shape varies by family
    return socket.socket(target[0], target[1], target[2])


class Pool:
    """At most `size` connections; whoever finds all of them taken waits."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        size: int,
        tls: Callable[[], ssl.SSLContext] | None = None,
        keep: float,
        make_socket: MakeSocket = plain_socket,
    ) -> None:
        """`keep` is in seconds: less than servers usually wait before they close an unused connection."""
        self._host = host
        self._port = port
        self._tls = tls
        self._context: ssl.SSLContext | None = None
        self._keep = keep
        self._make_socket = make_socket
        self._idle: list[tuple[Connection, float]] = []
        self._all: set[Connection] = set()
        self._gone = asyncio.Event()
        self._closed = False
        self._places = Places(size)
        self._ticker = Ticker()
        self._sweeper: asyncio.TimerHandle | None = None

    async def ask(
        self,
        request: bytes,
        *,
        deadline: float,
        most: int,
        sent: Callable[[], object] | None = None,
    ) -> Answer:
        """`deadline` is a moment of `time.monotonic()`; `sent` is called before the first byte leaves.

        Raises Beyond, ConnectionLost, TimeoutError. Kept connections that turn out to be closed are
        replaced by a new one.
        """
        if not self._places.take():
            await self._places.wait(deadline)
        try:
            return await self._ask(request, deadline, most, sent)
        finally:
            self._places.give_back()

    async def _ask(
        self, request: bytes, deadline: float, most: int, sent: Callable[[], object] | None
    ) -> Answer:
        while True:
            connection = self._kept()
            is_kept = connection is not None
            if connection is None:
                connection = await self._opened(deadline)
            if sent is not None:
                sent()
            answer = connection.ask(request, most)
            # A tick early: alarms ring up to a tick late, and the caller's own deadline is the same.
            alarm = self._ticker.at(deadline - TICK, connection.give_up)
            try:
                found = await answer
            except ConnectionLost as lost:
                if is_kept and not lost.begun and not self._closed:
                    continue
                raise
            except BaseException:
                connection.close()
                raise
            finally:
                alarm.cancel()
            self._put_back(connection)
            return found

    async def close(self) -> None:
        """Close every connection; none is left when it returns."""
        self._closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        self._idle.clear()
        for connection in self._all:
            connection.close()
        while self._all:
            self._gone.clear()
            await self._gone.wait()

    def _forget(self, connection: Connection) -> None:
        self._all.discard(connection)
        self._gone.set()

    def _kept(self) -> Connection | None:
        """The one used last; those that waited too long are closed by and by."""
        oldest = time.monotonic() - self._keep
        while self._idle:
            connection, since = self._idle.pop()
            if not connection.closed and since > oldest:
                return connection
            connection.close()
        return None

    def _put_back(self, connection: Connection) -> None:
        if connection.closed:
            return
        self._idle.append((connection, time.monotonic()))
        if self._sweeper is None:
            self._sweeper = asyncio.get_running_loop().call_later(self._keep, self._sweep)

    def _sweep(self) -> None:
        self._sweeper = None
        oldest = time.monotonic() - self._keep
        idle, self._idle = self._idle, []
        for connection, since in idle:
            if since <= oldest:
                connection.close()
            else:
                self._idle.append((connection, since))
        if self._idle:
            self._sweeper = asyncio.get_running_loop().call_later(self._keep, self._sweep)

    async def _opened(self, deadline: float) -> Connection:
        try:
            async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                return await self._connect()
        except OSError as error:
            if isinstance(error, TimeoutError) and error.errno is None:
                raise  # the call's own time is over; the system's has a number
            # The library tries other ways, and knows more to say.
            raise Beyond(str(error)) from None

    async def _connect(self) -> Connection:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        trial = self._make_socket(found[0])
        try:
            trial.setblocking(False)
            trial.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await loop.sock_connect(trial, found[0][4])
            if self._tls is not None and self._context is None:
                self._context = self._tls()
            _, connection = await loop.create_connection(
                lambda: Connection(self._forget),
                sock=trial,
                ssl=self._context,
                server_hostname=self._host if self._context is not None else None,
            )
        except BaseException:
            trial.close()
            raise
        self._all.add(connection)
        return connection
