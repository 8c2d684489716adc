"""Signed notes and verifier keys: the example of C2SP signed-note, and nothing that is not in its one form."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceasewire import limits
from ceasewire.tlog import note
from ceasewire.tlog.note import Note, SignatureLine, VerifierKey

from .helpers import attempt, b64, ed25519_key, flipped, mldsa_key, refused

EXAMPLE_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
EXAMPLE = (
    "This is an example message.\n"
    "\n"
    "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
).encode()
POEM = (
    "Ognuno sta solo sul cuor della terra\n"
    "trafitto da un raggio di sole:\n"
    "\n"
    "ed è subito sera.\n"
    "\n"
    "— quasimodo.example/salvatore "
    "NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n"
).encode()
LINE = "— a " + b64(b"idid" + b"s") + "\n"

SPACES = [
    *range(0x09, 0x0E),
    *[0x20, 0x85, 0xA0, 0x1680],
    *range(0x2000, 0x200B),
    *[0x2028, 0x2029, 0x202F, 0x205F, 0x3000],
]


def test_the_example_of_the_specification() -> None:
    key = VerifierKey.parse(EXAMPLE_KEY)
    parsed = Note.parse(EXAMPLE)
    assert (key.name, key.kind, key.key_id.hex()) == ("example.com/foo", note.ED25519, "530d903a")
    assert key.text() == EXAMPLE_KEY
    assert parsed.text == "This is an example message.\n"
    note.verify_ed25519(parsed.text, parsed.lines[0], key)
    assert parsed.encode() == EXAMPLE


def test_a_text_may_hold_empty_lines() -> None:
    parsed = Note.parse(POEM)
    assert parsed.text.endswith(":\n\ned è subito sera.\n")
    assert [line.name for line in parsed.lines] == ["quasimodo.example/salvatore"]
    assert len(parsed.lines[0].blob) == 64
    assert parsed.encode() == POEM


def test_every_flipped_bit_of_a_note_is_seen() -> None:
    key = VerifierKey.parse(EXAMPLE_KEY)
    for bit in range(len(EXAMPLE) * 8):
        changed = flipped(EXAMPLE, bit)
        parsed = attempt({"note.malformed"}, Note.parse, changed)
        if parsed is None:
            continue
        assert parsed.encode() == changed
        with refused("sig.invalid"):
            note.verify_ed25519(parsed.text, parsed.lines[0], key)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"\n\n",
        b"text\n",
        b"text\n\n",
        LINE.encode(),
        ("\n" + LINE).encode(),
        ("text\n" + LINE).encode(),
        ("text\n\n" + LINE + "\n").encode(),
        ("text\n\n" + LINE + "more\n").encode(),
        ("text\n\n" + LINE[:-1]).encode(),
        ("text\n\n" + LINE.replace("—", "-")).encode(),
        ("text\n\n" + LINE.replace("—", "\u2013")).encode(),
        ("text\n\n" + LINE.replace("— ", "—  ")).encode(),
        ("text\n\n" + LINE.replace("— a", "—")).encode(),
        ("text\n\n" + LINE.replace("\n", " \n")).encode(),
        ("text\n\n " + LINE).encode(),
        ("text\n\n" + LINE.replace(" a ", " a+b ")).encode(),
        ("text\n\n" + LINE.replace(" a ", " a\u00a0b ")).encode(),
        ("text\n\n" + LINE.replace(" a ", "  ")).encode(),
        ("text\n\n" + LINE.replace("\n", "\r\n")).encode(),
        ("text\r\n\r\n" + LINE).encode(),
        ("te\txt\n\n" + LINE).encode(),
        ("te\x00xt\n\n" + LINE).encode(),
        b"\xef\xbb\xbftext\n" + LINE.encode(),
        b"te\xffxt\n\n" + LINE.encode(),
        b"te\xc0\xafxt\n\n" + LINE.encode(),
        b"te\xed\xa0\x80xt\n\n" + LINE.encode(),
        ("text\n\n— a " + b64(b"") + "\n").encode(),
        ("text\n\n— a " + b64(b"idi") + "\n").encode(),
        ("text\n\n— a " + b64(b"idid") + "\n").encode(),
        ("text\n\n— a " + b64(b"idid" + b"s").replace("=", "") + "\n").encode(),
        "text\n\n— a aWRpZHN=\n".encode(),
        "text\n\n— a aWRp-HM=\n".encode(),
    ],
)
def test_malformed_notes(data: bytes) -> None:
    assert Note.parse(("text\n\n" + LINE).encode()).lines == (SignatureLine("a", b"idid", b"s"),)
    with refused("note.malformed"):
        Note.parse(data)


def test_limits() -> None:
    most = ("text\n\n" + LINE * limits.NOTE_SIGNATURES).encode()
    assert len(Note.parse(most).lines) == limits.NOTE_SIGNATURES >= 16
    with refused("note.malformed"):
        Note.parse(most + LINE.encode())
    longest = ("t" * (limits.NOTE_BYTES - 2 - len(LINE.encode())) + "\n\n" + LINE).encode()
    assert len(longest) == limits.NOTE_BYTES
    assert Note.parse(longest).encode() == longest
    with refused("note.malformed"):
        Note.parse(b"t" + longest)


@given(
    st.text(max_size=40),
    st.lists(st.tuples(st.text(max_size=6), st.binary(min_size=4, max_size=4), st.binary(max_size=9)), max_size=4),
)
def test_whatever_parses_is_what_was_written(text: str, lines: list[tuple[str, bytes, bytes]]) -> None:
    written = Note(text, tuple(SignatureLine(*line) for line in lines))
    try:
        data = written.encode()
    except UnicodeEncodeError:
        return
    parsed = attempt({"note.malformed"}, Note.parse, data)
    assert parsed is None or parsed.encode() == data


@given(st.binary(max_size=60))
def test_arbitrary_bytes_never_raise_anything_else(data: bytes) -> None:
    for candidate in (data, b"t\n\n" + data, b"t\n\n" + LINE.encode() + data):
        parsed = attempt({"note.malformed"}, Note.parse, candidate)
        assert parsed is None or parsed.encode() == candidate


@pytest.mark.parametrize("code_point", SPACES)
def test_no_unicode_space_in_names(code_point: int) -> None:
    with refused("note.malformed"):
        note.check_name(f"a{chr(code_point)}b")
    with refused("vkey.malformed"):
        VerifierKey(f"a{chr(code_point)}", note.ED25519, b"k" * 32)


def test_names() -> None:
    for name in ("a", "example.com/a", "\u2603", "a\u200bb", "\x7f", "—"):
        note.check_name(name)
    for name in ("", "+", "a+b", "a\x1cb", "a\x00", "\ud800"):
        with refused("note.malformed"):
            note.check_name(name)
    assert sorted(SPACES) == [n for n in range(0x110000) if chr(n).isspace() and not 0x1C <= n <= 0x1F]


@pytest.mark.parametrize("kind", [note.ED25519, note.COSIGNATURE_ED25519, note.MLDSA44])
def test_key_ids_and_texts(kind: int) -> None:
    key = mldsa_key("n/é")[0] if kind == note.MLDSA44 else ed25519_key("n/é", kind)[0]
    expected = hashlib.sha256("n/é\n".encode() + bytes([kind]) + key.key).digest()[:4]
    assert key.key_id == expected
    assert key.text() == f"n/é+{expected.hex()}+{b64(bytes([kind]) + key.key)}"
    assert VerifierKey.parse(key.text()) == key


def vkey(name: str, data: bytes) -> str:
    """A key text with the right key id, whatever else may be wrong with it."""
    return f"{name}+{hashlib.sha256(name.encode() + chr(10).encode() + data).hexdigest()[:8]}+{b64(data)}"


GOOD = ed25519_key("a")[0].key


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "vkey.malformed"),
        ("a", "vkey.malformed"),
        ("a+b", "vkey.malformed"),
        ("++", "vkey.malformed"),
        (EXAMPLE_KEY.replace("530d903a", "530D903A"), "vkey.malformed"),
        (EXAMPLE_KEY.replace("530d903a", "530d903b"), "vkey.malformed"),
        (EXAMPLE_KEY.replace("530d903a", "30d903a"), "vkey.malformed"),
        (EXAMPLE_KEY.replace("example.com", "example.net"), "vkey.malformed"),
        (EXAMPLE_KEY + "=", "vkey.malformed"),
        (EXAMPLE_KEY + "\n", "vkey.malformed"),
        (" " + EXAMPLE_KEY, "vkey.malformed"),
        (EXAMPLE_KEY.replace("2k", "2k\u00e9"), "vkey.malformed"),
        ("\ud800" + EXAMPLE_KEY, "vkey.malformed"),
        (vkey("a", b""), "vkey.malformed"),
        (vkey("", b"\x01" + GOOD), "vkey.malformed"),
        (vkey("a b", b"\x01" + GOOD), "vkey.malformed"),
        (vkey("a", b"\x02" + GOOD), "vkey.malformed"),
        (vkey("a", b"\x00" + GOOD), "vkey.malformed"),
        (vkey("a", b"\xff" + GOOD), "vkey.malformed"),
        (vkey("a", b"\x01"), "key.length"),
        (vkey("a", b"\x01" + GOOD[:31]), "key.length"),
        (vkey("a", b"\x04" + GOOD + b"\x00"), "key.length"),
        (vkey("a", b"\x06" + GOOD), "key.length"),
        (vkey("a", b"\x06" + b"k" * 1313), "key.length"),
        (vkey("a", b"\x01" + bytes([1]) + bytes(31)), "key.weak"),
        (vkey("a", b"\x04" + bytes(32)), "key.weak"),
    ],
)
def test_keys_that_are_refused(text: str, code: str) -> None:
    assert VerifierKey.parse(vkey("a", b"\x01" + GOOD)).key == GOOD
    with refused(code):
        VerifierKey.parse(text)


@given(st.text(max_size=20))
def test_arbitrary_key_texts_never_raise_anything_else(text: str) -> None:
    for candidate in (text, f"{text}+530d903a+{text}", f"{text}{EXAMPLE_KEY}{text}"):
        key = attempt({"vkey.malformed", "key.length", "key.weak"}, VerifierKey.parse, candidate)
        assert key is None or key.text() == candidate


def test_signing_a_note() -> None:
    key, sign = ed25519_key("a")
    line = note.sign_ed25519("text\n", key, sign)
    assert line.is_by(key)
    assert Note.parse(Note("text\n", (line,)).encode()).lines == (line,)
    note.verify_ed25519("text\n", line, key)
    for text, other_line, other_key in [
        ("texd\n", line, key),
        ("text\n", SignatureLine("b", line.key_id, line.blob), key),
        ("text\n", SignatureLine("a", b"\x00" * 4, line.blob), key),
        ("text\n", SignatureLine("a", line.key_id, line.blob[:63]), key),
        ("text\n", SignatureLine("a", line.key_id, b""), key),
        ("text\n", line, ed25519_key("a", seed=2)[0]),
        ("text\n", line, ed25519_key("a", note.COSIGNATURE_ED25519)[0]),
    ]:
        with refused("sig.invalid"):
            note.verify_ed25519(text, other_line, other_key)


def test_a_signature_never_counts_for_another_type_of_the_same_key() -> None:
    cosigner, sign = ed25519_key("a", note.COSIGNATURE_ED25519)
    line = SignatureLine("a", cosigner.key_id, sign(b"text\n"))
    with refused("sig.invalid"):
        note.verify_ed25519("text\n", line, cosigner)


@pytest.mark.parametrize("text", ["", "text", "te\rxt\n", "\ud800\n"])
def test_texts_that_cannot_be_signed(text: str) -> None:
    key, sign = ed25519_key("a")
    with refused("note.malformed"):
        note.sign_ed25519(text, key, sign)


def test_keys_of_other_kinds_do_not_sign_notes() -> None:
    for key, sign in (ed25519_key("a", note.COSIGNATURE_ED25519), mldsa_key("a")):
        with pytest.raises(ValueError, match="does not sign notes"):
            note.sign_ed25519("text\n", key, sign)
