"""Two nodes whose officers are people at their consoles: accounts with a password and codes that the charter names, a window each, and in
it a virtual authenticator. A node can be served anew by a machine whose clock is later."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, Page

from api.asking import node_name
from browser.chromium import signed_in
from carriers.sides import SOURCE, Side, free_port
from ceasewire.accounts import FILE, Accounts, Client
from ceasewire.accounts.totp import STEP_SECONDS, code
from ceasewire.demo.desks import PASSWORD, make_people
from ceasewire.demo.founding import found_channel, make_node
from ceasewire.demo.playing import Players
from ceasewire.node.view import View
from ceasewire.record.kinds import KINDS
from console.people import nobody

AUTHENTICATOR: Final = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
_SERVE: Final = """
import sys, time
later, real = int(sys.argv[2]), time.time
if later:
    time.time = lambda: real() + later
from pathlib import Path
from ceasewire.folder import Folder
from ceasewire.serve import run
run([(Folder(Path(sys.argv[1])), None)], alarm_command=sys.argv[3] or None)
"""


@dataclass
class Officer:
    """Somebody of a side: their window, signed in."""

    name: str
    page: Page
    base: str
    totp: bytes
    account: int
    step: int = 0

    def goto(self, path: str) -> Page:
        """One of the console's pages."""
        self.page.goto(f"{self.base}{path}", wait_until="domcontentloaded")
        return self.page

    def code(self, now: float) -> str:
        """A code that was not used yet; waits for the next if need be."""
        step = max(self.step + 1, int(now) // STEP_SECONDS)
        if step > int(now) // STEP_SECONDS + 1:
            time.sleep(STEP_SECONDS)
        self.step = step
        return code(self.totp, step)


@dataclass
class Post:
    """One side: its node as it is served, its people."""

    side: Side
    alarm: Path
    officers: dict[str, Officer] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    def serve(self, later: int = 0) -> None:
        """Serve it, on a machine whose clock is so many seconds later than this one's."""
        self.end()
        said = self.side.folder.path / "serve.log"
        command = [sys.executable, "-W", "error", "-c", _SERVE, str(self.side.folder.path), str(later), f"/bin/sh {self.alarm}"]
        with said.open("wb") as log:
            self.process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(SOURCE)}, stdout=log, stderr=log)
        deadline = time.monotonic() + 30
        while "Ceasewire: " not in said.read_text(errors="replace"):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(said.read_text(errors="replace"))
            time.sleep(0.02)

    def end(self) -> None:
        """End its process, if it has one."""
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)
            self.process = None

    def rung(self) -> str:
        """What the alarm command wrote."""
        kept = self.alarm.with_suffix(".out")
        return kept.read_text() if kept.exists() else ""


@dataclass
class Posts:
    """Both sides."""

    posts: dict[str, Post]
    players: Players

    def view(self, slug: str) -> View:
        """A side's record, as its files say."""
        return self.players.views[slug]

    def said(self, slug: str) -> list[str]:
        """What a side has sent, but for what its machine says by itself."""
        return said(self.view(slug))


def said(view: View) -> list[str]:
    """The references of our own messages, but for line checks, which the machine sends by itself."""
    rows = view.store.rows(view.own, 0, view.store.states()[view.own].size)
    return [view.name(one.log, one.index) for one in rows if one.kind != KINDS["line_check"]]


@contextmanager
def posted(base: Path, chromium: Browser) -> Iterator[Posts]:
    """North and South with two officers each, who release by password and code, and by a passkey of their own."""
    ports = {slug: free_port() for slug in ("north", "south")}
    nodes = {slug: make_node(base, slug, port) for slug, port in ports.items()}
    hands, people = make_people(nodes)
    found_channel(base, nodes, hands)
    made = {}
    for slug, port in ports.items():
        script = base / f"{slug}-alarm.sh"
        script.write_text(f'printf "%s %s\\n" "$CEASEWIRE_ALARM" "$CEASEWIRE_REF" >> {script.with_suffix(".out")}\n')
        made[slug] = Post(Side(nodes[slug], slug, f"http://127.0.0.1:{port}", port), script)
    with ExitStack() as stack:
        for post in made.values():
            stack.callback(post.end)
            post.serve()
        for one in people:
            made[one.slug].officers[one.name] = _seat(stack, chromium, made[one.slug].side, one.name, one.totp)
        players = Players(nodes, hands, stack)
        for slug, post in made.items():
            players.send(slug, "channel_status", {"status": "contact", "duty_telephone": f"+000 {slug}"})
            named = [_passkey(post.side, one) for one in post.officers.values()]
            players.send(slug, "keys", {"officers": named})
        yield Posts(made, players)


def _seat(stack: ExitStack, chromium: Browser, side: Side, name: str, totp: bytes) -> Officer:
    who, now = nobody(side), int(time.time())
    accounts = Accounts.open(side.folder.path / FILE, os.urandom)
    try:
        account = next(one.id for one in accounts.accounts() if one.name == name)
        who.token, _ = accounts.redeem(accounts.sign_in_link(account, None, now), now, Client("127.0.0.1"))
    finally:
        accounts.close()
    page = stack.enter_context(signed_in(chromium, who)).new_page()
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    assert node_name(side) in who.base
    return Officer(name, page, f"http://localhost:{side.port}{who.base}", totp, account, now // STEP_SECONDS)


def _passkey(side: Side, officer: Officer) -> dict[str, Any]:
    """Add a passkey on the officer's own page; its public half, as a `keys` message names it."""
    page = officer.goto("/me")
    assert page.locator("#label").count(), page.inner_text("body")
    page.fill("#label", "This desk")
    page.click("form[data-passkey=create] button")
    page.wait_for_url("**said=Saved.")
    accounts = Accounts.open(side.folder.path / FILE, os.urandom)
    try:
        half = next(one for one in accounts.officers(officer.account) if one.rp_id)
    finally:
        accounts.close()
    return {"name": officer.name, "role": "duty_officer", **half.json}


# --- What officers do, with the page's own buttons ---


def put(officer: Officer, path: str, press: str = ".deeds button[value=preview]", **fields: str) -> str:
    """Fill a form, look at what will be signed, put it before the officers; the draft's page. Radio buttons and selects by value."""
    page = officer.goto(path)
    for name, value in fields.items():
        named = f"[name='f.{name.replace('__', '.')}']"
        field_of = page.locator(named)
        if field_of.first.get_attribute("type") == "radio":
            page.check(f"{named}[value='{value}']")
        elif field_of.first.evaluate("one => one.tagName") == "SELECT":
            field_of.first.select_option(value)
        else:
            field_of.first.fill(value)
    page.click(press)
    page.click("#put")
    page.wait_for_url("**/release/*")
    return page.url.partition("?")[0].removeprefix(officer.base)


def release_by_passkey(officer: Officer, path: str, *, sends: bool = True) -> None:
    """Release a draft with the authenticator; it is sent, or waits for another officer."""
    page = officer.goto(path)
    page.click("form.passkey button")
    _released(page, sends)


def _released(page: Page, sends: bool) -> None:
    if sends:
        page.wait_for_url("**/sent?said=Sent.", wait_until="commit")
    else:
        page.wait_for_selector("text=Nobody releases twice")


def goes_on(officer: Officer) -> None:
    """Wait until the open page of a draft that another officer has released leads to the message, as it does by itself. To go elsewhere
    at that very moment is a race which the browser may decide for neither."""
    officer.page.wait_for_url("**/message/*/*")


def release_by_password(officer: Officer, path: str, *, sends: bool = True, later: int = 0) -> None:
    """Release a draft with password and code, on a machine that is so many seconds later."""
    page = officer.goto(path)
    page.fill("#password", PASSWORD)
    page.fill("#code", officer.code(time.time() + later))
    page.click("form:has(#password) button")
    _released(page, sends)
