"""What `drawbar serve` says shortly after its start."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

import drawbar
from drawbar.app.deployment import deployed
from small_company import make_company


class _Told(logging.Handler):
    """Sets `told` when a warning comes."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.told = asyncio.Event()

    def emit(self, record: logging.LogRecord) -> None:
        del record
        self.told.set()


async def test_a_login_that_may_do_too_much_is_told_without_keeping_the_start_waiting(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = make_company(tmp_path)
    file = tmp_path / "adapters" / "shop.db"
    file.chmod(0o666)
    handler = _Told()
    logging.getLogger("drawbar").addHandler(handler)

    try:
        async with deployed(drawbar.load(settings)):
            before = caplog.text
            async with asyncio.timeout(5):
                await handler.told.wait()
    finally:
        logging.getLogger("drawbar").removeHandler(handler)

    assert before == ""
    assert f"mend it with: chmod o-w '{file}'" in caplog.text
