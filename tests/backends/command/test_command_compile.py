"""What is wrong in a command adapter is said with its place, all at once, without starting anything."""

from __future__ import annotations

import textwrap
from typing import Any  # types of fixtures live in conftest, which tests cannot import

import pytest

FUNCTION = """
adapter: stock
backend: {{kind: command, program: [stock]}}
functions:
  f:
    description: Something.
{words}
"""


def function(words: str) -> str:
    return FUNCTION.format(words=textwrap.indent(textwrap.dedent(words).strip("\n"), " " * 4))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (
            """
            argv: [get, "{part_no", "}", "{part}"]
            parameters: {parts: {type: string}}
            """,
            [
                "7:17: DB602 `{part_no` has a brace that stands alone, or a NUL",
                "7:29: DB602 `}` has a brace that stands alone, or a NUL",
                "7:34: DB602 there is no parameter `part`",
                (
                    "8:18: DB806 parameter `parts`: it goes nowhere: "
                    "argv does not use it, and standard input is not written"
                ),
            ],
        ),
        (
            """
            argv: ["{list}", "{maybe}", [--x, "{maybe}"], "{usual}"]
            parameters:
              list: {type: array, items: {type: string}}
              maybe: {type: string, optional: true}
              usual: {type: string, default: a}
            """,
            [
                "7:12: DB604 `list` is of type array; an argument holds one value",
                "7:22: DB605 `maybe` may be missing, and then so is what belongs to it",
            ],
        ),
        (
            """
            stdin: text
            parameters: {a: {type: string}, b: {type: string}}
            """,
            [
                (
                    "7:5: DB805 `text` is written from one parameter that nothing else uses, "
                    "and there are 2"
                )
            ],
        ),
        (
            """
            stdin: lines
            parameters: {a: {type: string}}
            """,
            ["8:18: DB804 parameter `a`: `lines` is written from an array of strings"],
        ),
        (
            """
            stdin: json
            parameters:
              a: {type: string, to: stdin.x.y}
              b: {type: string, to: stdin.x}
              c: {type: string, to: body.c}
            """,
            [
                "7:5: DB805 `a` and `b` go to one place of standard input",
                "11:7: DB807 parameter `c`: `body.c` is no place of standard input",
            ],
        ),
        (
            """
            stdin: {record: [{name: a, width: 3}, {name: b, width: 3}]}
            parameters: {a: {type: string}, c: {type: string}}
            """,
            [
                "7:43: DB805 there is no parameter `b` to fill this field",
                (
                    "8:37: DB806 parameter `c`: it goes nowhere: "
                    "argv does not use it, and no field takes it"
                ),
            ],
        ),
        (
            """
            stdin:
              record:
                - {name: vessel, width: 5}
                - {name: qty, width: 2, type: decimal}
                - {name: list, width: 2}
            parameters:
              vessel: {type: string, enum: [Fulmar, Tern]}
              qty: {type: integer, minimum: 100}
              list: {type: array, items: {type: string}}
            """,
            [
                "13:7: DB804 parameter `vessel`: `Fulmar` is 6 long, and the field `vessel` 5",
                "14:7: DB804 parameter `qty`: nothing fits the field `qty`: it ends at 99",
                "15:7: DB804 parameter `list`: type array does not fit a field of type text",
            ],
        ),
        (
            """
            stdin: {records: [{name: no, width: 3}]}
            parameters: {a: {type: string}}
            """,
            ["7:5: DB805 records are written from one parameter, an array of objects"],
        ),
        (
            """
            stdin: json
            parameters: {a: {type: object, properties: {}, to: stdin}, b: {type: string}}
            """,
            ["7:5: DB805 `a` is all of standard input; nothing can stand beside it"],
        ),
        (
            """
            stdin: {records: [{name: no, width: 3}, {name: other, width: 2}]}
            parameters:
              rows: {type: array, items: {type: object, properties: {no: {type: string}}}}
            """,
            ["7:45: DB805 the objects of `rows` have no `other` to fill this field"],
        ),
        (
            """
            stdin:
              record:
                - {name: a, width: 4, type: packed, pad: "0", sign: leading}
                - {name: b, width: 3, type: binary}
                - {name: c, width: 3, type: decimal, sign: signed}
                - {name: d, width: 3, type: digits, pad: "5"}
                - {name: e, width: 2, type: date, format: YY}
                - {name: f, width: 2, format: YY, const: a, from: b}
            """,
            [
                "9:31: DB802 a packed number may hold the byte that ends a line",
                "9:45: DB802 `a` is a number; only a decimal is padded, with 0 or a blank",
                "9:55: DB802 `a` is of type packed, whose sign is none or signed",
                "10:21: DB802 `b` is a binary number, which is 1, 2, 4 or 8 wide",
                "10:31: DB802 a binary number may hold the byte that ends a line",
                (
                    "11:46: DB802 `c` is of type decimal, "
                    "whose sign is none, leading, trailing or overpunch"
                ),
                "12:45: DB802 `d` could not be told from its padding `5`",
                "13:43: DB802 YY does not name a day; write one such as YYYYMMDD, DD.MM.YY or YYYYDDD",
                "14:31: DB802 `f` is of type text; only a date has a format",
                "14:43: DB802 `f` has both `const` and `from`",
            ],
        ),
        (
            """
            exit_codes: {0: fine, 256: large, 2: not_found}
            """,
            [
                "7:18: DB607 a program cannot end badly with 0",
                "7:27: DB607 a program cannot end badly with 256",
            ],
        ),
        (
            """
            stdout:
              records:
                - {name: a, width: 3, scale: 2}
              encoding: klingon
            """,
            [
                "9:31: DB802 `a` is of type text; only a number has a scale",
                "10:7: DB801 no encoding is called `klingon`",
            ],
        ),
        (
            """
            stdout:
              records:
                - {name: a, width: 3, scale: 2}
                - {name: a, width: 1, type: decimal, sign: leading}
                - {name: d, width: 6, type: date}
                - {name: x, width: 2, type: decimal, scale: 3, align: left, pad: "*"}
                - {width: 2, const: long}
                - {name: p, width: 2, pad: "日"}
              encoding: cp037
            """,
            [
                "9:31: DB802 `a` is of type text; only a number has a scale",
                "10:12: DB803 two fields are called `a`",
                "10:21: DB802 `a` has room for its sign only",
                "11:21: DB802 `d` is 6 wide and its format YYYYMMDD is 8",
                "12:46: DB802 `x` has 3 decimals and room for 2 digits",
                "12:56: DB802 `x` is a number, which stands at the right",
                "12:69: DB802 `x` is a number; only a decimal is padded, with 0 or a blank",
                "13:22: DB802 `long` is longer than the 2 of `filler`",
                "14:31: DB802 `日` is not one byte in cp037",
                "15:7: DB801 records in cp037 have no line ends",
            ],
        ),
    ],
)
def test_a_problem_of_a_function_has_its_place(
    words: str, expected: list[str], problems: Any
) -> None:
    assert problems(function(words)) == expected


def test_a_problem_of_the_backend_has_its_place(problems: Any) -> None:
    found = problems(
        """
        adapter: stock
        backend:
          kind: command
          program: ["stock --all"]
          env: {A-B: x}
          encoding: zip
        functions: {f: {description: Something.}}
        """
    )

    assert found == [
        "5:13: DB601 `stock --all` is looked for as the name of one file, blanks included",
        "6:9: DB608 `A-B` or its value cannot be in an environment",
        "7:3: DB801 no encoding is called `zip`",
    ]
