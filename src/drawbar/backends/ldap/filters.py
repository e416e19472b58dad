"""Filters with holes for parameters (RFC 4515), read once and encoded for each call.

A value never becomes part of a filter's text: it is put into the encoded filter as the bytes of an assertion,
so it cannot end one condition and begin another. The text that a dry run shows is made of it, not the other way round.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from drawbar.backends.ldap.ber import SEQUENCE, boolean, octets, wrap
from drawbar.codecs.payload import refused
from drawbar.codecs.template import Hole, read_template

Texts = Mapping[str, bytes]
"""Parameters as the directory reads them; those that were left out are missing."""

_AND, _OR, _NOT = 0xA0, 0xA1, 0xA2
_MARKS = {"&": _AND, "|": _OR, "!": _NOT}
_TESTS = {"=": 0xA3, ">=": 0xA5, "<=": 0xA6, "~=": 0xA8}
_ATTRIBUTE = r"(?:[A-Za-z][A-Za-z0-9-]*|\d+(?:\.\d+)+)(?:;[A-Za-z0-9-]+)*"
ATTRIBUTE = re.compile(_ATTRIBUTE)
_EXTENSIBLE = re.compile(
    rf"(?P<attribute>{_ATTRIBUTE})?(?P<dn>:[dD][nN])?(?::(?P<rule>[A-Za-z0-9.-]+))?:="
)
_TEST = re.compile(rf"(?P<attribute>{_ATTRIBUTE})(?P<test>[<>~]?=)")
_ESCAPE = re.compile(rb"\\([0-9A-Fa-f]{2})")
_SPECIAL = re.compile(rb"[\x00-\x1f()*\\\x7f-\xff]")
_DEEPEST = 30
_BAD_ESCAPE = re.compile(r"\\(?![0-9A-Fa-f]{2})")


class FilterError(ValueError):
    """What is wrong with the text of a filter."""


@dataclass(frozen=True, slots=True)
class Value:
    """An assertion value, or a part of one, in pieces."""

    pieces: tuple[bytes | Hole, ...]

    def holes(self) -> Iterator[str]:
        return (piece.parameter for piece in self.pieces if isinstance(piece, Hole))

    def fill(self, texts: Texts) -> bytes:
        """Raises KeyError for a parameter that was left out."""
        return b"".join(
            piece if isinstance(piece, bytes) else texts[piece.parameter] for piece in self.pieces
        )


class Node(Protocol):
    """A condition."""

    def holes(self) -> Iterator[str]: ...

    def encode(self, texts: Texts) -> bytes:
        """Raises KeyError for a parameter that was left out, unless a list around it does without."""
        ...

    def text(self, texts: Texts) -> str:
        """As a person writes it."""
        ...


@dataclass(frozen=True, slots=True)
class Group:
    """`&`, `|` or `!` of conditions; those whose parameters were left out are left out of an `&`."""

    mark: int
    parts: tuple[Node, ...]

    def holes(self) -> Iterator[str]:
        for part in self.parts:
            yield from part.holes()

    def encode(self, texts: Texts) -> bytes:
        return wrap(self.mark, *(part.encode(texts) for part in self._present(texts)))

    def text(self, texts: Texts) -> str:
        inner = "".join(part.text(texts) for part in self._present(texts))
        mark = next(sign for sign, tag in _MARKS.items() if tag == self.mark)
        return f"({mark}{inner})"

    def _present(self, texts: Texts) -> Iterator[Node]:
        for part in self.parts:
            if self.mark != _AND or all(name in texts for name in _own_holes(part)):
                yield part


@dataclass(frozen=True, slots=True)
class Test:
    """An attribute compared with a value."""

    tag: int
    attribute: str
    value: Value

    def holes(self) -> Iterator[str]:
        return self.value.holes()

    def encode(self, texts: Texts) -> bytes:
        return wrap(self.tag, octets(self.attribute), octets(self.value.fill(texts)))

    def text(self, texts: Texts) -> str:
        sign = next(sign for sign, tag in _TESTS.items() if tag == self.tag)
        return f"({self.attribute}{sign}{escaped(self.value.fill(texts))})"


@dataclass(frozen=True, slots=True)
class Present:
    """An attribute that has any value."""

    attribute: str

    def holes(self) -> Iterator[str]:
        return iter(())

    def encode(self, texts: Texts) -> bytes:
        del texts
        return octets(self.attribute, 0x87)

    def text(self, texts: Texts) -> str:
        del texts
        return f"({self.attribute}=*)"


@dataclass(frozen=True, slots=True)
class Substrings:
    """Parts of a text in their order; the first and the last may be missing."""

    attribute: str
    parts: tuple[Value | None, ...]

    def holes(self) -> Iterator[str]:
        for part in self.parts:
            if part is not None:
                yield from part.holes()

    def encode(self, texts: Texts) -> bytes:
        last = len(self.parts) - 1
        encoded = [
            octets(_not_empty(part, texts), 0x80 if index == 0 else 0x82 if index == last else 0x81)
            for index, part in enumerate(self.parts)
            if part is not None
        ]
        return wrap(0xA4, octets(self.attribute), wrap(SEQUENCE, *encoded))

    def text(self, texts: Texts) -> str:
        shown = ("" if part is None else escaped(part.fill(texts)) for part in self.parts)
        return f"({self.attribute}={'*'.join(shown)})"


@dataclass(frozen=True, slots=True)
class Extensible:
    """A match by a rule of its own, such as `memberOf:1.2.840.113556.1.4.1941:=...`."""

    attribute: str | None
    rule: str | None
    with_name: bool
    value: Value

    def holes(self) -> Iterator[str]:
        return self.value.holes()

    def encode(self, texts: Texts) -> bytes:
        parts = []
        if self.rule is not None:
            parts.append(octets(self.rule, 0x81))
        if self.attribute is not None:
            parts.append(octets(self.attribute, 0x82))
        parts.append(octets(self.value.fill(texts), 0x83))
        if self.with_name:
            parts.append(boolean(True, 0x84))
        return wrap(0xA9, *parts)

    def text(self, texts: Texts) -> str:
        rule = f":{self.rule}" if self.rule else ""
        name = ":dn" if self.with_name else ""
        return f"({self.attribute or ''}{name}{rule}:={escaped(self.value.fill(texts))})"


def _not_empty(part: Value, texts: Texts) -> bytes:
    """Between stars nothing would ask for everything. Raises BackendError `invalid_arguments`."""
    filled = part.fill(texts)
    if not filled:
        raise refused(" and ".join(part.holes()), "it may not be empty here")
    return filled


def escaped(value: bytes) -> str:
    """A value within the text of a filter (RFC 4515 3)."""
    return _SPECIAL.sub(lambda found: b"\\%02x" % found[0][0], value).decode("ascii")


def read_filter(text: str) -> Node:
    """Raises FilterError."""
    node, end = _read(text, 0, 0)
    if end != len(text):
        raise FilterError(f"`{text[end:]}` comes after its end")
    return node


def needed(node: Node) -> frozenset[str]:
    """Parameters without which nothing would be left to ask, or something else would be asked."""
    if isinstance(node, Group) and node.mark == _AND:
        own = [frozenset(_own_holes(part)) for part in node.parts]
        if not any(not names for names in own):  # at least one condition always stays
            return frozenset(node.holes())
        return frozenset().union(*(needed(p) for p in node.parts if isinstance(p, Group)))
    return frozenset(node.holes())


def within_parts(node: Node) -> frozenset[str]:
    """Parameters that are a part of a text between stars, which may not be empty."""
    if isinstance(node, Group):
        return frozenset().union(*(within_parts(part) for part in node.parts))
    return frozenset(node.holes()) if isinstance(node, Substrings) else frozenset()


def _own_holes(part: Node) -> Iterator[str]:
    """Those that decide whether a condition of an `&` is left out: not those of another list."""
    return iter(()) if isinstance(part, Group) else part.holes()


def _read(text: str, at: int, depth: int) -> tuple[Node, int]:
    if depth > _DEEPEST:
        raise FilterError(f"it is deeper than {_DEEPEST} brackets")
    if text[at : at + 1] != "(":
        raise FilterError(
            f"a ( is missing before `{text[at:]}`" if text[at:] else "it ends too soon"
        )
    at += 1
    mark = _MARKS.get(text[at : at + 1])
    if mark is None:
        end = text.find(")", at)
        if end < 0:
            raise FilterError(f"the ) after `{text[at:]}` is missing")
        return _condition(text[at:end]), end + 1
    at += 1
    parts: list[Node] = []
    while text[at : at + 1] == "(":
        part, at = _read(text, at, depth + 1)
        parts.append(part)
    if text[at : at + 1] != ")":
        raise FilterError(
            f"a ) is missing before `{text[at:]}`" if text[at:] else "its last ) is missing"
        )
    if not parts or (mark == _NOT and len(parts) > 1):
        raise FilterError("`!` takes one condition, `&` and `|` one or more")
    return Group(mark, tuple(parts)), at + 1


def _condition(text: str) -> Node:
    if (found := _EXTENSIBLE.match(text)) is not None and (found["attribute"] or found["rule"]):
        value = read_value(text[found.end() :])
        return Extensible(found["attribute"], found["rule"], bool(found["dn"]), value)
    test = _TEST.match(text)
    if test is None:
        raise FilterError(
            f"`{text}` is no condition: a parameter stands for a value, never for an attribute"
        )
    rest = text[test.end() :]
    if "(" in rest:
        raise FilterError(rf"`{rest}` has a bracket; write \28 for it")
    if test["test"] != "=" or "*" not in rest:
        return Test(_TESTS[test["test"]], test["attribute"], read_value(rest))
    if rest == "*":
        return Present(test["attribute"])
    parts = rest.split("*")
    if not all(parts[1:-1]):
        raise FilterError(f"`{rest}` has two stars side by side")
    return Substrings(
        test["attribute"], tuple(read_value(part) if part else None for part in parts)
    )


def read_value(text: str, *, escapes: bool = True) -> Value:
    """A text with holes; `escapes`: a backslash and two digits stand for a byte. Raises FilterError."""
    template = read_template(text)
    if template is None:
        raise FilterError(f"`{text}` has a brace that stands alone; write {{name}} for a parameter")
    pieces: list[bytes | Hole] = []
    for piece in template.pieces:
        if isinstance(piece, Hole):
            pieces.append(piece)
        elif not escapes:
            pieces.append(piece.encode())
        elif _BAD_ESCAPE.search(piece):
            raise FilterError(rf"`{piece}` has a \ without two digits; write \5c for it")
        else:
            literal = _ESCAPE.sub(lambda found: bytes((int(found[1], 16),)), piece.encode())
            pieces.append(literal)
    return Value(tuple(pieces))
