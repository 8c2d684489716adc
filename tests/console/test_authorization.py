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


@pytest.mark.parametrize("level", ["military", "political"])
@pytest.mark.parametrize("route", ROUTES, ids=lambda one: one.name)
def test_every_route_opens_to_its_roles_and_to_nobody_else(world: World, route: Route, level: str) -> None:
    other = {"military": "political", "political": "military"}[level]
    base = f"/c/{node_name(world.sides[level])}"
    for role, known in world.people[level].items():
        who = person(world.sides[level], role) if route.name == "sign_out" else known
        page = ask(who, route, base)
        assert (page.status == 403) == (not route.allows(role)), (role, page.status, page.text[:400])
        assert page.status not in (500, 503), page.text
        assert (CANARY in page.text) <= (level == "political")
        assert page.headers["content-security-policy"] == POLICY
        assert page.headers["cache-control"] == "no-store"
    for one in (world.nobody[level], *world.people[other].values()):
        # with the other node's cookie under this one's name too
        stranger = Person(one.port, base, world.nobody[level].cookie, one.token, one.csrf)
        page = ask(stranger, route, base)
        if route.role is None:
            assert page.status < 500
            continue
        assert page.status == (303 if route.method == "GET" else 401), page.status
        assert page.location == (f"{base}/sign-in" if route.method == "GET" else "")
        assert CANARY not in page.text


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
