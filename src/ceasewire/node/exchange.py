"""Exchange: what a node makes of a bundle, and the bundle it makes in return. PROTOCOL sections 7 and 8.

A bundle is opened, its signature verified, its runs admitted, all in memory; then one transaction stores what was admitted together with
our receipts for it. The receipts leave in the next bundle, never before that transaction is durable.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from .. import limits
from ..errors import PeerError
from ..exchange import bundle, seal
from ..exchange.bundle import Contents, Told
from ..exchange.session import Span, due, lacking
from ..record.fields import Json
from ..record.standing import REPLACED
from ..store.interface import Change, FreshKey, Peer
from .around import Pending
from .node import GONE, Node
from .openings import addressed, stranger_key
from .packing import pack
from .taking import Received, Taking

_DAY: Final = 86400
_KEYS_GONE_KEPT: Final = 8
_GONE_SECONDS: Final = 60
_CHAIN: Final = 8  # openings of the logs before ours that ride in a stranger's bundle, which is short
_ROUNDS: Final = 10_000  # more bundles than any backlog within the quotas needs


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
        self._turn = 0  # which log's newest checkpoint comes first in the next bundle
        self.on_flash: list[Callable[[str], None]] = []  # called with the ref of each flash of another log, taken or held

    # --- Out ---

    def peers(self) -> list[int]:
        """The logs to call: each party's that stands in for its first one. Further devices of a party have no address, and call."""
        return [number for number in self.node.channel.called_logs if number != self.node.own]

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
        starts = [max(span.start, (covered or {}).get(span.log, 0)) for span in found]
        return [replace(span, start=start) for span, start in zip(found, starts, strict=True) if start < span.stop]

    def _is_stranger(self, peer: int, covered: Mapping[int, int] | None = None) -> bool:
        """Whether the peer may never have heard of our later log: then a bundle leads with the opening and message 0, and is short."""
        node = self.node
        if node.own not in node.channel.openings or (covered or {}).get(node.own) or node.store.covered(node.own).get(peer):
            return False
        known = node.store.peers().get(peer)
        return known is None or node.own not in known.heads  # a bundle of its own may have been for a log before this one

    def compose(self, peer: int, *, echo: bytes = b"", covered: Mapping[int, int] | None = None) -> Composed:
        """The next bundle for a peer. `echo` is SHA-256 of the bundle it answers; `covered` what earlier bundles of a file cover.

        Raises LocalError log.closed.
        """
        node = self.node
        with node.lock:
            node.check_open()
            change = Change()
            known = node.store.peers().get(peer) or Peer(peer)
            contents, more = self._contents(known, covered, change)
            encoded = replace(contents, echo=echo).encode()
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
        runs, more = pack(node, self.spans(peer, covered), unknown)
        contents = replace(
            contents,
            heads=Pending(node.store).sizes(),
            packed=runs,
            checkpoints=[] if stranger else self._newest_notes({run.log for run in runs} | unknown, unknown),
            wants=self._wants(peer, known),
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
        lacks = [log for log in files if log not in known.heads and log in held and log not in (peer, node.own)]
        own = [node.own] if node.own in files and not node.store.covered(node.own).get(peer) else []
        chain = [log for log in node.channel.before(node.own) if log in files][:_CHAIN]
        chosen = [*own, *chain] if self._is_stranger(peer) else [*own, *lacks][: limits.OPENINGS_PER_BUNDLE]
        return {log: files[log] for log in chosen}

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
        wants = {log: size for log, size in found.items() if not pending.frozen(log)}  # of a frozen log we take no more
        if any(run.log == peer and run.code == "log.gap" for run in node.store.shelved()):
            wants[peer] = held.get(peer, 0)
        return wants

    def _lacks(self, peer: int) -> tuple[list[Span], dict[int, int]]:
        """What the peer lacks of what we hold, and what we lack of what it does."""
        return self.spans(peer), self._wants(peer, self.node.store.peers().get(peer) or Peer(peer))

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
            work = Taking(node, sender)
            with node.widening():
                work.run(contents, large=len(data) > limits.RUN_BYTES)
                self._retire(sender, key_id, work.change)
                committed = work.commit()
            self._ring(work)
            if work.received.messages or work.change.openings or any(state.frozen for state in work.change.states):
                self.retry_shelf()
            node.answer_successors()
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
            while True:
                work = Taking(self.node, self.node.own)
                work.retry()
                work.commit()
                self._ring(work)
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
        idle, lacked = 0, self._lacks(peer)
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
            idle = 0 if received.messages or received.receipts or lacks != lacked else idle + 1
            lacked = lacks
            # Messages that were here already mean that our receipt for them got lost: one more round takes it there.
            if idle > bool(received.again) or not (any(lacks) or received.messages or received.again):
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


def _dead(key: FreshKey, now: int) -> bool:
    return key.retired is not None and now - key.retired > limits.FRESH_KEY_DAYS * _DAY


def _split(data: bytes | None, width: int) -> list[bytes]:
    kept = data or b""
    return [kept[start : start + width] for start in range(0, len(kept), width)]
