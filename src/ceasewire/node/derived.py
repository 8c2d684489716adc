"""The derived database kept in step with its store: built, brought up to date, and built anew when anything it was built from differs.

Whoever asks first sees that the tables hold all that the store held when it asked, and adds what is missing. That is done in steps of
`STEP` messages, each a transaction, so that several who ask at once share the work, and nobody waits for the whole of it. Messages are
added in an order in which each comes after all that it refers to or has seen.

The tables know which program made them (its own code, hashed), for which channel, from how many messages of each log, and the tree of
those. A store that was put back or replaced shows another tree, and they are begun again.
"""

from __future__ import annotations

import hashlib
import heapq
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cache
from itertools import islice
from operator import attrgetter
from pathlib import Path
from typing import Final, TypeVar

from ..errors import LocalError, PeerError
from ..record.case_record import ASKING
from ..record.channel import Channel
from ..record.charter import Charter
from ..record.conviction import Court
from ..record.order import placed, seen_of
from ..record.values import Cosignature, LogState, Row
from ..store.derived_interface import DerivedTables, Lost
from ..store.interface import Store
from ..tlog.merkle import Frontier
from . import folding
from .projector import Bounds, Projector, standing_of
from .reviewing import Reviews
from .table_record import TableRecord

STEP: Final = 2048
LISTED, TIMED, SUMMED_UP = range(3)
"""How far the tables must be for a question: all messages; also all clocks; also the summary of each case."""
_READ_AT_ONCE: Final = 512
_HASH_BYTES: Final = 32
_MAKERS: Final = ("derived", "projector", "folding", "asks", "table_record", "reviewing", "around")
_TRIES: Final = 8  # a file that is lost this often in a row is no file
_BY, _SEEN, _WHOLE, _FACES, _BUILT_BY, _LATE = "by", "seen", "whole", "faces", "built by faces", "late"

T = TypeVar("T")
Progress = Callable[[int, int], None]


class Projection:
    """The derived tables of one store. Any thread may ask."""

    def __init__(
        self,
        store: Store,
        channel: Callable[[], Channel],
        proved: Callable[[Cosignature], bool],
        governing: Callable[[Mapping[int, int]], Callable[[Row], Charter]],
    ) -> None:
        """`channel` gives the channel with every log that the store holds now; `proved` says whether a cosignature verifies; `governing`
        gives, by which logs showed two histories, what gives the charter in force for an entry, as the store stands."""
        self._store = store
        self._channel = channel
        self._proved = proved
        self._governing = governing
        self._by = _code() + channel().channel_id
        self._derived = store.derived()
        self._court = Court(channel())
        self._reviews = Reviews(store)
        self._disagreed = False

    def ask(self, question: Callable[[DerivedTables], T], level: int = LISTED) -> T:
        """The answer from tables that hold all that the store holds now. Raises LocalError disk.failed, store.*."""
        for _ in range(_TRIES):
            try:
                self.catch_up(level)
                with self._derived.reading() as tables:
                    if self._is_current(tables, level):
                        return question(tables)
            except Lost:
                continue
        raise LocalError("disk.failed", "the derived tables")

    def stream(self, question: Callable[[DerivedTables], Iterable[T]], level: int = LISTED) -> Iterator[T]:
        """As `ask`, one by one from one snapshot. Raises LocalError disk.failed when that is lost on the way."""
        for _ in range(_TRIES):
            try:
                with self._snapshot(level) as tables:
                    if tables is not None:
                        yield from question(tables)
                        return
            except Lost as lost:
                raise LocalError("disk.failed", "the derived tables") from lost
        raise LocalError("disk.failed", "the derived tables")

    @contextmanager
    def _snapshot(self, level: int) -> Iterator[DerivedTables | None]:
        """The tables if they are current; None if they were lost before anything was read."""
        with ExitStack() as stack:
            try:
                self.catch_up(level)
                tables = stack.enter_context(self._derived.reading())
                current = self._is_current(tables, level)
            except Lost:
                yield None
                return
            yield tables if current else None

    def record(self, tables: DerivedTables) -> TableRecord:
        """The record as the fold of a case reads it, for one block of the tables."""
        return TableRecord(self._channel(), self._store, tables, self._governing(faces_of(tables)))

    def rebuild(self, progress: Progress) -> int:
        """Delete all of it and build it anew; how many messages it holds. Raises as `ask`."""
        self._derived.delete()
        self.catch_up(SUMMED_UP, progress)
        return sum(state.size for state in self._store.states().values())

    # --- Being current ---

    def _is_current(self, tables: DerivedTables, level: int) -> bool:
        """Whether the tables are this program's, and hold at least what the store held before they were read."""
        states = self._store.states()
        if self._is_foreign(tables, states) or tables.built().get(_WHOLE) != b"1" or _lacking(tables, states):
            return False
        return level == LISTED or (folding.is_timed(tables) and (level == TIMED or not tables.stale(1)))

    def _is_foreign(self, tables: DerivedTables, states: Mapping[int, LogState]) -> bool:
        """Whether they were built by another program or from another store."""
        if tables.built().get(_BY) != self._by:
            return True
        held = tables.logs()
        if any(size > _size(states, log) for log, (size, _) in held.items()):
            states = self._store.states()  # what another process added may be of a later commit
        return not all(_agree(states.get(log), size, hashes) for log, (size, hashes) in held.items())

    def catch_up(self, level: int = LISTED, progress: Progress | None = None) -> None:
        """Bring the tables up to what the store holds now. Raises Lost, LocalError."""
        with self._derived.reading() as tables:
            if self._is_current(tables, level):
                return
        done = False
        while not done:
            with _own_store(), self._derived.writing() as tables:
                if not self._is_current(tables, LISTED):
                    self._step(tables)
                else:
                    most = self._channel().charter.quotas["running_clocks_per_party"]
                    folding.step(self.record(tables), tables, most)
                done = self._is_current(tables, level)
                if progress:
                    progress(*self._progress(tables))

    def _progress(self, tables: DerivedTables) -> tuple[int, int]:
        """How far it is, of how much: messages that are in count half, and so do cases that are summed up."""
        total = sum(state.size for state in self._store.states().values())
        held = sum(size for size, _ in tables.logs().values())
        if held < total:
            return held, 2 * total
        stale, summed = tables.stale_count(), tables.summed_up_count()
        return total + (total * summed // (summed + stale) if summed + stale else 0), 2 * total

    def _step(self, tables: DerivedTables) -> None:
        """Add one transaction's worth of messages."""
        states = self._store.states()
        if self._is_foreign(tables, states):
            self._begin(tables)
        self._see(tables, states)
        faces = _faces(tables)
        bounds = self._bounds(tables, faces)
        late = _late(tables, states, faces)
        if late != _known_late(tables) or bounds.are_out_of_step(tables) or faces_of(tables) != faces:
            # What does not stand now came in as standing, or what lay below others was not in: begin again, with what is known now.
            self._begin(tables)
            self._see(tables, states)
            for name in (_FACES, _BUILT_BY):
                _set_faces(tables, faces, name)
            tables.set_built(_LATE, json.dumps(late).encode())
        whole = self._add(tables, states, bounds)
        # What new messages carry may take from the record what is in it: then the next step sees to it.
        whole = whole and _faces(tables) == faces
        tables.set_built(_WHOLE, b"1" if whole else b"0")

    def _bounds(self, tables: DerivedTables, faces: Mapping[int, int]) -> Bounds:
        """What stands, by all that was seen and all proofs that were read so far."""
        proved = Bounds({}, faces).proving(self._proved)
        channel = self._channel()
        return Bounds(standing_of(channel, self._store, tables, proved, faces), faces, self._reviews.of(channel, faces))

    def _begin(self, tables: DerivedTables) -> None:
        tables.reset()
        tables.set_built(_BY, self._by)

    def _see(self, tables: DerivedTables, states: Mapping[int, LogState]) -> None:
        """Take in what all new messages saw, before any of them: what stands is known by that."""
        known = json.loads(tables.built().get(_SEEN, b"{}"))
        for log, state in states.items():
            start = known.get(str(log), 0)
            if start < state.size:
                before = self._store.row(log, start - 1) if start else None
                for index, rises in _rises(self._store.seen_steps(log, start), state.size, seen_of(before.seen) if before else {}):
                    tables.add_steps(log, [(index, {of: size for of, (_, size) in rises.items()})])
                    for of, (low, high) in rises.items():
                        tables.touch_range(of, low, high, ASKING)
                known[str(log)] = state.size
        tables.set_built(_SEEN, json.dumps(known).encode())

    def _add(self, tables: DerivedTables, states: Mapping[int, LogState], bounds: Bounds) -> bool:
        """Add the next messages, at most STEP; whether they were the last."""
        held = tables.logs()
        streams = [self._rows(log, held.get(log, (0, b""))[0], state.size) for log, state in states.items()]
        rows = islice(placed(heapq.merge(*streams, key=attrgetter("time"))), STEP)
        projector = Projector(self._channel(), tables, bounds, self._proved, self._court)
        leaves: dict[int, list[bytes]] = {}
        for one in rows:
            leaves.setdefault(one.row.log, []).append(one.row.leaf)
            projector.take(one.row)
        projector.finish()
        if projector.faces != bounds.faces:
            _set_faces(tables, projector.faces)
        for log, new in leaves.items():
            size, hashes = held.get(log, (0, b""))
            frontier = _frontier(size, hashes).extend(new)
            tables.set_log(log, frontier.size, b"".join(frontier.hashes))
        if all(_agree(states.get(log), size, hashes) for log, (size, hashes) in tables.logs().items()):
            self._disagreed = False
            return not _lacking(tables, states)
        if self._disagreed:
            raise LocalError("store.damaged", "the messages are not those of the tree that is kept")
        self._disagreed = True  # the store was put back and has grown again: once more, from nothing
        self._begin(tables)
        return False

    def _rows(self, log: int, start: int, stop: int) -> Iterator[Row]:
        for at in range(start, stop, _READ_AT_ONCE):
            yield from self._store.rows(log, at, min(at + _READ_AT_ONCE, stop))


@contextmanager
def _own_store() -> Iterator[None]:
    """Messages were checked when they were taken: one that cannot be read now is damage here."""
    try:
        yield
    except PeerError as error:
        raise LocalError("store.damaged", f"a message cannot be read: {error.code}") from error


def faces_of(tables: DerivedTables) -> dict[int, int]:
    """The logs that showed two histories, by which all messages that are in were judged: see conviction.two_faced."""
    return _faces(tables, _BUILT_BY)


def _faces(tables: DerivedTables, name: str = _FACES) -> dict[int, int]:
    """Of logs that showed two histories, from which index on they do not stand: as far as messages have been read, or as all messages that
    are in were judged by."""
    return {int(log): index for log, index in json.loads(tables.built().get(name, b"{}")).items()}


def _late(tables: DerivedTables, states: Mapping[int, LogState], faces: Mapping[int, int]) -> list[int]:
    """The logs with two histories of which all that is the same in both has come after what had seen it: nobody waits for such a log, and
    so messages were in without what lies below them. Those too of which that was known."""
    sizes = {log: size for log, (size, _) in tables.logs().items()}
    found = _known_late(tables)
    for log, end in sorted(faces.items()):
        size = sizes.get(log, 0)
        if log not in found and size < end <= _size(states, log):
            found += [log] if any(index < sizes.get(by, 0) for by, index in tables.first_seen(log, size + 1)) else []
    return found


def _known_late(tables: DerivedTables) -> list[int]:
    found: list[int] = json.loads(tables.built().get(_LATE, b"[]"))
    return found


def _set_faces(tables: DerivedTables, faces: Mapping[int, int], name: str = _FACES) -> None:
    tables.set_built(name, json.dumps({str(log): index for log, index in sorted(faces.items())}).encode())


def _size(states: Mapping[int, LogState], log: int) -> int:
    state = states.get(log)
    return state.size if state else 0


def _lacking(tables: DerivedTables, states: Mapping[int, LogState]) -> bool:
    held = tables.logs()
    return any(state.size > held.get(log, (0, b""))[0] for log, state in states.items())


def _agree(state: LogState | None, size: int, hashes: bytes) -> bool:
    """Whether the first `size` messages of a log may be those of these hashes; for less than all of it that shows at its end."""
    if state is None or size > state.size:
        return size == 0
    return size < state.size or hashes == b"".join(state.frontier.hashes)


def _frontier(size: int, hashes: bytes) -> Frontier:
    return Frontier(size, tuple(hashes[at : at + _HASH_BYTES] for at in range(0, len(hashes), _HASH_BYTES)))


def _rises(steps: Iterable[tuple[int, bytes]], stop: int, before: Mapping[int, int]) -> Iterator[tuple[int, dict[int, tuple[int, int]]]]:
    """Of each entry below `stop`, how much more it saw of each log than the entry before it: from, to. `before` is what the first one's
    predecessor saw."""
    for index, seen in steps:
        if index >= stop:
            return
        now = seen_of(seen)
        yield index, {log: (before.get(log, 0), size) for log, size in now.items() if size > before.get(log, 0)}
        before = now


@cache
def _code() -> bytes:
    """The hash of the code that makes the tables: another version's are not read."""
    base = Path(__file__).parents[1]
    digest = hashlib.sha256()
    makers = [base / "node" / f"{name}.py" for name in _MAKERS]
    for path in sorted([*base.glob("record/**/*.py"), *base.glob("store/derived*.py"), *makers]):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.digest()
