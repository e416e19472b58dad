"""What came of a run: values of its output, or what its exit code says."""

from __future__ import annotations

import signal

from drawbar.codecs.program import Ended, Program
from drawbar.kernel.ports import BackendError, Call, Reply

_LONGEST = 1000
"""Characters of a message."""


def read_reply(program: Program, ended: Ended, call: Call, encoding: str) -> Reply:
    """Raises BackendError for an exit code other than 0 and for output that cannot be used."""
    if ended.code not in (0, None):
        raise _failure(program, ended, ended.code or 0, encoding)
    return program.answer.read(ended.output, call, cut=ended.cut)


def _failure(program: Program, ended: Ended, code: int, encoding: str) -> BackendError:
    """A code that the author declared is the program's own no; of any other nobody knows."""
    facts: dict[str, str | int] = {"exit": code}
    said = ended.errors.decode(encoding, "replace").strip()
    said = said or ended.output.decode(encoding, "replace").strip()
    if code < 0:
        facts["signal"] = _name(-code)
        message = f"The program was ended by {facts['signal']}." + (f" {said}" if said else "")
    else:
        message = said or f"The program ended with code {code} and said nothing."
    if len(message) > _LONGEST:
        message = "..." + message[-_LONGEST:]
    return BackendError(
        message,
        code=program.exit_codes.get(code, "command_failed"),
        work="rolled_back" if code in program.declared else "unknown",
        facts=facts,
    )


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
