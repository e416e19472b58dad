"""Who made a compiled adapter: the code of Drawbar and of the kind, the libraries they stand on, and Python."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

_FORMAT = "1"
"""Raised when what is written changes its meaning, though the code that differs says it already."""


def maker_of(kind: object) -> str:
    """A digest that changes with any of them.

    Files count by size and time of change, as they do for Python's own caches; libraries by their names and
    versions, which the names of their metadata tell.
    """
    return _maker_of(type(kind).__module__)


@cache
def _maker_of(module: str) -> str:
    told = hashlib.sha256(f"{_FORMAT} {sys.implementation.cache_tag} {sys.version}\n".encode())
    for line in (*_sources(Path(__file__).parents[1]), *_kind_sources(module), *_libraries()):
        told.update(line.encode(errors="surrogateescape") + b"\n")
    return told.hexdigest()


def _kind_sources(module: str) -> Iterator[str]:
    """Of a kind that another package brings."""
    package = sys.modules[module.partition(".")[0]]
    if module.startswith("drawbar."):
        return
    for folder in getattr(package, "__path__", ()):
        yield from _sources(Path(folder))
    if (file := getattr(package, "__file__", None)) is not None:
        yield _state(file, os.stat(file))  # noqa: PTH116 -- as below


def _sources(folder: Path) -> Iterator[str]:
    # os.scandir and not Path.rglob: it asks for each file once, and this is part of every start.
    waiting = [str(folder)]
    found: list[str] = []
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.name.endswith(".py"):
                    found.append(_state(entry.path, entry.stat()))
                elif entry.is_dir() and entry.name != "__pycache__":
                    waiting.append(entry.path)
    return iter(sorted(found))


def _state(path: str, found: os.stat_result) -> str:
    return f"{path} {found.st_size} {found.st_mtime_ns}"


def _libraries() -> Iterator[str]:
    for folder in dict.fromkeys(sys.path):
        try:
            names = os.listdir(folder or ".")  # noqa: PTH208 -- names only
        except OSError:
            continue
        yield from sorted(name for name in names if name.endswith(".dist-info"))
