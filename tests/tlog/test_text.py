"""Base64 and decimals have one spelling each."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceasewire.tlog.text import decode_base64, decode_hash, decode_number, encode_base64, has_forbidden


@given(st.binary(max_size=80))
def test_base64_round_trip(data: bytes) -> None:
    assert encode_base64(data) == base64.b64encode(data).decode()
    assert decode_base64(encode_base64(data)) == data


@pytest.mark.parametrize(
    "text",
    [
        "QQ",
        "QQ=",
        "QR==",
        "QQ==\n",
        " QQ==",
        "QQ== ",
        "QQ==QQ==",
        "QQ===",
        "=",
        "-_-_",
        "Q\nQ==",
        "QQ=\u003d\u00e9",
        "QUF=",
        "\ud800AAA",
    ],
)
def test_any_other_base64_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        decode_base64(text)


@given(st.text(max_size=12))
def test_accepted_base64_is_what_would_be_written(text: str) -> None:
    try:
        data = decode_base64(text)
    except ValueError:
        return
    assert encode_base64(data) == text


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_hash_has_32_bytes(size: int) -> None:
    assert decode_hash(encode_base64(b"h" * 32)) == b"h" * 32
    with pytest.raises(ValueError, match="32 bytes"):
        decode_hash(encode_base64(b"h" * size))


@given(st.integers(min_value=0, max_value=2**63 - 1))
def test_number_round_trip(number: int) -> None:
    assert decode_number(str(number)) == number


@pytest.mark.parametrize(
    "text",
    [
        "",
        "00",
        "01",
        "-0",
        "-1",
        "+1",
        " 1",
        "1 ",
        "1\n",
        "1_0",
        "1.0",
        "0x1",
        "\u0661",
        "\u00b2",
        "\uff11",
        str(2**63),
        "9" * 19,
        "9" * 5000,
    ],
)
def test_any_other_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="plain decimal"):
        decode_number(text)


def test_forbidden_characters() -> None:
    allowed = "\n \x7f\x80\u00e9\u2028\U0001f54a"
    assert not has_forbidden(allowed)
    for number in [*range(0, 10), *range(11, 32), 0xD800, 0xDFFF]:
        assert has_forbidden(f"a{chr(number)}b"), number
