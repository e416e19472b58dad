"""What a running server tells of itself: where it begins, its schema, and what is in it."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from drawbar.backends.ldap import messages
from drawbar.backends.ldap.connection import Connection
from drawbar.backends.ldap.failure import ADMIN_LIMIT, SIZE_LIMIT, SUCCESS, failure
from drawbar.backends.ldap.filters import Present
from drawbar.backends.ldap.messages import DONE, ENTRY

_ANY = Present("objectClass").encode({})
_TIME = 10.0
_MOST = 2000
"""Entries that are looked at."""
_PAGE = 500
_NAMES = re.compile(r"\bNAME (?:'([^']*)'|\(([^)]*)\))")
_SUPERIORS = re.compile(r"\bSUP (?:\(([^)]*)\)|([^\s)]+))")
_DESCRIPTION = re.compile(r"\bDESC '([^']*)'")


@dataclass(frozen=True, slots=True)
class Kept:
    """Of one entry: its classes, the attribute that names it, and the names of all its attributes."""

    classes: tuple[str, ...]
    naming: str
    attributes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Server:
    """The root and the schema of a server."""

    contexts: tuple[str, ...]
    descriptions: Mapping[str, str]
    superiors: Mapping[str, frozenset[str]]
    """All classes above a structural one, by name in lower case."""
    searched: frozenset[str]

    def most_special(self, classes: Sequence[str]) -> str:
        """The structural class of an entry: the one that is above none of its others."""
        known = [each for each in classes if each.lower() in self.superiors] or list(classes)
        above = {up for each in known for up in self.superiors.get(each.lower(), frozenset())}
        return next((each for each in known if each.lower() not in above), known[0])


async def read_server(connection: Connection) -> Server:
    """Raises BackendError where the root is not shown."""
    root = await entry_of(
        connection, "", ["namingContexts", "defaultNamingContext", "subschemaSubentry"]
    )
    contexts = [*_texts(root, "defaultnamingcontext"), *_texts(root, "namingcontexts")]
    where = _texts(root, "subschemasubentry")
    schema = (
        await entry_of(connection, where[0], ["attributeTypes", "objectClasses"]) if where else {}
    )
    classes = _by_name(_texts(schema, "objectclasses"))
    kinds = {name: text for name, text in classes.items() if _is_structural(text)}
    return Server(
        tuple(dict.fromkeys(each for each in contexts if each)),
        {name: said[1] for name, text in classes.items() if (said := _DESCRIPTION.search(text))},
        {name: frozenset(_above(name, classes)) for name in kinds},
        frozenset(_searched(_by_name(_texts(schema, "attributetypes")))),
    )


async def entries_below(connection: Connection, base: str) -> tuple[list[Kept], bool]:
    """The first of them, and whether they are all. Raises BackendError."""
    found: list[Kept] = []
    cookie = b""
    while True:
        operation = messages.search(base, "subtree", _ANY, ["*"], most=0, seconds=_TIME)
        asked = connection.ask(operation, [messages.paged(_PAGE, cookie)])
        async with contextlib.aclosing(asked) as answers:
            async for answer in answers:
                if answer.tag == ENTRY:
                    found.append(_kept(*answer.entry()))
                elif answer.tag == DONE:
                    result = answer.result()
        if result.code not in (SUCCESS, SIZE_LIMIT, ADMIN_LIMIT):
            raise failure(result)
        cookie = result.cookie
        if not cookie or len(found) >= _MOST:
            return found, not cookie and result.code == SUCCESS


async def entry_of(
    connection: Connection, name: str, attributes: Sequence[str]
) -> dict[str, list[bytes]]:
    """The attributes of one entry by name in lower case; none where it is not shown."""
    operation = messages.search(name, "base", _ANY, attributes, most=0, seconds=_TIME)
    found: dict[str, list[bytes]] = {}
    async with contextlib.aclosing(connection.ask(operation)) as answers:
        async for answer in answers:
            if answer.tag == ENTRY:
                found = {key.lower(): values for key, values in answer.entry()[1].items()}
    return found


def _kept(name: str, found: Mapping[str, list[bytes]]) -> Kept:
    classes = next((v for k, v in found.items() if k.lower() == "objectclass"), [])
    naming = re.split(r"[=+]", name, maxsplit=1)[0].strip()
    naming = next((each for each in found if each.lower() == naming.lower()), naming)
    options = (each.partition(";")[0] for each in found)
    return Kept(
        tuple(each.decode("utf-8", "replace") for each in classes) or ("top",),
        naming,
        tuple(dict.fromkeys(options)),
    )


def _texts(entry: Mapping[str, list[bytes]], name: str) -> list[str]:
    return [each.decode("utf-8", "replace") for each in entry.get(name, [])]


def _by_name(definitions: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in definitions:
        names = _NAMES.search(text)
        for name in re.findall(r"[^\s']+", (names[1] or names[2] or "") if names else ""):
            found[name.lower()] = text
    return found


def _is_structural(text: str) -> bool:
    """What says nothing is structural (RFC 4512 4.1.1)."""
    return " ABSTRACT" not in text and " AUXILIARY" not in text


def _superiors(text: str) -> list[str]:
    found = _SUPERIORS.search(text)
    return [] if found is None else re.findall(r"[^\s$]+", (found[1] or found[2]).lower())


def _above(name: str, classes: Mapping[str, str]) -> set[str]:
    seen: set[str] = set()
    wanted = _superiors(classes[name])
    while wanted:
        each = wanted.pop()
        if each not in seen:
            seen.add(each)
            wanted += _superiors(classes.get(each, ""))
    return seen


def _searched(attributes: Mapping[str, str]) -> Iterable[str]:
    """Those with a rule for parts of their values, their own or one of a superior."""
    for name, text in attributes.items():
        line = [text, *(attributes.get(up, "") for up in _above(name, attributes))]
        if any(" SUBSTR " in each for each in line):
            yield name
