"""Without-prejudice names: ours on our pages, theirs beside it; theirs alone in everything that is signed, proved or told to a program."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from ceasewire.console.naming import Naming
from ceasewire.verifier import Trust, verify
from console.desks import Browser, desk_of
from node.pair import ChannelPair

OURS, HERE = "The other army", "Our Kala"
BODY = {
    "types": ["A4"],
    "occurred_from": "2026-03-01T00:00:00Z",
    "place": "Kala  Bridge",
    "accused": "south",
    "narrative": "At Kala Bridge.",
}


@pytest.fixture
def pair() -> Iterator[ChannelPair]:
    with ChannelPair() as made:
        made.set_clock(int(time.time()) - 600)
        made.north.node.send("notification", BODY)
        made.settle(2)
        yield made


def test_our_names_are_shown_with_theirs_beside_them_and_leave_nothing_else_changed(pair: ChannelPair) -> None:
    north, south = Browser(desk_of(pair.north), "releaser"), Browser(desk_of(pair.south), "releaser")
    before = (pair.north.shown(), pair.north.dump(), pair.south.dump())
    assert north.post("/names", kind="party", theirs="south", ours=OURS).headers["location"].endswith("/names?said=Saved.")
    assert north.post("/names", kind="place", theirs="kala bridge", ours=HERE).status == 303
    for path, both in (
        ("/message/north/0", True),
        ("/case/north/0", True),
        ("/cases", False),
        ("/search?q=kala", False),
        ("/inbox?show=all", False),
    ):
        text = north.get(path).outline.text
        assert (HERE in text) or path.startswith("/inbox"), path
        if both:
            assert "(they write: South )" in text or "(they write: South)" in text, path
            assert f"{HERE} (they write: Kala Bridge)" in text, path
        assert OURS not in south.get(path).text
        assert HERE not in south.get(path).text
    assert OURS in north.get("/case/north/0").outline.written
    assert "At Kala Bridge." in north.get("/message/north/0").outline.text, "what a person wrote in a sentence stays as it is"
    assert (pair.north.shown(), pair.north.dump(), pair.south.dump()) == before
    proof = north.get("/message/north/0/proof").body
    report = verify(proof, Trust(pair.made.signed.encode(), None, None))
    assert report.verdict == "valid"
    assert report.fields["place"] == BODY["place"]
    told = json.dumps([report.as_json(), pair.north.node.case((0, 0)), pair.north.node.show((0, 0)), pair.north.node.cases()])
    assert OURS not in told
    assert HERE not in told
    exact = north.get("/message/north/0").text.split("<pre")[1]
    assert HERE not in exact
    assert OURS not in exact


def test_an_empty_name_shows_theirs_again(pair: ChannelPair) -> None:
    north = Browser(desk_of(pair.north), "releaser")
    north.post("/names", kind="party", theirs="south", ours=OURS)
    assert OURS in north.get("/case/north/0").text
    north.post("/names", kind="party", theirs="south", ours="  ")
    assert OURS not in north.get("/case/north/0").text
    assert OURS not in north.get("/names").text


def test_only_releasers_set_names_and_what_is_no_name_is_said_on_the_page(pair: ChannelPair) -> None:
    desk = desk_of(pair.north)
    for role, status in (("reader", 403), ("drafter", 403), ("releaser", 200), ("administrator", 200)):
        assert Browser(desk, role).get("/names").status == status, role
    north = Browser(desk, "releaser")
    for form in (
        {"kind": "river", "theirs": "x"},
        {"kind": "place", "theirs": " "},
        {"kind": "place", "theirs": "x", "ours": "y" * 5000},
        {},
    ):
        answer = north.post("/names", **form)
        assert answer.status == 422, form
        assert 'role="alert"' in answer.text
    assert north.post("/names", kind="place", theirs="x", ours="a\u0007b").status == 422
    assert desk.people.names() == {"party": {}, "place": {}}


def test_one_place_is_one_place_however_it_is_spelt() -> None:
    naming = Naming.of({"south": "South"}, {"place": {"Kala  Bridge": HERE, "ښوونځی": "School"}, "party": {"nobody": "X"}})
    assert [naming.place(text) for text in ("KALA bridge", "Kala Bridge", "Kala", "ښوونځي")] == [HERE, HERE, "Kala", "School"]
    assert naming.party("nobody") == "nobody"
    assert naming.written_place("kala bridge") == "kala bridge"
    assert naming.written_place("Kala") is None
