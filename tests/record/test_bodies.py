"""The rules of the kinds: why a body is refused, positions no finer than stated, sources, provisions, phrases. DOMAIN; FAULTS H14, A12."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceasewire.errors import LocalError
from ceasewire.record import bodies_action, encoding, phrases, words
from ceasewire.record.bodies_record import CORRECTED
from ceasewire.record.fields import Wrong
from ceasewire.record.kinds import KINDS, UNDERSTOOD, check_schema, read_body, show_body
from ceasewire.record.message import Body
from helpers import local, make_channel
from vectors.of_bodies import BAD, CORRECTION, FOUND, PLAN

NAMES = make_channel().channel
SAID = {  # what a person is told, of each vector
    "order": "not before occurred_from",
    "press": "with press_intention at_time",
    "latitude": "from -90 to 90",
    "casualties": "not east",
    "time-none": "a time that exists",
    "no-questions": "questions is missing",
    "answer": "question: a whole number from 0 to 50",
    "reply-re": "reply: re",
    "watch-false": "watch: true",
    "read-re": "acknowledgement: re",
    "digest": "32 bytes",
    "re-twice": "each message once",
    "links-twice": "each message once",
    "protected": "leave out who it is",
    "translation": "one that is there, not title",
    "notice-window": "window_from",
    "notice-where": "area, location or route",
    "notice-started": "the notice that this follows up",
    "notice-order": "not before window_from",
    "notice-inquiry": "the case of the joint inquiry",
    "notice-activity": "activity: one of live_fire_exercise",
    "finding-re": "finding: re",
    "finding-none": "finding is missing",
    "finding-nobody": "a party at least",
    "finding-shared": "two parties",
    "finding-twice": "each party once",
    "finding-unattributed": "attribution: attributed or shared",
    "finding-both": "not agreed",
    "flash-phrase": "one of cease_now",
    "flash-text": "at most 500 bytes",
    "evidence-none": "evidence: evidence",
    "evidence-re": "evidence: re",
    "correction-of": "can be corrected",
    "correction-two": "the one message",
    "correction-nothing": "fields or removed",
    "correction-reason": "reason is missing",
    "correction-field": "not stance",
    "correction-type": "fields: count: a whole number",
    "correction-clock": "not respond_by",
    "correction-both": "not replaced",
    "correction-required": "not types",
    "withdrawal-reason": "reason is missing",
    "withdrawal-re": "withdrawal: re",
    "status": "one of suspension",
    "status-order": "not before from",
    "roster-order": "does not end before",
    "keys-nothing": "one of opening",
    "keys-weak": "not a safe",
    "keys-opening": "opening: bytes",
    "amendment-base": "base: 32 bytes",
    "amendment-hash": "amendment is missing",
    "closing-re": "closing: re",
}


def read(kind: str, body: Any, **more: Any) -> Body:
    return read_body(UNDERSTOOD[KINDS[kind]], body, NAMES, exercise=False, **more)


@pytest.mark.parametrize(("name", "kind", "body"), [(name, kind, body) for name, kind, _, body in BAD])
def test_each_vector_is_refused_for_its_own_reason(name: str, kind: str, body: dict[str, Any]) -> None:
    with local("body.schema") as caught:
        read(kind, body)
    assert SAID[name] in caught.value.detail


GOOD: dict[str, dict[str, Any]] = {
    "notice": PLAN,
    "finding": FOUND | {"attribution": "attributed", "attributed_to": ["south"], "agreed": ["count"]},
    "flash": {"phrase": "checking"},
    "correction": CORRECTION,
    "channel_status": {"status": "contact"},
    "keys": {"duty_telephone": "+000"},
    "amendment": {"base": "ab" * 32, "amendment": "cd" * 32},
    "statement": {"text": "x"},
}


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("notice", {22: None}),
        ("notice", {23: 0}),
        ("notice", {17: 2}),
        ("notice", {19: [[3_312_345, 0]], 21: 2}),
        ("notice", {19: [[3_312_000, 0]]}),
        ("notice", {20: [10_000, 1_000], 21: 3}),
        ("notice", {21: 5}),
        ("finding", {3: None}),
        ("finding", {18: None}),
        ("finding", {17: 2}),
        ("finding", {28: [{1: 0, 2: [35]}]}),
        ("finding", {28: [{1: 9, 2: [36]}]}),
        ("flash", {16: 99}),
        ("flash", {17: [1, 1], 18: 2}),
        ("correction", {16: 11}),
        ("correction", {16: None}),
        ("correction", {17: {23: [3_312_000, 0]}}),
        ("correction", {17: {23: [3_312_000, 0], 24: 3}}),
        ("correction", {17: {63: 1}}),
        ("correction", {17: 5}),
        ("correction", {17: {35: True}}),
        ("correction", {19: [35]}),
        ("correction", {19: [16]}),
        ("correction", {3: [[0, 0], [0, 1]]}),
        ("channel_status", {17: 2, 18: 1}),
        ("channel_status", {22: [{1: 2, 2: 1, 3: "x"}]}),
        ("keys", {21: None}),
        ("keys", {17: [[1, bytes(32), 1, "F", "", ""]]}),
        ("keys", {18: [bytes(15)]}),
        ("amendment", {17: bytes(31)}),
        ("statement", {11: [{1: 7, 2: "a name"}]}),
        ("statement", {3: [[0, 1], [0, 1]]}),
    ],
)
def test_what_a_peer_may_put_there_is_refused_by_the_same_rules(kind: str, change: dict[int, encoding.Value]) -> None:
    """A12: rules hold on receipt, where no `read` has been."""
    good = read(kind, GOOD[kind])
    check_schema(KINDS[kind], good, NAMES)
    body: Body = {number: value for number, value in (good | change).items() if value is not None}
    with pytest.raises(Wrong):
        check_schema(KINDS[kind], body, NAMES)
    show_body(KINDS[kind], body, NAMES)


POINT = st.tuples(st.floats(-90, 90), st.floats(-180, 180)).map(list)


@given(POINT, POINT, st.sampled_from(list(words.PRECISION_UNITS)), st.sampled_from(["notification", "notice", "flash"]))
def test_no_kind_signs_a_position_finer_than_its_precision(one: list[float], two: list[float], precision: str, kind: str) -> None:
    """Issue 3, "Shown by" 6; DOMAIN: damage with exact points corrects fire. Also inside a correction."""
    least = {
        "notification": {"types": ["A4"], "occurred_from": "2026-03-01T00:00:00Z", "observer_position": two},
        "notice": {**PLAN, "route": [one, two]},
        "flash": {"phrase": "cease_now"},
    }[kind]
    given = {**least, "location": one, "location_precision": precision}
    changed = {name: value for name, value in given.items() if name in ("location", "location_precision", "route", "observer_position")}
    corrected = read("correction", {"re": "north/0", "of": kind, "fields": changed, "reason": "x"})
    replaced = corrected[17]
    assert isinstance(replaced, dict)
    placed = UNDERSTOOD[KINDS[kind]].placed
    assert placed is not None
    for body in (read(kind, given), replaced):
        for number in (*placed.points, *placed.routes):
            value: Any = body.get(number, [0, 0])
            for point in value if number in placed.routes else [value]:
                assert all(x % words.PRECISION_UNITS[precision] == 0 for x in point)


def test_a_protected_source_never_has_words() -> None:
    """Issue 3, "Shown by" 6: the words might be a name, and what is sent can never be taken back."""
    shown = show_body(2, read("statement", {"text": "x", "sources": [{"class": "protected"}]}), NAMES)
    assert shown["sources"] == [{"class": "protected"}]
    with local("body.schema") as caught:
        read("statement", {"text": "x", "sources": [{"class": "protected", "text": "Amina of the mill"}]})
    assert "Amina" not in str(caught.value)


def test_a_provision_that_the_charter_does_not_list_is_refused_with_the_near_one() -> None:
    body = {"text": "x", "provisions": ["II.3", "III.2"]}
    read("statement", body)
    read("statement", body, provisions=["II.3", "III.2"])
    with local("body.schema") as caught:
        read("statement", body, provisions=["II.3", "III.1"])
    assert "III.2; perhaps III.1" in caught.value.detail


@pytest.mark.parametrize(
    ("kind", "wrong", "right"), [("finding", "findings", "finding"), ("flash", "frase", "phrase"), ("notice", "windows_to", "window_to")]
)
def test_a_name_that_is_not_known_is_said_with_the_near_one(kind: str, wrong: str, right: str) -> None:
    with local("field.unknown") as caught:
        read(kind, GOOD[kind] | {wrong: 1})
    assert caught.value.detail == f"{wrong}; perhaps {right}"


def test_a_code_may_be_written_with_spaces_and_capitals_and_nothing_else() -> None:
    assert read("flash", {"phrase": "Cease now"})[16] == read("flash", {"phrase": "cease_now"})[16]
    for loose in ("cease-now", "cease now!", "ceasenow", " cease_now", "cease", 1, ["cease_now"]):
        with local("body.schema"):
            read("flash", {"phrase": loose})


def test_there_are_at_most_sixteen_phrases_and_each_says_what_it_does_not_mean() -> None:
    """DOMAIN: a phrase no speaker has checked shows English beside it; so Pashto is no checked language yet."""
    assert 10 <= len(phrases.PHRASES) <= 16
    first = "cease_now we_have_ceased checking not_ours medical_help notified_convoy_under_fire accident false_alarm"
    assert list(phrases.PHRASES)[:10] == [*first.split(), "not_understood", "telephone_us"]
    assert all(one.means and one.not_means and one.pashto for one in phrases.PHRASES.values())
    assert "no admission" in phrases.PHRASES["not_ours"].not_means
    assert "accepts nothing" in phrases.PHRASES["checking"].not_means
    assert frozenset({"en"}) == phrases.CHECKED
    for name, one in phrases.PHRASES.items():
        assert phrases.texts(name, "en") == phrases.texts(name, "fr") == (one.means,)
        assert phrases.texts(name, "ps") == (one.pashto, one.means)


def test_every_type_of_the_taxonomy_has_its_words() -> None:
    assert list(words.TAXONOMY) == list(words.GROUPS) == list("ABCDEFGHIJ")
    assert [f"{group}{n}" for group, last in words.TAXONOMY.items() for n in range(1, last + 1)] == list(words.VIOLATIONS)
    assert words.VIOLATIONS["A4"] == "artillery, tank"
    assert words.VIOLATIONS["J5"] == "other"


def test_h14_received_read_and_agreed_are_three_acts() -> None:
    """H14: a receipt is no message at all; reading is said by an acknowledgement, which can say nothing more; agreeing by a stance."""
    assert "receipt" not in KINDS
    with local("body.schema"):
        read("acknowledgement", {"re": "north/0", "state": "accepted"})
    with local("body.schema"):
        read("reply", {"re": "north/0", "stance": "read"})
    with pytest.raises(LocalError):
        read("acknowledgement", {"re": "north/0", "state": "read", "stance": "accepted"})


def test_h4_a_text_is_signed_as_it_was_written() -> None:
    """H4: what looks the same and is written otherwise has another signature; nothing is normalised before it is verified or shown."""
    composed, decomposed = read("statement", {"text": "\u00e9"}), read("statement", {"text": "e\u0301"})
    assert encoding.encode(composed) != encoding.encode(decomposed)
    assert show_body(2, decomposed, NAMES)["text"] == "e\u0301"


def test_a_correction_never_touches_what_clocks_alarms_and_cases_hang_on() -> None:
    for kind in CORRECTED.values():
        for name in ("exercise", "precedence", "re", "links", "respond_by", "historical"):
            with local("body.schema") as caught:
                read("correction", {"re": "north/0", "of": kind.name, "reason": "x", "fields": {name: True}})
            assert f"not {name}" in caught.value.detail


def test_a_notice_without_a_phase_is_planned() -> None:
    assert bodies_action.planned({}) and bodies_action.planned({17: 1})  # noqa: PT018
    assert not bodies_action.planned({17: 2})
