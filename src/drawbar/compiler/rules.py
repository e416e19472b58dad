"""The expressions of an adapter: CEL in `allow` and `approve.when`, JMESPath in `returns.select`.

They are compiled when the adapter is, so that a misspelt one is found by `drawbar lint` and not by a caller.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import cel
import jmespath
from jmespath.exceptions import JMESPathError, ParseError

from drawbar.spec.names import closest
from drawbar.spec.source import At, Report

KNOWN = ("caller", "args", "function", "now")
"""What a rule can look at."""
_CALLER = ("subject", "roles", "claims")
_FUNCTION = ("name", "effect", "adapter")
_TOKEN = re.compile(
    r"""(?P<text>[rRbB]*(?:\"{3}.*?\"{3}|'{3}.*?'{3}|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'))
    |(?P<comment>//[^\n]*)
    |(?P<word>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<number>\d[\w.]*)
    |(?P<sign>\S)""",
    re.VERBOSE | re.DOTALL,
)
_MACROS = frozenset({"all", "exists", "exists_one", "filter", "map"})
_POSITION = re.compile(r"<input>:(\d+):(\d+): (?:Syntax error: )?(.*)")


def check_rule(text: str, parameters: Sequence[str], report: Report, at: At) -> None:
    """Note what is wrong with a CEL rule of a function with these parameters."""
    try:
        program = cel.compile(text)
    except ValueError as error:
        report.add(at, "DB220", _why(str(error)), fix="CEL is wanted, such as 'hr' in caller.roles")
        return
    for name in _unknown_names(text, program.variables()):
        meant = closest(name, KNOWN)
        report.add(
            at,
            "DB221",
            f"a rule knows nothing called `{name}`",
            fix=f"did you mean `{meant}`?" if meant else f"it knows {', '.join(KNOWN)}",
        )
    for holder, field in _fields(text):
        known = {"args": parameters, "caller": _CALLER, "function": _FUNCTION}.get(holder)
        if known is not None and field not in known:
            meant = closest(field, known)
            what = "the function has no parameter" if holder == "args" else f"{holder} has no field"
            report.add(
                at,
                "DB222",
                f"{what} `{field}`",
                fix=f"did you mean `{holder}.{meant}`?"
                if meant
                else f"known: {', '.join(known) or 'none'}",
            )


def _why(error: str) -> str:
    position = _POSITION.search(error)
    if position is None:
        return f"this rule is not CEL: {error.splitlines()[0]}"
    line, column, why = position.groups()
    where = f"character {column}" if line == "1" else f"line {line}, character {column}"
    return f"this rule is not CEL; at its {where}: {why.partition(' expecting ')[0]}"


def _words(text: str) -> list[re.Match[str]]:
    return [token for token in _TOKEN.finditer(text) if token.lastgroup != "comment"]


def _unknown_names(text: str, names: Sequence[str]) -> list[str]:
    tokens = [token[0] for token in _words(text)]
    bound = {
        tokens[i + 2]
        for i in range(len(tokens) - 3)
        if tokens[i] in _MACROS and tokens[i + 1] == "(" and tokens[i + 3] == ","
    }
    return [name for name in names if name not in bound and name not in KNOWN]


def _fields(text: str) -> Iterator[tuple[str, str]]:
    """`args.days`, `args["days"]`, once each, as ("args", "days")."""
    tokens = _words(text)
    seen: set[tuple[str, str]] = set()
    for i in range(len(tokens) - 2):
        holder, sign, field = tokens[i : i + 3]
        if holder.lastgroup != "word" or (i > 0 and tokens[i - 1][0] == "."):
            continue
        name = ""
        if sign[0] == "." and field.lastgroup == "word":
            name = field[0]
        elif sign[0] == "[" and field.lastgroup == "text":
            name = field[0].strip("\"'")
        if name and (holder[0], name) not in seen:
            seen.add((holder[0], name))
            yield holder[0], name


def check_select(text: str, report: Report, at: At) -> None:
    """Note what is wrong with a JMESPath expression."""
    try:
        jmespath.compile(text)
    except ParseError as error:
        report.add(
            at,
            "DB223",
            f"this is not JMESPath; at its character {error.lex_position + 1}: {error.msg}",
        )
    except JMESPathError as error:
        report.add(at, "DB223", f"this is not JMESPath: {str(error).splitlines()[0]}")
