"""Bugs planted on purpose, each a protocol's rule that the node forgets: what the simulator must find. Never in the program itself.

Each is a list of changes for `standins.patched`: (owner, name, value).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from ceasewire.errors import PeerError
from ceasewire.exchange.bundle import Contents
from ceasewire.exchange.session import Span
from ceasewire.node import convicting, exchange, taking, withholding
from ceasewire.node.around import Pending
from ceasewire.node.confirming import Confirming
from ceasewire.node.node import Node
from ceasewire.node.notes import NoteReader
from ceasewire.node.openings import of_log
from ceasewire.node.receipts import ToWrite
from ceasewire.node.taking import Taking
from ceasewire.pen import Pen
from ceasewire.record import log
from ceasewire.record.authority import InForce, _Fold
from ceasewire.record.log import Held, admit
from ceasewire.record.message import row
from ceasewire.record.misconduct import Proof, Verdict
from ceasewire.store.interface import Change, FreshKey, Store
from ceasewire.tlog.checkpoint import Checkpoint
from sim.standins import patched

Changes = list[tuple[Any, str, Any]]


def cosign_before_commit() -> Changes:
    """The receipts are committed first, and then what they are for."""
    original = Node.commit

    def commit(self: Node, change: Change) -> None:
        if change.cosignatures and change.rows:
            first = Change(cosignatures=change.cosignatures, checkpoints=change.checkpoints, signed=True)
            original(self, first)
            change = replace(change, cosignatures=[], checkpoints=[])
        original(self, change)

    return [(Node, "commit", commit)]


def skip_consistency() -> Changes:
    """A checkpoint is not compared with what is held."""
    return [(NoteReader, "compare", lambda *_: None), (NoteReader, "check_overlap", lambda *_: None)]


def send_not_synced() -> Changes:
    """What is sent is committed without waiting for the disk, so that a size is used again after a power cut."""
    return [(Change, "lasting", property(lambda self: any(one.log != self.rows[0].log for one in self.rows)))]


def pen_counter_ignored() -> Changes:
    """A store below its pen goes on."""

    def why_closed(self: Node) -> str | None:
        return None if self.store.meta(of_log("closed", self.own)) is None else "log.closed"

    return [(Node, "_why_closed", why_closed)]


def pen_not_noted() -> Changes:
    """The pen remembers the counter, and never writes it down."""
    return [(Pen, "note", lambda self, counter: setattr(self, "counter", counter))]


def replay_turns_back() -> Changes:
    """A bundle of long ago counts as the newest."""
    original = Taking._take_peer

    def take_peer(self: Taking, contents: Contents) -> None:
        known = self.node.store.peers().get(self.sender)
        original(self, replace(contents, counter=max(contents.counter, known.counter_in + 1 if known else 0)))
        self.change.peers[-1] = replace(self.change.peers[-1], counter_in=contents.counter)

    return [(Taking, "_take_peer", take_peer)]


def gap_receipted() -> Changes:
    """A run behind a gap is receipted at once, and the gap forgotten."""
    original = Taking._admit

    def admitted(self: Taking, run: Any, *, charged: bool) -> None:
        try:
            original(self, run, charged=charged)
        except Held as held:
            if held.code != "log.gap":
                raise
            self.admitted[run.log] = (self.notes.author(run).checkpoint, False)

    return [(Taking, "_admit", admitted)]


def _admit_with(change: Callable[[dict[str, Any]], None]) -> Changes:
    def wrong(*args: Any, **named: Any) -> Any:
        change(named)
        return admit(*args, **named)

    return [(taking, "admit", wrong)]


def root_not_checked() -> Changes:
    """Messages are admitted whatever root their log signed."""

    def wrong(channel: Any, state: Any, messages: Any, checkpoint: Checkpoint, **named: Any) -> Any:
        try:
            return admit(channel, state, messages, checkpoint, **named)
        except PeerError as error:
            if error.code != "log.root":
                raise
            rows = [row(state.number, state.size + n, message) for n, message in enumerate(messages)]
            root = state.frontier.extend([one.leaf for one in rows]).root()
            return admit(channel, state, messages, replace(checkpoint, root=root), **named)

    return [(taking, "admit", wrong)]


def cosigned_by_the_clock() -> Changes:
    """A receipt bears the clock's time, wherever the clock has jumped."""
    original = Node.cosign

    def cosign(self: Node, change: Change, checkpoint: Checkpoint, log: int, time: int, *, both: bool) -> None:
        original(self, change, checkpoint, log, min(time, self.now()), both=both)

    return [(Node, "cosign", cosign)]


def receipts_not_written() -> Changes:
    """A line check writes no receipts down."""
    return [(ToWrite, "write", lambda *_: {})]


def rest_not_compared() -> Changes:
    """A release used twice is not noticed."""

    def rests(self: Pending, log: int, rests: Collection[bytes]) -> dict[bytes, int]:
        return {}

    return [(Pending, "rests", rests)]


def seen_of_the_shelf() -> Changes:
    """`seen` counts what waits on the shelf as well."""
    original = Pending.sizes

    def sizes(self: Pending) -> dict[int, int]:
        found = original(self)
        return found | {run.log: run.start + run.count for run in self._store.shelved() if run.start >= found.get(run.log, 0)}

    return [(Pending, "sizes", sizes)]


def rolled_back_goes_on() -> Changes:
    """A log that was closed goes on, instead of being followed by another."""
    return [(Node, "closed", property(lambda _: None))]


def counter_used_again() -> Changes:
    """A process begins to count its bundles where the last one began."""

    def next_counter(self: Node) -> int:
        self._bundles += 1
        return (self.store.counter << 24) + self._bundles

    return [(Node, "next_counter", next_counter)]


def frozen_goes_on() -> Changes:
    """A log that showed two histories is taken as before."""
    return [(Taking, "_open_state", lambda self, run, _: replace(self.pending.state(run.log), frozen=None))]


def quota_ignored() -> Changes:
    """A log may bring as much as it likes."""
    return [(Taking, "_quota", lambda *_: 10**9)]


def ahead_taken() -> Changes:
    """An entry of tomorrow is taken today."""
    return _admit_with(lambda named: named.update(now=named["now"] + 10**8))


def wants_not_answered() -> Changes:
    """Nobody sends what another wrote."""

    def due(own: int, held: dict[int, int], covered: int, wants: dict[int, int]) -> list[Span]:
        return [Span(own, covered, held[own])] if held.get(own, 0) > covered else []

    return [(exchange, "due", due)]


def proofs_believed() -> Changes:
    """A proof is kept as it says, and not checked."""

    def believe(data: bytes, _: Any) -> Verdict:
        found = Proof.decode(data)
        return Verdict("two_faces", found.log, "", "", 0, 1, True, "", {}, "log")

    return [(convicting, "open_misconduct", believe)]


def void_by_itself() -> Changes:
    """What is void depends on which node asks: here on how much of other logs it holds."""
    original = admit

    def wrong(channel: Any, state: Any, messages: Any, checkpoint: Checkpoint, **named: Any) -> Any:
        found = original(channel, state, messages, checkpoint, **named)
        if named["around"].size(1 - state.number if state.number < 2 else 0) % 5 == 4:
            found = replace(found, rows=tuple(replace(one, void=one.void or "ref.unknown") for one in found.rows))
        return found

    return [(taking, "admit", wrong)]


def boot_rule_skipped() -> Changes:
    """A machine that was started anew signs at once."""
    return [(Node, "unsure", property(lambda _: None))]


def confirmed_by_an_older_word() -> Changes:
    """After a start any bundle confirms the log, also one that was written before."""
    original = Confirming._vouches

    def vouches(self: Confirming, sender: int, contents: Contents) -> bool:
        self._asked.setdefault(sender, deque(maxlen=16)).append(contents.echo)
        return original(self, sender, contents)

    return [(Confirming, "_vouches", vouches)]


def witness_not_heeded() -> Changes:
    """A witness that knows more of a log changes nothing."""
    return [(Node, "overtaken", lambda _: None)]


def witness_not_waited_for() -> Changes:
    """A peer's word counts before the witness has said its own."""

    def confirm(self: Confirming) -> None:
        if self._vouched:
            self._node.confirm("peer")

    return [(Confirming, "_confirm", confirm)]


def releases_not_asked() -> Changes:
    """A message stands whoever released it."""
    return [(log, "released", lambda *_: None)]


def revoked_goes_on() -> Changes:
    """An officer who was revoked releases as before."""
    original = _Fold.of

    def of(self: _Fold, party: int) -> InForce:
        revoked, self._revoked = self._revoked, {}
        try:
            return original(self, party)
        finally:
            self._revoked = revoked

    return [(_Fold, "of", of)]


def one_assent_is_enough() -> Changes:
    """A charter is amended when one party assents."""

    def completed(self: _Fold, base: bytes) -> bytes | None:
        found = {named for known in (self._assents.get((party, base)) for party in self._signatories) if known for named in known.count()}
        return min((named for named in found if (base, named) in self._changes), default=None)

    return [(_Fold, "_completed", completed)]


def withholding_not_attested() -> Changes:
    """A guarantor says nothing of who withholds."""
    return [(withholding, "claims", lambda _: iter(()))]


def slow_is_withholding() -> Changes:
    """A guarantor does not wait until a device has read twice, a day apart, what it was offered."""

    def keys(store: Store, peer: int, _: int) -> tuple[FreshKey, FreshKey] | None:
        known = store.fresh_keys(peer)
        return (known[-1], known[-1]) if known else None

    return [(withholding, "_keys", keys)]


BUGS: dict[str, Callable[[], Changes]] = {
    one.__name__.replace("_", " "): one
    for one in (
        cosign_before_commit, skip_consistency, send_not_synced, pen_counter_ignored, pen_not_noted, replay_turns_back, gap_receipted,
        root_not_checked, cosigned_by_the_clock, receipts_not_written, rest_not_compared, seen_of_the_shelf, rolled_back_goes_on,
        counter_used_again, frozen_goes_on, quota_ignored, ahead_taken, wants_not_answered, proofs_believed, void_by_itself,
        boot_rule_skipped, confirmed_by_an_older_word, witness_not_heeded, witness_not_waited_for, releases_not_asked, revoked_goes_on,
        one_assent_is_enough, withholding_not_attested, slow_is_withholding,
    )
}  # fmt: skip


def planted(name: str) -> AbstractContextManager[None]:
    """The program with the bug of that name, for as long as the block lasts."""
    return patched(*BUGS[name]())
