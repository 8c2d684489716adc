"""What the core says of refusals, alarms and misconduct, as somebody reads it who reads Pashto: in Pashto, with its code."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest

from catalogues import COMPLETE, catalogue, codes
from ceasewire.accounts.passwords import LEAST_CHARACTERS
from ceasewire.console import page as status_page
from ceasewire.console import refusals
from ceasewire.console.health import NodeHealth
from ceasewire.console.render import environment
from ceasewire.console.tongue import Catalogue, Tongue
from ceasewire.errors import CODES, LocalError
from ceasewire.limits import PASSWORD_BYTES
from ceasewire.node.schedule import ALARMS
from ceasewire.record.conviction import TWO_FACES
from ceasewire.record.misconduct import KINDS
from console.desks import VOID, Answer, Browser, desk_of
from helpers import START
from node.pair import ChannelPair
from node.test_two_faces import carry, forked

PROVED = Path(__file__).parents[2] / "spec" / "vectors" / "misconduct"
TITLE = "A channel for tests"
HALF_A_DAY = 12 * 3600
_SPOKEN = ("aria-label", "title", "alt", "placeholder")
_APART = frozenset({"code", "script", "style", "pre", "textarea", "option"})


class Read(HTMLParser):
    """A page's texts: `ours` by whatever language the page is in, `english` those that are marked as English."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ours: list[str] = []
        self.english: list[str] = []
        self._open: list[tuple[str, str]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.ours += [value for name in _SPOKEN if (value := found.get(name))]
        if tag not in VOID:
            outer = self._open[-1][1] if self._open else ""
            self._open.append((tag, "apart" if tag in _APART or "hreflang" in found else found.get("lang") or outer))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        said, how = data.strip(), self._open[-1][1] if self._open else ""
        if said and how != "apart":
            (self.english if how == "en" else self.ours).append(said)


def read(answer: Answer, status: int) -> Read:
    """A page in Pashto in which no text of the core is left in English, marked or not."""
    assert answer.status == status, answer.text
    assert 'lang="ps" dir="rtl"' in answer.text
    found = Read(answer.text)
    left = [text for text in codes() if text in " ".join(found.ours + found.english)]
    assert not left, left
    # Three Latin words one after another are English, but for what the test itself wrote.
    assert not [text for text in found.ours if text != TITLE and re.search("[A-Za-z]{2,} [A-Za-z]{2,} [A-Za-z]{2,}", text)], found.ours
    return found


def in_pashto(code: str) -> tuple[str, str]:
    """The sentence and the step of a code, as the catalogue has them without the marks of commands."""
    said = CODES[code]
    assert Tongue("ps").gettext(said.sentence) != said.sentence
    return Tongue("ps").gettext(said.sentence), Tongue("ps").gettext(said.step)


# --- The texts ---


@pytest.mark.parametrize("language", COMPLETE)
def test_every_sentence_and_step_of_every_code_and_alarm_is_translated(language: str) -> None:
    known = Catalogue.of(language)
    assert known is not None
    asked = {text for said in CODES.values() for text in (said.sentence, said.step)} | set(ALARMS.values())
    asked |= {text for texts in refusals.MISCONDUCT.values() for text in texts}
    assert asked == set(codes())
    assert not asked - set(known.texts)
    for text in asked:
        said = str(known.texts[text])
        assert sorted(re.findall("`[^`]+`", text)) == sorted(one for one in re.findall("`[^`]+`", said) if one in text), text
        plain = re.sub("`[^`]*`|%\\(\\w+\\)s", "", said)
        assert set(re.findall("[A-Za-z]{2,}", plain)) <= {"CBOR", "JSON", "TOML", "UTF", "Ed", "SP", "Ceasewire"}, said


def test_a_translator_is_told_which_code_says_a_text() -> None:
    told = {one.id: one.auto_comments for one in catalogue("ps")}
    assert {text: told[text] for text in codes()} == codes()
    assert told["There is no such page"] == ["console.missing"]
    assert {f"next step after {code}" for code in ("console.missing", "console.method")} == set(told["Go back to the inbox."])


def test_every_misconduct_sentence_of_the_core_is_read() -> None:
    proved = [json.loads(path.read_text()) for path in sorted(PROVED.glob("ok-*.json"))]
    said = {one["expect"]["sentence"]: one["expect"]["kind"] for one in proved if "sentence" in one["expect"]}
    assert set(refusals.MISCONDUCT) == set(KINDS.values()) == set(said.values())
    used = set()
    for sentence, kind in said.items():
        known = [text for texts in refusals.MISCONDUCT.values() for text in texts if refusals.places_of(text, sentence) is not None]
        assert len(known) == 1, sentence
        assert known[0] in refusals.MISCONDUCT[kind]
        assert known[0] % refusals.places_of(known[0], sentence) == sentence
        used.add(known[0])
        shown = refusals.misconduct(Tongue("ps"), sentence)
        assert not Read(shown).english
        assert set(re.findall(r"\d+", sentence)) <= set(re.findall(r"\d+", shown)), shown
        assert refusals.misconduct(Tongue("en"), sentence).striptags() == sentence
    assert used == {text for texts in refusals.MISCONDUCT.values() for text in texts}


def test_a_text_without_a_translation_is_marked_as_english_and_commands_are_commands() -> None:
    russian, step = Tongue("ru"), CODES["account.link"].step
    assert not russian.knows(step)
    assert refusals.step(russian, "account.link") == (
        '<span lang="en" dir="ltr">Ask an administrator for a new one; whoever runs the node: '
        '<code dir="ltr">ceasewire account link NODE</code>.</span>'
    )
    assert 'lang="en"' not in refusals.step(Tongue("ps"), "account.link") + refusals.step(Tongue("en"), "account.link")
    assert refusals.sentence(Tongue("ps"), "no.such", "<b>") == '<span lang="en" dir="ltr">&lt;b&gt;</span>'


def test_a_refusal_says_the_sentence_the_english_detail_and_the_step() -> None:
    error = LocalError("account.password", "at least <12> characters")
    sentence, step = in_pashto("account.password")
    detail = '<bdi lang="en" dir="ltr">at least &lt;12&gt; characters</bdi>'
    assert refusals.refusal(Tongue("ps"), error) == f"{sentence}: {detail}. {step}"
    assert refusals.refusal(Tongue("en"), LocalError("account.last")) == (
        "A node needs one administrator. Make somebody else administrator first."
    )


def test_what_stands_in_the_places_of_a_sentence_is_in_pashto_where_the_core_says_it_by_a_code() -> None:
    template = environment().from_string("{{ _('This cannot be sent so: %(why)s.', **values|english) }}")
    known, other = CODES["release.unknown"].sentence, "a place <is> missing"
    said = [template.render(tongue=Tongue("ps"), values={"why": why}) for why in (known, other)]
    assert f"<bdi>{in_pashto('release.unknown')[0]}</bdi>" in said[0]
    assert '<bdi lang="en" dir="ltr">a place &lt;is&gt; missing</bdi>' in said[1]


# --- Pages ---


@pytest.fixture(scope="module")
def pair() -> Iterator[ChannelPair]:
    """The guarantor was shown a second history of north's and passes on the proof; half a day later nobody has said a word."""
    with ChannelPair(("north", "south", "mission:guarantor")) as made:
        for n in range(3):
            made.north.say(f"{n}")
        made.north.node.send("notification", {"types": ["A4"], "occurred_from": "2026-02-28T04:12:00Z", "place": "Kala"})
        made.settle(2)
        carry(made["mission"], forked(made, made.north, 2, made.south))
        made.settle(2, without=("north",))
        made.set_clock(START + HALF_A_DAY + 601)
        yield made


@pytest.fixture(scope="module")
def south(pair: ChannelPair) -> Browser:
    return Browser(desk_of(pair.south), "administrator").speaking("ps")


def test_refusals_are_pages_in_pashto(south: Browser) -> None:
    reader = Browser(south.desk, "reader").speaking("ps")
    for who, path, status, code in (
        (reader, "/people", 403, "console.role"),
        (south, "/nowhere", 404, "console.missing"),
        (south, "/message/north/99", 404, "console.missing"),
        (south, "/channel/misconduct/9", 400, "ref.missing"),
    ):
        page = who.get(path)
        found = read(page, status)
        for text in in_pashto(code):
            assert text.replace("`", "") in " ".join(re.sub("<[^>]*>", "", page.text).split())
        assert f'<code dir="ltr">{code}</code>' in page.text
        assert found.english == (["There is no such misconduct proof here: 9; there are 1"] if code == "ref.missing" else [])
    refused = south.post("/names", csrf="x", kind="place", theirs="a", ours="b")
    assert in_pashto("console.csrf")[0] in " ".join(read(refused, 403).ours)


def test_what_a_form_is_refused_for_is_said_in_pashto_beside_it(south: Browser) -> None:
    named = read(south.post("/names", kind="place", theirs="Kala", ours="x" * 2000), 422)
    assert named.english == []
    assert {in_pashto("account.full")[0], in_pashto("usage")[0]} & set(named.ours)
    short = read(south.post("/me/password", password="short"), 422)
    assert in_pashto("account.password")[0] in " ".join(short.ours)
    assert short.english == [f"at least {LEAST_CHARACTERS} characters, at most {PASSWORD_BYTES} bytes in UTF-8"]


def test_a_stranger_is_told_no_detail(south: Browser, pair: ChannelPair) -> None:
    stranger = Browser(south.desk, "reader").speaking("ps")
    stranger.token = ""
    page = stranger.get("/enter/AAAA?lang=ps")
    assert in_pashto("account.link")[0] in " ".join(read(page, 400).ours)
    assert Read(page.text).english == []


def test_alarms_and_misconduct_are_told_in_pashto_on_the_channel_page(south: Browser) -> None:
    page = south.get("/channel")
    found = read(page, 200)
    assert found.english == []
    said = " ".join(found.ours)
    for alarm in ("misconduct", "log.fork", "line_check.missed", "watch.nobody"):
        assert f'<code dir="ltr">{alarm}</code>' in page.text
        sentence = ALARMS[alarm] if alarm in ALARMS else CODES[alarm].sentence
        assert Tongue("ps").gettext(sentence).partition("`")[0] in said, alarm
    assert '<code dir="ltr">ceasewire misconduct</code>' in page.text
    assert "دوه بېلابېلې لیکنې لاسلیک کړې" in said  # it signed two different entries


def test_why_a_message_is_void_is_said_in_pashto(south: Browser) -> None:
    for path in ("/message/north/2", "/message/north/3"):
        page = south.get(path)
        assert in_pashto(TWO_FACES)[0] in " ".join(read(page, 200).ours), path
        assert f'<code dir="ltr">{TWO_FACES}</code>' in page.text


def test_what_a_founding_is_refused_for_is_said_in_pashto() -> None:
    values = {"call": None, "now": 0, "code": "charter.toml", "detail": "line 3", "home": "/founding"}
    html = environment().get_template("found-error.html").render(tongue=Tongue("ps"), **values)
    assert f'{in_pashto("charter.toml")[0]}: <bdi lang="en" dir="ltr">line 3</bdi> <code dir="ltr">charter.toml</code>' in html
    assert Read(html).english == ["line 3"]


def test_the_status_page_tells_alarms_in_its_language() -> None:
    node = NodeHealth("Title", False, "word-word", "north", "North", "log.closed", (), ("line.dead",))
    now = datetime(2026, 11, 22, tzinfo=UTC)
    html = status_page.render([node], "ps", now)
    for said in (in_pashto("log.closed")[0], Tongue("ps").gettext(ALARMS["line.dead"])):
        assert f"<span>{said}</span>" in html
    assert CODES["log.closed"].sentence in status_page.render([node], "en", now)
