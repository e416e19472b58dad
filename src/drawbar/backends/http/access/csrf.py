"""Tokens against forged requests, as SAP's gateways want them: asked for with a reading, sent with each change.

A token belongs to a session, which is a cookie. Both are kept for one identity, and never shared between callers.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

import aiohttp

from drawbar.backends.http.request.request import Request
from drawbar.kernel.ports import BackendError
from drawbar.wire.connection import Answer

HEADER = "X-CSRF-Token"
_MOST = 1_000


@dataclass(frozen=True, slots=True)
class _Session:
    token: str
    cookies: str


class CsrfTokens:
    """Those of one backend. `ask` sends a request that changes nothing."""

    def __init__(
        self, target: str, ask: Callable[[Request], Awaitable[aiohttp.ClientResponse]]
    ) -> None:
        self._target = target
        self._ask = ask
        self._kept: OrderedDict[str, _Session] = OrderedDict()

    async def add(self, headers: dict[str, str], subject: str) -> None:
        """The token and its session are added to the headers of a change. Raises BackendError."""
        key = _key(headers, subject)
        session = self._kept.get(key)
        if session is None:
            session = await self._fetch(headers)
            self._kept[key] = session
            while len(self._kept) > _MOST:
                self._kept.popitem(last=False)
        headers[HEADER] = session.token
        if session.cookies:
            own = headers.get("Cookie")
            headers["Cookie"] = session.cookies if own is None else f"{own}; {session.cookies}"

    def forget(self, headers: Mapping[str, str], subject: str) -> None:
        """It is no longer taken. `headers` are those of the change, as `add` got them."""
        self._kept.pop(_key(headers, subject), None)

    async def _fetch(self, headers: Mapping[str, str]) -> _Session:
        asked = {
            name: value
            for name, value in headers.items()
            if name.lower() not in ("content-type", "if-match", "idempotency-key")
        }
        response = await self._ask(Request("GET", self._target, {**asked, HEADER: "Fetch"}, None))
        response.release()
        token = response.headers.get(HEADER)
        if not token or token.lower() == "required":
            raise BackendError(
                f"The backend gave no {HEADER}; GET {self._target} answered {response.status}.",
                code="backend_denied",
                work="not_started",
                facts={"status": response.status},
            )
        cookies = "; ".join(f"{each.key}={each.coded_value}" for each in response.cookies.values())
        return _Session(token, cookies)


def is_refused(answer: Answer) -> bool:
    """Whether the token is missing or no longer taken; nothing was done then."""
    told = answer.headers.get(HEADER.lower(), "")
    return answer.status == HTTPStatus.FORBIDDEN and told.lower() == "required"


def _key(headers: Mapping[str, str], subject: str) -> str:
    text = f"{headers.get('Authorization', '')}\n{subject}"
    return hashlib.sha256(text.encode()).hexdigest()
