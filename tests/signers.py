"""Officers with keys from fixed seeds, for tests: they release what `record.release` then checks.

kestrel = make_officer("north", "kestrel")
channel = make_channel(officers=[kestrel.toml, ...])
message = released(channel.channel, 0, message, kestrel, heron)
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ceasewire.node.drafts import Draft, Drafts, make
from ceasewire.node.node import Node, Sent
from ceasewire.node.view import View
from ceasewire.record.channel import Channel
from ceasewire.record.encoding import Value
from ceasewire.record.message import Message, body_tree
from ceasewire.record.officers import Officer
from ceasewire.record.release import Asked, item, recovery_item
from helpers import START, TestChannel, TestParty, seed_of

LATER = START + 10 * 86400
RP_ID = "north.example"
ORIGIN = "https://north.example"


@dataclass(frozen=True)
class TestOfficer:
    """An officer of a party, with an Ed25519 key."""

    __test__ = False

    slug: str
    name: str
    role: str = "duty_officer"

    @cached_property
    def private(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(seed_of(self.slug, self.name, "officer"))

    @cached_property
    def officer(self) -> Officer:
        return Officer(0, "ed25519", self.private.public_key().public_bytes_raw(), self.role, self.name)

    @property
    def toml(self) -> dict[str, str]:
        return {"party": self.slug, "name": self.name, "role": self.role, "key": self.officer.public}

    @property
    def json(self) -> dict[str, str]:
        return {key: value for key, value in self.toml.items() if key != "party"}

    def sign(self, asked: Asked, not_after: int) -> Any:
        return self.private.sign(asked.message(not_after))

    def item(self, asked: Asked, not_after: int = LATER) -> Any:
        """What this officer puts into field 0."""
        return item(self.officer, not_after, self.sign(asked, not_after))


@dataclass(frozen=True)
class TestPasskey(TestOfficer):
    """An officer whose key is a WebAuthn credential for ORIGIN."""

    __test__ = False

    @cached_property
    def passkey(self) -> ec.EllipticCurvePrivateKey:
        secret = int.from_bytes(seed_of(self.slug, self.name, "passkey"), "big") >> 1
        return ec.derive_private_key(secret, ec.SECP256R1())

    @cached_property
    def officer(self) -> Officer:
        key = self.passkey.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return Officer(0, "webauthn_es256", key, self.role, self.name, RP_ID, ORIGIN)

    @property
    def toml(self) -> dict[str, str]:
        return {**super().toml, "rp_id": RP_ID, "origin": ORIGIN}

    def sign(self, asked: Asked, not_after: int) -> Any:
        return self.assertion(client_data(asked.challenge(not_after)))

    def assertion(self, client: bytes, *, flags: int = 0x05, rp_id: str = RP_ID, more: bytes = b"") -> Any:
        """An assertion over these client data; `flags` of the authenticator, user present and verified unless said otherwise."""
        data = hashlib.sha256(rp_id.encode()).digest() + bytes([flags]) + (7).to_bytes(4, "big") + more
        return [data, client, self.passkey.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(SHA256()))]


def client_data(challenge: bytes, **change: Any) -> bytes:
    """Client data as a browser makes them."""
    encoded = base64.urlsafe_b64encode(challenge).decode().rstrip("=")
    found = {"type": "webauthn.get", "challenge": encoded, "origin": ORIGIN, "crossOrigin": False, **change}
    return json.dumps(found, separators=(",", ":")).encode()


def make_officer(slug: str, name: str, role: str = "duty_officer") -> TestOfficer:
    """An officer with an Ed25519 key that the names alone give."""
    return TestOfficer(slug, name, role)


def asked_of(channel: Channel, log: int, message: Message) -> Asked:
    """What is released of a message in a log."""
    return Asked(channel.channel_id, log, message.kind, body_tree(message.seed, message.body).rest)


def released(channel: Channel, log: int, message: Message, *officers: TestOfficer, not_after: int = LATER) -> Message:
    """The message with these officers' releases."""
    asked = asked_of(channel, log, message)
    return replace(message, body={**message.body, 0: [one.item(asked, not_after) for one in officers]})


def recovered(made: TestChannel, log: int, message: Message, party: TestParty, not_after: int = LATER) -> Message:
    """The message with a release by the party's recovery key."""
    signed = asked_of(made.channel, log, message).message(not_after)
    signatures = [party.signers["recovery", algorithm](signed) for algorithm in ("ed25519", "mldsa44")]
    return replace(message, body={**message.body, 0: [recovery_item(party.card.recovery[0], not_after, signatures)]})


KESTREL = make_officer("north", "kestrel")
HERON = make_officer("north", "heron", "commander")
RAVEN = make_officer("north", "raven")
WREN = make_officer("south", "wren")
SWIFT = make_officer("south", "swift", "commander")
OFFICERS = [one.toml for one in (KESTREL, HERON, WREN, SWIFT)]
"""Two officers of north and two of south, as a charter's TOML lists them."""


def signed_draft(path: Path, view: View, kind: str, json: Any, *officers: TestOfficer, now: int = START) -> str:
    """A draft in a node's folder that these officers have released; its id."""
    store = Drafts(path)
    draft = make(view, kind, json, hashlib.sha256(repr((kind, json, officers, os.urandom(8))).encode()).digest()[:16])
    store.save(draft)
    for one in officers:
        store.add(view, draft.id, partial(_items, view, one), now)
    return draft.id


def _items(view: View, officer: TestOfficer, draft: Draft) -> list[Value]:
    return [officer.item(draft.asked(view))]


def say(path: Path, node: Node, kind: str, json: Any, *officers: TestOfficer) -> Sent:
    """Send a message that these officers have released."""
    return Drafts(path).send(node, signed_draft(path, node, kind, json, *officers, now=node.now()))
