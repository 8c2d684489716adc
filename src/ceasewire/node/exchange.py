"""Exchange: what a node makes of a bundle, and the bundle it makes in return. PROTOCOL sections 7 and 8.

A bundle is opened, its signature verified, its runs admitted, all in memory; then one transaction stores what was admitted together with
our receipts for it. The receipts leave in the next bundle, never before that transaction is durable.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from .. import limits
from ..errors import CODES, PeerError
from ..exchange import bundle, seal
from ..exchange.bundle import Contents, Run, Told
from ..exchange.session import Span, due, lacking
from ..record.fields import Json
from ..record.kinds import KINDS
from ..record.log import Held, admit
from ..store.interface import Change, FreshKey, Peer, Refused, Shelved
from ..tlog.checkpoint import Checkpoint
from .around import Pending
from .node import COSIGNED_AT, GONE, Node, int_of
from .notes import NoteReader
from .packing import pack
from .shelf import Shelf

_DAY: Final = 86400
_CHARGED: Final = ("hold.quota", "log.gap")  # runs that waited for these were brought by their own log
_KEYS_GONE_KEPT: Final = 8
_GONE_SECONDS: Final = 60
_ROUNDS: Final = 10_000  # more bundles than any backlog within the quotas needs


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


@dataclass(slots=True)
class Report:
    """A talk with one peer, as `ceasewire sync` prints it."""

    peer: str
    sent: int = 0
    received: int = 0
    receipted: int = 0
    error: str | None = None

    def as_json(self) -> dict[str, Json]:
        """The JSON of one peer in `ceasewire sync`."""
        return {"peer": self.peer, "sent": self.sent, "received": self.received, "receipted": self.receipted, "error": self.error}


@dataclass(frozen=True, slots=True)
class Composed:
    """A bundle to send, how many messages ride in it, up to which size of each log it reaches, and whether more are due."""

    data: bytes
    messages: int
    reach: dict[int, int]
    more: bool


class Exchange:
    """Bundles in and out of one node."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self._gone_at = 0
        self.on_flash: list[Callable[[str], None]] = []  # called with the ref of each flash of another log, taken or held

    # --- Out ---

    def peers(self) -> list[int]:
        """The logs of every other party."""
        return [number for number in self.node.channel.logs if number != self.node.own]

    def spans(self, peer: int, covered: Mapping[int, int] | None = None) -> list[Span]:
        """What the peer lacks, by the rule of exchange.session; `covered` log -> size that is on its way already."""
        node = self.node
        known = node.store.peers().get(peer)
        held, reach = Pending(node.store).sizes(), node.store.covered(node.own).get(peer, 0)
        found = due(node.own, held, reach, known.wants if known else {})
        starts = [max(span.start, (covered or {}).get(span.log, 0)) for span in found]
        return [replace(span, start=start) for span, start in zip(found, starts, strict=True) if start < span.stop]

    def compose(self, peer: int, *, echo: bytes = b"", covered: Mapping[int, int] | None = None) -> Composed:
        """The next bundle for a peer. `echo` is SHA-256 of the bundle it answers; `covered` what earlier bundles of a file cover.

        Raises LocalError log.closed.
        """
        node = self.node
        with node.lock:
            node.check_open()
            spans = self.spans(peer, covered)
            runs, more = pack(node, spans)
            change = Change()
            known = node.store.peers().get(peer) or Peer(peer)
            contents = Contents(
                log=node.own,
                counter=node.next_counter(),
                heads=Pending(node.store).sizes(),
                packed=runs,
                checkpoints=self._newest_notes({run.log for run in runs}),
                wants=self._wants(peer, known),
                sealing_key=self._fresh_key(peer, change),
                gone=_split(node.store.meta(GONE), seal.KEY_ID_BYTES),
                told=self._told(peer),
                echo=echo,
            ).encode()
            if change.fresh_keys:
                node.commit(change)
            key = known.sealing_key or node.channel.logs[peer].sealing
            data = bundle.write(
                contents,
                sender=node.own,
                recipient=peer,
                channel_id=node.channel.channel_id,
                sealing_key=key,
                sign=node.pen.sign_log,
                seal_to=seal.seal,
            )
        reach = {run.log: run.start + len(run.rows) for run in runs}
        return Composed(data, sum(len(run.rows) for run in runs), reach, more)

    def _newest_notes(self, besides: set[int]) -> list[bytes]:
        """The newest checkpoint of each log with every cosignature we hold, but of logs whose run says the same."""
        found = []
        for log in self.node.channel.logs:
            kept = self.node.store.newest_checkpoint(log)
            if kept is not None and log not in besides:
                found.append(self.node.note(kept).encode())
        return found

    def _wants(self, peer: int, known: Peer) -> dict[int, int]:
        node = self.node
        pending = Pending(node.store)
        held = pending.sizes()
        found = lacking(held, known.heads, peer, node.own)
        wants = {log: size for log, size in found.items() if not pending.frozen(log)}  # of a frozen log we take no more
        if any(run.log == peer and run.code == "log.gap" for run in node.store.shelved()):
            wants[peer] = held.get(peer, 0)
        return wants

    def _told(self, peer: int) -> list[Told]:
        """What the peer should know of its log here: held runs, a frozen log."""
        node = self.node
        told = [Told(run.code, run.log, str(run.start)) for run in node.store.shelved() if run.log == peer]
        state = node.store.states().get(peer)
        return told + ([Told("log.frozen", peer, state.frozen)] if state and state.frozen else [])

    def _fresh_key(self, peer: int, change: Change) -> bytes:
        """The fresh sealing key to give the peer: the newest until it used it, then a new one each day."""
        node = self.node
        keys = node.store.fresh_keys(peer)
        if keys and (node.now() - keys[-1].made < _DAY or node.store.meta(f"used/{peer}") != keys[-1].key_id):
            return keys[-1].public
        seed = node.draw(seal.SEED_BYTES)
        public = seal.public_key(seed)
        change.fresh_keys.append(FreshKey(seal.key_id(public), peer, public, node.pen.seal(seed, node.draw), node.now()))
        return public

    # --- In ---

    def receive(self, data: bytes) -> Received:
        """Take one bundle. What is wrong with a run is in the result; what is wrong with the whole bundle is raised: PeerError
        bundle.*, log.unknown, enc.*. LocalError disk.failed if it could not be stored; then nothing of it was."""
        node = self.node
        with node.lock:
            sender, contents, key_id = self._open(data)
            work = _Work(self, sender)
            work.run(contents, large=len(data) > limits.RUN_BYTES)
            self._retire(sender, key_id, work.change)
            committed = work.commit()
            if work.received.messages or any(state.frozen for state in work.change.states):
                self.retry_shelf()
        if committed:
            node.changed()
        return work.received

    def _open(self, data: bytes) -> tuple[int, Contents, bytes]:
        node = self.node
        header = bundle.Header.decode(data)
        if header.channel_id != node.channel.channel_id:
            raise PeerError("bundle.channel")
        if header.recipient != node.own:
            raise PeerError("bundle.recipient", node.channel.log_name(header.recipient) or str(header.recipient))
        opened = bundle.read(data, self._seed(header.key_id), self._log_key)
        contents = Contents.decode(opened.contents)
        if contents.log != opened.sender or opened.sender == node.own:
            raise PeerError("bundle.signature", "another log's name within")
        return opened.sender, contents, header.key_id

    def _retire(self, peer: int, used: bytes, change: Change) -> None:
        """The peer used this key: older ones of its are retired, and die after seven days. The dead of all peers are dropped."""
        now = self.node.now()
        keys = self.node.store.fresh_keys(peer)
        place = next((n for n, key in enumerate(keys) if key.key_id == used), None)
        if keys and used == keys[-1].key_id and self.node.store.meta(f"used/{peer}") != used:
            change.meta[f"used/{peer}"] = used
        change.fresh_keys += [replace(key, retired=now) for key in keys[:place] if place is not None and key.retired is None]
        change.drop_fresh_keys += [key.key_id for key in self.node.store.fresh_keys() if _dead(key, now)]

    def _log_key(self, number: int) -> bytes:
        names = self.node.channel.logs.get(number)
        if names is None:
            raise PeerError("log.unknown", str(number))
        return names.log[0].key

    def _seed(self, key_id: bytes) -> bytes:
        node = self.node
        if key_id == seal.key_id(node.names.sealing):
            return node.pen.sealing_seed()
        fresh = node.store.fresh_key(key_id)
        if fresh is None or _dead(fresh, node.now()):
            self._note_gone(key_id)
            raise PeerError("bundle.key_gone")
        return node.pen.unseal(fresh.sealed)

    def _note_gone(self, key_id: bytes) -> None:
        """Remember to say that this key is gone. Anybody can name one, so it costs a commit once a minute at most."""
        node = self.node
        gone = _split(node.store.meta(GONE), seal.KEY_ID_BYTES)
        if key_id not in gone and abs(node.now() - self._gone_at) >= _GONE_SECONDS:
            self._gone_at = node.now()
            node.commit(Change(meta={GONE: b"".join([*gone, key_id][-_KEYS_GONE_KEPT:])}))

    def retry_shelf(self) -> int:
        """Admit what waited and need wait no longer; how many messages that were."""
        taken = 0
        with self.node.lock:
            while True:
                work = _Work(self, self.node.own)
                work.retry()
                work.commit()
                if not work.received.messages:
                    return taken
                taken += work.received.messages  # behind which more may fit now

    # --- A whole talk ---

    def talk(self, peer: int) -> Generator[bytes, bytes, Report]:
        """Exchange with a peer until neither has anything new: yields each bundle to post, takes the answer.

        PeerError and LocalError of an answer are raised into whoever drives it.
        """
        node = self.node
        before = node.store.covered(node.own).get(peer, 0)
        report = Report(node.channel.logs[peer].slug)
        idle, lacked = 0, self.spans(peer)
        for _ in range(_ROUNDS):
            composed = self.compose(peer)
            report.sent += composed.messages
            answer = yield composed.data
            received = self.receive(answer)
            report.received += received.messages
            report.receipted = node.store.covered(node.own).get(peer, 0) - before
            if received.refused:
                report.error = report.error or received.refused[0]
            if received.own_refused:
                break  # what it says of others may be another's fault, and must not keep our own messages from it
            lacks = self.spans(peer)
            idle = 0 if received.messages or received.receipts or lacks != lacked else idle + 1
            lacked = lacks
            # Messages that were here already mean that our receipt for them got lost: one more round takes it there.
            if idle > bool(received.again) or not (lacks or received.messages or received.again):
                break
        known = node.store.peers().get(peer)
        report.error = report.error or (known.told if known else None)
        return report

    def forget_fresh_key(self, peer: int) -> None:
        """Seal to the peer's standing key from now on: it says that the fresh one is gone."""
        node = self.node
        with node.lock:
            known = node.store.peers().get(peer)
            if known and known.sealing_key:
                node.commit(Change(peers=[replace(known, sealing_id=None, sealing_key=None)]))

    def write_file(self, peer: int) -> tuple[bytes, int]:
        """As many bundles as cover all that the peer has not receipted, in a row; and how many messages ride in them."""
        composed = self.compose(peer)
        parts, count = [composed.data], composed.messages
        covered: dict[int, int] = {}
        while composed.more and composed.messages:
            covered |= composed.reach
            composed = self.compose(peer, covered=covered)
            parts.append(composed.data)
            count += composed.messages
        return b"".join(parts), count


class _Work:
    """One bundle being taken: gathers one change."""

    def __init__(self, exchange: Exchange, sender: int) -> None:
        self.exchange = exchange
        self.node = exchange.node
        self.sender = sender
        self.large = False  # whether a run could be longer than it may
        self.now = self.node.now()
        self.change = Change()
        self.pending = Pending(self.node.store)
        self.notes = NoteReader(self.node, self.pending, self.change)
        self.received = Received(sender)
        self.shelf: Shelf | None = None  # read when something must wait
        self.flashes: list[tuple[int, int]] = []
        self.admitted: dict[int, tuple[Checkpoint, bool]] = {}  # log -> newest checkpoint to cosign, and whether with both keys

    def run(self, contents: Contents, *, large: bool) -> None:
        """Take runs, then checkpoints, then what the sender says of itself. `large`: the bundle is longer than a run may be."""
        self.large = large
        before = self.node.store.covered(self.node.own).get(self.sender, 0)
        self.take_runs([(run, None) for run in contents.runs[: limits.BUNDLE_MESSAGES]])
        # The newest of each log is what may ride here; a bundle full of others would only keep us at work.
        for note in contents.checkpoints[: len(self.node.channel.logs)]:
            self._guard(None, note, partial(self.notes.take, note))
        self._take_peer(contents)
        reach = max((c.size for c in self.change.cosignatures if c.log == self.node.own and c.by == self.sender), default=0)
        self.received.receipts = max(0, reach - before)

    def retry(self) -> None:
        """Take the runs on the shelf. One behind a gap needs no look until the gap is closed, and goes after a day: it comes again."""
        due = []
        for run in self.node.store.shelved():
            behind_gap = run.start > self.pending.size(run.log) and not self.pending.frozen(run.log)
            if not behind_gap:
                due.append((Run.decode(run.data), run))
            elif self.now - run.since > _DAY:
                self.change.unshelve.append((run.log, run.start))
        self.take_runs(due)

    def take_runs(self, runs: Sequence[tuple[Run, Shelved | None]]) -> None:
        """Take each log's runs in order, and the first that waits again when another log has moved: it may wait for that one."""
        queues: dict[int, deque[tuple[Run, Shelved | None]]] = {}
        for run, shelved in sorted(runs, key=lambda one: one[0].start):
            queues.setdefault(run.log, deque()).append((run, shelved))
        moved = True
        while moved:
            moved = False
            for queue in queues.values():
                while queue and self._take_run(*queue[0], last=False):
                    queue.popleft()
                    moved = True
        for queue in queues.values():
            for run, shelved in queue:
                self._take_run(run, shelved, last=True)

    def _take_run(self, run: Run, shelved: Shelved | None, *, last: bool) -> bool:
        """Admit a run or refuse it; False if it must wait, and if this was its last chance it goes on the shelf."""
        try:
            self._admit(run, charged=self.sender == run.log if shelved is None else shelved.code in _CHARGED)
        except Held as held:
            if not last:
                return False
            self.received.held.append(held.code)
            # What comes before its time is only known to be its log's if that log brought it: nothing here gives its root.
            if shelved is None and (held.code != "log.gap" or self.sender == run.log):
                self._shelve(run, held)
                self.flashes += [(run.log, n) for n, one in enumerate(run.messages, run.start) if one.kind == KINDS["flash"]]
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
        if run.log == node.own or run.log not in node.channel.logs:
            raise PeerError("log.unknown", str(run.log))
        if not run.messages:
            raise PeerError("enc.shape", "a run without messages")
        if self.large and run.weight() > limits.RUN_BYTES:
            raise PeerError("enc.size", f"a run of more than {limits.RUN_BYTES} bytes")
        state = self.pending.state(run.log)
        verified = self.notes.author(run)
        if state.frozen and verified.checkpoint.size > state.size:
            raise PeerError("log.frozen", state.frozen)
        have = state.size - run.start
        if have < 0:
            raise Held("log.gap", f"{-have} missing")
        fresh = run.messages[have:]
        checked = any(one.kind == KINDS["line_check"] for one in fresh)
        if checked and not verified.both:
            raise PeerError("sig.missing", "a line check's checkpoint is signed with ML-DSA-44 too")
        admitted = None
        if fresh:
            self.notes.check_overlap(run, verified)
            quota = self._quota(run.log) if charged else len(fresh)
            admitted = admit(node.channel, state, fresh, verified.checkpoint, now=self.now, quota=quota, around=self.pending)
        self.notes.keep(verified)  # the last that may refuse: a run is taken whole or not at all
        self.received.again += len(run.messages) - len(fresh)
        if admitted:
            node.keep(self.change, state, admitted.rows, admitted.state)
            self.pending.put(admitted.state, admitted.rows)
            self.received.messages += len(fresh)
            self.flashes += [(one.log, one.index) for one in admitted.rows if one.kind == KINDS["flash"] and not one.void]
            self.admitted[run.log] = (verified.checkpoint, checked or self.admitted.get(run.log, (None, False))[1])
            if charged:
                self._count(run.log, len(fresh))

    def _quota(self, log: int) -> int:
        day, used = self._used(log)
        most = self.node.channel.charter.quotas["messages_per_log_and_day"]
        return most - used if day == self.now // _DAY else most

    def _used(self, log: int) -> tuple[int, int]:
        name = f"quota/{log}"
        kept = self.change.meta.get(name) or self.node.store.meta(name) or bytes(16)
        return int.from_bytes(kept[:8], "big"), int.from_bytes(kept[8:], "big")

    def _count(self, log: int, messages: int) -> None:
        day, used = self._used(log)
        today = self.now // _DAY
        total = messages + (used if day == today else 0)
        self.change.meta[f"quota/{log}"] = today.to_bytes(8, "big") + total.to_bytes(8, "big")

    def _shelve(self, run: Run, held: Held) -> None:
        self.shelf = self.shelf or Shelf(self.node.store, self.change)
        self.shelf.put(Shelved(run.log, run.start, len(run.messages), held.code, self.now, run.encode()))

    def _refuse(self, error: PeerError, log: int | None, data: bytes) -> None:
        self.received.refused.append(error.code)
        self.received.own_refused |= log == self.sender
        if error.code != "log.fork":  # whose evidence, both checkpoints, is kept already
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
            return
        self.received.fresh = True
        known = replace(
            known,
            counter_in=contents.counter,
            heads={log: size for log, size in contents.heads.items() if log in node.channel.logs},
            wants={log: size for log, size in contents.wants.items() if log in node.channel.logs},
            told=next((told.code for told in contents.told if told.code in CODES), None),
            spoke=self.now,
        )
        key = contents.sealing_key
        if key and seal.key_id(key) != known.sealing_id and self._guard(self.sender, key, partial(seal.check_public_key, key)):
            known = replace(known, sealing_id=seal.key_id(key), sealing_key=key)
        if known.sealing_id in contents.gone:
            known = replace(known, sealing_id=None, sealing_key=None)
        self.change.peers.append(known)

    def commit(self) -> bool:
        """Cosign what was admitted, and write everything in one transaction; whether there was anything to write."""
        node = self.node
        if node.closed is None:
            own = self.pending.state(node.own)
            last = int_of(node.store.meta(COSIGNED_AT))
            for log, (checkpoint, both) in sorted(self.admitted.items()):
                node.cosign(self.change, checkpoint, log, max(node.now(), own.time, last), both=both)
        committed = self.change != Change()
        if committed:
            node.commit(self.change)
        for call in self.exchange.on_flash:
            for flash in self.flashes:
                call(node.name(*flash))
        return committed


def _dead(key: FreshKey, now: int) -> bool:
    return key.retired is not None and now - key.retired > limits.FRESH_KEY_DAYS * _DAY


def _split(data: bytes | None, width: int) -> list[bytes]:
    kept = data or b""
    return [kept[start : start + width] for start in range(0, len(kept), width)]
