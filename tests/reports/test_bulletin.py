"""The bulletin: every figure by its rule (docs/bulletin.md), the same from the same record, safe in a spreadsheet (FAULTS H10)."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceasewire.record.notation import parse_time
from ceasewire.reports import bulletin, counts, facts, sheet
from ceasewire.reports.facts import Channel, Cut, Period
from ceasewire.reports.texts import NOTES, TEXTS
from helpers import local

DAY = Period(parse_time("2026-03-02T00:00:00Z"), parse_time("2026-03-03T00:00:00Z"))


def channel(*, exercise: bool = False, watch: int = 12 * 3600, line_check: int = 12 * 3600) -> Channel:
    return Channel(
        head={"name": "line", "title": "A line", "id": "00", "fingerprint": "a-b"},
        exercise=exercise,
        parties={
            "north": {"name": "North", "role": "party"},
            "south": {"name": "South", "role": "party"},
            "mission": {"name": "Mission", "role": "guarantor"},
        },
        zones={"Z1": "The ridge"},
        clocks={"watch": watch, "line_check": line_check},
        party_of={"north": "north", "south": "south", "mission": "mission", "north.2": "north"},
        owing=dict.fromkeys(("north", "south", "mission"), DAY.start),
    )


class Log:
    """Messages as `list` shows them, one log's index after another."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self._next: dict[str, int] = {}

    def say(self, log: str, kind: str, time: str, *, void: str | None = None, **body: Any) -> str:
        index = self._next.get(log, 0)
        self._next[log] = index + 1
        body = {"exercise": False, **body}
        self.messages.append({"ref": f"{log}/{index}", "kind": kind, "time": f"2026-03-{time}:00Z", "body": body, "void": void})
        return f"{log}/{index}"

    def notify(self, log: str, time: str, *types: str, **body: Any) -> str:
        return self.say(log, "notification", time, types=list(types or ["A3"]), **body)

    def make(self, *, exercise: bool = False, cases: Any = (), of: Channel | None = None, cuts: Any = ()) -> dict[str, Any]:
        return bulletin.make(of or channel(), DAY, self.messages, list(cases), list(cuts), exercise=exercise, lang="en")


def counted(rows: list[dict[str, Any]], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in names) for row in rows]


def test_counts_say_who_alleges_and_how_that_changed() -> None:
    log = Log()
    log.notify("north", "01T23:59", "A3")
    for time in ("02T00:00", "02T04:00", "02T23:59"):
        log.notify("north", time, "A3", "D1", zone_id="Z1", direction="incoming")
    log.notify("north.2", "02T05:00", "A10", zone="contact_line")
    log.notify("south", "02T06:00", "A3", place="Kala, East State")
    log.notify("south", "01T00:00", "B1", place="Kala")
    log.notify("south", "03T00:00", "A3")  # of the next period
    log.notify("south", "02T07:00", "A3", void="body.schema")
    found = log.make()
    assert counted(found["notified"], "by", "count", "before", "change") == [("north", 4, 1, 3), ("south", 1, 1, 0), ("mission", 0, 0, 0)]
    assert found["notified"][0]["says"] == "North notified 4 (+3 against the period before)"
    assert found["notified"][2]["says"] == "Mission notified nothing"
    assert counted(found["by_type"], "by", "type", "count", "before", "change") == [
        ("north", "A3", 3, 1, 2),
        ("north", "A10", 1, 0, 1),
        ("north", "D1", 3, 0, 3),
        ("south", "A3", 1, 0, 1),
        ("south", "B1", 0, 1, -1),
    ]
    assert counted(found["by_sector"], "by", "basis", "sector", "name", "count", "before") == [
        ("north", "not_stated", None, "", 0, 1),
        ("north", "zone", "contact_line", "", 1, 0),
        ("north", "zone_id", "Z1", "The ridge", 3, 0),
        ("south", "not_stated", None, "", 0, 1),
        ("south", "place", "East State", "", 1, 0),
    ]
    assert counted(found["by_direction"], "by", "direction", "count") == [("north", None, 1), ("north", "incoming", 3), ("south", None, 1)]
    assert (found["nil_return"], found["says"], found["not_counted"]) == (False, [], {"void": 1, "exercise": 0})
    assert found["notes"] == [TEXTS["en"][name] for name in NOTES]
    assert "sample, not a measure of severity" in found["notes"][0]


def test_corrections_and_withdrawals_stay_visible_and_count() -> None:
    log = Log()
    wrong = log.notify("north", "02T01:00", "A3", casualties={"civilians": {"killed": [1, 2, 3]}}, direction="incoming")
    gone = log.notify("north", "02T02:00", "A4", casualties={"civilians": {"killed": [5, 5, 5]}})
    fields = {"types": ["A5"], "casualties": {"civilians": {"killed": [0, 1, 1]}}}
    log.say("north", "correction", "02T03:00", re=wrong, of="notification", fields=fields, removed=["direction"], reason="counted again")
    log.say("north", "withdrawal", "02T04:00", re=[gone], reason="ours")
    log.say("south", "withdrawal", "02T05:00", re=[wrong], reason="not theirs to take back")
    log.say("north", "correction", "03T00:00", re=wrong, of="notification", fields={"types": ["A6"]}, reason="after the period")
    found = log.make()
    assert counted(found["notified"], "by", "count", "withdrawn")[0] == ("north", 2, 1)
    assert counted(found["by_type"], "by", "type", "count") == [("north", "A5", 1)]
    assert counted(found["by_direction"], "direction") == [(None,)]
    assert counted(found["casualties"], "low", "best", "high") == [(0, 1, 1)]
    assert counted(found["corrections_and_withdrawals"], "ref", "kind", "re", "fields", "reason") == [
        ("north/2", "correction", ["north/0"], ["casualties", "direction", "types"], "counted again"),
        ("north/3", "withdrawal", ["north/1"], [], "ours"),
        ("south/0", "withdrawal", ["north/0"], [], "not theirs to take back"),
    ]


def test_casualties_are_ranges_by_who_alleges_and_contradictions_stand_apart() -> None:
    log = Log()
    log.notify("north", "02T01:00", casualties={"civilians": {"killed": [1, 2, 3], "wounded": [0, 0, 4]}})
    log.notify("north", "02T02:00", casualties={"civilians": {"killed": [2, 2, 2]}, "south": {"detained": [1, 1, 1]}})
    odd = log.notify("north", "02T03:00", casualties={"civilians": {"killed": [3, 2, 9]}})
    log.notify("south", "02T04:00", casualties={"civilians": {"killed": [7, 7, 7]}})
    rows = log.make()["casualties"]
    assert counted(rows, "by", "group", "harm", "low", "best", "high", "notifications") == [
        ("north", "civilians", "killed", 3, 4, 5, 2),
        ("north", "civilians", "wounded", 0, 0, 4, 1),
        ("north", "south", "detained", 1, 1, 1, 1),
        ("south", "civilians", "killed", 7, 7, 7, 1),
    ]
    assert rows[0]["contradicting"] == [{"ref": odd, "figures": [3, 2, 9]}]


def test_exercise_and_actual_never_share_a_bulletin() -> None:
    log = Log()
    log.notify("north", "02T01:00", "A3")
    log.notify("north", "02T02:00", "A4", exercise=True, casualties={"civilians": {"killed": [9, 9, 9]}})
    log.notify("north", "02T02:30", "A4", historical=True, casualties={"civilians": {"killed": [8, 8, 8]}})
    actual, exercise = log.make(), log.make(exercise=True)
    assert counted(actual["by_type"], "type", "count") == [("A3", 1)]
    assert actual["casualties"] == []
    assert (actual["not_counted"]["exercise"], exercise["not_counted"]["actual"]) == (1, 2)
    assert counted(exercise["by_type"], "type", "count") == [("A4", 1)]
    assert (exercise["mark"], exercise["line"], exercise["watch"]) == (TEXTS["en"]["exercise"], None, None)
    assert counted(actual["historical"]["by_type"], "type", "count") == [("A4", 1)]
    assert counted(actual["historical"]["casualties"], "best") == [(8,)]
    assert exercise["historical"]["notified"] == []


def test_where_we_could_not_look() -> None:
    log = Log()
    log.say("north", "channel_status", "01T10:00", status="suspension", reason="no quorum")
    log.say("south", "channel_status", "01T11:00", status="suspension", until="2026-03-01T12:00:00Z")
    log.say("north", "channel_status", "02T10:00", status="resumption")
    log.say("mission", "finding", "02T01:00", re="north/1", finding="unconfirmed", access_refused_by=["south"])
    log.notify("north", "02T02:00", "F1", accused="south", place="Kala")
    log.notify("north", "02T03:00", "F2", historical=True)
    log.notify("north", "01T03:00", "F2")
    rows = log.make()["where_we_could_not_look"]
    assert counted(rows, "what", "by", "ref") == [
        ("access_refused", "mission", "mission/0"),
        ("F1", "north", "north/2"),
        ("suspension", "north", "north/0"),
    ]
    assert rows[0]["says"] == "South is said to have refused access"
    assert (rows[2]["from"], rows[2]["until"], rows[2]["reason"]) == ("2026-03-01T10:00:00Z", "2026-03-02T10:00:00Z", "no quorum")


def test_notices_and_what_came_of_them() -> None:
    log = Log()
    window = {"window_from": "2026-03-02T06:00:00Z", "window_to": "2026-03-02T09:00:00Z", "area": "the bridge"}
    plan = log.say("north", "notice", "01T01:00", activity="demining", **window)
    log.say("south", "notice", "01T02:00", activity="patrol", window_from="2026-03-05T00:00:00Z", window_to="2026-03-06T00:00:00Z")
    log.say("north", "notice", "02T06:10", activity="demining", phase="started", re=plan)
    log.say("south", "notice", "02T06:11", activity="demining", phase="cancelled", re=plan)
    log.say("north", "notice", "02T08:00", activity="demining", phase="finished", re=[plan])
    (row,) = log.make()["notices"]
    assert (row["ref"], row["activity"], row["area"]) == (plan, "demining", "the bridge")
    assert (row["started"], row["finished"], row["cancelled"]) == ("2026-03-02T06:10:00Z", "2026-03-02T08:00:00Z", None)


@pytest.mark.parametrize(
    ("times", "last", "missed"),
    [
        (["02T12:00"], "03T05:00", 0),
        (["02T12:10", "02T23:00"], "03T05:00", 0),  # as late as clocks may differ
        (["02T12:11"], "03T05:00", 1),
        ([], "03T05:00", 1),  # the second is due at the end of the period, and may still come
        ([], "02T12:10", 0),  # the record ends before it can have been missed
        ([], "02T12:11", 1),
    ],
)
def test_missed_line_checks(times: list[str], last: str, missed: int) -> None:
    log = Log()
    for time in times:
        log.say("north", "line_check", time)
    log.say("south", "statement", last, text="a")
    row = log.make(cuts=[Cut("north", 0, "", {})])["line"][0]
    assert (row["line_checks"], row["line_checks_missed"]) == (len(times), missed)


def test_missed_line_checks_are_counted_once_over_periods() -> None:
    log = Log()
    log.say("north", "line_check", "02T07:00")
    log.say("south", "statement", "12T00:00", text="a")
    days = [Period(DAY.start + n * 86_400, DAY.end + n * 86_400) for n in range(9)]
    whole = Period(days[0].start, days[-1].end)

    def missed(period: Period) -> int:
        made = bulletin.make(channel(), period, log.messages, [], [Cut("north", 1, "", {})], exercise=False, lang="en")
        count: int = made["line"][0]["line_checks_missed"]
        return count

    assert sum(missed(day) for day in days) == missed(whole) == 17


def test_the_line_and_who_was_there() -> None:
    log = Log()
    for time in ("01T20:00", "02T01:00", "02T02:00"):
        log.say("north", "statement", time, text="a")
    log.say("north", "acknowledgement", "02T12:00", watch=True, on_duty=["captain"])
    log.say("north", "acknowledgement", "02T13:00", state="read", re="south/0")
    log.say("south", "statement", "04T00:00", text="b")
    cuts = [Cut("north", 5, "aa", {"north": 0, "south": 2, "mission": 0}), Cut("south", 1, "bb", {"north": 0, "south": 0, "mission": 0})]
    found = log.make(cuts=cuts)
    north = found["line"][0]
    assert (north["sent"], north["by_kind"]) == (4, {"acknowledgement": 2, "statement": 2})
    assert north["receipted"] == {"mission": 0, "south": 1}  # of the two that it holds one is of the period before
    assert found["cut"] == [{"log": "north", "size": 5, "root": "aa"}, {"log": "south", "size": 1, "root": "bb"}]
    assert counted(found["watch"], "party", "watch_checks", "last", "hours_without_a_person") == [
        ("north", 1, "2026-03-02T12:00:00Z", 0),
        ("south", 0, None, 12),
    ]
    never = log.make(of=channel(watch=0, line_check=0), cuts=cuts)
    assert never["watch"][0]["hours_without_a_person"] is None
    assert never["line"][0]["line_checks_missed"] is None


def case(ref: str, time: str, **more: Any) -> dict[str, Any]:
    known = {"ref": ref, "by": ref.partition("/")[0], "time": f"2026-03-{time}:00Z", "state": "notified", "exercise": False}
    known |= dict.fromkeys(("types", "place", "accused", "respond_by", "answered", "received", "merged_into"))
    return known | {"historical": False} | more


def test_answers_and_open_cases_at_the_end_of_the_period() -> None:
    log = Log()
    log.say("south", "statement", "04T00:00", text="a")
    due, late = {"respond_by": "2026-03-02T12:00:00Z"}, "2026-03-03T01:00:00Z"
    received = {"received": {"by": "south", "time": "2026-03-02T01:00:00Z", "proof": "south/0"}}
    cases = [
        case("north/0", "01T01:00", **due),
        case("north/1", "02T01:00", **due, **received, answered="2026-03-02T13:00:00Z", state="disputed"),
        case("north/2", "02T02:00", **due, **received, answered=late, state="accepted"),
        case("north/3", "02T03:00", respond_by=late, state="closed"),
        case("north/4", "02T04:00", historical=True, **due),
        case("north/5", "02T05:00", merged_into="north/1", **due),
        case("north/6", "02T06:00", exercise=True, **due),
        case("north/7", "03T00:00", **due),
        case("north/8", "02T08:00", state="closed", **due),
    ]
    found = log.make(cases=cases)
    assert counted(found["answers"], "by", "notified", "received", "answered", "overdue")[0] == ("north", 4, 2, 1, 2)
    assert counted(found["open_cases"], "ref", "overdue") == [("north/0", True), ("north/1", False), ("north/2", True)]


def test_nil_return() -> None:
    found = Log().make()
    assert found["nil_return"] is True
    assert found["says"] == [TEXTS["en"]["nil"]]
    assert "NIL RETURN" in sheet.write(sheet.rows(found))


def test_a_period_or_language_that_cannot_be() -> None:
    for period, lang in ((Period(5, 5), "en"), (Period(5, 4), "en"), (DAY, "tlh")):
        with local("usage"):
            bulletin.make(channel(), period, [], [], [], exercise=False, lang=lang)


FORMULAS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "＝1",
    "＋1",
    "－1",
    "＠x",
    " =1",
    "\u3000=1",
    "\u00a0@x",
    "'",
    "'=1",
    "''",
]
HARMLESS = ["", "a", 'say "=1"', "a\nb", "a,b;c", "a=1", "ښه", "1-2", "x" * 40_000]


@pytest.mark.parametrize("text", FORMULAS + HARMLESS)
def test_h10_a_cell_is_no_formula_and_comes_back(text: str) -> None:
    (row,) = sheet.read(sheet.write([{"section": "notes", "text": text}]))
    assert row["text"] == text
    cell = next(csv.reader(io.StringIO(sheet.write([{"text": text}]).split("\r\n", 1)[1], newline="")))[-1]
    assert cell.strip()[:1] not in tuple("=+-@＝＋－＠")
    assert (cell != text) is (text in FORMULAS)


@given(st.text(st.characters(codec="utf-8"), max_size=30))
def test_h10_every_text_comes_back(text: str) -> None:
    assert sheet.plain(sheet.safe(text)) == text
    assert sheet.read(sheet.write([{"section": text, "text": text}]))[0]["text"] == text
    assert sheet.safe(text).strip()[:1] not in tuple("=+-@＝＋－＠")


def test_the_sheet_holds_every_figure_of_the_bulletin() -> None:
    log = Log()
    log.notify("north", "01T01:00", "B1")
    log.notify("north", "02T01:00", "A3", casualties={"civilians": {"killed": [1, 2, 3]}}, place="Kala, =East")
    log.notify("north", "02T02:00", "A3", casualties={"civilians": {"killed": [3, 2, 1]}})
    log.say("north", "withdrawal", "02T03:00", re="north/0", reason="@ours")
    found = log.make(cuts=[Cut("north", 4, "aa", {"south": 3})], cases=[case("north/1", "02T01:00", place="Kala, =East")])
    rows = sheet.read(sheet.write(sheet.rows(found)))
    by_section: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        by_section.setdefault(row["section"], []).append(row)
    assert [(row["item"], row["count"], row["change"]) for row in by_section["by_type"]] == [("A3", "2", "2")]
    assert by_section["by_sector"][1]["item"] == "=East"
    assert [by_section["casualties"][0][name] for name in ("low", "best", "high", "count")] == ["1", "2", "3", "1"]
    assert by_section["contradicting"][0]["ref"] == "north/2"
    assert by_section["corrections_and_withdrawals"][0]["text"] == "north/0; @ours"
    assert by_section["cut"][0]["text"] == "aa"
    assert by_section["open_cases"][0]["ref"] == "north/1"
    assert {"period", "notes", "parties", "notified", "line", "watch", "answers", "not_counted"} <= by_section.keys()


def test_a_correction_of_another_s_message_changes_nothing() -> None:
    log = Log()
    ref = log.notify("north", "02T01:00", "A3")
    log.say("south", "correction", "02T02:00", re=ref, of="notification", fields={"types": ["A4"]}, reason="x")
    log.say("north", "correction", "02T03:00", re=ref, of="statement", fields={"types": ["A5"]}, reason="x")
    assert counted(log.make()["by_type"], "type") == [("A3",)]
    assert counts.sector({"place": "a,"}) == ("not_stated", "")
    assert facts.refs({"re": ["a", "b"]}) == ["a", "b"]
