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
from typing import Final

from .. import limits
from ..errors import LocalError, PeerError
from ..record import encoding
from ..record.card import tagged
from ..record.encoding import Value
from ..record.message import Message
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
BUNDLE_BYTES: Final = HEADER_BYTES + seal.OVERHEAD_BYTES + limits.BUNDLE_CONTENTS_BYTES * 9 // 8  # Padmé adds less than an eighth


@dataclass(frozen=True, slots=True)
class Run:
    """Messages start, start+1, ... of a log, and the signed checkpoint (a C2SP note) of the size right after the last."""

    log: int
    start: int
    messages: tuple[Message, ...]
    checkpoint: bytes

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
        return len(encoding.encode([message.value() for message in self.messages], _CONTENTS_DEPTH))

    def encode(self) -> bytes:
        """The run by itself, as a shelf keeps it."""
        return encoding.encode(self.value(), _CONTENTS_DEPTH)

    @staticmethod
    def decode(data: bytes) -> Run:
        """Raises PeerError enc.*."""
        return Run.from_value(encoding.decode(data, limits.BUNDLE_CONTENTS_BYTES, _CONTENTS_DEPTH))


@dataclass(frozen=True, slots=True)
class PackedRun:
    """A run made of rows as a store keeps them. Their parts are canonical already, so they are joined and not decoded again."""

    log: int
    start: int
    rows: Sequence[Row]
    checkpoint: bytes

    def encode(self) -> bytes:
        """The same bytes as Run.encode of the rows' messages."""
        encode = encoding.encode_checked
        messages = [encoding.encoded_array((encode(r.kind), encode(r.time), r.seen, encode(r.seed), r.body)) for r in self.rows]
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

    def encode(self) -> bytes:
        """The contents' bytes. Raises PeerError enc.*; LocalError bundle.size for what every reader would refuse."""
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
        runs = encoding.encoded_array([*(run.encode() for run in self.runs), *(run.encode() for run in self.packed)])
        found = encoding.encoded_map({4: runs, **{key: encoding.encode(value) for key, value in values.items()}})
        if len(found) > limits.BUNDLE_CONTENTS_BYTES:
            raise LocalError("bundle.size", f"{len(found)} bytes")
        return found

    @staticmethod
    def decode(data: bytes) -> Contents:
        """Raises PeerError enc.*, bundle.size."""
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
