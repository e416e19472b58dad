"""Python modules as their files say it. Nothing is imported, so nothing of them runs."""

from __future__ import annotations

import ast
import builtins
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TypeAlias

_MOST_STEPS = 20
"""Imports that are followed from a name to what it stands for."""


class SourceError(Exception):
    """Why a module cannot be read, in words for its author."""


@dataclass(frozen=True, slots=True)
class Imported:
    """A name that stands for a module, or for a name of one."""

    module: str
    name: str | None = None


Definition: TypeAlias = (
    "Imported | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef | ast.expr"
)


@dataclass(frozen=True, slots=True)
class Module:
    """What the top level of a module defines."""

    name: str
    path: Path
    names: dict[str, Definition] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Found:
    """A definition, and the module whose names it uses."""

    module: Module
    node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef | ast.expr


class Sources:
    """Finds and reads modules; `files` are those that were read."""

    def __init__(self, path: Sequence[str]) -> None:
        """`path` are folders that are looked through first."""
        here = {"", os.getcwd()}  # noqa: PTH109 -- entries of sys.path are texts
        self._path = [*path, *(each for each in sys.path if each not in here)]
        self._modules: dict[str, Module] = {}
        self.files: set[Path] = set()

    def module(self, name: str) -> Module:
        """Raises SourceError."""
        if name not in self._modules:
            self._modules[name] = self._read(name)
        return self._modules[name]

    def find(self, module: Module, name: str) -> Found | str:
        """What a name of a module stands for; where that is not to be read, its full name, as `typing.Optional`."""
        for _ in range(_MOST_STEPS):
            definition = module.names.get(name)
            if definition is None:
                return f"builtins.{name}" if hasattr(builtins, name) else f"{module.name}.{name}"
            if not isinstance(definition, Imported):
                return Found(module, definition)
            if definition.name is None:
                return definition.module
            if definition.module.partition(".")[0] in sys.stdlib_module_names:
                return f"{definition.module}.{definition.name}"
            try:
                module = self.module(definition.module)
            except SourceError:
                return f"{definition.module}.{definition.name}"
            name = definition.name
        raise SourceError(f"the imports of `{name}` go round in a circle")

    def _read(self, name: str) -> Module:
        path, is_package = self._locate(name)
        self.files.add(path)
        try:
            tree = ast.parse(path.read_bytes(), str(path))
        except (OSError, ValueError) as error:
            raise SourceError(f"{path} cannot be read: {error}") from None
        except SyntaxError as error:
            raise SourceError(f"{path}:{error.lineno} is no Python: {error.msg}") from None
        package = name if is_package else name.rpartition(".")[0]
        return Module(name, path, dict(_names(tree.body, package)))

    def _locate(self, name: str) -> tuple[Path, bool]:
        where: list[str] | None = self._path
        whole = ""
        for part in name.split("."):
            whole = f"{whole}.{part}" if whole else part
            spec = None if where is None else PathFinder.find_spec(whole, where)
            if spec is None:
                raise SourceError(f"there is no module `{whole}`")
            found = spec.submodule_search_locations
            where = None if found is None else list(found)
        if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
            raise SourceError(f"the module `{name}` is no Python source")
        return Path(spec.origin), where is not None


def _names(body: Sequence[ast.stmt], package: str) -> Iterator[tuple[str, Definition]]:
    """Of what may stand under a condition, such as `if TYPE_CHECKING`, everything."""
    for node in body:
        match node:
            case ast.Import(names):
                for alias in names:
                    top = alias.name.partition(".")[0]
                    yield alias.asname or top, Imported(alias.name if alias.asname else top)
            case ast.ImportFrom(module, names, level):
                whole = _absolute(package, module, level)
                for alias in names:
                    yield alias.asname or alias.name, Imported(whole, alias.name)
            case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                yield node.name, node
            case ast.Assign([ast.Name(name)], value) | ast.AnnAssign(
                ast.Name(name), _, ast.expr() as value
            ):
                yield name, value
            case ast.If() | ast.Try():
                yield from _names([*node.body, *node.orelse], package)
            case _ if node.__class__.__name__ == "TypeAlias":  # a statement since Python 3.12
                yield node.name.id, node.value  # type: ignore[attr-defined]


def _absolute(package: str, module: str | None, level: int) -> str:
    if not level:
        return module or ""
    parts = package.split(".")
    base = ".".join(parts[: len(parts) - level + 1])
    return f"{base}.{module}" if module and base else module or base
