"""Charters: from TOML and cards, signed, opened, and the channel that follows. FAULTS A12, B4, B5, C2, I-9 at this level."""

from __future__ import annotations

import hashlib
import tomllib
from typing import Any

import pytest

from ceasewire import limits
from ceasewire.errors import PeerError
from ceasewire.record import encoding
from ceasewire.record.card import tagged
from ceasewire.record.channel import Channel
from ceasewire.record.charter import CLOCKS, QUOTAS, Charter, open_charter
from ceasewire.record.draft import from_toml
from ceasewire.record.kinds import KINDS
from ceasewire.tlog.note import COSIGNATURE_ED25519, ED25519, MLDSA44, VerifierKey
from helpers import local, make_channel, make_party, refused
from signers import make_officer

NORTH, SOUTH = make_party("north"), make_party("south")
MISSION, PRESS = make_party("mission", "guarantor"), make_party("press", "observer")
CARDS = [NORTH.card_file, SOUTH.card_file]
TOWER = VerifierKey("tower.example/w", COSIGNATURE_ED25519, make_party("tower").card.keys.log_ed25519)
SPIRE = VerifierKey("spire.example/w", MLDSA44, make_party("spire").card.keys.log_mldsa44)
FULL = f"""
name = "example/line-1"
title = "Line of contact, sector 1"
level = "political"
exercise = true
kinds = ["statement", "notification", "reply", "statement"]
quorum = 1
replaces = "{"ab" * 32}"
[[provisions]]
id = "II.3"
text = "No heavy weapons within the line."
[[provisions]]
id = "II.4"
text = "Each side informs the other."
[clocks]
reply = 3600
[quotas]
running_clocks_per_party = 5
[[witnesses]]
name = "tower"
vkey = "{TOWER.text()}"
url = "https://tower.example/"
[[witnesses]]
name = "spire"
vkey = "{SPIRE.text()}"
[[zones]]
id = "z1"
name = "Bridge"
kind = "security_zone"
outline = [[33.5, 44.5], [33.6, 44.5], [33.6, 44]]
[[zones]]
id = "z2"
"""


def toml(text: str = FULL) -> dict[str, Any]:
    return tomllib.loads(text)


def test_everything_that_toml_can_say() -> None:
    charter = from_toml(toml(), CARDS).charter
    assert (charter.name, charter.title) == ("example/line-1", "Line of contact, sector 1")
    assert (charter.level, charter.exercise, charter.quorum) == ("political", True, 1)
    assert charter.kinds == (1, 2, 4)
    assert charter.provisions == (("II.3", "No heavy weapons within the line."), ("II.4", "Each side informs the other."))
    assert charter.clocks == {name: 3600 if name == "reply" else seconds for name, (_, seconds) in CLOCKS.items()}
    assert charter.quotas == {"messages_per_log_and_day": 20_000, "running_clocks_per_party": 5}
    assert [(w.name, w.vkey, w.url) for w in charter.witnesses] == [
        ("tower", TOWER.text(), "https://tower.example/"),
        ("spire", SPIRE.text(), ""),
    ]
    assert charter.zones[0].outline == ((3_350_000, 4_450_000), (3_360_000, 4_450_000), (3_360_000, 4_400_000))
    assert (charter.zones[1].name, charter.zones[1].kind, charter.zones[1].outline) == ("z2", "contact_line", ())
    assert charter.replaces == bytes.fromhex("ab" * 32)
    assert Charter.decode(charter.encode()) == charter


def test_defaults() -> None:
    charter = from_toml({"name": "c", "title": "t"}, CARDS).charter
    assert (charter.level, charter.exercise, charter.quorum, charter.replaces) == ("military", False, 0, b"")
    assert charter.kinds == tuple(range(1, 17))
    assert charter.clocks == {name: seconds for name, (_, seconds) in CLOCKS.items()}
    assert charter.quotas == {name: count for name, (_, count) in QUOTAS.items()}
    assert (charter.provisions, charter.witnesses, charter.zones, charter.officers, charter.releases) == ((), (), (), (), {})


def test_the_same_input_in_any_order_gives_the_same_bytes() -> None:
    one = from_toml(toml(), [SOUTH.card_file, PRESS.card_file, MISSION.card_file, NORTH.card_file])
    other = from_toml(dict(reversed(toml().items())), [NORTH.card_file, MISSION.card_file, SOUTH.card_file, PRESS.card_file])
    assert one.data == other.data
    assert [party.slug for party in one.charter.parties] == ["north", "south", "mission", "press"]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"name": None}, "name is missing"),
        ({"title": None}, "title is missing"),
        ({"name": 5}, "name must be a text"),
        ({"colour": "red"}, "no key colour"),
        ({"level": "secret"}, "level must be one of"),
        ({"level": 1}, "level must be a text"),
        ({"exercise": "yes"}, "exercise must be true or false"),
        ({"kinds": []}, "kinds must be a list"),
        ({"kinds": "statement"}, "kinds must be a list"),
        ({"kinds": ["gossip"]}, "kinds must be a list"),
        ({"kinds": [["statement"]]}, "kinds must be a list"),
        ({"kinds": [2]}, "kinds must be a list"),
        ({"clocks": 5}, "clocks must be written as [clocks]"),
        ({"clocks": {"tea": 5}}, "[clocks] has no key tea"),
        ({"clocks": {"reply": -1}}, "reply must be a whole number"),
        ({"clocks": {"reply": True}}, "reply must be a whole number"),
        ({"clocks": {"reply": 2**32}}, "reply must be a whole number"),
        ({"quotas": {"running_clocks_per_party": 1.5}}, "running_clocks_per_party must be"),
        ({"quotas": {"messages_per_log_and_day": 0}}, "messages_per_log_and_day must be a whole number from 1"),
        ({"quotas": {"running_clocks_per_party": 0}}, "running_clocks_per_party must be a whole number from 1"),
        ({"quorum": "all"}, "quorum must be a whole number"),
        ({"provisions": {"id": "1"}}, "provisions must be written as [[provisions]]"),
        ({"provisions": ["1"]}, "provisions must be written as [[provisions]]"),
        ({"provisions": [{"id": "1"}]}, "text is missing"),
        ({"provisions": [{"id": "1", "text": "t", "x": 1}]}, "[[provisions]] has no key x"),
        ({"witnesses": [{"name": "w"}]}, "vkey is missing"),
        ({"witnesses": [{"name": "w", "vkey": "v", "key": "k"}]}, "[[witnesses]] has no key key"),
        ({"zones": [{"name": "z"}]}, "id is missing"),
        ({"zones": [{"id": "z", "kind": "moat"}]}, "kind must be one of"),
        ({"zones": [{"id": "z", "outline": "x"}]}, "outline: a list"),
        ({"zones": [{"id": "z", "outline": [[91, 0]]}]}, "outline: a latitude"),
        ({"zones": [{"id": "z", "outline": [[1]]}]}, "outline: [latitude"),
        ({"replaces": "xyz"}, "replaces must be"),
        ({"replaces": 5}, "replaces must be a text"),
    ],
)
def test_toml_that_cannot_be_used(change: dict[str, Any], word: str) -> None:
    found = {key: value for key, value in (toml() | change).items() if value is not None}
    with local("charter.toml") as caught:
        from_toml(found, CARDS)
    assert word in caught.value.detail


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"name": "a b"}, "charter.malformed"),
        ({"name": "a+b"}, "charter.malformed"),
        ({"name": "/a"}, "charter.malformed"),
        ({"name": "a/"}, "charter.malformed"),
        ({"name": "a//b"}, "charter.malformed"),
        ({"name": ""}, "charter.malformed"),
        ({"name": "a" * 65}, "enc.shape"),
        ({"title": " "}, "charter.malformed"),
        ({"title": "\u202e"}, "enc.text"),
        ({"quorum": 3}, "charter.malformed"),
        ({"replaces": "ab"}, "charter.malformed"),
        ({"provisions": [{"id": "1", "text": "a"}, {"id": "1", "text": "b"}]}, "charter.malformed"),
        ({"zones": [{"id": "z"}, {"id": "z"}]}, "charter.malformed"),
        ({"witnesses": [{"name": "w", "vkey": TOWER.text()}, {"name": "w", "vkey": SPIRE.text()}]}, "charter.malformed"),
        ({"witnesses": [{"name": "v", "vkey": TOWER.text()}, {"name": "w", "vkey": TOWER.text()}]}, "charter.party"),
        ({"witnesses": [{"name": "v", "vkey": "tower+00000000+AA=="}]}, "vkey.malformed"),
        ({"witnesses": [{"name": "v", "vkey": VerifierKey("a", ED25519, TOWER.key).text()}]}, "charter.malformed"),
        ({"releases": {"statement": 2}}, "charter.malformed"),
        ({"officers": [make_officer("north", "kestrel").toml] * 2}, "officer.malformed"),
        (
            {"officers": [{**make_officer("north", "kestrel").toml, "party": "south"}, make_officer("north", "kestrel").toml]},
            "officer.malformed",
        ),
        ({"officers": [{**make_officer("north", "k").toml, "key": f"ed25519:{NORTH.card.keys.log_ed25519.hex()}"}]}, "officer.malformed"),
    ],
)
def test_a_draft_that_is_no_charter(change: dict[str, Any], code: str) -> None:
    with refused(code):
        from_toml(toml() | {"quorum": 0} | change, CARDS)


@pytest.mark.parametrize(
    ("cards", "code"),
    [
        ([], "charter.party"),
        ([NORTH], "charter.party"),
        ([NORTH, NORTH], "charter.party"),
        ([NORTH, MISSION], "charter.party"),
        ([NORTH, SOUTH, make_party("north", "guarantor")], "charter.party"),
        ([make_party(f"p{n}") for n in range(limits.PARTIES + 1)], "charter.party"),
    ],
)
def test_cards_that_make_no_channel(cards: list[Any], code: str) -> None:
    with refused(code):
        from_toml({"name": "c", "title": "t"}, [party.card_file for party in cards])


def test_a_shared_key_makes_no_channel() -> None:
    """B3: two parties with one key could each blame the other; a witness that is a party is none."""
    twin = make_party("twin")
    stolen = VerifierKey("w", COSIGNATURE_ED25519, NORTH.card.keys.receipt_ed25519)
    with refused("charter.party"):
        from_toml({"name": "c", "title": "t", "witnesses": [{"name": "w", "vkey": stolen.text()}]}, CARDS)
    assert from_toml({"name": "c", "title": "t"}, [*CARDS, twin.card_file])


def test_a_damaged_card_is_refused_when_drafting() -> None:
    with refused("sig.invalid"):
        from_toml({"name": "c", "title": "t"}, [NORTH.card_file, SOUTH.card_file[:-1] + b"\x00"])


SIGNED = make_channel().signed


def fields() -> dict[int, Any]:
    return dict(encoding.mapping(encoding.decode(SIGNED.data, limits.CHARTER_BYTES)))


@pytest.mark.parametrize(
    ("number", "value", "code"),
    [
        (1, b"name", "enc.shape"),
        (3, 0, "charter.malformed"),
        (3, 4, "charter.malformed"),
        (3, True, "enc.shape"),
        (4, 1, "enc.shape"),
        (5, [], "charter.party"),
        (5, [CARDS[1], CARDS[0]], "charter.party"),
        (5, ["card", "card"], "enc.shape"),
        (6, [["1"]], "enc.shape"),
        (6, [["1" * 33, "t"]], "enc.shape"),
        (7, [], "charter.malformed"),
        (7, [0], "charter.malformed"),
        (7, [2, 1], "charter.malformed"),
        (7, [1, 1], "charter.malformed"),
        (7, [2**16], "enc.shape"),
        (8, {}, "enc.shape"),
        (8, dict.fromkeys(range(1, 10), 2**32), "enc.shape"),
        (9, {1: 1}, "enc.shape"),
        (9, {1: 0, 2: 20}, "charter.malformed"),
        (9, {1: 20_000, 2: 0}, "charter.malformed"),
        (10, [["w", "v"]], "enc.shape"),
        (11, 1, "charter.malformed"),
        (12, [["z", "z", 0, []]], "charter.malformed"),
        (12, [["z", "z", 5, []]], "charter.malformed"),
        (12, [["z", "z", 1, [[True, 0]]]], "charter.malformed"),
        (12, [["z", "z", 1, [[0, "0"]]]], "charter.malformed"),
        (12, [["z", "z", 1, [[9_000_001, 0]]]], "charter.malformed"),
        (12, [["z", "z", 1, [[0, -18_000_001]]]], "charter.malformed"),
        (12, [["z", "z", 1, [[0]]]], "enc.shape"),
        (13, [1], "enc.shape"),
        (13, [[0, 1, bytes(32), 1, "x", "", ""]], "key.weak"),
        (13, [[0, 3, bytes(32), 1, "x", "", ""]], "officer.malformed"),
        (13, {}, "enc.shape"),
        (14, {2: 2}, "charter.malformed"),
        (14, {2: 16}, "enc.shape"),
        (15, bytes(31), "charter.malformed"),
        (15, "", "enc.shape"),
        (16, 0, "enc.shape"),
    ],
)
def test_a12_charter_bytes_that_are_none(number: int, value: Any, code: str) -> None:
    """A12."""
    with refused(code):
        Charter.decode(encoding.encode(fields() | {number: value}))


def test_a_missing_field_is_refused() -> None:
    for number in fields():
        left = fields()
        del left[number]
        with refused("enc.shape"):
            Charter.decode(encoding.encode(left))


def test_signing_does_not_change_the_channel() -> None:
    signed = from_toml({"name": "test", "title": "A channel for tests"}, CARDS)
    assert signed.unsigned == ["north", "south"]
    channel_id = signed.channel_id
    assert channel_id == hashlib.sha256(signed.data).digest()
    for position, party in enumerate((NORTH, SOUTH)):
        signed = signed.sign(position, {a: party.signers["log", a] for a in ("ed25519", "mldsa44")})
        again = open_charter(signed.encode(), complete=False)
        assert (again.channel_id, again.unsigned) == (channel_id, ["north", "south"][position + 1 :])
        assert again.encode() == signed.encode()
    assert open_charter(signed.encode(), complete=True).charter == signed.charter


def test_a_charter_without_everybodys_signatures_opens_only_for_signing() -> None:
    for missing in SIGNED.signatures:
        left = {name: signature for name, signature in SIGNED.signatures.items() if name != missing}
        part = type(SIGNED)(SIGNED.data, SIGNED.charter, left).encode()
        with refused("charter.unsigned") as caught:
            open_charter(part, complete=True)
        assert caught.value.detail == ("north", "south")[missing[0]]
        assert open_charter(part, complete=False).unsigned == [("north", "south")[missing[0]]]


def file(signatures: Any) -> bytes:
    return encoding.encode([SIGNED.data, signatures])


def test_signatures_that_do_not_count() -> None:
    """B4, B8, B13, I-9: another key's, another algorithm's, another channel's, another format's, twice, out of order."""
    listed: list[Any] = list(encoding.array(encoding.array(encoding.decode(SIGNED.encode(), limits.CHARTER_BYTES))[1]))
    assert [item[:2] for item in listed] == [[0, 1], [0, 2], [1, 1], [1, 2]]
    north, south = listed[0][2], listed[2][2]
    other = make_channel(exercise=True).signed
    wrong: list[tuple[Any, str]] = [
        ([[0, 1, south]], "sig.invalid"),
        ([[1, 1, north]], "sig.invalid"),
        ([[0, 2, north]], "sig.invalid"),
        ([[0, 1, b""]], "sig.invalid"),
        ([[0, 1, other.signatures[0, "ed25519"]]], "sig.invalid"),
        ([[0, 1, NORTH.signers["log", "ed25519"](tagged("ceasewire/card/1", SIGNED.channel_id))]], "sig.invalid"),
        ([[0, 1, NORTH.signers["receipt", "ed25519"](tagged("ceasewire/charter/1", SIGNED.channel_id))]], "sig.invalid"),
        ([[2, 1, north]], "enc.shape"),
        ([[0, 0, north]], "enc.shape"),
        ([[0, 3, north]], "enc.shape"),
        ([[0, b"", north]], "enc.shape"),
        ([[0, b"x", north]], "enc.shape"),
        ([[False, 1, north]], "enc.shape"),
        ([[0, 1]], "enc.shape"),
        ({}, "enc.shape"),
        ([listed[0], listed[0]], "charter.malformed"),
        ([listed[1], listed[0]], "charter.malformed"),
        ([listed[2], listed[0]], "charter.malformed"),
    ]
    for signatures, code in wrong:
        with refused(code):
            open_charter(file(signatures), complete=False)


def test_no_byte_of_a_charter_can_change() -> None:
    data = SIGNED.encode()
    for at in range(0, len(data), 53):
        changed = bytearray(data)
        changed[at] ^= 1 << at % 8
        with pytest.raises(PeerError):
            open_charter(bytes(changed), complete=True)
    with refused("enc.trailing"):
        open_charter(data + b"\x00", complete=True)


# --- The channel ---

FOUR = make_channel(
    ("north", "south", "mission:guarantor", "press:observer"),
    witnesses=[{"name": "tower", "vkey": TOWER.text()}, {"name": "spire", "vkey": SPIRE.text()}],
).channel


def test_names_follow_from_the_charter() -> None:
    """PROTOCOL section 6."""
    prefix = f"test/{FOUR.channel_id.hex()}"
    south = FOUR.logs[1]
    assert (south.number, south.slug, south.origin) == (1, "south", f"{prefix}/south")
    assert [(key.name, key.kind) for key in (*south.log, *south.receipt)] == [
        (f"{prefix}/south", 1),
        (f"{prefix}/south", 6),
        (f"{prefix}/south/receipt", 4),
        (f"{prefix}/south/receipt", 6),
    ]
    assert south.sealing == SOUTH.card.keys.sealing
    assert FOUR.by_origin(south.origin) is south
    assert FOUR.by_origin(south.origin + "/receipt") is None


def test_numbers_and_names_lead_to_each_other() -> None:
    for number, slug in enumerate(("north", "south", "mission", "press")):
        assert (FOUR.number(slug), FOUR.position(slug), FOUR.log_name(number), FOUR.slug(number)) == (number, number, slug, slug)
        assert (FOUR.party_of(number), FOUR.party(number).slug) == (number, slug)
    assert (FOUR.number("east"), FOUR.position("east"), FOUR.log_name(4), FOUR.slug(4), FOUR.slug(-1)) == (None,) * 5


def test_cosigners_are_known_by_name_and_key() -> None:
    """B9: a key id is four bytes to compare, and never anything else."""
    for number, log in FOUR.logs.items():
        for key in log.receipt:
            assert FOUR.cosigner(key.name, key.key_id) == (number, key)
            assert FOUR.cosigner_key(number, key.kind) is key
        assert FOUR.cosigner(log.log[0].name, log.log[0].key_id) is None
        assert FOUR.cosigner_key(number, ED25519) is None
    assert FOUR.cosigner(TOWER.name, TOWER.key_id) == (-1, TOWER)
    assert (FOUR.cosigner_key(-1, 4), FOUR.cosigner_key(-2, 6)) == (TOWER, SPIRE)
    assert (FOUR.cosigner_key(-1, 6), FOUR.cosigner_key(-3, 4), FOUR.cosigner_key(9, 4)) == (None, None, None)
    for name, key_id in ((TOWER.name, b""), (TOWER.name, bytes(4)), ("../../etc", TOWER.key_id), ("a" * 10**6, b"' or 1=1")):
        assert FOUR.cosigner(name, key_id) is None


def test_a_cosigner_that_nobody_knows_has_a_number_for_a_name() -> None:
    """A peer's line check may name any. A later log's name follows from its number, so that every node says the same of one it lacks."""
    names = [FOUR.cosigner_name(by) for by in (0, 3, 4, 2**31, 2**31 + (9 << 24), -1, -2, -3, -(2**16))]
    assert names == ["north", "press", "4", "north.000000", str(2**31 + (9 << 24)), "tower", "spire", "-3", "-65536"]


def test_two_charters_never_share_a_name() -> None:
    """B4, C2: an origin names the channel, so nothing signed for one is good in another."""
    one, other = make_channel().channel, make_channel(exercise=True).channel
    assert not {log.origin for log in one.logs.values()} & {log.origin for log in other.logs.values()}


def test_a_charter_may_name_kinds_of_a_newer_version() -> None:
    """A14."""
    newer = Charter.decode(encoding.encode(fields() | {7: [1, 99]}))
    assert newer.kinds == (1, 99)
    assert Channel(type(SIGNED)(newer.encode(), newer, {})).charter.kinds == (1, 99)
    assert 99 not in KINDS.values()
