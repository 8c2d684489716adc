"""Every act without a mouse: Tab, Enter and Space alone, with a focus that is seen at each stop. ISSUE "The officer's shift"."""

from __future__ import annotations

import os
import time
from typing import Final

import pytest
from playwright.sync_api import Page

from api.asking import node_name
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
    raise AssertionError(f"no way to {wanted} on {page.url}: {page.inner_text('main')[:1000]}")


def press(page: Page, wanted: str, key: str = "Enter") -> None:
    """Go to it and press a key, which opens another page."""
    tab_to(page, wanted)
    with page.expect_navigation(wait_until="domcontentloaded"):
        page.keyboard.press(key)


def choose(page: Page, named: str, value: str) -> None:
    """Go to a group of radio buttons or a list, and to one of its values by the arrow."""
    tab_to(page, f"[name='{named}']")
    if page.evaluate("document.activeElement.type") == "radio":
        page.keyboard.press("Space")
    for _ in range(30):
        if page.evaluate("value => document.activeElement.value === value", value):
            return
        page.keyboard.press("ArrowDown")
    raise AssertionError(f"no {value} in {named}")


def signed_out_and_in(page: Page) -> None:
    """Out by the button, in again by the passkey."""
    press(page, "form[action$='/sign-out'] button")
    assert page.url.endswith("/sign-in")
    tab_to(page, "form[data-passkey=get] button")
    page.keyboard.press("Enter")
    page.wait_for_url("**/inbox")


def on_watch(page: Page) -> None:
    """Past the menu; the alarm armed; a shift begun."""
    assert tab_to(page, "a.skip") == 1, "the first stop leads past the menu"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.getElementById('main').contains(document.activeElement)")
    page.goto(page.url.partition("#")[0], wait_until="domcontentloaded")
    tab_to(page, "#arm")
    page.keyboard.press("Space")
    page.wait_for_selector("#alarm-bar[data-armed=yes]")
    press(page, ".menu a[href$='/shift']")
    press(page, "form[action$='/shift/start'] button", "Space")
    assert page.locator("form[action$='/shift/end']").count() == 1


def handed_over(page: Page) -> None:
    """The shift ended with a note, though nobody follows."""
    press(page, ".menu a[href$='/shift']")
    tab_to(page, "#note")
    page.keyboard.type("All quiet at the ford.")
    press(page, "form[action$='/shift/end'] button")
    press(page, "form:has([name=alone]) button")  # nobody else is on watch: it asks once more
    assert "All quiet at the ford." in page.inner_text("main")


def flash_read(posts: Posts, page: Page) -> None:
    """A flash that sounds, silenced; then they are told that a person has read it."""
    ref = posts.players.send("south", "flash", {"phrase": "cease_now", "place": "Mill Ford"})
    page.wait_for_selector(f"[data-flash='{ref}'] [data-silence]:not([hidden])")
    tab_to(page, f"[data-silence='{ref}']")
    page.keyboard.press("Space")
    page.wait_for_selector(f"[data-silence='{ref}']", state="hidden")
    before = len(posts.said("north"))
    press(page, f"[data-flash='{ref}'] form button")
    assert page.locator(f"[data-flash='{ref}']").count() == 0
    assert len(posts.said("north")) == before + 1


def released(page: Page) -> None:
    """What the form says, looked at, put before the officers, released by passkey and sent."""
    press(page, "#put")
    assert "/release/" in page.url
    tab_to(page, "form.passkey button")
    page.keyboard.press("Enter")
    page.wait_for_url("**/sent?said=Sent.", wait_until="domcontentloaded")


@pytest.mark.parametrize("language", ["en", "ps"])
def test_every_act_of_a_shift_without_a_mouse(posts: Posts, language: str) -> None:
    """In by a link, out, in by passkey; on watch; a flash silenced and read; one sent; a notification found and answered; handed over."""
    side, larch = posts.posts["north"].side, posts.posts["north"].officers["Larch"]
    accounts = Accounts.open(side.folder.path / FILE, os.urandom)
    try:
        accounts.set_preferences(larch.account, language, "gregorian", "auto")
    finally:
        accounts.close()
    page = larch.page
    notified = {"types": ["A4"], "occurred_from": "2026-03-01T04:05:00Z", "place": f"Ford {language}", "accused": "north"}
    asked = posts.players.send("south", "notification", notified)
    posts.players.wait_receipt("south", asked)

    page.goto(link(side, "Larch"), wait_until="domcontentloaded")
    press(page, "main button.button")
    assert page.evaluate("document.documentElement.lang") == language
    signed_out_and_in(page)
    on_watch(page)
    flash_read(posts, page)

    press(page, ".menu a[href$='/compose']")
    press(page, "a[href$='/compose/flash']")
    tab_to(page, "[name='f.place']")
    page.keyboard.type("Mill Ford")
    press(page, "button[value=cease_now]")
    before = posts.said("north")
    released(page)
    assert len(posts.said("north")) == len(before) + 1

    press(page, ".menu a[href$='/inbox']")
    press(page, ".chips a[href*='all']")
    press(page, f"#list a[href$='/message/{asked}']")
    press(page, "main a[href*='/compose/reply']")
    choose(page, "f.stance", "under_inquiry")
    press(page, ".deeds button[value=preview]", "Space")
    released(page)
    view = posts.view("north")
    answer = view.message(view.row(view.ref(posts.said("north")[-1])))
    assert (answer["kind"], answer["body"]["re"], answer["body"]["stance"], answer["void"]) == ("reply", asked, "under_inquiry", None)
    handed_over(page)
