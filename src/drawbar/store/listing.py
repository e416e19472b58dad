"""Pages by cursor (contract 2.1): ids are positions, because ids sort by time and never repeat."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import sqlalchemy as sa

from drawbar.store.records import Listing, Page

T = TypeVar("T")


def read_page(
    connection: sa.Connection,
    query: sa.Select[Any],  # rows of any table
    key: sa.Column[str],
    page: Page,
    record: Callable[[Any], T],  # rows of any table
) -> Listing[T]:
    """`before` alone reads backwards from its cursor, so the page ends just before it.

    `has_more` tells whether there is more in the direction that was read.
    """
    backwards = page.before is not None and page.after is None
    ascending = page.order == "asc"
    if page.after is not None:
        query = query.where(key > page.after if ascending else key < page.after)
    if page.before is not None:
        query = query.where(key < page.before if ascending else key > page.before)
    rising = ascending != backwards
    query = query.order_by(key.asc() if rising else key.desc()).limit(page.limit + 1)
    rows = connection.execute(query).all()
    records = [record(row) for row in rows[: page.limit]]
    if backwards:
        records.reverse()
    return Listing(tuple(records), has_more=len(rows) > page.limit)
