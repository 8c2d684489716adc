"""ML-DSA-44 with the empty context."""

from __future__ import annotations

import pytest

from ceasewire.tlog import mldsa

from .helpers import flipped, load, mldsa_key, refused, vectors


def test_wycheproof() -> None:
    groups = load(vectors("wycheproof") / "mldsa_44_verify_test.json")["testGroups"]
    wrong = []
    other_context = 0
    count = 0
    for group in groups:
        for case in group["tests"]:
            verdict = mldsa.verify(bytes.fromhex(group["publicKey"]), bytes.fromhex(case["sig"]), bytes.fromhex(case["msg"]))
            # We know the empty context only: what is valid under another must not pass as signed under ours.
            expected = case["result"] == "valid" and not case.get("ctx")
            other_context += case["result"] == "valid" and not expected
            count += 1
            if verdict != expected:
                wrong.append(case["tcId"])
    assert wrong == []
    assert (count, other_context) == (180, 2)


def test_sign_and_verify() -> None:
    key, sign = mldsa_key("a")
    signature = sign(b"message")
    mldsa.check_public_key(key.key)
    assert mldsa.verify(key.key, signature, b"message")
    assert not mldsa.verify(key.key, signature, b"massage")
    assert not mldsa.verify(mldsa_key("a", seed=2)[0].key, signature, b"message")
    assert not any(mldsa.verify(key.key, flipped(signature, bit), b"message") for bit in range(0, 2420 * 8, 97))


@pytest.mark.parametrize("length", [0, 32, 1311, 1313])
def test_lengths(length: int) -> None:
    key, sign = mldsa_key("a")
    signature = sign(b"m")
    with refused("key.length"):
        mldsa.check_public_key(b"k" * length)
    assert not mldsa.verify((key.key * 2)[:length], signature, b"m")
    for cut in (0, 64, 2419, 2421):
        assert not mldsa.verify(key.key, (signature * 2)[:cut], b"m")


def test_more_keys_than_are_kept_parsed() -> None:
    key, sign = mldsa_key("a")
    signature = sign(b"m")
    for number in range(300):
        assert not mldsa.verify(number.to_bytes(2, "big") + key.key[2:], signature, b"m")
    assert mldsa.verify(key.key, signature, b"m")
