r"""The tables. Columns hold what queries look for; everything else of a record is in its JSON column.

SQLite and PostgreSQL have the same tables. JSON is text in both (`JSON`, not `JSONB`), so keys keep their
order and `\u0000` survives. Ids sort by time, and compare byte by byte.
"""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)


def id_type() -> sa.types.TypeEngine[str]:
    return sa.String().with_variant(sa.String(collation="C"), "postgresql")


assistants = sa.Table(
    "assistants",
    metadata,
    sa.Column("id", id_type(), primary_key=True),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("body", sa.JSON, nullable=False),
)

threads = sa.Table(
    "threads",
    metadata,
    sa.Column("id", id_type(), primary_key=True),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("body", sa.JSON, nullable=False),
)

messages = sa.Table(
    "messages",
    metadata,
    sa.Column("id", id_type(), primary_key=True),
    sa.Column(
        "thread_id", id_type(), sa.ForeignKey("threads.id", ondelete="CASCADE"), nullable=False
    ),
    sa.Column("run_id", id_type()),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("status", sa.String, nullable=False),
    sa.Column("metadata", sa.JSON, nullable=False),
    sa.Column("body", sa.JSON, nullable=False),
    sa.Index("ix_messages_thread_id_id", "thread_id", "id"),
)

IS_ACTIVE = sa.text("status IN ('queued', 'in_progress', 'requires_action', 'cancelling')")
"""Of runs that lock their thread."""

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("id", id_type(), primary_key=True),
    sa.Column(
        "thread_id", id_type(), sa.ForeignKey("threads.id", ondelete="CASCADE"), nullable=False
    ),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("status", sa.String, nullable=False),
    sa.Column("epoch", sa.Integer, nullable=False),
    sa.Column("owner", id_type(), nullable=False),
    sa.Column("cancel_requested", sa.Boolean, nullable=False),
    sa.Column("expires_at", sa.BigInteger),
    # When the events of an ended run may go; empty once they are gone.
    sa.Column("events_until", sa.BigInteger),
    sa.Column("last_seq", sa.BigInteger, nullable=False),
    sa.Column("metadata", sa.JSON, nullable=False),
    sa.Column("snapshot", sa.JSON, nullable=False),
    sa.Column("state", sa.JSON, nullable=False),
    sa.Index("ix_runs_thread_id_id", "thread_id", "id"),
    # One active run per thread: this index is the thread's lock.
    sa.Index("uq_runs_active_thread", "thread_id", unique=True),
    # What is looked for once a second: active runs by their expiry.
    sa.Index("ix_runs_active", "expires_at"),
    sa.Index("ix_runs_events_until", "events_until"),
)

run_steps = sa.Table(
    "run_steps",
    metadata,
    sa.Column("id", id_type(), primary_key=True),
    sa.Column("run_id", id_type(), sa.ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    sa.Column("step_no", sa.Integer, nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("type", sa.String, nullable=False),
    sa.Column("status", sa.String, nullable=False),
    sa.Column("body", sa.JSON, nullable=False),
    sa.UniqueConstraint("run_id", "step_no"),
)

# Gateways that share a store, and when each was last seen. A run whose owner is not here is an orphan.
gateways = sa.Table(
    "gateways",
    metadata,
    sa.Column("id", id_type(), primary_key=True),
    sa.Column("seen_at", sa.Float, nullable=False),
)

# No foreign key: the journal of changes outlives what it was made for.
invocations = sa.Table(
    "invocations",
    metadata,
    sa.Column("run_id", id_type(), primary_key=True),
    sa.Column("call_id", id_type(), primary_key=True),
    sa.Column("function", sa.String, nullable=False),
    sa.Column("arguments_hash", sa.String, nullable=False),
    sa.Column("effect", sa.String, nullable=False),
    sa.Column("idempotency_key", sa.String, nullable=False),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("intended_at", sa.Float, nullable=False),
    sa.Column("settled_at", sa.Float),
    sa.Column("outcome", sa.JSON(none_as_null=True)),
)

run_events = sa.Table(
    "run_events",
    metadata,
    sa.Column("run_id", id_type(), sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("seq", sa.BigInteger, primary_key=True),
    # Less than `seq` where one row holds several text deltas.
    sa.Column("first_seq", sa.BigInteger, nullable=False),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("data", sa.JSON, nullable=False),
    sqlite_with_rowid=False,
)

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("entry", sa.JSON, nullable=False),
    sa.Column("prev_hash", sa.String, nullable=False),
    sa.Column("hash", sa.String, nullable=False),
)

api_keys = sa.Table(
    "api_keys",
    metadata,
    sa.Column("id", id_type(), primary_key=True),
    sa.Column("hash", sa.String, nullable=False, unique=True),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("last_used_at", sa.BigInteger),
    sa.Column("caller", sa.JSON, nullable=False),
    sa.Column("note", sa.String),
)

# What uploads and replies brought. Only a file whose status is `processed` is whole.
files = sa.Table(
    "files",
    metadata,
    sa.Column("id", id_type(), primary_key=True),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    # The subject of the caller: nobody else may read it.
    sa.Column("owner", sa.String, nullable=False),
    # Of the run in which a function answered with it; it goes when its thread is deleted.
    sa.Column("run_id", id_type(), sa.ForeignKey("runs.id", ondelete="CASCADE")),
    sa.Column("purpose", sa.String, nullable=False),
    sa.Column("filename", sa.String, nullable=False),
    sa.Column("media_type", sa.String, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("status", sa.String, nullable=False),
    sa.Column("expires_at", sa.BigInteger),
    sa.Index("ix_files_owner_id", "owner", "id"),
    sa.Index("ix_files_run_id", "run_id"),
    sa.Index("ix_files_expires_at", "expires_at"),
)

file_chunks = sa.Table(
    "file_chunks",
    metadata,
    sa.Column(
        "file_id", id_type(), sa.ForeignKey("files.id", ondelete="CASCADE"), primary_key=True
    ),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
)

_OF_ACTIVE_RUNS = frozenset({"uq_runs_active_thread", "ix_runs_active"})


def whole_metadata() -> sa.MetaData:
    """With the conditions of partial indexes, which only the making of tables asks for.

    To say them SQLAlchemy imports the dialects that they are for, used or not: a twentieth of a start.
    """
    for index in runs.indexes:
        if index.name in _OF_ACTIVE_RUNS:
            for dialect in ("sqlite", "postgresql"):
                index.dialect_options[dialect]["where"] = IS_ACTIVE
    return metadata
