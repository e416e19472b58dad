"""Reads XML that others wrote: no network, no DTD, no entities, whatever the file asks for.

Everything the SOAP kind parses passes through `parse_xml`: contracts from files and replies from servers.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from lxml import etree

# libxml2 refuses documents that grow beyond what honest ones do; above this size it has to be told
# that the size is meant. Replies never come near it unless the adapter raises `limits.bytes`.
_LARGE = 9_000_000
_DEEPEST = 256
"""Elements in one another, as many as libxml2 takes without being told; told, it takes 2,048.

Readers walk a reply by recursion, so the limit holds for replies of any size.
"""
_TOO_DEEP = f"its elements stand in one another more than {_DEEPEST} deep"
_is_deep = etree.XPath(f"boolean({'/*' * (_DEEPEST + 1)})")
# Possessive throughout: a file full of comments must not make the expression try all ways to split them.
_DOCTYPE = re.compile(
    rb"\s*+(?:<\?(?:(?!\?>).)*+\?>\s*+|<!--(?:(?!-->).)*+-->\s*+)*+<!DOCTYPE", re.DOTALL
)
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class UnreadableXml(ValueError):
    """The text is no XML that may be read; the message says why, in one line."""


def parse_xml(data: bytes, *, comments: bool = False) -> etree._Element:
    """The root element, by default without comments and processing instructions. Raises UnreadableXml."""
    if b"<!DOCTYPE" in data and _DOCTYPE.match(data.removeprefix(_BYTE_ORDER_MARK)):
        raise UnreadableXml("it declares a DOCTYPE, which is never read")
    size = len(data)
    parser = _parser(huge_tree=size > _LARGE, comments=True) if comments else _parsers.of(size)
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        if str(error.msg).startswith("Excessive depth"):
            raise UnreadableXml(_TOO_DEEP) from None
        raise UnreadableXml(f"it is no well-formed XML: {error.msg}") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise UnreadableXml("it declares a DOCTYPE, which is never read")
    if size > _LARGE and _is_deep(root):
        raise UnreadableXml(_TOO_DEEP)
    return root


class _Parsers(threading.local):
    """Making a parser takes longer than a short document; a thread keeps its own."""

    def __init__(self) -> None:
        self._usual = _parser(huge_tree=False)

    def of(self, size: int) -> etree.XMLParser:
        return self._usual if size <= _LARGE else _parser(huge_tree=True)


def _parser(*, huge_tree: bool, comments: bool = False) -> etree.XMLParser:
    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=huge_tree,
        remove_comments=not comments,
        remove_pis=not comments,
    )


_parsers = _Parsers()


def read_bytes(path: Path) -> bytes:
    """The content of a file. Raises UnreadableXml when it cannot be opened."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise UnreadableXml(f"it cannot be opened: {error.strerror}") from None


@dataclass(frozen=True, slots=True)
class Location:
    """Where an import points: a file that exists, or None and the text that led nowhere."""

    path: Path | None
    text: str
    looked_at: tuple[Path, ...] = ()
    """Every file that was looked for, there or not."""


def locate(location: str, importer: Path) -> Location:
    """The file that an import or include means: where it says, else beside `importer` under its last part.

    An address of the web is looked for beside it only, since contracts are vendored: nothing is ever fetched.
    """
    folder = importer.parent
    parts = urlsplit(location)
    last = unquote(parts.path).replace("\\", "/").rsplit("/", 1)[-1]
    if parts.scheme in {"http", "https"}:
        names = [f"{last}?{parts.query}", last] if parts.query else [last]
    else:
        names = [location, unquote(location), unquote(parts.path), last]
    looked_at: list[Path] = []
    for name in names:
        try:
            candidate = (folder / name).resolve()
            if name and candidate.is_file():
                return Location(candidate, location, (*looked_at, candidate))
        except (OSError, ValueError):  # names no file system takes: too long, a NUL
            continue
        if name:
            looked_at.append(candidate)
    return Location(None, location, tuple(looked_at))
