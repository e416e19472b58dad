from __future__ import annotations

from pathlib import Path

import pytest

from drawbar.compiler.function import FunctionLimits
from drawbar.compiler.toolset import (
    CompiledAdapter,
    clashes,
    compile_adapter,
    compile_toolset,
    select_functions,
)
from drawbar.spec.load import load_adapter, parse_adapter
from echo_kind import EchoKinds


def compiled(text: str, file: str = "a.yaml") -> CompiledAdapter:
    kinds = EchoKinds()
    return compile_adapter(parse_adapter(text, file, Path(), kinds, {}), kinds)


def adapter(name: str, *functions: str, more: str = "") -> str:
    lines = [f"  {function}: {{description: x}}" for function in functions]
    return "\n".join([f"adapter: {name}", "backend: {kind: echo}", more, "functions:", *lines])


def test_functions_are_known_by_prefix_and_name_in_the_order_of_the_files() -> None:
    toolset = compile_toolset(
        compiled(adapter("hr", "set", "get")), compiled(adapter("crm", "get", more="prefix: c-"))
    )

    assert list(toolset) == ["hr_set", "hr_get", "c-get"]
    assert all(function.callable for function in toolset.values())


def test_two_functions_of_one_name_cannot_be_called_and_both_places_are_told() -> None:
    first = compiled(adapter("hr", "get", "set"), "hr.yaml")
    second = compiled(adapter("people", "get", more="prefix: hr_"), "people.yaml")

    toolset = compile_toolset(first, second)

    message = (
        "people.yaml:5:3: DB215 the function at hr.yaml:5:3 is called `hr_get`, too, so neither can be called\n"
        "    give one of the adapters another `prefix:`, or one of the functions another name"
    )
    assert list(toolset) == ["hr_get", "hr_set"]
    assert [str(problem) for problem in toolset["hr_get"].problems] == [message]
    assert not toolset["hr_get"].callable
    assert toolset["hr_set"].callable
    assert [str(problem) for problem in clashes(first, second)] == [message]


def test_of_two_adapters_with_one_name_the_functions_of_the_second_cannot_be_called() -> None:
    first, second = (
        compiled(adapter("hr", "get"), "a.yaml"),
        compiled(adapter("hr", "find", more="prefix: b_"), "b.yaml"),
    )

    toolset = compile_toolset(first, second)

    assert toolset["hr_get"].callable
    assert [str(problem) for problem in toolset["b_find"].problems] == [
        (
            "b.yaml:1:1: DB214 the adapter at a.yaml:1:1 is called `hr`, too\n"
            "    give one of them another name"
        )
    ]
    assert [problem.code for problem in clashes(first, second)] == ["DB214"]


def test_a_broken_function_is_listed_with_its_problems_and_leaves_the_others_alone() -> None:
    result = compiled(
        "adapter: hr\nbackend: {kind: echo}\nfunctions:\n  get: {description: x}\n"
        "  set: {effect: wirte}\n  fail: {description: x, fails: no}\n"
    )

    assert {f.local_name: [p.code for p in f.problems] for f in result.functions} == {
        "get": [],
        "set": ["DB112"],
        "fail": ["DB901"],
    }
    assert list(result.plans) == ["get"]
    assert [function.kind for function in result.functions] == ["echo"] * 3
    assert result.adapter is not None


@pytest.mark.parametrize(
    "text",
    [
        "adapter: hr\nbackend: {kind: broken}\nfunctions: {get: {}, set: {}}",
        "adapter: hr\nbackend: {kind: echo, port: 0}\nfunctions: {get: {}, set: {}}",
        "adapter: hr\nbackend: {kind: echo}\nunknown: 1\nfunctions: {get: {}, set: {}}",
        "adapter: hr\nbackend: {kind: echo, url: 'echo://nowhere'}\nfunctions: {get: {}, set: {}}",
    ],
)
def test_what_is_wrong_with_the_file_as_a_whole_is_told_of_each_of_its_functions(text: str) -> None:
    result = compiled(text)

    assert [function.name for function in result.functions] == ["hr_get", "hr_set"]
    assert [function.callable for function in result.functions] == [False, False]
    assert result.plans == {}


def test_a_warning_leaves_a_function_callable() -> None:
    (function,) = compiled("adapter: hr\nbackend: {kind: echo}\nfunctions: {get: {}}").functions

    assert [problem.severity for problem in function.problems] == ["warning"]
    assert function.callable


def test_a_change_without_a_written_effect_is_asked_for() -> None:
    result = compiled(
        "adapter: hr\nbackend: {kind: echo}\nfunctions:\n  cancel_leave: {description: x}\n"
        "  cancel_all: {description: x, effect: read}\n  settings: {description: x}\n"
    )

    assert [
        (problem.code, problem.severity, problem.place.line) for problem in result.problems
    ] == [("DB235", "warning", 4)]


def test_a_description_that_is_too_long_for_some_servers_is_a_warning() -> None:
    (function,) = compiled(
        f"adapter: hr\nbackend: {{kind: echo}}\nfunctions: {{get: {{description: {'x' * 1025}}}}}"
    ).functions

    assert [str(problem) for problem in function.problems] == [
        "a.yaml:3:19: DB233 warning: the description has 1025 characters; some model servers take 1024"
    ]


def test_limits_are_the_functions_own_else_the_adapters_else_the_defaults() -> None:
    result = compiled(
        "adapter: hr\nbackend: {kind: echo}\nlimits: {timeout: 5s, rows: 7}\n"
        "functions:\n  get: {description: x, limits: {rows: 3, bytes: 1KB}}\n  set: {description: x}\n"
    )

    assert [function.limits for function in result.functions] == [
        FunctionLimits(timeout=5, rows=3, bytes=1000),
        FunctionLimits(timeout=5, rows=7, bytes=1_000_000),
    ]


def test_rules_of_a_function_come_before_those_of_its_adapter() -> None:
    (function,) = compiled(
        "adapter: hr\nbackend: {kind: echo}\nerrors: [{when: {a: 1}, code: general}]\n"
        "functions: {get: {description: x, errors: [{when: {a: 1}, code: special}]}}"
    ).functions

    assert [rule.code for rule in function.errors] == ["special", "general"]
    assert function.description == "x\nMay answer: special, general."


def test_a_file_that_cannot_be_read_compiles_to_nothing(tmp_path: Path) -> None:
    kinds = EchoKinds()

    result = compile_adapter(load_adapter(tmp_path / "hr.yaml", kinds, {}), kinds)

    assert (result.name, result.adapter, result.functions) == ("hr", None, ())
    assert [problem.code for problem in result.problems] == ["DB105"]


def test_a_pattern_chooses_functions_and_one_that_chooses_none_is_told() -> None:
    toolset = compile_toolset(compiled(adapter("hr", "get_a", "set_a", "get_b")))

    assert select_functions(toolset, ["hr_get_*", "hr_set_a", "crm_*", "HR_*"]) == (
        ("hr_get_a", "hr_set_a", "hr_get_b"),
        ("crm_*", "HR_*"),
    )


def test_compiling_twice_gives_the_same() -> None:
    text = adapter("hr", "get", "set")

    first, second = compiled(text), compiled(text)

    assert first.functions == second.functions
    assert first.problems == second.problems


def test_what_a_backend_is_opened_with_has_no_functions_left() -> None:
    result = compiled(adapter("hr", "get"))

    assert result.adapter is not None
    assert result.adapter.functions == {}
    assert result.adapter.source.data == {"adapter": "hr", "backend": {"kind": "echo"}}
