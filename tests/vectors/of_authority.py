"""Vectors of who may say it: officers, releases, amendments, in charters, in logs and in proofs."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

from ceasewire.record.amendment import amendment_hash
from ceasewire.record.encoding import Value
from ceasewire.record.message import Body, Message, disclose
from ceasewire.record.notation import LAST_TIME
from ceasewire.record.officers import charter_value
from ceasewire.record.release import item, recovery_item
from ceasewire.tlog import es256
from helpers import START, hiding, seed_of, statement
from signers import HERON, KESTREL, LATER, RAVEN, SWIFT, WREN, TestOfficer, TestPasskey, asked_of, client_data, released

from .base import Vectors, cbor
from .of_admission import FIRST, Admission, after
from .of_proofs import BODY, SEED, Maker

OSPREY = TestPasskey("north", "osprey")
CLOCKS = {1: 900, 2: 7200, 3: 21600, 4: 3600, 5: 1209600, 6: 2592000, 7: 86400, 8: 43200, 9: 43200}


def _assertion(v: Vectors, name: str, signature: Any) -> Value:
    """A WebAuthn assertion whose signature, which draws randomness, is kept."""
    data, client, der = signature
    signed = data + hashlib.sha256(client).digest()
    part = v.parts.frozen(f"release.{name}", lambda: der, lambda kept: es256.verify(OSPREY.officer.key, kept, signed))
    return [data, client, part]


def officers(v: Vectors) -> None:
    for name, what, one in (("ed25519", "an Ed25519 key", KESTREL), ("webauthn", "a WebAuthn key", OSPREY)):
        v.ok("officer", name, what, cbor(charter_value(one.officer)), {"id": one.officer.id, "role": one.officer.role})
    value = [0, *KESTREL.officer.value()]
    for code, name, what, change in (
        ("officer.malformed", "algorithm", "algorithm 3", {1: 3}),
        ("officer.malformed", "role", "role 99", {3: 99}),
        ("officer.malformed", "name", "a blank name", {4: " "}),
        ("officer.malformed", "rp", "an Ed25519 key with a web address", {5: "north.example", 6: "https://north.example"}),
        ("officer.malformed", "no-rp", "a WebAuthn key without a web address", {1: 2, 2: OSPREY.officer.key}),
        ("key.weak", "identity", "the identity as a key", {2: b"\x01" + bytes(31)}),
        ("key.weak", "point", "no point of P-256", {1: 2, 2: b"\x04" + bytes(64), 5: "n.example", 6: "https://n.example"}),
        ("key.length", "short", "31 bytes", {2: bytes(31)}),
    ):
        v.bad("officer", code, name, what, cbor([change.get(n, part) for n, part in enumerate(value)]))
    v.bad("officer", "enc.shape", "six", "a part is missing", cbor(value[:6]))
    v.bad("officer", "enc.text", "override", "U+202E in the name", cbor(value).replace(b"gkestrel", "gkes\u202el".encode()))


def releases(v: Vectors) -> None:
    message = statement()
    asked = asked_of(v.officers.channel, 0, message)
    given = {"charter": v.officers.signed.encode(), "log": 0, "kind": 2, "rest": asked.rest, "time": START}
    one, two = KESTREL.item(asked), HERON.item(asked)
    passkey = item(OSPREY.officer, LATER, _assertion(v, "passkey", OSPREY.sign(asked, LATER)))
    signed = {"message": asked.message(LATER), "challenge": asked.challenge(LATER)}
    v.ok("release", "none", "nobody", cbor([]), {"officers": 0, "recovered": False}, **given)
    v.ok("release", "two", "two officers", cbor([one, two]), {"officers": 2, "recovered": False, **signed}, **given)
    v.ok("release", "webauthn", "a WebAuthn assertion", cbor([passkey]), {"officers": 1, "recovered": False, **signed}, **given)
    foreign = OSPREY.assertion(client_data(asked.challenge(LATER), origin="https://evil.example"))
    absent = OSPREY.assertion(client_data(asked.challenge(LATER)), flags=1)
    twice = OSPREY.assertion(client_data(asked.challenge(LATER))[:-1] + b',"type":"webauthn.get"}')
    for name, what, found in (
        ("twice", "one officer twice", [one, one]),
        ("unknown", "an officer that nobody lists", [RAVEN.item(asked)]),
        ("other-party", "an officer of the other party", [WREN.item(asked)]),
        ("role", "the role of another", [[one[0], 2, *one[2:]]]),
        ("ended", "it ended a second before the message", [KESTREL.item(asked, START - 1)]),
        ("beyond", "it ends after the year 9999", [KESTREL.item(asked, LAST_TIME + 1)]),
        ("log", "made for the other side's log", [KESTREL.item(replace(asked, log=1))]),
        ("kind", "made for another kind", [KESTREL.item(replace(asked, kind=3))]),
        ("rest", "made for another body", [KESTREL.item(replace(asked, rest=bytes(32)))]),
        ("channel", "made for another channel", [KESTREL.item(replace(asked, channel_id=bytes(32)))]),
        ("shape", "an item of three", [one[:3]]),
        ("origin", "an assertion made on another page", [item(OSPREY.officer, LATER, _assertion(v, "origin", foreign))]),
        ("unverified", "an assertion without verifying the person", [item(OSPREY.officer, LATER, _assertion(v, "unverified", absent))]),
        ("names", "client data that name their type twice", [item(OSPREY.officer, LATER, _assertion(v, "names", twice))]),
        ("recovery", "a recovery key under a statement", [_recovery(v, "statement", message)]),
    ):
        v.bad("release", "release.invalid", name, what, cbor(found), **given)
    keys = Message(14, START, {}, seed_of("keys")[:16], {0: [], 1: False, 17: [RAVEN.officer.value()]})
    under = given | {"kind": 14, "rest": asked_of(v.officers.channel, 0, keys).rest}
    recovered = {"officers": 0, "recovered": True}
    v.ok("release", "recovery", "a recovery key under a keys message", cbor([_recovery(v, "keys", keys)]), recovered, **under)


def _recovery(v: Vectors, name: str, message: Message) -> Value:
    north = v.officers.parties["north"]
    signed = asked_of(v.officers.channel, 0, message).message(LATER)
    key = north.card.recovery[0]
    second = v.parts.mldsa(f"release.{name}.recovery", key.mldsa44, north.signers["recovery", "mldsa44"], signed)
    return recovery_item(key, LATER, [north.signers["recovery", "ed25519"](signed), second])


def amendments(v: Vectors) -> None:
    channel = v.test.channel
    given = {"charter": v.test.signed.encode(), "base": channel.channel_id}
    listed = [charter_value(one) for one in sorted((HERON.officer, KESTREL.officer), key=lambda one: one.id)]
    for name, what, changes in (
        ("clock", "an hour to reply", {8: CLOCKS}),
        ("officers", "officers where there were none", {13: listed, 14: {2: 1}}),
    ):
        data = cbor(changes)
        v.ok("amendment", name, what, data, {"hash": amendment_hash(channel.channel_id, channel.channel_id, data)}, **given)
    for name, what, bad in (
        ("none", "no changes", {}),
        ("cards", "other parties", {5: []}),
        ("exercise", "no exercise any more", {4: True}),
        ("clocks", "one clock alone", {8: {4: 3600}}),
        ("quota", "a quota of none", {9: {1: 0, 2: 20}}),
        ("releases", "releases without officers", {14: {2: 1}}),
    ):
        v.bad("amendment", "amendment.changes", name, what, cbor(bad), **given)
    v.bad(
        "amendment",
        "amendment.changes",
        "form",
        "two changes out of order",
        b"\xa2\x09" + cbor({1: 1, 2: 1}) + b"\x08" + cbor(CLOCKS),
        **given,
    )


def logs(v: Vectors) -> None:
    """What a receiver makes of it in a log."""
    a = Admission(v, v.officers)
    channel = v.officers.channel

    def by(message: Message, *named: TestOfficer, log: int = 0) -> Message:
        return released(channel, log, message, *named)

    a.ok("released", "a statement released by two", a.test.run(a.start, [by(statement(), KESTREL, HERON)]))
    a.void("release.missing", "one", "a statement released by one of two", by(statement(), KESTREL))
    a.void("release.missing", "nobody", "a statement that nobody released", statement())
    a.void("release.invalid", "same", "a statement released by one officer twice", by(statement(), KESTREL, KESTREL))
    edited = by(statement(), KESTREL, HERON)
    a.void("release.invalid", "edited", "a statement edited after it was released", replace(edited, body={**edited.body, 17: "Edited."}))
    a.ok("no-officers", "a guarantor that lists no officer", a.test.run(a.test.empty(2), [statement()]))
    add: Body = {0: [], 1: False, 17: [RAVEN.officer.value()]}
    added = by(Message(14, START, {}, seed_of("add")[:16], add), KESTREL, HERON)
    new = by(statement(START + 1), RAVEN, KESTREL)
    a.ok("added", "released by an officer whom an earlier message named", a.test.run(a.start, [added, new]))
    gone = by(Message(14, START, {}, seed_of("revoke")[:16], {0: [], 1: False, 18: [HERON.officer.id]}), KESTREL, HERON)
    late = a.test.run(after(a.start, [gone]), [by(statement(START + 1), KESTREL, HERON)])
    a.v.other(
        "void", "admission", "release.invalid", "revoked", "released by an officer whom an earlier message revoked", late.encode(),
        **a.more((a.test.run(a.start, [gone]),)),
    )  # fmt: skip
    plain = Admission(v, v.test)
    answer: Body = {0: [], 1: False, 3: [0, 0], 16: 3}
    own = plain.test.run(after(plain.start, [FIRST]), [Message(4, START + 1, {}, seed_of("own")[:16], answer)])
    held = plain.more((plain.test.run(plain.start, [FIRST]),))
    v.other("void", "admission", "ref.party", "reply", "a reply to its own party's message", own.encode(), **held)
    take_back: Body = {0: [], 1: False, 3: [1, 0], 16: "not ours"}
    back = Message(10, START + 50, {1: 1}, seed_of("back")[:16], take_back)
    plain.void("ref.party", "withdrawal", "a withdrawal of another's message", back, (plain.one,))
    _assents(v, plain)


def _assents(v: Vectors, a: Admission) -> None:
    base = a.test.channel.channel_id
    changes = cbor({8: CLOCKS})

    def assent(on: bytes, named: bytes, time: int = START, seen: dict[int, int] | None = None, brought: bytes = changes) -> Message:
        body: Body = {0: [], 1: False, 16: on, 17: named, 18: brought}
        return Message(15, time, seen or {}, seed_of("assent", time)[:16], body)

    good = amendment_hash(base, base, changes)
    north, south = assent(base, good), assent(base, good, START + 1, {0: 1})
    runs = a.test.run(a.start, [north]), a.test.run(a.test.empty(1), [south])
    next_hash = amendment_hash(base, good, cbor({9: {1: 5, 2: 20}}))
    chained = a.test.run(after(a.start, [north]), [assent(good, next_hash, START + 2, {1: 1}, cbor({9: {1: 5, 2: 20}}))])
    a.ok("amended", "an amendment of the charter as amended", chained, runs)
    again = a.test.run(after(a.start, [north]), [assent(base, good, START + 2, {1: 1})])
    v.other("void", "admission", "amendment.base", "late", "an amendment of a charter that was amended", again.encode(), **a.more(runs))
    a.void("amendment.base", "other", "an amendment of another charter", assent(bytes(32), good))
    a.void("amendment.changes", "other", "changes that are not those of the hash", assent(base, bytes(32)))
    cards = cbor({5: []})
    a.void("amendment.changes", "cards", "other parties", assent(base, amendment_hash(base, base, cards), brought=cards))


def proofs(v: Vectors) -> None:
    """What the verifier makes of it."""
    given = {"charter": v.officers.signed.encode()}
    message = Message(2, START + 1, {}, SEED, BODY)

    def made(*by: TestOfficer, edit: Body | None = None) -> Maker:
        body = released(v.officers.channel, 0, message, *by).body | (edit or {})
        return Maker(v.officers, dict(sorted(body.items())))

    def proof(*by: TestOfficer, reveal: set[int] | None = None, edit: Body | None = None) -> str:
        return made(*by, edit=edit).make(reveal=reveal)

    v.ok("verify", "released", "a statement released by two", proof(KESTREL, HERON), {"ref": "north/1"}, **given)
    v.ok("verify", "released-part", "the same, the title hidden", proof(KESTREL, HERON, reveal={0, 17}), {"ref": "north/1"}, **given)
    v.bad("verify", "release.missing", "one", "a statement released by one of two", proof(KESTREL), **given)
    both = made(KESTREL, HERON)
    hidden = both.make(data=both.whole(hiding(disclose(SEED, both.body, {17}), 0)))
    v.bad("verify", "release.missing", "hidden", "its releases hidden", hidden, **given)
    v.bad("verify", "release.invalid", "edited", "edited after it was released", proof(KESTREL, HERON, edit={17: "Edited."}), **given)
    v.bad("verify", "release.invalid", "south", "released by the other side's officers", proof(WREN, SWIFT), **given)


def add(v: Vectors) -> None:
    """Everything of this file."""
    for make in (officers, releases, amendments, logs, proofs):
        make(v)
