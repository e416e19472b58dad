"""Threads. Deleting one deletes its messages and runs; the audit and the journal of changes stay."""

from __future__ import annotations

import time
from typing import Any

import sqlalchemy as sa

from drawbar.kernel.ids import new_id
from drawbar.kernel.values import JsonObject
from drawbar.store.engine import Database
from drawbar.store.messages import insert_messages
from drawbar.store.prepared import Prepared
from drawbar.store.records import Message, Thread
from drawbar.store.tables import threads

_WITH_ID = sa.select(threads).where(threads.c.id == sa.bindparam("key"))
_BY_ID = Prepared(_WITH_ID)
_UPDATE = sa.update(threads).where(threads.c.id == sa.bindparam("key"))
_INSERT = Prepared(sa.insert(threads), ("id", "created_at", "body"))


def thread_record(row: Any) -> Thread:  # a row of `threads`
    return Thread(id=row.id, created_at=row.created_at, **row.body)


def new_thread(metadata: dict[str, str], tool_resources: JsonObject | None) -> Thread:
    return Thread(new_id("thread_"), int(time.time()), metadata, tool_resources)


def insert_thread(connection: sa.Connection, thread: Thread) -> None:
    body = {"metadata": thread.metadata, "tool_resources": thread.tool_resources}
    row = {"id": thread.id, "created_at": thread.created_at, "body": body}
    _INSERT.run(connection, row)


def thread_exists(connection: sa.Connection, thread_id: str) -> bool:
    return _BY_ID.first(connection, {"key": thread_id}) is not None


class Threads:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(
        self,
        *,
        metadata: dict[str, str] | None = None,
        tool_resources: JsonObject | None = None,
        messages: tuple[Message, ...] = (),
    ) -> Thread:
        """`messages` come from `messages.new_message`, their `thread_id` is set here; one commit for all."""
        thread = new_thread(metadata or {}, tool_resources)

        def work(connection: sa.Connection) -> None:
            insert_thread(connection, thread)
            insert_messages(connection, messages, thread_id=thread.id)

        await self._database.write(work)
        return thread

    async def get(self, thread_id: str) -> Thread | None:
        def work(connection: sa.Connection) -> Thread | None:
            row = _BY_ID.first(connection, {"key": thread_id})
            return None if row is None else thread_record(row)

        return await self._database.read(work)

    async def update(self, thread_id: str, **changes: Any) -> Thread | None:
        """The thread with `changes`, or None when there is none."""
        unknown = changes.keys() - {"metadata", "tool_resources"}
        if unknown:
            message = f"a thread has no field {min(unknown)!r}"
            raise TypeError(message)

        def work(connection: sa.Connection) -> Thread | None:
            row = connection.execute(_WITH_ID.with_for_update(), {"key": thread_id}).first()
            if row is None:
                return None
            body = {**row.body, **changes}
            connection.execute(_UPDATE, {"key": thread_id, "body": body})
            return Thread(id=row.id, created_at=row.created_at, **body)

        return await self._database.write(work)

    async def delete(self, thread_id: str) -> bool:
        statement = sa.delete(threads).where(threads.c.id == thread_id)
        return await self._database.execute(statement) > 0
