"""`python -m drawbar.demo.personnel --port 0`: one JSON line with the address, then serve until told to end.

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

from drawbar.demo.personnel.register import Register
from drawbar.demo.personnel.soap import Office, OfficeServer


def main() -> int:
    parser = argparse.ArgumentParser(prog="personnel", description="Crew office, SOAP, 2004.")
    parser.add_argument("--port", type=int, default=8401, help="0 takes a free one")
    parser.add_argument("--today", type=date.fromisoformat, default=date.today())  # noqa: DTZ011 -- the office lives in local time
    options = parser.parse_args()
    server = OfficeServer(options.port, Office(Register(options.today)))
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


def _end_with_input(server: OfficeServer) -> None:
    if not stat.S_ISFIFO(os.fstat(sys.stdin.fileno()).st_mode):
        return
    while os.read(sys.stdin.fileno(), 4096):
        pass
    server.shutdown()


if __name__ == "__main__":
    sys.exit(main())
