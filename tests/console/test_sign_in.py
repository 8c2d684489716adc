"""Signing in by passkey, over HTTP as a browser does: registered on one's own page, used at the door."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from typing import Any

import pytest

from accounts.authenticator import Authenticator
from carriers.sides import Side, make_sides, process
from console.people import Page, nobody, person


@dataclass
class Door:
    """A node whose officer has made a passkey."""

    side: Side
    key: Authenticator = field(default_factory=Authenticator)

    @property
    def origin(self) -> str:
        return f"http://localhost:{self.side.port}"

    def options(self) -> dict[str, Any]:
        return options_of(nobody(self.side).get("/sign-in"))

    def come_in(self, answer: object) -> Page:
        return nobody(self.side).post("/sign-in/passkey", {"answer": json.dumps(answer)})


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    side = make_sides(tmp_path_factory.mktemp("door"), {"north": None, "south": ""})["north"]
    with process(side.folder):
        made, who = Door(side), person(side, "releaser", "Heron")
        answer = made.key.create(options_of(who.get("/me")), made.origin)
        assert who.post("/me/passkeys", {"answer": json.dumps(answer), "label": "laptop"}).status == 303
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
