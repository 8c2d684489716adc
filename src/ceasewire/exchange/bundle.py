"""Bundles: the only thing that crosses. spec/bundle.md; PROTOCOL section 7.

    header    = "CWBUNDLE" || version (1 byte) || channel id (32) || recipient's log (4) || sealing key id (16) || length (4)
    bundle    = header || HPKE-seal(info = header, plain)
    plain     = sender's log (4) || signature (64) || length (4) || contents || zeros up to a bucket
    signature = Ed25519 by the sender's log key over 0xFF || "ceasewire/bundle/1" || SHA-256(header) || SHA-256(contents)

Integers are big-endian. A bundle file is one or more bundles in a row. Nothing of the contents is read before the signature
verifies, but for the opening of a log that is not known yet, which verifies first and gives the key.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, overload

from .. import limits
from ..errors import LocalError, PeerError
from ..record import encoding
from ..record.card import tagged
from ..record.encoding import Value
from ..record.message import Message
from ..record.pieces import ARRAY, MAP, Cursor
from ..record.values import Row
from ..tlog import ed25519
from . import seal
from .seal import KEY_ID_BYTES

MAGIC: Final = b"CWBUNDLE"
VERSION: Final = 1
HEADER_BYTES: Final = len(MAGIC) + 1 + 32 + 4 + KEY_ID_BYTES + 4
_PREFIX_BYTES: Final = 4 + 64 + 4
_LEAST_BUCKET: Final = 2048
_CONTENTS_DEPTH: Final = limits.CONTAINER_DEPTH
_MESSAGE_DEPTH: Final = _CONTENTS_DEPTH - 4
_FIELDS: Final = 13
_SHORT_BYTES: Final = 16 * 1024  # up to here contents are decoded in one piece
_MESSAGE_BYTES: Final = 2 * limits.BODY_BYTES  # a longer message has no body within its limit
_SMALL_BYTES: Final = 64 * 1024  # of what says one thing of each log
_RUNS_MOST: Final = 65_536
_TOLD_MOST: Final = 65_536
_TOLD_BYTES: Final = 512
_HOLDS: Final = (list, dict)
_ITEMS_KEPT: Final = 400_000  # values of a bundle's messages that are kept decoded: some 25 MB
BUNDLE_BYTES: Final = HEADER_BYTES + seal.OVERHEAD_BYTES + limits.BUNDLE_CONTENTS_BYTES * 9 // 8  # Padmé adds less than an eighth


def _go_on() -> None:
    """Nobody has anything more urgent."""


@dataclass(frozen=True, slots=True)
class Run:
    """Messages start, start+1, ... of a log, and the signed checkpoint (a C2SP note) of the size right after the last."""

    log: int
    start: int
    messages: Sequence[Message]
    checkpoint: bytes
    rows: Sequence[Row] = field(default=(), compare=False, repr=False)  # of the last of them, if they were worked out already

    def value(self) -> Value:
        """As it stands in a bundle."""
        return [self.log, self.start, [message.value() for message in self.messages], self.checkpoint]

    @staticmethod
    def from_value(value: Value) -> Run:
        """Raises PeerError enc.shape, enc.size."""
        log, start, messages, checkpoint = encoding.array(value, 4)
        found = tuple([Message.from_value(message) for message in encoding.array(messages)])
        return Run(encoding.uint(log, 2**32), encoding.uint(start), found, encoding.octets(checkpoint))

    def weight(self) -> int:
        """The length in bytes of its messages, encoded: at most limits.RUN_BYTES. The note is not counted, since it grows on its way."""
        if isinstance(self.messages, Unread):
            return len(self.messages.encode())
        return len(encoding.encode([message.value() for message in self.messages], _CONTENTS_DEPTH))

    def encode(self) -> bytes:
        """The run by itself, as a shelf keeps it."""
        if isinstance(self.messages, Unread):
            encode = encoding.encode_checked
            return encoding.encoded_array((encode(self.log), encode(self.start), self.messages.encode(), encode(self.checkpoint)))
        return encoding.encode(self.value(), _CONTENTS_DEPTH)

    @staticmethod
    def decode(data: bytes) -> Run:
        """Raises PeerError enc.*."""
        return Run.from_value(encoding.decode(data, limits.BUNDLE_CONTENTS_BYTES, _CONTENTS_DEPTH))


class Unread(Sequence[Message]):
    """Messages that were checked and are kept as their bytes: each is decoded again when it is asked for. So are read the bundles that
    would take more memory than they are worth."""

    def __init__(self, encoded: Sequence[bytes]) -> None:
        self._encoded = encoded

    def __len__(self) -> int:
        return len(self._encoded)

    @overload
    def __getitem__(self, at: int) -> Message: ...

    @overload
    def __getitem__(self, at: slice) -> Unread: ...

    def __getitem__(self, at: int | slice) -> Message | Unread:
        if isinstance(at, slice):
            return Unread(self._encoded[at])
        return Message.from_value(encoding.decode_checked(self._encoded[at], _MESSAGE_DEPTH))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and len(self) == len(other) and all(one == two for one, two in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def encode(self) -> bytes:
        """The array of the messages."""
        return encoding.encoded_array(self._encoded)


@dataclass(frozen=True, slots=True)
class PackedRun:
    """A run made of rows as a store keeps them. Their parts are canonical already, so they are joined and not decoded again."""

    log: int
    start: int
    rows: Sequence[Row]
    checkpoint: bytes

    def encode(self, breathe: Callable[[], None] = _go_on) -> bytes:
        """The same bytes as Run.encode of the rows' messages."""
        encode = encoding.encode_checked
        messages = []
        for r in self.rows:
            messages.append(encoding.encoded_array((encode(r.kind), encode(r.time), r.seen, encode(r.seed), r.body)))
            breathe()
        parts = (encode(self.log), encode(self.start), encoding.encoded_array(messages), encode(self.checkpoint))
        return encoding.encoded_array(parts)


@dataclass(frozen=True, slots=True)
class Told:
    """What the sender says of our log or bundles: a stable code, the log it concerns, a detail without content."""

    code: str
    log: int
    detail: str


@dataclass(frozen=True, slots=True)
class Contents:
    """What a bundle carries. `heads` and `wants` map log number to size; `checkpoints` are C2SP notes, the newest known of each
    log with all its cosignatures; `openings` the opening files of later logs; `sealing_key` a fresh key to seal to (b"" if none);
    `gone` ids of sealing keys that are gone; `echo` SHA-256 of the bundle that this one answers (b"" if none). Evidence and proofs
    are byte strings for later versions. `packed` is more runs to write; what is read stands in `runs`."""

    log: int
    counter: int
    heads: Mapping[int, int]
    runs: Sequence[Run] = ()
    packed: Sequence[PackedRun] = ()
    checkpoints: Sequence[bytes] = ()
    openings: Sequence[bytes] = ()
    evidence: Sequence[bytes] = ()
    wants: Mapping[int, int] = field(default_factory=dict)
    proofs: Sequence[bytes] = ()
    sealing_key: bytes = b""
    gone: Sequence[bytes] = ()
    told: Sequence[Told] = ()
    echo: bytes = b""

    def encode(self, breathe: Callable[[], None] = _go_on) -> bytes:
        """The contents' bytes; `breathe` as in `decode`. Raises PeerError enc.*; LocalError bundle.size for what every reader would
        refuse."""
        values: dict[int, Value] = {
            1: self.log,
            2: self.counter,
            3: dict(self.heads),
            5: list(self.checkpoints),
            6: list(self.openings),
            7: list(self.evidence),
            8: [[log, size] for log, size in sorted(self.wants.items())],
            9: list(self.proofs),
            10: self.sealing_key,
            11: list(self.gone),
            12: [[told.code, told.log, told.detail] for told in self.told],
            13: self.echo,
        }
        runs = encoding.encoded_array([*(run.encode() for run in self.runs), *(run.encode(breathe) for run in self.packed)])
        found = encoding.encoded_map({4: runs, **{key: encoding.encode(value) for key, value in values.items()}})
        if len(found) > limits.BUNDLE_CONTENTS_BYTES:
            raise LocalError("bundle.size", f"{len(found)} bytes")
        return found

    @staticmethod
    def decode(data: bytes, breathe: Callable[[], None] = _go_on) -> Contents:
        """Raises PeerError enc.*, bundle.size. Long contents are read piece by piece, with `breathe` called between the pieces."""
        if _SHORT_BYTES < len(data) <= limits.BUNDLE_CONTENTS_BYTES:
            return _LongContents(data, breathe).read()
        f = encoding.mapping(encoding.decode(data, limits.BUNDLE_CONTENTS_BYTES, _CONTENTS_DEPTH), required=13)
        runs = encoding.array(f[4])
        if sum(len(encoding.array(encoding.array(run, 4)[2])) for run in runs) > limits.BUNDLE_MESSAGES:
            raise PeerError("bundle.size", f"more than {limits.BUNDLE_MESSAGES} messages")
        return Contents(
            log=encoding.uint(f[1], 2**32),
            counter=encoding.uint(f[2]),
            heads=encoding.sizes(f[3]),
            runs=tuple([Run.from_value(run) for run in runs]),
            checkpoints=_bytes_list(f[5]),
            openings=_bytes_list(f[6]),
            evidence=_bytes_list(f[7]),
            wants=_wants(f[8]),
            proofs=_bytes_list(f[9]),
            sealing_key=encoding.octets(f[10]),
            gone=_bytes_list(f[11]),
            told=tuple(_told(item) for item in encoding.array(f[12])),
            echo=encoding.octets(f[13]),
        )


class _LongContents:
    """Long contents being read."""

    def __init__(self, data: bytes, breathe: Callable[[], None]) -> None:
        self._cursor = Cursor(data, breathe)
        self._messages = 0
        self._counts = len(data) > _ITEMS_KEPT  # else there are not so many values, each of which takes a byte at least
        self._items = 0

    def read(self) -> Contents:
        """As Contents.decode."""
        cursor = self._cursor
        if cursor.head(MAP) != _FIELDS:
            raise PeerError("enc.shape", f"a map with the keys 1 to {_FIELDS}")
        found: dict[str, Any] = {}
        for number, (name, read) in enumerate(self._parts().items(), 1):
            if cursor.uint() != number:
                raise PeerError("enc.shape", f"a map with the keys 1 to {_FIELDS}")
            found[name] = read()
        cursor.end()
        return Contents(**found)

    def _parts(self) -> dict[str, Callable[[], object]]:
        cursor = self._cursor
        return {
            "log": lambda: cursor.uint(2**32),
            "counter": cursor.uint,
            "heads": lambda: encoding.sizes(cursor.piece(_SMALL_BYTES, _CONTENTS_DEPTH - 1)[0]),
            "runs": self._runs,
            "checkpoints": cursor.octets_list,
            "openings": cursor.octets_list,
            "evidence": cursor.octets_list,
            "wants": lambda: _wants(cursor.piece(_SMALL_BYTES, _CONTENTS_DEPTH - 1)[0]),
            "proofs": cursor.octets_list,
            "sealing_key": cursor.octets,
            "gone": cursor.octets_list,
            "told": self._told,
            "echo": cursor.octets,
        }

    def _runs(self) -> tuple[Run, ...]:
        count = self._cursor.head(ARRAY)
        if count > _RUNS_MOST:
            raise PeerError("bundle.size", f"more than {_RUNS_MOST} runs")
        return tuple([self._run() for _ in range(count)])

    def _run(self) -> Run:
        cursor = self._cursor
        if cursor.head(ARRAY) != 4:
            raise PeerError("enc.shape", "an array of 4")
        log, start, count = cursor.uint(2**32), cursor.uint(), cursor.head(ARRAY)
        self._messages += count
        if self._messages > limits.BUNDLE_MESSAGES:
            raise PeerError("bundle.size", f"more than {limits.BUNDLE_MESSAGES} messages")
        kept: list[Message] = []
        encoded: list[bytes] = []
        for value, data in cursor.pieces(count, _MESSAGE_BYTES, _MESSAGE_DEPTH):
            cursor.breathe()
            message = Message.from_value(value)
            cursor.breathe()
            self._items += _items(value) if self._counts else 0
            encoded.append(data)
            if self._items <= _ITEMS_KEPT:
                kept.append(message)
        return Run(log, start, tuple(kept) if len(kept) == count else Unread(encoded), cursor.octets())

    def _told(self) -> tuple[Told, ...]:
        count = self._cursor.head(ARRAY)
        if count > _TOLD_MOST:
            raise PeerError("bundle.size", f"more than {_TOLD_MOST} words")
        return tuple([_told(value) for value, _ in self._cursor.pieces(count, _TOLD_BYTES, _CONTENTS_DEPTH - 2)])


def _items(value: Value) -> int:
    """How many values there are within a value: each takes about sixty bytes of memory however short it is written."""
    if isinstance(value, dict):
        return 2 * len(value) + sum([_items(item) for item in value.values() if type(item) in _HOLDS])
    return len(value) + sum([_items(item) for item in value if type(item) in _HOLDS]) if isinstance(value, list) else 0


def _bytes_list(value: Value) -> tuple[bytes, ...]:
    return tuple(encoding.octets(item) for item in encoding.array(value))


def _wants(value: Value) -> dict[int, int]:
    found = [encoding.array(item, 2) for item in encoding.array(value)]
    wants = {encoding.uint(log, 2**32): encoding.uint(size) for log, size in found}
    if [log for log, _ in found] != sorted(wants):
        raise PeerError("enc.shape", "wants in rising order of log number")
    return wants


def _told(value: Value) -> Told:
    code, log, detail = encoding.array(value, 3)
    return Told(encoding.text(code, 64), encoding.uint(log, 2**32), encoding.text(detail, 200))


@dataclass(frozen=True, slots=True)
class Header:
    """What a carrier sees of a bundle. `sealed` is the length in bytes of what follows."""

    channel_id: bytes
    recipient: int
    key_id: bytes
    sealed: int

    def encode(self) -> bytes:
        """The 65 bytes of the header."""
        recipient, sealed = self.recipient.to_bytes(4, "big"), self.sealed.to_bytes(4, "big")
        return b"".join((MAGIC, bytes([VERSION]), self.channel_id, recipient, self.key_id, sealed))

    @staticmethod
    def decode(data: bytes) -> Header:
        """The header at the start of `data`. Raises PeerError bundle.magic, bundle.version, bundle.truncated, bundle.size."""
        if data[: len(MAGIC)] != MAGIC[: len(data)] or not data:
            raise PeerError("bundle.magic")
        if len(data) > len(MAGIC) and data[len(MAGIC)] != VERSION:
            raise PeerError("bundle.version", str(data[len(MAGIC)]))
        if len(data) < HEADER_BYTES:
            raise PeerError("bundle.truncated", "in its header")
        at = len(MAGIC) + 1
        header = Header(
            channel_id=data[at : at + 32],
            recipient=int.from_bytes(data[at + 32 : at + 36], "big"),
            key_id=data[at + 36 : at + 36 + KEY_ID_BYTES],
            sealed=int.from_bytes(data[HEADER_BYTES - 4 : HEADER_BYTES], "big"),
        )
        if HEADER_BYTES + header.sealed > BUNDLE_BYTES:
            raise PeerError("bundle.size")
        return header


def split(data: bytes, at: int = 0) -> bytes:
    """The one bundle that begins at `at`. Raises as Header.decode, and PeerError bundle.truncated."""
    header = Header.decode(data[at : at + HEADER_BYTES])
    end = at + HEADER_BYTES + header.sealed
    if end > len(data):
        raise PeerError("bundle.truncated", f"{len(data) - at} of {end - at} bytes")
    return data[at:end]


def bucket(length: int) -> int:
    """The padded length: Padmé (Nikitin et al., PETS 2019), which hides the length but for its order and few bits, at least 2
    KiB."""
    if length <= _LEAST_BUCKET:
        return _LEAST_BUCKET
    exponent = length.bit_length() - 1
    unit = 1 << (exponent - exponent.bit_length())
    return (length + unit - 1) // unit * unit


def _signed(header: bytes, contents: bytes) -> bytes:
    return tagged("ceasewire/bundle/1", hashlib.sha256(header).digest(), hashlib.sha256(contents).digest())


def write(
    contents: bytes,
    *,
    sender: int,
    recipient: int,
    channel_id: bytes,
    sealing_key: bytes,
    sign: Callable[[bytes], bytes],
    seal_to: Callable[[bytes, bytes, bytes], bytes],
) -> bytes:
    """A bundle of encoded contents. `sign` is the sender's log key; `seal_to(public key, info, plain)` draws randomness."""
    length = bucket(_PREFIX_BYTES + len(contents))
    header = Header(channel_id, recipient, seal.key_id(sealing_key), length + seal.OVERHEAD_BYTES).encode()
    prefix = sender.to_bytes(4, "big") + sign(_signed(header, contents)) + len(contents).to_bytes(4, "big")
    return header + seal_to(sealing_key, header, (prefix + contents).ljust(length, b"\0"))


@dataclass(frozen=True, slots=True)
class Opened:
    """A bundle whose signature verified: who sent it, and its contents, still encoded."""

    sender: int
    contents: bytes


def read(data: bytes, seed: bytes, log_key: Callable[[int, bytes], bytes]) -> Opened:
    """Open one whole bundle with the sealing key's seed. `log_key(number, contents)` gives a log's Ed25519 key or raises PeerError
    log.unknown. Of a log that it does not know it may look for the opening in the contents, of which nobody has vouched yet.

    Raises PeerError bundle.open, bundle.padding, bundle.signature, log.unknown; and as `split`.
    """
    if len(split(data)) != len(data):
        raise PeerError("enc.trailing", "after the bundle")
    header = data[:HEADER_BYTES]
    plain = seal.unseal(seed, header, data[HEADER_BYTES:])
    length = int.from_bytes(plain[68:72], "big")
    end = _PREFIX_BYTES + length
    if len(plain) < _PREFIX_BYTES or len(plain) != bucket(end) or plain[end:].strip(b"\0"):
        raise PeerError("bundle.padding")
    sender, contents = int.from_bytes(plain[:4], "big"), plain[_PREFIX_BYTES:end]
    if not ed25519.verify(log_key(sender, contents), plain[4:68], _signed(header, contents)):
        raise PeerError("bundle.signature")
    return Opened(sender, contents)
