"""Any server that speaks Chat Completions, through the openai client.

The client builds, signs and sends the request; its answer is read raw (`reading.py`), since an
object for each chunk costs more than everything else together. An attempt is repeated only before
its first piece: what a reader has seen is never said twice.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
from base64 import b64encode
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast
from urllib.parse import unquote

from drawbar.kernel.values import JsonObject, Secret
from drawbar.kernel.workers import Workers
from drawbar.llm.attempt import AttemptFailed, of_status, shortened
from drawbar.llm.chat import ChatEvent, ChatRequest, ModelError, ToolSchema
from drawbar.llm.payload import refused_field, request_body
from drawbar.llm.reading import Reading

if TYPE_CHECKING:
    import httpx2
    from openai import AsyncOpenAI

_CONNECT = 10.0
"""Seconds in which a server on the network takes a connection, or it is taken for down."""
_LONGEST_BACKOFF = 8.0
_CONNECTIONS = 1000
_KEY_LIKE = re.compile(r"\b(sk-|Bearer )[\w*.-]{6,}")


@dataclass(frozen=True, slots=True)
class Server:
    """Where the model is and how patient to be with it. Times in seconds."""

    base_url: str
    api_key: Secret | None = None
    name: str = "default"
    timeout: float = 60.0
    """For the first piece of an answer and for each next one."""
    retries: int = 3
    backoff: float = 0.5
    """Before the first new attempt; doubled each time, with a random part of it taken off."""

    def address(self) -> str:
        """The base URL without user and password."""
        return re.sub(r"//[^/@]*@", "//", self.base_url).rstrip("/")

    def authorization(self) -> str | None:
        """The header's value: the key, else user and password of the URL."""
        if self.api_key is not None:
            return f"Bearer {self.api_key.reveal()}"
        login = re.search(r"//([^/@]*)@", self.base_url)
        return f"Basic {b64encode(unquote(login[1]).encode()).decode()}" if login else None


class OpenAIModel:
    """A model behind a base URL. The client is made at the first request: importing it takes a second."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._client: AsyncOpenAI | None = None
        self._dropped: frozenset[str] = frozenset()
        self.label = f"{server.name} at {server.address()}"

    async def stream(self, request: ChatRequest) -> AsyncIterator[ChatEvent]:
        """Raises ModelError. Lost connections, 429 and 5xx are tried again before the first piece."""
        attempt = 0
        while True:
            attempt += 1
            said = False
            try:
                async with aclosing(self._attempt(request)) as events:
                    async for event in events:
                        said = True
                        yield event
            except AttemptFailed as failed:
                if said or not failed.again or attempt > self._server.retries:
                    raise self._error(failed, attempt) from failed
                if failed.wait > self._server.timeout:
                    raise self._error(failed, attempt) from failed
                wait = max(failed.wait, self._backoff(attempt))
            else:
                return
            await asyncio.sleep(wait)

    async def warm_up(self, tools: Sequence[ToolSchema] = ()) -> None:
        """Import the client beside the event loop, which takes a second; sends nothing."""
        del tools
        if self._client is None:
            workers = Workers("openai-client", 1)
            self._client = await workers.run(_client, self._server)
            workers.close()

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    def _backoff(self, attempt: int) -> float:
        longest = min(self._server.backoff * 2.0 ** (attempt - 1), _LONGEST_BACKOFF)
        return longest * random.uniform(0.5, 1.0)  # noqa: S311 -- spreads attempts, hides nothing

    def _error(self, failed: AttemptFailed, attempts: int) -> ModelError:
        """The whole sentence, in which no key can stand."""
        told = f" ({attempts} attempts)" if attempts > 1 else ""
        text = f"the model server at {self._server.address()} {failed.message}{told}"
        key = self._server.api_key.reveal() if self._server.api_key is not None else ""
        text = text.replace(key, "***") if key else text
        return ModelError(_KEY_LIKE.sub(r"\1***", text), code=failed.code)

    async def _attempt(self, request: ChatRequest) -> AsyncGenerator[ChatEvent, None]:
        if self._client is None:
            self._client = _client(self._server)
        deadline = asyncio.get_running_loop().time() + self._server.timeout
        response = await self._send(self._client, request, deadline)
        names = () if request.tool_choice == "none" else [tool.name for tool in request.tools]
        reading = Reading(names, response.headers.get("content-type", ""))
        try:
            chunks = aiter(response.aiter_bytes())
            while not reading.done:
                before = reading.payloads
                chunk = await self._next(chunks, reading, deadline)
                if chunk is None:
                    break
                for event in reading.feed(chunk):
                    yield event
                if reading.payloads > before:
                    deadline = asyncio.get_running_loop().time() + self._server.timeout
            for event in reading.end():
                yield event
        finally:
            await response.aclose()

    async def _next(
        self, chunks: AsyncIterator[bytes], reading: Reading, deadline: float
    ) -> bytes | None:
        try:
            async with asyncio.timeout_at(deadline):
                return await anext(chunks, None)
        except TimeoutError as error:
            raise AttemptFailed(reading.broken_off(self._silence())) from error
        except _transport_errors() as error:
            raise AttemptFailed(reading.broken_off(_cause(error))) from error

    async def _send(
        self, client: AsyncOpenAI, request: ChatRequest, deadline: float
    ) -> httpx2.Response:
        """The response, its status fine; fields that the server refuses are left out from then on."""
        dropped = self._dropped
        model = self._server.name if request.model == "default" else request.model
        while True:
            body = request_body(request, model, dropped)
            try:
                async with asyncio.timeout_at(deadline):
                    response = await self._post(client, body)
                    if response.status_code < 300:  # noqa: PLR2004 -- HTTP: all went well
                        self._dropped |= dropped
                        return response
                    text = (await response.aread()).decode("utf-8", "replace")
            except TimeoutError as error:
                raise AttemptFailed(f"did not answer: {self._silence()}") from error
            except _transport_errors() as error:
                raise _not_reached(error) from error
            await response.aclose()
            refused = None
            if response.status_code in (400, 422):
                refused = refused_field(text, body, dropped)
            if refused is None:
                raise of_status(response.status_code, text, response.headers, model)
            dropped |= {refused}

    async def _post(self, client: AsyncOpenAI, body: JsonObject) -> httpx2.Response:
        """The response, whatever its status."""
        import httpx2  # noqa: PLC0415 -- openai and what it needs take a second to import
        from openai import APIConnectionError, APIStatusError, AsyncStream, Omit  # noqa: PLC0415

        try:
            response = await client.post(
                "/chat/completions",
                cast_to=httpx2.Response,
                body=body,
                options={"headers": {"Authorization": self._server.authorization() or Omit()}},
                stream=True,
                stream_cls=AsyncStream[object],
            )
        except APIStatusError as error:
            return error.response
        except APIConnectionError as error:
            raise _not_reached(error) from error
        # Asked for a raw response, the client gives it, whatever its overloads say.
        return cast("httpx2.Response", response)

    def _silence(self) -> str:
        return f"nothing came for {self._server.timeout:g} s (settings.model.timeout)"


def _client(server: Server) -> AsyncOpenAI:
    import httpx2  # noqa: PLC0415
    from openai import AsyncOpenAI, DefaultAioHttpClient  # noqa: PLC0415

    # Silence is judged per piece by the caller; here only how long a connection may take.
    timeout = httpx2.Timeout(None, connect=min(_CONNECT, server.timeout))
    limits = httpx2.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=_CONNECTIONS)
    return AsyncOpenAI(
        api_key="",  # else the client would take one from the environment
        base_url=server.address(),
        timeout=timeout,
        max_retries=0,
        http_client=DefaultAioHttpClient(timeout=timeout, limits=limits),
        _enforce_credentials=False,
    )


def _transport_errors() -> tuple[type[Exception], ...]:
    import aiohttp  # noqa: PLC0415 -- the client's transport, whose errors it does not all translate
    import httpx2  # noqa: PLC0415

    return (httpx2.HTTPError, httpx2.StreamError, aiohttp.ClientError, OSError)


def _not_reached(error: BaseException) -> AttemptFailed:
    """Nobody is there, or somebody who speaks another language."""
    import aiohttp  # noqa: PLC0415 -- the client's transport

    if any(isinstance(each, aiohttp.ClientResponseError) for each in _chain(error)):
        message = "answered with something that is no HTTP; check settings.model.base_url"
        return AttemptFailed(message, again=False)
    return AttemptFailed(f"cannot be reached: {_cause(error)}")


def _cause(error: BaseException) -> str:
    """The innermost reason, in the operating system's words where there are some."""
    text = ""
    for told in _chain(error):
        if isinstance(told, OSError) and told.errno is not None:
            # The name service counts below zero and explains itself.
            return os.strerror(told.errno) if told.errno > 0 else str(told.strerror)
        text = str(told) or type(told).__name__
    return shortened(text)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error, what caused it, and so on; ten at most."""
    told: BaseException | None = error
    for _ in range(10):
        if told is None:
            return
        yield told
        told = getattr(told, "os_error", None) or told.__cause__ or told.__context__
