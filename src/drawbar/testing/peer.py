"""The system that a kind is tried against, as the tests see it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable

from drawbar.kernel.values import JsonValue

HOSTILE = (
    "plain",
    'it\'s "quoted" and `ticked`',
    "a;b|c&d$(e)${f}{g}%s%(h)s<i>&j;]]>",
    "back\\slash \\n \\u0041 ../../etc/passwd",
    "--option",
    "'; drop table x; --",
    "line one\nline two\ttabbed",
    "ends with blanks  ",
    "größer 漢字 👍 \u202edesrever",
    "a\x00b",
    "\r\nInjected: yes\r\n\r\n",
    "",
)
"""Texts that mean something to one wire or another."""


class Peer(ABC):
    """A real peer, running when a test gets it, with an adapter of these functions:

    * `echo(text: string)` reads; it answers the text (see `text_of`)
    * `wait(seconds: number)` reads; it answers when so much time has passed
    * `change(seconds: number)` writes; it waits likewise, and is counted when it begins
    * `rows(count: integer)` reads; it answers a list of so many things; left out where `lists` is False
    """

    secret: str | None = None
    """A text among the adapter's secrets, such as a password; None where the kind has none."""
    settings = ""
    """Settings of the deployment, as YAML; for kinds that need some under `kinds:`."""
    lists = True
    """Whether one reply can be a list."""
    restarts = True
    """Whether there is a peer that can be stopped and started; a library in this process is none."""
    undoes = False
    """Whether a change that is cut off is undone by the peer, as in a transaction."""
    counts_work = True
    """Whether `at_work` can be answered."""
    hostile: Iterable[str] = HOSTILE

    @abstractmethod
    def adapter(self) -> str:
        """The text of an adapter file called `peer`."""

    @abstractmethod
    def wrong_words(self) -> tuple[str, str]:
        """The same text twice, with an unknown key under `backend`, and with one in a function.

        The key is `unheard_of`, and nothing else is wrong.
        """

    @abstractmethod
    async def changes(self) -> int:
        """How many calls of `change` have begun."""

    def text_of(self, value: JsonValue) -> JsonValue:
        """What `echo` was sent, from what it answered."""
        return value

    def list_of(self, value: JsonValue) -> JsonValue:
        """The list that `rows` answered."""
        return value

    async def at_work(self) -> int:
        """How many calls the peer is working on now."""
        raise NotImplementedError

    async def rest(self) -> None:  # noqa: B027 -- most peers notice by themselves
        """Drop what it still does for callers who have gone, where nothing told it so."""

    async def stop(self) -> None:
        """Be gone, as after a crash."""
        raise NotImplementedError

    async def start(self) -> None:
        """Be there again, at the same address."""
        raise NotImplementedError
