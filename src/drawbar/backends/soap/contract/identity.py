"""Rules of identity in words: `xs:unique`, `xs:key` and `xs:keyref` (XML Schema part 1, 3.11).

JSON Schema knows none of them, and every message is held against them before it leaves: so they are told.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from drawbar.backends.soap.contract.xsd import Component, local

_TAGS = ("unique", "key", "keyref")


@dataclass(frozen=True, slots=True)
class Identity:
    """One rule of an element, about parts below it."""

    part: str
    """The child of the element that its path begins with; empty where it may begin anywhere."""
    words: str


def identities_of(declaration: Component) -> tuple[Identity, ...]:
    """The rules that an element's declaration has."""
    found = ((node, _told(node)) for node in declaration.children(*_TAGS))
    return tuple(Identity(_first(node), words) for node, words in found if words)


def _told(node: Component) -> str:
    """Empty where the rule leads nowhere."""
    whose, what = _selected(node), _fields(node)
    if node.tag == "keyref":
        key = _key(node)
        if key is None:
            return ""
        theirs = f"the {_fields(key)} of" if _fields(key) else "equal to"
        own = f"{what} of each {whose}" if what else f"each {whose}"
        return f"{own[0].upper()}{own[1:]} must be {theirs} one {_selected(key)}."
    if not what:
        return f"No two {whose} may be the same."
    if node.tag == "key":
        return f"Each {whose} needs {what}, and no two may have the same."
    return f"No two {whose} may have the same {what}."


def _key(node: Component) -> Component | None:
    """What a keyref refers to: a key or unique of its document."""
    wanted = local((node.get("refer") or "").replace(":", "}"))
    tags = (f"{{*}}{tag}" for tag in ("key", "unique"))
    found = (each for each in node.document.root.iter(*tags) if each.get("name") == wanted)
    return next((Component(each, node.document) for each in found), None)


def _selected(node: Component) -> str:
    selector = node.child("selector")
    xpath = selector.get("xpath") if selector is not None else None
    return " or ".join(_path(each) for each in (xpath or "").split("|"))


def _fields(node: Component) -> str:
    """Empty where it is the element itself."""
    paths = (_path(field.get("xpath") or "") for field in node.children("field"))
    return " and ".join(path for path in paths if path)


def _path(xpath: str) -> str:
    """The way in the words of the arguments: `c:Line/@no` is `Line.no`."""
    steps = ".".join(_steps(xpath))
    return f"`{steps}`" if steps else ""


def _steps(xpath: str) -> Iterator[str]:
    for step in xpath.replace(".//", "").split("/"):
        name = step.strip().rpartition("::")[2].lstrip("@").rpartition(":")[2]
        if name and name != ".":
            yield name


def _first(node: Component) -> str:
    selector = node.child("selector")
    xpath = ((selector.get("xpath") if selector is not None else None) or "").partition("|")[0]
    first = next(_steps(xpath), "")
    return "" if ".//" in xpath or first == "*" else first
