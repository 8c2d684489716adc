"""A virtual authenticator, and the codes of an authenticator app: written from the standards, by nothing of ours."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

ORIGIN = "https://north.example"
RP_ID = "north.example"
UP, UV, BE, BS, AT, ED = 0x01, 0x04, 0x08, 0x10, 0x40, 0x80


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def totp_code(secret: str, now: int) -> str:
    """RFC 6238 over a secret in base32."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.new(key, struct.pack(">Q", now // 30), hashlib.sha1).digest()
    at = digest[-1] & 15
    return f"{(int.from_bytes(digest[at : at + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06}"


@dataclass
class Authenticator:
    """One authenticator with one resident credential at most; each field may be set to what a wrong one does."""

    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    id: bytes = b"credential of a test"
    handle: bytes = b""
    counter: int = 0
    flags: int = UP | UV | BE | BS
    rp_id: str = ""  # that the authenticator data is of; "" for the one that was asked for
    fmt: str = "none"
    statement: Mapping[str, Any] = field(default_factory=dict)
    extensions: bytes = b""
    client: Mapping[str, Any] = field(default_factory=dict)  # what the client data says otherwise

    def cose(self) -> bytes:
        """The public key as CTAP2 encodes it."""
        point = self.key.public_key().public_numbers()
        return cbor2.dumps({1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")})

    def data(self, rp_id: str, flags: int) -> bytes:
        return hashlib.sha256((self.rp_id or rp_id).encode()).digest() + bytes([flags]) + self.counter.to_bytes(4, "big")

    def client_data(self, kind: str, options: Mapping[str, Any], origin: str) -> bytes:
        said = {"type": kind, "challenge": options["challenge"], "origin": origin, "crossOrigin": False}
        return json.dumps({**said, **self.client}, separators=(",", ":")).encode()

    def attested(self, options: Mapping[str, Any]) -> bytes:
        """Authenticator data with the credential."""
        flags = self.flags | AT | (ED if self.extensions else 0)
        credential = bytes(16) + len(self.id).to_bytes(2, "big") + self.id + self.cose()
        return self.data(options["rp"]["id"], flags) + credential + self.extensions

    def create(self, options: Mapping[str, Any], origin: str = ORIGIN) -> dict[str, Any]:
        """What `navigator.credentials.create` gives, by `toJSON`."""
        assert {"type": "public-key", "alg": -7} in options["pubKeyCredParams"]
        self.handle = unb64(options["user"]["id"])
        client, data = self.client_data("webauthn.create", options, origin), self.attested(options)
        statement = {k: self.sign(data + hashlib.sha256(client).digest()) if v == "own" else v for k, v in self.statement.items()}
        attestation = cbor2.dumps({"fmt": self.fmt, "attStmt": statement, "authData": data})
        response = {"clientDataJSON": b64(client), "attestationObject": b64(attestation), "transports": ["internal"]}
        return {"id": b64(self.id), "rawId": b64(self.id), "type": "public-key", "response": response, "clientExtensionResults": {}}

    def get(self, options: Mapping[str, Any], origin: str = ORIGIN) -> dict[str, Any]:
        """What `navigator.credentials.get` gives, by `toJSON`."""
        self.counter += 1 if self.counter else 0
        data = self.data(options["rpId"], self.flags | (ED if self.extensions else 0)) + self.extensions
        client = self.client_data("webauthn.get", options, origin)
        signature = self.sign(data + hashlib.sha256(client).digest())
        parts = {"authenticatorData": data, "clientDataJSON": client, "signature": signature, "userHandle": self.handle}
        response = {name: b64(part) for name, part in parts.items()}
        return {"id": b64(self.id), "rawId": b64(self.id), "type": "public-key", "response": response, "clientExtensionResults": {}}

    def sign(self, message: bytes) -> bytes:
        return self.key.sign(message, ec.ECDSA(SHA256()))
