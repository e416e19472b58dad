"""Functions of a contract from disk: what they depend on, and that the contract is not read for them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from drawbar.backends import InstalledKinds
from drawbar.backends.soap import compile as soap_compile
from drawbar.compiler.cache import Cache
from drawbar.compiler.toolset import CompiledAdapter

EXAMPLE = Path(__file__).parents[3] / "adapters"


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    """The example of the personnel office: a WSDL that imports a schema."""
    shutil.copytree(EXAMPLE / "wsdl", tmp_path / "wsdl")
    return Path(shutil.copy(EXAMPLE / "hr.yaml", tmp_path))


def start(adapter: Path) -> tuple[CompiledAdapter, Cache]:
    cache = Cache(adapter.parent / "cache")
    compiled = cache.compiled(adapter, InstalledKinds(), {})
    cache.keep()
    return compiled, cache


def shown(compiled: CompiledAdapter) -> list[tuple[object, ...]]:
    return [
        (each.schema, each.strict_schema, each.description, each.parameters, each.problems)
        for each in compiled.functions
    ]


def test_functions_come_from_disk_without_a_look_at_the_contract(
    adapter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = start(adapter)

    def read(_path: Path) -> None:
        raise AssertionError("the contract was read")

    monkeypatch.setattr(soap_compile, "read_contract", read)
    second, cache = start(adapter)

    assert cache.notes == []
    assert shown(second) == shown(first)
    assert second.problems == first.problems
    assert isinstance(second.functions[0].binding, soap_compile.Kept)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("personnel.wsdl", '"FindEmployees"', '"FindPeople"'),
        ("personnel.xsd", "documentation>", "documentation>Now: "),
    ],
)
def test_each_file_of_the_contract_is_an_ingredient(
    name: str, old: str, new: str, adapter: Path
) -> None:
    before, _ = start(adapter)
    file = adapter.parent / "wsdl" / name
    file.write_text(file.read_text().replace(old, new))
    os.utime(file, (1, 1))

    changed, _ = start(adapter)

    file.write_text(file.read_text().replace(new, old))
    os.utime(file, (2, 2))
    assert shown(changed) != shown(before)
    assert shown(start(adapter)[0]) == shown(before)


def test_a_schema_that_was_missing_is_an_ingredient(adapter: Path) -> None:
    schema = adapter.parent / "wsdl" / "personnel.xsd"
    aside = schema.rename(adapter.parent / "aside")
    without, _ = start(adapter)

    aside.rename(schema)
    os.utime(schema, (1, 1))
    found, _ = start(adapter)

    assert not any(function.callable for function in without.functions)
    assert all(function.callable for function in found.functions)


OPENED = """
import sys
from pathlib import Path

seen = []
sys.addaudithook(lambda event, args: seen.append(args[0]) if event == "open" else None)

from drawbar.backends import InstalledKinds
from drawbar.compiler.toolset import compile_adapter
from drawbar.spec.load import load_adapter

path = Path(sys.argv[1])
kinds = InstalledKinds()
compiled = compile_adapter(load_adapter(path, kinds, {}), kinds)
known = {file.resolve() for file in compiled.files} | {path.resolve()}
opened = {Path(name).resolve() for name in seen if isinstance(name, str)}
print(*sorted(file for file in opened - known if file.is_relative_to(path.parent)))
"""


def test_no_file_is_opened_that_is_not_an_ingredient(adapter: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-c", OPENED, str(adapter)], capture_output=True, text=True, check=True
    )

    assert result.stdout.strip() == ""
