"""The intent of a change is written down before it is sent, so that a crash cannot send it twice."""

from __future__ import annotations

import hashlib

from drawbar.compiler.function import Function
from drawbar.dispatch.invocation import Invocation
from drawbar.kernel.outcome import Outcome
from drawbar.kernel.ports import Intent, LedgerEntry
from drawbar.kernel.values import JsonObject, arguments_hash


def intent_of(invocation: Invocation, function: Function, arguments: JsonObject) -> Intent:
    """The idempotency key is the same for every attempt at the same call."""
    digest = arguments_hash(arguments)
    scope = invocation.run_id or ""
    key = hashlib.sha256(f"{scope}\n{invocation.call_id}\n{function.name}\n{digest}".encode())
    return Intent(
        invocation.run_id,
        invocation.call_id,
        function.name,
        digest,
        function.effect,
        key.hexdigest()[:32],
    )


class MemoryLedger:
    """A ledger for processes that end with their one call, such as `drawbar call`."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str | None, str], LedgerEntry] = {}

    async def intend(self, intent: Intent) -> LedgerEntry | None:
        key = (intent.run_id, intent.call_id)
        if entry := self._entries.get(key):
            return entry
        self._entries[key] = LedgerEntry(None)
        return None

    async def settle(self, intent: Intent, outcome: Outcome) -> None:
        self._entries[intent.run_id, intent.call_id] = LedgerEntry(outcome)
