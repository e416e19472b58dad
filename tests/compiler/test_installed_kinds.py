from __future__ import annotations

import sys
import types
from importlib.metadata import EntryPoint

import pytest

from drawbar.backends import BUILT_IN, GROUP, InstalledKinds
from echo_kind import EchoKind


def entry(name: str, value: str) -> EntryPoint:
    return EntryPoint(name, value, GROUP)


def test_the_kinds_of_drawbar_are_there_without_being_imported() -> None:
    kinds = InstalledKinds(())

    assert kinds.names() == tuple(BUILT_IN)
    assert {"soap", "sql", "http", "command"} <= set(BUILT_IN)


@pytest.mark.parametrize("name", BUILT_IN)
def test_each_kind_of_drawbar_can_be_found_under_its_own_name(name: str) -> None:
    kinds = InstalledKinds()

    kind = kinds.find(name)

    assert kind.name == name
    assert kinds.find(name) is kind


def test_a_package_brings_a_kind_by_an_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("acme_kind")
    module.KIND = EchoKind()  # type: ignore[attr-defined]  # made for this test
    monkeypatch.setitem(sys.modules, "acme_kind", module)
    kinds = InstalledKinds([entry("echo", "acme_kind:KIND")])

    assert kinds.names() == (*BUILT_IN, "echo")
    assert kinds.find("echo") is module.KIND


@pytest.mark.parametrize(
    ("points", "name", "message"),
    [
        ([], "nope", "no kind of backend is called `nope`"),
        (
            [entry("sql", "acme:KIND")],
            "sql",
            "the kind `sql` is offered by drawbar and an unnamed package; remove one of them",
        ),
        (
            [entry("acme", "acme_that_is_not_there:KIND")],
            "acme",
            "the kind `acme` of an unnamed package cannot be loaded: No module named 'acme_that_is_not_there'",
        ),
        (
            [entry("acme", "json:KIND")],
            "acme",
            "the kind `acme` of an unnamed package cannot be loaded: module 'json' has no attribute 'KIND'",
        ),
    ],
)
def test_a_kind_that_cannot_be_had_says_why(
    points: list[EntryPoint], name: str, message: str
) -> None:
    with pytest.raises(LookupError) as caught:
        InstalledKinds(points).find(name)

    assert caught.value.args == (message,)


def test_the_installed_metadata_are_read_when_nothing_is_given() -> None:
    assert set(BUILT_IN) <= set(InstalledKinds().names())
