"""B15, B16: wrong passphrases, a thousand of them; and canaries: a passphrase and keys that must be found nowhere they do not belong."""

from __future__ import annotations

import http.client
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from carriers.sides import free_port
from ceasewire.errors import LocalError
from ceasewire.folder import new_seeds
from ceasewire.pen import ARGON2_LANES, ARGON2_MEMORY_KIB, ARGON2_PASSES, Costs, Pen
from cli.driving import joined
from faults.test_secrets import holds
from helpers import local
from node.pair import ChannelPair

ROOT = Path(__file__).resolve().parents[2]
CANARY = "canary-passphrase-7f3a9c"
PAGES = (("GET", "/"), ("GET", "/health"), ("GET", "/metrics"), ("POST", "/exchange"), ("GET", "/api/nodes"), ("GET", "/%00"))


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pens that are made now open a thousand times as fast as an operator's."""
    monkeypatch.setattr(Costs.__new__, "__defaults__", (8, 1, 1))


@pytest.mark.usefixtures("cheap")
def test_b15_a_thousand_wrong_passphrases_open_nothing_and_leave_nothing(tmp_path: Path) -> None:
    path, draw = tmp_path / "pen", random.Random(15)
    seeds = new_seeds()
    Pen.create(path, seeds, CANARY.encode(), True, os.urandom)
    before, files = path.read_bytes(), len(os.listdir("/proc/self/fd"))
    wrong = [b"\0", b"x" * 10_000, CANARY.encode() + b" ", CANARY.encode()[:-1], CANARY.upper().encode()]
    wrong += [draw.randbytes(draw.randrange(1, 40)) for _ in range(1000 - len(wrong))]
    said = set()
    for one in wrong:
        with pytest.raises(LocalError) as error:
            Pen.open(path, one)
        said.add((error.value.code, error.value.detail, repr(error.value)))
    assert len(said) == 1
    assert next(iter(said))[0] == "pen.passphrase"
    assert path.read_bytes() == before
    assert len(os.listdir("/proc/self/fd")) == files
    pen = Pen.open(path, CANARY.encode())
    assert pen.sealing_seed() == seeds.sealing
    pen.close()


def test_b15_each_guess_costs_what_argon2id_was_told_to(tmp_path: Path) -> None:
    """On this machine or on one that was stolen: whoever guesses pays the memory and the time for every guess."""
    assert (ARGON2_MEMORY_KIB, ARGON2_PASSES, ARGON2_LANES) == Costs() == (65_536, 3, 4)
    Pen.create(tmp_path / "pen", new_seeds(), CANARY.encode(), True, os.urandom)
    began = time.process_time()
    for _ in range(3):
        with local("pen.passphrase"):
            Pen.open(tmp_path / "pen", b"wrong")
    assert time.process_time() - began > 3 * 0.02


def ceasewire(folder: Path, *arguments: str, **environment: str) -> str:
    """All that a command says, on both streams."""
    settings = {**os.environ, "PYTHONPATH": str(ROOT / "src"), **environment}
    command = [sys.executable, "-m", "ceasewire", *arguments]
    done = subprocess.run(command, cwd=folder, env=settings, capture_output=True, text=True, check=False, timeout=60)
    return done.stdout + done.stderr


def pages(port: int) -> str:
    """What strangers are told, and how a request that is none is answered."""
    told = []
    for method, path in (
        ("GET", "/"),
        ("GET", "/health"),
        ("GET", "/metrics"),
        ("POST", "/exchange"),
        ("GET", "/api/nodes"),
        ("GET", "/%00"),
    ):
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        line.request(method, path, b"CWBUNDLE" if method == "POST" else None, {"Content-Type": "application/octet-stream"})
        answer = line.getresponse()
        told.append(f"{answer.status} {answer.headers}\n{answer.read().decode(errors='replace')}")
        line.close()
    return "\n".join(told)


def secrets_of(path: Path) -> list[bytes]:
    """The passphrase, and every private key that it opens."""
    pen = Pen.open(path / "pen", CANARY.encode())
    found = [CANARY.encode(), pen.sealing_seed()]
    for key in (pen._log, pen._receipt, pen._log_mldsa, pen._receipt_mldsa):
        found.append(key.private_bytes_raw())
    pen.close()
    return found


@pytest.mark.slow
def test_b16_no_secret_stands_in_arguments_environment_answers_logs_or_tracebacks(tmp_path: Path) -> None:
    cli = joined(tmp_path / "line")
    place = cli.folder
    (place / "pass").write_text(f"{CANARY}\n")
    (place / "other").write_text("another-canary\n")
    cli.good("keys", "device", "north", "desk", "--recovery-file", "north/recovery-north.txt", "--passphrase-file", "pass")
    wanted = [*secrets_of(place / "desk"), b"another-canary"]
    (place / "m.json").write_text('{"text": "hello"}')
    said = [
        ceasewire(place, "send", "desk", "statement", "m.json", "--passphrase-file", "pass", "--json"),
        ceasewire(place, "send", "desk", "statement", "m.json", "--passphrase-file", "other"),
        ceasewire(place, "send", "desk", "statement", "m.json"),
        ceasewire(place, "fsck", "desk", "--json"),
        ceasewire(place, "status", "desk", "--json"),
        ceasewire(place, "backup", "desk", "desk.backup", "--json"),
    ]
    assert '"ref"' in said[0]
    assert "pen.passphrase" in said[1]
    port = free_port()
    with (place / "log").open("wb") as log:
        settings = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
        command = [sys.executable, "-m", "ceasewire", "serve", "desk", "--listen", f"127.0.0.1:{port}", "--passphrase-file", "pass"]
        serving = subprocess.Popen(command, cwd=place, env=settings, stdout=log, stderr=log)
        try:
            began = time.monotonic()
            while b"Ceasewire: " not in (place / "log").read_bytes():
                assert serving.poll() is None
                assert time.monotonic() - began < 30
                time.sleep(0.05)
            said += [Path(f"/proc/{serving.pid}/{name}").read_text() for name in ("cmdline", "environ")]
            said += [pages(port), ceasewire(place, "status", "desk"), ceasewire(place, "send", "desk", "statement", "m.json")]
        finally:
            serving.terminate()
            serving.wait(20)
    # A traceback shows the lines of the program, and must not show what was in its hands.
    (place / "desk" / "store.sqlite").write_bytes(b"SQLite format 3\0" + b"x" * 5000)
    said.append(ceasewire(place, "send", "desk", "statement", "m.json", "--passphrase-file", "pass", CEASEWIRE_DEBUG="1"))
    said.append(ceasewire(place, "send", "desk", "nothing", "m.json", "--passphrase-file", "pass", CEASEWIRE_DEBUG="1"))
    data = ["\n".join(said).encode(), (place / "log").read_bytes(), (place / "desk.backup").read_bytes()]
    data += [path.read_bytes() for path in (place / "desk").rglob("*") if path.is_file()]
    assert len(data) > 6
    for secret in wanted:
        assert not any(holds(one, secret) for one in data)


def test_b16_the_canary_would_be_found() -> None:
    """The search itself, in a bundle that is made of the very text."""
    with ChannelPair() as pair:
        pair.north.say(CANARY)
        assert holds(pair.north.shown(), CANARY.encode())
