"""A folder for the modules of a test, and an adapter that may name them."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from drawbar.testing.kinds import Opened, opened

SETTINGS = "kinds: {python: {modules: [tools, 'tools.*'], path: [.]}}\n"
HEAD = """\
adapter: peer
backend:
  kind: python
{more}functions:
"""


def adapter(functions: str, more: str = "") -> str:
    return HEAD.format(more=more) + functions.strip("\n") + "\n"


OpenPython = Callable[..., contextlib.AbstractAsyncContextManager[Opened]]


@pytest.fixture
def open_python(tmp_path: Path) -> OpenPython:
    """Opens an adapter whose functions are those of the module `tools`, by their names."""

    @contextlib.asynccontextmanager
    async def open_it(
        module: str, *names: str, functions: str = "", more: str = ""
    ) -> AsyncIterator[Opened]:
        (tmp_path / "tools.py").write_text(module)
        text = "".join(f"  {name}: {{description: x., call: 'tools:{name}'}}\n" for name in names)
        async with opened(adapter(text + functions, more), tmp_path, SETTINGS) as gateway:
            yield gateway

    return open_it
