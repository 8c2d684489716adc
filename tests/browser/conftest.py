"""One browser and one world for the tests of a module: to make them takes longer than most tests.

Not for the whole session: while Playwright runs, this thread is in its event loop, and the tests of other modules begin loops of their own.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from browser import world as worlds
from browser.chromium import browser
from browser.officers import Posts, posted


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium."""
    with browser() as made:
        yield made


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, chromium: Browser) -> Iterator[worlds.World]:
    """Two nodes in which much hostile text was said."""
    with worlds.made(tmp_path_factory.mktemp("browser"), chromium) as made:
        yield made


@pytest.fixture(scope="module")
def posts(tmp_path_factory: pytest.TempPathFactory, chromium: Browser) -> Iterator[Posts]:
    """Two nodes with officers at their consoles."""
    with posted(tmp_path_factory.mktemp("posts"), chromium) as made:
        yield made
