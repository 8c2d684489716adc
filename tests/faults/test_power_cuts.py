"""F3: the power fails at random moments of sending, receiving and cosigning, on ext4 and xfs. All that was not synced is lost, and nothing
that was acknowledged.

The disk is a file in memory, mounted by a loop device; see mounts.py for what a cut is. What a disk's own cache may lose, although the
kernel was told that it is written, cannot be shown so.
"""

from __future__ import annotations

import errno
import os
import random
import shutil
import time

import pytest

from ceasewire.keyfile import sync_folder
from faults.mounts import Disk, cut, disk
from faults.test_kills import Emitted, agree, driver, inbox
from node.pair import ChannelPair, Side

CUTS = 8
SWEEP_CUTS = 150
KINDS = ("ext4", "xfs")


def test_f3_a_cut_loses_what_was_not_synced_and_nothing_else() -> None:
    """The cut itself: what the tests below lean on."""
    for kind in KINDS:
        with disk(kind) as one:
            synced, loose = one.place / "synced", one.place / "loose"
            with synced.open("wb") as file:
                file.write(b"x" * 5000)
                file.flush()
                os.fsync(file.fileno())
            sync_folder(one.place)
            loose.write_bytes(b"y" * 5000)
            cut(one.place)
            assert is_cut(one)
            one.again()
            assert synced.read_bytes() == b"x" * 5000
            assert not loose.exists() or loose.stat().st_size == 0


def is_cut(one: Disk) -> bool:
    """Whether the disk takes nothing any more."""
    try:
        (one.place / "after").write_bytes(b"z")
    except OSError as error:
        return error.errno == errno.EIO
    return False


def moved(pair: ChannelPair, slug: str, one: Disk) -> Side:
    """The side, on the disk, with what it is to take; all of it synced, as the disk is unmounted once."""
    side = pair[slug]
    side.close()
    shutil.copytree(side.folder.path, one.place / slug)
    if (pair.path / "inbox").exists():
        shutil.copytree(pair.path / "inbox", one.place / "inbox")
    one.again()
    pair.sides[slug] = Side(pair.made, slug, one.place / slug, 1)
    pair.sides[slug].close()
    return pair.sides[slug]


def cuts(pair: ChannelPair, slug: str, act: str, one: Disk, count: int) -> Emitted:
    """Cut the power so many times while the side works, and look each time whether what it had acknowledged is there."""
    draw, emitted = random.Random(f"{act} {one.kind}"), Emitted()
    side = moved(pair, slug, one)
    log = 0 if act == "send" else 1 - pair.made.channel.position(slug)  # type: ignore[operator]
    with driver(side.folder.path, act, one.place) as process:
        for n in range(count):
            since, longest = (("open", 0.05), ("act", 0.02), ("act", 0.1))[n % 3]
            emitted.kill(process, f"{since} {draw.uniform(0, longest):.5f}")
            assert is_cut(one)
            one.again()
            with side.folder.view() as view:
                state = view.store.states().get(log)
                assert emitted.acknowledged <= set(range(state.size if state else 0)), f"cut {n}"
            one.again()  # so that the next begins with nothing in memory
    pair.set_clock(time.time() + 5)
    side.open()
    return emitted


def sending(kind: str, count: int) -> None:
    with disk(kind) as one, ChannelPair() as pair:
        emitted = cuts(pair, "north", "send", one, count)
        assert len(emitted.acknowledged) > count
        agree(pair, emitted)
        pair.north.close()


def cosigning(kind: str, count: int) -> None:
    with disk(kind) as one, inbox() as pair:
        emitted = cuts(pair, "south", "cosign", one, count)
        assert len(emitted.bundles) > count // 2
        for data in emitted.bundles:  # no receipt that left is of a state that was lost
            pair.north.receive(data)
        assert pair.north.node.store.refused() == []
        agree(pair, emitted)
        pair.south.close()


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_f3_a_power_cut_while_sending_loses_nothing_acknowledged(kind: str) -> None:
    sending(kind, CUTS)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_f3_a_power_cut_while_cosigning_takes_no_receipt_back(kind: str) -> None:
    cosigning(kind, CUTS)


@pytest.mark.sweep
@pytest.mark.parametrize("kind", KINDS)
def test_f3_many_power_cuts_while_sending(kind: str) -> None:
    sending(kind, SWEEP_CUTS)


@pytest.mark.sweep
@pytest.mark.parametrize("kind", KINDS)
def test_f3_many_power_cuts_while_cosigning(kind: str) -> None:
    cosigning(kind, SWEEP_CUTS)
