"""Signing in by passkey, over HTTP as a browser does: registered on one's own page, used at the door."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from html import unescape
from http.cookies import SimpleCookie
from typing import Any

import pytest

from accounts.authenticator import UP, UV, Authenticator, b64
from carriers.sides import Side, make_sides, process
from ceasewire.accounts import FILE, Accounts
from console.people import Page, Person, nobody, person

GUESSES = 60
PATIENCE_SECONDS = 2.0  # of an officer whose page comes while strangers try; on a quiet machine it is there in a twentieth of that


@dataclass
class Door:
    """A node whose officer has made a passkey, and another node of the same process, at the same address."""

    side: Side
    other: Side
    key: Authenticator = field(default_factory=Authenticator)

    @property
    def origin(self) -> str:
        return f"http://localhost:{self.side.port}"

    def options(self) -> dict[str, Any]:
        return options_of(nobody(self.side).get("/sign-in"))

    def come_in(self, answer: object, **headers: str) -> Page:
        return nobody(self.side).post("/sign-in/passkey", {"answer": json.dumps(answer)}, **headers)

    def answer(self, **wrong: Any) -> dict[str, Any]:
        """What the officer's authenticator answers to the door, or one that is wrong in some way."""
        return replace(self.key, **wrong).get(self.options(), self.origin)

    def enrol(self, who: Person, id: bytes) -> Authenticator:
        """A passkey for somebody who is signed in."""
        made = Authenticator(id=id)
        answer = made.create(options_of(who.get("/me")), self.origin)
        assert who.post("/me/passkeys", {"answer": json.dumps(answer), "label": "laptop"}).status == 303
        return made


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    base = tmp_path_factory.mktemp("door")
    side = make_sides(base / "one", {"north": None, "south": ""})["north"]
    other = replace(make_sides(base / "two", {"north": "", "east": ""})["north"], port=side.port)
    with process(side.folder, other.folder):
        made = Door(side, other)
        made.key = made.enrol(person(side, "releaser", "Heron"), b"credential of a test")
        person(other, "reader")
        yield made


def options_of(page: Page) -> dict[str, Any]:
    """What the page asks the browser's authenticator."""
    found: dict[str, Any] = json.loads(unescape(re.findall(r'data-options="([^"]+)"', page.text)[0]))
    return found


def test_a_passkey_opens_the_door_and_says_itself_whose_it_is(door: Door) -> None:
    page = door.come_in(door.key.get(door.options(), door.origin))
    assert (page.status, page.location.endswith("/inbox")) == (303, True)
    assert any("__Host-ceasewire-" in text and "HttpOnly" in text for text in page.cookies)


def test_an_answer_opens_it_once_and_from_our_own_address_alone(door: Door) -> None:
    answer = door.key.get(door.options(), door.origin)
    assert door.come_in(answer).status == 303
    assert door.come_in(answer).status == 422, "it is one answer to one challenge"
    assert door.come_in(door.key.get(door.options(), "http://localhost:1")).status == 422
    assert door.come_in({"id": "x"}).status == 422
    for text in ("[]", "", "{", "1"):
        assert nobody(door.side).post("/sign-in/passkey", {"answer": text}).status == 400


def test_an_address_by_number_offers_no_passkey(door: Door) -> None:
    text = nobody(door.side).get("/sign-in", Host=f"127.0.0.1:{door.side.port}").text
    assert "data-passkey" not in text
    assert 'name="password"' in text


def test_replay_no_answer_counts_for_another_act_session_or_node(door: Door) -> None:
    """Real keys, real challenges, each carried to where it was not made for."""
    heron, wren = person(door.side, "releaser"), person(door.side, "drafter")
    theirs = door.enrol(wren, b"the credential of wren")
    create = options_of(heron.get("/me"))
    asks = {"challenge": create["challenge"], "rpId": "localhost"}
    assert door.come_in(door.key.get(asks, door.origin)).status == 422, "a challenge to register with signs nobody in"
    assert door.come_in(door.key.get(options_of(nobody(door.other).get("/sign-in")), door.origin)).status == 422, "another node's"
    for made_up in (bytes(56), os.urandom(56), os.urandom(32), b""):
        assert door.come_in(door.key.get({"challenge": b64(made_up), "rpId": "localhost"}, door.origin)).status == 422
    assert nobody(door.other).post("/sign-in/passkey", {"answer": json.dumps(door.answer())}).status == 422, "and to another node"

    mine = Authenticator(id=b"one that the thief holds")
    stolen = {"answer": json.dumps(mine.create(create, door.origin)), "label": "thief"}
    thief = person(door.side, "reader")
    assert thief.post("/me/passkeys", stolen).status == 422, "another session's challenge"
    asked = {**create, "challenge": door.options()["challenge"]}
    assert heron.post("/me/passkeys", {"answer": json.dumps(mine.create(asked, door.origin)), "label": ""}).status == 422, "the door's"
    assert "thief" not in heron.get("/me").text + thief.get("/me").text

    assert door.come_in(theirs.get(door.options(), door.origin)).status == 303
    both = theirs.get(door.options(), door.origin)
    both["response"]["userHandle"] = b64(door.key.handle)
    assert door.come_in(both).status == 422, "one person's key does not speak for another"


def test_a_wrong_answer_tells_nobody_what_was_wrong(door: Door) -> None:
    """Not verified, not there, another's key, another address, nobody's: the same page, and no cookie."""
    gone = person(door.side, "drafter", "Gone")
    key = door.enrol(gone, b"credential of somebody gone")
    accounts = Accounts.open(door.side.folder.path / FILE, os.urandom)
    try:
        people = {one.name: one.id for one in accounts.accounts()}
        accounts.disable(people["Gone"], people["First"], int(time.time()))
    finally:
        accounts.close()
    wrong = {
        "not verified": door.answer(flags=UP),
        "not present": door.answer(flags=UV),
        "another key": door.answer(key=Authenticator().key),
        "never registered": door.answer(id=b"a credential of nobody"),
        "another host": door.answer(rp_id="evil.example"),
        "another page of this host": door.key.get(door.options(), "http://localhost:1"),
        "within a frame": door.answer(client={"crossOrigin": True}),
        "a registration": door.answer(client={"type": "webauthn.create"}),
        "disabled": key.get(door.options(), door.origin),
    }
    said = set()
    for name, answer in wrong.items():
        page = door.come_in(answer)
        assert (page.status, page.cookies) == (422, []), name
        said.add(re.sub(r'data-options="[^"]+"', "", page.text))
    assert len(said) == 1
    assert gone.get("/me").status == 303, "whoever is disabled is out at once"
    assert door.come_in(door.answer()).status == 303


def test_csrf_no_other_site_signs_a_browser_in(door: Door) -> None:
    """An attacker's own good answer, sent by the victim's browser, would have the victim write under the attacker's name."""
    answer = door.answer()
    for headers in ({"Origin": "http://evil.example"}, {"Origin": "null"}, {"Origin": ""}, {"Sec_Fetch_Site": "cross-site"}):
        page = door.come_in(answer, **headers)
        assert (page.status, page.cookies) == (403, []), headers
    rebound = f"evil.example:{door.side.port}"
    assert door.come_in(answer, Host=rebound, Origin=f"http://{rebound}").status == 422, "a name that leads here is another address"
    assert door.come_in(answer).status == 303


def test_fixation_a_session_that_was_planted_ends_when_its_bearer_signs_in(door: Door) -> None:
    planted = person(door.side, "reader")
    page = planted.post("/sign-in/passkey", {"answer": json.dumps(door.answer())})
    assert page.status == 303, page.text
    fresh = {found.key: found.value for text in page.cookies for found in SimpleCookie(text).values()}[planted.cookie]
    assert fresh not in ("", planted.token)
    assert planted.get("/me").status == 303
    assert replace(planted, token=fresh).get("/me").status == 200


def test_guessing_keeps_nobody_waiting_and_locks_nobody_out(door: Door) -> None:
    """Strangers who answer good challenges, many at once: an officer's pages come, the right answer opens, the list says it once."""
    officer = person(door.side, "administrator")
    guesses = [door.answer(key=Authenticator().key) for _ in range(GUESSES)]
    slowest = 0.0
    with ThreadPoolExecutor(8) as strangers:
        tried = [strangers.submit(door.come_in, one) for one in guesses]
        while not all(one.done() for one in tried):
            began = time.monotonic()
            assert officer.get("/me").status == 200
            slowest = max(slowest, time.monotonic() - began)
    assert {one.result().status for one in tried} == {422}
    assert slowest < PATIENCE_SECONDS
    assert door.come_in(door.answer()).status == 303
    print(f"passkey: {GUESSES} wrong answers, none in; the slowest page of an officer meanwhile {slowest * 1000:.0f} ms")
    accounts = Accounts.open(door.side.folder.path / FILE, os.urandom)
    try:
        lines = [line for line in accounts.audit(1000) if line.what == "sign_in_refused" and line.name == "Heron"]
    finally:
        accounts.close()
    assert len(lines) == 1, lines
