"""The tables, one schema for SQLite and PostgreSQL. `migrations/` leads here from every earlier revision.

Integers are 64 bits signed. Maps of log number -> size are JSON texts with the keys in order. Rows of `message` lie in the order
of (log, index), so that a run of a log is read in one piece.

There is no index on `rest`: its values are random, so that each appended row would dirty a page of its own (a commit of 1,000
rows was measured to take 6 times longer at a million rows). `rest_run` holds the same knowledge in sorted runs; see rests.py.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, String, Table, Text, text

APPLICATION_ID: Final = 0x43656177  # "Ceaw", in the header of every SQLite file of ours
REVISIONS: Final = ("0001", "0002", "0003")
"""Every revision of the schema, oldest first. The last is what this module describes."""
HEAD: Final = REVISIONS[-1]

COUNTER: Final = "counter"
REFUSED_BYTES: Final = "refused_bytes"

metadata = MetaData()


def _int(name: str, *, key: bool = False, null: bool = False) -> Column[int]:
    return Column(name, BigInteger(), primary_key=key, nullable=null, autoincrement=False)


def _bytes(name: str, *, key: bool = False, null: bool = False) -> Column[bytes]:
    return Column(name, LargeBinary(), primary_key=key, nullable=null)


def _text(name: str, *, key: bool = False, null: bool = False) -> Column[str]:
    return Column(name, Text(), primary_key=key, nullable=null)


message = Table(
    "message",
    metadata,
    _int("log", key=True),
    _int("index", key=True),
    _int("kind"),
    _int("time"),
    _bytes("seen"),
    _bytes("body_root"),
    _bytes("rest"),
    _bytes("leaf"),
    _bytes("seed"),
    _bytes("body"),
    _text("void", null=True),
    sqlite_with_rowid=False,
)
Index("message_by_time", message.c.time, message.c.log, message.c.index)
# Kinds `keys` and `amendment`: few, and asked for before every batch. A partial index costs the other messages nothing.
GOVERNING: Final = text("kind IN (14, 15)")
Index("message_governing", message.c.log, message.c.index, sqlite_where=GOVERNING, postgresql_where=GOVERNING)

rest_run = Table("rest_run", metadata, _int("log", key=True), _int("start", key=True), _int("length"), _bytes("words"))

log_state = Table(
    "log_state",
    metadata,
    _int("number", key=True),
    _int("size"),
    _bytes("frontier"),
    _int("time"),
    _text("seen"),
    _text("frozen", null=True),
    sqlite_with_rowid=False,
)

tile_hash = Table(
    "tile_hash",
    metadata,
    _int("log", key=True),
    _int("level", key=True),
    _int("index", key=True),
    _bytes("hash"),
    sqlite_with_rowid=False,
)

checkpoint = Table(
    "checkpoint",
    metadata,
    _int("log", key=True),
    _int("size", key=True),
    _bytes("root"),
    _bytes("lines"),
    sqlite_with_rowid=False,
)

# One cosigner may cosign one size again at a later time: a log that stood still is proved silent by that.
cosignature = Table(
    "cosignature",
    metadata,
    _int("log", key=True),
    _int("size", key=True),
    _int("by", key=True),
    _int("kind", key=True),
    _int("time", key=True),
    _bytes("signature"),
    sqlite_with_rowid=False,
)
Index("cosignature_by_cosigner", cosignature.c.log, cosignature.c.by, cosignature.c.size, cosignature.c.time, cosignature.c.kind)

peer = Table(
    "peer",
    metadata,
    _int("number", key=True),
    _int("counter_in"),
    _bytes("sealing_id", null=True),
    _bytes("sealing_key", null=True),
    _text("wants"),
    _text("heads"),
    _text("told", null=True),
    _int("spoke"),
    sqlite_with_rowid=False,
)

fresh_key = Table(
    "fresh_key",
    metadata,
    _bytes("key_id", key=True),
    _int("peer"),
    _bytes("public"),
    _bytes("sealed"),
    _int("made"),
    _int("retired", null=True),
    sqlite_with_rowid=False,
)

shelf = Table(
    "shelf",
    metadata,
    _int("log", key=True),
    _int("start", key=True),
    _int("count"),
    _text("code"),
    _int("since"),
    _bytes("data"),
)

refused = Table(
    "refused",
    metadata,
    # SQLite gives numbers by itself only to a column whose type is spelt INTEGER.
    Column("number", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=True),
    _int("time"),
    _int("log", null=True),
    _text("code"),
    _text("detail"),
    _bytes("data"),
    sqlite_autoincrement=True,
)

# The files by which later logs were opened, as they came: each log's keys are in its own.
opening = Table("opening", metadata, _int("number", key=True), _bytes("data"))

# Misconduct proofs, one of each kind against each log.
misconduct = Table(
    "misconduct",
    metadata,
    _int("log", key=True),
    _int("kind", key=True),
    _int("from_index", null=True),
    _int("time"),
    _bytes("data"),
)

meta = Table("meta", metadata, _text("name", key=True), _bytes("value"), sqlite_with_rowid=False)

tally = Table("tally", metadata, _text("name", key=True), _int("value"), sqlite_with_rowid=False)

# Alembic's own table, as it makes it; apart from ours so that Alembic does not take it for one of them.
revision = Table("alembic_version", MetaData(), Column("version_num", String(32), primary_key=True))
