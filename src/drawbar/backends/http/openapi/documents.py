"""An OpenAPI document and the files beside it that it refers to, read as plain values.

Nothing is fetched: a reference to an address is a problem, and one to a file has to stay beside the document.
Inside files that the document refers to every `$ref` is rewritten on reading to say its file, so that a
part can be used without knowing where it came from.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

import orjson
import yaml

from drawbar.kernel.values import JsonObject, JsonValue

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
_BEHIND_A_TAB = re.compile(rb"^\t[\t ]*(#.*)?$", re.MULTILINE)
"""Nothing, or a comment. No text of several lines begins a line so."""
_MOST_ALIASED = 300_000
"""Values that aliases may repeat in a YAML file, so that nine lines cannot become a billion."""
_CHAIN = 100
"""References that follow one another before they are taken for a circle."""


class UnreadableDocument(Exception):
    """The file is not there, or is no JSON or YAML."""


class BrokenReference(Exception):
    """A reference that leads nowhere."""


class Documents:
    """The document at `path`, and further files when they are referred to."""

    def __init__(self, path: Path) -> None:
        """Raises UnreadableDocument."""
        self._folder = path.parent
        self.paths = {path}
        """Files that were read, or looked for in vain."""
        root = read_document(path)
        if not isinstance(root, dict):
            raise UnreadableDocument("it is no object")
        self.root: JsonObject = root
        self._files: dict[str, JsonValue] = {}

    def target(self, reference: str) -> JsonValue:
        """What a reference leads to. Raises BrokenReference."""
        file, _, pointer = reference.partition("#")
        value: JsonValue = self.root if not file else self._file(file)
        for step in pointer.split("/")[1:]:
            value = _step(value, step, reference)
        return value

    def followed(self, value: JsonValue) -> JsonValue:
        """The value behind any number of references, with the words that stand beside them."""
        seen = 0
        while isinstance(value, dict) and isinstance(reference := value.get("$ref"), str):
            seen += 1
            if seen > _CHAIN:
                raise BrokenReference(f"`{reference}` leads to itself")
            value = self.target(reference)
        return value

    def object(self, value: JsonValue) -> JsonObject:
        """The same, where anything but an object is as good as an empty one."""
        found = self.followed(value)
        return found if isinstance(found, dict) else {}

    def _file(self, name: str) -> JsonValue:
        if name not in self._files:
            if _ADDRESS.match(name):
                raise BrokenReference(
                    f"`{name}` is an address, and nothing is fetched while compiling"
                )
            inside = _joined("", unquote(name))
            if inside.startswith(("/", "..")):
                raise BrokenReference(f"`{name}` is not beside the document")
            self.paths.add(self._folder / inside)
            try:
                value = read_document(self._folder / inside)
            except UnreadableDocument as error:
                raise BrokenReference(f"the file `{name}` cannot be used: {error}") from None
            _rewrite(value, name)
            self._files[name] = value
        return self._files[name]


def read_document(path: Path) -> JsonValue:
    """JSON or YAML. Raises UnreadableDocument."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UnreadableDocument(error.strerror or "it cannot be opened") from None
    return parse_document(data)


def parse_document(data: bytes) -> JsonValue:
    """JSON or YAML. Raises UnreadableDocument."""
    data = data.removeprefix(b"\xef\xbb\xbf")
    if data.lstrip()[:1] in (b"{", b"["):
        try:
            found: JsonValue = orjson.loads(data)
        except orjson.JSONDecodeError as error:
            json_problem = str(error)
        else:
            return found
    else:
        json_problem = None
    try:
        value = _yaml(data)
        _Checked(value)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        problem = getattr(error, "problem", None) or str(error) or "it is nested without end"
        raise UnreadableDocument(json_problem or " ".join(problem.split())[:200]) from None
    written: JsonValue = value
    return written


def _yaml(data: bytes) -> Any:  # what YAML can hold
    """The library refuses comments behind tabs, which YAML allows, so those lines are emptied then."""
    try:
        return yaml.load(data, Loader=_Loader)  # noqa: S506 -- derived from the safe loader
    except yaml.scanner.ScannerError:
        cleared = _BEHIND_A_TAB.sub(b"", data)
        if cleared == data:
            raise
        return yaml.load(cleared, Loader=_Loader)  # noqa: S506 -- as above


class _Loader(yaml.CSafeLoader):
    """YAML 1.2's core schema: `no` is a text, and so is a date; names of properties are texts."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 -- as PyYAML declares it

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 -- PyYAML's
        self.flatten_mapping(node)
        return {
            str(key.value): self.construct_object(value, deep=deep) for key, value in node.value
        }

    def construct_number(self, node: yaml.ScalarNode) -> float:
        text = str(node.value)
        return int(text, 0) if text[:2] in ("0x", "0o") else float(text)


for _tag, _expression, _first in (
    ("merge", r"<<", "<"),
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("int", r"[-+]?(0|[1-9][0-9]{0,17})", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789"),
):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_expression})$"), list(_first)
    )
_Loader.add_constructor("tag:yaml.org,2002:float", _Loader.construct_number)


class _Checked:
    """Nothing but what JSON has, and no more of it than aliases may make. Raises ValueError."""

    def __init__(self, value: Any) -> None:  # what YAML gave
        self._seen: set[int] = set()
        self._repeated = 0
        self._walk(value, again=False)

    def _walk(self, value: Any, *, again: bool) -> None:
        self._repeated += again
        if self._repeated > _MOST_ALIASED:
            raise ValueError("its aliases repeat too much")
        if isinstance(value, dict | list):
            again = again or id(value) in self._seen
            self._seen.add(id(value))
            for inner in value.values() if isinstance(value, dict) else value:
                self._walk(inner, again=again)
        elif value is not None and not isinstance(value, str | int | float):
            raise ValueError(f"it holds a value of the kind {type(value).__name__}")


def _step(value: JsonValue, step: str, reference: str) -> JsonValue:
    for name in (step, unquote(step)):
        key = name.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and key in value:
            return value[key]
    if isinstance(value, list) and step.isascii() and step.isdigit() and int(step) < len(value):
        return value[int(step)]
    raise BrokenReference(f"`{reference}` leads nowhere")


def _rewrite(value: JsonValue, file: str) -> None:
    """Let every reference in a file say the file, seen from the document."""
    for holder in holders(value):
        reference = holder["$ref"]
        if isinstance(reference, str) and not _ADDRESS.match(reference):
            name, mark, pointer = reference.partition("#")
            holder["$ref"] = (_joined(file, name) if name else file) + mark + pointer


def holders(value: JsonValue) -> Iterator[JsonObject]:
    """Every object that has a `$ref`."""
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if "$ref" in value:
                yield value
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


def _joined(file: str, name: str) -> str:
    """`name` as seen from `file`; what climbs out of the document's folder still begins with `..`."""
    parts: list[str] = []
    for part in (*PurePosixPath(file).parent.parts, *PurePosixPath(name).parts):
        if part == ".." and parts and parts[-1] != "..":
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)
