"""Vectors of bundles: header, sealed bytes, contents."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ceasewire import limits
from ceasewire.errors import PeerError
from ceasewire.exchange import bundle, seal
from ceasewire.exchange.bundle import Contents, Header, Told
from ceasewire.record import encoding
from ceasewire.record.card import tagged
from helpers import seed_of, statement

from .base import Vectors, cbor


def _opens(seed: bytes, info: bytes, sealed: bytes, plain: bytes) -> bool:
    try:
        return seal.unseal(seed, info, sealed) == plain
    except PeerError:
        return False


class Sealer:
    """Seals into parts, so that the same plain bytes keep their sealed bytes."""

    def __init__(self, v: Vectors, name: str, seed: bytes) -> None:
        self.v = v
        self.name = name
        self.seed = seed

    def __call__(self, public: bytes, info: bytes, plain: bytes) -> bytes:
        part = f"sealed.{self.name}"
        return self.v.parts.frozen(part, lambda: seal.seal(public, info, plain), lambda data: _opens(self.seed, info, data, plain))


def full(v: Vectors) -> Contents:
    run = v.test.run(v.test.empty(0), [statement(), statement(text="Another.", seen={1: 2})])
    return Contents(
        log=0,
        counter=7,
        heads={0: 2, 1: 3},
        runs=(run,),
        checkpoints=(v.test.note(0, 1, seed_of("root"), 1),),
        wants={2: 0},
        sealing_key=v.parts.add("fresh.sealing.key", seal.public_key(seed_of("fresh"))),
        gone=(bytes(16),),
        told=(Told("hold.clock", 1, "26 min ahead"),),
        echo=hashlib.sha256(b"").digest(),
    )


def sealing(v: Vectors) -> None:
    seed, info, plain = seed_of("vector"), b"info", b"plain"
    sealed = Sealer(v, "plain", seed)(seal.public_key(seed), info, plain)
    given = {"seed": seed, "info": info}
    v.ok("seal", "plain", "HPKE base mode, MLKEM768-X25519, HKDF-SHA256, ChaCha20-Poly1305", sealed, {"plain": plain}, **given)
    v.ok(
        "sealing-key",
        "seed",
        "the public key of a seed, and its id",
        seed,
        {"key": seal.public_key(seed), "id": seal.key_id(seal.public_key(seed))},
    )
    for name, what, data, more in (
        ("tag", "the last bit changed", sealed[:-1] + bytes([sealed[-1] ^ 1]), {}),
        ("kem", "a bit of the ML-KEM ciphertext changed", bytes([sealed[0] ^ 1]) + sealed[1:], {}),
        ("share", "the X25519 share is the point 0", sealed[:1088] + bytes(32) + sealed[1120:], {}),
        ("cut", "a byte too few", sealed[:-1], {}),
        ("empty", "no bytes", b"", {}),
        ("info", "another info", sealed, {"info": b"other"}),
        ("recipient", "another recipient", sealed, {"seed": seed_of("other")}),
    ):
        v.bad("seal", "bundle.open", name, what, data, **{**given, **more})


def contents(v: Vectors) -> None:
    good = full(v)
    data = good.encode()
    v.ok("contents", "full", "everything that a bundle can say", data, {"sender": 0, "counter": 7, "messages": 2})
    v.ok("contents", "empty", "the least", Contents(0, 1, {}).encode(), {"sender": 0, "counter": 1, "messages": 0})
    fields = dict(encoding.mapping(encoding.decode(data, depth=16)))
    many: Any = [[0, 0, [0] * (limits.BUNDLE_MESSAGES + 1), b""]]
    deep: Any = "x"
    for _ in range(8):
        deep = [deep]
    nine: Any = [[0, 0, [[2, 0, {}, bytes(16), {0: [], 1: False, 40: deep}]], b""]]
    for code, name, what, change in (
        ("bundle.size", "8193", "8,193 messages", {4: many}),
        ("enc.depth", "body", "a body nine deep", {4: nine}),
        ("enc.shape", "no-echo", "field 13 is missing", {13: None}),
        ("enc.shape", "field-14", "a field too many", {14: 0}),
        ("enc.shape", "head-zero", "a head of zero", {3: {0: 0}}),
        ("enc.shape", "wants-order", "wants out of order", {8: [[5, 0], [2, 0]]}),
        ("enc.shape", "wants-twice", "a want twice", {8: [[2, 0], [2, 1]]}),
        ("enc.shape", "told-long", "a detail of 201 bytes", {12: [["code", 1, "d" * 201]]}),
        ("enc.shape", "counter", "a counter below zero", {2: -1}),
    ):
        v.bad("contents", code, name, what, cbor({key: value for key, value in (fields | change).items() if value is not None}))


def bundles(v: Vectors) -> None:
    south = v.test.parties["south"].sealing_seed
    given = {"charter": v.test.signed.encode(), "reader": 1, "seeds": [south]}
    data = full(v).encode()
    good = v.test.bundle(full(v), 1, Sealer(v, "bundle", south))
    v.ok("bundle", "north-to-south", "a bundle", good, {"sender": 0, "contents": hashlib.sha256(data).digest()}, **given)
    header = Header.decode(good)
    rest = good[bundle.HEADER_BYTES :]
    for code, name, what, bad in (
        ("bundle.magic", "zip", "another file", b"PK\x03\x04" + good[4:100]),
        ("bundle.magic", "empty", "no bytes", b""),
        ("bundle.version", "2", "version 2", good[:8] + b"\x02" + good[9:100]),
        ("bundle.truncated", "header", "it ends in its header", good[:40]),
        ("bundle.truncated", "sealed", "it ends a byte early", good[:-1]),
        ("bundle.size", "length", "a length of 4 GiB", good[: bundle.HEADER_BYTES - 4] + b"\xff" * 4),
        ("bundle.channel", "other", "another channel", replace(header, channel_id=bytes(32)).encode() + rest),
        ("bundle.recipient", "mission", "for another log", replace(header, recipient=2).encode() + rest),
        ("bundle.key_gone", "unknown", "a sealing key that nobody has", replace(header, key_id=bytes(16)).encode() + rest),
        ("bundle.open", "flipped", "the last bit changed", good[:-1] + bytes([good[-1] ^ 1])),
        ("enc.trailing", "byte", "a byte too many", good + b"\x00"),
    ):
        v.bad("bundle", code, name, what, bad, **given)
    _plains(v, south, given)


def _plains(v: Vectors, south: bytes, given: dict[str, Any]) -> None:
    """Bundles that open, and hold what they must not."""
    data = Contents(0, 1, {}).encode()
    north, mission = (v.test.parties[slug].signers["log", "ed25519"] for slug in ("north", "mission"))

    def sealed(name: str, make: Callable[[bytes], bytes], length: int = 2048) -> bytes:
        key = v.test.channel.logs[1].sealing
        header = Header(v.test.channel.channel_id, 1, seal.key_id(key), length + seal.OVERHEAD_BYTES).encode()
        return header + Sealer(v, name, south)(key, header, make(header))

    def plain(header: bytes, sender: int, sign: Callable[[bytes], bytes], tag: str = "ceasewire/bundle/1") -> bytes:
        message = tagged(tag, hashlib.sha256(header).digest(), hashlib.sha256(data).digest())
        return (sender.to_bytes(4, "big") + sign(message) + len(data).to_bytes(4, "big") + data).ljust(2048, b"\x00")

    v.ok("bundle", "least", "the least bundle", sealed("least", lambda h: plain(h, 0, north)), {"sender": 0}, **given)
    for code, name, what, bad in (
        ("bundle.signature", "other-key", "signed by another log", sealed("other-key", lambda h: plain(h, 0, mission))),
        ("bundle.signature", "other-log", "another log's name within", sealed("other-log", lambda h: plain(h, 2, mission))),
        ("bundle.signature", "tag", "another format's name", sealed("tag", lambda h: plain(h, 0, north, "ceasewire/bundle/2"))),
        ("bundle.signature", "header", "another header", sealed("header", lambda h: plain(h[::-1], 0, north))),
        ("log.unknown", "sender", "a sender that is no log", sealed("sender", lambda h: plain(h, 9, north))),
        ("bundle.padding", "ones", "padding that is not zeros", sealed("ones", lambda h: plain(h, 0, north)[:-1] + b"\x01")),
        ("bundle.padding", "bucket", "another length than its bucket", sealed("bucket", lambda h: plain(h, 0, north) + b"\x00", 2049)),
        (
            "bundle.padding",
            "length",
            "a length beyond its end",
            sealed("length", lambda h: plain(h, 0, north)[:68] + b"\xff" * 4 + bytes(1976)),
        ),
    ):
        v.bad("bundle", code, name, what, bad, **given)


def add(v: Vectors) -> None:
    """Everything of this file."""
    for make in (sealing, contents, bundles):
        make(v)
