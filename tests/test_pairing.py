"""A channel is founded by two people's browsers alone: two folders, two `serve` processes, forms over HTTP, no command but `serve`."""

from __future__ import annotations

import html
import http.client
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest

from carriers.sides import SOURCE, free_port
from ceasewire.errors import PeerError
from ceasewire.folder import Folder
from ceasewire.founding.progress import Progress, Refused, unfounded
from ceasewire.founding.terms import blank, meant
from ceasewire.record.card import Card, LogKeys, RecoveryKey, armor, unarmor
from ceasewire.record.charter import SignedCharter, open_charter

TERMS = {
    "title": "Ceasefire of 1 March",
    "name": "line-of-contact",
    "level": "military",
    "exercise": "yes",
    "provisions": "2.1 No fire at the bridge",
}
WHO = "/founding/who"
PASSPHRASE = "the river is low in autumn"


@dataclass
class Answer:
    status: int
    data: bytes
    headers: dict[str, str]
    cookies: list[str]

    @property
    def text(self) -> str:
        return self.data.decode("utf-8", "replace")

    def area(self, name: str) -> str:
        """What stands in a text field."""
        found = re.search(rf'id="{name}"[^>]*>([^<]*)</textarea>', self.text)
        assert found, self.text[:2000]
        return html.unescape(found[1])

    def words(self) -> list[str]:
        """Every fingerprint in words."""
        return ["-".join(re.findall(r"<code>(\w+)</code>", part)) for part in re.findall(r'<ol class="words".*?</ol>', self.text, re.S)]


@dataclass
class Surfer:
    """One person's browser: cookies, forms, redirects."""

    port: int
    cookies: dict[str, str] = field(default_factory=dict)
    at: str = ""
    page: Answer = field(default_factory=lambda: Answer(0, b"", {}, []))

    def ask(self, method: str, path: str, form: Mapping[str, object] | None = None, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        sent = {"Host": f"localhost:{self.port}", "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        if method == "POST":
            sent |= {"Origin": f"http://localhost:{self.port}", "Content-Type": "application/x-www-form-urlencoded"}
        body = None if form is None else urlencode(form, doseq=True)
        try:
            connection.request(method, path, body, {**sent, **headers})
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            cookies = answer.headers.get_all("Set-Cookie") or []
            for one in cookies:
                name, _, value = one.split(";")[0].partition("=")
                self.cookies[name] = value.strip('"')
            return Answer(answer.status, answer.read(), found, cookies)
        finally:
            connection.close()

    def go(self, path: str) -> Answer:
        """Open a page, and where it leads."""
        self.page, self.at = self.ask("GET", path), path
        for _ in range(5):
            if self.page.status != 303:
                break
            self.at = urlsplit(self.page.headers["location"]).path
            self.page = self.ask("GET", self.page.headers["location"])
        return self.page

    def press(self, path: str, **form: object) -> Answer:
        """Send the form of the page that is open."""
        token = re.search(r'name="csrf" value="([^"]+)"', self.page.text)
        answer = self.ask("POST", path, {"csrf": token[1] if token else "", **form})
        if answer.status == 303:
            return self.go(answer.headers["location"])
        self.page, self.at = answer, path
        return answer


@dataclass
class Begun:
    """A process of `serve`, and the link that it printed."""

    process: subprocess.Popen[str]
    link: str


def begin(folder: Path, port: int, *more: str) -> Begun:
    process = subprocess.Popen(
        [sys.executable, "-m", "ceasewire", "serve", str(folder), "--listen", f"127.0.0.1:{port}", *more],
        env={**os.environ, "PYTHONPATH": str(SOURCE)}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    for line in process.stderr:
        if found := re.search(r"http://localhost:\d+(/found/\S+)", line):
            return Begun(process, found[1])
        if line.startswith("Ceasewire: ") and " on http" in line:
            return Begun(process, "")
    raise AssertionError(process.wait())


@dataclass
class Person:
    """One side: its folder, its `serve`, its browser."""

    folder: Path
    port: int
    begun: Begun
    browser: Surfer

    def come_in(self) -> None:
        assert self.browser.ask("GET", self.begun.link).status == 200, "looking at the link spends nothing"
        assert self.browser.press(self.begun.link).status == 200

    def kill(self) -> None:
        """kill -9, and a new start."""
        self.begun.process.kill()
        self.begun.process.communicate()
        self.begun = begin(self.folder, self.port)
        self.browser = Surfer(self.port)
        self.come_in()

    def make(self, slug: str) -> str:
        """Steps one and two; the text of our card."""
        url = re.search(r'name="url"[^>]*value="([^"]*)"', self.browser.page.text)
        assert url is not None
        assert url[1] == f"http://127.0.0.1:{self.port}", "where we listen is proposed"
        page = self.browser.press(WHO, party=slug, name=f"{slug.title()} Command", role="party", url=url[1], keys="file")
        assert self.browser.at == "/founding/recovery", page.text
        self.take_recovery()
        assert self.browser.at == "/founding/cards"
        return self.browser.page.area("own-card")

    def take_recovery(self) -> None:
        paper = self.browser.ask("GET", "/founding/recovery.txt")
        assert paper.headers["content-disposition"].startswith("attachment")
        letters = [re.findall(rf"(?m)^{line} (....)", paper.text)[0] for line in ("mldsa44", "check")]
        self.browser.press("/founding/recovery", first=letters[0], last=letters[1], kept="yes")

    def compare(self, card: str, slug: str) -> None:
        assert self.browser.press("/founding/add", card=f"Dear friends,\n\n{card}\nYours").status == 200
        self.browser.press("/founding/agree", agree=slug)

    def sign(self, **more: str) -> Answer:
        channel = re.search(r'name="channel" value="([0-9a-f]+)"', self.browser.page.text)
        assert channel, self.browser.page.text
        return self.browser.press("/founding/sign", channel=channel[1], read="yes", **more)


@contextmanager
def people(base: Path, *slugs: str) -> Iterator[list[Person]]:
    found = []
    try:
        for slug in slugs:
            port = free_port()
            found.append(Person(base / slug, port, begin(base / slug, port), Surfer(port)))
            found[-1].come_in()
        yield found
    finally:
        for one in found:
            if one.begun.process.poll() is None:
                one.begun.process.send_signal(signal.SIGTERM)
            _, said = one.begun.process.communicate(timeout=20)
            assert "Traceback" not in said, said


def drafted(browser: Surfer, **changes: str) -> Answer:
    """The charter's form as it stands, with our terms."""
    browser.go("/founding/charter")
    clocks = dict(re.findall(r'name="(clock-\w+)"[^>]*value="(\d+)"', browser.page.text))
    units = dict(re.findall(r'<select name="(unit-\w+)".*?<option value="(\w+)" selected>', browser.page.text, re.S))
    assert len(clocks) == len(units) == 9
    return browser.press("/founding/draft", **{**TERMS, **clocks, **units, **changes})


def statement(browser: Surfer, name: str) -> None:
    """Write a statement in the console and send it."""
    base = f"/c/{name}"
    page = browser.go(f"{base}/compose/statement")
    fields = dict(re.findall(r'<input type="hidden" name="([\w.]+)" value="([^"]*)"', page.text.split('class="compose"')[-1]))
    shown = browser.press(f"{base}/compose/statement", **{**fields, "f.text": "The line is open.", "f.language": "en", "act": "preview"})
    seen = re.search(r'name="seen" value="([^"]+)"', shown.text)
    assert seen, shown.text
    sent = browser.press(f"{base}/compose/send", seen=html.unescape(seen[1]))
    assert sent.status == 200


def test_two_browsers_found_a_channel_and_its_first_message_is_receipted(tmp_path: Path) -> None:
    with people(tmp_path, "north", "south") as (north, south):
        north_card = north.make("north")
        # Founded under a passphrase, and killed at each step.
        assert "passphrase2" in south.browser.page.text
        south.kill()
        south.browser.press("/founding/who", party="south", name="Southern Command", role="party", url=f"http://127.0.0.1:{south.port}",
                            keys="passphrase", passphrase=PASSPHRASE, passphrase2=PASSPHRASE)  # fmt: skip
        south.kill()
        assert south.browser.at == "/founding/recovery"
        south.take_recovery()
        assert not (south.folder / "recovery-south.txt").exists()
        assert south.browser.ask("GET", "/founding/recovery.txt").status == 400, "it is shown no more"
        south_card = south.browser.page.area("own-card")
        south.kill()
        assert south.browser.at == "/founding/cards"
        assert south.browser.page.area("own-card") == south_card == armor(Folder(south.folder).card()[2])

        north.compare(south_card, "south")
        assert north.browser.at == "/founding/charter"
        north.kill()
        assert drafted(north.browser).status == 200
        assert north.browser.at == "/founding/sign"
        words = north.browser.page.words()[0]
        north.sign()
        assert "We have signed." in north.browser.page.text
        north.kill()
        text = north.browser.page.area("own-charter")

        # South is given the charter alone, which holds north's card.
        south.browser.go("/founding/charter")
        south.browser.press("/founding/paste", charter=text)
        assert south.browser.at == "/founding/cards", "their card is to be compared before"
        assert unarmor(north_card.encode()) in open_charter(unarmor(text.encode(), "CHARTER"), complete=False).charter.cards
        south.browser.press("/founding/agree", agree="north")
        assert south.browser.at == "/founding/sign"
        assert south.browser.page.words()[0] == words
        south.kill()
        assert south.sign(passphrase="the river is high").status == 422
        assert south.sign(passphrase=PASSPHRASE).status == 200
        assert south.browser.at == "/founding/join"
        south.kill()
        whole = south.browser.page.area("own-charter")
        assert south.browser.ask("GET", "/founding/line.charter").data == unarmor(whole.encode(), "CHARTER")
        north.browser.press("/founding/more", charter=whole)
        assert north.browser.at == "/founding/join"

        assert south.browser.press("/founding/join", passphrase="wrong").status == 422
        for one, more in ((south, {"passphrase": PASSPHRASE}), (north, {})):
            one.browser.press("/founding/join", **more)
            assert re.fullmatch(r"/c/\w+@[0-9a-f]{8}/enter/\S+", one.browser.at), one.browser.page
            assert not [name for name in os.listdir(one.folder) if name.startswith("founding")]
            one.browser.press(one.browser.at, name="First")
            assert one.browser.at.endswith("/inbox")
        joined = [(one.folder / "charter.cwc").read_bytes() for one in (north, south)]
        assert joined == [unarmor(whole.encode(), "CHARTER")] * 2
        statement(north.browser, north.browser.at.split("/")[2])
        wait_for_receipt(north.browser)


def wait_for_receipt(browser: Surfer) -> None:
    base = browser.at.split("/")[2]
    for _ in range(150):
        if "1 of 1 receipted by their machine" in browser.go(f"/c/{base}/channel").text:
            return
        time.sleep(0.1)
    raise AssertionError(browser.page.text)


def test_what_is_not_theirs_or_not_whole_is_refused_with_a_sentence(tmp_path: Path) -> None:
    with people(tmp_path, "north", "south") as (north, south):
        who = {"party": "north", "name": "N", "role": "party", "url": "", "keys": "file"}
        assert "at most 32" in north.browser.press(WHO, **{**who, "party": "North!"}).text
        assert "cannot be called" in north.browser.press(WHO, **{**who, "url": "http://10.0.0.1"}).text
        page = north.browser.press(WHO, **{**who, "keys": "passphrase"}, passphrase="a b", passphrase2="a c")
        assert "not the same" in page.text
        assert "a b" not in page.text
        assert list(north.folder.iterdir()) == []
        (tmp_path / ".north.founding").mkdir()  # of one who was killed while the keys were made
        (tmp_path / ".north.founding" / "pen").write_bytes(b"half")
        north.browser.go("/founding")
        north_card, south_card = north.make("north"), south.make("south")
        for text, says in (
            ("hello", "not a whole card"),
            (south_card.replace("\n", "\nAAAA", 3), "not a whole card"),
            (armor(tampered(unarmor(south_card.encode()))), "not a whole card"),
        ):
            assert says in north.browser.press("/founding/add", card=text).text
        north.browser.press("/founding/add", card=north_card)
        assert "Add the card" in north.browser.page.text, "our own card is no other's"
        assert "Remove this card" not in north.browser.page.text
        north.browser.press("/founding/add", card=south_card)
        assert "tick each" in north.browser.press("/founding/agree").text
        assert north.browser.press("/founding/sign", channel="", read="yes").status == 200
        assert north.browser.at == "/founding/cards", "nothing is signed before the words agree"
        other = Folder.create(tmp_path / "false", lambda keys, recovery: card_of("south", keys, recovery), None).card()[2]
        assert "another card" in north.browser.press("/founding/add", card=armor(other)).text
        south.compare(north_card, "north")
        north.browser.press("/founding/agree", agree="south")
        assert "cannot be made of this" in drafted(north.browser, name="with a space").text
        assert 'value="with a space"' in north.browser.page.text, "what was typed is still there"
        assert "whole number" in drafted(north.browser, **{"clock-flash": "soon"}).text
        drafted(north.browser)
        text = north.browser.page.area("own-charter")
        drafted(south.browser, title="Another")
        south.sign()
        assert "another charter" in take(south, "more", text).text
        raw = unarmor(text.encode(), "CHARTER")
        south.browser.go("/founding")
        south.browser.press("/founding/drop")
        assert "not a whole charter" in take(south, "paste", armor(tampered(raw), "CHARTER")).text
        assert "not a whole charter" in take(south, "paste", north_card).text
        assert take(south, "paste", text).status == 200
        assert south.browser.at == "/founding/sign"
        stale = south.browser.press("/founding/sign", channel="00" * 32, read="yes")
        assert "has changed" in stale.text
        south.browser.go("/founding")
        channel = re.findall(r'"channel" value="(\w+)"', south.browser.page.text)[0]
        assert "compared the words" in south.browser.press("/founding/sign", channel=channel).text


def take(who: Person, act: str, text: str) -> Answer:
    return who.browser.press(f"/founding/{act}", charter=text)


def tampered(data: bytes) -> bytes:
    """One bit of it is another."""
    place = len(data) // 2
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def card_of(slug: str, keys: LogKeys, recovery: tuple[RecoveryKey, ...]) -> Card:
    return Card(slug, "Somebody", "party", "", keys, recovery)


def test_only_the_browser_of_the_link_comes_in(tmp_path: Path) -> None:
    with people(tmp_path, "north") as (north,):
        stranger = Surfer(north.port)
        for path in (north.begun.link, "/found/" + "A" * 32, "/founding", "/founding/who", "/", "/founding/own.card"):
            assert stranger.ask("GET", path).status == 403, path
        assert stranger.ask("POST", north.begun.link, {}).status == 403, "the link is spent"
        assert stranger.ask("POST", "/founding/who", {"party": "x"}).status == 403
        cookie = next(iter(north.browser.cookies))
        assert cookie.startswith("__Host-ceasewire-founding-")
        form = {"party": "north", "name": "N", "role": "party", "url": "", "keys": "file"}
        assert "console.csrf" in north.browser.ask("POST", "/founding/who", form).text
        evil = north.browser.ask("POST", "/founding/who", form, Origin="http://evil.example")
        assert (evil.status, "console.origin" in evil.text) == (403, True)
        answer = north.browser.ask("GET", "/founding/who")
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
        assert not re.search(r"<[^>]+ (style|on\w+)=|<script(?![^>]*src)", answer.text)
        second = subprocess.run(
            [sys.executable, "-m", "ceasewire", "serve", str(north.folder), "--listen", "127.0.0.1:0"],
            env={**os.environ, "PYTHONPATH": str(SOURCE)}, capture_output=True, text=True, timeout=20, check=False,
        )  # fmt: skip
        assert second.returncode == 2
        assert "[node.locked]" in second.stderr


def test_three_sign_in_any_order_and_each_must_be_compared(tmp_path: Path) -> None:
    """The same steps without pages: two others sign copies of their own, and both signatures come together."""
    sides = {}
    for slug, role in (("north", "party"), ("south", "party"), ("tower", "guarantor")):
        sides[slug] = Progress(tmp_path / slug)
        sides[slug].create(party=slug, name=slug.title(), role=role, url="", passphrase=None)
        sides[slug].recovery_path.unlink()
    north = sides["north"]
    for slug in ("south", "tower"):
        north.add_cards(sides[slug].card()[1])
    north.agree(["south"])
    assert north.stage() == "cards"
    north.agree(["south", "tower"])
    north.draft(meant({**blank(), "name": "line", "title": "Line"}), {})
    text = armor(charter_of(north).encode(), "CHARTER")
    for slug in ("south", "tower"):
        sides[slug].take_charter(text)
        with pytest.raises(Refused, check=lambda refused: refused.why == "early"):
            sides[slug].sign(None)
        sides[slug].agree([one["slug"] for one in sides[slug].others()])
        sides[slug].sign(None)
    assert [party.role for party in charter_of(north).charter.parties] == ["party", "party", "guarantor"]
    for slug in ("tower", "south"):
        north.take_charter(armor(charter_of(sides[slug]).encode(), "CHARTER"))
    north.sign(None)
    assert north.stage() == "join"
    with pytest.raises(PeerError, check=lambda error: error.code == "charter.unsigned"):
        sides["south"].join(None)
    south = sides["south"]
    south.take_charter(armor(charter_of(north).encode(), "CHARTER"))
    south.join(None)
    assert south.folder.charter().unsigned == []
    assert not unfounded(tmp_path / "south")
    assert unfounded(tmp_path / "north")
    for one in sides.values():
        one.close()


def charter_of(progress: Progress) -> SignedCharter:
    found = progress.charter()
    assert found is not None
    return found


def test_the_recovery_key_is_shown_to_no_other_machine(tmp_path: Path) -> None:
    refused = subprocess.run(
        [sys.executable, "-m", "ceasewire", "serve", str(tmp_path / "north"), "--listen", f"0.0.0.0:{free_port()}"],
        env={**os.environ, "PYTHONPATH": str(SOURCE)}, capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip
    assert refused.returncode == 2
    assert "[usage]" in refused.stderr
    assert "--tls-cert" in refused.stderr
    assert not (tmp_path / "north").exists()
