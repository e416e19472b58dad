"""What the compliance suite does not ask: records in EBCDIC, a peer that says no, connections that are kept."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from certificates import make_certificate
from drawbar.backends import InstalledKinds
from drawbar.compiler.toolset import compile_adapter
from drawbar.kernel.outcome import Failed, Indeterminate, Succeeded
from drawbar.spec.load import parse_adapter
from drawbar.testing.kinds import opened

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(serve: Serve, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    async def and_close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(and_close, "127.0.0.1", 0, ssl=tls)
    yield server.sockets[0].getsockname()[1]
    server.close()


def adapter(port: int, functions: str, more: str = "", rules: str = "") -> str:
    return (
        f"adapter: peer\nbackend:\n  kind: tcp\n  address: 127.0.0.1:{port}\n{more}{rules}"
        f"functions:\n{functions}"
    )


STOCK = """\
  stock:
    description: Stock of a part.
    parameters: {part_no: {type: string, pattern: "^[0-9]{6}$"}}
    request:
      record: [{width: 2, const: ST}, {name: part_no, width: 6, type: digits}]
      encoding: cp037
      separator: none
    reply:
      record:
        - {name: status, width: 2, type: digits}
        - {name: on_hand, width: 3, type: packed, sign: signed}
        - {name: text, width: 20}
      encoding: cp037
      separator: none
    succeeds_when: {status: "0*"}
    message_from: text
"""
NO_PART = "errors:\n  - {when: {status: '12'}, code: not_found, hint: Look at the label.}\n"


async def a_mainframe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    length = int.from_bytes(await reader.readexactly(2), "big")
    asked = (await reader.readexactly(length)).decode("cp037")
    assert asked[:2] == "ST"
    known = asked[2:] == "104200"
    status, hand, text = (
        ("00", b"\x00\x04\x4d", "") if known else ("12", b"\x00\x00\x0c", "NO SUCH PART")
    )
    answer = status.encode("cp037") + hand + text.ljust(20).encode("cp037")
    writer.write(len(answer).to_bytes(2, "big") + answer)
    await writer.drain()


async def test_ebcdic_records_over_a_socket(tmp_path: Path) -> None:
    async with (
        serving(a_mainframe) as port,
        opened(adapter(port, STOCK, "  framing: {length: 2}\n", NO_PART), tmp_path) as peer,
    ):
        found = await peer.call("stock", {"part_no": "104200"})
        missing = await peer.call("stock", {"part_no": "999999"})

    assert found == Succeeded({"status": "00", "on_hand": -44, "text": ""})
    assert isinstance(missing, Failed)
    assert (missing.code, missing.message) == ("not_found", "NO SUCH PART")
    assert missing.hint == "Look at the label."


ASK = """\
  ask:
    description: Ask.
    parameters: {text: {type: string}}
    request: text
    reply: text
  tell:
    description: Tell.
    effect: write
    parameters: {text: {type: string}}
    request: text
    reply: none
"""


async def test_a_text_that_would_be_two_messages_is_not_sent(tmp_path: Path) -> None:
    lines: list[bytes] = []

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            lines.append(line)
            writer.write(b"yes\n")

    async with serving(note) as port, opened(adapter(port, ASK), tmp_path) as peer:
        refused = await peer.call("ask", {"text": "one\nDELETE all"})
        told = await peer.call("ask", {"text": "one\n"})

    assert isinstance(refused, Failed)
    assert (refused.code, "a line end" in refused.message) == ("invalid_arguments", True)
    assert told == Succeeded("yes")
    assert lines == [b"one\n"]


async def test_what_needs_no_answer_is_told_and_done(tmp_path: Path) -> None:
    heard = asyncio.Event()

    async def hear(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        assert await reader.readline() == b"open the gate\n"
        heard.set()

    async with serving(hear) as port, opened(adapter(port, ASK), tmp_path) as peer:
        assert await peer.call("tell", {"text": "open the gate"}) == Succeeded(None)
        await asyncio.wait_for(heard.wait(), 5)


async def test_a_kept_connection_is_used_again_and_a_broken_one_is_not(tmp_path: Path) -> None:
    connections = 0

    async def twice(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        for _ in range(2):
            await reader.readline()
            writer.write(f"{connections}\n".encode())
            await writer.drain()

    kept = "  connection: kept\n"
    async with serving(twice) as port, opened(adapter(port, ASK, kept), tmp_path) as peer:
        answers = []
        for _ in range(4):
            answers.append(await peer.call("ask", {"text": "x"}))
            await asyncio.sleep(0.05)

    assert answers == [Succeeded("1"), Succeeded("1"), Succeeded("2"), Succeeded("2")]


async def test_an_answer_nobody_asked_for_is_never_taken_for_the_next_one(tmp_path: Path) -> None:
    async def chatter(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(line + b"by the way\n")
            await writer.drain()

    kept = "  connection: kept\n"
    async with serving(chatter) as port, opened(adapter(port, ASK, kept), tmp_path) as peer:
        for text in ("one", "two"):
            assert await peer.call("ask", {"text": text}) == Succeeded(text)
            await asyncio.sleep(0.05)


async def test_a_change_whose_line_breaks_may_have_happened(tmp_path: Path) -> None:
    async def hang_up(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.readline()

    write = ASK.replace("reply: none", "reply: text")
    async with serving(hang_up) as port, opened(adapter(port, write), tmp_path) as peer:
        read = await peer.call("ask", {"text": "x"}, seconds=1)
        change = await peer.call("tell", {"text": "x"}, seconds=1)

    assert isinstance(read, Failed)
    assert read.code == "connection_lost"
    assert isinstance(change, Indeterminate)


@pytest.mark.parametrize(
    ("framing", "sent"),
    [
        ("line", "é".encode() * 700_000 + b"\n"),
        ("close", b"x" * 1_200_000),
        ("{length: 4}", (1_200_000).to_bytes(4, "big") + b"x" * 1_200_000),
        ("{end: '00'}", b"x" * 1_200_000 + b"\0"),
    ],
)
async def test_a_long_reply_is_cut_and_says_so(framing: str, sent: bytes, tmp_path: Path) -> None:
    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(sent)
        await writer.drain()

    text = adapter(0, ASK, f"  framing: {framing}\n")
    async with serving(flood) as port, opened(text.replace(":0\n", f":{port}\n"), tmp_path) as peer:
        outcome = await peer.call("ask", {"text": "x"})

    assert isinstance(outcome, Succeeded)
    assert isinstance(outcome.value, str)
    assert 0 < len(outcome.value) <= 1_000_000
    assert "1000000" in "".join(outcome.notes).replace(",", "")


@pytest.fixture
def tls(tmp_path: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*make_certificate(tmp_path, "peer"))
    return context


async def test_tls_is_spoken_with_the_named_authority(tls: ssl.SSLContext, tmp_path: Path) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readline())
        await writer.drain()

    async with serving(echo, tls) as port:
        async with opened(adapter(port, ASK, "  tls: {ca: peer.pem}\n"), tmp_path) as peer:
            trusted = await peer.call("ask", {"text": "x"})
        async with opened(adapter(port, ASK, "  tls: {}\n"), tmp_path) as peer:
            untrusted = await peer.call("ask", {"text": "x"}, seconds=2)

    assert trusted == Succeeded("x")
    assert isinstance(untrusted, Failed)
    assert "certificate" in untrusted.message


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (("127.0.0.1:7001", "warehouse"), "DB901 this is no address"),
        (("127.0.0.1:7001", "warehouse:99999"), "DB901 this is no address"),
        (
            ("  kind: tcp\n", "  kind: tcp\n  framing: {end: end}\n"),
            "DB902 `start` and `end` are bytes in hex",
        ),
        (
            ("  kind: tcp\n", "  kind: tcp\n  framing: close\n  connection: kept\n"),
            "DB903 with `framing: close` each connection carries one message",
        ),
        (
            ("  kind: tcp\n", "  kind: tcp\n  encoding: klingon\n"),
            "DB801 no encoding is called `klingon`",
        ),
        (
            ("    effect: write\n", ""),
            "DB808 a function that reads nothing back is no read",
        ),
        (
            ("    reply: none\n", "    reply: none\n    succeeds_when: {status: '0'}\n"),
            "DB808 there is no reply that could be looked at",
        ),
        (
            ("    request: text\n    reply: none\n", "    reply: none\n"),
            "DB806 parameter `text`: it goes nowhere: nothing else uses it, and the request is not written",
        ),
    ],
)
def test_what_is_wrong_is_told(change: tuple[str, str], problem: str) -> None:
    kinds = InstalledKinds()
    text = adapter(7001, ASK).replace(*change)
    problems = compile_adapter(parse_adapter(text, "peer.yaml", Path(), kinds, {}), kinds).problems

    assert [str(each).split(" ", 1)[1].split("\n")[0] for each in problems] == [problem]


async def test_records_behind_the_words_of_a_mainframe(tmp_path: Path) -> None:
    """The frame of a message is a record descriptor word, and so is that of each record in the reply."""
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readexactly(7))
        records = b"".join(
            (len(name) + 4).to_bytes(2, "big") + bytes(2) + name.encode("cp037")
            for name in ("WREN ", "SWIFT")
        )
        writer.write((len(records) + 4).to_bytes(2, "big") + bytes(2) + records)
        await writer.drain()

    birds = """\
  birds:
    description: Birds.
    parameters: {site: {type: string, pattern: "^[A-Z]{3}$"}}
    request: {record: [{name: site, width: 3}], encoding: cp037, separator: none}
    reply: {records: [{name: bird, width: 5}], encoding: cp037, separator: rdw}
"""
    async with (
        serving(serve) as port,
        opened(adapter(port, birds, "  framing: rdw\n"), tmp_path) as peer,
    ):
        found = await peer.call("birds", {"site": "ABC"})

    assert asked == [b"\x00\x07\x00\x00\xc1\xc2\xc3"]
    assert found == Succeeded([{"bird": "WREN"}, {"bird": "SWIFT"}])


async def test_a_word_that_is_none_ends_the_exchange(tmp_path: Path) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(4)
        writer.write(b"\x00\x05\x01\x00x")
        await writer.drain()

    async with (
        serving(serve) as port,
        opened(adapter(port, ASK, "  framing: rdw\n"), tmp_path) as peer,
    ):
        outcome = await peer.call("ask", {"text": "x"})

    assert isinstance(outcome, Failed)
    assert outcome.code == "connection_lost"
