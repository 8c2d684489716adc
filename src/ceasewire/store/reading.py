"""Every reading method of a store, for any database that SQLAlchemy knows.

Each method takes a connection of its own from the engine's pool, so that any thread may read at any time, also while another
commits. What one method reads is of one commit.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import BindParameter, Connection, Engine, Select, bindparam, func, select
from sqlalchemy.exc import DBAPIError, NoResultFound

from ..errors import LocalError, PeerError
from ..record import encoding
from ..record.values import Cosignature, LogState, Row
from ..tlog.merkle import Frontier
from . import rests as rest_index
from . import schema
from .interface import FreshKey, KeptCheckpoint, KeptProof, Peer, Refused, Shelved
from .rests import Run, Words
from .schema import (
    checkpoint,
    cosignature,
    fresh_key,
    log_state,
    message,
    meta,
    misconduct,
    opening,
    peer,
    refused,
    rest_run,
    shelf,
    tally,
    tile_hash,
)

_HASH_BYTES = 32
_ED25519 = 4  # C2SP signature type of an Ed25519 cosignature
_BATCH = 256  # rows that a scan holds in memory

_LOG: BindParameter[int] = bindparam("log")
_AT: BindParameter[int] = bindparam("at")
_STOP: BindParameter[int] = bindparam("stop")
_COLUMNS = tuple(message.c)

_META = select(meta.c.value).where(meta.c.name == bindparam("name"))
_TALLY = select(tally.c.value).where(tally.c.name == bindparam("name"))
_OPENINGS = select(opening.c.number, opening.c.data).order_by(opening.c.number)
_STATES = select(log_state).order_by(log_state.c.number)
_RUN_OF_ROWS = select(*_COLUMNS).where(message.c.log == _LOG, message.c.index >= _AT, message.c.index < _STOP).order_by(message.c.index)
_ROWS_AT = select(*_COLUMNS).where(message.c.log == _LOG, message.c.index.in_(bindparam("indexes", expanding=True)))
_SEENS = select(message.c.index, message.c.seen).where(message.c.log == _LOG, message.c.index >= _AT).order_by(message.c.index)
_ROW = select(*_COLUMNS).where(message.c.log == _LOG, message.c.index == _AT)
_GOVERNED = select(*_COLUMNS).where(schema.GOVERNING).order_by(message.c.log, message.c.index)
_GOVERNING = _GOVERNED.where(message.c.void.is_(None))
_LEAVES = select(message.c.leaf).where(message.c.log == _LOG, message.c.index >= _AT, message.c.index < _STOP).order_by(message.c.index)
_TILES = (
    select(tile_hash.c.hash)
    .where(
        tile_hash.c.log == _LOG,
        tile_hash.c.level == bindparam("level"),
        tile_hash.c.index >= _AT,
        tile_hash.c.index < _STOP,
    )
    .order_by(tile_hash.c.index)
)
_RUNS = select(rest_run.c.start, rest_run.c.length).where(rest_run.c.log == _LOG).order_by(rest_run.c.start)
_WORDS = select(rest_run.c.words).where(rest_run.c.log == _LOG, rest_run.c.start == _AT)
_TAIL_RESTS = select(message.c.index, message.c.rest).where(message.c.log == _LOG, message.c.index >= _AT).order_by(message.c.index)
_REST = select(message.c.rest).where(message.c.log == _LOG, message.c.index == _AT)

_CHECKPOINT = select(checkpoint).where(checkpoint.c.log == _LOG, checkpoint.c.size == _AT)
_CHECKPOINT_BELOW = select(checkpoint).where(checkpoint.c.log == _LOG, checkpoint.c.size <= _AT).order_by(checkpoint.c.size.desc()).limit(1)
_CHECKPOINT_ABOVE = select(checkpoint).where(checkpoint.c.log == _LOG, checkpoint.c.size >= _AT).order_by(checkpoint.c.size).limit(1)
_BY_KEY = (cosignature.c.size, cosignature.c.by, cosignature.c.kind, cosignature.c.time)
_COSIGNATURES = select(cosignature).where(cosignature.c.log == _LOG, cosignature.c.size == _AT).order_by(*_BY_KEY)
_COSIGNED_SINCE = select(cosignature).where(cosignature.c.log == _LOG, cosignature.c.size > _AT).order_by(*_BY_KEY)
# The two below are one step each along the index (log, by, size): their cost does not grow with the log.
_NEXT_COSIGNER = select(func.min(cosignature.c.by)).where(cosignature.c.log == _LOG, cosignature.c.by > bindparam("by"))
_LARGEST = select(func.max(cosignature.c.size)).where(cosignature.c.log == _LOG, cosignature.c.by == bindparam("by"))
_FIRST_COSIGNATURE = (
    select(cosignature)
    .where(cosignature.c.log == _LOG, cosignature.c.by == bindparam("by"), cosignature.c.size > _AT)
    .order_by(cosignature.c.time, cosignature.c.size, cosignature.c.kind)
    .limit(1)
)
_LAST_COSIGNATURE = (
    select(cosignature)
    .where(cosignature.c.log == _LOG, cosignature.c.by == bindparam("by"), cosignature.c.size < _AT, cosignature.c.kind == _ED25519)
    .order_by(cosignature.c.size.desc(), cosignature.c.time.desc())
    .limit(1)
)
_PROOFS = select(misconduct).order_by(misconduct.c.log, misconduct.c.kind)
_PEERS = select(peer).order_by(peer.c.number)
_FRESH_KEYS = select(fresh_key).order_by(fresh_key.c.made, fresh_key.c.key_id)
_FRESH_KEY = select(fresh_key).where(fresh_key.c.key_id == bindparam("key_id"))
_SHELVED = select(shelf).order_by(shelf.c.log, shelf.c.start)
_SHELVED_SLIM = _SHELVED.with_only_columns(*(column for column in shelf.c if column is not shelf.c.data))
_REFUSED_SLIM = (
    select(refused.c.number, refused.c.time, refused.c.log, refused.c.code, refused.c.detail)
    .order_by(refused.c.number.desc())
    .limit(bindparam("most"))
)
_REFUSED = _REFUSED_SLIM.add_columns(refused.c.data)

_LEAST, _MOST = -(2**63), 2**63 - 1


def write_map(sizes: Mapping[int, int]) -> str:
    """Log number -> size as it is kept."""
    return json.dumps({str(log): sizes[log] for log in sorted(sizes)}, separators=(",", ":"))


def _read_map(text: str) -> dict[int, int]:
    read = json.loads(text)
    if not isinstance(read, dict):
        raise ValueError("a map of sizes is no map")
    sizes = {int(log): size for log, size in read.items()}
    if write_map(sizes) != text or not all(type(size) is int for size in sizes.values()):
        raise ValueError("a map of sizes is not as it was written")
    return sizes


def _read_state(found: Sequence[Any]) -> LogState:
    number, size, frontier, time, seen, frozen = found
    hashes = tuple(frontier[at : at + _HASH_BYTES] for at in range(0, len(frontier), _HASH_BYTES))
    try:
        return LogState(number, Frontier(size, hashes), time, _read_map(seen), frozen)
    except PeerError as error:  # no peer's fault here: the frontier was whole when it was written
        raise ValueError(error.detail) from error


def _read_peer(found: Sequence[Any]) -> Peer:
    number, counter, key_id, key, wants, heads, told, spoke = found
    return Peer(number, counter, key_id, key, _read_map(wants), _read_map(heads), told, spoke)


def _whole(data: bytes) -> bytes:
    if len(data) != _HASH_BYTES:
        raise ValueError("a hash is not of 32 bytes")
    return data


class ReadingStore:
    """The reading half of `interface.Store`, over an engine whose connections see the last commit."""

    def __init__(self, readers: Engine, explain: Callable[[DBAPIError], LocalError]) -> None:
        self._readers = readers
        self._explain = explain
        # Runs never change, so each is read once: (log, run) -> words. At a million messages all of them are 8 MB.
        self._words: dict[tuple[int, Run], Words[int]] = {}

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self._explaining(), self._readers.connect() as connection:
            yield connection

    @contextmanager
    def _explaining(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise self._explain(error) from error
        except (ValueError, TypeError, NoResultFound) as error:
            raise LocalError("store.damaged", f"what is kept cannot be read: {error}") from error

    def _one(self, statement: Select[Any], **values: object) -> Any:
        with self._reading() as connection:
            return connection.execute(statement, values).first()

    def _all(self, statement: Select[Any], **values: object) -> Sequence[Any]:
        with self._reading() as connection:
            return connection.execute(statement, values).all()

    @property
    def counter(self) -> int:
        """How many changes with `signed` were committed."""
        found = self._one(_TALLY, name=schema.COUNTER)
        if found is None:
            raise LocalError("store.damaged", "the counter is gone")
        return int(found[0])

    def meta(self, name: str) -> bytes | None:
        """The value last written under the name."""
        found = self._one(_META, name=name)
        return None if found is None else bytes(found[0])

    def states(self) -> dict[int, LogState]:
        """Log number -> state, of every log ever written."""
        with self._explaining():
            return {found[0]: _read_state(found) for found in self._all(_STATES)}

    def openings(self) -> dict[int, bytes]:
        """Log number -> opening file, of every later log, by number."""
        return {number: bytes(data) for number, data in self._all(_OPENINGS)}

    def rows(self, log: int, start: int, stop: int, max_bytes: int | None = None) -> list[Row]:
        """Rows start..stop-1 in order, fewer if the log ends or their bodies together would pass max_bytes (at least one row)."""
        kept: list[Row] = []
        left = max_bytes
        with self._reading() as connection:
            streaming = connection.execution_options(yield_per=_BATCH)
            for found in streaming.execute(_RUN_OF_ROWS, {"log": log, "at": start, "stop": stop}):
                row = Row(*found)
                if left is not None:
                    left -= len(row.body)
                    if left < 0 and kept:
                        break
                kept.append(row)
        return kept

    def row(self, log: int, index: int) -> Row | None:
        """One row."""
        found = self._one(_ROW, log=log, at=index)
        return None if found is None else Row(*found)

    def at(self, refs: Sequence[tuple[int, int]]) -> list[Row]:
        """The rows at these places (log, index), in the order asked for; those that are not there are left out."""
        wanted: dict[int, list[int]] = {}
        for log, index in refs:
            wanted.setdefault(log, []).append(index)
        found: dict[tuple[int, int], Row] = {}
        with self._reading() as connection:
            for log, indexes in wanted.items():
                for start in range(0, len(indexes), _BATCH):
                    rows = connection.execute(_ROWS_AT, {"log": log, "indexes": indexes[start : start + _BATCH]})
                    found.update(((log, row[1]), Row(*row)) for row in rows)
        return [found[ref] for ref in refs if ref in found]

    def seen_steps(self, log: int, start: int) -> Iterator[tuple[int, bytes]]:
        """Index and `seen` of each row from `start` on whose `seen` is not that of the row before it in the log."""
        before: bytes | None = None
        with self._reading() as connection:
            streaming = connection.execution_options(yield_per=_BATCH)
            for index, seen in streaming.execute(_SEENS, {"log": log, "at": max(0, start - 1)}):
                if seen != before and index >= start:
                    yield index, bytes(seen)
                before = seen

    def first_seen(self, log: int, of: int) -> tuple[int, bytes] | None:
        """Index and `seen` of a log's first row that has seen something of the log `of`: `seen` never decreases, so it is halved."""
        state = self.states().get(log)
        low, high = 0, state.size if state else 0
        found: tuple[int, bytes] | None = None
        while low < high:
            middle = (low + high) // 2
            one = self.row(log, middle)
            if one is not None and of in encoding.sizes(encoding.decode(one.seen)):
                found, high = (middle, one.seen), middle
            else:
                low = middle + 1
        return found

    def scan(self, *, kinds: Collection[int] | None = None, log: int | None = None, since: int | None = None) -> Iterator[Row]:
        """All rows in order of (time, log, index), filtered; `since` in POSIX seconds, inclusive. Memory stays the same.

        Rows are those of the commit that was last when the first was taken. A write-ahead log cannot shrink below a scan that is
        left open, so exhaust or close it.
        """
        # In the order of the time index, always: a filter on log must not lead the planner to another index and a sort.
        statement = select(*_COLUMNS).order_by(message.c.time, message.c.log, message.c.index)
        if kinds is not None:
            statement = statement.where(message.c.kind.in_(sorted(kinds)))
        if log is not None:
            statement = statement.where(message.c.log + 0 == log)
        if since is not None:
            statement = statement.where(message.c.time >= since)
        with self._reading() as connection:
            for found in connection.execution_options(yield_per=_BATCH).execute(statement):
                yield Row(*found)

    def governing(self, *, void: bool = False) -> list[Row]:
        """The rows of the kinds in record.authority.GOVERNING that are not void, in order of (log, index); with `void` all."""
        return [Row(*found) for found in self._all(_GOVERNED if void else _GOVERNING)]

    def hashes(self, log: int, level: int, start: int, count: int) -> list[bytes]:
        """Leaf hashes (level 0) or tile hashes (level >= 1), in order: tiles.HashSource for one log.

        Raises LocalError store.damaged when one of them is not there.
        """
        at = {"log": log, "at": start, "stop": start + count}
        found = self._all(_LEAVES, **at) if level == 0 else self._all(_TILES, level=level, **at)
        if len(found) != count:
            raise LocalError("store.damaged", f"log {log} lacks hashes of level {level} between {start} and {start + count}")
        with self._explaining():
            return [_whole(one[0]) for one in found]

    def rests(self, log: int, rests: Collection[bytes], below: int | None = None) -> dict[bytes, int]:
        """Of the given `rest` hashes, those in the log, with the lowest index that bears each. `below`: as of interface.Store."""
        if below is not None and self._not_below(log, rests, below):
            return {}
        lowest: dict[bytes, int] = {}
        with self._reading() as connection:
            # One snapshot: between two statements another commit could merge runs.
            connection.exec_driver_sql("BEGIN")
            runs = [Run(*run) for run in connection.execute(_RUNS, {"log": log})]
            words = list(zip(runs, self._words_of(connection, log, runs), strict=True))
            for rest in rests:
                for index in rest_index.candidates(words, rest):
                    if self._bears(connection, log, index, rest):
                        lowest[rest] = index
                        break
            wanted: set[bytes] = set() if below is not None else set(rests) - lowest.keys()
            covered = sum(run.length for run in runs)
            for index, rest in connection.execute(_TAIL_RESTS, {"log": log, "at": covered}) if wanted else ():
                if rest in wanted:
                    lowest.setdefault(rest, index)
        return lowest

    def _not_below(self, log: int, rests: Collection[bytes], below: int) -> bool:
        """Whether it is known without a query that none is borne by a log's first messages: no word that was read nominates one."""
        runs = rest_index.layout(below)
        words = [(run, found) for run in runs if (found := self._words.get((log, run))) is not None]
        return len(words) == len(runs) and not any(True for rest in rests for _ in rest_index.candidates(words, rest))

    @staticmethod
    def _bears(connection: Connection, log: int, index: int, rest: bytes) -> bool:
        return bool(connection.execute(_REST, {"log": log, "at": index}).scalar() == rest)

    def _words_of(self, connection: Connection, log: int, runs: list[Run]) -> list[Words[int]]:
        read = {}
        for run in runs:
            words = self._words.get((log, run))
            if words is None:
                words = rest_index.decode(connection.execute(_WORDS, {"log": log, "at": run.start}).scalar_one())
            read[log, run] = words
        # A new dict, so that a thread in the middle of reading the old one is not disturbed.
        self._words = {key: words for key, words in self._words.items() if key[0] != log} | read
        return list(read.values())

    def _checkpoint(self, statement: Select[Any], log: int, size: int) -> KeptCheckpoint | None:
        found = self._one(statement, log=log, at=size)
        return None if found is None else KeptCheckpoint(*found)

    def checkpoint(self, log: int, size: int) -> KeptCheckpoint | None:
        """The checkpoint of exactly that size."""
        return self._checkpoint(_CHECKPOINT, log, size)

    def newest_checkpoint(self, log: int, at_most: int | None = None) -> KeptCheckpoint | None:
        """The largest checkpoint, or the largest of a size <= at_most."""
        return self._checkpoint(_CHECKPOINT_BELOW, log, _MOST if at_most is None else at_most)

    def next_checkpoint(self, log: int, at_least: int) -> KeptCheckpoint | None:
        """The smallest checkpoint of a size >= at_least."""
        return self._checkpoint(_CHECKPOINT_ABOVE, log, at_least)

    def cosignatures(self, log: int, size: int) -> list[Cosignature]:
        """All cosignatures over the checkpoint of that size."""
        return [Cosignature(*found) for found in self._all(_COSIGNATURES, log=log, at=size)]

    def _cosigners(self, connection: Connection, log: int) -> Iterator[int]:
        by = connection.execute(_NEXT_COSIGNER, {"log": log, "by": _LEAST}).scalar()
        while by is not None:
            yield by
            by = connection.execute(_NEXT_COSIGNER, {"log": log, "by": by}).scalar()

    def covered(self, log: int) -> dict[int, int]:
        """Cosigner -> largest size of the log that it cosigned."""
        with self._reading() as connection:
            connection.exec_driver_sql("BEGIN")
            return {by: connection.execute(_LARGEST, {"log": log, "by": by}).scalar_one() for by in self._cosigners(connection, log)}

    def first_cosignatures(self, log: int, index: int) -> list[Cosignature]:
        """Of each cosigner, the cosignature of the earliest time (then smallest size) over a size > index."""
        with self._reading() as connection:
            connection.exec_driver_sql("BEGIN")
            found = [
                connection.execute(_FIRST_COSIGNATURE, {"log": log, "by": by, "at": index}).first()
                for by in self._cosigners(connection, log)
            ]
        return [Cosignature(*one) for one in found if one is not None]

    def last_cosignature(self, log: int, by: int, below: int) -> Cosignature | None:
        """A cosigner's Ed25519 cosignature over the largest checkpoint of a size < below, the latest of these; None if it gave none."""
        found = self._one(_LAST_COSIGNATURE, log=log, by=by, at=below)
        return None if found is None else Cosignature(*found)

    def cosigned_since(self, log: int, after_size: int) -> list[Cosignature]:
        """Cosignatures over checkpoints of a size > after_size, in order of size."""
        return [Cosignature(*found) for found in self._all(_COSIGNED_SINCE, log=log, at=after_size)]

    def peers(self) -> dict[int, Peer]:
        """Log number -> peer."""
        with self._explaining():
            return {found[0]: _read_peer(found) for found in self._all(_PEERS)}

    def fresh_keys(self, peer: int | None = None) -> list[FreshKey]:
        """Our fresh sealing keys, oldest first; of one peer or of all."""
        statement = _FRESH_KEYS if peer is None else _FRESH_KEYS.where(fresh_key.c.peer == peer)
        return [FreshKey(*found) for found in self._all(statement)]

    def fresh_key(self, key_id: bytes) -> FreshKey | None:
        """One of them."""
        found = self._one(_FRESH_KEY, key_id=key_id)
        return None if found is None else FreshKey(*found)

    def shelved(self, *, data: bool = True) -> list[Shelved]:
        """Waiting runs in order of (log, start). Without `data` the runs themselves stay on the disk, and theirs is empty."""
        rows = self._all(_SHELVED if data else _SHELVED_SLIM)
        return [Shelved(log, start, count, code, since, kept[0] if kept else b"") for log, start, count, code, since, *kept in rows]

    def refused(self, limit: int = 100, *, data: bool = True) -> Sequence[Refused]:
        """The newest refused bytes, newest first. Without `data` the bytes themselves stay on the disk, and theirs are empty."""
        found = self._all(_REFUSED if data else _REFUSED_SLIM, most=limit)
        return [Refused(time, log, code, detail, kept[0] if kept else b"", number) for number, time, log, code, detail, *kept in found]

    def proofs(self) -> list[KeptProof]:
        """The misconduct proofs that are kept, in order of (log, kind): one of each at most."""
        return [KeptProof(*found) for found in self._all(_PROOFS)]
