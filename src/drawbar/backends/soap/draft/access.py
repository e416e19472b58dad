"""How a service learns who calls, as far as its contract says so: headers, policies, credentials in the message.

All of it is proposed with references; what a contract asks for is often more than what a service insists on.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from lxml import etree

from drawbar.backends.soap.contract.shape import Attribute, Content, Item, Member, Record
from drawbar.backends.soap.contract.texts import Text
from drawbar.backends.soap.contract.wsdl import Contract, Operation, content_of
from drawbar.backends.soap.contract.xsd import Component, SchemaDocument, Unresolved, local
from drawbar.backends.soap.publish.narrow import is_needed, parts_of
from drawbar.compiler.draft import Inline, Node, Noted, Reference, snake_case

_HOLDERS = re.compile(
    r"auth|credential|login|security|session|signon|client_?detail|access", re.IGNORECASE
)
_SECRET = re.compile(
    r"password|passwd|pwd|secret|token|api_?key|access_?key|user_?key|session_?id|^key$|signature|license",
    re.IGNORECASE,
)
_WHO = re.compile(
    r"user|login|account|client|meter|partner|company|email|application|app_?id|^key$|^id$",
    re.IGNORECASE,
)
_ABOUT = re.compile(
    r"log_?in|log_?on|log_?out|log_?off|sign_?on|sso|password|credential|authenticate|session|token",
    re.IGNORECASE,
)
_ON_BEHALF = re.compile(r"on_?behalf|impersonat|end_?user|acting_?user", re.IGNORECASE)
_FRESH = re.compile(r"nonce|timestamp|signature|digest", re.IGNORECASE)
"""Texts that are made anew for each call."""
_DEEPEST = 4
_MANY = 3
_POLICIES: Mapping[str, str] = {
    "UsernameToken": "wsse_username",
    "HttpBasicAuthentication": "basic",
    "BasicAuthentication": "basic",
}
_ADDRESSING = frozenset({"UsingAddressing", "Addressing"})
_LEFT_TO_YOU = {
    "X509Token": "messages signed with a certificate (X509Token): see `security: {sign: ...}`",
    "IssuedToken": "a token of a security service (IssuedToken): see `security: {saml: ...}`",
    "SamlToken": "a SAML assertion (SamlToken): see `security: {saml: ...}`",
    "KerberosToken": "Kerberos (KerberosToken)",
    "NtlmAuthentication": "NTLM",
    "NegotiateAuthentication": "Kerberos (Negotiate)",
}


@dataclass(frozen=True, slots=True)
class Credentials:
    """Places in a message that the gateway fills, so that no model is asked for a password."""

    paths: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """By path: the name of the parameter, and the variable it is filled from."""
    hide: tuple[str, ...] = ()

    @property
    def variables(self) -> tuple[str, ...]:
        return tuple(variable for _, variable in self.paths.values())


@dataclass(slots=True)
class Access:
    """Words of the backend, comments on those that a person may want, and notes."""

    words: dict[str, Node] = field(default_factory=dict)
    comments: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    variables: list[str] = field(default_factory=list)


def access_of(contract: Contract, operations: Sequence[Operation], name: str) -> Access:
    access = Access()
    said = contract.policies()
    known = next((_POLICIES[each] for each in said if each in _POLICIES), None)
    user, password = f"{name.upper()}_USER", f"{name.upper()}_PASSWORD"
    if known is not None:
        pair = Inline({"username": Reference(user), "password": Reference(password)})
        access.words["auth"] = Noted({known: pair}, "The policy of the contract asks for this.")
        access.variables += [user, password]
    access.notes.extend(
        f"the policy of the contract asks for {_LEFT_TO_YOU[each]}; the draft leaves that to you"
        for each in said
        if each in _LEFT_TO_YOU
    )
    if not _ADDRESSING.isdisjoint(said):
        access.notes.append(
            'the contract speaks of WS-Addressing; if the service insists, write `addressing: "1.0"` in `backend:`'
        )
    _headers(contract, operations, name, access)
    if not access.words.keys() & {"auth", "soap_headers"}:
        access.comments.append(
            "The contract does not say how Drawbar proves who it is. If the service wants a name and a password:\n"
            f'  auth: {{basic: {{username: "${{{user}}}", password: "${{{password}}}"}}}}\n'
            "stands in `backend:`; `wsse_username` and `bearer` are others."
        )
    return access


def _headers(
    contract: Contract, operations: Sequence[Operation], name: str, access: Access
) -> None:
    """Header elements that sound like credentials are filled; the others are named in a comment."""
    wanted = Counter(header for each in operations for header in dict.fromkeys(each.headers))
    filled: dict[str, Node] = {}
    others: list[str] = []
    for header, count in wanted.items():
        if _ON_BEHALF.search(local(header)) and "identity" not in access.words:
            fields = Inline({"name": header, "from": "caller.subject"})
            access.words["identity"] = Noted({"header": fields}, beside="for whom a call is made")
            continue
        leaves = _filled_leaves(contract, header)
        if not leaves:
            share = "all" if count == len(operations) else f"{count} of {len(operations)}"
            others.append(f'"{header}" ({share})')
            continue
        variables = {leaf: f"{name}_{snake_case(leaf)}".upper() for leaf in leaves}
        access.variables += variables.values()
        filled[header] = {"const": {leaf: Reference(each) for leaf, each in variables.items()}}
    _say_headers(access, filled, others)


def _say_headers(access: Access, filled: dict[str, Node], others: Sequence[str]) -> None:
    above = "\n".join(
        [
            "The contract also has these SOAP headers. Add those that the service wants, and `{omit: true}` for the others:",
            *(f"  {o}" for o in others),
        ]
    )
    if filled:
        access.words["soap_headers"] = Noted(filled, above if others else "")
    elif others:
        access.comments.append(
            above.replace("also has", "has").replace("Add", "In `soap_headers:`, add")
        )


def _filled_leaves(contract: Contract, header: str) -> list[str]:
    """The texts of a header element that say who calls."""
    node = etree.Element("header")
    try:
        item = contract.shapes.element(header, Component(node, SchemaDocument(node, "", "header")))
        parts = parts_of(item.type.content) if isinstance(item.type, Record) else ()
    except Unresolved:
        return []
    leaves = [part for part in parts if _is_text(part)]
    is_known = _HOLDERS.search(local(header)) or any(_SECRET.search(p.name) for p in leaves)
    if not is_known or any(_FRESH.search(p.name) for p in leaves):
        return []
    return [p.name for p in leaves if is_needed(p) or _SECRET.search(p.name) or _WHO.search(p.name)]


def _is_text(part: Member | Attribute) -> bool:
    """Whether a variable can fill it: one free text."""
    if isinstance(part, Item) and part.most != 1:
        return False
    return (
        isinstance(part, Item | Attribute)
        and isinstance(part.type, Text)
        and part.fixed is None
        and part.type.schema.get("type") == "string"
        and "enum" not in part.type.schema
    )


def is_about_credentials(operation: str) -> bool:
    """Whether an operation gives or changes what others only send along."""
    return _ABOUT.search(operation) is not None


def body_credentials(operations: Sequence[Operation], name: str) -> dict[str, Credentials]:
    """By operation. A text at the top counts where most operations have it: elsewhere it is somebody's own business."""
    tops = Counter(
        part.name
        for each in operations
        for part in parts_of(content_of(each.request))
        if _is_text(part)
    )
    common = {
        top
        for top, count in tops.items()
        if count >= max(_MANY, len(operations) * 0.6)
        and (_SECRET.search(top) or _is_user(top, tops))
    }
    return {
        each.name: found
        for each in operations
        if (len(operations) == 1 or not is_about_credentials(each.name))
        and (found := _in_body(content_of(each.request), common, name)).paths
    }


def _is_user(top: str, tops: Mapping[str, int]) -> bool:
    """A user's name stands beside a password that is there as often."""
    return bool(re.fullmatch(r"(?:user|login|account)_?(?:name|id)?", top, re.IGNORECASE)) and any(
        _SECRET.search(other) and count >= tops[top] for other, count in tops.items()
    )


def _in_body(content: Content, common: set[str], name: str) -> Credentials:
    paths: dict[str, tuple[str, str]] = {}
    hide: list[str] = []
    beside: dict[str, tuple[str, str]] = {}
    for part in parts_of(content):
        if part.name in common and _is_text(part):
            paths[part.name] = _names(part.name, name)
        elif _HOLDERS.search(part.name) and isinstance(part, Item):
            leaves = list(_leaves(part, part.name, _DEEPEST))
            last = {path: path.rpartition(".")[2] for path, _ in leaves}
            if any(map(_SECRET.search, last.values())):
                paths |= {path: _names(path, name) for path, needed in leaves if needed}
                hide += [path for path, needed in leaves if not needed]
            else:  # it says who calls, where something else proves it
                beside |= {
                    path: _names(path, name) for path, _ in leaves if _WHO.search(last[path])
                }
    return Credentials(paths | beside if paths else {}, tuple(hide))


def _names(path: str, name: str) -> tuple[str, str]:
    """Of the parameter and of the variable."""
    words = "_".join(snake_case(step) for step in path.split(".")[-2:])
    return words, f"{name}_{words}".upper()


def _leaves(part: Item, path: str, depth: int) -> Iterator[tuple[str, bool]]:
    """The texts inside a part that holds credentials, and whether they are needed; what is optional as a whole, once."""
    if part.most != 1 or not isinstance(part.type, Record) or part.type.abstract or not depth:
        return
    for inner in parts_of(part.type.content):
        at = f"{path}.{inner.name}"
        if _is_text(inner):
            yield at, is_needed(inner) or bool(_SECRET.search(inner.name))
        elif not is_needed(inner):
            yield at, False
        elif isinstance(inner, Item):
            yield from _leaves(inner, at, depth - 1)
