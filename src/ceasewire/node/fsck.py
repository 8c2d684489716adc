"""Every byte that a store holds against every signature, and the exact place of what is wrong.

Each log is walked from its first entry: bodies give roots, roots entries, entries leaves, leaves the tree; at each size for which a
checkpoint is kept, the tree's root, the log's signatures and every cosignature are verified. What is computed once and kept for speed
(tiles, states, void codes) is computed again and compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from ..errors import PeerError
from ..record import message
from ..record.channel import Channel
from ..record.kinds import KINDS
from ..record.log import mark_void
from ..record.message import Message
from ..record.misconduct import KINDS as KINDS_OF_MISCONDUCT
from ..record.misconduct import open_misconduct
from ..record.opening import OPENING_SIGNATURES, Opening, check_first, open_opening
from ..record.order import seen_of
from ..record.values import LogState, Row
from ..store.interface import KeptCheckpoint, Store
from ..tlog import checkpoint as checkpoints
from ..tlog import tiles
from ..tlog.merkle import Frontier
from .around import Pending
from .reviewing import came_late
from .view import View

_STEP: Final = 1000


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that does not verify: its place (`north/12 body`), a code, and what was found."""

    place: str
    code: str
    detail: str


@dataclass(slots=True)
class Checked:
    """How much was checked."""

    logs: int = 0
    messages: int = 0
    checkpoints: int = 0
    signatures: int = 0

    def as_json(self) -> dict[str, int]:
        """The counts by name."""
        return {"logs": self.logs, "messages": self.messages, "checkpoints": self.checkpoints, "signatures": self.signatures}


@dataclass(slots=True)
class Result:
    """What `check` found."""

    checked: Checked = field(default_factory=Checked)
    faults: list[Fault] = field(default_factory=list)


def check(view: View, progress: Callable[[int, int], None]) -> Result:
    """Check a whole store; `progress(done, total)` counts messages."""
    result = Result()
    states = view.store.states()
    total = sum(state.size for state in states.values())
    _openings(view, result)
    _proofs(view, result)
    for number, state in sorted(states.items()):
        if number not in view.channel.logs and (state.size or state.frozen is None):
            result.faults.append(Fault(f"log {number}", "log.unknown", "the charter has no such log"))
            continue
        if number not in view.channel.logs:
            continue  # a log that was refused, of which nothing is held
        _Log(view, state, result).walk(lambda: progress(result.checked.messages, total))
        result.checked.logs += 1
    progress(total, total)
    return result


def _openings(view: View, result: Result) -> None:
    """Each later log's opening: the signatures of the recovery key and of the new keys, and that it is the one of that number."""
    channel = view.channel
    for number, data in view.store.openings().items():
        result.checked.signatures += OPENING_SIGNATURES
        try:
            if open_opening(data, channel.channel_id, channel.charter.parties) != channel.openings.get(number):
                raise PeerError("opening.refused", "of another number than it is kept under")
        except PeerError as error:
            result.faults.append(Fault(f"opening {channel.log_name(number) or number}", error.code, error.detail))


def _proofs(view: View, result: Result) -> None:
    """Each misconduct proof: that it verifies, and says what it is kept as."""
    for kept in view.store.proofs():
        try:
            verdict = open_misconduct(kept.data, view.channel)
            if (verdict.log, verdict.kind, verdict.from_index) != (kept.log, KINDS_OF_MISCONDUCT.get(kept.kind), kept.from_index):
                raise PeerError("misconduct.malformed", "of another log, kind or index than it is kept as")
        except PeerError as error:
            result.faults.append(Fault(f"misconduct {view.channel.log_name(kept.log) or kept.log} {kept.kind}", error.code, error.detail))


class _Log:
    """One log being walked."""

    def __init__(self, view: View, state: LogState, result: Result) -> None:
        self.view = view
        self.store: Store = view.store
        self.channel: Channel = view.channel
        self.state = state
        self.names = view.channel.logs[state.number]
        self.result = result
        self.pending = Pending(view.store)
        self.frontier = Frontier.empty()
        self.time = 0
        self.seen: dict[int, int] = {}

    def fault(self, place: str, code: str, detail: str) -> None:
        self.result.faults.append(Fault(f"{self.names.slug}{place}", code, detail))

    def walk(self, progress: Callable[[], None]) -> None:
        at, size = 0, self.state.size
        boundaries = self._checkpoints()
        for kept in [*boundaries, None]:
            stop = min(kept.size, size) if kept else size
            while at < stop:
                count = min(_STEP, stop - at)
                if not self._rows(at, count):
                    return
                at += count
                progress()
            if kept:
                self._checkpoint(kept)
        self._state()

    def _checkpoints(self) -> Iterator[KeptCheckpoint]:
        kept = self.store.next_checkpoint(self.state.number, 1)
        while kept:
            yield kept
            kept = self.store.next_checkpoint(self.state.number, kept.size + 1)

    def _rows(self, start: int, count: int) -> bool:
        """Check rows start..start+count-1; False if one is missing, after which nothing of the log can be checked."""
        rows = self.store.rows(self.state.number, start, start + count)
        for index, one in enumerate(rows, start):
            if one.index != index:
                break
            self._row(one)
        good = [one.index for one in rows] == list(range(start, start + count))
        if not good:
            missing = next(i for i in range(start, start + count) if i - start >= len(rows) or rows[i - start].index != i)
            self.fault(f"/{missing}", "store.damaged", "the message is missing")
            return False
        self._tiles(start, [one.leaf for one in rows])
        self.frontier = self.frontier.extend([one.leaf for one in rows])
        self._voids(rows)
        self.result.checked.messages += count
        return True

    def _row(self, one: Row) -> None:
        place = f"/{one.index}"
        try:
            found = message.message_of(one)
            again = message.row(one.log, one.index, found)
        except PeerError as error:
            self.fault(place, error.code, "its kept bytes are not a message's")
            return
        opening = self.channel.openings.get(one.log)
        if opening and one.index == 0:
            self._first(opening, found)
        for part in ("body_root", "rest", "leaf"):
            if getattr(again, part) != getattr(one, part):
                self.fault(f"{place} {part.replace('_', ' ')}", "entry.body_root", "the kept hash is not that of the kept body")
                return
        self._order(one, found)

    def _first(self, opening: Opening, found: Message) -> None:
        try:
            check_first(opening, found.kind, KINDS["keys"], found.body, self.channel.charter.parties)
        except PeerError as error:
            self.fault("/0", error.code, "")

    def _order(self, one: Row, found: Message) -> None:
        if found.time < self.time:
            self.fault(f"/{one.index} time", "log.time", "earlier than the entry before it")
        if any(found.seen.get(log, 0) < size for log, size in self.seen.items()):
            self.fault(f"/{one.index} seen", "log.seen", "less than the entry before it")
        self.time, self.seen = found.time, dict(found.seen)

    def _voids(self, rows: list[Row]) -> None:
        try:
            bodies = [message.message_of(one).body for one in rows]
        except PeerError:
            return  # told by _row
        for one, again in zip(rows, mark_void(self.channel, [replace(one, void=None) for one in rows], bodies, self.pending), strict=True):
            # Of a frozen log, which nobody waits for, less was here when the row was taken: it is judged again where it is read.
            if one.void != again.void and not came_late(self.store, seen_of(one.seen)):
                self.fault(f"/{one.index} void", "store.damaged", f"kept as {one.void}, computed as {again.void}")

    def _tiles(self, start: int, leaves: list[bytes]) -> None:
        source = partial(self.store.hashes, self.state.number)
        for level, index, value in tiles.completed_tiles(start, leaves, source):
            if self.store.hashes(self.state.number, level, index, 1) != [value]:
                self.fault(f" tile {level}/{index}", "store.damaged", "the kept hash is not that of its leaves")

    def _checkpoint(self, kept: KeptCheckpoint) -> None:
        place = f" checkpoint {kept.size}"
        self.result.checked.checkpoints += 1
        if kept.size > self.state.size:
            self.fault(place, "store.damaged", "more entries are signed than are kept")
            return
        if kept.root != self.frontier.root():
            self.fault(place, "log.root", "its root is not that of the entries")
            return
        checkpoint = checkpoints.Checkpoint(self.names.origin, kept.size, kept.root)
        try:
            lines = checkpoints.SignedCheckpoint.parse(checkpoint.text().encode() + b"\n" + kept.lines).lines
        except PeerError as error:
            self.fault(place, error.code, "its signature lines")
            return
        for line in lines:
            key = next((key for key in self.names.log if line.is_by(key)), None)
            self._signature(place, lambda line=line, key=key: key and checkpoints.verify(checkpoint, line, key), key is not None)  # type: ignore[misc]
        if not any(line.is_by(self.names.log[0]) for line in lines):
            self.fault(place, "sig.missing", "by the log's own key")
        self._cosignatures(place, checkpoint)

    def _cosignatures(self, place: str, checkpoint: checkpoints.Checkpoint) -> None:
        for one in self.store.cosignatures(self.state.number, checkpoint.size):
            key, line = self.channel.cosigner_key(one.by, one.kind), self.view.line(one)
            who = f"{place} cosignature of {self.channel.cosigner_name(one.by) if key else one.by}"
            self._signature(who, lambda line=line, key=key: line and key and checkpoints.verify(checkpoint, line, key), key is not None)  # type: ignore[misc]

    def _signature(self, place: str, verify: Callable[[], object], known: bool) -> None:
        self.result.checked.signatures += 1
        try:
            if not known:
                raise PeerError("sig.unknown")
            verify()
        except PeerError as error:
            self.fault(place, error.code, "")

    def _state(self) -> None:
        state = self.state
        if (state.frontier, state.time, dict(state.seen)) != (self.frontier, self.time, self.seen):
            self.fault(" state", "store.damaged", "the kept state is not that of the entries")
        if self.store.rows(state.number, state.size, state.size + 1):
            self.fault(f"/{state.size}", "store.damaged", "a message stands beyond the log's size")
        newest = self.store.newest_checkpoint(state.number)
        if state.size and (newest is None or newest.size < state.size):
            self.fault(f" checkpoint {state.size}", "sig.missing", "the newest entries are under no checkpoint")
