#!/usr/bin/env python3
"""Write the reference pages from what Drawbar itself is made of: `python tools/reference.py`.

A word's type, default and meaning stand in its model, a code's meaning in its table, an option's in its
parser. They are copied from there, so that a page cannot say something else. A test compares.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import re
import sys
import tempfile
import types
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import httpx2
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from drawbar.app.deployment import deployed
from drawbar.app.gateway import load
from drawbar.backends import BUILT_IN, InstalledKinds
from drawbar.cli import VERBS, main
from drawbar.codecs import codec
from drawbar.compiler import codes as compiler_codes
from drawbar.settings import Settings
from drawbar.settings import codes as settings_codes
from drawbar.spec import codes as spec_codes
from drawbar.spec.model import AdapterFile, BackendSpec, FunctionSpec, TrialSpec
from drawbar.spec.scalars import duration_text, size_text
from drawbar.surfaces.console import console_routes
from drawbar.surfaces.web import Web

FOLDER = Path(__file__).parents[1] / "docs" / "reference"
COMMAND = "python tools/reference.py"
_NOTE = f"<!-- Made by `{COMMAND}`; change the models, not this page. -->\n"
_SCALARS = {
    "parse_duration": "duration",
    "parse_size": "size",
    "parse_rate": "rate",
    "parse_expected": "number of rows",
    "_secret": "secret text",
    "_statement": "statement",
}
_PLAIN: Mapping[Any, str] = {  # a type, or Any
    str: "text",
    int: "integer",
    float: "number",
    bool: "true or false",
    Any: "any value",
    object: "any value",
}
_OF_ADAPTERS: Mapping[str, type[BaseModel]] = {"functions": FunctionSpec, "tests": TrialSpec}
"""What the file's own model leaves open, as it depends on the kind."""
_EXIT_CODES = (
    "Exit codes: 0 fine, 1 problems found, 2 wrong use, 3 settings or adapters invalid, "
    "4 a backend or gateway cannot be reached, 5 refused."
)
_SUB_VERBS = re.compile(r"\{?([a-z]+(?:[|,][a-z]+)+)\}? \.\.\.")


def generate() -> dict[str, str]:
    """Every page by its file name."""
    kinds = InstalledKinds(())
    pages = {"adapter.md": _adapter_page(), "settings.md": _settings_page()}
    for name in BUILT_IN:
        kind = kinds.find(name)
        pages[f"{name}.md"] = _kind_page(name, kind.options, kind.function)
    pages["codes.md"] = _codes_page(kinds)
    pages["commands.md"] = _commands_page()
    pages["routes.md"] = asyncio.run(_routes_page())
    pages["README.md"] = _index(pages)
    return {name: f"{_NOTE}\n{text.rstrip()}\n" for name, text in pages.items()}


def _index(pages: Mapping[str, str]) -> str:
    lines = ["# Reference", "", "Made from the code; it says what this version does.", ""]
    for name, text in pages.items():
        title = text.partition("\n")[0].removeprefix("# ")
        lines.append(f"- [{title}]({name})")
    return "\n".join(lines)


# words of YAML


def _adapter_page() -> str:
    intro = (
        "What every kind shares. Each kind adds words to `backend` and to its functions: "
        + ", ".join(f"[{name}]({name}.md)" for name in BUILT_IN)
        + ". [Write an adapter](../write-an-adapter.md) explains them."
    )
    return "\n".join(["# Words of an adapter", "", intro, *_sections(AdapterFile, "")])


def _settings_page() -> str:
    intro = (
        "[Settings](../settings.md) explains where they come from. A variable is the name in capitals "
        "with `__` between levels: `DRAWBAR_LISTEN__PORT`."
    )
    return "\n".join(["# Settings, each with its default", "", intro, *_sections(Settings, "")])


def _kind_page(name: str, options: type[BaseModel], function: type[BaseModel]) -> str:
    intro = f"Beside the [words that every kind has](adapter.md). [Describe it](../{name}.md) explains them."
    return "\n".join(
        [
            f"# Words of kind `{name}`",
            "",
            intro,
            *_sections(options, "backend", without=set(BackendSpec.model_fields) - {"kind"}),
            *_sections(function, "functions.NAME", without=_unchanged(function)),
        ]
    )


def _unchanged(function: type[BaseModel]) -> set[str]:
    """Words of every kind that this one takes as they are."""
    return {
        name
        for name, field in FunctionSpec.model_fields.items()
        if function.model_fields[name].annotation == field.annotation
    }


def _sections(root: type[BaseModel], at: str, without: Collection[str] = ()) -> Iterator[str]:
    """One table a model, in the order in which they are met; a model is written where it is met first."""
    places = dict(_places(root, at, without))
    for model, place in places.items():
        yield from ("", f"## {f'`{place}`' if place else 'The file'}", "")
        if model.__doc__:
            yield from (_one_line(model.__doc__), "")
        yield from ("| word | type | default | meaning |", "|---|---|---|---|")
        for name, field in model.model_fields.items():
            if model is root and name in without:
                continue
            yield _row(model, name, field, places)


def _places(
    root: type[BaseModel], at: str, without: Collection[str]
) -> Iterator[tuple[type[BaseModel], str]]:
    ways: list[tuple[type[BaseModel], str]] = [(root, at)]
    seen: set[type[BaseModel]] = set()
    while ways:
        current, place = ways.pop(0)
        if current in seen:
            continue
        seen.add(current)
        yield current, place
        for name, field in current.model_fields.items():
            if current is root and name in without:
                continue
            inner_place = f"{place}.{field.alias or name}".lstrip(".")
            ways += [(inner, inner_place + tail) for inner, tail in _inner(current, name, field)]


def _inner(
    model: type[BaseModel], name: str, field: FieldInfo
) -> list[tuple[type[BaseModel], str]]:
    if model is AdapterFile and name in _OF_ADAPTERS:
        return [(_OF_ADAPTERS[name], ".NAME" if name == "functions" else "[]")]
    return list(_models_in(field.annotation, ""))


def _models_in(
    annotation: Any, tail: str
) -> Iterator[tuple[type[BaseModel], str]]:  # any type form
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation, tail
        return
    origin = get_origin(annotation)
    for argument in get_args(annotation) if origin is not Literal else ():
        inner = ".NAME" if origin is dict else "[]" if origin is tuple else ""
        yield from _models_in(argument, tail + inner)


def _row(
    model: type[BaseModel], name: str, field: FieldInfo, places: Mapping[type[BaseModel], str]
) -> str:
    kind = _field_type(model, name, field, places)
    inner = _inner(model, name, field)
    meaning = _one_line(field.description or (inner[0][0].__doc__ if inner else None) or "")
    limits = "; ".join(_limits(field))
    meaning = " ".join(filter(None, (meaning, f"({limits})" if limits else "")))
    cells = (f"`{field.alias or name}`", kind, _default(field), meaning)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _field_type(
    model: type[BaseModel], name: str, field: FieldInfo, places: Mapping[type[BaseModel], str]
) -> str:
    if model is AdapterFile and name in _OF_ADAPTERS:
        link = _link(places[_OF_ADAPTERS[name]])
        return f"mapping of names to {link}" if name == "functions" else f"list of {link}"
    return _scalar(field.metadata) or _type(field.annotation, places)


def _scalar(metadata: object) -> str | None:
    """A type that a validator makes: durations, sizes, secrets."""
    for item in metadata if isinstance(metadata, (list, tuple)) else ():
        function = getattr(item, "func", None)
        if function is not None and function.__name__ in _SCALARS:
            return _SCALARS[function.__name__]
    return None


def _type(annotation: Any, places: Mapping[type[BaseModel], str]) -> str:  # any type form
    arguments = get_args(annotation)
    match get_origin(annotation):
        case origin if origin is Annotated:
            found = _scalar(arguments[1:])
            told = found if found and found != "statement" else _type(arguments[0], places)
        case origin if origin is Literal:
            told = ", ".join(f"`{value}`" for value in arguments)
        case origin if origin in {Union, types.UnionType}:
            parts = [_type(part, places) for part in arguments if part is not type(None)]
            told = " or ".join(dict.fromkeys(parts))
        case origin if origin is tuple:
            told = f"list of {_type(arguments[0], places)}"
        case origin if origin is dict:
            told = f"mapping of names to {_type(arguments[1], places)}"
        case _ if annotation in places:
            told = _link(places[annotation])
        case _:
            told = _PLAIN[annotation]
    return told


def _link(place: str) -> str:
    anchor = re.sub(r"[^\w\- ]", "", place.lower()).replace(" ", "-")
    return f"[{place}](#{anchor})"


def _limits(field: FieldInfo) -> Iterator[str]:
    for item in field.metadata:
        for word, told in (
            ("ge", "at least"),
            ("le", "at most"),
            ("min_length", "at least"),
            ("max_length", "at most"),
        ):
            value = getattr(item, word, None)
            if value is not None:
                unit = "" if word in {"ge", "le"} else " long"
                yield f"{told} {value}{unit}"
        if pattern := getattr(item, "pattern", None):
            yield f"`{pattern}`"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    default = field.get_default(call_default_factory=True)
    if default is None or isinstance(default, BaseModel) or default in ((), {}):
        return ""
    if isinstance(default, tuple):
        return f"`[{', '.join(map(str, default))}]`"
    scalar = _scalar(field.metadata)
    if scalar in {"duration", "size"}:
        default = duration_text(default) if scalar == "duration" else size_text(default)
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def _one_line(text: str) -> str:
    return " ".join(text.split())


# codes


def _codes_page(kinds: InstalledKinds) -> str:
    groups: list[tuple[str, Mapping[str, str]]] = [
        ("YAML and words", spec_codes.CODES),
        ("Functions, whatever their kind", compiler_codes.CODES),
    ]
    for name in BUILT_IN:
        own = {
            code: line for code, line in kinds.find(name).codes.items() if code not in codec.CODES
        }
        groups.append((f"Kind `{name}`", own))
    groups += [("Settings", settings_codes.CODES), ("Forms of bytes", codec.CODES)]
    lines = [
        "# Problem codes",
        "",
        "What `drawbar lint` and the start say, as `file:line:column: CODE message`. A code never changes its meaning.",
    ]
    for title, table in groups:
        lines += ["", f"## {title}", "", "| code | means |", "|---|---|"]
        lines += [f"| `{code}` | {_one_line(line)} |" for code, line in sorted(table.items())]
    return "\n".join(lines)


# commands


def _commands_page() -> str:
    lines = [
        "# Commands",
        "",
        _EXIT_CODES,
    ]
    for verb in VERBS:
        told = _help(verb)
        lines += ["", f"## drawbar {verb}", "", "```text generated", told.rstrip(), "```"]
        found = _SUB_VERBS.search(told)
        for sub in re.split(r"[|,]", found[1]) if found else ():
            lines += ["", f"### drawbar {verb} {sub}", ""]
            lines += ["```text generated", _help(verb, sub).rstrip(), "```"]
    return "\n".join(lines)


def _help(*words: str) -> str:
    printed = io.StringIO()
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = "100"
    try:
        with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
            main([*words, "--help"])
    finally:
        if before is None:
            del os.environ["COLUMNS"]
        else:
            os.environ["COLUMNS"] = before
    return printed.getvalue()


# routes


async def _routes_page() -> str:
    document = await _openapi()
    by_tag: dict[str, list[str]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            tag = (operation.get("tags") or ["other"])[0]
            row = f"| {method.upper()} | `{path}` | {operation['summary']} |"
            by_tag.setdefault(tag, []).append(row)
    told = ("To the chat page", "To the chat page", "What the page needs", "Its files")
    console = [
        f"| GET | `{route.path}` | {what} |"
        for route, what in zip(console_routes(), told, strict=True)
        if hasattr(route, "path")
    ]
    by_tag["console"] = console
    lines = [
        "# Routes",
        "",
        "`GET /openapi.json` describes bodies and parameters; it needs no key.",
    ]
    for tag in sorted(by_tag):
        rows = sorted(by_tag[tag], key=lambda row: row.split("`")[1])
        lines += ["", f"## {tag}", "", "| method | path | what |", "|---|---|---|", *rows]
    return "\n".join(lines)


async def _openapi() -> dict[str, Any]:  # an OpenAPI document
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder) / "drawbar.yaml"
        settings.write_text("adapters: []\nstore: sqlite:///drawbar.db\n", encoding="utf-8")
        async with deployed(load(settings, environ={})) as services:
            transport = httpx2.ASGITransport(Web(services))
            async with httpx2.AsyncClient(transport=transport, base_url="http://drawbar") as client:
                document: dict[str, Any] = (await client.get("/openapi.json")).json()
                return document


def write() -> int:
    FOLDER.mkdir(parents=True, exist_ok=True)
    pages = generate()
    for path in FOLDER.glob("*.md"):
        if path.name not in pages:
            path.unlink()
    for name, text in pages.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
        sys.stderr.write(f"docs/reference/{name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(write())
