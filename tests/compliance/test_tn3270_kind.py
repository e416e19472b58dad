"""The kind `tn3270` with a real 3270 emulator, against a host with screens of the test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from drawbar.kernel.values import JsonValue
from drawbar.testing import KindCompliance, Peer
from green_screens import GreenScreens, need_s3270


class Tn3270Peer(Peer):
    secret = "S3CRET99"

    def __init__(self) -> None:
        self.host = GreenScreens(password=self.secret)

    def adapter(self) -> str:
        return self.host.adapter()

    def wrong_words(self) -> tuple[str, str]:
        text = self.adapter()
        return (
            text.replace("  sessions:", "  unheard_of: 1\n  sessions:"),
            text.replace("  wait:\n    desc", "  wait:\n    unheard_of: 1\n    desc"),
        )

    async def changes(self) -> int:
        return self.host.changes

    async def at_work(self) -> int:
        return self.host.working

    def text_of(self, value: JsonValue) -> JsonValue:
        return value["text"] if isinstance(value, dict) else value

    def list_of(self, value: JsonValue) -> JsonValue:
        return value["rows"] if isinstance(value, dict) else value

    async def start(self) -> None:
        await self.host.start()

    async def stop(self) -> None:
        await self.host.stop()


class TestTn3270(KindCompliance):
    @pytest.fixture
    async def peer(self) -> AsyncIterator[Peer]:
        need_s3270()
        peer = Tn3270Peer()
        await peer.start()
        yield peer
        await peer.stop()
