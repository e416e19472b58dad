"""`drawbar new`: draft an adapter from what describes its backend, and say what is left to decide."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path, PurePosixPath

from drawbar.backends import InstalledKinds
from drawbar.cli.lint import lint, plural
from drawbar.compiler.draft import Draft, DraftingKind, DraftWish
from drawbar.kernel.errors import OperatorError
from drawbar.spec.names import closest

EXAMPLE = "drawbar new soap adapters/wsdl/personnel.wsdl --name crew"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("kind", help="kind of the backend, such as soap")
    parser.add_argument(
        "source", help="what describes it: a file or a URL; a URL is fetched, now and never again"
    )
    parser.add_argument("--name", help="of the adapter; default: made from the source")
    parser.add_argument(
        "--into", type=Path, default=Path("adapters"), help="folder; default: adapters"
    )
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="PATTERN",
        help="draft only what is called so, such as 'Get*'; may be repeated",
    )
    parser.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="what this kind of backend wants to know besides; may be repeated",
    )
    parser.add_argument("--force", action="store_true", help="write over files that are there")


def run(args: argparse.Namespace) -> int:
    kind = _drafting(args.kind)
    wish = DraftWish(args.name, tuple(args.only), _options(args.option))
    draft = kind.draft(args.source, wish)
    adapter = args.into / f"{draft.name}.yaml"
    contents = {_beside(args.into, name): data for name, data in draft.files.items()}
    contents[adapter] = draft.text.encode()
    _write(contents, overwrite=args.force)
    for note in draft.notes:
        print(note, file=sys.stderr)
    return _summary(adapter, draft)


def _drafting(name: str) -> DraftingKind:
    kinds = InstalledKinds()
    if name not in kinds.names():
        meant = closest(name, kinds.names())
        hint = f" Did you mean `{meant}`?" if meant else ""
        raise OperatorError(f"no kind of backend is called `{name}`.{hint}{_who_drafts(kinds)}")
    try:
        kind = kinds.find(name)
    except LookupError as error:
        raise OperatorError(str(error.args[0])) from error
    if not isinstance(kind, DraftingKind):
        raise OperatorError(f"the kind `{name}` drafts no adapters.{_who_drafts(kinds)}")
    return kind


def _who_drafts(kinds: InstalledKinds) -> str:
    """For those kinds that can be loaded; a broken one is told when it is asked for."""
    able = []
    for name in kinds.names():
        try:
            if isinstance(kinds.find(name), DraftingKind):
                able.append(name)
        except LookupError:
            continue
    return f" Kinds that do: {', '.join(able)}." if able else " None of the installed kinds does."


def _options(written: list[str]) -> dict[str, str]:
    options = {}
    for text in written:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise OperatorError(f"`--option {text}` is not NAME=VALUE")
        options[name] = value
    return options


def _beside(folder: Path, name: str) -> Path:
    """A file of a draft, which stays below the folder whatever the source calls it."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise OperatorError(f"the draft wants to write `{name}`, which is outside of {folder}")
    return folder / path


def _write(contents: dict[Path, bytes], *, overwrite: bool) -> None:
    """All or none of the files, as far as that can be known before writing."""
    changed = {p: data for p, data in contents.items() if not p.is_file() or p.read_bytes() != data}
    there = [str(path) for path in changed if path.exists()]
    if there and not overwrite:
        raise OperatorError(
            f"{', '.join(there)} {'is' if len(there) == 1 else 'are'} there already, and nothing was written. "
            "Choose another --name, or write over with --force."
        )
    for path, data in changed.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        except OSError as error:
            raise OperatorError(f"{path} cannot be written: {error.strerror}") from error


def _summary(adapter: Path, draft: Draft) -> int:
    """Compile what was written, and print what came of it."""
    findings = lint([adapter], None, no_environment=True)
    functions = [function for each in findings.compiled for function in each.functions]
    effects = Counter(function.effect for function in functions if function.callable)
    for problem in findings.problems:
        print(problem)
    counted = ", ".join(f"{count} {effect}" for effect, count in sorted(effects.items()))
    print(f"{adapter}: {plural(len(functions), 'function')} ({counted or 'none can be called'})")
    if draft.files:
        print(f"beside it: {plural(len(draft.files), 'file')}")
    if (count := len(draft.undecided)) == 1:
        print("to decide: the effect of 1 function, which was only guessed")
    elif count:
        print(f"to decide: the effects of {count} functions, which were only guessed")
    errors, warnings = findings.count("error"), findings.count("warning")
    print(
        f"{plural(errors, 'error')}, {plural(warnings, 'warning')}; "
        f"`drawbar lint {adapter}` shows them again"
    )
    return 1 if errors else 0
