"""Attacks on the console: the other party's messages as hostile as its real keys can sign, a stranger's addresses, and a drafter who wants
more than to draft. No page may fail for them, and nothing that an officer did not see may be sent.

What a page answers when it fails is 503; so an enemy who could bring it about would blank the officers' inbox."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest
from starlette.requests import Request

from ceasewire.console import render
from ceasewire.console.pages import desk as live_pages
from ceasewire.node import drafts as node_drafts
from ceasewire.node import writing
from ceasewire.record.encoding import Value
from ceasewire.record.kinds import KINDS
from ceasewire.record.message import Body, Message
from console.desks import Browser, desk_of
from faults.liar import Liar
from helpers import START, local
from node.pair import ChannelPair

NASTY = "</bdi></title><script>alert(1)</script>\"'&{{7*7}}%(a)s%d%"
LAST = 253_402_300_799  # the last second of 9999
PARTIES = ("north", "south", "mission:guarantor")
ACCUSED: Body = {16: ["A4"], 17: START - 900, 21: "Kala", 27: 1}


def _filled(kind: int, numbers: range, value: Value) -> tuple[int, Body]:
    return kind, dict.fromkeys(numbers, value)


HOSTILE: list[tuple[int, Body]] = [
    *((kind, {}) for kind in (*KINDS.values(), 99, 65535)),  # nothing of what a page expects
    *(_filled(kind, range(16, 36), NASTY) for kind in KINDS.values()),  # everything of another type
    *(_filled(kind, range(2, 12), [[{}, {5: [b"\xff", True]}], NASTY]) for kind in KINDS.values()),
    (KINDS["notification"], {**ACCUSED, 17: LAST, 21: NASTY}),
    (KINDS["notification"], {**ACCUSED, 17: 0, 63: {0: {1: [NASTY] * 9}}}),
    (KINDS["statement"], {17: "x" * 20_000}),
    (KINDS["statement"], {17: NASTY, 3: [[0, 0]] * 3}),
    (KINDS["request"], {2: [0, 0], 16: [NASTY] * 50}),
    (KINDS["reply"], {2: [0, 0], 16: 99}),
    (KINDS["flash"], {16: 99}),
    (KINDS["correction"], {2: [1, 0], 16: 99, 17: {99: NASTY}, 18: NASTY}),
    (KINDS["acknowledgement"], {2: [1, 2**40], 16: 1}),
    (KINDS["flash"], {16: 1, 19: NASTY, 20: NASTY}),  # a true one, the last
]


@pytest.fixture(scope="module")
def pair() -> Iterator[ChannelPair]:
    """North, and a South that says the worst."""
    with ChannelPair(PARTIES) as made:
        made.north.node.send(
            "notification", {"types": ["A1"], "occurred_from": "2026-03-01T00:00:00Z", "accused": "south", "place": "Kala"}
        )
        made.north.node.send("flash", {"phrase": "checking"})
        liar = Liar(made.made, 1)
        for number, (kind, body) in enumerate(HOSTILE):
            fields = dict(sorted({0: [], 1: False, **body}.items()))
            liar.add(Message(kind, START, {0: 2}, number.to_bytes(16), fields))
        made.set_clock(START + 4000)
        for start in range(0, len(HOSTILE), 20):
            note = liar.checkpoint(min(start + 20, len(HOSTILE)))
            both = liar.note(note, liar.own_line(note, "mldsa44"))
            assert made.north.receive(liar.bundle(0, liar.run(start, note.size, both))).refused == []
        assert made.north.size(1) == len(HOSTILE)
        yield made


def test_no_message_of_the_other_party_takes_a_page_away(pair: ChannelPair) -> None:
    desk = desk_of(pair.north)
    who, english = Browser(desk, "administrator").speaking("ps", "solar_hijri"), Browser(desk, "administrator")
    pages = ["/inbox", "/inbox?show=all", "/inbox?show=flash", "/inbox?show=today", "/inbox?show=overdue", "/sent", "/cases", "/channel"]
    pages += ["/search?q=script", "/cases?q=script", "/names", "/logbook?since=2026-03-01T00:00&until=2026-03-02T00:00", "/compose"]
    for path in pages:
        for reader in (who, english):
            page = reader.get(path)
            assert page.status == 200, path
            assert page.outline.is_clean(), path
    for index in range(len(HOSTILE)):
        page = who.get(f"/message/south/{index}")
        assert page.status == 200, HOSTILE[index]
        assert page.outline.is_clean(), HOSTILE[index]
        path = OTHERS[index % len(OTHERS)].format(index)
        assert who.get(path).status < 500, (path, HOSTILE[index])


OTHERS = ("/case/south/{}", "/message/south/{}/proof", "/compose/reply?re=south/{}", "/compose/correction?re=south/{}")
ODD = ("9" * 30, str(2**63), "-1", "0x1", "٣", "1_0", "+1", " 1", "", "..", "a" * 300, "😀", "north/0/0", '"', "NEAR(a", "\x00")


def test_odd_addresses_are_refused_and_break_nothing(pair: ChannelPair) -> None:
    who = Browser(desk_of(pair.north), "administrator")
    for odd in ODD:
        asked = quote(odd, safe="")
        for path in (
            *(
                path.format(odd)
                for path in ("/message/north/{}", "/message/{}/0", "/case/north/{}", "/release/{}", "/enter/{}", "/compose/{}")
            ),
            *(path.format(asked) for path in ("/inbox?show=all&after={}", "/sent?after=north/{}", "/cases?after={}", "/search?q={}")),
            *(
                path.format(asked)
                for path in ("/people?before={}", "/logbook?since={}", "/compose/statement?re={0}&saved={0}", "/cases?q={}")
            ),
            f"/message/north/0/proof?reveal={asked}",
        ):
            assert who.get(path).status < 500, path
    for period in ("until=0001-01-01T00:00", "since=0001-01-01T00:00", "until=1970-01-01T01:00", "since=9999-12-31T23:59"):
        assert who.get(f"/logbook?{period}").status in (200, 400), period
    assert who.get("/inbox?" + "&".join("a=b" for _ in range(60))).status == 400
    for form in ({}, {"f.re": "nothing"}, {"f.re": "south/0"}, {"f.answers.99999999.text": "x"}, {"opened": "0001-01-01T00:00:00Z"}):
        assert who.post("/compose/correction", **form).status == 422, form


def test_a_stranger_s_names_of_files_are_not_kept(pair: ChannelPair) -> None:
    def ask(name: str) -> int:
        scope: dict[str, Any] = {"type": "http", "path_params": {"file": name}, "headers": [], "query_string": b""}
        return asyncio.run(render.statics(Request(scope))).status_code

    assert ask("console.css") == 200
    before = render._file.cache_info().currsize
    for name in ("a" * 5000 + ".css", "..", "../render.py", "\x00.css", *(f"{number}.js" for number in range(50))):
        assert ask(name) == 404, name
    assert render._file.cache_info().currsize == before


def test_one_session_has_so_many_streams_and_they_end_with_it(pair: ChannelPair) -> None:
    """This desk has one piece of news, and then it ends: so does every stream."""
    desk = desk_of(pair.north)
    who, other = Browser(desk, "reader"), Browser(desk, "reader")

    def asking(browser: Browser) -> Any:
        return SimpleNamespace(desk=desk, accounts=desk.people, who=browser.session)

    async def listen() -> tuple[list[int], list[bytes], list[bytes]]:
        streams = [await live_pages.live(asking(who)) for _ in range(live_pages.STREAMS)]
        begun = [aiter(one.body_iterator) for one in streams]  # type: ignore[attr-defined]
        for one in begun:
            await anext(one)
        answers = [(await live_pages.live(asking(who))).status_code, (await live_pages.live(asking(other))).status_code]
        lasting = [found async for found in begun[0]]
        desk.people.sign_out(who.token, int(time.time()))
        ended = [found async for found in begun[1]]
        for one in begun[2:]:
            await one.aclose()
        return answers, lasting, ended

    answers, lasting, ended = asyncio.run(listen())
    assert answers == [429, 200]
    assert (lasting, ended) == ([b"event: news\ndata: 1\n\n"], [])
    assert not live_pages._OPEN


# --- A drafter who wants more ---


def test_a_draft_stays_of_the_kind_that_the_officer_looked_at(pair: ChannelPair) -> None:
    """An evidence's and a closing's bodies may be one and the same, and so their hash: who looked at one must not sign the other."""
    desk = desk_of(pair.north)
    view = pair.north.node.reading
    seed = bytes(range(16))
    told = writing.write(view, "closing", {"re": "north/0", "text": "We looked into it."}, seed)
    other = writing.write(view, "withdrawal", {"re": "north/0", "reason": "We looked into it."}, seed)
    assert told.body == other.body
    draft = writing.put(desk.drafts, view, told)
    before = draft.asked(view).rest
    assert other.draft().asked(view).rest == before, "the page of one says the hash of the other"
    with local("draft.missing"):
        writing.edit(desk.drafts, view, draft.id, before, other)
    assert desk.drafts.load(draft.id).kind == KINDS["closing"]

    drafter = Browser(desk, "drafter")
    form = {"f.re": "north/0", "f.reason": "We looked into it.", "draft": draft.id}
    for hash_of, status in ((before.hex(), 400), ("no hash", 400)):
        page = drafter.post("/compose/withdrawal", **form, before=hash_of)
        seen = re.search(r'name="seen" value="([^"]+)"', page.text)
        assert seen is not None, page.text
        assert drafter.post("/compose/put", seen=seen[1]).status == status
    assert desk.drafts.load(draft.id).kind == KINDS["closing"]
    assert node_drafts.fitting(view, desk.drafts.load(draft.id), int(time.time()))[0].body == told.body


def test_nobody_tells_the_other_side_that_they_read_what_is_no_flash_of_theirs(pair: ChannelPair) -> None:
    drafter = Browser(desk_of(pair.north), "drafter")
    before = pair.north.size(0)
    for ref in ("north/1", "north/0", "south/0", "south/999", "nobody/0", "south/x"):
        assert drafter.post(f"/flash/{ref}/read").status == 404, ref
    assert pair.north.size(0) == before
    for _ in range(2):  # a double click
        assert drafter.post(f"/flash/south/{len(HOSTILE) - 1}/read").status == 303
    assert pair.north.size(0) == before + 1, "of theirs, once"
