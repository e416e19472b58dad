"""From a command adapter to bindings: what each argument and each byte of input is made of."""

from __future__ import annotations

import re
from collections.abc import Mapping

from drawbar.backends.command.backend import CommandBackend
from drawbar.backends.command.options import CommandBackendSpec, CommandFunctionSpec
from drawbar.codecs.codec import CODES as CODEC_CODES
from drawbar.codecs.program_compile import compile_programs
from drawbar.codecs.text import find_encoding
from drawbar.compiler.kind import Plan, options_of
from drawbar.kernel.ports import Backend
from drawbar.kernel.workers import Workers
from drawbar.spec.model import Adapter, BackendSpec, FunctionSpec
from drawbar.spec.source import At, Report

_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

CODES = {
    "DB601": "a `program` that cannot be started as written",
    "DB608": "a variable of the environment that cannot be set",
    **CODEC_CODES,
}


class CommandKind:
    """Fills the port `drawbar.compiler.kind.Kind`."""

    name = "command"
    options: type[BackendSpec] = CommandBackendSpec
    function: type[FunctionSpec] = CommandFunctionSpec
    codes: Mapping[str, str] = CODES

    def compile(self, adapter: Adapter, report: Report) -> Mapping[str, Plan]:
        backend = options_of(adapter, CommandBackendSpec)
        _check_backend(backend, report)
        return compile_programs(adapter, report, backend.program, backend.encoding)

    def open(self, adapter: Adapter, plans: Mapping[str, Plan], workers: Workers) -> Backend:
        del plans, workers  # bindings come with each call, and nothing here blocks
        return CommandBackend(options_of(adapter, CommandBackendSpec), adapter.folder)


KIND = CommandKind()


def _check_backend(backend: CommandBackendSpec, report: Report) -> None:
    at: At = ("backend",)
    for index, part in enumerate(backend.program):
        if "\0" in part or (index == 0 and not part.strip()):
            report.add((*at, "program", index), "DB601", "this is no name of a program or argument")
    if len(backend.program) == 1 and " " in backend.program[0]:
        report.add(
            (*at, "program", 0),
            "DB601",
            f"`{backend.program[0]}` is looked for as the name of one file, blanks included",
            fix="write the program and its arguments as elements of the list",
            severity="warning",
        )
    for name, value in backend.env.items():
        if not _ENV_NAME.fullmatch(name) or "\0" in value.reveal():
            report.add(
                (*at, "env", name), "DB608", f"`{name}` or its value cannot be in an environment"
            )
    if find_encoding(backend.encoding) is None:
        report.add(
            (*at, "encoding"),
            "DB801",
            f"no encoding is called `{backend.encoding}`",
            fix="write one that Python knows, such as utf-8, cp1252 or latin-1",
        )
