"""Sessions: fixation, ends, whose they are, and acts that disabling must not be overtaken by."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from sqlalchemy import update

from accounts.conftest import HERE, NOW, PASSWORD, Team
from accounts.test_links import code_of
from ceasewire import limits
from ceasewire.accounts import Accounts, Client
from ceasewire.accounts.acting import Acting
from ceasewire.accounts.schema import person


def test_i2_fixation_every_sign_in_gives_a_new_token_and_ends_the_old_one(team: Team) -> None:
    """Whoever puts their own token into a victim's browser has nothing once the victim signs in."""
    accounts = team.accounts
    planted, _ = accounts.redeem(accounts.sign_in_link(team.heron.account, None, NOW), NOW, HERE)
    token, session = accounts.sign_in("Kestrel", PASSWORD, team.code(), NOW, HERE, before=planted)
    assert token != planted
    assert accounts.session(planted, NOW) is None
    found = accounts.session(token, NOW)
    assert found is not None
    assert (found.account, found.csrf, found.device) == (team.kestrel.account, session.csrf, "")
    again, _ = accounts.redeem(accounts.sign_in_link(team.kestrel.account, None, NOW), NOW, HERE, before=token)
    assert accounts.session(token, NOW) is None
    assert accounts.session(again, NOW) is not None


def test_each_session_has_its_own_csrf_token_which_opens_nothing(team: Team) -> None:
    seen = [session.csrf for token in (team.kestrel_token, team.heron_token) if (session := team.accounts.session(token, NOW))]
    assert len(set(seen)) == 2
    assert all(len(csrf) == 43 and csrf not in team.kestrel_token for csrf in seen)
    assert team.accounts.session("cws_" + seen[0], NOW) is None
    assert all(session.csrf == "" for session in team.accounts.sessions(team.kestrel.account))


def test_an_act_on_other_accounts_needs_an_administrator_who_has_just_confirmed(team: Team) -> None:
    accounts = team.accounts

    def administer(session_id: str, now: int = NOW) -> None:
        with accounts.administering(session_id, now) as found:
            assert found.id == session_id

    assert code_of(administer, team.kestrel.id) == "account.fresh", "it was fresh 900 s ago"
    assert code_of(administer, team.heron.id) == "account.role", "a releaser, fresh or not"
    assert code_of(accounts.confirm, team.kestrel.id, PASSWORD, "000000", NOW) == "account.wrong"
    assert code_of(administer, team.kestrel.id) == "account.fresh"
    until = accounts.confirm(team.kestrel.id, PASSWORD, team.code(), NOW)
    administer(team.kestrel.id, until - 1)
    assert code_of(administer, team.kestrel.id, until) == "account.fresh"
    came, session = accounts.redeem(accounts.sign_in_link(team.kestrel.account, None, NOW), NOW, HERE)
    assert code_of(administer, session.id) == "account.fresh", "a link is no confirmation"
    accounts.sign_out(came, NOW)
    assert code_of(administer, session.id) == "account.session"


@pytest.mark.parametrize("token", ["", "cws_", "cws_" + "A" * 43, "cws_" + "A" * 42 + "=", "\ud800", "A" * 10_000])
def test_other_tokens_open_nothing(team: Team, token: str) -> None:
    assert team.accounts.session(token, NOW) is None
    team.accounts.sign_out(token, NOW)
    assert team.accounts.session(team.kestrel_token.replace("cws_", "cwd_"), NOW) is None
    assert team.accounts.session(team.kestrel_token, NOW) is not None


def test_a_session_ends_idle_and_in_any_case(team: Team) -> None:
    accounts, token, began = team.accounts, team.kestrel_token, team.kestrel.created
    idle = began + limits.SESSION_IDLE_SECONDS
    assert accounts.session(team.heron_token, idle - 1) is not None
    assert accounts.session(token, idle) is None
    at = began
    while at + limits.SESSION_IDLE_SECONDS // 2 < began + limits.SESSION_SECONDS:
        at += limits.SESSION_IDLE_SECONDS // 2
        assert accounts.session(team.heron_token, at) is not None, "used every six hours"
    assert accounts.session(team.heron_token, began + limits.SESSION_SECONDS - 1) is not None
    assert accounts.session(team.heron_token, began + limits.SESSION_SECONDS) is None
    assert accounts.sessions(team.heron.account, began + limits.SESSION_SECONDS) == []


def test_i5_sessions_are_ended_by_their_own_and_by_administrators_alone(team: Team) -> None:
    """IDOR: the `id` of another's session ends nothing."""
    accounts = team.accounts
    assert code_of(accounts.end_session, team.kestrel.id, team.heron.account, NOW) == "account.role"
    assert code_of(accounts.end_sessions, team.kestrel.account, team.heron.account, NOW) == "account.role"
    assert accounts.session(team.kestrel_token, NOW) is not None
    accounts.end_session(team.heron.id, team.heron.account, NOW)
    assert accounts.session(team.heron_token, NOW) is None
    assert code_of(accounts.end_session, team.heron.id, team.kestrel.account, NOW) == "account.missing"
    token, _ = accounts.redeem(accounts.sign_in_link(team.heron.account, None, NOW), NOW, HERE)
    assert accounts.end_sessions(team.heron.account, team.kestrel.account, NOW) == 1
    assert accounts.session(token, NOW) is None
    accounts.sign_out(team.kestrel_token, NOW)
    assert accounts.session(team.kestrel_token, NOW) is None


def test_sessions_are_bounded_and_the_oldest_ends(team: Team) -> None:
    for second in range(limits.SESSIONS_PER_ACCOUNT + 3):
        team.accounts.redeem(team.accounts.sign_in_link(team.heron.account, None, NOW + second), NOW + second, HERE)
    held = team.accounts.sessions(team.heron.account)
    assert len(held) == limits.SESSIONS_PER_ACCOUNT
    assert min(one.created for one in held) == NOW + 3


def test_an_act_needs_a_session_a_role_and_if_asked_a_confirmation(team: Team) -> None:
    def act(session_id: str, least: str, fresh: bool = False) -> str | None:
        return code_of(_act, team.accounts, session_id, least, fresh, lambda: None)

    assert [act(team.heron.id, least) for least in ("reader", "releaser", "administrator")] == [None, None, "account.role"]
    assert act(team.heron.id, "releaser", fresh=True) == "account.fresh"
    assert act("0" * 16, "reader") == "account.session"
    team.accounts.set_role(team.heron.account, "drafter", team.kestrel.account, NOW)
    assert act(team.heron.id, "releaser") == "account.role"
    team.accounts.sign_out(team.heron_token, NOW)
    assert act(team.heron.id, "reader") == "account.session"


def _act(accounts: Accounts, session_id: str, least: str, fresh: bool, what: Callable[[], None]) -> None:
    with accounts.acting(session_id, least, NOW, fresh=fresh):
        what()


@pytest.mark.parametrize("how", ["disable", "role", "sign out", "end"])
def test_i2_whatever_takes_a_right_away_waits_for_the_act_and_stops_the_next(team: Team, how: str) -> None:
    accounts, admin = team.accounts, team.kestrel.account
    within, go_on, ended = threading.Event(), threading.Event(), threading.Event()
    done: list[str] = []

    def slow() -> None:
        within.set()
        go_on.wait(10)
        done.append("act")

    def end() -> None:
        if how == "disable":
            accounts.disable(team.heron.account, admin, NOW)
        elif how == "role":
            accounts.set_role(team.heron.account, "reader", admin, NOW)
        elif how == "sign out":
            accounts.sign_out(team.heron_token, NOW)
        else:
            accounts.end_session(team.heron.id, admin, NOW)
        done.append("ended")
        ended.set()

    acting = threading.Thread(target=_act, args=(accounts, team.heron.id, "releaser", False, slow))
    acting.start()
    assert within.wait(10)
    ending = threading.Thread(target=end)
    ending.start()
    assert not ended.wait(0.05)
    go_on.set()
    acting.join()
    ending.join()
    assert done == ["act", "ended"]
    assert code_of(_act, accounts, team.heron.id, "releaser", False, slow) in ("account.session", "account.role")
    assert done == ["act", "ended"]


@pytest.mark.parametrize("races", [200, pytest.param(1000, marks=pytest.mark.sweep)])
def test_i2_races_of_disabling_and_acting(team: Team, races: int) -> None:
    """After disabling has returned, nothing that the person does takes place; each act is refused or was over before."""
    accounts, admin, heron = team.accounts, team.kestrel.account, team.heron.account
    begin, over = threading.Barrier(2), threading.Barrier(2)
    state = {"disabled": False, "session": "", "end": False}
    codes: list[str | None] = []
    late: list[int] = []

    def act() -> None:
        if state["disabled"]:
            late.append(len(codes))

    def officer() -> None:
        while begin.wait() < 2 and not state["end"]:
            for _ in range(len(codes) % 16):  # so that the act falls before, into and behind the commit
                accounts.is_empty()
            while len(codes) % 10 == 9 and not state["disabled"]:  # and for certain behind it
                accounts.is_empty()
            codes.append(code_of(_act, accounts, str(state["session"]), "releaser", False, act))
            over.wait()

    thread = threading.Thread(target=officer)
    thread.start()
    for _ in range(races):
        with accounts._db.writing() as connection:  # both at once, so that the disk is waited for once
            connection.execute(update(person).where(person.c.id == heron).values(disabled=None))
            _, session = accounts._sign_in(connection, accounts._person(connection, heron), "link", HERE, NOW, fresh=False)
        state.update(disabled=False, session=session.id)
        begin.wait()
        accounts.disable(heron, admin, NOW)
        state["disabled"] = True
        over.wait()
    state["end"] = True
    begin.wait()
    thread.join()
    assert late == []
    assert len(codes) == races
    assert set(codes) == {None, "account.session"}, "both came about"
    print(f"{races} races: {codes.count(None)} acted before, {races - codes.count(None)} refused, 0 after")


def test_somebody_who_ends_themselves_does_not_wait_for_themselves(team: Team) -> None:
    accounts = team.accounts
    accounts.set_role(team.heron.account, "administrator", team.kestrel.account, NOW)
    with accounts.acting(team.heron.id, "administrator", NOW) as who:
        accounts.disable(who.account, who.account, NOW)
    assert accounts.session(team.heron_token, NOW) is None


def test_an_act_that_fails_is_over() -> None:
    acting = Acting()
    with pytest.raises(ValueError, match="gone"), acting.act(1):
        raise ValueError("gone")
    thread = threading.Thread(target=acting.wait_for, args=(1,))
    thread.start()
    thread.join(1)
    assert not thread.is_alive()


def test_a_known_device_is_forgotten_with_all_sessions(team: Team) -> None:
    accounts = team.accounts
    assert accounts._known_device is not None
    with accounts._db.reading() as connection:
        who = accounts._person(connection, team.kestrel.account)
        assert accounts._known_device(connection, who, Client("192.0.2.1", team.kestrel.device))
        assert not accounts._known_device(connection, who, Client("192.0.2.1", team.heron.device)), "another's device"
    accounts.end_sessions(team.kestrel.account, team.kestrel.account, NOW, but=team.kestrel.id)
    with accounts._db.reading() as connection:
        assert not accounts._known_device(connection, who, Client("192.0.2.1", team.kestrel.device))
    assert accounts.session(team.kestrel_token, NOW) is not None
