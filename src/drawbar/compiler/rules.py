"""The expressions of an adapter: CEL in `allow` and `approve.when`, JMESPath in `returns.select`.

They are compiled when the adapter is, so that a misspelt one is found by `drawbar lint` and not by a caller.
"""

from __future__ import annotations

import datetime as dt
import importlib.util
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.machinery import PathFinder
from typing import TYPE_CHECKING, Any

import jmespath
from jmespath.exceptions import IncompleteExpressionError, JMESPathError, LexerError, ParseError
from jmespath.functions import Functions

from drawbar.compiler.function import Function
from drawbar.kernel.values import Caller, JsonValue
from drawbar.spec.names import closest
from drawbar.spec.source import At, Report

if TYPE_CHECKING:
    import cel

KNOWN = ("caller", "args", "function", "now")
"""What a rule can look at."""
_STAND_IN = "__func__"
"""`function` is a reserved word of CEL, so rules are compiled with this instead: as long, to keep positions right."""
_FUNCTIONS = frozenset(
    {
        *("size", "contains", "startsWith", "endsWith", "matches", "timestamp", "duration"),
        *("int", "uint", "double", "string", "bytes", "type", "dyn"),
        *("getFullYear", "getMonth", "getDayOfYear", "getDayOfMonth", "getDate", "getDayOfWeek"),
        *("getHours", "getMinutes", "getSeconds", "getMilliseconds"),
        *("of", "none", "ofNonZeroValue", "hasValue", "value", "orValue", "or"),
    }
)
"""What the CEL library brings with it."""
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


@cache
def cel_library() -> Any:  # the module, as `import cel.cel` gives it
    """CEL without its command line: `import cel` brings a terminal toolkit along, and takes half a second."""
    name = "cel.cel"
    package = importlib.util.find_spec("cel")
    paths = None if package is None else package.submodule_search_locations
    spec = PathFinder.find_spec(name, paths)
    if name in sys.modules or spec is None or spec.loader is None:
        return importlib.import_module(name)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.modules[name] = module  # it can be initialised only once, so `import cel` has to find it
    return module


def compile_rule(text: str) -> cel.Program:
    """A rule, to be executed with `rule_values`. Raises ValueError when it is not CEL."""
    tokens = list(_TOKEN.finditer(text))
    for index in range(len(tokens) - 1, -1, -1):
        token = tokens[index]
        field = index > 0 and tokens[index - 1][0] == "."
        if token[0] == "function" and token.lastgroup == "word" and not field:
            text = text[: token.start()] + _STAND_IN + text[token.end() :]
    return cel_library().compile(text)  # type: ignore[no-any-return]  # of a module found at run time


def rule_values(
    function: Function, caller: Caller, arguments: Mapping[str, JsonValue]
) -> dict[str, Any]:
    """What a rule looks at, under the names that `compile_rule` gave it."""
    return {
        "caller": caller.as_json(),
        "args": dict(arguments),
        _STAND_IN: {field: getattr(function, field) for field in _FUNCTION},
        "now": dt.datetime.now(dt.UTC),
    }


def check_rule(text: str, parameters: Sequence[str], report: Report, at: At) -> None:
    """Note what is wrong with a CEL rule of a function with these parameters."""
    try:
        program = compile_rule(text)
    except ValueError as error:
        report.add(at, "DB220", _why(str(error)), fix="CEL is wanted, such as 'hr' in caller.roles")
        return
    for name in _unknown_names(text, program.variables()):
        _unknown(name, KNOWN, "a rule knows nothing called", report, at)
    for name in program.functions():
        if name.isidentifier() and not name.startswith("_") and name not in _FUNCTIONS:
            _unknown(name, sorted(_FUNCTIONS), "a rule knows no function", report, at)
    fields = {"args": parameters, "caller": _CALLER, "function": _FUNCTION}
    for holder, field in _fields(text):
        known = fields.get(holder)
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


def _unknown(name: str, known: Sequence[str], what: str, report: Report, at: At) -> None:
    meant = closest(name, known)
    fix = f"did you mean `{meant}`?" if meant else f"it knows {', '.join(known)}"
    report.add(at, "DB221", f"{what} `{name}`", fix=fix)


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
    return [name for name in names if name not in {_STAND_IN, *bound, *KNOWN}]


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
        parsed = jmespath.compile(text).parsed
    except JMESPathError as error:
        report.add(at, "DB223", f"this is not JMESPath{_select_error(error)}")
        return
    for name, count in _calls(parsed):
        known = Functions.FUNCTION_TABLE.get(name)
        if known is None:
            meant = closest(name, Functions.FUNCTION_TABLE)
            report.add(
                at,
                "DB223",
                f"JMESPath has no function `{name}`",
                fix=f"did you mean `{meant}`?" if meant else None,
            )
        elif not _takes(known["signature"], count):
            wanted = len(known["signature"])
            report.add(at, "DB223", f"`{name}` takes {wanted} arguments, got {count}")


def _select_error(error: JMESPathError) -> str:
    match error:
        case LexerError():
            return f"; at its character {error.lex_position + 1}: {error.message}"
        case IncompleteExpressionError():
            return ": it ends too early"
        case ParseError():
            return f"; at its character {error.lex_position + 1}: unexpected {error.token_value}"
    return ": it is empty"


def _calls(node: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """The functions that a parsed expression calls, each with the number of its arguments."""
    if node["type"] == "function_expression":
        yield node["value"], len(node["children"])
    for child in node["children"]:
        if isinstance(child, dict):
            yield from _calls(child)


def _takes(signature: Sequence[Mapping[str, Any]], count: int) -> bool:
    variadic = bool(signature) and bool(signature[-1].get("variadic"))
    return count >= len(signature) if variadic else count == len(signature)
