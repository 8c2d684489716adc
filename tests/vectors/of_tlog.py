"""Vectors of what C2SP and RFC 9162 define: keys, notes, checkpoints, trees, tiles, proofs, policies."""

from __future__ import annotations

import string
from typing import Any

from ceasewire.tlog import checkpoint as checkpoints
from ceasewire.tlog import merkle, tiles
from ceasewire.tlog.checkpoint import Checkpoint, SignedCheckpoint
from ceasewire.tlog.note import COSIGNATURE_ED25519, ED25519, MLDSA44, Note, VerifierKey, sign_ed25519
from ceasewire.tlog.proof import Proof
from helpers import START, make_party

from .base import TOWER, Vectors, cbor

NORTH = make_party("north")
KEY = VerifierKey("log.example/1", ED25519, NORTH.card.keys.log_ed25519)
LEAVES = [merkle.leaf_hash(bytes([n])) for n in range(7)]
ROOTS = [merkle.tree_root(LEAVES[:n]) for n in range(8)]


def read(level: int, index: int) -> bytes:
    return merkle.tree_root(LEAVES[index << level : (index + 1) << level])


def keys(v: Vectors) -> None:
    ed, ml, sealing = NORTH.card.keys.log_ed25519, NORTH.card.keys.log_mldsa44, NORTH.card.keys.sealing
    v.ok("keys", "ed25519", "an Ed25519 key in the prime-order subgroup", ed, use="enrol-ed25519")
    v.ok("keys", "mldsa44", "any 1312 bytes are an ML-DSA-44 key", ml, use="enrol-mldsa44")
    v.ok("keys", "sealing", "an ML-KEM-768 key, then an X25519 key", sealing, use="enrol-sealing")
    for name, what, data in (
        ("identity", "the identity: one signature fits every message", b"\x01" + bytes(31)),
        ("order-4", "a point of order 4", bytes(32)),
        ("order-8", "a point of order 8", bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")),
        ("noncanonical", "the identity, y = p + 1", bytes.fromhex("ee" + "ff" * 30 + "7f")),
        ("sign-of-zero", "the identity with the sign bit of x = 0 set", b"\x01" + bytes(30) + b"\x80"),
        ("off-curve", "y = 2 is of no point", b"\x02" + bytes(31)),
    ):
        v.bad("keys", "key.weak", name, what, data, use="enrol-ed25519")
    v.bad("keys", "key.weak", "low-order-x25519", "its X25519 half is the point 0", sealing[:1184] + bytes(32), use="enrol-sealing")
    v.bad("keys", "key.weak", "mlkem-above-modulus", "its ML-KEM half is not reduced", b"\xff" * 1184 + sealing[1184:], use="enrol-sealing")
    v.bad("keys", "key.length", "ed25519-31", "31 bytes", ed[:31], use="enrol-ed25519")
    v.bad("keys", "key.length", "mldsa44-1313", "1313 bytes", ml + b"\x00", use="enrol-mldsa44")
    v.bad("keys", "key.length", "sealing-32", "an X25519 key alone", sealing[1184:], use="enrol-sealing")


def signatures(v: Vectors) -> None:
    message = b"\xffceasewire/card/1" + bytes(32)
    ed, ml = NORTH.card.keys.log_ed25519, NORTH.card.keys.log_mldsa44
    good = NORTH.signers["log", "ed25519"](message)
    lattice = v.parts.mldsa("signature.mldsa44", ml, NORTH.signers["log", "mldsa44"], message)
    order = 2**252 + 27742317777372353535851937790883648493
    more: dict[str, Any] = {"use": "verify-ed25519", "key": ed, "message": message}
    v.ok("signature", "ed25519", "RFC 8032", good, **more)
    v.ok("signature", "mldsa44", "FIPS 204, empty context", lattice, use="verify-mldsa44", key=ml, message=message)
    malleable = good[:32] + (int.from_bytes(good[32:], "little") + order).to_bytes(32, "little")
    for name, what, data in (
        ("s-above-l", "S + L in place of S", malleable),
        ("high-bit", "the highest bit of S set", good[:63] + bytes([good[63] | 0x80])),
        ("small-r", "R is the identity", b"\x01" + bytes(31) + good[32:]),
        ("other-message", "over another message", NORTH.signers["log", "ed25519"](message + b"x")),
        ("other-key", "by another key", NORTH.signers["receipt", "ed25519"](message)),
        ("short", "63 bytes", good[:63]),
        ("empty", "no bytes", b""),
    ):
        v.bad("signature", "sig.invalid", name, what, data, **more)
    weak = {**more, "key": b"\x01" + bytes(31)}
    v.bad("signature", "sig.invalid", "identity-key", "the key is the identity and S is 0", b"\x01" + bytes(63), **weak)
    flipped = bytes([lattice[0] ^ 1]) + lattice[1:]
    v.bad("signature", "sig.invalid", "mldsa44-flipped", "one bit of ML-DSA-44", flipped, use="verify-mldsa44", key=ml, message=message)


def notes(v: Vectors) -> None:
    text = "A text.\n\nOf two parts.\n"
    line = sign_ed25519(text, KEY, NORTH.signers["log", "ed25519"])
    note = Note(text, (line,)).encode().decode()
    sig = line.text()
    v.ok("note", "two-parts", "the last empty line divides text and signatures", note)
    for name, what, data in (
        ("no-signature", "no signature line", text + "\n"),
        ("no-empty-line", "no empty line", "A text.\n" + sig),
        ("hyphen", "a hyphen in place of the dash", note.replace("\u2014", "-")),
        ("space-in-name", "a no-break space in the name", note.replace("log.example", "log\u00a0example")),
        ("plus-in-name", "a plus in the name", note.replace("log.example", "log+example")),
        ("base64-no-padding", "base64 without its padding", note.replace("=", "")),
        ("base64-loose-bits", "set bits behind the last byte", _loose(note)),
        ("short-signature", "a key id and nothing behind it", text + "\n\u2014 log.example/1 AAAAAA==\n"),
        ("carriage-return", "a carriage return", note.replace("\n", "\r\n")),
        ("nul", "a control character in the text", note.replace("A text.", "A\x00text.")),
        ("no-last-newline", "no newline at the end", note[:-1]),
        ("33-signatures", "33 signature lines, 32 are allowed", text + "\n" + sig * 33),
    ):
        v.bad("note", "note.malformed", name, what, data)
    v.bad("note", "note.malformed", "not-utf8", "not UTF-8", note.encode().replace(b"A text", b"\xff text"))


def _loose(note: str) -> str:
    """The note with the last character before the padding one higher: the same bytes, loosely decoded."""
    alphabet = string.ascii_uppercase + string.ascii_lowercase + string.digits + "+/"
    at = note.index("=") - 1
    return note[:at] + alphabet[alphabet.index(note[at]) + 1] + note[at + 1 :]


def vkeys(v: Vectors) -> None:
    v.ok("vkey", "ed25519", "a log's key", KEY.text(), {"name": KEY.name, "kind": 1, "key_id": KEY.key_id, "key": KEY.key})
    v.ok("vkey", "cosigner", "a witness's key", TOWER.text(), {"name": TOWER.name, "kind": 4, "key_id": TOWER.key_id, "key": TOWER.key})
    name, key_id, data = KEY.text().split("+", 2)
    unknown = VerifierKey.__new__(VerifierKey)
    for field, value in (("name", "a"), ("kind", 2), ("key", KEY.key)):
        object.__setattr__(unknown, field, value)
    for case, what, text in (
        ("other-id", "the key id is not this key's", f"{name}+00000000+{data}"),
        ("upper-case-id", "the key id in capitals", f"{name}+{key_id.upper()}+{data}"),
        ("no-name", "an empty name", f"+{key_id}+{data}"),
        ("two-parts", "only one plus", f"{name}+{key_id}"),
        ("bad-base64", "not base64", f"{name}+{key_id}+{data[:-1]}*"),
        ("unknown-kind", "signature type 2", unknown.text()),
    ):
        v.bad("vkey", "vkey.malformed", case, what, text)
    short = VerifierKey("a", ED25519, KEY.key)
    object.__setattr__(short, "key", KEY.key[:31])
    v.bad("vkey", "key.length", "31-bytes", "a key of 31 bytes", short.text())
    weak = VerifierKey("a", COSIGNATURE_ED25519, b"\x01" + bytes(31))
    v.bad("vkey", "key.weak", "identity", "the identity as a witness's key", weak.text())


def checkpoint_texts(v: Vectors) -> None:
    good = Checkpoint("log.example/1", 7, ROOTS[7])
    text = good.text()
    root = text.split("\n")[2]
    v.ok("checkpoint", "size-7", "three lines", text, {"origin": good.origin, "size": 7, "root": ROOTS[7]})
    v.ok(
        "checkpoint", "empty", "the empty tree", Checkpoint("a", 0, merkle.EMPTY_ROOT).text(), {"origin": "a", "size": 0, "root": ROOTS[0]}
    )
    for name, what, data in (
        ("fourth-line", "an extension line", text + "x\n"),
        ("two-lines", "no root", "log.example/1\n7\n"),
        ("leading-zero", "size 07", text.replace("\n7\n", "\n07\n")),
        ("plus", "size +7", text.replace("\n7\n", "\n+7\n")),
        ("underscore", "size 1_0", text.replace("\n7\n", "\n1_0\n")),
        ("arabic-digit", "a digit of another script", text.replace("\n7\n", "\n\u0667\n")),
        ("2-63", "size 2^63", text.replace("\n7\n", f"\n{2**63}\n")),
        ("short-root", "a root of 31 bytes", text.replace(root, root[:40] + "AA==")),
        ("no-origin", "an empty origin", text.replace("log.example/1", "")),
        ("no-newline", "no newline at the end", text[:-1]),
    ):
        v.bad("checkpoint", "checkpoint.malformed", name, what, data)


def cosignatures(v: Vectors) -> None:
    """One signature line of each kind over one checkpoint."""
    checkpoint = Checkpoint("log.example/1", 7, ROOTS[7])
    receipt = VerifierKey("log.example/2", COSIGNATURE_ED25519, NORTH.card.keys.receipt_ed25519)
    lattice = VerifierKey("log.example/2", MLDSA44, NORTH.card.keys.receipt_mldsa44)
    ml_message = checkpoints.signed_message(checkpoint, lattice, START)
    ml_signature = v.parts.mldsa("cosignature.mldsa44", lattice.key, NORTH.signers["receipt", "mldsa44"], ml_message)
    lines = {
        "ed25519": (KEY, checkpoints.sign(checkpoint, KEY, NORTH.signers["log", "ed25519"])),
        "cosignature": (receipt, checkpoints.sign(checkpoint, receipt, NORTH.signers["receipt", "ed25519"], START)),
        "mldsa44": (lattice, checkpoints.sign(checkpoint, lattice, lambda _: ml_signature, START)),
    }
    for name, (key, line) in lines.items():
        note = SignedCheckpoint(checkpoint, (line,)).encode().decode()
        time = 0 if key.kind == ED25519 else START
        v.ok("cosignature", name, f"signature type {key.kind}", note, {"time": time}, vkey=key.text())
        other = SignedCheckpoint(Checkpoint(checkpoint.origin, 6, checkpoint.root), (line,)).encode().decode()
        v.bad("cosignature", "sig.invalid", f"{name}-other-size", "over another size", other, vkey=key.text())
    key, line = lines["cosignature"]
    later = (START + 1).to_bytes(8, "big") + line.blob[8:]
    for name, what, blob in (
        ("other-time", "another time than was signed", later),
        ("far-time", "a time of 2^63", (2**63).to_bytes(8, "big") + line.blob[8:]),
        ("no-time", "the signature without its time", line.blob[8:]),
    ):
        note = SignedCheckpoint(checkpoint, (type(line)(line.name, line.key_id, blob),)).encode().decode()
        v.bad("cosignature", "sig.invalid", name, what, note, vkey=key.text())
    plain = type(line)(key.name, key.key_id, bytes(8) + lines["ed25519"][1].blob)
    note = SignedCheckpoint(checkpoint, (plain,)).encode().decode()
    v.bad("cosignature", "sig.invalid", "log-as-receipt", "a log's signature used as a receipt", note, vkey=key.text())


def trees(v: Vectors) -> None:
    path = merkle.inclusion_path(read, 2, 7)
    given: dict[str, Any] = {"leaf": LEAVES[2], "index": 2, "size": 7, "root": ROOTS[7]}
    v.ok("inclusion", "2-of-7", "leaf 2 of 7", b"".join(path), **given)
    v.ok("inclusion", "0-of-1", "the only leaf", b"", leaf=LEAVES[0], index=0, size=1, root=ROOTS[1])
    for name, what, data, more in (
        ("other-leaf", "another leaf", b"".join(path), {"leaf": LEAVES[3]}),
        ("other-index", "another place", b"".join(path), {"index": 3}),
        ("other-size", "another size, for which the path is too long", b"".join(path), {"size": 4}),
        ("no-such-index", "an index equal to the size", b"".join(path), {"index": 7}),
        ("short", "a hash is missing", b"".join(path[:-1]), {}),
        ("long", "a hash too many", b"".join([*path, LEAVES[0]]), {}),
        ("swapped", "two hashes swapped", b"".join([path[1], path[0], path[2]]), {}),
        ("empty-tree", "there is nothing in the empty tree", b"", {"index": 0, "size": 0, "root": ROOTS[0]}),
    ):
        v.bad("inclusion", "merkle.inclusion", name, what, data, **{**given, **more})
    proof = merkle.consistency_path(read, 3, 7)
    given = {"old_size": 3, "old_root": ROOTS[3], "new_size": 7, "new_root": ROOTS[7]}
    v.ok("consistency", "3-to-7", "7 leaves begin with these 3", b"".join(proof), **given)
    power: dict[str, Any] = {"old_size": 4, "old_root": ROOTS[4]}
    v.ok("consistency", "4-to-7", "a power of two", b"".join(merkle.consistency_path(read, 4, 7)), **given | power)
    v.ok("consistency", "0-to-7", "every tree begins with the empty one", b"", **given | {"old_size": 0, "old_root": ROOTS[0]})
    for name, what, data, more in (
        ("other-old-root", "another old root: a rewrite", b"".join(proof), {"old_root": ROOTS[2]}),
        ("other-new-root", "another new root", b"".join(proof), {"new_root": ROOTS[6]}),
        ("falling", "the new size is smaller", b"".join(proof), {"old_size": 7, "new_size": 3}),
        ("short", "a hash is missing", b"".join(proof[:-1]), {}),
        ("long", "a hash too many", b"".join([*proof, LEAVES[0]]), {}),
        ("same-size", "one size, two roots", b"", {"new_size": 3}),
        ("zero-root", "size 0 with a root of its own", b"", {"old_size": 0, "old_root": bytes(32)}),
    ):
        v.bad("consistency", "merkle.consistency", name, what, data, **{**given, **more})


def files(v: Vectors) -> None:
    bundle = tiles.encode_entry_bundle([b"one", b"", b"three"])
    v.ok("tile", "three-entries", "three entries, one empty", bundle, {"entries": [b"one", b"", b"three"]}, width=3)
    for name, what, data, width in (
        ("cut", "it ends in an entry", bundle[:-1], 3),
        ("trailing", "a byte too many", bundle + b"\x00", 3),
        ("few", "fewer entries than its width", bundle, 4),
        ("width-0", "no bundle has width 0", b"", 0),
        ("width-257", "no bundle has width 257", bundle, 257),
    ):
        v.bad("tile", "tile.malformed", name, what, data, width=width)
    checkpoint = Checkpoint("log.example/1", 7, ROOTS[7])
    line = checkpoints.sign(checkpoint, KEY, NORTH.signers["log", "ed25519"])
    path = tuple(merkle.inclusion_path(read, 2, 7))
    proof = Proof(2, path, SignedCheckpoint(checkpoint, (line,)), cbor({1: b"x"})).encode().decode()
    v.ok("proof", "2-of-7", "index, path, extra data, checkpoint", proof, {"index": 2, "path": list(path), "extra": cbor({1: b"x"})})
    for name, what, text in (
        ("version", "another version", proof.replace("@v1", "@v2", 1)),
        ("no-index", "no index", proof.replace("index 2\n", "")),
        ("index-02", "a leading zero", proof.replace("index 2", "index 02")),
        ("extra-last", "extra data behind the index", _swapped(proof)),
        ("extra-empty", "empty extra data", proof.replace(proof.split("\n")[1], "extra ")),
        ("short-hash", "a hash of 3 bytes", proof.replace(proof.split("\n")[3], "AAAA")),
        ("64-hashes", "64 hashes", proof.replace("index 2\n", "index 2\n" + (proof.split("\n")[3] + "\n") * 61)),
        ("carriage-returns", "carriage returns", proof.replace("\n", "\r\n")),
    ):
        v.bad("proof", "proof.malformed", name, what, text)
    v.bad("proof", "note.malformed", "no-checkpoint", "nothing behind the empty line", proof.split("\n\n")[0] + "\n\n")
    v.bad("proof", "checkpoint.malformed", "extended", "a checkpoint of four lines", proof.replace("\n\n\u2014", "\nx\n\n\u2014"))


def _swapped(proof: str) -> str:
    lines = proof.split("\n")
    return "\n".join([lines[0], lines[2], lines[1], *lines[3:]])


def policies(v: Vectors) -> None:
    spire = VerifierKey("spire.example/w", COSIGNATURE_ED25519, make_party("spire").card.keys.log_ed25519)
    good = (
        f"# a comment\nlog {KEY.text()}\nwitness t {TOWER.text()}\nwitness s {spire.text()} https://s.example/\ngroup g any t s\nquorum g\n"
    )
    v.ok("policy", "any-of-two", "one of two witnesses is enough", good, {"satisfied": True}, witnessed=["s"])
    v.ok("policy", "not-yet", "no witness yet: the policy is well-formed and not satisfied", good, {"satisfied": False}, witnessed=[])
    for name, what, text in (
        ("no-quorum", "no quorum line", good.replace("quorum g\n", "")),
        ("two-quorums", "two quorum lines", good + "quorum none\n"),
        ("undefined", "a quorum that is not defined", good.replace("quorum g", "quorum h")),
        ("none-defined", "a group called none", good.replace("group g", "group none").replace("quorum g", "quorum none")),
        ("same-key", "one key under two names", good.replace("group", f"witness u {TOWER.text()}\ngroup")),
        ("member-twice", "a name is a member twice", good.replace("any t s", "any t s s")),
        ("threshold-0", "none of two", good.replace("any t s", "0 t s")),
        ("threshold-3", "three of two", good.replace("any t s", "3 t s")),
        ("word", "a word that is not known", good + "trust g\n"),
        ("no-newline", "no newline at the end", good[:-1]),
        ("carriage-return", "a carriage return", good.replace("\n", "\r\n")),
        ("log-kind", "a log with a witness's key", good.replace(KEY.text(), TOWER.text())),
        ("vkey", "a key with another key id", good.replace(KEY.key_id.hex(), "00000000")),
    ):
        v.bad("policy", "policy.malformed", name, what, text)
    weak = VerifierKey("a", ED25519, b"\x01" + bytes(31)).text()
    v.bad("policy", "key.weak", "log", "a log whose key is the identity", good.replace(KEY.text(), weak))


def add(v: Vectors) -> None:
    """Everything of this file."""
    for make in (keys, signatures, notes, vkeys, checkpoint_texts, cosignatures, trees, files, policies):
        make(v)
