"""A channel in one line, for any test that needs one: parties from fixed seeds, cards, a charter signed by all.

    channel = make_channel()                              # north and south
    channel = make_channel(("north", "south", "mission:guarantor"), exercise=True)

Ed25519 and sealing keys, and so all key names, are the same in every run. ML-DSA-44 signatures draw randomness, and cards are
part of the charter, so the channel id is another in every process. Channels are cached: do not change one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from ceasewire.errors import LocalError, PeerError
from ceasewire.exchange import bundle, seal
from ceasewire.exchange.bundle import Run
from ceasewire.record import encoding
from ceasewire.record.card import Algorithm, Card, LogKeys, RecoveryKey, sign_card
from ceasewire.record.channel import Channel
from ceasewire.record.charter import SignedCharter
from ceasewire.record.draft import from_toml
from ceasewire.record.message import Body, Disclosure, Message, row
from ceasewire.record.values import LogState
from ceasewire.tlog import checkpoint as checkpoints
from ceasewire.tlog import merkle
from ceasewire.tlog.checkpoint import Checkpoint, SignedCheckpoint
from ceasewire.tlog.merkle import Frontier
from ceasewire.tlog.note import SignatureLine

Signer = Callable[[bytes], bytes]

START = 1_772_323_200  # 2026-03-01T00:00:00Z
KEYS = ("log", "receipt", "recovery")


def refused(code: str) -> AbstractContextManager[pytest.ExceptionInfo[PeerError]]:
    """The block must raise PeerError with exactly this code."""
    return pytest.raises(PeerError, check=lambda error: error.code == code)


def local(code: str) -> AbstractContextManager[pytest.ExceptionInfo[LocalError]]:
    """The block must raise LocalError with exactly this code."""
    return pytest.raises(LocalError, check=lambda error: error.code == code)


def seed_of(*words: object) -> bytes:
    """32 bytes that depend on the words alone."""
    return hashlib.sha256("/".join(map(str, words)).encode()).digest()


@dataclass(frozen=True)
class TestParty:
    """A party of a test: its seeds (32 bytes each), signers and card file. `signers` maps (use, algorithm), use one of KEYS."""

    __test__ = False

    slug: str
    role: str = "party"
    url: str = ""

    @property
    def name(self) -> str:
        return self.slug.capitalize()

    @property
    def sealing_seed(self) -> bytes:
        return seed_of(self.slug, "sealing")

    @cached_property
    def seeds(self) -> dict[tuple[str, Algorithm], bytes]:
        algorithms: tuple[Algorithm, Algorithm] = ("ed25519", "mldsa44")
        return {(use, algorithm): seed_of(self.slug, use, algorithm) for use in KEYS for algorithm in algorithms}

    @cached_property
    def _private(self) -> dict[tuple[str, Algorithm], Ed25519PrivateKey | MLDSA44PrivateKey]:
        return {
            (use, algorithm): Ed25519PrivateKey.from_private_bytes(seed)
            if algorithm == "ed25519"
            else MLDSA44PrivateKey.from_seed_bytes(seed)
            for (use, algorithm), seed in self.seeds.items()
        }

    @cached_property
    def signers(self) -> dict[tuple[str, Algorithm], Signer]:
        return {name: private.sign for name, private in self._private.items()}

    @cached_property
    def card(self) -> Card:
        public = {name: private.public_key().public_bytes_raw() for name, private in self._private.items()}
        keys = LogKeys(
            public["log", "ed25519"],
            public["log", "mldsa44"],
            public["receipt", "ed25519"],
            public["receipt", "mldsa44"],
            seal.public_key(self.sealing_seed),
        )
        recovery = RecoveryKey(public["recovery", "ed25519"], public["recovery", "mldsa44"])
        return Card(self.slug, self.name, self.role, self.url, keys, (recovery,))

    @cached_property
    def card_file(self) -> bytes:
        return sign_card(self.card, list(self.signers.values()))


@dataclass(frozen=True)
class TestChannel:
    """A channel whose every party has signed. `parties` by slug; `signed` the charter file, opened."""

    __test__ = False

    signed: SignedCharter
    channel: Channel
    parties: dict[str, TestParty] = field(compare=False)

    def party(self, log: int) -> TestParty:
        return self.parties[self.channel.party(log).slug]

    def checkpoint(self, log: int, size: int, root: bytes) -> Checkpoint:
        """An unsigned checkpoint of one of the channel's logs."""
        return Checkpoint(self.channel.logs[log].origin, size, root)

    def log_line(self, checkpoint: Checkpoint, log: int, algorithm: Algorithm = "ed25519", time: int = START) -> SignatureLine:
        """The log's own signature over a checkpoint."""
        key = self.channel.logs[log].log[algorithm == "mldsa44"]
        return checkpoints.sign(checkpoint, key, self.party(log).signers["log", algorithm], time)

    def receipt_line(self, checkpoint: Checkpoint, by: int, algorithm: Algorithm = "ed25519", time: int = START) -> SignatureLine:
        """A party's receipt: its cosignature over a checkpoint."""
        key = self.channel.logs[by].receipt[algorithm == "mldsa44"]
        return checkpoints.sign(checkpoint, key, self.party(by).signers["receipt", algorithm], time)

    def note(self, log: int, size: int, root: bytes, *receipts: int, time: int = START) -> bytes:
        """A checkpoint signed by its log with Ed25519, and cosigned by the given logs' receipt keys."""
        checkpoint = self.checkpoint(log, size, root)
        lines = [self.log_line(checkpoint, log), *(self.receipt_line(checkpoint, by, time=time) for by in receipts)]
        return SignedCheckpoint(checkpoint, tuple(lines)).encode()

    def empty(self, log: int) -> LogState:
        """The state of a log without entries."""
        return LogState(log, Frontier.empty(), 0, {})

    def run(self, state: LogState, messages: Sequence[Message]) -> Run:
        """Messages that follow `state`, with the checkpoint over them, signed with Ed25519."""
        leaves = [row(state.number, state.size + n, message).leaf for n, message in enumerate(messages)]
        root = state.frontier.extend(leaves).root()
        return Run(state.number, state.size, tuple(messages), self.note(state.number, state.size + len(messages), root))

    def bundle(self, contents: bundle.Contents, to: int, seal_to: Callable[[bytes, bytes, bytes], bytes] = seal.seal) -> bytes:
        """A sealed bundle from `contents.log` to the standing key of another log."""
        return bundle.write(
            contents.encode(),
            sender=contents.log,
            recipient=to,
            channel_id=self.channel.channel_id,
            sealing_key=self.channel.logs[to].sealing,
            sign=self.party(contents.log).signers["log", "ed25519"],
            seal_to=seal_to,
        )


def make_channel(parties: Sequence[str] = ("north", "south"), **toml: Any) -> TestChannel:
    """A signed channel of these parties, each `slug` or `slug:role`; `toml` are keys of the charter's TOML (spec/charter.md)."""
    return _make(tuple(parties), repr(sorted(toml.items())), _Toml(toml))


class _Toml(dict[str, Any]):
    """TOML's values, which lru_cache must be able to hash; they are compared by their repr, which stands beside them."""

    def __hash__(self) -> int:  # type: ignore[override]
        return 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Toml)


@lru_cache(maxsize=64)
def make_party(slug: str, role: str = "party", url: str = "") -> TestParty:
    """A party with keys from fixed seeds."""
    return TestParty(slug, role, url)


@lru_cache(maxsize=64)
def _make(names: tuple[str, ...], _key: str, toml: _Toml) -> TestChannel:
    made = [make_party(*name.split(":")) for name in names]
    signed = from_toml({"name": "test", "title": "A channel for tests", **toml}, [party.card_file for party in made])
    by_slug = {party.slug: party for party in made}
    for position, card in enumerate(signed.charter.parties):
        signers = by_slug[card.slug].signers
        signed = signed.sign(position, {"ed25519": signers["log", "ed25519"], "mldsa44": signers["log", "mldsa44"]})
    return TestChannel(signed, Channel(signed), by_slug)


def statement(time: int = START, *, seen: dict[int, int] | None = None, text: str = "A statement.", **more: Any) -> Message:
    """A small valid message; `more` are body fields as `f16="..."`, or `seed`, `kind`."""
    body: Body = {0: [], 1: False, 17: text}
    body |= {int(name[1:]): value for name, value in more.items() if name.startswith("f")}
    kind, seed = more.get("kind", 2), more.get("seed", seed_of(text, time, repr(seen), repr(more))[:16])
    return Message(kind, time, seen or {}, seed, dict(sorted(body.items())))


def hiding(shown: Disclosure, field: int) -> Disclosure:
    """A disclosure with one more field hidden, also one that `disclose` never hides."""

    def hidden(part: encoding.Value) -> encoding.Value:
        return merkle.leaf_hash(encoding.encode(part, 16)) if isinstance(part, list) and part[1] == field else part

    return Disclosure(tuple([hidden(part) for part in shown.parts]))
