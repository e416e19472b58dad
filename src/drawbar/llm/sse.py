"""Server-sent events as bytes in, payloads out: the `data` of each event, its lines joined.

Written for the stream of a model server, where an event is one short line and there are thousands.
"""

from __future__ import annotations


class SseReader:
    """Feed it the bytes as they come, cut anywhere; it answers with the payloads that are complete.

    Comments, ids and event names are dropped. A last event without its blank line is given by `rest`.
    """

    def __init__(self) -> None:
        self._pending = b""
        self._data: list[bytes] = []
        self._held = 0

    @property
    def pending(self) -> int:
        """Bytes that wait for the end of their piece; whoever feeds decides how many are too many."""
        return len(self._pending) + self._held

    def feed(self, chunk: bytes) -> list[bytes]:
        """Lines may end in LF, CR LF or CR; a CR at the end of a chunk waits for what follows."""
        text = self._pending + chunk
        if b"\r" in text:
            hold = text.endswith(b"\r")
            text = text[:-1] if hold else text
            text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n") + (b"\r" if hold else b"")
        lines = text.split(b"\n")
        self._pending = lines.pop()
        return [payload for line in lines if (payload := self._line(line)) is not None]

    def rest(self) -> list[bytes]:
        """What the end of the stream cut off before its blank line."""
        lines = [self._pending.rstrip(b"\r"), b""]
        self._pending = b""
        return [payload for line in lines if (payload := self._line(line)) is not None]

    def _line(self, line: bytes) -> bytes | None:
        if line:
            if line.startswith(b"data:"):
                self._data.append(line[6:] if line.startswith(b"data: ") else line[5:])
                self._held += len(line)
            return None
        if not self._data:
            return None
        payload = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
        self._data.clear()
        self._held = 0
        return payload
