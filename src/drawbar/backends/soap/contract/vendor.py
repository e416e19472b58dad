"""Brings a WSDL and all that it imports into one folder: the only thing of this kind that may use the network.

Files come under plain names, and where one says where another is, it says so by that name. An import that leads
nowhere is told in one line; the contract is still good for the operations that do without it.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias
from urllib.parse import parse_qsl, urljoin, urlsplit

from lxml import etree

from drawbar.backends.soap.contract.catalog import CATALOG
from drawbar.backends.soap.contract.documents import UnreadableXml, locate
from drawbar.backends.soap.contract.mend import parse_contract
from drawbar.backends.soap.contract.xsd import WSDL, XML, XSD
from drawbar.kernel.errors import OperatorError
from drawbar.spec.secrets import mask_url

LARGEST = 50_000_000
"""Bytes of one file that is fetched."""
_MOST = 500
_SECONDS = 30
_WORDS = {
    f"{{{WSDL}}}import": "location",
    f"{{{XSD}}}import": "schemaLocation",
    f"{{{XSD}}}include": "schemaLocation",
    f"{{{XSD}}}redefine": "schemaLocation",
}
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_PAGES = re.compile(r"(?:\.(?:svc|asmx|aspx|php|jws|do|cgi|xml|wsdl|xsd))+$", re.IGNORECASE)

Source: TypeAlias = Path | str
"""A file, or the URL of one."""


@dataclass(slots=True)
class Vendored:
    """A contract as it will lie beside the adapter."""

    main: str
    """Name of the WSDL."""
    files: dict[str, bytes] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    """Imports that led nowhere, in words."""


def vendor(source: str) -> Vendored:
    """From a path or URL. Raises OperatorError when the WSDL itself cannot be read."""
    return _Vendoring(source).run()


class _Vendoring:
    def __init__(self, source: str) -> None:
        self._first: Source = source if _is_url(source) else Path(source).resolve()
        self._shown = mask_url(source)
        self._names: dict[Source, str] = {}
        self._missing: list[str] = []

    def run(self) -> Vendored:
        try:
            first = _read(self._first)
            root = parse_contract(first, comments=True)
        except UnreadableXml as error:
            raise OperatorError(f"{self._shown} cannot be read: {error}") from None
        if next(root.iter(f"{{{WSDL}}}definitions"), None) is None:
            raise OperatorError(
                f"{self._shown} is no WSDL 1.1: its root is `{etree.QName(root).localname}`. "
                "Give the address or file of the WSDL itself; it often ends in ?wsdl."
            )
        found = Vendored(self._name(self._first, root), missing=self._missing)
        waiting: deque[tuple[Source, bytes, etree._Element]] = deque([(self._first, first, root)])
        while waiting:
            place, data, root = waiting.popleft()
            changed = False
            for node, word, location in _locations(root):
                inner = self._follow(place, node, location)
                if inner is None:
                    continue
                target, more = inner
                if more is not None:
                    waiting.append((target, *more))
                changed |= node.get(word) != self._names[target]
                node.set(word, self._names[target])
            found.files[self._names[place]] = _written(root) if changed else data
            if len(found.files) > _MOST:
                raise OperatorError(f"{self._shown} imports more than {_MOST} files")
        return found

    def _follow(
        self, importer: Source, node: etree._Element, location: str
    ) -> tuple[Source, tuple[bytes, etree._Element] | None] | None:
        """What an import means, with its content when it is met for the first time; None where it leads nowhere."""
        namespace = node.get("namespace") or ""
        target = _target(importer, location)
        if target is not None and target in self._names:
            return target, None
        if namespace in {*CATALOG, XML, XSD} and not isinstance(target, Path):
            return None  # Drawbar brings these
        try:
            data = _read(target)
            root = parse_contract(data, comments=True)
        except UnreadableXml as error:
            self._missing.append(self._told(importer, node, location, str(error)))
            return None
        assert target is not None  # noqa: S101 -- there was something to read
        self._name(target, root)
        return target, (data, root)

    def _told(self, importer: Source, node: etree._Element, location: str, why: str) -> str:
        tag = etree.QName(node).localname
        of = f" of namespace `{node.get('namespace')}`" if node.get("namespace") else ""
        line = f"{self._names[importer]}:{node.sourceline}"
        return (
            f"{line}: {tag}{of} leads to `{mask_url(location)}`, and {why}; put that file beside the WSDL as "
            f"`{_plain_name(location, '.xsd')}` and draft again. Operations that need it are left out."
        )

    def _name(self, source: Source, root: etree._Element) -> str:
        """A plain name in the folder, which no other file has."""
        is_schema = root.tag == f"{{{XSD}}}schema"
        name = _plain_name(str(source), ".xsd" if is_schema else ".wsdl")
        if name.lower() in {each.lower() for each in self._names.values()}:
            *_, above, _ = urlsplit(str(source)).path.split("/")
            name = f"{_UNSAFE.sub('_', above)}_{name}"
        stem, _, ending = name.rpartition(".")
        number = 1
        while name.lower() in {each.lower() for each in self._names.values()}:
            number += 1
            name = f"{stem}_{number}.{ending}"
        self._names[source] = name
        return name


def _locations(root: etree._Element) -> Iterator[tuple[etree._Element, str, str]]:
    for node in root.iter(*_WORDS):
        word = _WORDS[str(node.tag)]
        if location := (node.get(word) or "").strip():
            yield node, word, location


def _target(importer: Source, location: str) -> Source | None:
    """The file or URL that a location means; what was read from a file stays among files."""
    if isinstance(importer, Path):
        return locate(location, importer).path
    target = urljoin(importer, location)
    return target if _is_url(target) else None


def _is_url(text: str) -> bool:
    return urlsplit(text).scheme.lower() in {"http", "https"}


def _plain_name(source: str, ending: str) -> str:
    """`https://h/Rates.svc?xsd=xsd0` as `Rates.xsd0.xsd`."""
    parts = urlsplit(source)
    last = (parts.path if _is_url(source) else source).rstrip("/").rpartition("/")[2]
    words = [value or key for key, value in parse_qsl(parts.query, keep_blank_values=True)]
    if not _is_url(source) and parts.query:
        last = parts.path.rpartition("/")[2]
    stem = _UNSAFE.sub("_", _PAGES.sub("", last)).strip("._") or "service"
    told = [
        _UNSAFE.sub("_", _PAGES.sub("", word.rpartition("/")[2])).strip("._")
        for word in words
        if word.lower() not in {"wsdl", "singlewsdl", "xsd"}
    ]
    return ".".join([stem, *filter(None, told)])[:100] + ending


def _read(source: Source | None) -> bytes:
    """Raises UnreadableXml."""
    if source is None:
        raise UnreadableXml("there is no such file")
    if isinstance(source, str):
        return _fetch(source)
    try:
        return source.read_bytes()
    except OSError as error:
        raise UnreadableXml(f"it cannot be opened: {error.strerror}") from None


def _fetch(url: str) -> bytes:
    import httpx2  # noqa: PLC0415 -- only drafts need it, and only from URLs

    try:
        with (
            httpx2.Client(follow_redirects=True, timeout=_SECONDS) as client,
            client.stream(
                "GET", url, headers={"Accept": "text/xml, application/xml, */*"}
            ) as answer,
        ):
            if not answer.is_success:
                raise UnreadableXml(f"the server says HTTP {answer.status_code}")
            data = bytearray()
            for chunk in answer.iter_bytes():
                data += chunk
                if len(data) > LARGEST:
                    raise UnreadableXml(f"it is larger than {LARGEST // 1_000_000} MB")
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise UnreadableXml(
            f"it cannot be fetched: {mask_url(str(error)) or type(error).__name__}"
        ) from None
    return bytes(data)


def _written(root: etree._Element) -> bytes:
    return etree.tostring(root.getroottree(), encoding="utf-8", xml_declaration=True)
