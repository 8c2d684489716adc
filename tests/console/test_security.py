"""Attacks on the console by their names: session fixation, one-time links read ahead, other people's sessions and drafts, another node's
references, open redirects, the Host header, the cookies' prefix, guessing, framing. Over HTTP, at two real nodes; what takes a browser is
in tests/browser/test_security.py."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from http.cookies import SimpleCookie

import pytest

from accounts.authenticator import totp_code
from carriers.sides import Side, make_sides, process
from ceasewire.accounts import FILE, Accounts, Client
from ceasewire.carriers.control import call
from ceasewire.node.view import View
from ceasewire.record.kinds import KINDS
from console.filling import Form
from console.people import Person, nobody, person

PASSWORD = "a long sentence of a test"


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Side]]:
    """A side of two channels under one process, one of them with more messages than the other."""
    base = tmp_path_factory.mktemp("security")
    military = make_sides(base / "military", {"north": None, "south": ""}, {"name": "line", "level": "military"})
    political = make_sides(base / "political", {"north": "", "east": ""}, {"name": "talks", "level": "political"})
    both = {"military": military["north"], "political": replace(political["north"], port=military["north"].port)}
    with process(*(side.folder for side in both.values())):
        for number in range(3):
            body = {"types": ["A1"], "occurred_from": "2026-03-01T00:00:00Z", "place": f"canary-{number}"}
            call(both["political"].folder.control_path, {"op": "send", "kind": "notification", "json": body})
        yield both


def accounts(side: Side) -> Accounts:
    return Accounts.open(side.folder.path / FILE, os.urandom)


def cookies(made: list[str]) -> dict[str, str]:
    return {found.key: found.value for text in made for found in SimpleCookie(text).values()}


def test_fixation_a_cookie_that_was_there_before_is_not_the_one_after(sides: dict[str, Side]) -> None:
    side = sides["military"]
    admin, victim = person(side, "administrator"), nobody(side)
    planted = person(side, "reader")  # the attacker's own session, or any text, put into the victim's browser before they sign in
    for token in (planted.token, "A" * len(admin.token)):
        with_planted = replace(victim, token=token, csrf=planted.csrf)
        with_link = accounts(side)
        try:
            now = int(time.time())
            by = next(one.id for one in with_link.accounts() if one.role == "administrator")
            secret = with_link.invite("drafter", f"victim {token[:4]} {os.urandom(2).hex()}", by, now).secret
        finally:
            with_link.close()
        page = with_planted.post(f"/enter/{secret}")
        assert page.status == 303, page.text
        fresh = cookies(page.cookies)[victim.cookie]
        assert fresh not in ("", token)
        assert replace(victim, token=fresh).get("/me").text.count("victim")
        assert replace(victim, token=token).get("/me").status == 303, "what was there before is nobody's"


def test_whoever_is_signed_in_may_use_a_link_and_is_another_then(sides: dict[str, Side]) -> None:
    """By the page's own form, as a browser sends it."""
    side = sides["military"]
    before, name = person(side, "reader"), f"second {os.urandom(3).hex()}"
    opened = accounts(side)
    try:
        by = next(one.id for one in opened.accounts() if one.role == "administrator")
        secret = opened.invite("drafter", name, by, int(time.time())).secret
    finally:
        opened.close()
    found = re.findall(r'name="csrf" value="([^"]+)"', before.get(f"/enter/{secret}").text)
    assert found == [before.csrf]
    page = before.post(f"/enter/{secret}", csrf=found[0])
    assert page.status == 303, page.text
    assert name in replace(before, token=cookies(page.cookies)[before.cookie]).get("/me").text
    assert before.get("/me").status == 303, "the former session is over"


def test_a_link_that_is_read_ahead_is_not_spent(sides: dict[str, Side]) -> None:
    side = sides["military"]
    admin = person(side, "administrator")
    opened = accounts(side)
    try:
        by = next(one.id for one in opened.accounts() if one.role == "administrator")
        secret = opened.invite("reader", f"read ahead {os.urandom(3).hex()}", by, int(time.time())).secret
    finally:
        opened.close()
    stranger = nobody(side)
    for _ in range(5):  # a messenger's preview, a scanner of mail, the browser's own prefetch
        page = stranger.get(f"/enter/{secret}", Purpose="prefetch", Sec_Purpose="prefetch;prerender")
        assert (page.status, page.cookies) == (200, [])
    assert stranger.ask("HEAD", f"/enter/{secret}", None).cookies == []
    assert stranger.post(f"/enter/{secret}", Origin="http://evil.example").status == 403
    assert stranger.post(f"/enter/{secret}", Sec_Fetch_Site="cross-site").status == 403
    assert stranger.post(f"/enter/{secret}").status == 303, "its owner still comes in"
    assert stranger.post(f"/enter/{secret}").status == 400, "once"
    assert admin.get("/me").status == 200


def test_idor_no_reference_of_another_node_is_answered(sides: dict[str, Side]) -> None:
    here = person(sides["military"], "administrator")
    there = person(sides["political"], "administrator")
    assert "canary-2" in there.get("/message/north/2").text
    for path in (
        "/message/north/2",
        "/case/north/2",
        "/message/north/2/proof",
        "/message/east/0",
        "/message/north/-1",
        "/message/north/2e0",
    ):
        page = here.get(path)
        assert page.status == 404, path
        assert "canary" not in page.text
    for path in (f"{there.base}/message/north/2", f"{there.base}/message/north/2/proof", f"{there.base}/live"):
        assert here.get(path).status == 303, "their cookie is another's"
        assert replace(here, cookie=there.cookie).get(path).status == 303, "under that node's name too"


def test_idor_nobody_ends_another_s_session_or_takes_their_passkey(sides: dict[str, Side]) -> None:
    side = sides["military"]
    victim, thief = person(side, "releaser"), person(side, "releaser")
    opened = accounts(side)
    try:
        found = opened.session(victim.token, int(time.time()))
    finally:
        opened.close()
    assert found is not None
    for path, form in (("/me/sessions/end", {"id": found.id}), ("/me/passkeys/remove", {"id": "1"})):
        assert thief.post(path, form).status < 500
    assert victim.get("/me").status == 200
    assert found.id not in thief.get("/me").text
    for path in ("/people", "/people/role", "/people/disable", "/people/link"):
        assert thief.post(path, {"account": str(found.account), "role": "administrator"}).status in (403, 405), path


def test_idor_what_one_person_began_to_write_is_nobody_else_s(sides: dict[str, Side]) -> None:
    side = sides["military"]
    writer, other = person(side, "drafter"), person(side, "drafter")
    path = "/compose/statement"
    values = {name: list(found) for name, found in Form(writer.get(path).text, "compose").values.items()}
    fields = {**values, "f.text": "half a sentence of mine"}
    saved = writer.post("/compose/autosave", {name: value for name, value in fields.items() if name != "csrf"})
    assert saved.status == 200, saved.text
    key = values["saved"][0]
    assert "half a sentence of mine" in writer.get(f"{path}?saved={key.replace(' ', '+')}").text
    assert "half a sentence of mine" not in other.get(f"{path}?saved={key.replace(' ', '+')}").text
    other.post("/compose/forget", {"saved": key})
    assert "half a sentence of mine" in writer.get("/compose").text


def test_idor_what_one_person_was_shown_another_cannot_sign(sides: dict[str, Side]) -> None:
    side = sides["military"]
    writer, other, there = person(side, "releaser"), person(side, "administrator"), person(sides["political"], "administrator")
    path = "/compose/statement"
    form = {name: list(found) for name, found in Form(writer.get(path).text, "compose").values.items() if name != "csrf"}
    shown = writer.post(path, {**form, "f.text": "A sentence that I alone was shown.", "act": "preview"})
    seal = re.search(r'name="seen" value="([^"]+)"', shown.text)
    assert seal is not None, shown.text
    with side.folder.view() as view:
        before = len(said(view))
        for who in (other, there):
            for act in ("/compose/send", "/compose/put"):
                page = who.post(act, {"seen": seal[1]})
                assert page.status in (400, 422), (act, page.status)
                assert "A sentence that I alone" not in page.text
        assert len(said(view)) == before
        assert writer.post("/compose/send", {"seen": seal[1]}).status == 303
        assert len(said(view)) == before + 1, "its own writer sends it"


def said(view: View) -> list[int]:
    """Our own statements."""
    state = view.store.states().get(view.own)
    return [one.index for one in view.store.rows(view.own, 0, state.size if state else 0) if one.kind == KINDS["statement"]]


EVIL = "evil.example"


def test_open_redirect_every_way_leads_to_a_page_of_this_address(sides: dict[str, Side]) -> None:
    side = sides["military"]
    someone, stranger = person(side, "administrator"), nobody(side)
    asked = f"?next=//{EVIL}&to=//{EVIL}&said=//{EVIL}&q=//{EVIL}&lang=//{EVIL}"
    base = someone.base
    paths = ["/c", "/c/", base, f"{base}/", f"{base}//{EVIL}", f"{base}/%2f%2f{EVIL}", f"{base}/%5c{EVIL}", f"/c/%5c{EVIL}", f"/c//{EVIL}"]
    paths += [f"/c/.%2f.%2f%2f{EVIL}", f"//{EVIL}", f"//{EVIL}/c", f"/%2f%2f{EVIL}/", f"/c/static//{EVIL}", "/v1/", "/founding/"]
    paths += [f"{base}/sign-in", f"{base}/inbox/", f"{base}/search", f"{base}/message/north/0"]
    ways = 0
    for who in (someone, stranger):
        plain = replace(who, base="")
        acts = [plain.ask("GET", path + more, None, Host=host) for path in paths for more in ("", asked) for host in (HERE, EVIL, "")]
        acts += [who.post(f"{path}{asked}") for path in ("/me/preferences", "/shift/end", "/sign-in", "/sign-out", "/compose/forget")]
        acts += [who.get("/inbox", Referer=f"http://{EVIL}/", X_Forwarded_Host=EVIL, X_Forwarded_Proto="https", Forwarded=f"host={EVIL}")]
        for page in acts:
            assert page.status < 500
            ways += bool(page.location)
            assert not page.location or re.fullmatch(r"/c/[^/\\]+/[^\\]*", page.location), page.location
            assert "refresh" not in page.headers
    assert ways > 50


HERE = "localhost"


def test_host_header_what_a_stranger_calls_us_is_believed_by_nobody(sides: dict[str, Side]) -> None:
    """A name of the attacker's that leads to this machine (DNS rebinding): its pages are this origin's own to a browser. They get no more
    than a stranger does, and no page repeats the name."""
    side = sides["military"]
    someone, stranger = person(side, "administrator"), nobody(side)
    for host in (
        EVIL,
        f"{EVIL}:{side.port}",
        f"localhost.{EVIL}",
        f"localhost:{side.port}.{EVIL}",
        f"localhost:{side.port}, {EVIL}",
        "[::1",
    ):
        page = stranger.get("/sign-in", Host=host)
        assert page.status in (200, 400), (host, page.status)
        assert "data-passkey" not in page.text, "no passkey is asked for under such a name"
        for who, path in ((stranger, "/sign-in"), (someone, "/inbox"), (someone, "/me"), (someone, "/people"), (stranger, "/nothing")):
            page = who.get(path, Host=host, X_Forwarded_Host=host)
            assert EVIL not in page.text, (host, path)
            assert EVIL not in page.location
        for who, path in ((someone, "/people/invite"), (someone, "/shift/start"), (stranger, "/sign-in")):
            page = who.post(path, {"role": "administrator"}, Host=host, Origin=f"http://localhost:{side.port}")
            assert page.status in (400, 403), (host, path)
    for origin in (f"http://localhost:{side.port}", f"http://{EVIL}:{side.port}"):
        page = stranger.post("/shift/start", Host=f"{EVIL}:{side.port}", Origin=origin)
        assert page.status == 401, "no cookie goes to that name, so nobody is signed in"


def test_cookie_prefix_only_what_this_host_alone_could_set_is_read(sides: dict[str, Side]) -> None:
    side = sides["military"]
    who, other = person(side, "administrator"), person(side, "reader")
    assert who.cookie.startswith("__Host-")
    bare = who.cookie.removeprefix("__Host-")
    for name in (bare, f"__Secure-{bare}", f"__host-{bare}", who.cookie.upper(), f" {bare}", "session", f"__Host-{bare}x"):
        assert nobody(side).get("/me", Cookie=f"{name}={who.token}").status == 303, name
    assert nobody(side).get("/me", Cookie=f"{who.cookie}={who.token}").status == 200
    for pair in ((who, other), (other, who)):  # a second one beside it makes nobody more than either is
        page = nobody(side).get("/people", Cookie="; ".join(f"{who.cookie}={one.token}" for one in pair))
        assert page.status in (200, 403)
        assert nobody(side).post("/people/invite", csrf=other.csrf, Cookie=f"{who.cookie}={who.token}").status == 403
    out = other.post("/sign-out")
    assert all({"Secure", "HttpOnly", "Path=/", "SameSite=strict"} <= set(re.split("; ", text)) for text in out.cookies), out.cookies
    assert cookies(out.cookies) == {who.cookie: ""}
    assert other.get("/me").status == 303, "the session is over at the node too"


def enrolled(side: Side) -> tuple[str, str]:
    """Somebody with a password and codes: their name, the secret of their codes."""
    name, now = f"commander {os.urandom(3).hex()}", int(time.time())
    opened = accounts(side)
    try:
        by = next(one.id for one in opened.accounts() if one.role == "administrator")
        secret = opened.invite("releaser", name, by, now).secret
        totp = opened.register_password(secret, None, PASSWORD, now).secret
        opened.confirm_totp(secret, totp_code(totp, now - 30), now, Client("192.0.2.7"))
    finally:
        opened.close()
    return name, totp


def test_guessing_is_slowed_and_locks_nobody_out_who_was_here_before(sides: dict[str, Side]) -> None:
    side = sides["military"]
    person(side, "administrator")
    name, totp = enrolled(side)
    good = {"name": name, "password": PASSWORD}
    known = nobody(side).post("/sign-in", {**good, "code": totp_code(totp, int(time.time()))})
    assert known.status == 303, known.text
    device = "; ".join(f"{key}={value}" for key, value in cookies(known.cookies).items() if "device" in key)
    assert device
    answers = [nobody(side).post("/sign-in", {"name": name, "password": "a wrong long sentence", "code": "000000"}) for _ in range(7)]
    assert {page.status for page in answers} == {422}
    assert "Too many" in answers[-1].text or "wait" in answers[-1].text.lower()
    slowed = nobody(side).post("/sign-in", {**good, "code": totp_code(totp, int(time.time()) + 30)})
    assert slowed.status == 422, "whoever guesses waits, even with the right word"
    own = nobody(side).post("/sign-in", {**good, "code": totp_code(totp, int(time.time()) + 30)}, Cookie=device)
    assert own.status == 303, "a browser that was here before has a lane of its own"


def test_clickjacking_no_page_may_be_framed(sides: dict[str, Side]) -> None:
    someone, stranger = person(sides["military"], "administrator"), nobody(sides["military"])
    for who, path in (
        (someone, "/inbox"),
        (someone, "/me"),
        (stranger, "/sign-in"),
        (stranger, "/enter/" + "0" * 43),
        (stranger, "/nothing"),
    ):
        page = who.get(path)
        assert "frame-ancestors 'none'" in page.headers["content-security-policy"], path
        assert page.headers["cross-origin-opener-policy"] == "same-origin"
    assert isinstance(stranger, Person)
