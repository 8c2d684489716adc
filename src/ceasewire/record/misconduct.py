"""Misconduct proofs: files by which a stranger sees that a party's keys broke a rule that honest keys cannot break. spec/misconduct.md;
PROTOCOL section 9.

    proof = cbor(["ceasewire/misconduct/1", channel id, kind, log number, parts, [opening file, ...]])

The log is the accused device's; the one opening file is there if that log is a later one, and no other. All signatures in the parts are
by Ed25519 keys of that one device: by its log's key, or by its receipt key; of kind 10, by a recovery key of its party. At most 16 KiB.

    1 two_faces            [note, note]                                     one size, two roots
    2 two_leaves           [placed, placed]                                 one index, two leaves
    3 rewrite              [older note, newer note, [hash, ...]]            the newer tree does not begin as the older note says
    4 back_dating          [placed, placed]                                 a later index, an earlier time
                           [placed, log number, receipted]                  earlier than an entry that it has seen
    5 false_seen           [log number, receipt, placed]                    a receipt for more than a later entry has seen
                           [placed, placed]                                 a later index, a smaller `seen`
    6 shrinking_receipt    [log number, receipt, receipt]                   a larger size earlier, or one size and two roots
    7 two_values           [placed, disclosure, disclosure]                 one body-root, one field, two values
    8 reused_release       [placed, placed, leaf hash, leaf hash, rest]     one `rest` in two entries
    9 flood                [placed, placed]                                 more messages on one UTC day than the charter allows
   10 two_openings         [[opening, place, signature]]                   another opening with the number or a signing key of the log's own

    placed = [leaf, index, [hash, ...], note]; note, receipt = a signed checkpoint with the one line by the device's log or receipt key;
    receipted = a placed entry of the other log whose note is a receipt; place, signature = the recovery key's place in the card, and its
    Ed25519 signature over the opening
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from .. import limits
from ..errors import PeerError
from ..tlog.merkle import NodeReader, consistency_path, is_power_of_two, root_of
from ..tlog.note import VerifierKey
from . import encoding, misconduct_kinds
from .channel import Channel
from .encoding import Value
from .message import Disclosure
from .misconduct_parts import Accused, PlacedEntry, accused_by_charter, accused_by_policy, only
from .notation import Json
from .opening import recovered

__all__ = [
    "KINDS",
    "TAG",
    "Maker",
    "PlacedEntry",
    "Proof",
    "Verdict",
    "explicit_path",
    "is_misconduct",
    "open_by_policy",
    "open_misconduct",
]

TAG: Final = "ceasewire/misconduct/1"
KINDS: Final = {
    1: "two_faces",
    2: "two_leaves",
    3: "rewrite",
    4: "back_dating",
    5: "false_seen",
    6: "shrinking_receipt",
    7: "two_values",
    8: "reused_release",
    9: "flood",
    10: "two_openings",
}
_NUMBERS: Final = {name: number for number, name in KINDS.items()}
_ARRAY: Final = 4  # the major type of a CBOR array


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a valid proof says.

    `kind` is one of KINDS' names; `log` the accused log's number, `log_name` and `party` as people call them, `position` the party's in the
    charter; `from_index` the index from which on the log's entries do not stand, or None if the proof shows no second history; `convicts`
    whether it breaks a rule that honest keys cannot break (a flood is only a finding); `sentence` what a journalist may print, without a
    full stop; `facts` the sizes, indexes and times behind it; `keys` which of the device's keys signed: "log", "receipt", "log and
    receipt", or "recovery": its party's.
    """

    kind: str
    log: int
    log_name: str
    party: str
    position: int
    from_index: int | None
    convicts: bool
    sentence: str
    facts: Mapping[str, Json]
    keys: str


_BEGINNING: Final = encoding.encode_checked(TAG)


def is_misconduct(data: bytes) -> bool:
    """Whether a file begins as a misconduct proof does: an array whose first item is the tag."""
    return data[:1] != b"" and data[0] >> 5 == _ARRAY and data.startswith(_BEGINNING, 1)


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof as it is read; nothing in it is verified. `kind` is 1 to 10, `parts` are its kind's, `openings` opening files."""

    channel_id: bytes
    kind: int
    log: int
    parts: list[Value]
    openings: list[Value]

    @staticmethod
    def decode(data: bytes) -> Proof:
        """Raises PeerError enc.*, misconduct.malformed."""
        if not is_misconduct(data):
            raise PeerError("misconduct.malformed", "it does not begin as one")
        value = encoding.decode(data, limits.MISCONDUCT_BYTES, limits.CONTAINER_DEPTH)
        _, channel_id, kind, log, parts, files = encoding.array(value, 6)
        number = encoding.uint(kind)
        if number not in KINDS:
            raise PeerError("misconduct.malformed", f"kind {number} is not known")
        return Proof(encoding.octets(channel_id, 32), number, encoding.uint(log, 2**32), encoding.array(parts), encoding.array(files))

    def accused(self, channel: Channel) -> Accused:
        """The accused device by the charter. Raises PeerError misconduct.channel, misconduct.malformed, log.unknown, opening.*, enc.*,
        key.*, sig.invalid."""
        if self.channel_id != channel.channel_id:
            raise PeerError("misconduct.channel")
        return accused_by_charter(channel, self.log, self.openings)

    def accused_by(self, keys: Sequence[VerifierKey]) -> Accused:
        """The accused device by the keys of a policy's logs. Raises PeerError misconduct.charter, note.malformed, checkpoint.*."""
        first = self.parts[0] if self.parts and KINDS[self.kind] != "two_openings" else None
        if isinstance(first, list):
            first = first[-1] if first else None
        if not isinstance(first, bytes):
            raise PeerError("misconduct.charter")
        return accused_by_policy(keys, self.channel_id, self.log, first)

    def judge(self, accused: Accused) -> Verdict:
        """What follows. Raises PeerError misconduct.unproved if nothing does, and what else `open_misconduct` raises."""
        found = misconduct_kinds.judge(accused, self.kind, self.parts)
        return Verdict(
            kind=KINDS[self.kind],
            log=accused.number,
            log_name=accused.name,
            party=accused.party,
            position=accused.position,
            from_index=found.from_index,
            convicts=KINDS[self.kind] != "flood",
            sentence=found.sentence,
            facts=found.facts,
            keys=found.keys,
        )


def open_misconduct(data: bytes, channel: Channel) -> Verdict:
    """Check a proof by the charter. It says the same whatever later logs `channel` knows.

    Raises PeerError misconduct.malformed, misconduct.channel, misconduct.unproved (each part verifies and nothing follows from them),
    enc.*, note.malformed, checkpoint.*, sig.*, merkle.*, log.unknown, opening.*, key.*, entry.body_root.
    """
    proof = Proof.decode(data)
    return proof.judge(proof.accused(channel))


def open_by_policy(data: bytes, keys: Sequence[VerifierKey]) -> Verdict:
    """Check a proof by the keys of a policy's logs, in which there are no receipt keys, no quotas and no openings.

    Raises PeerError as `open_misconduct`, and misconduct.charter for a kind that needs the charter.
    """
    proof = Proof.decode(data)
    return proof.judge(proof.accused_by(keys))


# --- Making proofs. Each gives the file, checked: what does not convict is raised as `open_misconduct` does, and makes no file. ---


class Maker:
    """Makes proofs against one log of a channel. `opening` is the log's opening file if it is a later log.

    Notes may bear any lines: those that the proof needs are kept. Raises PeerError as `open_misconduct`, sig.missing where a note lacks
    the line that is needed, enc.size where the proof would be too long.
    """

    def __init__(self, channel: Channel, log: int, opening: bytes | None = None) -> None:
        self._channel = channel
        self._files: list[Value] = [] if opening is None else [opening]
        self._accused = accused_by_charter(channel, log, self._files)

    def two_faces(self, one: bytes, other: bytes) -> bytes:
        """From two signed checkpoints of one size with two roots."""
        return self._make("two_faces", [self._note(one), self._note(other)])

    def two_leaves(self, one: PlacedEntry, other: PlacedEntry) -> bytes:
        """From two leaves at one index."""
        return self._make("two_leaves", [self._placed(one), self._placed(other)])

    def rewrite(self, older: bytes, newer: bytes, path: Sequence[bytes]) -> bytes:
        """From signed checkpoints of two sizes, and `explicit_path` in the newer tree."""
        return self._make("rewrite", [self._note(older), self._note(newer), list(path)])

    def back_dated(self, earlier: PlacedEntry, later: PlacedEntry) -> bytes:
        """From two entries, the one at the later index with the earlier time."""
        return self._make("back_dating", [self._placed(earlier), self._placed(later)])

    def before_seen(self, entry: PlacedEntry, seen: int, receipted: PlacedEntry) -> bytes:
        """From an entry, and a younger one of the log number `seen` that it says it has seen; the latter's note bears a receipt by the
        accused device."""
        return self._make("back_dating", [self._placed(entry), seen, self._receipted(receipted)])

    def unseen(self, log: int, receipt: bytes, entry: PlacedEntry) -> bytes:
        """From a checkpoint of log number `log` with the accused device's receipt, and a later entry that has seen less of that log."""
        return self._make("false_seen", [log, self._receipt(receipt), self._placed(entry)])

    def seen_shrinks(self, earlier: PlacedEntry, later: PlacedEntry) -> bytes:
        """From two entries, the one at the later index having seen less of a log."""
        return self._make("false_seen", [self._placed(earlier), self._placed(later)])

    def shrinking_receipt(self, log: int, one: bytes, other: bytes) -> bytes:
        """From two checkpoints of log number `log` with receipts by the accused device: the larger one at the earlier time, given first; or
        two roots of one size."""
        return self._make("shrinking_receipt", [log, self._receipt(one), self._receipt(other)])

    def two_values(self, entry: PlacedEntry, one: Disclosure, other: Disclosure) -> bytes:
        """From an entry and two disclosures of its body that show one field with two values."""
        return self._make("two_values", [self._placed(entry), one.value(), other.value()])

    def reused_release(self, earlier: PlacedEntry, later: PlacedEntry, leaves: tuple[bytes, bytes], rest: bytes) -> bytes:
        """From two entries whose bodies share a `rest`; `leaves` are the leaf hashes of field 0 of each."""
        return self._make("reused_release", [self._placed(earlier), self._placed(later), *leaves, rest])

    def flood(self, first: PlacedEntry, last: PlacedEntry) -> bytes:
        """From the first and the last of more entries of one UTC day than the charter's quota."""
        return self._make("flood", [self._placed(first), self._placed(last)])

    def two_openings(self, other: bytes) -> bytes:
        """From another opening file of the party's, with this log's number or a key of its that signs."""
        return self._make("two_openings", [recovered(other)])

    def _note(self, note: bytes) -> bytes:
        return only(note, self._accused.log_key)

    def _receipt(self, note: bytes) -> bytes:
        return only(note, self._accused.device[0])

    def _placed(self, one: PlacedEntry) -> Value:
        return PlacedEntry(one.leaf, one.index, one.path, self._note(one.note)).value()

    def _receipted(self, one: PlacedEntry) -> Value:
        return PlacedEntry(one.leaf, one.index, one.path, self._receipt(one.note)).value()

    def _make(self, kind: str, parts: list[Value]) -> bytes:
        value: list[Value] = [TAG, self._channel.channel_id, _NUMBERS[kind], self._accused.number, parts, self._files]
        data = encoding.encode(value, limits.CONTAINER_DEPTH)
        open_misconduct(data, self._channel)
        return data


def explicit_path(read: NodeReader, old: int, new: int) -> list[bytes]:
    """The path from the tree's first `old` leaves to its first `new` ones with the first node always given (RFC 9162 2.1.4.2), so that it
    can be walked whatever the older root is claimed to be; `read` gives the newer tree's nodes. Empty for old = 0.

    Raises PeerError merkle.consistency unless 0 <= old < new.
    """
    if not 0 <= old < new:
        raise PeerError("merkle.consistency", f"a tree of {new} leaves is not newer than one of {old}")
    path = consistency_path(read, old, new)
    return [root_of(read, old), *path] if old and is_power_of_two(old) else path
