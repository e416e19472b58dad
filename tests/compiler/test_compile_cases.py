"""Each file of tests/cases/compile is a test: an adapter above the line, below it what it compiles to.

Below the line stand the problems, as `drawbar lint` prints them, and then the arguments of each function that can be
called: `NAME: SCHEMA`, and `NAME strict: SCHEMA` where OpenAI's strict mode differs. `python tests/compiler/
test_compile_cases.py` writes what comes out now into the files, to be read before it is committed.
"""

from __future__ import annotations

from pathlib import Path

import jsonschema_rs
import orjson
import pytest

from drawbar.compiler.toolset import CompiledAdapter, compile_adapter
from drawbar.kernel.values import JsonObject
from drawbar.spec.load import parse_adapter
from echo_kind import EchoKinds

FOLDER = Path(__file__).parent.parent / "cases" / "compile"
CASES = sorted(FOLDER.glob("*.case"))
LINE = "\n----------\n"
ENVIRON = {"HR_PASSWORD": "hunter2", "PORT": "8080"}


def compile_text(text: str) -> CompiledAdapter:
    kinds = EchoKinds()
    return compile_adapter(parse_adapter(text, "a.yaml", Path(), kinds, ENVIRON), kinds)


def told(compiled: CompiledAdapter) -> str:
    parts = [str(problem) for problem in compiled.problems]
    for function in compiled.functions:
        if not function.callable:
            continue
        if function.description:
            parts.append(f"{function.name} says: {function.description}")
        parts.append(f"{function.name}: {pretty(function.schema)}")
        if function.strict_schema is not None and function.strict_schema != function.schema:
            parts.append(f"{function.name} strict: {pretty(function.strict_schema)}")
    return "\n".join(parts) + "\n"


def pretty(schema: JsonObject) -> str:
    return orjson.dumps(schema, option=orjson.OPT_INDENT_2).decode()


@pytest.mark.parametrize("case", CASES, ids=[case.stem for case in CASES])
def test_an_adapter_compiles_to_what_its_case_says(case: Path) -> None:
    adapter, expected = case.read_text(encoding="utf-8").split(LINE)

    compiled = compile_text(adapter)

    assert told(compiled) == expected
    for function in compiled.functions:
        for schema in (function.schema, function.strict_schema):
            if schema is not None:
                jsonschema_rs.meta.validate(schema)
                jsonschema_rs.Draft202012Validator(schema)


def test_there_are_cases() -> None:
    assert len(CASES) > 10


if __name__ == "__main__":
    for each in CASES:
        above = each.read_text(encoding="utf-8").split(LINE)[0]
        each.write_text(above + LINE + told(compile_text(above)), encoding="utf-8")
