"""The first schema."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def _int(name: str, null: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=null, autoincrement=False)


def _bytes(name: str, null: bool = False) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary(), nullable=null)


def _text(name: str, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=null)


def _table(name: str, key: list[str], *columns: sa.Column[Any], rowid: bool = False) -> None:
    op.create_table(name, *columns, sa.PrimaryKeyConstraint(*key), sqlite_with_rowid=rowid)


def upgrade() -> None:
    """Logs, cosignatures, peers, what waits and what was refused."""
    _logs()
    _cosignatures()
    _table(
        "peer",
        ["number"],
        _int("number"),
        _int("counter_in"),
        _bytes("sealing_id", null=True),
        _bytes("sealing_key", null=True),
        _text("wants"),
        _text("heads"),
        _text("told", null=True),
        _int("spoke"),
    )
    _table(
        "fresh_key",
        ["key_id"],
        _bytes("key_id"),
        _int("peer"),
        _bytes("public"),
        _bytes("sealed"),
        _int("made"),
        _int("retired", null=True),
    )
    waits: list[sa.Column[Any]] = [_int("log"), _int("start"), _int("count"), _text("code"), _int("since"), _bytes("data")]
    _table("shelf", ["log", "start"], *waits, rowid=True)
    number = sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=True)
    broken: list[sa.Column[Any]] = [number, _int("time"), _int("log", null=True), _text("code"), _text("detail"), _bytes("data")]
    op.create_table("refused", *broken, sqlite_autoincrement=True)
    _table("meta", ["name"], _text("name"), _bytes("value"))
    _table("tally", ["name"], _text("name"), _int("value"))
    op.execute("INSERT INTO tally (name, value) VALUES ('counter', 0), ('refused_bytes', 0)")


def _logs() -> None:
    _table(
        "message",
        ["log", "index"],
        _int("log"),
        _int("index"),
        _int("kind"),
        _int("time"),
        *(_bytes(name) for name in ("seen", "body_root", "rest", "leaf", "seed", "body")),
        _text("void", null=True),
    )
    op.create_index("message_by_time", "message", ["time", "log", "index"])
    _table("rest_run", ["log", "start"], _int("log"), _int("start"), _int("length"), _bytes("words"), rowid=True)
    state: list[sa.Column[Any]] = [
        _int("number"),
        _int("size"),
        _bytes("frontier"),
        _int("time"),
        _text("seen"),
        _text("frozen", null=True),
    ]
    _table("log_state", ["number"], *state)
    _table("tile_hash", ["log", "level", "index"], _int("log"), _int("level"), _int("index"), _bytes("hash"))


def _cosignatures() -> None:
    _table("checkpoint", ["log", "size"], _int("log"), _int("size"), _bytes("root"), _bytes("lines"))
    key = ["log", "size", "by", "kind", "time"]
    _table("cosignature", key, *(_int(name) for name in key), _bytes("signature"))
    op.create_index("cosignature_by_cosigner", "cosignature", ["log", "by", "size", "time", "kind"])
