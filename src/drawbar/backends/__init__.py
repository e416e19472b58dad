"""Finds kinds of backends: those that come with Drawbar, and those of installed packages.

A package offers a kind under the entry-point group `drawbar.kinds`. Kinds are imported when an adapter first
names them, so a broken one disables its own adapters and nothing else.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points

from drawbar.compiler.kind import ConfigurableKind, Kind
from drawbar.kernel.errors import Problem
from drawbar.settings import LoadedSettings, read_kinds
from drawbar.spec.model import Spec

GROUP = "drawbar.kinds"
BUILT_IN: Mapping[str, str] = {
    "soap": "drawbar.backends.soap:KIND",
    "sql": "drawbar.backends.sql:KIND",
    "http": "drawbar.backends.http:KIND",
    "command": "drawbar.backends.command:KIND",
    "tcp": "drawbar.backends.tcp:KIND",
    "grpc": "drawbar.backends.grpc:KIND",
    "nats": "drawbar.backends.nats:KIND",
    "amqp": "drawbar.backends.amqp:KIND",
    "ssh": "drawbar.backends.ssh:KIND",
    "tn3270": "drawbar.backends.tn3270:KIND",
    "ldap": "drawbar.backends.ldap:KIND",
    "mcp": "drawbar.backends.mcp:KIND",
    "python": "drawbar.backends.python:KIND",
}


class InstalledKinds:
    """The kinds of this installation, by name; `found` is for tests, the metadata are read otherwise."""

    def __init__(self, found: Iterable[EntryPoint] | None = None) -> None:
        self._found = found
        self._kinds: dict[str, Kind] = {}

    @cached_property
    def _offers(self) -> Mapping[str, tuple[tuple[str, str], ...]]:
        """By name of kind: who offers it, and where it is."""
        offers = {name: (("drawbar", target),) for name, target in BUILT_IN.items()}
        for point in entry_points(group=GROUP) if self._found is None else self._found:
            owner = "an unnamed package" if point.dist is None else point.dist.name
            offers[point.name] = (*offers.get(point.name, ()), (owner, point.value))
        return offers

    def names(self) -> tuple[str, ...]:
        return tuple(self._offers)

    def find(self, name: str) -> Kind:
        """Raises LookupError that says why: unknown, offered twice, or broken at import."""
        if name not in self._kinds:
            self._kinds[name] = self._load(name)
        return self._kinds[name]

    def configure(self, loaded: LoadedSettings) -> tuple[Problem, ...]:
        """Let the deployment's settings hold from now on; tells what is wrong with them."""
        found, problems = read_kinds(loaded, self._settings_of, self.names())
        for name, settings in found.items():
            kind = self.find(name)
            if isinstance(kind, ConfigurableKind):
                self._kinds[name] = kind.configured(settings, loaded.folder)
        return problems

    def _settings_of(self, name: str) -> type[Spec] | None:
        kind = self.find(name)
        return kind.settings if isinstance(kind, ConfigurableKind) else None

    def _load(self, name: str) -> Kind:
        offers = self._offers.get(name, ())
        if not offers:
            raise LookupError(f"no kind of backend is called `{name}`")
        if len(offers) > 1:
            owners = " and ".join(owner for owner, _ in offers)
            raise LookupError(f"the kind `{name}` is offered by {owners}; remove one of them")
        owner, target = offers[0]
        module, _, attribute = target.partition(":")
        try:
            kind: Kind = getattr(importlib.import_module(module), attribute)
        except (ImportError, AttributeError) as error:
            raise LookupError(f"the kind `{name}` of {owner} cannot be loaded: {error}") from error
        return kind
