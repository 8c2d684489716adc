"""Checkpoints and cosignatures: C2SP tlog-checkpoint and tlog-cosignature.

    <origin>
    <tree size>
    <base64 of the root hash>

Three lines and never extension lines: ML-DSA-44 signatures would not cover them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ceasewire.errors import PeerError
from ceasewire.tlog import ed25519, mldsa
from ceasewire.tlog.note import COSIGNATURE_ED25519, ED25519, MLDSA44, Note, SignatureLine, VerifierKey
from ceasewire.tlog.text import HASH_BYTES, MAX_NUMBER, decode_hash, decode_number, encode_base64, has_forbidden

_SUBTREE_LABEL: Final = b"subtree/v1\n\x00"
_TIME_BYTES: Final = 8
_MAX_OPAQUE_BYTES: Final = 255
_SIGNATURE_BYTES: Final = {
    ED25519: ed25519.SIGNATURE_BYTES,
    COSIGNATURE_ED25519: _TIME_BYTES + ed25519.SIGNATURE_BYTES,
    MLDSA44: _TIME_BYTES + mldsa.SIGNATURE_BYTES,
}


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A log's tree head: its origin (one line, not empty), its size in leaves, and its root of 32 bytes.

    Raises PeerError `checkpoint.malformed` for what cannot be written as a checkpoint; sizes end below 2**63.
    """

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        if not self.origin or "\n" in self.origin or has_forbidden(self.origin):
            raise PeerError("checkpoint.malformed", "the origin is empty or holds a control character")
        if not 0 <= self.size <= MAX_NUMBER or len(self.root) != HASH_BYTES:
            raise PeerError("checkpoint.malformed", "the size or the root is out of range")

    def text(self) -> str:
        """The three lines, each with its newline: the text of the note."""
        return f"{self.origin}\n{self.size}\n{encode_base64(self.root)}\n"

    @staticmethod
    def parse(text: str) -> Checkpoint:
        """Read exactly three lines. Raises PeerError `checkpoint.malformed`."""
        try:
            origin, size, root, _ = text.split("\n")
            checkpoint = Checkpoint(origin, decode_number(size), decode_hash(root))
        except ValueError:
            raise PeerError("checkpoint.malformed", "not an origin, a size and a root hash") from None
        if checkpoint.text() != text:
            raise PeerError("checkpoint.malformed", "not three lines in their one form")
        return checkpoint


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint with the signature lines under it. Nothing is verified by parsing."""

    checkpoint: Checkpoint
    lines: tuple[SignatureLine, ...]

    def encode(self) -> bytes:
        """The signed note."""
        return Note(self.checkpoint.text(), self.lines).encode()

    @staticmethod
    def parse(data: bytes) -> SignedCheckpoint:
        """Read a signed note whose text is a checkpoint. Raises PeerError `note.malformed`, `checkpoint.malformed`."""
        note = Note.parse(data)
        return SignedCheckpoint(Checkpoint.parse(note.text), note.lines)


def signed_message(checkpoint: Checkpoint, key: VerifierKey, time: int) -> bytes:
    """The exact bytes that a key of this kind signs for this checkpoint at this time (POSIX seconds).

    ED25519 signs the note's text and ignores the time; COSIGNATURE_ED25519 the `cosignature/v1` message; MLDSA44 the
    `cosigned_message` of the whole tree, with the key's name as the cosigner's. Raises PeerError `sig.invalid` for a time
    outside 0 to 2**63 - 1, and for a name or origin of more than 255 bytes where the format has no room for it.
    """
    if not 0 <= time <= MAX_NUMBER:
        raise PeerError("sig.invalid", "the time is out of range")
    if key.kind == ED25519:
        return checkpoint.text().encode()
    if key.kind == COSIGNATURE_ED25519:
        return f"cosignature/v1\ntime {time}\n{checkpoint.text()}".encode()
    return b"".join(
        [
            _SUBTREE_LABEL,
            _opaque(key.name),
            _uint64(time),
            _opaque(checkpoint.origin),
            _uint64(0),
            _uint64(checkpoint.size),
            checkpoint.root,
        ]
    )


def _uint64(number: int) -> bytes:
    return number.to_bytes(8, "big")


def _opaque(text: str) -> bytes:
    """A text behind its length in one byte: `opaque<1..2^8-1>` of RFC 8446 section 3."""
    data = text.encode()
    if len(data) > _MAX_OPAQUE_BYTES:
        raise PeerError("sig.invalid", f"a name of {len(data)} bytes cannot be signed with ML-DSA-44")
    return bytes([len(data)]) + data


def sign(checkpoint: Checkpoint, key: VerifierKey, signer: Callable[[bytes], bytes], time: int = 0) -> SignatureLine:
    """Sign or cosign a checkpoint; `signer` makes the bare signature over the bytes it is given.

    `time` is in POSIX seconds and written into cosignatures; a key of kind ED25519 has no room for it and ignores it.
    Raises ValueError when `signer` gives a signature of the wrong length, and as `signed_message` does.
    """
    signature = signer(signed_message(checkpoint, key, time))
    blob = signature if key.kind == ED25519 else _uint64(time) + signature
    if len(blob) != _SIGNATURE_BYTES[key.kind]:
        raise ValueError("the signer gave a signature of the wrong length")
    return SignatureLine(key.name, key.key_id, blob)


def verify(checkpoint: Checkpoint, line: SignatureLine, key: VerifierKey) -> int:
    """Verify that the line is this key's signature or cosignature over the checkpoint.

    Returns its time in POSIX seconds, 0 for a key of kind ED25519. Raises PeerError `sig.invalid` for anything wrong:
    name, key id, length, a time above 2**63 - 1, the signature.
    """
    if not line.is_by(key):
        raise PeerError("sig.invalid", "the line is by another key")
    if len(line.blob) != _SIGNATURE_BYTES[key.kind]:
        raise PeerError("sig.invalid", "the signature has the wrong length")
    timed = _TIME_BYTES if key.kind != ED25519 else 0
    time, signature = int.from_bytes(line.blob[:timed], "big"), line.blob[timed:]
    check = mldsa.verify if key.kind == MLDSA44 else ed25519.verify
    if not check(key.key, signature, signed_message(checkpoint, key, time)):
        raise PeerError("sig.invalid")
    return time
