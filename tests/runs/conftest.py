from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from runs.bench import RunBench, run_bench
from store.conftest import (
    migrated_postgresql,
    migrated_sqlite,
    postgresql,
    postgresql_url,
    sqlite_url,
)

__all__ = ["migrated_postgresql", "migrated_sqlite", "postgresql", "postgresql_url", "sqlite_url"]


@pytest.fixture
def url(sqlite_url: str) -> str:
    return sqlite_url


@pytest.fixture
async def bench_at_rest(url: str) -> AsyncIterator[RunBench]:
    """With a model that has nothing to say yet."""
    async with run_bench(url) as bench:
        yield bench
