"""Requests that are answered where they are read: no task, no timer, no second turn of the event loop.

A request that has come whole is offered to the application before a task is made for it. What the
application does not answer at once goes uvicorn's own way, as does every request that is unusual on
the wire.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from drawbar.surfaces.errors import JSON
from drawbar.surfaces.one_write import OneWriteProtocol
from drawbar.surfaces.web import Web

if TYPE_CHECKING:
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

    from drawbar.surfaces.exchange import Answer

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
            scope: Any = (
                cycle.scope
            )  # uvicorn and Starlette type the same mapping each in its own way
            answer = self.app.at_once(scope, bytes(cycle.body))
        if answer is None:
            self._begin(cycle)
        else:
            self._held = None
            self._answer(cycle, answer)

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

    def _answer(self, cycle: RequestResponseCycle, answer: Answer) -> None:
        content = [STATUS_LINE[answer.status]]
        for name, value in self.server_state.default_headers:
            content += (name, b": ", value, b"\r\n")
        content += (_CONTENT_TYPE, b"content-length: %d\r\n" % len(answer.body))
        for name, value in answer.headers:
            content += (name, b": ", value, b"\r\n")
        content += (b"\r\n", answer.body)
        cycle.response_started = cycle.response_complete = True
        self.transport.write(b"".join(content))
        self.on_response_complete()
