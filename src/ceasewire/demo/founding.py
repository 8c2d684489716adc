"""How the demo's channel is founded: three nodes, their officers' keys, one charter that all sign."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ..folder import Folder
from ..record.card import Card
from ..record.charter import SignedCharter, open_charter
from ..record.draft import from_toml
from ..record.encoding import Value
from ..record.officers import Officer
from ..record.release import Asked, item
from . import story

NOT_AFTER_SECONDS = 24 * 3600  # how long an officer's release may wait to be sent


@dataclass(frozen=True, slots=True)
class Hand:
    """An officer with the key that signs, which in the demo lies in memory alone."""

    officer: Officer
    key: Ed25519PrivateKey

    def release(self, asked: Asked, now: int) -> Value:
        """This officer's release, as it stands in a message."""
        until = now + NOT_AFTER_SECONDS
        return item(self.officer, until, self.key.sign(asked.message(until)))


def make_node(base: Path, slug: str, port: int) -> Folder:
    """A party's or the guarantor's folder, with fresh keys."""
    url = f"http://127.0.0.1:{port}"
    return Folder.create(base / slug, lambda keys, recovery: Card(slug, story.PARTIES[slug], story.ROLES[slug], url, keys, recovery), None)


def make_hands(slugs: Sequence[str]) -> dict[str, list[Hand]]:
    """Each party's officers, by their order in the story. `slugs` of the parties in charter order."""
    found: dict[str, list[Hand]] = {}
    for position, slug in enumerate(slugs):
        keys = [Ed25519PrivateKey.generate() for _ in story.OFFICERS[slug]]
        found[slug] = [
            Hand(Officer(position, "ed25519", key.public_key().public_bytes_raw(), role, name), key)
            for key, (name, role) in zip(keys, story.OFFICERS[slug], strict=True)
        ]
    return found


def found_channel(base: Path, nodes: Mapping[str, Folder], hands: Mapping[str, Sequence[Hand]]) -> SignedCharter:
    """Draft from all cards, sign by all, join on all."""
    officers = [
        {"party": slug, "name": one.officer.name, "role": one.officer.role, "key": one.officer.public}
        for slug, listed in hands.items()
        for one in listed
    ]
    signed = from_toml({**story.TOML, "officers": officers}, [node.card()[2] for node in nodes.values()])
    for node in nodes.values():
        with node.pen(None) as pen:
            signed = signed.sign(node.position(signed), {"ed25519": pen.sign_log, "mldsa44": pen.sign_log_mldsa})
    data = signed.encode()
    (base / "demo.charter").write_bytes(data)
    for node in nodes.values():
        node.join(open_charter(data, complete=True), data)
    return signed
