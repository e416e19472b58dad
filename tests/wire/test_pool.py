"""The pool against a server of bytes: what it reads, what it leaves to the library, what it never does."""

from __future__ import annotations

import asyncio
import errno
import socket
import time
from collections.abc import AsyncIterator

import pytest

from drawbar.wire.connection import Answer, AnswerBeyond, Beyond, ConnectionLost, request_of
from drawbar.wire.pool import Pool

GET = request_of("GET", "/", "test", {"Accept": "*/*"})
HANG_UP = b"hang up"


class Bytes:
    """A server that answers each request with the next of some texts; None hangs up without one."""

    def __init__(self) -> None:
        self.answers: list[list[bytes] | None] = []
        self.connections = 0
        self.requests: list[bytes] = []
        self.asked = asyncio.Event()
        self.hung_up = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                self.requests.append(await reader.readuntil(b"\r\n\r\n"))
                self.asked.set()
                answer = self.answers.pop(0) if self.answers else [b""]
                if answer is None:
                    return
                for part in answer:
                    if part == HANG_UP:
                        return
                    writer.write(part)
                    await writer.drain()
                    await asyncio.sleep(0)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.hung_up.set()
            writer.close()


@pytest.fixture
async def server() -> Bytes:
    return Bytes()


@pytest.fixture
async def pool(server: Bytes) -> AsyncIterator[Pool]:
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    pool = Pool("127.0.0.1", listening.sockets[0].getsockname()[1], size=2, keep=30)
    yield pool
    await pool.close()
    listening.close()
    await listening.wait_closed()


async def ask(pool: Pool, *, most: int = 1000, seconds: float = 5) -> Answer:
    return await pool.ask(GET, deadline=time.monotonic() + seconds, most=most)


def plain(body: bytes, *headers: bytes, status: bytes = b"200 OK") -> bytes:
    head = [b"HTTP/1.1 " + status, b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join(head) + b"\r\n\r\n" + body


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"


async def test_answers_come_over_one_connection_that_is_kept(server: Bytes, pool: Pool) -> None:
    server.answers = [
        [plain(b"one", b"X-A: 1", b"X-A: 2")],
        [CHUNKED],
        [b"HTTP/1.1 204 No Content\r\n\r\n"],
        [plain(b"gone", status=b"404 Not Found")],
    ]

    found = [await ask(pool) for _ in range(4)]

    assert [(each.status, each.body, each.whole) for each in found] == [
        (200, b"one", True),
        (200, b"abcde", True),
        (204, b"", True),
        (404, b"gone", True),
    ]
    assert found[0].headers == {"content-length": "3", "x-a": "1"}
    assert server.connections == 1
    assert server.requests[0] == b"GET / HTTP/1.1\r\nHost: test\r\nAccept: */*\r\n\r\n"


@pytest.mark.parametrize("whole", [plain(b"0123456789"), CHUNKED])
async def test_an_answer_may_come_in_pieces_of_one_byte(
    server: Bytes, pool: Pool, whole: bytes
) -> None:
    server.answers = [[whole[at : at + 1] for at in range(len(whole))]]

    assert (await ask(pool)).body in {b"0123456789", b"abcde"}


async def test_what_is_longer_than_wanted_is_cut_and_its_connection_closed(
    server: Bytes, pool: Pool
) -> None:
    server.answers = [[plain(b"0123456789")], [plain(b"0123456789")]]

    cut = await ask(pool, most=9)
    whole = await ask(pool, most=10)

    assert (cut.body, cut.whole) == (b"012345678", False)
    assert (whole.body, whole.whole) == (b"0123456789", True)
    assert server.connections == 2


@pytest.mark.parametrize(
    "answer",
    [
        plain(b"\x1f\x8b", b"Content-Encoding: gzip"),
        b"HTTP/1.1 200 OK\r\n\r\nuntil the end",
        b"HTTP/1.1 103 Early Hints\r\n\r\n" + plain(b"late"),
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc",
        b"220 mail.example.org ESMTP\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000,
    ],
)
async def test_what_it_does_not_read_is_left_to_the_library(
    server: Bytes, pool: Pool, answer: bytes
) -> None:
    server.answers = [[answer], [plain(b"fine")]]

    with pytest.raises(AnswerBeyond):
        await ask(pool)

    assert (await ask(pool)).body == b"fine"
    assert server.connections == 2  # nothing of the first answer can get into the second


async def test_a_second_answer_nobody_asked_for_is_given_to_nobody(
    server: Bytes, pool: Pool
) -> None:
    server.answers = [[plain(b"mine") + plain(b"smuggled")], [plain(b"mine too")]]

    assert (await ask(pool)).body == b"mine"
    assert (await ask(pool)).body == b"mine too"


async def test_a_kept_connection_that_was_closed_is_replaced(server: Bytes, pool: Pool) -> None:
    server.answers = [[plain(b"one")], None, [plain(b"two")]]

    assert (await ask(pool)).body == b"one"
    assert (await ask(pool)).body == b"two"
    assert server.connections == 2


async def test_a_new_connection_that_is_closed_is_lost(server: Bytes, pool: Pool) -> None:
    server.answers = [None]

    with pytest.raises(ConnectionLost) as lost:
        await ask(pool)

    assert (lost.value.begun, len(server.requests)) == (False, 1)


async def test_half_an_answer_is_lost_and_not_asked_for_again(server: Bytes, pool: Pool) -> None:
    server.answers = [
        [plain(b"one")],
        [b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", HANG_UP],
    ]
    await ask(pool)

    with pytest.raises(ConnectionLost) as lost:
        await ask(pool)

    assert (lost.value.begun, len(server.requests)) == (True, 2)


async def test_closing_ends_what_is_under_way(server: Bytes, pool: Pool) -> None:
    server.answers = [[plain(b"one")]]
    await ask(pool)
    server.asked.clear()
    asking = asyncio.ensure_future(ask(pool))
    await server.asked.wait()

    await pool.close()

    with pytest.raises(ConnectionLost):
        await asking
    assert len(server.requests) == 2


async def test_an_answer_that_does_not_come_is_waited_for_until_the_deadline(
    server: Bytes, pool: Pool
) -> None:
    begun = time.monotonic()

    with pytest.raises(TimeoutError):
        await ask(pool, seconds=0.1)

    assert time.monotonic() - begun < 5
    await asyncio.wait_for(server.hung_up.wait(), 5)


async def test_who_is_cancelled_leaves_no_connection_with_an_answer_under_way(
    server: Bytes, pool: Pool
) -> None:
    asking = asyncio.ensure_future(ask(pool))
    await server.asked.wait()

    asking.cancel()

    with pytest.raises(asyncio.CancelledError):
        await asking
    await asyncio.wait_for(server.hung_up.wait(), 5)


async def test_there_are_never_more_connections_than_its_size(server: Bytes, pool: Pool) -> None:
    server.answers = [[plain(b"%d" % number)] for number in range(20)]

    found = await asyncio.gather(*(ask(pool) for _ in range(20)))

    assert sorted(int(each.body) for each in found) == list(range(20))
    assert server.connections == 2


async def test_a_connection_that_waited_too_long_is_closed() -> None:
    server = Bytes()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    pool = Pool("127.0.0.1", listening.sockets[0].getsockname()[1], size=2, keep=0.05)
    server.answers = [[plain(b"one")]]

    await ask(pool)

    await asyncio.wait_for(server.hung_up.wait(), 5)
    await pool.close()
    listening.close()


async def test_no_connection_is_the_library_s_to_explain() -> None:
    pool = Pool("127.0.0.1", 1, size=1, keep=1)

    with pytest.raises(Beyond):
        await ask(pool)
    await pool.close()


async def test_a_connection_that_the_system_gave_up_is_no_end_of_the_call_s_own_time() -> None:
    def no_answer(_: object) -> socket.socket:
        raise OSError(errno.ETIMEDOUT, "Connection timed out")

    pool = Pool("127.0.0.1", 1, size=1, keep=1, make_socket=no_answer)

    with pytest.raises(Beyond, match="timed out"):
        await ask(pool)
    await pool.close()


@pytest.mark.parametrize("value", ["a\r\nX: 1", "a\nb", "a\rb"])
def test_a_line_break_does_not_make_a_header(value: str) -> None:
    with pytest.raises(Beyond):
        request_of("GET", "/", "test", {"X-A": value})
