"""Notices of what is not of one batch."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    with op.batch_alter_table("notice") as notice:
        notice.alter_column("batch", existing_type=_ID, nullable=True)


def downgrade() -> None:
    # Those that the older tables cannot hold are lost with the deliveries that they had.
    op.execute("DELETE FROM delivery WHERE notice IN (SELECT id FROM notice WHERE batch IS NULL)")
    op.execute("DELETE FROM notice WHERE batch IS NULL")
    with op.batch_alter_table("notice") as notice:
        notice.alter_column("batch", existing_type=_ID, nullable=False)
