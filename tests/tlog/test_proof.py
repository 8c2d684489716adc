"""Proof files: the example of C2SP tlog-proof, round trips, and nothing that is not in its one form."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceasewire import limits
from ceasewire.tlog import checkpoint, merkle, note
from ceasewire.tlog.checkpoint import Checkpoint, SignedCheckpoint
from ceasewire.tlog.proof import Proof

from .helpers import attempt, b64, ed25519_key, flipped, leaves, mldsa_key, naive_root, refused
from .test_merkle import reader

HASHES = leaves(20)
ROOT = naive_root(HASHES)


def signed(size: int = 20, root: bytes = ROOT) -> SignedCheckpoint:
    head = Checkpoint("example.com/log", size, root)
    log, witness = ed25519_key("example.com/log"), ed25519_key("w.example", note.COSIGNATURE_ED25519, seed=2)
    lines = checkpoint.sign(head, *log), checkpoint.sign(head, *witness, time=1_679_315_147)
    return SignedCheckpoint(head, lines)


NOTE = signed()
PROOF = Proof(7, tuple(merkle.inclusion_path(reader(HASHES), 7, 20)), NOTE, b"extra data")
CODES = ("proof.malformed", "note.malformed", "checkpoint.malformed")
BARE = Proof(0, (), NOTE, None)


def test_the_example_of_the_specification() -> None:
    # Its signatures are elided, so the signature lines and the origin are ours; all above them is the example, verbatim.
    head = (
        b"c2sp.org/tlog-proof@v1\n"
        b"extra YWdlLXYxLjIuMS1kYXJ3aW4tYXJtNjQudGFyLmd6kYXJ3aW4tYXJ\n"
        b"index 73894\n"
        b"gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=\n"
        b"B95lDa8R83lS8n0eG+o0buTxRKQTYFi//1U8anccXmA=\n"
        b"EKNzoDWG8LGC0Yp9o+sv3qllpMP9uHQ9B20KNL+Q1zs=\n"
        b"RoopEkOdqkYqMB4MJXrbt/hMjOxsVn0IrWjpz1ZMMes=\n"
        b"AHCioX9nLjsrse6YhjRRmk1WUEirVOLLRoOQ6vfO5vk=\n"
        b"\n"
    )
    root = bytes.fromhex("b05a1d57fbd2a793bc9fd6bc4295ba3d163deed7ce496e5bb1cd9797f1108b4f")
    parsed = Proof.parse(head + signed(109_482, root).encode())
    assert parsed.extra == b"age-v1.2.1-darwin-arm64.tar.gz" + bytes.fromhex("9185c9dda5b8b585c9")
    assert (parsed.index, len(parsed.path)) == (73_894, 5)
    assert parsed.path[0].hex().startswith("8122b25e8619")
    assert parsed.encode().startswith(head)
    assert parsed.signed.checkpoint.text().splitlines()[1:] == ["109482", "sFodV/vSp5O8n9a8QpW6PRY97tfOSW5bsc2Xl/EQi08="]


def test_round_trip_and_verification() -> None:
    for proof in (PROOF, BARE):
        assert Proof.parse(proof.encode()) == proof
    parsed = Proof.parse(PROOF.encode())
    head = parsed.signed.checkpoint
    merkle.verify_inclusion(HASHES[7], parsed.index, head.size, head.root, parsed.path)
    assert checkpoint.verify(head, parsed.signed.lines[0], ed25519_key("example.com/log")[0]) == 0


def test_every_flipped_bit_is_refused_or_seen() -> None:
    data = PROOF.encode()
    for bit in range(len(data) * 8):
        changed = flipped(data, bit)
        parsed = attempt(CODES, Proof.parse, changed)
        if parsed is not None:
            assert parsed.encode() == changed
            assert parsed != PROOF


HEAD = "c2sp.org/tlog-proof@v1\n"
TAIL = NOTE.encode().decode()
HASH = b64(HASHES[0])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        HEAD,
        f"{HEAD}\n{TAIL}",
        f"{HEAD}index 0\n{TAIL}",
        f"index 0\n\n{TAIL}",
        f"c2sp.org/tlog-proof@v2\nindex 0\n\n{TAIL}",
        f"\ufeff{HEAD}index 0\n\n{TAIL}",
        f" {HEAD}index 0\n\n{TAIL}",
        f"{HEAD}index 00\n\n{TAIL}",
        f"{HEAD}index 01\n\n{TAIL}",
        f"{HEAD}index -1\n\n{TAIL}",
        f"{HEAD}index +1\n\n{TAIL}",
        f"{HEAD}index  1\n\n{TAIL}",
        f"{HEAD}index 1 \n\n{TAIL}",
        f"{HEAD}index\n\n{TAIL}",
        f"{HEAD}Index 1\n\n{TAIL}",
        f"{HEAD}index {2**63}\n\n{TAIL}",
        f"{HEAD}index {'9' * 5000}\n\n{TAIL}",
        f"{HEAD}index \u0661\n\n{TAIL}",
        f"{HEAD}index 1\r\n\n{TAIL}",
        f"{HEAD}index 0\nindex 0\n\n{TAIL}",
        f"{HEAD}extra \nindex 0\n\n{TAIL}",
        f"{HEAD}extra\nindex 0\n\n{TAIL}",
        f"{HEAD}extra QR==\nindex 0\n\n{TAIL}",
        f"{HEAD}extra QQ\nindex 0\n\n{TAIL}",
        f"{HEAD}extra QQ==\n\n{TAIL}",
        f"{HEAD}extra QQ==\nextra QQ==\nindex 0\n\n{TAIL}",
        f"{HEAD}index 0\nextra QQ==\n\n{TAIL}",
        f"{HEAD}0\n\n{TAIL}",
        f"{HEAD}extra QQ==\n0\n\n{TAIL}",
        f"{HEAD}index 0\n{HASH[:-1]}\n\n{TAIL}",
        f"{HEAD}index 0\n{HASH} \n\n{TAIL}",
        f"{HEAD}index 0\n{b64(b'h' * 31)}\n\n{TAIL}",
        f"{HEAD}index 0\n{b64(b'h' * 33)}\n\n{TAIL}",
        f"{HEAD}index 0\n" + f"{HASH}\n" * 64 + f"\n{TAIL}",
        f"{HEAD}index 0",
    ],
)
def test_malformed_proofs(text: str) -> None:
    assert Proof.parse(f"{HEAD}index 0\n\n{TAIL}".encode()) == BARE
    assert len(Proof.parse((f"{HEAD}index 0\n" + f"{HASH}\n" * 63 + f"\n{TAIL}").encode()).path) == 63
    with refused("proof.malformed"):
        Proof.parse(text.encode())


@pytest.mark.parametrize(
    ("tail", "code"),
    [
        ("", "note.malformed"),
        ("\n" + TAIL, "checkpoint.malformed"),
        (TAIL + "\n", "note.malformed"),
        (TAIL[:-1], "note.malformed"),
        (TAIL.replace("\n20\n", "\n020\n"), "checkpoint.malformed"),
        (TAIL.replace("\n\n", "\nextension\n\n"), "checkpoint.malformed"),
    ],
)
def test_malformed_checkpoints_in_proofs(tail: str, code: str) -> None:
    with refused(code):
        Proof.parse(f"{HEAD}index 0\n\n{tail}".encode())


def test_bytes_that_are_not_ascii_above_the_checkpoint() -> None:
    with refused("proof.malformed"):
        Proof.parse(b"\xff" + BARE.encode())
    with refused("proof.malformed"):
        Proof.parse(HEAD.encode() + b"index 0\n" + HASH.encode() + b"\xff\n\n" + NOTE.encode())


def test_size_limit() -> None:
    spare = limits.PROOF_BYTES - len(BARE.encode()) - len("extra \n")
    largest = Proof(0, (), NOTE, b"x" * (spare // 4 * 3))
    assert limits.PROOF_BYTES - len(largest.encode()) < 4
    assert Proof.parse(largest.encode()) == largest
    with refused("proof.malformed"):
        Proof.parse(Proof(0, (), NOTE, b"x" * (spare // 4 * 3 + 3)).encode())


@pytest.mark.parametrize(
    "change",
    [
        {"index": -1},
        {"index": 2**63},
        {"extra": b""},
        {"path": (b"h" * 32,) * 64},
        {"path": (b"h" * 31,)},
        {"path": (b"h" * 33,)},
    ],
)
def test_proofs_that_cannot_be_written(change: dict[str, Any]) -> None:
    values: dict[str, Any] = {"index": 0, "path": (), "signed": NOTE, "extra": None}
    with refused("proof.malformed"):
        Proof(**values | change)


@given(
    st.integers(min_value=0, max_value=2**63 - 1),
    st.lists(st.binary(min_size=32, max_size=32), max_size=63),
    st.none() | st.binary(min_size=1, max_size=50),
)
def test_any_proof_is_read_as_it_was_written(index: int, path: list[bytes], extra: bytes | None) -> None:
    proof = Proof(index, tuple(path), NOTE, extra)
    assert Proof.parse(proof.encode()) == proof


@given(st.binary(max_size=60))
def test_arbitrary_bytes_never_raise_anything_else(data: bytes) -> None:
    for candidate in (
        data,
        HEAD.encode() + data,
        HEAD.encode() + b"index 0\n" + data + b"\n\n" + NOTE.encode(),
        BARE.encode() + data,
    ):
        parsed = attempt(CODES, Proof.parse, candidate)
        assert parsed is None or parsed.encode() == candidate


def test_mldsa_lines_fit() -> None:
    head = NOTE.checkpoint
    lines = tuple(checkpoint.sign(head, *mldsa_key(f"w{number}", seed=number), time=1) for number in range(1, 17))
    proof = Proof(0, (), SignedCheckpoint(head, lines), None)
    assert Proof.parse(proof.encode()) == proof
