"""Which statements belong where: default-deny on what a reading and a change may be.

This is the author's safety net, not the wall: at run time readings are held by a connection that cannot
write (SQLite) or a read-only transaction (servers).
"""

from __future__ import annotations

from collections.abc import Container, Iterator

from sqlglot import exp

from drawbar.backends.sql.dialect import Dialect
from drawbar.backends.sql.parse import Found, Parsed

_QUERIES = (exp.Query, exp.Values)
_CHANGES = (exp.Insert, exp.Update, exp.Delete, exp.Merge)
_DEFINITIONS = (exp.Drop, exp.TruncateTable)
# Functions that reach beyond the rows of a select, and that a read-only transaction lets through.
_REACHING = frozenset(
    {
        "benchmark",
        "csvread",
        "csvwrite",
        "cursor_to_xml",
        "database_to_xml",
        "edit",
        "file_read",
        "file_write",
        "fts3_tokenizer",
        "gen_id",
        "get_lock",
        "getenv",
        "is_free_lock",
        "is_used_lock",
        "link_schema",
        "lo_creat",
        "lo_create",
        "lo_export",
        "lo_from_bytea",
        "lo_import",
        "lo_open",
        "lo_put",
        "lo_truncate",
        "lo_unlink",
        "load_extension",
        "load_file",
        "lowrite",
        "master_gtid_wait",
        "master_pos_wait",
        "nextval",
        "opendatasource",
        "openquery",
        "openrowset",
        "pg_cancel_backend",
        "pg_create_logical_replication_slot",
        "pg_create_physical_replication_slot",
        "pg_create_restore_point",
        "pg_drop_replication_slot",
        "pg_export_snapshot",
        "pg_log_backend_memory_contexts",
        "pg_logical_emit_message",
        "pg_ls_dir",
        "pg_notify",
        "pg_promote",
        "pg_read_binary_file",
        "pg_read_file",
        "pg_reload_conf",
        "pg_rotate_logfile",
        "pg_stat_file",
        "pg_switch_wal",
        "pg_terminate_backend",
        "query_to_xml",
        "query_to_xml_and_xmlschema",
        "rdb$set_context",
        "read_blob",
        "read_text",
        "readfile",
        "release_all_locks",
        "release_lock",
        "schema_to_xml",
        "set_config",
        "setval",
        "sys_eval",
        "sys_exec",
        "table_to_xml",
        "ts_rewrite",
        "ts_stat",
        "writefile",
    }
)

_FAMILIES = (
    "dblink",
    "pg_advisory_",
    "pg_try_advisory_",
    "pg_replication_",
    "pg_stat_reset",
    "pg_wal_replay_",
    "xp_",
)
"""How the names of others begin."""
_LOCKING_HINTS = frozenset({"holdlock", "serializable", "tablock", "tablockx", "updlock", "xlock"})
_PACKAGES = ("dbms_", "utl_")
"""Of Oracle."""


def is_change(parsed: Parsed) -> bool:
    """Whether it inserts, updates, deletes or merges, also inside a `with`."""
    return _first(parsed, *_CHANGES) is not None or isinstance(parsed.tree, _DEFINITIONS)


def _first(parsed: Parsed, *kinds: type[exp.Expr]) -> exp.Expr | None:
    return next((node for node in parsed.noted if isinstance(node, kinds)), None)


def has_rows(tree: exp.Expr) -> bool:
    return isinstance(tree, _QUERIES) or tree.args.get("returning") is not None


def check_reading(parsed: Parsed) -> Iterator[Found]:
    """What keeps a statement from being a reading."""
    tree = parsed.tree
    if not isinstance(tree, _QUERIES):
        if is_change(parsed):
            yield Found(
                "DB309",
                f"{_word(tree)} changes the database, and this place only reads",
                "write it under `statements`, with `effect: write` or `effect: destroy`",
            )
        else:
            yield Found("DB310", f"{_word(tree)} cannot stand here", "write one select")
        return
    yield from check_inside(parsed)


def check_inside(parsed: Parsed) -> Iterator[Found]:
    """What no part of a reading may hold."""
    if hidden := _first(parsed, *_CHANGES):
        yield Found(
            "DB309",
            f"{_word(hidden)} inside `with` changes the database, and this place only reads",
            "write it under `statements`, with `effect: write` or `effect: destroy`",
        )
    if _first(parsed, exp.Into) or parsed.tree.args.get("into"):
        yield Found("DB309", "`select into` makes a table, and this place only reads", None)
    if _first(parsed, exp.Lock) or _is_locked_by_hint(parsed):
        yield Found(
            "DB309",
            "`for update`, `for share` and `with (updlock)` lock rows, and this place only reads",
            "leave it out; `statements` run in a serializable transaction, which needs no locks",
        )
    yield from _reaching(parsed)


def _is_locked_by_hint(parsed: Parsed) -> bool:
    """SQL Server's word for it; `nolock` and others lock nothing."""
    return any(
        word.name.lower() in _LOCKING_HINTS
        for node in parsed.noted
        if isinstance(node, exp.WithTableHint)
        for word in node.expressions
    )


def check_change(parsed: Parsed, dialect: Dialect) -> Iterator[Found]:
    """What keeps a statement from being a step of a business operation."""
    tree = parsed.tree
    if dialect.definitions_commit and isinstance(tree, _DEFINITIONS):
        yield Found(
            "DB310",
            f"{_word(tree)} commits what stands before it in {dialect.title}, so nothing could be undone",
            "write `delete`",
        )
    if not isinstance(tree, (*_QUERIES, *_CHANGES, *_DEFINITIONS)):
        yield Found(
            "DB310",
            f"{_word(tree)} cannot stand under `statements`",
            "write insert, update, delete, merge, or a select of a function",
        )
    elif _first(parsed, exp.Into):
        yield Found("DB310", "`select into` makes a table, which is no business operation", None)
    yield from _reaching(
        parsed, but={"gen_id", "nextval", "setval", "pg_notify", "pg_advisory_xact_lock"}
    )


def _reaching(parsed: Parsed, but: Container[str] = ()) -> Iterator[Found]:
    for call in parsed.noted:
        name = _called(call)
        if name in but or not (name in _REACHING or name.startswith((*_FAMILIES, *_PACKAGES))):
            continue
        message = f"`{name}()` reaches beyond the rows of a statement and is not allowed"
        yield Found("DB318", message)


def _called(node: exp.Expr) -> str:
    """The name of a function that is called here, with the package in front of it where that tells what it is."""
    if isinstance(node, exp.NextValueFor):
        return "nextval"
    if not isinstance(node, exp.Anonymous):
        return ""
    name = node.name.lower()
    outer = node.parent
    package = outer.this.name.lower() if isinstance(outer, exp.Dot) else ""
    return f"{package}.{name}" if package.startswith(_PACKAGES) else name


def check_columns(parsed: Parsed, dialect: Dialect) -> Iterator[Found]:
    """Each result column has a name, and no two have the same."""
    seen: set[str] = set()
    for index, name in enumerate(_names(parsed, dialect), 1):
        if name is None:
            column = _projection(parsed.tree)[index - 1]
            yield Found(
                "DB312",
                f"result column {index}, `{_shown(column)}`, has no name",
                "give it one: `... as name`",
            )
        elif name in seen:
            yield Found(
                "DB313",
                f"two result columns are called `{name}`, and only one of them would be answered",
                "rename one: `... as name`",
            )
        else:
            seen.add(name or f"*{index}")


def column_names(parsed: Parsed, dialect: Dialect) -> tuple[str, ...] | None:
    """Names of the result columns; None where a `*` hides them."""
    names = _names(parsed, dialect)
    return None if "" in names or None in names else tuple(name for name in names if name)


def _names(parsed: Parsed, dialect: Dialect) -> tuple[str | None, ...]:
    if parsed.columns is None:
        columns = _projection(parsed.tree)
        parsed.columns = tuple([column_name(column, dialect) for column in columns])
    return parsed.columns


def _projection(tree: exp.Expr) -> list[exp.Expr]:
    if isinstance(tree, exp.Query):
        return list(tree.selects)
    returning = tree.args.get("returning")
    return list(returning.expressions) if returning else []


def column_name(column: exp.Expr, dialect: Dialect) -> str | None:
    """The name of a result column; "" for `*`, None for an expression without one."""
    if column.is_star:
        return ""
    if isinstance(column, exp.Alias):
        named = column.args["alias"]
    elif isinstance(column, exp.Column):
        named = column.this
    elif isinstance(column, exp.Subquery) and column.alias:
        named = column.args["alias"].this
    else:
        return None
    quoted = not isinstance(named, exp.Identifier) or bool(named.quoted)
    return dialect.column(str(named.name), quoted=quoted)


def _shown(column: exp.Expr) -> str:
    text = column.sql(comments=False)
    return text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004 -- fits on one line


def _word(tree: exp.Expr) -> str:
    word = str(tree.this) if isinstance(tree, exp.Command) else type(tree).__name__
    return f"`{word.lower()}`"
