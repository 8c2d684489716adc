"""The acts of a founding, one function each: make a node, draft a charter, sign it, join. Who asks for them, a command or a page, changes
nothing of what they do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..errors import LocalError, PeerError
from ..exchange import seal
from ..folder import Folder
from ..record.card import Card
from ..record.charter import SignedCharter
from ..record.draft import from_toml


def make(path: Path, *, party: str, name: str, role: str, url: str, passphrase: bytes | None) -> Folder:
    """Make a node in an empty or new folder; without a passphrase its keys open by a key file.

    Raises LocalError usage, net.url, node.exists, file.unwritable, random.failed, disk.failed.
    """
    if url:
        from ..carriers.urls import check_url  # noqa: PLC0415 - brings a whole client, which a party without an address does without

        check_url(url, url)
    try:
        return Folder.create(path, lambda keys, recovery: Card(party, name, role, url, keys, recovery), passphrase)
    except PeerError as error:  # of what our own user wrote
        raise LocalError("usage", error.detail or error.explained.sentence) from None


def draft(terms: Mapping[str, Any], cards: Sequence[bytes]) -> SignedCharter:
    """An unsigned charter of the terms (the keys of spec/charter.md) and every party's card file.

    Raises LocalError charter.toml; PeerError charter.party, card.*, key.*, sig.invalid.
    """
    try:
        signed = from_toml(terms, cards)
    except PeerError as error:
        if error.code != "charter.malformed" and not error.code.startswith("enc."):
            raise
        raise LocalError("charter.toml", error.detail or error.explained.sentence.lower()) from None
    for party in signed.charter.parties:
        seal.check_public_key(party.keys.sealing)
    return signed


def sign(folder: Folder, signed: SignedCharter, passphrase: bytes | None) -> SignedCharter:
    """The charter with this node's signatures, as it was if they stand there. Raises LocalError charter.party, node.missing, pen.*."""
    position = folder.position(signed)
    if folder.card()[0].slug not in signed.unsigned:
        return signed
    with folder.pen(passphrase) as pen:
        return signed.sign(position, {"ed25519": pen.sign_log, "mldsa44": pen.sign_log_mldsa})


def join(folder: Folder, signed: SignedCharter) -> None:
    """Accept a charter that all have signed. Raises LocalError node.joined, charter.party; PeerError charter.unsigned, key.weak."""
    if signed.unsigned:
        raise PeerError("charter.unsigned", ", ".join(signed.unsigned))
    folder.join(signed, signed.encode())


def opens(folder: Folder, passphrase: bytes | None) -> bool:
    """Whether the passphrase, or the key file, opens the node's keys."""
    with suppress(LocalError), folder.pen(passphrase):
        return True
    return False
