"""The port of kinds that can try a backend: everything that Drawbar wants of one, on a system of the user's own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from drawbar.spec.model import Adapter


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one check; `why` is empty when it held."""

    feature: str
    why: str = ""


@runtime_checkable
class ContractKind(Protocol):
    """A kind with a contract."""

    def contract(self, adapter: Adapter) -> AsyncIterator[Verdict]:
        """Try all of it on the adapter's backend, one check after the other. Raises BackendError when it is away."""
        ...
