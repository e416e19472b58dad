"""A host with green screens: TN3270 (RFC 1576) and the 3270 data stream, as much as one application needs.

Screens: a logon, a menu, and a panel each for what the compliance tests ask. The terminal is a real emulator.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Iterable
from dataclasses import dataclass, field

from machine import need

_IAC, _DO, _WILL, _SB, _SE, _EOR = 255, 253, 251, 250, 240, 239
_BINARY, _TERMINAL, _END_OF_RECORD = 0, 24, 25
_ENTER, _PF3, _PF8 = 0x7D, 0xF3, 0xF8
_PROTECTED, _OPEN, _HIDDEN = 0x60, 0x40, 0x4C


def address(row: int, column: int, columns: int = 80) -> bytes:
    """Of 14 bits; rows and columns from 1."""
    return ((row - 1) * columns + column - 1).to_bytes(2, "big")


@dataclass(slots=True)
class Screen:
    """Texts and fields to type into: row, column, length, attribute."""

    texts: list[tuple[int, int, str]]
    inputs: list[tuple[int, int, int, int]] = field(default_factory=list)

    def moved(self, down: int) -> Screen:
        """With all but its heading so many rows further down."""
        return Screen(
            [(row + down * (row > 1), column, text) for row, column, text in self.texts],
            [(row + down, *rest) for row, *rest in self.inputs],  # type: ignore[misc]  # the rest is three
        )

    def stream(self, columns: int = 80, *, alternate: bool = False) -> bytes:
        """`alternate`: in the size that the terminal has beside 24 rows of 80 columns."""

        def at(row: int, column: int) -> bytes:
            return b"\x11" + address(row, column, columns)

        out = bytearray(
            b"\x7e\xc3" if alternate else b"\xf5\xc3"
        )  # erase, write, unlock the keyboard
        for row, column, text in self.texts:
            out += at(row, column - 1) + b"\x1d" + bytes([_PROTECTED])
            out += text.encode("cp037")
        for row, column, length, attribute in self.inputs:
            out += at(row, column - 1) + b"\x1d" + bytes([attribute])
            out += at(row, column + length) + b"\x1d" + bytes([_PROTECTED])
        if self.inputs:
            out += at(*self.inputs[0][:2]) + b"\x13"
        return bytes(out)


LOGON = Screen(
    [(1, 30, "HARBOUR LOGON"), (5, 5, "USER"), (6, 5, "PASSWORD")],
    [(5, 20, 8, _OPEN), (6, 20, 8, _HIDDEN)],
)
MENU = Screen([(1, 30, "HARBOUR MENU"), (20, 5, "OPTION")], [(20, 15, 6, _OPEN)])
PANELS = {
    "ECHO": Screen([(1, 30, "ECHO"), (5, 5, "TEXT")], [(5, 15, 60, _OPEN)]),
    "WAIT": Screen([(1, 30, "WAIT"), (5, 5, "SECONDS")], [(5, 15, 10, _OPEN)]),
    "CHANGE": Screen([(1, 30, "CHANGE"), (5, 5, "SECONDS")], [(5, 15, 10, _OPEN)]),
    "ROWS": Screen([(1, 30, "ROWS"), (5, 5, "COUNT")], [(5, 15, 10, _OPEN)]),
}
_PAGE = 2
"""Rows on a page."""


ADAPTER = """\
adapter: peer
backend:
  kind: tn3270
  host: 127.0.0.1
  port: %(port)d
  sessions: 3
  home: menu
  logon:
    - {on: logon, fill: {user: %(user)s, password: %(password)s}}
  screens:
    logon:
      at: {"1,30": HARBOUR LOGON, "24,5": "   "}
      inputs: {user: {at: "5,20", length: 8}, password: {at: "6,20", length: 8}}
    not_authorised:
      at: {"1,30": HARBOUR LOGON, "24,5": E01}
      code: not_authorised
      message: {at: "24,5", length: 40}
    menu:
      at: {"1,30": HARBOUR MENU, "24,5": "   "}
      inputs: {option: {at: "20,15", length: 6}}
    echo:
      at: {"1,30": "ECHO  ", "5,5": TEXT}
      inputs: {text: {at: "5,15", length: 60}}
    echoed:
      at: {"1,30": ECHOED}
      fields: {text: {at: "5,15", length: 60}}
    wait: {at: {"1,30": WAIT}, inputs: {seconds: {at: "5,15", length: 10}}}
    change: {at: {"1,30": CHANGE}, inputs: {seconds: {at: "5,15", length: 10}}}
    rows: {at: {"1,30": ROWS}, inputs: {count: {at: "5,15", length: 10}}}
    done: {at: {"1,30": DONE}}
    refused:
      at: {"1,30": REFUSED}
      code: not_possible
      message: {at: "24,5", length: 40}
    list:
      at: {"1,30": LIST}
      rows:
        first: 8
        last: 20
        columns: {row: {column: 5, length: 6, type: integer}}
        more: {"23,70": MORE}
functions:
  echo:
    description: Echo.
    parameters: {text: {type: string}}
    steps: [{on: menu, fill: {option: ECHO}}, {on: echo, fill: {text: "{text}"}}]
    shows: echoed
  rows:
    description: Rows.
    parameters: {count: {type: integer}}
    steps: [{on: menu, fill: {option: ROWS}}, {on: rows, fill: {count: "{count}"}}]
    shows: list
  wait:
    description: Wait.
    parameters: {seconds: {type: number}}
    steps: [{on: menu, fill: {option: WAIT}}, {on: wait, fill: {seconds: "{seconds}"}}]
    shows: done
  change:
    description: Change.
    effect: write
    parameters: {seconds: {type: number}}
    steps: [{on: menu, fill: {option: CHANGE}}, {on: change, fill: {seconds: "{seconds}"}}]
    shows: done
"""


def need_s3270() -> None:
    need("s3270")


class GreenScreens:
    """The application; `user` and `password` let in."""

    def __init__(self, user: str = "WREN", password: str = "SECRET99") -> None:
        self.user, self.password = user, password
        self.port = 0
        self.changes = 0
        self.working = 0
        self.logons = 0
        self.silent = False
        """Answer no key any more."""
        self.columns, self.alternate, self.down = 80, False, 0
        """The size of its screens, and how many rows further down than usual they show everything but the first."""
        self.corner: tuple[int, int, str] | None = None
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def adapter(self) -> str:
        """An adapter of it called `peer`."""
        return ADAPTER % {"port": self.port, "user": self.user, "password": self.password}

    async def start(self, tls: ssl.SSLContext | None = None) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._server.wait_closed()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            await _Terminal(self, reader, writer).run()
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()


class _Terminal:
    """One terminal that is connected."""

    def __init__(
        self, host: GreenScreens, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._host, self._reader, self._writer = host, reader, writer
        self._panel = "LOGON"
        self._rows = range(0)

    async def run(self) -> None:
        self._writer.write(bytes([_IAC, _DO, _TERMINAL]))
        await self._reader.readexactly(3)
        self._writer.write(bytes([_IAC, _SB, _TERMINAL, 1, _IAC, _SE]))
        await self._reader.readuntil(bytes([_IAC, _SE]))
        for option in (_END_OF_RECORD, _BINARY):
            self._writer.write(bytes([_IAC, _DO, option, _IAC, _WILL, option]))
            await self._reader.readexactly(6)
        self._show(LOGON)
        while record := await self._record():
            working = asyncio.ensure_future(self._key(record))
            gone = asyncio.ensure_future(self._reader.read(1))
            try:
                await asyncio.wait([working, gone], return_when=asyncio.FIRST_COMPLETED)
                if not working.done():
                    return  # the terminal was switched off
            finally:
                working.cancel()
                gone.cancel()
                await asyncio.gather(working, gone, return_exceptions=True)

    async def _record(self) -> bytes:
        data = await self._reader.readuntil(bytes([_IAC, _EOR]))
        return data[:-2].replace(b"\xff\xff", b"\xff")

    def _show(self, screen: Screen) -> None:
        if not self._host.silent:
            host = self._host
            data = screen.moved(host.down).stream(host.columns, alternate=host.alternate)
            data = data.replace(b"\xff", b"\xff\xff")
            self._writer.write(data + bytes([_IAC, _EOR]))

    async def _key(self, record: bytes) -> None:
        key, typed = record[0], list(_typed(record))
        if key == _PF3:
            self._panel = "MENU" if self._panel != "LOGON" else "LOGON"
            self._show(MENU if self._panel == "MENU" else LOGON)
        elif key == _PF8 and self._panel == "LIST":
            self._rows = self._rows[_PAGE:]
            self._show(self._list())
        elif key == _ENTER:
            await self._enter(typed)

    async def _enter(self, typed: list[str]) -> None:
        text = typed[0] if typed else ""
        match self._panel:
            case "LOGON":
                if typed == [self._host.user, self._host.password]:
                    self._host.logons += 1
                    self._panel = "MENU"
                    self._show(MENU)
                else:
                    texts = [*LOGON.texts, (24, 5, "E01 NOT AUTHORISED")]
                    self._show(Screen(texts, LOGON.inputs))
            case "MENU" if text in PANELS:
                self._panel = text
                self._show(PANELS[text])
            case "MENU":
                self._show(Screen([*MENU.texts, (24, 5, "E02 NO SUCH OPTION")], MENU.inputs))
            case "ECHO":
                corner = [self._host.corner] if self._host.corner else []
                self._show(Screen([(1, 30, "ECHOED"), (5, 5, "SAID"), (5, 15, text), *corner]))
            case "WAIT" | "CHANGE":
                await self._work(float(text))
            case "ROWS":
                self._panel, self._rows = "LIST", range(int(text))
                self._show(self._list())

    async def _work(self, seconds: float) -> None:
        if seconds < 0:
            self._show(Screen([(1, 30, "REFUSED"), (24, 5, "E17 NEGATIVE")]))
            return
        self._host.changes += self._panel == "CHANGE"
        self._host.working += 1
        try:
            await asyncio.sleep(seconds)
        finally:
            self._host.working -= 1
        self._show(Screen([(1, 30, "DONE")]))

    def _list(self) -> Screen:
        shown: Iterable[tuple[int, int, str]] = (
            (8 + index, 5, f"{row:<6}") for index, row in enumerate(self._rows[:_PAGE])
        )
        more = [(23, 70, "MORE")] if len(self._rows) > _PAGE else []
        return Screen([(1, 30, "LIST"), *shown, *more])


def _typed(record: bytes) -> Iterable[str]:
    """What stands in the modified fields: key, cursor, then SBA, address and text for each."""
    for part in record[3:].split(b"\x11")[1:]:
        with contextlib.suppress(UnicodeDecodeError):
            yield part[2:].decode("cp037").rstrip("\0")
