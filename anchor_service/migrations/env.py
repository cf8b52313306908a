"""Run migrations inside the transaction that `Database.migrate` has opened."""

from __future__ import annotations

from alembic import context

from anchor_service.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
