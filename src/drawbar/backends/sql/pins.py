"""Types that a live database told of parameters, kept in `adapters.lock`: so compiling stays offline, and a server
cannot change the schema that a model sees.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from drawbar.compiler.diagnosis import PINNED
from drawbar.compiler.parameters import Inherited
from drawbar.kernel.errors import OperatorError
from drawbar.kernel.values import JsonObject
from drawbar.spec.lock import FILE, read_lock
from drawbar.spec.model import Adapter, FunctionSpec
from drawbar.spec.source import Report

UNTYPED_FIX = "add `type:`, or let the database tell it: `drawbar doctor --pin`"


class Pins(Protocol):
    """Where the type of a parameter comes from when its author wrote none."""

    def inherited(self, function: str, spec: FunctionSpec) -> Mapping[str, Inherited]:
        """By parameter, of those without a type."""
        ...


def untyped(spec: FunctionSpec) -> list[str]:
    """Parameters that a model fills and whose author wrote no type."""
    return [
        name
        for name, each in spec.parameters.items()
        if each.type is None and each.from_ is None and "const" not in each.model_fields_set
    ]


class LockedPins:
    """What the lock says; it is read when it is first needed."""

    def __init__(self, adapter: Adapter, report: Report) -> None:
        self._folder: Path = adapter.folder
        self._adapter = adapter.name
        self._report = report
        self._types: Mapping[str, str] | None = None

    def inherited(self, function: str, spec: FunctionSpec) -> Mapping[str, Inherited]:
        found: dict[str, Inherited] = {}
        for name in untyped(spec):
            pinned = self._read().get(f"{function}.{name}")
            if pinned is not None:
                found[name] = Inherited(_schema(pinned))
        return found

    def _read(self) -> Mapping[str, str]:
        if self._types is None:
            self._report.files.add(self._folder / FILE)
            try:
                self._types = read_lock(self._folder).get(self._adapter, {}).get(PINNED, {})
            except OperatorError as error:
                self._report.add(("functions",), "DB392", str(error))
                self._types = {}
        return self._types


class AnyType:
    """Leaves each open: to find out what the database says of it."""

    def inherited(self, function: str, spec: FunctionSpec) -> Mapping[str, Inherited]:
        del function
        return {name: Inherited({}) for name in untyped(spec)}


def _schema(pinned: str) -> JsonObject:
    """Nothing where it is not what was written; the parameter then has no type, which is told."""
    try:
        found = json.loads(pinned)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
