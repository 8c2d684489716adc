"""An officer's shift, as two sides live it in Debian's Chromium: released by a passkey, heard by an armed alarm, answered; alone at night.
ISSUE "The officer's shift", "Shown by" 2 and 4."""

from __future__ import annotations

import time
from typing import Final

from playwright.sync_api import Page

from browser.officers import Officer, Post, Posts, goes_on, put, release_by_passkey, release_by_password
from console.tables import table

LOOKED_SECONDS: Final = 2.0
BUSY: Final = 4  # on a machine that is busy with other tests, so many times as long as a page takes there
FIVE_MINUTES: Final = 301
NOTIFIED: Final = {
    "place": "Stone Bridge",
    "occurred_from": "2026-03-01 04:05",
    "types": "A4",
    "accused": "south",
    "sources__0__class": "own_unit",
    "damage": "A fence.",
}


def officers(posts: Posts) -> tuple[Officer, Officer, Officer, Officer]:
    """Two of North, two of South."""
    return *posts.posts["north"].officers.values(), *posts.posts["south"].officers.values()  # type: ignore[return-value]


def seen_within(page: Page, script: str, since: float) -> float:
    """Wait until it is so on an open page; after how many seconds since `since`."""
    page.wait_for_function(f"() => {script}", timeout=20_000)
    return time.monotonic() - since


def last(posts: Posts, slug: str) -> str:
    """The reference of a side's newest message that people wrote, at that side."""
    return posts.said(slug)[-1]


def arm(officer: Officer) -> Page:
    """The inbox, with its alarm armed."""
    page = officer.goto("/inbox")
    if page.locator("#alarm-bar").get_attribute("data-armed") == "no":
        page.click("#arm")
        page.wait_for_selector("#alarm-bar[data-armed=yes]")
    return page


def test_one_drafts_another_releases_the_other_side_hears_it_and_answers_and_both_cases_agree(posts: Posts) -> None:
    larch, cedar, heron, plover = officers(posts)
    open_inbox = arm(heron)
    draft = put(larch, "/compose/notification", **NOTIFIED)
    assert open_inbox.locator("a[href*='/message/north/']", has_text="Stone Bridge").count() == 0, "a draft is nobody else's"
    began = time.monotonic()
    release_by_passkey(cedar, draft)
    seconds = seen_within(open_inbox, "document.querySelector('#list').innerText.includes('Stone Bridge')", began)
    assert open_inbox.locator("#list tr", has_text="Stone Bridge").locator("[data-until]").count() == 1, "when the answer is due"
    ref = last(posts, "north")
    assert posts.view("south").message(posts.view("south").row(posts.view("south").ref(ref)))["void"] is None

    draft = put(larch, "/compose/flash", press="button[value=cease_now]", place="Stone Bridge")
    began = time.monotonic()
    release_by_passkey(cedar, draft)
    sounded = seen_within(open_inbox, "Number(document.body.dataset.beeps || 0) > 0", began)
    print(f"on the other side's open inbox: a notification after {seconds:.2f} s, a flash sounds after {sounded:.2f} s")
    goes_on(larch)
    began = time.monotonic()
    larch.goto("/inbox")
    page_takes = time.monotonic() - began
    assert max(seconds, sounded) < max(LOOKED_SECONDS, BUSY * page_takes), (seconds, sounded, page_takes)
    open_inbox.click(".flash-banner form button")
    open_inbox.wait_for_url("**/inbox?said=*")

    before = posts.said("south")
    answer = put(plover, f"/compose/reply?re={ref}", stance="accepted", account="They were ours. They have ceased.", fact__place="agreed")
    release_by_password(heron, answer, sends=False)
    assert "1 of 2" in heron.goto("/release").inner_text("main")
    assert posts.said("south") == before, "one officer is not enough for this"
    release_by_passkey(plover, answer)
    pages = [heron.goto(f"/case/{ref}"), larch.goto(f"/case/{ref}")]
    for page in pages:
        page.wait_for_function("() => document.querySelector('#versions-part').innerText.includes('They have ceased')", timeout=10_000)
    for part in ("#facts-part", "#versions-part", "#clocks"):
        south, north = (page.inner_text(part) for page in pages)
        assert north == south, part
    assert "Stone Bridge" in pages[0].inner_text("#facts-part")
    assert "agreed" in pages[0].inner_text("#facts-part")


def silenced(posts: Posts, page: Page, ref: str) -> None:
    """Silence a flash that sounds: nothing is sent by that."""
    before = posts.said("south")
    page.wait_for_function("() => Number(document.body.dataset.beeps || 0) > 0")
    page.locator(f"[data-flash='{ref}'] [data-silence]").click()
    beeps = page.evaluate("document.body.dataset.beeps")
    page.wait_for_timeout(2300)
    assert page.evaluate("document.body.dataset.beeps") == beeps
    assert posts.said("south") == before, "silencing is nobody's word"


def both_see_one_deadline(posts: Posts, asked: Officer, asking: Officer, case: str) -> str:
    """Before the record tells when the answer is due, the inbox does, and no later; then both case pages tell the same; what."""
    row = asked.goto("/inbox?show=waiting").locator("#list tr", has=asked.page.locator(f"a[href$='/message/{case}']"))
    listed = row.locator("[data-until]").get_attribute("datetime")
    posts.players.send("south", "line_check", {})  # the machine writes its receipts down: from them the clocks run
    due = []
    for one in (asked, asking):
        page = one.goto(f"/case/{case}")
        page.wait_for_selector("#clocks .clock.running time", timeout=10_000)
        due.append(page.locator("#clocks .clock.running time").evaluate_all("found => found.map(one => one.dateTime)"))
    assert due[0] == due[1], "one deadline"
    assert listed is not None
    assert listed <= min(due[0])
    return " ".join(sorted(set(due[0])))


def rings(post: Post, before: str, ref: str) -> None:
    """Wait until the alarm command of a side has run for a flash."""
    deadline = time.monotonic() + 30
    while f"flash {ref}\n" not in post.rung().removeprefix(before):
        assert time.monotonic() < deadline, post.rung()
        time.sleep(0.05)


def test_alone_at_three_in_the_morning(posts: Posts) -> None:
    larch, cedar, heron, plover = officers(posts)
    north, south = posts.posts["north"], posts.posts["south"]
    heron.goto("/shift").click("form[action$='/shift/start'] button")
    heron.page.wait_for_url("**/shift?said=*")
    for one in (heron, plover):
        one.page.goto("about:blank")  # no page of the console is open at South
    rung, steps = south.rung(), [("South begins a shift, and closes the console", "")]

    notified = put(larch, "/compose/notification", **{**NOTIFIED, "place": "Mill Ford"})
    release_by_passkey(cedar, notified)
    case = last(posts, "north")
    goes_on(larch)
    flash = put(larch, "/compose/flash", press="button[value=cease_now]", place="Mill Ford")
    began = time.monotonic()
    release_by_password(cedar, flash)
    ref = last(posts, "north")
    rings(south, rung, ref)
    steps.append((f"North sends the flash {ref}; the alarm command has run", f"{time.monotonic() - began:.2f} s"))
    goes_on(larch)
    page = larch.goto("/sent")
    page.wait_for_function("() => document.querySelector('#own-flashes').innerText.includes('received by their machine, no person yet')")
    assert ref in page.inner_text("#own-flashes")
    assert "elephone" not in page.inner_text("#own-flashes")
    steps.append(("North's page", "received by their machine, no person yet"))

    for post in (north, south):  # the same machines, five minutes later
        post.serve(FIVE_MINUTES)
    page = larch.goto("/inbox")
    told = page.inner_text("#own-flashes")
    assert "that they read it. Telephone them." in told, told
    assert "+000 south" in told, told
    woken = arm(heron)
    banner = woken.locator(f"[data-flash='{ref}']")
    told = banner.inner_text()
    assert "that they read it." in told, told
    assert "+000 north" in told, told
    steps.append(("five minutes later, both pages show a duty telephone", "+000 south, +000 north"))

    length = len(posts.said("south"))
    silenced(posts, woken, ref)
    steps.append(("silenced: South's log is longer by", str(len(posts.said("south")) - length)))
    due = both_see_one_deadline(posts, heron, larch, case)
    steps.append(("both pages show one deadline", due))
    before = posts.said("south")
    checking = put(heron, f"/compose/flash?re={ref}", press="button[value=checking]")
    release_by_passkey(heron, checking)
    inquiry = put(heron, f"/compose/reply?re={case}", stance="under_inquiry")
    release_by_password(heron, inquiry, later=FIVE_MINUTES)
    sent = posts.said("south")
    accepted = put(heron, f"/compose/reply?re={case}", stance="accepted")
    release_by_passkey(heron, accepted, sends=False)
    assert posts.said("south") == sent, "it waits for a second officer"

    view = posts.view("north")
    for name in sent[len(before) :]:
        assert view.message(view.row(view.ref(name)))["void"] is None, name
    steps.append(("checking, and a reply, by one officer alone", f"valid: {', '.join(sent[len(before) :])}"))
    steps.append(("accepted by one officer alone", heron.goto("/release").locator("#drafts .states").first.inner_text().splitlines()[0]))
    print(table("Alone at 03:00", ["step", "seen"], steps))
