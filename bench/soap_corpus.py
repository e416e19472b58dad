"""What becomes of real contracts: how many operations compile, round-trip, and refuse what is wrong.

    DRAWBAR_WSDL_CORPUS=folder python bench/soap_corpus.py [--each N] [--seeds N] [--only NAME] [--jobs N]

The folder has ORIGIN.tsv, whose first and third columns name a sub-folder and its WSDL. Each contract is taken by a
process of its own, whose memory is told; then comes a table of all of them, and one of what was to be reached.
Everything random is seeded. Tokens are estimated as the schema's characters as compact JSON over four.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import multiprocessing
import os
import random
import resource
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema_rs
import orjson
from goals import Finding, table
from lxml import etree

from drawbar.backends.soap.contract.documents import UnreadableXml
from drawbar.backends.soap.contract.encoding import declare_array
from drawbar.backends.soap.contract.mend import read_contract_file
from drawbar.backends.soap.contract.wsdl import (
    Contract,
    Operation,
    Unsupported,
    content_of,
    read_contract,
)
from drawbar.backends.soap.contract.xsd import WSDL, XSD, Unresolved, clip, text_of
from drawbar.backends.soap.message.attachments import set_aside
from drawbar.backends.soap.message.check import Check, body_check, schemas_for
from drawbar.backends.soap.message.reply import Reading
from drawbar.backends.soap.message.request import WrongValue, bodies_of
from drawbar.backends.soap.options import SoapFunctionSpec
from drawbar.backends.soap.publish.publishing import Wanted, narrowing, offered_of, offered_schema
from drawbar.backends.soap.publish.schema import Publication
from drawbar.backends.soap.zeep.annotate import annotate
from drawbar.compiler.strict import strict_schema
from drawbar.kernel.values import JsonObject
from drawbar.spec.source import Report, Source

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
from backends.soap.instances import Instances  # noqa: E402 -- the tests' generator of values

LARGE = 4_000
_SPOKEN_FOR = frozenset(f"{{{XSD}}}{name}" for name in ("element", "attribute", "enumeration"))
"""What documentation is counted of: a type's own gives way to that of the element that has the type."""


@dataclass
class Tally:
    """Everything that is counted, of one contract or of all."""

    name: str = ""
    count: Counter[str] = field(default_factory=Counter)
    loads: list[float] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)
    """Megabytes, at most, of the process that read a contract and compiled all its operations."""
    tokens: list[int] = field(default_factory=list)
    examples: dict[str, list[str]] = field(default_factory=dict)

    def note(self, what: str, where: str) -> None:
        self.count[what] += 1
        found = self.examples.setdefault(what, [])
        if len(found) < 8:
            found.append(where)

    def add(self, other: Tally) -> None:
        self.count.update(other.count)
        self.loads += other.loads
        self.memory += other.memory
        self.tokens += other.tokens
        for what, examples in other.examples.items():
            found = self.examples.setdefault(what, [])
            found += examples[: 8 - len(found)]

    def share(self, part: str, whole: str) -> float | None:
        """In hundredths; None of nothing."""
        return 100 * self.count[part] / self.count[whole] if self.count[whole] else None


class Bench:
    """One contract."""

    def __init__(self, name: str, path: Path, options: argparse.Namespace) -> None:
        self._path = path
        self._each: int = options.each
        self._seeds: int = options.seeds
        self.tally = Tally(name)
        self._documented: set[str] = set()

    def run(self) -> Tally:
        tally, name = self.tally, self.tally.name
        tally.count["contracts"] += 1
        started = time.perf_counter()
        try:
            contract = read_contract(self._path)
        except UnreadableXml as error:
            tally.note("contracts that are no WSDL", f"{name}: {error}")
            return tally
        tally.loads.append(time.perf_counter() - started)
        operations = list(self._operations(contract))
        for index, operation in operations:
            with contextlib.suppress(Unresolved, Unsupported):
                published(contract.operation(contract.ports[index], operation))
        tally.memory.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
        self._documented = set(documented(self._path))
        for index, operation in operations:
            tally.count["operations"] += 1
            try:
                self._operation(contract, contract.operation(contract.ports[index], operation))
            except Unresolved as error:
                tally.note("operations with a hole in the contract", f"{name} {operation}: {error}")
            except Unsupported as error:
                tally.note("operations of a style not served", f"{name} {operation}: {error}")
        return tally

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
        input_, schema, whole = published(operation)
        for each in (schema, whole):
            jsonschema_rs.meta.validate(each)
            jsonschema_rs.Draft202012Validator(each)
        tally.count["compiled"] += 1
        tally.count["offered in part, since the whole is beyond strict modes"] += schema != whole
        strict = strict_schema(schema)
        tally.count["legal in strict mode and within its limits"] += strict.schema is not None
        tokens = len(orjson.dumps(schema)) // 4
        tally.tokens.append(tokens)
        if tokens > LARGE:
            tally.count["too large as they are"] += 1
            left = narrowing(input_).left
            tally.count["small enough after the proposed narrowing"] += left <= LARGE
        if operation.name in self._documented:
            tally.count["operations that are documented"] += 1
            tally.count["operations whose documentation is carried"] += bool(
                operation.documentation
            )
        self._carried(contract, operation, whole)
        self._round_trips(contract, operation, schema)

    # -- what of the contract is still in the schema ---------------------------------------------

    def _carried(self, contract: Contract, operation: Operation, schema: dict[str, Any]) -> None:
        documents = schemas_for(contract.index, operation.sent.declared, declare_array)
        roots = [root for group in documents.values() for root in group]
        whole = orjson.dumps(schema).decode()
        values = set(choices(roots))
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
                if owner.get("fixed") is not None and owner.get("minOccurs", "1") != "0":
                    continue  # always sent as it is: nobody has to know of it
                self.tally.count["documentation texts"] += 1
                start = orjson.dumps(text.removesuffix("...")[:40]).decode().strip('"')
                self.tally.count["documentation texts carried"] += start in whole

    # -- values there and back --------------------------------------------------------------------

    def _round_trips(
        self, contract: Contract, operation: Operation, schema: dict[str, Any]
    ) -> None:
        tally = self.tally
        validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
        check = body_check(contract, operation)
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
        check: Check,
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
        inside, _ = set_aside(list(body), operation.sent.attached)
        if not check.works and body:
            tally.note("bodies without an XSD to check against", where)
        elif problems := [each for node in inside if (each := check.problem(node)) is not None]:
            tally.note("bodies not valid", f"{where}: {problems[0]}")
            return False
        else:
            tally.count["bodies valid"] += 1
        reading = Reading(contract.shapes)
        for node in body:
            if operation.sent.encoded and operation.request is not None:
                annotate(node, operation.request, operation.version, rpc=operation.rpc)
            again = etree.fromstring(etree.tostring(node, encoding="utf-8"))
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
        check: Check,
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
        inside, _ = set_aside(list(body), operation.sent.attached)
        if any(check.problem(node) is not None for node in inside):
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


def choices(roots: Sequence[etree._Element]) -> Iterator[str]:
    """Values of enumerations, but those of types that are only used where the contract fixes the value."""
    uses: dict[str | None, set[str]] = {}
    for node in (each for root in roots for each in root.iter("{*}*")):
        if node.get("fixed") is None or node.get("minOccurs") == "0":
            texts = (node.get(word) or "" for word in ("type", "base", "itemType", "memberTypes"))
            names = (each.rpartition(":")[2] for text in texts for each in text.split())
            uses.setdefault(simple_type_around(node), set()).update(names)
    used: set[str | None] = set()
    waiting: list[str | None] = [None]
    while waiting:
        if (name := waiting.pop()) not in used:
            used.add(name)
            waiting.extend(uses.get(name, ()))
    for root in roots:
        for node in root.iter(f"{{{XSD}}}enumeration"):
            if simple_type_around(node) in used:
                yield str(node.get("value"))


def simple_type_around(node: etree._Element) -> str | None:
    """The name of the named simple type that a node is part of."""
    around = node.iterancestors(f"{{{XSD}}}simpleType")
    return next((name for each in around if (name := each.get("name")) is not None), None)


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


def published(operation: Operation) -> tuple[Wanted, JsonObject, JsonObject]:
    """The input as an adapter that says nothing of it offers it, its schema, and that of the whole input."""
    whole = Wanted(Publication(content_of(operation.request)), {}, (), ())
    spec = SoapFunctionSpec(operation=operation.name, description="As it is.")
    input_, offered = offered_of(whole, spec, operation.name, Report(Source("", None)), ())
    return input_, offered_schema(offered), offered_schema(whole.published.parameters())


def documented(path: Path) -> Iterator[str]:
    """Names of the operations that the file itself says something of."""
    for node in read_contract_file(path).iter(f"{{{WSDL}}}operation"):
        found = node.find(f"{{{WSDL}}}documentation")
        if found is not None and text_of(found).strip():
            yield node.get("name") or ""


_COLUMNS = (
    ("strict", "legal in strict mode and within its limits", "compiled"),
    ("enum", "enumeration values carried", "enumeration values"),
    ("doc", "documentation texts carried", "documentation texts"),
    ("taken", "instances accepted", "instances"),
    ("valid", "bodies valid", "instances accepted"),
    ("refused", "wrong values refused by the schema", "wrong values"),
)


def rows(tallies: Sequence[Tally]) -> Iterator[str]:
    """A line for each contract: shares in hundredths, tokens, seconds, megabytes."""
    shares = "".join(f"{name:>8}" for name, _, _ in _COLUMNS)
    yield f"{'contract':26}{'ops':>6}{'compiled':>9}{shares}{'tokens':>8}{'most':>8}{'load':>7}{'MB':>5}"
    for each in tallies:
        found = (each.share(part, whole) for _, part, whole in _COLUMNS)
        told = "".join(f"{'-':>8}" if share is None else f"{share:8.1f}" for share in found)
        tokens = (
            f"{statistics.median(each.tokens):8.0f}{max(each.tokens):8}"
            if each.tokens
            else f"{'-':>8}{'-':>8}"
        )
        load = f"{each.loads[0]:7.3f}" if each.loads else f"{'-':>7}"
        memory = f"{each.memory[0]:5}" if each.memory else f"{'-':>5}"
        yield (
            f"{each.name:26}{each.count['operations']:6}{each.count['compiled']:9}{told}{tokens}{load}{memory}"
        )


def report(tally: Tally) -> Iterator[str]:
    count = tally.count

    def share(part: str, whole: str) -> str:
        return f"{count[part]:7} {part:62} {tally.share(part, whole) or 0:6.2f} % of {whole}"

    yield f"{count['contracts']:7} contracts, {count['operations']} operations, {count['compiled']} compiled"
    yield share("compiled", "operations")
    yield share("operations with a hole in the contract", "operations")
    yield share("operations of a style not served", "operations")
    yield share("offered in part, since the whole is beyond strict modes", "compiled")
    yield share("operations of which every instance went there and back", "compiled")
    yield share("enumeration values carried", "enumeration values")
    yield share("documentation texts carried", "documentation texts")
    yield share("instances accepted", "instances")
    yield share("bodies valid", "instances accepted")
    yield share("bodies without an XSD to check against", "instances accepted")
    yield share("bodies read back", "instances accepted")
    for how in ("by the schema", "by the writer", "by the XSD"):
        yield share(f"wrong values refused {how}", "wrong values")
    yield share("wrong values that the contract takes", "wrong values")
    yield share("wrong values sent unchecked", "wrong values")
    for what, examples in tally.examples.items():
        yield f"-- {count[what]} {what}, such as"
        yield from (f"   {each[:180]}" for each in examples)


def findings(tally: Tally) -> list[Finding]:
    count = tally.count
    kept = sum(
        count[each]
        for each in (
            "wrong values refused by the schema",
            "wrong values refused by the writer",
            "wrong values refused by the XSD",
            "wrong values that the contract takes",
        )
    )
    count["wrong values kept off the wire, or valid all the same"] = kept
    whole = count["operations"] - count["operations with a hole in the contract"]
    count["operations without a hole in the contract"] = whole

    def reached(what: str, part: str, of: str, goal: float) -> Finding:
        return Finding(what, tally.share(part, of), goal, None, "more", " %")

    tokens, loads, memory = sorted(tally.tokens), tally.loads, tally.memory
    return [
        reached(
            "compile, of those whose contract has no hole",
            "compiled",
            "operations without a hole in the contract",
            100,
        ),
        reached(
            "legal in strict mode and within its limits as they are",
            "legal in strict mode and within its limits",
            "compiled",
            99.9,
        ),
        reached(
            "enumeration values carried", "enumeration values carried", "enumeration values", 100
        ),
        reached("documentation carried", "documentation texts carried", "documentation texts", 99),
        reached(
            "operation documentation carried",
            "operations whose documentation is carried",
            "operations that are documented",
            100,
        ),
        reached("random instances accepted and written", "instances accepted", "instances", 99),
        reached("... and valid against the XSD", "bodies valid", "instances accepted", 98.5),
        reached(
            "wrong values kept off the wire, or valid all the same",
            "wrong values kept off the wire, or valid all the same",
            "wrong values",
            100,
        ),
        Finding("tokens, median", statistics.median(tokens), 130, unit=""),
        Finding("tokens, 95 of 100", tokens[int(len(tokens) * 0.95)], 2_500, unit=""),
        reached(
            f"above {LARGE} tokens: small enough after the proposed narrowing",
            "small enough after the proposed narrowing",
            "too large as they are",
            100,
        ),
        Finding("load, median", statistics.median(loads), 0.3, unit=" s"),
        Finding("load, worst", max(loads), 5, unit=" s"),
        Finding("memory, median", statistics.median(memory), 60, unit=" MB"),
        Finding("memory, worst", max(memory), 200, unit=" MB"),
    ]


def _one(task: tuple[str, Path, argparse.Namespace]) -> Tally:
    return Bench(*task).run()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--each", type=int, default=6, help="operations of each contract; 0: all")
    parser.add_argument("--seeds", type=int, default=5, help="instances of each operation")
    parser.add_argument("--only", help="contracts whose name holds this text")
    parser.add_argument("--jobs", type=int, default=1, help="contracts at a time; times want 1")
    options = parser.parse_args()
    corpus = Path(os.environ.get("DRAWBAR_WSDL_CORPUS", ROOT.parent / "shared/corpus/wsdl"))
    if not (corpus / "ORIGIN.tsv").is_file():
        sys.exit(f"{corpus} has no ORIGIN.tsv; set DRAWBAR_WSDL_CORPUS to a folder of contracts")
    lines = (line.split("\t") for line in (corpus / "ORIGIN.tsv").read_text().splitlines()[1:])
    tasks = [
        (name, corpus / name / main, options)
        for name, _, main, *_ in lines
        if options.only is None or options.only in name
    ]
    # A process of its own for each: what one needs is not what another left behind.
    forking = multiprocessing.get_context("fork")
    with forking.Pool(options.jobs, maxtasksperchild=1) as pool:
        tallies = list(pool.imap(_one, tasks, chunksize=1))
    whole = Tally("all")
    for each in tallies:
        whole.add(each)
    print("\n".join([*rows(tallies), "", *report(whole)]))
    if whole.tokens:
        print(f"\n{table(findings(whole))}")


if __name__ == "__main__":
    main()
