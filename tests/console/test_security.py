"""Attacks on the console by their names: session fixation, one-time links read ahead, other people's sessions and drafts, another node's
references, guessing, framing. Over HTTP, at two real nodes; what takes a browser is in tests/browser/test_security.py."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from http.cookies import SimpleCookie

import pytest

from accounts.authenticator import totp_code
from carriers.sides import Side, make_sides, process
from ceasewire.accounts import FILE, Accounts, Client
from ceasewire.carriers.control import call
from console.filling import Form
from console.people import Person, nobody, person

PASSWORD = "a long sentence of a test"


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Side]]:
    """A side of two channels under one process, one of them with more messages than the other."""
    base = tmp_path_factory.mktemp("security")
    military = make_sides(base / "military", {"north": None, "south": ""}, {"name": "line", "level": "military"})
    political = make_sides(base / "political", {"north": "", "east": ""}, {"name": "talks", "level": "political"})
    both = {"military": military["north"], "political": replace(political["north"], port=military["north"].port)}
    with process(*(side.folder for side in both.values())):
        for number in range(3):
            body = {"types": ["A1"], "occurred_from": "2026-03-01T00:00:00Z", "place": f"canary-{number}"}
            call(both["political"].folder.control_path, {"op": "send", "kind": "notification", "json": body})
        yield both


def accounts(side: Side) -> Accounts:
    return Accounts.open(side.folder.path / FILE, os.urandom)


def cookies(made: list[str]) -> dict[str, str]:
    return {found.key: found.value for text in made for found in SimpleCookie(text).values()}


def test_fixation_a_cookie_that_was_there_before_is_not_the_one_after(sides: dict[str, Side]) -> None:
    side = sides["military"]
    admin, victim = person(side, "administrator"), nobody(side)
    planted = person(side, "reader")  # the attacker's own session, or any text, put into the victim's browser before they sign in
    for token in (planted.token, "A" * len(admin.token)):
        with_planted = replace(victim, token=token, csrf=planted.csrf)
        with_link = accounts(side)
        try:
            now = int(time.time())
            by = next(one.id for one in with_link.accounts() if one.role == "administrator")
            secret = with_link.invite("drafter", f"victim {token[:4]} {os.urandom(2).hex()}", by, now).secret
        finally:
            with_link.close()
        page = with_planted.post(f"/enter/{secret}")
        assert page.status == 303, page.text
        fresh = cookies(page.cookies)[victim.cookie]
        assert fresh not in ("", token)
        assert replace(victim, token=fresh).get("/me").text.count("victim")
        assert replace(victim, token=token).get("/me").status == 303, "what was there before is nobody's"


def test_a_link_that_is_read_ahead_is_not_spent(sides: dict[str, Side]) -> None:
    side = sides["military"]
    admin = person(side, "administrator")
    opened = accounts(side)
    try:
        by = next(one.id for one in opened.accounts() if one.role == "administrator")
        secret = opened.invite("reader", f"read ahead {os.urandom(3).hex()}", by, int(time.time())).secret
    finally:
        opened.close()
    stranger = nobody(side)
    for _ in range(5):  # a messenger's preview, a scanner of mail, the browser's own prefetch
        page = stranger.get(f"/enter/{secret}", Purpose="prefetch", Sec_Purpose="prefetch;prerender")
        assert (page.status, page.cookies) == (200, [])
    assert stranger.ask("HEAD", f"/enter/{secret}", None).cookies == []
    assert stranger.post(f"/enter/{secret}", Origin="http://evil.example").status == 403
    assert stranger.post(f"/enter/{secret}", Sec_Fetch_Site="cross-site").status == 403
    assert stranger.post(f"/enter/{secret}").status == 303, "its owner still comes in"
    assert stranger.post(f"/enter/{secret}").status == 400, "once"
    assert admin.get("/me").status == 200


def test_idor_no_reference_of_another_node_is_answered(sides: dict[str, Side]) -> None:
    here = person(sides["military"], "administrator")
    there = person(sides["political"], "administrator")
    assert "canary-2" in there.get("/message/north/2").text
    for path in (
        "/message/north/2",
        "/case/north/2",
        "/message/north/2/proof",
        "/message/east/0",
        "/message/north/-1",
        "/message/north/2e0",
    ):
        page = here.get(path)
        assert page.status == 404, path
        assert "canary" not in page.text
    for path in (f"{there.base}/message/north/2", f"{there.base}/message/north/2/proof", f"{there.base}/live"):
        assert here.get(path).status == 303, "their cookie is another's"
        assert replace(here, cookie=there.cookie).get(path).status == 303, "under that node's name too"


def test_idor_nobody_ends_another_s_session_or_takes_their_passkey(sides: dict[str, Side]) -> None:
    side = sides["military"]
    victim, thief = person(side, "releaser"), person(side, "releaser")
    opened = accounts(side)
    try:
        found = opened.session(victim.token, int(time.time()))
    finally:
        opened.close()
    assert found is not None
    for path, form in (("/me/sessions/end", {"id": found.id}), ("/me/passkeys/remove", {"id": "1"})):
        assert thief.post(path, form).status < 500
    assert victim.get("/me").status == 200
    assert found.id not in thief.get("/me").text
    for path in ("/people", "/people/role", "/people/disable", "/people/link"):
        assert thief.post(path, {"account": str(found.account), "role": "administrator"}).status in (403, 405), path


def test_idor_what_one_person_began_to_write_is_nobody_else_s(sides: dict[str, Side]) -> None:
    side = sides["military"]
    writer, other = person(side, "drafter"), person(side, "drafter")
    path = "/compose/statement"
    values = {name: list(found) for name, found in Form(writer.get(path).text, "compose").values.items()}
    fields = {**values, "f.text": "half a sentence of mine"}
    saved = writer.post("/compose/autosave", {name: value for name, value in fields.items() if name != "csrf"})
    assert saved.status == 200, saved.text
    key = values["saved"][0]
    assert "half a sentence of mine" in writer.get(f"{path}?saved={key.replace(' ', '+')}").text
    assert "half a sentence of mine" not in other.get(f"{path}?saved={key.replace(' ', '+')}").text
    other.post("/compose/forget", {"saved": key})
    assert "half a sentence of mine" in writer.get("/compose").text


def enrolled(side: Side) -> tuple[str, str]:
    """Somebody with a password and codes: their name, the secret of their codes."""
    name, now = f"commander {os.urandom(3).hex()}", int(time.time())
    opened = accounts(side)
    try:
        by = next(one.id for one in opened.accounts() if one.role == "administrator")
        secret = opened.invite("releaser", name, by, now).secret
        totp = opened.register_password(secret, None, PASSWORD, now).secret
        opened.confirm_totp(secret, totp_code(totp, now - 30), now, Client("192.0.2.7"))
    finally:
        opened.close()
    return name, totp


def test_guessing_is_slowed_and_locks_nobody_out_who_was_here_before(sides: dict[str, Side]) -> None:
    side = sides["military"]
    person(side, "administrator")
    name, totp = enrolled(side)
    good = {"name": name, "password": PASSWORD}
    known = nobody(side).post("/sign-in", {**good, "code": totp_code(totp, int(time.time()))})
    assert known.status == 303, known.text
    device = "; ".join(f"{key}={value}" for key, value in cookies(known.cookies).items() if "device" in key)
    assert device
    answers = [nobody(side).post("/sign-in", {"name": name, "password": "a wrong long sentence", "code": "000000"}) for _ in range(7)]
    assert {page.status for page in answers} == {422}
    assert "Too many" in answers[-1].text or "wait" in answers[-1].text.lower()
    slowed = nobody(side).post("/sign-in", {**good, "code": totp_code(totp, int(time.time()) + 30)})
    assert slowed.status == 422, "whoever guesses waits, even with the right word"
    own = nobody(side).post("/sign-in", {**good, "code": totp_code(totp, int(time.time()) + 30)}, Cookie=device)
    assert own.status == 303, "a browser that was here before has a lane of its own"


def test_clickjacking_no_page_may_be_framed(sides: dict[str, Side]) -> None:
    someone, stranger = person(sides["military"], "administrator"), nobody(sides["military"])
    for who, path in (
        (someone, "/inbox"),
        (someone, "/me"),
        (stranger, "/sign-in"),
        (stranger, "/enter/" + "0" * 43),
        (stranger, "/nothing"),
    ):
        page = who.get(path)
        assert "frame-ancestors 'none'" in page.headers["content-security-policy"], path
        assert page.headers["cross-origin-opener-policy"] == "same-origin"
    assert isinstance(stranger, Person)
