from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from drawbar.store.database import migrate_store
from runs.bench import RunBench, run_bench


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with its tables, to be copied: making them takes longer than most tests."""
    path = tmp_path_factory.mktemp("migrated") / "drawbar.db"
    migrate_store(f"sqlite:///{path}")
    return path


@pytest.fixture
def url(tmp_path: Path, migrated: Path) -> str:
    shutil.copy(migrated, tmp_path / "drawbar.db")
    return f"sqlite:///{tmp_path}/drawbar.db"


@pytest.fixture
async def bench_at_rest(url: str) -> AsyncIterator[RunBench]:
    """With a model that has nothing to say yet."""
    async with run_bench(url) as bench:
        yield bench
