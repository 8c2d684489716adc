"""One bundle being taken: its runs admitted in memory, then one change with our receipts for them. PROTOCOL section 8; spec/bundle.md."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from .. import limits
from ..errors import CODES, PeerError
from ..exchange import seal
from ..exchange.bundle import Contents, Run
from ..record.kinds import KINDS
from ..record.log import Admitted, Held, admit
from ..record.message import Message
from ..record.opening import check_first, opening_of
from ..record.values import LogState
from ..store.interface import Change, Peer, Refused, Shelved
from ..tlog.checkpoint import Checkpoint
from . import passing, withholding
from .convicting import REFUSED, Convicting
from .detecting import Detecting
from .docket import Docket
from .node import COSIGNED_AT, Node, int_of
from .notes import NoteReader, Verified
from .openings import Known
from .reviewing import faces_now, note_unheld
from .shelf import Shelf

_DAY: Final = 86400
_QUOTA_DAYS: Final = 3
_DISORDER: Final = ("log.time", "log.seen")
_CHARGED: Final = ("hold.quota", "log.gap")  # runs that waited for these were brought by their own log
_UNKNOWN: Final = "log.unknown"


@dataclass(slots=True)
class Received:
    """What one bundle brought. `fresh` whether it is newer than every other taken of its sender (a replay is not), `messages` newly
    stored, `again` messages that were here already, `receipts` how many more of our own messages its sender has receipted, `held` and
    `refused` the codes of runs that were not taken, `own_refused` whether one of them is of the sender's own log."""

    sender: int
    fresh: bool = False
    messages: int = 0
    again: int = 0
    receipts: int = 0
    held: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    own_refused: bool = False


class Taking:
    """One bundle being taken: gathers one change."""

    def __init__(self, node: Node, sender: int) -> None:
        self.node = node
        self.sender = sender
        self.large = False  # whether a run could be longer than it may
        self.now = self.node.now()
        self.change = Change()
        self.pending = Known(self.node.store, self.node.channel)
        self.convicting = Convicting(self.node, self.pending, self.change, self._open_log)
        self.docket = Docket(self.node, self.convicting, self.change)
        self.detecting = Detecting(self.convicting)
        self.notes = NoteReader(self.detecting, sender)
        self.received = Received(sender)
        self.shelf: Shelf | None = None  # read when something must wait
        self.flashes: list[tuple[int, int]] = []
        self.admitted: dict[int, tuple[Checkpoint, bool]] = {}  # log -> newest checkpoint to cosign, and whether with both keys

    def run(self, contents: Contents, *, large: bool) -> None:
        """Take openings, then proofs of misconduct, runs, checkpoints, and what the sender says of itself. `large`: the bundle is longer
        than a run may be. Nothing but evidence is taken of a sender whose own opening is refused."""
        self.large = large
        for data in contents.openings[: limits.OPENINGS_PER_BUNDLE]:
            self._guard(None, data, partial(self._open_log, data))
        if self.sender not in self.node.channel.logs:
            return
        for data in contents.proofs[: limits.MISCONDUCT_PER_BUNDLE]:
            if not self._guard(None, data, partial(self.convicting.take, data)):
                break
        before = self.node.store.covered(self.node.own).get(self.sender, 0)
        self.take_runs([(run, None) for run in contents.runs[: limits.BUNDLE_MESSAGES]])
        # The newest of each log is what may ride here; a bundle full of others would only keep us at work.
        for note in contents.checkpoints[: len(self.node.channel.logs) * (1 + len(self.node.channel.witnesses))]:
            self._guard(None, note, partial(self.notes.take, note))
        self.detecting.decide()
        self._take_peer(contents)
        reach = max((c.size for c in self.change.cosignatures if c.log == self.node.own and c.by == self.sender), default=0)
        self.received.receipts = max(0, reach - before)

    def _open_log(self, data: bytes) -> None:
        try:
            self.node.channel = self.pending.take_opening(data, self.change)
        except PeerError as error:
            if error.code == REFUSED:
                self.convicting.two_openings(data, self.node.channel.conflicts(opening_of(data)))
            raise

    def retry(self) -> None:
        """Take the runs on the shelf. One behind a gap needs no look until the gap is closed, and goes after a day: it comes again."""
        due = []
        for run in self.node.store.shelved(data=False):
            behind_gap = run.start > self.pending.size(run.log) and not self.pending.frozen(run.log)
            if not behind_gap and self.node.tries.again(run, self.now):
                due.append((run.log, run.start))
            elif behind_gap and self.now - run.since > _DAY:
                self.change.unshelve.append((run.log, run.start))
        waiting = self.node.store.shelved() if due else []
        self.take_runs([(Run.decode(run.data), run) for run in waiting if (run.log, run.start) in due])

    def take_runs(self, runs: Sequence[tuple[Run, Shelved | None]]) -> None:
        """Take each log's runs in order, and the first that waits again when another log has moved: it may wait for that one."""
        queues: dict[int, deque[tuple[Run, Shelved | None]]] = {}
        for run, shelved in sorted(runs, key=lambda one: one[0].start):
            queues.setdefault(run.log, deque()).append((run, shelved))
        moved = True
        while moved:
            moved, had = False, dict(self.node.had)
            for queue in queues.values():
                while queue and self._take_run(*queue[0], last=False):
                    queue.popleft()
                    moved = True
            moved = moved or had != self.node.had
        for queue in queues.values():
            for run, shelved in queue:
                self._take_run(run, shelved, last=True)

    def _take_run(self, run: Run, shelved: Shelved | None, *, last: bool) -> bool:
        """Admit a run or refuse it; False if it must wait, and if this was its last chance it goes on the shelf."""
        try:
            self._admit(run, charged=self.sender == run.log if shelved is None else shelved.code in _CHARGED)
        except Held as held:
            self._remember(run, held.code)
            if not last:
                return False
            self.received.held.append(held.code)
            # What comes before its time is only known to be its log's if that log brought it: nothing here gives its root. Of a log that
            # is not known nothing says whose it is.
            if shelved is None and held.code != _UNKNOWN and (held.code not in _CHARGED or self.sender == run.log):
                self._shelve(run, held)
                self._ring(run.log, [n for n, one in enumerate(run.messages, run.start) if one.kind == KINDS["flash"]])
            return False
        except PeerError as error:
            self._refuse(error, run.log, run.encode())
        if shelved is not None:
            self.change.unshelve.append((shelved.log, shelved.start))
        return True

    def _admit(self, run: Run, *, charged: bool) -> None:
        """Admit a run. `charged`: its messages count against its log's quota of the day. What others pass on does not, or who was away
        for a day would never catch up."""
        node = self.node
        if run.log == node.own or node.channel.log_name(run.log) is None:
            raise PeerError(_UNKNOWN, str(run.log))
        if run.log not in node.channel.logs:
            raise Held(_UNKNOWN, str(run.log))  # who knew it before its store was put back: our heads, which lack it, ask for its opening
        if not run.messages:
            raise PeerError("enc.shape", "a run without messages")
        if self.large and run.weight() > limits.RUN_BYTES:
            raise PeerError("enc.size", f"a run of more than {limits.RUN_BYTES} bytes")
        verified = self.notes.author(run)
        if self._is_answer(run, verified):
            return
        self.notes.compare(verified, run)
        state = self._open_state(run, verified)
        have = state.size - run.start
        if have < 0:
            raise Held("log.gap", f"{-have} missing")
        fresh = run.messages[have:]
        checked = any(one.kind == KINDS["line_check"] for one in fresh)
        if checked and not verified.both:
            raise PeerError("sig.missing", "a line check's checkpoint is signed with ML-DSA-44 too")
        admitted = None
        opening = node.channel.openings.get(run.log)
        if fresh and opening and not state.size:
            check_first(opening, fresh[0].kind, KINDS["keys"], fresh[0].body, node.channel.charter.parties)
        if fresh:
            self.notes.check_overlap(run, verified)
            admitted = self._checked(run, verified, state, fresh, charged=charged)
        self.notes.keep(verified, needed=bool(fresh))  # the last that may refuse: a run is taken whole or not at all
        self.received.again += len(run.messages) - len(fresh)
        if admitted:
            note_unheld(node.store, self.pending, self.change, admitted.state.seen)
            node.keep(self.change, state, admitted.rows, admitted.state)
            self.pending.put(admitted.state, admitted.rows)
            self.received.messages += len(fresh)
            self.detecting.admitted(admitted.rows)
            self.docket.admitted(admitted.rows)
            # One that is void by what a convicted log said here may stand: who rings looks at the record.
            loud = [one for one in admitted.rows if one.kind == KINDS["flash"] and not (one.void and not faces_now(node.store))]
            self._ring(run.log, [one.index for one in loud])
            self.admitted[run.log] = (verified.checkpoint, checked or self.admitted.get(run.log, (None, False))[1])
            if charged:
                self._count(run.log, max(0, admitted.state.size - max(state.size, self._had(run.log))))

    def _is_answer(self, run: Run, verified: Verified) -> bool:
        """Whether a run was asked for, to find where a frozen log has two histories: it is compared, and nothing of it is taken."""
        search = self.node.searches.of(self.sender, run.log)
        if search is None or run.start != search.want or self.pending.state(run.log).frozen is None:
            return False
        index = self.detecting.overlap(run, verified)
        if index is None:
            search.differs_below(run.start)
        else:
            search.same_until(index, self.pending.size(run.log))
        return True

    def _open_state(self, run: Run, verified: Verified) -> LogState:
        """The state that a run may continue: of a frozen log, while it lacks what is the same in all its histories. Raises PeerError
        log.frozen."""
        state = self.pending.state(run.log)
        if state.frozen is None or verified.checkpoint.size <= state.size:
            return state
        if self.convicting.lacks(run.log, "two_leaves", run.start):
            self.detecting.overlap(run, verified)
        if state.size >= (self.convicting.bound(run.log) or 0):
            raise PeerError("log.frozen", state.frozen)
        return replace(state, frozen=None)

    def _checked(self, run: Run, verified: Verified, state: LogState, fresh: Sequence[Message], *, charged: bool) -> Admitted:
        """What is admitted of a run's new messages; what its refusal proves against its log is proved. Raises as `admit`."""
        frozen, quota = self.pending.state(run.log).frozen, self._quota(run.log) if charged else self._passed_on(run.log)
        rows = run.rows if len(run.rows) == len(fresh) else None
        channel = self.node.channel
        try:
            admitted = admit(channel, state, fresh, verified.checkpoint, now=self.now, quota=quota, around=self.pending, rows=rows)
        except PeerError as error:
            if error.code in _DISORDER:
                self.detecting.order(run, verified)
            raise
        except Held as held:
            if charged and held.code == "hold.quota":
                self.detecting.flooded(run, verified)
            raise
        return replace(admitted, state=replace(admitted.state, frozen=frozen))

    def _ring(self, log: int, flashes: Sequence[int]) -> None:
        """Flashes that must be heard. Of a log that was replaced, none that its successor's opener did not hold: a thief would ring."""
        channel = self.node.channel
        most = min((channel.openings[one].size for one in channel.successors_of(log)), default=None)
        self.flashes += [(log, index) for index in flashes if most is None or index < most]

    def _quota(self, log: int) -> int:
        """What is left of the day, and what is taken again of what our party had taken before."""
        return self.node.daily_quota - self._used(log).get(self.now // _DAY, 0) + max(0, self._had(log) - self.pending.size(log))

    def _had(self, log: int) -> int:
        """How much of a log our party's own logs have seen: who lost its disk, or has a further device, takes that up again in one day."""
        channel = self.node.channel
        ours = channel.logs_of(channel.party_of(self.node.own))
        return max(self.node.had.get(log, 0), *(self.pending.state(one).seen.get(log, 0) for one in ours))

    def _remember(self, run: Run, code: str) -> None:
        """A run of another log of our party's, whose root was found right, waits for what it has seen: so much our party had taken."""
        channel = self.node.channel
        if code == "hold.seen" and channel.party_of(run.log) == channel.party_of(self.node.own):
            for log, size in run.messages[-1].seen.items():
                self.node.had[log] = max(size, self.node.had.get(log, 0))

    def _passed_on(self, log: int) -> int:
        """How many more messages of a log are taken of others: what its quota has allowed it since we first wrote, and a month's more."""
        first = self.node.first_time()
        days = 0 if first is None else max(0, self.now - first) // _DAY
        return self.node.daily_quota * (days + 1 + limits.PASSED_ON_DAYS) - self.pending.size(log)

    def _used(self, log: int) -> dict[int, int]:
        """Day -> how many messages of a log were taken on it, of the last days on which any were: a clock that is set back and forth gives
        no day twice."""
        name = f"quota/{log}"
        kept = self.change.meta.get(name) or self.node.store.meta(name) or b""
        numbers = [int.from_bytes(kept[at : at + 8], "big") for at in range(0, len(kept), 8)]
        return dict(zip(numbers[::2], numbers[1::2], strict=True))

    def _count(self, log: int, messages: int) -> None:
        used, today = self._used(log), self.now // _DAY
        total = messages + used.pop(today, 0)
        kept = [*used.items(), (today, total)][-_QUOTA_DAYS:]
        self.change.meta[f"quota/{log}"] = b"".join(number.to_bytes(8, "big") for pair in kept for number in pair)

    def _shelve(self, run: Run, held: Held) -> None:
        self.shelf = self.shelf or Shelf(self.node.shelf_use(), self.change)
        shelved = Shelved(run.log, run.start, len(run.messages), held.code, self.now, run.encode())
        if self.shelf.has_room(shelved) and self.node.shelving.spend(self.sender, shelved.data, self.now):
            self.shelf.put(shelved)

    def _refuse(self, error: PeerError, log: int | None, data: bytes) -> None:
        self.received.refused.append(error.code)
        self.received.own_refused |= log == self.sender
        # Of log.fork the evidence, both checkpoints, is kept already.
        if error.code != "log.fork" and self.node.evidence.spend(self.sender, data, self.now):
            self.change.refused.append(Refused(self.now, log, error.code, error.detail, data))

    def _guard(self, log: int | None, data: bytes, call: Callable[[], None]) -> bool:
        """Whether the call found nothing wrong with the data."""
        try:
            call()
        except PeerError as error:
            self._refuse(error, log, data)
            return False
        return True

    def _take_peer(self, contents: Contents) -> None:
        """The sender's own words: only if its counter is newer than any before (a replay must not turn them back)."""
        node = self.node
        known = node.store.peers().get(self.sender) or Peer(self.sender)
        if contents.counter <= known.counter_in:
            if known.sealing_id in contents.gone:  # a machine that was put back says so under old counters; what is gone does not come back
                self.change.peers.append(replace(known, sealing_id=None, sealing_key=None))
            return
        self.node.searches.heard(self.sender)
        self.change.meta |= passing.heard(self.node, self.sender, contents.told)
        self.received.fresh = True
        known = replace(
            known,
            counter_in=contents.counter,
            heads={log: size for log, size in contents.heads.items() if log in node.channel.logs},
            wants={log: size for log, size in contents.wants.items() if log in node.channel.logs},
            told=next((told.code for told in contents.told if told.code in CODES and self._is_ours(told.log)), None),
            spoke=self.now,
        )
        withholding.note_reasons(node.store, self.change, node.channel, self.sender, contents.told)
        key = contents.sealing_key
        if key and seal.key_id(key) != known.sealing_id and self._guard(self.sender, key, partial(seal.check_public_key, key)):
            known = replace(known, sealing_id=seal.key_id(key), sealing_key=key)
        if known.sealing_id in contents.gone:
            known = replace(known, sealing_id=None, sealing_key=None)
        self.change.peers.append(known)

    def _is_ours(self, log: int) -> bool:
        """Whether what is told is of our log or the teller's own. A guarantor is told of others' too: why a device cannot take them."""
        channel = self.node.channel
        between = {channel.party_of(self.node.own), channel.party_of(self.sender)}
        return log not in channel.logs or channel.party_of(log) in between

    def commit(self) -> bool:
        """Cosign what was admitted, and write everything in one transaction; whether there was anything to write."""
        node = self.node
        if not (node.closed or node.unsure):
            own = self.pending.state(node.own)
            last = int_of(node.store.meta(COSIGNED_AT))
            for log, (checkpoint, both) in sorted(self.admitted.items()):
                node.cosign(self.change, checkpoint, log, max(node.now(), own.time, last), both=both)
        committed = self.change != Change()
        if committed:
            node.commit(self.change)
        return committed
