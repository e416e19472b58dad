"""The demo company, open once for all pages, and a reader in an empty folder."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from docs.docs_reader import Reader
from drawbar.demo.company import open_company


@pytest.fixture(scope="session")
def company() -> Iterator[Mapping[str, str]]:
    """What adapters refer to."""
    with asyncio.Runner() as runner:
        stack = contextlib.AsyncExitStack()
        opened = runner.run(stack.enter_async_context(open_company()))
        try:
            yield opened.environ
        finally:
            runner.run(stack.aclose())


@pytest.fixture
def reader(
    tmp_path: Path, company: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Reader]:
    """In a folder with its own copy of the company's database and stock, so that pages do not meet."""
    for name in [name for name in os.environ if name.startswith(("DRAWBAR_", "DEMO_"))]:
        monkeypatch.delenv(name)
    environ = dict(company)
    data = tmp_path / "data"
    data.mkdir()
    stock = shutil.copy(environ["DEMO_STORES_FILE"], data)
    database = shutil.copy(environ["DEMO_BOOKINGS_URL"].removeprefix("sqlite:///"), data)
    environ |= {"DEMO_STORES_FILE": str(stock), "DEMO_BOOKINGS_URL": f"sqlite:///{database}"}
    environ |= {"COLUMNS": "100", "XDG_DATA_HOME": str(data), "OPENAI_API_KEY": "unused"}
    environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    before = dict(os.environ)
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(folder)
    with contextlib.ExitStack() as stack:
        yield Reader(folder, stack)
    for name in os.environ.keys() - before.keys():
        del os.environ[name]
    os.environ.update(before)
