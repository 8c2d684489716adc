"""Values to put into a store: well-formed, meaningless, and the same for the same arguments."""

from __future__ import annotations

import hashlib

from ceasewire.record.values import Cosignature, LogState, Row
from ceasewire.store.interface import Change, KeptCheckpoint
from ceasewire.tlog.merkle import Frontier


def hash_of(*what: object) -> bytes:
    return hashlib.sha256(repr(what).encode()).digest()


def row(log: int, index: int, *, kind: int = 1, time: int | None = None, body: bytes = b"\xa0", rest: bytes | None = None) -> Row:
    return Row(
        log,
        index,
        kind,
        1000 + index if time is None else time,
        b"\xa0",
        hash_of("root", log, index),
        hash_of("rest", log, index) if rest is None else rest,
        hash_of("leaf", log, index),
        hash_of("seed", log, index)[:16],
        body,
        "ref.unknown" if kind == 9 else None,
    )


def rows(log: int, start: int, stop: int) -> list[Row]:
    return [row(log, index) for index in range(start, stop)]


def state(log: int, size: int, **more: object) -> LogState:
    frontier = Frontier(size, tuple(hash_of("subtree", log, size, at) for at in range(size.bit_count())))
    return LogState(log, frontier, 1000 + size, {1: size, 2**31 + 7: 2}, **more)  # type: ignore[arg-type]


def kept(log: int, size: int) -> KeptCheckpoint:
    return KeptCheckpoint(log, size, hash_of("tree", log, size), b"-- north abc=\n")


def cosigned(log: int, size: int, by: int, time: int, kind: int = 4) -> Cosignature:
    return Cosignature(log, size, by, kind, time, hash_of("signature", log, size, by, time, kind) * 2)


def appended(log: int, start: int, stop: int) -> Change:
    """The change that a node makes when it sends: rows, state, checkpoint, and something signed leaves."""
    return Change(rows=rows(log, start, stop), states=[state(log, stop)], checkpoints=[kept(log, stop)], signed=True)
