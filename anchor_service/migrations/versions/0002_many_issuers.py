"""Many issuers in one service, gathered status changes, what transactions have cost."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from alembic.util import CommandError

revision = "0002"
down_revision = "0001"

# What PostgreSQL called the constraint that had no name; SQLite finds it by this pattern.
_DIGEST_UNIQUE = "credential_digest_key"
_NAMES = {"uq": "%(table_name)s_%(column_0_name)s_key"}


def upgrade() -> None:
    with op.batch_alter_table("batch") as batch:
        batch.add_column(sa.Column("issuer", sa.Text(), server_default="main", nullable=False))
        batch.add_column(sa.Column("changed", sa.BigInteger(), server_default="0", nullable=False))
        batch.add_column(sa.Column("seal_asked", sa.BigInteger(), nullable=True))
        batch.add_column(sa.Column("tries", sa.Integer(), server_default="0", nullable=False))
        batch.add_column(sa.Column("retry_at", sa.BigInteger(), nullable=True))
    op.execute("UPDATE batch SET changed = coalesce(sealed, created)")
    op.create_index("batch_by_state", "batch", ["issuer", "state"])
    with op.batch_alter_table("credential", naming_convention=_NAMES) as credential:
        credential.add_column(sa.Column("issuer", sa.Text(), server_default="main", nullable=False))
        credential.drop_constraint(_DIGEST_UNIQUE, type_="unique")
        credential.create_unique_constraint("one_digest_an_issuer", ["issuer", "digest"])
    with op.batch_alter_table("status_change") as change:
        change.add_column(
            sa.Column("urgent", sa.Boolean(), server_default=sa.false(), nullable=False)
        )
        change.add_column(sa.Column("reason_code", sa.Text(), nullable=True))
        change.add_column(sa.Column("note", sa.Text(), nullable=True))
        change.add_column(sa.Column("asked_by", sa.Text(), nullable=True))
        change.add_column(sa.Column("changed", sa.BigInteger(), server_default="0", nullable=False))
    op.execute("UPDATE status_change SET changed = created")
    with op.batch_alter_table("inclusion") as inclusion:
        inclusion.add_column(sa.Column("gas_used", sa.BigInteger(), nullable=True))
        inclusion.add_column(sa.Column("gas_price", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    others = sa.text("SELECT count(*) FROM batch WHERE issuer <> 'main'")
    if op.get_bind().scalar(others):
        raise CommandError("the tables before this version hold one issuer only")
    with op.batch_alter_table("inclusion") as inclusion:
        inclusion.drop_column("gas_price")
        inclusion.drop_column("gas_used")
    with op.batch_alter_table("status_change") as change:
        for name in ("changed", "asked_by", "note", "reason_code", "urgent"):
            change.drop_column(name)
    with op.batch_alter_table("credential") as credential:
        credential.drop_constraint("one_digest_an_issuer", type_="unique")
        credential.drop_column("issuer")
        credential.create_unique_constraint(_DIGEST_UNIQUE, ["digest"])
    op.drop_index("batch_by_state", "batch")
    with op.batch_alter_table("batch") as batch:
        for name in ("retry_at", "tries", "seal_asked", "changed", "issuer"):
            batch.drop_column(name)
