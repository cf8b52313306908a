"""PostgreSQL's planner keeps samples of a column's values: of what is about people it keeps none.

None of these columns is ever searched. What was kept of them so far is dropped with the column's
old statistics, which a change of its type to the same does.
"""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"

_COLUMNS = (
    ("credential", "label", "text"),
    ("credential", "document", "bytea"),
    ("placement", "salt", "bytea"),
    ("status_change", "note", "text"),
    ("idempotency", "headers", "text"),
    ("idempotency", "body", "bytea"),
)


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for table, column, kind in _COLUMNS:
        op.execute(
            f"ALTER TABLE {table} ALTER COLUMN {column} TYPE {kind},"
            f" ALTER COLUMN {column} SET STATISTICS 0"
        )


def downgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for table, column, _ in _COLUMNS:
        op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET STATISTICS -1")
