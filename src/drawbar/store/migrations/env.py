"""Run by alembic, on the connection that `store.schema` gives it."""

from __future__ import annotations

from alembic import context

from drawbar.store.tables import whole_metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=whole_metadata(),
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
