"""What MariaDB lets a login do: its own grants, those of its roles, and those of everybody."""

from __future__ import annotations

import re
from collections.abc import Iterator

from drawbar.backends.sql.logins.excess import Needed, Wide, named, rows
from drawbar.backends.sql.plan import FreeTable
from drawbar.backends.sql.session import Session

_GRANT = re.compile(
    r"GRANT (?P<what>.+?) ON (?P<on>\S+|`[^`]*`\.(?:\*|`[^`]*`)) TO (?P<to>PUBLIC|`[^`]*`(?:@`[^`]*`)?)(?P<rest>.*)"
)
_PRIVILEGE = re.compile(r"([A-Z ]+[A-Z])(?: \(([^)]*)\))?")
_READS = {"USAGE", "SELECT", "SHOW VIEW", "SHOW DATABASES", "EXECUTE", "SHOW CREATE ROUTINE"}
_CHANGES = {"INSERT", "UPDATE", "DELETE", "LOCK TABLES", "CREATE TEMPORARY TABLES"}
_PRACTICE = ("`test`.", "`test\\_%`.", "`test\\\\_%`.")
"""Databases that MariaDB itself gives to everybody."""


def of_mariadb(session: Session, needed: Needed) -> Iterator[Wide]:
    (database,), *_ = rows(session, "select coalesce(database(), '')")
    for (line,) in rows(session, "show grants"):
        grant = _GRANT.fullmatch(line)
        if grant is not None:
            yield from _of_grant(grant, needed, database)
    yield from _definers(session, needed)


_DEFINERS = """
select routine_schema, routine_name, lower(routine_type), definer, sql_data_access
from information_schema.routines
where security_type = 'DEFINER' and definer <> current_user() and routine_schema not in ('sys', 'mysql')
order by 1, 2
"""
_READING = {"READS SQL DATA", "NO SQL"}
"""What a routine says of itself; MariaDB does not keep it to that."""


def _definers(session: Session, needed: Needed) -> Iterator[Wide]:
    """Routines that work with the rights of their definer, and that no function calls; the login sees what it may use."""
    for schema, name, sort, definer, access in rows(session, _DEFINERS):
        if needed.calls(schema, name) or access in _READING:
            continue
        shown = f"`{schema}`.`{name}`"
        yield Wide(
            f"may call {shown} with the rights of {definer}, which may change something (sql security definer)",
            f"alter {sort} {shown} sql security invoker",
        )


def _of_grant(grant: re.Match[str], needed: Needed, database: str) -> Iterator[Wide]:
    what, on, to = grant["what"], grant["on"], grant["to"]
    is_grave = not (to == "PUBLIC" and on.startswith(_PRACTICE))
    if what.startswith("PROXY"):
        yield Wide(f"may act for others (proxy on {on})", f"revoke proxy on {on} from {to}")
        return
    if "WITH GRANT OPTION" in grant["rest"]:
        yield Wide(f"may give its rights on {on} away", f"revoke grant option on {on} from {to}")
    if what == "ALL PRIVILEGES":
        needs = ", ".join(["select", *(["insert", "update", "delete"] if needed.changes else [])])
        mend = f"revoke all privileges on {on} from {to}; grant {needs} on TABLE to {to}"
        yield Wide(f"may do everything on {on}", mend, is_grave)
        return
    privileges = {name.strip(): columns for name, columns in _PRIVILEGE.findall(what)}
    known = _READS | (_CHANGES if needed.changes else set())
    if extra := [name for name in privileges if name not in known]:
        words = ", ".join(
            f"{name.lower()} ({privileges[name]})" if privileges[name] else name.lower()
            for name in extra
        )
        yield Wide(f"may {words} on {on}", f"revoke {words} on {on} from {to}", is_grave)
    if needed.tables is not None and "SELECT" in privileges:
        yield from _reads(on, to, privileges["SELECT"], needed.tables, database, is_grave=is_grave)


def _reads(
    on: str, to: str, columns: str, tables: tuple[FreeTable, ...], database: str, *, is_grave: bool
) -> Iterator[Wide]:
    """What a login of free queries may read beyond its tables and columns."""
    schema, _, name = on.partition(".")
    table = next((each for each in tables if _is_it(each, schema, name, database)), None)
    if table is None:
        mend = f"revoke select on {on} from {to}"  # noqa: S608 -- shown to people
        yield Wide(f"may read {on}, which no query lists", mend, is_grave)
        return
    may = [each.strip(" `") for each in columns.split(",")] if columns else None
    extra = None if may is None else [each for each in may if each not in table.columns]
    if extra == []:
        return
    what = "all columns" if extra is None else named(extra)
    kept = ", ".join(table.columns)
    mend = f"grant select ({kept}) on {on} to {to}; revoke select on {on} from {to}"  # noqa: S608 -- as above
    if extra:
        mend = f"revoke select ({', '.join(extra)}) on {on} from {to}"  # noqa: S608 -- as above
    yield Wide(f"may read {what} of {on}, which no query lists", mend, is_grave=False)


def _is_it(table: FreeTable, schema: str, name: str, database: str) -> bool:
    wanted = table.schema or database
    return (
        schema.strip("`").replace("\\", "") == wanted
        and name.strip("`").lower() == table.name.lower()
    )
