"""What PostgreSQL lets a login do: its attributes, its roles, and what was granted to it, to a role or to everybody."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from drawbar.backends.sql.logins.excess import Needed, Wide, named, rows
from drawbar.backends.sql.plan import FreeTable
from drawbar.backends.sql.session import Session

_ROLE = """
select quote_ident(rolname), rolsuper::text, rolcreaterole::text, rolcreatedb::text, rolreplication::text, rolbypassrls::text
from pg_roles where rolname = current_user
"""
_ATTRIBUTES = {
    "superuser": "is a superuser, who may do everything",
    "createrole": "may make roles",
    "createdb": "may make databases",
    "replication": "may copy the whole server (replication)",
    "bypassrls": "is not held by row-level security",
}
_MEMBER = """
select quote_ident(rolname) from pg_roles
where rolname in ('pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program', 'pg_write_all_data',
    'pg_read_all_data', 'pg_signal_backend', 'pg_checkpoint', 'pg_maintain', 'pg_create_subscription')
and pg_has_role(current_user, oid, 'member')
"""
_READS_ALL = "pg_read_all_data"
_USABLE = """
n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and has_schema_privilege(n.oid, 'usage')
and c.relkind in ('r', 'p', 'v', 'm', 'f')
"""
_GRANTED = f"""
select format('%I.%I', n.nspname, c.relname), n.nspname::text, c.relname::text, pg_table_is_visible(c.oid)::text,
    case a.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end,
    (a.grantee = c.relowner)::text, lower(a.privilege_type)
from pg_class c join pg_namespace n on n.oid = c.relnamespace,
    aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) a
where {_USABLE} and (a.grantee = 0 or pg_has_role(current_user, a.grantee, 'usage'))
union
select format('%I.%I', n.nspname, c.relname), n.nspname::text, c.relname::text, pg_table_is_visible(c.oid)::text,
    case a.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end,
    'false', format('%s (%I)', lower(a.privilege_type), t.attname)
from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute t on t.attrelid = c.oid, aclexplode(t.attacl) a
where {_USABLE} and (a.grantee = 0 or pg_has_role(current_user, a.grantee, 'usage'))
order by 1, 5, 7
"""  # noqa: S608 -- of texts of this module
_SCHEMAS = """
select quote_ident(nspname),
    case when has_schema_privilege('public', oid, 'create') then 'public' else quote_ident(current_user) end
from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema' and has_schema_privilege(oid, 'create')
"""
_COLUMNS = f"""
select format('%I.%I', n.nspname, c.relname), n.nspname::text, c.relname::text, pg_table_is_visible(c.oid)::text, t.attname::text
from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute t on t.attrelid = c.oid
where {_USABLE} and t.attnum > 0 and not t.attisdropped and has_column_privilege(c.oid, t.attnum, 'select')
order by 1, t.attnum
"""  # noqa: S608 -- as above
_DEFINERS = """
select format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)), n.nspname::text, p.proname::text,
    case p.prokind when 'p' then 'procedure' else 'function' end, quote_ident(o.rolname), o.rolsuper::text,
    (p.provolatile = 'v')::text,
    case when exists (select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a where a.grantee = 0)
        then 'public' else quote_ident(current_user) end
from pg_proc p join pg_namespace n on n.oid = p.pronamespace join pg_roles o on o.oid = p.proowner
where p.prosecdef and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and o.rolname <> current_user
and has_schema_privilege(n.oid, 'usage') and has_function_privilege(p.oid, 'execute')
and p.prorettype not in ('trigger'::regtype, 'event_trigger'::regtype)
and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
order by 1
"""
_WRITES = {"insert", "update", "delete", "truncate"}


def of_postgresql(session: Session, needed: Needed) -> Iterator[Wide]:
    of_role = rows(session, _ROLE)[0]
    role = of_role[0]
    has = [word for word, value in zip(_ATTRIBUTES, of_role[1:], strict=True) if value == "true"]
    for word in has:
        yield Wide(_ATTRIBUTES[word], f"alter role {role} no{word}")
    if "superuser" in has:
        return  # everything else would follow from that
    for (member,) in rows(session, _MEMBER):
        if member != _READS_ALL or needed.tables is not None:
            yield Wide(f"has the role {member}", f"revoke {member} from {role}")
    for schema, grantee in rows(session, _SCHEMAS):
        yield Wide(
            f"may make tables in the schema {schema}",
            f"revoke create on schema {schema} from {grantee}",
        )
    yield from _granted(rows(session, _GRANTED), needed)
    yield from _definers(rows(session, _DEFINERS), needed)
    if needed.tables is not None:
        yield from _unlisted_columns(rows(session, _COLUMNS), needed.tables, role)


def _definers(found: Sequence[Sequence[str]], needed: Needed) -> Iterator[Wide]:
    """Routines that work with the rights of their owner, whoever calls them, and that no function calls."""
    for shown, schema, name, sort, owner, is_super, may_write, grantee in found:
        if needed.calls(schema, name) or "true" not in {is_super, may_write}:
            continue
        of_owner = f"{owner}, a superuser" if is_super == "true" else owner
        does = ", which may change something" if may_write == "true" else ""
        yield Wide(
            f"may call {shown} with the rights of {of_owner}{does} (security definer)",
            f"revoke execute on {sort} {shown} from {grantee}",
        )


def _granted(found: Sequence[Sequence[str]], needed: Needed) -> Iterator[Wide]:
    owned: dict[str, list[str]] = defaultdict(list)
    granted: dict[tuple[str, tuple[str, ...]], list[str]] = defaultdict(list)
    by_table: dict[tuple[str, str], list[str]] = defaultdict(list)
    for table, schema, name, visible, grantee, is_owner, privilege in found:
        if is_owner == "true":
            if table not in owned[grantee]:
                owned[grantee].append(table)
        elif _is_too_much(privilege, needed, is_listed=_is_listed(needed, schema, name, visible)):
            by_table[table, grantee].append(privilege)
    for (table, grantee), privileges in by_table.items():
        granted[grantee, tuple(privileges)].append(table)
    for grantee, tables in owned.items():
        mend = "; ".join(f"alter table {table} owner to ANOTHER_ROLE" for table in tables)
        yield Wide(f"owns {named(tables)} (as {grantee})", mend)
    for (grantee, may), together in granted.items():
        words = ", ".join(may)
        mend = f"revoke {words} on {', '.join(together)} from {grantee}"
        yield Wide(f"may {words} in {named(together)}", mend)


def _is_too_much(privilege: str, needed: Needed, *, is_listed: bool | None) -> bool:
    word = privilege.partition(" ")[0]
    if word == "select":
        return is_listed is False
    return not (needed.changes and word in _WRITES)


def _is_listed(needed: Needed, schema: str, name: str, visible: str) -> bool | None:
    """None: what is read is not looked at."""
    if needed.tables is None:
        return None
    return any(_is_it(table, schema, name, visible) for table in needed.tables)


def _is_it(table: FreeTable, schema: str, name: str, visible: str) -> bool:
    in_schema = visible == "true" if table.schema is None else table.schema == schema
    return table.name == name and in_schema


def _unlisted_columns(
    found: Sequence[Sequence[str]], tables: tuple[FreeTable, ...], role: str
) -> Iterator[Wide]:
    """Of tables that are listed; these the gateway keeps by itself."""
    extra: dict[str, list[str]] = defaultdict(list)
    listed: dict[str, FreeTable] = {}
    for shown, schema, name, visible, column in found:
        table = next((each for each in tables if _is_it(each, schema, name, visible)), None)
        if table is not None and column not in table.columns:
            extra[shown].append(column)
            listed[shown] = table
    for shown, columns in extra.items():
        kept = ", ".join(listed[shown].columns)
        mend = f"revoke select on {shown} from {role}; grant select ({kept}) on {shown} to {role}"  # noqa: S608 -- shown
        yield Wide(
            f"may read {named(columns)} of {shown}, which no query lists", mend, is_grave=False
        )
