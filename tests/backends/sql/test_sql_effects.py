"""A reading that would do more than read is a mistake of the author, in the words of every dialect."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import URLS, compile_text

DIALECTS = {
    **{name: (url, "") for name, url in URLS.items()},
    "duckdb": ("duckdb:///./x.duckdb", ""),
    "firebird": ("firebird://db/x", ""),
    **{name: ("odbc:DSN=x", f"dialect: {name}") for name in ("sqlserver", "oracle", "h2", "db2")},
}
NOT_READINGS = {
    "sqlite": (
        "replace into t values (1)",
        "with x as (delete from t returning a) select a from x",
        "explain select a from t",
        "pragma user_version",
        "attach 'x' as y",
        "select load_extension('x') as a",
        "select \"load_extension\"('x') as a",
        "select [writefile]('x', 'y') as a",
    ),
    "postgresql": (
        "select a into x from t",
        "with x as (delete from t returning a) select a from x",
        "explain analyze delete from t",
        "merge into t using u on t.a = u.a when matched then delete",
        "copy t to program 'x'",
        "do $$ begin end $$",
        "select a from t for no key update",
        "select nextval('s') as a",
        "select setval('s', 1) as a",
        "select pg_catalog.set_config('a', 'b', true) as a",
        "select \"set_config\"('a', 'b', true) as a",
        "select pg_advisory_lock_shared(1) as a",
        "select pg_try_advisory_xact_lock(1) as a",
        "select pg_advisory_unlock_all() as a",
        "select lo_import('x') as a",
        "select lo_from_bytea(0, 'x') as a",
        "select lo_truncate(1, 1) as a",
        "select dblink_open('a', 'b') as a",
        "select * from dblink('x', 'y') as t(a int)",
        "select * from pg_read_file('x')",
        "select pg_stat_reset_shared('bgwriter') as a",
        "select pg_replication_origin_create('x') as a",
        "select database_to_xml(true, true, '') as a",
        "select ts_stat('delete from t') as a",
    ),
    "mariadb": (
        "select a from t into outfile 'x'",
        "select a into dumpfile 'x' from t",
        "select a from t into @x",
        "select @a := 1 as a",
        "replace into t values (1)",
        "select a from t lock in share mode",
        "handler t open",
        "call p()",
        "analyze select a from t",
        "select a from t /*! for update */",
        "select next value for s as a",
        "select nextval(s) as a",
        "select get_lock('a', 1) as a",
        "select is_used_lock('a') as a",
        "select master_gtid_wait('x') as a",
        "select load_file('x') as a",
        "select benchmark(1, 1) as a",
    ),
    "duckdb": (
        "copy t to 'x'",
        "insert or replace into t values (1)",
        "with x as (select 1 as a) delete from t",
        "install x",
        "export database 'x'",
        "select nextval('s') as a",
        "select getenv('x') as a",
        "select * from read_text('x')",
    ),
    "firebird": (
        "update or insert into t values (1)",
        "execute block as begin end",
        "select a from t with lock",
        "select gen_id(g, 1) as a from rdb$database",
        "select next value for g as a from rdb$database",
        "select rdb$set_context('USER_SESSION', 'a', 'b') as a from rdb$database",
    ),
    "sqlserver": (
        "select a into x from t",
        "select 1 as a delete from t",
        "exec('x')",
        "waitfor delay '0:0:1'",
        "with x as (select a from t) delete from x",
        "select a from t with (updlock)",
        "select next value for s as a",
        "select xp_cmdshell('x') as a",
        "select * from openrowset('a', 'b', 'c')",
        "select * from openquery(a, 'b')",
    ),
    "oracle": (
        "select a from t for update",
        "merge into t using u on (t.a = u.a) when matched then delete",
        "begin null; end;",
        "explain plan for select a from t",
        "select utl_http.request('x') as a from dual",
        "select dbms_pipe.receive_message('a', 1) as a from dual",
    ),
    "h2": (
        "script to 'x'",
        "merge into t values (1)",
        "select nextval('s') as a",
        "select file_write('x', 'y') as a",
        "select csvwrite('x', 'y') as a",
        "select * from csvread('x')",
        "select link_schema('a', 'b', 'c', 'd', 'e', 'f') as a",
    ),
    "db2": (
        "select a from final table (insert into t values (1))",
        "select a from old table (delete from t)",
        "select next value for s as a from sysibm.sysdummy1",
        "select a from t for update",
    ),
}
READINGS = {
    "sqlserver": ("select a from t with (nolock)",),
    "mariadb": ("select last_value(a) over (order by a) as b from t",),
    "postgresql": ("select lo_price, query from t", "select hr.price(a) as b from t"),
}


def errors(dialect: str, sql: str, folder: Path) -> list[str]:
    url, options = DIALECTS[dialect]
    problems = compile_text(f"f:\n  sql: |\n    {sql}", url, folder, options).problems
    return [str(each) for each in problems if each.severity == "error"]


@pytest.mark.parametrize("dialect", NOT_READINGS)
def test_what_does_more_than_read_is_a_mistake(dialect: str, tmp_path: Path) -> None:
    passed = [sql for sql in NOT_READINGS[dialect] if not errors(dialect, sql, tmp_path)]

    assert passed == []


@pytest.mark.parametrize("dialect", READINGS)
def test_what_only_looks_alike_is_none(dialect: str, tmp_path: Path) -> None:
    assert [errors(dialect, sql, tmp_path) for sql in READINGS[dialect]] == [[]] * len(
        READINGS[dialect]
    )
