"""Tokens of a token server: for the gateway itself (RFC 6749, 4.4) or in exchange for a caller's own (RFC 8693).

A token is kept until shortly before it expires, and fetched once however many calls wait for it.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote, urlencode, urlsplit

import aiohttp

from drawbar.backends.http.access.failure import Exchange, lost
from drawbar.backends.http.options import OAuth2Auth
from drawbar.codecs.codec import CodecError
from drawbar.codecs.jsontext import JsonCodec
from drawbar.kernel.ports import BackendError
from drawbar.kernel.values import Caller, JsonObject

_JSON = JsonCodec()
_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
_LONGEST = 100_000
"""Bytes of a token server's answer."""
_LEEWAY = 30.0
"""Seconds before its end at which a token is no longer used; a tenth of its life where that is less."""
_USUAL_LIFE = 300.0
"""Seconds, where the token server does not say."""
_MOST_CALLERS = 1_000


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    until: float
    """A moment of `time.monotonic()`."""


class Tokens:
    """The tokens of one backend."""

    def __init__(self, spec: OAuth2Auth, session: Callable[[], aiohttp.ClientSession]) -> None:
        self._spec = spec
        self._session = session
        self._kept: OrderedDict[str, _Token] = OrderedDict()
        self._locks: dict[str, asyncio.Lock] = {}

    @property
    def exchanges(self) -> bool:
        """Whether there is none without a caller."""
        return self._spec.exchange is not None

    async def of(self, caller: Caller) -> str:
        """Raises BackendError; nothing was sent to the backend then."""
        subject = self._subject(caller)
        key = "" if subject is None else hashlib.sha256(subject.encode()).hexdigest()
        if (kept := self._fresh(key)) is not None:
            return kept
        lock = self._locks.setdefault(key, asyncio.Lock())
        try:
            async with lock:
                if (kept := self._fresh(key)) is not None:
                    return kept
                token = await self._fetch(subject)
                self._keep(key, token)
                return token.text
        finally:
            if not lock.locked():
                self._locks.pop(key, None)

    def forget(self, text: str) -> None:
        """The backend does not take it any more."""
        for key in [key for key, token in self._kept.items() if token.text == text]:
            del self._kept[key]

    def known(self) -> list[str]:
        """Texts that must never be shown."""
        return [self._spec.client_secret.reveal(), *(each.text for each in self._kept.values())]

    def _subject(self, caller: Caller) -> str | None:
        if self._spec.exchange is None:
            return None
        claim = self._spec.exchange.subject_token.removeprefix("caller.claims.")
        found = caller.claims.get(claim)
        if not isinstance(found, str) or not found:
            raise BackendError(
                f"This function acts with the caller's own token, `{self._spec.exchange.subject_token}`, "
                f"which {caller.subject!r} does not have.",
                code="caller_incomplete",
                work="not_started",
            )
        return found

    def _fresh(self, key: str) -> str | None:
        token = self._kept.get(key)
        return token.text if token is not None and token.until > time.monotonic() else None

    def _keep(self, key: str, token: _Token) -> None:
        self._kept[key] = token
        self._kept.move_to_end(key)
        while len(self._kept) > _MOST_CALLERS:
            self._kept.popitem(last=False)

    async def _fetch(self, subject: str | None) -> _Token:
        form, headers = self._request(subject)
        started = time.monotonic()
        try:
            async with self._session().post(
                self._spec.token_url,
                data=urlencode(form).encode(),
                headers=headers,
                allow_redirects=False,
            ) as response:
                body = await response.content.read(_LONGEST)
                status = response.status
        except (aiohttp.ClientError, OSError) as error:
            told = lost(error, Exchange(changes=False))
            message = f"No token could be had: {told.message}"
            raise BackendError(
                message, code=told.code, retryable=told.retryable, work="not_started"
            ) from None
        return self._read(status, body, started)

    def _request(self, subject: str | None) -> tuple[dict[str, str], dict[str, str]]:
        spec = self._spec
        form = {"grant_type": "client_credentials" if subject is None else _EXCHANGE}
        if subject is not None and spec.exchange is not None:
            form["subject_token"] = subject
            form["subject_token_type"] = spec.exchange.subject_token_type
        asked = {"scope": spec.scope, "audience": spec.audience, "resource": spec.resource}
        form |= {name: value for name, value in asked.items() if value is not None}
        headers = {
            "Accept": "application/json",
            "Content-Type": "application/x-www-form-urlencoded",
            "User-Agent": "drawbar",
        }
        secret = spec.client_secret.reveal()
        if spec.client_auth == "basic":
            # RFC 6749, 2.3.1: both are form-encoded before they are joined.
            pair = f"{quote(spec.client_id, safe='')}:{quote(secret, safe='')}".encode()
            headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        else:
            form |= {"client_id": spec.client_id, "client_secret": secret}
        return form, headers

    def _read(self, status: int, body: bytes, started: float) -> _Token:
        try:
            value = _JSON.decode(body)
        except CodecError:
            value = None
        answer: JsonObject = value if isinstance(value, dict) else {}
        host = urlsplit(self._spec.token_url).netloc
        if status >= 500:  # noqa: PLR2004 -- server errors (RFC 9110, 15.6)
            raise BackendError(
                f"The token server {host} answered {status}.",
                code="backend_unavailable",
                retryable=True,
                work="not_started",
            )
        token = answer.get("access_token")
        if status != 200 or not isinstance(token, str) or not token.isascii():  # noqa: PLR2004 -- RFC 6749, 5.1
            why = answer.get("error_description") or answer.get("error") or f"status {status}"
            raise BackendError(
                f"The token server {host} gave no token: {str(why)[:200]}.",
                code="backend_denied",
                work="not_started",
                hint="The gateway's own credentials are not accepted; the operator has to look.",
            )
        life = answer.get("expires_in")
        seconds = float(life) if isinstance(life, int | float) and life > 0 else _USUAL_LIFE
        return _Token(token, started + seconds - min(_LEEWAY, seconds / 10))
