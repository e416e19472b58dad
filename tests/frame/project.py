"""Files of the repository that are no source."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
LOCKS = (
    "requirements.lock",
    "requirements-build.lock",
    "requirements-dev.lock",
    "requirements-local.lock",
)


def pyproject() -> dict[str, Any]:  # Any: as TOML has it
    return tomllib.loads((REPOSITORY / "pyproject.toml").read_text())


def plain(name: str) -> str:
    """A distribution's name as an index compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def locked(file: str) -> dict[str, set[str]]:
    """Names to versions; several where they depend on the platform."""
    versions: dict[str, set[str]] = {}
    for line in (REPOSITORY / file).read_text().splitlines():
        if found := re.match(r"([a-z0-9][\w.-]*)(?:\[[^]]*\])?==(\S+)", line):
            versions.setdefault(plain(found[1]), set()).add(found[2])
    return versions


def names(requirements: list[str]) -> set[str]:
    return {plain(re.split(r"[\[><=!~; ]", line, maxsplit=1)[0]) for line in requirements}
