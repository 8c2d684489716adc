# ruff: noqa: S608 - all that is put into SQL is text of this module; what others wrote is bound
"""The derived tables in SQL, and every question asked of them.

A message's number `n` is its second times 2**25 plus how many of that second came in before it: in order of `n` is in order of time, and
what falls within one second is sorted when it is read. So the search index, which can only give rows in the order of their numbers, gives
the first page of many hits without reading them all.

The search index is FTS5 over words that are folded already, so its tokenizer need only split at spaces: `ascii` takes every character
beyond ASCII as part of a word.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final

from ..record.conviction import NOT_STANDING
from ..record.kinds import KINDS
from .derived_cases import CASE_TABLES, CASES, CaseTables
from .derived_interface import Item, Proof, Ref, Wanted

_SECOND_BITS: Final = 25
_LAST_SECOND: Final = 2**38 - 1  # past the year 9999

SCHEMA: Final = (
    "CREATE TABLE built (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
    "CREATE TABLE log (number INTEGER PRIMARY KEY, size INTEGER NOT NULL, frontier BLOB NOT NULL)",
    """CREATE TABLE item (n INTEGER PRIMARY KEY, time INTEGER NOT NULL, level INTEGER NOT NULL, log INTEGER NOT NULL,
    idx INTEGER NOT NULL, kind INTEGER NOT NULL, party INTEGER NOT NULL, void TEXT, watch INTEGER NOT NULL)""",
    "CREATE UNIQUE INDEX item_by_place ON item (log, idx)",
    "CREATE INDEX item_by_standing ON item (log, idx, void)",
    "CREATE INDEX item_in_order ON item (time, level, log, idx, kind, party, void, watch)",
    "CREATE INDEX item_by_kind ON item (kind, time, level, log, idx, party, void, watch)",
    "CREATE VIRTUAL TABLE word USING fts5 (words, content='', columnsize=0, tokenize='ascii', prefix='1 2 3')",
    """CREATE TABLE step (of_log INTEGER, log INTEGER, size INTEGER, idx INTEGER NOT NULL, PRIMARY KEY (of_log, log, size))
    WITHOUT ROWID""",
    """CREATE TABLE written (log INTEGER, party INTEGER, size INTEGER, time INTEGER, at_time INTEGER, at_level INTEGER, at_log INTEGER,
    at_idx INTEGER, ordinal INTEGER, PRIMARY KEY (log, party, size)) WITHOUT ROWID""",
    """CREATE TABLE belonging (log INTEGER, idx INTEGER, exercise INTEGER NOT NULL, keys TEXT NOT NULL, joins TEXT NOT NULL,
    PRIMARY KEY (log, idx)) WITHOUT ROWID""",
    """CREATE TABLE member (case_log INTEGER, case_idx INTEGER, log INTEGER, idx INTEGER, PRIMARY KEY (case_log, case_idx, log, idx))
    WITHOUT ROWID""",
    """CREATE TABLE named (to_log INTEGER, to_idx INTEGER, log INTEGER, idx INTEGER, PRIMARY KEY (to_log, to_idx, log, idx))
    WITHOUT ROWID""",
    "CREATE INDEX named_by ON named (log, idx)",
    """CREATE TABLE notice (log INTEGER, idx INTEGER, exercise INTEGER NOT NULL, start INTEGER NOT NULL, stop INTEGER NOT NULL,
    PRIMARY KEY (log, idx)) WITHOUT ROWID""",
    "CREATE INDEX notice_by_stop ON notice (exercise, stop, start)",
    *CASES,
)
_TABLES: Final = ("built", "log", "item", "step", "written", "belonging", "member", "named", "notice", *CASE_TABLES)
_COLUMNS: Final = "i.time, i.level, i.log, i.idx, i.kind, i.party, i.void, i.watch"

_ORDER: Final = ("time", "level", "log", "idx")  # record order
_ADD_STEP: Final = "INSERT OR IGNORE INTO step VALUES (?, ?, ?, ?)"


class Tables(CaseTables):
    """`derived_interface.DerivedTables` over one connection, within a transaction."""

    # --- What it was built from ---

    def reset(self) -> None:
        """Empty all tables."""
        for table in _TABLES:
            self._db.execute(f"DELETE FROM {table}")
        self._db.execute("INSERT INTO word (word) VALUES ('delete-all')")

    def built(self) -> dict[str, bytes]:
        """What the tables were built from and by."""
        return dict(self._db.execute("SELECT name, value FROM built"))

    def set_built(self, name: str, value: bytes) -> None:
        """Keep one fact about that."""
        self._db.execute("INSERT OR REPLACE INTO built VALUES (?, ?)", (name, value))

    def logs(self) -> dict[int, tuple[int, bytes]]:
        """Log number -> how many of its messages are in, and their frontier's hashes."""
        return {number: (size, frontier) for number, size, frontier in self._db.execute("SELECT number, size, frontier FROM log")}

    def set_log(self, log: int, size: int, frontier: bytes) -> None:
        """Say so of one log."""
        self._db.execute("INSERT OR REPLACE INTO log VALUES (?, ?, ?)", (log, size, frontier))

    # --- Messages ---

    def add(self, items: Iterable[tuple[Item, str]]) -> None:
        """Messages, each with its folded words, a space between two."""
        rows, texts = [], []
        numbers: dict[int, int] = {}
        for item, words in items:
            second = min(item.time, _LAST_SECOND)
            n = numbers[second] = self._next_number(second, numbers)
            rows.append((n, *item))
            texts.append((n, words))
        self._db.executemany("INSERT INTO item VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
        self._db.executemany("INSERT INTO word (rowid, words) VALUES (?, ?)", texts)

    def _next_number(self, second: int, numbers: Mapping[int, int]) -> int:
        if second in numbers:
            return numbers[second] + 1
        first = second << _SECOND_BITS
        last = self._one("SELECT max(n) FROM item WHERE n >= ? AND n < ?", first, first + (1 << _SECOND_BITS))[0]
        return first if last is None else int(last) + 1

    def item(self, ref: Ref) -> Item | None:
        """One message."""
        found = self._one(f"SELECT {_COLUMNS} FROM item i WHERE i.log = ? AND i.idx = ?", *ref)
        return None if found is None else Item(*found)

    def is_out_of_step(self, log: int, end: int, code: str) -> bool:
        """See DerivedTables."""
        sql = "SELECT 1 FROM item INDEXED BY item_by_standing WHERE log = ? AND idx {} LIMIT 1"
        late = self._one(sql.format(">= ? AND void IS NOT 'log.two_faces' AND void IS NOT ?"), log, end, code)
        return bool(late or self._one(sql.format("< ? AND void IS ?"), log, end, code))

    def items(self, wanted: Wanted) -> Iterator[Item]:
        """Messages in record order."""
        return self._searched(wanted) if wanted.search else self._listed(wanted)

    def _listed(self, wanted: Wanted) -> Iterator[Item]:
        where, values = _conditions(wanted)
        down = " DESC" if wanted.newest else ""
        if wanted.case is not None:  # few: what belongs is found first, and sorted
            source = (
                "(SELECT log, idx FROM member WHERE case_log = ? AND case_idx = ? UNION SELECT ?, ?) m "
                "CROSS JOIN item i ON i.log = m.log AND i.idx = m.idx"
            )
            values = [*wanted.case, *wanted.case, *values]
        else:
            source = f"item i INDEXED BY {'item_in_order' if wanted.kind is None else 'item_by_kind'}"
        sql = f"SELECT {_COLUMNS} FROM {source} WHERE {where} ORDER BY {', '.join(f'i.{name}{down}' for name in _ORDER)}"
        return (Item(*found) for found in self._db.execute(sql, values))

    def _searched(self, wanted: Wanted) -> Iterator[Item]:
        where, values = _conditions(wanted)
        since, until = wanted.since or 0, _LAST_SECOND if wanted.until is None else wanted.until
        if wanted.after:
            since, until = (since, min(until, wanted.after[0])) if wanted.newest else (max(since, wanted.after[0]), until)
        sql = (
            f"SELECT w.rowid, {_COLUMNS} FROM word w CROSS JOIN item i ON i.n = w.rowid "
            f"WHERE w.word MATCH ? AND w.rowid >= ? AND w.rowid <= ? AND {where} ORDER BY w.rowid{' DESC' if wanted.newest else ''}"
        )
        first = min(since, _LAST_SECOND) << _SECOND_BITS
        end = (min(max(until, 0), _LAST_SECOND) << _SECOND_BITS) + (1 << _SECOND_BITS) - 1
        found = self._db.execute(sql, (_match(wanted.search, wanted.prefix), first, end, *values))
        for _, second in groupby(found, key=lambda one: one[0] >> _SECOND_BITS):
            yield from sorted((Item(*one[1:]) for one in second), key=lambda item: item.key, reverse=wanted.newest)

    def count_and_last(self, log: int, kind: int, watch: bool) -> tuple[int, int | None]:
        """How many messages of a log of that kind are not void, and the time of the last; only watch checks if `watch`."""
        sql = "SELECT count(*), max(time) FROM item INDEXED BY item_by_kind WHERE kind = ? AND log = ? AND void IS NULL AND watch >= ?"
        count, last = self._one(sql, kind, log, int(watch))
        return count, last

    # --- What belongs together ---

    def add_belonging(self, ref: Ref, keys: Sequence[Ref], joins: Sequence[Ref], exercise: bool) -> None:
        """To which cases a message belongs, and which it joins to its own."""
        row = (*ref, exercise, json.dumps(keys), json.dumps(joins))
        self._db.execute("INSERT OR REPLACE INTO belonging VALUES (?, ?, ?, ?, ?)", row)
        rows = [(*key, *ref) for key in (*keys, *joins) if key != ref]
        self._db.executemany("INSERT OR IGNORE INTO member VALUES (?, ?, ?, ?)", rows)

    def belonging(self, ref: Ref) -> tuple[tuple[Ref, ...], tuple[Ref, ...], bool] | None:
        """Keys, joins, and whether it is exercise; None of a message that belongs to no case."""
        found = self._one("SELECT keys, joins, exercise FROM belonging WHERE log = ? AND idx = ?", *ref)
        return None if found is None else (_refs(found[0]), _refs(found[1]), bool(found[2]))

    def members(self, key: Ref) -> list[Item]:
        """What belongs or is joined to a case, but its notification, in record order."""
        sql = (
            f"SELECT {_COLUMNS} FROM member m CROSS JOIN item i ON i.log = m.log AND i.idx = m.idx "
            "WHERE m.case_log = ? AND m.case_idx = ? ORDER BY i.time, i.level, i.log, i.idx"
        )
        return [Item(*one) for one in self._db.execute(sql, key)]

    def named(self, ref: Ref) -> list[Ref]:
        """What a message names."""
        return self._db.execute("SELECT to_log, to_idx FROM named WHERE log = ? AND idx = ?", ref).fetchall()

    def add_named(self, ref: Ref, named: Iterable[Ref]) -> None:
        """What a message names."""
        self._db.executemany("INSERT OR IGNORE INTO named VALUES (?, ?, ?, ?)", [(*other, *ref) for other in named])

    def naming(self, ref: Ref) -> list[Item]:
        """What names a message, in record order."""
        sql = (
            f"SELECT {_COLUMNS} FROM named n CROSS JOIN item i ON i.log = n.log AND i.idx = n.idx "
            "WHERE n.to_log = ? AND n.to_idx = ? ORDER BY i.time, i.level, i.log, i.idx"
        )
        return [Item(*one) for one in self._db.execute(sql, ref)]

    # --- Proofs of receipt ---

    def add_steps(self, log: int, steps: Iterable[tuple[int, Mapping[int, int]]]) -> None:
        """For entries of a log: what each saw more than the entry before it."""
        self._db.executemany(_ADD_STEP, [(of, log, size, index) for index, seen in steps for of, size in seen.items()])

    def first_seen(self, of: int, size: int) -> list[Ref]:
        """Of each other log, its first entry that saw at least `size` entries of log `of`."""
        sql = "SELECT log, idx FROM step WHERE of_log = ? AND log = ? AND size >= ? ORDER BY size LIMIT 1"
        found = (self._one(sql, of, log, size) for log in self._seers(of))
        return [(log, index) for log, index in filter(None, found)]

    def _seers(self, of: int) -> Iterator[int]:
        (log,) = self._one("SELECT min(log) FROM step WHERE of_log = ?", of)
        while log is not None:
            yield log
            (log,) = self._one("SELECT min(log) FROM step WHERE of_log = ? AND log > ?", of, log)

    def receipts(self, ref: Ref) -> list[Proof]:
        """Of each party the first proof that it received a message, in record order."""
        found: dict[int, Proof] = {}
        for proof in sorted((*self._by_sight(*ref), *self._by_writing(*ref)), key=lambda proof: (proof.place, proof.ordinal)):
            found.setdefault(proof.party, proof)
        return list(found.values())

    def _by_sight(self, of: int, index: int) -> Iterator[Proof]:
        sql = (
            "SELECT i.time, i.level, i.log, i.idx, i.party, i.void FROM step s CROSS JOIN item i ON i.log = s.log AND i.idx = s.idx "
            "WHERE s.of_log = ? AND s.log = ? AND s.size > ? ORDER BY s.size LIMIT 1"
        )
        for log in self._seers(of):
            found = self._one(sql, of, log, index)
            if found and found[5] not in NOT_STANDING:  # what does not stand shows nothing, and neither does what follows it
                yield Proof(found[:4], 0, found[4], found[0])

    def _by_writing(self, of: int, index: int) -> Iterator[Proof]:
        sql = (
            "SELECT at_time, at_level, at_log, at_idx, ordinal, party, time FROM written "
            "WHERE log = ? AND party = ? AND size > ? ORDER BY size LIMIT 1"
        )
        party = self._one("SELECT min(party) FROM written WHERE log = ?", of)[0]
        while party is not None:
            found = self._one(sql, of, party, index)
            if found:
                yield Proof(found[:4], *found[4:])
            party = self._one("SELECT min(party) FROM written WHERE log = ? AND party > ?", of, party)[0]

    def add_written(self, log: int, size: int, proof: Proof) -> int | None:
        """A proof by a cosignature that a line check writes down. The index of the first message for which it may be the first proof by
        writing; None if earlier ones cover all."""
        own = (proof.place, proof.ordinal)
        sql = "SELECT size, at_time, at_level, at_log, at_idx, ordinal FROM written WHERE log = ? AND party = ? ORDER BY size DESC"
        start, late = 0, []
        for other, *place, ordinal in self._db.execute(sql, (log, proof.party)):  # the later, the larger
            if (tuple(place), ordinal) < own:
                start = other
                break
            if other <= size:
                late.append((log, proof.party, other))
        if start >= size:
            return None
        self._db.executemany("DELETE FROM written WHERE log = ? AND party = ? AND size = ?", late)
        row = (log, proof.party, size, proof.time, *proof.place, proof.ordinal)
        self._db.execute("INSERT INTO written VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        return start

    # --- Notices ---

    def add_notice(self, ref: Ref, exercise: bool, start: int, stop: int) -> None:
        """A notice with its window, both POSIX seconds."""
        self._db.execute("INSERT OR REPLACE INTO notice VALUES (?, ?, ?, ?, ?)", (*ref, exercise, start, stop))

    def notices(self, exercise: bool, start: int, stop: int) -> list[Ref]:
        """The notices whose windows touch a time."""
        return self._db.execute(
            "SELECT log, idx FROM notice WHERE exercise = ? AND stop >= ? AND start <= ?", (exercise, start, stop)
        ).fetchall()


def _conditions(wanted: Wanted) -> tuple[str, list[object]]:
    """SQL and its values. Nothing that a user writes is part of the SQL."""
    parts: list[str] = []
    values: list[object] = []
    for sql, value in (
        ("i.kind = ?", wanted.kind),
        ("i.log = ?", wanted.log),
        ("i.party = ?", wanted.party),
        ("i.party <> ?", wanted.others),
        ("i.time >= ?", wanted.since),
        ("i.time <= ?", wanted.until),
    ):
        if value is not None:
            parts.append(sql)
            values.append(value)
    if wanted.without:
        parts.append(f"i.kind NOT IN ({', '.join('?' * len(wanted.without))})")
        values.extend(wanted.without)
    if wanted.void is not None:
        parts.append("i.void IS NOT NULL" if wanted.void else "i.void IS NULL")
    if wanted.after is not None:
        parts.append(f"(i.time, i.level, i.log, i.idx) {'<' if wanted.newest else '>'} (?, ?, ?, ?)")
        values.extend(wanted.after)
    if wanted.case is not None:
        # Other cases' notifications are members for their links alone.
        parts.append(
            "((i.log = ? AND i.idx = ?) OR i.kind <> ? AND EXISTS (SELECT 1 FROM member x "
            "WHERE x.case_log = ? AND x.case_idx = ? AND x.log = i.log AND x.idx = i.idx))"
        )
        values.extend((*wanted.case, KINDS["notification"], *wanted.case))
    return " AND ".join(parts) or "1", values


def _refs(text: str) -> tuple[Ref, ...]:
    return tuple((log, index) for log, index in json.loads(text))


def _match(phrases: Sequence[Sequence[str]], prefix: bool) -> str:
    """The phrases as FTS5 asks for them: each in quotes, in which nothing but a quote has a meaning."""
    quoted = ['"' + " ".join(phrase).replace('"', '""') + '"' for phrase in phrases]
    return " AND ".join(quoted) + (" *" if prefix else "")
