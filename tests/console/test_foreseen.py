"""Before anybody signs: what the message's case would say, a precedence that is proposed, and what is missing, in the form's words."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ceasewire.console.between import SAID, placed
from ceasewire.record.bodies import COMMON
from ceasewire.record.fields import Field
from ceasewire.record.kinds import UNDERSTOOD
from ceasewire.record.phrases import AT_PLACE, PHRASES
from ceasewire.record.text import foreign_digits
from console.desks import Answer, Browser, desk_of
from console.filling import fill, form_of, rest_in, seen_in
from node.pair import ChannelPair

CLAIM = {"f__place": "Stone Bridge", "f__types": "A4", "f__sources__0__class": "none"}
WOUNDED = {"f__casualties__civilians__wounded__best": "2"}
RAW = re.compile(r"\b[a-z]+_[a-z_]+\b")  # a field's name as JSON has it
FUTURE = "said to have happened after it was notified"


@pytest.fixture(scope="module")
def pair() -> Iterator[ChannelPair]:
    with ChannelPair(("north", "south", "mission:guarantor")) as pair:
        yield pair


@pytest.fixture(scope="module")
def who(pair: ChannelPair) -> Browser:
    return Browser(desk_of(pair.north), "releaser")


def at(page: Answer) -> dict[str, Any]:
    """The JSON that a page shows to be signed."""
    assert page.status == 200, page.outline.text[-3000:]
    found = json.loads("".join(data for tag, data in page.outline.parts if tag == "pre"))
    assert isinstance(found, dict)
    return found


def hence(hours: float) -> str:
    """A time so far from now, as people type it."""
    return (datetime.now(UTC) + timedelta(hours=hours)).strftime("%Y-%m-%d %H:%M:%SZ")


def troubles(page: Answer) -> dict[str, str]:
    """What is wrong, by the field that the line leads to."""
    assert page.status == 422
    box = page.text.partition('id="troubles"')[2].partition("</ul>")[0]
    assert not RAW.search(re.sub(r"<[^>]*>", "", box)), box
    return dict(re.findall(r'<li><a href="#([^"]+)">[^<]*</a>: ([^<]*)</li>', box))


# --- What its case would say ---


def test_marks_of_the_case_are_said_before_it_is_signed_and_on_the_page_that_releases_it(pair: ChannelPair, who: Browser) -> None:
    calm = fill(who, "/compose/notification", **CLAIM, f__occurred_from=hence(-0.5))
    assert 'id="marks"' not in calm.text
    figures = {f"f__casualties__civilians__killed__{one}": number for one, number in (("low", "3"), ("best", "2"), ("high", "1"))}
    shown = fill(who, "/compose/notification", **CLAIM, **figures, f__occurred_from=hence(9), f__count="6")
    said = [FUTURE, "figures contradict each other", "The time of the event has not come yet", "A number stands without what it counts"]
    assert all(one in shown.outline.text for one in said), "no refusal: it is told"
    put = who.post("/compose/put", seen=seen_in(shown))
    page = who.get(put.headers["location"].partition("?")[0].partition(who.desk.name)[2])
    assert all(one in page.outline.text for one in said)
    assert who.post(f"/release/{who.desk.drafts.names()[0]}/send", rest=rest_in(page)).status == 303
    ref = f"north/{pair.north.size(0) - 1}"
    marks = pair.north.node.reading.case((0, pair.north.size(0) - 1))["marks"]
    assert {FUTURE, "figures contradict"} <= set(marks), "and that is what the case says"
    early = fill(who, "/compose/notification", **CLAIM, f__occurred_from="2020-01-01 00:00")
    assert "happened before this channel began" in early.outline.text
    mended = fill(who, f"/compose/correction?re={ref}", f__reason="The day.", c__occurred_from="2026-02-28 23:00Z")
    assert 'id="marks"' not in mended.text, "a mark that was there is not brought by the correction"
    assert who.post("/compose/send", seen=seen_in(mended)).status == 303
    worse = fill(who, f"/compose/correction?re={ref}", f__reason="The day.", c__occurred_from=hence(30))
    assert FUTURE in worse.outline.text


def test_a_notice_that_begins_before_its_answer_falls_due_says_so(who: Browser) -> None:
    notice = {"f__activity": "patrol", "f__area": "The ford", "f__window_to": hence(90), "f__assurance_asked": "yes"}
    late = "you may have no answer when it begins"
    assert late in fill(who, "/compose/notice", **notice, f__window_from=hence(2)).outline.text
    assert late not in fill(who, "/compose/notice", **notice, f__window_from=hence(80)).outline.text
    assert late not in fill(who, "/compose/notice", **notice | {"f__assurance_asked": ""}, f__window_from=hence(2)).outline.text


# --- Precedence ---


@pytest.mark.parametrize(
    ("typed", "precedence"),
    [
        ({}, None),
        (WOUNDED, "immediate"),
        ({"f__casualties__south__killed__best": "1"}, "immediate"),
        ({"f__casualties__civilians__detained__best": "1"}, None),
        ({"f__casualties__civilians__killed__best": "0"}, None),
        ({"f__ongoing": "yes"}, "immediate"),
        ({"f__ongoing": "yes", "f__types": "B1"}, None),
        (WOUNDED | {"f__precedence": "routine"}, "routine"),
        (WOUNDED | {"f__precedence": "flash"}, "flash"),
        (WOUNDED | {"f__historical": "yes"}, None),
    ],
)
def test_immediate_is_proposed_where_nobody_chose(who: Browser, typed: dict[str, str], precedence: str | None) -> None:
    shown = fill(who, "/compose/notification", **{**CLAIM, **typed})
    assert at(shown).get("precedence") == precedence
    chosen = "f__precedence" in typed
    assert ("Nobody chose a precedence" in shown.outline.text) is (precedence == "immediate")
    assert ("they have 24 h to answer" in shown.outline.text) is (precedence == "routine" and chosen)
    back = who.post("/compose/notification", seen=seen_in(shown), act="change")
    assert form_of(back)["f.precedence"] == [typed.get("f__precedence", "")], "what nobody chose stays open"


def test_precedence_stands_in_the_fifth_question_and_the_line_below_follows_it(who: Browser) -> None:
    page = who.get("/compose/notification")
    fifth = page.text.partition('<span class="step">5</span>')[2].partition("</fieldset>\n<h2")[0]
    assert re.findall(r'type="radio" name="f.precedence" value="(\w*)"', fifth) == ["routine", "priority", "immediate", "flash", ""]
    form = {name: one for name, one in form_of(page).items() if name != "csrf"} | {"f.types": ["A4"]}
    clocks = who.desk.node.channel.charter.clocks
    hours = {name: f"They must answer within {clocks[name] // 3600} h of receipt." for name in ("immediate", "priority")}
    for typed, due, proposed in (
        ({}, "within 24 h of receipt, if its precedence is routine", ""),
        ({"f.casualties.civilians.killed.best": ["1"]}, hours["immediate"], "immediate"),
        ({"f.precedence": ["priority"]}, hours["priority"], ""),
    ):
        answer = json.loads(who.post("/compose/autosave", **(form | typed)).text)
        assert (due in answer["due"], answer["proposed"]) == (True, proposed)
        assert ("f.precedence" in answer["notes"]) is bool(proposed)
        again = who.post("/compose/notification", **(form | typed | {"act": "preview"}))
        assert (again.status, due in again.outline.text) == (422, True), "the place is missing; the line follows all the same"
    notice = form_of(who.get("/compose/notice"))
    assert notice["f.precedence"] == [""]
    assert fill(who, "/compose/request", f__questions__0="Who?", f__precedence="priority").outline.text.count(hours["priority"]) == 1


# --- A place ---


def test_a_phrase_that_speaks_of_a_place_asks_for_it(who: Browser) -> None:
    assert {name for name, one in PHRASES.items() if "place named" in one.means} == AT_PLACE
    for phrase in PHRASES:
        page = fill(who, "/compose/flash", f__phrase=phrase)
        if phrase in AT_PLACE:
            assert troubles(page) == {"f-place": "That phrase speaks of a place: say which, then choose it again."}
            assert page.text.count(f'name="f.phrase" value="{phrase}"') == 2, "and it stands below the place, besides among all"
        else:
            assert at(page) == {"exercise": False, "phrase": phrase}, "and no precision of a position that is not there"
    named = at(fill(who, "/compose/flash", f__phrase="cease_now", f__location__grid="42S WD 18 17"))
    assert named["location_precision"] == "near"


def test_a_precision_is_signed_with_a_position_alone(pair: ChannelPair, who: Browser) -> None:
    assert "location_precision" not in at(fill(who, "/compose/notification", **CLAIM))
    watched = at(fill(who, "/compose/notification", **CLAIM, f__observer_position__grid="42S WD 18 17"))
    assert watched["location_precision"] == "near"
    assert placed("notice", {"route"})
    assert not placed("notification", {"place"})
    sent = pair.north.node.send("notification", {"types": ["A3"], "occurred_from": "2026-03-01T00:00:00Z", "place": "Mill", "count": 6})
    ref = f"{sent.log}/{sent.index}"
    fixed = at(fill(who, f"/compose/correction?re={ref}", f__reason="x", c__count="5", c__location_precision="near"))
    assert fixed["fields"] == {"count": 5}
    sent = pair.north.node.send(
        "notification", {"types": ["A3"], "occurred_from": "2026-03-01T00:00:00Z", "place": "M", "location": [1, 2]}
    )
    gone = {"c__location__lat": "", "c__location__lon": ""}
    body = at(fill(who, f"/compose/correction?re={sent.log}/{sent.index}", f__reason="Not known.", **gone))
    assert (body["removed"], body.get("fields")) == (["location"], None), "what rounds the others of a message is never taken back"


# --- What is missing ---


def test_all_that_is_missing_is_told_at_once_in_the_words_of_the_form(who: Browser) -> None:
    blank = troubles(fill(who, "/compose/notification"))
    assert set(blank) == {"f-types", "f-sources", "f-place"}
    page = fill(who, "/compose/notice")
    assert troubles(page) == {
        "f-activity": "This is missing.",
        "f-window_from": "Say when it begins.",
        "f-window_to": "Say when it ends.",
        "f-area": "Say where: the area, a position or a route.",
    }
    needed = set(re.findall(r'<label for="(f-[\w-]+)">[^<]*<span class="needed">', page.text))
    assert needed == {"f-activity", "f-window_from", "f-window_to", "f-area"}
    assert re.search(r'for="f-place">[^<]*<span class="needed">needed, or a position<', who.get("/compose/notification").text)
    times = {"f__window_from": hence(3), "f__window_to": hence(2)}
    turned = fill(who, "/compose/notice", f__activity="joint_inquiry", f__area="The ford", **times)
    assert set(troubles(turned)) == {"f-window_to", "f-re"}
    assert troubles(fill(who, "/compose/notice", f__activity="patrol", f__phase="cancelled")) == {
        "f-re": "Name the notice that this follows up."
    }
    assert troubles(fill(who, "/compose/evidence")) == {"f-re": "This is missing.", "f-evidence": "This is missing."}
    assert set(troubles(fill(who, "/compose/acknowledgement"))) == {"f-state"}
    for name, typed in {
        "channel_status": {"f__status": "suspension", "f__from": hence(3), "f__until": hence(2)},
        "acknowledgement": {"f__watch": "no"},
        "notification": {**CLAIM, "f__press_intention": "at_time"},
    }.items():
        assert len(troubles(fill(who, f"/compose/{name}", **typed))) == 1


def test_the_form_s_words_name_fields_that_there_are() -> None:
    fields: dict[str, Field] = dict(COMMON) | {name: one for kind in UNDERSTOOD.values() for name, one in kind.fields.items()}
    assert {field for field, _ in SAID.values()} <= fields.keys()
    assert not any(RAW.search(text) for _, text in SAID.values())


# --- Back to the form, and digits ---


def test_change_brings_back_what_was_typed(who: Browser) -> None:
    typed = {"f__location__grid": "42S WD 18 17", "f__occurred_from": "1404-12-10 04:42", "zone": "+04:30", "f__count": "۶"}
    shown = fill(who, "/compose/notification", **CLAIM, **typed)
    form = form_of(who.post("/compose/notification", seen=seen_in(shown), act="change"))
    for name, value in {**CLAIM, **typed}.items():
        assert form[name.replace("__", ".")] == [value]
    assert form["f.location.lat"] == [""]
    again = who.post("/compose/notification", **({name: one for name, one in form.items() if name != "csrf"} | {"act": "preview"}))
    assert at(again) == at(shown)
    empty = fill(who, "/compose/notification", **CLAIM)
    back = form_of(who.post("/compose/notification", seen=seen_in(empty), act="change"))
    assert (back["f.occurred_from"], at(empty)["occurred_from"]) == ([""], back["opened"][0]), "left empty: when it was opened, still"


def test_digits_of_a_text_s_own_script_are_no_warning_and_are_shown_in_others(who: Browser) -> None:
    own, strange = "د کاڼو پل ۴", "Bridge ۴"
    assert [foreign_digits(one) for one in (own, strange, "جسر ٤", "د کاڼو پل ٤", "پل ۴ او ٤", "Bridge 4", "पुल ४", "۴")] == [
        False, True, False, True, True, False, False, True,
    ]  # fmt: skip
    form = form_of(who.get("/compose/notification"))
    notes = json.loads(who.post("/compose/autosave", **(form | {"f.place": own, "f.damage": strange, "f.count": "۶"})).text)["notes"]
    assert notes == {"f.damage": ["digits of another script: 1 U+06F4"], "f.count": ["Signed as 6"]}
    page = fill(who, "/compose/notification", **CLAIM | {"f__place": own})
    assert "digits of another script" not in page.outline.text
    assert "The same numbers in figures from 0 to 9: ۴ = 4" in " ".join(page.outline.text.split())
    assert "digits of another script" in fill(who, "/compose/notification", **CLAIM | {"f__place": strange}).outline.text
