"""The console as its officers meet it: a real browser, two real nodes. ISSUE "The officer's shift"; FAULTS H1-H9."""

from __future__ import annotations

import time

from browser.chromium import press, signed_in, watched
from browser.officers import said
from browser.world import NASTY, World, pages, tell


def test_h1_to_h9_nothing_that_a_person_wrote_is_run_or_asked_for(world: World) -> None:
    for slug, who in world.people.items():
        with signed_in(world.chromium, who) as context:
            page, wrong = watched(context, who.port)
            for address in [
                *pages(world, slug),
                *(f"{who.base}/{kind}/north/{index}" for kind in ("message", "case") for index in range(2 * len(NASTY))),
            ]:
                page.goto(address, wait_until="domcontentloaded")
                assert "owned" not in page.title() or "script" in page.title()
                assert page.locator("h1:text-is('owned')").count() == 0
                assert page.locator("a[href^='javascript'], a[href*='evil.example'], link[href*='evil']").count() == 0
            assert wrong == []


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
        began = time.monotonic()
        context.new_page().goto(f"{who.base}/inbox", wait_until="domcontentloaded")
        page_takes = time.monotonic() - began
        assert seconds < max(2.0, 4 * page_takes), (seconds, "four times a page on a busy machine", page_takes)
        banner = page.locator(f"[data-flash='{ref}']")
        assert "Stone Bridge" in banner.inner_text()
        before = own(world)
        banner.locator("[data-silence]").click()
        beeps = page.evaluate("document.body.dataset.beeps")
        page.wait_for_timeout(2500)
        assert page.evaluate("document.body.dataset.beeps") == beeps, "it is silent"
        assert own(world) == before, "silencing is nobody's word"
        press(page, f"[data-flash='{ref}'] form button")
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
