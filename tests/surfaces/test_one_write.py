import asyncio

from drawbar.surfaces.one_write import _Joining

HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n"


class KeptTransport(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.writes.append(bytes(data))

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


async def test_a_head_and_its_body_go_out_together() -> None:
    kept = KeptTransport()
    joining = _Joining(kept)

    joining.write(HEAD)
    joining.write(b"ok")
    await asyncio.sleep(0)

    assert kept.writes == [HEAD + b"ok"]


async def test_a_head_whose_body_comes_later_goes_out_alone() -> None:
    kept = KeptTransport()
    joining = _Joining(kept)

    joining.write(HEAD)
    await asyncio.sleep(0)
    joining.write(b"ok")

    assert kept.writes == [HEAD, b"ok"]


async def test_nothing_is_lost_when_the_connection_is_closed_at_once() -> None:
    kept = KeptTransport()
    joining = _Joining(kept)

    joining.write(HEAD)
    joining.close()

    assert (kept.writes, kept.closed, joining.is_closing()) == ([HEAD], True, True)
