"""Proof files that verify offline: C2SP tlog-proof.

    c2sp.org/tlog-proof@v1
    extra <base64>                  only if there is extra data
    index <decimal>
    <base64 of a hash>              the inclusion proof, the leaf's sibling first
    <empty line>
    <signed checkpoint>

What the leaf holds, and whose signatures count, is the verifier's to know.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from ceasewire import limits
from ceasewire.errors import PeerError
from ceasewire.tlog.checkpoint import SignedCheckpoint
from ceasewire.tlog.text import HASH_BYTES, MAX_NUMBER, decode_base64, decode_hash, decode_number, encode_base64

HEADER: Final = "c2sp.org/tlog-proof@v1"
MAX_PATH: Final = 63  # a tree below 2**63 leaves is no higher
_BARE: Final = f"{HEADER}\n".encode()
_EXTRA: Final = _BARE + b"extra "


@dataclass(frozen=True, slots=True)
class Proof:
    """That the leaf at `index` is in the tree of the signed checkpoint, by `path`; nothing is verified by parsing.

    `path` has at most 63 hashes of 32 bytes. `extra` is opaque, not authenticated, and None or not empty. Raises PeerError
    `proof.malformed` for what cannot be written as a proof.
    """

    index: int
    path: tuple[bytes, ...]
    signed: SignedCheckpoint
    extra: bytes | None

    def __post_init__(self) -> None:
        if not 0 <= self.index <= MAX_NUMBER or self.extra == b"":
            raise PeerError("proof.malformed", "the index is out of range or the extra data is empty")
        if len(self.path) > MAX_PATH or any(len(node) != HASH_BYTES for node in self.path):
            raise PeerError("proof.malformed", f"the path is not at most {MAX_PATH} hashes of 32 bytes")

    def encode(self) -> bytes:
        """The proof file."""
        extra = [] if self.extra is None else [f"extra {encode_base64(self.extra)}"]
        lines = [HEADER, *extra, f"index {self.index}", *map(encode_base64, self.path), "", ""]
        return "\n".join(lines).encode() + self.signed.encode()

    @staticmethod
    def parse(data: bytes) -> Proof:
        """Read a proof file of at most limits.PROOF_BYTES.

        Raises PeerError `proof.malformed`, also for any byte that would not be written again as it stands; and
        `note.malformed` or `checkpoint.malformed` for the checkpoint in it.
        """
        if len(data) > limits.PROOF_BYTES:
            raise PeerError("proof.malformed", f"more than {limits.PROOF_BYTES} bytes")
        try:
            extra, data = _extra(data)
            head, separator, tail = data.partition(b"\n\n")
            index, path = _parse_head(head)
        except ValueError:
            raise PeerError("proof.malformed", "not header, extra data, index and hashes") from None
        if not separator:
            raise PeerError("proof.malformed", "no empty line stands above a checkpoint")
        bare = Proof(index, path, SignedCheckpoint.parse(tail), None)
        if bare.encode() != data:
            raise PeerError("proof.malformed", "not in its one form")
        return bare if extra is None else replace(bare, extra=extra)


def _extra(data: bytes) -> tuple[bytes | None, bytes]:
    """The extra data, and the file without them: they may be long, and only their own line is looked at to the end. Raises ValueError."""
    if not data.startswith(_EXTRA):
        return None, data
    end = data.find(b"\n", len(_EXTRA))
    text = data[len(_EXTRA) : end].decode("ascii") if end >= 0 else ""
    return decode_base64(text), _BARE + data[end + 1 :]


def _parse_head(head: bytes) -> tuple[int, tuple[bytes, ...]]:
    """Read the lines above the checkpoint, but for the extra data: index, path. Raises ValueError."""
    header, number, *rest = head.split(b"\n", MAX_PATH + 2)
    if header + b"\n" != _BARE:
        raise ValueError("another header")
    index = decode_number(number.decode("ascii").removeprefix("index "))  # that it was there, writing the proof again will show
    if len(rest) > MAX_PATH:  # before decoding what may be many lines
        raise ValueError("too many hashes")
    return index, tuple([decode_hash(line.decode("ascii")) for line in rest])
