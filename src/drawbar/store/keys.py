"""API keys. A key is 256 random bits; the store knows its SHA-256 only.

A key is looked up at most every two seconds, so one that another process made works at once, and one
that it revoked stops working within that time.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from typing import Any

import sqlalchemy as sa

from drawbar.kernel.ids import new_id
from drawbar.kernel.values import Caller
from drawbar.store.engine import Database
from drawbar.store.prepared import Prepared
from drawbar.store.records import ApiKey
from drawbar.store.tables import api_keys

_FRESH_SECONDS = 2.0
_MOST_CACHED = 10_000
_USE_NOTED_SECONDS = 60
_BY_HASH = Prepared(sa.select(api_keys).where(api_keys.c.hash == sa.bindparam("key")))
_USED = sa.update(api_keys).where(api_keys.c.id == sa.bindparam("key"))


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _record(row: Any) -> ApiKey:  # a row of `api_keys`
    return ApiKey(row.id, row.created_at, Caller.from_json(row.caller), row.note, row.last_used_at)


class Keys:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, tuple[ApiKey, float]] = {}

    async def create(self, caller: Caller, note: str | None = None) -> tuple[ApiKey, str]:
        """The key itself is returned this once."""
        key = "dbk_" + secrets.token_urlsafe(32)
        record = ApiKey(new_id("key_"), int(time.time()), caller, note)
        row = {
            "id": record.id,
            "hash": _hash(key),
            "created_at": record.created_at,
            "caller": caller.as_json(),
            "note": note,
        }
        await self._database.execute(sa.insert(api_keys), row)
        return record, key

    async def resolve(self, key: str) -> Caller | None:
        """Who the key speaks for; None for a key that is unknown or revoked."""
        if (caller := self.remembered(key)) is not None:
            return caller
        digest = _hash(key)
        row = await self._database.read(lambda c: _BY_HASH.first(c, {"key": digest}))
        if row is None:
            self._known.pop(digest, None)
            return None
        if len(self._known) >= _MOST_CACHED:
            self._known.clear()
        record = _record(row)
        self._known[digest] = (record, time.monotonic())
        self._note_use(record)
        return record.caller

    def remembered(self, key: str) -> Caller | None:
        """The same without asking the store; None: that has to be asked."""
        known = self._known.get(_hash(key))
        if known is not None and time.monotonic() - known[1] < _FRESH_SECONDS:
            return known[0].caller
        return None

    async def list(self) -> tuple[ApiKey, ...]:
        """Oldest first."""
        query = sa.select(api_keys).order_by(api_keys.c.id)
        return await self._database.read(lambda c: tuple(_record(row) for row in c.execute(query)))

    async def revoke(self, key_id: str) -> bool:
        """False when there is no such key."""
        statement = sa.delete(api_keys).where(api_keys.c.id == key_id)
        gone = await self._database.execute(statement)
        self._known = {
            digest: known for digest, known in self._known.items() if known[0].id != key_id
        }
        return gone > 0

    def _note_use(self, record: ApiKey) -> None:
        now = int(time.time())
        if record.last_used_at is None or now - record.last_used_at >= _USE_NOTED_SECONDS:
            values = {"key": record.id, "last_used_at": now}
            written = self._database.execute(_USED, values)
            written.add_done_callback(
                lambda future: future.exception()
            )  # a missed note harms nobody
