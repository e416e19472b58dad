"""References of SOAP encoding in a reply: `href="#id"` of SOAP 1.1, `enc:ref="id"` of SOAP 1.2.

Each becomes a copy of what it refers to, so that a reader need not know of them. Servers can refer in
circles, or to one large thing very often; a circle is left as it is, and growth has an end.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping

from lxml import etree

from drawbar.backends.soap.contract.encoding import ENCODINGS, prefixed
from drawbar.backends.soap.contract.xsd import XSI, clark

_MOST = 100_000
"""Elements that copies may add to one reply."""
_ID = f"{{{ENCODINGS['1.2']}}}id"
_REF = f"{{{ENCODINGS['1.2']}}}ref"
_ROOTS = frozenset(f"{{{each}}}root" for each in ENCODINGS.values())
_OWN = frozenset({"id", _ID, *_ROOTS})
"""Attributes that speak of an element itself, not of its value."""
_QNAMES = frozenset(
    {
        f"{{{XSI}}}type",
        f"{{{ENCODINGS['1.1']}}}arrayType",
        f"{{{ENCODINGS['1.2']}}}itemType",
    }
)
"""Attributes whose text begins with a name: its prefix may mean something else where the copy stands."""


class TooManyReferences(ValueError):
    """What the references of a reply stand for is larger than any honest one."""


def resolved(body: etree._Element) -> etree._Element:
    """The body itself where it has no references, else a copy without them. Raises TooManyReferences."""
    if not any(_target(node) for node in body.iter()):
        return body
    made = copy.deepcopy(body)
    targets = {name: node for node in made.iter() if (name := node.get("id") or node.get(_ID))}
    copies = _Copies(targets)
    roots = [node for node in made if node.get("id") is None or _is_root(node)] or list(made)[:1]
    for root in roots:
        copies.resolve(root, ())
    for node in list(made):
        if node not in roots:
            made.remove(node)
    return made


def _is_root(node: etree._Element) -> bool:
    return any(node.get(each) == "1" for each in _ROOTS)


def _target(node: etree._Element) -> str | None:
    """The id that an element refers to."""
    href = node.get("href")
    if href is not None:
        return href[1:] if href.startswith("#") else None
    return node.get(_REF)


class _Copies:
    def __init__(self, targets: Mapping[str, etree._Element]) -> None:
        self._targets = targets
        self._left = _MOST

    def resolve(self, node: etree._Element, above: tuple[str, ...]) -> None:
        """Fill a node, and all below it, with what they refer to; `above` are the ids they stand in."""
        name = _target(node)
        source = self._targets.get(name) if name is not None else None
        if source is not None and name is not None and name not in above:
            for attribute in ("href", _REF):
                if attribute in node.attrib:
                    del node.attrib[attribute]
            above = (*above, name)
            self._copy(source, node)
            if _target(node) is not None:  # a reference to a reference
                self.resolve(node, above)
                return
        for child in node:
            self.resolve(child, above)

    def _copy(self, source: etree._Element, to: etree._Element) -> None:
        self._left -= 1
        if self._left < 0:
            raise TooManyReferences
        for name, value in source.attrib.items():
            if name not in _OWN:
                to.set(name, _renamed(str(value), source, to) if name in _QNAMES else value)
        to.text = source.text
        for child in list(source):
            added = etree.SubElement(to, child.tag)
            added.tail = child.tail
            self._copy(child, added)


def _renamed(text: str, source: etree._Element, to: etree._Element) -> str:
    """A name with its prefix, and the brackets of an array behind it, with a prefix that holds at `to`."""
    name, bracket, rest = text.partition("[")
    prefix, _, last = name.strip().rpartition(":")
    namespace = source.nsmap.get(prefix or None)
    return f"{prefixed(to, clark(namespace, last)) if namespace else name}{bracket}{rest}"
