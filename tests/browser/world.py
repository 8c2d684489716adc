"""Two nodes that are served, with hostile text in their record, and an officer of each: what the tests in a browser share."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser

from carriers.sides import Side, make_sides, process
from ceasewire.carriers.control import call
from ceasewire.console.pages import ROUTES
from ceasewire.errors import LocalError
from console.people import Person, person

NASTY = (
    "<script>document.title='owned'</script>",
    "<img src=x onerror=\"document.title='owned'\">",
    "\"><svg onload=document.title='owned'>",
    "'-alert(1)-'",
    "{{7*7}}{% raw %}",
    "javascript:alert(1)",
    "hid\u200dden, and P\u0430ris with a letter of another script",
    "</bdi></td></table><h1>owned</h1>",
    "<a href=http://evil.example/>x</a><link rel=stylesheet href=//evil.example/x.css>",
)


@dataclass
class World:
    """Two nodes, served; their officers; a browser."""

    sides: dict[str, Side]
    people: dict[str, Person]
    chromium: Browser


@contextmanager
def made(base: Path, chromium: Browser) -> Iterator[World]:
    """That world."""
    sides = make_sides(base, {"north": None, "south": None}, {"name": "line", "title": NASTY[0]})
    with process(sides["north"].folder), process(sides["south"].folder):
        for number, text in enumerate(NASTY):
            body = {"types": ["A4"], "occurred_from": "2026-03-01T00:00:00Z", "place": text, "narrative": text, "accused": "south"}
            tell(sides["north"], "notification", {**body, "sources": [{"class": "press", "text": text}]})
            tell(sides["north"], "statement", {"title": text, "text": text})
            tell(sides["south"], "reply", {"re": f"north/{2 * number}", "stance": "denied", "account": text}, wait=f"north/{2 * number}")
        people = {slug: person(side, "administrator", f"Officer {slug}") for slug, side in sides.items()}
        yield World(sides, people, chromium)


def tell(side: Side, kind: str, body: dict[str, object], wait: str | None = None) -> dict[str, object]:
    """Send a message as the command line does, once what it is about is here."""
    deadline = time.monotonic() + 20
    while True:
        try:
            return dict(call(side.folder.control_path, {"op": "send", "kind": kind, "json": body}))
        except LocalError:
            if wait is None or time.monotonic() > deadline:
                raise
        time.sleep(0.1)


def pages(who: Person) -> list[str]:
    """The address of every page that can be read, made from the table; what is to be kept as a file is none."""
    parts = {"log": "north", "index": "0", "kind": "notification"}
    found = []
    for route in ROUTES:
        path = route.path
        for name, value in parts.items():
            path = path.replace("{" + name + "}", value)
        if route.method != "GET" or route.name in ("live", "home") or "{" in path:
            continue
        if "text/html" in who.get(path).headers.get("content-type", ""):
            found.append(f"{who.base}{path}")
    return found
