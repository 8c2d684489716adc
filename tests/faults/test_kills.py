"""F1, C12: SIGKILL at random moments of sending, receiving and cosigning, 50 times each, on real processes.

What was acknowledged is there afterwards, on both sides; and of everything that ever left no two signatures disagree.
"""

from __future__ import annotations

import base64
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ceasewire.errors import PeerError
from ceasewire.tlog.checkpoint import SignedCheckpoint
from node.pair import ChannelPair, Side

KILLS = 50
ROOT = Path(__file__).resolve().parents[2]
MESSAGES = 2500


@contextmanager
def driver(folder: Path, act: str, cut: Path | None = None) -> Iterator[subprocess.Popen[str]]:
    """The process that starts children on the folder and kills them, and first cuts off the disk that is mounted at `cut`."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(ROOT / "tests")))}
    environment.pop("COV_CORE_SOURCE", None)
    command = [sys.executable, "-m", "faults.driver", str(folder), act, *([str(cut)] if cut else [])]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True) as process:
        try:
            yield process
        finally:
            process.stdin.close()  # type: ignore[union-attr]
            process.wait(10)


class Emitted:
    """Everything that a node's processes let out, and what must hold of it."""

    def __init__(self) -> None:
        self.acknowledged: set[int] = set()
        self.bundles: list[bytes] = []
        self.roots: dict[tuple[str, int], bytes] = {}
        self.lines: dict[tuple[str, int, str, bytes], bytes] = {}
        self.busy = 0
        self.empty = False

    def kill(self, process: subprocess.Popen[str], when: str) -> None:
        """One child's life. `when`: as the driver reads it."""
        assert process.stdin
        assert process.stdout
        process.stdin.write(f"{when}\n")
        process.stdin.flush()
        acted = False
        for line in process.stdout:
            told: dict[str, Any] = json.loads(line)
            if "killed" in told:
                assert told["killed"], "the child ended by itself"
                break
            acted = True
            self.take(told)
        self.busy += acted

    def take(self, told: dict[str, Any]) -> None:
        self.acknowledged |= set(told.get("acknowledged", ()))
        self.empty = self.empty or told.get("empty", False)
        if "bundle" in told:
            self.bundles.append(base64.b64decode(told["bundle"]))
        if told.get("note"):
            self.note(told["note"].encode())

    def note(self, data: bytes) -> None:
        """No two roots of one size, and no two signatures by one key over one size."""
        signed = SignedCheckpoint.parse(data)
        place = (signed.checkpoint.origin, signed.checkpoint.size)
        assert self.roots.setdefault(place, signed.checkpoint.root) == signed.checkpoint.root
        for line in signed.lines:
            assert self.lines.setdefault((*place, line.name, line.key_id), line.blob) == line.blob

    def all_of(self, side: Side) -> None:
        """What the store keeps agrees with all that left before."""
        for log in side.made.channel.logs:
            kept = side.node.store.next_checkpoint(log, 1)
            while kept:
                self.note(side.node.note(kept).encode())
                kept = side.node.store.next_checkpoint(log, kept.size + 1)


def run(pair: ChannelPair, slug: str, act: str) -> Emitted:
    """Kill the side's process KILLS times: a third each around its opening, its first act, and its later ones."""
    draw, emitted = random.Random(act), Emitted()
    pair[slug].close()
    with driver(pair[slug].folder.path, act) as process:
        for n in range(KILLS):
            since, longest = (("start", 0.1), ("open", 0.08), ("act", 0.02))[n % 3]
            emitted.kill(process, f"{since} {draw.uniform(0, longest):.5f}")
    pair.set_clock(time.time() + 5)
    pair[slug].open()
    assert emitted.busy >= KILLS // 3, "too few kills met a node at work"
    assert not emitted.empty, "there was too little to take"
    return emitted


def agree(pair: ChannelPair, emitted: Emitted) -> None:
    """Both sides, in the end."""
    pair.sync("north", "south")
    pair.sync("south", "north")
    pair.check()
    for side in pair:
        assert side.node.closed is None
        assert all(state.frozen is None for state in side.node.store.states().values())
        assert emitted.acknowledged <= set(range(side.size(0)))
        emitted.all_of(side)


@pytest.mark.slow
def test_f1_kills_while_sending_lose_nothing_acknowledged_and_sign_no_size_twice() -> None:
    with ChannelPair() as pair:
        emitted = run(pair, "north", "send")
        assert len(emitted.acknowledged) > 50
        agree(pair, emitted)


@contextmanager
def inbox() -> Iterator[ChannelPair]:
    """North has sent, and all its bundles lie ready; the name of each is the size up to which it reaches."""
    with ChannelPair() as pair:
        bundles = pair.path / "inbox"
        bundles.mkdir()
        pair.set_clock(time.time())
        reach = 0
        draw = random.Random(0)
        while reach < MESSAGES:
            pair.north.node.send_many([("statement", {"text": str(n)}) for n in range(draw.choice((1, 2, 5)))])
            composed = pair.north.exchange.compose(1, covered={0: reach})
            reach = composed.reach[0]
            (bundles / f"{reach:06}").write_bytes(composed.data)
        yield pair


@pytest.mark.slow
def test_f1_kills_while_receiving_lose_nothing_receipted() -> None:
    with inbox() as pair:
        emitted = run(pair, "south", "receive")
        assert pair.south.node.store.covered(0).get(1, 0) == pair.south.size(0) > 0
        agree(pair, emitted)


@pytest.mark.slow
def test_f1_kills_while_cosigning_let_no_two_receipts_of_one_size_out() -> None:
    with inbox() as pair:
        emitted = run(pair, "south", "cosign")
        assert len(emitted.bundles) > 30
        counters = []
        for data in emitted.bundles:  # every receipt that left is good, and its bundle's counter is new
            pair.north.receive(data)
            counters.append(pair.north.node.store.peers()[1].counter_in)
        assert counters == sorted(set(counters))
        assert pair.north.node.store.refused() == []
        agree(pair, emitted)


def test_the_driver_is_believed_only_if_signatures_can_disagree() -> None:
    """The check itself: two roots of one size are found."""
    with ChannelPair() as pair:
        pair.north.say()
        emitted = Emitted()
        emitted.all_of(pair.north)
        other = pair.made.note(0, 1, bytes(32))
        with pytest.raises(AssertionError):
            emitted.note(other)
        with pytest.raises(PeerError):
            emitted.note(b"")
