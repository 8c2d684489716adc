"""The file of a silence proof: that a party sent no message of a kind. spec/silence.md; PROTOCOL section 9.

    file    = cbor(["ceasewire/silence/1", channel id, claim, [list, ...], [stretch, ...], [opening file, ...]])
    claim   = [kind, party, from, to, by, holder]
    list    = [log, index, entry, [path hash, ...], signed checkpoint]
    stretch = [log, size, [frontier hash, ...], [signed checkpoint, ...], [chunk, ...]]
    chunk   = cbor([[kind, seconds, growth, body-root], ...])      1,024 entries, the last chunk of a stretch 1 to 1,024

A stretch is what a log held from entry `size` on. An entry is written as its difference from the one before it in the stretch (from time 0
and an empty `seen` for the first): `seconds` later, and `growth` log number -> how much more of that log it has seen. So a stretch whose
time or `seen` goes back cannot be written at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from .. import limits
from ..errors import PeerError
from ..tlog.merkle import Frontier, leaf_hash
from ..tlog.proof import MAX_PATH
from . import encoding
from .encoding import Value
from .message import VERSION, Entry
from .pieces import ARRAY, Cursor

TAG: Final = "ceasewire/silence/1"
CHUNK_ENTRIES: Final = 1024
_CHUNK_BYTES: Final = 4 * 1024**2
_CHUNK_DEPTH: Final = 3  # the chunk, an entry, its growth
_CHUNK_AT_ONCE: Final = 256 * 1024  # a longer chunk is decoded entry by entry
_CHUNK_LEAST: Final = 38 * CHUNK_ENTRIES  # a full chunk whose entries have numbers of one byte and a body-root of 34
_CHUNKS: Final = limits.SILENCE_BYTES // _CHUNK_LEAST + 1
_DEVICES: Final = limits.PARTIES * (1 + limits.LATER_LOGS_PER_PARTY)
_SHORT_BYTES: Final = 64  # a tag; six integers
_LISTING_BYTES: Final = limits.BODY_BYTES + limits.NOTE_BYTES + 4096  # an entry, a checkpoint, a path
_KINDS: Final = 2**16
_LOGS: Final = 2**32
_HASH: Final = 32
_FIRST: Final = encoding.encode_checked(VERSION)


@dataclass(frozen=True, slots=True)
class Claim:
    """What is said: `party` (a position in the charter) sent nothing of `kind` from `since` on and before `until`, POSIX seconds. `by` is
    whose receipts tell when it was there to be had: a log number, or -1 - i for the charter's witness i; `holder` is the log number of the
    counterparty's device that received it."""

    kind: int
    party: int
    since: int
    until: int
    by: int
    holder: int

    def value(self) -> Value:
        """As it stands in the file."""
        return [self.kind, self.party, self.since, self.until, self.by, self.holder]

    @staticmethod
    def from_value(value: Value) -> Claim:
        """Raises PeerError enc.shape, silence.malformed."""
        kind, party, since, until, by, holder = encoding.array(value, 6)
        if type(by) is not int or not -limits.NOTE_SIGNATURES <= by < _LOGS:
            raise PeerError("enc.shape", "a log number, or a witness's")
        claim = Claim(
            encoding.uint(kind, _KINDS),
            encoding.uint(party, limits.PARTIES),
            encoding.uint(since),
            encoding.uint(until),
            by,
            encoding.uint(holder, _LOGS),
        )
        if claim.since >= claim.until:
            raise PeerError("silence.malformed", "the period does not end after it begins")
        return claim


@dataclass(frozen=True, slots=True)
class Listing:
    """An entry whose `seen` says which logs its writer knew, and how much of each; and that it stands in its log."""

    log: int
    index: int
    entry: Entry
    path: tuple[bytes, ...]
    note: bytes

    def value(self) -> Value:
        """As it stands in the file."""
        return [self.log, self.index, self.entry.encode(), list(self.path), self.note]

    @staticmethod
    def from_value(value: Value) -> Listing:
        """Raises PeerError enc.*."""
        log, index, entry, path, note = encoding.array(value, 5)
        hashes = tuple(encoding.octets(one, _HASH) for one in encoding.array(path))
        if len(hashes) > MAX_PATH:
            raise PeerError("enc.shape", f"a path of at most {MAX_PATH} hashes")
        found = Entry.decode(encoding.octets(entry))
        return Listing(encoding.uint(log, _LOGS), encoding.uint(index), found, hashes, encoding.octets(note))


@dataclass(frozen=True, slots=True)
class Stretch:
    """The entries of one log from `start.size` on, the signed checkpoints that they lead to, in order of size, and their chunks. Those
    that were read are views of the file: it is as large as all of them."""

    log: int
    start: Frontier
    notes: tuple[bytes, ...]
    chunks: tuple[bytes | memoryview, ...]

    def value(self) -> Value:
        """As it stands in the file."""
        return [self.log, self.start.size, list(self.start.hashes), list(self.notes), [bytes(one) for one in self.chunks]]

    @staticmethod
    def read(cursor: Cursor) -> Stretch:
        """Raises PeerError enc.shape, merkle.consistency."""
        _exactly(cursor, 5)
        log, size = cursor.uint(_LOGS), cursor.uint()
        hashes = tuple([encoding.octets(cursor.octets(), _HASH) for _ in range(_count(cursor, MAX_PATH))])
        notes = tuple([cursor.octets() for _ in range(_count(cursor, limits.SILENCE_NOTES, 1))])
        return Stretch(log, Frontier(size, hashes), notes, tuple([cursor.octets_view() for _ in range(_count(cursor, _CHUNKS))]))


@dataclass(frozen=True, slots=True)
class Silence:
    """A silence proof, read; nothing of it is verified. `openings` are files, in order of their logs' numbers."""

    channel_id: bytes
    claim: Claim
    listings: tuple[Listing, ...]
    stretches: tuple[Stretch, ...]
    openings: tuple[bytes, ...]

    def encode(self) -> bytes:
        """The file."""
        return encoding.encode(
            [
                TAG,
                self.channel_id,
                self.claim.value(),
                [one.value() for one in self.listings],
                [one.value() for one in self.stretches],
                list(self.openings),
            ]
        )

    @staticmethod
    def decode(data: bytes) -> Silence:
        """Raises PeerError enc.*, merkle.consistency, silence.malformed. How many of a thing there may be is asked before any is built: a
        stranger's file costs no more than its length."""
        if len(data) > limits.SILENCE_BYTES:
            raise PeerError("enc.size", f"{len(data)} bytes, at most {limits.SILENCE_BYTES}")
        cursor = Cursor(data, _on)
        _exactly(cursor, 6)
        if cursor.piece(_SHORT_BYTES, 1)[0] != TAG:
            raise PeerError("silence.malformed", "another tag")
        found = Silence(
            encoding.octets(cursor.octets(), _HASH),
            Claim.from_value(cursor.piece(_SHORT_BYTES, 1)[0]),
            tuple([Listing.from_value(cursor.piece(_LISTING_BYTES, 2)[0]) for _ in range(_count(cursor, _DEVICES))]),
            tuple([Stretch.read(cursor) for _ in range(_count(cursor, _DEVICES))]),
            tuple([cursor.octets() for _ in range(_count(cursor, _DEVICES))]),
        )
        cursor.end()
        for logs in ([one.log for one in found.listings], [one.log for one in found.stretches]):
            if logs != sorted(set(logs)):
                raise PeerError("silence.malformed", "its logs are not in order, each once")
        return found


def _on() -> None:
    """Nobody waits between two pieces."""


def _exactly(cursor: Cursor, length: int) -> None:
    if cursor.head(ARRAY) != length:
        raise PeerError("enc.shape", f"an array of {length}")


def _count(cursor: Cursor, most: int, least: int = 0) -> int:
    """The length of an array that begins here."""
    length = cursor.head(ARRAY)
    if not least <= length <= most:
        raise PeerError("enc.shape", f"an array of {least} to {most}")
    return length


def is_silence(data: bytes) -> bool:
    """Whether a file begins as a silence proof does: an array of six whose first item is the tag."""
    return data.startswith(b"\x86" + encoding.encode_checked(TAG))


# --- Entries, as differences ---


def packed(entries: Iterable[Entry]) -> Iterator[bytes]:
    """The chunks of consecutive entries of one log, whose time and `seen` do not go back."""
    time, seen, items = 0, {}, []  # type: int, dict[int, int], list[Value]
    for one in entries:
        growth: Value = {log: size - seen.get(log, 0) for log, size in one.seen.items() if size != seen.get(log)}
        items.append([one.kind, one.time - time, growth, one.body_root])
        time, seen = one.time, dict(one.seen)
        if len(items) == CHUNK_ENTRIES:
            yield encoding.encode_checked(items)
            items = []
    if items:
        yield encoding.encode_checked(items)


@dataclass(frozen=True, slots=True)
class Unpacked:
    """One chunk's entries: their leaf hashes, their kinds, and the time of the last."""

    leaves: list[bytes]
    kinds: list[int]
    time: int


def unpacked(chunks: Sequence[bytes | memoryview]) -> Iterator[Unpacked]:
    """The entries of a stretch, a chunk at a time, so that memory does not grow with it. Raises PeerError enc.*."""
    time, size, seen = 0, 0, _Seen()
    kept = seen.grow({})
    for number, chunk in enumerate(chunks, 1):
        leaves, kinds = [], []
        for item in _items(chunk, full=number < len(chunks)):
            kind, seconds, growth, root = encoding.array(item, 4)
            time += encoding.uint(seconds)
            if growth != {}:
                kept = seen.grow(encoding.sizes(growth))
            if time > encoding.INT_MAX:
                raise PeerError("enc.range")
            kinds.append(encoding.uint(kind, _KINDS))
            parts = [_FIRST, *map(encoding.encode_checked, (kinds[-1], time)), kept, encoding.encode_checked(encoding.octets(root, _HASH))]
            entry = encoding.encoded_array(parts)
            size += len(entry)
            if size > limits.SILENCE_ENTRY_BYTES:
                raise PeerError("enc.size", f"entries of more than {limits.SILENCE_ENTRY_BYTES} bytes")
            leaves.append(leaf_hash(entry))
        yield Unpacked(leaves, kinds, time)


def _items(view: bytes | memoryview, *, full: bool) -> Iterator[Value]:
    """The entries of a chunk. Their number is looked at first, and a long chunk is decoded entry by entry: what its author nests in it is
    built no further than the first entry that is none."""
    if len(view) > _CHUNK_BYTES:
        raise PeerError("enc.shape", f"a chunk of at most {_CHUNK_BYTES} bytes")
    chunk = bytes(view)
    cursor = Cursor(chunk, _on)
    count = cursor.head(ARRAY)
    if not (CHUNK_ENTRIES if full else 1) <= count <= CHUNK_ENTRIES:
        raise PeerError("enc.shape", f"{CHUNK_ENTRIES} entries in each chunk but the last, which has some")
    if len(chunk) <= _CHUNK_AT_ONCE:
        yield from encoding.array(encoding.decode(chunk, _CHUNK_BYTES, _CHUNK_DEPTH))
        return
    for item, _ in cursor.pieces(count, limits.BODY_BYTES, _CHUNK_DEPTH - 1):
        yield item
    cursor.end()


@dataclass(slots=True)
class _Seen:
    """A `seen` that grows. What did not change in it is not encoded again: a stretch may have a million entries and a thousand logs."""

    _sizes: dict[int, int] = field(default_factory=dict)
    _pairs: dict[int, bytes] = field(default_factory=dict)  # in order of their keys

    def grow(self, growth: dict[int, int]) -> bytes:
        """Its encoding, after it grew. Raises PeerError enc.range, enc.size."""
        more = not growth.keys() <= self._sizes.keys()
        for log, by in growth.items():
            size = self._sizes.get(log, 0) + by
            if size > encoding.INT_MAX:
                raise PeerError("enc.range")
            self._sizes[log] = size
            self._pairs[log] = encoding.encode_checked(log) + encoding.encode_checked(size)
        if more:
            self._pairs = {log: self._pairs[log] for log in sorted(self._pairs)}
        kept = encoding.encoded_pairs(self._pairs.values())
        if len(kept) > limits.BODY_BYTES:
            raise PeerError("enc.size", f"a `seen` of more than {limits.BODY_BYTES} bytes")
        return kept
