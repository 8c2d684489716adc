"""How soon a page is ready with ten thousand messages stored, on a processor four times as slow as this one: within 1 s. ISSUE "The
officer's shift". Measured on a quiet machine; since no test's machine is quiet, each page is judged beside one that reads no messages, in
the same minute, by its best of several tries."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, Page

from browser.chromium import signed_in
from carriers.sides import make_sides, process
from ceasewire.carriers.control import call
from console.people import Person, person

MESSAGES: Final = 10_000
BATCH: Final = 250
SLOWER: Final = 4
TRIES: Final = 4
GENEROUS_SECONDS: Final = 3.0  # on a machine that does other work besides; quiet it is below 1
TIMES_BASELINE: Final = 6.0  # of the page that shows only oneself
PAGES: Final = (
    "/inbox",
    "/inbox?show=all",
    "/sent",
    "/cases",
    "/case/north/5",
    "/message/north/5",
    "/channel",
    "/shift",
    "/compose/notification",
)
BASELINE: Final = "/me"


@pytest.fixture(scope="module")
def officer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Person]:
    """South's officer, once both nodes hold everything."""
    base: Path = tmp_path_factory.mktemp("speed")
    sides = make_sides(base, {"north": None, "south": None}, {"name": "line"})
    with process(sides["north"].folder), process(sides["south"].folder):
        for number in range(MESSAGES // BATCH):
            slug, other = ("north", "south") if number % 2 else ("south", "north")
            drafts = [
                [
                    "notification",
                    {
                        "types": [f"A{1 + one % 11}"],
                        "occurred_from": "2026-03-01T00:00:00Z",
                        "place": f"Village {one % 97}",
                        "narrative": "Shots were heard near the bridge. " * 3,
                        "accused": other,
                    },
                ]
                for one in range(BATCH)
            ]
            call(sides[slug].folder.control_path, {"op": "send_many", "drafts": drafts})
        deadline = time.monotonic() + 120
        while True:
            status = call(sides["south"].folder.control_path, {"op": "status"})
            found = status.get("status", status)
            assert isinstance(found, dict)
            if sum(one["size"] for one in found["logs"]) >= MESSAGES:
                break
            assert time.monotonic() < deadline, "the other side's messages have not come"
            time.sleep(0.2)
        call(sides["south"].folder.control_path, {"op": "send", "kind": "line_check", "json": {}})  # from its receipts on, clocks run
        yield person(sides["south"], "administrator")


def ready(page: Page, address: str) -> float:
    """Seconds from asking until the page can be used (DOMContentLoaded), as the browser measures it."""
    page.goto(address, wait_until="domcontentloaded")
    timing = "performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd"
    return float(page.evaluate(timing)) / 1000


@pytest.mark.slow
def test_every_page_is_ready_within_a_second_with_ten_thousand_messages_on_a_slow_processor(chromium: Browser, officer: Person) -> None:
    with signed_in(chromium, officer) as context:
        page = context.new_page()
        context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
        for path in PAGES:
            ready(page, f"{officer.base}{path}")  # the first time, the derived tables take in what they lack
        best = {path: min(ready(page, f"{officer.base}{path}") for _ in range(TRIES)) for path in (BASELINE, *PAGES)}
    baseline = best.pop(BASELINE)
    print(f"baseline {baseline:.2f} s; " + ", ".join(f"{path} {seconds:.2f} s" for path, seconds in best.items()))
    late = {path: round(seconds, 2) for path, seconds in best.items() if seconds > 1.0 and seconds > TIMES_BASELINE * baseline}
    assert not late, f"{baseline:.2f} s for {BASELINE}"
    assert max(best.values()) < GENEROUS_SECONDS, best
