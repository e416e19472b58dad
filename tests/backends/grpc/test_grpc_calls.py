"""Schemas, values and failures of a gRPC service, and drafts from its reflection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from certificates import make_certificate
from drawbar.backends import InstalledKinds
from drawbar.cli import main
from drawbar.compiler.toolset import compile_adapter
from drawbar.kernel.outcome import Failed, Indeterminate, Succeeded
from drawbar.spec.load import parse_adapter
from drawbar.testing.kinds import compiled, opened
from grpc_orders import Orders, descriptor_set

ADAPTER = """\
adapter: peer
backend: {{kind: grpc, address: "127.0.0.1:{port}", descriptors: ./orders.protoset{more}}}
errors:
  - {{when: {{status: FAILED_PRECONDITION}}, code: yard_closed}}
functions:
  place:
    method: orders.v1.Orders/Place
    effect: write
    parameters:
      dry: {{const: false}}
      weight: {{to: order.weight_grams}}
      order_no: {{to: order.order_no}}
      kind: {{to: order.kind, optional: false}}
      labels: {{to: order.labels}}
      placed: {{to: order.placed}}
      seal: {{to: order.seal}}
      parts: {{to: order.parts}}
      iban: {{to: order.iban}}
      card: {{to: order.card}}
"""


async def place(asked: Any, context: Any) -> Any:
    if asked.order.order_no == "closed":
        await context.abort(grpc.StatusCode.FAILED_PRECONDITION, "the yard is closed")
    if asked.order.order_no == "crash":
        raise RuntimeError("a bug of the service")
    return asked.order


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "orders.protoset").write_bytes(descriptor_set())
    return tmp_path


@pytest.fixture
async def orders() -> AsyncIterator[Orders]:
    server = Orders({"Place": place})
    await server.start()
    yield server
    await server.stop()


def test_a_message_is_published_with_its_limits_and_comments(folder: Path) -> None:
    [function] = compiled(ADAPTER.format(port=1, more=""), folder).functions
    properties = function.schema["properties"]

    assert function.description == "Place an order.\nMay answer: yard_closed."
    assert isinstance(properties, dict)
    assert properties["weight"] == {
        "type": "integer",
        "minimum": -(2**63),
        "maximum": 2**63 - 1,
    }
    assert properties["order_no"] == {
        "type": "string",
        "description": "Such as F-1180. Never reused.",
    }
    assert properties["kind"] == {
        "type": "string",
        "enum": ["KIND_UNSPECIFIED", "PALLET", "BULK"],
        "description": "PALLET: On a euro pallet.",
    }
    assert properties["placed"] == {"type": "string", "format": "date-time"}
    assert properties["iban"] == {"type": "string", "description": "At most one of iban, card."}
    assert function.schema["required"] == ["kind"]
    definitions = function.schema["$defs"]
    assert isinstance(definitions, dict)
    assert list(definitions) == ["orders.v1.Order"]
    assert function.strict_schema is not None


async def test_values_of_every_sort_come_back_as_they_were_sent(
    folder: Path, orders: Orders
) -> None:
    sent: dict[str, Any] = {
        "order_no": "F-1",
        "weight": 2**62 + 1,
        "kind": "BULK",
        "labels": {"a": 2**60 + 1},
        "placed": "2026-11-24T08:00:00.5Z",
        "seal": "AAEC",
        "parts": [{"order_no": "F-1/1", "insured": True, "volume": 0.25, "parts": []}],
        "card": "4711",
    }
    async with opened(ADAPTER.format(port=orders.port, more=""), folder) as peer:
        outcome = await peer.call("place", sent)

    assert isinstance(outcome, Succeeded), outcome
    value = outcome.value
    assert isinstance(value, dict)
    assert value["weight_grams"] == 2**62 + 1
    assert value["labels"] == {"a": 2**60 + 1}
    assert (value["kind"], value["placed"], value["seal"]) == (
        "BULK",
        "2026-11-24T08:00:00.500Z",
        "AAEC",
    )
    parts = value["parts"]
    assert isinstance(parts, list)
    assert isinstance(part := parts[0], dict)
    assert (part["insured"], part["volume"], part["weight_grams"]) == (True, 0.25, 0)
    assert value["card"] == "4711"
    assert "iban" not in value


async def test_what_the_contract_forbids_is_not_sent(folder: Path, orders: Orders) -> None:
    async with opened(ADAPTER.format(port=orders.port, more=""), folder) as peer:
        both = await peer.call("place", {"kind": "BULK", "iban": "x", "card": "y"})

    assert isinstance(both, Failed)
    assert both.code == "invalid_arguments"
    assert "payment" in both.message


async def test_a_no_of_the_service_is_told_from_its_collapse(folder: Path, orders: Orders) -> None:
    async with opened(ADAPTER.format(port=orders.port, more=""), folder) as peer:
        closed = await peer.call("place", {"kind": "BULK", "order_no": "closed"})
        crash = await peer.call("place", {"kind": "BULK", "order_no": "crash"})

    assert isinstance(closed, Failed)
    assert (closed.code, closed.message) == ("yard_closed", "the yard is closed")
    assert isinstance(crash, Indeterminate)


async def test_tls_is_spoken_with_the_named_authority(folder: Path) -> None:
    certificate, key = make_certificate(folder, "peer")
    server = Orders({"Place": place})
    await server.start(grpc.ssl_server_credentials([(key.read_bytes(), certificate.read_bytes())]))
    text = ADAPTER.format(port=server.port, more=", tls: {ca: ./peer.pem}")
    async with opened(text, folder) as peer:
        outcome = await peer.call("place", {"kind": "BULK"})
    async with opened(ADAPTER.format(port=server.port, more=""), folder) as peer:
        plain = await peer.call("place", {"kind": "BULK"}, seconds=3)
    await server.stop()

    assert isinstance(outcome, Succeeded), outcome
    assert isinstance(plain, Failed)


async def test_a_server_with_reflection_is_drafted(
    tmp_path: Path,
    orders: Orders,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ORDERS_ADDRESS", f"127.0.0.1:{orders.port}")
    code = await asyncio.to_thread(main, ["new", "grpc", f"127.0.0.1:{orders.port}"])
    printed = capsys.readouterr()

    assert code == 0, printed
    text = (tmp_path / "adapters" / "orders.yaml").read_text()
    kinds = InstalledKinds()
    drafted = compile_adapter(
        parse_adapter(
            text, "orders.yaml", tmp_path / "adapters", kinds, {"ORDERS_ADDRESS": "127.0.0.1:1"}
        ),
        kinds,
    )
    assert drafted.problems == ()
    assert [(each.local_name, each.effect) for each in drafted.functions] == [
        ("echo", "read"),
        ("rows", "write"),
        ("wait", "write"),
        ("change", "write"),
        ("place", "write"),
    ]
    assert "takes a stream of messages" in printed.out + printed.err


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (("127.0.0.1:1", "orders"), "DB911 this is no address"),
        (
            ("./orders.protoset", "./none.protoset"),
            "DB912 cannot be read: No such file or directory",
        ),
        (("./orders.protoset", "./text.protoset"), "DB912 this is no FileDescriptorSet"),
        (
            ("Orders/Place", "Orders/Plac"),
            "DB913 the descriptors have no method `orders.v1.Orders/Plac`",
        ),
        (
            ("Orders/Place", "Orders/Upload"),
            "DB913 this method takes a stream of messages, not one",
        ),
        (
            ("dry: {const: false}", "dri: {const: false}"),
            "DB914 `orders.v1.Ask` has no field `dri`",
        ),
    ],
)
def test_what_is_wrong_is_told(change: tuple[str, str], problem: str, folder: Path) -> None:
    (folder / "text.protoset").write_text("no descriptors, but words")
    problems = compiled(ADAPTER.format(port=1, more="").replace(*change), folder).problems

    assert problem in [str(each).split(" ", 1)[1].split("\n")[0] for each in problems]
