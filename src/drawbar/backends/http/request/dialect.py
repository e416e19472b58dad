"""The port of what is spoken inside HTTP: JSON-RPC, XML-RPC, GraphQL, OData.

A dialect owns the bodies. Where parameters go, who the gateway is, connections, redirects and deadlines are those of
any other request.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from drawbar.kernel.ports import BackendError
from drawbar.kernel.values import JsonValue


@dataclass(frozen=True, slots=True)
class Said:
    """What an answer says, with what the model should know beside it."""

    value: JsonValue
    notes: tuple[str, ...] = ()


class Dialect(Protocol):
    """How one function is asked, and how its answer is read."""

    @property
    def media(self) -> str:
        """Content-Type of a request with a body."""
        ...

    @property
    def accept(self) -> str: ...

    def write(self, value: JsonValue) -> bytes | None:
        """The body, from the arguments that belong there. Raises WrongContent."""
        ...

    def read(self, asked: bytes | None, answer: bytes) -> Said:
        """The value of a 2xx answer to the body `asked`.

        Raises Unusable for what is no answer, BackendError for one that says no.
        """
        ...

    def failure(self, status: int, answer: bytes) -> BackendError | None:
        """What the body of an error status says in the dialect's own words; None where it has none."""
        ...
