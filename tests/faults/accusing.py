"""What the tests of convictions share: a liar north and three real nodes, South, East and the mission, who know of nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ceasewire.record.message import Message
from ceasewire.record.misconduct import KINDS, Verdict, open_misconduct
from ceasewire.store.interface import KeptProof
from helpers import START, statement
from node.pair import ChannelPair, Side

from .liar import Liar, several

PARTIES = ("north", "south", "east", "mission:guarantor")
HONEST = ("south", "east", "mission")
EAST, NORTH, SOUTH, MISSION = range(4)  # by name, the guarantor last


def said(text: str, start: int, stop: int, **more: object) -> Sequence[Message]:
    return several(stop - start, lambda n: statement(text=f"{text} {start + n}", time=START + start + n, **more))  # type: ignore[arg-type]


def tell(pair: ChannelPair, to: str, liar: Liar, start: int = 0, **more: object) -> list[str]:
    """The liar's history from `start` on, to one of the others; the codes by which it is refused."""
    return pair[to].receive(liar.bundle(pair[to].log, liar.run(start), **more)).refused


def receipt(pair: ChannelPair, liar: Liar, of: str, size: int, time: int) -> bytes:
    """A true checkpoint of an honest node's log under the liar's receipt."""
    kept = pair[of].node.store.checkpoint(pair[of].log, size)
    assert kept is not None
    return liar.receipt(pair.made.checkpoint(pair[of].log, size, kept.root), time)


def meet(pair: ChannelPair, rounds: int = 1) -> None:
    """The honest nodes talk, each with each."""
    pair.settle(rounds, without=("north",))


def against(side: Side) -> dict[str, Verdict]:
    """What a node's proofs say, by kind; all are against the one liar."""
    found = [open_misconduct(kept.data, side.node.channel) for kept in side.node.store.proofs()]
    assert {one.log for one in found} <= {NORTH}
    return {one.kind: one for one in found}


def proof(side: Side, kind: str) -> KeptProof:
    return next(kept for kept in side.node.store.proofs() if KINDS[kept.kind] == kind)


def convicted(pair: ChannelPair, kind: str, *others: str) -> list[Verdict]:
    """After one more round every honest node has the proof, and strangers say the same of it; the honest go on, and show one record."""
    meet(pair)
    found = []
    for slug in HONEST:
        kinds = against(pair[slug])
        assert kind in kinds, (slug, sorted(kinds))
        assert kinds.keys() <= {kind, *others}, slug
        found.append(kinds[kind])
    for data in {proof(pair[slug], kind).data for slug in HONEST}:
        stranger_says_valid(pair, data)
    goes_on(pair)
    return found


def stranger_says_valid(pair: ChannelPair, data: bytes) -> None:
    """`ceasewire verify` in a process of its own, with the file and the charter alone, in a folder where nothing else is."""
    with tempfile.TemporaryDirectory() as place:
        (Path(place) / "proof").write_bytes(data)
        (Path(place) / "line.charter").write_bytes(pair.made.signed.encode())
        command = [sys.executable, "-m", "ceasewire", "verify", "proof", "--charter", "line.charter"]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "HOME": place}
        done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    print(f"{len(data)} bytes: {done.stdout}")


def goes_on(pair: ChannelPair) -> None:
    """What the honest send is receipted by all of them, and their records are one."""
    for slug in HONEST:
        pair[slug].say("We go on.")
    meet(pair, 2)
    for slug in HONEST:
        side = pair[slug]
        covered = side.node.store.covered(side.log)
        assert {covered[pair[other].log] for other in HONEST if other != slug} == {side.size(side.log)}, slug
        assert side.faults() == []
    assert len({record(pair[slug]) for slug in HONEST}) == 1


def record(side: Side) -> str:
    """What a person is shown: `list`, `cases`, each `case`, but for entries that are in no record, of which each node may hold others."""
    cases = side.node.cases()
    each = [side.node.case(side.node.ref(str(case["ref"]))) for case in cases]
    return repr(([one for one in side.node.messages() if one["void"] != "log.two_faces"], cases, each))
