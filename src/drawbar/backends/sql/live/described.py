"""What a database says of a statement that it has prepared, and has not carried out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from drawbar.backends.sql.plan import Slot, Statement


@dataclass(frozen=True, slots=True)
class Described:
    """Types by name, as the database writes them; columns as they are answered."""

    parameters: Mapping[str, str]
    columns: Mapping[str, str]


def by_name(slots: Sequence[Slot], kinds: Sequence[str]) -> dict[str, str]:
    """The type of each parameter; not of lists, whose marks stand for one element."""
    return {
        slot.name: kind
        for slot, kind in zip(slots, kinds, strict=False)
        if slot.field is None and slot.form != "array"
    }


def marks(statement: Statement) -> tuple[str, tuple[Slot, ...]]:
    """The text with one mark for each slot, a list standing for its only element; and the slots of the marks."""
    text = [statement.texts[0]]
    for slot, part in zip(statement.slots, statement.texts[1:], strict=True):
        text += ["(?)" if slot.form == "array" else "?", part]
    return "".join(text), statement.slots
