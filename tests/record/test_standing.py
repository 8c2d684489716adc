"""What stands of a log that was replaced. PROTOCOL section 11; FAULTS B6, B7."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ceasewire.record.channel import Channel
from ceasewire.record.message import row
from ceasewire.record.opening import Opening
from ceasewire.record.standing import Sight, newly_seen, sights, standing, stands, written
from ceasewire.record.values import Cosignature, Row
from ceasewire.tlog.merkle import EMPTY_ROOT
from helpers import START, make_channel, make_party, refused, seed_of, statement

CHANNEL = make_channel(("north", "south", "mission:guarantor", "red-cross:observer")).channel
NORTH, SOUTH, MISSION, OBSERVER = range(4)


def opened(name: str, position: int, predecessor: int | None, size: int) -> Opening:
    root = seed_of("root", size) if size else EMPTY_ROOT
    return Opening(CHANNEL.channel_id, position, make_party(name).card.keys, predecessor, size, root)


PHONE = opened("phone", NORTH, None, 0)
NEW = opened("new-phone", NORTH, PHONE.number, 12)
STOLEN = CHANNEL.with_openings([PHONE, NEW])


def sight(log: int, successor: Opening, shows: int, index: int = 5) -> Sight:
    return Sight(log, index, successor.number, shows)


def test_a_log_that_nothing_replaced_stands_whole() -> None:
    bounds = standing(STOLEN, [])
    assert bounds == {PHONE.number: 12}
    assert stands(bounds, NORTH, 10**9)
    assert not stands(bounds, PHONE.number, 12)
    assert standing(CHANNEL, []) == {}


def test_a_thief_s_late_entries_stand_only_if_another_had_seen_them() -> None:
    """Three logs: what the opener holds stands, what south or the guarantor had then stands, what came later does not."""
    bounds = standing(STOLEN, [sight(SOUTH, NEW, 9), sight(MISSION, NEW, 14)])
    assert [stands(bounds, PHONE.number, n) for n in (0, 11, 13, 14, 15)] == [True, True, True, False, False]


def test_an_opening_whose_log_is_not_in_the_record_replaces_nothing_there() -> None:
    assert standing(STOLEN, [], {PHONE.number}) == {}
    assert standing(STOLEN, [], {PHONE.number, NEW.number}) == {PHONE.number: 12}


def test_after_a_lost_disk_what_others_hold_stands() -> None:
    """The opener holds nothing: all that stands, stands by others."""
    lost = opened("lost", NORTH, NORTH, 0)
    channel = CHANNEL.with_openings([lost])
    assert standing(channel, []) == {NORTH: 0}
    assert standing(channel, [sight(SOUTH, lost, 30), sight(MISSION, lost, 28)]) == {NORTH: 30}


def test_several_successors_are_valid_and_each_ends_the_log() -> None:
    """B7: no consent is needed. An entry that came after the first of them does not stand by a later one."""
    second = opened("second", NORTH, PHONE.number, 40)
    channel = STOLEN.with_openings([second])
    assert set(channel.successors_of(PHONE.number)) == {NEW.number, second.number}
    assert set(channel.live_logs()) == {NORTH, SOUTH, MISSION, OBSERVER, NEW.number, second.number}
    assert standing(channel, [sight(SOUTH, NEW, 13), sight(SOUTH, second, 60)]) == {PHONE.number: 13}


def test_what_does_not_stand_shows_nothing() -> None:
    """South's phone was stolen too: what its thief says to have seen does not keep up north's."""
    south_phone = opened("south-phone", SOUTH, None, 0)
    south_new = opened("south-new", SOUTH, south_phone.number, 3)
    channel = STOLEN.with_openings([south_phone, south_new])
    late, early = sight(south_phone.number, NEW, 90, index=3), sight(south_phone.number, NEW, 20, index=2)
    assert standing(channel, [late])[PHONE.number] == 12
    assert standing(channel, [early])[PHONE.number] == 20
    # And in a chain: what a late entry kept up falls with it.
    chain = [late, sight(NORTH, south_new, 3), sight(PHONE.number, south_new, 50, index=12)]
    assert standing(channel, chain) == {PHONE.number: 12, south_phone.number: 3}


def test_a_ring_of_openings_ends() -> None:
    """B7, a rotation loop. The numbers of two logs that follow each other can be forged."""
    first, second = opened("ring-1", NORTH, None, 0), opened("ring-2", NORTH, None, 0)

    class Ring(Opening):
        forged = 0

        @property
        def number(self) -> int:
            return self.forged

    numbers = {"first": first.number, "second": second.number}
    one, two = (Ring(*(getattr(o, f) for f in Opening.__slots__)) for o in (first, second))
    object.__setattr__(one, "predecessor", numbers["second"])
    object.__setattr__(two, "predecessor", numbers["first"])
    Ring.number = property(lambda self: numbers["first" if self.keys == first.keys else "second"])  # type: ignore[assignment, method-assign]
    channel = CHANNEL.with_openings([one, two])
    assert list(channel.before(numbers["first"])) == [numbers["second"]]
    assert not {*numbers.values()} & {*channel.live_logs(), *channel.called_logs}


# --- What an entry shows ---


def seeing(log: int, index: int, seen: dict[int, int], kind: int = 11, **body: Any) -> Row:
    return row(log, index, statement(START, seen=seen, kind=kind, **body))


RECEIPT = {1: PHONE.number, 2: 14, 3: MISSION, 4: 4, 5: START, 6: b"s" * 64}
TO_PHONE = {PHONE.number: 9, NEW.number: 1}


def shown(one: Row, before: dict[int, int], seen: dict[int, int], *, proves: bool = True) -> list[Sight]:
    return sights(STOLEN, one, before, seen, lambda _: proves)


def test_the_first_entry_that_sees_a_successor_shows_what_it_had_seen_and_what_it_writes_down() -> None:
    one = seeing(SOUTH, 5, TO_PHONE, f16=[RECEIPT])
    assert shown(one, {PHONE.number: 9}, TO_PHONE) == [Sight(SOUTH, 5, NEW.number, 14)]
    assert shown(one, {PHONE.number: 9}, TO_PHONE, proves=False) == [Sight(SOUTH, 5, NEW.number, 9)]
    assert shown(one, TO_PHONE, TO_PHONE) == []
    assert newly_seen(STOLEN, {}, {PHONE.number: 9, NORTH: 4}) == []


# The ids are given: a later log's number follows from the channel's id, which is another in each process.
@pytest.mark.parametrize(
    "by", [NORTH, PHONE.number, NEW.number, OBSERVER, -1, 77], ids=["own", "phone", "new", "observer", "witness", "stranger"]
)
def test_a_receipt_counts_only_by_another_party_or_a_guarantor(by: int) -> None:
    one = seeing(SOUTH, 5, TO_PHONE, f16=[{**RECEIPT, 3: by}])
    assert shown(one, {}, TO_PHONE) == [Sight(SOUTH, 5, NEW.number, 9)]


@pytest.mark.parametrize("log", [NORTH, OBSERVER])
def test_neither_the_party_itself_nor_an_observer_shows_anything(log: int) -> None:
    assert shown(seeing(log, 5, TO_PHONE), {}, TO_PHONE) == []


def test_a_void_line_check_and_another_kind_write_nothing_down() -> None:
    assert written(seeing(SOUTH, 5, TO_PHONE, f16=[RECEIPT])) == [Cosignature(PHONE.number, 14, MISSION, 4, START, b"s" * 64)]
    assert written(replace(seeing(SOUTH, 5, TO_PHONE, f16=[RECEIPT]), void="body.schema")) == ()
    assert written(seeing(SOUTH, 5, TO_PHONE, kind=2)) == ()


# --- The channel ---


def test_later_logs_have_names_keys_and_a_party() -> None:
    number = NEW.number
    names = STOLEN.logs[number]
    assert names.slug == NEW.log_name("north")
    assert names.origin == f"test/{CHANNEL.channel_id.hex()}/{names.slug}"
    assert names.log[0].key == NEW.keys.log_ed25519
    assert STOLEN.number(names.slug) == number
    assert (STOLEN.party_of(number), STOLEN.party(number).slug) == (NORTH, "north")
    assert STOLEN.cosigner(names.receipt[0].name, names.receipt[0].key_id) == (number, names.receipt[0])
    assert STOLEN.by_origin(names.origin) == names
    assert number not in CHANNEL.logs
    assert list(STOLEN.logs) == [0, 1, 2, 3, *sorted([PHONE.number, NEW.number])]
    assert STOLEN.with_openings([PHONE]) is STOLEN


def test_who_is_called_and_what_a_name_addresses() -> None:
    """A successor of the first log stands where it stood; a further device, and what follows it, has no address."""
    rotated = opened("rotated", NORTH, NORTH, 3)
    channel = STOLEN.with_openings([rotated])
    assert channel.called_logs == (SOUTH, MISSION, OBSERVER, rotated.number)
    assert set(channel.named("north")) == {NEW.number, rotated.number}
    assert channel.named(NEW.log_name("north")) == (NEW.number,)
    assert channel.named("nobody") == ()
    assert channel.logs_of(NORTH) == (NORTH, *sorted([PHONE.number, NEW.number, rotated.number]))


@pytest.mark.parametrize("use", ["log_ed25519", "receipt_mldsa44", "sealing"])
@pytest.mark.parametrize("of", ["another party's card", "another later log"])
def test_one_key_is_one_log_s_for_ever(use: str, of: str) -> None:
    """But for a sealing key that stands in another's opening: it signs nothing, and whoever copies it harms nobody else."""
    keys = CHANNEL.charter.parties[SOUTH].keys if of == "another party's card" else PHONE.keys
    again = replace(opened("again", SOUTH, None, 0), keys=replace(make_party("again").card.keys, **{use: getattr(keys, use)}))
    if (use, of) == ("sealing", "another later log"):
        assert again.number in STOLEN.with_openings([again]).logs
        assert STOLEN.conflicts(again) == []
        return
    with refused("opening.refused"):
        STOLEN.with_openings([again])
    assert STOLEN.conflicts(again) == ([] if of == "another party's card" else [PHONE.number])


def test_a_channel_without_openings_is_as_it_was() -> None:
    assert Channel(CHANNEL.signed).logs == CHANNEL.logs
    assert CHANNEL.live_logs() == CHANNEL.called_logs == (0, 1, 2, 3)
