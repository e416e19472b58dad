"""`drawbar migrate`: bring the store to the tables of this version."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from drawbar.kernel.errors import AuthorError
from drawbar.settings import load_settings
from drawbar.store.database import migrate_store

EXAMPLE = "drawbar migrate --store sqlite:///var/drawbar.db"


def configure(parser: argparse.ArgumentParser) -> None:
    add_store_options(parser)


def run(args: argparse.Namespace) -> int:
    before, after = migrate_store(store_url(args))
    if before == after:
        print(f"The store is at revision {after} already.")
    else:
        print(f"The store went from revision {before or 'none (it was empty)'} to {after}.")
    return 0


def add_store_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--settings", type=Path, help="default: config/drawbar.yaml")
    parser.add_argument(
        "--store", metavar="URL", help="sqlite:///PATH or postgresql://...; default: the settings'"
    )


def store_url(args: argparse.Namespace) -> str:
    """The store that was asked for, else that of the settings. Raises AuthorError."""
    named = args.settings or os.environ.get("DRAWBAR_SETTINGS")
    usual = Path("config/drawbar.yaml")
    path = Path(named) if named else usual if usual.exists() else None
    flags = {"store": args.store} if args.store else {}
    loaded = load_settings(path, os.environ, flags)
    if any(problem.severity == "error" for problem in loaded.problems):
        raise AuthorError(loaded.problems)
    return loaded.settings.store
