"""A peer: zeep itself, in process, without any server around it, which is the kindest way to measure it.

    zeep_calls.py WSDL SERVICE

For each line on stdin (threads, seconds to go on) one on stdout: calls, seconds passed, seconds of CPU,
median seconds of a call.
"""

from __future__ import annotations

import statistics
import sys
import threading
import time

import zeep

client = zeep.Client(sys.argv[1])  # type: ignore[no-untyped-call]  # zeep has no annotations
service = client.create_service("{urn:items}Items", sys.argv[2])  # type: ignore[no-untyped-call]  # likewise


def work(ends: float, found: list[list[float]]) -> None:
    taken = []
    while (begun := time.perf_counter()) < ends:
        if service.GetItem(ItemNo=7, Site="north").Name != "item 7":
            raise RuntimeError("the answer is another one")
        taken.append(time.perf_counter() - begun)
    found.append(taken)


for line in sys.stdin:
    count, seconds = int(line.split()[0]), float(line.split()[1])
    begun, cpu = time.perf_counter(), time.process_time()
    found: list[list[float]] = []
    threads = [threading.Thread(target=work, args=(begun + seconds, found)) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(found) < count:
        sys.exit("a call failed")
    taken = [each for some in found for each in some]
    passed, used = time.perf_counter() - begun, time.process_time() - cpu
    print(len(taken), passed, used, statistics.median(taken), flush=True)
