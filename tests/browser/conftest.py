"""One browser and two worlds for all of these tests: to make them takes longer than most tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from browser import world as worlds
from browser.chromium import browser
from browser.officers import Posts, posted


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium."""
    with browser() as made:
        yield made


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory, chromium: Browser) -> Iterator[worlds.World]:
    """Two nodes in which much hostile text was said."""
    with worlds.made(tmp_path_factory.mktemp("browser"), chromium) as made:
        yield made


@pytest.fixture(scope="session")
def posts(tmp_path_factory: pytest.TempPathFactory, chromium: Browser) -> Iterator[Posts]:
    """Two nodes with officers at their consoles."""
    with posted(tmp_path_factory.mktemp("posts"), chromium) as made:
        yield made
