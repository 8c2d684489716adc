"""Vectors of silence proofs: that south sent no request, over its first log and a further device's, and each way in which one fails.

The scene, in hours from START: south writes in both logs all the time; mission cosigned 2 entries of the first log at hour 3, and is the
witness; the period is from hour 4 to hour 9; mission and north each write a line check at hour 10, when both have 6 and 2 entries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ceasewire.record import fingerprint
from ceasewire.record.message import Entry
from ceasewire.record.silence import Claim, Listing, Silence, Stretch, packed
from ceasewire.tlog import checkpoint as checkpoints
from ceasewire.tlog import merkle
from ceasewire.tlog.checkpoint import Checkpoint, SignedCheckpoint
from ceasewire.tlog.merkle import Frontier
from ceasewire.tlog.note import SignatureLine
from helpers import START, TestParty, make_party, seed_of

from .base import TOWER, Vectors, cbor
from .of_later_logs import Later

HOUR = 3600
NORTH, SOUTH, MISSION, TOWER_BY = 0, 1, 2, -1
STATEMENT, REQUEST, LINE_CHECK = 2, 3, 11


def at(hour: float) -> int:
    """POSIX seconds of an hour of the scene."""
    return START + int(hour * HOUR)


@dataclass
class Log:
    """One log of the scene, with the keys that sign in it."""

    number: int
    origin: str
    keys: TestParty
    entries: list[Entry]

    def tree(self, size: int) -> list[bytes]:
        return [merkle.leaf_hash(one.encode()) for one in self.entries[:size]]

    def checkpoint(self, size: int) -> Checkpoint:
        return Checkpoint(self.origin, size, merkle.tree_root(self.tree(size)))


class Scene:
    """The logs, and what is made of them."""

    def __init__(self, v: Vectors) -> None:
        self.v = v
        self.phone = Later(v, "phone", make_party("south-phone"))
        self.channel = v.test.channel.with_openings([self.phone.opening])
        phone = self.phone.opening.number
        south = [entry(n, LINE_CHECK if n % 3 == 0 else STATEMENT, {MISSION: 1 + n // 2} if n else {}) for n in range(6)]
        self.south = self._log(SOUTH, "south", south)
        self.other = self._log(phone, "south-phone", [entry(5, 14), entry(7, STATEMENT, {SOUTH: 4})])
        seen = {SOUTH: 6, phone: 2}
        self.mission = self._log(MISSION, "mission", [entry(0, LINE_CHECK), entry(10, LINE_CHECK, {NORTH: 1, **seen})])
        self.north = self._log(NORTH, "north", [entry(0, LINE_CHECK), entry(10, LINE_CHECK, seen)])

    def _log(self, number: int, keys: str, entries: list[Entry]) -> Log:
        return Log(number, self.channel.logs[number].origin, make_party(keys), entries)

    def line(self, checkpoint: Checkpoint, by: int, hour: float) -> SignatureLine:
        """A cosignature by a party's first log, or by the tower."""
        if by == TOWER_BY:
            return checkpoints.sign(checkpoint, TOWER, make_party("tower").signers["log", "ed25519"], at(hour))
        return self.v.test.receipt_line(checkpoint, by, time=at(hour))

    def note(self, log: Log, size: int, *cosigned: tuple[int, float]) -> bytes:
        """A checkpoint under its log's own line, cosigned by each at that hour."""
        checkpoint = log.checkpoint(size)
        own = checkpoints.sign(checkpoint, self.channel.logs[log.number].log[0], log.keys.signers["log", "ed25519"])
        return SignedCheckpoint(checkpoint, (own, *(self.line(checkpoint, by, hour) for by, hour in cosigned))).encode()

    def listing(self, log: Log, *cosigned: tuple[int, float], index: int = 1) -> Listing:
        size = len(log.entries)
        leaves = log.tree(size)
        path = merkle.inclusion_path(lambda level, n: merkle.tree_root(leaves[n << level : (n + 1) << level]), index, size)
        return Listing(log.number, index, log.entries[index], tuple(path), self.note(log, size, *cosigned))

    def stretch(self, log: Log, start: int, *notes: bytes, entries: Sequence[Entry] | None = None) -> Stretch:
        frontier = Frontier.empty().extend(log.tree(start))
        return Stretch(log.number, frontier, notes, tuple(packed(log.entries[start:] if entries is None else entries)))

    def good(self, *, by: int = MISSION, start: int = 2) -> Silence:
        """The proof that holds, by a guarantor or a witness."""
        begin = [self.note(self.south, start, (by, 3))] if start else []
        late = () if by == MISSION else ((by, 10),)  # who writes no entries must have cosigned again
        ends = [
            self.note(log, len(log.entries), *late, *(() if late else ((MISSION, 8),)), (NORTH, 8.5)) for log in (self.south, self.other)
        ]
        return Silence(
            self.channel.channel_id,
            Claim(REQUEST, SOUTH, at(4), at(9), by, NORTH),
            (self.listing(self.north, (by, 10.5)), self.listing(self.mission, *late)),
            (self.stretch(self.south, start, *begin, ends[0]), self.stretch(self.other, 0, ends[1])),
            (self.phone.file,),
        )


def entry(hour: float, kind: int, seen: dict[int, int] | None = None) -> Entry:
    """An entry whose body nobody will see."""
    return Entry(kind, at(hour), seen or {}, seed_of("silence", hour, kind))


def good(v: Vectors, scene: Scene, given: dict[str, Any]) -> None:
    words = fingerprint.words(v.test.channel.channel_id)
    told = {"sentence": f"request by south, first seen by mission between {shown(3)} and {shown(10)}: none", "entries": 6}
    v.ok("silence", "guarantor", "by a guarantor, over two logs", scene.good().encode(), told, **given)
    v.ok("silence", "fingerprint", "with the fingerprint", scene.good().encode(), {"entries": 6}, **given, fingerprint=words)
    told = {"sentence": f"request by south, first seen by tower between {shown(3)} and {shown(10)}: none"}
    v.ok("silence", "witness", "by a witness of the charter, the list by the guarantor", scene.good(by=TOWER_BY).encode(), told, **given)
    told = {"sentence": f"request by south, first seen by mission until {shown(10)}: none", "entries": 8}
    v.ok("silence", "whole", "every entry from the first on", scene.good(start=0).encode(), told, **given)


def shown(hour: int) -> str:
    return f"2026-03-01T{hour:02}:00:00Z"


def bad(v: Vectors, scene: Scene, given: dict[str, Any]) -> None:
    whole = scene.good()
    for code, name, what, proof in (*of_form(scene, whole), *of_lists(scene, whole), *of_logs(scene, whole), *of_entries(scene, whole)):
        v.bad("silence", code, name, what, proof if isinstance(proof, bytes) else proof.encode(), **given)
    policy = f"log {scene.channel.logs[0].log[0].text()}\nquorum none\n"
    v.bad("silence", "silence.charter", "policy", "with a policy in place of the charter", whole.encode(), policy=policy)
    other = "-".join(["bavob"] * 8)
    v.bad("silence", "proof.fingerprint", "other", "with another channel's fingerprint", whole.encode(), **given, fingerprint=other)


Case = tuple[str, str, str, Silence | bytes]


def of_form(scene: Scene, whole: Silence) -> list[Case]:
    claim, data = whole.claim, whole.encode()
    south, other = whole.stretches

    def claimed(**change: int) -> Silence:
        return replace(whole, claim=replace(claim, **change))

    items = [[STATEMENT, 1, {}, bytes(32)]]
    short = replace(south, chunks=(cbor(items), *south.chunks))
    again = Later(scene.v, "again", make_party("south-phone"), 1, 12)
    two = tuple(one.file for one in sorted((scene.phone, again), key=lambda one: one.opening.number))
    return [
        ("enc.trailing", "byte", "a byte after the file", data + b"\x00"),
        (
            "enc.noncanonical",
            "length",
            "a length in a longer form",
            data.replace(b"\x58\x20" + whole.channel_id, b"\x59\x00\x20" + whole.channel_id),
        ),
        ("enc.shape", "chunk", "a chunk that is not full before another", replace(whole, stretches=(short, other))),
        ("enc.shape", "notes", "a log without a checkpoint", replace(whole, stretches=(replace(south, notes=()), other))),
        ("merkle.consistency", "frontier", "a frontier that does not fit its size", _frontier(whole)),
        ("silence.malformed", "period", "the period ends when it begins", claimed(until=claim.since)),
        ("silence.malformed", "kind", "a kind that is not known", claimed(kind=999)),
        ("silence.malformed", "party", "a party that the charter does not have", claimed(party=9)),
        ("silence.malformed", "logs", "its logs in another order", replace(whole, stretches=(other, south))),
        (
            "silence.malformed",
            "sizes",
            "its checkpoints in another order",
            replace(whole, stretches=(replace(south, notes=south.notes[::-1]), other)),
        ),
        ("silence.channel", "other", "of another channel", replace(whole, channel_id=bytes(32))),
        ("silence.witness", "accused", "the party itself as the witness", claimed(by=SOUTH)),
        ("silence.witness", "alone", "the receiver's own word, where there are others", claimed(by=NORTH)),
        ("silence.witness", "stranger", "a witness that the charter does not have", claimed(by=-2)),
        ("silence.witness", "own", "the party itself as the receiver", claimed(holder=SOUTH)),
        ("silence.witness", "guarantor", "a guarantor as the receiver", claimed(holder=MISSION)),
        ("opening.refused", "two", "two openings that cannot both be", replace(whole, openings=two)),
    ]


def _frontier(whole: Silence) -> bytes:
    value: Any = [whole.stretches[0].value(), whole.stretches[1].value()]
    value[0][1] = 3
    return cbor(
        ["ceasewire/silence/1", whole.channel_id, whole.claim.value(), [one.value() for one in whole.listings], value, list(whole.openings)]
    )


def of_lists(scene: Scene, whole: Silence) -> list[Case]:
    north, mission = whole.listings
    early = Log(NORTH, scene.north.origin, scene.north.keys, [scene.north.entries[0], replace(scene.north.entries[1], time=at(8.9))])
    forged = replace(mission, entry=replace(mission.entry, seen={SOUTH: 6}))
    alone = replace(north, note=scene.note(scene.north, 2))

    def listed(*listings: Listing) -> Silence:
        return replace(whole, listings=listings)

    return [
        ("silence.list", "guarantor", "no list by the guarantor", listed(north)),
        ("silence.list", "receiver", "no list by the receiver", listed(mission)),
        ("silence.list", "early", "the receiver's list is of before the end", listed(scene.listing(early, (MISSION, 10)), mission)),
        ("silence.list", "unseen", "a list in a checkpoint that the witness has not cosigned", listed(alone, mission)),
        (
            "silence.list",
            "accused",
            "a list by the party itself",
            listed(north, scene.listing(scene.south, (MISSION, 10), index=5), mission),
        ),
        ("merkle.inclusion", "list", "a list that leaves a log out", listed(north, forged)),
    ]


def of_logs(scene: Scene, whole: Silence) -> list[Case]:
    south, other = whole.stretches
    own = scene.south.checkpoint(6)
    bare = SignedCheckpoint(own, (scene.line(own, MISSION, 8), scene.line(own, NORTH, 8.5))).encode()
    strange = scene.note(scene.south, 6, (MISSION, 8), (NORTH, 8.5)).replace(b"/north/receipt", b"/n0rth/receipt")
    late = scene.note(scene.south, 6, (MISSION, 8), (NORTH, 8.5)).replace(b"\n6\n", b"\n5\n")

    def first(*notes: bytes) -> Silence:
        return replace(whole, stretches=(replace(south, notes=notes), other))

    return [
        ("silence.logs", "device", "the further device is left out", replace(whole, stretches=(south,))),
        ("silence.logs", "opening", "without the further device's opening", replace(whole, openings=())),
        ("sig.missing", "author", "a checkpoint without its log's own line", first(south.notes[0], bare)),
        ("sig.unknown", "receipt", "a line by a key that the charter does not have", first(south.notes[0], strange)),
        ("sig.invalid", "size", "a checkpoint of another size than was signed", first(south.notes[0], late)),
        ("checkpoint.origin", "other", "the other log's checkpoint", first(south.notes[0], other.notes[0])),
        (
            "silence.begins",
            "late",
            "the witness cosigned the beginning too late",
            first(scene.note(scene.south, 2, (MISSION, 4)), south.notes[1]),
        ),
        (
            "silence.begins",
            "receiver",
            "the receiver alone cosigned the beginning",
            first(scene.note(scene.south, 2, (NORTH, 3)), south.notes[1]),
        ),
        ("silence.begins", "nobody", "no checkpoint of the beginning", first(south.notes[1])),
        (
            "silence.ends",
            "witness",
            "the witness cosigned the end nowhere",
            first(south.notes[0], scene.note(scene.south, 6, (NORTH, 8.5))),
        ),
        (
            "silence.ends",
            "receiver",
            "the receiver cosigned the end nowhere",
            first(south.notes[0], scene.note(scene.south, 6, (MISSION, 8))),
        ),
        ("silence.ends", "less", "less is shown than the lists had seen", _less(scene, whole)),
    ]


def _less(scene: Scene, whole: Silence) -> Silence:
    short = scene.stretch(scene.south, 2, scene.note(scene.south, 2, (MISSION, 3)), scene.note(scene.south, 5, (MISSION, 10), (NORTH, 10)))
    return replace(whole, stretches=(replace(short, chunks=tuple(packed(scene.south.entries[2:5]))), whole.stretches[1]))


def of_entries(scene: Scene, whole: Silence) -> list[Case]:
    south, other = whole.stretches
    entries = scene.south.entries[2:]
    changed = [replace(entries[0], kind=LINE_CHECK), *entries[1:]]

    def of(some: Sequence[Entry]) -> Silence:
        return replace(whole, stretches=(replace(south, chunks=tuple(packed(some))), other))

    asked = Scene(scene.v)
    asked.south.entries[3] = replace(asked.south.entries[3], kind=REQUEST)
    hidden = Scene(scene.v)
    hidden.other.entries[1] = replace(hidden.other.entries[1], kind=REQUEST)
    return [
        ("silence.entries", "left-out", "an entry is left out", of(entries[1:])),
        ("silence.entries", "kind", "an entry's kind is changed", of(changed)),
        ("silence.entries", "more", "an entry too many", of([*entries, entry(12, STATEMENT, {MISSION: 4})])),
        ("silence.broken", "sent", "a request in the first log", asked.good()),
        ("silence.broken", "device", "a request in the further device's log", hidden.good()),
    ]


def add(v: Vectors) -> None:
    """All of them."""
    given: dict[str, Any] = {"charter": v.test.signed.encode()}
    scene = Scene(v)
    good(v, scene, given)
    bad(v, scene, given)
