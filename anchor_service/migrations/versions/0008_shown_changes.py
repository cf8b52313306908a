"""Which final block showed a change of status that another made."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "shown_change",
        sa.Column("change", _ID, autoincrement=False, nullable=False),
        sa.Column("block_number", sa.BigInteger(), nullable=False),
        sa.Column("block_hash", sa.LargeBinary(), nullable=False),
        sa.Column("block_time", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["change"], ["status_change.id"]),
        sa.PrimaryKeyConstraint("change"),
    )


def downgrade() -> None:
    op.drop_table("shown_change")
