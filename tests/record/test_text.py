"""What a reader would miss in a text, and what search takes for equal. FAULTS H1 to H5."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceasewire.record.text import HIDDEN, MARKS, canonical_digits, folded, hidden, marks, visible, words


def kinds(text: str) -> dict[str, int]:
    return {mark.kind: mark.count for mark in marks(text)}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Bridge 4, 12 rounds.", {}),
        ("a\u200bb\ufeff", {"zero_width": 2}),
        ("a\u200eb\u200f\u061c", {"bidi_control": 3}),
        ("gpj\u202eexe\u2066", {"bidi_control": 2}),
        ("ar\u00adtillery", {"soft_hyphen": 1}),
        ("fine" + "".join(chr(0xE0000 + ord(one)) for one in "secret"), {"tag": 6}),
        ("A\ufe0f\U000e0100", {"variation_selector": 2}),
        ("\u2600\ufe0f", {}),
        ("z" + "\u0301" * 2000, {"combining_run": 1996}),
        ("e\u0301 \u1ea5 a\u0302\u0301", {}),
        ("a\ufffdb", {"replacement": 1}),
        ("\ue000\U000f0000", {"private_use": 2}),
        ("p\u0430yp\u0430l north", {"mixed_script": 1}),
        ("\u0441\u0435\u0432\u0435\u0440 north", {}),
        ("\uff4eorth", {"mixed_script": 1}),
        ("\u0661\u0662\uff13", {"other_digits": 3}),
        ("03/04/2031", {"ambiguous_date": 1}),
        ("\u0660\u0663/\u0660\u0664/\u0662\u0660\u0663\u0661", {"other_digits": 8, "ambiguous_date": 1}),
        ("13/04/2031 and 04.04.2031 and 2031-04-03", {}),
        ("1,5 km", {"ambiguous_number": 1}),
        ("1,234,567 people", {}),
    ],
)
def test_marks(text: str, found: dict[str, int]) -> None:
    """H1 to H3, H5: what is marked, how often, and what is not."""
    assert kinds(text) == found


def test_h3_joiners_are_ordinary_in_pashto_dari_and_persian_words() -> None:
    """H3: ZWNJ between letters of Arabic script is spelling; at the edge of a word, or among Latin letters, it is hidden."""
    assert kinds("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645") == {}
    assert kinds("\u0645\u06cc\u064e\u200d\u062e") == {}
    assert kinds("\u0645\u06cc\u200c \u062e") == {"zero_width": 1}
    assert kinds("no\u200crth") == {"zero_width": 1}
    assert kinds("\u200c\u200c\u0645") == {"zero_width": 2}


def test_visible_spells_out_what_is_hidden_and_nothing_else() -> None:
    assert visible("a\u200bb\n\u067e\u069a\u062a\u0648") == "a<U+200B>b\n\u067e\u069a\u062a\u0648"
    assert visible("\u202egpj \U000e0041") == "<U+202E>gpj <U+E0041>"
    assert visible("\u0645\u06cc\u200c\u062e") == "\u0645\u06cc\u200c\u062e"
    assert visible("z\u0301\u0301\u0301\u0301\u0301") == "z\u0301\u0301\u0301\u0301<U+0301>"


@given(st.text(max_size=60))
def test_marks_and_visible_agree(text: str) -> None:
    """Every hidden character is spelt out once, and the rest stays as it was signed."""
    found = marks(text)
    assert [mark.kind for mark in found] == [kind for kind in MARKS if kind in kinds(text)]
    assert visible(text).count("<U+") - text.count("<U+") == hidden(text) == sum(m.count for m in found if m.kind in HIDDEN)
    if not hidden(text):
        assert visible(text) == text


def test_h5_digits_of_any_script_have_their_canonical_value_beside_them() -> None:
    assert canonical_digits("\u06f3\u06f4\u066b\u06f5 \uff11\uff12 \u1041") == "34\u066b5 12 1"
    assert canonical_digits("12") == "12"


EQUAL = [
    ("\u0643\u0627\u0628\u0644", "\u06a9\u0627\u0628\u0644"),  # kaf, keheh
    ("\u0639\u0644\u064a", "\u0639\u0644\u06cc"),  # ya, Farsi yeh
    ("\u0639\u0644\u0649", "\u0639\u0644\u06cc"),  # alef maqsura
    (
        "\u0623\u062d\u0645\u062f \u0625\u0644\u0649 \u0622\u0628 \u0671\u0644",
        "\u0627\u062d\u0645\u062f \u0627\u0644\u06cc \u0627\u0628 \u0627\u0644",
    ),
    ("\u0645\u062f\u0631\u0633\u0629", "\u0645\u062f\u0631\u0633\u0647"),  # ta marbuta, heh
    ("\u0645\u064f\u062d\u064e\u0645\u0651\u064e\u062f", "\u0645\u062d\u0645\u062f"),  # harakat
    ("\u0645\u062d\u0640\u0640\u0645\u062f", "\u0645\u062d\u0645\u062f"),  # tatweel
    ("\u06ab\u0646", "\u06af\u0646"),  # Pashto gaf
    ("\u0661\u0662 \u06f3", "12 3"),
    ("Stra\u00dfe \u0130zmir D\u00fczce \u0141\u00f3d\u017a", "strasse izmir duzce lodz"),
    ("\u0401\u043b\u043a\u0430", "\u0435\u043b\u043a\u0430"),
]


@pytest.mark.parametrize(("one", "other"), EQUAL)
def test_search_takes_forms_of_one_letter_for_equal(one: str, other: str) -> None:
    assert folded(one) == folded(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("\u0681", "\u062d"),
        ("\u0685", "\u062d"),
        ("\u0689", "\u062f"),
        ("\u0693", "\u0631"),
        ("\u0696", "\u0631"),
        ("\u069a", "\u0633"),
        ("\u067c", "\u062a"),
        ("\u06bc", "\u0646"),
        ("\u06d0", "\u06cc"),
        ("\u06cd", "\u06cc"),
    ],
)
def test_search_keeps_pashto_letters_apart(one: str, other: str) -> None:
    assert folded(one) != folded(other)


@given(st.text(max_size=40))
def test_h4_nfc_and_nfd_are_found_alike(text: str) -> None:
    """H4: the signed bytes differ; the search does not. Folding what is folded changes nothing."""
    assert folded(unicodedata.normalize("NFC", text)) == folded(unicodedata.normalize("NFD", text))
    assert words(folded(text)) == words(text)


def test_words() -> None:
    assert words("A4: two rounds,\nat 04:12 (Bridge-4)") == ["a4", "two", "rounds", "at", "04", "12", "bridge", "4"]
    assert words("\u0645\u0648\u0696 \u0627\u0648\u0631\u0628\u0646\u062f \u06a9\u0693\u06cc.") == [
        "\u0645\u0648\u0696",
        "\u0627\u0648\u0631\u0628\u0646\u062f",
        "\u06a9\u0693\u06cc",
    ]
    assert words("\u1019\u103c\u1014\u103a\u1019\u102c") == ["\u1019\u103c\u1014\u103a\u1019\u102c"]  # vowel signs are no diacritics
    assert words(" ,.- ") == []
