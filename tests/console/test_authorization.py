"""Who may see what: every route of the console's table, every role and nobody, both channels of a process. Made from the table itself, so
that no route is added without being asked here."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from http.cookies import SimpleCookie

import pytest

from api.asking import node_name
from carriers.sides import Side, make_sides, process
from ceasewire.accounts import FILE, ROLES, Accounts
from ceasewire.carriers.control import call
from ceasewire.console.pages import ROUTES
from ceasewire.console.shell import POLICY
from ceasewire.console.table import Route
from console.people import Page, Person, nobody, person
from console.tables import table

CANARY = "canary-political-7f31"
OPEN = {"enter", "entered", "static"}  # pages that nobody need be signed in for


@dataclass
class World:
    """Two channels under one process; somebody of each role on each."""

    sides: dict[str, Side]
    people: dict[str, dict[str, Person]]
    nobody: dict[str, Person]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    base = tmp_path_factory.mktemp("console")
    military = make_sides(base / "military", {"north": None, "south": ""}, {"name": "line", "level": "military"})
    political = make_sides(
        base / "political", {"north": "", "east": ""}, {"name": "talks", "title": f"Talks {CANARY}", "level": "political"}
    )
    sides = {"military": military["north"], "political": replace(political["north"], port=military["north"].port)}
    with process(military["north"].folder, political["north"].folder):
        for side in sides.values():
            body = {"types": ["A1"], "occurred_from": "2026-03-01T00:00:00Z", "place": "the bridge", "narrative": "A shot was heard."}
            call(side.folder.control_path, {"op": "send", "kind": "notification", "json": body})
        people = {level: {role: person(side, role) for role in ROLES} for level, side in sides.items()}
        yield World(sides, people, {level: nobody(side) for level, side in sides.items()})


def path_of(route: Route) -> str:
    parts = {"log": "north", "index": "0", "kind": "statement", "secret": "0" * 43, "file": "console.css"}
    return re.sub(r"\{(\w+)\}", lambda found: parts.get(found[1], "1"), route.path)


def ask(who: Person, route: Route, base: str) -> Page:
    path = base + path_of(route)
    return who.get(path) if route.method == "GET" else who.post(path)


@dataclass
class Matrix:
    """Who was let in where: by route and channel, then by who asked, what came of it. A cell that is wrong says what is."""

    cells: dict[tuple[str, str], dict[str, str]]

    def put(self, route: Route, level: str, who: str, opened: bool, wrong: str) -> None:
        """Note a cell; of several who are asked as one, a wrong one stays."""
        row = self.cells.setdefault((route.name, level), {})
        if row.get(who, "yes") in ("yes", "-"):
            row[who] = wrong or ("yes" if opened else "-")

    def wrong(self, route: Route, level: str) -> dict[str, str]:
        """The wrong cells of one row."""
        return {who: said for who, said in self.cells[route.name, level].items() if said not in ("yes", "-")}

    def told(self) -> str:
        """The table, and its sum."""
        rows = []
        for route in ROUTES:
            row = {level: self.cells.get((route.name, level), {}) for level in LEVELS}
            if any(row.values()):
                told = [row[level].get(who, "?") for level in LEVELS for who in WHO]
                rows.append((f"{route.method:4} {route.path}", *("!" if one not in ("yes", "-", "?") else one for one in told)))
        cells = [said for row in self.cells.values() for said in row.values()]
        failed = [said for said in cells if said not in ("yes", "-")]
        title = (
            f"Authorization: {len(rows)} routes x {len(WHO)} who ask x {len(LEVELS)} channels = {len(cells)} cells, failures {len(failed)}"
        )
        key = " ".join(f"{short}={who}" for who, short in WHO.items())
        heads = ["route", *(f"{level[0]}:{short}" for level in LEVELS for short in WHO.values())]
        return table(f"{title}\n(m: military, p: political; {key}; yes: let in, -: refused, !: wrong)", heads, rows)


LEVELS = ("military", "political")
WHO = {"nobody": "no", "the other channel's": "oth", "reader": "rea", "drafter": "dra", "releaser": "rel", "administrator": "adm"}


@pytest.fixture(scope="module")
def matrix() -> Iterator[Matrix]:
    made = Matrix({})
    yield made
    print(made.told())


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("route", ROUTES, ids=lambda one: one.name)
def test_every_route_opens_to_its_roles_and_to_nobody_else(world: World, matrix: Matrix, route: Route, level: str) -> None:
    other = {"military": "political", "political": "military"}[level]
    base = f"/c/{node_name(world.sides[level])}"
    for role, known in world.people[level].items():
        who = person(world.sides[level], role) if route.name == "sign_out" else known
        page = ask(who, route, base)
        matrix.put(route, level, role, page.status not in (401, 403), known_wrong(page, route, role, level))
    for asked, one in (("nobody", world.nobody[level]), *(("the other channel's", one) for one in world.people[other].values())):
        # with the other node's cookie under this one's name too
        stranger = Person(one.port, base, world.nobody[level].cookie, one.token, one.csrf)
        page = ask(stranger, route, base)
        opened = page.status != 401 and page.location != f"{base}/sign-in"
        matrix.put(route, level, asked, opened, stranger_wrong(page, route, base))
    assert matrix.cells[route.name, level].keys() == WHO.keys()
    assert matrix.wrong(route, level) == {}


def known_wrong(page: Page, route: Route, role: str, level: str) -> str:
    """What is wrong with the answer to somebody of that role of this node; "" if nothing is."""
    if (page.status == 403) == route.allows(role):
        return f"{page.status}: {page.text[:400]}"
    if page.status in (401, 500, 503):
        return f"{page.status}: {page.text}"
    if CANARY in page.text and level != "political":
        return "it tells of the other channel"
    return headers_wrong(page)


def headers_wrong(page: Page) -> str:
    """What no page of the console may be without."""
    wanted = {"content-security-policy": POLICY, "cache-control": "no-store"}
    return " ".join(name for name, value in wanted.items() if page.headers.get(name) != value)


def stranger_wrong(page: Page, route: Route, base: str) -> str:
    """What is wrong with the answer to somebody who is not signed in here."""
    if route.role is None:
        return headers_wrong(page) if page.status < 500 else str(page.status)
    away = (303, f"{base}/sign-in") if route.method == "GET" else (401, "")
    if (page.status, page.location) != away:
        return f"{page.status} {page.location}"
    return "it tells of the channel" if CANARY in page.text else headers_wrong(page)


def test_only_known_routes_are_open_to_nobody() -> None:
    assert {route.name for route in ROUTES if route.role is None} <= OPEN | {
        route.name for route in ROUTES if route.path.startswith("/sign-in")
    }


def test_every_act_needs_our_own_origin_and_the_session_s_token(world: World) -> None:
    who = world.people["military"]["administrator"]
    base = f"/c/{node_name(world.sides['military'])}"
    for route in ROUTES:
        if route.method != "POST" or route.role is None:
            continue
        path = base + path_of(route)
        for origin in ("http://evil.example", "null", f"http://localhost:{who.port + 1}", f"https://localhost:{who.port}", ""):
            assert who.post(path, Origin=origin).status == 403, (route.name, origin)
        assert who.post(path, Sec_Fetch_Site="cross-site").status == 403
        for token in ("", "0" * 43, world.people["military"]["reader"].csrf):
            assert who.post(path, csrf=token).status == 403, (route.name, token)


def test_pages_that_do_not_exist_tell_a_stranger_nothing(world: World) -> None:
    stranger = world.nobody["military"]
    known, unknown = stranger.get("/inbox"), stranger.get("/no-such-page")
    assert (known.status, known.text, known.location) == (unknown.status, unknown.text, unknown.location)
    assert stranger.get("/c/north@00000000/inbox").status == 404
    assert world.people["military"]["reader"].get("/no-such-page").status == 404


def test_cookies_are_bound_to_this_host_and_sent_by_no_other_site(world: World) -> None:
    side = world.sides["military"]
    fresh = _link(side)
    page = nobody(side).post(f"/enter/{fresh}")
    assert page.status == 303
    for text in page.cookies:
        (found,) = SimpleCookie(text).values()
        assert found.key.startswith("__Host-")
        assert found["secure"]
        assert found["httponly"]
        assert (found["samesite"].lower(), found["path"], found["domain"]) == ("strict", "/", "")
    assert nobody(side).post(f"/enter/{fresh}").status == 400, "a link works once"


def _link(side: Side) -> str:
    accounts = Accounts.open(side.folder.path / FILE, os.urandom)
    try:
        by = next(one.id for one in accounts.accounts() if one.role == "administrator")
        return accounts.invite("reader", "Linked", by, int(time.time())).secret
    finally:
        accounts.close()
