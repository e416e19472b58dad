"""`python -m drawbar.demo.harbour --port 0`: one JSON line with the address, then serve until told to end.

It ends on SIGTERM, on Ctrl-C, and, where its standard input is a pipe, when that is closed: so it
never outlives the program that started it.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import stat
import sys
import threading
from datetime import date

from drawbar.demo.harbour.api import DEFAULT_KEY, DeskServer
from drawbar.demo.harbour.desk import Desk


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="harbour", description="Harbour desk, JSON over HTTP, 2015."
    )
    parser.add_argument("--port", type=int, default=8402, help="0 takes a free one")
    parser.add_argument("--today", type=date.fromisoformat, default=date.today())  # noqa: DTZ011 -- the desk lives in local time
    options = parser.parse_args()
    key = os.environ.get("HARBOUR_KEY", DEFAULT_KEY)
    server = DeskServer(options.port, Desk(options.today), key)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    threading.Thread(target=_end_with_input, args=(server,), daemon=True).start()
    sys.stdout.write(json.dumps({"url": server.address}) + "\n")
    sys.stdout.flush()
    try:
        server.serve_forever(poll_interval=0.1)
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()
    return 0


def _end_with_input(server: DeskServer) -> None:
    if not stat.S_ISFIFO(os.fstat(sys.stdin.fileno()).st_mode):
        return
    while os.read(sys.stdin.fileno(), 4096):
        pass
    server.shutdown()


if __name__ == "__main__":
    sys.exit(main())
