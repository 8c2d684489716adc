"""Languages, calendars and spans of time as people read them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import pytest

from catalogues import COMPLETE, CONSOLE, LANGUAGES, LOCALE, catalogue, renewed, texts
from ceasewire.console import labels, wording
from ceasewire.console.tongue import MONTHS, RIGHT_TO_LEFT, Catalogue, Tongue, choose
from ceasewire.record.bodies import Source
from ceasewire.record.fields import Code, Field, FieldType, Many, Struct
from ceasewire.record.kinds import UNDERSTOOD
from ceasewire.record.text import MARKS

NOW = int(datetime(2026, 11, 23, 12, 0, tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("day", "said"),
    [
        # The Solar Hijri year begins at the March equinox; 1403 was a leap year with thirty days of Hut (the calendar of Kabul's almanac).
        ("2025-03-20", "30 Hut 1403"),
        ("2025-03-21", "1 Hamal 1404"),
        ("2026-03-20", "29 Hut 1404"),
        ("2026-03-21", "1 Hamal 1405"),
        ("2026-11-23", "2 Qaws 1405"),
        ("1996-02-29", "10 Hut 1374"),
    ],
)
def test_solar_hijri_days_as_kabul_counts_them(day: str, said: str) -> None:
    time = datetime.fromisoformat(f"{day}T05:00:00+00:00")
    assert Tongue("en", "solar_hijri").day(time) == said
    number, month, year = said.split(" ")
    assert Tongue("ps", "solar_hijri").day(time) == f"{number} {MONTHS['ps'][MONTHS['en'].index(month)]} {year}"
    assert Tongue("ps").day(time) == day


@pytest.mark.parametrize(
    ("time", "said"),
    [
        ("2026-11-23T12:00:00Z", "in 0 s"),
        ("2026-11-23T12:05:00Z", "in 5 min"),
        ("2026-11-23T14:05:00Z", "in 2 h 5 min"),
        ("2026-11-24T12:00:59Z", "in 24 h"),
        ("2026-11-26T12:00:00Z", "in 3 days"),
        ("2026-11-23T11:59:01Z", "59 s late"),
        ("2026-11-20T12:00:00Z", "3 days late"),
    ],
)
def test_countdowns_say_whether_it_is_late(time: str, said: str) -> None:
    assert Tongue().until(time, NOW) == said


def test_times_of_today_are_short_and_say_that_they_are_utc() -> None:
    assert Tongue().when("2026-11-23T03:04:00Z", now=NOW) == "03:04Z"
    assert Tongue().when("2026-11-22T03:04:00Z", now=NOW) == "2026-11-22 03:04Z"
    assert Tongue("en", "solar_hijri").when("2026-11-22T03:04:00Z", now=NOW) == "1 Qaws 1405 03:04Z"


@pytest.mark.parametrize(
    ("wanted", "header", "found"),
    [
        (None, "ps-AF,en;q=0.5", "ps"),
        (None, "fa-AF", "prs"),
        ("uk", "en", "uk"),
        ("xx", "de,fr", "fr"),
        (None, "", "en"),
        (None, "zz;;,", "en"),
    ],
)
def test_a_language_is_chosen_from_what_there_is(wanted: str | None, header: str, found: str) -> None:
    assert choose(wanted, header) == found


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_catalogue_has_every_text_and_no_other(language: str) -> None:
    known = {one.id[0] if isinstance(one.id, tuple) else one.id for one in catalogue(language) if one.id}
    assert known == {one if isinstance(one, str) else one[0] for one in texts()}, "python -m catalogues"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_catalogue_says_that_it_is_a_draft(language: str) -> None:
    assert b"DRAFT" in renewed(language)[:400]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_translation_keeps_the_placeholders_and_has_all_forms(language: str) -> None:
    known = Catalogue.of(language)
    assert known is not None
    for text in texts():
        one, many = (text, text) if isinstance(text, str) else text
        said = known.texts.get(one)
        assert said is None or isinstance(said, str) == isinstance(text, str), one
        for form in () if said is None else (said,) if isinstance(said, str) else said:
            assert placeholders(form) == placeholders(many), one
            assert not re.search(r"%(?!\(\w+\)s)", form), form
    assert not [one.id for one in catalogue(language) if isinstance(one.string, tuple) and any(one.string) and not all(one.string)]


@pytest.mark.parametrize("language", COMPLETE)
def test_a_complete_language_lacks_no_text(language: str) -> None:
    known = Catalogue.of(language)
    assert known is not None
    assert not [text for text in texts() if (text if isinstance(text, str) else text[0]) not in known.texts]


def placeholders(text: str) -> list[str]:
    return sorted(set(re.findall(r"%\((\w+)\)s", text)))


# --- Codes ---


def coded(name: str, type_: FieldType) -> Iterator[tuple[str, str]]:
    """Every list and code that a field may hold, and for the list `field` every name of a part."""
    if isinstance(type_, Many):
        yield from coded(name, type_.item)
    elif isinstance(type_, Source):
        yield from coded(name, type_.given)
    elif isinstance(type_, Struct):
        yield from fields(type_.fields)
    elif isinstance(type_, Code) and name != "phrase":  # whose words stand beside the English ones: record/phrases.py
        yield from ((name, word) for word in type_.words)


def fields(of: Mapping[str, Field]) -> Iterator[tuple[str, str]]:
    for name, one in of.items():
        yield "field", name
        yield from coded(name, one.type)


def test_every_field_and_code_of_every_kind_has_words() -> None:
    known = labels.lists()
    wanted = {one for kind in UNDERSTOOD.values() for one in fields(kind.all_fields)}
    assert len(wanted) > 200
    assert not {(name, code) for name, code in wanted if code not in known.get(name, {})}
    assert set(MARKS) == set(known["care"])


def test_every_list_that_a_template_names_is_known_and_translated() -> None:
    known, extracted = labels.lists(), {one if isinstance(one, str) else one[0] for one in texts()}
    sources = {path.name: path.read_text(encoding="utf-8") for path in CONSOLE.rglob("*.html")}
    named = {name for text in sources.values() for name in re.findall(r"""\|\s*word\(\s*["']([a-z_]+)["']""", text)}
    assert {"field", "kind", "stance", "audit", "clock"} <= named
    assert not named - set(known)
    assert not {words for table in known.values() for words in table.values()} - extracted
    # A filter without a list, or with one that is computed, is one that wording.py or form_parts.py named: the test above holds those.
    assert set(re.findall(r"\|\s*word(?!\()[^ }]*|\|\s*word\(([a-z][^\s)]*)", "".join(sources.values()))) <= {"v.of", "choice.of"}


def test_every_line_of_the_audit_list_has_words() -> None:
    root = CONSOLE.parent
    said = [path.read_text(encoding="utf-8") for folder in ("accounts", "console/pages") for path in sorted((root / folder).glob("*.py"))]
    codes = {code for text in said for code in re.findall(r'(?:_line|_done|\.note)\b[^"\n]*"([a-z_]+)"', text)}
    assert {"signed_in", "draft_changed", "message_sent"} <= codes
    assert not codes - set(labels.lists()["audit"])


def test_a_stance_is_said_by_a_text_of_the_catalogues() -> None:
    extracted = {one for one in texts() if isinstance(one, str)}
    for said in ("accepted: the facts are agreed", "agrees that north/1 and south/2 are one", "accepts the new date 2026-11-23", None):
        assert {text for text, _ in wording.stance_parts("accepted", said)} <= extracted


# --- Plural forms ---


@pytest.mark.parametrize(
    ("language", "forms"),
    [
        ("ps", {0: 1, 1: 0, 2: 1, 21: 1}),
        ("fr", {0: 0, 1: 0, 2: 1}),
        ("ru", {0: 2, 1: 0, 2: 1, 5: 2, 11: 2, 21: 0, 22: 1, 111: 2}),
        ("uk", {1: 0, 2: 1, 5: 2, 21: 0}),
        ("ar", {0: 0, 1: 1, 2: 2, 3: 3, 10: 3, 11: 5, 99: 5, 100: 4, 102: 4, 103: 3}),
    ],
)
def test_a_plural_form_is_chosen_by_the_languages_own_rule(
    language: str, forms: Mapping[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    known = Catalogue.of(language)
    assert known is not None
    assert {number: known.plural(number) for number in forms} == forms
    made = Catalogue({"%(n)s day": tuple(f"form {form}" for form in range(6))}, known.plural)
    monkeypatch.setattr(Catalogue, "of", staticmethod(lambda _: made))
    assert {number: Tongue(language).ngettext("%(n)s day", "%(n)s days", number) for number in forms} == {
        number: f"form {form}" for number, form in forms.items()
    }


def test_an_untranslated_plural_is_english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Catalogue, "of", staticmethod(lambda _: None))
    assert [Tongue("ru").ngettext("%(n)s day", "%(n)s days", number) for number in (1, 2, 21)] == ["%(n)s day", "%(n)s days", "%(n)s days"]


# --- Pashto ---


def test_received_read_and_agreed_are_three_wordings_in_pashto() -> None:
    tongue = Tongue("ps")
    received, read, answered, agreed, accepted = map(
        tongue.gettext, ("received by their machine", "read by an officer", "answered", "agreed", "accepted")
    )
    assert len({received, read, answered, agreed, accepted}) == 5
    marks = ("ماشین", "لوستی", "موافق")  # machine, read, agree
    for said, own in ((received, "ماشین"), (read, "لوستی"), (agreed, "موافق")):
        assert [mark for mark in marks if mark in said] == [own]
    assert "هېڅ" in tongue.gettext("Read by a person, who agrees to nothing by it")


@pytest.mark.parametrize("language", sorted(RIGHT_TO_LEFT))
def test_what_runs_from_the_left_is_set_apart_in_a_text_that_runs_from_the_right(language: str) -> None:
    known = Catalogue.of(language)
    assert known is not None
    for said in known.texts.values():
        for form in [said] if isinstance(said, str) else said:
            # A date, a minus sign or an address would be turned about by the letters before it (Unicode Standard Annex 9, W2 and W4).
            apart = re.sub("\u2066[^\u2069]*\u2069", "", form)
            assert not re.search(r"\d{4}-\d\d|(?<!\w)-\d|://", apart), form
            assert form.count("\u2066") == form.count("\u2069"), form


def test_pashto_is_written_in_its_own_letters_and_with_no_hidden_ones() -> None:
    text = (LOCALE / "ps" / "LC_MESSAGES" / "console.po").read_text(encoding="utf-8")
    said = "".join(re.findall(r'^msgstr(?:\[\d\])? "(.*)"$', text, re.MULTILINE))
    for letter in "ښګېۍډړټځڅ":
        assert letter in said, letter
    for stray, meant in (("ك", "ک"), ("ة", "ه"), ("ى", "ی"), ("گ", "ګ"), ("\u200c", "")):
        assert stray not in said, (stray, meant)
