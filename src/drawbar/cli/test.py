"""`drawbar test`: run the tests written in adapter files."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import dataclasses
import sys
from pathlib import Path

import orjson

from drawbar.app import Gateway, load
from drawbar.app.trials import TrialResult, run_trial
from drawbar.compiler.contract import ContractKind
from drawbar.kernel.errors import OperatorError
from drawbar.kernel.ports import BackendError

EXAMPLE = "drawbar test --offline"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "adapters", nargs="*", metavar="ADAPTER", help="names of adapters; default: all"
    )
    parser.add_argument(
        "--offline", action="store_true", help="only tests that declare what the backend answers"
    )
    parser.add_argument(
        "--writes", action="store_true", help="also tests that change the real backend"
    )
    parser.add_argument(
        "--contract",
        action="store_true",
        help="instead of the tests: try all that Drawbar wants of such a backend, with tables of its own",
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--settings", type=Path, help="default: config/drawbar.yaml")


def run(args: argparse.Namespace) -> int:
    gateway = load(args.settings, cached=False)
    known = [item.name for item in gateway.adapters]
    if unknown := sorted(set(args.adapters) - set(known)):
        raise OperatorError(
            f"no adapter is called {unknown[0]!r}; there are: {', '.join(known) or 'none'}"
        )
    results = asyncio.run(_contracts(gateway, args) if args.contract else _run_all(gateway, args))
    if args.json:
        rows = [dataclasses.asdict(result) for result in results]
        print(orjson.dumps(rows, option=orjson.OPT_INDENT_2).decode())
    else:
        for result in results:
            print(_line(result))
    counts = {
        verdict: sum(result.verdict == verdict for result in results)
        for verdict in ("passed", "failed", "skipped")
    }
    print(", ".join(f"{count} {verdict}" for verdict, count in counts.items()), file=sys.stderr)
    return 1 if counts["failed"] else 0


async def _run_all(gateway: Gateway, args: argparse.Namespace) -> list[TrialResult]:
    async with contextlib.AsyncExitStack() as stack:
        if not args.offline:
            await stack.enter_async_context(gateway)
        return [
            await run_trial(gateway, item, test, offline=args.offline, writes=args.writes)
            for item in gateway.adapters
            if not args.adapters or item.name in args.adapters
            for test in (item.adapter.tests if item.adapter else ())
        ]


async def _contracts(gateway: Gateway, args: argparse.Namespace) -> list[TrialResult]:
    """The contract of each named adapter's kind, on its own backend."""
    if not args.adapters:
        raise OperatorError("name the adapter whose backend is to be tried")
    results: list[TrialResult] = []
    for item in gateway.adapters:
        if item.name not in args.adapters:
            continue
        if item.adapter is None:
            raise OperatorError(f"the adapter {item.name!r} has mistakes; see `drawbar lint`")
        kind = gateway.kinds.find(item.adapter.kind)
        if not isinstance(kind, ContractKind):
            raise OperatorError(f"the kind {item.adapter.kind!r} has no contract to try")
        try:
            results += [
                TrialResult(item.name, each.feature, "failed" if each.why else "passed", each.why)
                async for each in kind.contract(item.adapter)
            ]
        except BackendError as error:
            results.append(TrialResult(item.name, "it can be reached", "failed", error.message))
    return results


def _line(result: TrialResult) -> str:
    mark = {"passed": "ok  ", "failed": "FAIL", "skipped": "skip"}[result.verdict]
    reason = f"\n       {result.reason}" if result.reason else ""
    return f"{mark} {result.adapter}: {result.name}{reason}"
