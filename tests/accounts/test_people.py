"""Roles, the last administrator, preferences, the audit list."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import insert, text

from accounts.authenticator import b64
from accounts.conftest import HERE, NOW, Team
from accounts.test_links import code_of
from ceasewire import limits
from ceasewire.accounts import ROLES, Client, may, schema
from ceasewire.errors import LocalError


def test_each_role_may_what_those_before_it_may() -> None:
    assert ROLES == ("reader", "drafter", "releaser", "administrator")
    found = {(role, least): may(role, least) for role in ROLES for least in ROLES}
    assert found == {(role, least): at >= to for at, role in enumerate(ROLES) for to, least in enumerate(ROLES)}


ACTS = {
    "invite": lambda a, by: a.invite("reader", None, by, NOW),
    "sign_in_link": lambda a, by: a.sign_in_link(2, by, NOW),
    "end_links": lambda a, by: a.end_links(by, NOW),
    "set_role": lambda a, by: a.set_role(2, "reader", by, NOW),
    "disable": lambda a, by: a.disable(2, by, NOW),
    "enable": lambda a, by: a.enable(2, by, NOW),
    "end_sessions": lambda a, by: a.end_sessions(2, by, NOW),
    "add_duty": lambda a, by: a.add_duty(2, NOW, NOW + 1, "reader", by=by, now=NOW),
    "remove_duty": lambda a, by: a.remove_duty(1, by, NOW),
}


@pytest.mark.parametrize("role", ROLES)
def test_what_only_an_administrator_may(team: Team, role: str) -> None:
    """Each act by somebody of the role: refused with account.role, or, of an administrator, not for that."""
    accounts = team.accounts
    _, wren = accounts.redeem(accounts.invite(role, "Wren", team.kestrel.account, NOW).secret, NOW, HERE)
    refused = {name for name, act in ACTS.items() if code_of(act, accounts, wren.account) == "account.role"}
    assert refused == (set() if role == "administrator" else set(ACTS))
    accounts.disable(wren.account, team.kestrel.account, NOW)
    assert {name for name, act in ACTS.items() if code_of(act, accounts, wren.account) == "account.role"} == set(ACTS), "disabled"
    named = code_of(accounts.set_name, "party", "south", "Them", team.heron.account, NOW)
    assert named in (None, "account.role")


def test_one_administrator_is_always_left(team: Team) -> None:
    accounts, kestrel, heron = team.accounts, team.kestrel.account, team.heron.account
    assert code_of(accounts.disable, kestrel, kestrel, NOW) == "account.last"
    assert code_of(accounts.set_role, kestrel, "releaser", kestrel, NOW) == "account.last"
    accounts.set_role(heron, "administrator", kestrel, NOW)
    accounts.disable(heron, kestrel, NOW)
    assert code_of(accounts.set_role, kestrel, "releaser", kestrel, NOW) == "account.last", "one who is disabled does not count"
    accounts.enable(heron, kestrel, NOW)
    with ThreadPoolExecutor(2) as pool:  # each takes the right from the other
        found = list(pool.map(lambda pair: code_of(accounts.disable, *pair, NOW), [(heron, kestrel), (kestrel, heron)]))
    assert found.count(None) == 1
    assert sum(one.role == "administrator" and one.disabled is None for one in accounts.accounts()) == 1


def test_any_walk_of_acts_leaves_an_administrator(team: Team) -> None:
    accounts = team.accounts
    for name in ("Wren", "Raven"):
        accounts.redeem(accounts.invite("administrator", name, 1, NOW).secret, NOW, HERE)
    draw = random.Random(5)
    for _ in range(120):
        who, by = draw.randint(1, 4), draw.randint(1, 4)
        act = draw.choice(["disable", "enable", "role"])
        call = (lambda w, b: accounts.set_role(w, draw.choice(ROLES), b, NOW)) if act == "role" else getattr(accounts, act)
        code = code_of(call, who, by) if act == "role" else code_of(call, who, by, NOW)
        assert code in (None, "account.role", "account.last")
        assert any(one.role == "administrator" and one.disabled is None for one in accounts.accounts())


def test_disabling_ends_everything_at_once(team: Team) -> None:
    accounts, heron = team.accounts, team.heron.account
    link = accounts.sign_in_link(heron, None, NOW)
    answer = team.passkey.get(accounts.passkey_sign_in("https://north.example", NOW))
    accounts.disable(heron, team.kestrel.account, NOW)
    assert accounts.session(team.heron_token, NOW) is None
    assert accounts.sessions(heron) == []
    assert code_of(accounts.redeem, link, NOW, HERE) == "account.link"
    assert code_of(accounts.finish_passkey_sign_in, answer, "https://north.example", NOW, HERE) == "account.passkey"
    assert [one.disabled for one in accounts.accounts()] == [None, NOW]
    accounts.disable(heron, team.kestrel.account, NOW + 9)
    assert accounts.account(heron).disabled == NOW
    accounts.enable(heron, team.kestrel.account, NOW)
    assert accounts.session(team.heron_token, NOW) is None, "what ended stays ended"
    assert code_of(accounts.redeem, link, NOW, HERE) == "account.link"
    assert code_of(accounts.disable, 99, team.kestrel.account, NOW) == "account.missing"


def test_a_session_of_somebody_disabled_opens_nothing_even_if_it_were_left(team: Team) -> None:
    with team.accounts._db.writing() as connection:
        connection.execute(text("UPDATE person SET disabled = 1 WHERE name = 'Heron'"))
    assert team.accounts.session(team.heron_token, NOW) is None


def test_preferences(team: Team) -> None:
    accounts = team.accounts
    accounts.set_preferences(team.heron.account, "ps", "solar_hijri", "dark")
    found = accounts.session(team.heron_token, NOW)
    assert found is not None
    assert (found.language, found.calendar, found.theme) == ("ps", "solar_hijri", "dark")
    for wrong in (("", "gregorian", "dark"), ("ps", "julian", "dark"), ("ps", "gregorian", "pink"), ("ps\n", "gregorian", "dark")):
        assert code_of(accounts.set_preferences, team.heron.account, *wrong) == "usage"
    assert code_of(accounts.set_preferences, 99, "en", "gregorian", "auto") == "account.missing"


ODD = ["\ud800", "\0", "'; DROP TABLE person; --", "%", "_", "\u202e", "x" * 100_000, "cwl_" + "A" * 43, "0", "-1", "{{7*7}}", "\n"]


@pytest.mark.parametrize("odd", ODD, ids=range(len(ODD)))
def test_i16_whatever_a_form_brings_is_data(team: Team, odd: str) -> None:
    """Each text of each call: done, or refused by a code, and nobody is lost by it."""
    a, by, here = team.accounts, team.kestrel.account, Client(odd, odd)
    calls = [
        lambda: a.invite("reader", odd, by, NOW),
        lambda: a.invite(odd, None, by, NOW),
        lambda: a.redeem(odd, NOW, here, name=odd, before=odd),
        lambda: a.invitation(odd, NOW),
        lambda: a.register_password(odd, odd, odd, NOW),
        lambda: a.register_password(team.kestrel.id, odd, odd, NOW),
        lambda: a.confirm_totp(odd, odd, NOW, here),
        lambda: a.passkey_registration(odd, odd, odd, NOW, node=odd),
        lambda: a.passkey_sign_in(odd, NOW),
        lambda: a.finish_passkey_sign_in({odd: odd}, odd, NOW, here, before=odd),
        lambda: a.finish_passkey(odd, odd, {"type": odd}, origin=odd, now=NOW, client=here, label=odd),
        lambda: a.session(odd, NOW),
        lambda: a.sign_out(odd, NOW),
        lambda: a.end_session(odd, by, NOW),
        lambda: a.end_sessions(team.heron.account, by, NOW, odd),
        lambda: a.set_role(team.heron.account, odd, by, NOW),
        lambda: a.set_preferences(by, odd, odd, odd),
        lambda: a.named(odd),
        lambda: a.remove_passkey(team.heron.id, odd, NOW),
        lambda: a.shift_start(by, NOW),
        lambda: a.shift_end(by, odd, NOW),
        lambda: a.add_duty(by, NOW, NOW + 1, odd, by=by, now=NOW),
        lambda: a.save_draft(by, odd, {odd: odd}, NOW),
        lambda: a.draft(by, odd),
        lambda: a.drop_draft(by, odd),
        lambda: a.set_name("place", odd, odd, by, NOW),
        lambda: a.set_name(odd, odd, odd, by, NOW),
        lambda: a.account(10**30),
        lambda: a.disable(10**30, by, NOW),
    ]
    for call in calls:
        code = code_of(call)
        assert code is None or code.startswith(("account.", "usage")), code
    assert [one.name for one in a.accounts()] == ["Kestrel", "Heron"]


def test_i16_a_name_to_sign_in_by_is_data_too(team: Team) -> None:
    assert code_of(team.accounts.sign_in, "\ud800' OR 1=1", "\ud800", "\ud800", NOW, Client("\ud800", "\ud800")) in (
        "account.wrong",
        "usage",
    )


# --- The audit list ---


def test_the_list_says_who_did_what_and_no_secret(team: Team) -> None:
    accounts, admin = team.accounts, team.kestrel.account
    link = accounts.invite("reader", "Wren", admin, NOW)
    token, wren = accounts.redeem(link.secret, NOW + 1, Client("10.0.0.7"))
    accounts.note(wren.account, "released", "north/12", NOW + 2)
    accounts.sign_out(token, NOW + 3)
    lines = accounts.audit(5)
    assert [(one.time - NOW, one.name, one.what, one.about, one.client) for one in lines] == [
        (3, "Wren", "signed_out", "", ""),
        (2, "Wren", "released", "north/12", ""),
        (1, "Wren", "signed_in", "link", "private"),
        (1, "Wren", "joined", "reader", ""),
        (0, "Kestrel", "invited", "Wren", ""),
    ]
    said = repr(accounts.audit(1000)).encode()
    for secret in (token, link.secret, wren.csrf, wren.device, "10.0.0.7", b64(team.passkey.id)):
        assert secret.encode() not in said
    older = accounts.audit(2, before=lines[-1].id)
    assert [one.id for one in older] == [lines[-1].id - 1, lines[-1].id - 2]


def test_the_newest_line_about_each(team: Team) -> None:
    accounts, admin = team.accounts, team.kestrel.account
    for n, (what, about) in enumerate([("draft_made", "a"), ("draft_changed", "a"), ("draft_made", "b"), ("draft_released", "b")]):
        accounts.note(admin, what, about, NOW + n)
    found = accounts.last_of(("draft_made", "draft_changed"), {"a", "b", "c"})
    assert {about: (line.time - NOW, line.name, line.what) for about, line in found.items()} == {
        "a": (1, "Kestrel", "draft_changed"),
        "b": (2, "Kestrel", "draft_made"),
    }


@pytest.mark.parametrize("what", ["", "Two words", "UPPER", "a" * 41, "1a", "a\n"])
def test_a_line_is_of_a_code(team: Team, what: str) -> None:
    with pytest.raises(ValueError, match="no line"):
        team.accounts.note(None, what, "", NOW)
    with pytest.raises(ValueError, match="no line"):
        team.accounts.note(None, "released", "x" * (limits.AUDIT_ABOUT_BYTES + 1), NOW)


@pytest.mark.parametrize("statement", ["UPDATE audit SET about = 'x'", "DELETE FROM audit WHERE id = 3", "DELETE FROM audit WHERE id > 1"])
def test_lines_are_neither_changed_nor_taken_out(team: Team, statement: str) -> None:
    before = team.accounts.audit(1000)
    with pytest.raises(LocalError) as caught, team.accounts._db.writing() as connection:
        connection.execute(text(statement))
    assert caught.value.code == "account.damaged"
    assert team.accounts.audit(1000) == before


def test_the_oldest_lines_are_counted_and_give_way(team: Team) -> None:
    accounts = team.accounts
    before = len(accounts.audit(1000))
    rows = [
        {"time": NOW + at, "who": 1, "what": ("confirmed", "released")[at % 2], "about": "", "client": ""}
        for at in range(limits.AUDIT_LINES)
    ]
    with accounts._db.writing() as connection:
        connection.execute(insert(schema.audit), rows)
    accounts.note(1, "released", "north/1", NOW + 10**6)
    kept = accounts.audit(10**6)
    assert len(kept) <= limits.AUDIT_LINES
    older = accounts.audit_older()
    assert sum(one.count for one in older) + len(kept) == limits.AUDIT_LINES + before + 1
    assert kept[0].about == "north/1"
    released = next(one for one in older if one.what == "released")
    assert (released.first, released.last) == (NOW + 1, kept[-1].time - 1 if kept[-1].what == "confirmed" else kept[-1].time - 2)
    with accounts._db.writing() as connection:
        connection.execute(insert(schema.audit), rows[:1000])
    accounts.note(1, "released", "north/2", NOW + 10**6)
    again = next(one for one in accounts.audit_older() if one.what == "released")
    assert again.count > released.count
    assert again.first == released.first
