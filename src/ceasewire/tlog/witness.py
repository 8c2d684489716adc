"""The witness protocol: C2SP tlog-witness. What is asked of a witness, what it answers, and how it decides. spec/witness.md.

    old <size>
    <base64 of a hash>          none to 63 of them
    <empty line>
    <signed checkpoint>

All of it is pure: who keeps the last cosigned size and root, and who tells the time, passes them in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, TypeAlias

from ceasewire import limits
from ceasewire.errors import PeerError
from ceasewire.tlog import checkpoint as checkpoints
from ceasewire.tlog import merkle
from ceasewire.tlog.checkpoint import Checkpoint
from ceasewire.tlog.note import Note, SignatureLine, VerifierKey, lines_bytes
from ceasewire.tlog.text import decode_hash, decode_number, encode_base64

PATH: Final = "/add-checkpoint"
SIZE_TYPE: Final = "text/x.tlog.size"
_OLD: Final = "old "


class Status(IntEnum):
    """What a witness answers, as an HTTP status."""

    COSIGNED = 200
    MALFORMED = 400
    NOT_SIGNED = 403
    UNKNOWN_LOG = 404
    OTHER_SIZE = 409
    NOT_CONSISTENT = 422


@dataclass(frozen=True, slots=True)
class Head(Checkpoint):
    """A checkpoint of any log: below its three lines it may have others, which an Ed25519 cosignature covers. `extensions` are these
    lines, each with its newline."""

    extensions: str = ""

    def text(self) -> str:
        """The lines, each with its newline: the text of the note."""
        return Checkpoint.text(self) + self.extensions

    @staticmethod
    def parse(text: str) -> Head:
        """Read three lines or more, none of them empty. Raises PeerError `checkpoint.malformed`."""
        *lines, rest = text.split("\n")
        if rest or "" in lines:
            raise PeerError("checkpoint.malformed", "an empty line, or one without its newline")
        try:
            origin, size, root, *more = lines
            head = Head(origin, decode_number(size), decode_hash(root), "".join(f"{line}\n" for line in more))
        except ValueError:
            raise PeerError("checkpoint.malformed", "not an origin, a size and a root hash") from None
        if head.text() != text:
            raise PeerError("checkpoint.malformed", "not in its one form")
        return head


@dataclass(frozen=True, slots=True)
class Request:
    """The body of an add-checkpoint: the size that the witness should have cosigned last, the proof that leads on from there (hashes of 32
    bytes, at most limits.WITNESS_HASHES), the checkpoint and the signatures under it. Nothing is verified by parsing."""

    old: int
    path: tuple[bytes, ...]
    head: Head
    lines: tuple[SignatureLine, ...]

    def encode(self) -> bytes:
        """The body."""
        hashes = "".join(f"{encode_base64(one)}\n" for one in self.path)
        return f"{_OLD}{self.old}\n{hashes}\n".encode() + Note(self.head.text(), self.lines).encode()

    @staticmethod
    def parse(data: bytes) -> Request:
        """Read a body of at most limits.WITNESS_REQUEST_BYTES.

        Raises PeerError `witness.malformed` for what stands above the note, `note.malformed`, `checkpoint.malformed`.
        """
        if len(data) > limits.WITNESS_REQUEST_BYTES:
            raise PeerError("witness.malformed", f"more than {limits.WITNESS_REQUEST_BYTES} bytes")
        above, separator, below = data.partition(b"\n\n")
        try:
            first, *rest = above.decode("ascii").split("\n")
            if not separator or not first.startswith(_OLD) or len(rest) > limits.WITNESS_HASHES:
                raise ValueError
            old, path = decode_number(first.removeprefix(_OLD)), tuple(decode_hash(line) for line in rest)
        except ValueError:
            raise PeerError("witness.malformed", "not an old size, up to 63 hashes and an empty line") from None
        note = Note.parse(below)
        return Request(old, path, Head.parse(note.text), note.lines)


Known: TypeAlias = tuple[int, bytes]
"""The size and root that a witness cosigned last for a log."""

NOTHING: Final[Known] = (0, merkle.EMPTY_ROOT)


def signed_by(head: Head, lines: Iterable[SignatureLine], keys: Sequence[VerifierKey]) -> tuple[SignatureLine, ...]:
    """The lines by the log's keys, all of which verify; empty if one does not, or if there is none. Lines by other keys are passed over."""
    found = [(line, key) for line in lines for key in keys if line.is_by(key)]
    try:
        for line, key in found:
            checkpoints.verify(head, line, key)
    except PeerError:
        return ()
    return tuple(line for line, _ in found)


def admit(request: Request, keys: Sequence[VerifierKey]) -> Status:
    """Whether the request is one to compare with what was cosigned (COSIGNED), or why not. `keys` are those that the witness trusts for the
    origin; none: it does not know the log."""
    if not keys:
        return Status.UNKNOWN_LOG
    if not signed_by(request.head, request.lines, keys):
        return Status.NOT_SIGNED
    return Status.COSIGNED if request.old <= request.head.size else Status.MALFORMED


def decide(request: Request, known: Known) -> Status:
    """What to answer to an admitted request, when `known` is what was cosigned last for its log, NOTHING if nothing was."""
    size, root = known
    if request.old != size:
        return Status.OTHER_SIZE
    try:
        merkle.verify_consistency(size, root, request.head.size, request.head.root, request.path)
    except PeerError:
        return Status.NOT_CONSISTENT
    return Status.COSIGNED


def size_body(size: int) -> bytes:
    """The body of a conflict: the size that was cosigned last."""
    return f"{size}\n".encode()


def parse_size(data: bytes, most: int) -> int:
    """Read the body of a conflict. Raises PeerError `witness.malformed`; `witness.ahead` for more than our log's size, `most`."""
    try:
        text = data.decode("ascii")
        if not text.endswith("\n"):
            raise ValueError
        size = decode_number(text[:-1])
    except ValueError:
        raise PeerError("witness.malformed", "not a size and a newline") from None
    if size > most:
        raise PeerError("witness.ahead", f"size {size}, and ours is {most}")
    return size


def check_history(status: int, data: bytes, old: int, size: int) -> None:
    """Read an answer that bears no cosignature, to a request from `old` to `size` entries. Raises PeerError `witness.history` if it says
    that what the witness cosigned last is not the beginning of our log: 422; or, as version 1.0.0 of tlog-witness has it for one size with
    two roots, a conflict with that size."""
    same = status == Status.OTHER_SIZE and old == size and data == size_body(old)
    if same or status == Status.NOT_CONSISTENT:
        raise PeerError("witness.history", f"what it cosigned has {old} entries")


Signer: TypeAlias = Callable[[bytes], bytes]


def cosign(head: Head, keys: Iterable[tuple[VerifierKey, Signer]], time: int) -> bytes:
    """The body of a 200: a cosignature line by each key, at `time` in POSIX seconds, above 0. Raises as checkpoint.sign."""
    return lines_bytes(checkpoints.sign(head, key, signer, time) for key, signer in keys)


def cosignature(data: bytes, head: Checkpoint, key: VerifierKey) -> tuple[int, bytes]:
    """The time (POSIX seconds) and the bare signature of a key's cosignature in the body of a 200, verified over `head`.

    Lines by keys that are not asked for are passed over. Raises PeerError `witness.malformed` for a body that is no lines of signatures,
    `sig.missing` if none is by the key, `sig.invalid` if one by it does not verify or bears no time.
    """
    try:
        note = Note.parse(head.text().encode() + b"\n" + data)
    except PeerError:
        raise PeerError("witness.malformed", "not signature lines as C2SP writes them") from None
    found = [line for line in note.lines if line.is_by(key)]
    if note.text != head.text():
        raise PeerError("witness.malformed", "not signature lines alone")
    if not found:
        raise PeerError("sig.missing", "by the witness's own key")
    times = [checkpoints.verify(head, line, key) for line in found]
    if 0 in times:
        raise PeerError("sig.invalid", "it bears no time")
    return times[0], found[0].blob[8:]
