"""What a worker saw last of its account and its nodes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "account_state",
        sa.Column("chain", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("sender", sa.LargeBinary(), nullable=False),
        sa.Column("issuers", sa.Text(), nullable=False),
        sa.Column("balance", sa.Text(), nullable=True),
        sa.Column("endpoints", sa.Text(), nullable=False),
        sa.Column("trouble", sa.Text(), nullable=True),
        sa.Column("seen", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("chain", "sender"),
    )


def downgrade() -> None:
    op.drop_table("account_state")
