"""The section `kinds:` of the settings: each kind's words are its own model's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from drawbar.kernel.errors import Problem
from drawbar.settings.load import LoadedSettings
from drawbar.spec.check import check
from drawbar.spec.model import Spec
from drawbar.spec.names import closest
from drawbar.spec.references import References
from drawbar.spec.source import Report

KindWords: TypeAlias = Callable[[str], type[Spec] | None]
"""The model of a kind's settings, by its name; None where it has none. Raises LookupError, as `Kinds.find` does."""


def read_kinds(
    loaded: LoadedSettings, words: KindWords, known: Iterable[str]
) -> tuple[Mapping[str, Spec], tuple[Problem, ...]]:
    """What was written for each kind, and what is wrong with it."""
    report = Report(loaded.source)
    found: dict[str, Spec] = {}
    for name, written in loaded.settings.kinds.items():
        at = ("kinds", name)
        try:
            model = words(name)
        except LookupError as error:
            meant = closest(name, known)
            fix = f"did you mean `{meant}`?" if meant else None
            report.add(at, "DB706", str(error.args[0]), fix=fix)
            continue
        if model is None:
            report.add(at, "DB706", f"the kind `{name}` has no settings", fix="remove it")
        elif (settings := check(model, written, at, report, References())) is not None:
            found[name] = settings
    return found, tuple(report.problems)
