"""A newer draft is brought into an adapter that a person has edited, function by function.

Three sides meet: the function as it was drafted (its hash is in the lock), as it stands in the file, as it is drafted
now. What nobody touched is brought up to date; what was edited or taken out stays so; what is new is put at the end.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from drawbar.kernel.errors import OperatorError
from drawbar.spec.yaml12 import read_yaml


@dataclass(frozen=True, slots=True)
class Blocks:
    """A file in lines, cut at its functions."""

    head: list[str]
    functions: Mapping[str, list[str]]
    """By name, in the order of the file, with the comments above each."""
    tail: list[str]

    def text(self) -> str:
        lines = [*self.head, *(line for block in self.functions.values() for line in block)]
        return "".join(f"{line}\n" for line in [*lines, *self.tail])


@dataclass(slots=True)
class Redrafted:
    """What came of it. Names are of functions."""

    text: str = ""
    added: list[str] = field(default_factory=list)
    renewed: list[str] = field(default_factory=list)
    """Nobody had edited them, and the source has changed."""
    outdated: list[str] = field(default_factory=list)
    """Edited by a person, so left as they are, though the source has changed."""
    vanished: list[str] = field(default_factory=list)
    """Still in the file, and not in the source any more."""


def redraft(
    text: str,
    new: str,
    functions: tuple[Mapping[str, str], Mapping[str, str]],
    drafted: Mapping[str, str],
) -> Redrafted:
    """`functions` are the names by what they stand for, earlier and now; `drafted` the earlier hashes by name.

    Raises OperatorError where the functions of the file do not stand below one another.
    """
    earlier, now = functions
    mine, theirs = cut(text), cut(new)
    blocks = dict(mine.functions)
    done = Redrafted()
    for key, name in now.items():
        block = theirs.functions[name]
        if key not in earlier and name not in blocks:
            blocks[name] = block
            done.added.append(name)
        elif name in blocks and hash_of_block(block) != drafted.get(name):
            if hash_of_block(blocks[name]) == drafted.get(name):
                blocks[name] = block
                done.renewed.append(name)
            elif hash_of_block(blocks[name]) != hash_of_block(block):
                done.outdated.append(name)
    done.vanished.extend(name for key, name in earlier.items() if key not in now and name in blocks)
    done.text = Blocks(mine.head, blocks, mine.tail).text()
    return done


def cut(text: str) -> Blocks:
    """Raises OperatorError where it cannot be done."""
    source, problems = read_yaml(text, "the adapter")
    data = source.data if isinstance(source.data, dict) else {}
    functions = data.get("functions")
    if problems or not isinstance(functions, dict):
        why = str(problems[0][1]) if problems else "it has no `functions:`"
        raise OperatorError(f"the adapter cannot be updated: {why}")
    lines = text.splitlines()
    top = source.place(("functions",)).line
    starts = [source.place(("functions", name)).line for name in functions]
    if len({top, *starts}) != len(starts) + 1:
        raise OperatorError(
            "the adapter cannot be updated: write each function on lines of its own"
        )
    end = _end(lines, starts[-1] if starts else top)
    begins = [_with_comments(lines, start, top) for start in starts]
    edges = [*begins, end]
    blocks = {name: lines[edges[index] : edges[index + 1]] for index, name in enumerate(functions)}
    return Blocks(lines[: edges[0]], blocks, lines[end:])


def _with_comments(lines: list[str], start: int, top: int) -> int:
    """The index of the first line that belongs to a key: its comments and empty lines stand above it."""
    index = start - 1
    indent = len(lines[index]) - len(lines[index].lstrip())
    while index > top and (
        not lines[index - 1].strip() or lines[index - 1].startswith(" " * indent + "#")
    ):
        index -= 1
    return index


def _end(lines: list[str], last: int) -> int:
    """The index of the first line behind the functions: a key or comment at the left edge."""
    index = last
    while index < len(lines) and (not lines[index].strip() or lines[index][0] == " "):
        index += 1
    while index > last and not lines[index - 1].strip():
        index -= 1
    return index


def hash_of_block(block: list[str]) -> str:
    """Of a function's own lines; empty ones around it and blanks behind a line do not count."""
    text = "\n".join(line.rstrip() for line in block).strip("\n")
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def drafted_hashes(text: str) -> dict[str, str]:
    """By the name of each function of a draft."""
    return {name: hash_of_block(block) for name, block in cut(text).functions.items()}
