"""The port a backend kind fills: what it reads from YAML, how it compiles, how it is opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar, runtime_checkable

from drawbar.kernel.ports import Backend
from drawbar.kernel.values import JsonObject, JsonValue
from drawbar.kernel.workers import Workers
from drawbar.spec.model import Adapter, BackendSpec, FunctionSpec, LookupSpec, Spec
from drawbar.spec.source import At, Report

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One input of a function.

    `source` says who fills it: the model; the gateway with `value` (const); or the gateway from the
    caller, where `value` is a path such as `caller.claims.emp_no`. Only the first kind is published.
    """

    name: str
    schema: JsonObject
    """JSON Schema 2020-12 with everything that is enforced, closed at every depth, description included."""
    required: bool = True
    to: str | None = None
    source: Literal["model", "const", "caller"] = "model"
    value: JsonValue = None
    lookup: LookupSpec | None = None
    """How words of the model become a value of `schema`, before a kind sees it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a kind made of one function: its inputs, and a binding that only the kind understands."""

    parameters: tuple[Parameter, ...]
    binding: Any  # each kind's own frozen type
    description: str | None = None
    """From the backend's contract; the author's own description wins."""
    answers: tuple[str, ...] = ()
    """Codes of named failures, listed for the model."""
    told: str = ""
    """What the model has to know beside the description, whoever wrote that."""


class Kind(Protocol):
    """A kind of backend. `compile` is pure, offline and deterministic.

    A kind that can also draft adapters is a `DraftingKind`, see `drawbar.compiler.draft`.
    """

    name: str
    options: type[BackendSpec]
    function: type[FunctionSpec]
    codes: Mapping[str, str]
    """Problem codes this kind reports, with one line of meaning each."""

    def compile(self, adapter: Adapter, report: Report) -> Mapping[str, Plan]:
        """Plans by local function name. A function with an error is reported and left out.

        Every file it reads or looks for is added to `report.files`.
        """
        ...

    def open(self, adapter: Adapter, plans: Mapping[str, Plan], workers: Workers) -> Backend:
        """Make the backend without touching the network."""
        ...


@runtime_checkable
class ConfigurableKind(Kind, Protocol):
    """A kind in which the deployment has a say: under `kinds:` and the kind's name in its settings."""

    settings: type[Spec]

    def configured(self, settings: Spec, folder: Path) -> Kind:
        """The kind with these settings, which are of its own model; relative paths in them start at `folder`."""
        ...


@runtime_checkable
class StorableKind(Kind, Protocol):
    """A kind whose compiled functions are kept on disk between starts."""

    stored: tuple[type, ...]
    """Classes of what `to_store` makes of bindings: dataclasses, whose fields say how they are read back."""

    def ingredients(self, adapter: Adapter) -> JsonValue:
        """What `compile` takes from options of the backend that may be secret, such as the dialect in a URL.

        A digest of it is written to disk, so it must not tell a secret; where it does, nothing is kept. What is
        not secret counts by itself.
        """
        ...

    def to_store(self, binding: Any) -> object:  # as in Plan
        """The binding, or what stands for it after a start from disk; `invoke` takes both."""
        ...


@runtime_checkable
class SurveyingKind(StorableKind, Protocol):
    """A storable kind whose `open` asks something of all plans at once."""

    def survey(self, plans: Mapping[str, Plan]) -> object:
        """What it asks, as a class of `stored`. It is kept, so that a start from disk need not make every plan."""
        ...


class PlansFromDisk(Mapping[str, Plan]):
    """Plans that are made one by one when they are asked for, and what was surveyed when there were all."""

    survey: Any  # the kind's own
    """None for a kind that does not survey."""


def surveyed(plans: Mapping[str, Plan], survey: Callable[[Mapping[str, Plan]], S]) -> S:
    """What `survey` finds, or has found before these plans were kept."""
    if isinstance(plans, PlansFromDisk):
        known: S = plans.survey
        return known
    return survey(plans)


class Kinds(Protocol):
    """Finds a kind by name, importing it late."""

    def names(self) -> tuple[str, ...]: ...

    def find(self, name: str) -> Kind:
        """Raises LookupError that says why: unknown, or broken at import."""
        ...


_Options = TypeVar("_Options", bound=BackendSpec)
_Words = TypeVar("_Words", bound=FunctionSpec)


def options_of(adapter: Adapter, model: type[_Options]) -> _Options:
    """What stands under `backend`, which the loader read by the kind's own model."""
    if not isinstance(adapter.backend, model):
        raise TypeError(f"`backend` was not read as {model.__name__}")
    return adapter.backend


def compile_each(
    adapter: Adapter,
    report: Report,
    model: type[_Words],
    make: Callable[[str, _Words, At], Plan | None],
) -> dict[str, Plan]:
    """Plans by name. `make` gets name, words and place of a function; what it reports there leaves that one out."""
    plans = {}
    for name, spec in adapter.functions.items():
        if not isinstance(spec, model):
            raise TypeError(f"the function `{name}` was not read as {model.__name__}")
        at: At = ("functions", name)
        plan = make(name, spec, at)
        if plan is not None and not report.is_broken(at):
            plans[name] = plan
    return plans
