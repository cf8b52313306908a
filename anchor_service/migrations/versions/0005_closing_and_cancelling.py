"""Batches that take no more credentials; transactions that give a nonce up."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_OPEN = "state = 'OPEN' AND closed IS NULL"


def upgrade() -> None:
    with op.batch_alter_table("batch") as batch:
        batch.add_column(sa.Column("closed", sa.BigInteger(), nullable=True))
    # Of several open batches, which two processes could make in one moment, one goes on.
    op.execute(
        "UPDATE batch SET closed = created WHERE state = 'OPEN' AND id NOT IN "
        "(SELECT min(id) FROM batch WHERE state = 'OPEN' GROUP BY issuer)"
    )
    op.create_index(
        "one_open_batch",
        "batch",
        ["issuer"],
        unique=True,
        sqlite_where=sa.text(_OPEN),
        postgresql_where=sa.text(_OPEN),
    )
    with op.batch_alter_table("attempt") as attempt:
        attempt.add_column(
            sa.Column("cancels", sa.Boolean(), server_default=sa.false(), nullable=False)
        )
    with op.batch_alter_table("status_change") as change:
        change.add_column(sa.Column("blocked", sa.Text(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("status_change") as change:
        change.drop_column("blocked")
    with op.batch_alter_table("attempt") as attempt:
        attempt.drop_column("cancels")
    op.drop_index("one_open_batch", "batch")
    with op.batch_alter_table("batch") as batch:
        batch.drop_column("closed")
