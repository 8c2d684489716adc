"""Lists: search in any script, filters, pages; and no input that means more than itself. FAULTS I-16."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ceasewire.errors import LocalError
from ceasewire.node.view import View
from ceasewire.record.kinds import KINDS
from helpers import START, local
from node.pair import ChannelPair

TEXTS = (
    "Twelve mortar rounds fell north of the school",
    "Mörser-Granaten in der Nähe von Łódź",
    "د هاوان مرمۍ په ښوونځي کې ولوېدې",
    "سقطت قذائف هاون قرب مدرسة",
    "Выстрелы у моста в 04:12",
    "A patrol crossed the bridge",
    "100% certain_ly 'quoted' \"and\" NEAR(x) OR NOT col:val* ^a -b + (c) {d} [e] \\ ; --",
)


@pytest.fixture(scope="module")
def view() -> Iterator[View]:
    with ChannelPair(("north", "south", "mission:guarantor")) as pair:
        for number, text in enumerate(TEXTS):
            pair.set_clock(START + number * 60)
            (pair.south if number % 2 else pair.north).say(text)
            pair.settle(1)
        more = {"place": "Köprü", "types": ["A4"], "occurred_from": "2026-02-28T04:12:00Z", "accused": "south"}
        told = {"language": "fr", "field": "narrative", "text": "des obus près de l'école"}
        pair.set_clock(START + 3600)
        sent = pair.north.node.send(
            "notification", {**more, "narrative": "Shells near the school", "language": "en", "translations": [told]}
        )
        pair.settle(1)
        pair.set_clock(START + 7200)
        pair.south.node.send("reply", {"re": f"{sent.log}/{sent.index}", "stance": "denied", "account": "No mortar of ours"})
        pair["mission"].node.send("line_check", {})
        pair.settle(2)
        yield pair["mission"].node


def found(view: View, search: str, **more: object) -> list[str]:
    """The texts that a search finds, each by its first words."""
    bodies = [one["body"] for one in view.messages(search=search, **more)]  # type: ignore[arg-type]
    return [str(body.get("text") or body.get("narrative") or body.get("account"))[:12] for body in bodies]


@pytest.mark.parametrize(
    ("search", "first"),
    [
        ("MORTAR", ["Twelve morta", "No mortar of"]),
        ("school mortar", ["Twelve morta"]),
        ("school mor", ["Twelve morta"]),
        ("schoo mortar", []),  # only the last word may be a beginning
        ('"mortar rounds"', ["Twelve morta"]),
        ('"rounds mortar"', []),
        ('"mort"', []),  # what is quoted is whole
        ('"north of" scho', ["Twelve morta"]),
        ('mortar "rounds', ["Twelve morta"]),  # a quote that is not closed
        ("morser nahe lodz", ["Mörser-Grana"]),
        ("MÖRSER", ["Mörser-Grana"]),
        ("هاوان ښوونځی", ["د هاوان مرمۍ"]),  # another keyboard's yeh
        ("مدرسه", ["سقطت قذائف ه"]),  # heh for ta marbuta
        ("هاون", ["سقطت قذائف ه"]),
        ("выстрел", ["Выстрелы у м"]),
        ("ecole", ["Shells near "]),  # a translation
        ("kopru", ["Shells near "]),  # another field
        ("school ecole", ["Shells near "]),
        ('"school des"', []),  # two texts of one message are not one text
        ("no such word", []),
    ],
)
def test_a_search_finds_all_words_in_any_script(view: View, search: str, first: list[str]) -> None:
    assert found(view, search) == first


@pytest.mark.parametrize("search", ["100%", "certain_ly", "NEAR(x)", "col:val*", "^c -b", "x OR NOT", "(c) {d} [e]", "'quoted'", '""and""'])
def test_signs_mean_nothing(view: View, search: str) -> None:
    assert found(view, search) == ["100% certain"]


@pytest.mark.parametrize("search", ["", " ", '"', '""', "%", "*", "_", "'", "; --", "\u0000", "؟", "word " * 33])
def test_a_search_for_no_words_or_too_many_is_refused(view: View, search: str) -> None:
    with local("usage"):
        found(view, search)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.text(st.characters(codec="utf-8"), max_size=40)
    | st.lists(st.sampled_from([*"\"*%_^:()-+{}[];\\'", "NEAR", "AND", "OR", "NOT", "mort", " "])).map("".join)
)
def test_no_search_breaks_it(view: View, search: str) -> None:
    started, code = time.monotonic(), "usage"
    try:
        found(view, search)
    except LocalError as error:
        code = error.code
    assert code == "usage"
    assert time.monotonic() - started < 2


def refs(view: View, **filters: object) -> list[str]:
    return [str(one["ref"]) for one in view.messages(**filters)]  # type: ignore[arg-type]


def test_pages_put_together_are_the_list(view: View) -> None:
    for filters in ({}, {"search": "mortar"}, {"party": "north"}, {"kind": "statement"}, {"void": False}):
        whole, pages, after = refs(view, **filters), [], None
        while page := refs(view, **filters, after=after, limit=2):
            pages += page
            after = page[-1]
        assert pages == whole
    assert refs(view, limit=10**30) == refs(view)


Filter = tuple[tuple[object, ...], Callable[[dict[str, Any], Any], bool]]
FILTERS: dict[str, Filter] = {
    "kind": (("statement", "reply", "flash"), lambda one, kind: bool(one["kind"] == kind)),
    "party": (("north", "south", "mission"), lambda one, party: bool(one["ref"].startswith(party))),
    "log": (("north", "mission"), lambda one, log: bool(one["ref"].startswith(log))),
    "void": ((True, False), lambda one, void: bool((one["void"] is not None) == void)),
    "since": ((START + 120,), lambda one, _: bool(one["time"] >= "2026-03-01T00:02:00Z")),
    "until": ((START + 120,), lambda one, _: bool(one["time"] <= "2026-03-01T00:02:00Z")),
}


def test_each_filter_leaves_what_it_says(view: View) -> None:
    whole = list(view.messages())
    assert len(whole) == len(TEXTS) + 3
    for name, (values, keeps) in FILTERS.items():
        for value in values:
            assert refs(view, **{name: value}) == [one["ref"] for one in whole if keeps(one, value)], (name, value)
    for kind, party, search in product(("statement", "reply", None), ("north", "south", None), ("mortar", None)):
        both = [set(refs(view, **{name: value})) for name, value in (("kind", kind), ("party", party), ("search", search)) if value]
        expected = set.intersection(*both) if both else set(refs(view))
        assert set(refs(view, kind=kind, party=party, search=search)) == expected


def test_what_belongs_to_a_case(view: View) -> None:
    (case,) = view.cases()
    members = [one["ref"] for one in view.case(view.ref(str(case["ref"])))["messages"]]
    assert len(members) == 2
    for ref in members:
        assert refs(view, case=ref) == members
    assert refs(view, case=members[0], search="mortar") == members[1:]


@pytest.mark.parametrize(
    ("filters", "code"),
    [
        ({"kind": "shell'; DROP TABLE item; --"}, "usage"),
        ({"log": "%"}, "usage"),
        ({"party": "nobody"}, "usage"),
        ({"case": "north/9999"}, "ref.missing"),
        ({"case": "north/0"}, "ref.missing"),
        ({"case": "' OR 1=1"}, "ref.malformed"),
        ({"after": "south/9999"}, "ref.missing"),
        ({"after": "x"}, "ref.malformed"),
        ({"limit": -1}, "usage"),
    ],
)
def test_what_is_not_there_cannot_be_listed_by(view: View, filters: dict[str, object], code: str) -> None:
    with local(code):
        refs(view, **filters)


def test_many_messages_of_one_second_are_paged_in_record_order() -> None:
    with ChannelPair() as pair:
        for _ in range(5):
            for side in pair:
                side.node.send_many([("statement", {"text": f"mortar {side.slug}"})] * 3)
            pair.settle(1)
        view = pair.north.node
        whole = refs(view)
        assert refs(view, search="mortar") == whole
        assert len({one["time"] for one in view.messages()}) == 1
        for place, ref in enumerate(whole):
            assert refs(view, after=ref) == refs(view, search="mortar", after=ref) == whole[place + 1 :]


def test_the_last_of_a_kind_and_how_many() -> None:
    with ChannelPair() as pair:
        north, check, watch = pair.north.node, KINDS["line_check"], KINDS["acknowledgement"]
        assert north.last_of_kind(0, check) == (0, None)
        for minute in range(3):
            pair.set_clock(START + 60 * minute)
            north.send("line_check", {})
        north.send("acknowledgement", {"watch": True})
        pair.set_clock(START + 600)
        north.send("acknowledgement", {"state": "read", "re": "north/0"})
        pair.settle(1)
        for view in (north, pair.south.node):
            assert view.last_of_kind(0, check) == (3, START + 120)
            assert view.last_of_kind(0, watch) == (2, START + 600)
            assert view.last_of_kind(0, watch, watch=True) == (1, START + 120)
            assert view.last_of_kind(1, watch) == (0, None)


def test_what_is_overdue_is_known_without_folding_all() -> None:
    with ChannelPair(clocks={"reply": 3600}) as pair:
        place = {"types": ["A4"], "occurred_from": "2026-02-28T04:12:00Z", "place": "Kala"}
        refs = [pair.north.node.send("notification", place) for _ in range(3)]
        pair.settle(1)
        pair.set_clock(START + 60)
        pair.south.node.send("reply", {"re": f"north/{refs[0].index}", "stance": "accepted"})
        pair.settle(2)
        for side in pair:
            assert side.node.overdue(START + 3600) == []
            late = side.node.overdue(START + 60 + 3601)
            assert late == [case for case in side.node.cases() if case["ref"] != "north/0"]
            assert len(late) == 2
