# ruff: noqa: PLC0415 - each command imports its own part of the program, so that all of them start fast
"""Commands that make a node, found a channel, and join it: init, card, charter, join."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from .. import limits
from ..errors import LocalError
from . import files
from .access import own_files
from .answer import Answer
from .parameters import AsJson, Node, Output, PassphraseFile
from .screen import Screen

if TYPE_CHECKING:
    from ..record.charter import SignedCharter

CharterFile = Annotated[Path, Parameter(name="X.charter", help="The charter's file.")]


def init(
    node: Node,
    /,
    *,
    party: Annotated[str, Parameter(help="A short neutral name in small letters, the same for ever: north.")],
    name: Annotated[str, Parameter(help="The party's name as people say it.")],
    role: Annotated[Literal["party", "guarantor", "observer"], Parameter(help="What the charter lets it do.")] = "party",
    url: Annotated[str, Parameter(help="Where others reach this node, if they do: https://... .", show_default=False)] = "",
    passphrase_file: PassphraseFile = None,
    no_passphrase: Annotated[bool, Parameter(help="Open the keys by a key file in the folder.", show_default=False)] = False,
    json: AsJson = False,
) -> Answer:
    """Make a node: its keys, a recovery key to take away, an empty store.

    Example: ceasewire init north --party north --name "Northern Command" --passphrase-file pass.txt
    """
    from ..founding import acts
    from ..record import fingerprint

    if no_passphrase == (passphrase_file is not None):
        raise LocalError("usage", "give --passphrase-file or --no-passphrase, one of them")
    secret = files.passphrase(passphrase_file)
    folder = acts.make(node, party=party, name=name, role=role, url=url, passphrase=secret)
    words = fingerprint.words(hashlib.sha256(folder.card()[1]).digest())
    recovery_file = str(node / f"recovery-{party}.txt")
    made: dict[str, Any] = {
        "node": str(node),
        "party": party,
        "name": name,
        "role": role,
        "url": url,
        "fingerprint": words,
        "recovery_file": recovery_file,
    }

    def human(screen: Screen) -> None:
        screen.pairs([(label, str(value)) for label, value in made.items() if value != ""])

    note = f"Take {recovery_file} away now, and keep it where this machine is not: whoever holds it can speak as {party}."
    return Answer(made, human, notes=(note,))


def card(node: Node, /, *, json: AsJson = False) -> Answer:
    """Print the node's card, its public half, for the others; the fingerprint goes to standard error.

    Example: ceasewire card north > north.card
    """
    from ..folder import Folder
    from ..record import fingerprint
    from ..record.card import armor

    with own_files():
        found, raw, data = Folder(node).card()
    words, text = fingerprint.words(hashlib.sha256(raw).digest()), armor(data)
    shown = {"card": text, "fingerprint": words, "party": found.slug, "name": found.name, "role": found.role, "url": found.url}
    return Answer(shown, lambda screen: screen.block(text.rstrip("\n")), notes=(f"Fingerprint: {words}",))


def draft(
    file: Annotated[Path, Parameter(name="FILE.toml", help="The agreement's terms; spec/charter.md lists every key.")],
    /,
    *cards: Annotated[Path, Parameter(name="CARD", help="Each party's card.")],
    output: Output,
    json: AsJson = False,
) -> Answer:
    """Make an unsigned charter of a TOML file and every party's card. The same input gives the same bytes.

    Example: ceasewire charter draft line.toml north.card south.card -o line.charter
    """
    from ..founding import acts
    from ..record.card import unarmor

    toml = files.read_toml(file)
    if not cards:
        raise LocalError("usage", "give the card of each party")
    given = [unarmor(files.read(path, 2 * limits.CARD_BYTES)) for path in cards]
    signed = acts.draft(toml, given)
    files.write(output, signed.encode())
    return _signatures(signed, output)


def sign(node: Node, file: CharterFile, /, *, passphrase_file: PassphraseFile = None, json: AsJson = False) -> Answer:
    """Add this party's signatures to a charter, in its file.

    The channel does not change by it. The parties sign one file, one after another.

    Example: ceasewire charter sign north line.charter --passphrase-file pass.txt
    """
    from ..folder import Folder
    from ..founding import acts

    folder = Folder(node)
    secret = files.passphrase(passphrase_file)
    with own_files():
        own = folder.card()[0].slug
    signed = _read(file, complete=False)
    folder.position(signed)
    if own in signed.unsigned:
        signed = acts.sign(folder, signed, secret)
        files.write(file, signed.encode())
    return _signatures(signed, file)


def _read(file: Path, *, complete: bool) -> SignedCharter:
    from ..record.charter import open_charter

    return open_charter(files.read(file, limits.CHARTER_BYTES), complete=complete)


def _signatures(signed: SignedCharter, file: Path) -> Answer:
    """What `charter draft` and `charter sign` say: which channel, and who has signed."""
    from ..record import fingerprint

    unsigned = signed.unsigned
    signers = [party.slug for party in signed.charter.parties if party.slug not in unsigned]
    words = fingerprint.words(signed.channel_id)
    shown = {
        "file": str(file),
        "name": signed.charter.name,
        "title": signed.charter.title,
        "channel": signed.channel_id.hex(),
        "fingerprint": words,
        "parties": [party.slug for party in signed.charter.parties],
        "signed": signers,
        "unsigned": unsigned,
        "complete": not unsigned,
    }

    def human(screen: Screen) -> None:
        screen.pairs(
            [
                ("file", str(file)),
                ("channel", signed.channel_id.hex()),
                ("fingerprint", words),
                ("signed by", ", ".join(signers) or "nobody"),
                ("to be signed by", ", ".join(unsigned) or "nobody: all have signed"),
            ]
        )

    return Answer(shown, human)


def show_charter(file: CharterFile, /, *, json: AsJson = False) -> Answer:
    """Show all that a charter says, and who has signed it so far.

    Example: ceasewire charter show line.charter
    """
    from ..record.terms import charter_json
    from .charters import show_charter_json

    shown = charter_json(_read(file, complete=False))
    return Answer(shown, lambda screen: show_charter_json(screen, shown))


def join(node: Node, file: CharterFile, /, *, json: AsJson = False) -> Answer:
    """Accept a charter that every party has signed. One folder joins one channel, for good.

    Example: ceasewire join north line.charter
    """
    from ..folder import Folder
    from ..founding import acts
    from ..record import fingerprint

    folder = Folder(node)
    with own_files():
        party = folder.card()[0].slug
    signed = _read(file, complete=True)
    acts.join(folder, signed)
    words = fingerprint.words(signed.channel_id)
    shown = {"joined": True, "party": party, "name": signed.charter.name, "channel": signed.channel_id.hex(), "fingerprint": words}

    def human(screen: Screen) -> None:
        screen.line(party, " joined ", signed.charter.name, ", ", signed.charter.title)
        screen.line("fingerprint  ", words)

    return Answer(shown, human, notes=("Compare the fingerprint with the agreement's annex or the guarantor before you rely on it.",))
