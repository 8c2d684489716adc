"""A notification drafted by keyboard alone, in a real browser, well within the minute that the five questions may take; and released by
a passkey."""

from __future__ import annotations

import base64
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from playwright.sync_api import Browser, Page

from accounts.authenticator import Authenticator
from browser.chromium import browser, signed_in, watched
from carriers.sides import Side, make_sides, process
from ceasewire.accounts import FILE, Accounts, Client
from ceasewire.node.drafts import Drafts, make
from console.people import Person, person
from signers import KESTREL

KEYS_MOST = 60  # strokes besides the words themselves: a minute, for whoever strikes one a second


@dataclass
class World:
    """North, served, with a releaser whose passkey is an officer's; one officer releases a notification or a statement."""

    side: Side
    holder: Person
    passkey: Authenticator
    chromium: Browser


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    charter = {"officers": [KESTREL.toml], "releases": {"keys": 1, "statement": 1}}
    north = make_sides(tmp_path_factory.mktemp("keys"), {"north": None, "south": ""}, charter)["north"]
    holder, passkey = person(north, "releaser"), Authenticator()
    key = enrolled(north, holder, passkey)
    with north.folder.node(None, wait=0) as node:
        store, until = Drafts(north.folder.path), int(time.time()) + 3600
        officer = {"name": "Heron", "role": "commander", **key}
        draft = make(node.reading, "keys", {"officers": [officer]}, os.urandom(16))
        store.save(draft)
        store.add(node.reading, draft.id, lambda found: [KESTREL.item(found.asked(node.reading), until)], node.now())
        store.send(node, draft.id)
    with process(north.folder), browser() as chromium:
        yield World(north, holder, passkey, chromium)


def enrolled(side: Side, who: Person, passkey: Authenticator) -> dict[str, str]:
    """Give somebody that passkey, for the address that the browser will ask; its public half as a `keys` message names it."""
    accounts, now, origin = Accounts.open(side.folder.path / FILE, os.urandom), int(time.time()), f"http://localhost:{side.port}"
    try:
        session = accounts.session(who.token, now)
        assert session is not None
        made = passkey.create(accounts.passkey_registration(session.id, None, origin, now), origin)
        who.token, session = accounts.finish_passkey(session.id, None, made, origin=origin, now=now, client=Client("127.0.0.1"))
        who.csrf = session.csrf
        half = accounts.officer(session.account)
        assert half is not None
        return half.json
    finally:
        accounts.close()


class Keys:
    """Somebody who has a keyboard and nothing else."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.strokes = 0

    def press(self, key: str, times: int = 1) -> None:
        for _ in range(times):
            self.page.keyboard.press(key)
            self.strokes += 1

    def to(self, name: str) -> None:
        """Tab on to the input of that name."""
        for _ in range(40):
            if self.page.evaluate("document.activeElement.name || document.activeElement.id") == name:
                return
            self.press("Tab")
        raise AssertionError(f"{name} is not reached")

    def write(self, name: str, text: str) -> None:
        self.to(name)
        self.page.keyboard.type(text)


def test_a_notification_is_drafted_by_keyboard_alone_within_a_minute(world: World) -> None:
    who = person(world.side, "releaser")
    with signed_in(world.chromium, who) as context:
        page, wrong = watched(context, world.side.port)
        page.goto(f"{who.base}/compose")
        page.goto(f"{who.base}/compose/notification")
        keys, began = Keys(page), time.monotonic()
        assert page.evaluate("document.activeElement.name") == "f.place", "the first question is where one begins"
        page.keyboard.type("Stone Bridge")
        keys.write("f.location.grid", "42S WD 18 17")
        keys.write("f.types", "A4")
        keys.write("f.count", "6")
        keys.write("f.count_unit", "rou")
        keys.write("f.sources.0.class", "own")
        keys.write("f.damage", "One roof.")
        keys.to("f.request")
        keys.press("Space")
        keys.press("Enter")
        page.wait_for_selector("#what")
        shown = " ".join(page.inner_text(".signed").split())
        for words in ("A4 Artillery, tank", "Stone Bridge", "34.5, 69.2", "6", "rounds", "own unit", "One roof.", "cease"):
            assert words in shown
        keys.to("put")
        keys.press("Enter")
        page.wait_for_url("**/release/*")
        assert page.url.endswith("?said=Kept+as+a+draft.")
        assert keys.strokes <= KEYS_MOST
        assert time.monotonic() - began < 60
        assert wrong == []


def test_what_is_typed_is_kept_and_hidden_characters_are_told_beside_it(world: World) -> None:
    who = person(world.side, "drafter")
    with signed_in(world.chromium, who) as context:
        page, wrong = watched(context, world.side.port)
        page.goto(f"{who.base}/compose/statement")
        page.fill("#f-text", "We ho\u200bld fire.")
        page.wait_for_selector('[data-notices="f.text"] .care-note')
        assert "U+200B" in page.inner_text('[data-notices="f.text"]')
        page.fill("#f-text", "We hold fire.")
        page.wait_for_selector('[data-notices="f.text"] .care-note', state="detached")
        page.goto(f"{who.base}/compose")
        page.click(".begun a")
        assert page.input_value("#f-text") == "We hold fire."
        assert wrong == []


def test_a_passkey_releases_what_its_page_shows(world: World) -> None:
    with signed_in(world.chromium, world.holder) as context:
        page, wrong = watched(context, world.side.port)
        page.goto(f"{world.holder.base}/compose/statement")
        page.fill("#f-text", "We hold fire.")
        page.click("button[value=preview]:not(.hidden)")
        page.click("#put")
        page.wait_for_url("**/release/*")
        browser_keys(page, world.passkey)
        page.click("text=Release with a passkey")
        page.wait_for_url("**/sent?said=Sent.")
        assert "We hold fire." in page.inner_text("main")
        assert wrong == []


def browser_keys(page: Page, passkey: Authenticator) -> None:
    """Put the passkey into the browser's own authenticator."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True, "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }  # fmt: skip
    made = session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    private = passkey.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    credential = {
        "credentialId": base64.b64encode(passkey.id).decode(), "isResidentCredential": True, "rpId": "localhost",
        "privateKey": base64.b64encode(private).decode(), "userHandle": base64.b64encode(passkey.handle).decode(), "signCount": 1,
    }  # fmt: skip
    session.send("WebAuthn.addCredential", {"authenticatorId": made["authenticatorId"], "credential": credential})
