"""One change, written over a connection inside a transaction that its caller began and will commit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any

from sqlalchemy import BigInteger, BindParameter, Connection, Dialect, Table, bindparam, delete, func, insert, select, update

from ..errors import LocalError
from ..limits import REFUSED_BYTES_KEPT
from ..record.values import LogState, Row
from . import rests as rest_index
from . import schema
from .interface import Change, KeptProof, Peer, Refused
from .reading import write_map
from .rests import Run
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

InsertOf = Callable[[Table], Any]
"""A dialect's own insert, which knows ON CONFLICT: `sqlalchemy.dialects.sqlite.insert` or PostgreSQL's."""

_REFUSED_ROW_BYTES = 128  # what a refused row takes beside its data and detail

_LOG: BindParameter[int] = bindparam("log")
_AT: BindParameter[int] = bindparam("at")
_STOP: BindParameter[int] = bindparam("stop")
_END = select(func.max(message.c.index)).where(message.c.log == _LOG)
_RESTS = select(message.c.index, message.c.rest).where(message.c.log == _LOG, message.c.index >= _AT, message.c.index < _STOP)
_WORDS = select(rest_run.c.words).where(rest_run.c.log == _LOG, rest_run.c.start == _AT)
_DROP_RUN = delete(rest_run).where(rest_run.c.log == _LOG, rest_run.c.start == _AT)
_DROP_FRESH_KEY = delete(fresh_key).where(fresh_key.c.key_id == bindparam("gone"))
_DROP_COSIGNATURE = delete(cosignature).where(
    cosignature.c.log == _LOG,
    cosignature.c.size == _AT,
    cosignature.c.by == bindparam("of"),
    cosignature.c.kind == bindparam("kind_"),
    cosignature.c.time == bindparam("time_"),
)
_UNSHELVE = delete(shelf).where(shelf.c.log == _LOG, shelf.c.start == _AT)
_TALLY = select(tally.c.value).where(tally.c.name == bindparam("of"))
_SET_TALLY = update(tally).values(value=bindparam("to")).where(tally.c.name == bindparam("of"))
# Whoever showed two histories must not be able to wash the evidence away with rubbish. A log is frozen once, so it stays small.
_MAY_GO = refused.c.code != "log.fork"
_REFUSED_SIZE = func.length(refused.c.data) + func.length(refused.c.detail) + _REFUSED_ROW_BYTES
_OF_LOG = refused.c.log.is_not_distinct_from(bindparam("of", type_=BigInteger))
# Whoever fills the room loses what is oldest of its own, and no evidence against another.
_FULLEST = select(refused.c.log).where(_MAY_GO).group_by(refused.c.log).order_by(func.sum(_REFUSED_SIZE).desc()).limit(1)
_OLDEST_REFUSED = select(refused.c.number, _REFUSED_SIZE.label("size")).where(_MAY_GO, _OF_LOG).order_by(refused.c.number)
_DROP_REFUSED = delete(refused).where(_MAY_GO, _OF_LOG, refused.c.number <= bindparam("upto"))
_ADD_REFUSED = insert(refused).values({column: bindparam(column.name) for column in refused.c if column.name != "number"})


def _fields(table: Table) -> Callable[[Any], tuple[Any, ...]]:
    return attrgetter(*(column.name for column in table.c))


_row, _tile, _checkpoint, _cosignature = _fields(message), _fields(tile_hash), _fields(checkpoint), _fields(cosignature)
_fresh_key, _shelved = _fields(fresh_key), _fields(shelf)


def _state(state: LogState) -> tuple[Any, ...]:
    return (state.number, state.size, b"".join(state.frontier.hashes), state.time, write_map(state.seen), state.frozen)


def _peer(known: Peer) -> tuple[Any, ...]:
    wants, heads = write_map(known.wants), write_map(known.heads)
    return (known.number, known.counter_in, known.sealing_id, known.sealing_key, wants, heads, known.told, known.spoke)


def _proof(kept: KeptProof) -> tuple[Any, ...]:
    return (kept.log, kept.kind, kept.from_index, kept.time, kept.data)


class Writer:
    """Writes changes in one dialect. The inserts, and what is read with each of them, are compiled once and handed to the driver as text
    with plain tuples, in the order of the columns: for a single message SQLAlchemy's execution would cost as much as SQLite itself."""

    def __init__(self, dialect: Dialect, insert_of: InsertOf) -> None:
        def once(table: Table) -> str:
            return str(insert_of(table).on_conflict_do_nothing().compile(dialect=dialect))

        def put(table: Table) -> str:
            statement = insert_of(table)
            others = {column.name: statement.excluded[column.name] for column in table.c if not column.primary_key}
            return str(statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=others).compile(dialect=dialect))

        self._add_row = str(insert(message).compile(dialect=dialect))
        self._add_run = str(insert(rest_run).compile(dialect=dialect))
        self._end = str(_END.compile(dialect=dialect))
        self._tally = str(_TALLY.compile(dialect=dialect))
        self._once = {table: once(table) for table in (tile_hash, checkpoint, cosignature, opening)}
        self._put = {table: put(table) for table in (log_state, peer, fresh_key, shelf, misconduct, meta, tally)}

    def write(self, connection: Connection, change: Change) -> int:
        """Write all of it; the counter after it. Raises LocalError store.damaged for rows that do not continue their log."""
        self._rows(connection, change.rows)
        _many(connection, self._put[log_state], map(_state, change.states))
        _many(connection, self._once[tile_hash], map(_tile, change.tiles))
        _many(connection, self._once[checkpoint], map(_checkpoint, change.checkpoints))
        _many(connection, self._once[cosignature], map(_cosignature, change.cosignatures))
        for one in change.drop_cosignatures:
            at = {"log": one.log, "at": one.size, "of": one.by, "kind_": one.kind, "time_": one.time}
            connection.execute(_DROP_COSIGNATURE, at)
        _many(connection, self._once[opening], change.openings.items())
        _many(connection, self._put[peer], map(_peer, change.peers))
        _many(connection, self._put[fresh_key], map(_fresh_key, change.fresh_keys))
        for key_id in change.drop_fresh_keys:
            connection.execute(_DROP_FRESH_KEY, {"gone": key_id})
        # A run that is replaced by a longer one at its own start is both taken off and put on.
        for log, start in change.unshelve:
            connection.execute(_UNSHELVE, {"log": log, "at": start})
        _many(connection, self._put[shelf], map(_shelved, change.shelve))
        _many(connection, self._put[misconduct], map(_proof, change.proofs))
        _many(connection, self._put[meta], change.meta.items())
        if change.refused:
            self._refuse(connection, change.refused)
        return self._count(connection, change.signed)

    def _rows(self, connection: Connection, rows: Sequence[Row]) -> None:
        if not rows:
            return
        ends: dict[int, int] = {}
        olds: dict[int, int] = {}
        for row in rows:
            if row.log not in ends:
                last = _scalar(connection, self._end, row.log)
                olds[row.log] = ends[row.log] = 0 if last is None else last + 1
            if row.index != ends[row.log]:
                raise LocalError("store.damaged", f"log {row.log} holds {ends[row.log]} messages and was given number {row.index}")
            ends[row.log] += 1
        _many(connection, self._add_row, map(_row, rows))
        for log, old in olds.items():
            if old // rest_index.RUN_BASE != ends[log] // rest_index.RUN_BASE:
                self._merge_runs(connection, log, old, ends[log])

    def _merge_runs(self, connection: Connection, log: int, old_size: int, size: int) -> None:
        old, new = rest_index.layout(old_size), rest_index.layout(size)
        merged = {run: self._take_run(connection, log, run) for run in old if run not in new}
        covered = old_size - old_size % rest_index.RUN_BASE
        for run in new:
            if run in old:
                continue
            stop = run.start + run.length
            rests = connection.execute(_RESTS, {"log": log, "at": max(run.start, covered), "stop": stop})
            inside = [(part, words) for part, words in merged.items() if run.start <= part.start < stop]
            words = rest_index.words_of(run, ((index, rest) for index, rest in rests), inside)
            connection.exec_driver_sql(self._add_run, (log, run.start, run.length, rest_index.encode(words)))

    @staticmethod
    def _take_run(connection: Connection, log: int, run: Run) -> rest_index.Words[int]:
        words = rest_index.decode(connection.execute(_WORDS, {"log": log, "at": run.start}).scalar_one())
        connection.execute(_DROP_RUN, {"log": log, "at": run.start})
        return words

    def _refuse(self, connection: Connection, added: Sequence[Refused]) -> None:
        values = [{"time": one.time, "log": one.log, "code": one.code, "detail": one.detail, "data": one.data} for one in added]
        connection.execute(_ADD_REFUSED, values)
        kept = connection.execute(_TALLY, {"of": schema.REFUSED_BYTES}).scalar_one()
        kept += sum(len(one.data) + len(one.detail) + _REFUSED_ROW_BYTES for one in added)
        while kept > REFUSED_BYTES_KEPT and (fullest := connection.execute(_FULLEST).first()):
            dropped = 0
            for number, size in connection.execute(_OLDEST_REFUSED, {"of": fullest[0]}):
                kept, dropped = kept - size, number
                if kept <= REFUSED_BYTES_KEPT:
                    break
            connection.execute(_DROP_REFUSED, {"of": fullest[0], "upto": dropped})
        connection.execute(_SET_TALLY, {"of": schema.REFUSED_BYTES, "to": kept})

    def _count(self, connection: Connection, signed: bool) -> int:
        counter = _scalar(connection, self._tally, schema.COUNTER)
        if type(counter) is not int:
            raise LocalError("store.damaged", "the counter is gone")
        if signed:
            counter += 1
            _many(connection, self._put[tally], [(schema.COUNTER, counter)])
        return counter


def _scalar(connection: Connection, sql: str, value: int | str) -> Any:
    """The one value that is found, or None; by the driver itself, as `_many`."""
    cursor = connection.connection.cursor()
    cursor.execute(sql, (value,))
    found = cursor.fetchone()
    cursor.close()
    return found[0] if found else None


def _many(connection: Connection, sql: str, values: Iterable[tuple[Any, ...]]) -> None:
    """By the driver itself: SQLAlchemy's part of a short statement costs more than SQLite's. Raises the driver's own errors."""
    rows = list(values)
    if rows:
        cursor = connection.connection.cursor()
        cursor.executemany(sql, rows)
        cursor.close()
