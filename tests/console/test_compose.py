"""Composing: forms over real nodes, by the console's own application; what is sent is what was shown. DOMAIN, FAULTS H1 to H5."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ceasewire.console.forms import filled
from ceasewire.node.writing import BY_PEOPLE
from ceasewire.record.kinds import KINDS, UNDERSTOOD
from console.desks import Browser, desk_of
from console.filling import Form, fill, form_of, rest_in, seen_in
from console.typing import message
from node.pair import ChannelPair

FIVE = {"f__place": "Stone Bridge", "f__types": "A4", "f__count": "6", "f__sources__0__class": "none", "f__request": ["cease", "explain"]}

PROVISIONS = [{"id": "3.1", "text": "Hold fire."}, {"id": "4", "text": "Answer."}]


@pytest.fixture(scope="module")
def pair() -> Iterator[ChannelPair]:
    with ChannelPair(("north", "south", "mission:guarantor", "eye:observer"), provisions=PROVISIONS) as pair:
        yield pair


@pytest.fixture(scope="module")
def releaser(pair: ChannelPair) -> Browser:
    return Browser(desk_of(pair.north), "releaser")


@pytest.fixture(scope="module")
def drafter(pair: ChannelPair, releaser: Browser) -> Browser:
    return Browser(releaser.desk, "drafter")


def last(pair: ChannelPair) -> dict[str, Any]:
    view = pair.north.node.reading
    return view.message(view.row((0, pair.north.size(0) - 1)))


# --- Forms ---


def chosen(form: dict[str, list[str]]) -> dict[str, list[str]]:
    """A form's values; provisions by what they are and not by their rows, and without a flash's phrase, which is its button."""
    provisions = sorted(one for name, values in form.items() if name.startswith("f.provisions.") for one in values)
    others = {name: values for name, values in form.items() if not name.startswith("f.provisions.") and name != "f.phrase"}
    return others | {"f.provisions": provisions}


@pytest.mark.parametrize("kind", [name for name in BY_PEOPLE if name not in ("correction", "finding")])
@settings(max_examples=3, phases=[Phase.explicit, Phase.generate], suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_whatever_is_typed_stands_in_the_page_again(releaser: Browser, kind: str, data: st.DataObject) -> None:
    known = UNDERSTOOD[KINDS[kind]]
    typed = filled(known.all_fields, "f", kind, data.draw(message(known)))
    page = releaser.post(f"/compose/{kind}", **typed, act="save", saved=f"compose {kind} 1", opened="2026-03-01T00:00:00Z")
    assert page.status == 200
    assert page.outline.is_clean()
    found = {name: values for name, values in Form(page.text, "compose").filled.items() if name.startswith("f.")}
    assert chosen(found) == chosen(typed)


def test_a_notification_is_five_questions_with_what_goes_without_saying(releaser: Browser) -> None:
    page = releaser.get("/compose/notification")
    assert [data for tag, data in page.outline.parts if tag == "span" and data in "12345" and data] == ["1", "2", "3", "4", "5"]
    assert form_of(page)["f.location_precision"] == ["near"]
    shown = fill(releaser, "/compose/notification", **FIVE, f__location__grid="42S WD 18 17")
    assert shown.status == 200
    assert "34.5, 69.2" in shown.outline.text, "rounded to about a kilometre, as it will be signed"
    assert "within 24 h of receipt" in shown.outline.text
    assert "no source given" in shown.outline.text


def test_what_is_sent_is_what_was_shown_and_it_is_sent_once(pair: ChannelPair, releaser: Browser) -> None:
    before = pair.north.size(0)
    shown = fill(releaser, "/compose/notification", **FIVE, f__location__lat="34.499", f__location__lon="69.204")
    body = json.loads("".join(data for tag, data in shown.outline.parts if tag == "pre"))
    assert pair.north.size(0) == before, "nothing is sent by looking"
    answer = releaser.post("/compose/send", seen=seen_in(shown))
    assert (answer.status, answer.headers["location"].rpartition("/")[2]) == (303, "sent?said=Sent.")
    sent = last(pair)
    assert sent["kind"] == "notification"
    assert {name: one for name, one in sent["body"].items() if name != "releases"} == body
    assert body["location"] == [34.5, 69.2]
    again = releaser.post("/compose/send", seen=seen_in(shown))
    assert again.status == 400
    assert "release.reused" in again.text
    assert pair.north.size(0) == before + 1
    assert any(line.what == "message_sent" and line.about == sent["ref"] for line in releaser.desk.people.audit())


def test_nothing_is_sent_that_was_not_shown_to_this_person(pair: ChannelPair, releaser: Browser) -> None:
    before = pair.north.size(0)
    seen = seen_in(fill(releaser, "/compose/statement", f__text="We hold fire."))
    other = Browser(releaser.desk, "releaser")
    packed, _, mac = seen.partition(".")
    for who, text in (
        (other, seen),
        (releaser, ""),
        (releaser, f"{packed[:-4]}AAAA.{mac}"),
        (releaser, f"{packed}.{'0' * 64}"),
        (releaser, packed),
    ):
        answer = who.post("/compose/send", seen=text)
        assert answer.status == 400
        assert "console.form" in answer.text
    assert pair.north.size(0) == before


def test_a_time_left_empty_is_when_the_form_was_opened_and_zones_are_understood(releaser: Browser) -> None:
    opened = form_of(releaser.get("/compose/notification"))["opened"][0]
    assert abs((datetime.fromisoformat(opened) - datetime.now(UTC)).total_seconds()) < 5
    shown = fill(releaser, "/compose/notification", **FIVE, f__occurred_from="1404-12-10 04:42", zone="+04:30")
    assert "2026-03-01T00:12:00Z" in shown.text
    shown = fill(releaser, "/compose/notification", **FIVE, f__occurred_from="۲۰۲۶-۰۳-۰۱ ۰۰:۱۲Z", zone="+04:30")
    assert "2026-03-01T00:12:00Z" in shown.text


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"f__sources__0__class": ""}, "f-sources"),
    ({"f__sources__0__class": "none", "f__sources__0__text": "A neighbour"}, "f-sources-0"),
    ({"f__sources__0__class": "protected", "f__sources__0__text": "A neighbour"}, "f-sources-0"),
    ({"f__place": ""}, "f-place"),
    ({"f__types": ""}, "f-types"),
    ({"f__location__grid": "42S WD 1 1"}, "f-location"),
    ({"f__location__grid": "42S WD 18"}, "f-location"),
    ({"f__location__grid": "42S WD 18 17", "f__location__lat": "1"}, "f-location"),
    ({"f__location__lat": "91", "f__location__lon": "0"}, "f-location"),
    ({"f__occurred_from": "yesterday"}, "f-occurred_from"),
    ({"f__occurred_to": "1970-01-01 00:00"}, "f-occurred_to"),
    ({"f__count": "-1"}, "f-count"),
    ({"f__count": "9999999"}, "f-count"),
    ({"f__place": "x" * 501}, "f-place"),
    ({"f__place": "left\u202eright"}, "f-place"),
    ({"f__casualties__civilians__killed__low": "3"}, "f-casualties-civilians-killed"),
    ({"f__press_intention": "at_time"}, "f-press_time"),
    ({"f__re": "north/9999"}, ""),
    ({"f__re": "nobody/1"}, "f-re"),
]


@pytest.mark.parametrize(("typed", "where"), WRONG, ids=lambda one: "-".join(one) if isinstance(one, dict) else one)
def test_what_is_wrong_is_told_beside_it_and_nothing_is_lost(releaser: Browser, typed: dict[str, Any], where: str) -> None:
    page = fill(releaser, "/compose/notification", **{**FIVE, **typed})
    assert page.status == 422
    links = [found.get("href") for tag, found in page.outline.tags if tag == "a" and (found.get("href") or "").startswith("#f-")]
    assert links == ([f"#{where}"] if where else [])
    places = [found.get("id") for _, found in page.outline.tags if found.get("id")]
    assert len(places) == len(set(places)), "an element's name is its own"
    assert {str(link)[1:] for link in links} <= set(places), "and a link leads to it"
    form = form_of(page)
    assert form["f.count"] == [typed.get("f__count", "6")]
    assert form["f.request"] == ["cease", "explain"]


def test_what_is_too_long_in_all_is_told_before_anybody_releases_it(releaser: Browser) -> None:
    long = {"f__narrative": "x" * 16_000, "f__translations__0__text": "y" * 16_000, "f__translations__0__language": "ps"}
    page = fill(releaser, "/compose/notification", **FIVE, **long, f__translations__0__field="narrative")
    assert page.status == 422
    assert "bytes in all" in page.outline.text
    form = form_of(page)
    assert form["f.narrative"] == ["x" * 16_000]
    kept = releaser.post("/compose/notification", **{**form, "f.damage": "پ" * 8_000, "f.account": "پ" * 8_000, "act": "save"})
    assert (kept.status, "too long to be kept" in kept.text) == (422, True)
    assert form_of(kept)["f.damage"] == ["پ" * 8_000]


def test_an_exercise_channel_takes_nothing_that_is_actual() -> None:
    with ChannelPair(exercise=True) as drill:
        who = Browser(desk_of(drill.north), "releaser")
        page = fill(who, "/compose/statement", f__text="We hold fire.", f__exercise="no")
        assert page.status == 422
        shown = fill(who, "/compose/statement", f__text="We hold fire.")
        assert "EXERCISE" in shown.outline.text.partition("What will be signed")[2]


def test_one_more_row_and_saving_need_no_script(releaser: Browser) -> None:
    page = releaser.get("/compose/request")
    assert sum(name.startswith("f.questions.") for name in form_of(page)) == 1
    more = releaser.post("/compose/request", **{**form_of(page), "f.questions.0": "Who?", "more": "f.questions"})
    questions = {name: values for name, values in form_of(more).items() if name.startswith("f.questions.")}
    assert questions["f.questions.0"] == ["Who?"]
    assert len(questions) == 5
    shown = fill(releaser, "/compose/request", f__questions__0="Who?", f__questions__4="When?")
    assert json.loads("".join(data for tag, data in shown.outline.parts if tag == "pre"))["questions"] == ["Who?", "When?"]


def test_forms_are_kept_for_whoever_typed_them_and_offered_again(releaser: Browser, drafter: Browser) -> None:
    form = form_of(drafter.get("/compose/statement"))
    answer = drafter.post("/compose/autosave", **{**form, "f.text": "We ho\u200bld fire on 05/06/2026."})
    notes = json.loads(answer.text)["notes"]
    assert [note.split(":")[0] for note in notes["f.text"]] == ["zero-width characters", "dates that can be read two ways"]
    offered = drafter.get("/compose")
    (link,) = [found["href"] for tag, found in offered.outline.tags if tag == "a" and "saved=" in (found.get("href") or "")]
    again = drafter.get(str(link).partition(drafter.desk.name)[2])
    assert form_of(again)["f.text"] == ["We ho\u200bld fire on 05/06/2026."]
    assert "We ho" not in releaser.get("/compose").text
    drafter.post("/compose/forget", saved=form["saved"][0])
    assert "saved=" not in drafter.get("/compose").text
    place = json.loads(
        drafter.post("/compose/autosave", **{**form, "f.location.grid": "42SWD1817", "f.location_precision": "district"}).text
    )
    assert place["notes"]["f.location"] == ["Signed as 34.5, 69.2 (to about 11 km)"]


# --- Who may what ---


def test_a_drafter_puts_it_before_the_releasers_and_sends_only_that_something_was_read(
    pair: ChannelPair, drafter: Browser, releaser: Browser
) -> None:
    before = pair.north.size(0)
    shown = fill(drafter, "/compose/statement", f__text="We hold fire.")
    assert 'id="send"' not in shown.text
    answer = drafter.post("/compose/send", seen=seen_in(shown))
    assert (answer.status, "console.role" in answer.text) == (403, True)
    put = drafter.post("/compose/put", seen=seen_in(shown))
    assert put.status == 303
    assert pair.north.size(0) == before
    (name,) = drafter.desk.drafts.names()
    assert drafter.desk.drafts.load(name).body[17] == "We hold fire."
    twice = drafter.post("/compose/put", seen=seen_in(shown))
    assert (twice.status, drafter.desk.drafts.names()) == (303, [name])
    page = releaser.get(f"/release/{name}")
    assert "No officer needs to release it." in page.outline.text
    assert releaser.post(f"/release/{name}/send", rest=rest_in(page)).status == 303
    assert (pair.north.size(0), last(pair)["body"]["text"]) == (before + 1, "We hold fire.")
    late = drafter.post("/compose/put", seen=seen_in(shown))
    assert (late.status, "release.reused" in late.text) == (400, True), "it was sent already"
    watch = fill(drafter, "/compose/acknowledgement", f__watch="yes")
    assert drafter.post("/compose/send", seen=seen_in(watch)).status == 303
    assert last(pair)["body"]["watch"] is True


def kinds_offered(who: Browser) -> set[str]:
    links = (found.get("href") or "" for tag, found in who.get("/compose").outline.tags if tag == "a")
    return {link.rpartition("/")[2] for link in links if "/compose/" in link}


def test_kinds_that_the_charter_or_the_role_forbids_are_not_offered(pair: ChannelPair) -> None:
    north = kinds_offered(Browser(desk_of(pair.north), "drafter"))
    assert north == set(BY_PEOPLE) - {"finding"}
    mission = Browser(desk_of(pair["mission"]), "drafter")
    assert kinds_offered(mission) == set(BY_PEOPLE) - {"reply"}
    assert mission.get("/compose/reply").status == 404
    assert mission.get("/compose/finding").status == 200
    eye = Browser(desk_of(pair["eye"]), "drafter")
    assert kinds_offered(eye) == {"acknowledgement", "channel_status"}
    for kind in ("keys", "amendment", "line_check", "nothing"):
        assert eye.get(f"/compose/{kind}").status == 404
    with ChannelPair(kinds=["notification", "reply"]) as narrow:
        assert kinds_offered(Browser(desk_of(narrow.north), "drafter")) == {"notification", "reply", "acknowledgement"}


# --- What is about another message ---


def test_a_correction_says_what_has_changed_and_nothing_else(pair: ChannelPair, releaser: Browser) -> None:
    sent = pair.north.node.send("notification", {
        "types": ["A3"], "occurred_from": "2026-03-01T00:00:00Z", "place": "Mill", "location": [34.51, 69.12], "count": 6,
        "means": "mortar", "narrative": "Line one.\nLine two.", "sources": [{"class": "press"}],
        "casualties": {"civilians": {"killed": [0, 1, 2]}},
    })  # fmt: skip
    ref = f"{sent.log}/{sent.index}"
    same = fill(releaser, f"/compose/correction?re={ref}", f__reason="A slip.")
    assert same.status == 422, "nothing is changed"
    shown = fill(
        releaser, f"/compose/correction?re={ref}", f__reason="Counted again.", c__count="5", c__means__0="", c__damage="One roof.",
        c__location_precision="district",
    )  # fmt: skip
    assert shown.status == 200, shown.outline.text[-3000:]
    assert "Shown as added: Damage" in shown.outline.text
    assert releaser.post("/compose/send", seen=seen_in(shown)).status == 303
    body = last(pair)["body"]
    assert body["fields"] == {"count": 5, "damage": "One roof.", "location": [34.5, 69.1], "location_precision": "district"}
    assert body["removed"] == ["means"]
    kind = fill(releaser, f"/compose/correction?re={ref}", f__reason="x", c__types="")
    assert "#c-types" in kind.text, "what a message must say cannot be taken back"


def test_what_would_say_something_else_by_now_is_shown_once_more(pair: ChannelPair, releaser: Browser) -> None:
    sent = pair.north.node.send("notification", {"types": ["A3"], "occurred_from": "2026-03-01T00:00:00Z", "location": [34.511, 69.122]})
    ref = f"{sent.log}/{sent.index}"
    shown = fill(releaser, f"/compose/correction?re={ref}", f__reason="Moved.", c__location__lat="34.7", c__location__lon="69.3")
    pair.north.node.send("correction", {"re": ref, "fields": {"location_precision": "region"}, "reason": "Coarser."})
    before = pair.north.size(0)
    answer = releaser.post("/compose/send", seen=seen_in(shown))
    assert answer.status == 422
    assert "Look once more" in answer.outline.text
    assert pair.north.size(0) == before
    assert releaser.post("/compose/send", seen=seen_in(answer)).status == 303


def test_a_reply_agrees_and_disputes_field_by_field(pair: ChannelPair, releaser: Browser) -> None:
    sent = pair.south.node.send("notification", {"types": ["A1"], "occurred_from": "2026-03-01T00:00:00Z", "place": "Ford", "count": 3})
    ref = f"{sent.log}/{sent.index}"
    pair.sync("north", "south")
    page = releaser.get(f"/compose/reply?re={ref}")
    facts = [name.removeprefix("f.fact.") for name in form_of(page) if name.startswith("f.fact.")]
    assert facts == ["types", "occurred_from", "place", "count"]
    shown = fill(releaser, f"/compose/reply?re={ref}", f__stance="partly_accepted", f__fact__place="agreed", f__fact__count="disputed")
    assert releaser.post("/compose/send", seen=seen_in(shown)).status == 303
    body = last(pair)["body"]
    assert (body["re"], body["stance"], body["agreed"], body["disputed"]) == (ref, "partly_accepted", ["place"], ["count"])
    own = fill(releaser, "/compose/reply?re=north/0", f__stance="noted")
    assert own.status == 422, "nobody replies to themselves"


def test_a_request_s_questions_stand_beside_their_answers(pair: ChannelPair, releaser: Browser) -> None:
    sent = pair.south.node.send("request", {"questions": ["Who fired?", "From where?"]})
    ref = f"{sent.log}/{sent.index}"
    pair.sync("north", "south")
    assert "2. From where?" in releaser.get(f"/compose/reply?re={ref}").outline.text
    shown = fill(releaser, f"/compose/reply?re={ref}", f__stance="noted", f__answers__1__text="From the mill.")
    assert releaser.post("/compose/send", seen=seen_in(shown)).status == 303
    assert last(pair)["body"]["answers"] == [{"question": 2, "text": "From the mill."}]


def test_a_flash_is_a_button_a_phrase(pair: ChannelPair, releaser: Browser) -> None:
    page = releaser.get("/compose/flash")
    buttons = [found["value"] for tag, found in page.outline.tags if tag == "button" and found.get("name") == "f.phrase"]
    assert len(buttons) == 13
    shown = fill(releaser, "/compose/flash", **{"f__phrase": "cease_now", "f__place": "Stone Bridge"})
    assert "It does not say who began, and it is no threat." in shown.outline.text
    assert releaser.post("/compose/send", seen=seen_in(shown)).status == 303
    assert last(pair)["body"]["phrase"] == "cease_now"


def test_changing_goes_back_to_what_was_written(releaser: Browser) -> None:
    shown = fill(releaser, "/compose/notification", **FIVE, f__narrative="Two lines.\nThe second.")
    back = releaser.post("/compose/notification", seen=seen_in(shown), act="change")
    form = form_of(back)
    assert form["f.narrative"] == ["Two lines.\nThe second."]
    assert form["f.sources.0.class"] == ["none"]
    assert form["f.request"] == ["cease", "explain"]
    warned = fill(releaser, "/compose/notification", **{**FIVE, "f__types": "D3", "f__bearing": "90"})
    assert "this shows where your people stand" in warned.outline.text
    assert "names of victims belong on a channel with the guarantor alone" in warned.outline.text
