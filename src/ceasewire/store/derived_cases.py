"""The derived tables of cases: what must be folded again, what each asking message brings to the clocks, the clocks, and summaries."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any, Final

from .derived_interface import KeptClock, OrderKey, Ref

CASES: Final = (
    "CREATE TABLE touched (log INTEGER, idx INTEGER, PRIMARY KEY (log, idx)) WITHOUT ROWID",
    "CREATE TABLE to_ask (log INTEGER, idx INTEGER, PRIMARY KEY (log, idx)) WITHOUT ROWID",
    "CREATE TABLE stale (log INTEGER, idx INTEGER, PRIMARY KEY (log, idx)) WITHOUT ROWID",
    """CREATE TABLE ask (log INTEGER, idx INTEGER, queue TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (log, idx)) WITHOUT ROWID""",
    "CREATE INDEX ask_by_queue ON ask (queue)",
    """CREATE TABLE clock (log INTEGER, idx INTEGER, start INTEGER, due INTEGER, ended INTEGER, behind_log INTEGER, behind_idx INTEGER,
    PRIMARY KEY (log, idx)) WITHOUT ROWID""",
    "CREATE INDEX clock_by_due ON clock (due, ended)",
    """CREATE TABLE summary (time INTEGER, level INTEGER, log INTEGER, idx INTEGER, value TEXT NOT NULL,
    PRIMARY KEY (time, level, log, idx)) WITHOUT ROWID""",
)
CASE_TABLES: Final = ("touched", "to_ask", "stale", "ask", "clock", "summary")


class CaseTables:
    """The half of `derived_interface.DerivedTables` that is about cases, over one connection."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def _one(self, sql: str, *values: object) -> Any:
        return self._db.execute(sql, values).fetchone()

    # --- What must be worked out again ---

    def touch(self, refs: Iterable[Ref]) -> None:
        """Messages that are new, or of which something else is known now."""
        self._db.executemany("INSERT OR IGNORE INTO touched VALUES (?, ?)", refs)

    def touch_range(self, log: int, start: int, stop: int, kinds: Iterable[int]) -> None:
        """Touch the messages start..stop-1 of a log that are of these kinds, as far as they are in."""
        sql = "INSERT OR IGNORE INTO touched SELECT log, idx FROM item WHERE log = ? AND idx >= ? AND idx < ? AND kind = ?"
        self._db.executemany(sql, [(log, start, stop, kind) for kind in kinds])

    def touched(self, limit: int) -> list[Ref]:
        """Some of those that were touched."""
        return self._db.execute("SELECT log, idx FROM touched LIMIT ?", (limit,)).fetchall()

    def untouch(self, refs: Iterable[Ref]) -> None:
        """They have been seen to."""
        self._db.executemany("DELETE FROM touched WHERE log = ? AND idx = ?", refs)

    def ask_again(self, refs: Iterable[Ref]) -> None:
        """Messages of which it must be worked out again what they bring to the clocks."""
        self._db.executemany("INSERT OR IGNORE INTO to_ask VALUES (?, ?)", refs)

    def to_ask(self, limit: int) -> list[Ref]:
        """Some of those."""
        return self._db.execute("SELECT log, idx FROM to_ask LIMIT ?", (limit,)).fetchall()

    def asked(self, refs: Iterable[Ref]) -> None:
        """It has been worked out."""
        self._db.executemany("DELETE FROM to_ask WHERE log = ? AND idx = ?", refs)

    def make_stale(self, keys: Iterable[Ref]) -> None:
        """Cases whose summary is not what it was."""
        self._db.executemany("INSERT OR IGNORE INTO stale VALUES (?, ?)", keys)

    def make_all_stale(self) -> None:
        """Every case that has a summary."""
        self._db.execute("INSERT OR IGNORE INTO stale SELECT log, idx FROM summary")

    def stale(self, limit: int) -> list[Ref]:
        """Some of those."""
        return self._db.execute("SELECT log, idx FROM stale LIMIT ?", (limit,)).fetchall()

    def refresh(self, keys: Iterable[Ref]) -> None:
        """They have been summed up."""
        self._db.executemany("DELETE FROM stale WHERE log = ? AND idx = ?", keys)

    def stale_count(self) -> int:
        """How many there are."""
        return int(self._one("SELECT count(*) FROM stale")[0])

    # --- Clocks ---

    def set_ask(self, ref: Ref, queue: str, value: str | None) -> set[str]:
        """What a message brings to the clocks of a queue, None for nothing; the queues of which something changed by that."""
        before = self._one("SELECT queue, value FROM ask WHERE log = ? AND idx = ?", *ref)
        if before == (None if value is None else (queue, value)):
            return set()
        if value is None:
            self._db.execute("DELETE FROM ask WHERE log = ? AND idx = ?", ref)
            self._db.execute("DELETE FROM clock WHERE log = ? AND idx = ?", ref)
            return {before[0]}
        self._db.execute("INSERT OR REPLACE INTO ask VALUES (?, ?, ?, ?)", (*ref, queue, value))
        return {queue, before[0]} if before else {queue}

    def asks(self, queue: str) -> Iterator[tuple[Ref, str]]:
        """All that a queue was brought."""
        return (((log, idx), value) for log, idx, value in self._db.execute("SELECT log, idx, value FROM ask WHERE queue = ?", (queue,)))

    def clocks(self, queue: str) -> dict[Ref, KeptClock]:
        """The clocks of a queue as they are kept."""
        sql = "SELECT c.* FROM ask a CROSS JOIN clock c ON c.log = a.log AND c.idx = a.idx WHERE a.queue = ?"
        return {(one[0], one[1]): _clock(one) for one in self._db.execute(sql, (queue,))}

    def set_clocks(self, clocks: Iterable[tuple[Ref, KeptClock]]) -> None:
        """Keep clocks."""
        rows = [(*ref, one.start, one.due, one.ended, *(one.behind or (None, None))) for ref, one in clocks]
        self._db.executemany("INSERT OR REPLACE INTO clock VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

    def clock(self, ref: Ref) -> tuple[str, KeptClock] | None:
        """What a message brought to the clocks, and the clock it got."""
        sql = "SELECT c.*, a.value FROM clock c CROSS JOIN ask a ON a.log = c.log AND a.idx = c.idx WHERE c.log = ? AND c.idx = ?"
        found = self._one(sql, *ref)
        return None if found is None else (found[-1], _clock(found))

    def overdue(self, now: int) -> list[Ref]:
        """Messages whose clock has passed its date without an end, by date. POSIX seconds."""
        sql = "SELECT log, idx FROM clock WHERE due < ? AND (ended IS NULL OR ended > ?) ORDER BY due, log, idx"
        return self._db.execute(sql, (now, now)).fetchall()

    # --- Summaries ---

    def set_summaries(self, summaries: Iterable[tuple[OrderKey, str]]) -> None:
        """The summaries of the cases that begin at these places."""
        self._db.executemany("INSERT OR REPLACE INTO summary VALUES (?, ?, ?, ?, ?)", [(*place, value) for place, value in summaries])

    def summary(self, place: OrderKey) -> str | None:
        """The summary of one case, unless it is stale."""
        sql = """SELECT value FROM summary s WHERE time = ? AND level = ? AND log = ? AND idx = ?
        AND NOT EXISTS (SELECT 1 FROM stale t WHERE t.log = s.log AND t.idx = s.idx)"""
        found = self._one(sql, *place)
        return None if found is None else str(found[0])

    def summed_up_count(self) -> int:
        """How many summaries there are."""
        return int(self._one("SELECT count(*) FROM summary")[0])

    def summaries(self) -> Iterator[str]:
        """All, in record order."""
        return (value for (value,) in self._db.execute("SELECT value FROM summary ORDER BY time, level, log, idx"))


def _clock(found: Any) -> KeptClock:
    _, _, start, due, ended, log, index = found[:7]
    return KeptClock(start, due, ended, None if log is None else (log, index))
