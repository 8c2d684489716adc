"""Signed notes and verifier keys: C2SP signed-note.

    <text that ends in a newline>
    <empty line>
    — <key name> <base64 of key id and signature>

with one or more signature lines. The text means nothing before a signature by a trusted key has been verified.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from ceasewire import limits
from ceasewire.errors import PeerError
from ceasewire.tlog import ed25519, mldsa
from ceasewire.tlog.text import decode_base64, encode_base64, has_forbidden

ED25519: Final = 0x01
COSIGNATURE_ED25519: Final = 0x04
MLDSA44: Final = 0x06

KEY_ID_BYTES: Final = 4

_KEY_BYTES: Final = {ED25519: ed25519.KEY_BYTES, COSIGNATURE_ED25519: ed25519.KEY_BYTES, MLDSA44: mldsa.KEY_BYTES}
_DASH: Final = "—"
# Unicode's White_Space, written out: which names are valid must not change with the Unicode version of the interpreter.
_SPACES: Final = frozenset(
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)


def _is_name(name: str) -> bool:
    return bool(name) and "+" not in name and _SPACES.isdisjoint(name) and not has_forbidden(name)


def check_name(name: str) -> None:
    """Raise PeerError `note.malformed` unless this can be a key's name: not empty, no Unicode space, plus or control."""
    if not _is_name(name):
        raise PeerError("note.malformed", "a key's name is empty or holds a space, a plus or a control character")


def check_text(text: str) -> None:
    """Raise PeerError `note.malformed` unless a note can have this text: it ends in a newline, no other control."""
    if not text.endswith("\n") or has_forbidden(text):
        raise PeerError("note.malformed", "the text does not end in a newline or holds a control character")


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key with the name and the signature type that it is used with (C2SP "vkey").

    `kind` is ED25519, COSIGNATURE_ED25519 (`key` of 32 bytes) or MLDSA44 (1312 bytes). Raises PeerError
    `vkey.malformed` for another kind or an impossible name, `key.length` for another length.
    """

    name: str
    kind: int
    key: bytes

    def __post_init__(self) -> None:
        if not _is_name(self.name):
            raise PeerError("vkey.malformed", "the name is empty or holds a space, a plus or a control character")
        if self.kind not in _KEY_BYTES:
            raise PeerError("vkey.malformed", f"signature type {self.kind} is not known")
        if len(self.key) != _KEY_BYTES[self.kind]:
            raise PeerError("key.length", f"{len(self.key)} bytes instead of {_KEY_BYTES[self.kind]}")

    @property
    def key_id(self) -> bytes:
        """Four bytes: SHA-256(name || 0x0A || kind || key)[:4]."""
        return sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.key).digest()[:KEY_ID_BYTES]

    def text(self) -> str:
        """The key as C2SP writes it: `<name>+<key id in hex>+<base64 of kind and key>`."""
        return f"{self.name}+{self.key_id.hex()}+{encode_base64(bytes([self.kind]) + self.key)}"

    @staticmethod
    def parse(text: str) -> VerifierKey:
        """Read a verifier key.

        Raises PeerError `vkey.malformed`, also for a wrong key id; `key.length` for a key of the wrong length; `key.weak`
        for an Ed25519 key outside the prime-order subgroup.
        """
        try:
            name, _, encoded = text.split("+", 2)  # what follows the second plus is base64, which may hold more
            kind, *rest = decode_base64(encoded)
        except ValueError:
            raise PeerError("vkey.malformed", "not <name>+<key id>+<key>") from None
        key = VerifierKey(name, kind, bytes(rest))
        if key.text() != text:
            raise PeerError("vkey.malformed", "the key id is not this key's")
        if kind != MLDSA44:
            ed25519.check_public_key(key.key)
        return key


@dataclass(frozen=True, slots=True)
class SignatureLine:
    """One signature of a note: who, by which key, and `blob`, the bytes that follow the key id (a time, a signature)."""

    name: str
    key_id: bytes
    blob: bytes

    def is_by(self, key: VerifierKey) -> bool:
        """Whether the line claims to be by this key: same name and same key id. Says nothing of the signature."""
        return self.name == key.name and self.key_id == key.key_id

    def text(self) -> str:
        """The line with its newline."""
        return f"{_DASH} {self.name} {encode_base64(self.key_id + self.blob)}\n"


def lines_bytes(lines: Iterable[SignatureLine]) -> bytes:
    """Signature lines as they stand in a note."""
    return "".join(line.text() for line in lines).encode()


def _parse_line(line: str) -> SignatureLine:
    try:
        _, name, encoded = line.split(" ")  # that the first is the dash, writing the note again will show
        data = decode_base64(encoded)
    except ValueError:
        raise PeerError("note.malformed", "a signature line is not dash, name and base64") from None
    check_name(name)
    if len(data) <= KEY_ID_BYTES:
        raise PeerError("note.malformed", "a signature is too short")
    return SignatureLine(name, data[:KEY_ID_BYTES], data[KEY_ID_BYTES:])


@dataclass(frozen=True, slots=True)
class Note:
    """A text, which ends in a newline, and the signatures under it. Nothing is verified by parsing."""

    text: str
    lines: tuple[SignatureLine, ...]

    def encode(self) -> bytes:
        """The note in UTF-8."""
        return (self.text + "\n").encode() + lines_bytes(self.lines)

    @staticmethod
    def parse(data: bytes) -> Note:
        """Read a note of at most limits.NOTE_BYTES with 1 to limits.NOTE_SIGNATURES signatures.

        The last empty line separates text and signatures. Raises PeerError `note.malformed`, also for any byte that
        would not be written again as it stands.
        """
        if len(data) > limits.NOTE_BYTES:
            raise PeerError("note.malformed", f"more than {limits.NOTE_BYTES} bytes")
        try:
            whole = data.decode("utf-8")
        except UnicodeDecodeError:
            raise PeerError("note.malformed", "not UTF-8") from None
        check_text(whole)
        above, separator, below = whole.rpartition("\n\n")
        if not separator or not below:
            raise PeerError("note.malformed", "there is no signature below an empty line")
        signatures = below.removesuffix("\n").split("\n")
        if len(signatures) > limits.NOTE_SIGNATURES:
            raise PeerError("note.malformed", f"more than {limits.NOTE_SIGNATURES} signatures")
        note = Note(above + "\n", tuple(_parse_line(line) for line in signatures))
        if note.encode() != data:
            raise PeerError("note.malformed", "not in its one form")
        return note


def sign_ed25519(note_text: str, key: VerifierKey, sign: Callable[[bytes], bytes]) -> SignatureLine:
    """Sign a note's text with a key of kind ED25519; `sign` makes the 64-byte signature over the bytes it is given.

    Raises PeerError `note.malformed` for a text that no note can have, ValueError for a key of another kind.
    """
    if key.kind != ED25519:
        raise ValueError("this key does not sign notes")
    check_text(note_text)
    return SignatureLine(key.name, key.key_id, sign(note_text.encode()))


def verify_ed25519(note_text: str, line: SignatureLine, key: VerifierKey) -> None:
    """Raise PeerError `sig.invalid` unless the line is by this key, of kind ED25519, over this text."""
    if key.kind != ED25519 or not line.is_by(key):
        raise PeerError("sig.invalid", "the line is by another key")
    if not ed25519.verify(key.key, line.blob, note_text.encode()):
        raise PeerError("sig.invalid")
