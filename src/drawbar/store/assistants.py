"""Assistants."""

from __future__ import annotations

import time
from dataclasses import fields
from typing import Any

import sqlalchemy as sa

from drawbar.kernel.ids import new_id
from drawbar.kernel.values import JsonObject
from drawbar.store.engine import Database
from drawbar.store.listing import read_page
from drawbar.store.prepared import Prepared
from drawbar.store.records import Assistant, Listing, Page
from drawbar.store.tables import assistants

_BODY = tuple(field.name for field in fields(Assistant) if field.name not in {"id", "created_at"})
_WITH_ID = sa.select(assistants).where(assistants.c.id == sa.bindparam("key"))
_BY_ID = Prepared(_WITH_ID)
_UPDATE = sa.update(assistants).where(assistants.c.id == sa.bindparam("key"))


def assistant_record(row: Any) -> Assistant:  # a row of `assistants`
    return Assistant(id=row.id, created_at=row.created_at, **row.body)


def find_assistant(connection: sa.Connection, assistant_id: str) -> Assistant | None:
    row = _BY_ID.first(connection, {"key": assistant_id})
    return None if row is None else assistant_record(row)


def _body(assistant: Assistant) -> JsonObject:
    return {name: getattr(assistant, name) for name in _BODY}


class Assistants:
    """Stored assistants; field names are those of the record."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, **values: Any) -> Assistant:  # fields of Assistant
        """`model` is required; `id` and `created_at` are given here."""
        assistant = Assistant(id=new_id("asst_"), created_at=int(time.time()), **values)
        row = {"id": assistant.id, "created_at": assistant.created_at, "body": _body(assistant)}
        await self._database.execute(sa.insert(assistants), row)
        return assistant

    async def get(self, assistant_id: str) -> Assistant | None:
        return await self._database.read(lambda c: find_assistant(c, assistant_id))

    async def list(self, page: Page) -> Listing[Assistant]:
        return await self._database.read(
            lambda c: read_page(c, sa.select(assistants), assistants.c.id, page, assistant_record)
        )

    async def update(self, assistant_id: str, **changes: Any) -> Assistant | None:
        """The assistant with `changes`, or None when there is none."""
        unknown = changes.keys() - set(_BODY)
        if unknown:
            message = f"an assistant has no field {min(unknown)!r}"
            raise TypeError(message)

        def work(connection: sa.Connection) -> Assistant | None:
            row = connection.execute(_WITH_ID.with_for_update(), {"key": assistant_id}).first()
            if row is None:
                return None
            body = {**row.body, **changes}
            connection.execute(_UPDATE, {"key": assistant_id, "body": body})
            return Assistant(id=row.id, created_at=row.created_at, **body)

        return await self._database.write(work)

    async def delete(self, assistant_id: str) -> bool:
        """False when there was none. Runs keep the snapshot they act on."""
        statement = sa.delete(assistants).where(assistants.c.id == assistant_id)
        return await self._database.execute(statement) > 0
