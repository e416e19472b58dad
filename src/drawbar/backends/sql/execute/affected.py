"""How many rows a routine has changed, as far as the database counts what its sessions do."""

from __future__ import annotations

from collections.abc import Mapping

from drawbar.backends.sql.plan import Statement
from drawbar.backends.sql.session import Session

_COUNTED: Mapping[str, str] = {
    "postgresql": """select coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0)::bigint as changed
    from pg_catalog.pg_stat_xact_user_tables""",
    "mariadb": """select cast(sum(variable_value) as signed) as changed from information_schema.session_status
    where variable_name in ('HANDLER_WRITE', 'HANDLER_UPDATE', 'HANDLER_DELETE')""",
    "firebird": """select r.mon$record_inserts + r.mon$record_updates + r.mon$record_deletes as changed
    from mon$transactions t join mon$record_stats r on r.mon$stat_id = t.mon$stat_id
    where t.mon$transaction_id = current_transaction""",
}
TELLS_CHANGES = frozenset(_COUNTED)
"""Names of dialects. What triggers and foreign keys change counts too; on MariaDB also rows of temporary tables."""
_ONCE = {"firebird"}
"""Its counters are looked at once in a transaction, and all of them begin with it."""


def changed_before(session: Session, dialect: str) -> int:
    """What was counted before the routine is called."""
    return 0 if dialect in _ONCE else _changed(session, dialect)


def changed_since(session: Session, dialect: str, before: int, *, own: int) -> int:
    """Rows that the routine has changed; `own`: those that we ourselves had changed before it in the transaction."""
    return _changed(session, dialect) - (own if dialect in _ONCE else before)


def _changed(session: Session, dialect: str) -> int:
    text = _COUNTED[dialect]
    (row,) = session.look_up(Statement(text, (), text), {}, 1).rows
    (held,) = row.values()
    return int(str(held.shown))
