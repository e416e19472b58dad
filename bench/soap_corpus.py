"""What becomes of real contracts: how many operations compile, round-trip, and refuse what is wrong.

    DRAWBAR_WSDL_CORPUS=folder python bench/soap_corpus.py [--each N] [--seeds N] [--only NAME]

The folder has ORIGIN.tsv, whose first and third columns name a sub-folder and its WSDL. Everything random is
seeded. Tokens are estimated as the schema's characters as compact JSON over four.
"""

from __future__ import annotations

import argparse
import copy
import os
import random
import resource
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema_rs
import orjson
from lxml import etree

from drawbar.backends.soap.annotate import annotate
from drawbar.backends.soap.check import BodyCheck, schemas_for
from drawbar.backends.soap.documents import UnreadableXml
from drawbar.backends.soap.encoding import declare_array
from drawbar.backends.soap.reply import Reading
from drawbar.backends.soap.request import WrongValue, bodies_of
from drawbar.backends.soap.schema import Publication
from drawbar.backends.soap.wsdl import Contract, Operation, Unsupported, content_of, read_contract
from drawbar.backends.soap.xsd import XSD, Unresolved, clip, text_of
from drawbar.compiler.compile import arguments_schema
from drawbar.compiler.kind import Parameter
from drawbar.compiler.parameters import closed
from drawbar.compiler.strict import strict_schema

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
from backends.soap.instances import Instances  # noqa: E402 -- the tests' generator of values

LARGE = 4_000
_SPOKEN_FOR = frozenset(f"{{{XSD}}}{name}" for name in ("element", "attribute", "enumeration"))
"""What documentation is counted of: a type's own gives way to that of the element that has the type."""


@dataclass
class Tally:
    """Everything that is counted over the corpus."""

    count: Counter[str] = field(default_factory=Counter)
    loads: list[float] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    zeep_loads: list[float] = field(default_factory=list)
    examples: dict[str, list[str]] = field(default_factory=dict)

    def note(self, what: str, where: str) -> None:
        self.count[what] += 1
        found = self.examples.setdefault(what, [])
        if len(found) < 8:
            found.append(where)


class Bench:
    def __init__(self, corpus: Path, each: int, seeds: int, only: str | None) -> None:
        self._corpus = corpus
        self._each = each
        self._seeds = seeds
        self._only = only
        self.tally = Tally()

    def run(self) -> None:
        for line in (self._corpus / "ORIGIN.tsv").read_text().splitlines()[1:]:
            name, _, main = line.split("\t")[:3]
            if self._only is None or self._only in name:
                self._contract(name, self._corpus / name / main)

    def _contract(self, name: str, path: Path) -> None:
        tally = self.tally
        tally.count["contracts"] += 1
        started = time.perf_counter()
        try:
            contract = read_contract(path)
        except UnreadableXml:
            tally.note("contracts that are no WSDL", name)
            return
        tally.loads.append(time.perf_counter() - started)
        for index, operation in self._operations(contract):
            tally.count["operations"] += 1
            try:
                self._operation(contract, contract.operation(contract.ports[index], operation))
            except Unresolved as error:
                tally.note("operations with a hole in the contract", f"{name} {operation}: {error}")
            except Unsupported as error:
                tally.note("operations of a style not served", f"{name} {operation}: {error}")

    def _operations(self, contract: Contract) -> list[tuple[int, str]]:
        """Distinct ones; a seeded draw where there are many."""
        found = {
            (port.binding.get("name"), name): (index, name)
            for index, port in enumerate(contract.ports)
            for name in contract.operations(port)
        }
        drawn = list(found.values())
        random.Random(1).shuffle(drawn)
        return drawn[: self._each or None]

    def _operation(self, contract: Contract, operation: Operation) -> None:
        tally = self.tally
        inherited = Publication(content_of(operation.request)).parameters()
        schema = arguments_schema(
            tuple(Parameter(n, closed(e.schema), e.required) for n, e in inherited.items())
        )
        jsonschema_rs.Draft202012Validator(schema)
        tally.count["compiled"] += 1
        strict = strict_schema(schema)
        tally.count["legal in strict mode and within its limits"] += strict.schema is not None
        tokens = len(orjson.dumps(schema)) // 4
        tally.tokens.append(tokens)
        tally.count["operations with a description of their own"] += bool(operation.documentation)
        self._carried(contract, operation, schema)
        self._round_trips(contract, operation, schema)

    # -- what of the contract is still in the schema ---------------------------------------------

    def _carried(self, contract: Contract, operation: Operation, schema: dict[str, Any]) -> None:
        documents = schemas_for(contract.index, operation.sent.declared, declare_array)
        roots = [root for group in documents.values() for root in group]
        whole = orjson.dumps(schema).decode()
        values = {
            str(node.get("value")) for root in roots for node in root.iter(f"{{{XSD}}}enumeration")
        }
        carried = set(_enumerated(schema))
        self.tally.count["enumeration values"] += len(values)
        self.tally.count["enumeration values carried"] += len(values & carried)
        for root in roots:
            for node in root.iter(f"{{{XSD}}}documentation"):
                annotation = node.getparent()
                owner = annotation.getparent() if annotation is not None else None
                text = clip(text_of(node), 60)
                if text is None or owner is None or owner.tag not in _SPOKEN_FOR:
                    continue
                if (holder := owner.getparent()) is not None and holder.tag == f"{{{XSD}}}schema":
                    continue  # the element of the body: its documentation is the operation's
                self.tally.count["documentation texts"] += 1
                start = orjson.dumps(text.removesuffix("...")[:40]).decode().strip('"')
                self.tally.count["documentation texts carried"] += start in whole

    # -- values there and back --------------------------------------------------------------------

    def _round_trips(
        self, contract: Contract, operation: Operation, schema: dict[str, Any]
    ) -> None:
        tally = self.tally
        validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
        check = BodyCheck(contract, operation)
        where = f"{contract.path.parent.name} {operation.name}"
        good = True
        for seed in range(self._seeds):
            arguments = Instances(schema, seed, dense=seed / max(self._seeds - 1, 1)).make()
            if not validator.is_valid(arguments):
                tally.count["instances that the generator got wrong"] += 1
                continue
            tally.count["instances"] += 1
            good &= self._instance(contract, operation, check, arguments, where)
            self._mutate(operation, check, validator, arguments, seed)
        tally.count["operations of which every instance went there and back"] += good

    def _instance(
        self,
        contract: Contract,
        operation: Operation,
        check: BodyCheck,
        arguments: Any,
        where: str,
    ) -> bool:
        tally = self.tally
        try:
            body = bodies_of(operation, arguments)
        except WrongValue as error:
            tally.note("instances not accepted", f"{where}: {error}")
            return False
        tally.count["instances accepted"] += 1
        if not check.works:
            tally.note("bodies without an XSD to check against", where)
        elif problems := [each for node in body if (each := check.problem(node)) is not None]:
            tally.note("bodies not valid", f"{where}: {problems[0]}")
            return False
        else:
            tally.count["bodies valid"] += 1
        reading = Reading(contract.shapes)
        for node in body:
            if operation.sent.encoded and operation.request is not None:
                annotate(node, operation.request, operation.version, rpc=operation.rpc)
            again = etree.fromstring(etree.tostring(node))
            if not operation.sent.spread:
                reading.root(again, operation.request)
        wildcards = {"any"}
        if set(reading.remarks.unknown) - wildcards:
            tally.note("bodies not read back", f"{where}: {list(reading.remarks.unknown)[:3]}")
            return False
        tally.count["bodies read back"] += 1
        return True

    def _mutate(
        self,
        operation: Operation,
        check: BodyCheck,
        validator: Any,
        arguments: Any,
        seed: int,
    ) -> None:
        """A wrong value anywhere: kept off the wire, or what is sent is valid all the same."""
        changed = mutated(arguments, random.Random(seed))
        if changed is None:
            return
        tally = self.tally
        tally.count["wrong values"] += 1
        if not validator.is_valid(changed):
            tally.count["wrong values refused by the schema"] += 1
            return
        try:
            body = bodies_of(operation, changed)
        except WrongValue:
            tally.count["wrong values refused by the writer"] += 1
            return
        if any(check.problem(node) is not None for node in body):
            tally.count["wrong values refused by the XSD"] += 1
        elif check.works:
            tally.count["wrong values that the contract takes"] += 1
        else:
            tally.count["wrong values sent unchecked"] += 1


def _enumerated(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        for value in schema.get("enum", ()) if isinstance(schema.get("enum"), list) else ():
            yield from (str(each) for each in (value if isinstance(value, list) else [value]))
        if isinstance(schema.get("const"), str):
            yield schema["const"]
        for inner in schema.values():
            yield from _enumerated(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from _enumerated(inner)


def mutated(arguments: Any, chance: random.Random) -> Any:
    """The arguments with one leaf of another kind; None where there is no leaf."""
    changed = copy.deepcopy(arguments)
    places = list(_leaves(changed))
    if not places:
        return None
    holder, key = chance.choice(places)
    old = holder[key]
    wrong = ["drawbar-wrong", -(10**25), 1.5, True, {}, ["x"], "\x00", "é" * 5000]
    holder[key] = chance.choice([each for each in wrong if type(each) is not type(old)])
    return changed


def _leaves(value: Any) -> Iterator[tuple[Any, Any]]:
    places = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in list(places):
        if isinstance(inner, dict | list) and inner:
            yield from _leaves(inner)
        else:
            yield value, key


def report(tally: Tally) -> Iterator[str]:
    count = tally.count
    compiled = count["compiled"]

    def share(part: str, whole: str) -> str:
        number = count[part]
        return f"{number:7} {part:62} {100 * number / max(count[whole], 1):6.2f} % of {whole}"

    yield f"{count['contracts']:7} contracts, {count['operations']} operations, {compiled} compiled"
    yield share("compiled", "operations")
    yield share("operations with a hole in the contract", "operations")
    yield share("operations of a style not served", "operations")
    yield share("legal in strict mode and within its limits", "compiled")
    yield share("enumeration values carried", "enumeration values")
    yield share("documentation texts carried", "documentation texts")
    yield share("operations with a description of their own", "compiled")
    yield share("operations of which every instance went there and back", "compiled")
    yield share("instances accepted", "instances")
    yield share("bodies valid", "instances accepted")
    yield share("bodies without an XSD to check against", "instances accepted")
    yield share("bodies read back", "instances accepted")
    for how in ("by the schema", "by the writer", "by the XSD"):
        yield share(f"wrong values refused {how}", "wrong values")
    yield share("wrong values that the contract takes", "wrong values")
    yield share("wrong values sent unchecked", "wrong values")
    tokens = sorted(tally.tokens)
    if tokens:
        p95 = tokens[int(len(tokens) * 0.95)]
        large = sum(each > LARGE for each in tokens)
        yield f"        tokens: median {statistics.median(tokens):.0f}, p95 {p95}, {large} above {LARGE}"
    if tally.loads:
        worst = max(tally.loads)
        yield f"        load: median {statistics.median(tally.loads):.3f} s, worst {worst:.2f} s"
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    yield f"        peak memory of the whole run: {peak} MiB"
    for what, examples in tally.examples.items():
        yield f"-- {count[what]} {what}, such as"
        yield from (f"   {each[:180]}" for each in examples)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--each", type=int, default=6, help="operations of each contract; 0: all")
    parser.add_argument("--seeds", type=int, default=3, help="instances of each operation")
    parser.add_argument("--only", help="contracts whose name holds this text")
    options = parser.parse_args()
    corpus = Path(os.environ.get("DRAWBAR_WSDL_CORPUS", ROOT.parent / "shared/corpus/wsdl"))
    if not (corpus / "ORIGIN.tsv").is_file():
        sys.exit(f"{corpus} has no ORIGIN.tsv; set DRAWBAR_WSDL_CORPUS to a folder of contracts")
    bench = Bench(corpus, options.each, options.seeds, options.only)
    bench.run()
    print("\n".join(report(bench.tally)))


if __name__ == "__main__":
    main()
