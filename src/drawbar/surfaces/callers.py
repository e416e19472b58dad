"""Who is behind a request: an API key, or the anonymous caller of the settings on a loopback address.

An anonymous request comes from this machine, and so may a web page that a browser on this machine
shows. So it has to name a loopback host (no rebound DNS name) and, if it names an origin, ours.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import TYPE_CHECKING, TypeGuard
from urllib.parse import urlsplit

from drawbar.kernel.errors import ClientError
from drawbar.kernel.values import Caller
from drawbar.settings import Settings
from drawbar.store.database import Store
from drawbar.surfaces.exchange import header

if TYPE_CHECKING:
    from starlette.types import Scope

_KEY_PREFIX = "dbk_"
"""Of every key that the store makes. What starts so is never taken for a placeholder, and nothing else is asked for."""


class Callers:
    """Tells callers apart. The store remembers keys for a moment, so this costs no query a request."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._keys = store.keys
        self.anonymous = anonymous_caller(settings)

    async def identify(self, scope: Scope) -> Caller:
        """Raises ClientError 401 or 403."""
        key = _bearer(header(scope, b"authorization"))
        if _may_exist(key) and (caller := await self._keys.resolve(key)):
            return caller
        return self._without_key(scope, key)

    def known(self, scope: Scope) -> Caller | None:
        """The same without asking the store; None: that has to be asked."""
        key = _bearer(header(scope, b"authorization"))
        return self._keys.remembered(key) if _may_exist(key) else self._without_key(scope, key)

    def _without_key(self, scope: Scope, key: str | None) -> Caller:
        """`key`: one that nobody has."""
        if self.anonymous is not None and not _may_exist(key):
            _check_local(scope)  # the SDKs cannot be made without some key, so one may be there
            return self.anonymous
        if key is None:
            raise _unauthorized(
                "You didn't provide an API key. You need to provide your API key in an Authorization "
                "header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).",
                code=None,
            )
        message = f"Incorrect API key provided: {_masked(key)}. Ask who runs this server for a key."
        raise _unauthorized(message, code="invalid_api_key")


def anonymous_caller(settings: Settings) -> Caller | None:
    """Only where nobody but this machine can ask."""
    given = settings.anonymous
    if given is None or not is_loopback(settings.listen.host):
        return None
    return Caller(given.subject, given.roles, given.claims)


def is_loopback(host: str | None) -> bool:
    """Whether only this machine can reach an address; names but `localhost` are not looked up."""
    if host is None:
        return False
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def check_origin(scope: Scope) -> None:
    """A web page may only ask the server that it came from. Raises ClientError 403."""
    origin = header(scope, b"origin")
    if origin is None:
        return
    host = header(scope, b"host") or ""
    if urlsplit(origin).netloc.lower() != host.lower():
        message = f"Pages of '{origin}' may not use this server; its own origin is '{host}'."
        raise ClientError(message, status=403, code="wrong_origin")


@lru_cache(maxsize=100)
def _names_this_machine(host: str) -> bool:
    """`host` as in the header, with its port."""
    try:
        return is_loopback(urlsplit(f"//{host}").hostname)
    except ValueError:
        return False


def _check_local(scope: Scope) -> None:
    host = header(scope, b"host") or ""
    if not _names_this_machine(host):
        message = (
            f"Requests without an API key have to name this machine, not '{host}'; "
            "use http://127.0.0.1 or http://localhost."
        )
        raise ClientError(message, status=403, code="wrong_host")
    check_origin(scope)


def _bearer(value: str | None) -> str | None:
    if value is None:
        return None
    scheme, _, key = value.partition(" ")
    key = key.strip()
    if scheme.lower() != "bearer" or not key:
        message = (
            "The Authorization header is no Bearer key; send 'Authorization: Bearer YOUR_KEY'."
        )
        raise _unauthorized(message, code="invalid_api_key")
    return key


def _may_exist(key: str | None) -> TypeGuard[str]:
    """Whether it looks like one of the store's keys."""
    return key is not None and key.startswith(_KEY_PREFIX)


def _masked(key: str) -> str:
    ends = 4
    return f"{key[:ends]}***{key[-ends:]}" if len(key) > 4 * ends else "***"


def _unauthorized(message: str, *, code: str | None) -> ClientError:
    return ClientError(message, status=401, code=code)
