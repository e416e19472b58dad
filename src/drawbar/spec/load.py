"""From the text of an adapter file to an Adapter, with every problem that can be found without its backend.

A broken function takes no other with it, and a broken `backend:` still leaves the functions' names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol, TypeVar

from drawbar.kernel.errors import Place, Problem
from drawbar.kernel.values import JsonObject, JsonValue, Secret
from drawbar.spec.check import check
from drawbar.spec.check_words import shown_value
from drawbar.spec.model import (
    Adapter,
    AdapterFile,
    BackendSpec,
    FunctionSpec,
    Spec,
    TrialSpec,
)
from drawbar.spec.names import closest
from drawbar.spec.references import References, Resolver
from drawbar.spec.secrets import mask, secrets_of
from drawbar.spec.source import At, Report, Source
from drawbar.spec.yaml12 import read_yaml

S = TypeVar("S", bound=Spec)

_LATER = frozenset({"backend", "functions", "tests"})
_SHARED = frozenset(FunctionSpec.model_fields)
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_PREFIX = re.compile(r"[A-Za-z0-9_-]*")


class KindWords(Protocol):
    """The words that a kind adds to an adapter file."""

    options: type[BackendSpec]
    function: type[FunctionSpec]


class KnownKinds(Protocol):
    """Finds the words of a kind; `find` raises LookupError that says why there are none."""

    def names(self) -> tuple[str, ...]: ...

    def find(self, name: str) -> KindWords: ...


@dataclass(frozen=True, slots=True)
class LoadedAdapter:
    """What could be read of a file. With `general` problems of severity error nothing of it can be called."""

    file: str
    name: str
    """From the file's own name where the file does not say it."""
    prefix: str
    adapter: Adapter | None
    """None when the `backend:` section or its kind is broken."""
    kind: str
    """As the file says it; empty where it does not."""
    source: Source
    problems: tuple[Problem, ...]
    """All of them, in the order of the file."""
    listed: tuple[str, ...] = ()
    """Local names of every function that the file mentions, broken or not."""
    general: tuple[Problem, ...] = ()
    """Errors outside of functions and tests."""
    broken: Mapping[str, tuple[Problem, ...]] = field(default_factory=dict)
    """Errors by local name of function."""
    named: tuple[tuple[At, str], ...] = ()
    """References of the file: see References.named."""


def read_source(text: str, file: str) -> tuple[Source, list[Problem]]:
    """YAML 1.2 with places. A file that cannot be read, or an empty one, has None as its data."""
    source, problems = read_yaml(text, file)
    return source, [problem for _, problem in problems]


def read_text(path: Path, file: str) -> tuple[str, Problem | None]:
    """The text of a file, or an empty one and the reason."""
    try:
        content = path.read_bytes()
    except OSError as error:
        return "", Problem(Place(file), "DB105", f"cannot be read: {error.strerror}")
    try:
        return content.decode(), None
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = error.start - content.rfind(b"\n", 0, error.start)
        place = Place(file, line, column)
        fix = "save it as UTF-8"
        return "", Problem(place, "DB105", "this is no UTF-8 text", fix)


def load_adapter(path: Path, kinds: KnownKinds, environ: Mapping[str, str]) -> LoadedAdapter:
    """Read one adapter file; what is wrong with it is in `problems`, and nothing is raised."""
    file = str(path)
    text, problem = read_text(path, file)
    if problem is not None:
        return _unreadable(Source(file, None), (problem,))
    return parse_adapter(text, file, path.parent, kinds, environ)


def parse_adapter(
    text: str, file: str, folder: Path, kinds: KnownKinds, environ: Mapping[str, str]
) -> LoadedAdapter:
    """The same from a text; `folder` is where relative paths of the file start."""
    source, found = read_yaml(text, file)
    report = Report(source)
    for at, problem in found:
        report.note(at, problem)
    if not isinstance(source.data, dict):
        if not found:
            _no_mapping(report, source.data)
        return _unreadable(source, tuple(report.problems))
    reading = _Reading(source.data, report, kinds)
    if "${" in text or "$$" in text:
        reading.resolve(Resolver(environ, folder, report))
    return reading.finish(folder)


def _no_mapping(report: Report, data: JsonValue) -> None:
    what = "the file is empty" if data is None else f"the file is {shown_value(data)}"
    report.add((), "DB106", what, fix="an adapter begins with `adapter: NAME` and `backend:`")


def _unreadable(source: Source, problems: tuple[Problem, ...]) -> LoadedAdapter:
    name = re.sub(r"\W+", "_", Path(source.file).stem.lower())
    return LoadedAdapter(
        source.file, name, f"{name}_", None, "", source, problems, general=problems
    )


class _Reading:
    """One file on its way to an adapter."""

    def __init__(self, data: JsonObject, report: Report, kinds: KnownKinds) -> None:
        self.data = data
        self.report = report
        self.kinds = kinds
        self.references = References()

    def resolve(self, resolver: Resolver) -> None:
        resolved = resolver.resolve(self.data)
        self.data = resolved if isinstance(resolved, dict) else {}
        self.references = resolver.found

    def finish(self, folder: Path) -> LoadedAdapter:
        head = self._head()
        name, prefix = self._names()
        kind = self._kind()
        backend = None
        if kind is not None:
            backend = self._check(kind.options, self.data["backend"], ("backend",))
        functions = self._functions(FunctionSpec if kind is None else kind.function)
        tests = self._tests()
        adapter = None
        if backend is not None:
            adapter = Adapter(
                name=name,
                prefix=prefix,
                description=head.description,
                kind=backend.kind,
                backend=backend,
                limits=head.limits,
                errors=head.errors,
                functions=functions,
                tests=tests,
                source=self.report.source,
                folder=folder,
                secrets=tuple(sorted(self.references.secrets)),
            )
        return self._loaded(name, prefix, adapter)

    def _check(self, model: type[S], value: JsonValue, at: At) -> S | None:
        return check(model, value, at, self.report, self.references)

    def _head(self) -> AdapterFile:
        """Everything but what depends on the kind; empty stand-ins keep those from being read twice."""
        stand_ins: dict[type, JsonValue] = {dict: {}, list: []}
        head = {
            key: stand_ins.get(type(value), value) if key in _LATER else value
            for key, value in self.data.items()
        }
        return self._check(AdapterFile, head, ()) or AdapterFile(
            adapter="", backend={}, functions={}
        )

    def _names(self) -> tuple[str, str]:
        written = self.data.get("adapter")
        name = written if isinstance(written, str) else ""
        if isinstance(written, str):
            check_name(self.report, ("adapter",), written, "adapter")
        name = name or re.sub(r"\W+", "_", Path(self.report.source.file).stem.lower())
        prefix = self.data.get("prefix")
        if not isinstance(prefix, str):
            return name, f"{name}_"
        if not _PREFIX.fullmatch(prefix):
            self.report.add(("prefix",), "DB131", "a prefix is made of letters, digits, _ and -")
        return name, prefix

    def _kind(self) -> KindWords | None:
        backend = self.data.get("backend")
        if not isinstance(backend, dict):
            return None  # noted with the head
        at: At = ("backend", "kind")
        name = backend.get("kind")
        known = self.kinds.names()
        if not isinstance(name, str):
            self.report.add(
                at if "kind" in backend else at[:1],
                "DB110",
                "`kind` of `backend` is missing"
                if name is None
                else f"expected the name of a kind, got {shown_value(name)}",
                fix=f"write one of {', '.join(known)}",
            )
            return None
        if name not in known:
            meant = closest(name, known)
            self.report.add(
                at,
                "DB130",
                f"no kind of backend is called `{name}`",
                fix=f"did you mean `{meant}`?" if meant else f"known: {', '.join(known)}",
            )
            return None
        try:
            return self.kinds.find(name)
        except LookupError as error:
            self.report.add(at, "DB130", str(error.args[0] if error.args else error))
            return None

    def _functions(self, model: type[FunctionSpec]) -> dict[str, FunctionSpec]:
        """Those without an error. Of an unknown kind only what all functions share can be checked."""
        entries = self.data.get("functions")
        functions: dict[str, FunctionSpec] = {}
        for name, entry in entries.items() if isinstance(entries, dict) else ():
            at: At = ("functions", name)
            fine = check_name(self.report, at, name, "function")
            if model is FunctionSpec and isinstance(entry, dict):
                entry = {key: value for key, value in entry.items() if key in _SHARED}  # noqa: PLW2901
            function = self._check(model, entry, at)
            if function is not None and fine:
                functions[name] = function
        return functions

    def _tests(self) -> tuple[TrialSpec, ...]:
        entries = self.data.get("tests")
        tests = [
            self._check(TrialSpec, entry, ("tests", index))
            for index, entry in enumerate(entries if isinstance(entries, list) else ())
        ]
        return tuple(test for test in tests if test is not None)

    def _loaded(self, name: str, prefix: str, adapter: Adapter | None) -> LoadedAdapter:
        entries = self.data.get("functions")
        listed = tuple(entries) if isinstance(entries, dict) else ()
        backend = self.data.get("backend")
        kind = backend.get("kind") if isinstance(backend, dict) else None
        secrets: tuple[str, ...] = ()
        if self.report.problems:
            hidden = tuple(Secret(text) for text in self.references.secrets)
            secrets = secrets_of((hidden, adapter))
        general: list[Problem] = []
        broken: dict[str, list[Problem]] = {}
        problems: list[Problem] = []
        for at, noted in zip(self.report.ways, self.report.problems, strict=True):
            problem = without_secrets(noted, secrets)
            problems.append(problem)
            if problem.severity != "error" or at[:1] == ("tests",):
                continue
            if at[:1] == ("functions",) and len(at) > 1 and at[1] in listed:
                broken.setdefault(str(at[1]), []).append(problem)
            else:
                general.append(problem)
        if adapter is not None:
            whole = {k: f for k, f in adapter.functions.items() if k not in broken}
            adapter = replace(adapter, functions=whole)
        return LoadedAdapter(
            self.report.source.file,
            name,
            prefix,
            adapter,
            kind if isinstance(kind, str) else "",
            self.report.source,
            tuple(sorted(problems, key=lambda problem: problem.place)),
            listed,
            tuple(general),
            {key: tuple(found) for key, found in broken.items()},
            tuple(self.references.named),
        )


def check_name(report: Report, at: At, name: str, what: str) -> bool:
    """Note a name that is not made of small letters, digits and `_`."""
    if _NAME.fullmatch(name):
        return True
    proposal = re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower())
    proposal = proposal.strip("_").lstrip("0123456789_")
    report.add(
        at,
        "DB131",
        f"`{name}` is no name for a{'n' if what[0] in 'aeiou' else ''} {what}: "
        "small letters, digits and _ are, beginning with a letter",
        fix=f"write `{proposal}`" if proposal else None,
    )
    return False


def without_secrets(problem: Problem, secrets: tuple[str, ...]) -> Problem:
    """The problem, with every secret in its texts masked."""
    message = mask(problem.message, secrets)
    fix = None if problem.fix is None else mask(problem.fix, secrets)
    if message == problem.message and fix == problem.fix:
        return problem
    return replace(problem, message=message, fix=fix)
