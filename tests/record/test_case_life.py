"""A case from its inquiry to its end: inquiries, findings, remedies, closings, withdrawals, corrections, duplicates. spec/case.md."""

from __future__ import annotations

from typing import Any

import pytest

from ceasewire.record.words import STANCES
from helpers import make_channel

from .story import CHANNEL, EAST, MISSION, NORTH, SHOT, SOUTH, Record, Ref, at, named, reply

PROPOSAL: dict[str, Any] = {
    "re": "north/0",
    "activity": "joint_inquiry",
    "window_from": "2026-03-02T00:00:00Z",
    "window_to": "2026-03-03T00:00:00Z",
    "area": "Bridge 4",
}


@pytest.fixture
def record() -> Record:
    """North has notified: north/0. Every log sees all that lies before."""
    found = Record(sees=True)
    found.write(NORTH, "notification", SHOT)
    return found


# --- Joint inquiries ---


@pytest.mark.parametrize("stance", STANCES)
def test_a_joint_inquiry_is_held_when_the_other_side_agrees_to_it(record: Record, stance: str) -> None:
    record.write(NORTH, "notice", PROPOSAL)
    assert (record.whole()["state"], record.whole()["joint_inquiry"][0]["state"]) == ("notified", "proposed")
    record.write(SOUTH, "reply", reply(stance, "north/1"))
    agreed = stance in ("no_objection", "assurance")
    (inquiry,) = record.whole()["joint_inquiry"]
    assert (record.case().state, inquiry["state"]) == (("joint_inquiry", "agreed") if agreed else ("received", "proposed"))
    assert inquiry["agreed_by"] == (["south"] if agreed else [])
    assert (inquiry["window_from"], inquiry["area"]) == ("2026-03-02T00:00:00Z", "Bridge 4")


def test_a_guarantors_proposal_needs_both_sides_and_an_objection_takes_agreement_back(record: Record) -> None:
    record.write(MISSION, "notice", PROPOSAL)
    record.write(SOUTH, "reply", reply("assurance", "mission/0"))
    record.write(EAST, "reply", reply("assurance", "mission/0"))
    record.write(SOUTH, "reply", reply("objection", "mission/0"))
    record.write(NORTH, "reply", reply("no_objection", "mission/0"))
    assert record.case().state == "received"
    record.write(SOUTH, "notice", {**PROPOSAL, "re": "mission/0"})
    assert record.case().state == "joint_inquiry"
    assert [one["agreed_by"] for one in record.whole()["joint_inquiry"]] == [["east", "north", "south"]]


def test_an_inquiry_that_is_cancelled_leads_back_to_inquiry(record: Record) -> None:
    record.write(NORTH, "notice", PROPOSAL)
    record.write(SOUTH, "reply", reply("assurance", "north/1"))
    record.write(EAST, "notice", {"activity": "joint_inquiry", "phase": "cancelled", "re": "north/1"})
    assert record.case().state == "joint_inquiry"
    record.write(SOUTH, "notice", {"activity": "joint_inquiry", "phase": "cancelled", "re": "north/1"})
    assert (record.case().state, record.whole()["joint_inquiry"][0]["state"]) == ("under_inquiry", "cancelled")


def test_denying_does_not_end_a_joint_inquiry_and_accepting_does(record: Record) -> None:
    record.write(NORTH, "notice", PROPOSAL)
    record.write(SOUTH, "reply", reply("assurance", "north/1"))
    record.write(SOUTH, "reply", reply("denied"))
    assert (record.case().state, record.whole()["stances"]["south"]["stance"]) == ("joint_inquiry", "denied")
    record.write(SOUTH, "reply", reply("accepted"))
    assert record.case().state == "accepted"


# --- Findings ---


def test_a_guarantors_finding_stands_alone(record: Record) -> None:
    record.write(MISSION, "finding", {"re": "north/0", "finding": "probable", "confidence": "medium"})
    whole = record.whole()
    assert (whole["state"], whole["finding"], whole["confidence"]) == ("found", "probable", "medium")
    assert [(one["ref"], one["as"], one["finding"]) for one in whole["findings"]] == [("mission/0", "guarantor", "probable")]
    record.write(MISSION, "finding", {"re": "north/0", "finding": "confirmed", "confidence": "high"})
    assert (record.whole()["finding"], record.whole()["confidence"]) == ("confirmed", "high")


def test_parties_find_together_or_not_at_all(record: Record) -> None:
    attributed = {"attribution": "attributed", "attributed_to": ["south"]}
    record.write(NORTH, "finding", {"re": "north/0", "finding": "confirmed", **attributed})
    record.write(EAST, "finding", {"re": "north/0", "finding": "confirmed", **attributed})
    record.write(SOUTH, "finding", {"re": "north/0", "finding": "accident"})
    assert (record.whole()["state"], record.whole()["finding"]) == ("received", None)
    record.write(SOUTH, "finding", {"re": "north/0", "finding": "confirmed", "attribution": "unattributed"})
    assert record.whole()["state"] == "received"
    record.write(NORTH, "finding", {"re": "north/0", "finding": "accident"})
    assert record.whole()["state"] == "received"
    record.write(SOUTH, "finding", {"re": "north/0", "finding": "accident"})
    whole = record.whole()
    assert (whole["state"], whole["finding"]) == ("found", "accident")
    assert [one["as"] for one in whole["findings"]] == ["party"] * 5 + ["joint"]


def test_a_finding_leaves_severity_stance_and_publication_alone(record: Record) -> None:
    """DOMAIN: different questions are kept apart."""
    record.write(SOUTH, "reply", reply("denied", publish="ours_only"))
    record.write(MISSION, "finding", {"re": "north/0", "finding": "confirmed"})
    whole = record.whole()
    assert (whole["severity"], whole["stances"]["south"]["stance"], whole["finding"]) == (None, "denied", "confirmed")
    assert whole["publication"]["consents"] == {"south": {"publish": "ours_only", "ref": "south/0"}}


# --- Remedies ---


@pytest.mark.parametrize("kind", ["statement", "evidence"])
def test_a_remedy_is_offered_reported_and_confirmed(record: Record, kind: str) -> None:
    report = {"text": "The roof is mended.", "re": "south/0", "evidence": [{"name": "roof.jpg", "sha256": "00" * 32}]}
    record.write(SOUTH, "reply", reply("accepted", remedy="We mend the roof.", remedy_by="2026-04-01T00:00:00Z"))
    record.write(NORTH, "reply", reply("accepted", "south/0"))
    assert record.case().state == "accepted"
    record.write(SOUTH, kind, report)
    record.write(EAST, "reply", reply("accepted", "south/1"))
    record.write(NORTH, "acknowledgement", {"state": "read", "re": "south/1"})
    (remedy,) = record.whole()["remedies"]
    assert (record.case().state, remedy["due"], remedy["reported"], remedy["confirmed"]) == (
        "accepted",
        "2026-04-01T00:00:00Z",
        "south/1",
        None,
    )
    record.write(NORTH, "reply", reply("accepted", "south/1"))
    assert (record.case().state, record.whole()["remedies"][0]["confirmed"]) == ("remedied", "north/3")


@pytest.mark.parametrize(("finding", "state"), [("confirmed", "remedied"), ("settled_bilaterally", "remedied"), ("unconfirmed", "found")])
def test_a_guarantor_confirms_a_remedy_that_a_finding_asked_for(record: Record, finding: str, state: str) -> None:
    record.write(MISSION, "finding", {"re": "north/0", "finding": "confirmed", "remedy": "Mend the roof."})
    record.write(NORTH, "statement", {"text": "They have not.", "re": "mission/0"})
    assert record.whole()["remedies"][0]["reported"] is None
    record.write(SOUTH, "statement", {"text": "Done.", "re": "mission/0"})
    record.write(MISSION, "finding", {"re": "south/0", "finding": finding})
    whole = record.whole()
    assert (whole["state"], whole["finding"], whole["findings"][-1]["as"]) == (state, "confirmed", "remedy")


def test_the_first_report_counts_and_a_partys_finding_about_it_is_a_finding(record: Record) -> None:
    record.write(SOUTH, "reply", reply("accepted", remedy="We mend the roof."))
    for _ in range(2):
        record.write(SOUTH, "statement", {"text": "Done.", "re": "south/0"})
    record.write(NORTH, "finding", {"re": "south/1", "finding": "confirmed"})
    record.write(NORTH, "reply", reply("accepted", "south/2"))
    whole = record.whole()
    assert (whole["state"], whole["remedies"][0]["reported"], whole["findings"][0]["as"]) == ("accepted", "south/1", "party")


# --- Closings ---


def test_a_case_is_closed_by_both_and_never_by_one(record: Record) -> None:
    for log in (SOUTH, EAST, MISSION, SOUTH):
        record.write(log, "closing", {"re": "north/0"})
        assert record.case().state == "received"
    assert record.whole()["closed_by"] == {"south": "south/0"}
    record.write(NORTH, "closing", {"re": "north/0"})
    assert (record.case().state, record.whole()["closed_by"]) == ("closed", {"north": "north/1", "south": "south/0"})
    record.write(SOUTH, "reply", reply("accepted"))
    record.write(MISSION, "finding", {"re": "north/0", "finding": "confirmed"})
    assert record.case().state == "closed"


def test_whoever_withdraws_its_closing_opens_the_case_again(record: Record) -> None:
    record.write(SOUTH, "reply", reply("denied"))
    record.write(SOUTH, "closing", {"re": "north/0"})
    record.write(NORTH, "closing", {"re": "north/0"})
    record.write(SOUTH, "withdrawal", {"re": "south/1", "reason": "There is more."})
    assert (record.case().state, record.whole()["closed_by"]) == ("disputed", {"north": "north/1"})
    assert [one["withdrawn"] for one in record.whole()["messages"]] == [None, None, "south/2", None, None]
    record.write(SOUTH, "closing", {"re": "north/0"})
    assert record.case().state == "closed"


def test_without_an_accused_every_other_party_closes() -> None:
    record = Record(sees=True)
    record.write(NORTH, "notification", {**SHOT, "accused": None})
    for log, state in ((SOUTH, "received"), (NORTH, "received"), (EAST, "closed")):
        record.write(log, "closing", {"re": "north/0"})
        assert record.case().state == state


# --- Withdrawals ---


def test_a_withdrawn_notification_stays_visible(record: Record) -> None:
    record.write(SOUTH, "reply", reply("denied"))
    record.write(NORTH, "withdrawal", {"re": "north/0", "reason": "It was thunder."})
    whole = record.whole()
    assert (whole["state"], whole["types"], whole["stances"]["south"]["stance"]) == ("withdrawn", ["A4"], "denied")
    assert whole["withdrawn"] == {"ref": "north/1", "by": "north", "time": at(2), "withdrawn": None, "reason": "It was thunder."}
    record.write(SOUTH, "reply", reply("accepted"))
    assert record.case().state == "withdrawn"


def test_nobody_withdraws_what_another_party_said(record: Record) -> None:
    """Void by ref.party on every node; and without effect for a node that did not say so."""
    record.write(SOUTH, "withdrawal", {"re": "north/0", "reason": "No."})
    record.write(MISSION, "withdrawal", {"re": "north/0", "reason": "No."})
    assert (record.case().state, record.whole()["withdrawn"]) == ("received", None)


def test_a_withdrawn_reply_counts_for_nothing_but_that_it_answered(record: Record) -> None:
    record.write(SOUTH, "reply", reply("under_inquiry"))
    record.write(SOUTH, "reply", reply("accepted", agreed=["types"], remedy="We pay.", publish="both"))
    record.write(SOUTH, "withdrawal", {"re": ["south/0", "south/1"], "reason": "Sent by mistake."})
    whole = record.whole()
    assert (whole["state"], whole["stances"], whole["facts"], whole["remedies"]) == ("received", {}, {}, [])
    assert whole["publication"]["consents"] == {}
    assert whole["answered"] == at(1)


def test_a_withdrawal_can_be_withdrawn_and_so_on(record: Record) -> None:
    record.write(NORTH, "withdrawal", {"re": "north/0", "reason": "x"})
    for n, state in ((1, "notified"), (2, "withdrawn"), (3, "notified")):
        record.write(NORTH, "withdrawal", {"re": f"north/{n}", "reason": "x"})
        assert record.case().state == state


# --- Corrections, evidence, marks ---


def correct(re: str, **more: Any) -> dict[str, Any]:
    return {"re": re, "of": "notification", "reason": "A slip of the pen.", **more}


def test_a_correction_shows_what_is_in_force_beside_what_was_sent(record: Record) -> None:
    record.write(NORTH, "correction", correct("north/0", fields={"place": "Bridge 5", "severity": "grave"}))
    record.write(NORTH, "correction", correct("north/0", fields={"place": "Bridge 6"}, removed=["accused"]))
    whole = record.whole()
    assert (whole["place"], whole["severity"], whole["accused"]) == ("Bridge 6", "grave", None)
    assert whole["original"] == {"accused": "south", "place": "Bridge 4", "severity": None}
    assert [(one["ref"], one["by"], one["time"], one["corrects"], one["fields"]) for one in whole["corrections"]] == [
        (
            "north/1",
            "north",
            at(1),
            "north/0",
            {"place": {"was": "Bridge 4", "now": "Bridge 5"}, "severity": {"was": None, "now": "grave"}},
        ),
        ("north/2", "north", at(2), "north/0", {"accused": {"was": "south", "now": None}, "place": {"was": "Bridge 4", "now": "Bridge 6"}}),
    ]
    record.write(NORTH, "withdrawal", {"re": "north/2", "reason": "It was Bridge 5 after all."})
    whole = record.whole()
    assert (whole["place"], whole["accused"], whole["corrections"][1]["withdrawn"]) == ("Bridge 5", "south", "north/3")


def test_a_correction_asks_nobody_else_and_moves_nothing(record: Record) -> None:
    """Who answers and how soon was fixed when it was notified: a new accusation is a new notification."""
    record.write(SOUTH, "reply", reply("denied"))
    record.write(NORTH, "correction", correct("north/0", fields={"accused": "east"}))
    record.write(EAST, "reply", reply("accepted"))
    whole = record.whole()
    assert (whole["state"], whole["accused"], list(whole["stances"])) == ("disputed", "east", ["south"])
    assert whole["clocks"][0]["owed_by"] == ["south"]


@pytest.mark.parametrize(("log", "of"), [(SOUTH, "notification"), (NORTH, "reply")])
def test_a_correction_by_another_or_of_another_kind_corrects_nothing(record: Record, log: int, of: str) -> None:
    fields = {"place": "Nowhere"} if of == "notification" else {"account": "x"}
    record.write(log, "correction", correct("north/0", of=of, fields=fields))
    assert (record.whole()["place"], record.whole()["corrections"]) == ("Bridge 4", [])


def test_evidence_is_listed_with_who_named_it_and_once(record: Record) -> None:
    one, two = ({"name": name, "sha256": digit * 64} for name, digit in (("crater.jpg", "1"), ("fuze.jpg", "2")))
    assert "no evidence named" in record.whole()["marks"]
    record.write(NORTH, "evidence", {"re": "north/0", "evidence": [one, two]})
    record.write(SOUTH, "reply", reply("denied", evidence=[two]))
    whole = record.whole()
    assert [(item["ref"], item["by"], item["name"]) for item in whole["evidence"]] == [
        ("north/1", "north", "crater.jpg"),
        ("north/1", "north", "fuze.jpg"),
    ]
    assert "no evidence named" not in whole["marks"]
    record.write(NORTH, "withdrawal", {"re": "north/1", "reason": "Another crater."})
    assert [(item["ref"], item["name"]) for item in record.whole()["evidence"]] == [("south/0", "fuze.jpg")]


@pytest.mark.parametrize(
    ("fields", "mark", "there"),
    [
        ({}, "no source given", True),
        ({"sources": [{"class": "protected"}]}, "no source given", False),
        ({"casualties": {"civilians": {"killed": [3, 2, 5]}}}, "figures contradict", True),
        ({"casualties": {"civilians": {"killed": [2, 2, 2]}, "south": {"wounded": [0, 5, 4]}}}, "figures contradict", True),
        ({"casualties": {"civilians": {"killed": [1, 2, 3]}}}, "figures contradict", False),
        ({"occurred_from": at(10)}, "said to have happened after it was notified", True),
        ({"occurred_from": at(0)}, "said to have happened after it was notified", False),
        ({"occurred_from": at(-86401)}, "happened before this channel began", True),
        ({"occurred_from": at(-86400)}, "happened before this channel began", False),
    ],
)
def test_marks(fields: dict[str, Any], mark: str, there: bool) -> None:
    """D1, D2: a claimed time is kept and flagged; its place in the log proves by when at the latest it was claimed."""
    record = Record()
    record.write(NORTH, "notification", {**SHOT, **fields})
    assert (mark in record.whole()["marks"]) is there


@pytest.mark.parametrize(("listed", "there"), [([], False), (["II.3"], True), (["II.3", "II.4"], False)])
def test_a_provision_that_no_charter_lists_is_marked_and_never_void(listed: list[str], there: bool) -> None:
    channel = make_channel(
        ("east", "north", "south", "mission:guarantor"), provisions=[{"id": name, "text": "No fire."} for name in listed]
    ).channel
    record = Record(channel=channel)
    record.write(NORTH, "notification", {**SHOT, "provisions": ["II.4", "II.3"] if len(listed) == 2 else ["II.4"]})
    assert ("names a provision that the charter does not list" in record.whole()["marks"]) is there


def test_a_correction_mends_a_mark(record: Record) -> None:
    record.write(NORTH, "correction", correct("north/0", fields={"sources": ["our post"], "occurred_from": at(0)}))
    assert record.whole()["marks"] == ["no evidence named"]


# --- Requests ---


def test_each_question_is_answered_on_its_own(record: Record) -> None:
    record.write(NORTH, "request", {"questions": ["Where?", "Who?", "Why?"], "re": "north/0"})
    for numbers in ((2,), (1, 2, 7)):
        answers = [{"question": number, "text": "x"} for number in numbers]
        record.write(SOUTH, "reply", reply("noted", "north/1", answers=answers))
    (request,) = record.whole()["requests"]
    assert [(one["number"], one["question"], one["answers"]) for one in request["questions"]] == [
        (1, "Where?", ["south/1"]),
        (2, "Who?", ["south/0", "south/1"]),
        (3, "Why?", []),
    ]


# --- Publication ---


def test_when_the_press_may_be_told_counts_from_receipt(record: Record) -> None:
    assert record.whole()["publication"]["press_from"] is None
    record.write(SOUTH, "reply", reply("denied", publish="both", embargo=at(9000)))
    record.write(NORTH, "statement", {"text": "x", "re": "north/0", "embargo": at(8000)})
    publication = record.whole()["publication"]
    assert (publication["press_from"], publication["embargo"]) == (at(1 + 3000), at(9000))


# --- Duplicates ---


@pytest.fixture
def twins() -> Record:
    """North has notified twice: north/0 and north/1."""
    found = Record(sees=True)
    found.write(NORTH, "notification", SHOT)
    found.write(NORTH, "notification", SHOT)
    return found


def same(re: str, as_well: str) -> dict[str, Any]:
    return {"text": "These are one.", "re": re, "links": [{"as": "duplicate_of", "ref": as_well}]}


def merged(record: Record) -> list[str | None]:
    cases = record.fold()
    return [cases.summary(key)["merged_into"] for key in cases]


@pytest.mark.parametrize("agreement", [same("north/1", "north/0"), same("north/0", "north/1")])
def test_duplicates_merge_when_both_sides_say_so(twins: Record, agreement: dict[str, Any]) -> None:
    twins.write(NORTH, "statement", same("north/1", "north/0"))
    assert merged(twins) == [None, None]
    expected = {"proposed_by": "north", "confirmed_by": [], "missing": ["south"], "merged": None}
    assert twins.whole((NORTH, 0))["duplicates"] == [{"ref": "north/1", **expected}]
    assert twins.whole((NORTH, 1))["duplicates"] == [{"ref": "north/0", **expected}]
    twins.write(EAST, "statement", agreement)
    twins.write(MISSION, "statement", agreement)
    assert merged(twins) == [None, None]
    twins.write(SOUTH, "statement", agreement)
    assert merged(twins) == [None, "north/0"]
    (one,) = twins.whole((NORTH, 0))["duplicates"]
    assert (one["confirmed_by"], one["missing"], one["merged"]) == (["south"], [], at(5))


@pytest.mark.parametrize("stance", STANCES)
def test_a_reply_to_the_proposal_agrees_or_does_not(twins: Record, stance: str) -> None:
    twins.write(NORTH, "statement", same("north/1", "north/0"))
    twins.write(SOUTH, "reply", reply(stance, "north/2"))
    assert merged(twins) == [None, "north/0" if stance in ("accepted", "no_objection") else None]


def test_accepting_an_allegation_that_names_a_duplicate_merges_nothing() -> None:
    record = Record(sees=True)
    record.write(NORTH, "notification", SHOT)
    record.write(NORTH, "notification", {**SHOT, "links": [{"as": "duplicate_of", "ref": "north/0"}]})
    record.write(SOUTH, "reply", reply("accepted", "north/1"))
    assert merged(record) == [None, None]
    record.write(SOUTH, "statement", same("north/0", "north/1"))
    assert merged(record) == [None, "north/0"]


def test_both_cases_agree_on_whether_they_merged_whatever_is_withdrawn() -> None:
    record = Record(sees=True)
    record.write(NORTH, "notification", SHOT)
    record.write(NORTH, "notification", {**SHOT, "links": [{"as": "duplicate_of", "ref": "north/0"}]})
    record.write(SOUTH, "statement", same("north/0", "north/1"))
    for n, said in ((1, ["south"]), (2, ["north", "south"]), (3, ["south"])):
        record.write(NORTH, "withdrawal", {"re": f"north/{n}", "reason": "x"})
        for key in ((NORTH, 0), (NORTH, 1)):
            (one,) = record.whole(key)["duplicates"]
            assert sorted([one["proposed_by"], *one["confirmed_by"]]) == said
            assert (one["merged"] is not None) is (len(said) == 2)


def test_cases_against_different_parties_need_all_of_them(twins: Record) -> None:
    third = twins.write(EAST, "notification", {**SHOT, "accused": "north"})
    twins.write(NORTH, "statement", same(named(third), "north/0"))
    twins.write(SOUTH, "statement", same(named(third), "north/0"))
    assert merged(twins) == [None, None, None]
    twins.write(EAST, "statement", same(named(third), "north/0"))
    assert merged(twins) == [None, None, "north/0"]


# --- Counter-claims ---


def test_a_counter_claim_shows_on_both_cases(record: Record) -> None:
    links = [{"as": "counter_claim_to", "ref": "north/0"}]
    other: Ref = record.write(SOUTH, "notification", {**SHOT, "accused": "north", "links": links})
    assert (record.whole()["counter_claims"], record.whole()["linked_from"]) == (
        ["south/0"],
        [{"as": "counter_claim_to", "ref": "south/0"}],
    )
    assert record.whole(other)["linked"] == [{"as": "counter_claim_to", "ref": "north/0"}]
    assert [one["ref"] for one in record.whole()["messages"]] == ["north/0"]
    record.write(NORTH, "reply", reply("denied", "south/0"))
    assert (record.case().state, record.case(other).state) == ("received", "disputed")
    assert CHANNEL.log_name(other[0]) == "south"
