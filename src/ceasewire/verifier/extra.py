"""A proof's `extra`: all that the verifier needs besides the path and the checkpoint. spec/proof.md.

    extra   = cbor({1: entry, 2: disclosure, 3: [support, ...], 4: [opening file, ...]})     3 and 4 only if there are any
    support = [log number, index, entry, disclosure, [path hash, ...], signed checkpoint]

A support is a `keys` or `amendment` message of the entry's causal past, whole; or, of whatever kind and with its body hidden, the first
entry of a log that has seen a successor of another, or the one before it, which had not: these show how much of the replaced log counts.
Supports stand in order of (log, index), openings in order of their log numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from .. import limits
from ..errors import PeerError
from ..record import encoding
from ..record.authority import GOVERNING, Authority
from ..record.card import Card
from ..record.channel import Channel
from ..record.encoding import Value
from ..record.log import validity
from ..record.message import Disclosure, Entry
from ..record.opening import Opening, open_opening
from ..record.pieces import check_count
from ..record.standing import Sight, shown_by
from ..record.values import Row
from ..tlog import checkpoint as checkpoints
from ..tlog import merkle
from ..tlog.checkpoint import SignedCheckpoint
from ..tlog.proof import MAX_PATH

_HASH: Final = 32


@dataclass(frozen=True, slots=True)
class Support:
    """A message that governs the one that is proved: where it stands, what it says, and the proof that it stands there."""

    log: int
    index: int
    entry: Entry
    disclosure: Disclosure
    path: tuple[bytes, ...]
    note: bytes

    def value(self) -> Value:
        """As it stands in `extra`."""
        return [self.log, self.index, self.entry.encode(), self.disclosure.value(), list(self.path), self.note]

    @staticmethod
    def from_value(value: Value) -> Support:
        """Raises PeerError enc.*, entry.body_root."""
        log, index, entry, parts, path, note = encoding.array(value, 6)
        hashes = tuple(encoding.octets(one, _HASH) for one in encoding.array(path))
        if len(hashes) > MAX_PATH:
            raise PeerError("enc.shape", f"a path of at most {MAX_PATH} hashes")
        return Support(encoding.uint(log, 2**32), encoding.uint(index), *_message(entry, parts), hashes, encoding.octets(note))

    @property
    def governs(self) -> bool:
        """Whether it is a message about officers or amendments, and whole; of another only what it has seen counts."""
        return self.entry.kind in GOVERNING and not self.disclosure.hidden

    def row(self) -> Row:
        """The message as it was kept, but for its seed, which no proof shows. Raises PeerError proof.malformed if part of it is hidden."""
        if self.disclosure.hidden or self.entry.kind not in GOVERNING:
            raise PeerError("proof.malformed", "a message in the proof about officers and amendments is another, or not whole")
        return row_of(self.log, self.index, self.entry, self.disclosure)


def row_of(log: int, index: int, entry: Entry, disclosure: Disclosure) -> Row:
    """A row of what a proof shows of a message."""
    return Row(
        log=log,
        index=index,
        kind=entry.kind,
        time=entry.time,
        seen=encoding.encode_checked(dict(entry.seen)),
        body_root=entry.body_root,
        rest=disclosure.tree().rest,
        leaf=merkle.leaf_hash(entry.encode()),
        seed=b"",
        body=encoding.encode_checked(disclosure.fields),
        void=None,
    )


@dataclass(frozen=True, slots=True)
class Extra:
    """A proof's `extra`, read."""

    entry: Entry
    disclosure: Disclosure
    supports: tuple[Support, ...] = ()
    openings: tuple[bytes, ...] = ()

    def encode(self) -> bytes:
        """The bytes of `extra`."""
        fields: dict[int, Value] = {1: self.entry.encode(), 2: self.disclosure.value()}
        if self.supports:
            fields[3] = [one.value() for one in self.supports]
        if self.openings:
            fields[4] = list(self.openings)
        return encoding.encode(fields, limits.CONTAINER_DEPTH)

    @staticmethod
    def decode(data: bytes | None) -> Extra:
        """Raises PeerError enc.*, entry.body_root, proof.malformed."""
        fields = _fields(data)
        entry, disclosure = _message(fields[1], fields[2])
        given = _some(fields, 3)
        if len(given) > limits.PROOF_SUPPORTS:
            raise PeerError("enc.size", f"more than {limits.PROOF_SUPPORTS} messages about officers and amendments")
        supports = tuple(Support.from_value(one) for one in given)
        places = [(one.log, one.index) for one in supports]
        if places != sorted(set(places)):
            raise PeerError("proof.malformed", "its messages about officers and amendments are not in order")
        return Extra(entry, disclosure, supports, tuple(encoding.octets(one) for one in _some(fields, 4)))


def _fields(data: bytes | None) -> Mapping[int, Value]:
    given = data or b""
    if len(given) <= limits.PROOF_EXTRA_BYTES:
        check_count(given, limits.PROOF_VALUES)
    value = encoding.decode(given, limits.PROOF_EXTRA_BYTES, limits.CONTAINER_DEPTH)
    return encoding.mapping(value, required=2, optional=2)


def _some(fields: Mapping[int, Value], number: int) -> list[Value]:
    """The array of a field that is left out where it would be empty."""
    if number not in fields:
        return []
    found = encoding.array(fields[number])
    if not found:
        raise PeerError("enc.shape", "an array that is there has something in it")
    return found


def _message(entry: Value, parts: Value) -> tuple[Entry, Disclosure]:
    found, disclosure = Entry.decode(encoding.octets(entry)), Disclosure.from_value(parts)
    if disclosure.root() != found.body_root:
        raise PeerError("entry.body_root")
    encoding.check_depth(disclosure.fields)
    if len(encoding.encode_checked(disclosure.fields)) > limits.BODY_BYTES:
        raise PeerError("enc.size", f"a body is at most {limits.BODY_BYTES} bytes")
    return found, disclosure


def read_openings(data: bytes | None, channel_id: bytes, parties: Sequence[Card]) -> list[Opening]:
    """The openings of an `extra`, verified; none if it cannot be read at all, which is for `Extra.decode` to say. Raises PeerError
    opening.malformed, sig.invalid, key.*, proof.malformed."""
    try:
        files = [encoding.octets(one) for one in _some(_fields(data), 4)]
    except PeerError:
        return []
    found = [open_opening(one, channel_id, parties) for one in files]
    numbers = [one.number for one in found]
    if numbers != sorted(set(numbers)):
        raise PeerError("proof.malformed", "its openings are not in order")
    return found


def authority_of(channel: Channel, supports: Sequence[Support]) -> Authority:
    """Who may speak, as the supports say it, each of which must stand in its log and hold by what lies below it.

    Raises PeerError checkpoint.origin, sig.*, merkle.inclusion, proof.malformed, and the code of the rule of validity that one breaks.
    """
    if any(one.log not in channel.logs for one in supports):
        raise PeerError("checkpoint.origin", "of a message in the proof about officers and amendments")
    for support in supports:
        _check_stands(channel, support)
    authority = Authority(channel, (), _sights(channel, supports))
    for support in in_causal_order([one for one in supports if one.governs]):
        row = support.row()
        code = validity(authority, row, support.disclosure.fields)
        if code:
            raise PeerError(code, f"{channel.log_name(support.log)}/{support.index} in the proof")
        authority.add(row)
    return authority


def _sights(channel: Channel, supports: Sequence[Support]) -> list[Sight]:
    """What supports show of replaced logs: each the first of its log that has seen a successor, as the one before it shows, which has not.

    Raises PeerError proof.malformed if one of which only that could count shows nothing.
    """
    at = {(one.log, one.index): one for one in supports}
    found: list[Sight] = []
    of_use: set[tuple[int, int]] = set()
    for (log, index), one in at.items():
        before = at.get((log, index - 1))
        for sight in shown_by(channel, log, index, one.entry.seen):
            if index == 0 or (before and sight.successor not in before.entry.seen):
                found.append(sight)
                of_use |= {(log, index), (log, index - 1)}
    if any(not one.governs and place not in of_use for place, one in at.items()):
        raise PeerError("proof.malformed", "a message in the proof about officers and amendments is another, or not whole")
    return found


def _check_stands(channel: Channel, support: Support) -> None:
    """Its log's own key signed the checkpoint, and its entry stands in that tree."""
    names = channel.logs[support.log]
    signed = SignedCheckpoint.parse(support.note)
    if signed.checkpoint.origin != names.origin or signed.encode() != support.note:
        raise PeerError("checkpoint.origin", "of a message in the proof about officers and amendments")
    kinds = []
    for line in signed.lines:
        key = next((key for key in names.log if line.is_by(key)), None)
        if key is None:
            raise PeerError("sig.unknown", line.name)
        if key in kinds:  # asked before the line is verified: thirty-two of each note would cost as many
            raise PeerError("sig.missing", "one by the key of each log in the proof")
        checkpoints.verify(signed.checkpoint, line, key)
        kinds.append(key)
    if names.log[0] not in kinds:
        raise PeerError("sig.missing", "one by the key of each log in the proof")
    checkpoint = signed.checkpoint
    merkle.verify_inclusion(merkle.leaf_hash(support.entry.encode()), support.index, checkpoint.size, checkpoint.root, support.path)


def in_causal_order(supports: Sequence[Support]) -> list[Support]:
    """Each after those that lie below it. Raises PeerError proof.malformed where two claim to lie below each other."""
    queues: dict[int, list[Support]] = {}
    for one in sorted(supports, key=lambda one: (one.log, -one.index)):
        queues.setdefault(one.log, []).append(one)
    done: list[Support] = []
    while len(done) < len(supports):
        heads = [queue[-1] for queue in queues.values() if queue]
        free = [one for one in heads if all(other is one or other.index >= one.entry.seen.get(other.log, 0) for other in heads)]
        if not free:
            raise PeerError("proof.malformed", "its messages about officers and amendments lie below each other")
        for one in free:
            done.append(queues[one.log].pop())
    return done
