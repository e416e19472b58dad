"""A first version of an adapter, made from what describes its backend: a WSDL, a database, an API description.

A kind offers drafts by having `draft(source, wish) -> Draft` (see `DraftingKind`). It is the only thing of a kind
that may open connections, since a person asked for it. What comes out is for that person to read, prune and decide:
effects are proposals that say so, and secrets are references.
"""

from __future__ import annotations

import difflib
import hashlib
import re
import tempfile
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Protocol, runtime_checkable

from drawbar.kernel.errors import OperatorError
from drawbar.kernel.values import Effect
from drawbar.spec.lock import Sections
from drawbar.spec.yaml_write import Inline, Node, Noted, Reference, write_yaml

__all__ = [
    "Draft",
    "DraftWish",
    "DraftingKind",
    "Inline",
    "Node",
    "Noted",
    "Reference",
    "function_names",
    "functions_node",
    "laid_out",
    "proposed_effect",
    "snake_case",
    "write_yaml",
]

BETWEEN = " | "
"""What stands between patterns in the lock: they may hold blanks."""
LONGEST_NAME = 64
"""Characters of a function's name with its prefix, as model servers take it."""
_ACCENTS = re.compile("[\u0300-\u036f]")
_WORDS = re.compile(r"[A-Z]{2,}s(?![A-Za-z])|[A-Z]+(?![a-z])[0-9]*|[A-Z]?[a-z]+[0-9]*|[0-9]+[a-z]*")
_EMPTY = frozenset({"async", "do", "op", "ws", "x"})
"""First words that say nothing of what is done."""
_READING = re.compile(
    "browse|calculate|check|compare|compute|contains|convert|count|describe|discover|download|echo|enumerate|estimate"
    "|exists|export|fetch|find|get|has|head|inquire|inspect|is|list|load|locate|look|lookup|peek|ping|poll|preview"
    "|probe|query|quote|read|resolve|retrieve|return|search|select|show|status|suggest|test|track|translate|validate"
    "|verify|view|which"
)
_ENDING = re.compile(
    "abort|cancel|clear|close|delete|destroy|disable|discard|drop|end|erase|expire|kill|purge|remove|reset|revoke|stop"
    "|terminate|uninstall|unregister|unsubscribe|void|wipe|withdraw"
)


@dataclass(frozen=True, slots=True)
class DraftWish:
    """What the person who asked for a draft wants."""

    name: str | None = None
    """The adapter's name; the kind makes one of the source where there is none."""
    only: tuple[str, ...] = ()
    """Patterns such as `Get*`; of what the source offers only that which one of them matches. All, when empty."""
    options: Mapping[str, str] = field(default_factory=dict)
    """Words of the kind's own, such as `service`; `check_options` refuses others."""
    named: Mapping[str, str] = field(default_factory=dict)
    """The names that functions got in an earlier draft, by what they stand for; they keep them."""
    asked: str | None = None
    """By which name the draft was asked for: the kind's, or one of its `sources`."""

    @classmethod
    def earlier(cls, name: str, lock: Sections) -> DraftWish:
        """What was wanted the last time, as the lock remembers it."""
        made = lock.get("made", {})
        options = {k.removeprefix("option "): v for k, v in made.items() if k.startswith("option ")}
        only = tuple(filter(None, made.get("only", "").split(BETWEEN)))
        return cls(name, only, options, lock.get("functions", {}), made.get("kind"))

    def wants(self, name: str) -> bool:
        """Whether this is one of those that were asked for."""
        return not self.only or any(fnmatchcase(name, pattern) for pattern in self.only)

    def check_options(self, known: Mapping[str, str]) -> None:
        """Refuse options that the kind does not know. `known` has what each of its own means."""
        for name in self.options:
            if name not in known:
                near = difflib.get_close_matches(name, known, 1)
                meant = f"did you mean `{near[0]}`?" if near else "there are " + _listed(known)
                raise OperatorError(f"a draft of this kind has no option `{name}`; {meant}")


@dataclass(frozen=True, slots=True)
class Draft:
    """The text of an adapter, and the files that belong beside it."""

    name: str
    """The adapter's, and that of its file."""
    text: str
    """YAML; see `write_yaml`."""
    files: Mapping[str, bytes] = field(default_factory=dict)
    """By path below the adapter's folder."""
    notes: tuple[str, ...] = ()
    """For the person: what was left out and why, what has to be looked at. One line each."""
    named: Mapping[str, str] = field(default_factory=dict)
    """The name of each function by what it stands for in the source, which does not change when the source grows."""
    undecided: tuple[str, ...] = ()
    """Functions whose effect was only guessed, for the person to decide."""
    environ: Mapping[str, str] = field(default_factory=dict)
    """Values for the draft's own references, with which it can be compiled where they are not set."""
    types: Mapping[str, str] = field(default_factory=dict)
    """What the source says of types, by `FUNCTION.PARAMETER` and `FUNCTION -> COLUMN`, to be pinned in the lock."""


@runtime_checkable
class DraftingKind(Protocol):
    """A kind that can draft an adapter.

    It may have `sources`, other names by which people ask for it: those of what it drafts from.
    """

    def draft(self, source: str, wish: DraftWish) -> Draft:
        """Draft from a path or URL. Raises OperatorError that says what is wrong with the source."""
        ...


def snake_case(text: str) -> str:
    """`GetRates`, `getXMLFile` and `get-rates` as `get_rates`, `get_xml_file`, `get_rates`; `x` where nothing is left."""
    without_accents = _ACCENTS.sub("", unicodedata.normalize("NFKD", text))
    words = "_".join(_WORDS.findall(without_accents)).lower()
    return words if words and words[0].isalpha() else f"x_{words}".rstrip("_")


def proposed_effect(name: str) -> Effect:
    """What the first verb of a name sounds like, for a person to decide; what sounds like nothing is a change."""
    words = [word for word in snake_case(name).split("_") if word not in _EMPTY]
    first = words[0] if words else ""
    if _ENDING.fullmatch(first):
        return "destroy"
    return "read" if _READING.fullmatch(first) else "write"


def functions_node(functions: Mapping[str, Node]) -> Noted:
    """The functions of a draft, an empty line between them; each may have its own comments."""
    nodes: dict[str, Node] = {}
    for name, function in functions.items():
        noted = function if isinstance(function, Noted) else Noted(function)
        nodes[name] = replace(noted, apart=bool(nodes))
    return Noted(nodes, apart=True)


@contextmanager
def laid_out(files: Mapping[str, bytes]) -> Iterator[Path]:
    """A folder with these files, for as long as they are read."""
    with tempfile.TemporaryDirectory() as folder:
        for name, data in files.items():
            (Path(folder) / name).write_bytes(data)
        yield Path(folder)


def function_names(
    wanted: Mapping[str, str], prefix: str, named: Mapping[str, str]
) -> dict[str, str]:
    """A name for each function, by what it stands for.

    `wanted` has what each is called in the source; `named` the names of an earlier draft, which stay and are not
    given to others. Two that are written alike get `_2`, `_3`, in their order. A name that is too long is cut
    behind a word and gets a mark made of what it stands for, so that it stays the same whatever comes beside it.
    """
    taken = set(named.values())
    most = LONGEST_NAME - len(prefix)
    names: dict[str, str] = {}
    for key, text in wanted.items():
        name = named.get(key) or _free(snake_case(text), key, most, taken)
        taken.add(name)
        names[key] = name
    return names


def _free(name: str, key: str, most: int, taken: Collection[str]) -> str:
    if len(name) > most:
        mark = hashlib.sha256(key.encode()).hexdigest()[:4]
        cut = name[: most - len(mark) - 1]
        name = f"{cut.rpartition('_')[0] or cut}_{mark}"
    found, number = name, 1
    while found in taken:
        number += 1
        found = f"{name[: most - len(str(number)) - 1]}_{number}"
    return found


def _listed(known: Mapping[str, str]) -> str:
    return ", ".join(f"`{name}` ({meaning})" for name, meaning in known.items()) or "none"
