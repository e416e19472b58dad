"""`drawbar new`: draft an adapter from what describes its backend, and say what is left to decide."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from drawbar.backends import InstalledKinds
from drawbar.cli.lint import AnyEnvironment, folded, lint, plural
from drawbar.compiler.diagnosis import PINNED, function_of, pinned_anew
from drawbar.compiler.draft import BETWEEN, Draft, DraftingKind, DraftWish
from drawbar.compiler.redraft import Redrafted, drafted_hashes, redraft
from drawbar.kernel.errors import OperatorError
from drawbar.spec.lock import Sections, drifted, hash_of, read_lock, write_lock
from drawbar.spec.names import closest
from drawbar.spec.secrets import mask_url

EXAMPLE = "drawbar new soap adapters/wsdl/personnel.wsdl --name crew"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "kind", help="kind of the backend, or of what describes it, such as soap or openapi"
    )
    parser.add_argument(
        "source",
        nargs="?",
        help="what describes it: a file or a URL; a URL is fetched, now and never again. With --update: "
        "by default what it was drafted from",
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
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--force", action="store_true", help="write over files that are there")
    how.add_argument(
        "--update",
        action="store_true",
        help="bring what is new in the source into the adapter that is there; what was edited stays",
    )


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is to be drafted, with what the lock remembers of the last time."""

    kind: DraftingKind
    source: str
    wish: DraftWish
    lock: Sections


def run(args: argparse.Namespace) -> int:
    wanted = _wanted(args, _drafting(args.kind))
    draft = wanted.kind.draft(wanted.source, wanted.wish)
    adapter: Path = args.into / f"{draft.name}.yaml"
    contents = {_beside(args.into, name): data for name, data in draft.files.items()}
    if args.update:
        done = _updated(adapter, draft, wanted)
        contents[adapter] = done.text.encode()
        edited = drifted(args.into, wanted.lock)
        if edited:
            fix = "bring it back, or draft anew with --force"
            raise OperatorError(f"{edited[0]} since the adapter was drafted; {fix}")
    else:
        done = None
        contents[adapter] = draft.text.encode()
    _write(contents, overwrite=args.force or args.update)
    locked = _locked(args, draft, wanted, done)
    write_lock(args.into, draft.name, locked)
    for note in draft.notes:
        print(note, file=sys.stderr)
    for line in () if done is None else _told(done, _repinned(wanted.lock, locked)):
        print(line)
    return _summary(adapter, draft, done)


def _wanted(args: argparse.Namespace, kind: DraftingKind) -> _Wanted:
    """What is not said is as it was, for an update."""
    only, options = tuple(args.only), _options(args.option)
    if not args.update:
        if args.source is None:
            raise OperatorError("say what describes the backend: a file or a URL")
        lock = read_lock(args.into).get(args.name or "", {})
        named = lock.get("functions", {})
        return _Wanted(kind, args.source, DraftWish(args.name, only, options, named, args.kind), {})
    if args.name is None:
        raise OperatorError("say which adapter is updated, with --name")
    lock = read_lock(args.into).get(args.name, {})
    made = lock.get("made", {})
    source = args.source or made.get("source")
    if source is None:
        raise OperatorError(f"nothing is known of how `{args.name}` was drafted; draft it anew")
    before = DraftWish.earlier(args.name, lock)
    wish = DraftWish(
        args.name,
        only or before.only,
        {**before.options, **options},
        before.named,
        args.kind,
    )
    return _Wanted(kind, source, wish, lock)


def _updated(adapter: Path, draft: Draft, wanted: _Wanted) -> Redrafted:
    try:
        text = adapter.read_text(encoding="utf-8")
    except OSError as error:
        raise OperatorError(f"{adapter} cannot be updated: {error.strerror}") from error
    functions = (wanted.lock.get("functions", {}), draft.named)
    return redraft(text, draft.text, functions, wanted.lock.get("drafted", {}))


def _locked(
    args: argparse.Namespace, draft: Draft, wanted: _Wanted, done: Redrafted | None
) -> Sections:
    """What the next update goes by. A function that has vanished keeps its name as long as it is in the file."""
    functions = dict(draft.named)
    if done is not None:
        earlier = wanted.lock.get("functions", {})
        functions |= {key: name for key, name in earlier.items() if name in done.vanished}
    made = {"kind": args.kind, "source": _kept(wanted.source)}
    if wanted.wish.only:
        made["only"] = BETWEEN.join(wanted.wish.only)
    secret = set(draft.environ.values())  # what the draft only refers to
    kept = ((name, value) for name, value in wanted.wish.options.items() if value not in secret)
    made |= {f"option {name}": value for name, value in kept}
    types = draft.types
    if done is not None:
        types = pinned_anew(done.text, draft, wanted.lock.get(PINNED, {}))
    return {
        **({PINNED: types} if types else {}),  # a kind that tells none has its own way with them
        "made": made,
        "files": {name: hash_of(data) for name, data in draft.files.items()},
        "functions": functions,
        "drafted": drafted_hashes(draft.text),
    }


def _kept(source: str) -> str:
    """The source as an update can find it, without secrets: from the working folder where it lies in it."""
    path = Path(source).resolve()
    if not path.exists():
        return mask_url(source)
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _repinned(before: Sections, now: Sections) -> list[str]:
    """Functions of which a type is another one than the one that was pinned."""
    known = before.get(PINNED, {})
    changed = (
        function_of(key)
        for key, kind in now.get(PINNED, {}).items()
        if known.get(key, kind) != kind
    )
    return list(dict.fromkeys(changed))


def _drafting(name: str) -> DraftingKind:
    """The kind of that name, or that drafts from sources of that name."""
    kinds = InstalledKinds()
    if name not in kinds.names():
        for able in _able(kinds).values():
            if name in getattr(able, "sources", ()):
                return able
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
    able = _able(kinds)
    return f" Kinds that do: {', '.join(able)}." if able else " None of the installed kinds does."


def _able(kinds: InstalledKinds) -> dict[str, DraftingKind]:
    """The kinds that draft, of those that can be loaded."""
    able: dict[str, DraftingKind] = {}
    for name in kinds.names():
        try:
            kind = kinds.find(name)
        except LookupError:
            continue
        if isinstance(kind, DraftingKind):
            able[name] = kind
    return able


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


def _write(contents: Mapping[Path, bytes], *, overwrite: bool) -> None:
    """All or none of the files, as far as that can be known before writing."""
    changed = {p: data for p, data in contents.items() if not p.is_file() or p.read_bytes() != data}
    there = [str(path) for path in changed if path.exists()]
    if there and not overwrite:
        raise OperatorError(
            f"{', '.join(there)} {'is' if len(there) == 1 else 'are'} there already, and nothing was written. "
            "Choose another --name, bring in what is new with --update, or write over with --force."
        )
    for path, data in changed.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        except OSError as error:
            raise OperatorError(f"{path} cannot be written: {error.strerror}") from error


def _told(done: Redrafted, repinned: list[str]) -> Iterator[str]:
    others = [name for name in repinned if name not in done.renewed]
    for names, what in (
        (done.added, "new"),
        (done.renewed, "brought up to date, as nobody had edited them"),
        (done.outdated, "edited, so left as they are, but the source has changed: look at them"),
        (others, "pinned anew, as a type in the source has changed"),
        (done.vanished, "not in the source any more: take them out"),
    ):
        if names:
            yield (f"{what}: {', '.join(names)}")
    if not any((done.added, done.renewed, done.outdated, others, done.vanished)):
        yield "nothing has changed"


def _summary(adapter: Path, draft: Draft, done: Redrafted | None) -> int:
    """Compile what was written, and print what came of it."""
    findings = lint([adapter], None, environ=AnyEnvironment(draft.environ))
    functions = [function for each in findings.compiled for function in each.functions]
    effects = Counter(function.effect for function in functions if function.callable)
    for problem in folded(findings.problems):
        print(problem)
    counted = ", ".join(f"{count} {effect}" for effect, count in sorted(effects.items()))
    print(f"{adapter}: {plural(len(functions), 'function')} ({counted or 'none can be called'})")
    if draft.files:
        print(f"beside it: {plural(len(draft.files), 'file')}")
    undecided = [n for n in draft.undecided if done is None or n in {*done.added, *done.renewed}]
    if (count := len(undecided)) == 1:
        print("to decide: the effect of 1 function, which was only guessed")
    elif count:
        print(f"to decide: the effects of {count} functions, which were only guessed")
    errors, warnings = findings.count("error"), findings.count("warning")
    print(
        f"{plural(errors, 'error')}, {plural(warnings, 'warning')}; "
        f"`drawbar lint {adapter}` shows them again"
    )
    return 1 if errors else 0
