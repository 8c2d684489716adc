"""Later logs: the openings that brought them. And which messages govern others, found quickly."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """A table of openings, empty: earlier versions took none."""
    number = sa.Column("number", sa.BigInteger(), nullable=False, autoincrement=False)
    data = sa.Column("data", sa.LargeBinary(), nullable=False)
    op.create_table("opening", number, data, sa.PrimaryKeyConstraint("number"))
    governing = sa.text("kind IN (14, 15)")
    op.create_index("message_governing", "message", ["log", "index"], sqlite_where=governing, postgresql_where=governing)
