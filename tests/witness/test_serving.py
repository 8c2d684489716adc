"""A witness that is served: every status of C2SP tlog-witness, at a process of the real command. FAULTS C17, E15, E16, I4."""

from __future__ import annotations

import hashlib
import shutil
import signal
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.client import HTTPException
from itertools import pairwise
from pathlib import Path

import pytest

from carriers.sides import free_port
from ceasewire import limits
from ceasewire.tlog import witness
from ceasewire.tlog.checkpoint import SignedCheckpoint
from ceasewire.tlog.note import MLDSA44, VerifierKey
from ceasewire.witness import ledger as ledgers
from ceasewire.witness.place import Place
from helpers import local
from witness.foreign import Asked, ForeignLog, Signing, end, run, start, witnessing

LOG = ForeignLog()
FORKED = ForeignLog(face="b", parts=3)
TEXT = "text/plain; charset=utf-8"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    """One process for the tests that do not end it; each takes a log of its own."""
    with witnessing(tmp_path_factory.mktemp("witness") / "w", free_port(), *(ForeignLog(f"log.example/{n}") for n in range(12))) as asked:
        yield asked


def log_of(number: int, **more: object) -> ForeignLog:
    return ForeignLog(f"log.example/{number}", **more)  # type: ignore[arg-type]


def test_every_status(served: Asked) -> None:
    log = log_of(0)
    first = served.add(log.request(0, 3))
    assert (first.status, first.type) == (200, TEXT)
    assert first.body.startswith("— ceasewire-witness/".encode())
    again = served.add(log.request(3, 3))
    assert again.status == 200
    assert served.add(log.request(3, 8)).status == 200
    conflict = served.add(log.request(3, 8))
    assert (conflict.status, conflict.type, conflict.body) == (409, "text/x.tlog.size", b"8\n")
    assert served.add(log.request(0, 9)).status == 409
    assert served.add(log.request(9, 8, path=())).status == 400
    assert served.add(log.request(8, 12, path=())).status == 422
    assert served.add(log_of(0, face="b", parts=3).request(8, 12)).status == 422
    assert served.add(log_of(0, face="b", parts=3).request(8, 8)).status == 422
    stranger = Signing("log.example/0", seed="stranger")
    head = log.head(9)
    assert served.add(replace(log.request(8, 9), lines=(stranger.line(head),))).status == 403
    assert served.add(replace(log.request(8, 9), lines=(replace(log.signing.line(head), blob=bytes(64)),))).status == 403
    assert served.add(ForeignLog("unknown.example").request(0, 3)).status == 404
    for bad in (b"", b"old 8\n", b"old 8\n\n", b"\xff\xfe", log.request(8, 9).encode()[:-1], b"old 8\n\n" + log.head(9).text().encode()):
        heard = served.add(bad)
        assert (heard.status, heard.type) == (400, TEXT), bad
    assert served.add(log.request(8, 9)).status == 200, "none of all that changed anything"


def test_400_comes_after_who_signed(served: Asked) -> None:
    """The order of the specification: an unknown log is 404 and a stranger's signature 403, whatever the sizes are."""
    assert served.add(ForeignLog("unknown.example").request(9, 3, path=())).status == 404
    log = log_of(1)
    strange = replace(log.request(9, 3, path=()), lines=(Signing("log.example/1", seed="x").line(log.head(3)),))
    assert served.add(strange).status == 403


def test_both_keys_cosign_and_time_goes_on(served: Asked) -> None:
    log, before = log_of(2), int(time.time())
    request = log.request(0, 4)
    body = served.add(request).body
    about = served.ask("GET", "/").body.decode().split("\n")
    ed25519, mldsa44 = VerifierKey.parse(about[1]), VerifierKey.parse(about[2])
    assert (ed25519, mldsa44.kind) == (served.ed25519, MLDSA44)
    times = {witness.cosignature(body, request.head, key)[0] for key in (ed25519, mldsa44)}
    assert len(times) == 1
    assert before <= times.pop() <= time.time()


def test_the_last_checkpoint_is_to_be_had(served: Asked) -> None:
    log = log_of(3)
    path = f"/{hashlib.sha256(log.origin.encode()).hexdigest()}/checkpoint"
    assert served.ask("GET", path).status == 404, "nothing was cosigned yet"
    request = log.request(0, 5)
    assert served.add(request).status == 200
    heard = served.ask("GET", path)
    assert (heard.status, heard.type) == (200, TEXT)
    signed = SignedCheckpoint.parse(heard.body)
    assert signed.checkpoint.size == 5
    assert any(line.is_by(log.signing.key) for line in signed.lines)
    assert any(line.is_by(served.ed25519) for line in signed.lines)
    for other in ("/x/checkpoint", f"/{'A' * 64}/checkpoint", f"/{'0' * 64}/checkpoint"):
        assert served.ask("GET", other).status == 404


def test_a_checkpoint_with_more_lines_is_cosigned_whole(served: Asked) -> None:
    log = log_of(4)
    assert served.cosigned(log.request(0, 5, extensions="more\n")) > 0
    assert served.cosigned(log.request(5, 5, extensions="other\n")) > 0


def test_the_size_zero(served: Asked) -> None:
    log = log_of(5)
    assert served.add(replace(log.request(0, 0), head=log.head(3))).status == 403  # the signature is over another
    assert served.cosigned(log.request(0, 0)) > 0
    assert served.cosigned(log.request(0, 7)) > 0


def test_c17_many_at_once_never_go_back(served: Asked) -> None:
    """Every size of a log, from every size, all at once: the cosigned size only grows, and a cosignature is of a size at most that."""
    log, other = log_of(6), log_of(6, face="b", parts=9)
    requests = [log.request(old, size) for old in range(0, 12) for size in range(old, 12)]
    requests += [other.request(old, size) for old in range(8, 12) for size in range(10, 12) if old <= size]
    times: dict[int, list[int]] = {}
    lock = threading.Lock()

    def ask(number: int) -> int:
        request = requests[number % len(requests)]
        heard = served.add(request)
        if heard.status == 200:
            at, _ = witness.cosignature(heard.body, request.head, served.ed25519)
            with lock:
                times.setdefault(at, []).append(request.head.size)
        return heard.status

    with ThreadPoolExecutor(16) as pool:
        statuses = list(pool.map(ask, range(len(requests) * 3)))
    assert set(statuses) <= {200, 409, 422}
    assert statuses.count(200) > 1
    ordered = [sizes for _, sizes in sorted(times.items())]
    assert all(max(before) <= max(after) for before, after in pairwise(ordered))
    histories = {served.add(one.request(11, 11)).status for one in (log, other)}
    assert histories != {200}, "two histories of one size were cosigned"


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nContent-Length: 99999999\r\n\r\n", b"413"),
        (b"POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nContent-Length: 5\r\nContent-Encoding: gzip\r\n\r\nhello", b"415"),
        (b"GET /add-checkpoint HTTP/1.1\r\nHost: w\r\n\r\n", b"405"),
        (b"PUT / HTTP/1.1\r\nHost: w\r\nContent-Length: 0\r\n\r\n", b"405"),
        (b"GET /nothing HTTP/1.1\r\nHost: w\r\n\r\n", b"404"),
        (b"POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nContent-Length: -1\r\n\r\n", b"400"),
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: w\r\n\r\n", b"4"),
    ],
)
def test_bad_requests_are_4xx(served: Asked, head: bytes, status: bytes) -> None:
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as line:
        line.sendall(head)
        assert line.recv(64).startswith(b"HTTP/1.1 " + status)


def test_a_body_without_end_is_cut(served: Asked) -> None:
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as line:
        line.sendall(b"POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nTransfer-Encoding: chunked\r\n\r\n")
        chunk = b"10000\r\n" + b"o" * 0x10000 + b"\r\n"
        for _ in range(limits.WITNESS_REQUEST_BYTES // 0x10000 + 1):
            line.sendall(chunk)
        assert line.recv(64).startswith(b"HTTP/1.1 413")


@pytest.mark.slow
def test_e15_a_body_that_does_not_come_is_not_waited_for(served: Asked) -> None:
    with socket.create_connection(("127.0.0.1", served.port), timeout=30) as line:
        line.sendall(b"POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nContent-Length: 50\r\n\r\nold 3")
        began = time.monotonic()
        assert line.recv(64).startswith(b"HTTP/1.1 408")
        assert time.monotonic() - began < 20


def test_two_do_not_serve_one_folder(tmp_path: Path) -> None:
    with witnessing(tmp_path / "w", free_port(), LOG) as asked:
        assert asked.add(LOG.request(0, 3)).status == 200
        with local("node.locked"), Place(tmp_path / "w").locked():
            pass
        # Another log is added beside it, and counts at once.
        other = ForeignLog("later.example/log")
        assert asked.add(other.request(0, 3)).status == 404
        run("witness", "add", tmp_path / "w", other.signing.key.text())
        assert asked.add(other.request(0, 3)).status == 200


def test_it_remembers(tmp_path: Path) -> None:
    with witnessing(tmp_path / "w", free_port(), LOG) as asked:
        before = asked.cosigned(LOG.request(0, 5))
    with witnessing(tmp_path / "w", free_port(), LOG) as asked:
        assert asked.add(FORKED.request(0, 5)).status == 409
        assert asked.add(FORKED.request(5, 7)).status == 422
        assert asked.cosigned(LOG.request(5, 7)) >= before


# --- The ledger, in this process ---


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path / "w")
    made.make(None)
    with made.ledger() as ledger:
        ledger.add(LOG.origin, LOG.signing.key)
    return made


def cosign(place: Place, old: int, size: int, now: float, log: ForeignLog = LOG) -> ledgers.Cosigned:
    request, key = log.request(old, size), place.key()
    with place.ledger() as ledger:
        return ledger.cosign(request, request.lines, [(key.ed25519, key.sign_ed25519)], lambda: now)


def time_of(place: Place, found: ledgers.Cosigned, size: int) -> int:
    return witness.cosignature(found.body, LOG.head(size), place.key().ed25519)[0]


def test_its_time_never_goes_back(place: Place) -> None:
    other = ForeignLog("other.example/log")
    with place.ledger() as ledger:
        ledger.add(other.origin, other.signing.key)
    assert time_of(place, cosign(place, 0, 3, 1_000_000), 3) == 1_000_000
    assert time_of(place, cosign(place, 3, 5, 900_000), 5) == 1_000_000, "the clock was set back"
    cosign(place, 0, 3, 1_000_500, other)
    assert time_of(place, cosign(place, 5, 5, 1_000_100), 5) == 1_000_500, "nor before what it said of another log"


def test_what_is_said_again_in_one_second_costs_no_change(place: Place) -> None:
    cosign(place, 0, 3, 1_000_000)
    before = tally(place)
    again = cosign(place, 3, 3, 1_000_000.9)
    assert time_of(place, again, 3) == 1_000_000
    assert tally(place) == before
    assert time_of(place, cosign(place, 3, 3, 1_000_001), 3) == 1_000_001
    assert tally(place) == before + 1


def tally(place: Place) -> int:
    with sqlite3.connect(place.path / "witness.sqlite") as raw:
        found: int = raw.execute("SELECT value FROM tally WHERE name = 'changes'").fetchone()[0]
    raw.close()
    return found


def test_a_store_that_was_put_back_is_not_used(place: Place, tmp_path: Path) -> None:
    cosign(place, 0, 3, 1_000_000)
    shutil.copy(place.path / "witness.sqlite", tmp_path / "backup")
    cosign(place, 3, 5, 1_000_001)
    shutil.copy(tmp_path / "backup", place.path / "witness.sqlite")
    with local("witness.rolled_back"):
        cosign(place, 3, 4, 1_000_002)
    with local("witness.rolled_back"), place.ledger():
        pass


def test_a_store_that_goes_back_under_a_running_witness_is_not_used(place: Place) -> None:
    request, key = LOG.request(5, 6), place.key()
    cosign(place, 0, 3, 1_000_000)
    cosign(place, 3, 5, 1_000_001)
    with place.ledger() as ledger:
        with sqlite3.connect(place.path / "witness.sqlite") as raw:
            raw.execute("UPDATE tally SET value = 1 WHERE name = 'changes'")
        raw.close()
        with local("witness.rolled_back"):
            ledger.cosign(request, request.lines, [(key.ed25519, key.sign_ed25519)], lambda: 1_000_002)


# --- Killed between what it wrote and what it said ---


@pytest.mark.slow
def test_killed_at_any_moment_it_never_goes_back(tmp_path: Path) -> None:
    """Killed by SIGKILL while requests come: what was answered is remembered, and what is remembered never shrinks."""
    folder, port = tmp_path / "w", free_port()
    run("witness", "key", folder)
    run("witness", "add", folder, LOG.signing.key.text())
    key = Place(folder).key().ed25519
    acknowledged, size, last = 0, 0, 0
    for wait in (0.0, 0.01, 0.03, 0.07, 0.15):
        process = start(folder, port)
        asked = Asked(port, key)
        known = int(asked.add(LOG.request(200, 200)).body)
        assert known >= acknowledged
        size = known
        killer = threading.Timer(wait, process.send_signal, (signal.SIGKILL,))
        killer.start()
        try:
            while True:
                at = asked.cosigned(LOG.request(size, size + 1))
                assert at >= last
                size, last = size + 1, at
                acknowledged = size
        except (OSError, HTTPException):  # an answer may be cut off behind its head
            pass
        killer.join()
        process.communicate(timeout=20)
        with Place(folder).ledger() as ledger:
            held = ledger.logs()[0].size or 0
        assert acknowledged <= held <= acknowledged + 1
    assert acknowledged > 0


@pytest.mark.slow
def test_killed_right_after_the_commit_it_has_said_nothing_and_remembers(tmp_path: Path) -> None:
    """KILL at the very write of the mark, which follows the commit and comes before the answer."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    folder, port = tmp_path / "w", free_port()
    run("witness", "key", folder)
    run("witness", "add", folder, LOG.signing.key.text())
    trace = ("-f", "-qq", "-o", str(tmp_path / "trace"), "-P", str((folder / "mark").resolve()))
    process = start(folder, port, (strace, *trace, "-e", "inject=pwrite64:signal=KILL:when=1"))
    asked = Asked(port, Place(folder).key().ed25519)
    with pytest.raises((OSError, HTTPException), match=r".*"):
        asked.add(LOG.request(0, 4))
    process.communicate(timeout=20)
    with Place(folder).ledger() as ledger:
        assert ledger.logs()[0].size == 4
    process = start(folder, port)
    try:
        assert asked.add(FORKED.request(0, 4)).status == 409
        assert asked.add(FORKED.request(4, 4)).status == 422
        assert asked.cosigned(LOG.request(4, 6)) > 0
    finally:
        end(process)
