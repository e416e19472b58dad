"""A NATS system: connected to at the first call, and again when the connection was lost.

The client's own reconnecting is off. It keeps what is published meanwhile and sends it later, when
nobody waits for the answer any more; a change must not leave after its caller was told that it did not.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drawbar.backends.nats.options import NatsAuthSpec, NatsBackendSpec
from drawbar.kernel.extras import import_extra
from drawbar.kernel.ports import BackendError, Call, Health, Reply
from drawbar.wire.held import Held

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg

    from drawbar.backends.nats.compile import Binding

_CONNECT_TIME = 4
"""Seconds for a connection to be made."""
_CLOSE_TIME = 0.5
"""Seconds for a connection that was not made to be let go of."""
_ERROR, _ERROR_CODE = "Nats-Service-Error", "Nats-Service-Error-Code"
"""Headers of a service's own no (NATS ADR-32)."""


@dataclass(frozen=True, slots=True)
class Line:
    """A connection, and what becomes done when it is lost."""

    client: Client
    lost: asyncio.Event

    @property
    def stands(self) -> bool:
        return self.client.is_connected

    async def end(self) -> None:
        self.lost.set()
        await self.client.close()


class NatsBackend:
    """Fills the port `drawbar.kernel.ports.Backend`."""

    def __init__(self, spec: NatsBackendSpec, folder: Path) -> None:
        self._spec = spec
        self._folder = folder
        self._line = Held(self._connect)

    async def invoke(self, binding: Binding, call: Call) -> Reply:
        """Send the request and wait for its reply, or show in a dry run what would be sent."""
        subject = binding.subject.fill(call.arguments)
        data = binding.message.encode(call.arguments)
        if call.mode == "dry_run":
            shown = data.decode("utf-8", "backslashreplace")
            return Reply({"request": {"subject": subject, "payload": shown}})
        line = await self._line.get()
        if len(data) > line.client.max_payload:
            raise BackendError(
                f"The request has {len(data)} bytes, and this server takes {line.client.max_payload}.",
                code="invalid_arguments",
                work="not_started",
            )
        call.progress.mark_sent()
        if binding.message.answer is None:
            await self._until_lost(line, _told(line.client, subject, data))
            return Reply(None)
        asked = line.client.request(
            subject, data, timeout=call.remaining() + 1
        )  # the core cuts it off
        reply: Msg = await self._until_lost(line, asked)
        _raise_service_error(reply)
        most = call.max_bytes
        return binding.message.read(
            reply.data[:most],
            call,
            cut=len(reply.data) > most,
            media_type=(reply.headers or {}).get("Content-Type"),
        )

    async def health(self) -> Health:
        """Whether a server answers a ping."""
        try:
            async with asyncio.timeout(_CONNECT_TIME):
                line = await self._line.get()
                await line.client.flush(timeout=_CONNECT_TIME)
        except TimeoutError:
            return Health(ok=False, detail=f"no answer within {_CONNECT_TIME} s")
        except BackendError as error:
            return Health(ok=False, detail=error.message)
        return Health(ok=True, detail="the server answers a ping")

    async def close(self) -> None:
        """Close the connection; a call under way fails."""
        await self._line.close()

    async def _connect(self) -> Line:
        nats = import_extra("nats", "nats")
        lost = asyncio.Event()

        async def note_loss() -> None:
            lost.set()

        said: list[Exception] = []

        async def keep(error: Exception) -> None:
            """Whoever waits is told by what it waits for; the library would log it."""
            said[:] = [error]

        tls = self._spec.tls.context(self._folder) if self._spec.tls else None
        client: Client = import_extra("nats.aio.client", "nats").Client()
        try:
            await client.connect(
                list(self._spec.servers),
                allow_reconnect=False,
                max_reconnect_attempts=1,  # of a server that cannot be reached, before the next
                reconnect_time_wait=0,
                connect_timeout=_CONNECT_TIME,
                name="drawbar",
                tls=tls,
                error_cb=keep,
                disconnected_cb=note_loss,
                closed_cb=note_loss,
                **_credentials(self._spec.auth),
            )
        except (nats.errors.Error, OSError, TimeoutError) as error:
            raise _unavailable(_reason(said[-1] if said else error)) from None
        except _key_errors():
            raise _unavailable("`auth` holds no key that could be used") from None
        finally:
            if client.is_connecting:  # the library leaves its socket open
                await _given_up(client)
        return Line(client, lost)

    async def _until_lost(self, line: Line, work: Any) -> Any:  # what the client's methods answer
        """The end of the work, or a BackendError as soon as the connection is gone."""
        errors = import_extra("nats.errors", "nats")
        working = asyncio.ensure_future(work)
        watching = asyncio.ensure_future(line.lost.wait())
        try:
            await asyncio.wait({working, watching}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                return working.result()
            raise _lost("the connection was closed")
        except errors.NoRespondersError:
            raise _unavailable("nobody answers on this subject") from None
        except (errors.Error, OSError) as error:
            raise _lost(_reason(error)) from None
        finally:
            working.cancel()
            watching.cancel()


async def _given_up(client: Client) -> None:
    """Where our side refused the server's certificate the library waits for an end that never comes."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_CLOSE_TIME):
            await client.close()


async def _told(client: Client, subject: str, data: bytes) -> None:
    await client.publish(subject, data)
    await client.flush()


def _credentials(auth: NatsAuthSpec | None) -> dict[str, Any]:  # words of `nats.connect`
    if auth is None:
        return {}
    if auth.user is not None:
        return {"user": auth.user.username, "password": auth.user.password.reveal()}
    if auth.token is not None:
        return {"token": auth.token.reveal()}
    if auth.nkey is not None:
        return {"nkeys_seed_str": auth.nkey.reveal()}
    client = import_extra("nats.aio.client", "nats")
    return {
        "user_credentials": client.RawCredentials(
            auth.credentials.reveal() if auth.credentials else ""
        )
    }


def _key_errors() -> tuple[type[Exception], ...]:
    """What the library raises for a seed or credentials that are none."""
    return (import_extra("nkeys", "nats").NkeysError, ValueError)


def _raise_service_error(reply: Msg) -> None:
    headers = reply.headers or {}
    if _ERROR not in headers and _ERROR_CODE not in headers:
        return
    code = headers.get(_ERROR_CODE, "")
    raise BackendError(
        headers.get(_ERROR) or f"The service answered with error {code}.",
        work="rolled_back",
        facts={"service_error": code},
    )


def _unavailable(why: str) -> BackendError:
    return BackendError(
        f"NATS cannot be asked: {why}.",
        code="backend_unavailable",
        retryable=True,
        work="not_started",
    )


def _lost(why: str) -> BackendError:
    return BackendError(
        f"The connection to NATS was lost: {why}.",
        code="connection_lost",
        retryable=True,
        work="unknown",
    )


def _reason(error: BaseException) -> str:
    return str(error).removeprefix("nats: ") or type(error).__name__
