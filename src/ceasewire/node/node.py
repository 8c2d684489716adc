"""The node: the only place where core, store, pen and clock meet.

Every act is: work out a `Change` with the pure core; commit it in one durable transaction; note the store's counter in the pen; only then
let anything leave. Methods are called by one thread at a time (`lock`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final

from .. import limits
from ..errors import LocalError, PeerError
from ..pen import Pen
from ..record import encoding
from ..record.authority import GOVERNING, Authority
from ..record.channel import Channel, LogNames
from ..record.fields import Json
from ..record.kinds import KINDS, kind_name
from ..record.log import least_time, validity
from ..record.message import SEED_BYTES, Body, Message, row
from ..record.standing import REPLACED, newly_seen
from ..record.values import Cosignature, LogState, Row
from ..store.interface import Change, KeptCheckpoint, Store, TileHash
from ..tlog import checkpoint as checkpoints
from ..tlog import tiles
from ..tlog.note import lines_bytes
from . import carrying, composing, withholding
from .around import Pending
from .budget import Budget, Spent
from .convicting import Settled
from .memory import Remembering
from .openings import of_log
from .receipts import ToWrite
from .refusing import why_refused
from .reviewing import faces_now
from .searching import Searches
from .shelf import Tries
from .view import View

COSIGNED_AT: Final = "cosigned_at"  # meta: time of this device's last cosignature
CLOSED: Final = "closed"  # meta: the code for which this log signs nothing more
BOOT: Final = "boot"  # meta: this store's folder has a file `boot`
AT_START: Final = "covered_at_start"  # meta: see Node.covered_at_start; empty once the log is confirmed
AHEAD: Final = "ahead"  # meta: a witness says that it knows more of this log than is here, or another; see _OVERRULED
_OVERRULED: Final = b"2"  # in AHEAD: and an officer has confirmed the log all the same
_DOUBTED: Final = "a witness says that it cosigned more of this log than is here, or another history of it"
CONFIRMED: Final = "confirmed"  # meta: who last confirmed after a restart that the log is the newest there is, and when
GONE: Final = "gone"  # meta: ids of sealing keys that bundles came sealed to and that are gone
_LINE_CHECK: Final = KINDS["line_check"]
_NOT_BY_ITSELF: Final = frozenset({"release.missing", "kind.not_allowed"})  # a charter may let no line check go without an officer


@dataclass(frozen=True, slots=True)
class Sent:
    """A message in the log: its index, and the size of the checkpoint that covers it first."""

    log: str
    index: int
    size: int

    @property
    def ref(self) -> str:
        """LOG/INDEX."""
        return f"{self.log}/{self.index}"

    def as_json(self) -> dict[str, Json]:
        """The JSON of `ceasewire send`."""
        return {"ref": self.ref, "size": self.size}


@dataclass(frozen=True, slots=True)
class Prepared:
    """A message to append: its kind, its body, and its seed if releases were made over it (else one is drawn)."""

    kind: int
    body: Body
    seed: bytes | None = None


class Node(View):
    """A party's device on one channel, with its keys. `clock` gives POSIX seconds; `random(n)` n random bytes.

    `reading` reads the same store and remembers nothing of it: what any thread may use, without `lock`.

    `confirmed` is None where the log is known to be the newest there is. Else no checkpoint and no cosignature is signed until `confirm`,
    which calls it.
    """

    def __init__(
        self,
        store: Store,
        pen: Pen,
        channel: Channel,
        own: int,
        *,
        clock: Callable[[], float],
        random: Callable[[int], bytes],
        confirmed: Callable[[], None] | None = None,
    ) -> None:
        remembering = Remembering(store)
        super().__init__(remembering, channel, own)
        self.shelf_use = remembering.shelf_use
        self.had: dict[int, int] = {}  # log -> size that another log of our party's has seen, and which is not here yet
        self.doubted: set[tuple[int, int]] = set()  # (peer, log): what the peer has of a log is signed by another key than we know
        self.tries = Tries()
        self.evidence = Budget(limits.REFUSED_BYTES_PER_LOG_AND_DAY, limits.REFUSED_PER_LOG_AND_DAY)
        self.shelving = Budget(limits.SHELVED_BYTES_PER_LOG_AND_DAY, limits.SHELVED_PER_LOG_AND_DAY)
        self.noted = Spent()
        self.reading = View(store, channel, own)
        self.pen = pen
        self.lock = threading.RLock()
        self.on_change: list[Callable[[], None]] = []  # called after a commit that another side may want to hear of
        self._clock = clock
        self.draw = random
        self.settled = Settled()
        self.judged = Spent()  # carried misconduct proofs of each log that were looked at as they came
        self.searches = Searches()
        self._epoch = self._bundles = 0
        self._closed = self._why_closed()
        self._confirmed = confirmed or (_nothing if is_overtaken(store, own) else None)
        self.daily_quota = self._daily_quota()  # messages a log and day, by the charter in force: what changes it is committed here
        if pen.public().log_ed25519 != self.names.log[0].key:
            raise LocalError("pen.damaged", "it holds the keys of another log")

    @property
    def names(self) -> LogNames:
        """Names and keys of our own log."""
        return self.channel.logs[self.own]

    @property
    def batch_most(self) -> int:
        """How many messages one batch may hold. One over a day's quota would be taken by nobody, ever. Any thread may ask."""
        return min(limits.BATCH_MESSAGES, self.daily_quota)

    def _daily_quota(self) -> int:
        return composing.in_force(self).charter.quotas["messages_per_log_and_day"]

    def now(self) -> int:
        """POSIX seconds by this machine's clock."""
        return int(self._clock())

    def store_size(self, log: int) -> int:
        """How many entries of a log the store holds."""
        state = self.store.states().get(log)
        return state.size if state else 0

    def first_time(self) -> int | None:
        """When we wrote our first message, by its own time, in this log or one before it; None before that."""
        first = [self.store.row(log, 0) for log in (self.own, *self.channel.before(self.own))]
        return min((one.time for one in first if one), default=None)

    def _why_closed(self) -> str | None:
        """PROTOCOL section 6: a store below its pen was rolled back; above it, there was a crash between two writes, which is normal."""
        if self.store.meta(of_log(CLOSED, self.own)) is not None or self.store.counter < self.pen.counter:
            return "log.closed"
        return None

    @property
    def closed(self) -> str | None:
        """The code for which this log signs nothing more, or None: the store was rolled back, or another log has replaced this one."""
        return self._closed or (REPLACED if self.channel.successors_of(self.own) else None)

    def check_open(self) -> None:
        """Raises LocalError log.closed, log.replaced when this log may sign nothing more."""
        if self.closed:
            raise LocalError(self.closed)

    @property
    def unsure(self) -> str | None:
        """The code for which this log signs no checkpoint and no cosignature until somebody confirms it, or None. Any thread may ask."""
        return None if self._confirmed is None or self.closed else "log.unsure"

    def check_sure(self) -> None:
        """Raises LocalError log.closed, log.replaced, log.unsure when this log may sign no checkpoint now."""
        self.check_open()
        if self.unsure:
            raise LocalError(self.unsure, _DOUBTED if is_overtaken(self.store, self.own) else "")

    def confirm(self, by: str) -> None:
        """Somebody knows that no newer head of our own log is about: a peer ("peer") whose answer bears a mark of this start, or an officer
        ("officer"); a witness knows but what it was shown at the last line check. What was taken meanwhile is cosigned now. Does nothing
        where it was known, the log is closed, or a witness says otherwise than the peer. Raises LocalError disk.failed; then it is not
        confirmed."""
        with self.lock:
            call = self._confirmed
            if call is None or self.closed or (by == "peer" and is_overtaken(self.store, self.own)):
                return
            overruled = _OVERRULED if is_overtaken(self.store, self.own) else b""
            change = Change(meta={CONFIRMED: f"{by} {self.now()}".encode("ascii"), AT_START: b"", of_log(AHEAD, self.own): overruled})
            for state in self.store.states().values():
                kept = self.store.newest_checkpoint(state.number)
                lacking = state.size > self.store.covered(state.number).get(self.own, 0)
                if kept and lacking and state.frozen is None and state.number != self.own and state.number in self.channel.logs:
                    self.cosign(change, self.checkpoint(kept), state.number, self.cosigning_time(), both=True)
            self.commit(change)
            self._confirmed = None
            call()
        self.changed()

    def overtaken(self) -> None:
        """A witness says that it cosigned more of our log than is here, or another history of it. From now on, in later starts too, the
        log is unsure, and no peer's word is enough: the peer may lack what the witness was shown. But what an officer has
        said to it since the machine was started stands, or a witness could keep us from signing for ever. Raises LocalError disk.failed."""
        with self.lock:
            overruled = self.store.meta(of_log(AHEAD, self.own)) == _OVERRULED and self._confirmed is None
            if self.closed or is_overtaken(self.store, self.own) or overruled:
                return
            self.commit(Change(meta={of_log(AHEAD, self.own): b"1"}))
            self._confirmed = self._confirmed or _nothing
        self.changed()

    def covered_at_start(self) -> dict[int, int]:
        """Log -> how much of our own it had cosigned when it was first asked, after a restart, whether ours is the newest there is. It is
        kept: the processes that ask after this one must not take what we send meanwhile for what others knew."""
        kept = self.store.meta(AT_START)
        if kept:
            return encoding.sizes(encoding.decode(kept))
        found = {log: size for log, size in self.store.covered(self.own).items() if log in self.channel.logs}
        self.commit(Change(meta={AT_START: encoding.encode(dict(sorted(found.items())))}))
        return found

    def cosigning_time(self) -> int:
        """POSIX seconds of a cosignature made now: never before our own last entry, nor before this device's last one."""
        own = self.store.states().get(self.own)
        return max(self.now(), own.time if own else 0, int_of(self.store.meta(COSIGNED_AT)))

    @contextmanager
    def widening(self) -> Iterator[None]:
        """Within, openings may add logs to `channel`. All that is read here sees them when the block ends well, and else never."""
        before = self.channel
        try:
            yield
        except BaseException:
            self.channel = before
            raise
        self.reading.channel = self.channel

    def close_log(self, change: Change, why: str = "rolled back") -> None:
        """Sign nothing from now on: the other side showed that this store is older than what had left it, or that somebody else signs with
        its keys. The first reason is kept."""
        change.meta.setdefault(of_log(CLOSED, self.own), why.encode())
        change.signed = False
        self._closed = "log.closed"

    def commit(self, change: Change) -> None:
        """Commit, then note in the pen that something signed may leave."""
        counter = self.store.commit(change)
        if self.channel.openings or any(one.kind in GOVERNING for one in change.rows):
            self.daily_quota = self._daily_quota()
        if change.signed:
            self.pen.note(counter)

    def next_counter(self) -> int:
        """A bundle counter that never comes twice: the store's durable counter, then a count within this process."""
        if not self._epoch:
            self.commit(Change(signed=True))  # so that a counter used before this process started is never used again
        self.pen.note(self.store.counter)  # noted already, unless that failed after the commit
        if self.store.counter != self._epoch:
            self._epoch, self._bundles = self.store.counter, 0
        self._bundles += 1
        return (self._epoch << 24) + self._bundles

    def changed(self) -> None:
        """Tell whoever waits that there is something new."""
        for call in self.on_change:
            call()

    # --- Sending ---

    def send(self, kind: str, json: Json) -> Sent:
        """Append one message. Raises LocalError as `send_many`."""
        return self.send_many([(kind, json)])[0]

    def send_many(self, drafts: Sequence[tuple[str, Json]]) -> list[Sent]:
        """Append messages, each batch under one checkpoint and in one transaction: all of a batch are durable when this returns.

        Raises LocalError log.closed, log.unsure, usage, and what `read_body` and the validity rules raise; then nothing of the batch
        is sent, but earlier batches of the same call are.
        """
        with self.lock:
            self.check_sure()
            sent = self._send_all([Prepared(*self.read(kind, json)) for kind, json in drafts])
        self.changed()
        return sent

    def send_prepared(self, prepared: Sequence[Prepared]) -> list[Sent]:
        """Append messages whose seeds and releases are there already, as `send_many`. Raises LocalError as it, and release.reused for one
        that was sent before."""
        with self.lock:
            self.check_sure()
            sent = self._send_all(prepared)
        self.changed()
        return sent

    def _send_all(self, prepared: Sequence[Prepared]) -> list[Sent]:
        self._see_successors()
        sent: list[Sent] = []
        while len(sent) < len(prepared):
            sent += self._append(prepared[len(sent) : len(sent) + self.batch_most], len(sent), len(prepared))
        return sent

    def answer_successors(self) -> None:
        """Send the line check that a new successor of another log asks for, if one has come and this log may sign."""
        with self.lock:
            before = self.store_size(self.own)
            if not (self.closed or self.unsure):
                self._see_successors()
            changed = self.store_size(self.own) > before
        if changed:
            self.changed()

    def answer_convictions(self) -> None:
        """Send a line check for a proof of misconduct that no line check carries yet, if one is kept and this log may sign."""
        with self.lock:
            may_sign = not (self.closed or self.unsure)
            meta = carrying.pressing(self.store, self.own, self.now()) if may_sign else None
            if meta is None:
                return
            try:
                self._append([Prepared(*self.read("line_check", {}))], 0, 1, meta=meta)
            except LocalError as error:
                if error.code not in _NOT_BY_ITSELF:
                    raise
                return
        self.changed()

    def _see_successors(self) -> None:
        """The first entry of ours that sees a successor of a log is a line check: it says how far that log had come (record.standing)."""
        pending = Pending(self.store)
        seen, held = pending.state(self.own).seen, pending.sizes()
        found = [log for log in newly_seen(self.channel, seen, held) if log != self.own]
        if found:
            replaced = [one for log in found if (one := self.channel.openings[log].predecessor) is not None]
            self._append([Prepared(*self.read("line_check", {}))], 0, 1, replaced)

    def read(self, kind: str, json: Json) -> tuple[int, Body]:
        """A kind's number and the body of its JSON. Raises LocalError usage, json.malformed, field.unknown, body.schema."""
        return composing.read(self, kind, json)

    def _append(
        self, prepared: Sequence[Prepared], before: int, of: int, replaced: Sequence[int] = (), meta: Mapping[str, bytes] | None = None
    ) -> list[Sent]:
        """Append as many of the messages as one batch may hold, under one checkpoint. `replaced`: see receipts.ToWrite; `meta` is kept with
        them."""
        pending = Pending(self.store)
        authority = pending.authority(self.channel)
        review = self.reviews.of(self.channel, faces_now(self.store))
        judge = review.authority if review else authority  # what others will say, whatever we were shown
        state = pending.state(self.own)
        change = Change(signed=True, meta=dict(meta or {}))
        seen = {log: size for log, size in sorted(pending.sizes().items()) if log != self.own}
        time = least_time(self.now(), state, int_of(self.store.meta(COSIGNED_AT)), seen, pending.time)
        rows: list[Row] = []
        room = limits.BATCH_BYTES
        to_write: ToWrite | None = None
        proofs = carrying.ProofsToWrite(self.store, self.own)
        for one_of in prepared:
            if one_of.kind == _LINE_CHECK:
                to_write = to_write or ToWrite(self.store, self.channel, self.own, replaced)
                if not replaced:  # else the receipts that must be in this very one have all the room
                    change.meta |= proofs.write(one_of.body)
                change.meta |= withholding.write(self, one_of.body) | to_write.write(one_of.body, state.size + len(rows))
            where = f"message {before + len(rows) + 1} of {of}" if of > 1 else ""
            message = Message(one_of.kind, time, seen, one_of.seed or self.draw(SEED_BYTES), one_of.body)
            one = self._own_row(judge, state.size + len(rows), message, where, trusted=one_of.seed is None)
            if one_of.seed and (one.rest in pending.rests(self.own, [one.rest]) or any(row.rest == one.rest for row in rows)):
                raise LocalError("release.reused", where)
            rows.append(self._kept(one, message.body, authority, judge))
            room -= len(one.body)
            if room < 0:
                break
        self._sign_batch(change, state, rows, LogState(self.own, state.frontier.extend([one.leaf for one in rows]), time, seen))
        return [Sent(self.names.slug, one.index, state.size + len(rows)) for one in rows]

    def _own_row(self, authority: Authority, index: int, message: Message, where: str, *, trusted: bool) -> Row:
        """The row of a message of ours. LocalError for one that others would refuse or mark void; `where` says which it is. `trusted`:
        `read_body` has checked all but what the node itself wrote down."""
        try:
            one = row(self.own, index, message)
        except PeerError as error:  # it is over the limit of a body: no peer's fault here
            raise LocalError("body.schema", ": ".join(filter(None, (where, kind_name(message.kind), error.detail)))) from None
        code = validity(authority, one, message.body, schema=message.kind == _LINE_CHECK or not trusted)
        if code:
            raise LocalError(code, ": ".join(filter(None, (where, why_refused(self, code, one, message.body)))))
        return one

    @staticmethod
    def _kept(one: Row, body: Body, authority: Authority, judge: Authority) -> Row:
        """A row of ours that stands by `judge`, with the code by which whoever was shown what we were keeps it; both have followed it."""
        if judge is not authority:
            judge.follow(one)
            one = replace(one, void=validity(authority, one, body))
        authority.follow(one)
        return one

    def _sign_batch(self, change: Change, state: LogState, rows: list[Row], after: LogState) -> None:
        self.keep(change, state, rows, after)
        checkpoint = checkpoints.Checkpoint(self.names.origin, after.size, after.frontier.root())
        checked = any(one.kind == _LINE_CHECK for one in rows)
        lines = self.sign_checkpoint(checkpoint, after.time, both=checked)
        change.checkpoints.append(KeptCheckpoint(self.own, after.size, checkpoint.root, lines))
        self.commit(change)

    def keep(self, change: Change, state: LogState, rows: Sequence[Row], after: LogState) -> None:
        """Put rows, the tiles they complete and the state after them into a change."""
        log = state.number

        def hashes(level: int, start: int, count: int) -> list[bytes]:
            """The store's, and behind them those that the change already holds."""
            if level:
                pending = {one.index: one.hash for one in change.tiles if (one.log, one.level) == (log, level)}
            else:
                pending = {one.index: one.leaf for one in change.rows if one.log == log}
            stored = next((n for n in range(count) if start + n in pending), count)
            kept = self.store.hashes(log, level, start, stored) if stored else []
            return kept + [pending[n] for n in range(start + stored, start + count)]

        done = tiles.completed_tiles(state.size, [one.leaf for one in rows], hashes)
        change.rows += rows
        change.tiles += [TileHash(log, level, index, value) for level, index, value in done]
        change.states.append(after)

    def sign_checkpoint(self, checkpoint: checkpoints.Checkpoint, time: int, *, both: bool) -> bytes:
        """Signature lines over our own checkpoint: Ed25519, and ML-DSA-44 at line checks."""
        ed25519, mldsa44 = self.names.log
        lines = [checkpoints.sign(checkpoint, ed25519, self.pen.sign_log)]
        if both:
            lines.append(checkpoints.sign(checkpoint, mldsa44, self.pen.sign_log_mldsa, time))
        return lines_bytes(lines)

    def cosign(self, change: Change, checkpoint: checkpoints.Checkpoint, log: int, time: int, *, both: bool) -> None:
        """Our receipt for a log up to a size, by our receipt key: Ed25519, and ML-DSA-44 where the run held a line check."""
        ed25519, mldsa44 = self.names.receipt
        signers = [(ed25519, self.pen.sign_receipt)] + ([(mldsa44, self.pen.sign_receipt_mldsa)] if both else [])
        for key, sign in signers:
            line = checkpoints.sign(checkpoint, key, sign, time)
            change.cosignatures.append(Cosignature(log, checkpoint.size, self.own, key.kind, time, line.blob[8:]))
        change.meta[COSIGNED_AT] = time.to_bytes(8, "big")
        change.signed = True


def is_overtaken(store: Store, own: int) -> bool:
    """Whether a witness said that it knows more of our log than is here, or another history, and no officer has confirmed it since."""
    return store.meta(of_log(AHEAD, own)) not in (None, b"", _OVERRULED)


def _nothing() -> None:
    """What is to be written down of the start of the machine stands already."""


def int_of(data: bytes | None) -> int:
    """A number kept in meta; 0 if nothing is."""
    return int.from_bytes(data or b"", "big")
