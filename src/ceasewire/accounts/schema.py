"""The tables of NODE/accounts.sqlite, and the steps by which a file of an earlier version comes to this one.

Secrets of 256 bits (links, sessions, devices) are kept as SHA-256. `password.sealed` opens with the password alone. `person.handle` is what
a passkey calls its person. Rows of `audit` are never changed, and taken away only when they are counted in `audit_older`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from sqlalchemy import BigInteger, Column, Connection, Index, Integer, LargeBinary, MetaData, Table, Text

APPLICATION_ID: Final = 0x43656170  # "Ceap"

metadata = MetaData()


def _number(name: str, *, key: bool = False, null: bool = False) -> Column[int]:
    return Column(name, BigInteger(), primary_key=key, nullable=null, autoincrement=False)


def _serial() -> Column[int]:
    return Column("id", Integer(), primary_key=True, autoincrement=True)


def _octets(name: str, *, key: bool = False, unique: bool = False) -> Column[bytes]:
    return Column(name, LargeBinary(), primary_key=key, nullable=False, unique=unique or None)


def _text(name: str, *, key: bool = False, null: bool = False, unique: bool = False) -> Column[str]:
    return Column(name, Text(), primary_key=key, nullable=null, unique=unique or None)


meta = Table("meta", metadata, _text("name", key=True), _octets("value"))
person = Table(
    "person",
    metadata,
    _serial(),
    _octets("handle", unique=True),
    _text("name"),
    _text("folded", unique=True),
    _text("role"),
    _number("disabled", null=True),
    _number("made"),
    _number("seen", null=True),
    _text("language"),
    _text("calendar"),
    _text("theme"),
    sqlite_autoincrement=True,  # no number is ever another person's
)
password = Table(
    "password",
    metadata,
    _number("account", key=True),
    _number("memory_kib"),
    _number("passes"),
    _number("lanes"),
    _octets("salt"),
    _octets("sealed"),
    _octets("public"),
    _number("step"),
    _number("made"),
)
passkey = Table(
    "passkey",
    metadata,
    _octets("id", key=True),
    _number("account"),
    _octets("key"),
    _number("counter"),
    _text("rp_id"),
    _text("origin"),
    _text("label"),
    _number("made"),
    _number("used", null=True),
)
link = Table(
    "link",
    metadata,
    _octets("hash", key=True),
    _text("role"),
    _text("name"),
    _number("account", null=True),
    _number("by", null=True),
    _number("expires"),
)
session = Table(
    "session",
    metadata,
    _octets("hash", key=True),
    _text("id", unique=True),
    _number("account"),
    _number("made"),
    _number("seen"),
    _number("fresh_until"),
    _text("how"),
    _text("client"),
)
device = Table("device", metadata, _octets("hash", key=True), _number("account"), _number("seen"))
lane = Table("lane", metadata, _octets("key", key=True), _number("failures"), _number("last"))
spent = Table("spent", metadata, _octets("challenge", key=True), _number("expires"))
audit = Table(
    "audit",
    metadata,
    _serial(),
    _number("time"),
    _number("who", null=True),
    _text("what"),
    _text("about"),
    _text("client"),
    sqlite_autoincrement=True,
)
audit_older = Table("audit_older", metadata, _text("what", key=True), _number("count"), _number("first"), _number("last"))
shift = Table("shift", metadata, _serial(), _number("account"), _number("start"), _number("end", null=True), _text("note"))
duty = Table("duty", metadata, _serial(), _number("account"), _number("start"), _number("end"), _text("role"))
draft = Table("draft", metadata, _number("account", key=True), _text("key", key=True), _number("time"), _text("json"))
own_name = Table("own_name", metadata, _text("kind", key=True), _text("theirs", key=True), _text("ours"))

Index("session_by_account", session.c.account)
Index("passkey_by_account", passkey.c.account)
Index("lane_by_time", lane.c.last)

_KEPT: Final = (
    "CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'audit lines are not changed'); END",
    "CREATE TRIGGER audit_goes_oldest_first BEFORE DELETE ON audit WHEN OLD.id > (SELECT min(id) FROM audit) "
    "BEGIN SELECT RAISE(ABORT, 'only the oldest audit line gives way'); END",
)


def _first(connection: Connection) -> None:
    metadata.create_all(connection)
    for statement in _KEPT:
        connection.exec_driver_sql(statement)


Step = Callable[[Connection], None]
STEPS: Final[Sequence[Step]] = (_first,)
"""Step n makes version n + 1 of version n. A later version appends a step, written against the tables as they were then."""
