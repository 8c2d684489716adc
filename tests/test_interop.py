"""Software that we did not write: a C2SP witness cosigns our logs, ours cosigns a foreign log, and a foreign reader checks our tiles.

Each test runs where the program is installed and says why it is skipped where it is not. In Debian:

    litewitness, witnessctl     package torchwood
    posix-oneshot, fsck         programs of the library package golang-github-transparency-dev-tessera-dev, in CEASEWIRE_TESSERA
    ssh-agent, ssh-add, ssh-keygen     package openssh-client, where litewitness keeps its key
"""

from __future__ import annotations

import base64
import functools
import hashlib
import http.server
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from carriers.sides import free_port, make_sides
from ceasewire.carriers.witnesses import Witnessed, show
from ceasewire.folder import Folder
from ceasewire.node.exchange import Exchange
from ceasewire.node.proofs import prove
from ceasewire.publish import publish
from ceasewire.tlog.checkpoint import SignedCheckpoint
from ceasewire.tlog.note import VerifierKey
from ceasewire.verifier import Trust, verify
from ceasewire.witness.place import Place
from witness.foreign import Asked, ForeignLog, wait_for, witnessing

LOG = ForeignLog()
FORKED = ForeignLog(face="b", parts=3)
WELL = "Successfully fsck'd log with size"


def found(name: str, folder: str = "") -> str:
    """The path of a foreign program; the test is skipped where it is not."""
    path = shutil.which(name, path=folder or None)
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


def tessera(name: str) -> str:
    folder = os.environ.get("CEASEWIRE_TESSERA")
    if not folder:
        pytest.skip(f"CEASEWIRE_TESSERA does not name a folder with Tessera's {name}")
    return found(name, folder)


# --- litewitness ---


@contextmanager
def litewitness(folder: Path) -> Iterator[tuple[Asked, Path]]:
    """The foreign witness, with a key of its own in an agent of its own; and its database."""
    serve, agent, add, keygen = (found(name) for name in ("litewitness", "ssh-agent", "ssh-add", "ssh-keygen"))
    folder.mkdir()
    socket, database, port = Path("/tmp") / f"cw-{os.getpid()}-{free_port()}", folder / "db", free_port()  # noqa: S108 - a short address
    subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "", "-f", folder / "key"], check=True)
    said = subprocess.run([keygen, "-lf", folder / "key.pub"], check=True, capture_output=True, text=True).stdout
    with subprocess.Popen([agent, "-D", "-a", socket], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as keeping:
        wait_for(socket.exists)
        subprocess.run([add, "-q", folder / "key"], check=True, env={**os.environ, "SSH_AUTH_SOCK": str(socket)})
        arguments = [
            f"-ssh-agent={socket}",
            "-name=lite.example/w",
            f"-key={said.split()[1]}",
            f"-listen=127.0.0.1:{port}",
            f"-db={database}",
        ]
        with (folder / "log").open("wb") as log, subprocess.Popen([serve, *arguments], stderr=log) as running:
            try:
                wait_for(lambda: b"msg=listening" in (folder / "log").read_bytes())
                text = (folder / "log").read_text().partition("vkey=")[2].split()[0]
                yield Asked(port, VerifierKey.parse(text)), database
            finally:
                running.terminate()
                keeping.terminate()
                socket.unlink(missing_ok=True)


def know(database: Path, origin: str, key: VerifierKey) -> None:
    """Have litewitness cosign a log."""
    control = found("witnessctl")
    for command in (["add-log"], ["add-key", "-key", key.text()]):
        subprocess.run([control, command[0], "-db", database, "-origin", origin, *command[1:]], check=True, capture_output=True)


def test_a_foreign_witness_cosigns_our_logs(tmp_path: Path) -> None:
    with litewitness(tmp_path / "lite") as (theirs, database):
        toml = {"witnesses": [{"name": "lite", "vkey": theirs.ed25519.text(), "url": f"http://127.0.0.1:{theirs.port}"}], "quorum": 1}
        north: Folder = make_sides(tmp_path, {"north": None, "south": None}, toml)["north"].folder
        with north.node(None) as node:
            know(database, node.names.origin, node.names.log[0])
            for count in (3, 40, 300):
                node.send_many([("statement", {"text": str(n)}) for n in range(count)])
                node.send("line_check", {})
                assert show(Exchange(node)) == [Witnessed("lite", node.store_size(0))]
            assert show(Exchange(node)) == [Witnessed("lite", 346)], "an unchanged checkpoint may be shown again"
            proof = prove(node, (0, 1), None)
        report = verify(proof, Trust(north.charter_path.read_bytes(), None, None))
        assert (report.verdict, [one["by"] for one in report.vouched]) == ("valid", ["north", "lite"])


# What is asked, by the sizes of the request and whether it is of the forked history; and the status. Where the two witnesses answer
# differently, theirs comes second.
ASKED: list[tuple[str, int, int, int, int]] = [
    ("the first", 0, 3, 200, 200),
    ("again", 3, 3, 200, 200),
    ("further", 3, 8, 200, 200),
    ("from another size", 3, 9, 409, 409),
    ("from nothing", 0, 9, 409, 409),
    ("back", 8, 7, 400, 400),
    ("forked, further", 8, 12, 422, 422),
    ("forked, the same size", 8, 8, 422, 422),
    ("further yet", 8, 12, 200, 200),
]


def test_ours_answers_as_the_foreign_one_does(tmp_path: Path) -> None:
    port = free_port()
    with litewitness(tmp_path / "lite") as (theirs, database), witnessing(tmp_path / "w", port, LOG) as ours:
        know(database, LOG.origin, LOG.signing.key)
        for what, old, size, our, their in ASKED:
            request = (FORKED if what.startswith("forked") else LOG).request(old, size)
            answers = [one.add(request) for one in (ours, theirs)]
            assert [one.status for one in answers] == [our, their], what
            if our == 409:
                assert answers[0].body == answers[1].body
                assert answers[0].type == answers[1].type
        last = LOG.request(12, 14)
        strange = replace(last, lines=(ForeignLog("foreign.example/log", face="x").signing.line(LOG.head(13)),))
        for body in (strange.encode(), b"old 12\n", b""):
            assert ours.add(body).status == theirs.add(body).status
        assert ours.add(ForeignLog("unknown.example").request(0, 1)).status == 404


# --- Tessera ---


@contextmanager
def static(folder: Path) -> Iterator[int]:
    """A folder served as static files; its port."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def test_a_foreign_reader_checks_our_tiles(tmp_path: Path) -> None:
    fsck = tessera("fsck")
    north: Folder = make_sides(tmp_path, {"north": None, "south": None})["north"].folder
    place = tmp_path / "public"
    with north.node(None) as node, static(tmp_path) as port:
        (tmp_path / "vkey").write_text(node.names.log[0].text())
        for count in (1, 255, 1, 343, 9):
            node.send_many([("statement", {"text": str(n)}) for n in range(count)])
            publish(node.reading, place)
            said = check(fsck, tmp_path / "vkey", port)
            assert f"{WELL} {node.store_size(0)} ".encode() in said
        for name, at in (("tile/0/001", 100), ("tile/entries/001", 30)):
            path = place / "north" / name
            data = path.read_bytes()
            path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
            assert WELL.encode() not in check(fsck, tmp_path / "vkey", port), name
            path.write_bytes(data)


def check(fsck: str, vkey: Path, port: int) -> bytes:
    """What it says of a published log. One that does not fit it fetches again and again, until it is stopped."""
    command = [fsck, f"--storage_url=http://127.0.0.1:{port}/public/north/", f"--public_key={vkey}", "--ui=false"]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as running:
        try:
            return running.communicate(timeout=8)[1]
        except subprocess.TimeoutExpired:
            running.kill()
            return running.communicate()[1]


def test_our_witness_cosigns_a_foreign_log(tmp_path: Path) -> None:
    append = tessera("posix-oneshot")
    name, seed = "tessera.example/log", hashlib.sha256(b"tessera").digest()
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    key = VerifierKey(name, 1, public)
    private = f"PRIVATE+KEY+{name}+{key.key_id.hex()}+{base64.b64encode(bytes([1]) + seed).decode()}"
    (tmp_path / "key").write_text(private)
    (tmp_path / "entries").mkdir()
    port, place = free_port(), Place(tmp_path / "w")
    place.make(None)
    with place.ledger() as ledger:
        ledger.add(name, key)
    with witnessing(tmp_path / "w", port) as ours:
        (tmp_path / "policy").write_text(f"witness ours {ours.ed25519.text()} http://127.0.0.1:{port}/\nquorum ours\n")
        for grown, count in enumerate((3, 4, 300)):
            for n in range(count):
                (tmp_path / "entries" / f"{grown}-{n}").write_text(f"entry {grown} {n}")
            given = {"storage_dir": "log", "entries": f"entries/{grown}-*", "private_key": "key", "witness_policy_file": "policy"}
            arguments = [f"--{name}={tmp_path}/{value}" for name, value in given.items()]
            done = subprocess.run([append, *arguments], capture_output=True, check=False, timeout=60)
            assert done.returncode == 0, done.stderr
            signed = SignedCheckpoint.parse((tmp_path / "log" / "checkpoint").read_bytes())
            assert any(line.is_by(ours.ed25519) for line in signed.lines), "it publishes nothing that the witness did not cosign"
            with place.ledger() as ledger:
                assert ledger.logs()[0].size == signed.checkpoint.size == sum((3, 4, 300)[: grown + 1])
