"""First tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

# SQLite gives out row numbers by itself only for a column that is exactly INTEGER.
_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "batch",
        sa.Column("id", _ID, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("chain", sa.BigInteger(), nullable=True),
        sa.Column("registry", sa.LargeBinary(), nullable=True),
        sa.Column("issuer_id", sa.LargeBinary(), nullable=True),
        sa.Column("root", sa.LargeBinary(), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("meta_hash", sa.LargeBinary(), nullable=True),
        sa.Column("sealed", sa.BigInteger(), nullable=True),
        sa.Column("leaves", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("state = 'OPEN' OR leaves IS NOT NULL", name="sealed_is_whole"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("root"),
    )
    op.create_table(
        "signer_lease",
        sa.Column("chain", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("sender", sa.LargeBinary(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("chain", "sender"),
    )
    op.create_table(
        "credential",
        sa.Column("id", _ID, nullable=False),
        sa.Column("batch", _ID, nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("credential_id", sa.Text(), nullable=True),
        sa.Column("label", sa.Text(), nullable=True),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["batch"],
            ["batch.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("digest"),
    )
    op.create_index(op.f("ix_credential_batch"), "credential", ["batch"], unique=False)
    op.create_index(
        op.f("ix_credential_credential_id"), "credential", ["credential_id"], unique=False
    )
    op.create_table(
        "intent",
        sa.Column("id", _ID, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("chain", sa.BigInteger(), nullable=False),
        sa.Column("sender", sa.LargeBinary(), nullable=False),
        sa.Column("nonce", sa.BigInteger(), nullable=False),
        sa.Column("recipient", sa.LargeBinary(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("batch", _ID, nullable=True),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["batch"],
            ["batch.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("chain", "sender", "nonce", name="one_intent_a_nonce"),
    )
    op.create_index(op.f("ix_intent_batch"), "intent", ["batch"], unique=False)
    op.create_table(
        "attempt",
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("intent", _ID, nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("gas", sa.BigInteger(), nullable=False),
        sa.Column("max_fee", sa.BigInteger(), nullable=False),
        sa.Column("tip", sa.BigInteger(), nullable=False),
        sa.Column("signed", sa.BigInteger(), nullable=False),
        sa.Column("last_sent", sa.BigInteger(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["intent"],
            ["intent.id"],
        ),
        sa.PrimaryKeyConstraint("hash"),
    )
    op.create_index(op.f("ix_attempt_intent"), "attempt", ["intent"], unique=False)
    op.create_table(
        "inclusion",
        sa.Column("id", _ID, nullable=False),
        sa.Column("intent", _ID, nullable=True),
        sa.Column("batch", _ID, nullable=True),
        sa.Column("tx_hash", sa.LargeBinary(), nullable=False),
        sa.Column("block_number", sa.BigInteger(), nullable=False),
        sa.Column("block_hash", sa.LargeBinary(), nullable=False),
        sa.Column("block_time", sa.BigInteger(), nullable=False),
        sa.Column("log_index", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("intent IS NOT NULL OR batch IS NOT NULL", name="included_something"),
        sa.ForeignKeyConstraint(
            ["batch"],
            ["batch.id"],
        ),
        sa.ForeignKeyConstraint(
            ["intent"],
            ["intent.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("batch"),
        sa.UniqueConstraint("intent"),
    )
    op.create_table(
        "placement",
        sa.Column("credential", _ID, autoincrement=False, nullable=False),
        sa.Column("leaf_index", sa.BigInteger(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["credential"],
            ["credential.id"],
        ),
        sa.PrimaryKeyConstraint("credential"),
    )
    op.create_table(
        "status_change",
        sa.Column("id", _ID, nullable=False),
        sa.Column("credential", _ID, nullable=False),
        sa.Column("change", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("intent", _ID, nullable=True),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["credential"],
            ["credential.id"],
        ),
        sa.ForeignKeyConstraint(
            ["intent"],
            ["intent.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        op.f("ix_status_change_credential"), "status_change", ["credential"], unique=False
    )
    op.create_index(op.f("ix_status_change_intent"), "status_change", ["intent"], unique=False)
    op.create_index("status_change_unfinished", "status_change", ["state"], unique=False)


def downgrade() -> None:
    for name in (
        "status_change",
        "placement",
        "inclusion",
        "attempt",
        "intent",
        "credential",
        "signer_lease",
        "batch",
    ):
        op.drop_table(name)
