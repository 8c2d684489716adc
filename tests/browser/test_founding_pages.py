"""Each step of founding a channel, as two sides come to it: axe finds nothing wrong, and none is wider than its window."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from browser.axe import NARROW, WIDE, over, violations
from browser.chromium import browser
from console.tables import table
from test_pairing import Person, Surfer, drafted, people


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as made:
        yield made


class Looking:
    """Looks at the page at which somebody is, in both languages and themes."""

    def __init__(self, chromium: Browser) -> None:
        self.chromium, self.rows, self.wrong = chromium, list[tuple[str, str, int, int]](), list[object]()

    def at(self, who: Surfer) -> None:
        for language in ("en", "ps"):
            for theme in ("light", "dark"):
                cookie = "; ".join(f"{name}={value}" for name, value in who.cookies.items())
                context = self.chromium.new_context(color_scheme=theme, extra_http_headers={"Cookie": cookie})
                try:
                    page = context.new_page()
                    answer = page.goto(f"http://localhost:{who.port}{who.at}?lang={language}", wait_until="domcontentloaded")
                    assert answer is not None
                    assert (answer.status, page.evaluate("document.documentElement.lang")) == (200, language), who.at
                    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
                    found, wide = violations(page), [over(page, size) for size in (WIDE, NARROW)]
                finally:
                    context.close()
                self.rows.append((who.at, f"{language}, {theme}", len(found), max(wide)))
                self.wrong += [(who.at, language, theme, one) for one in [*found, *(some for some in wide if some > 0)]]


def test_axe_finds_nothing_wrong_on_any_step_of_founding(chromium: Browser, tmp_path: Path) -> None:
    looking = Looking(chromium)
    with people(tmp_path, "north", "south") as (north, south):
        north.browser.at = "/founding/who"
        looking.at(north.browser)
        south_card = begun(looking, south)
        north.make("north")
        looking.at(north.browser)
        north.compare(south_card, "south")
        looking.at(north.browser)
        drafted(north.browser)
        looking.at(north.browser)
        north.sign()
        looking.at(north.browser)
    print(table("Steps of founding", ["step", "seen in", "violations", "too wide by"], looking.rows))
    assert looking.wrong == []


def begun(looking: Looking, south: Person) -> str:
    """The other side's card, by way of the page of the recovery key."""
    south.browser.press("/founding/who", party="south", name="South", role="party", url=f"http://127.0.0.1:{south.port}", keys="file")
    looking.at(south.browser)
    south.take_recovery()
    return south.browser.page.area("own-card")
