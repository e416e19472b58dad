"""What the server tells the surfaces when it goes down."""

from __future__ import annotations


class Drain:
    """Whether the server is going down; set once."""

    __slots__ = ("begun",)

    def __init__(self) -> None:
        self.begun = False
