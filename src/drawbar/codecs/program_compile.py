"""From the words of a function that is a program to what `arguments_of`, `input_of` and `read_reply` take."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from drawbar.codecs.copybook.compile import Copybooks
from drawbar.codecs.payload import Answer
from drawbar.codecs.payload_compile import PayloadCompiler, PayloadWord, answer_codec
from drawbar.codecs.program import Program
from drawbar.codecs.program_argv import Words
from drawbar.codecs.program_spec import ProgramFunctionSpec
from drawbar.codecs.text import find_encoding
from drawbar.compiler.kind import Plan, compile_each
from drawbar.spec.model import Adapter, ErrorRuleSpec
from drawbar.spec.source import At, Report

_LAST_EXIT = 255
_STDIN = PayloadWord("stdin", "standard input", "argv does not use it")


def compile_programs(
    adapter: Adapter, report: Report, program: Sequence[str], encoding: str
) -> dict[str, Plan]:
    """Plans of all functions by name. `encoding` is a name as the adapter writes it; a wrong one was reported."""
    copybooks = Copybooks(adapter.folder, report)

    def plan(name: str, spec: ProgramFunctionSpec, _: At) -> Plan | None:
        return _compile_program(
            name,
            spec,
            copybooks,
            after_dashes="--" in program[1:],
            encoding=find_encoding(encoding) or "utf-8",
            rules=adapter.errors,
        )

    return compile_each(adapter, report, ProgramFunctionSpec, plan)


def _compile_program(
    name: str,
    spec: ProgramFunctionSpec,
    copybooks: Copybooks,
    *,
    after_dashes: bool,
    encoding: str,
    rules: Iterable[ErrorRuleSpec],
) -> Plan | None:
    """The plan of a function; None when a problem was reported.

    `after_dashes`: a `--` stands before its arguments. `rules` are the adapter's own beside those of the function.
    """
    at: At = ("functions", name)
    report = copybooks.report
    parameters = copybooks.parameters(spec, spec.stdin, at, "stdin")
    words = Words(spec, parameters, report, at)
    groups = words.read(after_dashes=after_dashes)
    inputs = PayloadCompiler(_STDIN, spec.parameters, parameters, copybooks, at)
    made = inputs.read(spec.stdin, words.used, encoding)
    codec = answer_codec(spec.stdout, encoding, copybooks, (*at, "stdout"), parameters)
    _check_exit_codes(spec, report, at)
    if codec is None or report.is_broken(at):
        return None
    declared = {int(code) for code in spec.exit_codes}
    for rule in (*spec.errors, *rules):
        code = rule.when.get("exit")
        if code is not None and str(code).isdigit():
            declared.add(int(code))
    program = Program(
        function=name,
        groups=groups,
        input=made,
        answer=Answer(codec, changes=spec.effect != "read"),
        exit_codes=dict(spec.exit_codes),
        declared=frozenset(declared),
    )
    return Plan(tuple(parameters.values()), program)


def _check_exit_codes(spec: ProgramFunctionSpec, report: Report, at: At) -> None:
    for code in spec.exit_codes:
        if not 0 < code <= _LAST_EXIT:
            report.add(
                (*at, "exit_codes", str(code)),
                "DB607",
                f"a program cannot end badly with {code}",
                fix=f"0 is success; other codes are 1 to {_LAST_EXIT}",
            )
