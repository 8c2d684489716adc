"""The pictures of the manual: the demo's exercise, played on free ports, looked at in a real browser.

By hand, from the repository: PYTHONPATH=src:tests .venv/dev/bin/python -m browser.pictures [NAME ...]
They are written to docs/pictures/ as WebP, each at most 60,000 bytes. Whoever makes them looks at each before it is committed.
"""

from __future__ import annotations

import base64
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, Page

from browser.chromium import browser
from ceasewire.accounts import FILE, Accounts, Client
from ceasewire.demo.desks import PASSWORD
from ceasewire.demo.founding import Hand
from ceasewire.demo.playing import Players
from ceasewire.folder import Folder
from ceasewire.processes import free_port

ROOT: Final = Path(__file__).resolve().parents[2]
PICTURES: Final = ROOT / "docs" / "pictures"
MOST_BYTES: Final = 60_000
_QUALITIES: Final = (72, 60, 48, 36)
_WIDE, _PHONE = (1280, 860), (390, 844)
LOOKS: Final = {  # language, dark, width and height
    "en": ("en", False, _WIDE),
    "ps": ("ps", False, _WIDE),
    "phone": ("en", False, _PHONE),
    "dark": ("en", True, _WIDE),
}


_DEMO: Final = """
import sys
from functools import partial
from pathlib import Path
from ceasewire.demo import run
run(port=int(sys.argv[1]), check=False, say=partial(print, flush=True), folder=Path(sys.argv[2]))
"""


@contextmanager
def demo(base: Path) -> Iterator[list[str]]:
    """The demo, left running; what it said."""
    command = [sys.executable, "-c", _DEMO, str(free_port()), str(base)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT / "src")})
    said = []
    try:
        assert process.stdout is not None
        for line in process.stdout:
            said.append(line.rstrip())
            if "Ctrl-C ends it" in line:
                break
        else:
            raise SystemExit(f"the demo ended: {said[-3:]}")
        yield said
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=40)


def link_of(said: list[str], name: str) -> str:
    """The link that signs somebody in."""
    return next(found[1] for line in said if name in line and (found := re.search(r"(http://localhost\S+/enter/\S+)", line)))


class Desk:
    """An officer at the demo's console."""

    def __init__(self, chromium: Browser, link: str) -> None:
        context = chromium.new_context()
        page = context.new_page()
        page.goto(link, wait_until="domcontentloaded")
        page.click("main button.button")
        page.wait_for_url("**/inbox*")
        self.base = page.url.partition("/inbox")[0]
        self.context, self.page, self.state = context, page, context.storage_state()
        self.chromium = chromium

    def put(self) -> str:
        """A statement before the officers; the path of its page."""
        page = self.page
        page.goto(f"{self.base}/compose/statement", wait_until="domcontentloaded")
        page.fill("[name='f.title']", "The crossing at Dravec opens")
        page.fill(
            "[name='f.text']", "From 06:00 tomorrow the crossing at Dravec is open to civilians on foot. Our posts there hold their fire."
        )
        page.click(".deeds button[value=preview]")
        page.click("#put")
        page.wait_for_url("**/release/*")
        return page.url.partition("?")[0].removeprefix(self.base)

    def read_all(self) -> None:
        """Say of every flash that a person has read it."""
        while True:
            self.page.goto(f"{self.base}/inbox", wait_until="domcontentloaded")
            button = self.page.locator(".flash-banner form button")
            if not button.count():
                return
            button.first.click()
            self.page.wait_for_url("**said=*")

    def case(self) -> str:
        """The path of the case in which most was said."""
        self.page.goto(f"{self.base}/cases", wait_until="domcontentloaded")
        found = self.page.locator("main a[href*='/case/']").evaluate_all("found => found.map(one => one.getAttribute('href'))")
        best, most = "", 0
        for path in dict.fromkeys(found):
            self.page.goto(f"{self.base.partition('/c/')[0]}{path}", wait_until="domcontentloaded")
            said = self.page.locator(".facts, .version, .question, .clock").count()
            if said > most:
                best, most = path[path.index("/case/") :], said
        return best

    def shown(self, path: str, look: str) -> Page:
        """A page in one of the looks."""
        language, dark, (width, height) = LOOKS[look]
        self.page.goto(f"{self.base}/me", wait_until="domcontentloaded")
        self.page.select_option("#language", language)
        self.page.select_option("#calendar", "solar_hijri" if language == "ps" else "gregorian")
        self.page.select_option("#theme", "dark" if dark else "light")
        self.page.click("form[action$='/me/preferences'] button")
        self.page.wait_for_url("**said=*")
        context = self.chromium.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            storage_state=self.state,
            reduced_motion="reduce",
        )
        page = context.new_page()
        page.goto(f"{self.base}{path}", wait_until="domcontentloaded")
        arm = page.locator("#arm")
        if arm.is_visible():
            arm.click()
        page.evaluate("document.fonts.ready")
        page.wait_for_timeout(400)
        return page


def hands(folder: Folder) -> list[Hand]:
    """The officers of one of the demo's nodes, with the keys that their password and code open."""
    found, now = [], int(time.time())
    codes = dict(re.findall(r"(\w+) +(\d{6})", (folder.path.parent / "officers.txt").read_text()))
    accounts = Accounts.open(folder.path / FILE, os.urandom)
    try:
        for one in accounts.accounts():
            _, session = accounts.redeem(accounts.sign_in_link(one.id, None, now), now, Client("127.0.0.1"))
            key = accounts.release_key(session.id, PASSWORD, now, codes[one.name])
            accounts.end_session(session.id, session.account, now)
            public = key.public_key().public_bytes_raw()
            officer = next(one for one in folder.charter().charter.officers if one.key == public)
            found.append(Hand(officer, key))
    finally:
        accounts.close()
    return found


def busy(players: Players) -> None:
    """A few messages more, which South has not answered."""
    now = datetime.now(UTC).replace(microsecond=0)

    def at(minutes: int) -> str:
        return f"{now - timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%SZ}"

    own = {"class": "own_unit", "text": "forward post 2"}
    shells = {
        "types": ["A4"],
        "place": "Dravec, west of the ford",
        "occurred_from": at(55),
        "accused": "south",
        "count": 5,
        "count_unit": "rounds",
    }
    drone = {"types": ["B1"], "place": "Stone Bridge", "occurred_from": at(32), "accused": "south", "precedence": "priority"}
    moved = {"types": ["C1"], "place": "Upper Mill", "occurred_from": at(190), "accused": "south"}
    for body in (moved, drone, shells | {"precedence": "immediate"}):
        players.send("north", "notification", {**body, "sources": [own], "request": ["explain"]})
    players.send("north", "request", {"questions": ["Who fired at the convoy on the Old Road, and from where?"], "precedence": "priority"})


def fill(page: Page) -> None:
    """The five questions of a notification, as somebody writes them in a hurry."""
    page.fill("[name='f.place']", "Dravec, west of the ford")
    page.select_option("select[name='f.types']", "A4")
    page.check("[name='f.request'][value=cease]")
    page.evaluate("document.activeElement?.blur(); scrollTo(0, 0)")


def picture(page: Page, path: Path) -> int:
    """Write what the window shows; how many bytes it takes."""
    shot = page.context.new_cdp_session(page)
    for quality in _QUALITIES:
        data = base64.b64decode(shot.send("Page.captureScreenshot", {"format": "webp", "quality": quality})["data"])
        if len(data) <= MOST_BYTES:
            break
    path.write_bytes(data)
    return len(data)


def main(names: list[str]) -> None:
    """All pictures, or those whose names begin so."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        base = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ceasewire-pictures-")))
        said, chromium = stack.enter_context(demo(base)), stack.enter_context(browser())
        desk = Desk(chromium, link_of(said, "Heron"))
        for one in (desk, Desk(chromium, link_of(said, "Larch"))):
            one.read_all()
        north = Folder(base / "north")
        players = Players({"north": north}, {"north": hands(north)}, stack)
        paths = {"case": desk.case(), "inbox": "/inbox", "compose": "/compose/notification", "release": desk.put(), "channel": "/channel"}
        busy(players)
        for what in [*paths, "flash"]:
            if what == "flash":
                players.send("north", "flash", {"phrase": "cease_now", "place": "Dravec, west of the ford"})
                desk.page.wait_for_timeout(2500)
            for look in LOOKS:
                if names and not any(f"{what}-{look}".startswith(one) for one in names):
                    continue
                page = desk.shown(paths.get(what, "/inbox"), look)
                if what == "compose":
                    fill(page)
                print(f"{what}-{look}", picture(page, PICTURES / f"{what}-{look}.webp"), flush=True)
                page.context.close()


if __name__ == "__main__":
    main(sys.argv[1:])
