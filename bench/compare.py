"""Servers that do the same, side by side: all are up at once, and each round asks every one of them.

What is told is the median over the rounds, and ratios are taken within a round, so that a neighbour who
takes the machine for a while falls upon all of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import load
from load import Measured, drive, read_answer, summary
from servers import Server, running

CONCURRENCY = 16
ROUNDS = 5


@dataclass(frozen=True)
class Subject:
    """A server and the request that it is asked."""

    key: str
    """How the goals call it; `floor` is what others are compared with."""
    name: str
    command: list[str]
    port: int
    request: bytes
    expect: bytes
    """What an answer holds, or it is not the answer that was to be measured."""


@dataclass(frozen=True)
class InProcess:
    """A peer without a server: `measure` takes how much goes on at once, and seconds."""

    key: str
    name: str
    measure: Callable[[int, float], Measured]


@dataclass
class Rounds:
    """The figures of one subject, round by round."""

    alone: list[Measured] = field(default_factory=list)
    """One connection."""
    many: list[Measured] = field(default_factory=list)
    memory: float = 0.0

    @property
    def p50(self) -> float:
        return statistics.median(each.p50 for each in self.alone)

    @property
    def per_second(self) -> float:
        return statistics.median(each.per_second for each in self.many)

    @property
    def cpu(self) -> float:
        """Microseconds a call."""
        return statistics.median(each.cpu for each in self.many)


class Comparison:
    """What came of all rounds, by the keys of the subjects."""

    def __init__(self, figures: dict[str, Rounds]) -> None:
        self.figures = figures

    def cpu(self, key: str, base: str = "floor") -> float | None:
        """CPU a call next to that of another subject."""
        return self._ratio(key, base, lambda one: one.cpu)

    def calls(self, key: str, base: str) -> float | None:
        """Calls a second at sixteen connections next to those of another subject."""
        return self._ratio(key, base, lambda one: one.per_second)

    def more_cpu(self, key: str, base: str) -> float | None:
        """Microseconds of CPU a call above another subject."""
        if key not in self.figures or base not in self.figures:
            return None
        return statistics.median(
            one.cpu - other.cpu
            for one, other in zip(self.figures[key].many, self.figures[base].many, strict=True)
        )

    def _ratio(self, key: str, base: str, figure: Callable[[Measured], float]) -> float | None:
        if key not in self.figures or base not in self.figures:
            return None
        return statistics.median(
            figure(one) / figure(other)
            for one, other in zip(self.figures[key].many, self.figures[base].many, strict=True)
        )


def compare(
    title: str, subjects: Iterable[Subject], seconds: float, peers: Sequence[InProcess] = ()
) -> Comparison:
    """Prints a table; `seconds` is for one subject in one round."""
    subjects = list(subjects)
    names = {each.key: each.name for each in subjects} | {each.key: each.name for each in peers}
    figures = {key: Rounds() for key in names}
    servers: dict[int, Server] = {}
    with contextlib.ExitStack() as stack:
        for subject in subjects:
            if subject.port not in servers:
                servers[subject.port] = stack.enter_context(running(subject.command, subject.port))
            load.run(_check(subject))
            measure(servers[subject.port], subject, CONCURRENCY, seconds)  # caches fill
        for _ in range(ROUNDS):
            for subject in subjects:
                server, rounds = servers[subject.port], figures[subject.key]
                rounds.alone.append(measure(server, subject, 1, seconds / 4))
                rounds.many.append(measure(server, subject, CONCURRENCY, seconds))
                rounds.memory = server.memory()
            for peer in peers:
                figures[peer.key].alone.append(peer.measure(1, seconds / 4))
                figures[peer.key].many.append(peer.measure(CONCURRENCY, seconds))
    comparison = Comparison(figures)
    _show(title, names, comparison)
    return comparison


def measure(server: Server, subject: Subject, connections: int, seconds: float) -> Measured:
    before = server.cpu()
    taken = load.run(drive(subject.port, subject.request, connections=connections, seconds=seconds))
    return summary(taken, seconds, server.cpu() - before)


async def _check(subject: Subject) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", subject.port)
    writer.write(subject.request)
    answer = await read_answer(reader)
    writer.close()
    if subject.expect not in answer:
        message = f"{subject.name} answered {answer[:600]!r}, without {subject.expect!r}"
        raise RuntimeError(message)


def _show(title: str, names: Mapping[str, str], comparison: Comparison) -> None:
    print(f"\n## {title}, each server on one core\n")
    print("| server | p50 at 1, us | calls/s at 16 | CPU a call, us | x floor's CPU | RSS, MiB |")
    print("|---|--:|--:|--:|--:|--:|")
    for key, name in names.items():
        found = comparison.figures[key]
        times = comparison.cpu(key)
        print(
            f"| {name} | {found.p50:.0f} | {found.per_second:,.0f} | {found.cpu:.0f} "
            f"| {'-' if times is None else f'{times:.2f}'} | {found.memory:.0f} |",
            flush=True,
        )
