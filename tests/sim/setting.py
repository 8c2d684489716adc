"""Channels of the simulator: who takes part, under which charter. Keys are those of helpers.TestParty."""

from __future__ import annotations

import hashlib
from functools import lru_cache

from ceasewire.exchange import seal
from ceasewire.pen import PublicKeys, Seeds
from ceasewire.record.card import LogKeys
from ceasewire.record.channel import Channel
from ceasewire.record.charter import ALGORITHMS
from ceasewire.record.draft import from_toml
from ceasewire.tlog.note import VerifierKey
from helpers import TestChannel, TestParty
from signers import TestOfficer, make_officer

DAY = 86400
PARTIES: tuple[tuple[str, ...], ...] = (
    ("north", "south", "mission:guarantor"),
    ("north", "south", "mission:guarantor"),
    ("north", "south"),
    ("east", "north", "south"),
)
OFFICERS = (("wren", "duty_officer"), ("heron", "commander"), ("kestrel", "liaison_officer"))  # of each party, where there are any
QUOTA = 60  # messages of one log a day: more than an honest officer of the simulator sends


@lru_cache(maxsize=16)
def channel_of(names: tuple[str, ...], real: bool, witness: VerifierKey, officers: bool = False) -> TestChannel:
    """The channel of these parties, each `slug` or `slug:role`. `real`: signed with the real ML-DSA-44, which must be in place;
    `witness` is the key of its one witness; `officers`: the charter names those of `officers_of` for each party of that role."""
    made = [TestParty(*name.split(":")) for name in names]
    toml = {
        "name": "sim",
        "title": "A channel of the simulator",
        "clocks": {"line_check": DAY, "watch": DAY},
        "witnesses": [{"name": "tower", "vkey": witness.text(), "url": "http://127.0.0.1:1/"}],
        "quorum": 1,
        "quotas": {"messages_per_log_and_day": QUOTA},
    }
    if officers:
        toml["officers"] = [one.toml for party in made if party.role == "party" for one in officers_of(party.slug)]
    signed = from_toml(toml, [party.card_file for party in made])
    by_slug = {party.slug: party for party in made}
    for position, card in enumerate(signed.charter.parties):
        signers = by_slug[card.slug].signers
        signed = signed.sign(position, {algorithm: signers["log", algorithm] for algorithm in ALGORITHMS})
    return TestChannel(signed, Channel(signed), by_slug)


def officers_of(slug: str) -> list[TestOfficer]:
    """A party's officers by the charter."""
    return [make_officer(slug, name, role) for name, role in OFFICERS]


def first_seeds(party: TestParty) -> Seeds:
    """The private keys of a party's first log."""
    log, log_pq, receipt, receipt_pq = [party.seeds[use, algorithm] for use in ("log", "receipt") for algorithm in ALGORITHMS]
    return Seeds(log, log_pq, receipt, receipt_pq, party.sealing_seed)


def later_seeds(*words: object) -> Seeds:
    """The private keys of a later log, which are these words' alone."""
    return Seeds(*(hashlib.sha256(repr((n, words)).encode()).digest() for n in range(5)))


def log_keys(public: PublicKeys, sealing_seed: bytes) -> LogKeys:
    """A pen's public keys as an opening names them."""
    sealing = seal.public_key(sealing_seed)
    return LogKeys(public.log_ed25519, public.log_mldsa44, public.receipt_ed25519, public.receipt_mldsa44, sealing)
