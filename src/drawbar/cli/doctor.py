"""`drawbar doctor`: which hop to a backend is broken, and what of an adapter the live system would refuse."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

from drawbar.app import Gateway, load
from drawbar.app.doctor import Examination, Step
from drawbar.cli.lint import plural
from drawbar.cli.show import print_json
from drawbar.compiler.diagnosis import PINNED
from drawbar.kernel.errors import OperatorError
from drawbar.kernel.values import JsonObject
from drawbar.spec.lock import write_lock
from drawbar.spec.names import closest

EXAMPLE = "drawbar doctor bookings"

_ON_THE_WAY = frozenset({"dns", "tcp", "tls", "auth", "answer"})


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "adapters", nargs="*", metavar="ADAPTER", help="names of adapters; default: all"
    )
    parser.add_argument(
        "--pin",
        action="store_true",
        help="keep what the live systems say of types, in adapters.lock; a later change is then reported",
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--settings", type=Path, help="default: config/drawbar.yaml")


def run(args: argparse.Namespace) -> int:
    gateway = load(args.settings, cached=False)
    _check_names(gateway, args.adapters)
    if args.pin:
        asyncio.run(_pin(gateway, args))
        gateway = load(args.settings, cached=False)
    steps = asyncio.run(_examine(gateway, args))
    if args.json:
        print_json([_as_json(step) for step in steps])
    broken = [step for step in steps if step.verdict == "broken"]
    names = dict.fromkeys(step.adapter for step in steps)
    ill = dict.fromkeys(step.adapter for step in broken)
    print(f"{len(names) - len(ill)} well, {len(ill)} broken", file=sys.stderr)
    return _exit_code(broken)


def _check_names(gateway: Gateway, names: list[str]) -> None:
    known = [item.name for item in gateway.adapters]
    for name in names:
        if name not in known:
            meant = closest(name, known)
            hint = (
                f"did you mean `{meant}`?" if meant else f"there are: {', '.join(known) or 'none'}"
            )
            raise OperatorError(f"no adapter is called `{name}`; {hint}")


async def _pin(gateway: Gateway, args: argparse.Namespace) -> None:
    """Keep the types of those that can be reached; what is wrong with the others is told afterwards."""
    for examination in _examinations(gateway, args):
        async for _ in examination.steps():
            pass
        adapter, verified = examination.item.adapter, examination.verified
        if adapter is not None and verified is not None:
            write_lock(adapter.folder, adapter.name, {PINNED: verified.types})
            print(f"{adapter.name}: {plural(len(verified.types), 'type')} pinned", file=sys.stderr)


def _examinations(gateway: Gateway, args: argparse.Namespace) -> Iterator[Examination]:
    for item in gateway.adapters:
        if not args.adapters or item.name in args.adapters:
            yield Examination(item, gateway.kinds)


async def _examine(gateway: Gateway, args: argparse.Namespace) -> list[Step]:
    """One adapter after the other, so that what is printed can be read while it goes on."""
    found: list[Step] = []
    for examination in _examinations(gateway, args):
        if not args.json:
            print(examination.item.name)
        async for step in examination.steps():
            found.append(step)
            if not args.json:
                print("\n".join(_lines(step)))
    return found


def _lines(step: Step) -> Iterator[str]:
    head = f"  {step.verdict:8}{step.hop:9}"
    for line in (str(step.problem) if step.problem else step.message).splitlines():
        yield head + line
        head = " " * len(head)


def _as_json(step: Step) -> JsonObject:
    problem = step.problem
    return {
        "adapter": step.adapter,
        "hop": step.hop,
        "verdict": step.verdict,
        "message": step.message if problem is None else problem.message,
        "code": None if problem is None else problem.code,
        "file": None if problem is None else problem.place.file,
        "line": None if problem is None else problem.place.line,
        "column": None if problem is None else problem.place.column,
        "fix": None if problem is None else problem.fix,
    }


def _exit_code(broken: list[Step]) -> int:
    """What has to be put right first: a backend that is not reached, then an adapter, then what it says."""
    hops = {step.hop for step in broken}
    if hops & _ON_THE_WAY:
        return 4
    return 3 if "adapter" in hops else 1 if hops else 0
