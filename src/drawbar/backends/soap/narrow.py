"""Narrowing an operation that is too large to offer whole: which parts are not published.

An author says `hide:` (these parts not) or `keep:` (of the optional parts only these). What is required stays
in any case. For an operation above LARGE tokens the compiler proposes a narrowing: optional parts that are
themselves made of parts go, wherever they hang directly below required ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import orjson

from drawbar.backends.soap.shape import Attribute, Choice, Content, Group, Item, Member, Record

LARGE = 4_000
"""Tokens above which a narrowing is proposed: every run pays for the schemas it offers."""
_LETTERS = 4
"""Characters of JSON to a token, roughly."""

Hidden: TypeAlias = Mapping[str, "Hidden"]
"""Paths that are not published, as a tree; an empty one hides what it stands for."""


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


def contents_of(part: Member | Attribute) -> list[Content]:
    """What is inside a part: one, one for each branch of a choice, or nothing."""
    if isinstance(part, Group):
        return [Content(part.members)]
    if isinstance(part, Choice):
        return [Content(branch) for branch in part.branches]
    if isinstance(part, Item) and isinstance(part.type, Record):
        if not part.type.content.array:
            return [] if part.type.abstract else [part.type.content]
        (member,) = part.type.content.members
        return contents_of(member)
    return []


def part_at(content: Content, path: list[str]) -> Member | Attribute | None:
    """The part at a path, also inside repeated ones."""
    part = next((each for each in parts_of(content) if each.name == path[0]), None)
    if part is None or len(path) == 1:
        return part
    found = (part_at(inner, path[1:]) for inner in contents_of(part))
    return next((each for each in found if each is not None), None)


def is_needed(part: Member | Attribute) -> bool:
    return part.required if isinstance(part, Attribute) else part.least > 0


def all_but(content: Content, keep: Iterable[str], taken: Iterable[str]) -> Iterator[str]:
    """The paths to hide, so that of the optional parts only those in `keep` are left.

    It says something about the top, and about each part that a path of `keep` leads into.
    """
    below: dict[str, list[str]] = {}
    for path in keep:
        name, _, left = path.partition(".")
        below.setdefault(name, []).extend([left] if left else [])
    in_use = {path.partition(".")[0] for path in taken}
    for part in parts_of(content):
        if part.name in below:
            rest = below[part.name]
            inner_taken = [p.partition(".")[2] for p in taken if p.startswith(part.name + ".")]
            for inner in contents_of(part) if rest else ():
                yield from (f"{part.name}.{each}" for each in all_but(inner, rest, inner_taken))
        elif not is_needed(part) and part.name not in in_use:
            yield part.name


@dataclass(slots=True)
class _Proposal:
    """Walks required parts and collects the optional ones below them that are made of parts."""

    taken: frozenset[str]
    hide: list[str] = field(default_factory=list)

    def walk(self, content: Content, path: str, inside: frozenset[int]) -> None:
        for part in parts_of(content):
            at = f"{path}.{part.name}" if path else part.name
            if at in self.taken:
                continue
            inner = contents_of(part)
            large = bool(inner) or _is_abstract(part)
            if large and not is_needed(part):
                if not any(each.startswith(at + ".") for each in self.taken):
                    self.hide.append(at)
            elif not isinstance(part, Choice):
                for each in inner:
                    if id(each) not in inside:
                        self.walk(each, at, inside | {id(each)})


def _is_abstract(part: Member | Attribute) -> bool:
    return isinstance(part, Item) and isinstance(part.type, Record) and part.type.abstract


def proposed(content: Content, taken: Iterable[str]) -> list[str]:
    """Paths to hide that take most of the weight; empty where everything large is required."""
    proposal = _Proposal(frozenset(taken))
    proposal.walk(content, "", frozenset())
    return proposal.hide


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
