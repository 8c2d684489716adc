"""Vectors of later logs: openings that contradict what is known, their message 0, bundles of a log that is not known, what stands."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ceasewire.exchange import bundle
from ceasewire.exchange.bundle import Contents, Run
from ceasewire.record.message import Body, Message, row
from ceasewire.record.opening import Opening, sign_opening
from ceasewire.tlog import checkpoint as checkpoints
from ceasewire.tlog.checkpoint import Checkpoint, SignedCheckpoint
from ceasewire.tlog.merkle import EMPTY_ROOT, Frontier
from helpers import START, TestParty, make_party, seed_of

from .base import Vectors
from .of_exchange import Sealer


class Later:
    """A later log of south: its opening, by south's recovery key, and what it signs. `keys` are a test party's."""

    def __init__(  # noqa: PLR0917
        self, v: Vectors, name: str, keys: TestParty, predecessor: int | None = None, size: int = 0, root: bytes = seed_of("root")
    ) -> None:
        self.v = v
        self.keys = keys
        south = v.test.parties["south"]
        root = root if size else EMPTY_ROOT
        self.opening = Opening(v.test.channel.channel_id, 1, keys.card.keys, predecessor, size, root)
        signers: list[Callable[[bytes], bytes]] = []
        for use, party, public in (
            ("recovery", south, south.card.recovery[0].mldsa44),
            ("log", keys, keys.card.keys.log_mldsa44),
            ("receipt", keys, keys.card.keys.receipt_mldsa44),
        ):
            v.parts.add(f"{party.slug}.{use}.key", public)
            sign = party.signers[use, "mldsa44"]
            part = f"later.{name}.{use}"
            signers += [party.signers[use, "ed25519"], lambda m, p=part, k=public, s=sign: v.parts.mldsa(p, k, s, m)]  # type: ignore[misc]
        v.parts.add(f"{keys.slug}.sealing.key", keys.card.keys.sealing)
        self.file = v.parts.add(f"later.{name}", sign_opening(self.opening, 0, signers))

    def first(self, kind: int = 14, file: bytes | None = None) -> Run:
        """Message 0 and its checkpoint."""
        body: Body = {0: [], 1: False, 16: self.file if file is None else file}
        one = Message(kind, START, {}, seed_of(self.keys.slug)[:16], body)
        names = self.v.test.channel.with_openings([self.opening]).logs[self.opening.number]
        leaf = row(self.opening.number, 0, one).leaf
        point = Checkpoint(names.origin, 1, Frontier.empty().extend([leaf]).root())
        line = checkpoints.sign(point, names.log[0], self.keys.signers["log", "ed25519"])
        return Run(self.opening.number, 0, (one,), SignedCheckpoint(point, (line,)).encode())


def openings(v: Vectors, phone: Later, again: Later) -> None:
    """What a channel that knows the phone's log does with another opening."""
    given = {"charter": v.test.signed.encode(), "known": [phone.file]}
    expect = {"number": phone.opening.number, "name": phone.opening.log_name("south"), "predecessor": None, "size": 0}
    v.ok("opening", "known", "an opening that is known already", phone.file, expect, **given)
    v.bad("opening", "opening.refused", "used-key", "another opening with the keys of one that is known", again.file, **given)


def admission(v: Vectors, phone: Later) -> None:
    """Message 0 of a log whose opening is known."""
    given: dict[str, Any] = {"charter": v.test.signed.encode(), "now": START, "held": [], "openings": [phone.file]}
    v.ok("admission", "later-log", "message 0 of a later log", phone.first().encode(), {"size": 1, "void": [None]}, **given)
    unknown, what = {**given, "openings": []}, "message 0 of a later log whose opening is not known: it does not wait, and is no evidence"
    v.other("held", "admission", "log.unknown", "later-log", what, phone.first().encode(), **unknown)
    for name, what, run in (
        ("no-opening", "message 0 without its opening", phone.first(file=b"")),
        ("kind", "a channel status as message 0", phone.first(kind=12)),
        ("cut", "its opening without the last byte", phone.first(file=phone.file[:-1])),
    ):
        v.bad("admission", "opening.message", name, what, run.encode(), **given)


def bundles(v: Vectors, phone: Later) -> None:
    """The first bundle of a log that the reader does not know."""
    north = v.test.parties["north"].sealing_seed
    given = {"charter": v.test.signed.encode(), "reader": 0, "seeds": [north]}
    sender = phone.opening.number

    def written(name: str, contents: Contents, by: TestParty) -> bytes:
        return bundle.write(
            contents.encode(),
            sender=sender,
            recipient=0,
            channel_id=v.test.channel.channel_id,
            sealing_key=v.test.channel.logs[0].sealing,
            sign=by.signers["log", "ed25519"],
            seal_to=Sealer(v, f"later.{name}", north),
        )

    whole = Contents(sender, 1, {sender: 1}, runs=(phone.first(),), openings=(phone.file,))
    data = written("whole", whole, phone.keys)
    expect = {"sender": sender, "contents": hashlib.sha256(whole.encode()).digest()}
    v.parts.add("later.bundle", data)
    v.ok("bundle", "later-log", "the first bundle of a later log, which brings its opening", data, expect, **given)
    small = replace(whole, runs=())
    without = written("without", replace(small, openings=()), phone.keys)
    v.bad("bundle", "log.unknown", "no-opening", "a later log that is not known, without its opening", without, **given)
    forged = v.parts.add("later.forged.bundle", written("forged", small, v.test.parties["mission"]))
    v.bad("bundle", "bundle.signature", "later-log", "signed by another key than the opening brings", forged, **given)


def standing(v: Vectors, lost: Later, new: Later) -> None:
    """Of a log that was replaced when its opener held 12 entries, and others had seen 9 and 14."""
    number = lost.opening.number
    shown = [[0, 3, new.opening.number, 9], [2, 1, new.opening.number, 14]]
    given: dict[str, Any] = {"charter": v.test.signed.encode(), "openings": [lost.file, new.file], "shown": shown}
    v.ok("standing", "held", "an entry that the opener held", f"{number}/11", **given)
    v.ok("standing", "seen", "an entry that the guarantor had seen", f"{number}/13", **given)
    v.ok("standing", "other", "an entry of a log that nothing replaced", "1/99", **given)
    v.other("void", "standing", "log.replaced", "late", "an entry that nobody had seen", f"{number}/14", **given)
    late = {**given, "shown": [[number, 12, new.opening.number, 90]]}
    v.other("void", "standing", "log.replaced", "own-word", "the party's own later entry vouches for it", f"{number}/12", **late)


def add(v: Vectors) -> None:
    """Everything of this file."""
    phone = Later(v, "phone", make_party("south-phone"))
    openings(v, phone, Later(v, "again", make_party("south-phone"), 1, 12))
    admission(v, phone)
    bundles(v, phone)
    standing(v, phone, Later(v, "new", make_party("south-tablet"), phone.opening.number, 12))
