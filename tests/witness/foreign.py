"""A log as anybody may keep one, and a witness to show it to: a process of the real command, or its routes in this process."""

from __future__ import annotations

import hashlib
import http.client
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from ceasewire.tlog import checkpoint as checkpoints
from ceasewire.tlog import merkle, tiles, witness
from ceasewire.tlog.note import ED25519, MLDSA44, SignatureLine, VerifierKey
from ceasewire.tlog.witness import Head, Request
from ceasewire.witness.place import Place

SOURCE = Path(__file__).resolve().parents[2] / "src"
START_SECONDS = 20.0


@dataclass(frozen=True)
class Signing:
    """A key that signs, of one C2SP type."""

    name: str
    kind: int = ED25519
    seed: str = ""

    @property
    def _private(self) -> Ed25519PrivateKey | MLDSA44PrivateKey:
        seed = hashlib.sha256(f"{self.name}/{self.kind}/{self.seed}".encode()).digest()
        return MLDSA44PrivateKey.from_seed_bytes(seed) if self.kind == MLDSA44 else Ed25519PrivateKey.from_private_bytes(seed)

    @property
    def key(self) -> VerifierKey:
        return VerifierKey(self.name, self.kind, self._private.public_key().public_bytes_raw())

    def line(self, head: Head, at: int = 0) -> SignatureLine:
        return checkpoints.sign(head, self.key, self._private.sign, at)


@dataclass
class ForeignLog:
    """A log of leaves named by numbers and `face`: another face is another history from leaf `parts` on."""

    origin: str = "foreign.example/log"
    face: str = ""
    parts: int = 0
    signing: Signing = field(default_factory=lambda: Signing("foreign.example/log"))

    def __post_init__(self) -> None:
        if self.signing.name != self.origin:
            self.signing = Signing(self.origin)

    def leaves(self, size: int) -> list[bytes]:
        return [merkle.leaf_hash(f"{n} {self.face if n >= self.parts else ''}".encode()) for n in range(size)]

    def head(self, size: int, extensions: str = "") -> Head:
        return Head(self.origin, size, merkle.tree_root(self.leaves(size)), extensions)

    def path(self, old: int, size: int) -> tuple[bytes, ...]:
        leaves = self.leaves(size)
        completed = tiles.completed_tiles(0, leaves, lambda *_: [])

        def source(level: int, start: int, count: int) -> list[bytes]:
            nodes = leaves if level == 0 else [node for at, _, node in completed if at == level]
            return nodes[start : start + count]

        return tuple(merkle.consistency_path(tiles.node_reader(source), old, size))

    def request(self, old: int, size: int, *, path: tuple[bytes, ...] | None = None, extensions: str = "") -> Request:
        head = self.head(size, extensions)
        proof = (self.path(old, size) if 0 < old <= size else ()) if path is None else path
        return Request(old, proof, head, (self.signing.line(head),))


@dataclass(frozen=True)
class Heard:
    """An answer: its status, its content type, its body."""

    status: int
    type: str
    body: bytes


@dataclass
class Asked:
    """A witness at a port of this machine."""

    port: int
    ed25519: VerifierKey

    def ask(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Heard:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            line.request(method, path, body or None, headers or {})
            answer = line.getresponse()
            return Heard(answer.status, answer.headers.get("content-type", ""), answer.read())
        finally:
            line.close()

    def add(self, request: Request | bytes) -> Heard:
        return self.ask("POST", witness.PATH, request if isinstance(request, bytes) else request.encode())

    def cosigned(self, request: Request) -> int:
        """Have it cosigned, as a client would; the time of the cosignature."""
        heard = self.add(request)
        assert heard.status == 200, heard
        time, _ = witness.cosignature(heard.body, request.head, self.ed25519)
        return time


def command(*arguments: object) -> list[str]:
    """The command line, as a process."""
    return [sys.executable, "-W", "error", "-m", "ceasewire", *map(str, arguments)]


def run(*arguments: object) -> str:
    """A command that must succeed; its standard output."""
    return subprocess.run(command(*arguments), env=environment(), check=True, capture_output=True, text=True).stdout


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(SOURCE)}


def start(folder: Path, port: int, before: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    """`witness serve`, as a process that answers when this returns. `before`: what runs it."""
    process = subprocess.Popen(
        [*before, *command("witness", "serve", folder, "--listen", f"127.0.0.1:{port}")],
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("Ceasewire: witness "):
            return process
    raise AssertionError(f"it ended with {process.wait()}")


def end(process: subprocess.Popen[str]) -> str:
    """What it said on standard error."""
    process.terminate()
    return process.communicate(timeout=START_SECONDS)[1]


@contextmanager
def witnessing(folder: Path, port: int, *logs: ForeignLog) -> Iterator[Asked]:
    """A witness of these logs, made in the folder if it is not there, and served."""
    place = Place(folder)
    key = place.key() if (folder / "key").exists() else place.make(None)
    with place.ledger() as ledger:
        for log in logs:
            ledger.add(log.origin, log.signing.key)
    process = start(folder, port)
    try:
        yield Asked(port, key.ed25519)
    finally:
        said = end(process)
        assert "Traceback" not in said, said


def wait_for(what: object, seconds: float = START_SECONDS) -> None:
    """Wait until a call gives something true."""
    until = time.monotonic() + seconds
    while not what():  # type: ignore[operator]
        assert time.monotonic() < until
        time.sleep(0.01)
