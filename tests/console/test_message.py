"""A message's page: all that it says, in words; who has it, who read it, who answered it; its proof. What a person wrote stays text."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest

from ceasewire.console import wording
from ceasewire.console.naming import Naming
from ceasewire.console.render import environment
from ceasewire.console.tongue import Tongue
from ceasewire.record.bodies import Source
from ceasewire.record.fields import Field, FieldType, Many, Struct, Text
from ceasewire.record.kinds import KINDS, UNDERSTOOD
from ceasewire.verifier import Trust, verify
from console.desks import Browser, Outline, desk_of
from node.pair import ChannelPair

NASTY = "</bdi></title><script>alert(1)</script><img src=x onerror=alert(1)>\"'&{{7*7}}%(a)s${1}"
SHORT = "<b onclick=1>\"'{{7*7}}"
PARTIES = ("north", "south", "mission:guarantor")
# What each kind needs besides texts; the first notification is north/0.
NEEDED: dict[str, dict[str, Any]] = {
    "notification": {"types": ["A1"], "occurred_from": "2026-03-01T00:00:00Z", "accused": "south"},
    "statement": {},
    "request": {"re": "north/0"},
    "reply": {"re": "north/0", "stance": "denied"},
    "notice": {"activity": "patrol", "window_from": "2026-03-01T00:00:00Z", "window_to": "2026-03-02T00:00:00Z"},
    "finding": {"re": "north/0", "finding": "probable"},
    "flash": {"phrase": "checking", "re": "north/0"},
    "evidence": {"re": "north/0"},
    "correction": {"re": "north/0"},
    "withdrawal": {"re": "north/0"},
    "channel_status": {"status": "contact"},
    "acknowledgement": {"watch": True},
    "keys": {},
    "closing": {"re": "north/0"},
}
WRITERS = {"reply": "south", "finding": "mission"}
SKIPPED = {"opening", "officers", "url", "fields", "removed", "translations"}  # what is no text, or must be one of its own form


def nasty(type_: FieldType) -> Any:
    """A value of the type, every text in it nasty; None for a type without a text."""
    match type_:
        case Text(most=most, pattern=pattern):
            return None if pattern else NASTY if len(NASTY) <= most else SHORT
        case Many(item=item):
            found = nasty(item)
            return None if found is None else [found]
        case Source():
            return {"class": "press", "text": NASTY}
        case Struct(fields=fields):
            return struct(fields)
    return None


def struct(fields: Any) -> dict[str, Any] | None:
    texts = {name: found for name, field in fields.items() if (found := nasty(field.type)) is not None}
    if not texts:
        return None
    return {name: texts.get(name) or PLAIN[name] for name, field in fields.items() if name in texts or field.required}


PLAIN: dict[str, Any] = {
    "sha256": "ab" * 32,
    "date": "2026-03-01T00:00:00Z",
    "party": "south",
    "question": 1,
    "from": "2026-03-01T00:00:00Z",
    "to": "2026-03-02T00:00:00Z",
}


def full(kind: str) -> dict[str, Any]:
    """A message of the kind with every text that it may hold."""
    fields: dict[str, Field] = UNDERSTOOD[KINDS[kind]].all_fields
    texts = {name: found for name, field in fields.items() if name not in SKIPPED and (found := nasty(field.type)) is not None}
    body = {**texts, **NEEDED[kind]}
    if kind == "correction":
        body["fields"] = {"place": "Kala", "narrative": NASTY}
    return body


@pytest.fixture(scope="module")
def pair() -> Iterator[ChannelPair]:
    """One message of every kind that a person writes, each full of nasty texts; the withdrawal comes last."""
    with ChannelPair(PARTIES) as made:
        made.set_clock(int(time.time()) - 600)
        for kind in sorted(NEEDED, key=lambda kind: (kind != "notification", kind == "withdrawal")):
            made[WRITERS.get(kind, "north")].node.send(kind, full(kind))
            made.settle(1)
        made.settle(2)
        yield made


def refs(pair: ChannelPair) -> list[tuple[str, str]]:
    return [(str(one["ref"]), str(one["kind"])) for one in pair.north.node.messages()]


def test_nothing_that_a_person_wrote_gets_out_of_its_place(pair: ChannelPair) -> None:
    who = Browser(desk_of(pair.north), "releaser")
    kinds = set()
    for ref, kind in refs(pair):
        page = who.get(f"/message/{ref}")
        assert page.status == 200, ref
        outline = page.outline
        assert outline.is_clean(), (ref, kind, outline.wrong)
        wanted = list(texts_of(pair.north.node.show(pair.north.node.ref(ref))["body"]))
        for text in (NASTY, SHORT):
            assert sum(one == text for one in outline.written) >= sum(one == text for one in wanted), (kind, text)
        kinds |= {kind} if wanted else set()
    assert kinds == NEEDED.keys()
    asked = ("/search?q=script", "/search?q=%3Cscript%3Ealert(1)%3C/script%3E%22", "/cases?q=%22%3E%3Cscript%3E")
    for path in ("/case/north/0", "/case/north/0?order=oldest&all=yes", "/cases", "/names", *asked):
        page = who.get(path)
        assert page.status == 200, path
        assert page.outline.is_clean(), path
    assert NASTY in who.get("/case/north/0").outline.written


def texts_of(value: Any) -> Iterator[str]:
    if value in (NASTY, SHORT):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from texts_of(one)


def test_received_read_and_answered_are_three_things(pair: ChannelPair) -> None:
    """South's machine and the mission's have it; a person of South's reads it; then it is answered."""
    with ChannelPair(PARTIES) as made:
        made.set_clock(int(time.time()) - 60)
        made.north.node.send("request", {"questions": ["Who holds the ridge?"]})
        north, south = Browser(desk_of(made.north), "drafter"), Browser(desk_of(made.south), "drafter")

        def heard() -> str:
            text = north.get("/message/north/0").outline.text
            return text[text.index("How far it has got") : text.index("Mission", text.index("How far it has got"))]

        assert "Sent, not yet received" in heard()
        made.settle(2)
        assert "Received by their machine" in heard()
        assert "No person has said that they read it" in heard()
        assert "Tell them a person has read it" in south.get("/message/north/0").outline.text
        assert south.post("/message/north/0/read").status == 303
        assert south.post("/message/north/0/read").status == 303
        made.settle(2)
        assert [one["kind"] for one in made.north.node.messages()] == ["request", "acknowledgement"], "told once"
        assert "Tell them a person has read it" not in south.get("/message/north/0").text.split('id="main"')[1].split('id="sent"')[0]
        assert "Read by a person, who agrees to nothing by it" in heard()
        assert "Not answered" in heard()
        made.south.node.send("reply", {"re": "north/0", "stance": "under_inquiry", "answers": [{"question": 1, "text": "We look."}]})
        made.settle(2)
        assert "Not answered" not in heard()
        assert re.search(r"Answered \S+ south/1", heard())


def test_its_proof_is_verified_offline_and_shows_only_what_was_chosen(pair: ChannelPair) -> None:
    who = Browser(desk_of(pair.north), "reader")
    whole = {name for name in pair.north.node.show((0, 0))["body"] if name != "releases"}
    for query, shown in (("", whole), ("?reveal=types&reveal=occurred_from", {"exercise", "types", "occurred_from"})):
        answer = who.get(f"/message/north/0/proof{query}")
        assert answer.status == 200
        assert answer.headers["content-disposition"] == 'attachment; filename="north-0.tlog-proof"'
        assert answer.headers["cache-control"] == "no-store"
        report = verify(answer.body, Trust(who.get("/charter").body, None, None))
        assert report.verdict == "valid", report
        assert report.fields.keys() - {"releases"} == shown
    assert who.get("/message/north/0/proof?reveal=nothing_like_it").status == 400
    assert "ceasewire verify north-0.tlog-proof --charter" in who.get("/message/north/0").outline.text
    lines = who.desk.people.audit()
    assert [line.about for line in lines if line.what == "proof_taken"] == ["north/0", "north/0"]


def test_what_was_withdrawn_and_corrected_is_shown_with_its_reason(pair: ChannelPair) -> None:
    page = Browser(desk_of(pair.south)).get("/message/north/0")
    assert "Its sender has withdrawn it by" in page.outline.text
    both = r"<del><bdi dir=\"auto\">[^K]*</bdi></del>\s*<ins><bdi dir=\"auto\">Kala</bdi></ins>"
    assert re.search(both, page.text), "both values of the place"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("North\u200bern", "zero-width characters: 1 U+200B"),
        ("Cоmmand", "words that mix look-alike scripts: 1 U+043E"),
        ("۱۲ rounds", "digits of another script: 2 U+06F1 U+06F2 · ۱۲ = 12"),
        ("on 03/04/2031", "dates that can be read two ways: 1 U+002F"),
    ],
)
def test_what_nobody_would_see_is_said(text: str, said: str) -> None:
    with ChannelPair() as made:
        body = {"types": ["A1"], "occurred_from": "2026-03-01T00:00:00Z", "place": "Kala", "narrative": text}
        made.north.node.send("notification", body)
        who = Browser(desk_of(made.north), "reader")
        found = who.get("/message/north/0")
        assert said in found.outline.text
        assert said in who.get("/case/north/0").outline.text
        assert "\u200b" not in found.text.split("<pre")[1], "escaped in the exact JSON too"


@pytest.mark.parametrize("kind", sorted(set(KINDS) | {"kind_99"}))
def test_every_field_of_every_kind_is_written_down(kind: str) -> None:
    """Also of kinds and fields that this version does not know, and of values that are not of their type."""
    known = UNDERSTOOD[KINDS[kind]].all_fields if kind in KINDS else {}
    for value in (NASTY, 7, True, [NASTY], {"x": NASTY}, [[1, 2]], [{"y": [NASTY]}]):
        body = {**dict.fromkeys(known, value), "not_understood": {"99": value}}
        lines = wording.lines(kind, body)
        left = body.keys() - {line.name for line in lines}
        assert left <= {"exercise", "precedence", "releases", "historical", "location_precision"}
        made = environment().from_string(
            '{% from "words.html" import said with context %}{% for line in lines %}<p>{{ said(line.value, true) }}</p>{% endfor %}'
        )
        html = made.render(lines=lines, tongue=Tongue(), now=0, naming=Naming({}), call={"base": "/c/x"})
        outline = Outline(html)
        assert outline.is_clean(), (kind, value)
        if NASTY in str(value):
            assert NASTY in outline.written


def test_a_message_that_is_not_there(pair: ChannelPair) -> None:
    who = Browser(desk_of(pair.north), "reader")
    for path in ("/message/north/99999", "/message/nobody/0", "/message/north/0x", "/message/north/-1", "/message/north/99999/proof"):
        assert who.get(path).status == 404, path
    assert who.post("/message/north/0/read").status == 403
