"""`drawbar lint`: every problem in adapters and settings, with file:line:column; nothing is connected to."""

from __future__ import annotations

import argparse
import operator
import os
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from drawbar.backends import InstalledKinds
from drawbar.cli.show import print_json, settings_file
from drawbar.compiler.toolset import (
    ALL,
    CompiledAdapter,
    clashes,
    compile_adapter,
    compile_toolset,
    select_functions,
)
from drawbar.kernel.errors import Problem
from drawbar.kernel.values import JsonObject, JsonValue
from drawbar.settings import LoadedSettings, Settings, adapter_files, load_settings
from drawbar.spec.load import parse_adapter, read_text
from drawbar.spec.lock import Sections, drifted, read_lock
from drawbar.spec.source import At, Report
from drawbar.spec.yaml12 import read_yaml

EXAMPLE = "drawbar lint adapters README.md"

_YAML_FILES = frozenset({".yaml", ".yml"})
_MARKDOWN_FILES = frozenset({".md", ".markdown"})
_FENCE = re.compile(
    r"^(?P<indent>[ >]*)(?P<fence>`{3,}|~{3,})[ ]*ya?ml\b(?P<info>[^\n]*)$", re.IGNORECASE
)
_FOLDED = frozenset({"DB230", "DB234"})
"""Warnings that follow from what a backend's contract says, for each function anew."""
_FEW = 3
_ADAPTER_LINE = re.compile(r"\s*adapter\s*:")


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "paths",
        nargs="*",
        type=Path,
        help="adapters, settings, Markdown files with YAML blocks that begin with `adapter:`, or folders; "
        "default: the settings and the adapters they name",
    )
    parser.add_argument(
        "--no-environment",
        action="store_true",
        help="do not judge values with ${...}: for where their variables and files are not, as in CI",
    )
    parser.add_argument(
        "--all",
        action="store_true",
        help="every warning; without it many of one kind in one file are one line",
    )
    parser.add_argument("--json", action="store_true", help="every problem, as JSON")
    parser.add_argument("--settings", type=Path, help="default: config/drawbar.yaml")


@dataclass(slots=True)
class Findings:
    """What was looked at, and what is wrong with it."""

    files: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    compiled: list[CompiledAdapter] = field(default_factory=list)

    def count(self, severity: str) -> int:
        return sum(problem.severity == severity for problem in self.problems)


class AnyEnvironment(Mapping[str, str]):
    """An environment in which every variable is set: what it holds is not known where lint runs."""

    def __init__(self, likely: Mapping[str, str] | None = None) -> None:
        """`likely` are values to take where the real ones are not known."""
        self._likely = likely or {}

    def __getitem__(self, name: str) -> str:
        return os.environ.get(name) or self._likely.get(name) or f"value-of-{name}"

    def __iter__(self) -> Iterator[str]:
        return iter(os.environ)

    def __len__(self) -> int:
        return len(os.environ)


def run(args: argparse.Namespace) -> int:
    findings = lint(
        args.paths,
        args.settings,
        environ=AnyEnvironment() if args.no_environment else os.environ,
    )
    if args.json:
        print_json([_as_json(problem) for problem in findings.problems])
    else:
        for problem in findings.problems if args.all else folded(findings.problems):
            print(problem)
    errors, warnings = findings.count("error"), findings.count("warning")
    functions = sum(len(each.functions) for each in findings.compiled)
    print(
        f"{plural(errors, 'error')}, {plural(warnings, 'warning')} in "
        f"{plural(len(findings.files), 'file')} with {plural(functions, 'function')}",
        file=sys.stderr,
    )
    return 1 if errors else 0


def folded(problems: Sequence[Problem]) -> list[Problem]:
    """Warnings of one code in one file as one, where there are many: a large document has one for each operation."""
    key = operator.attrgetter("place.file", "code")
    many = {
        pair: count
        for pair, count in Counter(map(key, problems)).items()
        if count > _FEW and pair[1] in _FOLDED
    }
    shown: list[Problem] = []
    for problem in problems:
        count = many.get(key(problem))
        if count is None:
            shown.append(problem)
        elif count:
            rest = f"{count - 1} more of this kind in this file; `drawbar lint --all` shows each"
            fix = rest if problem.fix is None else f"{problem.fix}\n{rest}"
            shown.append(replace(problem, fix=fix))
            many[key(problem)] = 0
    return shown


def plural(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _as_json(problem: Problem) -> JsonObject:
    return {
        "file": problem.place.file,
        "line": problem.place.line,
        "column": problem.place.column,
        "code": problem.code,
        "severity": problem.severity,
        "message": problem.message,
        "fix": problem.fix,
    }


def lint(
    paths: list[Path], settings: Path | None, *, environ: Mapping[str, str] = os.environ
) -> Findings:
    """Look at the paths, and at the settings where they are named or nothing else is."""
    linting = _Linting(environ, settings_file(settings))
    for path in paths:
        linting.path(path)
    if not paths or settings is not None:
        linting.settings(settings_file(settings), with_adapters=not paths)
    linting.findings.problems += clashes(*linting.findings.compiled)
    known = dict.fromkeys(linting.findings.problems)
    linting.findings.problems = sorted(known, key=lambda problem: problem.place)
    return linting.findings


class _Linting:
    """One run of lint."""

    def __init__(self, environ: Mapping[str, str], settings: Path | None) -> None:
        self.environ = environ
        self.kinds = InstalledKinds()
        self.kinds.configure(
            load_settings(settings, environ)
        )  # what is wrong is told where they are looked at
        self.findings = Findings()
        self.locks: dict[Path, Mapping[str, Sections]] = {}

    def path(self, path: Path) -> None:
        if not path.is_dir():
            self.file(path)
            return
        for item in sorted(path.iterdir()):
            if item.suffix in _YAML_FILES | _MARKDOWN_FILES:
                self.file(item)

    def file(self, path: Path) -> None:
        file = str(path)
        text, problem = read_text(path, file)
        if problem is not None:
            self.findings.files.append(file)
            self.findings.problems.append(problem)
        elif path.suffix in _MARKDOWN_FILES:
            self.findings.files.append(file)
            for block in adapter_blocks(text):
                self.adapter(block, path, AnyEnvironment())
        elif _is_settings(text, file):
            self.settings(path, with_adapters=False)
        else:
            self.findings.files.append(file)
            self.findings.compiled.append(self.adapter(text, path, self.environ))

    def adapter(self, text: str, path: Path, environ: Mapping[str, str]) -> CompiledAdapter:
        loaded = parse_adapter(text, str(path), path.parent, self.kinds, environ)
        compiled = compile_adapter(loaded, self.kinds)
        self.findings.problems += self.drift(compiled, loaded.kind, path.parent)
        if not isinstance(environ, AnyEnvironment):
            self.findings.problems += compiled.problems
        else:
            unknown = {loaded.source.place(at) for at in references(loaded.source.data)}
            self.findings.problems += (
                problem for problem in compiled.problems if problem.place not in unknown
            )
        return compiled

    def drift(self, compiled: CompiledAdapter, kind: str, folder: Path) -> Iterator[Problem]:
        """What of the adapter's vendored files is not what it was when the adapter was drafted."""
        if folder not in self.locks:
            self.locks[folder] = read_lock(folder)
        for change in drifted(folder, self.locks[folder].get(compiled.name, {})):
            yield Problem(
                compiled.place,
                "DB236",
                f"{change} since the adapter was drafted",
                f"draft it again with `drawbar new {kind} --update --name {compiled.name}`, or bring it back",
                "warning",
            )

    def settings(self, path: Path | None, *, with_adapters: bool) -> None:
        loaded = load_settings(path, self.environ)
        self.findings.files += [] if path is None else [str(path)]
        self.findings.problems += (*loaded.problems, *InstalledKinds().configure(loaded))
        if not with_adapters:
            return
        files, problems = adapter_files(loaded)
        self.findings.problems += problems
        for file in files:
            self.file(file)
        self.toolsets(loaded)

    def toolsets(self, loaded: LoadedSettings) -> None:
        """Patterns that choose nothing are most likely misspelt."""
        report = Report(loaded.source)
        toolset = compile_toolset(*self.findings.compiled)
        for name, patterns in loaded.settings.toolsets.items():
            if name == ALL:
                report.add(
                    ("toolsets", name), "DB704", "`all` is every function already", fix="remove it"
                )
            unmatched = select_functions(toolset, patterns)[1]
            for index, pattern in enumerate(patterns):
                if pattern in unmatched:
                    report.add(
                        ("toolsets", name, index), "DB705", f"no function is called `{pattern}`"
                    )
        self.findings.problems += report.problems


def references(value: JsonValue, at: At = ()) -> Iterator[At]:
    """Where values stand that are known only where the adapter runs."""
    if isinstance(value, str) and "${" in value:
        yield at
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from references(inner, (*at, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from references(inner, (*at, index))


def _is_settings(text: str, file: str) -> bool:
    data = read_yaml(text, file)[0].data
    if not isinstance(data, dict) or data.keys() & {"adapter", "backend", "functions"}:
        return False
    return bool(data.keys() & Settings.model_fields.keys())


def adapter_blocks(markdown: str) -> Iterator[str]:
    """The YAML blocks that begin with `adapter:`, each after as many empty lines as stand above it.

    So the places of what is wrong in them are places in the Markdown file. A block with `nolint` after its
    language is left out.
    """
    lines = markdown.splitlines()
    at = 0
    while at < len(lines):
        fence = _FENCE.match(lines[at])
        at += 1
        if fence is None:
            continue
        end = re.compile(rf"^[ >]*{re.escape(fence['fence'][0])}{{{len(fence['fence'])},}}\s*$")
        first = at
        while at < len(lines) and not end.match(lines[at]):
            at += 1
        block = [_unquoted(line, fence["indent"]) for line in lines[first:at]]
        written = [line for line in block if line.strip() and not line.lstrip().startswith("#")]
        if written and _ADAPTER_LINE.match(written[0]) and "nolint" not in fence["info"]:
            yield "\n" * first + "\n".join(block) + "\n"


def _unquoted(line: str, indent: str) -> str:
    """Without the marks of a block quote around it, at the same column."""
    marks = len(indent)
    return line[:marks].replace(">", " ") + line[marks:]
