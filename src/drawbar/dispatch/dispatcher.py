"""The one path from a guided invocation to an outcome, for every surface."""

from __future__ import annotations

from collections.abc import Mapping

from drawbar.compiler.function import Toolset
from drawbar.dispatch.invocation import Invocation
from drawbar.kernel.outcome import Outcome
from drawbar.kernel.ports import Audit, Backend, Ledger, Mode


class Dispatcher:
    """Validates, authorises and executes invocations; never raises for what a model or backend did."""

    def __init__(
        self, toolset: Toolset, backends: Mapping[str, Backend], *, ledger: Ledger, audit: Audit
    ) -> None:
        self.toolset = toolset
        self._backends = backends
        self._ledger = ledger
        self._audit = audit

    async def dispatch(self, invocation: Invocation, *, mode: Mode = "run") -> Outcome:
        """Cancelling the task stops the backend's work; what became of it is settled before it ends."""
        raise NotImplementedError
