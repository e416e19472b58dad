"""A Java machine in this process: beside Firebird's engine, and at the end."""

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


_AT_THE_END = """
import atexit, sys
from pathlib import Path
import jpype
from drawbar.backends.sql.databases.jdbc import JdbcServer
from drawbar.backends.sql.dialect import JDBC, spoken
from drawbar.backends.sql.url import Target

queue = "org.jpype.ref.JPypeReferenceQueue"
atexit.register(lambda: print("runs:", jpype.JClass(queue).getInstance().isRunning()))
words = {"jdbc": "jdbc:h2:mem:x", "driver": "org.h2.Driver"}
JdbcServer(Target(spoken(JDBC, "h2"), connection=words, jars=(Path(sys.argv[1]),))).connect().close()
assert jpype.JClass(queue).getInstance().isRunning()
"""


def run(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, str(jar("h2"))],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_signal_handlers_of_java_that_were_taken_away_are_put_back() -> None:
    found = run(_BOTH)

    assert found.stdout == "as it was\n", found


def test_no_thread_of_java_wants_pythons_lock_once_python_ends() -> None:
    found = run(_AT_THE_END)

    assert (found.returncode, found.stdout) == (0, "runs: False\n"), found
