"""A case's page: both sides see the same facts, what is void is never among them, and nothing that a person wrote gets out of its place."""

from __future__ import annotations

import html
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from ceasewire.console import casework, charts
from ceasewire.demo import story
from ceasewire.node import whole
from ceasewire.record.message import Body, Message
from console.desks import Answer, Browser, desk_of
from faults.liar import Liar
from helpers import START
from node.pair import ChannelPair

PARTIES = ("north", "south", "mission:guarantor")
LABELS: dict[str, str] = {}


@pytest.fixture(scope="module")
def pair() -> Iterator[ChannelPair]:
    """The day of the demo, but for what lies in the past."""
    with ChannelPair(PARTIES, provisions=story.TOML["provisions"], exercise=True) as made:
        at = int(time.time()) - 3600  # pages count by the clock of the wall
        for act in story.acts(datetime.fromtimestamp(at, UTC)):
            if act.draft.get("historical") or act.kind == "line_check":
                continue
            at += 30
            made.set_clock(at)
            sent = made[act.who].node.send(act.kind, story.filled(act.draft, lambda label: LABELS[label]))
            LABELS[act.label] = f"{act.who}/{sent.index}"
            made.settle(1)
        made.settle(2)
        yield made


@pytest.fixture(scope="module")
def people(pair: ChannelPair) -> dict[str, Browser]:
    return {side.slug: Browser(desk_of(side), "releaser") for side in pair}


def facts(page: Answer) -> list[list[str]]:
    """The rows of the facts table as they are read."""
    table = page.text[page.text.index('<table class="list fact-table">') : page.text.index("</table>")]
    rows = [re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row, re.DOTALL) for row in re.findall(r"<tr[^>]*>(.*?)</tr>", table, re.DOTALL)]
    return [[" ".join(re.sub(r"<[^>]+>", " ", cell).split()) for cell in row] for row in rows]


def next_kinds(page: Answer) -> set[str]:
    """The kinds of message that a page offers to write."""
    return set(re.findall(r"/compose/(\w+)\?re=", page.text.split('id="main"')[1]))


@pytest.mark.parametrize("label", ["mortar", "allegation", "overflight", "explosions", "struck"])
def test_every_side_s_page_shows_the_same_facts(people: dict[str, Browser], label: str) -> None:
    pages = {slug: who.get(f"/case/{LABELS[label]}") for slug, who in people.items()}
    found = {slug: facts(page) for slug, page in pages.items()}
    assert found["north"] == found["south"] == found["mission"]
    assert len(found["north"]) > 5
    for page in pages.values():
        assert page.status == 200
        assert page.outline.is_clean()
        assert page.headers["cache-control"] == "no-store"


def test_facts_are_agreed_disputed_or_not_said_and_corrections_show_both_values(people: dict[str, Browser]) -> None:
    rows = {row[0]: row[1:] for row in facts(people["north"].get(f"/case/{LABELS['mortar']}"))}
    assert rows["How many"] == ["12 9 corrected", "South : disputed"]
    assert rows["How exact the count is"] == ["exact added", "South : not said"]
    assert rows["Place"][1] == "South : agreed"
    assert rows["Alleged party"] == ["South The finding calls it disputed by South .", "South : disputed"]
    page = people["north"].get(f"/case/{LABELS['mortar']}")
    assert re.search(r"<del><bdi dir=\"ltr\">12</bdi></del> <ins><bdi dir=\"ltr\">9</bdi></ins>", page.text)
    assert '<ins>exact</ins> <span class="tag added">added</span>' in page.text


def test_both_versions_stand_side_by_side_and_each_question_by_its_answer(people: dict[str, Browser]) -> None:
    text = people["south"].get(f"/case/{LABELS['mortar']}").outline.text
    assert text.index("Twelve rounds in ten minutes") < text.index("denied") < text.index("No mortar of ours fired")
    text = text[text.index("Questions and answers") :]
    assert text.index("Which unit held the ridge") < text.index("The second company.") < text.index("Who may fire there")
    assert "probable , not attributed · confidence: medium" in text.replace("probable,", "probable ,")
    assert "Not yet said to be carried out" in text


def test_a_withdrawn_case_says_so_with_the_reason_and_waits_for_nothing(people: dict[str, Browser]) -> None:
    text = people["south"].get(f"/case/{LABELS['overflight']}").outline.text
    assert "The notification was withdrawn." in text
    assert "The aircraft was one of ours, flown without notice." in text
    assert "overdue" not in text
    assert "Answer due" not in text
    closed = people["south"].get(f"/case/{LABELS['allegation']}")
    assert "Closed by both" in closed.outline.text
    assert next_kinds(closed) <= {"request"}, "nothing is left but a question"


@pytest.mark.parametrize(
    ("slug", "role", "wanted", "never"),
    [
        ("south", "drafter", {"reply", "request", "notice", "evidence", "closing"}, {"correction", "withdrawal", "finding"}),
        ("north", "drafter", {"request", "notice", "evidence", "correction", "withdrawal", "closing"}, {"reply"}),
        ("mission", "drafter", {"request", "finding", "evidence"}, {"reply", "correction", "amendment"}),
        ("north", "reader", set(), {"reply", "request", "correction", "notice", "closing"}),
    ],
)
def test_next_acts_follow_from_party_and_role(pair: ChannelPair, slug: str, role: str, wanted: set[str], never: set[str]) -> None:
    page = Browser(desk_of(pair[slug]), role).get(f"/case/{LABELS['mortar']}")
    assert wanted <= next_kinds(page)
    assert not never & next_kinds(page)


def test_any_message_of_a_case_leads_to_its_page(people: dict[str, Browser]) -> None:
    answer = people["north"].get(f"/case/{LABELS['answers']}")
    assert answer.status == 303
    assert answer.headers["location"].endswith(f"/case/{LABELS['mortar']}")
    for path in ("/case/north/99999", "/case/nobody/1", "/case/north/x", f"/case/{LABELS['north roster']}"):
        assert people["north"].get(path).status == 404


def test_the_chart_mirrors_from_right_to_left(pair: ChannelPair, people: dict[str, Browser]) -> None:
    path = f"/case/{LABELS['mortar']}"
    there = charts.Scale(0, 1000)
    assert [there.x(time) + charts.Scale(0, 1000, rtl=True).x(time) for time in (0, 250, 1000)] == [100.0] * 3
    marks = re.compile(r'<svg x="([\d.]+)%" y="\d+" width="1" height="1" overflow="visible" class="mark (\w+)">')
    left = marks.findall(people["north"].get(path).text)
    right = marks.findall(Browser(desk_of(pair.north), "reader").speaking("ps").get(path).text)
    assert len(left) == len(right) == 8
    assert [(round(100 - float(x), 2), name) for x, name in left] == [(float(x), name) for x, name in right]


@pytest.mark.parametrize(
    ("one", "now", "how"),
    [
        ({"due": "2026-03-01T02:00:00Z"}, "2026-03-01T02:00:00Z", "running"),
        ({"due": "2026-03-01T02:00:00Z"}, "2026-03-01T02:00:01Z", "late"),
        ({"due": None, "queued_behind": "north/1"}, "2026-03-01T02:00:00Z", "waits"),
        ({"due": None}, "2026-03-01T02:00:00Z", "unbegun"),
        ({"due": "2026-03-01T02:00:00Z", "ended": {"by": "answered"}}, "2027-03-01T02:00:00Z", "ended"),
        ({"due": "2026-03-01T02:00:00Z", "clock": "press"}, "2026-03-01T01:00:00Z", "press"),
        ({"due": "2026-03-01T02:00:00Z", "clock": "press"}, "2026-03-01T03:00:00Z", "open"),
    ],
)
def test_a_clock_is_late_only_after_its_very_second(one: dict[str, Any], now: str, how: str) -> None:
    clock = {"clock": "reply", "ended": None, "start": "2026-03-01T01:00:00Z", "queued_behind": None, **one}
    assert [found.how for found in casework.clocks({"state": "received", "merged_into": None, "clocks": [clock]}, now)] == [how]


def test_a_void_message_is_shown_as_void_with_the_reason_and_is_no_fact() -> None:
    """South, by a program that breaks the rules, "accepts" everything in a reply with a field that no reply has."""
    with ChannelPair(PARTIES) as made:
        body = {"types": ["A4"], "occurred_from": "2026-03-01T00:00:00Z", "place": "Kala", "accused": "south"}
        made.north.node.send("notification", body)
        liar = Liar(made.made, 1)
        reply: Body = {0: [], 1: False, 3: [[0, 0]], 16: 1, 17: "We accept.", 18: [21, 27], 19: [27]}
        liar.add(Message(4, START + 60, {0: 1}, bytes(16), reply))
        made.set_clock(START + 90)
        assert made.north.receive(liar.bundle(0, liar.run())).refused == []
        found = whole.case(made.north.node.reading, (0, 0))
        assert [(one["ref"], one["void"]) for one in found["messages"]] == [("north/0", None), ("south/0", "body.schema")]
        page = Browser(desk_of(made.north)).get("/case/north/0")
        assert "agreed" not in {cell for row in facts(page) for cell in row[2:]}
        assert all(row[2] == "South : not said" for row in facts(page)[1:])
        text = page.outline.text
        assert "No answer yet." in text
        assert "void: it counts for nothing" in text
        assert "body.schema" in text
        alone = Browser(desk_of(made.north)).get("/message/south/0")
        assert alone.status == 200
        assert "This message is void: it counts for nothing." in alone.outline.text
        assert "/compose/" not in alone.text.split('id="main"')[1]


@pytest.fixture(scope="module")
def rich() -> Iterator[ChannelPair]:
    """Two cases with all that the day of the demo has not: one the counter-claim of the other and said to be the same, a new date, a
    remedy that was carried out, a finding with dissent, a correction that was taken back, a case that nobody answers."""
    with ChannelPair(PARTIES) as made:
        at = [int(time.time()) - 3 * 86400]

        def send(slug: str, kind: str, **json: Any) -> str:
            at[0] += 60
            made.set_clock(at[0])
            sent = made[slug].node.send(kind, json)
            made.settle(1)
            return f"{slug}/{sent.index}"

        when = {"occurred_from": "2026-03-01T00:00:00Z", "sources": [{"class": "own_unit"}]}
        first = send("north", "notification", types=["A1"], place="Kala", accused="south", **when)
        other = send(
            "south", "notification", types=["A2"], place="Kala", accused="north", links=[{"as": "counter_claim_to", "ref": first}], **when
        )
        send("south", "statement", re=first, links=[{"as": "duplicate_of", "ref": other}], text="One and the same.")
        asked = send("south", "reply", re=first, stance="need_information", new_respond_by="2031-01-01T00:00:00Z")
        send("north", "reply", re=asked, stance="accepted")
        wrong = send("north", "correction", re=first, fields={"place": "Elsewhere"}, reason="Misheard.")
        send("north", "withdrawal", re=wrong, reason="It was Kala.")
        denied = send(
            "south", "reply", re=first, stance="partly_accepted", remedy="A new roof.", remedy_by="2031-02-01T00:00:00Z", publish="both"
        )
        found = {
            "finding": "confirmed",
            "attribution": "attributed",
            "attributed_to": ["south"],
            "confidence": "high",
            "dissent": "One of us differs.",
        }
        send("mission", "finding", re=first, access_refused_by=["north"], comments=[{"party": "south", "text": "We object."}], **found)
        done = send("south", "statement", re=denied, text="The roof stands.")
        send("north", "reply", re=done, stance="accepted")
        alone = send("north", "notification", types=["A3"], place="Kala", accused="south", **when)
        send("south", "line_check")  # which proves that it was received
        LABELS.update(first=first, other=other, alone=alone, asked=asked, denied=denied)
        made.settle(2)
        yield made


def test_everything_that_a_case_says_stands_on_its_page(rich: ChannelPair) -> None:
    pages = {side.slug: Browser(desk_of(side), "drafter").get(f"/case/{LABELS['first']}") for side in rich}
    for page in pages.values():
        assert page.status == 200
        assert page.outline.is_clean()
    text = re.sub(r" ([.,:?])", r"\1", pages["north"].outline.text)
    for said in (
        f"{LABELS['other']} names this case: a counter-claim",
        f"One and the same as {LABELS['other']}?",
        "Said first by South. Not yet by North.",
        f"New date: 2031-01-01 00:00Z. Asked for in {LABELS['asked']}. Accepted in north/",
        "partly accepted: some of the facts are agreed",
        "confirmed, attributed: South",
        "Dissent: One of us differs.",
        "South: We object.",
        "Access refused by: North",
        "Carried out, and confirmed in north/",
        "consents to publish: both versions",
        "Remedied",
    ):
        assert said in text, said
    rows = {row[0]: row[1:] for row in facts(pages["north"])}
    assert rows["Place"][0] == "Kala", "the correction was taken back"
    assert "Elsewhere" not in str(facts(pages["north"]))
    assert facts(pages["north"]) == facts(pages["south"]) == facts(pages["mission"])


def test_whoever_asks_for_a_new_date_has_not_answered(rich: ChannelPair) -> None:
    text = Browser(desk_of(rich.north), "reader").get(f"/message/{LABELS['first']}").outline.text
    heard = text[text.index("How far it has got") :]
    links = Browser(desk_of(rich.north)).get(f"/message/{LABELS['asked']}").text
    assert f"/compose/reply?re={LABELS['asked'].replace('/', '%2F')}&amp;stance=accepted" in links, "it can be accepted"
    assert re.search(rf"Answered \S+ \S+ {LABELS['denied']}", heard), "not the earlier one"


def test_an_answer_that_is_late_is_late_on_both_pages(rich: ChannelPair) -> None:
    pages = [Browser(desk_of(side), "drafter").get(f"/case/{LABELS['alone']}") for side in rich]
    dues = [set(re.findall(r'<strong>overdue: <time datetime="([^"]+)"', page.text)) for page in pages]
    assert dues[0] == dues[1] == dues[2]
    assert len(dues[0]) == 1
    assert all("No answer yet." in page.outline.text for page in pages)
    listed = Browser(desk_of(rich.south), "reader").get("/cases?late=yes&side=theirs").outline.text
    assert LABELS["alone"] in listed
    assert LABELS["first"] not in listed


def test_every_link_of_these_pages_leads_somewhere(rich: ChannelPair) -> None:
    who = Browser(desk_of(rich.south), "releaser")
    base = f"/c/{who.desk.name}"
    links: set[str] = set()
    shown = [f"/message/{LABELS[name]}" for name in ("first", "denied", "asked")]
    for path in (f"/case/{LABELS['first']}", *shown, "/cases", "/search?q=kala"):
        found = [html.unescape(link) for link in re.findall(r'<a[^>]* href="([^"]+)"', who.get(path).text)]
        links |= {link.removeprefix(base) for link in found if link.startswith(base)}
        links |= {path.partition("?")[0] + link.partition("#")[0] for link in found if link.startswith("?")}
    assert len(links) > 20
    assert {link: status for link in sorted(links) if (status := who.get(link).status) not in (200, 303)} == {}
