"""What an author is told about a `call`, offline, and what it compiles to in each dialect."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Compiler, Problems, compile_text

URLS = {
    "postgresql": "postgresql://db.internal/company",
    "mariadb": "mariadb://db.internal/company",
    "firebird": "firebird://db.internal/company",
    "sqlite": "sqlite:///./company.db",
}
PROBLEMS = [
    (
        "postgresql",
        "f: {call: refresh}",
        (
            "DB311 what a routine does cannot be seen from outside, so `effect` has to say it\n"
            "    add `effect: read`, `effect: write` or `effect: destroy`"
        ),
    ),
    (
        "sqlite",
        "f: {effect: write, call: refresh}",
        ("DB323 SQLite has no procedures\n    a function can be called in a select, under `sql`"),
    ),
    (
        "postgresql",
        "f: {effect: write, call: 'pay(month date'}",
        "DB323 did not expect `(month date` behind `pay`",
    ),
    (
        "postgresql",
        "f: {effect: write, call: 'pay(a integer, text)'}",
        "DB323 some arguments have a name and others have none\n    name all of them, or none",
    ),
    (
        "postgresql",
        "f: {effect: write, call: 'pay(a integer, A text)'}",
        "DB323 two arguments are called `a`",
    ),
    (
        "firebird",
        "f: {effect: write, call: 'pay(inout a integer)'}",
        "DB323 Firebird has no `inout` arguments",
    ),
    (
        "mariadb",
        "f: {effect: read, call: 'function pay(out a int)'}",
        "DB323 a function of MariaDB has no `out` arguments",
    ),
    (
        "postgresql",
        "f: {effect: write, call: 'pay(integer, text)', parameters: {a: {type: integer}}}",
        (
            "DB326 `call` has 2 arguments without a name, and there is 1 parameter\n"
            "    give each argument its name, such as `(month date)`"
        ),
    ),
    (
        "postgresql",
        "f: {effect: write, call: 'pay(doc jsonb)'}",
        (
            "DB326 nothing is given to the argument `doc`\n"
            "    declare it under `parameters`, with a `type`: nothing is known of `jsonb`"
        ),
    ),
    (
        "postgresql",
        "f: {effect: write, call: 'pay(n integer)', parameters: {n: {type: number}}}",
        "DB326 `n` is of type number, and the argument is `n integer`",
    ),
    (
        "postgresql",
        "f: {effect: write, call: 'pay(n integer)', parameters: {m: {to: mm}}}",
        "DB202 the backend's contract has no input `mm`",
    ),
    (
        "postgresql",
        "f: {effect: write, call: 'pay(n integer)', parameters: {m: {type: integer}}}",
        (
            "DB306 no SQL of this function uses the parameter `m`\n"
            "    name the argument that it goes to: `to: ARGUMENT`"
        ),
    ),
    (
        "postgresql",
        "f: {effect: write, rows: many, call: pay}",
        (
            "DB325 a procedure of PostgreSQL has no rows; it answers `out` arguments and cursors\n"
            "    write `call: function NAME` for a function, or an argument such as `inout found refcursor`"
        ),
    ),
    (
        "postgresql",
        "f: {effect: write, results: {item: many}, call: 'pay(inout items refcursor)'}",
        "DB325 `item` is no cursor among the arguments\n    did you mean `items`?",
    ),
    (
        "mariadb",
        "f: {effect: write, rows: many, call: 'pay(out n int)'}",
        "DB325 the rows need a name, since `n` is answered beside them\n    write `results: {rows: many}`",
    ),
    (
        "mariadb",
        "f: {effect: write, rows: many, results: {a: many}, call: pay}",
        "DB325 `rows` and `results` exclude each other: each name under `results` says its own",
    ),
    (
        "mariadb",
        "f: {effect: write, results: {n: many}, call: 'pay(out n int)'}",
        "DB316 `n` is also an argument that comes out",
    ),
    (
        "mariadb",
        "f: {effect: read, rows: many, call: function pay}",
        "DB325 a function of MariaDB answers one value\n    leave `rows` out",
    ),
    (
        "firebird",
        "f: {effect: write, results: {a: many}, call: pay}",
        "DB325 a procedure of Firebird has no result sets beside its own rows\n    write `rows: many`",
    ),
    (
        "firebird",
        "f: {effect: write, transaction: none, call: pay}",
        (
            "DB314 a procedure of Firebird cannot end a transaction, so it always has one around it\n"
            "    leave `transaction` out"
        ),
    ),
    (
        "postgresql",
        "f: {effect: write, transaction: none, call: 'pay(inout c refcursor)'}",
        "DB314 a cursor of PostgreSQL ends with its transaction, and here there is none around it",
    ),
    (
        "postgresql",
        "f: {effect: write, transaction: none, dry_run: rollback, call: pay}",
        "DB314 `dry_run` has no meaning here, since the function has no transaction around it (`transaction: none`)",
    ),
    (
        "postgresql",
        "f: {effect: read, once: calls, call: pay}",
        "DB314 `once` has no meaning here, since the function reads",
    ),
    (
        "postgresql",
        "f: {effect: read, max_affected_rows: 5, call: pay}",
        "DB314 `max_affected_rows` has no meaning here: the function reads",
    ),
    (
        "postgresql",
        "f: {results: {a: many}, sql: select 1 as a}",
        "DB314 `results` has no meaning here, since the function reads",
    ),
    (
        "postgresql",
        "f: {effect: write, call: 'pay(out total numeric)', columns: {totl: number}}",
        "DB319 there is no result column `totl`\n    did you mean `total`?",
    ),
    (
        "postgresql",
        "f: {effect: read, rows: one, call: 'function pay(out total numeric)', columns: {totl: number}}",
        "DB319 there is no result column `totl`\n    did you mean `total`?",
    ),
]


@pytest.mark.parametrize(("dialect", "text", "told"), PROBLEMS)
def test_an_author_is_told_what_is_wrong_with_a_call(
    compile_functions: Problems, dialect: str, text: str, told: str
) -> None:
    (problem,) = compile_functions(text, URLS[dialect])

    assert problem.split(" ", 1)[1] == told


def test_a_procedure_that_commits_cannot_be_told_the_caller_of_one_transaction(
    tmp_path: Path,
) -> None:
    identity = "identity: {settings: {app.user: caller.subject}}"
    text = "f: {effect: write, transaction: none, call: pay}"

    found = compile_text(text, URLS["postgresql"], tmp_path, identity).problems
    in_mariadb = compile_text(
        text, URLS["mariadb"], tmp_path, identity.replace("app.user", "app_user")
    ).problems

    assert [each.message.partition(",")[0] for each in found if each.severity == "error"] == [
        "`identity` holds for one transaction"
    ]
    assert [each for each in in_mariadb if each.severity == "error"] == []


STATEMENTS = [
    (
        "postgresql",
        "pay(a integer, out b text, inout c numeric(12, 2))",
        ["call pay($1::integer, null::text, $2::numeric)"],
    ),
    (
        "postgresql",
        "function hr.pay(a varchar(3), out b text)",
        ["select * from hr.pay($1::varchar)"],
    ),
    (
        "postgresql",
        "pay(a char(3), b character(2)[], c bit(3), d character varying(5))",
        ["call pay($1::bpchar, $2::bpchar[], $3, $4::character varying)"],
    ),
    (
        "postgresql",
        'function "Pay"(variadic names text[])',
        ['select * from "Pay"(variadic $1::text[])'],
    ),
    ("mariadb", "hr.pay(a int, b text)", ["call hr.pay(?, ?)"]),
    (
        "mariadb",
        "pay(a int, out day date, inout c decimal(12,2))",
        [
            "set @drawbar_3 = ?",
            "call pay(?, @drawbar_2, @drawbar_3)",
            "select cast(@drawbar_2 as date) as `day`, cast(@drawbar_3 as decimal(12,2)) as `c`",
        ],
    ),
    ("mariadb", "function pay(a int)", ["select pay(?) as pay"]),
    ("firebird", "pay(a integer, out b integer)", ["execute procedure pay(?)"]),
    ("firebird", "pay(out b integer)", ["execute procedure pay"]),
    ("firebird", "function pay(a integer)", ["select pay(?) as pay from rdb$database"]),
]


@pytest.mark.parametrize(("dialect", "call", "statements"), STATEMENTS)
def test_a_call_is_written_as_each_dialect_wants_it(
    tmp_path: Path, dialect: str, call: str, statements: list[str]
) -> None:
    compiled = compile_text(f"f: {{effect: write, call: '{call}'}}", URLS[dialect], tmp_path)

    assert [each for each in compiled.problems if each.severity == "error"] == []
    routine = compiled.plans["f"].binding.routine
    assert [each.text for each in routine.statements] == statements


def test_the_types_of_arguments_are_published(compiler: Compiler) -> None:
    plan = compiler.plan(
        """
        f:
          effect: write
          call: >-
            f(small smallint, big bigint, pay numeric(12,2), yes boolean, short varchar(3), day date, many integer[],
            mood hr.mood, at timestamp with time zone, id uuid)
        """,
        "postgresql",
    )

    assert {each.name: each.schema for each in plan.parameters} == {
        "small": {"type": "integer", "minimum": -(2**15), "maximum": 2**15 - 1},
        "big": {"type": "integer"},
        "pay": {"type": "number"},
        "yes": {"type": "boolean"},
        "short": {"type": "string", "maxLength": 3},
        "day": {"type": "string", "format": "date"},
        "many": {
            "type": "array",
            "items": {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1},
        },
        "mood": {"type": "string"},
        "at": {"type": "string"},
        "id": {"type": "string", "format": "uuid"},
    }


def test_words_of_mariadb_types_are_published(compiler: Compiler) -> None:
    plan = compiler.plan(
        """f: {effect: write, call: "f(n int(10) unsigned, state enum('open','shut'), note text, p tinyint(1))"}""",
        "mariadb",
    )

    assert {each.name: each.schema for each in plan.parameters} == {
        "n": {"type": "integer", "minimum": 0, "maximum": 2**32 - 1},
        "state": {"type": "string", "enum": ["open", "shut"]},
        "note": {"type": "string"},
        "p": {"type": "integer", "minimum": -128, "maximum": 127},
    }
