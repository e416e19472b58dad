"""One directory for all tests of a file; those that write use entries of their own."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from drawbar.kernel.files import FileStore
from drawbar.testing.kinds import Opened, opened
from ldap_directory import PASSWORD, Directory, directory

HEAD = """\
adapter: peer
backend:
  kind: ldap
  url: ldap://127.0.0.1:{port}
  auth: {{simple: {{dn: "uid=gateway,ou=people,dc=harbour,dc=example", password: {password}}}}}
  base: dc=harbour,dc=example
{more}functions:
{functions}
"""

OpenLdap = Callable[..., contextlib.AbstractAsyncContextManager[Opened]]


@pytest.fixture(scope="module")
def server() -> Iterator[Directory]:
    with directory() as found:
        asyncio.run(found.ready())
        yield found


@pytest.fixture
def open_ldap(server: Directory, tmp_path: Path) -> OpenLdap:
    """Opens an adapter with these functions, and these words more under `backend`."""

    @contextlib.asynccontextmanager
    async def open_it(
        functions: str,
        more: str = "",
        change: Callable[[str], str] = str,
        files: FileStore | None = None,
    ) -> AsyncIterator[Opened]:
        text = HEAD.format(
            port=server.port, password=PASSWORD, more=more, functions=functions.strip("\n")
        )
        async with opened(change(text), tmp_path, files=files) as gateway:
            yield gateway

    return open_it
