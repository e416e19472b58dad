"""Messages in several parts (RFC 2387, multipart/related): an envelope and what is attached to it."""

from __future__ import annotations

import base64
import quopri
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesHeaderParser

MULTIPART = "multipart/related"
_MOST_PARTS = 200
_MOST_HEADER = 16_384
"""Bytes of the headers of one part."""


class BrokenMultipart(ValueError):
    """The text is no message in several parts; the message says why."""


@dataclass(frozen=True, slots=True)
class Part:
    id: str
    """The Content-ID without its angle brackets."""
    type: str
    data: bytes


def parameters_of(content_type: str) -> dict[str, str]:
    """The parameters of a Content-Type header by their names in lower case."""
    message = Message()
    message["Content-Type"] = content_type
    return {name.lower(): value for name, value in (message.get_params() or [])[1:]}


def split_parts(body: bytes, content_type: str) -> list[Part]:
    """The parts, with the one that holds the envelope first. Raises BrokenMultipart."""
    parameters = parameters_of(content_type)
    boundary = parameters.get("boundary", "")
    if not boundary:
        raise BrokenMultipart("its parts have no boundary")
    mark = b"--" + boundary.encode("latin-1", "replace")
    _, *pieces = (b"\r\n" + body).split(b"\r\n" + mark, _MOST_PARTS + 2)
    if len(pieces) > _MOST_PARTS + 1:
        raise BrokenMultipart(f"it has more than {_MOST_PARTS} parts")
    if not pieces or not pieces.pop().startswith(b"--"):
        raise BrokenMultipart("its parts are not whole")
    if not pieces:
        raise BrokenMultipart("it has no parts")
    parts = [_part(piece) for piece in pieces]
    start = _bare(parameters.get("start", ""))
    root = next((part for part in parts if start and part.id == start), parts[0])
    return [root, *(part for part in parts if part is not root)]


def _part(piece: bytes) -> Part:
    head, blank, data = piece.partition(b"\r\n\r\n")
    if not blank or len(head) > _MOST_HEADER:
        raise BrokenMultipart("a part of it has no end of its headers")
    headers = BytesHeaderParser().parsebytes(head.lstrip(b" \t\r\n"))
    coding = str(headers.get("Content-Transfer-Encoding", "binary")).strip().lower()
    if coding == "base64":
        data = base64.b64decode(data)
    elif coding == "quoted-printable":
        data = quopri.decodestring(data)
    return Part(_bare(str(headers.get("Content-ID", ""))), headers.get_content_type(), data)


def _bare(identifier: str) -> str:
    return identifier.strip().removeprefix("<").removesuffix(">")


def join_parts(root: Part, others: Sequence[Part], parameters: dict[str, str]) -> tuple[bytes, str]:
    """The body and its Content-Type. `parameters` say more of the root: its type, SOAP's action."""
    boundary = f"drawbar-{secrets.token_hex(16)}"
    lines: list[bytes] = []
    for part in (root, *others):
        head = (
            f"--{boundary}\r\nContent-Type: {part.type}\r\n"
            f"Content-Transfer-Encoding: binary\r\nContent-ID: <{part.id}>\r\n\r\n"
        )
        lines += [head.encode(), part.data, b"\r\n"]
    lines.append(f"--{boundary}--\r\n".encode())
    words = {"boundary": boundary, "start": f"<{root.id}>", **parameters}
    return b"".join(lines), "; ".join(
        [MULTIPART, *(f'{name}="{value}"' for name, value in words.items())]
    )
