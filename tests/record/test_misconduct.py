"""Misconduct proofs: what each kind says, and that nothing changed in one byte, in its place or in its order convicts anyone.

Each refused form by code is in spec/vectors/misconduct.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from typing import Any

import pytest

from ceasewire import limits
from ceasewire.errors import CODES, PeerError
from ceasewire.record import encoding
from ceasewire.record.conviction import UNOPENED, Court, of_common, opened_once
from ceasewire.record.misconduct import KINDS, Maker, Proof, explicit_path, is_misconduct, open_by_policy, open_misconduct
from ceasewire.record.opening import Opening, sign_opening
from ceasewire.record.values import Cosignature
from ceasewire.tlog.merkle import EMPTY_ROOT
from ceasewire.tlog.note import COSIGNATURE_ED25519
from crimes import ROOT, Device, crimes, entry, history, one_number
from helpers import START, TestParty, make_channel, make_party, refused

PARTIES = ("north", "south", "mission:guarantor")
QUOTA = 100
FROM = {"two_faces": 5, "two_leaves": 5, "rewrite": 5, "rewrite-power": 3, "rewrite-empty": 0}  # the others show no second history
RECEIPTS = {"back_dating-seen", "false_seen", "shrinking_receipt", "shrinking_receipt-roots"}
MADE = make_channel(PARTIES, quotas={"messages_per_log_and_day": QUOTA})


@lru_cache
def proofs() -> dict[str, bytes]:
    """Against north's first log."""
    return crimes(Device(MADE.channel, 0, make_party("north")), Device(MADE.channel, 1, make_party("south")), QUOTA)


@lru_cache
def later() -> Device:
    """A further device of north's."""
    keys = make_party("phone")
    opening = Opening(MADE.channel.channel_id, 0, keys.card.keys, None, 0, EMPTY_ROOT)
    return Device(MADE.channel.with_openings([opening]), opening.number, keys, signed(opening, keys))


def signed(opening: Opening, keys: TestParty) -> bytes:
    """Its file, by north's recovery key."""
    north = make_party("north")
    signers = [(use, algorithm) for use in ("recovery", "log", "receipt") for algorithm in ("ed25519", "mldsa44")]
    sign = [(north if use == "recovery" else keys).signers[use, algorithm] for use, algorithm in signers]  # type: ignore[index]
    return sign_opening(opening, 0, sign)


@lru_cache
def proofs_of_later() -> dict[str, bytes]:
    """Against the further device."""
    return crimes(later(), Device(MADE.channel, 1, make_party("south")), QUOTA)


@lru_cache
def proofs_of_openings() -> dict[str, bytes]:
    """Kind 10: two openings that share all keys but are of two numbers, and two of one number that share none."""
    phone, tablet = make_party("phone"), make_party("tablet")
    known = Opening(MADE.channel.channel_id, 0, phone.card.keys, 0, 3, ROOT)
    one, other = one_number(known, replace(known, keys=tablet.card.keys))
    make = Maker(MADE.channel, later().log, later().opening)
    twice = Maker(MADE.channel, one.number, signed(one, phone))
    return {"two_openings-key": make.two_openings(signed(known, phone)), "two_openings": twice.two_openings(signed(other, tablet))}


def test_each_kind_says_whom_it_convicts_and_from_where() -> None:
    for proved, log, name in ((proofs(), 0, "north"), (proofs_of_later(), later().log, later().channel.logs[later().log].slug)):
        assert {one.partition("-")[0] for one in proved} == set(KINDS.values()) - {"two_openings"}
        for what, data in proved.items():
            verdict = open_misconduct(data, MADE.channel)  # which knows no later log
            assert is_misconduct(data)
            assert (verdict.kind, verdict.log, verdict.log_name) == (what.partition("-")[0], log, name)
            assert (verdict.party, verdict.position) == ("north", 0)
            assert verdict.from_index == FROM.get(what)
            assert verdict.convicts is (verdict.kind != "flood")
            assert verdict.sentence.startswith(f"north's {'device' if 'device' in verdict.sentence else 'log'} {name} ")


def test_two_openings_convict_a_later_log_alone() -> None:
    for what, data in proofs_of_openings().items():
        verdict = open_misconduct(data, MADE.channel)
        name = f"north.{verdict.log % 2**24:06x}"
        assert (verdict.kind, verdict.log_name, verdict.party) == ("two_openings", name, "north")
        assert (verdict.from_index, verdict.convicts, verdict.facts["shared"]) == (0, True, "key" if what.endswith("key") else "number")
        assert (verdict.facts["other_log"] == name) is (what == "two_openings")
        assert verdict.sentence.startswith(f"north's log {name} ")
        with refused("misconduct.charter"):
            open_by_policy(data, [MADE.channel.logs[0].log[0]])
        for log in (0, 1, verdict.log + 1):
            with refused("misconduct.malformed"):
                files = Proof.decode(data).openings if log > 1 else []
                open_misconduct(written(replace(Proof.decode(data), log=log, openings=files)), MADE.channel)
    assert open_misconduct(proofs_of_openings()["two_openings-key"], MADE.channel).log == later().log


def test_what_needs_logs_keys_alone_is_told_by_a_policy_too() -> None:
    keys = [MADE.channel.logs[0].log[0]]
    for what, data in proofs().items():
        if what in RECEIPTS or what == "flood":
            with refused("misconduct.charter"):
                open_by_policy(data, keys)
        else:
            assert open_by_policy(data, keys).from_index == FROM.get(what)
        with pytest.raises(PeerError):
            open_by_policy(data, [MADE.channel.logs[1].log[0]])
    later_keys = [later().channel.logs[later().log].log[0]]
    assert open_by_policy(proofs_of_later()["two_faces"], later_keys).log == later().log


def test_they_travel() -> None:
    assert max(map(len, proofs().values())) < 2048
    assert max(map(len, [*proofs_of_later().values(), *proofs_of_openings().values()])) < limits.MISCONDUCT_BYTES
    largest = Opening(MADE.channel.channel_id, 0, make_party("phone").card.keys, later().log, 2**63 - 1, ROOT)
    one, other = one_number(largest, replace(largest, keys=make_party("tablet").card.keys))
    proof = Maker(MADE.channel, one.number, signed(one, make_party("phone"))).two_openings(signed(other, make_party("tablet")))
    assert len(proof) < limits.MISCONDUCT_BYTES


def convicts(data: bytes) -> bool:
    try:
        open_misconduct(data, MADE.channel)
    except PeerError as error:
        return error.code not in CODES
    return True


def test_every_byte_counts() -> None:
    draw = random.Random(1)
    for what, data in proofs().items():
        assert [at for at in range(len(data)) if convicts(flip(data, at, draw))] == [], what
        assert not convicts(data[:-1])
        assert not convicts(data + b"\0")
    for data, step in ((proofs_of_later()["two_leaves"], 9), *((one, 37) for one in proofs_of_openings().values())):
        assert [at for at in range(0, len(data), step) if convicts(flip(data, at, draw))] == []


ODD: tuple[Any, ...] = (0, 1, -1, 2**63 - 1, True, "", "x", b"", bytes(32), bytes(41), [], [[]], [0, 0, 0], [b"", 0, [], b""], {}, {0: 0})


def places(value: Any, place: tuple[int, ...] = ()) -> Iterator[tuple[int, ...]]:
    """Every place in nested arrays."""
    yield place
    for n, item in enumerate(value if isinstance(value, list) else ()):
        yield from places(item, (*place, n))


def put(value: Any, place: tuple[int, ...], other: Any) -> Any:
    if not place:
        return other
    return [*value[: place[0]], put(value[place[0]], place[1:], other), *value[place[0] + 1 :]]


def test_whatever_stands_in_a_place_is_refused_with_a_code() -> None:
    policy = [MADE.channel.logs[0].log[0]]
    for what, data in {**proofs(), **proofs_of_openings()}.items():
        whole = encoding.decode(data, len(data), 16)
        for place in places(whole):
            for odd in ODD:
                changed = encoding.encode(put(whole, place, odd), 16)
                assert changed == data or not convicts(changed), (what, place, odd)
                with suppress(PeerError):
                    open_by_policy(changed, policy)


def flip(data: bytes, at: int, draw: random.Random) -> bytes:
    return data[:at] + bytes([data[at] ^ draw.randrange(1, 256)]) + data[at + 1 :]


def written(proof: Proof) -> bytes:
    return encoding.encode(["ceasewire/misconduct/1", proof.channel_id, proof.kind, proof.log, proof.parts, proof.openings], 16)


def test_nothing_in_another_place_convicts() -> None:
    other = make_channel(("north", "south"), title="Another")
    found = {what: Proof.decode(data) for what, data in proofs().items()}
    north, south = (Device(MADE.channel, log, make_party(slug)) for log, slug in enumerate(("north", "south")))
    theirs = {what: Proof.decode(data) for what, data in crimes(south, north, QUOTA).items()}
    for what, proof in found.items():
        assert written(proof) == proofs()[what]
        with refused("misconduct.channel"):
            open_misconduct(proofs()[what], other.channel)
        changed = [replace(proof, log=log) for log in (1, 2, 3, later().log, 2**32 - 1)]
        changed += [replace(proof, kind=kind) for kind in KINDS if kind != proof.kind]
        changed += [replace(proof, channel_id=other.channel.channel_id), replace(proof, openings=[later().opening or b""])]
        changed += [replace(proof, parts=[*proof.parts, proof.parts[-1]]), replace(proof, parts=proof.parts[:-1])]
        changed += [replace(proof, parts=[proof.parts[0]] * len(proof.parts)), replace(proof, parts=[])]
        assert not any(convicts(written(one)) for one in changed), what
        # Parts that speak against another party, in the place of these.
        for another in theirs.values():
            for part in another.parts:
                for at in range(len(proof.parts)):
                    parts = [*proof.parts[:at], part, *proof.parts[at + 1 :]]
                    assert parts == proof.parts or not convicts(written(replace(proof, parts=parts))), what
    phone = Proof.decode(proofs_of_later()["two_faces"])
    assert not convicts(written(replace(phone, openings=[])))
    assert not convicts(written(replace(phone, openings=phone.openings * 2)))
    assert not convicts(written(replace(phone, log=0)))


def test_nobody_is_convicted_by_keys_of_another() -> None:
    """The same parts signed by another party's keys, in the accused's name."""
    forger = Device(MADE.channel, 0, make_party("south"))
    mine, forged = history(forger, 6), history(forger, 6, e5=entry(5, root=ROOT))
    make = Maker(MADE.channel, 0)
    with refused("sig.invalid"):
        make.two_faces(mine.note(6), forged.note(6))
    with refused("sig.invalid"):
        make.shrinking_receipt(1, forger.receipt(1, 6, ROOT, START), forger.receipt(1, 5, ROOT, START + 1))


def test_a_rewrite_is_proved_only_by_a_path_that_leads_to_the_newer_root() -> None:
    device = Device(MADE.channel, 0, make_party("north"))
    make = Maker(MADE.channel, 0)
    honest = history(device, 20)
    for old in range(1, 20):
        path = explicit_path(honest.read(), old, 20)
        with refused("misconduct.unproved"):
            make.rewrite(honest.note(old), honest.note(20), path)
        proof = make.rewrite(device.note(old, ROOT), honest.note(20), path)
        assert open_misconduct(proof, MADE.channel).from_index == old - 1
        with pytest.raises(PeerError):
            make.rewrite(device.note(old, ROOT), honest.note(20), path[1:])
        with pytest.raises(PeerError):
            make.rewrite(device.note(old, ROOT), honest.note(20), [ROOT, *path[1:]])


def test_a_receipt_over_what_two_histories_do_not_share_shows_nothing() -> None:
    """Rule 26: it would verify where that history is held, and nowhere else."""
    asked: list[int] = []

    def proved(one: Cosignature) -> bool:
        asked.append(one.size)
        return True

    shows = of_common({3: 5}, proved)
    receipts = [Cosignature(log, size, 1, COSIGNATURE_ED25519, START, b"") for log, size in ((3, 5), (3, 6), (2, 6))]
    assert [shows(one) for one in receipts] == [True, False, True]
    assert asked == [5, 6]


def test_a_receipt_by_or_over_a_log_that_was_opened_twice_shows_nothing() -> None:
    """Elsewhere its keys are others. What has two histories from its first entry on has its own keys, and its receipts count."""
    shows = of_common({3: UNOPENED, 4: 0}, lambda _: True)
    receipts = [Cosignature(log, 1, by, COSIGNATURE_ED25519, START, b"") for log, by in ((2, 3), (3, 1), (2, 4), (4, 1), (2, 1))]
    assert [shows(one) for one in receipts] == [False, False, True, False, True]
    assert opened_once({3: UNOPENED, 4: 0}, [2, 3, 4]) == {2, 4}
    court = Court(MADE.channel)
    assert {court.shows(data) for data in proofs_of_openings().values()} == {
        (open_misconduct(data, MADE.channel).log, UNOPENED) for data in proofs_of_openings().values()
    }
