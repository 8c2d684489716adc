"""Cases: what moves one and what does not. spec/case.md; FAULTS I6, I9, I12, D2, D4, D6, H14."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ceasewire.record.case import ANSWERS, EVENTS, STATES, TRANSITIONS
from ceasewire.record.casebook import Casebook
from ceasewire.record.fields import show_time
from ceasewire.record.kinds import KINDS, STANCES
from ceasewire.record.message import Body, Message, row
from ceasewire.record.order import Placed
from ceasewire.record.standing import REPLACED
from ceasewire.record.values import Cosignature
from helpers import START

from .story import CHANNEL, EAST, MISSION, NORTH, SHOT, SOUTH, Record, receipt, reply
from .tales import CHANNEL as TOLD
from .tales import LOGS, NAMES


@pytest.fixture
def record() -> Record:
    """North has notified: north/0."""
    found = Record()
    found.write(NORTH, "notification", SHOT)
    return found


def test_a_notification_begins_a_case(record: Record) -> None:
    cases = record.fold()
    assert list(cases) == [(NORTH, 0)]
    case = cases.case((NORTH, 0))
    assert (case.key, case.state, case.by, case.answering) == ((NORTH, 0), "notified", NORTH, frozenset({SOUTH}))
    assert cases.summary((NORTH, 0)) == {
        "ref": "north/0",
        "state": "notified",
        "exercise": False,
        "historical": False,
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
        "finding": None,
        "merged_into": None,
        "marks": ["no source given", "no evidence named", "said to have happened after it was notified"],
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
    summary = cases.summary((NORTH, 0))
    assert summary["state"] == "received"
    assert summary["received"] == {"by": "south", "time": show_time(START + 3), "claimed": show_time(START + 3), "proof": "south/1"}
    assert summary["respond_by"] == show_time(START + 3 + 1000)


def test_received_by_a_void_entrys_seen(record: Record) -> None:
    """A void message says nothing; its entry still shows what its log held."""
    record.write(SOUTH, "statement", None, seen={NORTH: 1}, void="body.schema", raw={0: [], 1: False})
    assert record.case().state == "received"


def test_received_by_an_entry_of_a_kind_that_is_not_understood(record: Record) -> None:
    record.write(SOUTH, "statement", {"text": "x"}, seen={NORTH: 1})
    record.rows[-1] = replace(record.rows[-1], kind=99)
    case = record.case()
    assert (case.state, len(case.messages)) == ("received", 1)


def test_received_by_a_cosignature_that_a_line_check_writes_down() -> None:
    """Rule 4: the notifier, the accused or a guarantor may write it down; its own time counts."""
    for writer, seen in ((NORTH, {}), (MISSION, {NORTH: 1}), (EAST, {NORTH: 1})):
        record = Record()
        record.write(NORTH, "notification", SHOT)
        record.write(MISSION, "statement", {"text": "x"})
        record.write(writer, "line_check", {"receipts": [receipt(by=EAST), receipt()]}, seen=seen)
        cases = record.fold()
        summary = cases.summary((NORTH, 0))
        proof = {NORTH: "north/1", MISSION: "mission/1", EAST: "east/0"}[writer]
        expected = {"by": "south", "time": show_time(START + 1), "claimed": show_time(START + 1), "proof": proof}
        assert summary["received"] == expected


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
    summary = cases.summary((NORTH, 0))
    assert (summary["received"]["time"], summary["received"]["claimed"]) == (show_time(START + start), show_time(signed))
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


@pytest.mark.parametrize(("signed", "marked"), [(START - 601, True), (START - 600, False), (START + 9, False)])
def test_a_message_dated_after_its_own_receipt_is_marked(signed: int, marked: bool) -> None:
    """D1, D4: both claims are shown; only where they differ by more than clocks may is one of them wrong."""
    record = Record()
    record.write(NORTH, "notification", SHOT)
    record.write(NORTH, "line_check", {"receipts": [receipt(time=signed)]})
    assert ("dated later than its receipt" in record.whole()["marks"]) is marked


@pytest.mark.parametrize("time", [0, 2**31, 2**32, 253_402_300_799, 253_402_300_800, 2**62])
def test_a_claimed_time_is_kept_whatever_it_is(time: int) -> None:
    """D1."""
    record = Record(sees=True)
    record.write(NORTH, "notification", SHOT, at=time - START)
    record.write(SOUTH, "reply", reply("denied"))
    whole = record.whole()
    assert (whole["time"], whole["state"], whole["respond_by"]) == (show_time(time), "disputed", show_time(time + 1001))


def test_a_void_line_check_writes_nothing_down(record: Record) -> None:
    """Rule 3."""
    record.write(NORTH, "line_check", {"receipts": [receipt()]}, void="release.reused")
    assert record.case().state == "notified"


def test_the_first_proof_counts_and_a_later_one_does_not(record: Record) -> None:
    """One count, from the record: an earlier cosignature that is written down later changes nothing."""
    record.write(SOUTH, "line_check", {}, seen={NORTH: 1})
    record.write(NORTH, "line_check", {"receipts": [receipt(time=START)]})
    case = record.case()
    assert (case.start, case.received) == (START + 1, ((START + 1, 0, SOUTH, 0), SOUTH, START + 1))


def test_without_an_accused_every_other_party_answers() -> None:
    record = Record()
    record.write(NORTH, "notification", {key: value for key, value in SHOT.items() if key != "accused"})
    assert record.case().answering == frozenset({EAST, SOUTH})
    record.write(EAST, "line_check", {}, seen={NORTH: 1})
    case = record.case()
    assert case.received is not None
    assert (case.state, case.received.party) == ("received", EAST)


@pytest.mark.parametrize("accused", ["mission", "north"])
def test_accusing_a_guarantor_or_oneself_asks_every_other_party(accused: str) -> None:
    record = Record()
    record.write(NORTH, "notification", {**SHOT, "accused": accused})
    assert record.case().answering == frozenset({EAST, SOUTH})


@pytest.mark.parametrize("stance", STANCES)
def test_a_reply_moves_a_case_by_the_table(record: Record, stance: str) -> None:
    record.write(SOUTH, "reply", reply(stance), seen={NORTH: 1})
    cases = record.fold()
    case, summary = cases.case((NORTH, 0)), cases.summary((NORTH, 0))
    if stance in ANSWERS:
        assert case.state == ANSWERS[stance]
        assert summary["answered"] == show_time(START + 1)
        assert summary["stances"] == {"south": {"stance": stance, "ref": "south/0", "time": show_time(START + 1)}}
    else:  # stances for notices
        assert (case.state, summary["answered"], summary["stances"]) == ("received", None, {})
    assert [message["ref"] for message in cases.whole((NORTH, 0))["messages"]] == ["north/0", "south/0"]


def test_every_pair_of_the_table_and_no_other() -> None:
    """Rule 6. Nothing leads out of closed but a withdrawal, and nothing out of withdrawn."""
    states = {state for state, _ in TRANSITIONS} | set(TRANSITIONS.values())
    assert states == set(STATES)
    assert {event for _, event in TRANSITIONS} == set(EVENTS)
    assert {after for (state, _), after in TRANSITIONS.items() if state in ("closed", "withdrawn")} == {"withdrawn"}
    record = Record()
    record.write(NORTH, "notification", SHOT)
    for state, event in itertools.product(STATES, EVENTS):
        case = record.case()
        case.state = state
        case.move(event)
        assert case.state == TRANSITIONS.get((state, event), state)
        assert case.state in (state, event) or (state, event) == ("joint_inquiry", "inquiry_cancelled")


def test_a_later_reply_is_the_stance_and_the_first_is_the_answer(record: Record) -> None:
    """D6: `answered` never moves, so a later change of mind cannot make a late answer of an early one."""
    record.write(SOUTH, "reply", reply("under_inquiry", disputed=["count"]), seen={NORTH: 1})
    record.write(SOUTH, "reply", reply("partly_accepted", agreed=["types", "place"], disputed=["count"]))
    record.write(SOUTH, "reply", reply("accepted", agreed=["count"]))
    cases = record.fold()
    whole = cases.whole((NORTH, 0))
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
    """Rule 3. What names a message that it had not seen is listed nowhere: that one may come later, or never."""
    record.write(SOUTH, "reply", reply("accepted", agreed=["types"]), void="ref.unknown")
    record.write(SOUTH, "reply", reply("accepted", agreed=["types"]), void="release.reused", seen={NORTH: 1})
    record.write(SOUTH, "reply", reply("accepted", agreed=["types"]), void="kind.not_allowed")
    record.write(NORTH, "notification", SHOT, void="body.schema")
    cases = record.fold()
    whole = cases.whole((NORTH, 0))
    assert (whole["state"], whole["stances"], whole["facts"], list(cases)) == ("received", {}, {}, [(NORTH, 0)])
    assert [(m["ref"], m["void"]) for m in whole["messages"]] == [
        ("north/0", None),
        ("south/1", "release.reused"),
        ("south/2", "kind.not_allowed"),
    ]


def test_a_void_message_whose_references_cannot_be_read_belongs_to_no_case(record: Record) -> None:
    for field, value in ((3, "north/0"), (3, [NORTH]), (4, [{1: 1}]), (4, [[1, [NORTH, 0]]])):
        raw: Any = {0: [], 1: False, 17: "x", field: value}
        record.write(SOUTH, "statement", None, void="body.schema", raw=raw, seen={NORTH: 1})
    assert len(record.case().messages) == 1


def test_a_message_that_refers_to_one_that_belongs_belongs(record: Record) -> None:
    """Rule 2, whatever the way: through `re`, a list of them, or `links`."""
    record.write(SOUTH, "request", {"questions": ["Where?"], "re": "north/0"}, seen={NORTH: 1})
    record.write(NORTH, "reply", reply("noted", "south/0"), seen={SOUTH: 1})
    record.write(EAST, "statement", {"text": "x", "links": [{"as": "same_incident", "ref": "north/1"}]}, seen={NORTH: 2})
    record.write(EAST, "statement", {"text": "y"})
    cases = record.fold()
    assert [one.ref for one in cases.case((NORTH, 0)).messages] == [(NORTH, 0), (SOUTH, 0), (NORTH, 1), (EAST, 0)]
    assert [cases.of(ref) for ref in ((EAST, 0), (EAST, 1), (SOUTH, 9))] == [((NORTH, 0),), (), ()]


def test_one_reply_may_answer_many_cases(record: Record) -> None:
    record.write(NORTH, "notification", SHOT)
    record.write(SOUTH, "reply", reply("denied", ["north/1", "north/0"]), seen={NORTH: 2})
    cases = record.fold()
    assert [cases.case(key).state for key in cases] == ["disputed", "disputed"]
    assert cases.of((SOUTH, 0)) == ((NORTH, 0), (NORTH, 1))


def test_exercise_and_actual_never_mix(record: Record) -> None:
    """Rule 2: neither by reference nor by link, in either direction."""
    drill = {**SHOT, "exercise": True}
    links = [{"as": word, "ref": "north/0"} for word in ("counter_claim_to", "same_incident", "duplicate_of")]
    record.write(SOUTH, "reply", {**reply("accepted"), "exercise": True}, seen={NORTH: 1})
    record.write(SOUTH, "notification", {**drill, "accused": "north", "links": links})
    record.write(NORTH, "reply", reply("accepted", "south/1"), seen={SOUTH: 2})
    cases = record.fold()
    real, exercise = cases.case((NORTH, 0)), cases.case((SOUTH, 1))
    assert (real.state, real.linked_from, len(real.messages)) == ("received", [], 1)
    assert (exercise.state, exercise.linked, len(exercise.messages)) == ("received", [], 1)
    assert cases.summary((SOUTH, 1))["exercise"] is True


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
    assert cases.whole((NORTH, 0))["counter_claims"] == ["south/1"]
    assert cases.whole((SOUTH, 1))["linked"] == [
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
    assert cases.summary((NORTH, 0))["respond_by"] == show_time(START + 1 + seconds)


def test_cases_of_several_logs_are_received_each_by_its_own(record: Record) -> None:
    record.write(EAST, "notification", SHOT)
    record.write(NORTH, "notification", SHOT)
    record.write(SOUTH, "line_check", {}, seen={NORTH: 1})
    assert states(record) == ["received", "notified", "notified"]
    record.write(SOUTH, "line_check", {}, seen={NORTH: 2, EAST: 1})
    assert states(record) == ["received", "received", "received"]


def states(record: Record) -> list[str]:
    cases = record.fold()
    return [cases.case(key).state for key in cases]


# --- Several logs a party ---


def test_a_party_speaks_through_any_of_its_logs() -> None:
    """The further device's word is its party's: it withdraws, answers, closes, agrees, and asks from the same twenty."""
    north, south, _, device, successor = LOGS
    record = Record(sees=True, channel=TOLD)
    record.write(north, "notification", SHOT)
    record.write(successor, "line_check", {})
    assert record.whole((0, 0))["received"]["by"] == "south"
    record.write(successor, "reply", reply("denied", disputed=["place"]))
    record.write(south, "reply", reply("under_inquiry", agreed=["place"]))
    whole = record.whole((0, 0))
    assert (whole["state"], whole["stances"]["south"]["ref"], whole["facts"]) == (
        "under_inquiry",
        "south/0",
        {"place": {"south": "agreed"}},
    )
    assert whole["answered"] == show_time(START + 2)
    record.write(device, "correction", {"re": "north/0", "of": "notification", "fields": {"place": "Mill"}, "reason": "x"})
    record.write(device, "closing", {"re": "north/0"})
    record.write(successor, "closing", {"re": "north/0"})
    assert (record.whole((0, 0))["state"], record.whole((0, 0))["place"]) == ("closed", "Mill")
    record.write(north, "withdrawal", {"re": f"{NAMES[device]}/1", "reason": "x"})
    record.write(device, "withdrawal", {"re": "north/0", "reason": "x"})
    assert (record.whole((0, 0))["state"], record.whole((0, 0))["closed_by"]) == ("withdrawn", {"south": f"{NAMES[successor]}/2"})


def test_all_logs_of_a_party_ask_from_the_same_running_clocks() -> None:
    """The channel of tales lets two run at once."""
    record = Record(sees=True, channel=TOLD)
    for log in (LOGS[0], LOGS[0], LOGS[3]):
        record.write(log, "notification", SHOT)
    record.write(LOGS[4], "line_check", {})
    assert [clock.behind for clock in record.fold().clocks().values()] == [None, None, (0, 1)]


def test_what_no_longer_stands_of_a_replaced_log_proves_and_moves_nothing() -> None:
    record = Record(sees=True, channel=TOLD)
    record.write(0, "notification", SHOT)
    record.write(1, "reply", reply("accepted"), void=REPLACED)
    record.write(1, "line_check", {"receipts": [receipt(by=1)]}, void=REPLACED)
    whole = record.whole((0, 0))
    assert (whole["state"], whole["received"], whole["stances"]) == ("notified", None, {})
    assert [one["void"] for one in whole["messages"]] == [None, REPLACED]


# --- One case by itself ---


class Counted(Casebook):
    """A record that remembers which messages were asked for."""

    def __init__(self) -> None:
        super().__init__(CHANNEL, lambda _: True)
        self.asked: set[tuple[int, int]] = set()

    def placed(self, ref: tuple[int, int]) -> Placed | None:
        self.asked.add(ref)
        return super().placed(ref)


def test_one_case_needs_no_other() -> None:
    record = Record()
    for _ in range(300):
        record.write(NORTH, "notification", SHOT)
    record.write(SOUTH, "reply", reply("denied", ["north/0", "north/7"]), seen={NORTH: 300})
    book = Counted().feed(record.rows)
    assert isinstance(book, Counted)
    assert (book.case((NORTH, 7)).state, book.asked) == ("disputed", {(NORTH, 7)})
    with pytest.raises(KeyError):
        book.case((SOUTH, 0))


# --- Any history ---


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
        re: dict[str, Any] = {"re": draw(st.lists(st.sampled_from(refs), min_size=1, max_size=2, unique=True))} if refs else {}
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


def everything(cases: Casebook) -> str:
    return json.dumps([cases.whole(key) for key in cases])


@settings(max_examples=150)
@given(records(), st.integers(0, 20))
def test_the_fold_is_the_same_at_once_or_bit_by_bit(record: Record, cut: int) -> None:
    """I9: a node that folds as messages come and one that folds the whole record print the same bytes."""
    piecewise = Casebook(CHANNEL, record.proved).feed(record.rows[:cut])
    assert piecewise.clocks() is not None
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
    found, whole = Casebook(CHANNEL, record.proved).feed(without), record.fold()
    assert list(found) == list(whole)
    for key in found:
        one, other = found.whole(key), whole.whole(key)
        assert {**one, "messages": None} == {**other, "messages": None}


@settings(max_examples=150)
@given(records())
def test_exercise_and_actual_never_share_a_case(record: Record) -> None:
    cases = record.fold()
    exercise = {(one.log, one.index): b"\x01\xf5" in one.body[:8] for one in record.rows}
    for key in cases:
        case = cases.case(key)
        assert {exercise[one.ref] for one in case.messages} == {case.notification.body[1]}
        assert {exercise[ref] for _, ref in case.linked} <= {case.notification.body[1]}
