"""Alembic migrations of the issuer's database, one file a revision."""
