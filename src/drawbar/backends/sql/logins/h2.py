"""What H2 lets a login do: as an administrator everything, else what was granted to it, to its roles and to everybody."""

from __future__ import annotations

from collections.abc import Iterator

from drawbar.backends.sql.logins.excess import Needed, Wide, rows
from drawbar.backends.sql.session import Session

_WHO = "select user_name from information_schema.users where is_admin and user_name = current_user"
_GRANTED = """
select table_schema, table_name, lower(privilege_type), grantee
from information_schema.table_privileges
where grantee = current_user or grantee in (select role_name from information_schema.roles)
order by 1, 2, 3
"""
_WRITES = {"insert", "update", "delete"}


def of_h2(session: Session, needed: Needed) -> Iterator[Wide]:
    for (user,) in rows(session, _WHO):
        yield Wide(
            "is an administrator, who may do everything, also run code of the machine",
            f'alter user "{user}" admin false',
        )
        return
    listed = {
        (None if table.schema is None else table.schema.upper(), table.name.upper())
        for table in needed.tables or ()
    }
    for schema, name, word, grantee in rows(session, _GRANTED):
        is_listed = {(None, name.upper()), (schema.upper(), name.upper())} & listed
        too_much = word in _WRITES and not needed.changes
        if word == "select":
            too_much = needed.tables is not None and not is_listed
        if too_much:
            shown = f'"{schema}"."{name}"'
            yield Wide(f"may {word} in {shown}", f'revoke {word} on {shown} from "{grantee}"')
