"""What misconduct proofs are made of: one key's signed checkpoints, entries at their places, and whose keys they are. spec/misconduct.md.

Every check here is over signatures by keys of the accused device alone, so that nobody else's lie can speak against it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ..errors import PeerError
from ..tlog import checkpoint as checkpoints
from ..tlog import merkle
from ..tlog.checkpoint import Checkpoint, SignedCheckpoint
from ..tlog.note import ED25519, VerifierKey
from ..tlog.proof import MAX_PATH
from . import encoding
from .channel import Channel
from .encoding import Value
from .message import Entry
from .opening import Opening, is_later, later_name, open_opening, open_recovered, position_of

_HASH: Final = 32


@dataclass(frozen=True, slots=True)
class PlacedEntry:
    """A leaf at its place: `leaf` the log's leaf as it is hashed (an entry's bytes), `index` from 0, `path` the inclusion path of RFC 6962
    with the leaf's sibling first, `note` the signed checkpoint of the tree that it stands in."""

    leaf: bytes
    index: int
    path: tuple[bytes, ...]
    note: bytes

    def value(self) -> Value:
        """As it stands in a proof: `[leaf, index, [hash, ...], note]`."""
        return [self.leaf, self.index, list(self.path), self.note]

    @staticmethod
    def from_value(value: Value) -> PlacedEntry:
        """Raises PeerError enc.shape."""
        leaf, index, path, note = encoding.array(value, 4)
        hashes = tuple(encoding.octets(one, _HASH) for one in encoding.array(path))
        if len(hashes) > MAX_PATH:
            raise PeerError("enc.shape", f"a path of at most {MAX_PATH} hashes")
        return PlacedEntry(encoding.octets(leaf), encoding.uint(index), hashes, encoding.octets(note))

    def entry(self) -> Entry:
        """The leaf as an entry. Raises PeerError enc.* for a leaf that is none."""
        return Entry.decode(self.leaf)

    def check(self, checkpoint: Checkpoint) -> None:
        """That the leaf stands there in the checkpoint's tree. Raises PeerError merkle.inclusion."""
        merkle.verify_inclusion(merkle.leaf_hash(self.leaf), self.index, checkpoint.size, checkpoint.root, self.path)


@dataclass(frozen=True, slots=True)
class Accused:
    """The device that a proof speaks against. `position` is its party's in the charter, `party` its slug, `name` the log's; `log_key` the
    log's Ed25519 key, `receipt_key` its receipt key's Ed25519 half and `channel` the channel, both None where only a policy is known;
    `opening` that of a later log."""

    number: int
    position: int
    party: str
    name: str
    log_key: VerifierKey
    receipt_key: VerifierKey | None
    channel: Channel | None
    opening: Opening | None = None

    @property
    def device(self) -> tuple[VerifierKey, Channel]:
        """The receipt key and the channel. Raises PeerError misconduct.charter where only a policy is known."""
        if self.receipt_key is None or self.channel is None:
            raise PeerError("misconduct.charter")
        return self.receipt_key, self.channel

    def opened(self, value: Value) -> tuple[Opening, Opening]:
        """The accused log's opening, and another that a recovery key of its party signed. Raises PeerError misconduct.malformed for a
        party's first log, misconduct.charter, opening.malformed, enc.*, key.*, sig.invalid."""
        _, channel = self.device
        if self.opening is None:
            raise PeerError("misconduct.malformed", "a log that an opening began")
        return self.opening, open_recovered(value, channel.channel_id, channel.charter.parties)

    def signed(self, note: Value) -> Checkpoint:
        """The checkpoint of a note whose one line is by the log's key. Raises PeerError enc.shape, note.malformed, checkpoint.*, sig.*."""
        return _one_line(note, self.log_key, self.log_key.name)[0]

    def placed(self, value: Value) -> PlacedEntry:
        """An entry of the accused log at its place. Raises PeerError as `signed`, merkle.inclusion."""
        found = PlacedEntry.from_value(value)
        found.check(self.signed(found.note))
        return found

    def receipted(self, note: Value, log: int) -> tuple[Checkpoint, int]:
        """The checkpoint of another log that the device's receipt key cosigned, and when in POSIX seconds. Raises PeerError as `signed`,
        log.unknown, misconduct.charter."""
        key, channel = self.device
        return _one_line(note, key, origin_of(channel, log))


def _one_line(note: Value, key: VerifierKey, origin: str) -> tuple[Checkpoint, int]:
    data = encoding.octets(note)
    signed = SignedCheckpoint.parse(data)
    if signed.checkpoint.origin != origin or signed.encode() != data:
        raise PeerError("checkpoint.origin", "of a checkpoint in the proof")
    if len(signed.lines) != 1:
        raise PeerError("note.malformed", "a checkpoint in the proof bears one signature")
    return signed.checkpoint, checkpoints.verify(signed.checkpoint, signed.lines[0], key)


def only(note: bytes, key: VerifierKey) -> bytes:
    """The note with the one line by that key. Raises PeerError note.malformed, checkpoint.malformed, sig.missing."""
    signed = SignedCheckpoint.parse(note)
    line = next((line for line in signed.lines if line.is_by(key)), None)
    if line is None:
        raise PeerError("sig.missing", "by the accused device's key")
    return SignedCheckpoint(signed.checkpoint, (line,)).encode()


def log_name(channel: Channel, log: int) -> str:
    """A log's name by its number alone: a later log's opening need not be known. Raises PeerError log.unknown for no log's number."""
    position = position_of(log)
    slug = None if position is None else channel.slug(position)
    if slug is None:
        raise PeerError("log.unknown", str(log))
    return later_name(slug, log) if is_later(log) else slug


def origin_of(channel: Channel, log: int) -> str:
    """A log's origin by its number alone. Raises PeerError log.unknown."""
    return f"{channel.charter.name}/{channel.channel_id.hex()}/{log_name(channel, log)}"


def accused_by_charter(channel: Channel, log: int, files: Sequence[Value]) -> Accused:
    """The accused device by the charter, and a later log's by the one opening file that the proof bears. What else is known of later logs
    decides nothing, so that a proof says the same to everyone.

    Raises PeerError log.unknown, misconduct.malformed, opening.*, enc.*, key.*, sig.invalid.
    """
    name = log_name(channel, log)
    if len(files) != is_later(log):
        raise PeerError("misconduct.malformed", "the opening of the accused log, if it is a later one, and no other")
    parties = channel.charter.parties
    openings = [open_opening(encoding.octets(one), channel.channel_id, parties) for one in files]
    if any(one.number != log for one in openings):
        raise PeerError("misconduct.malformed", "the opening is another log's")
    alone = channel.first.with_openings(openings)
    names, position = alone.logs[log], alone.party_of(log)
    return Accused(log, position, parties[position].slug, name, names.log[0], names.receipt[0], channel, openings[0] if openings else None)


def accused_by_policy(keys: Sequence[VerifierKey], channel_id: bytes, log: int, note: Value) -> Accused:
    """The accused device by a policy's keys; `note` is a checkpoint of its log. Raises PeerError note.malformed, checkpoint.*."""
    origin = SignedCheckpoint.parse(encoding.octets(note)).checkpoint.origin
    key = next((key for key in keys if key.name == origin and key.kind == ED25519), None)
    position = position_of(log)
    name, party = origin.rpartition("/")[2], origin.rpartition("/")[2].partition(".")[0]
    expected = later_name(party, log) if is_later(log) else party
    if key is None or position is None or name != expected or not origin.endswith(f"/{channel_id.hex()}/{name}"):
        raise PeerError("checkpoint.origin")
    return Accused(log, position, party, name, key, None, None)
