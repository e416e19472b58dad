"""Whether a procedure of MariaDB that failed had committed something: it may end the transaction that it is called in.

A savepoint is gone once its transaction has ended; how it has ended, the session's own counters of commands tell.
Where the adapter says `transaction: none`, the transaction around the call is read only, so that nothing can be changed
before the procedure begins one of its own. Its beginning then commits nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import pymysql

_SAVEPOINT = "drawbar_call"
_NO_SAVEPOINT = 1305
_SUCH_AS_SELECT = {
    *("call_procedure", "select", "do", "signal", "resignal", "get_diagnostics", "show_status"),
    *("insert", "insert_select", "update", "update_multi", "delete", "delete_multi"),
    *("replace", "replace_select", "create_temporary_table", "drop_temporary_table"),
    *("savepoint", "release_savepoint", "rollback", "rollback_to_savepoint"),
    *("execute_immediate", "prepare_sql", "execute_sql", "dealloc_sql"),
    *("stmt_prepare", "stmt_execute", "stmt_close", "stmt_fetch"),
}
"""Commands that commit nothing; what is not here might."""
_BEGIN = "begin"


class Before(NamedTuple):
    """How things stood before the call."""

    is_guarded: bool
    """In a transaction of ours, which holds what the procedure does."""
    commands: Mapping[str, int]


def before_call(connection: Any, *, is_guarded: bool) -> Before:
    """Drivers are untyped, so connections are Any."""
    connection.query(f"savepoint {_SAVEPOINT}")
    return Before(is_guarded, _commands(connection))


def has_committed(connection: Any, before: Before) -> bool:
    """Raises pymysql.Error."""
    try:
        connection.query(f"rollback to savepoint {_SAVEPOINT}")
    except pymysql.err.OperationalError as error:
        if error.args[0] != _NO_SAVEPOINT:
            raise
    else:
        return False
    counted = _commands(connection)
    more = {name for name in counted if counted[name] > before.commands.get(name, 0)}
    begun = counted.get(_BEGIN, 0) - before.commands.get(_BEGIN, 0)
    return not (more <= _SUCH_AS_SELECT | {_BEGIN} and begun <= (0 if before.is_guarded else 1))


def _commands(connection: Any) -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute("show session status like 'Com\\_%'")
        return {name[len("Com_") :].lower(): int(count) for name, count in cursor.fetchall()}
