"""Releasing: officers confirm the very text, each once; an edit voids what was released; however they race, one message goes. FAULTS I-6 to
I-9."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import update

from accounts.authenticator import Authenticator, totp_code
from ceasewire.accounts import Client
from ceasewire.accounts.schema import password
from ceasewire.errors import LocalError
from ceasewire.node import drafts as node_drafts
from ceasewire.node import writing
from ceasewire.node.composing import in_force
from ceasewire.node.drafts import Drafts
from ceasewire.record.amendment import amendment_hash, changes_between
from ceasewire.record.draft import amended
from ceasewire.record.kinds import KINDS
from console.desks import Answer, Browser, Desk, desk_of
from console.filling import fill, form_of, rest_in, seen_in
from node.pair import ChannelPair
from signers import HERON, KESTREL, LATER, OFFICERS

PASSWORD = "a long sentence of a test"
ORIGIN = "http://localhost"
HERE = Client("127.0.0.1")


@dataclass
class Officer:
    """A releaser with a password: their browser and the secret of their codes."""

    browser: Browser
    secret: str

    def code(self) -> str:
        """The code of now, as if none had been used in this half minute."""
        people = self.browser.desk.people
        with people._db.writing() as connection:
            connection.execute(update(password).where(password.c.account == self.browser.session.account).values(step=0))
        return self.used()

    def used(self) -> str:
        """The code of now."""
        return totp_code(self.secret, int(time.time()))

    def release(self, name: str, **form: str) -> Answer:
        """Release a draft as its page asks."""
        rest = rest_in(self.browser.get(f"/release/{name}"))
        code = form["code"] if "code" in form else self.code()
        return self.browser.post(f"/release/{name}", **{"rest": rest, "password": PASSWORD, **form, "code": code})


def enrol(desk: Desk, role: str = "releaser") -> Officer:
    """Somebody with a password and codes."""
    browser, now = Browser(desk, role), int(time.time())
    begun = desk.people.register_password(browser.session.id, None, PASSWORD, now)
    browser.token, browser.session = desk.people.confirm_totp(browser.session.id, totp_code(begun.secret, now - 30), now, HERE)
    return Officer(browser, begun.secret)


@dataclass
class World:
    """North with two officers who have passwords and one with a passkey, all named in a `keys` message; and a drafter."""

    pair: ChannelPair
    desk: Desk
    drafter: Browser
    officers: list[Officer]
    passkey: Authenticator
    holder: Browser
    second: Authenticator

    @property
    def size(self) -> int:
        return self.pair.north.size(0)

    def put(self, text: str = "We hold fire.", **fields: str) -> str:
        """A statement before the officers; the draft's id."""
        answer = self.drafter.post("/compose/put", seen=seen_in(fill(self.drafter, "/compose/statement", f__text=text, **fields)))
        assert answer.status == 303, answer.text
        return answer.headers["location"].rpartition("/")[2].partition("?")[0]

    def last(self) -> dict[str, Any]:
        view = self.pair.north.node.reading
        return view.message(view.row((0, self.size - 1)))


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with ChannelPair(officers=OFFICERS) as pair:
        pair.set_clock(int(time.time()))
        desk = desk_of(pair.north)
        officers = [enrol(desk), enrol(desk)]
        holder, passkey, now = Browser(desk, "releaser"), Authenticator(), int(time.time())
        made = passkey.create(desk.people.passkey_registration(holder.session.id, None, ORIGIN, now), ORIGIN)
        holder.token, holder.session = desk.people.finish_passkey(holder.session.id, None, made, origin=ORIGIN, now=now, client=HERE)
        second = Authenticator(id=b"another credential")  # of the first officer, who has a password too
        first = officers[0].browser
        made = second.create(desk.people.passkey_registration(first.session.id, None, ORIGIN, now), ORIGIN)
        first.token, first.session = desk.people.finish_passkey(first.session.id, None, made, origin=ORIGIN, now=now, client=HERE)
        named = [
            {"name": f"{who.session.name} {number}", "role": "duty_officer", **half.json}
            for who in (first, officers[1].browser, holder)
            for number, half in enumerate(desk.people.officers(who.session.account))
        ]
        say_now(pair, "keys", {"officers": named})
        yield World(pair, desk, Browser(desk, "drafter"), officers, passkey, holder, second)


def say_now(pair: ChannelPair, kind: str, body: dict[str, Any]) -> None:
    """A message that the charter's own officers release, at the clock's time."""
    view, store = pair.north.node, Drafts(pair.north.folder.path)
    draft = node_drafts.make(view, kind, body, bytes(16))
    store.save(draft)
    until = int(pair.north.clock.now) + 86400
    for one in (KESTREL, HERON):
        store.add(view, draft.id, partial(lambda who, found: [who.item(found.asked(view), until)], one), view.now())
    store.send(view, draft.id)


# --- The way of a draft ---


def test_the_list_says_who_wrote_it_and_what_is_urgent_first(world: World) -> None:
    calm = world.put("All is quiet.")
    urgent = world.put("Cease firing at the mill.", f__precedence="immediate")
    later = world.put("All is quiet still.")
    page = world.officers[0].browser.get("/release").outline
    places = [page.text.index(name) for name in (urgent, calm, later)]
    assert places == sorted(places)
    assert page.text.count(f"Written by {world.drafter.session.name},") >= 3
    for name in (calm, urgent, later):
        world.drafter.post(f"/release/{name}/discard", rest=rest_in(world.drafter.get(f"/release/{name}")), reason="Said by telephone.")


def test_two_officers_release_a_statement_and_it_goes(world: World) -> None:
    before, (first, second) = world.size, world.officers
    name = world.put("We hold fire at the bridge.")
    assert "0 of 2" in world.drafter.get("/release").outline.text
    page = first.browser.get(f"/release/{name}")
    assert "We hold fire at the bridge." in page.outline.text
    assert page.outline.is_clean()
    answer = first.release(name)
    assert (answer.status, answer.headers["location"].rpartition("/")[2]) == (303, name)
    assert world.size == before
    assert "Nobody releases twice" in first.browser.get(f"/release/{name}").outline.text
    assert second.release(name).headers["location"].endswith("/sent?said=Sent.")
    sent = world.last()
    assert (sent["body"]["text"], len(sent["body"]["releases"]), world.size) == ("We hold fire at the bridge.", 2, before + 1)
    view = world.pair.north.node.reading
    assert view.message(view.row((0, world.size - 1)))["void"] is None
    assert world.desk.drafts.names() == []
    lines = [line for line in world.desk.people.audit() if line.what in ("draft_made", "draft_released", "message_sent")]
    assert [line.what for line in lines[:4]] == ["message_sent", "draft_released", "draft_released", "draft_made"]
    assert {line.who for line in lines[1:3]} == {one.browser.session.account for one in world.officers}


def test_nobody_releases_twice_and_a_code_counts_once(world: World) -> None:
    first = world.officers[0]
    name = world.put()
    assert first.release(name).status == 303
    page = world.officers[1].browser.get(f"/release/{name}")
    other, code = world.put("Another text."), first.code()
    assert first.release(other, code=code).status == 303
    third = world.put("A third text.")
    assert first.release(third, code=code).status == 422, "a code counts once"
    for one in (other, third):
        world.desk.drafts.drop(one)
    again = first.browser.post(f"/release/{name}", rest=rest_in(page), password=PASSWORD, code=first.code())
    assert again.status == 422
    assert "1 of 2" in world.drafter.get("/release").outline.text
    wrong = world.officers[1]
    for form in ({"password": "another long sentence"}, {"code": "000000"}, {"code": ""}):
        assert wrong.release(name, **form).status == 422
    assert "1 of 2" in world.drafter.get("/release").outline.text
    world.desk.drafts.drop(name)


def test_a_passkey_over_this_text_releases_it(world: World) -> None:
    before, name = world.size, world.put()
    who = world.holder
    page = who.get(f"/release/{name}")
    asked = json.loads(who.post(f"/release/{name}/options").text)
    assert asked["rest"] == rest_in(page)
    answer = world.passkey.get(asked["options"], ORIGIN)["response"]
    parts = ("authenticatorData", "clientDataJSON", "signature")
    form = {"rest": asked["rest"], "until": str(asked["until"]), **{part: answer[part] for part in parts}}
    elsewhere = world.passkey.get(asked["options"], "http://evil.example")["response"]
    for wrong in (
        {"until": str(asked["until"] + 1)},
        {"until": str(asked["until"] + 10**6)},
        {"until": "soon"},
        {"signature": answer["signature"][:-4] + "AAAA"},
        {part: elsewhere[part] for part in parts},
    ):
        assert who.post(f"/release/{name}", **{**form, **wrong}).status == 422, wrong
    other = world.put("Another text.")
    assert who.post(f"/release/{other}", **{**form, "rest": rest_in(who.get(f"/release/{other}"))}).status == 422, "it is of another text"
    world.desk.drafts.drop(other)
    assert who.post(f"/release/{name}", **form).status == 303
    assert world.officers[0].release(name, hold="yes").headers["location"].endswith(name)
    assert world.size == before, "it waits for Send"
    page = who.get(f"/release/{name}")
    assert who.post(f"/release/{name}/send", rest=rest_in(page)).headers["location"].endswith("said=Sent.")
    assert (world.size, len(world.last()["body"]["releases"])) == (before + 1, 2)


def test_one_person_with_two_officers_keys_is_one_person(world: World) -> None:
    first, name = world.officers[0], world.put()
    asked = json.loads(first.browser.post(f"/release/{name}/options").text)
    answer = world.second.get(asked["options"], ORIGIN)["response"]
    parts = {part: answer[part] for part in ("authenticatorData", "clientDataJSON", "signature")}
    assert first.release(name).status == 303
    again = first.browser.post(f"/release/{name}", rest=asked["rest"], until=str(asked["until"]), **parts)
    assert (again.status, "has released it already" in again.outline.text) == (422, True)
    assert "1 of 2" in world.drafter.get("/release").outline.text
    world.desk.drafts.drop(name)
    other = world.put("Another text.")
    rest = rest_in(first.browser.get(f"/release/{other}"))
    assert first.browser.post(f"/release/{other}", rest=rest, until=str(asked["until"]), **parts).status == 422, "it signed another text"
    world.desk.drafts.drop(other)


def test_an_edit_voids_what_was_released(world: World) -> None:
    before, (first, second) = world.size, world.officers
    name = world.put("We hold fire.")
    old = rest_in(second.browser.get(f"/release/{name}"))
    assert first.release(name).status == 303
    form = form_of(world.drafter.get(f"/release/{name}/edit"))
    assert form["f.text"] == ["We hold fire."]
    shown = world.drafter.post(f"/release/{name}/edit", **{**form, "f.text": "We hold fire everywhere.", "act": "preview"})
    assert "1 of 2" in world.drafter.get("/release").outline.text, "nothing is changed by looking"
    assert world.drafter.post("/compose/send", seen=seen_in(shown)).status == 422, "a draft's text is not sent past its officers"
    assert world.drafter.post("/compose/put", seen=seen_in(shown)).status == 303
    assert "0 of 2" in world.drafter.get("/release").outline.text
    late = second.browser.post(f"/release/{name}", rest=old, password=PASSWORD, code=second.code())
    assert late.status == 422
    assert "changed the text" in late.outline.text
    stale = world.drafter.post("/compose/put", seen=seen_in(shown))
    assert (stale.status, "draft.missing" in stale.text) == (400, True), "it was made of the old text"
    assert world.size == before
    assert world.desk.drafts.names() == [name]
    answer = world.drafter.post(
        f"/release/{name}/discard", rest=rest_in(world.drafter.get(f"/release/{name}")), reason="Said by telephone."
    )
    assert answer.status == 303
    assert world.desk.drafts.names() == []
    assert world.desk.people.audit(1)[0].about == f"{name}: Said by telephone."


def test_who_comes_late_to_a_draft_that_was_sent_is_led_to_the_message(world: World) -> None:
    """The page of a second officer stays open while others release it: he must not think that nothing was sent, and send it again."""
    before, (first, second), name = world.size, world.officers, world.put()
    page = second.browser.get(f"/release/{name}")
    unsent = " ".join(page.text.partition('id="unsent"')[2].partition("</div>")[0].split())
    assert "<strong>Not sent.</strong>" in unsent
    assert "0 of 2 officers have released it." in unsent
    assert "It waits for you." in unsent
    old = rest_in(page)
    assert first.release(name).status == 303
    waiting = first.browser.get(f"/release/{name}").text.partition('id="unsent"')[2].partition("</div>")[0]
    assert "1 of 2" in waiting
    assert "It waits for:" in waiting
    assert world.holder.get(f"/release/{name}").status == 200
    third = json.loads(world.holder.post(f"/release/{name}/options").text)
    answer = world.passkey.get(third["options"], ORIGIN)["response"]
    parts = {part: answer[part] for part in ("authenticatorData", "clientDataJSON", "signature")}
    assert world.holder.post(f"/release/{name}", rest=third["rest"], until=str(third["until"]), **parts).status == 303
    assert world.size == before + 1
    late = second.browser.post(f"/release/{name}", rest=old, password=PASSWORD, code=second.code())
    where = late.headers["location"]
    assert (late.status, f"/message/north/{before}?said=" in where) == (303, True)
    assert second.browser.get(f"/release/{name}").headers["location"] == where, "as does the page that renews itself"
    assert "was sent already" in second.browser.get(where.partition(f"/c/{world.desk.name}")[2]).outline.text
    assert world.size == before + 1
    assert second.browser.get("/release/000000000000").status == 400, "of what never was there is nothing to see"


def test_a_draft_whose_kind_alone_was_changed_is_another_text(world: World) -> None:
    """A closing and a withdrawal of one message may have one body, so that their hash is one."""
    before, (first, second) = world.size, world.officers
    view, drafts = world.pair.north.node.reading, world.desk.drafts
    say_now(world.pair, "notification", {"types": ["A1"], "occurred_from": "2026-03-01T00:00:00Z", "place": "the bridge"})
    shown = fill(world.drafter, "/compose/closing", f__re=f"north/{before}", f__text="Settled between us.")
    name = world.drafter.post("/compose/put", seen=seen_in(shown)).headers["location"].rpartition("/")[2].partition("?")[0]
    page = second.browser.get(f"/release/{name}")
    old, options = rest_in(page), json.loads(world.holder.post(f"/release/{name}/options").text)
    assert options["rest"] == old
    assert first.release(name).status == 303
    assert "1 of 2" in world.drafter.get("/release").outline.text
    was = drafts.load(name)
    drafts.save(replace(was, kind=KINDS["withdrawal"]))
    assert drafts.load(name).asked(view).rest == was.asked(view).rest
    assert "0 of 2" in world.drafter.get("/release").outline.text, "what was released is void"
    assert rest_in(second.browser.get(f"/release/{name}")) != old
    again = {"password": PASSWORD, "code": second.code()}
    for who, path, form in (
        (second.browser, f"/release/{name}", again),
        (second.browser, f"/release/{name}/send", {}),
        (world.drafter, f"/release/{name}/discard", {"reason": "No more."}),
    ):
        late = who.post(path, rest=old, **form)
        assert (late.status, "Somebody has changed the text since you looked." in late.outline.text) == (422, True), path
    stale = writing.write(view, "closing", {"re": f"north/{before}", "text": "Settled."}, was.seed)
    other = writing.write(view, "withdrawal", {"re": f"north/{before}", "reason": "Settled."}, was.seed)
    told = []
    for rest, written in ((was.asked(view).rest, stale), (bytes(32), other)):
        with pytest.raises(LocalError) as refused:
            writing.edit(drafts, view, name, rest, written)
        told.append((refused.value.code, refused.value.detail))
    assert told[0] == told[1] == ("draft.missing", f"{name} has another text by now; look at it again")
    with pytest.raises(LocalError, match="another text by now"):
        writing.discard(drafts, view, name, was.asked(view))
    assert (world.size, drafts.names()) == (before + 1, [name])
    drafts.drop(name)


def test_who_is_no_officer_cannot_release_and_who_is_no_releaser_may_not(world: World) -> None:
    name = world.put()
    stranger = enrol(world.desk)
    page = stranger.browser.get(f"/release/{name}")
    assert "None of your keys is an officer's in force" in page.outline.text
    rest = rest_in(page)
    assert stranger.browser.post(f"/release/{name}", rest=rest, password=PASSWORD, code=stranger.code()).status == 422
    for path, form in ((f"/release/{name}", {"rest": rest}), (f"/release/{name}/send", {"rest": rest}), (f"/release/{name}/options", {})):
        assert world.drafter.post(path, **form).status == 403
    reader = Browser(world.desk, "reader")
    for path in ("/release", f"/release/{name}", "/compose", "/compose/statement", f"/release/{name}/edit"):
        assert reader.get(path).status == 403
    assert stranger.browser.post(f"/release/{name}/send", rest=rest).status == 400, "not enough have released it"
    assert world.drafter.get("/release/000000000000").status == 400
    world.desk.drafts.drop(name)


def test_a_releaser_whose_session_has_ended_releases_nothing(world: World) -> None:
    name = world.put()
    gone = enrol(world.desk)
    by = next(one.id for one in world.desk.people.accounts() if one.role == "administrator")
    rest = rest_in(gone.browser.get(f"/release/{name}"))
    world.desk.people.disable(gone.browser.session.account, by, int(time.time()))
    assert gone.browser.post(f"/release/{name}", rest=rest, password=PASSWORD, code=gone.code()).status == 401
    world.desk.drafts.drop(name)


def test_an_amendment_is_shown_by_the_terms_that_it_changes(world: World) -> None:
    view = world.pair.north.node.reading
    force = in_force(view)
    changes = changes_between(force.charter, amended(force.charter, {"clocks": {"reply": 43_200}}))
    hashed = amendment_hash(view.channel.channel_id, force.base, changes)
    body = {"base": force.base.hex(), "amendment": hashed.hex(), "changes": base64.b64encode(changes).decode()}
    draft = node_drafts.make(view, "amendment", body, bytes(range(16)))
    world.desk.drafts.save(draft)
    page = world.drafter.get(f"/release/{draft.id}")
    assert "Reply43200" in page.outline.text.replace(" ", "")
    assert "Priority" not in page.outline.text, "what does not change is not there"
    assert world.drafter.get(f"/release/{draft.id}/edit").status == 404, "no form is for it"
    world.desk.drafts.drop(draft.id)


# --- Races ---

RACES = 1000


def test_a_thousand_races_of_approvals_end_in_one_release_each() -> None:
    """Kestrel twice at once, heron, an edit now and then, and three who send: never two messages, never one officer counted twice, and
    never an old text under a new one's releases."""
    with ChannelPair(officers=OFFICERS, quotas={"messages_per_log_and_day": 100_000}) as pair, ThreadPoolExecutor(6) as threads:
        node = pair.north.node
        view, store = node.reading, Drafts(pair.north.folder.path)
        counted = {"sent": 0, "edited": 0, "refused": 0}
        for number in range(RACES):
            written = writing.write(view, "statement", {"text": f"Text {number}."}, number.to_bytes(16, "big"))
            draft = writing.put(store, view, written)
            before, size = draft.asked(view).rest, pair.north.size(0)
            edits = number % 5 == 0
            other = writing.write(view, "statement", {"text": f"Edited {number}."}, written.seed) if edits else written
            start = Barrier(4 if edits else 3)

            def release(officer: Any, name: str = draft.id, before: bytes = before, start: Barrier = start) -> str:
                def sign(found: Any) -> list[Any]:
                    if found.asked(view).rest != before:
                        raise LocalError("release.invalid")
                    return [officer.item(found.asked(view), LATER)]

                start.wait()
                return attempt(lambda: store.add(view, name, sign, node.now())) and attempt(lambda: store.send(node, name), "sent")

            def edit(name: str = draft.id, before: bytes = before, other: Any = other, start: Barrier = start) -> str:
                start.wait()
                return attempt(lambda: writing.edit(store, view, name, before, other), "edited")

            running = [threads.submit(release, one) for one in (KESTREL, KESTREL, HERON)] + ([threads.submit(edit)] if edits else [])
            ends = [one.result() for one in running]
            grown = pair.north.size(0) - size
            assert grown == ends.count("sent") <= 1, ends
            assert (grown == 1) == (draft.id not in store.names())
            if grown:
                body = view.message(view.row((0, size)))["body"]
                assert (body["text"], view.row((0, size)).void) == (f"Text {number}.", None)
                assert len({one["officer"] for one in body["releases"]}) == len(body["releases"]) == 2
                assert "edited" not in ends
            else:
                assert "edited" in ends, "but for an edit, both have released it"
                standing = node_drafts.fitting(view, store.load(draft.id), node.now())[1]
                assert standing.by == (), "what was released was the old text"
                store.drop(draft.id)
            counted["sent"] += grown
            counted["edited"] += "edited" in ends
            counted["refused"] += ends.count("")
        ends_told = ", ".join(f"{what} {number}" for what, number in counted.items())
        print(f"races of approvals {RACES}, of which none sent two messages: {ends_told}")
        assert counted["sent"] + counted["edited"] == RACES
        assert counted["sent"] >= RACES * 4 // 5
        assert counted["refused"] >= RACES, "of kestrel's two at least one is refused each time"


def attempt(act: Any, done: str = "done") -> str:
    """What came of it: `done`, or nothing if it was refused as it must be."""
    try:
        act()
    except LocalError as error:
        if error.code not in ("release.invalid", "release.missing", "draft.missing"):
            raise
        return ""
    return done
