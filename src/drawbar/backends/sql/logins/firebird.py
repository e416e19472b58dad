"""What Firebird lets a login do: as the owner or an administrator everything, else what was granted.

Its grants on reading hold for whole tables, so the columns are kept by the gateway or by a view. In a database that
is opened as a file there are no passwords, but the grants hold for the name.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from drawbar.backends.sql.dialect import FIREBIRD
from drawbar.backends.sql.logins.excess import Needed, Wide, rows
from drawbar.backends.sql.session import Session

_WHO = """
select trim(current_user), trim(current_role),
    (select trim(rdb$owner_name) from rdb$relations where rdb$relation_name = 'RDB$DATABASE')
from rdb$database
"""
_GRANTED = """
select trim(p.rdb$relation_name), trim(p.rdb$privilege), trim(p.rdb$user), trim(cast(p.rdb$object_type as varchar(5))),
    trim(cast(p.rdb$user_type as varchar(5))), trim(coalesce(r.rdb$owner_name, ''))
from rdb$user_privileges p left join rdb$relations r on r.rdb$relation_name = p.rdb$relation_name
where ((p.rdb$user_type = 8 and p.rdb$user in (current_user, 'PUBLIC')) or (p.rdb$user_type = 13 and p.rdb$user = current_role))
and coalesce(r.rdb$system_flag, 0) = 0 and p.rdb$relation_name not starting with 'RDB$'
    and p.rdb$relation_name not starting with 'MON$' and p.rdb$relation_name not starting with 'SEC$'
order by 1, 2
"""
_PRIVILEGES = {"S": "select", "I": "insert", "U": "update", "D": "delete"}
_TABLES = {"0", "1"}
_GENERATOR = "14"
_MAKES = {"C": "create", "L": "alter any", "O": "drop any"}
_ROLE = "13"


def of_firebird(session: Session, needed: Needed) -> Iterator[Wide]:
    ((user, role, owner),) = rows(session, _WHO)
    if user in {"SYSDBA", owner} or role == "RDB$ADMIN":
        why = "is the owner of the database" if user == owner else "is an administrator"
        yield Wide(f"{why}, who may do everything", "create user ANOTHER password '...'")
        return
    by_table: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name, privilege, grantee, sort, to, owned_by in rows(session, _GRANTED):
        whom = f"{'role' if to == _ROLE else 'user'} {grantee}"
        if privilege in _MAKES:
            what = f"{_MAKES[privilege]} {name.removeprefix('SQL$').lower()}"
            yield Wide(f"may {what}", f"revoke {what} from {whom}")
        elif sort == _GENERATOR and not needed.changes:
            shown = FIREBIRD.column(name)
            mend = f"revoke usage on sequence {shown} from {whom}"
            yield Wide(f"may count up the sequence {shown}", mend)
        elif sort in _TABLES and owned_by != user:
            word = _PRIVILEGES.get(privilege)
            if word is not None and _is_too_much(word, name, needed):
                by_table[name, whom].append(word)
    for (name, whom), words in by_table.items():
        shown, may = FIREBIRD.column(name), ", ".join(dict.fromkeys(words))
        yield Wide(f"may {may} in {shown}", f"revoke {may} on {shown} from {whom}")
    yield from _owned(session, user)


def _is_too_much(word: str, name: str, needed: Needed) -> bool:
    if word != "select":
        return not needed.changes
    listed = [table.name for table in needed.tables or ()]
    return needed.tables is not None and name not in {*listed, *map(str.upper, listed)}


def _owned(session: Session, user: str) -> Iterator[Wide]:
    quoted = user.replace("'", "''")
    text = (
        "select trim(rdb$relation_name) from rdb$relations "  # noqa: S608 -- the database's own word, quoted
        f"where coalesce(rdb$system_flag, 0) = 0 and rdb$owner_name = '{quoted}'"
    )
    for (name,) in rows(session, text):
        yield Wide(
            f"owns {FIREBIRD.column(name)}", "make it as another user, and grant what is needed"
        )
