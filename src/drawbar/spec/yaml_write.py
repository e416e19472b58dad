"""Writes YAML for people: comments, folded texts, stable order, and nothing that YAML 1.1 or 1.2 reads differently.

What `read_yaml` makes of the text is what was given. Texts are escaped for adapters, where `${...}` refers to
something: a text that happens to hold `${` comes back as it was, and a `Reference` is one.
"""

from __future__ import annotations

import json
import math
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from drawbar.spec.yaml12 import BadScalar, plain_scalar

WIDTH = 100
"""Columns of a line, where its words allow it."""
_STEP = "  "
_FIRST = frozenset("-?:,[]{}#&*!|>'\"%@`=<~")
_FOR_FLOW = frozenset(",[]{}")
_READ_AS_NUMBER = re.compile(r"[-+0-9.][-+0-9._:eExoTZ ]*")
_READ_AS_BOOLEAN = re.compile(r"(?:y|n|yes|no|on|off|true|false|null)", re.IGNORECASE)
_UNPRINTABLE = re.compile(
    "[^\t\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_DOLLARS = re.compile(r"\$\$+|\$(?=\{)")


@dataclass(frozen=True, slots=True)
class Reference:
    """A value that is known where the adapter runs: `${NAME}`, or `${NAME:-default}`."""

    name: str
    default: str | None = None

    def __str__(self) -> str:
        return f"${{{self.name}}}" if self.default is None else f"${{{self.name}:-{self.default}}}"


@dataclass(frozen=True, slots=True)
class Inline:
    """A list or mapping that is written on one line, where it fits; a long list of scalars on several in brackets."""

    value: Node


@dataclass(frozen=True, slots=True)
class Noted:
    """A value with comments: on the lines above its key, and behind it. `apart` puts an empty line before it."""

    value: Node
    above: str = ""
    beside: str = ""
    apart: bool = False


Node: TypeAlias = "Mapping[str, Node] | Sequence[Node] | str | int | float | bool | Reference | Inline | Noted | None"
"""What can be written. The order of mappings is kept."""


def write_yaml(value: Mapping[str, Node], *, references: bool = True) -> str:
    """The text of a file. Raises ValueError for what YAML or JSON cannot hold.

    Without `references` a `$` in a text is left as it is, for files in which it refers to nothing.
    """
    writer = _Writer(references)
    return "".join(f"{line}\n" for line in writer.mapping(value, "")) or "{}\n"


class _Writer:
    def __init__(self, references: bool) -> None:  # noqa: FBT001 -- made in one place, with its name
        self._references = references

    def mapping(self, value: Mapping[str, Node], indent: str) -> Iterator[str]:
        for key, inner in value.items():
            noted = inner if isinstance(inner, Noted) else Noted(inner)
            yield from _before(noted, indent)
            yield from self._entry(f"{indent}{_scalar(key, flow=False)}:", noted, indent)

    def sequence(self, value: Sequence[Node], indent: str) -> Iterator[str]:
        for inner in value:
            noted = inner if isinstance(inner, Noted) else Noted(inner)
            yield from _before(noted, indent)
            if isinstance(noted.value, Mapping) and noted.value and not noted.beside:
                first, *rest = self.mapping(noted.value, indent + _STEP)
                # An element that begins with a comment cannot stand behind its dash.
                head = [f"{indent}-", first] if first.lstrip()[:1] in {"#", ""} else []
                yield from head or [f"{indent}- {first[len(indent) + len(_STEP) :]}"]
                yield from rest
            else:
                yield from self._entry(f"{indent}-", noted, indent)

    def _entry(self, head: str, noted: Noted, indent: str) -> Iterator[str]:
        """What stands behind a key or a dash, and below it."""
        value, beside = noted.value, f"  # {_comment(noted.beside)}" if noted.beside else ""
        if isinstance(value, Inline):
            line = f"{head} {self.flow(value.value)}"
            is_short = len(line) <= WIDTH or not value.value
            if is_short or not isinstance(value.value, (Mapping, list, tuple)):
                yield line + beside
                return
            value = value.value
            if isinstance(value, (list, tuple)) and not any(
                isinstance(v, (Mapping, list, tuple, Inline, Noted)) for v in value
            ):
                yield f"{head} [{beside}"
                yield from self._rows(value, indent + _STEP)
                return
        if isinstance(value, Mapping) and value:
            yield head + beside
            yield from self.mapping(value, indent + _STEP)
        elif isinstance(value, Sequence) and not isinstance(value, str) and value:
            yield head + beside
            yield from self.sequence(value, indent + _STEP)
        elif isinstance(value, str) and (block := _block(self._text(value), head, indent)):
            mark, *lines = block
            yield f"{head} {mark}{beside}"
            yield from lines
        elif isinstance(value, str):
            yield f"{head} {_scalar(self._text(value), flow=False)}{beside}"
        else:
            yield f"{head} {self.flow(value)}{beside}"

    def _rows(self, value: Sequence[Node], indent: str) -> Iterator[str]:
        """The elements of a long list, as many on a line as fit, with its closing bracket."""
        row = indent
        for index, inner in enumerate(value):
            text = self.flow(inner) + ("]" if index == len(value) - 1 else ",")
            if row != indent and len(row) + 1 + len(text) > WIDTH:
                yield row
                row = indent
            row += text if row == indent else f" {text}"
        yield row

    def flow(self, value: Node) -> str:
        """On one line. Comments have no place there."""
        if isinstance(value, (Inline, Noted)):
            return self.flow(value.value)
        if isinstance(value, Mapping):
            pairs = (f"{_scalar(k, flow=True)}: {self.flow(v)}" for k, v in value.items())
            return f"{{{', '.join(pairs)}}}"
        if isinstance(value, str):
            return _scalar(self._text(value), flow=True)
        if isinstance(value, Reference):
            return f'"{value}"' if not re.search(r'["\\]', str(value)) else _quoted(str(value))
        if isinstance(value, Sequence):
            return f"[{', '.join(map(self.flow, value))}]"
        return _plain_value(value)

    def _text(self, text: str) -> str:
        return _DOLLARS.sub(lambda run: run[0] * 2, text) if self._references else text


def _plain_value(value: float | None) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        message = f"{value} cannot be written in JSON, so no backend could get it"
        raise ValueError(message)
    text = json.dumps(value)
    try:
        plain_scalar(text)
    except BadScalar as error:
        raise ValueError(error.message) from None
    return text


def _before(noted: Noted, indent: str) -> Iterator[str]:
    if noted.apart:
        yield ""
    for paragraph in noted.above.splitlines():
        own = re.match(r" *", paragraph)
        begins = f"{indent}# {own[0] if own else ''}"
        yield from wrap(_comment(paragraph.strip()), begins) or [f"{indent}#"]


def wrap(text: str, begins: str, then: str | None = None) -> list[str]:
    """Lines of at most WIDTH columns that begin like this; names and addresses stay whole."""
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=begins,
        subsequent_indent=begins if then is None else then,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _comment(text: str) -> str:
    return _UNPRINTABLE.sub("?", text.replace("\n", " "))


def _block(text: str, head: str, indent: str) -> list[str] | None:
    """A text of several lines, or one too long for its line, as a block below its key; None where it is neither."""
    within = indent + _STEP
    if _UNPRINTABLE.search(text) or "\t" in text or text != text.lstrip():
        return None
    if "\n" in text:
        body = text.removesuffix("\n")
        lines = body.split("\n")
        if not lines[-1] or any(line != line.rstrip() for line in lines):
            return None
        mark = "|" if body != text else "|-"
        return [mark, *(f"{within}{line}" if line else "" for line in lines)]
    if len(head) + 1 + len(text) <= WIDTH or text != " ".join(text.split()):
        return None
    lines = wrap(text, within)
    return [">-", *lines] if len(lines) > 1 else None


def _scalar(text: str, *, flow: bool) -> str:
    """A text on one line: without quotes where every reader takes it for a text."""
    if _is_plain(text, flow=flow):
        return text
    if _UNPRINTABLE.search(text) or "\n" in text or "\t" in text:
        return _quoted(text)
    if '"' in text or "\\" in text:
        doubled = text.replace("'", "''")
        return f"'{doubled}'"
    return _quoted(text)


def _is_plain(text: str, *, flow: bool) -> bool:
    return bool(
        text
        and text == text.strip()
        and text[0] not in _FIRST
        and not _READ_AS_NUMBER.fullmatch(text)
        and not _READ_AS_BOOLEAN.fullmatch(text)
        and ": " not in text
        and " #" not in text
        and not text.endswith(":")
        and not (flow and (":" in text or not _FOR_FLOW.isdisjoint(text)))
        and "\n" not in text
        and "\t" not in text
        and not _UNPRINTABLE.search(text)
    )


def _quoted(text: str) -> str:
    """In double quotes. Raises ValueError for half of a surrogate pair, which is no character."""
    if any("\ud800" <= character <= "\udfff" for character in text):
        message = f"{text!r} holds half of a character"
        raise ValueError(message)
    return _UNPRINTABLE.sub(
        lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False)
    )
