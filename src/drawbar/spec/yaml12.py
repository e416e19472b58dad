"""Reads YAML 1.2 into plain values, and keeps the place of each of them.

PyYAML does the tokens and the grammar; what a scalar means is decided here, because PyYAML follows
YAML 1.1: it reads `no` as false, `012` as ten, `12:30:45` as 45045, and lets the last of two equal
keys win. Here `no` and `12:30:45` are texts, and `012` and a second equal key are problems.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from drawbar.kernel.errors import Place, Problem
from drawbar.kernel.values import JsonValue
from drawbar.spec.secrets import holds_secret
from drawbar.spec.source import LINE, At, Places, Source
from drawbar.spec.yaml_words import in_plain_words

MAX_DEPTH = 60
"""Deeper files are refused: everything after this reads nested values by recursion."""
MAX_ALIASED = 100_000
"""Most values that aliases may repeat in a file, so that nine lines cannot become a billion values."""

_STR = "tag:yaml.org,2002:str"
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
_PADDED = re.compile(r"[-+]?0[0-9]+(\.[0-9]*)?([eE][-+]?[0-9]+)?")
_WHOLE = (
    (re.compile(r"[-+]?[0-9]+"), 10),
    (re.compile(r"0o[0-7]+"), 8),
    (re.compile(r"0x[0-9a-fA-F]+"), 16),
)
_LONGEST_NUMBER = 30
"""Characters of the longest number of 64 bits, with room for its sign and prefix."""
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NO_NUMBER = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_NUMBERS_BEGIN = frozenset("0123456789+-.")

_Marks: TypeAlias = (
    "dict[str | int, Any]"  # recursive: an int, or a pair of an int and the marks inside
)
"""Where things stand, shaped like the data: `line * LINE + column`, and for containers what is inside."""


class BadScalar(Exception):
    """A plain scalar that people read in two ways. Carries a message and how to write what was meant."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix


def plain_scalar(text: str) -> JsonValue:
    """What a text without quotes means in YAML 1.2's core schema. Raises BadScalar."""
    if text in _NULL:
        return None
    if text[0] not in _NUMBERS_BEGIN:
        return True if text in _TRUE else False if text in _FALSE else text
    return _number(text)


def _number(text: str) -> JsonValue:
    if _PADDED.fullmatch(text):
        raise _padded(text)
    for pattern, radix in _WHOLE:
        if pattern.fullmatch(text):
            return _whole(text, radix)
    if _NO_NUMBER.fullmatch(text) or (_FLOAT.fullmatch(text) and math.isinf(float(text))):
        raise BadScalar(
            f"{text} cannot be written in JSON, so no backend could get it",
            f'write a finite number, or the text "{text}" in quotes',
        )
    return float(text) if _FLOAT.fullmatch(text) else text


def _padded(text: str) -> BadScalar:
    number = text.lstrip("+-").lstrip("0") or "0"
    number = "0" + number if number[0] in ".eE" else number
    sign = "-" if text.startswith("-") else ""
    return BadScalar(
        f"{text} can be read as a number, an octal number or a text",
        f'write {sign}{number} for the number, "{text}" for the text',
    )


def _whole(text: str, radix: int) -> int:
    number = int(text, radix) if len(text) <= _LONGEST_NUMBER else None
    if number is None or not -(2**63) <= number < 2**64:
        raise BadScalar(
            f"the number {text[:40]} is larger than 64 bits", "write it as a text, in quotes"
        )
    return number


class _Stop(Exception):
    """The file cannot be read any further; its problem was noted."""


@dataclass(slots=True)
class _Open:
    """A mapping or list whose end was not read yet."""

    value: Any  # the dict or list that is being filled
    marks: _Marks
    mark: int
    anchor: str | None
    size: int = 1
    key: str | None = None
    key_mark: int = 0
    is_mapping: bool = False


@dataclass(slots=True)
class _Anchored:
    value: JsonValue
    marks: Any
    size: int


@dataclass(slots=True)
class _Reading:
    file: str
    problems: list[tuple[At, Problem]] = field(default_factory=list)
    stack: list[_Open] = field(default_factory=list)
    anchors: dict[str, _Anchored | None] = field(default_factory=dict)
    aliased: int = 0
    root: JsonValue = None
    root_marks: tuple[int, Any] = (LINE + 1, {})
    documents: int = 0

    def problem(self, mark: int, code: str, message: str, fix: str | None = None) -> None:
        line, column = divmod(mark, LINE)
        problem = Problem(Place(self.file, line, column), code, message, fix)
        self.problems.append((self.way(), problem))

    def way(self) -> At:
        """The way to what is being read."""
        keys = (frame.key if frame.is_mapping else len(frame.value) for frame in self.stack)
        return tuple(key for key in keys if key is not None)

    def event(self, event: Any) -> None:
        """Take one event of the parser; the commonest stand first."""
        kind = type(event)
        if kind is ScalarEvent:
            self.scalar(event)
        elif kind is MappingStartEvent or kind is SequenceStartEvent:
            self.open(event, kind is MappingStartEvent)
        elif kind is MappingEndEvent or kind is SequenceEndEvent:
            self.close()
        elif kind is AliasEvent:
            self.alias(event)
        elif kind is DocumentStartEvent:
            self.document(event)

    def scalar(self, event: Any) -> None:
        mark = _mark(event)
        frame = self.stack[-1] if self.stack else None
        if frame is not None and frame.is_mapping and frame.key is None:
            self.key(event, frame, mark)
            return
        value: JsonValue = event.value
        if event.tag is not None and event.tag not in (_STR, "!"):
            self.tag(event, mark)
        elif event.implicit[0] and event.tag is None:
            try:
                value = plain_scalar(event.value)
            except BadScalar as error:
                if holds_secret(self.way()):  # it may be a password that was written in clear
                    self.problem(mark, "DB103", "this number is better a text", "put it in quotes")
                else:
                    self.problem(mark, "DB103", error.message, error.fix)
        if event.anchor is not None:
            self.anchors[event.anchor] = _Anchored(value, None, 1)
        self.put(value, mark, None, 1)

    def key(self, event: Any, frame: _Open, mark: int) -> None:
        text: str = event.value
        frame.key = text
        frame.key_mark = mark
        if event.implicit[0] and text in ("", "~", "<<"):
            if text == "<<":
                self.problem(
                    mark,
                    "DB104",
                    "merge keys (`<<`) are not part of YAML 1.2",
                    "write the keys out, or give the whole value an anchor (&name) and repeat it (*name)",
                )
            else:
                self.problem(mark, "DB104", "a key is missing before the colon")
        elif text in frame.marks:
            first = frame.marks[text]
            place = Place(self.file, *divmod(first[0] if type(first) is tuple else first, LINE))
            self.problem(
                mark,
                "DB102",
                f"`{text}` was written before, at {place}",
                "keep one of the two",
            )

    def open(self, event: Any, is_mapping: bool) -> None:  # noqa: FBT001 -- two kinds of containers
        mark = _mark(event)
        frame = self.stack[-1] if self.stack else None
        if frame is not None and frame.is_mapping and frame.key is None:
            self.problem(mark, "DB104", "a key has to be a text", "write a name before the colon")
            raise _Stop
        if len(self.stack) >= MAX_DEPTH:
            self.problem(mark, "DB104", f"nested more than {MAX_DEPTH} levels deep")
            raise _Stop
        if event.tag is not None and event.tag != "!":
            self.tag(event, mark)
        if event.anchor is not None:
            self.anchors[event.anchor] = None
        value: Any = {} if is_mapping else []
        self.stack.append(_Open(value, {}, mark, event.anchor, is_mapping=is_mapping))

    def close(self) -> None:
        frame = self.stack.pop()
        if frame.anchor is not None:
            self.anchors[frame.anchor] = _Anchored(frame.value, frame.marks, frame.size)
        self.put(frame.value, frame.mark, frame.marks, frame.size)

    def alias(self, event: Any) -> None:
        mark = _mark(event)
        frame = self.stack[-1] if self.stack else None
        if frame is not None and frame.is_mapping and frame.key is None:
            self.problem(mark, "DB104", "an alias cannot be a key", "write the key out")
            raise _Stop
        anchored = self.anchors.get(event.anchor)
        if anchored is None:
            known = event.anchor in self.anchors
            self.problem(
                mark,
                "DB104",
                f"*{event.anchor} stands inside what it repeats"
                if known
                else f"nothing above is called &{event.anchor}",
                None if known else 'a text that begins with `*` is written in quotes: "*..."',
            )
            self.put(None, mark, None, 1)
            return
        self.aliased += anchored.size
        if self.aliased > MAX_ALIASED:
            self.problem(
                mark, "DB104", f"aliases repeat more than {MAX_ALIASED} values", "use fewer"
            )
            raise _Stop
        self.put(anchored.value, mark, anchored.marks, anchored.size)

    def put(self, value: JsonValue, mark: int, marks: Any, size: int) -> None:
        if not self.stack:
            self.root, self.root_marks = value, (mark, marks or {})
            return
        frame = self.stack[-1]
        frame.size += size
        if frame.is_mapping:
            key: Any = frame.key
            frame.key = None
            if key in frame.marks:
                return  # noted already; the first of two equal keys is kept
            mark = frame.key_mark
        else:
            key = len(frame.value)
        frame.marks[key] = mark if marks is None else (mark, marks)
        if frame.is_mapping:
            frame.value[key] = value
        else:
            frame.value.append(value)

    def tag(self, event: Any, mark: int) -> None:
        name = event.tag.replace("tag:yaml.org,2002:", "!!")
        self.problem(
            mark, "DB104", f"the tag {name} is not used here", "remove it; quotes make a text"
        )

    def document(self, event: Any) -> None:
        self.documents += 1
        if self.documents > 1:
            self.problem(
                _mark(event),
                "DB104",
                "a second document (`---`) begins here",
                "put it into a file of its own",
            )
            raise _Stop
        if event.version is not None and event.version != (1, 2):
            self.problem(
                _mark(event), "DB104", "this file is read as YAML 1.2", "remove the %YAML line"
            )


def _mark(event: Any) -> int:
    mark = event.start_mark
    return (mark.line + 1) * LINE + mark.column + 1  # type: ignore[no-any-return]  # no types in PyYAML


def _fastest() -> Any:
    """PyYAML's parser; libyaml, where it was built with it, is some ten times quicker."""
    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(text: str, file: str, parser: Any = None) -> tuple[Source, list[tuple[At, Problem]]]:
    """The one document of a file. A file that is not YAML has no data, and its problem says why."""
    reading = _Reading(file)
    try:
        source = (parser or _fastest())(text.removeprefix("\ufeff"))
        while type(event := source.get_event()) is not StreamEndEvent:
            reading.event(event)
    except yaml.YAMLError as error:
        line, column, message, fix = in_plain_words(error, text)
        reading.problem(line * LINE + column, "DB100", message, fix)
        return Source(file, None), reading.problems
    except _Stop:
        return Source(file, None), reading.problems
    return Source(file, reading.root, Places(file, reading.root_marks)), reading.problems
