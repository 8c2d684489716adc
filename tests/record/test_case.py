"""Cases: what moves one and what does not. spec/case.md; FAULTS I6, I9, I12, D6, H14."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ceasewire.record.case import ANSWERS, TRANSITIONS, Case, Cases
from ceasewire.record.fields import show_time
from ceasewire.record.kinds import KINDS, STANCES, UNDERSTOOD, read_body
from ceasewire.record.message import Body, Message, row
from ceasewire.record.order import in_order
from ceasewire.record.values import Cosignature, Row
from helpers import START, make_channel, seed_of

CHANNEL = make_channel(("east", "north", "south", "mission:guarantor"), clocks={"reply": 1000, "flash": 10}).channel
EAST, NORTH, SOUTH, MISSION = range(4)
SHOT: dict[str, Any] = {"types": ["A4"], "occurred_from": "2026-03-01T04:12:00Z", "place": "Bridge 4", "accused": "south"}


class Record:
    """Writes messages in record order, one a second, and folds them."""

    def __init__(self, proved: Callable[[Cosignature], bool] = lambda _: True) -> None:
        self.rows: list[Row] = []
        self.sizes: dict[int, int] = {}
        self.seen: dict[int, dict[int, int]] = {}
        self.proved = proved

    def write(
        self, log: int, kind: str, body: Any, *, seen: dict[int, int] | None = None, void: str | None = None, raw: Body | None = None
    ) -> tuple[int, int]:
        """Append one message; `seen` is added to what the log had seen. Returns its reference."""
        fields = raw if raw is not None else read_body(UNDERSTOOD[KINDS[kind]], body, CHANNEL, exercise=False)
        self.seen[log] = {**self.seen.get(log, {}), **(seen or {})}
        one = Message(KINDS[kind], START + len(self.rows), self.seen[log], seed_of(len(self.rows))[:16], fields)
        index = self.sizes.get(log, 0)
        self.sizes[log] = index + 1
        self.rows.append(replace(row(log, index, one), void=void))
        return log, index

    def fold(self) -> Cases:
        return Cases(CHANNEL, self.proved).feed(in_order(self.rows))

    def case(self, ref: tuple[int, int] = (NORTH, 0)) -> Case:
        return self.fold().cases[ref]


@pytest.fixture
def record() -> Record:
    """North has notified: north/0."""
    found = Record()
    found.write(NORTH, "notification", SHOT)
    return found


def reply(stance: str, re: Any = "north/0", **more: Any) -> dict[str, Any]:
    return {"re": re, "stance": stance, **more}


def test_a_notification_begins_a_case(record: Record) -> None:
    cases = record.fold()
    (case,) = cases
    assert (case.key, case.state, case.by, case.answering) == ((NORTH, 0), "notified", "north", frozenset({SOUTH}))
    assert cases.summary(case) == {
        "ref": "north/0",
        "state": "notified",
        "exercise": False,
        "by": "north",
        "time": "2026-03-01T00:00:00Z",
        "types": ["A4"],
        "occurred_from": "2026-03-01T04:12:00Z",
        "occurred_to": None,
        "place": "Bridge 4",
        "location": None,
        "accused": "south",
        "severity": None,
        "provisions": None,
        "received": None,
        "respond_by": None,
        "answered": None,
        "stances": {},
    }


def test_received_by_seen(record: Record) -> None:
    """Rule 4: the clock starts at the first entry of the accused that has seen it, whatever kind that is."""
    record.write(EAST, "statement", {"text": "x"}, seen={NORTH: 1})
    assert record.case().state == "notified"
    record.write(SOUTH, "statement", {"text": "x"})
    assert record.case().state == "notified"
    record.write(SOUTH, "line_check", {}, seen={NORTH: 1})
    record.write(SOUTH, "line_check", {}, seen={NORTH: 1, EAST: 1})
    cases = record.fold()
    summary = cases.summary(cases.cases[NORTH, 0])
    assert summary["state"] == "received"
    assert summary["received"] == {"by": "south", "time": show_time(START + 3), "proof": "south/1"}
    assert summary["respond_by"] == show_time(START + 3 + 1000)


def test_received_by_a_void_entrys_seen(record: Record) -> None:
    """A void message says nothing; its entry still shows what its log held."""
    record.write(SOUTH, "statement", None, seen={NORTH: 1}, void="body.schema", raw={0: [], 1: False})
    assert record.case().state == "received"


def test_received_by_an_entry_of_a_kind_that_is_not_understood(record: Record) -> None:
    record.write(SOUTH, "flash", None, seen={NORTH: 1}, raw={0: [], 1: False, 16: 1})
    case = record.case()
    assert (case.state, len(case.messages)) == ("received", 1)


def receipt(log: str = "north", size: int = 1, by: int = SOUTH, time: int = START + 1) -> dict[str, Any]:
    return {"log": log, "size": size, "by": by, "kind": 4, "time": show_time(time), "signature": "AA=="}


def test_received_by_a_cosignature_that_a_line_check_writes_down() -> None:
    """Rule 4: the notifier, the accused or a guarantor may write it down; its own time counts."""
    for writer, seen in ((NORTH, {}), (MISSION, {NORTH: 1}), (EAST, {NORTH: 1})):
        record = Record()
        record.write(NORTH, "notification", SHOT)
        record.write(MISSION, "statement", {"text": "x"})
        record.write(writer, "line_check", {"receipts": [receipt(by=EAST), receipt()]}, seen=seen)
        cases = record.fold()
        summary = cases.summary(cases.cases[NORTH, 0])
        proof = {NORTH: "north/1", MISSION: "mission/1", EAST: "east/0"}[writer]
        assert summary["received"] == {"by": "south", "time": show_time(START + 1), "proof": proof}


@pytest.mark.parametrize(
    ("signed", "start"), [(0, 0), (START - 1, 0), (START + 1, 1), (START + 2, 2), (START + 3, 2), (START + 10 * 365 * 86_400, 2)]
)
def test_the_accused_cannot_choose_when_its_clock_starts(signed: int, start: int) -> None:
    """It dates its own cosignature; the notification and the line check that writes it down bound that."""
    record = Record()
    record.write(NORTH, "notification", SHOT)
    record.write(NORTH, "statement", {"text": "x"})
    record.write(NORTH, "line_check", {"receipts": [receipt(time=signed)]})
    cases = record.fold()
    summary = cases.summary(cases.cases[NORTH, 0])
    assert summary["received"]["time"] == show_time(START + start)
    assert summary["respond_by"] == show_time(START + start + 1000)


@pytest.mark.parametrize(
    ("why", "written"),
    [
        ("by the notifier itself", receipt(by=NORTH)),
        ("by another party", receipt(by=EAST)),
        ("by the guarantor", receipt(by=MISSION)),
        ("by a witness", receipt(by=-1)),
        ("by a log that is not known", receipt(by=2**31)),
        ("of a size below it", receipt(log="south")),
        ("of a size that the writer did not hold", receipt(size=5)),
        ("of a log that the writer had not seen", receipt(log="east")),
    ],
)
def test_a_cosignature_that_proves_no_receipt(record: Record, why: str, written: dict[str, Any]) -> None:
    record.write(NORTH, "line_check", {"receipts": [written]})
    assert record.case().state == "notified"


def test_a_cosignature_that_does_not_verify_proves_nothing(record: Record) -> None:
    """C16."""
    asked: list[Cosignature] = []

    def proved(written: Cosignature) -> bool:
        asked.append(written)
        return False

    record.proved = proved
    record.write(NORTH, "line_check", {"receipts": [receipt(), receipt(by=-1), receipt(size=9)]})
    assert record.case().state == "notified"
    assert asked == [Cosignature(NORTH, 1, SOUTH, 4, START + 1, b"\x00")]


def test_a_void_line_check_writes_nothing_down(record: Record) -> None:
    """Rule 3."""
    record.write(NORTH, "line_check", {"receipts": [receipt()]}, void="release.reused")
    assert record.case().state == "notified"


def test_the_first_proof_counts_and_a_later_one_does_not(record: Record) -> None:
    """One count, from the record: an earlier cosignature that is written down later changes nothing."""
    record.write(SOUTH, "line_check", {}, seen={NORTH: 1})
    record.write(NORTH, "line_check", {"receipts": [receipt(time=START)]})
    case = record.case()
    assert case.received == (START + 1, "south", (SOUTH, 0))


def test_without_an_accused_every_other_party_answers() -> None:
    record = Record()
    record.write(NORTH, "notification", {key: value for key, value in SHOT.items() if key != "accused"})
    assert record.case().answering == frozenset({EAST, SOUTH})
    record.write(EAST, "line_check", {}, seen={NORTH: 1})
    case = record.case()
    assert case.received is not None
    assert (case.state, case.received[1]) == ("received", "east")


@pytest.mark.parametrize("accused", ["mission", "north"])
def test_accusing_a_guarantor_or_oneself_asks_every_other_party(accused: str) -> None:
    record = Record()
    record.write(NORTH, "notification", {**SHOT, "accused": accused})
    assert record.case().answering == frozenset({EAST, SOUTH})


@pytest.mark.parametrize("stance", STANCES)
def test_a_reply_moves_a_case_by_the_table(record: Record, stance: str) -> None:
    record.write(SOUTH, "reply", reply(stance), seen={NORTH: 1})
    cases = record.fold()
    case = cases.cases[NORTH, 0]
    summary = cases.summary(case)
    if stance in ANSWERS:
        assert case.state == ANSWERS[stance]
        assert summary["answered"] == show_time(START + 1)
        assert summary["stances"] == {"south": {"stance": stance, "ref": "south/0", "time": show_time(START + 1)}}
    else:  # stances for notices
        assert (case.state, summary["answered"], summary["stances"]) == ("received", None, {})
    assert [message["ref"] for message in cases.whole(case)["messages"]] == ["north/0", "south/0"]


def test_every_pair_of_the_table_and_no_other() -> None:
    """Rule 6."""
    states = {state for state, _ in TRANSITIONS} | set(TRANSITIONS.values())
    events = {event for _, event in TRANSITIONS}
    assert states == {"notified", "received", "accepted", "disputed", "under_inquiry"}
    for state, event in itertools.product(states, events):
        record = Record()
        record.write(NORTH, "notification", SHOT)
        case = record.case()
        case.state = state
        case.move(event)
        expected = event if event != "received" or state == "notified" else state
        assert case.state == expected == TRANSITIONS.get((state, event), state)


def test_a_later_reply_is_the_stance_and_the_first_is_the_answer(record: Record) -> None:
    """D6: `answered` never moves, so a later change of mind cannot make a late answer of an early one."""
    record.write(SOUTH, "reply", reply("under_inquiry", disputed=["count"]), seen={NORTH: 1})
    record.write(SOUTH, "reply", reply("partly_accepted", agreed=["types", "place"], disputed=["count"]))
    record.write(SOUTH, "reply", reply("accepted", agreed=["count"]))
    cases = record.fold()
    whole = cases.whole(cases.cases[NORTH, 0])
    assert (whole["state"], whole["answered"]) == ("accepted", show_time(START + 1))
    assert whole["stances"]["south"]["stance"] == "accepted"
    assert whole["facts"] == {"count": {"south": "agreed"}, "place": {"south": "agreed"}, "types": {"south": "agreed"}}


def test_who_does_not_answer_is_listed_and_moves_nothing(record: Record) -> None:
    """H14: the notifier, a third party, and any other kind of message."""
    record.write(NORTH, "reply", reply("accepted"))
    record.write(EAST, "reply", reply("accepted"), seen={NORTH: 1})
    record.write(SOUTH, "statement", {"text": "We accept.", "re": "north/0"}, seen={NORTH: 1})
    record.write(SOUTH, "acknowledgement", {"state": "read", "re": "north/0"})
    case = record.case()
    assert (case.state, case.stances, case.answered, len(case.messages)) == ("received", {}, None, 5)


def test_void_messages_are_listed_and_change_nothing(record: Record) -> None:
    """Rule 3."""
    record.write(SOUTH, "reply", reply("accepted", agreed=["types"]), void="release.reused")
    record.write(SOUTH, "reply", reply("accepted", agreed=["types"]), void="kind.not_allowed")
    record.write(NORTH, "notification", SHOT, void="body.schema")
    cases = record.fold()
    whole = cases.whole(cases.cases[NORTH, 0])
    assert (whole["state"], whole["stances"], whole["facts"], list(cases.cases)) == ("notified", {}, {}, [(NORTH, 0)])
    assert [(m["ref"], m["void"]) for m in whole["messages"]] == [
        ("north/0", None),
        ("south/0", "release.reused"),
        ("south/1", "kind.not_allowed"),
    ]


def test_a_void_message_whose_references_cannot_be_read_belongs_to_no_case(record: Record) -> None:
    for field, value in ((3, "north/0"), (3, [NORTH]), (4, [{1: 1}]), (4, [[1, [NORTH, 0]]])):
        raw: Any = {0: [], 1: False, 17: "x", field: value}
        record.write(SOUTH, "statement", None, void="body.schema", raw=raw)
    assert len(record.case().messages) == 1


def test_a_message_that_refers_to_one_that_belongs_belongs(record: Record) -> None:
    """Rule 2, whatever the way: through `re`, a list of them, or `links`."""
    record.write(SOUTH, "request", {"questions": ["Where?"], "re": "north/0"}, seen={NORTH: 1})
    record.write(NORTH, "reply", reply("noted", "south/0"), seen={SOUTH: 1})
    record.write(EAST, "statement", {"text": "x", "links": [{"as": "same_incident", "ref": "north/1"}]}, seen={NORTH: 2})
    record.write(EAST, "statement", {"text": "y"})
    cases = record.fold()
    assert [ref for ref, *_ in cases.cases[NORTH, 0].messages] == [(NORTH, 0), (SOUTH, 0), (NORTH, 1), (EAST, 0)]
    assert [cases.of(ref) for ref in ((EAST, 0), (EAST, 1), (SOUTH, 9))] == [(NORTH, 0), None, None]


def test_one_reply_may_answer_many_cases(record: Record) -> None:
    record.write(NORTH, "notification", SHOT)
    record.write(SOUTH, "reply", reply("denied", ["north/1", "north/0"]), seen={NORTH: 2})
    cases = record.fold()
    assert [case.state for case in cases] == ["disputed", "disputed"]
    assert cases.of((SOUTH, 0)) == (NORTH, 0)


def test_exercise_and_actual_never_mix(record: Record) -> None:
    """Rule 2: neither by reference nor by link, in either direction."""
    drill = {**SHOT, "exercise": True}
    links = [{"as": word, "ref": "north/0"} for word in ("counter_claim_to", "same_incident", "duplicate_of")]
    record.write(SOUTH, "reply", {**reply("accepted"), "exercise": True}, seen={NORTH: 1})
    record.write(SOUTH, "notification", {**drill, "accused": "north", "links": links})
    record.write(NORTH, "reply", reply("accepted", "south/1"), seen={SOUTH: 2})
    cases = record.fold()
    real, exercise = cases.cases[NORTH, 0], cases.cases[SOUTH, 1]
    assert (real.state, real.counter_claims, len(real.messages)) == ("received", [], 1)
    assert (exercise.state, exercise.linked, len(exercise.messages)) == ("received", [], 1)
    assert cases.summary(exercise)["exercise"] is True


def test_counter_claims_and_links_join_cases(record: Record) -> None:
    links = [
        {"as": "counter_claim_to", "ref": "north/0"},
        {"as": "same_incident", "ref": "north/0"},
        {"as": "replies_to", "ref": "north/0"},
        {"as": "duplicate_of", "ref": "south/0"},
    ]
    record.write(SOUTH, "statement", {"text": "no case"})
    record.write(SOUTH, "notification", {**SHOT, "accused": "north", "links": links}, seen={NORTH: 1})
    cases = record.fold()
    assert cases.whole(cases.cases[NORTH, 0])["counter_claims"] == ["south/1"]
    assert cases.whole(cases.cases[SOUTH, 1])["linked"] == [
        {"as": "counter_claim_to", "ref": "north/0"},
        {"as": "same_incident", "ref": "north/0"},
    ]


@pytest.mark.parametrize(
    ("precedence", "seconds"), [(None, 1000), ("routine", 1000), ("flash", 10), ("immediate", 7200), ("priority", 21600)]
)
def test_the_clock_is_the_charters_for_the_precedence(precedence: str | None, seconds: int) -> None:
    record = Record()
    record.write(NORTH, "notification", {**SHOT, "precedence": precedence})
    record.write(SOUTH, "line_check", {}, seen={NORTH: 1})
    cases = record.fold()
    assert cases.summary(cases.cases[NORTH, 0])["respond_by"] == show_time(START + 1 + seconds)


def test_cases_of_several_logs_are_received_each_by_its_own(record: Record) -> None:
    record.write(EAST, "notification", SHOT)
    record.write(NORTH, "notification", SHOT)
    record.write(SOUTH, "line_check", {}, seen={NORTH: 1})
    assert [case.state for case in record.fold()] == ["received", "notified", "notified"]
    record.write(SOUTH, "line_check", {}, seen={NORTH: 2, EAST: 1})
    assert [case.state for case in record.fold()] == ["received", "received", "received"]


@st.composite
def records(draw: st.DrawFn) -> Record:
    """Any order of valid and void messages by all parties, with references to whatever is there."""
    record = Record(lambda cosignature: cosignature.time % 2 == 0)
    logs = st.sampled_from([EAST, NORTH, SOUTH, MISSION])
    for _ in range(draw(st.integers(0, 14))):
        log = draw(logs)
        seen = {other: size for other, size in record.sizes.items() if other != log and draw(st.booleans())}
        held = {**record.seen.get(log, {}), **seen, log: record.sizes.get(log, 0)}
        refs = [f"{CHANNEL.log_name(other)}/{index}" for other, size in held.items() for index in range(size)]
        re: dict[str, Any] = {"re": draw(st.lists(st.sampled_from(refs), min_size=1, max_size=2))} if refs else {}
        kind = draw(st.sampled_from(["notification", "reply", "statement", "line_check"]))
        body: dict[str, Any] = {
            "notification": {**SHOT, "accused": draw(st.sampled_from(["north", "south", None]))},
            "reply": {**re, "stance": draw(st.sampled_from(STANCES))},
            "statement": {"text": "x", **re},
            "line_check": {"receipts": [receipt(size=draw(st.integers(1, 5)), by=draw(logs), time=START + draw(st.integers(0, 1)))]},
        }[kind]
        if kind != "reply" or re:
            record.write(
                log, kind, {"exercise": draw(st.booleans()), **body}, seen=seen, void=draw(st.sampled_from([None, None, "body.schema"]))
            )
    return record


def everything(cases: Cases) -> str:
    return json.dumps([cases.whole(case) for case in cases])


@settings(max_examples=150)
@given(records(), st.integers(0, 20))
def test_the_fold_is_the_same_at_once_or_bit_by_bit(record: Record, cut: int) -> None:
    """I9: a node that folds as messages come and one that folds the whole record print the same bytes."""
    piecewise = Cases(CHANNEL, record.proved).feed(record.rows[:cut])
    assert everything(piecewise.feed(record.rows[cut:])) == everything(record.fold())


@settings(max_examples=150)
@given(records())
def test_taking_void_messages_out_changes_no_state(record: Record) -> None:
    """Rule 3: but for what their entries had seen, void messages might as well not be there."""
    blank: Body = {0: [], 1: False}
    without = [
        replace(one, kind=KINDS["statement"], body=row(0, 0, Message(2, 0, {}, bytes(16), blank)).body) if one.void else one
        for one in record.rows
    ]
    found = Cases(CHANNEL, record.proved).feed(without)
    whole = record.fold()
    assert list(found.cases) == list(whole.cases)
    for one, other in zip(found, whole, strict=True):
        assert (one.state, one.stances, one.facts, one.received, one.answered) == (
            other.state,
            other.stances,
            other.facts,
            other.received,
            other.answered,
        )


@settings(max_examples=150)
@given(records())
def test_exercise_and_actual_never_share_a_case(record: Record) -> None:
    cases = record.fold()
    exercise = {(one.log, one.index): b"\x01\xf5" in one.body[:8] for one in record.rows}
    for case in cases:
        assert {exercise[ref] for ref, *_ in case.messages} == {case.body[1]}
        assert {exercise[ref] for _, ref in case.linked} <= {case.body[1]}
