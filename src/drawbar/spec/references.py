"""References in the values of a YAML file: `${NAME}`, `${NAME:-default}`, `${NAME:?message}`, `${file:PATH}`.

They are resolved after parsing, so what they stand for is always a text and never YAML. What came from a
reference is remembered, because no message may show it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from drawbar.kernel.values import JsonValue
from drawbar.spec.secrets import sounds_secret
from drawbar.spec.source import At, Report

_TOKEN = re.compile(r"\$\$|\$\{(?P<inner>[^{}]*)\}|\$\{")
_INNER = re.compile(
    r"file:(?P<path>.+)|(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::(?P<mode>[-?])(?P<rest>.*))?", re.DOTALL
)
_LARGEST = 1_000_000
FILE = "file:"
UNREAD = frozenset({"DB120", "DB121", "DB122"})
"""Codes of references that stand for nothing."""


def _is_utf8(text: str) -> bool:
    """Bytes of the environment that are not UTF-8 arrive as lone surrogates, which JSON cannot hold."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


@dataclass(frozen=True, slots=True)
class Reference:
    """A value that was written with references: how it was written, and all that they stood for."""

    written: str
    texts: tuple[str, ...]


@dataclass(slots=True)
class References:
    """Where values of a file came from references, and which of those must never be shown."""

    at: dict[At, Reference] = field(default_factory=dict)
    secrets: set[str] = field(default_factory=set)
    named: list[tuple[At, str]] = field(default_factory=list)
    """What was referred to at which value: the name of a variable, set or not, or `file:PATH`."""

    def hide(self, message: str, at: At) -> str:
        """A message about `at` without anything that a reference in or around it stood for."""
        for way, reference in self.at.items():
            shorter = min(len(way), len(at))
            if way[:shorter] == at[:shorter]:
                for text in sorted(reference.texts, key=len, reverse=True):
                    message = message.replace(text, reference.written) if text else message
        return message


class Resolver:
    """Resolves the references of one file. `folder` is where relative paths start."""

    def __init__(self, environ: Mapping[str, str], folder: Path, report: Report) -> None:
        self.found = References()
        self._environ = environ
        self._folder = folder
        self._report = report

    def resolve(self, value: JsonValue, at: At = ()) -> JsonValue:
        """The value with every reference replaced; the given one is left as it is."""
        if isinstance(value, str):
            return self._text(value, at) if "$" in value else value
        if isinstance(value, dict):
            return {key: self.resolve(inner, (*at, key)) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.resolve(inner, (*at, index)) for index, inner in enumerate(value)]
        return value

    def _text(self, written: str, at: At) -> str:
        texts: list[str] = []

        def replace(match: re.Match[str]) -> str:
            if match[0] == "$$":
                return "$"
            text = self._reference(match["inner"], at)
            texts.append(text)
            return text

        resolved = _TOKEN.sub(replace, written)
        if texts:
            self.found.at[at] = Reference(written, (*texts, resolved))
        return resolved

    def _reference(self, inner: str | None, at: At) -> str:
        parts = None if inner is None else _INNER.fullmatch(inner)
        if parts is None:
            self._report.add(
                at,
                "DB122",
                "`${` begins a reference that cannot be read",
                fix="write ${NAME}, ${NAME:-default}, ${NAME:?message} or ${file:PATH}; "
                "write $${ for the characters themselves",
            )
            return ""
        if parts["path"] is not None:
            self.found.named.append((at, f"{FILE}{parts['path']}"))
            return self._file(parts["path"], at)
        self.found.named.append((at, parts["name"]))
        return self._variable(parts["name"], parts["mode"], parts["rest"], at)

    def _variable(self, name: str, mode: str | None, rest: str | None, at: At) -> str:
        text = self._environ.get(name)
        if text is not None and not _is_utf8(text):
            self._report.add(at, "DB120", f"the environment variable {name} is not UTF-8")
            return ""
        if text is not None and (text or mode is None):
            if sounds_secret(name):
                self.found.secrets.add(text)
            return text
        if mode == "-":
            return rest or ""
        if mode == "?":
            self._report.add(at, "DB120", rest or f"the environment variable {name} is not set")
            return ""
        self._report.add(
            at,
            "DB120",
            f"the environment variable {name} is not set",
            fix=f"set it, or write ${{{name}:-default}}",
        )
        return ""

    def _file(self, path: str, at: At) -> str:
        try:
            with (self._folder / path).open("rb") as file:
                content = file.read(_LARGEST + 1)
            text = content.decode()
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            self._report.add(at, "DB121", f"the file {path} cannot be read: {why}")
            return ""
        if len(content) > _LARGEST:
            self._report.add(at, "DB121", f"the file {path} is larger than {_LARGEST} bytes")
            return ""
        text = text.removesuffix("\n").removesuffix("\r")
        self.found.secrets.add(text)
        return text
