"""Exchange: what a node makes of a bundle, and the bundle it makes in return. PROTOCOL sections 7 and 8.

A bundle is opened, its signature verified, its runs admitted, all in memory; then one transaction stores what was admitted together with
our receipts for it. The receipts leave in the next bundle, never before that transaction is durable.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Generator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from .. import limits
from ..errors import PeerError
from ..exchange import bundle, seal
from ..exchange.bundle import Contents, Run, Told
from ..exchange.session import Span, due, lacking
from ..record.fields import Json
from ..record.message import row
from ..record.opening import Opening
from ..record.standing import REPLACED
from ..record.values import Row
from ..store.interface import Change, FreshKey, Peer
from . import docket, inquiry, passing, withholding
from .around import Pending
from .confirming import Confirming, peers_of
from .convicting import REFUSED, behind_bound
from .node import GONE, Node
from .openings import addressed, stranger_key
from .packing import pack
from .passing import Passing
from .taking import Received, Taking
from .witnessing import Telling

_DAY: Final = 86400
_KEYS_GONE_KEPT: Final = 8
_GONE_SECONDS: Final = 60
_CHAIN: Final = 8  # openings of the logs before ours that ride in a stranger's bundle, which is short
_ROUNDS: Final = 10_000  # more bundles than any backlog within the quotas needs
_FRUITLESS: Final = 200  # more bundles in a row without a message or a receipt than a search for where two histories part needs
_TELL_TIMES: Final = 4  # a bundle of them may get lost
_FEW: Final = 64  # messages whose rows are worked out where they are taken
_WAITS: Final = "hold.seen"
_UNSURE: Final = "log.unsure"
_ASKERS: Final = 16  # devices whose inquiries wait for their answers


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
        self._passing = Passing(node)
        self._witnessed = Telling(node)
        self._told_of: Counter[tuple[int, int]] = Counter()  # (peer, log) -> how often the peer was sent a disputed opening
        self._turn = 0  # which log's newest checkpoint comes first in the next bundle
        self._askers: dict[int, Opening] = {}  # by log: of the inquiries that are not answered yet
        self._heard: dict[int, bytes] = {}  # log -> SHA-256 of the newest bundle taken of it
        self._strange: set[int] = set()  # peers that no longer know our later log: they were put back to before they heard of it
        self.confirming = Confirming(node)
        self.breathe: Callable[[], None] = _go_on  # called often in long work, where other work of the node may come between
        self.on_flash: list[Callable[[str], None]] = []  # called with the ref of each flash of another log, taken or held

    # --- Out ---

    def peers(self) -> list[int]:
        """The logs to call: each party's that stands in for its first one. Further devices of a party have no address, and call."""
        return peers_of(self.node)

    def spans(self, peer: int, covered: Mapping[int, int] | None = None) -> list[Span]:
        """What the peer lacks, by the rule of exchange.session; `covered` log -> size that is on its way already."""
        node = self.node
        if node.channel.successors_of(peer):
            return []  # a device that was replaced may be in anybody's hands
        known = node.store.peers().get(peer)
        held, reach = Pending(node.store).sizes(), node.store.covered(node.own).get(peer, 0)
        found = due(node.own, held, reach, known.wants if known else {})
        if self._is_stranger(peer, covered):
            found = [Span(node.own, 0, 1)]
        if known and known.told == _WAITS:
            found = [*found[1:], *found[:1]]  # ours waits there for one of the others
        starts = [max(span.start, (covered or {}).get(span.log, 0)) for span in found]
        return [replace(span, start=start) for span, start in zip(found, starts, strict=True) if start < span.stop]

    def _is_stranger(self, peer: int, covered: Mapping[int, int] | None = None) -> bool:
        """Whether the peer may never have heard of our later log: then a bundle leads with the opening and message 0, and is short. One
        that was put back to before it heard of it has cosigned it all the same, and says that it holds nothing of it."""
        node = self.node
        if node.own not in node.channel.openings or (covered or {}).get(node.own):
            return False
        known = node.store.peers().get(peer)
        if known is not None and node.own in known.heads and peer not in self._strange:
            return False  # a bundle of its own may have been for a log before this one
        return peer in self._strange or bool(known and known.spoke and known.heads) or not node.store.covered(node.own).get(peer)

    def compose(self, peer: int, *, echo: bytes = b"", covered: Mapping[int, int] | None = None) -> Composed:
        """The next bundle for a peer. `echo` is SHA-256 of the bundle it answers (by default the newest that was taken of that peer);
        `covered` what earlier bundles of a file cover.

        Raises LocalError log.closed.
        """
        node = self.node
        with node.lock:
            node.check_open()
            if asker := self._askers.pop(peer, None):
                return Composed(inquiry.answer(node, asker, echo), 0, {}, False)
            change = Change()
            known = node.store.peers().get(peer) or Peer(peer)
            contents, more = self._contents(known, covered, change)
            encoded = replace(contents, echo=echo or self._heard.get(peer, b"")).encode(self.breathe)
            node.check_open()  # it may have closed while others' work came between
            if change.fresh_keys:
                node.commit(change)
            data = bundle.write(
                encoded,
                sender=node.own,
                recipient=peer,
                channel_id=node.channel.channel_id,
                sealing_key=known.sealing_key or node.channel.logs[peer].sealing,
                sign=node.pen.sign_log,
                seal_to=seal.seal,
            )
            self.confirming.wrote(peer, data)
        reach = {run.log: run.start + len(run.rows) for run in contents.packed}
        return Composed(data, sum(len(run.rows) for run in contents.packed), reach, more)

    def _contents(self, known: Peer, covered: Mapping[int, int] | None, change: Change) -> tuple[Contents, bool]:
        """What to say to a peer, and whether more is due. To a device that was replaced: only that, and by what."""
        node, peer = self.node, known.number
        openings = self._openings(peer, known)
        contents = Contents(node.own, node.next_counter(), {}, openings=list(openings.values()))
        if node.channel.successors_of(peer):
            return replace(contents, told=[Told(REPLACED, peer, "")]), False
        unknown = node.channel.openings.keys() - known.heads.keys() - openings.keys() - {peer}
        stranger = self._is_stranger(peer, covered)
        runs, more = pack(node, self.spans(peer, covered), unknown, self.breathe)
        contents = replace(
            contents,
            heads=Pending(node.store).sizes(),
            packed=runs,
            checkpoints=[] if stranger else self._notes(peer, {run.log for run in runs}, unknown),
            wants=self._wants(peer, known),
            proofs=[] if stranger else self._passing.proofs(peer),
            sealing_key=self._fresh_key(peer, change),
            gone=_split(node.store.meta(GONE), seal.KEY_ID_BYTES),
            told=self._told(peer),
        )
        return contents, more or (stranger and node.store_size(node.own) > 1)

    def _openings(self, peer: int, known: Peer) -> dict[int, bytes]:
        """Openings that the peer may not know: our own until it cosigned our log, those of logs of which it holds nothing and we do. To a
        device that was replaced: what replaced it."""
        node, held = self.node, Pending(self.node.store).sizes()
        successors = node.channel.successors_of(peer)
        files = node.store.openings()
        if successors:
            return {log: files[log] for log in successors}
        besides = {peer, node.own, *self._in_dispute()}  # who refuses an opening never names its log: it is told some times, and by proof
        lacks = [log for log in files if log not in known.heads and log in held and log not in besides]
        lacks += self._disputed(peer, lacks)
        own = [node.own] if node.own in files and (not node.store.covered(node.own).get(peer) or self._is_stranger(peer)) else []
        chain = [log for log in node.channel.before(node.own) if log in files][:_CHAIN]
        chosen = [*own, *chain] if self._is_stranger(peer) else [*own, *lacks][: limits.OPENINGS_PER_BUNDLE]
        return {log: files[log] for log in chosen if log in files}

    def _disputed(self, peer: int, besides: Collection[int]) -> list[int]:
        """Logs that are frozen since another opening has their number or a key of theirs, and those whose checkpoints came from the peer
        under another key than we know: the peer may know that other one alone, and must hear of both, or it waits for ever for what others
        have seen of a log that it takes for its own."""
        doubted = {log for by, log in self.node.doubted if by == peer and log in self.node.channel.openings}
        asked = (self._in_dispute() | doubted) - {peer, self.node.own, *besides}
        found = [log for log in asked if self._told_of[peer, log] < _TELL_TIMES]
        self._told_of.update((peer, log) for log in found)
        return found

    def _in_dispute(self) -> set[int]:
        return {log for log, state in self.node.store.states().items() if state.frozen == REFUSED}

    def _notes(self, peer: int, besides: Collection[int], unknown: Collection[int]) -> list[bytes]:
        return [*self._newest_notes({*besides, *unknown, *self._in_dispute()}, unknown), *self._witnessed.notes(peer, unknown)]

    def _newest_notes(self, besides: Collection[int], unknown: Collection[int]) -> list[bytes]:
        """The newest checkpoint of each log with every cosignature we hold, but of logs whose run says the same. Cosignatures of logs
        `unknown` to the peer are left out: it could not tell whose they are. What does not fit comes first in the next bundle."""
        logs = list(self.node.channel.logs)
        self._turn %= len(logs)
        found: list[bytes] = []
        room = limits.NOTES_BYTES
        for n in range(self._turn, self._turn + len(logs)):
            log = logs[n % len(logs)]
            kept = None if log in besides else self.node.store.newest_checkpoint(log)
            if kept is not None:
                found.append(self.node.note(kept, unknown).encode())
                room -= len(found[-1])
            if room < 0:
                self._turn = n
                return found[:-1]
        self._turn = 0
        return found

    def _wants(self, peer: int, known: Peer) -> dict[int, int]:
        node = self.node
        pending = Pending(node.store)
        held = pending.sizes()
        found = lacking(held, known.heads, peer, node.own)
        frozen, proofs = [log for log in node.channel.logs if pending.frozen(log) and log != node.own], node.store.proofs()
        # Of a frozen log we take no more than what is the same in all its histories, and ask where they part.
        wants = {log: size for log, size in found.items() if log not in frozen or behind_bound(proofs, held, log)}
        wants |= node.searches.wants(peer, known.heads, held, frozen, proofs)
        if any(run.log == peer and run.code == "log.gap" for run in node.store.shelved(data=False)):
            wants[peer] = held.get(peer, 0)
        return wants

    def _lacks(self, peer: int) -> tuple[list[Span], dict[int, int]]:
        """What the peer lacks of what we hold, and what we lack of what it does."""
        return self.spans(peer), self._wants(peer, self.node.store.peers().get(peer) or Peer(peer))

    def _told(self, peer: int) -> list[Told]:
        """What the peer should know of its log here: that nothing is receipted yet, held runs, a frozen log."""
        node = self.node
        told = [Told(_UNSURE, peer, "")] if node.unsure else []
        told += [Told(run.code, run.log, str(run.start)) for run in node.store.shelved(data=False) if run.log == peer]
        state = node.store.states().get(peer)
        told += [Told("log.frozen", peer, state.frozen)] if state and state.frozen else []
        return told + withholding.told_to(node, peer) + passing.told(node.store.proofs())

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
            if asker := inquiry.asks(node.channel, contents):
                self._askers = {sender: asker, **dict(list(self._askers.items())[: _ASKERS - 1])}
                return Received(sender)
            contents = replace(contents, runs=[self._prepared(run) for run in contents.runs])
            work = Taking(node, sender)
            with node.widening():
                work.run(contents, large=len(data) > limits.RUN_BYTES)
                self._retire(sender, key_id, work.change)
                self.confirming.heard(sender, contents)
                committed = work.commit()
            self._strange.discard(sender)
            self._heard[sender] = hashlib.sha256(data).digest()
            self._ring(work)
            if work.received.messages or work.change.openings or any(state.frozen for state in work.change.states):
                self.retry_shelf()
            node.answer_successors()
            node.answer_convictions()
        if committed:
            node.changed()
        if sender not in node.channel.logs:
            raise PeerError(work.received.refused[0])
        return work.received

    def _ring(self, work: Taking) -> None:
        for call in self.on_flash:
            for flash in work.flashes:
                call(self.node.name(*flash))

    def _open(self, data: bytes) -> tuple[int, Contents, bytes]:
        node = self.node
        header = bundle.Header.decode(data)
        if header.channel_id != node.channel.channel_id:
            raise PeerError("bundle.channel")
        if header.recipient != node.own and header.recipient not in node.channel.before(node.own):
            raise PeerError("bundle.recipient", node.channel.log_name(header.recipient) or str(header.recipient))
        opened = bundle.read(data, self._seed(header.key_id), self._log_key)
        contents = Contents.decode(opened.contents, self.breathe)
        if contents.log != opened.sender or opened.sender == node.own:
            raise PeerError("bundle.signature", "another log's name within")
        return opened.sender, contents, header.key_id

    def _prepared(self, run: Run) -> Run:
        """The run with the rows of those of its messages that are new here, if they can be worked out: most of the work of taking it."""
        node = self.node
        have = node.store_size(run.log) - run.start
        if run.log not in node.channel.logs or run.log == node.own or not 0 <= have < len(run.messages) or len(run.messages) < _FEW:
            return run
        try:
            return replace(run, rows=[self._row(run, n) for n in range(have, len(run.messages))])
        except PeerError:
            return run  # which is refused where it is taken

    def _row(self, run: Run, place: int) -> Row:
        self.breathe()
        message = run.messages[place]
        self.breathe()
        return row(run.log, run.start + place, message)

    def _retire(self, peer: int, used: bytes, change: Change) -> None:
        """The peer used this key: older ones of its are retired, and die after seven days. The dead of all peers are dropped."""
        now = self.node.now()
        keys = self.node.store.fresh_keys(peer)
        place = next((n for n, key in enumerate(keys) if key.key_id == used), None)
        if keys and used == keys[-1].key_id and self.node.store.meta(f"used/{peer}") != used:
            change.meta[f"used/{peer}"] = used
        change.fresh_keys += [replace(key, retired=now) for key in keys[:place] if place is not None and key.retired is None]
        change.drop_fresh_keys += [key.key_id for key in self.node.store.fresh_keys() if _dead(key, now)]

    def _log_key(self, number: int, contents: bytes) -> bytes:
        names = self.node.channel.logs.get(number)
        return stranger_key(self.node.channel, number, contents) if names is None else names.log[0].key

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
            self._judge_waiting()
            while self.node.store.shelved(data=False):
                work = Taking(self.node, self.node.own)
                work.retry()
                work.commit()
                self._ring(work)
                if not work.received.messages:
                    return taken
                taken += work.received.messages  # behind which more may fit now
        return taken

    def _judge_waiting(self) -> None:
        """Look at some of the misconduct proofs that came faster than they are looked at."""
        if docket.waiting(self.node.store):
            work = Taking(self.node, self.node.own)
            work.docket.go_on()
            if work.commit():
                self.node.answer_convictions()

    # --- A whole talk ---

    def talk(self, peer: int) -> Generator[bytes, bytes, Report]:
        """Exchange with a peer until neither has anything new: yields each bundle to post, takes the answer.

        PeerError and LocalError of an answer are raised into whoever drives it.
        """
        node = self.node
        before = node.store.covered(node.own).get(peer, 0)
        report = Report(node.channel.logs[peer].slug)
        idle, fruitless, lacked = 0, 0, self._lacks(peer)
        for _ in range(_ROUNDS):
            composed = self.compose(peer)
            report.sent += composed.messages
            answer = yield composed.data
            received = self.receive(answer)
            report.received += received.messages
            report.receipted = node.store.covered(node.own).get(peer, 0) - before
            if received.refused:
                report.error = report.error or received.refused[0]
            if node.channel.successors_of(peer):
                break  # which is what the answer said: the next talk is with what replaced it
            if received.own_refused:
                break  # what it says of others may be another's fault, and must not keep our own messages from it
            lacks = self._lacks(peer)
            gained = received.messages or received.receipts
            fruitless = 0 if gained else fruitless + 1  # a peer that wants and claims something else each time gets to an end, too
            idle = 0 if gained or lacks != lacked else idle + 1
            lacked = lacks
            # Messages that were here already mean that our receipt for them got lost: one more round takes it there. So it does what a
            # peer waits for that was started anew: a bundle that bears the mark of its own.
            again = bool(received.again) or self._told_by(peer) == _UNSURE
            if idle > again or fruitless > _FRUITLESS or not (any(lacks) or received.messages or again):
                break
        report.error = report.error or self._told_by(peer)
        return report

    def _told_by(self, peer: int) -> str | None:
        """The newest code that the peer told us."""
        known = self.node.store.peers().get(peer)
        return known.told if known else None

    def forget_fresh_key(self, peer: int) -> None:
        """Seal to the peer's standing key from now on: it says that the fresh one is gone."""
        node = self.node
        with node.lock:
            known = node.store.peers().get(peer)
            if known and known.sealing_key:
                node.commit(Change(peers=[replace(known, sealing_id=None, sealing_key=None)]))

    def introduce(self, peer: int) -> bool:
        """The peer says that it does not know our log, of which it had told before: the next bundle leads with the opening. Whether that
        may help: not for a log of the charter, which everybody knows."""
        if self.node.own not in self.node.channel.openings:
            return False
        self._strange.add(peer)
        return True

    def write_files(self, name: str) -> tuple[bytes, int]:
        """`write_file` to every log that a name addresses, in a row. Raises LocalError usage."""
        parts = [self.write_file(log) for log in addressed(self.node, name)]
        return b"".join(data for data, _ in parts), sum(count for _, count in parts)

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


def _go_on() -> None:
    """Nobody has anything more urgent."""


def _dead(key: FreshKey, now: int) -> bool:
    return key.retired is not None and now - key.retired > limits.FRESH_KEY_DAYS * _DAY


def _split(data: bytes | None, width: int) -> list[bytes]:
    kept = data or b""
    return [kept[start : start + width] for start in range(0, len(kept), width)]
