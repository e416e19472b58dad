"""Requests that are answered where they are read: no task, no timer, no second turn of the event loop.

A request that has come whole is offered to the application before a task is made for it. An answer that
has to be waited for gets a task, and goes out in one piece like the others. What the application does not
take so goes uvicorn's own way, as does every request that is unusual on the wire.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from drawbar.surfaces.errors import JSON
from drawbar.surfaces.exchange import Answer
from drawbar.surfaces.one_write import OneWriteProtocol
from drawbar.surfaces.web import Web

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

_CONTENT_TYPE = b"%b: %b\r\n" % JSON


class AtOnceProtocol(OneWriteProtocol):
    """uvicorn's own protocol, which begins with a request only when its body is here or keeps it waiting."""

    _held: RequestResponseCycle | None = None
    """The request whose head has just been read."""
    _reading_head = False

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._held is not None:
            self._begin(self._held)

    def on_headers_complete(self) -> None:
        self._reading_head = True
        super().on_headers_complete()
        self._reading_head = False

    def on_message_complete(self) -> None:
        super().on_message_complete()
        cycle = self._held
        if cycle is None:
            return
        answer = None
        if cycle.keep_alive and not cycle.waiting_for_100_continue and isinstance(self.app, Web):
            # uvicorn and Starlette type the same things each in its own way
            scope: Any = cycle.scope
            receive: Any = cycle.receive
            answer = self.app.at_once(scope, bytes(cycle.body), receive)
        if answer is None:
            self._begin(cycle)
            return
        self._held = None
        if isinstance(answer, Answer):
            self._answer(cycle, answer)
        else:
            task = self.loop.create_task(self._answer_in_time(cycle, answer))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    def _start_asgi_task(
        self, cycle: RequestResponseCycle, app: Any
    ) -> None:  # uvicorn's own alias
        if self._reading_head:
            self._held = cycle
        else:  # a pipelined one, which was read before
            super()._start_asgi_task(cycle, app)

    def _begin(self, cycle: RequestResponseCycle) -> None:
        self._held = None
        super()._start_asgi_task(cycle, self.app)

    async def _answer_in_time(
        self, cycle: RequestResponseCycle, coming: Coroutine[Any, Any, Answer]
    ) -> None:
        answer = await coming
        if self.flow.write_paused and not cycle.disconnected:
            await self.flow.drain()
        self._answer(cycle, answer)

    def _answer(self, cycle: RequestResponseCycle, answer: Answer) -> None:
        cycle.response_started = cycle.response_complete = True
        if cycle.disconnected:
            return
        content = [STATUS_LINE[answer.status]]
        for name, value in self.server_state.default_headers:
            content += (name, b": ", value, b"\r\n")
        content += (_CONTENT_TYPE, b"content-length: %d\r\n" % len(answer.body))
        for name, value in answer.headers:
            content += (name, b": ", value, b"\r\n")
        if not cycle.keep_alive:  # the server goes down
            content.append(b"connection: close\r\n")
        content += (b"\r\n", answer.body)
        self.transport.write(b"".join(content))
        if not cycle.keep_alive:
            self.transport.close()
        self.on_response_complete()
