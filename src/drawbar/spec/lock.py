"""`adapters.lock`: what must not change unseen between a draft and the next, beside the adapters it was made for.

A file of facts, one a line, sorted, so that two branches merge: by adapter, by section, by key, each a text.
Sections so far: `made` (of what, how), `files` (the hash of each vendored file), `functions` (the name that a function
got, by what it stands for), `drafted` (the hash of each function's draft, which tells an edited one). A kind may keep
others, such as types that were read from a live database.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

from drawbar.kernel.errors import OperatorError
from drawbar.spec.yaml12 import read_yaml
from drawbar.spec.yaml_write import write_yaml

FILE = "adapters.lock"
_HEAD = "# What `drawbar new` and its updates go by. Commit it with the adapters; nothing in it is edited by hand.\n"

Sections: TypeAlias = Mapping[str, Mapping[str, str]]
"""What is kept for one adapter."""


def read_lock(folder: Path) -> dict[str, Sections]:
    """By adapter; empty where there is no lock. Raises OperatorError for a file that is not what was written."""
    path = folder / FILE
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise OperatorError(f"{path} cannot be read: {error}") from error
    source, problems = read_yaml(text, str(path))
    if problems:
        raise OperatorError(f"{problems[0][1]}\n    take one side of a merge, or make it anew")
    locked: dict[str, Sections] = {}
    for adapter, sections in _mapping(source.data, path).items():
        locked[adapter] = {
            name: {key: str(value) for key, value in _mapping(facts, path).items()}
            for name, facts in _mapping(sections, path).items()
        }
    return locked


def _mapping(value: object, path: Path) -> Mapping[str, object]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise OperatorError(f"{path} holds {value!r} where an adapter has its facts; make it anew")
    return value


def write_lock(folder: Path, adapter: str, sections: Sections) -> None:
    """Keep these sections for one adapter, in place of those of the same names."""
    locked = read_lock(folder)
    locked[adapter] = {**locked.get(adapter, {}), **sections}
    facts = {
        name: {
            section: dict(sorted(each.items())) for section, each in sorted(kept.items()) if each
        }
        for name, kept in sorted(locked.items())
    }
    text = _HEAD + write_yaml(facts, references=False)
    (folder / FILE).write_text(text, encoding="utf-8")


def hash_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def drifted(folder: Path, sections: Sections) -> list[str]:
    """The vendored files of an adapter that are not what they were, or not there."""
    changed = []
    for name, wanted in sections.get("files", {}).items():
        path = folder / name
        if not path.is_file():
            changed.append(f"`{name}` is missing")
        elif hash_of(path.read_bytes()) != wanted:
            changed.append(f"`{name}` has changed")
    return changed
