"""The console as its officers meet it: a real browser, two real nodes. ISSUE "The officer's shift"; FAULTS H1-H9."""

from __future__ import annotations

import time

import pytest
from axe_playwright_python.sync_playwright import Axe

from browser.chromium import signed_in, watched
from browser.officers import said
from browser.world import NASTY, World, pages, tell


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("language", ["en", "ps"])
def test_axe_finds_nothing_wrong_on_any_page(world: World, language: str, dark: bool) -> None:
    who = world.people["south"]
    broken = {}
    with signed_in(world.chromium, who, language=language, dark=dark) as context:
        page, _ = watched(context, who.port)
        page.goto(f"{who.base}/me", wait_until="commit")
        page.wait_for_selector("#language")
        page.select_option("#language", language)
        page.select_option("#theme", "dark" if dark else "light")
        page.click("form[action$='/me/preferences'] button")
        page.wait_for_load_state("domcontentloaded")
        for address in pages(who):
            answer = page.goto(address, wait_until="domcontentloaded")
            assert answer is not None
            if "text/html" not in answer.headers.get("content-type", ""):
                continue
            assert page.evaluate("document.documentElement.dir") == ("rtl" if language == "ps" else "ltr"), address
            found = Axe().run(page).response["violations"]
            if found:
                broken[address] = [(one["id"], [node["html"][:160] for node in one["nodes"][:3]]) for one in found]
    assert not broken


def test_h1_to_h9_nothing_that_a_person_wrote_is_run_or_asked_for(world: World) -> None:
    for who in world.people.values():
        with signed_in(world.chromium, who) as context:
            page, wrong = watched(context, who.port)
            for address in [
                *pages(who),
                *(f"{who.base}/{kind}/north/{index}" for kind in ("message", "case") for index in range(2 * len(NASTY))),
            ]:
                page.goto(address, wait_until="domcontentloaded")
                assert "owned" not in page.title() or "script" in page.title()
                assert page.locator("h1:text-is('owned')").count() == 0
                assert page.locator("a[href^='javascript'], a[href*='evil.example'], link[href*='evil']").count() == 0
            assert wrong == []


@pytest.mark.parametrize("language", ["en", "ps"])
def test_no_page_is_wider_than_a_telephone(world: World, language: str) -> None:
    who = world.people["south"]
    too_wide = []
    with signed_in(world.chromium, who, language=language, wide=320, tall=640) as context:
        page, _ = watched(context, who.port)
        for address in pages(who):
            page.goto(address, wait_until="domcontentloaded")
            if page.evaluate("document.documentElement.scrollWidth") > 320:
                too_wide.append(address)
    assert too_wide == []


def test_a_flash_wakes_an_armed_page_within_two_seconds_and_silencing_sends_nothing(world: World) -> None:
    who, north = world.people["south"], world.sides["north"]
    with signed_in(world.chromium, who) as context:
        page, wrong = watched(context, who.port)
        page.goto(f"{who.base}/inbox", wait_until="domcontentloaded")
        assert page.locator("#alarm-bar").get_attribute("data-armed") == "no"
        page.click("#arm")
        page.wait_for_selector("#alarm-bar[data-armed=yes]")
        began = time.monotonic()
        ref = tell(north, "flash", {"phrase": "cease_now", "place": "Stone Bridge"})["ref"]
        page.wait_for_function("() => Number(document.body.dataset.beeps || 0) > 0", timeout=10_000)
        seconds = time.monotonic() - began
        assert seconds < 2.0, seconds
        banner = page.locator(f"[data-flash='{ref}']")
        assert "Stone Bridge" in banner.inner_text()
        before = own(world)
        banner.locator("[data-silence]").click()
        beeps = page.evaluate("document.body.dataset.beeps")
        page.wait_for_timeout(2500)
        assert page.evaluate("document.body.dataset.beeps") == beeps, "it is silent"
        assert own(world) == before, "silencing is nobody's word"
        banner.locator("form button").click()
        page.wait_for_load_state("domcontentloaded")
        assert page.locator(f"[data-flash='{ref}']").count() == 0
        assert len(own(world)) == len(before) + 1
        assert wrong == []
    with signed_in(world.chromium, world.people["north"]) as context:
        page, _ = watched(context, world.people["north"].port)
        page.goto(f"{world.people['north'].base}/sent", wait_until="domcontentloaded")
        page.wait_for_function("() => document.body.innerText.includes('read by an officer')", timeout=10_000)


def own(world: World) -> list[str]:
    """What South has said, but for its machine."""
    with world.sides["south"].folder.view() as view:
        return said(view)


def test_pages_work_without_script(world: World) -> None:
    who = world.people["south"]
    with signed_in(world.chromium, who, script=False) as context:
        page = context.new_page()
        page.goto(f"{who.base}/inbox")
        page.click("a[href$='/sent']")
        page.wait_for_url("**/sent")
        page.goto(f"{who.base}/shift")
        page.click("form[action$='/shift/start'] button")
        page.wait_for_url("**/shift?said=*")
        assert page.locator("form[action$='/shift/end']").count() == 1, "whoever watches can end it"
