"""The registrar's side: files taken in, approvals, replaced credentials."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "inbox_file",
        sa.Column("id", _Id, primary_key=True),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("achievement", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("taken", sa.BigInteger(), nullable=False),
        sa.Column("credentials", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("issuer", "achievement", "digest", name="one_file_an_achievement"),
    )
    op.create_table(
        "batch_approval",
        sa.Column("id", _Id, primary_key=True),
        sa.Column("batch", _Id, sa.ForeignKey("batch.id"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("covers", sa.LargeBinary(), nullable=False),
        sa.UniqueConstraint("batch", "name", "covers", name="one_approval_a_person"),
    )
    op.create_table(
        "change_approval",
        sa.Column(
            "change",
            _Id,
            sa.ForeignKey("status_change.id"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "replacement",
        sa.Column(
            "old", _Id, sa.ForeignKey("credential.id"), primary_key=True, autoincrement=False
        ),
        sa.Column("new", _Id, sa.ForeignKey("credential.id"), nullable=False, unique=True),
        sa.Column("created", sa.BigInteger(), nullable=False),
    )


def downgrade() -> None:
    for table in ("replacement", "change_approval", "batch_approval", "inbox_file"):
        op.drop_table(table)
