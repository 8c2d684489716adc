"""Misconduct proofs, one of each kind against each log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """A table of proofs, empty: earlier versions made none."""
    columns = [sa.Column(name, sa.BigInteger(), nullable=name == "from_index", autoincrement=False) for name in _NUMBERS]
    op.create_table("misconduct", *columns, sa.Column("data", sa.LargeBinary(), nullable=False), sa.PrimaryKeyConstraint("log", "kind"))


_NUMBERS = ("log", "kind", "from_index", "time")
