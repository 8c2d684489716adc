"""Every act without a mouse: Tab, Enter and Space alone, with a focus that is seen at each stop. ISSUE "The officer's shift"."""

from __future__ import annotations

import os
import time
from typing import Final

import pytest
from playwright.sync_api import Browser, Page

from api.asking import node_name
from browser.chromium import watched
from browser.officers import Posts
from carriers.sides import Side
from ceasewire.accounts import FILE, Accounts

MOST_STOPS: Final = 150
SEEN: Final = """
() => {
  const one = document.activeElement, style = getComputedStyle(one), box = one.getBoundingClientRect();
  const ringed = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
  const inside = box.width > 0 && box.height > 0 && box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
  return [ringed && inside, one.outerHTML.slice(0, 160)];
}
"""


def link(side: Side, name: str) -> str:
    """A link that signs somebody in once."""
    accounts = Accounts.open(side.folder.path / FILE, os.urandom)
    try:
        account = next(one.id for one in accounts.accounts() if one.name == name)
        secret = accounts.sign_in_link(account, None, int(time.time()))
    finally:
        accounts.close()
    return f"http://localhost:{side.port}/c/{node_name(side)}/enter/{secret}"


def tab_to(page: Page, wanted: str) -> int:
    """Press Tab until the focus is on it; after how many stops. Whatever has the focus on the way is seen to have it."""
    for stops in range(1, MOST_STOPS):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement === document.body"):
            continue
        seen, what = page.evaluate(SEEN)
        assert seen, f"nobody sees that this has the focus: {what}"
        if page.evaluate("wanted => document.activeElement.matches(wanted)", wanted):
            return stops
    raise AssertionError(f"no way to {wanted} on {page.url}")


def press(page: Page, wanted: str, key: str = "Enter") -> None:
    """Go to it and press a key, which opens another page."""
    tab_to(page, wanted)
    with page.expect_navigation(wait_until="domcontentloaded"):
        page.keyboard.press(key)


@pytest.mark.parametrize("language", ["en", "ps"])
def test_a_shift_without_a_mouse(posts: Posts, chromium: Browser, language: str) -> None:
    side = posts.posts["north"].side
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, locale=language)
    page, wrong = watched(context, side.port)
    try:
        page.goto(link(side, "Cedar"), wait_until="domcontentloaded")
        press(page, "main button.button")
        assert "/inbox" in page.url

        assert tab_to(page, "a.skip") == 1, "the first stop leads past the menu"
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        assert page.evaluate("document.getElementById('main').contains(document.activeElement)")
        page.goto(page.url.partition("#")[0], wait_until="domcontentloaded")
        tab_to(page, "#arm")
        page.keyboard.press("Space")
        page.wait_for_selector("#alarm-bar[data-armed=yes]")

        press(page, ".chips a[href*='all']")
        press(page, "#list a[href*='/message/']")
        assert "/message/south/" in page.url

        press(page, ".menu a[href$='/compose']")
        press(page, "a[href$='/compose/statement']")
        if not page.evaluate("document.activeElement.matches(\"[name='f.text']\")"):
            tab_to(page, "[name='f.text']")
        page.keyboard.type("Written without a mouse.")
        press(page, ".deeds button[value=preview]", "Space")
        assert "Written without a mouse." in page.inner_text("main")
        press(page, "#put")
        assert "/release/" in page.url
        press(page, "a[href$='/me']")
        assert page.url.endswith("/me")
        assert wrong == []
    finally:
        context.close()
