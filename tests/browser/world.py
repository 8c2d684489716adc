"""Two nodes that are served, with hostile text in their record, and an officer of each: what the tests in a browser share."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser

from carriers.sides import Side, make_sides, process
from ceasewire.accounts import FILE, Accounts
from ceasewire.carriers.control import call
from ceasewire.console.pages import ROUTES
from ceasewire.errors import LocalError
from ceasewire.node import writing
from ceasewire.node.drafts import Drafts
from ceasewire.record.message import SEED_BYTES
from console.people import Person, nobody, person

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
        for side in sides.values():
            drafted(side, NASTY[0])
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


def drafted(side: Side, text: str) -> None:
    """A statement that waits to be released."""
    with side.folder.view() as view:
        writing.put(Drafts(side.folder.path), view, writing.write(view, "statement", {"title": text, "text": text}, os.urandom(SEED_BYTES)))


def invited(side: Side, name: str | None) -> str:
    """The secret of a link for somebody new; without a name, whoever comes by it gives one."""
    accounts = Accounts.open(side.folder.path / FILE, os.urandom)
    try:
        by = next(one.id for one in accounts.accounts() if one.role == "administrator")
        return accounts.invite("reader", name, by, int(time.time())).secret
    finally:
        accounts.close()


NO_PAGES = {
    "home": "leads to the inbox",
    "live": "a stream of events",
    "charter": "a file",
    "message_proof": "a file",
    "misconduct_proof": "a file, where there is misconduct",
}


def places(who: Person, side: Side) -> dict[str, str]:
    """The address of every page of a side that somebody can read, by its route's name: made from the table, so that a route that is new and
    shows no page here is an error. Nothing else is left out but NO_PAGES."""
    parts = {
        "log": "north",
        "index": "0",
        "kind": "notification",
        "draft": Drafts(side.folder.path).names()[0],
        "secret": invited(side, None),
    }
    found = {}
    for route in ROUTES:
        if route.method != "GET" or route.name in NO_PAGES:
            continue
        path = re.sub(r"\{(\w+)\}", lambda one: parts[one[1]], route.path)
        asked = who if route.role else nobody(side)
        page = asked.get(path)
        assert (page.status, page.headers["content-type"].partition(";")[0]) == (200, "text/html"), f"{route.name}: {path} {page.status}"
        found[route.name] = f"{who.base}{path}"
    return found


def pages(world: World, slug: str) -> list[str]:
    """The same, of those for somebody who is signed in."""
    return [address for name, address in places(world.people[slug], world.sides[slug]).items() if name not in GATES]


GATES = frozenset(route.name for route in ROUTES if route.role is None)
