"""A message in an officer's words: every kind, what its lack means, what is hidden in it. FAULTS H3, H5, H6, H14; DOMAIN."""

from __future__ import annotations

import io
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from ceasewire.cli import showing
from ceasewire.cli.screen import Screen
from ceasewire.record.encoding import encode
from ceasewire.record.kinds import KINDS, UNDERSTOOD, read_body, show_body
from ceasewire.record.saying import in_words, summary
from helpers import make_channel
from record.bodies import MESSAGES, Pair
from vectors.of_bodies import GOOD

from .driving import Cli, joined

NAMES = make_channel().channel
INCIDENT = {"types": ["A4"], "occurred_from": "2026-03-01T04:12:00Z", "place": "Kala"}


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return joined(tmp_path)


def page(kind: str, body: dict[str, Any], *, exercise: bool = False, **more: Any) -> str:
    """What `show` prints of a message with that body."""
    read = read_body(UNDERSTOOD[KINDS[kind]], body, NAMES, exercise=exercise)
    found: dict[str, Any] = {"ref": "north/0", "kind": kind, "time": "2026-03-01T04:12:00Z", "case": None, "void": None}
    found |= {"receipts": [], "witnesses": []}
    out = io.StringIO()
    near = {"north/0": {**found, "kind": "notification", "body": INCIDENT}}
    showing.message(Screen(out), {**found, "ref": "south/0", "body": show_body(KINDS[kind], read, NAMES), **more}, near)
    return out.getvalue()


SAYS = {
    "notice": ("activity: humanitarian convoy", "route: 33.1, -44.6; 33.2, -44.6, to about 11 km", "assurance asked: yes"),
    "notice-started": ("phase: started", "about: north/0"),
    "finding": (
        "finding: confirmed",
        "facts disputed:\n    by south: count, means",
        "comments:\n    of south: We saw two.",
        "visits: Bridge 4, 2026-03-02T00:00:00Z",
        "attribution: shared",
        "on: north/0",
        "no source given",
        "no evidence named",
        "confidence: medium",
    ),
    "flash": ("phrase: Cease fire now", "but: It does not say who began", "33.12, -44.57, to about 1 km"),
    "evidence": ("for: north/0", "crater.jpg"),
    "correction": ("corrects: north/0", "now says:", "33.1, -44.6, to about 11 km", "no longer says: severity", "reason: Counted again."),
    "withdrawal": ("withdraws: north/0", "reason: It was thunder."),
    "channel-status": ("status: contact and duty roster", "duty telephone: +000 0000", "role: liaison officer"),
    "keys": ("name: Falcon", "url: https://n"),
    "amendment": ("amendment: cdcd",),
    "closing": ("closes: north/0",),
}


@pytest.mark.parametrize(("kind", "name", "body"), [(kind, name, body) for kind, name, _, body in GOOD])
def test_every_kind_is_readable(kind: str, name: str, body: dict[str, Any]) -> None:
    shown = page(kind, body)
    for text in SAYS[name]:
        assert text in shown, shown
    read = show_body(KINDS[kind], read_body(UNDERSTOOD[KINDS[kind]], body, NAMES, exercise=False), NAMES)
    assert 0 < len(summary(kind, read)) <= 100


def test_a_notification_says_what_it_lacks_and_what_it_withholds() -> None:
    bare = page("notification", INCIDENT)
    for text in ("types: A4 artillery, tank", "sources: no source given", "evidence: no evidence named"):
        assert text in bare
    named = page(
        "notification",
        {**INCIDENT, "sources": [{"class": "protected"}, {"class": "press", "text": "a paper"}, "a shepherd"], "precedence": "flash"},
    )
    assert "sources: withheld for safety, press: a paper, a shepherd" in named
    assert "no source given" not in named
    listed = io.StringIO()
    found = {"ref": "north/0", "kind": "notification", "time": "2026-03-01T04:12:00Z", "void": None}
    showing.messages(
        Screen(listed), [{**found, "body": INCIDENT}, {**found, "body": {**INCIDENT, "sources": ["a shepherd"], "historical": True}}]
    )
    assert [line.count("no source given") for line in listed.getvalue().splitlines()] == [0, 1, 0]
    assert "for the record" in listed.getvalue()
    assert "identities: only on a channel with the guarantor alone" in page("notification", {**INCIDENT, "types": ["D3"]})


def test_questions_and_answers_are_numbered() -> None:
    assert "questions:\n    1: Who?\n    2: Where?\n" in page("request", {"questions": ["Who?", "Where?"]})
    answered = {"re": "north/0", "stance": "under_inquiry", "answers": [{"question": 2, "text": "There."}], "agreed": ["count_unit"]}
    assert "answers:\n    to question 2: There.\n" in page("reply", answered)
    assert "facts agreed: count unit" in page("reply", answered)
    twice = page("reply", {**answered, "answers": [{"question": 2, "text": "There."}, {"question": 2, "text": "Or here."}]})
    assert "to question 2: There.\n    to question 2 (2): Or here.\n" in twice


def test_figures_that_contradict_each_other_are_said_to() -> None:
    body = {**INCIDENT, "casualties": {"civilians": {"killed": [5, 2, 3], "wounded": [1, 2, 4]}, "south": {"killed": [3, 3, 3]}}}
    shown = page("notification", body)
    assert "killed: 2 (5 to 3), figures contradict each other" in shown
    assert "wounded: 2 (1 to 4)\n" in shown
    assert "killed: 3\n" in shown


def test_h6_the_original_prevails_and_the_embargo_is_said() -> None:
    body = {
        "text": "\u0645\u0648\u0696",
        "language": "ps",
        "translations": [{"language": "en", "field": "text", "text": "We"}],
        "embargo": "2026-03-02T00:00:00Z",
    }
    shown = page("statement", body)
    assert "language: ps: the original, which prevails" in shown
    assert "text in en: We" in shown
    assert "not to be published before: 2026-03-02T00:00:00Z" in shown


def test_h3_h5_hidden_characters_are_counted_and_spelt_out() -> None:
    shown = page("statement", {"text": "no\u200brth\u00ad at \u06f1\u06f2:\u06f3\u06f0 on 03/04/2031"})
    assert "no<U+200B>rth<U+00AD>" in shown
    assert "hidden characters: 2 (U+00AD, U+200B)" in shown
    assert "12:30" in shown
    assert "dates that can be read two ways: 1" in shown
    assert "hidden" not in page("statement", {"text": "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"})


def test_exercise_is_first_and_void_is_said() -> None:
    assert page("statement", {"text": "x"}, exercise=True).startswith("EXERCISE\n")
    assert "VOID" in page("statement", {"text": "x"}, void="ref.party")


def test_h14_received_read_and_agreed_are_worded_apart() -> None:
    received = page("statement", {"text": "x"}, receipts=[{"by": "south", "time": "2026-03-01T04:12:01Z"}])
    read = page("acknowledgement", {"re": "north/0", "state": "read"})
    agreed = page("reply", {"re": "north/0", "stance": "accepted"})
    for word, of in (("received by the machine", received), ("read by a person", read), ("agreed", agreed)):
        assert word in of
    assert "agreed" not in received + read
    assert "read by a person" not in received + agreed
    assert "received" not in read + agreed.replace("receipts: none yet: sent, not confirmed", "")
    assert "agrees to nothing" in read
    for stance in ("not_ours", "under_inquiry", "noted"):
        assert "stance: accepted" not in page("reply", {"re": "north/0", "stance": stance})


@pytest.mark.parametrize("kind", MESSAGES)
def test_whatever_a_message_says_it_can_be_shown(kind: str) -> None:
    """No body that passes its checks stops a page, and every text of it stands there."""

    @settings(max_examples=25)
    @given(MESSAGES[kind])
    def check(pair: Pair) -> None:
        written, shown = pair
        text = page(kind, {**written, "exercise": True})
        assert text.startswith("EXERCISE\n")
        for name in ("narrative", "account", "reason", "title"):
            if name in shown and shown[name].isascii() and shown[name].isprintable():
                assert shown[name] in text

    check()


def test_what_is_not_understood_is_shown_as_such() -> None:
    assert in_words("kind_99", {"exercise": False, "not_understood": {"20": "x"}}) == {"not understood by this version": {"20": "x"}}


def test_send_help_lists_every_kind(cli: Cli) -> None:
    shown = " ".join(cli("send", "--help").out.replace("│", " ").split())
    for kind in KINDS:
        assert kind in shown


def test_fall_of_shot(cli: Cli) -> None:
    """Issue 3, "Shown by" 6: an exact point entered with precision district, a protected source: nothing finer and no name beyond."""
    point = {"location": [34.51863, 69.17542], "observer_position": [34.52719, 69.18431], "location_precision": "district"}
    ref = cli.send("north", "notification", **INCIDENT, **point, sources=[{"class": "protected"}])
    correction = cli.send("north", "correction", re=ref, fields={"location": [34.53987, 69.19876]}, reason="Seen from nearer.")
    named = json.dumps({**INCIDENT, "sources": [{"class": "protected", "text": "Amina"}]})
    refused = cli("send", "north", "notification", "-", "--json", stdin=named)
    assert (refused.status, refused.code) == (2, "body.schema")
    cli.carry("north", "south")
    for shown in (cli("show", "south", one, "--json").out for one in (ref, correction)):
        assert "34.5" in shown
        assert not [digits for digits in ("34.51", "34.52", "34.53", "34.54", "69.17", "69.18", "69.19") if digits in shown]
    finer = [encode(round(x * 100_000)) for pair in (*point.values(), [34.53987, 69.19876]) if isinstance(pair, list) for x in pair]
    held = [file.read_bytes() for slug in ("north", "south") for file in (cli.folder / slug).rglob("*") if file.is_file()]
    bodies = _bodies(cli.folder / "south" / "store.sqlite")
    assert bodies
    assert all(encode(3_450_000) in body for body in bodies[:2])
    for secret in (*finer, b"Amina", b"34.518", b"34.539"):
        assert not [data for data in [*held, *bodies] if secret in data]


def _bodies(store: Path) -> list[bytes]:
    """Every body as the other side's store holds it, in the clear."""
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as database:
        return [body for (body,) in database.execute('SELECT body FROM message ORDER BY log, "index"')]
