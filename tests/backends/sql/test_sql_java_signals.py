"""A Java machine beside Firebird's engine in one process."""

from __future__ import annotations

import subprocess
import sys

from .installed import jar

_BOTH = """
import ctypes, signal, sys
from pathlib import Path
from drawbar.backends.sql.databases.jdbc import JdbcServer
from drawbar.backends.sql.dialect import JDBC, spoken
from drawbar.backends.sql.url import Target

def handler(new=None):
    found = ctypes.create_string_buffer(512)
    ctypes.CDLL(None).sigaction(signal.SIGSEGV, new, found)
    return found.raw[:8]

words = {"jdbc": "jdbc:h2:mem:x", "driver": "org.h2.Driver"}
server = JdbcServer(Target(spoken(JDBC, "h2"), connection=words, jars=(Path(sys.argv[1]),)))
connection = server.connect()
java = handler(new=ctypes.create_string_buffer(512))  # set back, as Firebird's engine does
assert java != handler()
server.begin(connection, {}, "reading", 5)
assert java == handler()
connection.close()
print("as it was")
"""


def test_signal_handlers_of_java_that_were_taken_away_are_put_back() -> None:
    found = subprocess.run(
        [sys.executable, "-c", _BOTH, str(jar("h2"))],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert found.stdout == "as it was\n", found
