"""Attacks on who may say it, with the real keys of a log: each was once possible. PROTOCOL sections 5, 9 and 11."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest

from ceasewire.node.composing import address
from ceasewire.node.proofs import prove
from ceasewire.record.amendment import amendment_hash, changes_between
from ceasewire.record.authority import Authority
from ceasewire.record.draft import amended
from ceasewire.record.encoding import Value
from ceasewire.record.log import validity
from ceasewire.record.message import Message, message_of, row
from ceasewire.tlog.proof import Proof
from ceasewire.verifier import Extra, Trust, verify
from faults.liar import Liar
from helpers import START, seed_of
from node.pair import ChannelPair
from signers import OFFICERS

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
        assert [(one.log, one.index) for one in supports] == [(0, 20), (1, 0)]
        report = verify(data, Trust(charter=pair.made.signed.encode()))
        assert (report.verdict, report.about["amended"]) == ("valid", named.hex())
