"""Functions of HTTP backends from disk: they are what was compiled, and they know what they depend on."""

from __future__ import annotations

import json
import os
from dataclasses import fields
from pathlib import Path

import pytest

from drawbar.backends import InstalledKinds
from drawbar.backends.http.openapi import compile as openapi_compile
from drawbar.backends.http.request import bodies, kept, paging, request
from drawbar.compiler.cache import Cache
from drawbar.compiler.toolset import CompiledAdapter, compile_adapter
from drawbar.kernel.ports import Call
from drawbar.kernel.values import Caller
from drawbar.kernel.workers import Workers
from drawbar.spec.load import load_adapter

DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "Ships", "version": "1"},
    "paths": {
        "/ships/{imo}/tugs": {
            "post": {
                "operationId": "orderTug",
                "summary": "Order a tug.",
                "parameters": [
                    {"name": "imo", "in": "path", "required": True, "schema": {"$ref": "parts.json#/Imo"}},
                    {"name": "tags", "in": "query", "style": "pipeDelimited", "explode": False,
                     "schema": {"type": "array", "items": {"type": "string"}}},
                ],
                "requestBody": {"content": {"multipart/form-data": {"schema": {
                    "type": "object", "properties": {"power": {"type": "integer"}, "note": {"type": "string"}}}}}},
            }
        }
    },
}  # fmt: skip
PARTS = {"Imo": {"type": "string", "pattern": "^[0-9]{7}$"}}
ADAPTER = """\
adapter: ships
backend:
  kind: http
  url: http://127.0.0.1:8402/api
  openapi: ./ships.json
  headers: {X-Key: "${SHIPS_KEY}"}
functions:
  order_tug: {operation: orderTug, effect: write}
  list:
    description: List ships.
    request: GET /ships?of=harbour
    parameters:
      page_size: {type: integer, optional: true, to: query.size}
      shape: {const: short, to: query.shape}
    response: /items
    pages: {next: cursor, at: /next, to: query.cursor}
  show:
    description: Show a ship.
    request: GET /ships/{imo}
    parameters: {imo: {type: string}}
  rename:
    description: Name a ship anew.
    effect: write
    request: PUT /ships/{imo}
    parameters: {imo: {type: string}, name: {type: string}}
    precondition: {etag_of: show}
"""
CALLS = {
    "order_tug": {"imo": "9074729", "tags": ["a", "b"], "power": 5, "note": "x"},
    "list": {"page_size": 5, "shape": "short"},
    "show": {"imo": "9074729"},
}
ENVIRON = {"SHIPS_KEY": "s3cret-of-the-ships"}


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    (tmp_path / "ships.json").write_text(json.dumps(DOCUMENT))
    (tmp_path / "parts.json").write_text(json.dumps(PARTS))
    path = tmp_path / "ships.yaml"
    path.write_text(ADAPTER)
    return path


def start(adapter: Path, environ: dict[str, str] = ENVIRON) -> tuple[CompiledAdapter, Cache]:
    cache = Cache(adapter.parent / "cache")
    compiled = cache.compiled(adapter, InstalledKinds(), environ)
    cache.keep()
    return compiled, cache


def shown(compiled: CompiledAdapter) -> list[tuple[object, ...]]:
    return [
        (each.schema, each.strict_schema, each.description, each.parameters, each.problems)
        for each in compiled.functions
    ]


def test_functions_come_from_disk_without_a_look_at_the_document(
    adapter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = start(adapter)
    assert all(each.callable for each in first.functions), first.problems

    def read(*_: object) -> None:
        raise AssertionError("the document was read")

    monkeypatch.setattr(openapi_compile, "Documents", read)
    second, cache = start(adapter)

    assert cache.notes == []
    assert shown(second) == shown(first)
    assert second.problems == first.problems
    assert b"s3cret-of-the-ships" not in b"".join(
        file.read_bytes() for file in (adapter.parent / "cache").iterdir()
    )


async def test_what_comes_from_disk_sends_what_was_compiled(adapter: Path) -> None:
    start(adapter)
    stored, _ = start(adapter)
    kinds = InstalledKinds()
    anew = compile_adapter(load_adapter(adapter, kinds, ENVIRON), kinds)
    assert anew.adapter is not None
    backend = kinds.find("http").open(anew.adapter, anew.plans, Workers("ships", 1))
    try:
        for name, arguments in CALLS.items():
            told = []
            for plans in (anew.plans, stored.plans):
                call = Call(name, arguments, Caller("x"), deadline=10**9, mode="dry_run")  # type: ignore[arg-type] # JSON
                told.append((await backend.invoke(plans[name].binding, call)).value)
            assert told[0] == told[1]
    finally:
        await backend.close()
    for name, plan in anew.plans.items():
        found = stored.plans[name].binding
        assert isinstance(found, kept.KeptBinding)
        assert kept.bound(found) == plan.binding


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("ships.json", "Order a tug.", "Order a strong tug."),
        ("parts.json", "{7}", "{8}"),
        ("ships.yaml", "effect: write}", "effect: destroy}"),
        ("ships.yaml", "GET /ships?of=harbour", "GET /ships?of=yard"),
    ],
)
def test_each_file_of_the_contract_is_an_ingredient(
    file: str, old: str, new: str, adapter: Path
) -> None:
    before, _ = start(adapter)
    path = adapter.parent / file
    path.write_text(path.read_text().replace(old, new))
    os.utime(path, (1, 1))
    after, _ = start(adapter)

    def all_of(compiled: CompiledAdapter) -> list[tuple[object, ...]]:
        found = compiled.plans.values()
        bindings = [
            kept.bound(each.binding) if isinstance(each.binding, kept.KeptBinding) else each.binding
            for each in found
        ]
        effects = [each.effect for each in compiled.functions]
        return [*shown(compiled), *((each,) for each in (*bindings, *effects))]

    assert all_of(after) != all_of(before)


def test_a_secret_that_becomes_unusable_is_noticed(adapter: Path) -> None:
    start(adapter)
    broken, _ = start(adapter, {"SHIPS_KEY": "two\nlines"})

    assert "DB510" in [each.code for each in broken.problems]


def test_a_function_with_code_in_it_means_compiling_at_each_start(tmp_path: Path) -> None:
    path = tmp_path / "rpc.yaml"
    path.write_text(
        "adapter: rpc\nbackend: {kind: http, url: http://127.0.0.1:8402, protocol: json-rpc}\n"
        "functions:\n  add: {description: Add., method: add, effect: read, parameters: {a: {type: integer}}}\n"
    )
    compiled, cache = start(path)

    assert all(each.callable for each in compiled.functions), compiled.problems
    assert [note for note in cache.notes if "compiled at each start" in note]


@pytest.mark.parametrize(
    ("there", "here", "code"),
    [
        (request.Binding, kept.KeptBinding, {"composed", "dialect"}),
        (request.Slot, kept.KeptSlot, {"literal"}),
        (request.Precondition, kept.KeptPrecondition, set()),
        (bodies.Media, kept.KeptMedia, {"shape"}),
        (paging.Pages, kept.KeptPages, {"rows"}),
    ],
)
def test_no_field_is_forgotten(there: type, here: type, code: set[str]) -> None:
    """A new one has to be kept, too, or to keep its function from being kept."""
    assert {each.name for each in fields(there)} - code == {each.name for each in fields(here)}
