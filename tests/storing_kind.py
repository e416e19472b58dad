"""The echo kind with what it takes to be kept on disk: a binding of its own, and what it says of secrets and files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from drawbar.compiler.kind import Plan
from drawbar.kernel.values import JsonValue, Secret
from drawbar.spec.model import Adapter
from drawbar.spec.source import Report
from echo_kind import EchoFunction, EchoKind


@dataclass(frozen=True)
class Echoed:
    name: str
    secret: str | None = None


@dataclass(frozen=True)
class Hiding:
    text: Secret


class StoringKind(EchoKind):
    """Counts how often it compiles. `says: file NAME` reads a file, `says: secret` keeps one."""

    stored: tuple[type, ...] = (Echoed,)

    def __init__(self) -> None:
        self.compiled = 0
        self.told: JsonValue = None

    def ingredients(self, adapter: Adapter) -> JsonValue:
        return self.told

    def to_store(self, binding: object) -> object:
        return binding

    def compile(self, adapter: Adapter, report: Report) -> Mapping[str, Plan]:
        self.compiled += 1
        return {
            name: self._plan(plan, adapter, report)
            for name, plan in super().compile(adapter, report).items()
        }

    def _plan(self, plan: Plan, adapter: Adapter, report: Report) -> Plan:
        says = plan.description or ""
        binding: object = Echoed(plan.binding)
        if says.startswith("file "):
            path = adapter.folder / says.removeprefix("file ")
            report.files.add(path)
            plan = replace(plan, description=path.read_text() if path.exists() else "nothing")
        elif says == "hides":
            binding = Hiding(Secret("hunter2"))
        elif says == "tells":
            binding = Echoed(plan.binding, "s3cret-word")
        return replace(plan, binding=binding)


class StoringKinds:
    """That kind alone, always the same one."""

    def __init__(self) -> None:
        self.kind = StoringKind()

    def names(self) -> tuple[str, ...]:
        return ("echo", "plain")

    def find(self, name: str) -> EchoKind:
        return self.kind if name == "echo" else EchoKind()


__all__ = ["EchoFunction", "Echoed", "Hiding", "StoringKind", "StoringKinds"]
