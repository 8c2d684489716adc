"""How far a founding has come, which the files of the node's folder say alone: whoever is interrupted goes on where they were.

founding.json      the others' cards, which of them were compared by voice, and what was typed for a charter
founding.charter   the charter's file, with the signatures so far, as `charter sign` writes it
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from ..errors import CeasewireError, LocalError, PeerError
from ..folder import Folder
from ..keyfile import read_recovery, sync_folder
from ..record import fingerprint
from ..record.card import Card, armor, open_card, unarmor
from ..record.charter import SignedCharter, open_charter
from . import acts

STEPS: Final = ("who", "recovery", "cards", "charter", "sign", "join")
PIECE: Final = 4  # letters of the recovery key's lines that are typed again
_CARDS: Final = 31


class Refused(Exception):
    """What a person gave cannot be taken. `why` names the sentence (found-parts.html); `detail` is what the machine says of it."""

    def __init__(self, why: str, detail: str = "") -> None:
        super().__init__(why)
        self.why, self.detail = why, detail


def unfounded(path: Path) -> bool:
    """Whether a founding begins, or goes on, in a folder: it is not there, it is empty, or its node has joined no channel."""
    try:
        if not any(path.iterdir()):
            return True
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return (path / "card.txt").exists() and not os.path.lexists(path / "charter.cwc")


class Progress:
    """One founding in one folder, by one process. Its methods are called one at a time."""

    def __init__(self, path: Path) -> None:
        """Takes the folder, and makes it if need be. Raises LocalError node.locked, file.unwritable."""
        self.path = path.absolute()
        self.folder = Folder(self.path)
        self._state, self._charter = self.path / "founding.json", self.path / "founding.charter"
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._held = [_hold(self.path)]
        except OSError as error:
            raise LocalError("file.unwritable", f"{path}: {error.strerror}") from None

    def close(self) -> None:
        """Others may go on with it."""
        for handle in self._held:
            os.close(handle)
        self._held = []

    # --- Where we are ---

    def stage(self) -> str:
        """The step that is to be done next: one of STEPS."""
        if not self.folder.card_path.exists():
            return "who"
        if self.recovery_path.exists():
            return "recovery"
        charter, others = self.charter(), self.others()
        if not others or not all(one["agreed"] for one in others):
            return "cards"
        if charter is None:
            return "charter"
        return "sign" if charter.unsigned else "join"

    def _read(self) -> dict[str, Any]:
        """What was kept; what is damaged counts as nothing, since all of it can be given again."""
        try:
            found = json.loads(self._state.read_bytes())
        except (OSError, ValueError):
            return {"cards": [], "form": {}}
        return found if isinstance(found, dict) else {"cards": [], "form": {}}

    def _keep(self, **changes: Any) -> None:
        self.folder.write(self._state, json.dumps({**self._read(), **changes}).encode())

    # --- Who we are ---

    def create(self, *, party: str, name: str, role: str, url: str, passphrase: bytes | None) -> None:
        """Make the node beside its place and put it there whole: who is interrupted finds no half of it. Raises as acts.make."""
        if os.path.ismount(self.path):
            acts.make(self.path, party=party, name=name, role=role, url=url, passphrase=passphrase)
            return
        beside = self.path.with_name(f".{self.path.name}.founding")
        try:
            with suppress(FileNotFoundError):
                shutil.rmtree(beside)  # of one who was interrupted; nobody has seen a key of it
            acts.make(beside, party=party, name=name, role=role, url=url, passphrase=passphrase)
            self._held.append(_hold(beside))
            beside.rename(self.path)
            sync_folder(self.path.parent)
        except OSError as error:
            raise LocalError("file.unwritable", f"{self.path}: {error.strerror}") from None

    def card(self) -> tuple[Card, str, str]:
        """Our card, its text, its fingerprint in words."""
        card, raw, data = self.folder.card()
        return card, armor(data), fingerprint.words(hashlib.sha256(raw).digest())

    @property
    def sealed(self) -> bool:
        """Whether a passphrase opens the keys."""
        return not os.path.lexists(self.path / "unlock.key")

    def sealed_by_another(self, passphrase: bytes) -> bool:
        """Whether there is a node already, which this passphrase does not open."""
        return self.folder.card_path.exists() and self.sealed and not acts.opens(self.folder, passphrase)

    # --- The recovery key ---

    @property
    def recovery_path(self) -> Path:
        """Where it lies until it was taken away."""
        return self.path / f"recovery-{self.folder.card()[0].slug}.txt"

    def recovery(self) -> str:
        """The recovery key's text. Raises LocalError file.unreadable, pen.damaged."""
        read_recovery(self.recovery_path)
        return self.recovery_path.read_text("ascii")

    def take_recovery(self, first: str, last: str) -> None:
        """It was taken away: whoever has it can say the first letters of its second key and of its last line. Then it leaves this disk.

        Raises Refused; LocalError file.*.
        """
        text = self.recovery()
        asked = [re.findall(rf"(?m)^{line} ([0-9a-f]{{{PIECE}}})", text)[0] for line in ("mldsa44", "check")]
        if [first.strip().lower(), last.strip().lower()] != asked:
            raise Refused("recovery")
        try:
            self.recovery_path.unlink()
            sync_folder(self.path)
        except OSError as error:
            raise LocalError("file.unwritable", f"{self.recovery_path}: {error.strerror}") from None

    # --- The others' cards ---

    def others(self) -> list[dict[str, Any]]:
        """The others: slug, name, role, url, words of the fingerprint, agreed, data (the card's file)."""
        found = []
        for one in self._read()["cards"]:
            with suppress(PeerError):
                data = unarmor(one["text"].encode())
                card, raw = open_card(data)
                words = fingerprint.words(hashlib.sha256(raw).digest())
                found.append(
                    {
                        "slug": card.slug,
                        "name": card.name,
                        "role": card.role,
                        "url": card.url,
                        "words": words,
                        "agreed": one["agreed"],
                        "data": data,
                    }
                )
        return found

    def add_cards(self, pasted: str) -> None:
        """Every card in a text that was pasted, to be compared. Raises Refused."""
        texts = blocks(pasted, "CARD")
        if not texts:
            raise Refused("card")
        self._add([_opened(text) for text in texts])

    def _add(self, given: list[bytes]) -> None:
        own = self.folder.card()
        known = {one["slug"]: one["data"] for one in self.others()}
        cards = self._read()["cards"]
        for data in given:
            card, _ = open_card(data)
            if data == own[2]:
                continue
            if card.slug == own[0].slug:
                raise Refused("own_slug", card.slug)
            if known.get(card.slug, data) != data:
                raise Refused("other_card", card.slug)
            if card.slug not in known:
                cards.append({"text": armor(data), "agreed": False})
                known[card.slug] = data
        if len(cards) > _CARDS:
            raise Refused("many")
        self._keep(cards=cards)

    def agree(self, slugs: list[str]) -> None:
        """The words of these were compared and are the same; those of the others were not."""
        self._keep(cards=[{"text": armor(one["data"]), "agreed": one["slug"] in slugs} for one in self.others()])

    def remove_card(self, slug: str) -> None:
        """A card that is not theirs. Raises Refused while a charter holds it."""
        gone = [one for one in self.others() if one["slug"] == slug]
        charter = self.charter()
        if charter is not None and any(one["data"] in charter.charter.cards for one in gone):
            raise Refused("in_charter", slug)
        self._keep(cards=[{"text": armor(one["data"]), "agreed": one["agreed"]} for one in self.others() if one not in gone])

    # --- The charter ---

    def charter(self) -> SignedCharter | None:
        """The charter as far as it has come; None while there is none. Raises LocalError store.damaged."""
        try:
            return open_charter(self._charter.read_bytes(), complete=False)
        except FileNotFoundError:
            return None
        except (OSError, PeerError) as error:
            raise LocalError("store.damaged", f"{self._charter.name}: {error}") from None

    @property
    def form(self) -> dict[str, Any]:
        """What was typed for a charter."""
        found = self._read().get("form")
        return found if isinstance(found, dict) else {}

    def draft(self, terms: Mapping[str, Any], form: Mapping[str, Any]) -> None:
        """A charter of our own making, to be read and signed. Raises Refused; LocalError file.unwritable."""
        self._keep(form=dict(form))
        cards = [self.folder.card()[2], *(one["data"] for one in self.others())]
        try:
            made = acts.draft(terms, cards)
        except CeasewireError as error:
            raise Refused("terms", error.detail or error.explained.sentence) from None
        self.folder.write(self._charter, made.encode())

    def take_charter(self, pasted: str) -> None:
        """A charter that came from another side: its terms if we have none, its signatures if it is ours. Raises Refused."""
        texts = blocks(pasted, "CHARTER")
        if len(texts) != 1:
            raise Refused("charter")
        try:
            given = open_charter(unarmor(texts[0].encode(), "CHARTER"), complete=False)
        except PeerError as error:
            raise Refused("charter", str(error)) from None
        if self.folder.card()[2] not in given.charter.cards:
            raise Refused("not_ours")
        before = self.charter()
        if before is not None and before.channel_id != given.channel_id:
            raise Refused("other_charter", fingerprint.words(given.channel_id))
        self._add(list(given.charter.cards))
        signatures = {**given.signatures, **(before.signatures if before else {})}
        self.folder.write(self._charter, SignedCharter(given.data, given.charter, signatures).encode())

    def drop_charter(self) -> None:
        """Begin the charter anew. A signature that has left stays what it is; it binds nobody to a channel that not all have signed."""
        self._charter.unlink(missing_ok=True)

    def sign(self, passphrase: bytes | None) -> None:
        """Sign what the page showed. Raises Refused; LocalError charter.party, file.unwritable."""
        signed = self._whole(passphrase)
        self.folder.write(self._charter, acts.sign(self.folder, signed, passphrase).encode())

    def join(self, passphrase: bytes | None) -> None:
        """Accept the charter. Raises Refused; LocalError node.joined, charter.party, file.unwritable; PeerError charter.unsigned."""
        acts.join(self.folder, self._whole(passphrase))
        for path in (self._state, self._charter):
            path.unlink(missing_ok=True)

    def _whole(self, passphrase: bytes | None) -> SignedCharter:
        signed = self.charter()
        if signed is None or self.stage() not in ("sign", "join"):
            raise Refused("early")
        if not acts.opens(self.folder, passphrase):
            raise Refused("passphrase")
        return signed


def _hold(path: Path) -> int:
    """The folder, held by this founding until it is closed. Raises LocalError node.locked; OSError."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise LocalError("node.locked", str(path)) from None
    return handle


def blocks(text: str, what: str) -> list[str]:
    """The cards or charters in what was pasted, whatever stands around them."""
    found: list[str] = re.findall(rf"-----BEGIN CEASEWIRE {what}-----[\s\S]*?-----END CEASEWIRE {what}-----", text)
    return found


def _opened(text: str) -> bytes:
    try:
        data = unarmor(text.encode())
        open_card(data)
    except PeerError as error:
        raise Refused("card", str(error)) from None
    return data
