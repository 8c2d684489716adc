"""Two persons, two keys: FAULTS I-6 to I-9, on real nodes, with the drafts that the commands use."""

from __future__ import annotations

import base64
import json
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from ceasewire.errors import LocalError
from ceasewire.node.drafts import Drafts, fitting, make, needed
from ceasewire.node.proofs import prove
from ceasewire.record.amendment import amendment_hash, changes_between
from ceasewire.record.draft import amended
from ceasewire.record.message import Message
from ceasewire.verifier import Trust, verify
from helpers import START, local, statement
from node.pair import ChannelPair, Side
from signers import HERON, KESTREL, LATER, OFFICERS, RAVEN, SWIFT, WREN, TestOfficer, asked_of, recovered, released, say, signed_draft

from .liar import Liar

PARTIES = ("north", "south", "mission:guarantor")
TEXT = {"text": "We hold fire."}


@pytest.fixture
def pair() -> Iterator[ChannelPair]:
    with ChannelPair(PARTIES, officers=OFFICERS) as made:
        yield made


def drafts(side: Side) -> Drafts:
    return Drafts(side.folder.path)


def draft(side: Side, *officers: TestOfficer, body: Any = None) -> str:
    return signed_draft(side.folder.path, side.node, "statement", body or TEXT, *officers, now=side.node.now())


def release(side: Side, name: str, officer: TestOfficer, not_after: int = LATER) -> int:
    """The officer releases a draft; how many have then."""
    _, standing = drafts(side).add(side.node, name, lambda found: [officer.item(found.asked(side.node), not_after)], side.node.now())
    return len(standing.by)


# --- I-6: two persons, not one twice ---


def test_i6_nothing_is_sent_until_two_have_released_it(pair: ChannelPair) -> None:
    north = pair.north
    assert needed(north.node, "statement", TEXT) == 2
    with local("release.missing"):
        north.node.send("statement", TEXT)
    name = draft(north, KESTREL)
    with local("release.missing"):
        drafts(north).send(north.node, name)
    assert north.size(north) == 0
    assert release(north, name, HERON) == 2
    assert drafts(north).send(north.node, name).as_json() == {"ref": "north/0", "size": 1}
    assert drafts(north).names() == []
    pair.settle()
    pair.check()
    assert [one["void"] for one in pair.south.node.messages()] == [None]


def test_i6_one_officer_twice_is_refused_and_counts_once(pair: ChannelPair) -> None:
    name = draft(pair.north, KESTREL)
    for not_after in (LATER, LATER + 1):
        with local("release.invalid"):
            release(pair.north, name, KESTREL, not_after)
    with local("release.missing"):
        drafts(pair.north).send(pair.north.node, name)


def test_i6_an_edit_after_an_approval_voids_it(pair: ChannelPair) -> None:
    """By whatever means: the release signs the words."""
    north = pair.north
    name = draft(north, KESTREL, HERON)
    store = drafts(north)
    store.save(replace(store.load(name), body=north.node.read("statement", {"text": "We open fire."})[1]))
    assert fitting(north.node, store.load(name), north.node.now())[1].by == ()
    with local("release.missing"):
        store.send(north.node, name)
    path = north.folder.path / "drafts" / f"{name}.json"
    found = json.loads(path.read_text())
    path.write_text(json.dumps(found | {"seed": bytes(16).hex()}))
    with local("release.missing"):
        store.send(north.node, name)
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_i6_of_many_at_once_exactly_one_release_comes_of_it(pair: ChannelPair) -> None:
    """Both officers release and send at the same moment, again and again: the message is in the log once."""
    north, rounds = pair.north, 250
    for n in range(rounds):
        name = draft(north, body={"text": f"round {n}"})
        ended: list[str] = []
        start = threading.Barrier(4)

        def act(officer: TestOfficer, name: str = name, ended: list[str] = ended, start: threading.Barrier = start) -> None:
            start.wait()
            for step in (lambda: release(north, name, officer), lambda: drafts(north).send(north.node, name)):
                try:
                    step()
                except LocalError as error:
                    ended.append(error.code)
                else:
                    ended.append("done")

        threads = [threading.Thread(target=act, args=(one,)) for one in (KESTREL, KESTREL, HERON, HERON)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert set(ended) <= {"done", "release.invalid", "release.missing", "draft.missing"}, ended
        assert ended.count("done") == 3  # one release of each officer, and one sending
    assert north.size(north) == rounds
    assert len({one["body"]["text"] for one in north.node.messages()}) == rounds
    assert north.faults() == []


def test_i6_a_sent_body_is_not_sent_again(pair: ChannelPair) -> None:
    """The file of a draft put back by hand."""
    name = draft(pair.north, KESTREL, HERON)
    path = pair.north.folder.path / "drafts" / f"{name}.json"
    kept = path.read_bytes()
    drafts(pair.north).send(pair.north.node, name)
    path.write_bytes(kept)
    with local("release.reused"):
        drafts(pair.north).send(pair.north.node, name)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"kind": "statement", "seed": "00", "body": "a0", "releases": []}', '{"kind": 1}', "[" * 5000, "\xff"],
)
def test_a_draft_that_cannot_be_read_is_missing(pair: ChannelPair, text: str) -> None:
    name = draft(pair.north)
    (pair.north.folder.path / "drafts" / f"{name}.json").write_text(text, "latin-1")
    for found in (name, "../../pen", "0" * 12, ""):
        with local("draft.missing"):
            drafts(pair.north).send(pair.north.node, found)
    assert drafts(pair.north).names() == [name]


def test_a_release_that_has_ended_counts_no_more(pair: ChannelPair) -> None:
    name = draft(pair.north, KESTREL)
    release(pair.north, name, HERON, START + 60)
    pair.set_clock(START + 61)
    with local("release.missing"):
        drafts(pair.north).send(pair.north.node, name)
    with local("release.invalid"):
        release(pair.north, name, HERON, START + 60)
    assert release(pair.north, name, HERON) == 2
    drafts(pair.north).send(pair.north.node, name)


# --- I-7: whoever goes round the program ---


def _forged(pair: ChannelPair, message: Message) -> Liar:
    """North's real keys sign it; it reaches the other two."""
    liar = Liar(pair.made, 0).add(message)
    for side in (pair.south, pair["mission"]):
        assert side.receive(liar.bundle(side.log, liar.run())).refused == []
    return liar


@pytest.mark.parametrize(
    ("by", "code"),
    [
        ([], "release.missing"),
        ([KESTREL], "release.missing"),
        ([KESTREL, KESTREL], "release.invalid"),
        ([KESTREL, WREN], "release.invalid"),
        ([KESTREL, RAVEN], "release.invalid"),
        ([KESTREL, HERON], None),
    ],
)
def test_i7_past_every_command_with_the_real_keys_it_is_void_everywhere(pair: ChannelPair, by: list[TestOfficer], code: str | None) -> None:
    """I-7, I6: the other side, the guarantor and the verifier say the same, and the message moves nothing."""
    _forged(pair, released(pair.made.channel, 0, statement(f16="Forced."), *by))
    charter = pair.made.signed.encode()
    for side in (pair.south, pair["mission"]):
        (shown,) = side.node.messages()
        assert shown["void"] == code
        assert side.faults() == []
        assert side.node.store.covered(0)[side.log] == 1  # receipted all the same: north cannot deny it
        report = verify(prove(side.node, (0, 0), None), Trust(charter=charter))
        assert (report.verdict, report.code) == (("invalid", code) if code else ("valid", None))
        part = verify(prove(side.node, (0, 0), ["title"]), Trust(charter=charter))
        assert (part.verdict, part.code) == (report.verdict, report.code)


def test_i7_a_store_that_was_written_to_by_hand_is_found_out(pair: ChannelPair) -> None:
    """DB write: the mark taken away by whoever runs the machine. fsck names the place, and a proof does not verify."""
    _forged(pair, released(pair.made.channel, 0, statement(), KESTREL))
    south = pair.south
    south.close()
    with sqlite3.connect(south.folder.store_path) as db:
        db.execute("UPDATE message SET void = NULL")
    db.close()
    south.open()
    assert [(fault.place, fault.code) for fault in south.faults()] == [("north/0 void", "store.damaged")]
    report = verify(prove(south.node, (0, 0), None), Trust(charter=pair.made.signed.encode()))
    assert (report.verdict, report.code) == ("invalid", "release.missing")


def test_i7_a_release_of_another_message_is_none_of_this_one(pair: ChannelPair) -> None:
    other = asked_of(pair.made.channel, 0, statement(text="We hold fire."))
    items: Any = [KESTREL.item(other), HERON.item(other)]
    forged = statement(text="We open fire.")
    _forged(pair, replace(forged, body={**forged.body, 0: items}))
    assert [one["void"] for one in pair.south.node.messages()] == ["release.invalid"]


def test_i7_batches_and_imports_need_them_too(pair: ChannelPair) -> None:
    notification = {"types": ["A4"], "occurred_from": "2026-03-01T04:12:00Z", "place": "x", "historical": True}
    with local("release.missing"):
        pair.north.node.send_many([("notification", notification)] * 3)
    assert pair.north.size(pair.north) == 0


# --- I-8, I-9: who may, from when to when ---


def test_i8_a_draft_of_a_revoked_officer_is_not_sent_and_what_was_sent_stands(pair: ChannelPair) -> None:
    """I-8: with a draft open, and with a message on its way."""
    north, path = pair.north, pair.north.folder.path
    waiting = draft(north, KESTREL, HERON)
    say(path, north.node, "statement", {"text": "before"}, KESTREL, HERON)
    say(path, north.node, "keys", {"revoke": [HERON.officer.id.hex()], "reason": "stolen"}, KESTREL, HERON)
    with local("release.missing"):
        drafts(north).send(north.node, waiting)
    with local("release.invalid"):
        release(north, waiting, HERON)
    pair.settle()
    pair.check()
    assert [one["void"] for one in pair.south.node.messages()] == [None, None]


def test_i8_the_place_in_the_log_decides_not_the_time_of_arrival(pair: ChannelPair) -> None:
    """I-8, B6: south hears of both at once, and the later one is void though its release was signed before the revocation."""
    channel = pair.made.channel
    before = released(channel, 0, statement(), KESTREL, HERON)
    revoked = released(channel, 0, statement(kind=14, f18=[HERON.officer.id]), KESTREL, HERON)
    after = released(channel, 0, statement(text="late"), KESTREL, HERON)
    del revoked.body[17]
    revoked = released(channel, 0, revoked, KESTREL, HERON)
    liar = Liar(pair.made, 0).add(before, revoked, after)
    pair.south.receive(liar.bundle(1, liar.run()))
    for stop in (1, 2, 3):
        pair["mission"].receive(liar.bundle(2, liar.run(0, stop)))
    for side in (pair.south, pair["mission"]):
        assert [one.void for one in side.node.store.rows(0, 0, 3)] == [None, None, "release.invalid"]
        assert side.faults() == []


def test_i9_an_administrator_who_adds_himself_needs_two_and_is_seen(pair: ChannelPair) -> None:
    north, path = pair.north, pair.north.folder.path
    admin = {"officers": [RAVEN.json]}
    name = signed_draft(path, north.node, "keys", admin, KESTREL)
    with local("release.missing"):
        drafts(north).send(north.node, name)
    with local("release.invalid"):
        release(north, name, RAVEN)
    release(north, name, HERON)
    drafts(north).send(north.node, name)
    say(path, north.node, "statement", TEXT, RAVEN, HERON)
    pair.settle()
    pair.check()
    added, said = pair.south.node.messages()
    assert (added["kind"], added["body"]["officers"][0]["name"], added["void"], said["void"]) == ("keys", "raven", None, None)
    report = verify(prove(pair.south.node, (0, 1), ["text"]), Trust(charter=pair.made.signed.encode()))
    assert (report.verdict, [one["name"] for one in report.about["released_by"]]) == ("valid", ["raven", "heron"])


def test_i9_with_the_recovery_key_a_party_names_new_officers(pair: ChannelPair) -> None:
    message = statement(kind=14, f17=[RAVEN.officer.value()])
    message = recovered(pair.made, 0, message, pair.made.parties["north"])
    _forged(pair, message)
    assert [one["void"] for one in pair.south.node.messages()] == [None]


def test_a_draft_is_of_one_log(pair: ChannelPair) -> None:
    """What was released for a log that has been replaced is not sent by the next one."""
    name = draft(pair.north, KESTREL, HERON)
    pair.north.rotate()
    with local("release.missing"):
        drafts(pair.north).send(pair.north.node, name)
    sent = say(pair.north.folder.path, pair.north.node, "statement", TEXT, KESTREL, HERON)
    pair.settle()
    pair.check()
    assert sent.index == 1
    assert pair.south.node.store.row(pair.north.log, 1).void is None  # type: ignore[union-attr]


def test_amendment_by_one_then_by_both(pair: ChannelPair) -> None:
    """The charter in force counts for the next message, on each side by what it has seen."""
    channel = pair.made.channel
    changes = changes_between(channel.charter, amended(channel.charter, {"releases": {"statement": 1}}))
    named = amendment_hash(channel.channel_id, channel.channel_id, changes)
    body = {"base": channel.channel_id.hex(), "amendment": named.hex(), "changes": base64.b64encode(changes).decode()}
    say(pair.north.folder.path, pair.north.node, "amendment", body, KESTREL, HERON)
    pair.settle()
    with local("release.missing"):
        drafts(pair.north).send(pair.north.node, draft(pair.north, KESTREL))
    say(pair.south.folder.path, pair.south.node, "amendment", body, WREN, SWIFT)
    say(pair.south.folder.path, pair.south.node, "statement", TEXT, WREN)
    with local("release.missing"):
        drafts(pair.north).send(pair.north.node, draft(pair.north, KESTREL))
    pair.settle()
    say(pair.north.folder.path, pair.north.node, "statement", TEXT, KESTREL)
    pair.settle()
    pair.check()
    assert [one["void"] for one in pair["mission"].node.messages()] == [None] * 4
    with local("amendment.base"):
        say(pair.north.folder.path, pair.north.node, "amendment", body, KESTREL, HERON)


def test_make_says_what_is_wrong_with_a_body_before_anybody_signs(pair: ChannelPair) -> None:
    with local("body.schema"):
        make(pair.north.node, "statement", {}, bytes(16))
