"""What a reader of a reply should know about it: where it leaves the contract, told by the names of elements.

Values are never told here: a note is not masked as the value itself may be.
"""

from __future__ import annotations

from dataclasses import dataclass, field

_NAMED = 5


@dataclass(slots=True)
class Remarks:
    """Names of elements, in the order they were met; each once."""

    unknown: dict[str, None] = field(default_factory=dict)
    missing: dict[str, None] = field(default_factory=dict)
    misordered: dict[str, None] = field(default_factory=dict)
    odd: dict[str, None] = field(default_factory=dict)

    @property
    def notes(self) -> tuple[str, ...]:
        told = (
            ("The reply has elements that are not in the contract, kept as text", self.unknown),
            ("The reply lacks elements that the contract requires", self.missing),
            ("Elements of the reply are in another order than in the contract", self.misordered),
            ("Values of the reply do not fit the contract and are kept as they came", self.odd),
        )
        return tuple(f"{what}: {_listed(names)}." for what, names in told if names)


def _listed(names: dict[str, None]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(list(names)[:_NAMED]) + more
