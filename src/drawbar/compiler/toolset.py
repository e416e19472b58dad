"""From loaded adapters to the functions that a model can call, and the groups of them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from drawbar.compiler.compile import broken_function, compile_function
from drawbar.compiler.function import Function, Toolset
from drawbar.compiler.kind import Kinds, Plan
from drawbar.compiler.lookups import check_lookups
from drawbar.compiler.stored import StoredFunctions
from drawbar.kernel.errors import Place, Problem
from drawbar.spec.load import LoadedAdapter, without_secrets
from drawbar.spec.model import Adapter
from drawbar.spec.names import closest
from drawbar.spec.references import UNREAD
from drawbar.spec.secrets import secrets_of
from drawbar.spec.source import At, Report
from drawbar.spec.tls import check_tls

ALL = "all"
"""The toolset of every function, which no settings have to name."""


@dataclass(frozen=True, slots=True)
class CompiledAdapter:
    """An adapter file with its functions, in the order of the file; the broken ones are listed, too."""

    name: str
    file: str
    adapter: Adapter | None
    """What its backend is opened with; None when there is none to open.

    Its functions, and their text in the source, are left out: they are compiled, and ten thousand of them would
    take more room than what they were compiled to.
    """
    plans: Mapping[str, Plan]
    """By local name, of the functions that can be called."""
    functions: Sequence[Function]
    problems: tuple[Problem, ...]
    """All of the file, in its order."""
    place: Place
    """Where the file says its name."""
    files: frozenset[Path] = frozenset()
    """What the kind read beside it, or looked for in vain."""
    keeps: bool = False
    """Some of its functions keep the rows of answers that are cut."""


def compile_adapter(loaded: LoadedAdapter, kinds: Kinds) -> CompiledAdapter:
    """Compile offline. Nothing is raised: what is wrong is in `problems`, of the file and of each function."""
    adapter = loaded.adapter
    report = Report(loaded.source)
    plans: Mapping[str, Plan] = {}
    if adapter is not None:
        plans = kinds.find(adapter.kind).compile(adapter, report)
        check_tls(adapter.backend, adapter.folder, report)
        _check_tests(adapter, loaded.listed, report)
        check_lookups(adapter, plans, report)
    functions: list[Function] = []
    for name in loaded.listed:
        if adapter is not None and name in adapter.functions and name in plans:
            functions.append(compile_function(adapter, name, plans[name], report))
        else:
            functions.append(broken_function(loaded, name))
    problems = _Sorted(loaded, adapter, report)
    finished = tuple(problems.given_to(function, plans) for function in functions)
    return CompiledAdapter(
        loaded.name,
        loaded.file,
        None if adapter is None else _lean(adapter),
        {each.local_name: plans[each.local_name] for each in finished if each.callable},
        finished,
        tuple(sorted(problems.all, key=lambda problem: problem.place)),
        loaded.source.place(("adapter",)),
        frozenset(report.files),
        keeps_results(finished),
    )


def keeps_results(functions: Sequence[Function]) -> bool:
    return any(function.returns.keep for function in functions)


def _lean(adapter: Adapter) -> Adapter:
    return replace(adapter, functions={}, source=adapter.source.without("functions"))


def _check_tests(adapter: Adapter, listed: Iterable[str], report: Report) -> None:
    tests = adapter.source.data.get("tests") if isinstance(adapter.source.data, dict) else None
    for index, test in enumerate(tests if isinstance(tests, list) else ()):
        call = test.get("call") if isinstance(test, dict) else None
        at: At = ("tests", index, "call")
        if isinstance(call, dict) and len(call) != 1:
            report.add(at, "DB212", "a test calls exactly one function")
        for name in call if isinstance(call, dict) else ():
            if name not in listed:
                meant = closest(name, listed)
                report.add(
                    (*at, name),
                    "DB211",
                    f"this adapter has no function `{name}`",
                    fix=f"did you mean `{meant}`?" if meant else None,
                )


class _Sorted:
    """The problems of a file, sorted by the functions they concern."""

    def __init__(self, loaded: LoadedAdapter, adapter: Adapter | None, report: Report) -> None:
        secrets = secrets_of(adapter) if report.problems else ()
        self.all = list(loaded.problems)
        self.general = list(loaded.general)
        self.own: dict[str, list[Problem]] = {
            name: list(problems) for name, problems in loaded.broken.items()
        }
        unread = any(problem.code in UNREAD for problem in loaded.general)
        for at, noted in zip(report.ways, report.problems, strict=True):
            if unread and at[:1] == ("backend",):
                continue  # what was put in the place of a missing secret need not fit
            problem = without_secrets(noted, secrets)
            self.all.append(problem)
            if at[:1] == ("functions",) and len(at) > 1:
                self.own.setdefault(str(at[1]), []).append(problem)
            elif problem.severity == "error" and at[:1] != ("tests",):
                self.general.append(problem)

    def given_to(self, function: Function, plans: Mapping[str, Plan]) -> Function:
        found = (*self.general, *self.own.get(function.local_name, ()))
        if function.local_name not in plans and not any(p.severity == "error" for p in found):
            unplanned = Problem(
                function.place or Place(function.adapter),
                "DB213",
                f"the kind `{function.kind}` made nothing of this function and did not say why",
            )
            self.all.append(unplanned)
            found = (*found, unplanned)
        return replace(function, problems=found) if found else function


class LateToolset(Mapping[str, Function]):
    """Functions by name; those that are kept as bytes are made at the first look, and stay."""

    def __init__(self) -> None:
        self._found: dict[str, Function | int] = {}
        """Of those that were not made yet, their number among all that are kept as bytes."""
        self._stored: list[StoredFunctions] = []
        self._starts: list[int] = [0]
        self._broken: set[str] = set()

    def add_stored(self, functions: StoredFunctions) -> None:
        """Their names must not be taken."""
        start = self._starts[-1]
        self._found.update(zip(functions.names, range(start, start + len(functions)), strict=True))
        self._stored.append(functions)
        self._starts.append(start + len(functions))
        self._broken |= functions.broken

    def put(self, function: Function) -> None:
        self._found[function.name] = function
        if not function.callable:
            self._broken.add(function.name)

    def __getitem__(self, name: str) -> Function:
        found = self._found[name]
        if isinstance(found, int):
            section = bisect_right(self._starts, found) - 1
            found = self._stored[section][found - self._starts[section]]
            self._found[name] = found
        return found

    def described(self) -> Iterator[Function]:
        """All, to be shown; those that nobody has looked at come without their binding, and are not kept."""
        for found in self._found.values():
            if isinstance(found, int):
                section = bisect_right(self._starts, found) - 1
                yield self._stored[section].described(found - self._starts[section])
            else:
                yield found

    def __contains__(self, name: object) -> bool:
        return name in self._found

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def broken(self) -> int:
        """How many of them cannot be called."""
        return len(self._broken)


def described(toolset: Toolset) -> Iterator[Function]:
    """All functions, to be shown and not to be called."""
    return toolset.described() if isinstance(toolset, LateToolset) else iter(toolset.values())


def count_broken(toolset: Toolset) -> int:
    """How many functions cannot be called; none is made for it that was not looked at before."""
    if isinstance(toolset, LateToolset):
        return toolset.broken()
    return sum(not function.callable for function in toolset.values())


def compile_toolset(*compiled: CompiledAdapter) -> Toolset:
    """All functions by name, in the order of the files; two of one name are listed once and cannot be called.

    Of two adapters with one name the functions of the second cannot be called: backends are known by that name.
    """
    first_of: dict[str, CompiledAdapter] = {}
    toolset = LateToolset()
    for each in compiled:
        first = first_of.setdefault(each.name, each)
        stored = each.functions if isinstance(each.functions, StoredFunctions) else None
        if stored and first is each and not any(name in toolset for name in stored.names):
            toolset.add_stored(stored)
            continue
        for function in each.functions:
            known = toolset.get(function.name)
            if known is not None:
                toolset.put(_with(known, _function_clash(known, function)))
            elif first is not each:
                toolset.put(_with(function, _adapter_clash(first, each)))
            else:
                toolset.put(function)
    return toolset


def names_of(functions: Sequence[Function]) -> Sequence[str]:
    """With their prefix; none of them is made for it."""
    if isinstance(functions, StoredFunctions):
        return functions.names
    return [function.name for function in functions]


def clashes(*compiled: CompiledAdapter) -> tuple[Problem, ...]:
    """What is wrong with adapters that are right by themselves: names that two of them give."""
    found: dict[Problem, None] = {}
    first_of: dict[str, CompiledAdapter] = {}
    homes: dict[str, Sequence[Function]] = {}
    for each in compiled:
        if (first := first_of.setdefault(each.name, each)) is not each:
            found[_adapter_clash(first, each)] = None
        for index, name in enumerate(names_of(each.functions)):
            home = homes.setdefault(name, each.functions)
            if home is not each.functions:
                known = home[names_of(home).index(name)]
                found[_function_clash(known, each.functions[index])] = None
    return tuple(found)


def _with(function: Function, problem: Problem) -> Function:
    return replace(function, problems=(*function.problems, problem))


def _adapter_clash(first: CompiledAdapter, second: CompiledAdapter) -> Problem:
    return Problem(
        second.place,
        "DB214",
        f"the adapter at {first.place} is called `{second.name}`, too",
        fix="give one of them another name",
    )


def _function_clash(first: Function, second: Function) -> Problem:
    return Problem(
        second.place or Place(second.adapter),
        "DB215",
        f"the function at {first.place} is called `{second.name}`, too, so neither can be called",
        fix="give one of the adapters another `prefix:`, or one of the functions another name",
    )


def select_functions(
    toolset: Toolset, patterns: Iterable[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names that patterns such as `hr_get_*` choose, in the toolset's order; and patterns without a match."""
    wanted = tuple(patterns)
    names = tuple(name for name in toolset if any(fnmatchcase(name, pattern) for pattern in wanted))
    unmatched = tuple(
        pattern for pattern in wanted if not any(fnmatchcase(name, pattern) for name in names)
    )
    return names, unmatched
