"""Checkpoints and cosignatures: the examples of C2SP, the exact signed bytes, and refusals."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceasewire.tlog import checkpoint, note
from ceasewire.tlog.checkpoint import Checkpoint, SignedCheckpoint
from ceasewire.tlog.merkle import EMPTY_ROOT
from ceasewire.tlog.note import SignatureLine, VerifierKey
from ceasewire.tlog.text import has_forbidden

from .helpers import Signer, attempt, b64, ed25519_key, flipped, mldsa_key, refused

SOFA_TEXT = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
SOFA_LOG_LINE = (
    "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
)
SOFA_WITNESS_LINE = (
    "— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
)
SOFA = Checkpoint.parse(SOFA_TEXT)
TIME = 1_679_315_147

KEYS: list[tuple[VerifierKey, Signer]] = [
    ed25519_key("example.com/log"),
    ed25519_key("example.com/log/receipt", note.COSIGNATURE_ED25519),
    mldsa_key("example.com/log"),
]


def test_the_example_of_tlog_checkpoint() -> None:
    data = (SOFA_TEXT + "\n" + SOFA_LOG_LINE).encode()
    signed = SignedCheckpoint.parse(data)
    root = bytes.fromhex("0ac5186a91863e8e1d90c808014aa89bf5da8e3ee1d9f07630f0378f68f1ab62")
    assert signed.checkpoint == Checkpoint("example.com/behind-the-sofa", 20_852_163, root)
    assert signed.encode() == data


def test_the_example_of_tlog_cosignature() -> None:
    data = (SOFA_TEXT + "\n" + SOFA_LOG_LINE + SOFA_WITNESS_LINE).encode()
    log, witness = SignedCheckpoint.parse(data).lines
    assert (log.name, len(log.blob)) == ("example.com/behind-the-sofa", 64)
    assert (witness.name, len(witness.blob)) == ("witness.example.com/w1", 72)
    assert int.from_bytes(witness.blob[:8], "big") == TIME
    key = ed25519_key("witness.example.com/w1", note.COSIGNATURE_ED25519)[0]
    expected = f"cosignature/v1\ntime 1679315147\n{SOFA_TEXT}".encode()
    assert checkpoint.signed_message(SOFA, key, TIME) == expected


def test_the_message_that_an_ed25519_log_key_signs_is_the_text() -> None:
    assert checkpoint.signed_message(SOFA, KEYS[0][0], 0) == SOFA_TEXT.encode()
    assert checkpoint.signed_message(SOFA, KEYS[0][0], TIME) == SOFA_TEXT.encode()


def test_the_message_that_mldsa_signs() -> None:
    key = KEYS[2][0]
    expected = struct.pack(
        ">12sB15sQB27sQQ32s", b"subtree/v1\n\x00", 15, b"example.com/log", TIME, 27, SOFA.origin.encode(), 0, SOFA.size, SOFA.root
    )
    assert checkpoint.signed_message(SOFA, key, TIME) == expected


@pytest.mark.parametrize("bad", ["", "a\nb", "a\rb", "a\x00", "\t", "\ud800"])
def test_origins_that_are_refused(bad: str) -> None:
    for good in ("a", "a b+c", "\u00e9", "\x7f"):  # only recommended against by C2SP
        assert Checkpoint.parse(Checkpoint(good, 1, b"r" * 32).text()).origin == good
    with refused("checkpoint.malformed"):
        Checkpoint(bad, 1, b"r" * 32)
    with refused("checkpoint.malformed"):
        Checkpoint.parse(f"{bad}\n1\n{b64(b'r' * 32)}\n")


@pytest.mark.parametrize(("size", "root"), [(-1, b"r" * 32), (2**63, b"r" * 32), (1, b"r" * 31), (1, b"r" * 33), (1, b"")])
def test_numbers_that_are_refused(size: int, root: bytes) -> None:
    with refused("checkpoint.malformed"):
        Checkpoint("a", size, root)
    with refused("checkpoint.malformed"):
        Checkpoint.parse(f"a\n{size}\n{b64(root)}\n")


ROOT64 = b64(b"r" * 32)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "a\n1\n",
        f"a\n1\n{ROOT64}",
        f"a\n1\n{ROOT64}\n\n",
        f"a\n1\n{ROOT64}\nextension\n",
        f"a\n1\n{ROOT64}\nx",
        f"\na\n1\n{ROOT64}\n",
        f"a\n01\n{ROOT64}\n",
        f"a\n\n{ROOT64}\n",
        f"a\n+1\n{ROOT64}\n",
        f"a\n 1\n{ROOT64}\n",
        f"a\n1 \n{ROOT64}\n",
        f"a\n1\r\n{ROOT64}\n",
        f"a\n\u0661\n{ROOT64}\n",
        f"a\n1\n{ROOT64} \n",
        f"a\n1\n{ROOT64[:-1]}\n",
        f"a\n1\n{ROOT64[:-2]}J=\n",
        f"a\n1\n{ROOT64.replace('=', '==')}\n",
        f"a\n{'9' * 5000}\n{ROOT64}\n",
    ],
)
def test_malformed_checkpoints(text: str) -> None:
    assert Checkpoint.parse(f"a\n1\n{ROOT64}\n") == Checkpoint("a", 1, b"r" * 32)
    with refused("checkpoint.malformed"):
        Checkpoint.parse(text)


def test_a_note_that_is_no_checkpoint() -> None:
    with refused("checkpoint.malformed"):
        SignedCheckpoint.parse(f"text\n\n{SOFA_LOG_LINE}".encode())
    with refused("checkpoint.malformed"):
        SignedCheckpoint.parse(f"{SOFA_TEXT}extension\n\n{SOFA_LOG_LINE}".encode())
    with refused("note.malformed"):
        SignedCheckpoint.parse(SOFA_TEXT.encode())


@given(st.text(max_size=30), st.integers(min_value=-2, max_value=2**64), st.binary(min_size=31, max_size=33))
def test_whatever_can_be_written_is_read_again(origin: str, size: int, root: bytes) -> None:
    written = attempt({"checkpoint.malformed"}, Checkpoint, origin, size, root)
    possible = origin and not has_forbidden(origin + "\r" * ("\n" in origin)) and 0 <= size < 2**63 and len(root) == 32
    assert (written is not None) == bool(possible)
    assert written is None or Checkpoint.parse(written.text()) == written


@given(st.text(max_size=60))
def test_arbitrary_texts_never_raise_anything_else(text: str) -> None:
    for candidate in (text, f"a\n{text}\n{ROOT64}\n", f"a\n1\n{text}", f"{text}\n1\n{ROOT64}\n"):
        parsed = attempt({"checkpoint.malformed"}, Checkpoint.parse, candidate)
        assert parsed is None or parsed.text() == candidate


@pytest.mark.parametrize(("key", "sign"), KEYS)
@pytest.mark.parametrize("time", [0, TIME, 2**63 - 1])
@pytest.mark.parametrize("head", [SOFA, Checkpoint("empty", 0, EMPTY_ROOT), Checkpoint("é", 2**63 - 1, b"r" * 32)])
def test_sign_and_verify(key: VerifierKey, sign: Signer, time: int, head: Checkpoint) -> None:
    line = checkpoint.sign(head, key, sign, time)
    assert checkpoint.verify(head, line, key) == (0 if key.kind == note.ED25519 else time)
    signed = SignedCheckpoint(head, (line,))
    assert SignedCheckpoint.parse(signed.encode()) == signed


@pytest.mark.parametrize(("key", "sign"), KEYS)
def test_a_signature_is_refused_over_anything_else(key: VerifierKey, sign: Signer) -> None:
    line = checkpoint.sign(SOFA, key, sign, TIME)
    others = [
        Checkpoint(SOFA.origin + "s", SOFA.size, SOFA.root),
        Checkpoint(SOFA.origin, SOFA.size + 1, SOFA.root),
        Checkpoint(SOFA.origin, SOFA.size, flipped(SOFA.root, 0)),
    ]
    for other in others:
        with refused("sig.invalid"):
            checkpoint.verify(other, line, key)
    blobs = [line.blob[:-1], line.blob + b"\x00", b"", *(flipped(line.blob, bit) for bit in range(0, len(line.blob) * 8, 61))]
    lines = [SignatureLine(line.name, line.key_id, blob) for blob in blobs]
    lines += [SignatureLine("b", line.key_id, line.blob), SignatureLine(line.name, flipped(line.key_id, 0), line.blob)]
    for changed in lines:
        with refused("sig.invalid"):
            checkpoint.verify(SOFA, changed, key)


@pytest.mark.parametrize(("key", "sign"), KEYS[1:])
def test_times(key: VerifierKey, sign: Signer) -> None:
    for time in (-1, 2**63):
        with refused("sig.invalid"):
            checkpoint.sign(SOFA, key, sign, time)
    line = checkpoint.sign(SOFA, key, sign, TIME)
    for time in (TIME + 1, 0, 2**63, 2**64 - 1):
        changed = SignatureLine(line.name, line.key_id, time.to_bytes(8, "big") + line.blob[8:])
        with refused("sig.invalid"):
            checkpoint.verify(SOFA, changed, key)


@pytest.mark.parametrize(("key", "sign"), KEYS)
def test_the_time_is_zero_unless_given(key: VerifierKey, sign: Signer) -> None:
    assert checkpoint.verify(SOFA, checkpoint.sign(SOFA, key, sign), key) == 0


def test_a_time_above_the_limit_is_refused_even_when_it_is_signed() -> None:
    key, sign = KEYS[1]
    message = f"cosignature/v1\ntime {2**63}\n{SOFA_TEXT}".encode()
    line = SignatureLine(key.name, key.key_id, (2**63).to_bytes(8, "big") + sign(message))
    with refused("sig.invalid"):
        checkpoint.verify(SOFA, line, key)


def test_one_private_key_in_two_types_never_confuses_them() -> None:
    log, sign = ed25519_key("same")
    cosigner, _ = ed25519_key("same", note.COSIGNATURE_ED25519)
    as_log, as_cosigner = checkpoint.sign(SOFA, log, sign), checkpoint.sign(SOFA, cosigner, sign, TIME)
    for line, key in ((as_log, cosigner), (as_cosigner, log)):
        with refused("sig.invalid"):
            checkpoint.verify(SOFA, line, key)
        with refused("sig.invalid"):
            checkpoint.verify(SOFA, SignatureLine(key.name, key.key_id, line.blob), key)
    stamped = SignatureLine(cosigner.name, cosigner.key_id, bytes(8) + as_log.blob)
    with refused("sig.invalid"):
        checkpoint.verify(SOFA, stamped, cosigner)


def test_mldsa_commits_to_the_cosigners_name() -> None:
    (one, sign), (other, _) = mldsa_key("one"), mldsa_key("other")
    line = checkpoint.sign(SOFA, one, sign, TIME)
    with refused("sig.invalid"):
        checkpoint.verify(SOFA, SignatureLine(other.name, other.key_id, line.blob), other)


def test_names_too_long_for_mldsa() -> None:
    longest, sign = mldsa_key("é" * 127 + "n")
    origin = Checkpoint("o" * 255, 1, b"r" * 32)
    assert checkpoint.verify(origin, checkpoint.sign(origin, longest, sign, TIME), longest) == TIME
    for key, head in ((mldsa_key("é" * 128)[0], SOFA), (longest, Checkpoint("o" * 256, 1, b"r" * 32))):
        with refused("sig.invalid"):
            checkpoint.sign(head, key, sign, TIME)
        with refused("sig.invalid"):
            checkpoint.verify(head, SignatureLine(key.name, key.key_id, bytes(8 + 2420)), key)


@pytest.mark.parametrize(("key", "sign"), KEYS)
def test_a_signer_that_gives_something_else(key: VerifierKey, sign: Signer) -> None:
    for wrong in (b"", sign(b"m")[:-1], sign(b"m") + b"\x00"):
        with pytest.raises(ValueError, match="wrong length"):
            checkpoint.sign(SOFA, key, lambda _, wrong=wrong: wrong, TIME)  # type: ignore[misc]
