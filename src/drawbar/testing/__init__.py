"""Tests that every kind of backend has to pass; the author of a kind runs them against a real peer.

    from drawbar.testing import KindCompliance, Peer

    class QueuePeer(Peer): ...            # starts a real server, and says what it was asked

    class TestQueue(KindCompliance):
        @pytest.fixture
        async def peer(self): ...

Needs pytest with pytest-asyncio in its auto mode.
"""

from drawbar.testing.kinds import KindCompliance
from drawbar.testing.peer import HOSTILE, Peer

__all__ = ["HOSTILE", "KindCompliance", "Peer"]
