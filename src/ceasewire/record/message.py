"""Entry, body tree, disclosure: what a message is made of. spec/entry.md; PROTOCOL section 5.

    entry     = cbor([1, kind, time, seen, body-root])
    salt_k    = SHAKE256(seed)[16k : 16k+16]
    leaf_k    = cbor([salt_k, k, value_k])
    rest      = RFC 9162 tree hash of the leaves k >= 1, in order of k
    body-root = SHA-256(0x01 || leaf-hash(leaf_0) || rest)

The log's leaf is the entry, which says nothing of the content; one field is disclosed by its leaf and the hashes of the others.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from .. import limits
from ..errors import PeerError
from ..tlog import merkle
from . import encoding
from .encoding import Value
from .values import Row

Body: TypeAlias = dict[int, Value]

VERSION: Final = 1
SEED_BYTES: Final = 16
SALT_BYTES: Final = 16
RELEASES: Final = 0
EXERCISE: Final = 1


@dataclass(frozen=True, slots=True)
class Entry:
    """A log's leaf. `time` POSIX seconds; `seen` log number -> size of the other logs; `body_root` 32 bytes."""

    kind: int
    time: int
    seen: Mapping[int, int]
    body_root: bytes

    def encode(self) -> bytes:
        """The entry's bytes, about 50."""
        return encoding.encode_checked([VERSION, self.kind, self.time, dict(self.seen), self.body_root])

    @staticmethod
    def decode(data: bytes) -> Entry:
        """Raises PeerError enc.* for anything but the one encoding of an entry of this version."""
        version, kind, time, seen, root = encoding.array(encoding.decode(data), 5)
        if encoding.uint(version) != VERSION:
            raise PeerError("enc.shape", "an entry of another version")
        return Entry(encoding.uint(kind, 2**16), encoding.uint(time), encoding.sizes(seen), encoding.octets(root, 32))


@dataclass(frozen=True, slots=True)
class Message:
    """What crosses: the entry's fields but the root, which the receiver computes; the seed; the body."""

    kind: int
    time: int
    seen: Mapping[int, int]
    seed: bytes
    body: Body

    def value(self) -> Value:
        """`[kind, time, seen, seed, body]`, as it stands in a bundle."""
        return [self.kind, self.time, dict(self.seen), self.seed, self.body]

    @staticmethod
    def from_value(value: Value) -> Message:
        """Raises PeerError enc.shape, enc.depth."""
        kind, time, seen, seed, body = encoding.array(value, 5)
        fields = encoding.mapping(body)
        check_body(fields)
        encoding.check_depth(fields)
        return Message(encoding.uint(kind, 2**16), encoding.uint(time), encoding.sizes(seen), encoding.octets(seed, SEED_BYTES), fields)


def check_body(body: Body) -> None:
    """What every body must have to have a root: fields below 64, field 0 an array, field 1 true or false. Raises PeerError
    enc.shape."""
    if type(body.get(RELEASES)) is not list or type(body.get(EXERCISE)) is not bool:
        raise PeerError("enc.shape", "a body with field 0 an array and field 1 true or false")
    if max(body) >= limits.FIELD_COUNT:
        raise PeerError("enc.shape", f"a body with fields below {limits.FIELD_COUNT}")


@dataclass(frozen=True, slots=True)
class BodyTree:
    """The hashes of a body's leaves (field 0 first, then in order of k), `rest` over those from 1 on, and the root."""

    leaves: tuple[bytes, ...]
    rest: bytes
    root: bytes


_LEAF_HEAD: Final = b"\x83\x50"  # of an array of three, and of the salt in it
_NUMBERS: Final = [encoding.encode(field) for field in range(limits.FIELD_COUNT)]


def leaf(seed: bytes, field: int, value: Value) -> bytes:
    """leaf_k of one field."""
    start = field * SALT_BYTES
    salt = hashlib.shake_256(seed).digest(start + SALT_BYTES)[start:]
    return encoding.encode_checked([salt, field, value])


def body_tree(seed: bytes, body: Body) -> BodyTree:
    """The tree over a body that `check_body` took."""
    return _tree_and_bytes(seed, body)[0]


def _tree_and_bytes(seed: bytes, body: Body) -> tuple[BodyTree, bytes]:
    """Both of a body, of which each field is encoded once: number and value stand alike in its leaf and in the body's map."""
    fields = sorted(body)
    salts = hashlib.shake_256(seed).digest((fields[-1] + 1) * SALT_BYTES)
    encode, leaf_hash = encoding.encode_checked, merkle.leaf_hash
    pairs = [_NUMBERS[k] + encode(body[k]) for k in fields]
    starts = [k * SALT_BYTES for k in fields]
    leaves = [leaf_hash(_LEAF_HEAD + salts[at : at + SALT_BYTES] + pair) for at, pair in zip(starts, pairs, strict=True)]
    return _tree(tuple(leaves)), encoding.encoded_pairs(pairs)


def _tree(leaves: tuple[bytes, ...]) -> BodyTree:
    rest = merkle.tree_root(leaves[1:])
    return BodyTree(leaves, rest, merkle.node_hash(leaves[0], rest))


def row(log: int, index: int, message: Message, void: str | None = None) -> Row:
    """The row of a message at its place. Raises PeerError enc.size when the body is over its limit."""
    tree, body = _tree_and_bytes(message.seed, message.body)
    if len(body) > limits.BODY_BYTES:
        raise PeerError("enc.size", f"a body of {len(body)} bytes, at most {limits.BODY_BYTES}")
    entry = Entry(message.kind, message.time, message.seen, tree.root).encode()
    return Row(
        log=log,
        index=index,
        kind=message.kind,
        time=message.time,
        seen=encoding.encode_checked(dict(message.seen)),
        body_root=tree.root,
        rest=tree.rest,
        leaf=merkle.leaf_hash(entry),
        seed=message.seed,
        body=body,
        void=void,
    )


def message_of(kept: Row) -> Message:
    """The message of a row. Raises PeerError enc.* if the row was changed into something that no message is."""
    seen = encoding.sizes(encoding.decode(kept.seen))
    body = encoding.mapping(encoding.decode(kept.body))
    check_body(body)
    return Message(kept.kind, kept.time, seen, kept.seed, body)


def entry_of(kept: Row) -> Entry:
    """The entry of a row. Raises as `message_of`."""
    return Entry(kept.kind, kept.time, encoding.sizes(encoding.decode(kept.seen)), kept.body_root)


# --- Disclosure: some fields of one message, the others as hashes ---


@dataclass(frozen=True, slots=True)
class Disclosure:
    """Some fields of a body: for each field in order of k its leaf `[salt, k, value]`, or the 32-byte hash of a hidden leaf."""

    parts: tuple[Value, ...]

    def value(self) -> Value:
        """As it stands in a proof's `extra`."""
        return list(self.parts)

    @property
    def fields(self) -> Body:
        """The disclosed fields."""
        return {part[1]: part[2] for part in self.parts if isinstance(part, list)}  # type: ignore[misc]

    @property
    def hidden(self) -> int:
        """How many fields are hidden."""
        return sum(isinstance(part, bytes) for part in self.parts)

    def tree(self) -> BodyTree:
        """The hashes of all fields, `rest` and the body-root of which these are the fields."""
        return _tree(tuple(part if isinstance(part, bytes) else merkle.leaf_hash(encoding.encode_checked(part)) for part in self.parts))

    def root(self) -> bytes:
        """The body-root."""
        return self.tree().root

    @staticmethod
    def from_value(value: Value) -> Disclosure:
        """Strict: 2 to 64 parts; fields rise; a field's place allows as many below it. Raises PeerError enc.shape."""
        parts = encoding.array(value)
        if not 2 <= len(parts) <= limits.FIELD_COUNT:
            raise PeerError("enc.shape", "2 to 64 parts")
        last = -1
        for place, part in enumerate(parts):
            if isinstance(part, bytes):
                encoding.octets(part, 32)
                last += 1
            else:
                salt, field, _ = encoding.array(part, 3)
                encoding.octets(salt, SALT_BYTES)
                number = encoding.uint(field)
                if number <= last or (place < 2 and number != place):
                    raise PeerError("enc.shape", "disclosed fields in order, 0 and 1 first")
                last = number
            if last >= limits.FIELD_COUNT:
                raise PeerError("enc.shape", f"fields below {limits.FIELD_COUNT}")
        return Disclosure(tuple(parts))


def disclose(seed: bytes, body: Body, reveal: Collection[int]) -> Disclosure:
    """Disclose the named fields and fields 0 and 1, which are always disclosed; hide the others."""
    shown = {RELEASES, EXERCISE, *reveal}
    salts = hashlib.shake_256(seed).digest((max(body) + 1) * SALT_BYTES)
    parts: list[Value] = []
    for field in sorted(body):
        part: Value = [salts[field * SALT_BYTES : (field + 1) * SALT_BYTES], field, body[field]]
        parts.append(part if field in shown else merkle.leaf_hash(encoding.encode_checked(part)))
    return Disclosure(tuple(parts))
