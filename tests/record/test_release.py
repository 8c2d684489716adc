"""Releases by officers: FAULTS B4, B5, I-6 to I-9 at the level of one log. Refused inputs by code are in spec/vectors/admission."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ceasewire.errors import PeerError
from ceasewire.record.authority import Authority
from ceasewire.record.channel import Channel
from ceasewire.record.charter import Charter
from ceasewire.record.encoding import Value
from ceasewire.record.kinds import KINDS
from ceasewire.record.log import mark_void
from ceasewire.record.message import Body, Message, row
from ceasewire.record.notation import LAST_TIME, Wrong
from ceasewire.record.officers import OFFICER_ROLES, Officer, read_officer, show_officer
from ceasewire.record.release import LIGHT_STANCES, Asked, defaults, item, needed
from ceasewire.record.words import STANCES
from ceasewire.tlog import ed25519, es256
from helpers import START, TestChannel, make_channel, make_party, refused, seed_of, statement
from signers import (
    HERON,
    KESTREL,
    LATER,
    OFFICERS,
    RAVEN,
    SWIFT,
    WREN,
    TestOfficer,
    TestPasskey,
    asked_of,
    client_data,
    recovered,
    released,
)

from .histories import Store

PARTIES = ("north", "south", "mission:guarantor", "press:observer")
MADE = make_channel(PARTIES, officers=OFFICERS)
CHANNEL = MADE.channel
NORTH = make_party("north")


def made(kind: str, body: Body, *, seen: dict[int, int] | None = None, time: int = START) -> Message:
    whole: Body = {0: [], 1: False, **body}
    return Message(KINDS[kind], time, seen or {}, seed_of(kind, repr(body), time)[:16], dict(sorted(whole.items())))


NOTIFICATION: Body = {16: ["A4"], 17: START, 21: "the bridge"}
WHOLE: dict[str, Body] = {
    "notification": NOTIFICATION,
    "statement": {17: "x"},
    "request": {16: ["why?"]},
    "line_check": {},
    "acknowledgement": {17: True},
    "closing": {3: [0, 0]},
    "withdrawal": {3: [0, 0], 16: "false alarm"},
}


def void(message: Message, *, log: int = 0, channel: Channel = CHANNEL, around: Store | None = None) -> str | None:
    """The code of a message that comes after what `around` holds of its log."""
    store = around or Store()
    one = row(log, store.size(log), message)
    return mark_void(channel, [one], [message.body], store)[0].void


# --- How many ---


@pytest.mark.parametrize(
    ("count", "kinds"),
    [
        (0, ("line_check", "acknowledgement")),
        (1, ("flash", "notification", "request", "evidence", "notice")),
        (2, ("statement", "reply", "finding", "keys", "amendment", "channel_status", "correction", "withdrawal", "closing")),
    ],
)
def test_defaults_are_those_of_the_protocol(count: int, kinds: tuple[str, ...]) -> None:
    assert {kind for kind, number in defaults().items() if number == count} == set(kinds)


def test_a_reply_that_commits_to_nothing_needs_one() -> None:
    light = {stance for n, stance in enumerate(STANCES, 1) if needed({}, KINDS["reply"], n) == 1}
    assert light == {"under_inquiry", "need_information", "noted"}
    assert {needed({4: 3}, 4, n) for n in LIGHT_STANCES} == {1}
    assert needed({4: 0}, 4, 6) == 0
    assert [needed({}, 4, stance) for stance in (True, None, b"")] == [2, 2, 2]


def test_who_may_speak_may_say_who_speaks() -> None:
    """`keys` needs as many as a statement, unless the charter says otherwise."""
    assert [needed(table, KINDS["keys"], None) for table in ({}, {2: 3}, {2: 3, 14: 1})] == [2, 3, 1]


@pytest.mark.parametrize("kind", sorted(WHOLE))
def test_what_is_released_by_enough_stands_and_by_one_less_does_not(kind: str) -> None:
    message = made(kind, WHOLE[kind], time=START + 5)
    around = Store({0: [row(0, 0, statement())]})
    many = [KESTREL, HERON][: defaults()[kind]]
    assert void(released(CHANNEL, 0, message, *many), around=around) is None
    if many:
        assert void(released(CHANNEL, 0, message, *many[1:]), around=around) == "release.missing"


def test_a_party_without_officers_needs_none_and_may_have_none() -> None:
    """The charter that all signed says that its device alone speaks."""
    assert void(statement(), log=2) is None
    assert void(released(CHANNEL, 2, statement(), KESTREL), log=2) == "release.unknown"
    nobody = make_channel(PARTIES)
    assert void(released(nobody.channel, 0, statement(), KESTREL), channel=nobody.channel) == "release.unknown"


def test_the_charter_says_how_many() -> None:
    three = make_channel(PARTIES, officers=[*OFFICERS, RAVEN.toml], releases={"statement": 3, "notification": 0})
    assert void(released(three.channel, 0, statement(), KESTREL, HERON), channel=three.channel) == "release.missing"
    assert void(released(three.channel, 0, statement(), KESTREL, HERON, RAVEN), channel=three.channel) is None
    assert void(made("notification", NOTIFICATION), channel=three.channel) is None


# --- Whether each one is right ---


def test_i6_one_officer_twice_counts_for_nothing() -> None:
    """I-6, I8: the same item, and two items by one key that differ."""
    once = KESTREL.item(asked_of(CHANNEL, 0, statement()))
    again = KESTREL.item(asked_of(CHANNEL, 0, statement()), LATER + 1)
    for items in ([once, once], [once, again]):
        assert void(replace(statement(), body={**statement().body, 0: items})) == "release.invalid"


def test_i6_one_key_under_two_names_is_one_officer() -> None:
    """I-6: whatever the names say."""
    alias = {**KESTREL.toml, "name": "somebody else", "role": "commander"}
    with refused("officer.malformed"):
        make_channel(PARTIES, officers=[*OFFICERS, alias])
    assert read_officer(KESTREL.json).id == read_officer({**KESTREL.json, "name": "x"}).id


def test_i6_an_edit_after_approval_voids_it() -> None:
    """I-6: a release is of these words, and of no other."""
    approved = released(CHANNEL, 0, statement(), KESTREL, HERON)
    edited = replace(approved, body={**approved.body, 17: "Another text."})
    assert (void(approved), void(edited)) == (None, "release.invalid")
    assert void(replace(approved, seed=bytes(16))) == "release.invalid"


@pytest.mark.parametrize("by", [[WREN, HERON], [RAVEN, HERON], [HERON, SWIFT]])
def test_i7_only_the_partys_own_officers_count(by: list[TestOfficer]) -> None:
    """I-7, B5: not those of the other side, and not somebody nobody knows."""
    assert void(released(CHANNEL, 0, statement(), *by)) == "release.invalid"


def test_b4_a_release_is_for_one_channel_log_and_kind() -> None:
    """B4: what was signed for another place says nothing here."""
    message = statement()
    good = asked_of(CHANNEL, 0, message)
    for other in (replace(good, channel_id=bytes(32)), replace(good, log=1), replace(good, kind=3), replace(good, rest=bytes(32))):
        items: list[Value] = [KESTREL.item(other), HERON.item(good)]
        assert void(replace(message, body={**message.body, 0: items})) == "release.invalid"


def test_not_after_is_compared_with_the_entrys_time() -> None:
    for until, code in ((START, None), (START - 1, "release.invalid"), (LAST_TIME, None), (LAST_TIME + 1, "release.invalid")):
        assert void(released(CHANNEL, 0, statement(), KESTREL, HERON, not_after=until)) == code


@pytest.mark.parametrize(
    "change",
    [
        lambda found: [],
        lambda found: found[:3],
        lambda found: [found[0][:15], *found[1:]],
        lambda found: [found[0], 2, *found[2:]],  # the role of another
        lambda found: [found[0], True, *found[2:]],
        lambda found: [found[0], 0, *found[2:]],
        lambda found: [found[0], found[1], -1, found[3]],
        lambda found: [found[0], found[1], found[2] + 1, found[3]],
        lambda found: [*found[:3], found[3][:63]],
        lambda found: [*found[:3], [found[3]]],
        lambda found: [*found[:3], [found[3], found[3]]],
        lambda found: b"an officer",
        lambda found: {0: found},
    ],
)
def test_an_item_that_is_not_right_voids_the_message(change: Any) -> None:
    """Even if enough others are right: a release that nobody can read is no ornament."""
    message = released(CHANNEL, 0, made("notification", NOTIFICATION), KESTREL)
    second = change(HERON.item(asked_of(CHANNEL, 0, message)))
    items: Any = message.body[0]
    assert void(replace(message, body={**message.body, 0: [*items, second]})) == "release.invalid"


def test_seventeen_releases_are_too_many() -> None:
    found: Any = [KESTREL.item(asked_of(CHANNEL, 0, statement()))] * 17
    assert void(replace(statement(), body={**statement().body, 0: found})) == "release.invalid"


def test_release_goes_before_schema_and_after_exercise() -> None:
    exercise = make_channel(("north", "south"), exercise=True, officers=OFFICERS)
    bad: Body = {0: [], 1: False}
    assert void(Message(2, START, {}, bytes(16), bad), channel=exercise.channel) == "exercise.mismatch"
    assert void(Message(2, START, {}, bytes(16), {**bad, 1: True}), channel=exercise.channel) == "release.missing"


# --- WebAuthn ---

PASSKEY = TestPasskey("north", "osprey")
WEB = make_channel(PARTIES, officers=[*OFFICERS, PASSKEY.toml])


def _with(signature: Value, message: Message | None = None) -> str | None:
    message = message or made("notification", NOTIFICATION)
    found = item(PASSKEY.officer, LATER, signature)
    return void(replace(message, body={**message.body, 0: [found]}), channel=WEB.channel)


ASKED = asked_of(WEB.channel, 0, made("notification", NOTIFICATION))
CHALLENGE = ASKED.challenge(LATER)


def test_an_assertion_releases() -> None:
    assert _with(PASSKEY.assertion(client_data(CHALLENGE))) is None
    assert _with(PASSKEY.assertion(client_data(CHALLENGE), flags=0x85, more=b"\xa0")) is None
    both = released(WEB.channel, 0, statement(), PASSKEY, HERON)
    assert void(both, channel=WEB.channel) is None


@pytest.mark.parametrize(
    "client",
    [
        client_data(bytes(32)),
        client_data(CHALLENGE, type="webauthn.create"),
        client_data(CHALLENGE, origin="https://north.example.org"),
        client_data(CHALLENGE, crossOrigin=True),
        client_data(CHALLENGE, crossOrigin="false"),
        client_data(CHALLENGE, more=1.5),
        client_data(CHALLENGE)[:-1] + b',"type":"webauthn.get"}',
        client_data(CHALLENGE)[:-1] + b',"a":{"b":1,"b":2}}',
        client_data(CHALLENGE)[:-1] + b',"a":NaN}',
        b"\xef\xbb\xbf" + client_data(CHALLENGE),
        client_data(CHALLENGE)[:-1] + b',"a":' + b"[" * 3000 + b"]" * 3000 + b"}",
        client_data(CHALLENGE, more="x" * 5000),
        client_data(CHALLENGE)[:-1] + b',"a":1e400}',
        b"[]",
        b"\xff",
        b"",
    ],
)
def test_client_data_of_another_act_release_nothing(client: bytes) -> None:
    """A17: read strictly, so that no two programs differ."""
    assert _with(PASSKEY.assertion(client)) == "release.invalid"


@pytest.mark.parametrize(
    "how",
    [
        {"flags": 0x04},
        {"flags": 0x01},
        {"flags": 0x45},
        {"rp_id": "evil.example"},
        {"more": b"\xa0"},
        {"flags": 0x85},
        {"flags": 0x85, "more": bytes(2000)},
    ],
)
def test_an_authenticator_that_did_not_verify_the_person_releases_nothing(how: dict[str, Any]) -> None:
    assert _with(PASSKEY.assertion(client_data(CHALLENGE), **how)) == "release.invalid"


def test_an_assertions_signature_is_of_one_form() -> None:
    data, client, der = PASSKEY.assertion(client_data(CHALLENGE))
    assert isinstance(der, bytes)
    for bad in (
        der[:-1],
        der + b"\x00",
        b"",
        bytes(64),
        b"\x30" + bytes([der[1] + 1]) + der[2:] + b"\x00",
        der[:4] + bytes([der[4] ^ 1]) + der[5:],
    ):
        assert _with([data, client, bad]) == "release.invalid"
    assert _with([data, client]) == "release.invalid"
    assert _with(KESTREL.sign(ASKED, LATER)) == "release.invalid"


def test_keys_of_p256_are_points_of_it() -> None:
    good = PASSKEY.officer.key
    es256.check_public_key(good)
    for bad, code in (
        (good[:64], "key.length"),
        (good[:-1] + bytes([good[-1] ^ 1]), "key.weak"),
        (b"\x06" + good[1:], "key.weak"),
        (bytes(65), "key.weak"),
    ):
        with refused(code):
            es256.check_public_key(bad)
        assert es256.verify(bad, b"", b"") is False


@settings(max_examples=40)
@given(st.binary(max_size=80))
def test_es256_never_raises(signature: bytes) -> None:
    assert es256.verify(PASSKEY.officer.key, signature, b"x") is False


# --- Officers ---


def test_an_officers_id_is_the_keys_alone() -> None:
    officer = KESTREL.officer
    encoding = b"\x82\x01\x58\x20" + officer.key
    assert officer.id == hashlib.sha256(encoding).digest()[:16]
    assert read_officer(show_officer(officer)) == officer
    assert read_officer(show_officer(PASSKEY.officer)) == PASSKEY.officer
    assert Officer.from_value(officer.value(), 0) == officer


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({0: 3}, "officer.malformed"),
        ({0: 0}, "officer.malformed"),
        ({1: bytes(31)}, "key.length"),
        ({1: b"\x01" + bytes(31)}, "key.weak"),
        ({2: 0}, "officer.malformed"),
        ({2: len(OFFICER_ROLES) + 1}, "officer.malformed"),
        ({3: " "}, "officer.malformed"),
        ({3: "x" * 101}, "enc.shape"),
        ({3: "\u202e"}, "enc.text"),
        ({4: "north.example"}, "officer.malformed"),
        ({0: 2}, "key.length"),
        ({0: 2, 1: PASSKEY.officer.key}, "officer.malformed"),
        ({0: 2, 1: PASSKEY.officer.key, 4: "North.example", 5: "https://north.example"}, "officer.malformed"),
        ({0: 2, 1: PASSKEY.officer.key, 4: "north.example", 5: "north.example"}, "officer.malformed"),
    ],
)
def test_an_officer_that_is_none(change: dict[int, Any], code: str) -> None:
    value = KESTREL.officer.value()
    for place, found in change.items():
        value[place] = found
    with refused(code):
        Officer.from_value(value, 0)


@pytest.mark.parametrize(
    "json",
    [
        None,
        {},
        {**KESTREL.json, "more": "x"},
        {**KESTREL.json, "name": 1},
        {**KESTREL.json, "role": "king"},
        {**KESTREL.json, "key": "ed25519:zz"},
        {**KESTREL.json, "key": "rsa:00"},
        {**KESTREL.json, "id": "00"},
        {**KESTREL.json, "key": "ed25519:" + "00" * 32},
    ],
)
def test_an_officers_json_that_is_none(json: Any) -> None:
    with pytest.raises(Wrong):
        read_officer(json)


# --- Keys: added, revoked, recovered ---


def keys(body: Body, time: int, **more: Any) -> Message:
    return made("keys", body, time=time, **more)


def after(*messages: Message, log: int = 0, channel: TestChannel = MADE) -> Store:
    """A store to which a log's messages came one by one; each that must not be void is not."""
    store = Store()
    for message in messages:
        one = row(log, store.size(log), message)
        (marked,) = mark_void(channel.channel, [one], [message.body], store)
        store.put([marked])
    return store


ADD_RAVEN = keys({17: [RAVEN.officer.value()]}, START + 1)
REVOKE_HERON = keys({18: [HERON.officer.id]}, START + 1)


def test_i9_who_adds_a_signer_needs_two() -> None:
    """I-9: an administrator with one officer's key, or none, adds nobody; with two it is a message that the other side sees."""
    for by, code in (
        ([], "release.missing"),
        ([KESTREL], "release.missing"),
        ([RAVEN, KESTREL], "release.invalid"),
        ([KESTREL, HERON], None),
    ):
        assert void(released(CHANNEL, 0, ADD_RAVEN, *by)) == code
    store = after(released(CHANNEL, 0, ADD_RAVEN, KESTREL))
    assert void(released(CHANNEL, 0, statement(START + 2), RAVEN, KESTREL), around=store) == "release.invalid"


def test_an_officer_added_by_two_releases_from_then_on() -> None:
    store = after(released(CHANNEL, 0, ADD_RAVEN, KESTREL, HERON))
    assert [one.void for one in store.rows] == [None]
    assert void(released(CHANNEL, 0, statement(START + 2), RAVEN, HERON), around=store) is None
    assert void(released(CHANNEL, 1, statement(START + 2), RAVEN, WREN), log=1, around=store) == "release.invalid"


def test_i8_a_revoked_officer_releases_nothing_from_then_on() -> None:
    """I-8: by the place in the log, not by a clock: what stands before it stays."""
    before = released(CHANNEL, 0, statement(), KESTREL, HERON)
    store = after(before, released(CHANNEL, 0, REVOKE_HERON, KESTREL, HERON))
    assert [one.void for one in store.rows] == [None, None]
    assert void(released(CHANNEL, 0, statement(START + 2), KESTREL, HERON), around=store) == "release.invalid"
    assert void(released(CHANNEL, 0, statement(START + 2), KESTREL), around=store) == "release.missing"


def test_i8_a_revoked_key_never_comes_back() -> None:
    again = recovered(MADE, 0, keys({17: [HERON.officer.value()]}, START + 2), NORTH)
    store = after(released(CHANNEL, 0, REVOKE_HERON, KESTREL, HERON), again)
    assert [one.void for one in store.rows] == [None, None]
    assert void(released(CHANNEL, 0, statement(START + 3), KESTREL, HERON), around=store) == "release.invalid"


def test_nobody_revokes_another_partys_officer() -> None:
    store = after(released(CHANNEL, 1, keys({18: [HERON.officer.id]}, START + 1), WREN, SWIFT), log=1)
    assert [one.void for one in store.rows] == [None]
    assert void(released(CHANNEL, 0, statement(START + 2, seen={1: 1}), KESTREL, HERON), around=store) is None


def test_a_recovery_key_is_enough_for_keys_and_for_nothing_else() -> None:
    assert void(recovered(MADE, 0, ADD_RAVEN, NORTH)) is None
    assert void(recovered(MADE, 0, ADD_RAVEN, make_party("south"))) == "release.invalid"
    assert void(recovered(MADE, 0, statement(), NORTH)) == "release.invalid"
    message = recovered(MADE, 0, ADD_RAVEN, NORTH)
    items: Any = message.body[0]
    (found,) = items
    half: Any = [*found[:3], [found[3][0], b""]]
    assert void(replace(message, body={**message.body, 0: [half]})) == "release.invalid"
    assert void(recovered(MADE, 0, ADD_RAVEN, NORTH, not_after=START)) == "release.invalid"


def test_a_party_whose_officers_are_all_revoked_still_needs_releases() -> None:
    store = after(released(CHANNEL, 0, keys({18: [HERON.officer.id, KESTREL.officer.id]}, START + 1), KESTREL, HERON))
    assert void(statement(START + 2), around=store) == "release.missing"
    assert void(recovered(MADE, 0, keys({17: [RAVEN.officer.value()]}, START + 2), NORTH), around=store) is None


def test_a_party_without_officers_names_its_first_and_needs_them_from_then_on() -> None:
    """Its device alone cannot: a thief of it would take the party's word away. The recovery key can."""
    nobody = make_channel(PARTIES)
    assert [one.void for one in after(ADD_RAVEN, channel=nobody).rows] == ["release.missing"]
    assert [one.void for one in after(released(nobody.channel, 0, ADD_RAVEN, RAVEN), channel=nobody).rows] == ["release.invalid"]
    assert [one.void for one in after(keys({21: "+1"}, START), channel=nobody).rows] == [None]
    store = after(recovered(nobody, 0, ADD_RAVEN, NORTH), channel=nobody)
    assert void(statement(START + 2), channel=nobody.channel, around=store) == "release.missing"
    assert void(statement(START + 2), log=1, channel=nobody.channel, around=store) is None


def test_only_what_lies_in_the_causal_past_counts() -> None:
    """In one run, in another log of the party, seen or not seen: the same code everywhere, whenever what arrives."""
    revoked = after(released(CHANNEL, 0, statement(), KESTREL, HERON), released(CHANNEL, 0, REVOKE_HERON, KESTREL, HERON))
    held = Authority(CHANNEL, revoked.rows)
    assert set(held.at(0, 1, {}).officers) == {KESTREL.officer.id, HERON.officer.id}
    assert set(held.at(0, 2, {}).officers) == {KESTREL.officer.id}
    assert held.now(0, {0: 2}) == held.at(0, 2, {})
    assert held.below(0, 2, {}) == [(0, 1)]
    assert [set(held.at(1, 5, seen).officers) for seen in ({}, {0: 2})] == [{WREN.officer.id, SWIFT.officer.id}] * 2
    later = recovered(MADE, 1, keys({18: [WREN.officer.id]}, START + 3, seen={0: 2}), make_party("south"))
    held.add(row(1, 0, later))
    assert [len(held.at(log, 1, {1: seen}).officers) for log, seen in ((1, 0), (0, 0), (0, 1))] == [1, 2, 2]


def test_addresses_are_those_of_the_last_message_that_names_one() -> None:
    said = [
        keys({21: "+1"}, START + 1),
        keys({19: "https://a.example", 21: "+2"}, START + 2),
        keys({20: "why", 19: "https://b.example"}, START + 3),
    ]
    rows = [row(2, n, one) for n, one in enumerate(said)]
    for order in (rows, rows[::-1]):
        authority = Authority(CHANNEL, order)
        assert [(authority.at(2, n, {}).telephone, authority.at(2, n, {}).url) for n in range(4)] == [
            (None, None),
            ("+1", None),
            ("+2", "https://a.example"),
            ("+2", "https://b.example"),
        ]


def test_what_is_void_says_nothing() -> None:
    bad = replace(row(0, 0, ADD_RAVEN), void="release.missing")
    assert Authority(CHANNEL, [bad]).at(0, 1, {}).officers.keys() == {KESTREL.officer.id, HERON.officer.id}


def test_charter_bytes_keep_the_officers() -> None:
    again = Charter.decode(MADE.signed.data)
    assert again.officers == MADE.signed.charter.officers
    assert {one.name for one in again.officers} == {"kestrel", "heron", "wren", "swift"}
    with pytest.raises(PeerError):
        Charter.decode(replace(again, officers=again.officers[::-1]).encode())


def test_ed25519_officers_are_checked_strictly() -> None:
    """B1, B2: by the one strict function."""
    asked = asked_of(CHANNEL, 0, statement())
    signature = KESTREL.sign(asked, LATER)
    assert isinstance(signature, bytes)
    order = 2**252 + 27742317777372353535851937790883648493
    high = signature[:32] + (int.from_bytes(signature[32:], "little") + order).to_bytes(32, "little")
    assert ed25519.verify(KESTREL.officer.key, signature, asked.message(LATER))
    items: Any = [item(KESTREL.officer, LATER, high), HERON.item(asked)]
    assert void(replace(statement(), body={**statement().body, 0: items})) == "release.invalid"
    assert Asked(asked.channel_id, 0, 2, asked.rest) == asked
