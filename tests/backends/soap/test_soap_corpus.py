"""Real contracts, where they are at hand: everything compiles or is a problem, and nothing crashes."""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import jsonschema_rs
import pytest

from drawbar.backends import InstalledKinds
from drawbar.backends.soap import KIND
from drawbar.backends.soap.contract.documents import UnreadableXml
from drawbar.backends.soap.contract.wsdl import (
    Contract,
    Operation,
    Unsupported,
    content_of,
    read_contract,
)
from drawbar.backends.soap.contract.xsd import Unresolved
from drawbar.backends.soap.message.check import body_check
from drawbar.backends.soap.message.request import body_of
from drawbar.backends.soap.publish.schema import Publication
from drawbar.compiler.compile import arguments_schema
from drawbar.compiler.draft import DraftWish
from drawbar.compiler.kind import Parameter
from drawbar.compiler.parameters import closed
from drawbar.compiler.strict import strict_schema
from drawbar.compiler.toolset import compile_adapter
from drawbar.kernel.errors import OperatorError
from drawbar.kernel.values import JsonObject
from drawbar.spec.load import parse_adapter

from .instances import Instances

CORPUS = Path(os.environ.get("DRAWBAR_WSDL_CORPUS", "/nonexistent"))
EACH = int(os.environ.get("DRAWBAR_WSDL_OPERATIONS", "6"))
"""Operations drawn from each contract; 0 takes all."""

pytestmark = pytest.mark.skipif(
    not (CORPUS / "ORIGIN.tsv").is_file(),
    reason="set DRAWBAR_WSDL_CORPUS to a folder of contracts with an ORIGIN.tsv",
)


def contracts() -> Iterator[tuple[str, Contract | None]]:
    for line in (CORPUS / "ORIGIN.tsv").read_text().splitlines()[1:]:
        name, _, main = line.split("\t")[:3]
        try:
            yield name, read_contract(CORPUS / name / main)
        except UnreadableXml:
            yield name, None


def operations(contract: Contract) -> list[tuple[int, str]]:
    """Distinct operations, as places in `ports` and names; a draw of them where there are many."""
    found = {
        (port.binding.get("name"), name): (index, name)
        for index, port in enumerate(contract.ports)
        for name in contract.operations(port)
    }
    drawn = list(found.values())
    random.Random(1).shuffle(drawn)
    return drawn[: EACH or None]


def published(operation: Operation) -> JsonObject:
    inherited = Publication(content_of(operation.request)).parameters()
    return arguments_schema(
        tuple(
            Parameter(name, closed(each.schema), each.required) for name, each in inherited.items()
        )
    )


@pytest.mark.timeout(600)
def test_real_contracts_compile_and_what_is_sent_is_valid(
    capsys: pytest.CaptureFixture[str],
) -> None:
    count: Counter[str] = Counter()
    for _, contract in contracts():
        count["contracts"] += 1
        if contract is None:
            count["contracts that are no XML"] += 1
            continue
        for index, name in operations(contract):
            count["operations"] += 1
            try:
                operation = contract.operation(contract.ports[index], name)
                schema = published(operation)
            except Unresolved:
                count["operations with a hole in the contract"] += 1
                continue
            except Unsupported:
                count["operations of a later style"] += 1
                continue
            count["operations compiled"] += 1
            count["schemas legal in strict mode"] += strict_schema(schema).schema is not None
            round_trips(contract, operation, schema, count)
    with capsys.disabled():
        print("\n" + "\n".join(f"{number:7} {what}" for what, number in count.items()))  # noqa: T201 -- figures are the point
    assert count["operations compiled"] > 0.75 * count["operations"]
    assert count["valid bodies"] >= 0.985 * count["bodies checked"]


def round_trips(
    contract: Contract, operation: Operation, schema: JsonObject, count: Counter[str]
) -> None:
    validator = jsonschema_rs.Draft202012Validator(schema)
    check = body_check(contract, operation)
    for seed, dense in enumerate((0.0, 0.4, 0.8)):
        arguments = Instances(schema, seed, dense=dense).make()
        if not validator.is_valid(arguments):
            count["instances the generator got wrong"] += 1
            continue
        count["instances"] += 1
        body = body_of(operation, arguments)
        if body is not None and check.works:
            count["bodies checked"] += 1
            count["valid bodies"] += check.problem(body) is None


@pytest.mark.timeout(600)
def test_every_contract_that_can_be_called_is_drafted_into_an_adapter_without_errors(
    tmp_path: Path,
) -> None:
    kinds = InstalledKinds()
    wrong: list[str] = []
    for line in (CORPUS / "ORIGIN.tsv").read_text().splitlines()[1:]:
        name, _, main = line.split("\t")[:3]
        try:
            draft = KIND.draft(str(CORPUS / name / main), DraftWish())
        except OperatorError:  # no contract, or none that speaks SOAP
            continue
        folder = tmp_path / name
        for file, data in draft.files.items():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_bytes(data)
        loaded = parse_adapter(draft.text, f"{name}.yaml", folder, kinds, draft.environ)
        compiled = compile_adapter(loaded, kinds)
        wrong += [
            f"{name}: {each}"
            for each in compiled.problems
            if each.severity == "error" or each.code == "DB414"
        ]
        assert {each.local_name for each in compiled.functions} == set(draft.named.values())
    assert wrong == []
