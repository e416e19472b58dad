"""Rules about particles: how often they come, when a choice is none, when two are one, what they are called."""

from __future__ import annotations

from dataclasses import replace

from drawbar.backends.soap.contract.shape import Item, Member, Record
from drawbar.backends.soap.contract.xsd import Component, Unresolved, describe, local


def is_impossible(member: Member) -> bool:
    """Whether nothing can stand here: an abstract type that no concrete one derives from."""
    return (
        isinstance(member, Item)
        and isinstance(member.type, Record)
        and member.type.abstract
        and not member.type.concrete
    )


def can_be_empty(members: tuple[Member, ...]) -> bool:
    """Whether a branch can be empty, which makes its whole choice optional."""
    return all(member.least == 0 for member in members)


def required_branches(branches: list[tuple[Member, ...]]) -> list[tuple[Member, ...]]:
    """A branch of one optional part is chosen by giving that part; leaving the choice out gives none."""
    return [
        (replace(branch[0], least=1),) if len(branch) == 1 and branch[0].least == 0 else branch
        for branch in branches
    ]


def widened(member: Member, occurs: tuple[int, int | None]) -> Member | None:
    """A single member that takes over how often its sequence comes; None where the two do not multiply."""
    least, most = occurs
    if (member.least, member.most) == (1, 1):
        return replace(member, least=least, most=most)
    if (least, most) == (0, 1):
        # An optional run of at least n is either nothing or n: only 0 and 1 can be folded.
        return replace(member, least=0) if member.least <= 1 else None
    if member.least <= 1 and member.most is None and least <= 1:
        return replace(member, least=min(least, member.least), most=None)
    if member.least <= 1 and most is None and member.most is not None and least <= 1:
        return replace(member, least=min(least, member.least), most=None)
    return None


def is_local(node: Component) -> bool:
    parent = node.node.getparent()
    return parent is not None and local(str(parent.tag)) not in {"schema", "redefine"}


def occurs_of(node: Component) -> tuple[int, int | None]:
    """How often a particle comes, at least and at most. Raises Unresolved for words that are no numbers."""
    most = node.get("maxOccurs") or "1"
    try:
        least = int(node.get("minOccurs") or "1")
        end = None if most == "unbounded" else int(most)
    except ValueError:
        raise Unresolved(
            f"{node.document.file}: minOccurs or maxOccurs of {describe(node)} is no number",
            f"correct it in {node.document.file}",
        ) from None
    return (least if end is None else min(least, end)), end


class Names:
    """Hands out names that are unique within one object of JSON."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def take(self, wanted: str) -> str:
        name, count = wanted, 1
        while name in self._taken:
            count += 1
            name = f"{wanted}_{count}"
        self._taken.add(name)
        return name

    def attribute(self, wanted: str) -> str:
        return self.take(f"attr__{wanted}" if wanted in self._taken else wanted)
