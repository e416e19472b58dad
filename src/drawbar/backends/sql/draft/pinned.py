"""The types of a draft as the database tells them at that moment, for the lock.

The draft is compiled as it will be, so that what is pinned is what `drawbar doctor` compares with later.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from drawbar.backends.sql.compile.adapter import compile_adapter
from drawbar.backends.sql.draft.origin import Origin
from drawbar.backends.sql.live.told import told_types
from drawbar.backends.sql.options import SqlBackendSpec, SqlFunctionSpec
from drawbar.compiler.draft import Draft
from drawbar.spec.load import KindWords, parse_adapter
from drawbar.spec.model import BackendSpec, FunctionSpec
from drawbar.spec.source import Report


class _Words:
    options: type[BackendSpec] = SqlBackendSpec
    function: type[FunctionSpec] = SqlFunctionSpec


class _OnlySql:
    """The words of this kind, which cannot be asked for itself from within."""

    def names(self) -> tuple[str, ...]:
        return ("sql",)

    def find(self, name: str) -> KindWords:
        del name
        return _Words()


def types_of(origin: Origin, draft: Draft) -> Mapping[str, str]:
    """By `FUNCTION.PARAMETER` and `FUNCTION -> COLUMN`; nothing of a function that does not compile, which is told elsewhere.

    Raises OperatorError when the database is lost meanwhile.
    """
    environ = {**draft.environ, origin.variable("PASSWORD"): "-"}
    loaded = parse_adapter(draft.text, f"{draft.name}.yaml", Path(), _OnlySql(), environ)
    if loaded.adapter is None:
        return {}
    plans = compile_adapter(loaded.adapter, Report(loaded.source))
    return told_types(origin.target, loaded.adapter, plans)
