"""The files of the chat page, read once, each with its tag."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "assets"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class Asset:
    content: bytes
    media_type: str
    etag: str


def load_assets(folder: Path = FOLDER) -> dict[str, Asset]:
    """By file name. What has no known type is no asset."""
    found = {}
    for path in sorted(folder.iterdir()):
        if media_type := TYPES.get(path.suffix):
            content = path.read_bytes()
            tag = hashlib.sha256(content).hexdigest()[:24]
            found[path.name] = Asset(content, media_type, f'"{tag}"')
    return found
