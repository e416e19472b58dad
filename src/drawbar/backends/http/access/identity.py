"""What every request of a backend shows of the gateway, and which texts of it are secret."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote

from drawbar.backends.http.options import AuthSpec, HttpBackendSpec
from drawbar.backends.http.request.request import Identity
from drawbar.kernel.ports import BackendError
from drawbar.kernel.values import Secret

_SHORT = 3
"""Characters up to which a text is no secret, and would mask words."""


def identity_of(auth: AuthSpec | None, headers: Mapping[str, Secret]) -> Identity:
    made = {name: value.reveal() for name, value in headers.items()}
    query = ""
    if auth is not None and auth.bearer is not None:
        made["Authorization"] = f"Bearer {auth.bearer.token.reveal()}"
    elif auth is not None and auth.basic is not None:
        pair = f"{auth.basic.username}:{auth.basic.password.reveal()}".encode()
        made["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
    elif auth is not None and auth.api_key is not None:
        key = auth.api_key
        if key.in_ == "header":
            made[key.name] = key.value.reveal()
        else:
            query = f"{quote(key.name, safe='')}={quote(key.value.reveal(), safe='')}"
    return Identity(made, query)


def without_secrets(
    error: BackendError, spec: HttpBackendSpec, tokens: Iterable[str]
) -> BackendError:
    """Some backends answer with the key they got."""
    for text in (*_secrets(spec), *tokens):
        if len(text) > _SHORT and text in error.message:
            error.message = error.message.replace(text, "***")
            error.args = (error.message,)
    return error


def _secrets(spec: HttpBackendSpec) -> Iterator[str]:
    yield from (value.reveal() for value in spec.headers.values())
    yield identity_of(spec.auth, spec.headers).headers.get("Authorization", "").rpartition(" ")[2]
    auth = spec.auth
    if auth is not None and auth.basic is not None:
        yield auth.basic.password.reveal()
    if auth is not None and auth.api_key is not None:
        yield auth.api_key.value.reveal()
