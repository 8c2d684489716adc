"""The forms in a real browser: at 320 pixels with everything unfolded, blank or refused, none is wider than its window; and what the
script proposes while somebody types. ISSUE "The officer's shift"."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest
from playwright.sync_api import Browser, Page, expect

from browser.axe import NARROW, over
from browser.chromium import press, signed_in, watched
from carriers.sides import Side, make_sides, process
from console.people import Person, person

FORMS: Final = ("notification", "reply", "notice", "evidence", "channel_status", "flash")  # those with all shapes of fields
OUTSIDE: Final = """() => [...document.querySelectorAll("main *")].filter(one => {
  const box = one.getBoundingClientRect();
  return box.width > 1 && (box.left < -1 || box.right > innerWidth + 1) && !one.closest("pre, .hidden");
}).map(one => one.outerHTML.slice(0, 120))"""


@pytest.fixture(scope="module")
def north(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Side, Person]]:
    side = make_sides(tmp_path_factory.mktemp("forms"), {"north": None, "south": ""})["north"]
    with process(side.folder):
        yield side, person(side, "drafter")


def wide(page: Page, what: str) -> list[str]:
    """What is wider than the window once all is unfolded."""
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    more = over(page, NARROW)
    return [f"{what}: {more} pixels"] * (more > 0) + [f"{what}: {one}" for one in page.evaluate(OUTSIDE)]


@pytest.mark.parametrize("language", ["en", "ps"])
def test_no_form_is_wider_than_a_telephone(north: tuple[Side, Person], chromium: Browser, language: str) -> None:
    side, who = north
    assert who.post("/me/preferences", {"language": language, "calendar": "gregorian", "theme": "auto"}).status == 303
    found = []
    with signed_in(chromium, who, language=language, wide=NARROW[0], tall=NARROW[1]) as context:
        page, _ = watched(context, side.port)
        for kind in FORMS:
            page.goto(f"{who.base}/compose/{kind}", wait_until="domcontentloaded")
            assert page.evaluate("document.documentElement.lang") == language
            found += wide(page, kind)
            if kind != "flash":
                press(page, ".deeds button[value=preview]")
                if page.locator("#troubles").count():
                    found += wide(page, f"{kind}, refused")
        page.goto(f"{who.base}/compose/notification", wait_until="domcontentloaded")
        page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
        assert page.locator(".figures input").count() >= 48, "four groups, four harms, three figures"
        page.fill("[name='f.casualties.civilians.wounded.low']", "1000000")
        page.fill("[name='f.casualties.civilians.killed.best']", "many")
        press(page, ".deeds button[value=preview]")
        assert page.locator(".figures .wrong").count() == 2
        found += wide(page, "casualties, refused")
    assert found == []


def test_immediate_is_proposed_while_somebody_types_and_given_up_again(north: tuple[Side, Person], chromium: Browser) -> None:
    side, who = north
    assert who.post("/me/preferences", {"language": "en", "calendar": "gregorian", "theme": "auto"}).status == 303
    with signed_in(chromium, who) as context:
        page, _ = watched(context, side.port)
        page.goto(f"{who.base}/compose/notification", wait_until="domcontentloaded")
        line, wounded = page.locator("#due"), page.locator("[name='f.casualties.civilians.wounded.best']")
        assert "if its precedence is routine" in line.inner_text()
        page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")

        def chosen(value: str) -> None:
            page.wait_for_selector(f"[name='f.precedence'][value='{value}']:checked")

        wounded.fill("2")
        chosen("immediate")
        expect(line).to_have_text("They must answer within 2 h of receipt.")
        assert "“Immediate” is proposed" in page.locator("#f-precedence").inner_text()
        wounded.fill("")
        chosen("")
        expect(line).to_contain_text("routine")
        page.check("[name='f.precedence'][value='priority']")
        wounded.fill("2")
        expect(page.locator("#f-precedence")).to_contain_text("is proposed")
        chosen("priority")
