"""Shifts, the roster, saved forms, our own names."""

from __future__ import annotations

import pytest

from accounts.conftest import NOW, Team
from accounts.test_links import code_of
from ceasewire import limits


def test_a_shift_begins_once_and_ends_with_a_note(team: Team) -> None:
    accounts, kestrel, heron = team.accounts, team.kestrel.account, team.heron.account
    first = accounts.shift_start(kestrel, NOW)
    assert accounts.shift_start(kestrel, NOW + 5) == first
    accounts.shift_start(heron, NOW + 10)
    assert [one.name for one in accounts.on_shift()] == ["Kestrel", "Heron"]
    ended = accounts.shift_end(kestrel, " ټول خیر دی\r\nnorth/12 waits ", NOW + 20)
    assert (ended.start, ended.end, ended.note) == (NOW, NOW + 20, "ټول خیر دی\nnorth/12 waits")
    assert code_of(accounts.shift_end, kestrel, "", NOW) == "account.missing"
    assert code_of(accounts.shift_end, heron, "x" * (limits.HANDOVER_BYTES + 1), NOW) == "account.full"
    assert code_of(accounts.shift_end, heron, "\0", NOW) == "usage"
    assert [(one.name, one.end) for one in accounts.shifts()] == [("Heron", None), ("Kestrel", NOW + 20)]
    assert code_of(accounts.shift_start, 99, NOW) == "account.missing"


def test_old_shifts_give_way_and_none_that_goes_on(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SHIFTS", 3)
    team.accounts.shift_start(team.heron.account, NOW)
    for number in range(6):
        team.accounts.shift_start(team.kestrel.account, NOW + number)
        team.accounts.shift_end(team.kestrel.account, str(number), NOW + number)
    assert [one.note for one in team.accounts.shifts()] == ["5", "4", "3", ""]


def test_the_roster(team: Team) -> None:
    accounts, kestrel, heron = team.accounts, team.kestrel.account, team.heron.account
    late = accounts.add_duty(heron, NOW + 3600, NOW + 7200, "releaser", by=kestrel, now=NOW)
    accounts.add_duty(kestrel, NOW, NOW + 3600, "administrator", by=kestrel, now=NOW)
    assert [(one.name, one.role) for one in accounts.roster(NOW, NOW + 9000)] == [("Kestrel", "administrator"), ("Heron", "releaser")]
    assert [one.name for one in accounts.roster(NOW + 3600, NOW + 3601)] == ["Heron"], "an end is not within"
    assert code_of(accounts.add_duty, heron, NOW, NOW, "reader", by=kestrel, now=NOW) == "usage"
    assert code_of(accounts.add_duty, heron, NOW, NOW + 1, "cook", by=kestrel, now=NOW) == "usage"
    assert code_of(accounts.add_duty, 99, NOW, NOW + 1, "reader", by=kestrel, now=NOW) == "account.missing"
    accounts.remove_duty(late, kestrel, NOW)
    assert code_of(accounts.remove_duty, late, kestrel, NOW) == "account.missing"
    assert [one.name for one in accounts.roster(0, 2**40)] == ["Kestrel"]


def test_forms_are_kept_each_for_one_person(team: Team) -> None:
    accounts, kestrel, heron = team.accounts, team.kestrel.account, team.heron.account
    form = {"where": "Kala ⟨نښه⟩", "types": ["A4"], "deep": [[None, True, 1.5]]}
    accounts.save_draft(kestrel, "notification", form, NOW)
    accounts.save_draft(kestrel, "notification", {**form, "where": "Gar"}, NOW + 1)
    assert accounts.draft(kestrel, "notification") == {**form, "where": "Gar"}
    assert accounts.draft(heron, "notification") is None, "nobody reads another's"
    assert [(one.key, one.time) for one in accounts.drafts(kestrel)] == [("notification", NOW + 1)]
    accounts.drop_draft(heron, "notification")
    assert len(accounts.drafts(kestrel)) == 1
    accounts.drop_draft(kestrel, "notification")
    assert accounts.drafts(kestrel) == []


def test_forms_are_bounded_and_the_oldest_give_way(team: Team) -> None:
    accounts, kestrel = team.accounts, team.kestrel.account
    fits = "x" * (limits.FORM_BYTES - 2)
    accounts.save_draft(kestrel, "large", fits, NOW)
    assert code_of(accounts.save_draft, kestrel, "large", fits + "x", NOW) == "account.full"
    assert code_of(accounts.save_draft, kestrel, "k" * 101, "", NOW) == "account.full"
    assert code_of(accounts.save_draft, kestrel, "", "", NOW) == "account.full"
    assert code_of(accounts.save_draft, 99, "a", "", NOW) == "account.missing"
    for number in range(limits.FORMS_PER_ACCOUNT):
        accounts.save_draft(kestrel, f"form {number}", number, NOW + 1)
    assert len(accounts.drafts(kestrel)) == limits.FORMS_PER_ACCOUNT
    assert accounts.draft(kestrel, "large") is None
    accounts.save_draft(kestrel, "with a clock set back", 1, NOW - 10**6)
    assert accounts.draft(kestrel, "with a clock set back") == 1, "what was just typed is kept"
    assert len(accounts.drafts(kestrel)) <= limits.FORMS_PER_ACCOUNT + 1


def test_our_own_names(team: Team) -> None:
    accounts, kestrel, heron = team.accounts, team.kestrel.account, team.heron.account
    assert accounts.names() == {"party": {}, "place": {}}
    accounts.set_name("party", "south", "د سویل ځواکونه", heron, NOW)
    accounts.set_name("place", "Kala", "Hill 402", heron, NOW)
    accounts.set_name("place", "Kala", "Hill 403", heron, NOW)
    assert accounts.names() == {"party": {"south": "د سویل ځواکونه"}, "place": {"Kala": "Hill 403"}}
    accounts.set_name("place", "Kala", " ", heron, NOW)
    assert accounts.names()["place"] == {}
    accounts.set_role(heron, "reader", kestrel, NOW)
    assert code_of(accounts.set_name, "place", "Kala", "Hill", heron, NOW) == "account.role"
    assert code_of(accounts.set_name, "river", "Kala", "Hill", kestrel, NOW) == "usage"
    assert code_of(accounts.set_name, "place", "", "Hill", kestrel, NOW) == "usage"
    assert code_of(accounts.set_name, "place", "Kala", "x" * (limits.OWN_NAME_BYTES + 1), kestrel, NOW) == "account.full"


def test_names_are_bounded(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "OWN_NAMES", 2)
    for place in ("one", "two"):
        team.accounts.set_name("place", place, "ours", team.kestrel.account, NOW)
    assert code_of(team.accounts.set_name, "place", "three", "ours", team.kestrel.account, NOW) == "account.full"
    assert code_of(team.accounts.set_name, "place", "two", "another", team.kestrel.account, NOW) is None
    assert len(team.accounts.names()["place"]) == 2
