"""What administrators do to other people's accounts: by somebody alone who has just confirmed who they are, whoever sits at the console."""

from __future__ import annotations

import html
import json
import re
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import update

from accounts.authenticator import Authenticator, totp_code
from ceasewire.accounts import Client
from ceasewire.accounts.schema import password, session
from ceasewire.errors import LocalError
from console.desks import Answer, Browser, Desk, desk_of
from console.filling import Form
from node.pair import ChannelPair

PASSWORD = "a long sentence of a test"
ORIGIN = "http://localhost"
HERE = Client("127.0.0.1")
ASKED = "Nothing has been done yet."
FIRST = "have neither a passkey nor a password"


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    with ChannelPair() as pair:
        pair.set_clock(int(time.time()))
        yield desk_of(pair.north)


@pytest.fixture
def other(desk: Desk) -> Browser:
    """Somebody to whom things are done."""
    return Browser(desk, "reader")


def with_password(desk: Desk) -> tuple[Browser, str]:
    """An administrator with a password, who confirmed it long ago, and the secret of their codes."""
    browser, now = Browser(desk, "administrator"), int(time.time())
    begun = desk.people.register_password(browser.session.id, None, PASSWORD, now)
    browser.token, browser.session = desk.people.confirm_totp(browser.session.id, totp_code(begun.secret, now - 30), now, HERE)
    stale(browser)
    return browser, begun.secret


def stale(browser: Browser) -> None:
    """As if nobody had confirmed anything for a while, and no code been used."""
    with browser.desk.people._db.writing() as connection:
        connection.execute(update(session).where(session.c.id == browser.session.id).values(fresh_until=0))
        connection.execute(update(password).where(password.c.account == browser.session.account).values(step=0))


def acts(other: Browser) -> list[tuple[str, dict[str, str]]]:
    """Every act of the page on somebody else's account."""
    whom = {"account": str(other.session.account)}
    return [
        ("/people/invite", {"role": "administrator", "name": "Some</b>body"}),
        ("/people/link", whom),
        ("/people/role", {**whom, "role": "administrator"}),
        ("/people/sessions/end", whom),
        ("/people/disable", whom),
        ("/people/enable", whom),
    ]


def state(desk: Desk) -> tuple[Any, ...]:
    """All that the acts change."""
    now = int(time.time())
    return desk.people.accounts(), desk.people.links(now), [len(desk.people.sessions(one.id)) for one in desk.people.accounts()]


def again(page: Answer, **more: str) -> dict[str, list[str] | str]:
    """What the page that asks sends with its act."""
    return {**{name: values for name, values in Form(page.text, "confirm").values.items() if name != "csrf"}, **more}


def code(secret: str) -> str:
    return totp_code(secret, int(time.time()))


def test_whoever_finds_an_unlocked_console_changes_nothing(desk: Desk, other: Browser) -> None:
    found, _ = with_password(desk)
    before = state(desk)
    for path, form in acts(other):
        for more in ({}, {"password": "guess, guess and guess", "code": "000000"}, {"password": PASSWORD}, {"code": "1"}, {"answer": "{}"}):
            page = found.post(path, **form, **more)
            assert (page.status, ASKED in page.outline.text) == (422, True), (path, more)
            assert page.outline.is_clean()
        assert found.post(path, **form, answer="nonsense").status == 400
    now_, then = state(desk), before
    assert [one.role for one in now_[0]] == [one.role for one in then[0]]
    assert now_[1:] == then[1:]
    assert not {line.what for line in desk.people.audit(40) if line.who == found.session.account} & {"invited", "link_made", "role_set"}


def test_a_password_and_a_code_confirm_it_for_a_while_and_without_script(desk: Desk, other: Browser) -> None:
    who, secret = with_password(desk)
    page = who.post("/people/role", account=str(other.session.account), role="releaser")
    assert f"{other.session.name} gets the role: Releaser." in page.outline.text.replace("  ", " ")
    form = again(page, password=PASSWORD, code=code(secret))
    assert form["role"] == ["releaser"], "the act is carried along"
    assert who.post("/people/role", **form).headers["location"].endswith("/people?said=Saved.")
    assert desk.people.account(other.session.account).role == "releaser"
    assert who.post("/people/link", account=str(other.session.account)).status == 200, "it counts for five minutes"
    link = re.search(r'<code class="secret" dir="ltr">([^<]+)</code>', who.post("/people/invite", role="reader").text)
    assert link
    assert desk.people.invitation(link[1].rpartition("/")[2], int(time.time())).role == "reader"
    assert who.post("/people/sessions/end", account=str(other.session.account)).status == 303
    assert other.get("/inbox").status == 303, "they are signed out"
    stale(who)
    assert ASKED in who.post("/people/disable", account=str(other.session.account)).outline.text
    assert desk.people.account(other.session.account).disabled is None


def test_a_passkey_confirms_it_and_no_other_one(desk: Desk, other: Browser) -> None:
    who, key, now = Browser(desk, "administrator"), Authenticator(id=b"an administrator's key"), int(time.time())
    made = key.create(desk.people.passkey_registration(who.session.id, None, ORIGIN, now), ORIGIN)
    who.token, who.session = desk.people.finish_passkey(who.session.id, None, made, origin=ORIGIN, now=now, client=HERE)
    stale(who)
    page = who.post("/people/disable", account=str(other.session.account))
    options = json.loads(html.unescape(re.findall(r'data-passkey="get" data-options="([^"]+)"', page.text)[0]))
    assert "Confirm with password and code" not in page.text, "they have none"
    stranger = Authenticator(id=key.id)
    stranger.handle = key.handle
    for answer in (stranger.get(options, ORIGIN), key.get(options, "http://evil.example")):
        refused = who.post("/people/disable", account=str(other.session.account), answer=json.dumps(answer))
        assert (refused.status, ASKED in refused.outline.text) == (422, True)
    good = json.dumps(key.get(options, ORIGIN))
    assert who.post("/people/disable", account=str(other.session.account), answer=good).status == 303
    assert desk.people.account(other.session.account).disabled is not None
    stale(who)
    assert who.post("/people/enable", account=str(other.session.account), answer=good).status == 422, "a challenge is answered once"
    assert desk.people.account(other.session.account).disabled is not None


def test_who_came_by_a_link_and_has_nothing_is_led_to_a_passkey_or_a_password(desk: Desk, other: Browser) -> None:
    who, now = Browser(desk, "administrator"), int(time.time())
    assert FIRST in who.get("/people").outline.text
    for path, form in acts(other):
        page = who.post(path, **form)
        assert (page.status, FIRST in page.outline.text, f"/c/{desk.name}/me" in page.text) == (422, True, True)
        assert not re.search(r'name="(password|answer)"', page.text)
    begun = desk.people.register_password(who.session.id, None, PASSWORD, now)
    who.token, who.session = desk.people.confirm_totp(who.session.id, totp_code(begun.secret, now), now, HERE)
    assert FIRST not in who.get("/people").outline.text
    assert who.post("/people/link", account=str(other.session.account)).status == 200, "setting it was a confirmation"


def test_two_administrators_who_change_each_other_at_once_do_not_wait_for_each_other(desk: Desk) -> None:
    pair = [with_password(desk) for _ in range(2)]
    now, people, start = int(time.time()), desk.people, threading.Barrier(2)
    for who, secret in pair:
        people.confirm(who.session.id, PASSWORD, totp_code(secret, now), now)
    first, second = (who.session for who, _ in pair)
    refused = []

    def change(by: Any, whom: Any) -> None:
        start.wait()
        try:
            with people.administering(by.id, now):
                people.set_role(whom.account, "administrator", by.account, now)
        except LocalError as error:
            refused.append(error.code)

    threads = [threading.Thread(target=change, args=pairing) for pairing in ((first, second), (second, first))]
    began = time.monotonic()
    for one in threads:
        one.start()
    for one in threads:
        one.join(20)
    assert time.monotonic() - began < 10
    assert refused == []
