"""Attacks on the console that take a real browser: a page of another origin that sends its forms, frames its pages or reads them.
tests/console/test_security.py has the others."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar, Final

import pytest

from browser.chromium import signed_in
from browser.officers import AUTHENTICATOR
from browser.world import World, tell
from console.people import nobody

HOSTS: Final = ("localhost", "127.0.0.1")  # the same site as the console but another origin; another site


class Evil(BaseHTTPRequestHandler):
    """A page of the attacker's; `pages` by path."""

    pages: ClassVar[dict[str, str]] = {}

    def do_GET(self) -> None:
        """Answer with the page."""
        data = self.pages.get(self.path, "").encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def evil() -> Iterator[int]:
    """The port of the attacker's server."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Evil) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("host", HOSTS)
def test_csrf_a_form_of_another_origin_does_nothing(world: World, evil: int, host: str) -> None:
    who = world.people["south"]
    ref = str(tell(world.sides["north"], "flash", {"phrase": "cease_now", "place": f"CSRF {host}"})["ref"])
    here = f"http://localhost:{who.port}{who.base}"
    acts = (f"/flash/{ref}/read", "/shift/start", "/me/preferences", "/sign-out", "/people/invite")
    with signed_in(world.chromium, who) as context:
        page = context.new_page()
        page.goto(f"{here}/inbox", wait_until="domcontentloaded")
        page.wait_for_selector(f"[data-flash='{ref}']")
        for number, act in enumerate(acts):
            fields = f"<input name=csrf value='{who.csrf}'><input name=role value=administrator><input name=name value=evil>"
            Evil.pages[f"/{number}"] = f"<form method=post action='{here}{act}'>{fields}</form>"
            sent = context.new_page()
            sent.goto(f"http://{host}:{evil}/{number}", wait_until="load")
            with sent.expect_response(lambda one: "/c/" in one.url) as answered:
                sent.evaluate("document.forms[0].submit()")
            assert answered.value.status in (401, 403), act
            sent.close()
        page.goto(f"{here}/inbox", wait_until="domcontentloaded")
        assert page.locator(f"[data-flash='{ref}']").count() == 1, "nobody has said that it was read"
        page.goto(f"{here}/people", wait_until="domcontentloaded")
        assert "evil" not in page.inner_text("main")


@pytest.mark.parametrize("host", HOSTS)
def test_clickjacking_a_frame_on_another_page_stays_empty(world: World, evil: int, host: str) -> None:
    who = world.people["south"]
    here = f"http://localhost:{who.port}{who.base}"
    with signed_in(world.chromium, who) as context:
        page = context.new_page()
        for path in ("/inbox", "/me", "/sign-in"):
            Evil.pages["/frame"] = f"<iframe src='{here}{path}'></iframe>"
            with page.expect_response(lambda one: "/c/" in one.url):
                page.goto(f"http://{host}:{evil}/frame", wait_until="load")
            (frame,) = page.frames[1:]
            assert not frame.url.startswith("http"), "an error of the browser's own stands there"
            assert frame.locator("main").count() == 0


@pytest.mark.parametrize("host", HOSTS)
def test_another_origin_reads_nothing(world: World, evil: int, host: str) -> None:
    who = world.people["south"]
    here = f"http://localhost:{who.port}{who.base}"
    Evil.pages["/read"] = "<title>read</title>"
    script = """async address => {
      const said = [];
      for (const mode of ["cors", "no-cors"]) {
        try { said.push((await (await fetch(address, { mode, credentials: "include" })).text()).length); } catch { said.push(0); }
      }
      said.push(await new Promise(done => {
        const source = new EventSource(address.replace("/inbox", "/live"), { withCredentials: true });
        source.onopen = () => done(1); source.onerror = () => done(0);
      }));
      const opened = window.open(address);
      await new Promise(done => setTimeout(done, 1000));
      try { said.push(opened.document.body.innerText.length); } catch { said.push(0); }
      return said;
    }"""
    with signed_in(world.chromium, who) as context:
        page = context.new_page()
        page.goto(f"http://{host}:{evil}/read", wait_until="load")
        assert page.evaluate(script, f"{here}/inbox") == [0, 0, 0, 0]


ASK: Final = """async options => {
  const bytes = text => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), one => one.charCodeAt(0));
  const text = data => btoa(String.fromCharCode(...new Uint8Array(data))).replace(/[+]/g, "-").replace(/[/]/g, "_").replace(/=+$/, "");
  let found;
  try {
    found = await navigator.credentials.get({ publicKey: { ...options, challenge: bytes(options.challenge), allowCredentials: [] } });
  } catch { return null; }
  const said = found.response;
  return { id: found.id, rawId: text(found.rawId), type: found.type, response: { clientDataJSON: text(said.clientDataJSON),
    authenticatorData: text(said.authenticatorData), signature: text(said.signature), userHandle: text(said.userHandle) } };
}"""


def test_passkey_only_our_own_page_and_a_person_who_is_verified_open_the_door(world: World, evil: int) -> None:
    """A virtual authenticator with real keys. A page at another port of this host may ask for the same passkey, since those know hosts and
    no ports: what it gets, with a challenge that its server fetched, opens nothing. Nor does what our page sent before."""
    side, who = world.sides["south"], world.people["south"]
    door, stranger = f"http://localhost:{side.port}{who.base}/sign-in", nobody(side)
    with signed_in(world.chromium, who) as context:
        page = context.new_page()
        devtools = context.new_cdp_session(page)
        devtools.send("WebAuthn.enable")
        held = devtools.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})["authenticatorId"]
        page.goto(f"{who.base}/me", wait_until="domcontentloaded")
        page.fill("#label", "This desk")
        page.click("form[data-passkey=create] button")
        page.wait_for_url("**said=Saved.")
        context.clear_cookies()

        page.goto(door, wait_until="domcontentloaded")
        options = json.loads(page.get_attribute("form[data-passkey]", "data-options") or "")
        for host, gets in (("localhost", True), ("127.0.0.1", False)):
            Evil.pages["/lure"] = "<title>Sign in</title>"
            page.goto(f"http://{host}:{evil}/lure", wait_until="load")
            lured = page.evaluate(ASK, options)
            assert (lured is not None) == gets, host
            if lured is not None:
                assert stranger.post("/sign-in/passkey", {"answer": json.dumps(lured)}).status == 422, "it says which page asked"

        devtools.send("WebAuthn.setUserVerified", {"authenticatorId": held, "isUserVerified": False})
        page.goto(door, wait_until="domcontentloaded")
        page.click("form[data-passkey] button")
        page.wait_for_selector("[data-failed]:not([hidden])")
        options = json.loads(page.get_attribute("form[data-passkey]", "data-options") or "")
        careless = page.evaluate(ASK, {**options, "userVerification": "discouraged"})
        assert careless is not None
        assert stranger.post("/sign-in/passkey", {"answer": json.dumps(careless)}).status == 422, "nobody was verified"

        devtools.send("WebAuthn.setUserVerified", {"authenticatorId": held, "isUserVerified": True})
        page.goto(door, wait_until="domcontentloaded")
        with page.expect_request("**/sign-in/passkey") as sent:
            page.click("form[data-passkey] button")
        page.wait_for_url("**/inbox")
        assert stranger.ask("POST", "/sign-in/passkey", sent.value.post_data_buffer, **form_headers(side.port)).status == 422, "once"


def form_headers(port: int) -> dict[str, str]:
    """What a browser says of a form of our own page."""
    return {"Origin": f"http://localhost:{port}", "Content-Type": "application/x-www-form-urlencoded"}
