"""Brings an OpenAPI document and all that it refers to into one folder; only this may use the network, for a draft.

Files come as JSON under plain names, and references say those names. A manifest of a plugin (`ai-plugin.json`) leads
to the document it names. What cannot be had is told in one line; operations that do without it are still good.
"""

from __future__ import annotations

import re
import ssl
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias
from urllib.parse import unquote, urljoin, urlsplit

import orjson

from drawbar.backends.http.access.addresses import is_forbidden
from drawbar.backends.http.access.asking import prove
from drawbar.backends.http.openapi.documents import UnreadableDocument, holders, parse_document
from drawbar.kernel.errors import OperatorError
from drawbar.kernel.values import JsonObject, JsonValue
from drawbar.spec.secrets import mask_url

LARGEST = 100_000_000
"""Bytes of one file that is fetched."""
_MOST = 2_000
_SECONDS = 30
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_ENDING = re.compile(r"(\.(json|ya?ml|txt))+$", re.IGNORECASE)

Place: TypeAlias = Path | str
"""A file, or the URL of one."""


@dataclass(slots=True)
class Vendored:
    """A document as it will lie beside the adapter."""

    main: str
    root: JsonObject = field(repr=False)
    place: str
    """Where it came from, without secrets."""
    manifest: JsonObject | None = None
    """Of the plugin that led to it."""
    files: dict[str, bytes] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    """References that led nowhere, in words."""


def vendor(source: str) -> Vendored:
    """From a path or URL. Raises OperatorError when the document itself cannot be read."""
    return _Vendoring().run(source if _is_url(source) else Path(source).resolve())


class _Vendoring:
    def __init__(self) -> None:
        self._names: dict[Place, str] = {}
        self._missing: list[str] = []

    def run(self, place: Place) -> Vendored:
        shown = mask_url(str(place))
        root, data = _document(place, shown)
        manifest = None
        if (inner := _of_plugin(root)) is not None:
            manifest, place = root, _target(place, inner)
            root, data = _document(place, mask_url(str(place)))
        main = self._name(place)
        found = Vendored(main, root, mask_url(str(place)), manifest, missing=self._missing)
        waiting: deque[tuple[Place, JsonValue, bytes]] = deque([(place, root, data)])
        while waiting:
            place, value, data = waiting.popleft()
            changed = data.lstrip()[:1] != b"{"
            for holder in holders(value):
                reference = str(holder["$ref"])
                file, mark, pointer = reference.partition("#")
                if not file or not isinstance(holder["$ref"], str):
                    continue
                target = _target(place, file)
                if target not in self._names and not self._take(target, reference, waiting):
                    continue
                holder["$ref"] = self._names[target] + mark + pointer
                changed = True
            found.files[self._names[place]] = orjson.dumps(value) if changed else data
            if len(found.files) > _MOST:
                raise OperatorError(f"{shown} refers to more than {_MOST} files")
        return found

    def _take(
        self, target: Place, reference: str, waiting: deque[tuple[Place, JsonValue, bytes]]
    ) -> bool:
        """Read a file that is referred to; what cannot be had is noted once."""
        try:
            data = read_place(target)
            value = parse_document(data)
        except UnreadableDocument as error:
            told = f"the reference `{mask_url(reference)}` leads nowhere: {error}"
            if told not in self._missing:
                self._missing.append(told)
            return False
        self._name(target)
        waiting.append((target, value, data))
        return True

    def _name(self, place: Place) -> str:
        last = place.name if isinstance(place, Path) else urlsplit(place).path.rpartition("/")[2]
        bare = _UNSAFE.sub("_", _ENDING.sub("", unquote(last))).strip("._") or "openapi"
        name, count = f"{bare[:60]}.json", 1
        while name in self._names.values():
            count += 1
            name = f"{bare[:60]}_{count}.json"
        self._names[place] = name
        return name


def _document(place: Place, shown: str) -> tuple[JsonObject, bytes]:
    try:
        data = read_place(place)
        root = parse_document(data)
    except UnreadableDocument as error:
        raise OperatorError(f"{shown} cannot be read: {error}") from None
    if not isinstance(root, dict):
        raise OperatorError(f"{shown} is no OpenAPI document: it is no object")
    return root, data


def _of_plugin(root: JsonObject) -> str | None:
    """Where the manifest of a plugin says that its document is."""
    api = root.get("api")
    url = api.get("url") if isinstance(api, dict) else None
    return url if isinstance(url, str) and "schema_version" in root else None


def _is_url(text: str) -> bool:
    return text.startswith(("http://", "https://"))


def _target(place: Place, reference: str) -> Place:
    if _is_url(reference):
        return reference
    if isinstance(place, Path):
        return (place.parent / unquote(reference)).resolve()
    return urljoin(place, reference)


def read_place(place: Place, proof: Mapping[str, str] | None = None) -> bytes:
    """`proof` are headers that say who asks. Raises UnreadableDocument."""
    if isinstance(place, Path):
        try:
            return place.read_bytes()
        except OSError as error:
            raise UnreadableDocument(error.strerror or "it cannot be opened") from None
    host = urlsplit(place).hostname or ""
    if not _is_url(place) or is_forbidden(host):
        raise UnreadableDocument("only http and https are fetched, and no link-local address")
    request = urllib.request.Request(  # noqa: S310 -- http and https only, see above
        place,
        headers={
            "User-Agent": "drawbar",
            "Accept": "application/json, application/yaml, */*",
        },
    )
    prove(request, proof)
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as response:  # noqa: S310 -- as above
            data: bytes = response.read(LARGEST + 1)
    except (urllib.error.URLError, ssl.SSLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise UnreadableDocument(f"it cannot be fetched: {reason}") from None
    if len(data) > LARGEST:
        raise UnreadableDocument(f"it is larger than {LARGEST} bytes")
    return data
