"""`drawbar show`: functions, schemas in each dialect, settings with their origin, JSON Schemas for editors."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path

import orjson

from drawbar.backends import BUILT_IN, InstalledKinds
from drawbar.backends.results.functions import own_functions
from drawbar.compiler.dialects import DIALECTS, render
from drawbar.compiler.function import Function, Toolset
from drawbar.compiler.kind import ConfigurableKind, Kind
from drawbar.compiler.toolset import compile_adapter, compile_toolset
from drawbar.kernel.errors import AuthorError, OperatorError
from drawbar.kernel.values import JsonObject, JsonValue
from drawbar.settings import LoadedSettings, Settings, adapter_files, load_settings
from drawbar.spec.json_schema import adapter_schema, settings_schema
from drawbar.spec.load import load_adapter
from drawbar.spec.names import closest
from drawbar.spec.secrets import shown

EXAMPLE = "drawbar show schemas 'hr_*' --dialect gemini"
WRITE = "drawbar show json-schema --write"
"""The command that brings the committed schemas up to date."""
_WHAT = ("functions", "schemas", "settings", "json-schema")


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", choices=_WHAT)
    parser.add_argument("name", nargs="?", help="only what is called so; `*` stands for any text")
    parser.add_argument(
        "--dialect",
        choices=DIALECTS,
        default="openai-strict",
        help="how `schemas` are written; default: openai-strict",
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument(
        "--write",
        nargs="?",
        type=Path,
        const=Path("config"),
        metavar="FOLDER",
        help="write the JSON Schemas into FOLDER instead of printing them; default: config",
    )
    parser.add_argument("--settings", type=Path, help="default: config/drawbar.yaml")


def run(args: argparse.Namespace) -> int:
    if args.what == "json-schema":
        return _json_schema(args.name, args.write)
    if args.what == "settings":
        return _settings(read_settings(args.settings), args.name, as_json=args.json)
    toolset = load_toolset(read_settings(args.settings))
    functions = _chosen(toolset, args.name)
    if args.what == "schemas":
        print_json([render(function, args.dialect) for function in functions if function.callable])
        _note_broken(functions)
        return 0
    if args.json:
        print_json([_as_json(function) for function in functions])
    else:
        _print_functions(functions)
    return 0


def print_json(value: JsonValue) -> None:
    print(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())


def settings_file(given: Path | None) -> Path | None:
    """What was asked for, else DRAWBAR_SETTINGS, else the usual file if it is there."""
    named = given or os.environ.get("DRAWBAR_SETTINGS")
    if named:
        return Path(named)
    usual = Path("config/drawbar.yaml")
    return usual if usual.exists() else None


def read_settings(given: Path | None) -> LoadedSettings:
    """Raises AuthorError when they are wrong."""
    loaded = load_settings(settings_file(given), os.environ)
    if any(problem.severity == "error" for problem in loaded.problems):
        raise AuthorError(loaded.problems)
    return loaded


def load_toolset(loaded: LoadedSettings) -> Toolset:
    """Every function of the settings' adapters, compiled; raises AuthorError when one cannot be found."""
    files, problems = adapter_files(loaded)
    if problems:
        raise AuthorError(problems)
    kinds = InstalledKinds()
    if wrong := kinds.configure(loaded):
        raise AuthorError(wrong)
    compiled = [compile_adapter(load_adapter(file, kinds, os.environ), kinds) for file in files]
    return compile_toolset(*compiled, *own_functions(compiled))


def _chosen(toolset: Toolset, pattern: str | None) -> list[Function]:
    if pattern is None:
        return list(toolset.values())
    chosen = [function for name, function in toolset.items() if fnmatchcase(name, pattern)]
    if not chosen:
        meant = closest(pattern, toolset)
        hint = f" Did you mean {meant}?" if meant else ""
        raise OperatorError(f"no function is called {pattern}.{hint}")
    return chosen


def _print_functions(functions: Iterable[Function]) -> None:
    rows = [
        (
            function.name,
            function.effect if function.callable else "broken",
            function.kind,
            _first_line(function),
        )
        for function in functions
    ]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
    for row in rows:
        print("  ".join([*(f"{row[i]:{widths[i]}}" for i in range(3)), row[3]]).rstrip())


def _first_line(function: Function) -> str:
    for problem in function.problems:
        if problem.severity == "error":
            return f"{problem.place}: {problem.code} {problem.message}"
    return function.description.partition("\n")[0]


def _note_broken(functions: Iterable[Function]) -> None:
    broken = [function.name for function in functions if not function.callable]
    if broken:
        print(f"not shown, because broken: {', '.join(broken)}", file=sys.stderr)


def _as_json(function: Function) -> JsonObject:
    limits = function.limits
    approve = function.approve
    return {
        "name": function.name,
        "adapter": function.adapter,
        "kind": function.kind,
        "effect": function.effect,
        "description": function.description,
        "callable": function.callable,
        "place": None if function.place is None else str(function.place),
        "parameters": [
            {
                "name": parameter.name,
                "required": parameter.required,
                "to": parameter.to,
                "filled_by": "model" if parameter.source == "model" else "gateway",
                "schema": parameter.schema,
            }
            for parameter in function.parameters
        ],
        "limits": {"timeout": limits.timeout, "rows": limits.rows, "bytes": limits.bytes},
        "allow": function.allow,
        "approve": None if approve is None else approve.model_dump(mode="json"),
        "idempotency": function.idempotency.model_dump(mode="json"),
        "returns": function.returns.model_dump(mode="json"),
        "problems": [str(problem) for problem in function.problems],
    }


def _settings(loaded: LoadedSettings, pattern: str | None, *, as_json: bool) -> int:
    dumped = shown(loaded.settings.model_dump(mode="json", by_alias=True))
    values = {name: _at(dumped, name) for name in loaded.origins}
    chosen = {
        name: value
        for name, value in values.items()
        if pattern is None or fnmatchcase(name, pattern) or name.startswith(f"{pattern}.")
    }
    if not chosen:
        meant = closest(str(pattern), values)
        hint = f" Did you mean {meant}?" if meant else ""
        raise OperatorError(f"no setting is called {pattern}.{hint}")
    if as_json:
        print_json({n: {"value": v, "origin": loaded.origins[n]} for n, v in chosen.items()})
        return 0
    for name, value in chosen.items():
        text = value if isinstance(value, str) else orjson.dumps(value).decode()
        print(f"{name}: {text}    # {loaded.origins[name]}")
    return 0


def _at(value: JsonValue, name: str) -> JsonValue:
    """The value of a dotted name; the last key may hold dots itself."""
    assert isinstance(value, dict)  # noqa: S101 -- names come from the same settings
    if name in value:
        return value[name]
    head, _, rest = name.partition(".")
    return _at(value[head], rest)


def generate_schemas(installed: InstalledKinds | None = None) -> Mapping[str, JsonObject]:
    """The JSON Schemas of adapters and of settings, by file name.

    They know the built-in kinds, and those of other packages that are among `installed` and can be loaded.
    """
    kinds = installed or InstalledKinds(())
    found: dict[str, Kind] = {}
    for name in kinds.names():
        try:
            found[name] = kinds.find(name)
        except LookupError as error:
            if name in BUILT_IN:
                raise
            print(f"left out: {error.args[0]}", file=sys.stderr)
    configurable = {
        name: kind.settings for name, kind in found.items() if isinstance(kind, ConfigurableKind)
    }
    return {
        "adapter.schema.json": adapter_schema(found),
        "settings.schema.json": settings_schema(Settings, configurable),
    }


def schema_text(schema: JsonObject) -> str:
    return orjson.dumps(schema, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()


def _json_schema(name: str | None, folder: Path | None) -> int:
    try:
        schemas = generate_schemas(InstalledKinds())
    except LookupError as error:
        raise OperatorError(str(error.args[0])) from error
    if folder is not None:
        for file, schema in schemas.items():
            (folder / file).write_text(schema_text(schema), encoding="utf-8")
            print(folder / file, file=sys.stderr)
        return 0
    chosen = f"{name or 'adapter'}.schema.json"
    if chosen not in schemas:
        raise OperatorError(f"there is no JSON Schema of `{name}`; there are: adapter, settings")
    print(schema_text(schemas[chosen]), end="")
    return 0
