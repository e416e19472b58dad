"""A host that others wrote: the demo of `mainframe-mocker`, with each size of terminal. It needs Python 3.12."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from drawbar.kernel.outcome import Failed, Succeeded
from drawbar.testing.kinds import opened
from green_screens import need_s3270
from ssh_hosts import free_port

PROGRAM = shutil.which(
    "mfmock", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
)

ADAPTER = """\
adapter: peer
backend:
  kind: tn3270
  host: 127.0.0.1
  port: %(port)d
  model: %(model)d
  home: menu
  logon:
    - {on: logon, fill: {user: DEMO, password: %(password)s}}
  screens:
    logon:
      at: {"%(last)d,2": ENTER=Sign on, "%(before)d,2": "        "}
      inputs: {user: {label: "USER ID", length: 8}, password: {label: PASSWORD, length: 8}}
    not_authorised:
      at: {"%(last)d,2": ENTER=Sign on, "%(before)d,2": DEM0}
      code: not_authorised
      message: {at: "%(before)d,2", length: 70}
    menu:
      at: {"%(last)d,2": PF1=Help  PF3=Exit}
      inputs: {option: {label: "SELECTION ===>", length: 1}}
    greeting:
      at: {"%(last)d,2": PF1=Help  PF3=Back, "%(before)d,2": "        "}
      inputs: {name: {label: YOUR NAME, length: 10}}
    greeted:
      at: {"%(last)d,2": PF1=Help  PF3=Back, "%(before)d,2": DEM0102I}
      fields: {greeting: {label: GREETING  ., length: 30}}
functions:
  greet:
    description: Greet.
    parameters: {name: {type: string}}
    steps: [{on: menu, fill: {option: "1"}}, {on: greeting, fill: {name: "{name}"}}]
    shows: greeted
"""


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    need_s3270()
    if PROGRAM is None:
        pytest.skip("no mfmock (PyPI: mainframe-mocker, for Python 3.12 or later)")
    port = free_port()
    with (tmp_path / "mfmock.log").open("wb") as log:
        host = subprocess.Popen(
            [PROGRAM, "demo", "--host", "127.0.0.1", "--port", str(port)], stdout=log, stderr=log
        )
    yield port
    host.kill()
    host.wait()


@pytest.mark.parametrize(
    ("model", "rows"), [(2, 24), (3, 32), (4, 43), (5, 27)], ids=["2", "3", "4", "5"]
)
async def test_one_adapter_by_labels_fits_every_size(
    port: int, tmp_path: Path, model: int, rows: int
) -> None:
    words = {"port": port, "model": model, "last": rows, "before": rows - 1}
    async with opened(ADAPTER % {**words, "password": "DEMO"}, tmp_path) as gateway:
        for _ in range(50):
            if (await gateway.backend.health()).ok:
                break
            await asyncio.sleep(0.1)
        first = await gateway.call("greet", {"name": "WREN"})
        second = await gateway.call("greet", {"name": "SWIFT"})
    async with opened(ADAPTER % {**words, "password": "WRONG"}, tmp_path) as gateway:
        refused = await gateway.call("greet", {"name": "WREN"})

    assert first == Succeeded({"greeting": "HELLO, WREN!"})
    assert second == Succeeded({"greeting": "HELLO, SWIFT!"})
    assert isinstance(refused, Failed)
    assert refused.code == "not_authorised"
