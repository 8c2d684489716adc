"""Clocks: when they start, how many run, what ends them. spec/case.md, "Clocks"; FAULTS D4, D6."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceasewire.record.clocks import URGENCY, Ask, Clock, Suspensions, fell_due_within, run
from helpers import START

from .story import EAST, MISSION, NORTH, SHOT, SOUTH, Record, Ref, at, receipt, reply

SECONDS = 100


def ask(
    n: int, received: int, ended: int | None = None, *, by: int = 0, precedence: str = "routine", exercise: bool = False, **more: Any
) -> Ask:
    return Ask((by, n), by, exercise, precedence, received, (received, 0, 9, n), more.get("seconds", SECONDS), ended, more.get("dates", ()))


def starts(asks: list[Ask], most: int) -> dict[int, int | None]:
    return {ref[1]: clock.start for ref, clock in run(asks, most).items()}


# --- The pass itself ---


def test_the_next_starts_when_one_ends_or_the_second_after_one_was_due() -> None:
    asks = [ask(0, 0), ask(1, 5, ended=30), ask(2, 6), ask(3, 7)]
    found = run(asks, 2)
    assert [(found[0, n].start, found[0, n].due, found[0, n].behind) for n in range(4)] == [
        (0, 100, None),
        (5, 105, None),
        (30, 130, (0, 1)),
        (101, 201, (0, 0)),
    ]


def test_the_twenty_first_waits_and_each_asking_party_has_twenty() -> None:
    asks = [ask(n, n) for n in range(21)] + [ask(n, n, by=1) for n in range(20)]
    found = run(asks, 20)
    assert [clock.start for ref, clock in sorted(found.items())] == [*range(20), 101, *range(20)]


def test_exercise_and_actual_do_not_wait_for_each_other() -> None:
    assert starts([ask(0, 0), ask(1, 0, exercise=True)], 1) == {0: 0, 1: 0}


def test_the_most_urgent_goes_first_and_then_the_first_received() -> None:
    waiting = [ask(n, 1 + n, precedence=word) for n, word in enumerate(("routine", "priority", "flash", "routine", "flash", "immediate"))]
    found = run([Ask((0, 99), 0, False, "routine", 0, (0, 0, 0, 0), 50), *waiting], 1)
    assert sorted(range(6), key=lambda n: found[0, n].start or 0) == [2, 4, 5, 1, 0, 3]
    # Who comes later, however urgent, stops none that runs.
    assert found[0, 99].start == 0


def test_what_is_answered_while_it_waits_never_starts_and_takes_no_place() -> None:
    found = run([ask(0, 0), ask(1, 1, ended=50), ask(2, 2)], 1)
    assert (found[0, 1].start, found[0, 1].due, found[0, 2].start) == (None, None, 101)
    assert [found[0, 1].state_at(now) for now in (49, 50)] == ["queued", "answered"]


def test_what_is_answered_as_it_is_received_has_a_date_and_takes_no_place() -> None:
    found = run([ask(0, 7, ended=7), ask(1, 7)], 1)
    assert [(found[0, n].start, found[0, n].due) for n in range(2)] == [(7, 107), (7, 107)]


def test_an_answer_after_the_date_frees_nothing_twice() -> None:
    assert starts([ask(0, 0, ended=500), ask(1, 1), ask(2, 2)], 1) == {0: 0, 1: 101, 2: 202}


def test_a_new_date_holds_from_its_acceptance() -> None:
    found = run([ask(0, 0, dates=((50, 300),)), ask(1, 1), ask(2, 2, dates=((1, 1000), (5, 600)))], 1)
    assert [(found[0, n].start, found[0, n].due) for n in range(3)] == [(0, 300), (301, 401), (402, 600)]


def test_a_new_date_that_is_accepted_too_late_takes_no_place_back() -> None:
    found = run([ask(0, 0, dates=((150, 300),)), ask(1, 1)], 1)
    assert [(found[0, n].start, found[0, n].due) for n in range(2)] == [(0, 300), (101, 201)]


@pytest.mark.parametrize(("now", "state"), [(-1, "queued"), (0, "running"), (100, "running"), (101, "overdue")])
def test_at_its_very_second_a_clock_is_not_overdue(now: int, state: str) -> None:
    """D6."""
    assert run([ask(0, 0)], 1)[0, 0].state_at(now) == state


@st.composite
def many(draw: st.DrawFn) -> list[Ask]:
    found = []
    for n in range(draw(st.integers(0, 25))):
        received = draw(st.integers(0, 60))
        ended = draw(st.none() | st.integers(received, received + 80))
        found.append(
            ask(
                n,
                received,
                ended,
                by=draw(st.integers(0, 1)),
                precedence=draw(st.sampled_from(sorted(URGENCY))),
                seconds=draw(st.integers(0, 30)),
                dates=tuple(draw(st.lists(st.tuples(st.integers(received, 120), st.integers(0, 150)), max_size=2))),
            )
        )
    return found


def runs_at(clock: Clock, now: int) -> bool:
    """By definition: from its start to its end, or until its date has passed for the first time."""
    if clock.start is None or now < clock.start or (clock.ask.ended is not None and now >= clock.ask.ended):
        return False
    lapse = clock.start + clock.ask.seconds
    for accepted, new in clock.ask.dates:
        lapse = max(clock.start, new) if accepted <= lapse else lapse
    return now <= lapse


@given(many(), st.integers(1, 4), st.randoms(use_true_random=False))
def test_never_more_than_so_many_run_and_none_waits_without_need(asks: list[Ask], most: int, chance: Any) -> None:
    found = run(asks, most)
    assert found.keys() == {one.ref for one in asks}
    for now in range(0, 400, 3):
        for by in (0, 1):
            clocks = [clock for clock in found.values() if clock.ask.by == by]
            running = sum(runs_at(clock, now) for clock in clocks)
            assert running <= most
            waiting = [
                clock
                for clock in clocks
                if clock.ask.received <= now
                and (clock.start is None or clock.start > now)
                and (clock.ask.ended is None or clock.ask.ended > now)
            ]
            assert not waiting or running == most
    shuffled = asks.copy()
    chance.shuffle(shuffled)
    assert run(shuffled, most) == found


@given(many())
def test_an_answer_brings_others_forward_and_never_puts_them_off(asks: list[Ask]) -> None:
    """What a page said of a clock that waits only ever gets sooner: of equal urgency, for one asking party."""
    asks = [Ask(one.ref, 0, False, "routine", one.received, one.proof, one.seconds, None) for one in asks]
    before = run(asks, 2)
    for n, one in enumerate(asks):
        start = before[one.ref].start
        assert start is not None
        ended = Ask(one.ref, 0, False, "routine", one.received, one.proof, one.seconds, start)
        after = run([*asks[:n], ended, *asks[n + 1 :]], 2)
        assert all(clock.start is None or clock.start <= (before[ref].start or 0) for ref, clock in after.items())


# --- Suspensions ---


def test_suspensions_of_each_party_count_and_nobody_suspends_the_past() -> None:
    found = Suspensions()
    found.feed(0, 100, "suspension", 50, None)
    found.feed(1, 120, "suspension", 130, 140)
    found.feed(0, 150, "contact", None, None)
    found.feed(0, 160, "resumption", None, None)
    found.feed(0, 170, "suspension", None, 190)
    found.feed(0, 180, "resumption", 185, None)
    found.feed(1, 200, "end", None, 210)
    assert found.spans == [(100, 160), (170, 185), (200, None)]


@pytest.mark.parametrize(
    ("due", "ended", "within"),
    [(99, None, False), (100, None, True), (159, None, True), (160, None, False), (120, 120, False), (120, 121, True), (400, None, True)],
)
def test_what_fell_due_while_suspended(due: int, ended: int | None, within: bool) -> None:
    assert fell_due_within(due, ended, [(0, 50), (100, 160), (300, None)]) is within


# --- From the record ---


@pytest.fixture
def record() -> Record:
    """North has notified: north/0, with 1000 seconds for a reply. Every log sees all that lies before."""
    found = Record(sees=True)
    found.write(NORTH, "notification", SHOT)
    return found


def clock(record: Record, name: str = "reply", ref: str = "north/0", case: Ref = (NORTH, 0)) -> dict[str, Any]:
    found: dict[str, Any]
    (found,) = (one for one in record.whole(case)["clocks"] if (one["clock"], one["ref"]) == (name, ref))
    return found


def times(found: dict[str, Any]) -> tuple[Any, ...]:
    return found["start"], found["due"], found["ended"] and found["ended"]["by"]


def test_nothing_runs_before_the_record_proves_receipt(record: Record) -> None:
    """D6: what was not delivered is not unanswered. D4: the accused's own word starts it, whatever the notifier's clock says."""
    assert times(clock(record)) == (None, None, None)
    record.write(NORTH, "line_check", {"receipts": [receipt(time=START + 700)]}, at=1200)
    found = clock(record)
    assert (times(found), found["received"], found["owed_by"]) == ((at(700), at(1700), None), at(700), ["south"])
    assert record.whole()["received"] == {"by": "south", "time": at(700), "claimed": at(700), "proof": "north/1"}


@pytest.mark.parametrize(("kind", "body"), [("acknowledgement", {"state": "read"}), ("statement", {"text": "We deny it."})])
def test_only_a_reply_answers(record: Record, kind: str, body: dict[str, Any]) -> None:
    """H14."""
    record.write(SOUTH, kind, {**body, "re": "north/0"})
    assert times(clock(record)) == (at(1), at(1001), None)
    record.write(SOUTH, "reply", reply("denied"))
    assert clock(record)["ended"] == {"by": "answered", "time": at(2), "ref": "south/1"}


def test_one_reply_answers_fifty() -> None:
    record = Record(sees=True)
    refs = [f"north/{record.write(NORTH, 'notification', SHOT)[1]}" for _ in range(50)]
    record.write(SOUTH, "line_check", {})
    record.write(SOUTH, "reply", reply("denied", refs))
    cases = record.fold()
    assert {(cases.case(key).state, cases.clocks()[key].ask.ended) for key in cases} == {("disputed", START + 51)}


def test_twenty_clocks_run_and_a_reply_lets_others_start() -> None:
    record = Record(sees=True)
    for _ in range(25):
        record.write(NORTH, "notification", SHOT)
    record.write(SOUTH, "line_check", {})
    record.write(SOUTH, "reply", reply("denied", ["north/0", "north/1"]))
    cases = record.fold()
    assert [cases.clocks()[key].start for key in cases] == [START + 25] * 20 + [START + 26] * 2 + [START + 25 + 1001] * 3
    assert [cases.whole(key)["clocks"][0]["queued_behind"] for key in list(cases)[19:]] == [
        None,
        "north/1",
        "north/0",
        "north/19",
        "north/18",
        "north/17",
    ]
    assert [cases.clocks()[key].state_at(START + 26) for key in cases].count("running") == 20


@pytest.mark.parametrize("more", [{"historical": True}, {"void": "release.reused"}])
def test_historical_and_void_messages_ask_nothing(more: dict[str, Any]) -> None:
    record = Record(sees=True)
    record.write(NORTH, "notification", SHOT)
    record.write(NORTH, "request", {"questions": ["Where?"], "re": "north/0", "historical": more.get("historical")}, void=more.get("void"))
    record.write(NORTH, "notification", {**SHOT, "historical": more.get("historical")}, void=more.get("void"))
    record.write(SOUTH, "line_check", {})
    assert list(record.fold().clocks()) == [(NORTH, 0)]


def test_a_historical_case_lives_without_clocks() -> None:
    record = Record(sees=True)
    record.write(NORTH, "notification", {**SHOT, "historical": True})
    record.write(SOUTH, "reply", reply("denied"))
    whole = record.whole()
    assert (whole["state"], whole["historical"], whole["respond_by"], whole["clocks"]) == ("disputed", True, None, [])
    assert whole["publication"]["press_from"] is None


@pytest.mark.parametrize("stance", ["under_inquiry", "need_information", "joint_inquiry", "denied"])
@pytest.mark.parametrize("how", ["reply", "respond_by", "other date", "read", "by another"])
def test_a_new_date_counts_when_the_asker_accepts_it(record: Record, stance: str, how: str) -> None:
    record.write(SOUTH, "reply", reply(stance, new_respond_by=at(5000)))
    delays = stance != "denied"
    assert (clock(record)["due"], bool(clock(record)["ended"])) == (at(1001), not delays)
    accepting: dict[str, tuple[int, str, dict[str, Any]]] = {
        "reply": (NORTH, "reply", {"stance": "accepted"}),
        "respond_by": (NORTH, "statement", {"text": "Agreed.", "respond_by": at(5000)}),
        "other date": (NORTH, "statement", {"text": "Earlier.", "respond_by": at(4000)}),
        "read": (NORTH, "acknowledgement", {"state": "read"}),
        "by another": (EAST, "reply", {"stance": "accepted"}),
    }
    log, kind, body = accepting[how]
    record.write(log, kind, {**body, "re": "south/0"})
    accepted = delays and how in ("reply", "respond_by")
    assert clock(record)["due"] == (at(5000) if accepted else at(1001))
    dates = [{"date": at(5000), "accepted": at(2), "asked_in": "south/0", "accepted_in": "north/1"}]
    assert clock(record)["new_dates"] == (dates if accepted else [])
    assert record.whole()["respond_by"] == clock(record)["due"]


def test_the_asker_may_give_more_time_and_never_less() -> None:
    for date, due in ((at(5000), at(5000)), (at(50), at(1001))):
        record = Record(sees=True)
        record.write(NORTH, "notification", {**SHOT, "respond_by": date})
        record.write(SOUTH, "line_check", {})
        assert clock(record)["due"] == due


def test_withdrawing_closing_and_merging_end_a_clock(record: Record) -> None:
    record.write(NORTH, "notification", SHOT)
    record.write(NORTH, "notification", SHOT)
    record.write(SOUTH, "closing", {"re": "north/1"})
    record.write(NORTH, "closing", {"re": "north/1"})
    for log in (NORTH, SOUTH):
        record.write(log, "statement", {"text": "One.", "re": "north/2", "links": [{"as": "duplicate_of", "ref": "north/0"}]})
    record.write(NORTH, "withdrawal", {"re": "north/0", "reason": "x"})
    record.write(NORTH, "withdrawal", {"re": ["north/3", "north/5"], "reason": "x"})
    ends = [clock(record, ref=f"north/{n}", case=(NORTH, n))["ended"] for n in range(3)]
    assert [(end["by"], end["time"]) for end in ends] == [("withdrawn", at(7)), ("closed", at(4)), ("merged", at(6))]
    # A closing or withdrawal that is taken back starts no clock anew.
    assert [record.case((NORTH, n)).state for n in (0, 1)] == ["received", "received"]


# --- Requests and notices ---


@pytest.mark.parametrize(
    ("log", "re", "owed"),
    [(NORTH, "north/0", ["south"]), (MISSION, "north/0", ["north"]), (EAST, "north/0", ["north"]), (NORTH, None, ["east", "south"])],
)
def test_who_answers_a_request(record: Record, log: int, re: str | None, owed: list[str]) -> None:
    ref = record.write(log, "request", {"questions": ["Where?"], "re": re})
    other = {"north": NORTH, "east": EAST, "south": SOUTH}
    record.write(MISSION if log != MISSION else EAST, "line_check", {})
    for slug in {"north", "east", "south"} - set(owed):
        if other[slug] != log:
            record.write(other[slug], "line_check", {})
    assert ref not in record.fold().clocks()
    record.write(other[owed[-1]], "line_check", {})
    found = record.fold().clocks()[ref]
    assert (found.start, found.ask.by) == (record.rows[-1].time, log)


def test_a_reply_to_a_request_answers_it_and_not_the_case(record: Record) -> None:
    record.write(NORTH, "request", {"questions": ["Where?"], "re": "north/0", "precedence": "flash"})
    record.write(SOUTH, "reply", reply("noted", "north/1"))
    found = clock(record, "flash", "north/1")
    assert (times(found), found["owed_by"]) == ((at(2), at(12), "answered"), ["south"])
    record.write(SOUTH, "reply", reply("accepted", "north/1"))
    assert (record.case().state, times(clock(record))) == ("received", (at(2), at(1002), None))
    record.write(SOUTH, "reply", reply("denied", ["north/0", "north/1"]))
    assert (record.case().state, times(clock(record))[2]) == ("disputed", "answered")


def test_a_request_outside_any_case_is_answered_withdrawn_and_put_off() -> None:
    record = Record(sees=True)
    for _ in range(3):
        record.write(NORTH, "request", {"questions": ["Where?"]})
    record.write(SOUTH, "reply", reply("noted", "north/0"))
    record.write(NORTH, "withdrawal", {"re": "north/1", "reason": "x"})
    record.write(SOUTH, "reply", reply("need_information", "north/2", new_respond_by=at(7000)))
    record.write(NORTH, "statement", {"text": "Agreed.", "re": "south/1", "respond_by": at(7000)})
    found = record.fold().clocks()
    assert [(found[NORTH, n].due, found[NORTH, n].ask.ended) for n in range(3)] == [
        (START + 1003, START + 3),
        (START + 1003, START + 4),
        (START + 7000, None),
    ]


NOTICE = {"activity": "flight", "window_from": at(9000), "window_to": at(9100), "area": "Mill"}


@pytest.mark.parametrize(
    ("body", "asks"),
    [
        (NOTICE, False),
        ({**NOTICE, "assurance_asked": True}, True),
        ({**NOTICE, "activity": "joint_inquiry", "re": "north/0"}, True),
        ({**NOTICE, "assurance_asked": True, "historical": True}, False),
        ({"activity": "flight", "phase": "started", "re": "north/0", "assurance_asked": True}, False),
    ],
)
def test_which_notices_ask(record: Record, body: dict[str, Any], asks: bool) -> None:
    record.write(NORTH, "notice", body)
    record.write(SOUTH, "line_check", {})
    assert ((NORTH, 1) in record.fold().clocks()) is asks


def test_both_sides_owe_an_answer_to_a_guarantors_proposal(record: Record) -> None:
    record.write(MISSION, "notice", {**NOTICE, "activity": "joint_inquiry", "re": "north/0"})
    record.write(SOUTH, "line_check", {})
    assert clock(record, ref="mission/0")["owed_by"] == ["north", "south"]


# --- The other clocks of a case ---


def names(record: Record) -> list[str]:
    return [one["clock"] for one in record.whole()["clocks"]]


def test_finding_discipline_and_press_count_from_receipt(record: Record) -> None:
    assert names(record) == ["reply", "press"]
    record.write(SOUTH, "reply", reply("under_inquiry"))
    assert (names(record), times(clock(record, "finding"))) == (["reply", "finding", "press"], (at(1), at(5001), None))
    record.write(SOUTH, "reply", reply("partly_accepted"))
    assert (times(clock(record, "discipline_report")), clock(record, "discipline_report")["owed_by"]) == (
        (at(1), at(7001), None),
        ["south"],
    )
    record.write(MISSION, "finding", {"re": "north/0", "finding": "confirmed"})
    record.write(SOUTH, "reply", reply("accepted", discipline="One officer was relieved."))
    assert clock(record, "discipline_report")["ended"] == {"by": "answered", "time": at(4), "ref": "south/2"}
    assert (times(clock(record, "press")), clock(record, "press")["owed_by"]) == ((at(1), at(3001), None), [])


def test_discipline_is_owed_by_those_who_admit_or_else_by_all_who_answer() -> None:
    record = Record(sees=True)
    record.write(NORTH, "notification", {**SHOT, "accused": None})
    record.write(MISSION, "finding", {"re": "north/0", "finding": "confirmed"})
    assert clock(record, "discipline_report")["owed_by"] == ["east", "south"]
    record.write(EAST, "reply", reply("accepted"))
    record.write(SOUTH, "reply", reply("denied"))
    assert clock(record, "discipline_report")["owed_by"] == ["east"]


def test_asking_for_a_joint_investigation_starts_the_clock_for_a_finding() -> None:
    record = Record(sees=True)
    record.write(NORTH, "notification", {**SHOT, "request": ["cease", "investigate_jointly"]})
    record.write(SOUTH, "reply", reply("denied"))
    assert (clock(record, "finding")["due"], clock(record, "finding")["owed_by"]) == (at(5001), ["north", "south"])
    record.write(MISSION, "finding", {"re": "north/0", "finding": "unconfirmed"})
    assert clock(record, "finding")["ended"] == {"by": "answered", "time": at(2), "ref": "mission/0"}


@pytest.mark.parametrize("log", [SOUTH, NORTH, EAST, MISSION])
def test_what_falls_due_while_the_channel_is_suspended_is_marked(record: Record, log: int) -> None:
    record.write(SOUTH, "line_check", {})
    record.write(log, "channel_status", {"status": "suspension"}, at=10)
    record.write(EAST, "channel_status", {"status": "suspension", "exercise": True}, at=11)
    marked = [(one["clock"], one["fell_due_during_suspension"]) for one in record.whole()["clocks"]]
    assert marked == [("reply", True), ("press", True)]
    record.write(log, "channel_status", {"status": "resumption"}, at=1500)
    assert [one["fell_due_during_suspension"] for one in record.whole()["clocks"]] == [True, False]
