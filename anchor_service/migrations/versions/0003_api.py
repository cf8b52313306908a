"""The HTTP API: its keys, kept answers, webhooks, and trees in parts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from anchor_service.store import tree_parts

revision = "0003"
down_revision = "0002"

# SQLite gives out row numbers by itself only for a column that is exactly INTEGER.
_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_index("credential_by_issuer", "credential", ["issuer", "id"])
    op.create_table(
        "tree_part",
        sa.Column("batch", _ID, sa.ForeignKey("batch.id"), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("batch", "number"),
    )
    _cut_sealed()
    op.create_table(
        "api_key",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=True),
        sa.Column("revoked", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "idempotency",
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column("key_hash", sa.LargeBinary(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("issuer", "client", "key_hash"),
    )
    op.create_index("ix_idempotency_created", "idempotency", ["created"])
    _create_webhook_tables()


def _create_webhook_tables() -> None:
    op.create_table(
        "notice",
        sa.Column("id", _ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("batch", _ID, sa.ForeignKey("batch.id"), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("spread", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.create_index("ix_notice_batch", "notice", ["batch"])
    op.create_index("notice_to_spread", "notice", ["spread"])
    op.create_table(
        "delivery",
        sa.Column("id", _ID, nullable=False),
        sa.Column("notice", _ID, sa.ForeignKey("notice.id"), nullable=False),
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due", sa.BigInteger(), nullable=True),
        sa.Column("delivered", sa.BigInteger(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("notice", "endpoint", name="one_delivery_an_endpoint"),
    )
    op.create_index("ix_delivery_due", "delivery", ["due"])


def _cut_sealed() -> None:
    """Batches that were sealed before get their parts, one batch in memory at a time."""
    connection = op.get_bind()
    sealed = connection.execute(sa.text("SELECT id FROM batch WHERE leaves IS NOT NULL"))
    for (number,) in sealed.all():
        query = sa.text("SELECT leaves FROM batch WHERE id = :id")
        leaves = connection.execute(query, {"id": number}).scalar_one()
        tree_parts.store_parts(connection, number, bytes(leaves))


def downgrade() -> None:
    for table in ("delivery", "notice", "idempotency", "api_key", "tree_part"):
        op.drop_table(table)
    op.drop_index("credential_by_issuer", "credential")
