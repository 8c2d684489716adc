"""What every vector is made of: its values, its fixed parts, and the channel that most of them speak of.

Ed25519 keys and signatures follow from fixed seeds. ML-DSA-44 signatures and sealed bytes draw randomness: they are made once, kept
under spec/vectors/parts, and made again only when what they sign or seal has changed.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ceasewire.record import encoding
from ceasewire.record.card import Card, open_card, sign_card, tagged
from ceasewire.record.channel import Channel
from ceasewire.record.charter import SignedCharter, draft
from ceasewire.record.draft import from_toml
from ceasewire.tlog import mldsa
from ceasewire.tlog.note import COSIGNATURE_ED25519, VerifierKey
from helpers import TestChannel, TestParty, make_party
from signers import OFFICERS, TestPasskey

FOLDER = Path(__file__).resolve().parents[2] / "spec" / "vectors"
_LEAST_PART = 64


@dataclass
class Vector:
    """One file: `name` without its ending; the rest is what the file says."""

    topic: str
    name: str
    what: str
    input: str
    expect: dict[str, Any]
    more: dict[str, Any] = field(default_factory=dict)

    def text(self) -> str:
        value = {"topic": self.topic, "what": self.what, **self.more, "input": self.input, "expect": self.expect}
        return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


class Parts:
    """Byte strings with a name: long values stand in vectors as `{name}`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.parts: dict[str, bytes] = {}
        self.files: dict[str, str] = {}

    def add(self, name: str, data: bytes) -> bytes:
        """A part that follows from what is fixed."""
        if name not in self.parts:
            self.files[name] = self.short(data)
            self.parts[name] = data
        return self.parts[name]

    def frozen(self, name: str, make: Callable[[], bytes], good: Callable[[bytes], bool]) -> bytes:
        """A part that draws randomness: what is in the folder if it is still good, else made."""
        path = self.folder / f"{name}.hex"
        kept = self.whole(path.read_text().strip()) if path.is_file() else None
        return self.add(name, kept if kept is not None and good(kept) else make())

    def short(self, data: bytes) -> str:
        """Hexadecimal with the parts so far by name, the longest first."""
        text = data.hex()
        for name, part in sorted(self.parts.items(), key=lambda item: -len(item[1])):
            if len(part) >= _LEAST_PART:
                text = text.replace(part.hex(), "{" + name + "}")
        return text

    def whole(self, text: str) -> bytes | None:
        """The bytes of such hexadecimal; None if it names a part that is not there."""
        try:
            return bytes.fromhex(re.sub(r"\{([^}]+)\}", lambda match: self.parts[match[1]].hex(), text))
        except KeyError:
            return None

    def mldsa(self, name: str, key: bytes, sign: Callable[[bytes], bytes], message: bytes) -> bytes:
        """An ML-DSA-44 signature."""
        return self.frozen(name, lambda: sign(message), lambda signature: mldsa.verify(key, signature, message))


TOWER = VerifierKey("tower.example/w", COSIGNATURE_ED25519, make_party("tower").card.keys.log_ed25519)
PARTIES = ("north", "south", "mission:guarantor", "press:observer")
TOML: dict[str, Any] = {
    "name": "example/line-1",
    "title": "Vectors",
    "quorum": 0,
    "witnesses": [{"name": "tower", "vkey": TOWER.text(), "url": "https://tower.example/"}],
}


def officers() -> list[dict[str, str]]:
    """Two officers of north and two of south, and one of north with a passkey, as a charter's TOML lists them."""
    return [*OFFICERS, TestPasskey("north", "osprey").toml]


class Vectors:
    """All vectors as they are made."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self.parts = Parts(folder / "parts")
        self.found: dict[tuple[str, str], Vector] = {}
        for name in PARTIES:
            self._keys(make_party(*name.split(":")))
        self.test = self._channel("charter", PARTIES, TOML)
        self.officers = self._channel("officers", PARTIES[:3], TOML | {"title": "Officers", "officers": officers()})
        self.newer = self._channel("newer", PARTIES[:2], TOML | {"title": "Newer"}, kinds=(2, 99))
        self.exercise = self._channel("exercise", PARTIES[:2], TOML | {"exercise": True, "title": "Exercise", "quorum": 1})

    def _keys(self, party: TestParty) -> None:
        card = party.card
        for name, key in (
            ("log", card.keys.log_mldsa44),
            ("receipt", card.keys.receipt_mldsa44),
            ("recovery", card.recovery[0].mldsa44),
            ("sealing", card.keys.sealing),
        ):
            self.parts.add(f"{party.slug}.{name}.key", key)
        self.card(party.slug, card, party)

    def card(self, name: str, card: Card, party: TestParty) -> bytes:
        """A card file whose ML-DSA-44 signatures are parts."""
        message = tagged("ceasewire/card/1", hashlib.sha256(card.encode()).digest())
        signatures = []
        for place, ((algorithm, key), sign) in enumerate(zip(card.signing_keys(), party.signers.values(), strict=True)):
            part = f"{name}.signature.{place}"
            signatures.append(self.parts.mldsa(part, key, sign, message) if algorithm == "mldsa44" else sign(message))
        file = sign_card(card, [lambda _, s=signature: s for signature in signatures])  # type: ignore[misc]
        open_card(file)
        return self.parts.add(f"{name}.card", file)

    def _channel(self, name: str, parties: tuple[str, ...], toml: dict[str, Any], kinds: tuple[int, ...] = ()) -> TestChannel:
        by_slug = {word.split(":")[0]: make_party(*word.split(":")) for word in parties}
        signed = from_toml(toml, [self.parts.parts[f"{slug}.card"] for slug in by_slug])
        if kinds:  # among them such as no TOML can name
            signed = draft(replace(signed.charter, kinds=kinds))
        self.parts.add(f"{name}.bytes", signed.data)
        for position, card in enumerate(signed.charter.parties):
            signed = self._sign(name, signed, position, by_slug[card.slug])
        self.parts.add(name, signed.encode())
        return TestChannel(signed, Channel(signed), by_slug)

    def _sign(self, name: str, signed: SignedCharter, position: int, party: TestParty) -> SignedCharter:
        def post_quantum(message: bytes) -> bytes:
            key = party.card.keys.log_mldsa44
            return self.parts.mldsa(f"{name}.signature.{party.slug}", key, party.signers["log", "mldsa44"], message)

        return signed.sign(position, {"ed25519": party.signers["log", "ed25519"], "mldsa44": post_quantum})

    # --- Adding vectors ---

    def ok(self, topic: str, name: str, what: str, data: bytes | str, expect: dict[str, Any] | None = None, **more: Any) -> None:
        """A vector that is accepted; bytes are written in hexadecimal, text as text."""
        self._add(topic, f"ok-{name}", what, data, {"verdict": "ok", **(expect or {})}, more)

    def bad(self, topic: str, code: str, name: str, what: str, data: bytes | str, **more: Any) -> None:
        """A vector that is refused with that code; the file's name begins with it."""
        self._add(topic, f"{code}-{name}", what, data, {"verdict": "refused", "code": code}, more)

    def other(self, verdict: str, topic: str, code: str, name: str, what: str, data: bytes | str, **more: Any) -> None:  # noqa: PLR0917
        """A vector that is held or void."""
        self._add(topic, f"{code}-{name}", what, data, {"verdict": verdict, "code": code}, more)

    def _add(self, topic: str, name: str, what: str, data: bytes | str, expect: dict[str, Any], more: dict[str, Any]) -> None:  # noqa: PLR0917
        assert (topic, name) not in self.found, (topic, name)
        kind = {"input_is": "text"} if isinstance(data, str) else {"input_is": "hex"}
        written = data if isinstance(data, str) else self.parts.short(data)
        given = {key: self._json(value) for key, value in more.items()}
        self.found[topic, name] = Vector(topic, name, what, written, self._json(expect), {**kind, **given})

    def _json(self, value: Any) -> Any:
        if isinstance(value, bytes):
            return self.parts.short(value)
        if isinstance(value, list | tuple):
            return [self._json(item) for item in value]
        if isinstance(value, dict):
            return {key: self._json(item) for key, item in value.items()}
        return value

    def files(self) -> dict[str, str]:
        """Path below spec/vectors -> text, of everything."""
        files = {f"{topic}/{name}.json": vector.text() for (topic, name), vector in self.found.items()}
        return files | {f"parts/{name}.hex": f"{text}\n" for name, text in self.parts.files.items()}


def cbor(value: Any, depth: int = 16) -> bytes:
    """Any value in the one encoding."""
    return encoding.encode(value, depth, null=True)
