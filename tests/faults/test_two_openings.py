"""A party that signs two openings which cannot both be, of one number or with one key: each of the honest is shown another one, before any
two of them meet. spec/misconduct.md, kind 10."""

from __future__ import annotations

import base64
import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache

import pytest

from ceasewire import limits, renewal
from ceasewire.errors import LocalError, PeerError
from ceasewire.exchange.bundle import Contents
from ceasewire.folder import log_signers, public_keys, signer, signer_pq
from ceasewire.pen import Seeds
from ceasewire.record import encoding
from ceasewire.record.amendment import amendment_hash, changes_between
from ceasewire.record.bodies_line import LINE_CHECK
from ceasewire.record.channel import Channel
from ceasewire.record.draft import amended
from ceasewire.record.kinds import KINDS as MESSAGES
from ceasewire.record.message import Message
from ceasewire.record.misconduct import KINDS, Maker
from ceasewire.record.opening import Opening, opening_of, recovered, sign_opening
from ceasewire.renewal import asking
from ceasewire.store.interface import KeptProof
from ceasewire.tlog.merkle import EMPTY_ROOT
from cli.driving import Cli
from crimes import one_number as search
from helpers import START, make_channel, make_party, refused, seed_of
from node.pair import ChannelPair, Side

from .accusing import EAST, HONEST, NORTH, PARTIES, SOUTH, meet, record, stranger_says_valid
from .liar import Liar

INCIDENT = {"types": ["A4"], "occurred_from": "2026-02-28T04:12:00Z", "place": "Kala"}
KIND = next(number for number, name in KINDS.items() if name == "two_openings")
MISCONDUCT = LINE_CHECK["misconduct"].number
MADE = make_channel(PARTIES).channel


@pytest.fixture
def pair() -> Iterator[ChannelPair]:
    with ChannelPair(PARTIES) as made:
        yield made


@dataclass(frozen=True)
class Opened:
    """A later log of north's as its program made it: whatever it wanted."""

    name: str
    opening: Opening
    shares: str = ""  # the key that it has of this one, if any

    @property
    def seeds(self) -> Seeds:
        return seeds_of(self.name, self.shares)

    @property
    def file(self) -> bytes:
        north = make_party("north")
        recovery = [signer(north.seeds["recovery", "ed25519"]), signer_pq(north.seeds["recovery", "mldsa44"])]
        return sign_opening(self.opening, 0, [*recovery, *log_signers(self.seeds)])


def seeds_of(name: str, shares: str = "") -> Seeds:
    own, other = make_party(name).seeds, make_party(shares or name).seeds
    sealing = make_party(name).sealing_seed
    return Seeds(own["log", "ed25519"], own["log", "mldsa44"], own["receipt", "ed25519"], other["receipt", "mldsa44"], sealing)


def opened(name: str, size: int | None, root: bytes = EMPTY_ROOT, shares: str = "", of: Channel = MADE) -> Opened:
    """One that follows north's first log, of which it holds `size` entries; a further device, if None."""
    keys = public_keys(seeds_of(name, shares))
    return Opened(name, Opening(of.channel_id, NORTH, keys, None if size is None else NORTH, size or 0, root), shares)


@lru_cache
def one_number(of: Channel = MADE) -> tuple[Opened, Opened]:
    """Two of one number, of which the first follows north's log from its second entry on and the other from its first on."""
    one, other = search(opened("later", 2, of=of).opening, opened("later-too", 1, of=of).opening)
    return Opened("later", one), Opened("later-too", other)


@lru_cache
def one_key() -> tuple[Opened, Opened]:
    """Two that share a key which signs, and that alone."""
    return opened("later", 2, seed_of("root")), opened("later-too", 1, seed_of("root"), shares="later")


Two = Callable[[], tuple[Opened, Opened]]
BOTH = pytest.mark.parametrize("two", [one_number, one_key])


def device(pair: ChannelPair, monkeypatch: pytest.MonkeyPatch, one: Opened) -> Side:
    """A real node of such a log, whose program is ours but for what it opens."""
    with monkeypatch.context() as patched:
        new = renewal._New(one.seeds, one.opening, one.file, Channel(pair.made.signed, [one.opening]))
        patched.setattr(renewal, "_prepare", lambda *_: new)
        return pair.device("north", one.name)


def shown_apart(pair: ChannelPair, monkeypatch: pytest.MonkeyPatch, two: tuple[Opened, Opened]) -> None:
    """South has taken and receipted the one log's entries, the mission the other's, and both have spoken since. East alone has what north's
    first log said, which by the one opening was replaced from its third entry on, by the other from its second."""
    pair.north.node.send_many([("statement", {"text": f"{n}"}) for n in range(4)])
    pair.sync("north", "east")
    for one, honest in zip(two, ("south", "mission"), strict=True):
        side = device(pair, monkeypatch, one)
        pair.sync(one.name, honest)
        side.node.send_many([("statement", {"text": f"{one.name} {n}"}) for n in range(3)])
        pair.sync(one.name, honest)
        links = [{"as": "same_incident", "ref": f"{side.node.names.slug}/1"}]
        pair[honest].node.send("notification", {**INCIDENT, "accused": "north", "links": links} if honest == "south" else INCIDENT)
        pair.sync(one.name, honest)  # whose receipt a line check writes down
        pair[honest].node.send("line_check", {})
        assert pair[honest].size(side) == 4
        side.close()
        del pair.sides[one.name]


def show(pair: ChannelPair, to: str, one: Opened) -> list[str]:
    """An opening in a bundle of East's; the codes by which it is refused."""
    friend = Liar(pair.made, EAST)
    friend.counter += pair[to].node.store.peers()[EAST].counter_in if EAST in pair[to].node.store.peers() else 0
    return pair[to].receive(friend.bundle(pair[to].log, openings=[one.file])).refused


def numbers(two: tuple[Opened, Opened]) -> set[int]:
    return {one.opening.number for one in two}


def proofs(side: Side) -> list[KeptProof]:
    return [one for one in side.node.store.proofs() if one.kind == KIND]


def all_know(pair: ChannelPair, against: set[int]) -> None:
    """Every honest node has a proof against each log, all records are one, and nothing of these logs is in it."""
    for slug in HONEST:
        side = pair[slug]
        assert {one.log for one in proofs(side)} == against, slug
        assert {one.from_index for one in proofs(side)} == {0}
        assert {side.node.store.states()[log].frozen for log in against} == {"opening.refused"}
        assert side.faults() == [], slug
        names = [f"north.{log % 2**24:06x}" for log in against]
        theirs = [one for one in side.node.messages() if str(one["ref"]).partition("/")[0] in names]
        assert {one["void"] for one in theirs} <= {"log.two_faces"}, slug
    assert len({record(pair[slug]) for slug in HONEST}) == 1
    for one in {one.data for slug in HONEST for one in proofs(pair[slug])}:
        stranger_says_valid(pair, one)


@BOTH
def test_who_shows_each_of_two_another_opening_is_convicted_and_all_records_are_one(
    pair: ChannelPair, monkeypatch: pytest.MonkeyPatch, two: Two
) -> None:
    """And the party goes on: in a log that follows its first one."""
    shown_apart(pair, monkeypatch, two())
    meet(pair, 4)
    all_know(pair, numbers(two()))
    listed = Cli(pair.path).good("misconduct", "east")
    assert {(one["kind"], one["party"], one["convicts"], one["from_index"]) for one in listed} == {("two_openings", "north", True, 0)}
    pair.sides["north"] = new = pair.north.rotate()
    new.say("We go on under other keys.")
    pair.settle(3)
    all_know(pair, numbers(two()))
    for slug in HONEST:
        (one,) = [one for one in pair[slug].node.messages(kind="statement", limit=None) if one["body"]["text"].startswith("We go on")]
        assert (str(one["ref"]).partition("/")[0], one["void"]) == (new.node.names.slug, None), slug
        assert pair[slug].node.store.covered(new.log)[pair[slug].log] == new.size(new)
        assert pair[slug].node.store.shelved() == []
    assert record(new) == record(pair.south)
    assert new.faults() == []


def test_where_the_openings_got_lost_each_hears_of_the_other_s(pair: ChannelPair, monkeypatch: pytest.MonkeyPatch) -> None:
    """South and the mission know of each other that they hold a log of that number, and so send each other no opening of it; but each is
    given a checkpoint that no key signed which it knows."""
    two = one_number()
    shown_apart(pair, monkeypatch, two)
    for to, by in (("south", "mission"), ("mission", "south")):
        other = Liar(pair.made, pair[by].log)
        pair[to].receive(other.bundle(pair[to].log, heads={two[0].opening.number: 4}))
        assert set(pair[to].exchange._openings(pair[by].log, pair[to].node.store.peers()[pair[by].log])) == set()
    pair.settle(4, without=("north", "east"))
    assert [len(proofs(pair[slug])) for slug in ("south", "mission")] == [1, 1]
    meet(pair, 2)
    all_know(pair, numbers(two))


@BOTH
@pytest.mark.parametrize("turned", [False, True])
def test_one_who_is_shown_both_says_the_same_in_either_order(
    pair: ChannelPair, monkeypatch: pytest.MonkeyPatch, two: Two, turned: bool
) -> None:
    first, second = two()[::-1] if turned else two()
    side = device(pair, monkeypatch, first)
    side.say("to be taken back")
    pair.sync(first.name, "south")
    pair.south.say("I have seen it.")
    assert show(pair, "south", second) == ["opening.refused"]
    assert {one.log for one in proofs(pair.south)} == numbers(two())
    side.receive(pair.south.bundle(side))
    assert side.node.closed == "log.closed"  # a machine whose keys somebody else's opening names, too
    side.close()
    del pair.sides[first.name]
    meet(pair, 2)
    all_know(pair, numbers(two()))


def test_of_half_a_proof_whoever_knows_the_other_log_makes_the_other_half(pair: ChannelPair, monkeypatch: pytest.MonkeyPatch) -> None:
    """North shows nobody both openings, but the proof against the log that nobody has."""
    known, other = one_key()
    side = device(pair, monkeypatch, known)
    pair.sync(known.name, "south")
    side.close()
    del pair.sides[known.name]
    half = Maker(MADE, other.opening.number, other.file).two_openings(known.file)
    friend = Liar(pair.made, EAST)
    assert pair.south.receive(friend.bundle(pair.south.log, proofs=[half])).refused == []
    assert {one.log for one in proofs(pair.south)} == numbers(one_key())
    meet(pair, 2)
    all_know(pair, numbers(one_key()))


def test_the_record_alone_carries_it_to_one_that_knew_nothing(pair: ChannelPair) -> None:
    one, other = one_number()
    proof = Maker(MADE, one.opening.number, one.file).two_openings(other.file)
    friend = Liar(pair.made, EAST)
    friend.add(Message(MESSAGES["line_check"], START, {}, seed_of("check")[:16], {0: [], 1: False, MISCONDUCT: [b"none", proof]}))
    note = friend.note(None, friend.own_line(friend.checkpoint(), "mldsa44"))
    assert pair.south.receive(friend.bundle(pair.south.log, friend.run(note=note))).refused == []
    assert [one.data for one in proofs(pair.south)] == [proof]
    late = Contents(EAST, friend.counter + 1, {}, openings=[other.file])
    assert pair.south.receive(pair.made.bundle(late, pair.south.log)).refused == ["opening.refused"]
    assert pair.south.faults() == []


def test_proofs_without_end_are_not_kept(pair: ChannelPair) -> None:
    """Openings which all have one key, more than a party may have, and half proofs against them."""
    chain = [opened(f"later-{n}", None, shares="later-0") for n in range(limits.LATER_LOGS_PER_PARTY + 8)]
    files = [one.file for one in chain]
    friend = Liar(pair.made, EAST)
    for one in files:
        pair.south.receive(friend.bundle(pair.south.log, openings=[files[0], one]))
    halves = [Maker(MADE, one.opening.number, one.file).two_openings(files[0]) for one in chain[1:]]
    for half in halves:
        pair.south.receive(friend.bundle(pair.south.log, proofs=[half]))
    assert len(proofs(pair.south)) <= limits.LATER_LOGS_PER_PARTY
    assert pair.south.faults() == []


class Storm:
    """Logs of north's that cannot all be, whose devices write, hear and are heard, while the honest talk among themselves: by chance."""

    def __init__(self, seed: int, pair: ChannelPair, monkeypatch: pytest.MonkeyPatch) -> None:
        self.draw = random.Random(seed)
        self.pair = pair
        third = opened("third", 3, seed_of("root"), shares="later")
        self.opened = self.draw.choice([one_number(), one_key(), (*one_key(), third), (*one_number(), third)])
        pair.north.node.send_many([("statement", {"text": f"{n}"}) for n in range(4)])
        pair.settle(1)
        self.devices = [device(pair, monkeypatch, one) for one in self.opened]

    def run(self, steps: int) -> None:
        for step in range(steps):
            self.pair.set_clock(self.pair.south.clock.now + self.draw.choice((0, 1, 600)))
            self.draw.choice([self.lies, self.speaks, self.talks])(step)
        for one in self.devices:
            one.close()
            del self.pair.sides[one.slug]
        meet(self.pair, 5)

    def lies(self, step: int) -> None:
        one = self.draw.choice(self.devices)
        with suppress(PeerError, LocalError):  # it was told that it is convicted
            for _ in range(self.draw.randrange(3)):
                one.say(f"{one.slug} {step}")
            if self.draw.random() < 0.3:
                one.node.send("line_check", {})
            self.pair.sync(one.slug, self.draw.choice(HONEST))

    def speaks(self, step: int) -> None:
        one = self.pair[self.draw.choice(HONEST)]
        known = [one.node.channel.logs[log].slug for log in one.node.channel.openings if one.size(log)]
        links = [{"as": "same_incident", "ref": f"{name}/0"} for name in known]
        said = {"text": f"{step}", **({"links": links} if links else {})}
        one.node.send(*self.draw.choice([("statement", said), ("line_check", {})]))

    def talks(self, _step: int) -> None:
        self.pair.sync(*self.draw.sample(HONEST, 2))


@pytest.mark.parametrize("seed", [0, 5, *(pytest.param(n, marks=pytest.mark.sweep) for n in range(100, 150))])
def test_random_talks_about_openings_end_in_one_record(pair: ChannelPair, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    Storm(seed, pair, monkeypatch).run(30)
    against = {one.log for one in proofs(pair.south)}
    assert {one.log for slug in HONEST for one in proofs(pair[slug])} == against
    assert len({record(pair[slug]) for slug in HONEST}) == 1
    for slug in HONEST:
        pair[slug].say("We go on.")
    meet(pair, 2)
    for slug in HONEST:
        side = pair[slug]
        assert {side.size(pair[other]) == pair[other].size(pair[other]) for other in HONEST} == {True}, slug
        assert side.node.store.shelved() == []
        assert side.faults() == []
    assert len({record(pair[slug]) for slug in HONEST}) == 1


def assent(channel: Channel) -> dict[str, str]:
    """To every kind of message."""
    changes = changes_between(channel.charter, amended(channel.charter, {"kinds": list(MESSAGES)}))
    named = amendment_hash(channel.channel_id, channel.channel_id, changes)
    return {"base": channel.channel_id.hex(), "amendment": named.hex(), "changes": base64.b64encode(changes).decode()}


def test_what_such_a_log_said_of_the_terms_governed_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """South sends a request by terms to which north assented in the log that South was shown; the mission was shown no assent."""
    with ChannelPair(PARTIES, kinds=[kind for kind in MESSAGES if kind != "request"]) as pair:
        two = one_number(pair.made.channel)
        said = assent(pair.made.channel)
        for slug in ("south", "east"):
            pair[slug].node.send("amendment", said)
        pair.settle(1)
        for one, honest in zip(two, ("south", "mission"), strict=True):
            side = device(pair, monkeypatch, one)
            pair.sync(one.name, honest)
            side.node.send(*(("amendment", said) if honest == "south" else ("statement", {"text": "no assent"})))
            pair.sync(one.name, honest)
            side.close()
            del pair.sides[one.name]
        sent = pair.south.node.send("request", {"questions": ["Who fired?"]})
        assert pair.south.node.row((pair.south.log, sent.index)).void is None
        meet(pair, 4)
        all_know(pair, numbers(two))
        for slug in HONEST:
            assert pair[slug].node.marked((pair.south.log, sent.index)).void == "kind.not_allowed", slug


# --- Nobody honest ---


def test_no_two_openings_of_an_honest_party_convict_it(pair: ChannelPair) -> None:
    """Rotations, further devices, two copies of one folder that both go on, the opening under which it asks for its logs; each
    signed again, too: by another program, which gives the same opening other signatures."""
    south = pair.south
    south.say("before")
    south.close()
    for n in range(2):
        shutil.copytree(south.folder.path, pair.path / f"copy-{n}")
    south.open()
    for n in range(2):
        pair.sides[f"copy-{n}"] = Side(pair.made, f"copy-{n}", pair.path / f"copy-{n}", n, "south")
        pair.sides[f"copy-{n}"].rotate()
    south.rotate()
    south.rotate()
    pair.device("south", "phone")
    pair.settle(3)
    party = south.party
    recovery = party.seeds["recovery", "ed25519"], party.seeds["recovery", "mldsa44"]
    seeds, asked = asking(MADE, SOUTH, recovery)
    assert (seeds, asked) == asking(MADE, SOUTH, recovery)  # whoever asks again has signed nothing else
    files = {data for side in pair for data in side.node.store.openings().values()}
    files.add(sign_opening(asked, 0, [signer(recovery[0]), signer_pq(recovery[1]), *log_signers(seeds)]))
    assert len(files) == 6
    for one in files:
        maker = Maker(MADE, opening_of(one).number, one)
        again = encoding.encode([*recovered(one)[:2], [recovered(one)[2], *[bytes(64)] * 5]])
        for other in (*files, again):
            with refused("misconduct.unproved"):
                maker.two_openings(other)
    assert [side.node.store.proofs() for side in pair] == [[]] * len(pair.sides)


def test_what_others_sign_convicts_nobody() -> None:
    """An opening of one's own with another party's signing key, that key copied into it by a third, or another's recovery key."""
    one, other = one_key()
    maker = Maker(MADE, one.opening.number, one.file)
    thief = make_party("east")
    stolen = replace(opened(other.name, None, shares=other.shares).opening, position=EAST)
    signers = [signer(thief.seeds["recovery", "ed25519"]), signer_pq(thief.seeds["recovery", "mldsa44"]), *log_signers(other.seeds)]
    with refused("misconduct.unproved"):
        maker.two_openings(sign_opening(stolen, 0, signers))
    with refused("sig.invalid"):
        maker.two_openings(sign_opening(other.opening, 0, signers))
    sealing = replace(one.opening.keys, sealing=other.opening.keys.sealing)
    copied = replace(opened("later-two", None).opening, keys=replace(public_keys(seeds_of("later-two")), sealing=sealing.sealing))
    with refused("misconduct.unproved"):
        maker.two_openings(Opened("later-two", copied).file)
