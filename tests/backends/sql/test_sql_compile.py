"""What an author may write, and what he is told otherwise. Offline: there is no database here."""

from __future__ import annotations

import pytest

from drawbar.backends.sql import KIND
from drawbar.backends.sql.plan import Slot

from .conftest import Compiler, Problems


def reading(sql: str, *parameters: str, **types: str) -> str:
    """A function with this SQL and these parameters of type string, or as named."""
    declared = dict.fromkeys(parameters, "{type: string}") | types
    lines = "".join(f"\n    {name}: {spec}" for name, spec in declared.items())
    body = "\n    ".join(sql.splitlines()).replace("$", "$$")  # `$$` is how YAML text says `$`
    return f"f:\n  parameters:{lines or ' {}'}\n  sql: |\n    {body}\n"


def change(*statements: str, **types: str) -> str:
    lines = "".join(f"\n    {name}: {spec}" for name, spec in types.items())
    listed = "".join(f"\n    - {statement!r}" for statement in statements)
    return f"f:\n  effect: write\n  parameters:{lines or ' {}'}\n  statements:{listed}\n"


def test_a_placeholder_becomes_the_drivers_own(compiler: Compiler) -> None:
    text = reading("select a from t where b = :b and c = :c and d = :b", "b", "c")

    assert compiler.text(text, "sqlite") == "select a from t where b = ?1 and c = ?2 and d = ?1"
    assert compiler.text(text, "postgresql") == "select a from t where b = $1 and c = $2 and d = $1"


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_what_only_looks_like_a_placeholder_is_left_alone(compiler: Compiler, dialect: str) -> None:
    sql = "select ':no' as a, \"b:no\" as b /* :no */ from t -- :no\nwhere c = :c"

    assert compiler.text(reading(sql, "c"), dialect) == sql.replace(
        ":c", "?1" if dialect == "sqlite" else "$1"
    )


def test_postgresql_keeps_casts_slices_dollar_bodies_and_json_operators(compiler: Compiler) -> None:
    sql = (
        "select :c::int as a, b::text as b, $$ :no $$ as c, $x$ :no $x$ as d, e[1:2] as e, "
        "f[1:n] as f, g->>'k' as g, h @> '{\"k\": 1}'::jsonb as h, i ? 'k' as i, '10%' as j from t"
    )

    assert compiler.text(reading(sql, "c"), "postgresql") == sql.replace(":c::", "$1::")


def test_sqlite_keeps_json_paths_as_they_were_written(compiler: Compiler) -> None:
    sql = "select a ->> 'k' as a, [b :no] as b from t where c = :c"

    assert compiler.text(reading(sql, "c")) == sql.replace(":c", "?1")


def test_a_word_of_sql_may_be_the_name_of_a_parameter(compiler: Compiler) -> None:
    text = reading("select a from t where d = :date and e = :end", "date", "end")

    assert compiler.text(text) == "select a from t where d = ?1 and e = ?2"


def test_a_field_of_an_object_is_one_placeholder(compiler: Compiler) -> None:
    person = "{type: object, properties: {name: {type: string}, age: {type: integer}}}"
    text = reading("select a from t where n = :person.name and m = :person.age", person=person)

    statement = compiler.plan(text).binding.query.statement

    assert statement.text == "select a from t where n = ?1 and m = ?2"
    assert statement.slots == (Slot("person", "name"), Slot("person", "age"))
    assert [slot.value({"person": {"name": "Ada"}}) for slot in statement.slots] == ["Ada", None]


def test_uses_of_one_name_that_are_cast_differently_keep_apart(compiler: Compiler) -> None:
    text = reading("select :v::text as a, :v::int as b, :v::text as c", "v")

    assert compiler.text(text, "postgresql") == "select $1::text as a, $2::int as b, $1::text as c"


LIST = "{type: array, items: {type: string}}"


def test_a_list_after_in_is_bound_as_one_value(compiler: Compiler) -> None:
    text = reading("select a from t where b in :bs and c not in :bs and d in (:bs)", bs=LIST)

    assert compiler.text(text, "sqlite") == (
        "select a from t where b in (select value from json_each(?1)) "
        "and c not in (select value from json_each(?1)) and d in (select value from json_each(?1))"
    )
    assert compiler.text(text, "postgresql") == (
        "select a from t where b = any($1) and c <> all($1) and d = any($1)"
    )


def test_any_keeps_the_drivers_array_and_other_lists_are_json(compiler: Compiler) -> None:
    text = reading(
        "select a from t where b = any(:bs) and c = all((:bs)) and d = any(:bs::text[]) "
        "and e in (select x from unnest(:bs) x) and f @> :bs",
        bs=LIST,
    )

    slots = compiler.plan(text, "postgresql").binding.query.statement.slots

    assert slots == (
        Slot("bs", form="array"),
        Slot("bs", form="array", cast="text[]"),
        Slot("bs"),
    )


def test_single_values_among_others_after_in_stay_single(compiler: Compiler) -> None:
    assert compiler.text(reading("select a from t where b in (:x, :y)", "x", "y")) == (
        "select a from t where b in (?1, ?2)"
    )


PROBLEMS = [
    (
        reading("select a from t where b = :cuorse_no", "course_no"),
        [
            (
                "courses.yaml:10:7: DB306 no SQL of this function uses the parameter `course_no`\n"
                "    write `:course_no` where its value belongs, or remove it"
            ),
            (
                "courses.yaml:11:5: DB305 `:cuorse_no` is no parameter of this function\n"
                "    did you mean `:course_no`?"
            ),
        ],
    ),
    (
        reading("select a from t; delete from t"),
        [
            (
                "courses.yaml:10:5: DB304 one statement belongs here, and there are 2\n"
                "    write each statement as an entry of `statements`"
            )
        ],
    ),
    (
        reading("-- nothing"),
        ["courses.yaml:10:5: DB304 one statement belongs here, and there is none"],
    ),
    (
        reading("select a\nfrom where b"),
        ["courses.yaml:10:5: DB303 line 2, column 6 of the SQL: something is missing at `where`"],
    ),
    (
        reading("select 'a"),
        ["courses.yaml:10:5: DB303 a quote, comment or `$$` body is not closed"],
    ),
    (
        reading("select a, from t"),
        ['courses.yaml:10:5: DB303 SQLite cannot read it: near "from": syntax error'],
    ),
    (
        reading("select a from t where b = ?"),
        [
            (
                "courses.yaml:10:5: DB307 `?` is no placeholder of Drawbar\n"
                "    write `:name`, with the name of a parameter"
            )
        ],
    ),
    (
        reading("select a from t where b = $1"),
        [
            (
                "courses.yaml:10:5: DB307 `$1` is no placeholder of Drawbar\n"
                "    write `:name`, with the name of a parameter"
            )
        ],
    ),
    (
        reading("select count(*) from t"),
        [
            (
                "courses.yaml:10:5: DB312 result column 1, `COUNT(*)`, has no name\n"
                "    give it one: `... as name`"
            )
        ],
    ),
    (
        reading("select t.a, u.a from t join u on true"),
        [
            (
                "courses.yaml:10:5: DB313 two result columns are called `a`, and only one of them would be answered\n"
                "    rename one: `... as name`"
            )
        ],
    ),
    (
        reading("select a from t where b in :b", "b"),
        [
            "courses.yaml:11:5: DB308 `in :b` needs a list; :b is of type string\n    write `= :b`",
        ],
    ),
    (
        reading("select a from t where b = any(:b)", b=LIST),
        [
            (
                "courses.yaml:11:5: DB308 SQLite has no any() or unnest(), so :b cannot go there\n"
                "    write `in :b` or `json_each(:b)`"
            ),
        ],
    ),
    (
        reading("select a from t where b = :b.c", "b"),
        ["courses.yaml:11:5: DB308 `:b` is of type string and has no field `c`"],
    ),
    (
        reading(
            "select a from t where b = :b.naem",
            b="{type: object, properties: {name: {type: string}}}",
        ),
        [
            "courses.yaml:11:5: DB305 `:b` has no field `naem`\n    did you mean `:b.name`?",
        ],
    ),
    (
        "f:\n  sql: select 1 as a\n  statements: [delete from t]\n",
        [
            "courses.yaml:8:3: DB302 a function has one of `sql`, `query`, `statements`, `call`; here are sql and statements"
        ],
    ),
    (
        "f:\n  effect: write\n",
        [
            "courses.yaml:8:3: DB302 a function has one of `sql`, `query`, `statements`, `call`; here is none"
        ],
    ),
    (
        "f:\n  statements: [delete from t]\n",
        [
            (
                "courses.yaml:9:5: DB311 `statements` change the database, but the function's effect is read\n"
                "    add `effect: write` or `effect: destroy`"
            )
        ],
    ),
    (
        "f:\n  effect: write\n  sql: select 1 as a\n",
        [
            (
                "courses.yaml:9:5: DB311 `sql` only reads, but the function says `effect: write`\n"
                "    write the change under `statements`, or leave `effect` out"
            )
        ],
    ),
    (
        "f:\n  effect: write\n  statements: [delete from t]\n  rows: one\n",
        [
            "courses.yaml:11:5: DB314 `rows` has no meaning here, since no statement has `returning` without `as`"
        ],
    ),
    (
        "f:\n  sql: select a from t\n  not_found: nothing\n",
        [
            "courses.yaml:10:5: DB314 `not_found` belongs to `rows: one`; a list without rows is no failure"
        ],
    ),
    (
        "f:\n  sql: select a from t\n  page: {size: 50, by: keyset}\n",
        [
            (
                "courses.yaml:10:5: DB322 pages need an order, or rows would be told twice or never\n"
                "    write it under `order_by`, with a column at its end that tells all rows apart"
            )
        ],
    ),
]


@pytest.mark.parametrize(("text", "told"), PROBLEMS)
def test_an_author_is_told_what_is_wrong_and_where(
    compiler: Compiler, text: str, told: list[str]
) -> None:
    assert compiler.problems(text) == told


CHANGES_IN_READINGS = [
    ("insert into t values (1)", "DB309"),
    ("update t set a = 1", "DB309"),
    ("delete from t", "DB309"),
    ("drop table t", "DB309"),
    ("truncate table t", "DB309"),
    ("with gone as (delete from t returning a) select a from gone", "DB309"),
    ("with made as (insert into t values (1) returning a) select a from made", "DB309"),
    ("select a into u from t", "DB309"),
    ("select a from t for update", "DB309"),
    ("select a from t for share", "DB309"),
    ("create table u (a int)", "DB310"),
    ("alter table t add b int", "DB310"),
    ("pragma user_version", "DB310"),
    ("attach database 'x' as y", "DB310"),
    ("copy t to '/tmp/x'", "DB310"),
    ("set role admin", "DB310"),
    ("call pay(1)", "DB310"),
    ("do $$ begin end $$", "DB310"),
    ("begin", "DB310"),
    ("commit", "DB310"),
    ("explain analyze delete from t", "DB310"),
    ("vacuum", "DB310"),
    ("listen x", "DB310"),
    ("lock table t", "DB310"),
    ("refresh materialized view v", "DB310"),
    ("merge into t using u on t.a = u.a when matched then delete", "DB309"),
    ("select pg_terminate_backend(1) as a", "DB318"),
    ("select set_config('a', 'b', false) as a", "DB318"),
    ("select pg_read_file('/etc/passwd') as a", "DB318"),
    ("select a from t where lo_import('/etc/passwd') > 0", "DB318"),
    ("select dblink_exec('delete from t') as a", "DB318"),
]


@pytest.mark.parametrize(("sql", "code"), CHANGES_IN_READINGS)
def test_a_reading_holds_nothing_that_changes_anything(
    compiler: Compiler, sql: str, code: str
) -> None:
    problems = compiler.problems(reading(sql), "postgresql")

    assert [problem.split()[1] for problem in problems] == [code]


@pytest.mark.parametrize(
    "sql",
    [
        "create table u (a int)",
        "vacuum",
        "pragma user_version = 3",
        "set role admin",
        "commit",
        "grant all on t to x",
    ],
)
def test_an_operation_holds_changes_of_rows_only(compiler: Compiler, sql: str) -> None:
    problems = compiler.problems(change(sql), "postgresql")

    assert [problem.split()[1] for problem in problems] == ["DB310"]


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
@pytest.mark.parametrize(
    "sql",
    [
        "insert into t (a) values (1)",
        "insert into t (a) select b from u",
        "insert into t (a) values (1) on conflict (a) do update set a = excluded.a returning a",
        "update t set a = 1 where b = 2",
        "delete from t",
        "with old as (select b from u) delete from t where a in (select b from old)",
        "select transfer(1, 2) as number",
        "drop table t",
    ],
)
def test_an_operation_may_hold_any_change_of_rows(
    compiler: Compiler, sql: str, dialect: str
) -> None:
    assert compiler.problems(change(sql), dialect) == []


def test_every_problem_is_told_at_once(compiler: Compiler) -> None:
    text = """
    f:
      parameters: {a: {type: string}}
      sql: select b, count(*) from t where b = :c
    g:
      effect: write
      statements: [vacuum, "delete from t; delete from u"]
    """

    assert [problem.split()[1] for problem in compiler.problems(text)] == [
        "DB306",
        "DB305",
        "DB312",
        "DB310",
        "DB304",
    ]


def test_a_broken_function_does_not_take_the_others_with_it(compiler: Compiler) -> None:
    text = """
    good:
      sql: select 1 as a
    bad:
      sql: selct 1
    """

    assert len(compiler.problems(text)) == 1


@pytest.mark.parametrize(
    ("url", "told"),
    [
        (
            "dbase://root@db/x",
            (
                "DB301 `url` begins with dbase; kind sql speaks sqlite://, postgresql://, mariadb://, duckdb://, "
                "firebird://, odbc: and jdbc:"
            ),
        ),
        ("sqlite://", "DB301 `url` names no file"),
        ("sqlite:///:memory:", "DB301 `url` names no file"),
        ("postgresql://u:se/cret@db:x/y", "DB301 `url` has a port or host that cannot be read"),
    ],
)
def test_a_url_that_names_no_database_is_refused_without_being_shown(
    url: str, told: str, compile_functions: Problems
) -> None:
    (problem,) = compile_functions("f:\n  sql: select 1 as a\n", url)

    assert problem.startswith("courses.yaml:6:3: " + told)
    assert "cret" not in problem


def test_every_code_is_explained() -> None:
    assert all(code.startswith("DB3") and meaning for code, meaning in KIND.codes.items())


WHERE = """
f:
  parameters:
    room: {type: string, optional: true}
    status: {type: array, items: {type: string}, optional: true}
  sql: |
    SQL
  where:
    room: room = :room or room is null -- anywhere
    status: status in :status
"""


WITH = "with t as (select a from u where a > 1 order by 1) select a, count(*) as n"
ROOM = "(room = ?1 or room is null)"
STATUS = "(status in (select value from json_each(?2)))"


@pytest.mark.parametrize(
    ("sql", "joined"),
    [
        ("select a from t", f"select a from t\nwhere {ROOM}\n and {STATUS}"),
        (
            "select a from t where b = 1 or c = 2 order by a limit 3",
            f"select a from t \nwhere ( b = 1 or c = 2)\n and {ROOM}\n and {STATUS} order by a limit 3",
        ),
        (
            f"{WITH}\n    from t -- note\n    group by a having count(*) > 1",
            f"{WITH}\nfrom t\nwhere {ROOM}\n and {STATUS} -- note\ngroup by a having count(*) > 1",
        ),
    ],
)
def test_optional_conditions_are_joined_where_the_parser_says(
    compiler: Compiler, sql: str, joined: str
) -> None:
    query = compiler.plan(WHERE.replace("SQL", sql)).binding.query

    assert query.statement_for({"room": "A", "status": ["open"]}).text == joined
    assert query.statement_for({}).text == query.statement.text
    assert query.statement_for({"room": None}).text == query.statement.text
    assert query.statement_for({"status": []}).slots == (Slot("status"),)


@pytest.mark.parametrize(
    ("sql", "where", "told"),
    [
        ("select a from t union select a from u", "a = :room", "DB315"),
        ("select 1 as a", "a = :room", "DB315"),
        ("select a from t", "a = :room) or (1 = 1", "DB303"),
        ("select a from t", "a = :room order by a", "DB303"),
        ("select a from t", "a = :room; delete from t", "DB304"),
        ("select a from t", "a = :rooom", "DB305"),
        ("select a from t", "a in (select set_config('x', :room, false))", "DB318"),
    ],
)
def test_a_condition_that_cannot_be_joined_is_a_problem(
    compiler: Compiler, sql: str, where: str, told: str
) -> None:
    text = f"""
    f:
      parameters: {{room: {{type: string, optional: true}}}}
      sql: {sql}
      where: {{room: "{where}"}}
    """

    assert told in {problem.split()[1] for problem in compiler.problems(text)}


def test_a_condition_belongs_to_an_optional_parameter(compiler: Compiler) -> None:
    text = """
    f:
      parameters: {room: {type: string}}
      sql: select a from t
      where: {room: "a = :room", hall: "b = 1"}
    """

    assert compiler.problems(text) == [
        (
            "courses.yaml:12:13: DB315 `room` is always there, so its condition is no optional one\n"
            "    give `room` the word `optional: true`, or write the condition into `sql`"
        ),
        "courses.yaml:12:32: DB315 `where` is keyed by parameters, and `hall` is none",
    ]


@pytest.mark.parametrize(
    ("word", "told"),
    [("3", "3"), ("1..3", "1 to 3"), ("2..", "2 or more"), ("any", "0 or more")],
)
def test_expected_rows_are_read(compiler: Compiler, word: str, told: str) -> None:
    text = (
        f"f:\n  effect: write\n  statements:\n    - {{sql: delete from t, expect_rows: {word}}}\n"
    )

    assert str(compiler.plan(text).binding.steps[0].expected) == told


@pytest.mark.parametrize("word", ["3..1", "few", "-1", "1.5", "true"])
def test_other_words_for_expected_rows_are_refused(compiler: Compiler, word: str) -> None:
    text = (
        f"f:\n  effect: write\n  statements:\n    - {{sql: delete from t, expect_rows: {word}}}\n"
    )

    (problem,) = compiler.problems(text)

    assert "1, 1..3, 1.. or any" in problem
