"""Messages. Appending checks the thread's lock in the same transaction (contract 6.1)."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Literal

import sqlalchemy as sa

from drawbar.kernel.ids import new_id
from drawbar.kernel.values import JsonObject
from drawbar.store.engine import Database
from drawbar.store.listing import read_page
from drawbar.store.prepared import Prepared
from drawbar.store.records import Listing, Message, Page
from drawbar.store.tables import messages

_BODY = (
    "role",
    "content",
    "author",
    "assistant_id",
    "attachments",
    "incomplete_details",
    "completed_at",
    "incomplete_at",
)
_INSERT = Prepared(
    sa.insert(messages),
    ("id", "thread_id", "run_id", "created_at", "status", "metadata", "body"),
)
_WITH_ID = sa.select(messages).where(
    messages.c.id == sa.bindparam("key"), messages.c.thread_id == sa.bindparam("thread")
)
_BY_ID = Prepared(_WITH_ID)
_WHERE_ID = sa.update(messages).where(messages.c.id == sa.bindparam("key"))
_UPDATE = Prepared(_WHERE_ID, ("status", "body"))
_OF_THREAD = Prepared(
    sa.select(messages)
    .where(messages.c.thread_id == sa.bindparam("thread"))
    .order_by(messages.c.id)
)


def new_message(
    role: Literal["user", "assistant"],
    content: list[JsonObject],
    *,
    author: str | None = None,
    attachments: list[JsonObject] | None = None,
    metadata: dict[str, str] | None = None,
) -> Message:
    """A complete message by a caller; `thread_id` is filled when it is stored."""
    now = int(time.time())
    return Message(
        id=new_id("msg_"),
        created_at=now,
        thread_id="",
        role=role,
        content=content,
        author=author,
        attachments=attachments or [],
        metadata=metadata or {},
        completed_at=now,
    )


def message_record(row: Any) -> Message:  # a row of `messages`
    return Message(
        id=row.id,
        created_at=row.created_at,
        thread_id=row.thread_id,
        run_id=row.run_id,
        status=row.status,
        metadata=row.metadata,
        **row.body,
    )


def _row(message: Message) -> dict[str, object]:
    return {
        "id": message.id,
        "thread_id": message.thread_id,
        "run_id": message.run_id,
        "created_at": message.created_at,
        "status": message.status,
        "metadata": message.metadata,
        "body": _body(message),
    }


def _body(message: Message) -> dict[str, object]:
    return {name: getattr(message, name) for name in _BODY}


def insert_messages(
    connection: sa.Connection, new: Iterable[Message], *, thread_id: str | None = None
) -> None:
    rows = [
        _row(replace(message, thread_id=thread_id) if thread_id else message) for message in new
    ]
    _INSERT.run_many(connection, rows)


def update_messages(connection: sa.Connection, changed: Iterable[Message]) -> None:
    """All but the metadata, which only its own endpoint changes."""
    rows = [
        {"key": message.id, "status": message.status, "body": _body(message)} for message in changed
    ]
    _UPDATE.run_many(connection, rows)


def messages_of_thread(connection: sa.Connection, thread_id: str) -> list[Message]:
    """Oldest first."""
    return [message_record(row) for row in _OF_THREAD.rows(connection, {"thread": thread_id})]


class Messages:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, thread_id: str, message_id: str) -> Message | None:
        def work(connection: sa.Connection) -> Message | None:
            row = _BY_ID.first(connection, {"key": message_id, "thread": thread_id})
            return None if row is None else message_record(row)

        return await self._database.read(work)

    async def list(
        self, thread_id: str, page: Page, *, run_id: str | None = None
    ) -> Listing[Message]:
        query = sa.select(messages).where(messages.c.thread_id == thread_id)
        if run_id is not None:
            query = query.where(messages.c.run_id == run_id)
        return await self._database.read(
            lambda c: read_page(c, query, messages.c.id, page, message_record)
        )

    async def update(
        self, thread_id: str, message_id: str, *, metadata: dict[str, str]
    ) -> Message | None:
        """Only the metadata of a message can be changed."""

        def work(connection: sa.Connection) -> Message | None:
            row = connection.execute(
                _WITH_ID.with_for_update(), {"key": message_id, "thread": thread_id}
            ).first()
            if row is None:
                return None
            connection.execute(_WHERE_ID, {"key": message_id, "metadata": metadata})
            return replace(message_record(row), metadata=metadata)

        return await self._database.write(work)

    async def delete(self, thread_id: str, message_id: str) -> bool:
        statement = sa.delete(messages).where(
            messages.c.id == message_id, messages.c.thread_id == thread_id
        )
        return await self._database.execute(statement) > 0
