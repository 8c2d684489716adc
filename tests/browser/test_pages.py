"""Every page of the route table, in both languages, light and dark: axe finds nothing, at 1440 and 320 pixels nothing must be scrolled
sideways, and wherever a keyboard stops is seen. The pages are made from the table; of what comes only by an act, the form in the page is
filled. ISSUE "The officer's shift"."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

import pytest
from playwright.sync_api import Page

from browser.axe import NARROW, WIDE, over, unseen, violations
from browser.chromium import press, signed_in, watched
from browser.officers import AUTHENTICATOR
from browser.world import GATES, NO_PAGES, World, places, tell
from ceasewire.console.pages import ROUTES
from ceasewire.node import writing
from console.people import Person, nobody, person
from console.tables import table

LANGUAGES: Final = ("en", "ps")
THEMES: Final = ("light", "dark")
SIZES: Final = {"1440": WIDE, "320": NARROW}
DIRECTION: Final = {"en": "ltr", "ps": "rtl"}
Found = list[tuple[str, list[str]]]


@dataclass
class Seen:
    """What was found on each page: by its name, then by language and theme, or language and width. `keys`: how many stops a keyboard makes,
    and those where nobody sees it."""

    axe: dict[str, dict[tuple[str, str], Found]] = field(default_factory=dict)
    over: dict[str, dict[tuple[str, str], int]] = field(default_factory=dict)
    keys: dict[str, dict[tuple[str, str], tuple[int, list[str]]]] = field(default_factory=dict)

    def look(self, page: Page, name: str, language: str) -> None:
        """Look at the page that is open, in each theme and at each width."""
        assert page.evaluate("document.documentElement.dir") == DIRECTION[language], name
        assert page.locator("h1").count() == 1, name
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        for size, pixels in SIZES.items():
            self.over.setdefault(name, {})[language, size] = over(page, pixels)
            self.keys.setdefault(name, {})[language, size] = unseen(page)
        page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})
        for theme in THEMES:
            page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
            self.axe.setdefault(name, {})[language, theme] = violations(page)

    def wrong(self, language: str) -> list[tuple[str, str, object]]:
        """All that is wrong in one language."""
        broken = [
            (name, theme, found) for name, row in self.axe.items() for (one, theme), found in row.items() if one == language and found
        ]
        wide = [(name, size, more) for name, row in self.over.items() for (one, size), more in row.items() if one == language and more > 0]
        lost = [
            (name, size, found) for name, row in self.keys.items() for (one, size), (_, found) in row.items() if one == language and found
        ]
        return [*broken, *wide, *lost]

    def told(self) -> str:
        """The table, and its sum."""
        looked = [found for row in self.axe.values() for found in row.values()]
        measured = [more for row in self.over.values() for more in row.values()]
        stops = [found for row in self.keys.values() for found in row.values()]
        rows = [(name, *self._row(name), max(count for count, _ in self.keys[name].values())) for name in self.axe]
        heads = ["page", *(f"{language} {what}" for language in LANGUAGES for what in (*THEMES, *SIZES)), "stops"]
        return table(
            f"axe: {len(rows)} pages x {len(LANGUAGES)} languages x {len(THEMES)} themes = {len(looked)} runs, violations"
            f" {sum(map(len, looked))}; wider than the window: {sum(more > 0 for more in measured)} of {len(measured)};"
            f" stops of the keyboard {sum(count for count, _ in stops)}, unseen {sum(len(wrong) for _, wrong in stops)}\n"
            "(light, dark: rules broken; 1440, 320: pixels too wide; stops: of Tab on the page, everything unfolded)",
            heads,
            rows,
        )

    def _row(self, name: str) -> Iterator[object]:
        for language in LANGUAGES:
            for theme in THEMES:
                found = self.axe[name].get((language, theme))
                yield "?" if found is None else len(found)
            for size in SIZES:
                yield self.over[name].get((language, size), "?")


@pytest.fixture(scope="module")
def seen() -> Iterator[Seen]:
    made = Seen()
    yield made
    print(made.told())


@pytest.fixture(scope="module")
def looked(world: World) -> World:
    """The world, with a flash from either side that nobody has read."""
    for slug in ("north", "south"):
        tell(world.sides[slug], "flash", {"phrase": "cease_now", "place": "Stone Bridge"})
    return world


# --- What comes only by an act ---


def preview(page: Page, base: str) -> None:
    """What will be signed."""
    page.goto(f"{base}/compose/statement", wait_until="domcontentloaded")
    page.fill("[name='f.text']", "We hold fire.")
    press(page, ".deeds button[value=preview]")


def form_again(page: Page, base: str) -> None:
    """A form that was not filled, with what is wrong beside its fields."""
    page.goto(f"{base}/compose/notification", wait_until="domcontentloaded")
    page.evaluate("document.querySelector('form.compose').noValidate = true")
    press(page, ".deeds button[value=preview]")
    assert page.locator("[aria-invalid=true], .wrong").count()


def enrolment(page: Page, base: str) -> None:
    """The code for an authenticator app."""
    page.goto(f"{base}/me", wait_until="domcontentloaded")
    page.fill("#password", "four long words here")
    press(page, "form[action$='/me/password'] button")
    assert page.locator(".qr-box").count()


def asked_who(page: Page, base: str) -> None:
    """Before a link is made: who is it that makes it?"""
    page.goto(f"{base}/people", wait_until="domcontentloaded")
    press(page, "form[action$='/people/invite'] button")
    assert page.locator("#deed").count()


def passkey(page: Page, base: str) -> None:
    """One's own page, with a passkey that was made just now."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    page.goto(f"{base}/me", wait_until="domcontentloaded")
    page.fill("#label", "This desk")
    page.click("form[data-passkey=create] button")
    page.wait_for_url("**said=Saved.")


def link(page: Page, base: str) -> None:
    """A link to pass on, made by somebody who has just said who they are."""
    page.goto(f"{base}/people", wait_until="domcontentloaded")
    press(page, "form[action$='/people/invite'] button")
    assert page.locator("code.secret").count()


def on_watch(page: Page, base: str) -> None:
    """A shift that has begun."""
    page.goto(f"{base}/shift", wait_until="domcontentloaded")
    if page.locator("form[action$='/shift/start']").count():
        press(page, "form[action$='/shift/start'] button")


def leaving(page: Page, base: str) -> None:
    """What is asked of whoever would leave nobody on watch."""
    on_watch(page, base)
    press(page, "form[action$='/shift/end'] button")
    assert page.locator("[name=alone]").count()


def at(path: str) -> Callable[[Page, str], None]:
    """A page that an address shows."""
    return lambda page, base: void(page.goto(f"{base}{path}", wait_until="domcontentloaded"))


def void(_: object) -> None:
    """Nothing."""


ACTS: Final[dict[str, Callable[[Page, str], None]]] = {
    "compose_form, not filled": form_again,
    "compose_filled, to be signed": preview,
    "begin_password": enrolment,
    "invite, asked who it is": asked_who,
    "shift, on watch": on_watch,
    "an error": at("/nothing"),
}
MORE: Final[dict[str, Callable[[Page, str], None]]] = {
    "compose_form, a reply": at("/compose/reply?re=north/0"),
    "compose_form, a correction": at("/compose/correction?re=south/0"),
    "inbox, all": at("/inbox?show=all"),
    "shift_end, nobody follows": leaving,
    "search, found": at("/search?q=script"),
    "me, with a passkey": passkey,
    "invite": link,
}


def refused(page: Page, base: str) -> None:
    """The page to sign in, after a wrong password."""
    page.goto(f"{base}/sign-in", wait_until="domcontentloaded")
    for name in ("name", "password", "code"):
        page.fill(f"#{name}", "wrong")
    press(page, "form:has(#code) button")
    assert page.locator("[role=alert]").count()


# --- The pages ---


def speaking(who: Person, language: str) -> None:
    """Somebody's own choice of a language."""
    assert who.post("/me/preferences", {"language": language, "calendar": "gregorian", "theme": "auto"}).status == 303


def look_at_all(world: World, seen: Seen, language: str, acts: dict[str, Callable[[Page, str], None]]) -> None:
    """Every page of an administrator of South, and those of the door."""
    side = world.sides["south"]
    who = person(side, "administrator")
    speaking(who, language)
    addresses = places(who, side)
    stranger = nobody(side)
    for inside, asks in ((True, who), (False, stranger)):
        with signed_in(world.chromium, asks, language=language) as context:
            page, wrong = watched(context, side.port)
            for name, address in addresses.items():
                if (name in GATES) != inside:
                    page.goto(address, wait_until="domcontentloaded")
                    seen.look(page, name, language)
            for name, act in acts.items() if inside else (("signed, refused", refused),):
                act(page, who.base)
                seen.look(page, name, language)
            assert wrong == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_axe_finds_nothing_wrong_on_any_page_and_none_is_wider_than_its_window(looked: World, seen: Seen, language: str) -> None:
    look_at_all(looked, seen, language, ACTS)
    assert {route.name for route in ROUTES if route.method == "GET"} - NO_PAGES.keys() <= seen.axe.keys(), "a page that nobody looked at"
    assert seen.wrong(language) == []


@pytest.mark.sweep
@pytest.mark.parametrize("language", LANGUAGES)
def test_nor_in_any_form_or_after_any_act(looked: World, seen: Seen, language: str) -> None:
    with looked.sides["south"].folder.view() as view:
        forms = {f"compose_form, {kind}": at(f"/compose/{kind}") for kind in writing.offered(view)}
    look_at_all(looked, seen, language, {**ACTS, **forms, **MORE})
    assert seen.wrong(language) == []


def test_what_is_looked_for_is_found(looked: World) -> None:
    who = looked.people["south"]
    with signed_in(looked.chromium, who, dark=True) as context:
        page = context.new_page()
        page.goto(f"{who.base}/release", wait_until="domcontentloaded")
        spoil = """what => document.querySelector('main').insertAdjacentHTML('beforeend', what)"""
        page.evaluate(spoil, "<img src='data:,'><p id='faint'>faint</p><div id='broad'>broad</div>")
        page.evaluate("Object.assign(document.getElementById('faint').style, { color: '#777', background: '#888' })")
        page.evaluate("document.getElementById('broad').style.inlineSize = '400px'")
        assert {name for name, _ in violations(page)} == {"color-contrast", "image-alt"}
        assert (over(page, NARROW) > 0, over(page, WIDE)) == (True, 0)
        page.evaluate("document.querySelector('main a.button').style.outline = 'none'")
        page.evaluate(spoil, "<div id='lid'></div>")
        page.evaluate("Object.assign(document.getElementById('lid').style, { position: 'fixed', inset: '0 0 50% 0' })")
        assert {one.partition(":")[0] for one in unseen(page)[1]} == {"no ring", "not seen"}


def test_a_theme_that_somebody_chose_is_the_one_that_was_looked_at(looked: World) -> None:
    """The pages above are dark because the machine is; a person's choice gives the same colours, whatever the machine says."""
    who = looked.people["south"]
    colours = "() => [...document.querySelectorAll('body, body *')].map(one => { const s = getComputedStyle(one);"
    colours += " return [s.color, s.backgroundColor, s.borderTopColor].join(); })"
    with signed_in(looked.chromium, who) as context:
        page = context.new_page()
        for theme, machine in (("dark", "light"), ("light", "dark")):
            told = []
            for chosen, scheme in ((theme, machine), ("auto", theme)):
                assert who.post("/me/preferences", {"language": "en", "calendar": "gregorian", "theme": chosen}).status == 303
                page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
                page.goto(f"{who.base}/cases", wait_until="domcontentloaded")
                told.append(page.evaluate(colours))
            assert told[0] == told[1], theme
            assert len(told[0]) > 50
