"""The frame's clock, the logbook as it is read and printed, and the question at the end of a shift, in a real browser."""

from __future__ import annotations

from typing import Final

import pytest

from browser.axe import NARROW, WIDE, over, violations
from browser.chromium import signed_in, watched
from browser.world import World
from console.people import person

BROKEN: Final = """of => [...document.querySelectorAll(of)].filter(one => one.checkVisibility()).flatMap(one => {
  const found = [], walk = document.createTreeWalker(one, NodeFilter.SHOW_TEXT);
  for (let text = walk.nextNode(); text; text = walk.nextNode()) {
    for (const word of text.data.matchAll(/\\S+/g)) {
      const range = document.createRange();
      range.setStart(text, word.index);
      range.setEnd(text, word.index + word[0].length);
      if (new Set([...range.getClientRects()].map(box => Math.round(box.top))).size > 1) found.push(word[0]);
    }
  }
  return found;
})"""


def test_no_name_of_the_logbook_and_no_button_breaks_within_a_word(world: World) -> None:
    who = world.people["south"]
    with signed_in(world.chromium, who) as context:
        page = context.new_page()
        for path, of in (("/logbook", ".log .who, .log .tag, .log .receipt, .log th, .log .time"), ("/search?q=script", ".search button")):
            page.goto(f"{who.base}{path}", wait_until="domcontentloaded")
            assert page.locator(of).count() > 0
            for size in (WIDE, (1024, 768), NARROW):
                assert over(page, size) <= 0, (path, size)
                assert page.evaluate(BROKEN, of) == [], (path, size)


def test_the_logbook_is_printed_by_its_button_and_as_a_table_on_paper(world: World) -> None:
    who = world.people["south"]
    with signed_in(world.chromium, who) as context:
        page, wrong = watched(context, who.port)
        page.goto(f"{who.base}/logbook")
        page.evaluate("window.print = () => { document.body.dataset.printed = 'yes'; }")
        page.click("[data-print]")
        assert page.evaluate("document.body.dataset.printed") == "yes"
        assert not page.locator("[data-unscripted]").is_visible()
        page.emulate_media(media="print")
        assert over(page, (703, 1030)) <= 0, "as wide as A4 between its margins"
        assert page.evaluate("getComputedStyle(document.querySelector('.log tbody tr:last-child td')).display") == "table-cell"
        assert page.evaluate("getComputedStyle(document.querySelector('.log .receipts'), '::before').content") == "none"
        assert page.evaluate(BROKEN, ".log .who, .log .receipt") == []
        assert not any(page.locator(one).first.is_visible() for one in (".side", "#flashes", ".log-choice", "[data-print]", ".alarm-bar"))
        assert wrong == []
    with signed_in(world.chromium, who, script=False) as context:
        page = context.new_page()
        page.goto(f"{who.base}/logbook")
        assert not page.locator("[data-print]").is_visible()
        assert page.locator("[data-unscripted]").is_visible()


def test_the_clock_says_the_time_in_utc_and_where_the_reader_is(world: World) -> None:
    who = world.people["south"]
    with signed_in(world.chromium, who) as context:
        page = context.new_page()
        context.new_cdp_session(page).send("Emulation.setTimezoneOverride", {"timezoneId": "Asia/Kabul"})
        page.goto(f"{who.base}/shift")
        utc, here = page.locator("#now bdi").inner_text(), page.locator("#now .here").inner_text()
        hours, minutes = (int(part) for part in utc.rstrip("Z").split(":"))
        later = (hours * 60 + minutes + 270) % 1440
        assert here == f"{later // 60:02}:{later % 60:02} here"
        made = int(page.locator("#now").get_attribute("data-now") or 0)
        assert (hours * 60 + minutes - made // 60) % 1440 in (0, 1)


@pytest.mark.parametrize("language", ["en", "ps"])
def test_the_question_at_the_end_of_a_shift_can_be_read_by_all(world: World, language: str) -> None:
    who, other = (person(world.sides["north"], "drafter", f"{name} {language}") for name in ("Curlew", "Dunlin"))
    assert who.post("/me/preferences", {"language": language, "calendar": "gregorian", "theme": "auto"}).status == 303
    with signed_in(world.chromium, who, language=language) as context:
        page, wrong = watched(context, who.port)
        page.goto(f"{who.base}/shift")
        page.click("form[action$='/shift/start'] button")
        page.wait_for_url("**/shift?said=*")
        page.click("form[action$='/shift/end'] button")
        page.wait_for_selector("[name=alone]", state="attached")
        for size in (WIDE, NARROW):
            assert over(page, size) <= 0, size
        assert violations(page) == []
        page.select_option("#successor", label=f"Dunlin {language}")
        page.click("form[action$='/hand-over'] button")
        page.wait_for_url("**/shift?said=*")
        assert violations(page) == []
        assert wrong == []
    with signed_in(world.chromium, other) as context:
        page = context.new_page()
        page.goto(f"{other.base}/shift")
        page.click("form:has([name=take]) button")
        page.wait_for_url("**/shift?said=*")
    assert other.post("/shift/end", {"alone": "yes"}).status == 303
