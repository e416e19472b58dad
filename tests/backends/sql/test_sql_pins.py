"""Types that a live database tells: found, pinned, compiled from the lock, and watched for drift."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from drawbar.backends.sql import KIND
from drawbar.compiler.diagnosis import PINNED, Finding, Verified, drift
from drawbar.compiler.toolset import CompiledAdapter, compile_adapter
from drawbar.spec.load import parse_adapter
from drawbar.spec.lock import FILE, write_lock

from .conftest import HEAD, Office, OnlySql, run_script

FUNCTIONS = """
  find:
    parameters: {no: {optional: true}, most: {optional: true}, some: {optional: true}}
    sql: select c.course_no, c.title as called, c.price from courses c
    where: {no: c.course_no = :no, most: c.price <= :most, some: "c.seats in :some"}
  people:
    parameters: {no: {}}
    sql: select employee_no from enrolments where exists (select 1 from courses where title = :no)
  add:
    effect: write
    parameters: {no: {}, title: {}, seats: {}}
    statements:
      - insert into courses (course_no, title, price) values (:no, :title, 1)
      - update courses set seats = coalesce(:seats, seats) where course_no = :no
"""


def compiled(office: Office) -> CompiledAdapter:
    text = HEAD.replace("{url}", office.url) + FUNCTIONS
    return compile_adapter(
        parse_adapter(text, "courses.yaml", office.folder, OnlySql(), {}), OnlySql()
    )


async def verified(office: Office) -> Verified:
    """Of the functions of this module, none of which compiles before its types are pinned."""
    office.open("any: {sql: select 1 as one}")
    text = HEAD.replace("{url}", office.url) + FUNCTIONS
    adapter = parse_adapter(text, "courses.yaml", office.folder, OnlySql(), {}).adapter
    assert adapter is not None
    return await KIND.verify(adapter, {}, office.backend)


async def test_a_parameter_takes_its_type_from_the_column_that_it_meets(office: Office) -> None:
    found = (await verified(office)).types

    schemas = {key: json.loads(kind) for key, kind in found.items() if " -> " not in key}
    length = {} if office.dialect == "sqlite" else {"maxLength": 20}
    longer = {} if office.dialect == "sqlite" else {"maxLength": 100}
    size = {} if office.dialect == "sqlite" else {"minimum": -(2**31), "maximum": 2**31 - 1}
    assert schemas == {
        "find.no": {"type": "string"},
        "find.most": {"type": "number", "minimum": 0},
        "find.some": {"type": "array", "items": {"type": "integer"}},
        "people.no": {"type": "string"},
        "add.no": {"type": "string", **length},
        "add.title": {"type": "string", **longer},
        "add.seats": {"type": "integer", **size},
    }
    columns = {key for key in found if " -> " in key}
    assert columns == {
        "find -> course_no",
        "find -> called",
        "find -> price",
        "people -> employee_no",
    }
    assert found["find -> price"].replace(" ", "") in {"numeric(10,2)", "decimal(10,2)"}


async def test_pinned_types_are_compiled_without_the_database(office: Office) -> None:
    before = compiled(office)
    assert before.plans == {}
    assert str(before.problems[0]) == (
        "courses.yaml:10:18: DB202 the `type` of `no` is missing, and there is nothing to take it from\n"
        "    add `type:`, or let the database tell it: `drawbar doctor --pin`"
    )
    write_lock(office.folder, "courses", {PINNED: (await verified(office)).types})
    run_script(office, "drop table enrolments; drop table courses")

    after = compiled(office)

    assert [str(each) for each in after.problems if each.severity == "error"] == []
    assert office.folder / FILE in after.files
    properties = after.functions[0].schema["properties"]
    assert properties == {
        "no": {"type": "string"},
        "most": {"type": "number", "minimum": 0},
        "some": {"type": "array", "items": {"type": "integer"}},
    }
    assert set(after.plans) == {"find", "people", "add"}


async def test_a_function_without_a_missing_type_does_not_look_at_the_lock(sqlite: Office) -> None:
    text = HEAD.replace("{url}", sqlite.url) + "  any: {sql: select 1 as one}\n"
    found = compile_adapter(
        parse_adapter(text, "courses.yaml", sqlite.folder, OnlySql(), {}), OnlySql()
    )

    assert sqlite.folder / FILE not in found.files


async def test_a_lock_that_cannot_be_read_is_told(sqlite: Office) -> None:
    (sqlite.folder / FILE).write_text("courses:\n<<<<<<< ours\n  made: {}\n")

    found = [str(each) for each in compiled(sqlite).problems if each.code == "DB392"]

    assert len(found) == 1
    assert "take one side of a merge" in found[0]


async def test_a_type_that_changed_since_it_was_pinned_is_told_by_function(
    postgresql: Office,
) -> None:
    pins = {PINNED: (await verified(postgresql)).types}
    assert list(drift(pins, await verified(postgresql))) == []
    run_script(
        postgresql, "alter table courses alter price type integer, alter title type varchar(60)"
    )

    found = sorted(
        drift(pins, await verified(postgresql)),
        key=lambda each: (each.function, each.message.split("`")[1]),
    )

    fix = "look at what uses it, then keep the new one with `drawbar doctor --pin`"
    was = {
        (
            "add",
            "title",
        ): 'the type of the parameter `title` was {"type": "string", "maxLength": 100}, '
        'and is {"type": "string", "maxLength": 60}',
        ("find", "called"): "the type of the result column `called` was character varying(100), "
        "and is character varying(60)",
        ("find", "most"): 'the type of the parameter `most` was {"type": "number", "minimum": 0}, '
        'and is {"type": "integer", "minimum": 0}',
        (
            "find",
            "price",
        ): "the type of the result column `price` was numeric(10,2), and is integer",
    }
    assert found == [
        Finding("contract", function, "DB238", message, fix)
        for (function, _), message in was.items()
    ]


async def test_postgresql_tells_what_no_column_tells(postgresql: Office, tmp_path: Path) -> None:
    del tmp_path
    postgresql.open("any: {sql: select 1 as one}")
    text = HEAD.replace("{url}", postgresql.url) + (
        "  ask:\n    parameters: {day: {}, many: {}}\n"
        "    sql: select date_trunc('day', :day::timestamptz) as d, repeat('x', :many) as x, 1.5 as n\n"
    )
    adapter = parse_adapter(text, "courses.yaml", postgresql.folder, OnlySql(), {}).adapter
    assert adapter is not None

    found = (await KIND.verify(adapter, {}, postgresql.backend)).types

    assert found == {
        "ask.day": '{"type": "string", "format": "date-time"}',
        "ask.many": '{"type": "integer"}',
        "ask -> d": "timestamp with time zone",
        "ask -> x": "text",
        "ask -> n": "numeric",
    }


async def test_duckdb_is_asked_beside_its_open_file(tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect(str(tmp_path / "c.duckdb")) as connection:
        connection.execute("create table t (a integer primary key, b varchar)")
    office = Office("duckdb:///./c.duckdb", tmp_path, "duckdb")
    functions = (
        "  get: {parameters: {a: {}}, sql: 'select b from t where a = :a'}\n"
        "  put: {effect: write, parameters: {b: {}}, statements: ['insert into t (a, b) values (1, :b)']}\n"
    )
    office.open("put: {effect: write, statements: [delete from t]}")
    text = HEAD.replace("{url}", office.url) + functions
    adapter = parse_adapter(text, "courses.yaml", tmp_path, OnlySql(), {}).adapter
    assert adapter is not None
    await office.value("put", {})  # which keeps the file open for changes
    try:
        found = await KIND.verify(adapter, {}, office.backend)
    finally:
        await office.backend.close()

    assert found.findings == ()
    assert found.types == {
        "get.a": '{"type": "integer"}',
        "get -> b": "varchar",
        "put.b": '{"type": "string"}',
    }
