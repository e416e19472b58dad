"""Narrowing an operation that is too large to offer whole: which parts are not published.

An author says `hide:` (these parts not) or `keep:` (of the optional parts only these). What is required stays
in any case. For an operation above LARGE tokens the compiler proposes a narrowing: optional parts that are
themselves made of parts go, and come back from the outside to the inside, in the contract's order, while there is ROOM.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import orjson

from drawbar.backends.soap.contract.shape import (
    Attribute,
    Choice,
    Content,
    Group,
    Item,
    Member,
    Record,
)
from drawbar.backends.soap.contract.texts import Text

LARGE = 4_000
"""Tokens above which a narrowing is proposed: every run pays for the schemas it offers."""
ROOM = 3_000
"""Tokens that a proposal may fill: of what was hidden, parts are taken back as long as they fit."""
_LETTERS = 4
"""Characters of JSON to a token, roughly."""

Hidden: TypeAlias = Mapping[str, "Hidden"]
"""Paths that are not published, as a tree; an empty one hides what it stands for."""

Types: TypeAlias = Mapping[str, Sequence[str]]
"""Of an abstract type, by its label: those that are offered; all, where nothing is said."""
_ALL: Types = {}


class _Removed(dict[str, Hidden]):
    """Hides a part that nobody fills."""


REMOVED: Hidden = _Removed()


def hidden_tree(taken: Iterable[str], removed: Iterable[str] = ()) -> Hidden:
    """The paths as a tree; what is hidden as a whole has nothing below it."""
    tree: dict[str, Hidden] = {}
    for paths, leaf in ((removed, REMOVED), (taken, {})):
        for path in paths:
            _plant(tree, path.split("."), leaf)
    return tree


def _plant(tree: dict[str, Hidden], path: list[str], leaf: Hidden) -> None:
    for step in path[:-1]:
        below = tree.get(step)
        if below is not None and not below and below is not REMOVED:
            return  # taken as a whole
        inner = dict(below or {})
        tree[step] = inner
        tree = inner
    tree[path[-1]] = leaf


def is_filled(hidden: Hidden) -> bool:
    """Whether a parameter of the author fills something here."""
    return hidden is not REMOVED and (not hidden or any(map(is_filled, hidden.values())))


def parts_of(content: Content) -> tuple[Member | Attribute, ...]:
    return (*content.members, *content.attributes)


def contents_of(part: Member | Attribute, types: Types = _ALL) -> list[Content]:
    """What is inside a part: one, one for each branch of a choice or type that may stand there, or nothing."""
    if isinstance(part, Group):
        return [Content(part.members)]
    if isinstance(part, Choice):
        return [Content(branch) for branch in part.branches]
    if isinstance(part, Item) and isinstance(part.type, Record):
        return _contents_of_record(part.type, types)
    return []


def _contents_of_record(record: Record, types: Types) -> list[Content]:
    if record.abstract:
        allowed = types.get(record.label)
        kinds = [kind for kind in record.concrete if allowed is None or kind.label in allowed]
        return [kind.content for kind in kinds if not kind.content.array]
    if not record.content.array:
        return [record.content]
    (member,) = record.content.members
    return contents_of(member, types)


def parts_at(content: Content, path: Sequence[str]) -> Iterator[Member | Attribute]:
    """The part at a path, also inside repeated ones; several where branches or types have one of the name."""
    for part in parts_of(content):
        if part.name == path[0]:
            if len(path) == 1:
                yield part
            for inner in contents_of(part) if len(path) > 1 else ():
                yield from parts_at(inner, path[1:])


def is_needed(part: Member | Attribute) -> bool:
    return part.required if isinstance(part, Attribute) else part.least > 0


def _needed(contents: Iterable[Content]) -> frozenset[str]:
    """Names of what is needed in one of several that stand in one place, and so cannot be hidden in any."""
    return frozenset(p.name for each in contents for p in parts_of(each) if is_needed(p))


def all_but(
    content: Content,
    keep: Iterable[str],
    taken: Iterable[str],
    needed: frozenset[str] = frozenset(),
) -> Iterator[str]:
    """The paths to hide, so that of the optional parts only those in `keep` are left.

    It says something about the top, and about each part that a path of `keep` leads into.
    """
    below: dict[str, list[str]] = {}
    for path in keep:
        name, _, left = path.partition(".")
        below.setdefault(name, []).extend([left] if left else [])
    in_use = {path.partition(".")[0] for path in taken} | needed
    for part in parts_of(content):
        if part.name in below:
            inner_taken = [p.partition(".")[2] for p in taken if p.startswith(part.name + ".")]
            yield from _all_but_inside(part, below[part.name], inner_taken)
        elif not is_needed(part) and part.name not in in_use:
            yield part.name


def _all_but_inside(
    part: Member | Attribute, keep: Sequence[str], taken: Sequence[str]
) -> Iterator[str]:
    contents = contents_of(part) if keep else []
    elsewhere = _needed(contents) if len(contents) > 1 else frozenset()
    for inner in contents:
        for each in all_but(inner, keep, taken, elsewhere):
            yield f"{part.name}.{each}"


def keep_instead(content: Content, hide: Iterable[str], types: Types) -> list[str]:
    """What to keep, so that about the same is left as when these paths are hidden.

    A part that would be left with nothing in it goes, or where it is required has its smallest part.
    """
    hidden = frozenset(hide)
    above = frozenset(path[: dot.start()] for path in hidden for dot in re.finditer(r"\.", path))
    return _kept([content], "", hidden, above, types)


def _kept(
    contents: Sequence[Content],
    path: str,
    hidden: frozenset[str],
    above: frozenset[str],
    types: Types,
) -> list[str]:
    kept: list[str] = []
    parts = _alike(contents, path, hidden)
    for at, alike in parts.items():
        needed = any(map(is_needed, alike))
        if at in above:
            inside = [each for part in alike for each in contents_of(part, types)]
            inner = _kept(inside, at, hidden, above, types)
            kept.extend(inner or ([_smallest(inside, at)] if needed else []))
        elif not needed:
            kept.append(at)
    if kept or not path:
        return kept
    return list(parts)[
        :1
    ]  # only what is named is narrowed, and what stays in any case can be named


def _alike(
    contents: Iterable[Content], path: str, hidden: frozenset[str]
) -> dict[str, list[Member | Attribute]]:
    """The parts that are not hidden, by their paths; several contents may have one of the same name."""
    parts: dict[str, list[Member | Attribute]] = {}
    for part in (each for content in contents for each in parts_of(content)):
        at = f"{path}.{part.name}" if path else part.name
        if at not in hidden:
            parts.setdefault(at, []).append(part)
    return parts


def _smallest(contents: Iterable[Content], path: str) -> str:
    least = min((part for each in contents for part in parts_of(each)), key=_bulk)
    return f"{path}.{least.name}"


def _bulk(part: Member | Attribute) -> int:
    """How much of a schema a part takes, roughly: values of an enumeration, or many for what has parts itself."""
    if isinstance(part, Item | Attribute) and isinstance(part.type, Text):
        values = part.type.schema.get("enum")
        return len(values) if isinstance(values, list) else 1
    return 1000


@dataclass(slots=True)
class _Proposal:
    """Walks required parts and collects the optional ones below them that are made of parts."""

    taken: frozenset[str]
    types: Types
    leaves: bool = False
    """Whether optional texts go, too."""
    hide: dict[str, None] = field(default_factory=dict)

    def walk(self, contents: Sequence[Content], path: str, inside: frozenset[int]) -> None:
        elsewhere = _needed(contents) if len(contents) > 1 else frozenset()
        for content in contents:
            for part in parts_of(content):
                at = f"{path}.{part.name}" if path else part.name
                if at not in self.taken:
                    self._part(part, at, inside | {id(content)}, needed=part.name in elsewhere)

    def _part(
        self, part: Member | Attribute, at: str, inside: frozenset[int], *, needed: bool
    ) -> None:
        if not is_needed(part):
            large = self.leaves or _is_abstract(part) or bool(contents_of(part, self.types))
            filled = any(each.startswith(at + ".") for each in self.taken)
            if large and not needed and not filled:
                self.hide[at] = None
                return
        inner = [each for each in contents_of(part, self.types) if id(each) not in inside]
        self.walk(inner, at, inside)


def _is_abstract(part: Member | Attribute) -> bool:
    return isinstance(part, Item) and isinstance(part.type, Record) and part.type.abstract


def proposed(
    content: Content, taken: Iterable[str], types: Types = _ALL, *, leaves: bool = False
) -> list[str]:
    """Paths to hide that take most of the weight, with `leaves` everything optional; empty where all is required."""
    proposal = _Proposal(frozenset(taken), types, leaves)
    proposal.walk([content], "", frozenset())
    return list(proposal.hide)


def proposed_inside(
    content: Content, path: str, taken: Iterable[str], types: Types = _ALL
) -> list[str]:
    """The same for what is inside a part that was proposed to hide: what still goes when it is taken back."""
    proposal = _Proposal(frozenset(taken), types)
    for part in parts_at(content, path.split(".")):
        proposal.walk(contents_of(part, types), path, frozenset())
    return list(proposal.hide)


def weight(schemas: Iterable[Mapping[str, object]]) -> int:
    """Tokens of these parts as one schema, roughly; definitions that several of them bring count once."""
    definitions: dict[str, object] = {}
    length = 0
    for schema in schemas:
        own = {name: each for name, each in schema.items() if name != "$defs"}
        length += len(orjson.dumps(own))
        brought = schema.get("$defs")
        if isinstance(brought, dict):
            definitions.update(brought)
    return (length + len(orjson.dumps(definitions))) // _LETTERS
