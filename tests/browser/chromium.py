"""A real browser: Debian's Chromium, driven by Playwright. Root installs it when it is not there; anybody else is told how."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pytest
from playwright.sync_api import Browser, BrowserContext, Dialog, Page, sync_playwright

from console.people import Person

FLAGS: Final = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--force-prefers-reduced-motion",
]


def path() -> str:
    """Where Chromium is; installed if it can be, else the test is skipped."""
    found = shutil.which("chromium")
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        command = ["apt-get", "install", "--yes", "--no-install-recommends", "chromium", "fonts-noto-core"]
        subprocess.run(["apt-get", "update"], check=False, capture_output=True)
        subprocess.run(command, check=False, capture_output=True, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})
        found = shutil.which("chromium")
    if found is None:
        pytest.skip("needs Debian's Chromium: apt-get install chromium")
    return found


@contextmanager
def browser() -> Iterator[Browser]:
    """Chromium, closed at the end."""
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=path(), args=FLAGS)
        try:
            yield made
        finally:
            made.close()


@contextmanager
def signed_in(
    chromium: Browser, who: Person, *, language: str = "en", dark: bool = False, wide: int = 1280, tall: int = 900, script: bool = True
) -> Iterator[BrowserContext]:
    """A window in which somebody is signed in. Whatever it asks of another host fails the test that looks at `elsewhere`."""
    context = chromium.new_context(
        viewport={"width": wide, "height": tall},
        color_scheme="dark" if dark else "light",
        locale=language,
        java_script_enabled=script,
        base_url=f"http://localhost:{who.port}",
    )
    context.add_cookies(
        [
            {
                "name": who.cookie,
                "value": who.token,
                "domain": "localhost",
                "path": "/",
                "secure": True,
                "httpOnly": True,
                "sameSite": "Strict",
            }
        ]
    )
    try:
        yield context
    finally:
        context.close()


def watched(context: BrowserContext, port: int) -> tuple[Page, list[str]]:
    """A page, and a list that fills with everything that must not happen: a request elsewhere, an error, a dialog, a refused policy."""
    page, wrong = context.new_page(), []
    page.on(
        "request", lambda one: wrong.append(f"asked {one.url}") if not one.url.startswith((f"http://localhost:{port}/", "data:")) else None
    )
    page.on("pageerror", lambda error: wrong.append(f"error {error}"))
    page.on("dialog", lambda dialog: _dismissed(dialog, wrong))
    page.on("console", lambda one: wrong.append(f"console {one.text}") if "Content Security Policy" in one.text else None)
    return page, wrong


def press(page: Page, selector: str) -> None:
    """Press what opens another page, and wait until that page is there: a click alone may return while the browser has none."""
    with page.expect_navigation(wait_until="domcontentloaded"):
        page.click(selector)


def _dismissed(dialog: Dialog, wrong: list[str]) -> None:
    wrong.append(f"dialog {dialog.message}")
    dialog.dismiss()
