from __future__ import annotations

import subprocess
import sys

import pytest

from drawbar.compiler import rules
from drawbar.compiler.function import Function, FunctionLimits
from drawbar.compiler.rules import check_rule, check_select, compile_rule, rule_values
from drawbar.kernel.values import Caller
from drawbar.spec.source import Report, Source

FUNCTION = Function(
    name="hr_set",
    local_name="set",
    adapter="hr",
    kind="echo",
    description="",
    effect="write",
    parameters=(),
    schema={},
    strict_schema=None,
    binding=None,
    limits=FunctionLimits(),
)
ANNA = Caller("anna", ("hr",), {"emp_no": "1007"})


def rule_problems(text: str, *parameters: str) -> list[str]:
    report = Report(Source("f", {}))
    check_rule(text, parameters, report, ("allow",))
    return [f"{problem.code} {problem.message}" for problem in report.problems]


def select_problems(text: str) -> list[str]:
    report = Report(Source("f", {}))
    check_select(text, report, ("returns", "select"))
    return [f"{problem.message} / {problem.fix}" for problem in report.problems]


@pytest.mark.parametrize(
    ("rule", "answer"),
    [
        ("function.effect == 'write'", True),
        ("function.name == 'hr_set' && function.adapter == 'hr'", True),
        ("'function' == args.function", True),
        ("{'function': 1}.function == 1", True),
        ("'hr' in caller.roles && caller.claims.emp_no == '1007'", True),
        ("now > timestamp('2200-01-01T00:00:00Z')", False),
        ("args.days.exists(day, day > 5)", True),
    ],
)
def test_a_rule_sees_the_caller_the_arguments_the_function_and_the_time(
    rule: str, answer: bool
) -> None:
    assert rule_problems(rule, "days", "function") == []

    values = rule_values(FUNCTION, ANNA, {"days": [1, 9], "function": "function"})

    assert compile_rule(rule).execute(values) is answer


@pytest.mark.parametrize(
    ("rule", "problems"),
    [
        ("true", []),
        ("foo(1) || bar.trim() == ''", [
            "DB221 a rule knows nothing called `bar`",
            "DB221 a rule knows no function `foo`",
            "DB221 a rule knows no function `trim`",
        ]),
        ("args.days > 5 && args.days < 9 && args.dyas == 1 && args.dyas == 2", [
            "DB222 the function has no parameter `dyas`"
        ]),
        ("caller.claims.anything.args.goes == 1 // args.nothing", []),
        ("args['days'] == 1 && args[caller.subject] == 1 && caller['rloes'] == []", [
            "DB222 caller has no field `rloes`"
        ]),
        ("args.days.map(x, x + 1).filter(y, y > 1) == [] && x == 1", []),
        ('args.days == r"\\d" && args.days == """a "quoted" args.text"""', []),
        ("1 +", ["DB220 this rule is not CEL; at its character 4: mismatched input '<EOF>'"]),
        ("function ==", ["DB220 this rule is not CEL; at its character 12: mismatched input '<EOF>'"]),
        ("true &&\n&& false", [
            "DB220 this rule is not CEL; at its line 2, character 1: extraneous input '&&'"
        ]),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_rule_is_found_before_a_caller_meets_it(
    rule: str, problems: list[str]
) -> None:
    assert rule_problems(rule, "days") == problems


def test_an_error_of_cel_without_a_position_is_told_as_it_is() -> None:
    assert rules._why("out of memory\nat 5") == "this rule is not CEL: out of memory"


def test_a_rule_over_no_parameters_says_that_there_are_none() -> None:
    report = Report(Source("f", {}))

    check_rule("args.x == 1", [], report, ())

    assert [problem.fix for problem in report.problems] == ["known: none"]


@pytest.mark.parametrize(
    ("select", "problems"),
    [
        ("{id: Leave.Id, days: length(Leave.Days[?day > `1`])}", []),
        ("merge(a, b[0:2], c)", []),
        ("{a: b", ["this is not JMESPath: it ends too early / None"]),
        ("a b", ["this is not JMESPath; at its character 3: unexpected b / None"]),
        ("'a", ["this is not JMESPath; at its character 1: Unclosed ' delimiter / None"]),
        ("", ["this is not JMESPath: it is empty / None"]),
        ("[lenght(a), zzz(b), length(a, b), max_by(a)]", [
            "JMESPath has no function `lenght` / did you mean `length`?",
            "JMESPath has no function `zzz` / None",
            "`length` takes 1 arguments, got 2 / None",
            "`max_by` takes 2 arguments, got 1 / None",
        ]),
        ("merge()", ["`merge` takes 1 arguments, got 0 / None"]),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_selection_is_found(select: str, problems: list[str]) -> None:
    assert select_problems(select) == problems


@pytest.mark.parametrize("first", ["import cel", "pass"])
def test_rules_work_whether_or_not_cel_was_imported_before_and_bring_no_terminal_toolkit(
    first: str,
) -> None:
    program = (
        f"{first}; import sys; from drawbar.compiler.rules import compile_rule; "
        "print(compile_rule('1 == 1').execute({}), 'prompt_toolkit' in sys.modules); "
        "import cel; print(cel.evaluate('1 + 1'))"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False
    )

    assert (done.stdout.split(), done.stderr) == (["True", str(first != "pass"), "2"], "")
