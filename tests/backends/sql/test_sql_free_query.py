"""`query`: what the author may declare, what the model is told, what it is answered. Attacks: test_sql_attacks.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from drawbar.backends.sql.dialect import FIREBIRD, MARIADB, POSTGRESQL, SQLITE, Dialect
from drawbar.backends.sql.free.guard import guard
from drawbar.backends.sql.free.text import Unknown, unknown_words
from drawbar.backends.sql.plan import FreeQuery, FreeTable
from drawbar.compiler.compile import arguments_schema
from drawbar.dispatch.mapping import outcome_of
from drawbar.dispatch.redact import Redactor
from drawbar.kernel.outcome import ArgumentProblem, Refused
from drawbar.kernel.ports import BackendError

from .conftest import URLS, Compiler, Office, compile_text, run_script

ASK = """
ask:
  description: Ask.
  query:
    tables:
      courses: {description: One row a course., columns: {course_no: such as C-104, title: null, price: in euros}}
      enrolments: {columns: [course_no, employee_no]}
    {more}
"""
TABLES = (
    FreeTable(None, "courses", ("course_no", "title", "price")),
    FreeTable("hr", "people", ("number",)),
)
LOGIN = "query_login: {username: reader}"


def ask(more: str = "") -> str:
    return ASK.replace("{more}", more)


def refusal(text: str, dialect: Dialect = SQLITE) -> str:
    with pytest.raises(BackendError) as caught:
        guard(text, FreeQuery(dialect, TABLES))
    assert (caught.value.code, caught.value.work) == ("query_refused", "not_started")
    return caught.value.message


def test_the_model_is_told_of_tables_columns_and_functions(tmp_path: Path) -> None:
    compiled = compile_text(ask("functions: [soundex]"), URLS["sqlite"], tmp_path)

    (function,) = compiled.functions
    assert function.description == (
        "Ask.\n"
        "`sql` is one select in the SQL of SQLite over these tables and columns only:\n"
        "- courses: course_no (such as C-104), title, price (in euros) -- One row a course.\n"
        "- enrolments: course_no, employee_no"
    )
    schema = arguments_schema(function.parameters)
    assert schema["required"] == ["sql"]
    assert "soundex, " in str(schema)
    assert "'maxLength': 10000" in str(schema)


@pytest.mark.parametrize(
    ("text", "dialect", "told"),
    [
        (ask(), "postgresql", "DB324 a free query needs a login of its own"),
        (ask("max_cost: 10"), "sqlite", "DB324 SQLite does not tell what a query would cost"),
        (ask("functions: [select]"), "sqlite", "DB324 `select` is a word of SQL"),
        (f"{ask()}  sql: select 1 as a", "sqlite", "DB302 a function has one of `sql`, `query`"),
        (f"{ask()}  effect: write", "sqlite", "DB311 `query` only reads"),
        (f"{ask()}  rows: one", "sqlite", "DB314 `rows` has no meaning here, since the function is"),
        (f"{ask()}  parameters: {{a: {{type: string}}}}", "sqlite", "DB314 `query` has one parameter"),
        (f"{ask()}  page: {{size: 5}}", "sqlite", "DB314 `page` has no meaning here"),
    ],
)  # fmt: skip
def test_what_cannot_be_guarded_is_a_mistake(
    compiler: Compiler, text: str, dialect: str, told: str
) -> None:
    problems = compiler.problems(f"{text}\nother: {{sql: select 1 as b}}", dialect)

    assert told in "\n".join(problems)


JDBC = "jdbc: {driver: some.Driver, jars: [some.jar]}"
UNTRIED = "what its driver makes of a statement was not tried; its own kind of `url` can be asked"
NO_WALL = "nothing behind the gateway is known to hold there what a model writes"


@pytest.mark.parametrize(
    ("url", "options", "told"),
    [
        ("odbc:DSN=x", "dialect: oracle", f"Oracle (ODBC): {NO_WALL}"),
        ("odbc:DSN=x", "dialect: sqlserver", f"SQL Server (ODBC): {NO_WALL}"),
        ("odbc:DSN=x", "dialect: firebird", f"Firebird (ODBC): {UNTRIED}"),
        ("jdbc:hsqldb:mem:x", JDBC, f"HSQLDB (JDBC): {NO_WALL}"),
        ("jdbc:postgresql://db/x", JDBC, f"PostgreSQL (JDBC): {UNTRIED}"),
    ],
)
def test_a_database_without_a_wall_has_no_free_queries_and_the_reason_is_said(
    url: str, options: str, told: str, tmp_path: Path
) -> None:
    problems = "\n".join(map(str, compile_text(ask(), url, tmp_path, options).problems))

    assert f"no free query can be guarded on {told}" in problems
    assert "write readings, each with its `sql`" in problems


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("firebird://db/x", ""),
        ("odbc:DSN=x", "dialect: postgresql"),
        ("odbc:DSN=x", "dialect: mariadb"),
        ("jdbc:h2:mem:x", JDBC),
    ],
)
def test_free_queries_beside_other_functions_have_a_login_of_their_own(
    url: str, options: str, tmp_path: Path
) -> None:
    functions = f"{ask()}\nother: {{sql: select title from courses}}"

    alone = compile_text(functions, url, tmp_path, f"{options}\n{LOGIN}".strip()).problems
    shared = "\n".join(map(str, compile_text(functions, url, tmp_path, options).problems))

    assert [str(each) for each in alone if each.severity == "error"] == []
    assert "DB324 a free query needs a login of its own" in shared


@pytest.mark.parametrize(
    ("url", "options", "title"),
    [("firebird://db/x", "", "Firebird"), ("jdbc:h2:mem:x", JDBC, "H2 (JDBC)")],
)
def test_a_database_that_tells_no_cost_has_no_ceiling(
    url: str, options: str, title: str, tmp_path: Path
) -> None:
    problems = compile_text(ask("max_cost: 10"), url, tmp_path, options).problems

    assert f"DB324 {title} does not tell what a query would cost" in "\n".join(map(str, problems))


def test_an_adapter_of_free_queries_only_has_one_login(compiler: Compiler) -> None:
    assert compiler.problems(ask(), "postgresql") == []


def test_a_refusal_says_what_where_and_what_is_allowed() -> None:
    assert refusal("select title,\n  margin from courses") == (
        "line 2, column 3: the column `margin` is not allowed (there are: course_no, price, title)"
    )
    assert refusal("select titel from courses") == (
        "line 1, column 8: the column `titel` is not allowed (did you mean `title`?)"
    )
    assert refusal("select x.number from people x") == (
        "line 1, column 22: the table `people` is not allowed (did you mean `hr.people`?)"
    )
    assert refusal("select uper(title) as a from courses") == (
        "line 1, column 8: the function `uper` is not allowed (did you mean `upper`?)"
    )
    assert refusal("delete from courses") == ("`delete` is no select (write one select)")
    assert refusal("select 1 as a; select 2 as b") == (
        "one select belongs here, and there are 2 statements"
    )


def test_all_that_is_wrong_is_said_at_once() -> None:
    told = refusal("select c.margin, load_extension('x') as a from courses c, salaries")

    assert told.count("is not allowed") == 3


WITH = """
WITH "drawbar_with_1" AS (SELECT "title" FROM (SELECT "course_no", "title", "price" FROM "courses") AS "courses")
 SELECT * FROM "drawbar_with_1" AS "people"
"""

OF_FIREBIRD = '(SELECT "COURSE_NO", "TITLE", "PRICE" FROM "COURSES") AS "COURSES"'
ONE_DAY = """SELECT CAST('2026-01-01' AS DATE) AS "D" FROM "RDB$DATABASE\""""


@pytest.mark.parametrize(
    ("text", "dialect", "written"),
    [
        (
            "select * from Courses -- all",
            POSTGRESQL,
            'SELECT * FROM (SELECT "course_no", "title", "price" FROM "courses") AS "courses"',
        ),
        (
            "select p.* from hr.people p",
            MARIADB,
            "SELECT `p`.* FROM (SELECT `number` FROM `hr`.`people`) AS `p`",
        ),
        (
            "with people as (select title from courses) select * from people",
            SQLITE,
            WITH.replace("\n", ""),
        ),
        (
            "select first 2 substring(title, 2) as a, price % 2 as b from courses",
            FIREBIRD,
            f'SELECT SUBSTRING("TITLE" FROM 2) AS "A", MOD("PRICE", 2) AS "B" FROM {OF_FIREBIRD} FETCH FIRST 2 ROWS ONLY',
        ),
        (
            "select datediff(day, a.d, current_date) as n from (select date '2026-01-01' as d) a",
            FIREBIRD,
            f'SELECT DATEDIFF(DAY, "A"."D", CURRENT_DATE) AS "N" FROM ({ONE_DAY}) AS "A"',
        ),
    ],
)
def test_what_is_executed_was_written_anew(text: str, dialect: Dialect, written: str) -> None:
    assert guard(text, FreeQuery(dialect, TABLES)).text == written


@pytest.mark.parametrize(
    "text",
    [
        'SELECT "a"; DROP TABLE "t"',
        'SELECT "a" -- x',
        'SELECT "a" /* x */',
        'SELECT "pg_sleep"(1)',
        'SELECT 1, "pg_sleep"(1) AS "a"',
        'SELECT * FROM "f"("a") AS ("x" INT)',
        'SELECT 1 FROM "t", "f"("a") AS ("x" INT)',
        "SELECT pg_sleep(1)",
        "SELECT CURRENT_USER",
        "SELECT uuid()",
        'DELETE FROM "t"',
        'SELECT "a" FROM "t" FOR UPDATE',
        'SELECT "a" INTO "b" FROM "t"',
        "SELECT $$x$$",
        "SELECT 'a' COLLATE \"C\", @x",
        "SELECT 1\\",
        "SELECT E'x'",
        "SELECT name FROM t",
        "SELECT '\u00e4' \u00a0",
    ],
)
def test_the_last_look_at_the_text_does_not_trust_the_parser(text: str) -> None:
    try:
        found = list(unknown_words(text, POSTGRESQL, frozenset()))
    except Unknown:
        return
    assert found


def test_the_last_look_lets_lists_of_columns_pass() -> None:
    text = 'WITH "a"("x") AS (SELECT 1), "b"("y") AS MATERIALIZED (SELECT 2) SELECT * FROM (VALUES (1)) AS "t"("c")'

    assert list(unknown_words(text, POSTGRESQL, frozenset())) == []


def test_a_refused_argument_is_told_as_one(compiler: Compiler, tmp_path: Path) -> None:
    (function,) = compile_text(ask(), URLS["sqlite"], tmp_path).functions
    error = BackendError(
        "no", code="query_refused", work="not_started", argument="sql", hint="Yes."
    )

    assert outcome_of(error, function, Redactor(())) == Refused(
        "query_refused", "Nothing was sent.", (ArgumentProblem("sql", "no Yes."),)
    )


async def test_a_cap_tells_that_there_is_more(sqlite: Office) -> None:
    sqlite.open(ask())

    reply = await sqlite.reply("ask", {"sql": "select title from courses"}, max_rows=2)

    assert isinstance(reply.value, list)
    assert len(reply.value) == 2
    assert [cut.kept for cut in reply.cuts] == [2]


async def test_two_columns_of_one_name_are_refused(sqlite: Office) -> None:
    sqlite.open(ask())

    error = await sqlite.error("ask", {"sql": "select title, title from courses"})

    assert (error.code, error.argument) == ("query_refused", "sql")
    assert "name them apart with `as`" in error.message


async def test_a_dry_run_shows_what_would_be_executed(sqlite: Office) -> None:
    sqlite.open(ask())

    reply = await sqlite.reply("ask", {"sql": "select count(*) n from courses"}, mode="dry_run")

    value: Any = reply.value
    (statement,) = value["request"]["statements"]
    assert statement["sql"].startswith('SELECT COUNT(*) AS "n" FROM (SELECT')
    assert statement["plan"]


@pytest.mark.parametrize("office", ["postgresql", "mariadb"], indirect=True)
async def test_what_the_database_expects_to_be_dear_is_refused(office: Office) -> None:
    run_script(office, "create table if not exists many (n integer)")
    rows = ", ".join(f"({n})" for n in range(300))
    analyze = "analyze" if office.dialect == "postgresql" else "analyze table"
    run_script(office, f"insert into many values {rows}; {analyze} many")
    office.options = "query_login: {may_do_more: true}"
    office.open("""
    ask: {query: {tables: {many: {columns: [n]}}, max_cost: 10000}}
    """)

    answered = await office.value("ask", {"sql": "select count(*) as n from many where n < 10"})
    error = await office.error("ask", {"sql": "select a.n from many a, many b, many c, many d"})
    run_script(office, "drop table many")

    assert answered == [{"n": 10}]
    assert (error.code, error.work) == ("query_refused", "not_started")
    assert "10000 is allowed" in error.message


async def test_the_time_out_stops_a_query(sqlite: Office) -> None:
    sqlite.open(ask())
    endless = (
        "with recursive t(n) as (select 1 union all select n + 1 from t) select max(n) as n from t"
    )

    error = await sqlite.error("ask", {"sql": endless}, timeout=0.3)

    assert error.code == "timeout"
