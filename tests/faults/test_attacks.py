"""Attacks on who may say it, with the real keys of a log: each was once possible. PROTOCOL sections 5, 9 and 11."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest

from ceasewire.node.composing import address, in_force
from ceasewire.node.proofs import prove
from ceasewire.record.amendment import amendment_hash, changes_between
from ceasewire.record.authority import Authority
from ceasewire.record.channel import Channel
from ceasewire.record.draft import amended
from ceasewire.record.encoding import Value
from ceasewire.record.kinds import KINDS
from ceasewire.record.log import validity
from ceasewire.record.message import Body, Entry, Message, body_tree, disclose, entry_of, message_of, row
from ceasewire.tlog import checkpoint as checkpoints
from ceasewire.tlog import merkle
from ceasewire.tlog.checkpoint import Checkpoint, SignedCheckpoint
from ceasewire.tlog.proof import Proof
from ceasewire.verifier import Extra, Support, Trust, verify
from faults.liar import Liar
from helpers import START, TestChannel, local, make_channel, seed_of
from node.pair import ChannelPair, Side
from signers import HERON, KESTREL, OFFICERS, RAVEN, SWIFT, WREN, say

PARTIES = ("north", "south", "mission:guarantor")
KEYS, AMENDMENT = 14, 15


@pytest.mark.parametrize(("field", "value"), [(19, "https://thief.example"), (21, "+666"), (20, "Call us there."), (17, []), (40, 1)])
def test_the_first_message_of_a_later_log_says_nothing_unreleased_but_its_opening(field: int, value: Value) -> None:
    with ChannelPair(officers=OFFICERS) as pair:
        phone = pair.device("north", "phone").node
        first = phone.store.row(phone.own, 0)
        assert first is not None
        plain = message_of(first)
        more = replace(plain, body=dict(sorted({**plain.body, field: value}.items())))
        authority = Authority(phone.channel)
        found = [validity(authority, row(phone.own, 0, one), one.body) for one in (plain, more)]
        assert found == [None, "release.missing"]


def test_a_thief_of_a_replaced_log_leads_nobody_to_another_address() -> None:
    with ChannelPair(PARTIES) as pair:
        pair.north.say()
        pair.settle()
        old = [message_of(one) for one in pair.south.node.store.rows(0, 0, 99)]
        new = pair.device("north", "north2", replaces="north")
        pair.settle_all_but("north")
        new.node.send("keys", {"url": "https://north.example"})
        pair.settle_all_but("north")
        late = Message(KEYS, START + 500, {}, bytes(16), {0: [], 1: False, 19: "https://thief.example"})
        liar = Liar(pair.made, 0).add(*old, late)
        assert pair.south.receive(liar.bundle(1, liar.run(len(old)))).refused == []
        assert pair.south.node.marked((0, len(old))).void == "log.replaced"
        assert address(pair.south.node, new.log) == "https://north.example"


def test_no_party_makes_anothers_proofs_too_large() -> None:
    """Amendments to which nobody else assents, and one assent again and again, decide nothing of a message of ours."""
    with ChannelPair() as pair:
        channel = pair.made.channel
        base = channel.channel_id
        changes = changes_between(channel.charter, amended(channel.charter, {"clocks": {"reply": 3600}}))
        named = amendment_hash(base, base, changes)
        said: list[dict[int, Value]] = [{16: base, 17: seed_of(n)} for n in range(20)]
        said += [{16: base, 17: named, 18: changes}] * 20
        liar = Liar(pair.made, 0)
        liar.add(*(Message(AMENDMENT, START, {}, seed_of(n)[:16], {0: [], 1: False, **body}) for n, body in enumerate(said)))
        assert pair.south.receive(liar.bundle(1, liar.run())).refused == []
        assent = {"base": base.hex(), "amendment": named.hex(), "changes": base64.b64encode(changes).decode()}
        pair.south.node.send("amendment", assent)
        sent = pair.south.say("We hold fire.")
        data = prove(pair.south.node, (1, sent.index), None)
        supports = Extra.decode(Proof.parse(data).extra).supports
        assert [(one.log, one.index) for one in supports] == [(0, 39), (1, 0)]
        report = verify(data, Trust(charter=pair.made.signed.encode()))
        assert (report.verdict, report.about["amended"]) == ("valid", named.hex())


def _proposals(channel: Channel, *clocks: int) -> list[tuple[bytes, int, dict[str, str]]]:
    """Amendments of the charter that all signed, by one clock each: hash, the clock, the message; the lowest hash first."""
    found = []
    for seconds in clocks:
        changes = changes_between(channel.charter, amended(channel.charter, {"clocks": {"reply": seconds}}))
        named = amendment_hash(channel.channel_id, channel.channel_id, changes)
        body = {"base": channel.channel_id.hex(), "amendment": named.hex(), "changes": base64.b64encode(changes).decode()}
        found.append((named, seconds, body))
    return sorted(found, key=lambda one: one[0])


def _reply_clocks(*sides: Side) -> set[int]:
    return {in_force(side.node).charter.clocks["reply"] for side in sides}


@pytest.mark.parametrize("who", ["phone", "phone that replaces south's first log", "south, rotated"])
@pytest.mark.parametrize("rotated", [False, True])
def test_no_party_alone_brings_a_dropped_proposal_into_force(who: str, rotated: bool) -> None:
    """North has turned from one proposal to another, and both agreed to that. South assents to the first, and says it has seen little."""
    with ChannelPair(PARTIES) as pair:
        (_, _, first), (_, agreed, second) = _proposals(pair.made.channel, 3600, 7200)
        pair.north.node.send("amendment", first)
        pair.settle()
        north = pair.north.rotate() if rotated else pair.north
        north.node.send("amendment", second)
        pair.settle()
        pair.south.node.send("amendment", second)
        pair.settle()
        assert _reply_clocks(*pair) == {agreed}
        if who == "south, rotated":
            pair.south.rotate()
            liar = pair.south
            with local("amendment.base"):  # it has seen that all assented
                liar.node.send("amendment", first)
        else:
            liar = pair.device("south", "phone", replaces="south" if "replaces" in who else None)
            liar.node.send("amendment", first)
        away = ("south",) if "replaces" in who else ()
        pair.settle(without=away)
        assert _reply_clocks(*(side for side in pair if side.party.slug not in away or side is liar)) == {agreed}
        assert north.faults() == []


def _after_a_lost_disk(pair: ChannelPair, empty: bytes) -> Side:
    """A successor of north's log whose opener holds nothing of it; `empty` is its store as it was at first."""
    north = pair.north
    north.close()
    for name in ("store.sqlite-wal", "store.sqlite-shm"):
        (north.folder.path / name).unlink(missing_ok=True)
    north.folder.store_path.write_bytes(empty)
    new = pair.device("north", "north2", replaces="north")
    assert new.node.channel.openings[new.log].size == 0
    return new


def test_late_entries_of_a_replaced_log_assent_to_nothing() -> None:
    with ChannelPair(PARTIES) as pair:
        ((named, _, body),) = _proposals(pair.made.channel, 3600)
        before = pair.made.channel.charter.clocks["reply"]
        pair.north.say()
        pair.settle()
        old = [message_of(one) for one in pair.south.node.store.rows(0, 0, 99)]
        pair.device("north", "north2", replaces="north")
        pair.settle_all_but("north")
        fields: Body = {16: bytes.fromhex(body["base"]), 17: named, 18: base64.b64decode(body["changes"])}
        liar = Liar(pair.made, 0).add(*old, Message(AMENDMENT, START + 50, {}, bytes(16), {0: [], 1: False, **fields}))
        for slug in ("south", "mission"):
            assert pair[slug].receive(liar.bundle(pair[slug].log, liar.run(len(old)))).refused == []
        pair.south.node.send("amendment", body)
        pair.settle_all_but("north")
        others = [pair[slug] for slug in ("south", "mission", "north2")]
        assert _reply_clocks(*others) == {before}
        pair["north2"].node.send("amendment", body)  # the party itself still can
        pair.settle_all_but("north")
        assert _reply_clocks(*others) == {3600}
        assert [side.faults() for side in others] == [[], [], []]


def test_what_was_agreed_before_a_disk_was_lost_stays_in_force_and_its_proof_shows_who_had_seen_it() -> None:
    with ChannelPair(PARTIES, officers=OFFICERS) as pair:
        pair.north.close()
        empty = pair.north.folder.store_path.read_bytes()
        north, south = pair.north.open(), pair.south
        ((_, _, body),) = _proposals(pair.made.channel, 3600)
        say(north.folder.path, north.node, "amendment", body, KESTREL, HERON)
        say(north.folder.path, north.node, "keys", {"officers": [RAVEN.json]}, KESTREL, HERON)
        pair.settle()
        say(south.folder.path, south.node, "amendment", body, WREN, SWIFT)
        say(south.folder.path, south.node, "statement", {"text": "Agreed."}, WREN, SWIFT)
        pair.settle()
        new = _after_a_lost_disk(pair, empty)
        pair.settle_all_but("north")
        assert _reply_clocks(south, new) == {3600}
        sent = say(new.folder.path, new.node, "statement", {"text": "We are back."}, KESTREL, RAVEN)
        pair.settle_all_but("north")
        assert (south.faults(), new.faults()) == ([], [])
        trust = Trust(charter=pair.made.signed.encode())
        data = prove(south.node, (new.log, sent.index), None)
        assert (verify(data, trust).verdict, len(verify(data, trust).about["amended"])) == ("valid", 64)
        proof = Proof.parse(data)
        extra = Extra.decode(proof.extra)
        sights = [one for one in extra.supports if not one.governs]
        assert [one.entry.kind for one in sights if new.log in one.entry.seen] == [KINDS["line_check"]]

        def code(supports: list[Support]) -> str | None:
            return verify(replace(proof, extra=replace(extra, supports=tuple(supports)).encode()).encode(), trust).code

        whole = [one for one in extra.supports if one.governs]
        assert code(whole) == "release.invalid"  # nobody is shown to have seen that raven was named
        assert len(sights) == 2
        for one in sights:  # the first that has seen the new log, and the one before it, which shows that it is the first
            assert code([other for other in extra.supports if other is not one]) == "proof.malformed"


NESTED: Value = [[[[[[[[1]]]]]]]]


@pytest.mark.parametrize(
    ("body", "seen", "code"),
    [
        ({17: "x"}, {}, None),
        ({17: "x", **dict.fromkeys(range(40, 43), "y" * 16000)}, {}, "enc.size"),
        ({17: "x", 50: NESTED}, {}, "enc.depth"),
        ({17: "x"}, {0: 1}, "log.seen"),
    ],
)
def test_what_every_receiver_refuses_is_no_valid_proof(body: Body, seen: dict[int, int], code: str | None) -> None:
    made = make_channel()
    message = Message(2, START, seen, bytes(16), {0: [], 1: False, **body})
    data = _alone(made, 0, message)
    assert verify(data, Trust(charter=made.signed.encode())).code == code


def test_a_later_log_that_begins_otherwise_is_no_valid_proof() -> None:
    with ChannelPair() as pair:
        phone = pair.device("north", "phone").node
        first = phone.store.row(phone.own, 0)
        assert first is not None
        plain = message_of(first)
        proof = Proof.parse(prove(phone, (phone.own, 0), None))
        for message, code in (
            (plain, None),
            (replace(plain, body={**plain.body, 16: b"another"}), "opening.message"),
            (replace(plain, kind=2, body={0: [], 1: False, 17: "x"}), "opening.message"),
        ):
            one = row(phone.own, 0, message)
            extra = Extra(entry_of(one), disclose(message.seed, message.body, set(message.body)), (), Extra.decode(proof.extra).openings)
            checkpoint = Checkpoint(phone.names.origin, 1, merkle.tree_root([one.leaf]))
            note = SignedCheckpoint(checkpoint, (checkpoints.sign(checkpoint, phone.names.log[0], phone.pen.sign_log),))
            data = Proof(0, (), note, extra.encode()).encode()
            assert verify(data, Trust(charter=pair.made.signed.encode())).code == code


def _alone(made: TestChannel, log: int, message: Message) -> bytes:
    """A proof, with every field shown, of a message that is alone in a log which its real key signed."""
    tree = body_tree(message.seed, message.body)
    entry = Entry(message.kind, message.time, message.seen, tree.root)
    note = SignedCheckpoint.parse(made.note(log, 1, merkle.tree_root([merkle.leaf_hash(entry.encode())])))
    return Proof(0, (), note, Extra(entry, disclose(message.seed, message.body, set(message.body))).encode()).encode()
