"""From a running directory to a first version of an adapter: what it holds, by object class."""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from drawbar.backends.ldap.access import address_of
from drawbar.backends.ldap.ber import BerError
from drawbar.backends.ldap.connection import Connection, Target, connect
from drawbar.backends.ldap.live import Kept, entries_below, read_server
from drawbar.backends.ldap.options import LdapAuthSpec
from drawbar.compiler.draft import (
    Draft,
    DraftWish,
    Inline,
    Node,
    Noted,
    Reference,
    function_names,
    functions_node,
    snake_case,
    write_yaml,
)
from drawbar.kernel.errors import OperatorError
from drawbar.kernel.ports import BackendError

_OPTIONS = {
    "bind": "the name of the entry to look as; anybody when left out",
    "password": "of that entry; the adapter refers to a variable for it",
    "base": "where to look; the directory's first naming context when left out",
    "starttls": "`true` to turn an ldap:// connection into TLS",
    "ca": "PEM file of the authority that signed the server's certificate",
}
_PATIENCE = 30.0
_MOST_SHOWN = 12
"""Attributes of an entry that a draft names."""
_SEARCHED = ("cn", "displayname", "sn", "givenname", "mail", "ou", "o", "description", "title")
"""Attributes that people look for, if entries have them; the one that names the entry comes first."""
_MOST_SEARCHED = 4
_HIDDEN = frozenset({"objectclass", "userpassword", "authpassword", "unicodepwd"})


@dataclass(slots=True)
class _Class:
    """What was seen of the entries of one structural class."""

    name: str
    count: int = 0
    naming: Counter[str] = field(default_factory=Counter)
    attributes: Counter[str] = field(default_factory=Counter)

    def note(self, entry: Kept) -> None:
        self.count += 1
        self.naming[entry.naming] += 1
        self.attributes.update(entry.attributes)

    @property
    def key(self) -> str:
        """The attribute that names most of its entries."""
        return self.naming.most_common(1)[0][0]


def draft_adapter(source: str, wish: DraftWish) -> Draft:
    """`source` is a URL such as ldaps://directory.internal. Raises OperatorError."""
    wish.check_options(_OPTIONS)
    address = address_of(source)
    if address is None:
        raise OperatorError(f"{source} is no ldap://HOST[:PORT] or ldaps://HOST[:PORT]")
    try:
        server = asyncio.run(_looked_at(source, address, wish.options))
    except TimeoutError:
        raise OperatorError(f"{source} did not answer within {_PATIENCE:.0f} s") from None
    except BackendError as error:
        raise OperatorError(f"{source}: {error.message}") from None
    except (OSError, EOFError, BerError) as error:
        raise OperatorError(f"{source}: {error}") from None
    classes = {each.name: each for each in server.classes if wish.wants(each.name)}
    if not classes:
        names = ", ".join(each.name for each in server.classes)
        raise OperatorError(
            f"none of these is below {server.base}; there are {names}"
            if names
            else f"nothing is to be seen below {server.base}: look as somebody, with "
            "--option bind=NAME --option password=..."
        )
    return _draft(source, wish, server, list(classes.values()))


@dataclass(frozen=True, slots=True)
class _Server:
    base: str
    classes: Sequence[_Class]
    told: Mapping[str, str]
    """What the schema says of a class, by name in lower case."""
    searched: frozenset[str]
    """Attributes of which a part can be looked for, in lower case."""
    looked_at: int
    whole: bool


async def _looked_at(source: str, address: tuple[str, int], options: Mapping[str, str]) -> _Server:
    implicit = source.startswith("ldaps:")
    tls = None
    if implicit or options.get("starttls") == "true":
        tls = ssl.create_default_context(cafile=options.get("ca"))
    auth = None
    if "bind" in options:
        login = {"dn": options["bind"], "password": options.get("password", "")}
        auth = LdapAuthSpec.model_validate({"simple": login})
    async with asyncio.timeout(_PATIENCE):
        connection = await connect(Target(*address, tls, implicit), auth)
        try:
            return await _classes_of(connection, options.get("base"))
        finally:
            connection.leave()


async def _classes_of(connection: Connection, base: str | None) -> _Server:
    server = await read_server(connection)
    base = base or next(iter(server.contexts), None)
    if base is None:
        raise OperatorError("the directory does not say where it begins; add --option base=NAME")
    found, whole = await entries_below(connection, base)
    classes: dict[str, _Class] = {}
    for entry in found:
        name = server.most_special(entry.classes)
        classes.setdefault(name.lower(), _Class(name)).note(entry)
    ordered = sorted(classes.values(), key=lambda each: (-each.count, each.name.lower()))
    return _Server(base, ordered, server.descriptions, server.searched, len(found), whole)


def _draft(source: str, wish: DraftWish, server: _Server, classes: Sequence[_Class]) -> Draft:
    name = wish.name or "directory"
    wanted = {f"{verb} {each.name}": f"{verb}_{each.name}" for each in classes for verb in _VERBS}
    names = function_names(wanted, f"{name}_", wish.named)
    address, password = Reference(f"{name.upper()}_URL"), Reference(f"{name.upper()}_PASSWORD")
    backend: dict[str, Node] = {"kind": "ldap", "url": Noted(address, f"Drafted from {source}.")}
    environ = {address.name: source}
    if wish.options.get("starttls") == "true":
        backend["starttls"] = True
    if "ca" in wish.options:
        backend["tls"] = Inline({"ca": wish.options["ca"]})
    if "bind" in wish.options:
        login: dict[str, Node] = {"dn": wish.options["bind"], "password": password}
        backend["auth"] = {"simple": login}
        environ[password.name] = wish.options.get("password", "")
    backend["base"] = server.base
    functions: dict[str, Node] = {}
    for each in classes:
        for verb, make in _VERBS.items():
            key = f"{verb} {each.name}"
            functions[names[key]] = make(each, server)
    document: dict[str, Node] = {
        "adapter": Noted(name, "A draft. Read it, and prune what nobody should ask for."),
        "description": f"The directory below {server.base}.",
        "backend": backend,
        "limits": Noted(Inline({"timeout": "10s", "rows": 50}), apart=True),
        "functions": functions_node(functions),
    }
    seen = f"{server.looked_at} entries were looked at"
    return Draft(
        name,
        write_yaml(document),
        notes=(seen if server.whole else f"{seen}, and there are more",),
        named={key: names[key] for key in wanted},
        environ=environ,
    )


def _find(each: _Class, server: _Server) -> dict[str, Node]:
    """By parts of what people know; each part may be left out."""
    seen = {attribute.lower(): attribute for attribute in each.attributes}
    wished = dict.fromkeys((each.key.lower(), *_SEARCHED))
    asked = [seen[low] for low in wished if low in seen and low in server.searched]
    asked = asked[:_MOST_SEARCHED]
    conditions = "".join(f"({attribute}=*{{{snake_case(attribute)}}}*)" for attribute in asked)
    words: dict[str, Node] = {"description": _described("Find", each, server)}
    if asked:
        part = Inline({"type": "string", "optional": True})
        words["parameters"] = {snake_case(attribute): part for attribute in asked}
    words["search"] = f"(&(objectClass={each.name}){conditions})"
    words["attributes"] = _shown(each, asked)
    return words


def _get(each: _Class, server: _Server) -> dict[str, Node]:
    key = snake_case(each.key)
    return {
        "description": _described("Show one of", each, server),
        "parameters": {key: Inline({"type": "string"})},
        "search": f"(&(objectClass={each.name})({each.key}={{{key}}}))",
        "attributes": _shown(each, [name for name, _ in each.attributes.most_common()]),
        "rows": "one",
    }


_VERBS = {"find": _find, "get": _get}


def _described(verb: str, each: _Class, server: _Server) -> str:
    said = server.told.get(each.name.lower())
    return f"{verb} the entries of {each.name}{f' ({said})' if said else ''}."


def _shown(each: _Class, wanted: Sequence[str]) -> dict[str, Node]:
    chosen = dict.fromkeys((each.key, *wanted))
    shown = [name for name in chosen if name.lower() not in _HIDDEN][:_MOST_SHOWN]
    return {"dn": "dn", **{snake_case(name): name for name in shown}}
