"""How a draft proves itself to a server that tells its schema only to those it knows.

The secret is named, never written: options of a draft are kept beside the adapter. The draft itself refers to
the same environment variable.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.request import Request

from drawbar.compiler.draft import Inline, Node, Reference
from drawbar.kernel.errors import OperatorError

OPTIONS: Mapping[str, str] = {
    "bearer": "the environment variable with a token for asking the server; the adapter refers to it",
    "key": "a header and the environment variable with its value, such as X-Api-Key:CRM_KEY; the same",
}


@dataclass(frozen=True, slots=True)
class Asking:
    """Headers for the draft's own request, and `auth` for the adapter."""

    headers: Mapping[str, str] = field(default_factory=dict)
    auth: Mapping[str, Node] = field(default_factory=dict)


def asking(options: Mapping[str, str], *, is_url: bool) -> Asking:
    """Of a file nothing is asked, so its variables need not be set. Raises OperatorError."""
    bearer, key = options.get("bearer"), options.get("key")
    if bearer is not None and key is not None:
        raise OperatorError("`--option bearer` and `--option key` exclude each other")
    if bearer is not None:
        value = _value(bearer, "bearer") if is_url else ""
        token: Node = Inline({"bearer": {"token": Reference(bearer)}})
        return Asking({"Authorization": f"Bearer {value}"}, {"auth": token})
    if key is None:
        return Asking()
    header, _, variable = key.partition(":")
    if not header or not variable:
        raise OperatorError(
            f"`--option key={key}` is no header and variable, as in X-Api-Key:CRM_KEY"
        )
    value = _value(variable, "key") if is_url else ""
    proof: Node = Inline({"api_key": {"name": header, "value": Reference(variable)}})
    return Asking({header: value}, {"auth": proof})


def prove(request: Request, proof: Mapping[str, str] | None) -> None:
    """The headers stay with the server that was named, also where it sends the request elsewhere."""
    for name, value in (proof or {}).items():
        request.add_unredirected_header(name, value)


def _value(variable: str, option: str) -> str:
    found = os.environ.get(variable)
    if not found or not found.isprintable() or not found.isascii():
        raise OperatorError(
            f"`--option {option}` names the environment variable {variable}, which holds no secret that a header can carry"
        )
    return found
