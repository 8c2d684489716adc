"""Vectors of misconduct proofs: each kind, against a first and a later log, and what only looks like one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ceasewire.record.misconduct import Maker, Proof, explicit_path, open_misconduct
from ceasewire.record.opening import Opening, message
from ceasewire.tlog.checkpoint import SignedCheckpoint
from crimes import DAY, ROOT, Device, History, crimes, entry, flooded, history, one_number, two_valued
from helpers import START, TestParty, make_party, seed_of

from .base import Vectors, cbor
from .of_later_logs import Later

TOPIC = "misconduct"


class Forms:
    """Proofs against north in the vectors' channel, and their files."""

    def __init__(self, v: Vectors) -> None:
        self.v = v
        self.channel = v.test.channel
        self.north = Device(self.channel, 0, v.test.parties["north"])
        self.south = Device(self.channel, 1, v.test.parties["south"])
        self.given: dict[str, Any] = {"charter": v.test.signed.encode()}
        self.proofs = crimes(self.north, self.south)
        self.honest = history(self.north, 8)
        self.late = History(self.south, [entry(n + 100) for n in range(4)])

    def file(self, kind: int, parts: list[Any], log: int = 0, openings: list[Any] | None = None) -> bytes:
        """A file of these parts, whatever they show."""
        return cbor(["ceasewire/misconduct/1", self.channel.channel_id, kind, log, parts, openings or []])

    def bad(self, code: str, name: str, what: str, data: bytes, **more: Any) -> None:
        self.v.bad(TOPIC, code, name, what, data, **{**self.given, **more})

    def ok(self, name: str, what: str, data: bytes) -> None:
        found = open_misconduct(data, self.channel)
        expect = {"kind": found.kind, "log": found.log, "from_index": found.from_index, "convicts": found.convicts}
        self.v.ok(TOPIC, name, what, data, {**expect, "sentence": found.sentence}, **self.given)


WHATS = {
    "two_faces": "two checkpoints of one size with two roots",
    "two_leaves": "two entries at one index",
    "rewrite": "a newer tree that does not begin with the older one",
    "rewrite-power": "the same of 4 entries: the path's first node is given all the same",
    "rewrite-empty": "a checkpoint of no entries with a root that is not the empty tree's",
    "back_dating": "a later entry with an earlier time",
    "back_dating-seen": "an entry earlier than one that it has seen, which its device had receipted",
    "false_seen": "an entry later than a receipt, which has seen less than was receipted",
    "false_seen-shrinks": "a later entry that has seen less",
    "shrinking_receipt": "a receipt for more, given earlier",
    "shrinking_receipt-roots": "receipts for two roots of one size",
    "two_values": "a body-root with two leaves of one field",
    "reused_release": "one rest in two entries",
    "flood": "one message more on a day than the charter allows: a finding",
}


def kinds(f: Forms) -> None:
    """Each kind and form; and against a later log, with its opening."""
    for name, data in f.proofs.items():
        f.ok(name.replace("_", "-"), WHATS[name], data)
    phone = Later(f.v, "phone", make_party("south-phone"))
    channel = f.channel.with_openings([phone.opening])
    device = Device(channel, phone.opening.number, phone.keys, phone.file)
    data = crimes(device, f.north)["two_leaves"]
    f.ok("later-log", "two entries at one index of a later log, whose opening the proof bears", data)
    proof = Proof.decode(data)
    f.bad("misconduct.malformed", "no-opening", "of a later log without its opening", f.file(2, proof.parts, proof.log))
    f.bad("misconduct.malformed", "opening", "an opening that nobody asked for", f.file(2, proof.parts, 0, [phone.file]))
    f.bad("misconduct.malformed", "other-log", "of another log than the opening's", f.file(2, proof.parts, proof.log + 1, [phone.file]))


def openings(f: Forms) -> None:
    """Kind 10: two openings that cannot both be."""
    one, other = Later(f.v, "phone", make_party("south-phone")), Later(f.v, "again", make_party("south-phone"), 1, 12)
    south = f.v.test.parties["south"]

    def signed(opening: Opening, place: int = 0, party: TestParty = south) -> list[Any]:
        """As much of an opening as a proof bears."""
        return [opening.encode(), place, party.signers["recovery", "ed25519"](message(opening.encode()))]

    def proof(accused: Later, *parts: Any) -> bytes:
        return f.file(10, [*parts], accused.opening.number, [accused.file])

    key = Maker(f.channel, one.opening.number, one.file).two_openings(other.file)
    f.ok("two-openings-key", "another opening with the same keys", key)
    f.ok("two-openings-key-other", "the same, against the log of the other", proof(other, signed(one.opening)))
    tablet = replace(other.opening, keys=make_party("south-tablet").card.keys)
    first, second = one_number(other.opening, tablet)
    twin = Later(f.v, "twin", make_party("south-phone"), 1, 12, first.root)
    f.ok("two-openings-number", "two openings of one number, which follow one log", proof(twin, signed(second)))
    f.v.other(
        "void",
        "conviction",
        "log.two_faces",
        "opened-twice",
        "the first entry of a log that was opened twice",
        f"{one.opening.number}/0",
        **f.given,
        carried=[key],
    )
    f.v.ok(
        "conviction", "opened-other", "of the other one of two no proof is carried", f"{other.opening.number}/0", **f.given, carried=[key]
    )
    unproved = "misconduct.unproved"
    f.bad(unproved, "same-opening", "one opening twice", proof(one, signed(one.opening)))
    f.bad(unproved, "two-devices", "two openings that share nothing", proof(one, signed(tablet)))
    copied = replace(tablet, keys=replace(tablet.keys, sealing=one.opening.keys.sealing))
    f.bad(unproved, "sealing", "another's sealing key, which signs nothing", proof(one, signed(copied)))
    north = f.v.test.parties["north"]
    theirs = replace(one.opening, position=0)
    f.bad(
        unproved,
        "other-party",
        "another party's opening with the key, which the key need not have signed",
        proof(one, signed(theirs, party=north)),
    )
    f.bad(
        "sig.invalid", "opening", "another opening that another party's recovery key signed", proof(one, signed(other.opening, party=north))
    )
    f.bad("opening.malformed", "place", "by a recovery key that the card does not have", proof(one, signed(other.opening, place=1)))
    f.bad("enc.shape", "unsigned", "another opening without a signature", proof(one, signed(other.opening)[:2]))
    f.bad("misconduct.malformed", "first-log", "against a first log", f.file(10, [signed(other.opening)], 1))
    f.bad("misconduct.malformed", "openings", "a part too many", proof(one, signed(other.opening), b""))
    policy = f"log {f.channel.logs[1].log[0].text()}\nquorum none\n"
    f.v.bad(TOPIC, "misconduct.charter", "openings-policy", "openings, with a policy", key, policy=policy)


def files(f: Forms) -> None:
    """What is wrong with the file as a whole."""
    two = Proof.decode(f.proofs["two_faces"])
    f.bad("enc.trailing", "more", "one byte too many", f.proofs["two_faces"] + b"\0")
    f.bad("enc.malformed", "cut", "one byte too few", f.proofs["two_faces"][:-1])
    opening = f.v.parts.parts["later.phone"]
    f.bad("enc.size", "large", "more than 16 KiB", f.file(1, [opening, opening]))
    f.bad("misconduct.malformed", "kind", "a kind that is not known", f.file(11, two.parts))
    f.bad("misconduct.malformed", "parts", "a part too many", f.file(1, [*two.parts, b""]))
    f.bad("misconduct.malformed", "tag", "another tag", f.proofs["two_faces"].replace(b"misconduct/1", b"misconduct/2"))
    f.bad("log.unknown", "log", "of a log that the charter cannot have", f.file(1, two.parts, 17))
    other = f.v.exercise.signed.encode()
    f.bad("misconduct.channel", "other", "of another channel", f.proofs["two_faces"], charter=other)
    policy = f"log {f.channel.logs[0].log[0].text()}\nquorum none\n"
    f.v.bad(TOPIC, "misconduct.charter", "policy", "receipts, with a policy", f.proofs["shrinking_receipt"], policy=policy)
    f.v.ok(TOPIC, "policy", "two checkpoints, with a policy", f.proofs["two_faces"], {"kind": "two_faces", "log": 0}, policy=policy)


def signatures(f: Forms) -> None:
    """Checkpoints that are not as they must be."""
    mine = f.honest
    forged = history(Device(f.channel, 0, make_party("press", "observer")), 6, e5=entry(5, root=ROOT))
    f.bad("sig.invalid", "forged", "another party's key signed the second history", f.file(1, [mine.note(6), forged.note(6)]))
    theirs = history(f.south, 6)
    f.bad("checkpoint.origin", "theirs", "the second checkpoint is another log's", f.file(1, [mine.note(6), theirs.note(6)]))
    first, second = (SignedCheckpoint.parse(one) for one in (mine.note(6), f.north.note(6, ROOT)))
    both = replace(first, lines=(*first.lines, *second.lines)).encode()
    f.bad("note.malformed", "lines", "a checkpoint with two lines", f.file(1, [both, second.encode()]))
    receipt = f.north.receipt(1, 6, ROOT, START)
    f.bad("checkpoint.origin", "receipt", "a receipt where the log's own checkpoint must be", f.file(1, [mine.note(6), receipt]))
    own = SignedCheckpoint.parse(f.south.receipt(0, 6, ROOT, START))
    f.bad(
        "sig.invalid", "cosigned", "another party's receipt where the log's own signature must be", f.file(1, [mine.note(6), own.encode()])
    )
    of_south = [1, f.north.receipt(1, 6, ROOT, START), f.south.note(6, seed_of("x"))]
    f.bad("sig.invalid", "author", "the author's signature where a receipt must be", f.file(6, of_south))


def histories(f: Forms) -> None:
    """Kinds 1 to 3 of one history."""
    note, read = f.honest.note, f.honest.read()
    unproved = "misconduct.unproved"
    f.bad(unproved, "one-face", "two checkpoints of one size and root", f.file(1, [note(6), note(6)]))
    f.bad(unproved, "growth", "two checkpoints of two sizes", f.file(1, [note(6), note(7)]))
    one, other = f.honest.placed(5, 6), f.honest.placed(5)
    f.bad(unproved, "one-leaf", "one entry twice", f.file(2, [one.value(), other.value()]))
    f.bad(unproved, "two-places", "two entries at two places", f.file(2, [one.value(), f.honest.placed(4).value()]))
    moved = replace(other, index=4)
    f.bad("merkle.inclusion", "moved", "an entry at another place", f.file(2, [one.value(), moved.value()]))
    path = list(explicit_path(read, 5, 8))
    f.bad(unproved, "consistent", "a newer tree that begins with the older one", f.file(3, [note(5), note(8), path]))
    forked = f.north.note(5, ROOT)
    f.bad(unproved, "path", "a path that leads to another newer root", f.file(3, [forked, note(8), [ROOT, *path[1:]]]))
    f.bad(unproved, "backwards", "the newer checkpoint first", f.file(3, [note(8), forked, path]))
    f.bad("merkle.consistency", "short", "a path that ends too early", f.file(3, [forked, note(8), path[:-1]]))
    f.bad("merkle.consistency", "long", "a path with a node too many", f.file(3, [forked, note(8), [*path, ROOT]]))


def sayings(f: Forms) -> None:
    """Kinds 4 to 6 of an honest device."""
    unproved = "misconduct.unproved"
    same = history(f.north, 8, e5=entry(4), e6=entry(6, seen={1: 4}))
    four, five, six = (same.placed(n) for n in (4, 5, 6))
    f.bad(unproved, "equal-times", "two entries of one second", f.file(4, [four.value(), five.value()]))
    f.bad(unproved, "times", "the later entry first", f.file(4, [six.value(), four.value()]))
    receipt = f.north.receipt(1, 4, f.late.root(4), START + 9000)
    theirs = f.late.placed(3, 4, receipt)
    f.bad(unproved, "not-seen", "an entry that it has not seen", f.file(4, [four.value(), 1, theirs.value()]))
    sooner = History(f.south, [entry(n) for n in range(4)])
    before = sooner.placed(3, 4, f.north.receipt(1, 4, sooner.root(4), START + 9000))
    f.bad(unproved, "seen-before", "an entry later than what it has seen", f.file(4, [six.value(), 1, before.value()]))
    unreceipted = f.late.placed(3, 4)
    f.bad("sig.invalid", "unreceipted", "what it has seen, by its author's word alone", f.file(4, [six.value(), 1, unreceipted.value()]))
    f.bad("misconduct.malformed", "own", "of what it has seen of itself", f.file(4, [six.value(), 0, theirs.value()]))
    at = START + 360
    f.bad(unproved, "same-second", "a receipt of the entry's own second", f.file(5, [1, f.north.receipt(1, 5, ROOT, at), six.value()]))
    f.bad(
        unproved,
        "seen-all",
        "an entry that has seen all that was receipted",
        f.file(5, [1, f.north.receipt(1, 4, ROOT, at - 1), six.value()]),
    )
    f.bad(unproved, "seen-grows", "a later entry that has seen more", f.file(5, [four.value(), six.value()]))
    small, large = f.north.receipt(1, 5, ROOT, START + 1), f.north.receipt(1, 6, ROOT, START + 1)
    f.bad(unproved, "one-second", "two receipts of one second", f.file(6, [1, large, small]))
    f.bad(unproved, "larger-later", "a receipt for more, given later", f.file(6, [1, f.north.receipt(1, 5, ROOT, START), large]))
    f.bad(unproved, "one-root", "one size and root, receipted twice", f.file(6, [1, large, f.north.receipt(1, 6, ROOT, START)]))


def bodies(f: Forms) -> None:
    """Kinds 7 to 9 of an honest device."""
    root, first, second = two_valued()
    doubled = history(f.north, 8, e3=entry(3, root=root))
    place = doubled.placed(3).value()
    unproved = "misconduct.unproved"
    f.bad(unproved, "one-value", "one disclosure twice", f.file(7, [place, first.value(), first.value()]))
    f.bad("entry.body_root", "body", "disclosures of another body", f.file(7, [doubled.placed(4).value(), first.value(), second.value()]))
    again = Proof.decode(f.proofs["reused_release"])
    parts = [*again.parts[:4], ROOT]
    f.bad("entry.body_root", "rest", "another rest than the entries'", f.file(8, parts))
    f.bad(
        unproved,
        "one-entry",
        "one entry twice",
        f.file(8, [again.parts[0], again.parts[0], again.parts[2], again.parts[2], again.parts[4]]),
    )
    f.bad(
        unproved, "quota", "as many messages on a day as the charter allows", f.file(9, [one.value() for one in flooded(f.north, 19_999)])
    )
    days = history(f.north, 2, e1=entry(1, time=START + DAY))
    f.bad(unproved, "two-days", "messages of two days", f.file(9, [days.placed(0).value(), days.placed(1).value()]))


def convictions(f: Forms) -> None:
    """What becomes of an entry, log/index, when line checks carry these proofs."""
    high = f.proofs["two_faces"]
    low = f.proofs["rewrite-power"]
    given: dict[str, Any] = {**f.given, "carried": [b"no proof", high]}
    f.v.ok("conviction", "below", "an entry below what is proved", "0/4", **given)
    f.v.ok("conviction", "another", "an entry of another log", "1/5", **given)
    f.v.ok("conviction", "other-kind", "an entry of a log that broke another rule", "0/7", **f.given, carried=[f.proofs["back_dating"]])
    f.v.other("void", "conviction", "log.two_faces", "from", "the first entry of which there are two histories", "0/5", **given)
    both = {**given, "carried": [high, low]}
    f.v.other("void", "conviction", "log.two_faces", "lowest", "the lowest of two proofs counts", "0/3", **both)


def add(v: Vectors) -> None:
    """Everything of this file."""
    f = Forms(v)
    for part in (kinds, openings, files, signatures, histories, sayings, bodies, convictions):
        part(f)
