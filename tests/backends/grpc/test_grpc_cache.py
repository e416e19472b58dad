"""Functions of gRPC services from disk: what they depend on, and that the descriptors are not read for them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from drawbar.backends import InstalledKinds
from drawbar.backends.grpc import compile as grpc_compile
from drawbar.compiler.cache import Cache
from drawbar.compiler.toolset import CompiledAdapter
from drawbar.kernel.ports import Call
from drawbar.kernel.values import Caller
from drawbar.kernel.workers import Workers
from grpc_orders import descriptor_set

ADAPTER = """\
adapter: peer
backend: {kind: grpc, address: "127.0.0.1:50051", descriptors: ./orders.protoset, metadata: {key: s3cret-of-it}}
functions:
  place:
    method: orders.v1.Orders/Place
    effect: write
    parameters: {order_no: {to: order.order_no}}
"""


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    (tmp_path / "orders.protoset").write_bytes(descriptor_set())
    path = tmp_path / "peer.yaml"
    path.write_text(ADAPTER)
    return path


def start(adapter: Path) -> tuple[CompiledAdapter, Cache]:
    cache = Cache(adapter.parent / "cache")
    compiled = cache.compiled(adapter, InstalledKinds(), {})
    cache.keep()
    return compiled, cache


def shown(compiled: CompiledAdapter) -> list[tuple[object, ...]]:
    return [
        (each.schema, each.strict_schema, each.description, each.parameters, each.binding)
        for each in compiled.functions
    ]


async def test_functions_come_from_disk_and_are_what_was_compiled(
    adapter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = start(adapter)

    def read(_data: bytes) -> None:
        raise AssertionError("the descriptors were read")

    with monkeypatch.context() as patch:
        patch.setattr(grpc_compile, "Contract", read)
        second, cache = start(adapter)

    assert cache.notes == []
    assert shown(second) == shown(first)
    assert second.problems == first.problems
    assert second.adapter is not None
    backend = InstalledKinds().find("grpc").open(second.adapter, second.plans, Workers("peer", 1))
    [function] = second.functions
    call = Call(function.name, {"order_no": "7"}, Caller("x"), deadline=10**9, mode="dry_run")
    reply = await backend.invoke(function.binding, call)
    await backend.close()
    assert "7" in str(reply.value)
    assert b"s3cret-of-it" not in b"".join(
        file.read_bytes() for file in (adapter.parent / "cache").iterdir()
    )


@pytest.mark.parametrize("change", ["descriptors", "no descriptors", "method", "address"])
def test_what_functions_are_made_of_is_an_ingredient(change: str, adapter: Path) -> None:
    before, _ = start(adapter)
    file = adapter.parent / "orders.protoset"
    if change == "descriptors":
        file.write_bytes(descriptor_set().replace(b"order_no", b"order_nr"))
        os.utime(file, (1, 1))
    elif change == "no descriptors":
        file.unlink()
    elif change == "method":
        adapter.write_text(ADAPTER.replace("effect: write", "effect: destroy"))
    else:
        adapter.write_text(ADAPTER.replace("127.0.0.1:50051", "somewhere"))
    after, _ = start(adapter)

    problems = [(each.problems, each.effect, each.schema) for each in after.functions]
    assert problems != [(each.problems, each.effect, each.schema) for each in before.functions]
