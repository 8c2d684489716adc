"""Files that a stranger made to hurt whoever opens them: backups, silence proofs, and what chance makes of honest files. FAULTS A8, A9."""

from __future__ import annotations

import hashlib
import io
import json
import random
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ceasewire import limits
from ceasewire.backup import CARD, CHARTER, FORMAT, MANIFEST, STORE, Backup
from ceasewire.errors import LocalError, PeerError
from ceasewire.record import encoding
from ceasewire.record.message import Entry
from ceasewire.record.misconduct import open_misconduct
from ceasewire.record.silence import TAG, packed, unpacked
from ceasewire.tlog import witness
from ceasewire.tlog.merkle import leaf_hash
from ceasewire.tlog.note import VerifierKey
from ceasewire.verifier import Trust, verify
from cli.driving import joined
from helpers import local, refused
from test_vectors import channel_of, unhex

VECTORS = Path(__file__).resolve().parents[2] / "spec" / "vectors"
ROOT = b"h" * 32

# --- Backups ---


def manifest(**changes: Any) -> bytes:
    files = [{"name": name, "bytes": 3, "sha256": hashlib.sha256(b"abc").hexdigest()} for name in (CARD, CHARTER, STORE)]
    said = {"format": FORMAT, "made": "x", "party": "north", "log": "north", "channel": "00", "messages": {"north": 3}, "files": files}
    return json.dumps(said | changes).encode()


def member(name: str, data: bytes, **headers: Any) -> tuple[tarfile.TarInfo, bytes]:
    made = tarfile.TarInfo(name)
    made.size, made.mode = len(data), 0o600
    for what, value in headers.items():
        setattr(made, what, value)
    return made, data


def archive(*members: tuple[tarfile.TarInfo, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=form) as tar:
        for info, data in members:
            tar.addfile(info, io.BytesIO(data))
    return made.getvalue()


def honest(said: bytes | None = None) -> list[tuple[tarfile.TarInfo, bytes]]:
    return [member(MANIFEST, manifest() if said is None else said), *(member(name, b"abc") for name in (CARD, CHARTER, STORE))]


def listing(**store: Any) -> bytes:
    """A manifest that says something else of the store."""
    files = json.loads(manifest())["files"]
    files[2] |= store
    return manifest(files=files)


def hostile() -> Iterator[tuple[str, bytes]]:
    first, card, charter, store = honest()
    whole = archive(first, card, charter, store)
    yield from {"nothing": b"", "text": b"Dear Sir, " * 999, "cut": whole[:-1], "more": whole + bytes(10240), "half": whole[:700]}.items()
    for said in (b"[" * 200_000, b'{"format":' + b"9" * 9999 + b"}", b"[]", b'"x"', b"\xff{", manifest(files={"a": 1}), manifest(log=[])):
        yield f"manifest {said[:9]!r}", archive(*honest(said))
    for name, value in {"bytes": float("inf"), "sha256": [], "name": [], "made": 0}.items():
        yield f"the store's {name}", archive(*honest(listing(**{name: value}) if name != "made" else manifest(made=value)))
    for counted in ([3], "3", {"north": "3"}, {"north": True}):
        yield f"messages {counted}", archive(*honest(manifest(messages=counted)))
    for size in (-1, True, 2, 4, 2**40, 2**99):
        yield f"a store of {size}", archive(*honest(listing(bytes=size)))
    huge = member(STORE, b"")
    huge[0].size = 2**40
    head = archive(*honest(listing(bytes=2**40))[:3])[:-9216] + huge[0].tobuf(tarfile.GNU_FORMAT)
    yield "a store of 2**40, in its header too", head.ljust(10240, b"\0")
    yield "a symbolic link", archive(first, card, charter, member(STORE, b"", type=tarfile.SYMTYPE, linkname="/etc/passwd"))
    yield "a hard link", archive(first, card, charter, member(STORE, b"", type=tarfile.LNKTYPE, linkname=CARD))
    yield "a store twice", archive(first, card, charter, store, member(STORE, b"xyz"))
    yield "another order", archive(first, charter, card, store)
    for key, value in {"map": "a,b", "size": "abc", "realsize": "q", "major": "1"}.items():
        given = {"GNU.sparse.map": "0,3", "GNU.sparse.size": "3", "GNU.sparse.minor": "0", f"GNU.sparse.{key}": value}
        for at in range(4):
            yield (
                f"sparse {key} at {at}",
                archive(*[member(i.name, d, pax_headers=given if n == at else {}) for n, (i, d) in enumerate(honest())]),
            )
    zeros = {"GNU.sparse.map": "0,1", "GNU.sparse.size": str(2**33), "GNU.sparse.name": STORE}
    yield "sparse zeros", archive(*honest(listing(bytes=2**33))[:3], member(STORE, b"a", pax_headers=zeros))
    yield "a long name", archive(member("x" * 300, b""), *honest(), form=tarfile.GNU_FORMAT)
    chain = tarfile.TarInfo("././@LongLink")
    chain.size, chain.type = 512, tarfile.GNUTYPE_LONGNAME
    yield "a chain of long names", (chain.tobuf() + b"a" * 512) * 3000 + whole
    for field in (b"\xff" * 12, b"\x80" + b"\xff" * 11):
        odd = bytearray(first[0].tobuf())
        odd[124:136], odd[148:156] = field, b" " * 8
        odd[148:156] = b"%06o\0 " % sum(odd)
        yield f"a size of {field!r}", bytes(odd) + whole[512:]


def taken(file: Path) -> list[bytes]:
    """All that `recover` takes of a backup."""
    with Backup.open(file) as backup:
        made = backup.extract(STORE, file.parent)
        try:
            return [backup.read(CARD), backup.read(CHARTER), made.read_bytes()]
        finally:
            made.unlink()


def test_a_backup_in_any_other_form_is_refused_and_nothing_is_left_of_it(tmp_path: Path) -> None:
    file = tmp_path / "a.backup"
    file.write_bytes(archive(*honest()))
    assert taken(file) == [b"abc"] * 3
    cases = dict(hostile())
    assert len(cases) > 40
    for what, data in cases.items():
        file.write_bytes(data)
        with local("backup.damaged"):
            pytest.fail(f"{what}: {taken(file)!r}")
        assert [path.name for path in tmp_path.iterdir()] == [file.name], what


@pytest.mark.parametrize("what", ["a store of 2**40, in its header too", "sparse zeros"])
def test_what_the_file_does_not_hold_is_never_written(what: str, tmp_path: Path) -> None:
    """A hash is known last: a file of 10 KiB that speaks of 8 GiB is refused before anything of it is copied."""
    (tmp_path / "a.backup").write_bytes(dict(hostile())[what])
    with local("backup.damaged"), Backup.open(tmp_path / "a.backup"):
        pytest.fail("it was opened")


# --- Silence proofs ---


def within(seconds: float, code: str, work: Callable[[], object]) -> None:
    """It is refused with that code, and in so much time of the processor."""
    started = time.process_time()
    with refused(code):
        work()
    assert time.process_time() - started < seconds


def empties(length: int) -> bytes:
    return b"\x9a" + (length - 5).to_bytes(4, "big") + b"\x80" * (length - 5)


def vector(path: str) -> tuple[dict[str, Any], bytes]:
    found = json.loads((VECTORS / path).read_text())
    return found, unhex(found["input"]) if found["input_is"] == "hex" else found["input"].encode()


def test_a_silence_proof_of_empty_things_is_refused_before_they_are_built() -> None:
    charter = unhex(vector("silence/ok-guarantor.json")[0]["charter"])
    claim = encoding.encode([3, 1, 1, 2, 2, 0])
    start = b"\x86" + encoding.encode(TAG) + encoding.encode(ROOT) + claim
    stretch = b"\x80\x81\x85\x00\x00\x80\x81\x40"  # no lists; one stretch, of one note
    rest = 63 * 1024**2
    cases = [(start, "enc.shape"), (start + b"\x80", "enc.shape"), (start + b"\x80\x80", "enc.shape"), (start + stretch[:-2], "enc.shape")]
    cases += [(start + stretch, "enc.shape"), (start[: -len(claim)], "enc.size"), (start + b"\x81", "enc.size")]
    for head, code in cases:
        started = time.process_time()
        report = verify(head + empties(rest), Trust(charter))
        assert (report.verdict, report.code) == ("invalid", code), head
        assert time.process_time() - started < 2
    assert verify(start + b"\x80\x80" + empties(limits.SILENCE_BYTES), Trust(charter)).code == "enc.size"


def test_a_chunk_of_a_silence_proof_is_decoded_no_further_than_it_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    row: Callable[[Any], list[Any]] = lambda growth: [2, 1, growth, ROOT]  # noqa: E731
    small = encoding.encode([row({1: 1})] * 1024)
    wide = encoding.encode([row(dict.fromkeys(range(1, 7500), 1)), *[row({1: 1})] * 1023])
    cases = [
        ("enc.shape", [empties(4 * 1024**2)]),
        ("enc.size", [b"\x81" + empties(4 * 1024**2 - 1)]),
        ("enc.shape", [b"\x81" + empties(256 * 1024 - 1)]),
        ("enc.shape", [encoding.encode([row({})]), small]),  # not full, and not the last
        ("enc.shape", [encoding.encode([])]),
        ("enc.size", [encoding.encode([row(dict.fromkeys(range(1, 300000), 1))])]),
        ("enc.trailing", [encoding.encode([row(dict.fromkeys(range(1, 6000), 1))] * 20) + b"\0"]),
        ("enc.size", [encoding.encode([row(dict.fromkeys(range(n, n + 4000), 1)) for n in (2**31, 2**31 + 4000)])]),
        ("enc.size", [wide, *[small] * 40]),  # 42 MB of entries for each MB of file
    ]  # fmt: skip
    monkeypatch.setattr(limits, "SILENCE_ENTRY_BYTES", 64 * 1024**2)
    for code, chunks in cases:
        within(2, code, lambda chunks=chunks: [one.time for one in unpacked(chunks)])  # type: ignore[misc]


@pytest.mark.parametrize("count", [5 * 1024, pytest.param(1000 * 1024, marks=pytest.mark.sweep)])
def test_an_honest_stretch_of_any_length_is_unpacked_as_it_was_packed(count: int) -> None:
    """The last entries have seen so many logs that their chunk is decoded entry by entry."""

    def entries() -> Iterator[Entry]:
        for n in range(count):
            yield Entry(2, 10**9 + n, {1: 1 + n // 3, 70_000: 2**32 + n}, n.to_bytes(32, "big"))
        for n in range(1024):
            yield Entry(2, 2 * 10**9, {1: count, **dict.fromkeys(range(70_000, 70_060), n + 2**33)}, ROOT)

    chunks = list(packed(entries()))
    assert max(map(len, chunks)) > 256 * 1024
    expected = (leaf_hash(one.encode()) for one in entries())
    for one in unpacked(chunks):
        assert all(leaf == next(expected) for leaf in one.leaves)
    assert next(expected, None) is None


# --- What chance makes of honest files ---


def mutations(data: bytes, count: int, seed: str) -> Iterator[bytes]:
    """One to three changes each: a bit, a byte, a piece cut, doubled, moved or filled, a head that says another length."""
    rng = random.Random(seed)
    for _ in range(count):
        made = bytearray(data)
        for _ in range(rng.randint(1, 3)):
            at, end = sorted((rng.randrange(len(made) + 1), rng.randrange(len(made) + 1)))
            end = min(end, at + rng.choice((1, 2, 8, 64, 4096)))
            piece = bytes(made[at:end])
            made[at:end] = rng.choice(
                (b"", piece * 2, rng.randbytes(len(piece)), b"\0" * len(piece), b"\xff" * len(piece), b"\x80" * len(piece),
                 bytes(one ^ 1 << rng.randrange(8) for one in piece), rng.choice((b"\x9b", b"\xbb", b"\x5b")) + rng.randbytes(8) + piece)
            )  # fmt: skip
        if bytes(made) != data:
            yield bytes(made)


def test_changed_by_chance_a_backup_is_refused(tmp_path: Path) -> None:
    """Unless what was changed is the time or a count in what it says of itself: then all that is taken of it is as it was."""
    cli = joined(tmp_path, ("", ""))
    cli.send("north", "statement", text="one")
    cli.good("backup", "north", "whole")
    where = tmp_path / "place"
    where.mkdir()
    file = where / "changed"
    data = (tmp_path / "whole").read_bytes()
    file.write_bytes(data)
    whole = taken(file)
    refusals = 0
    for one in mutations(data, 150, "backup"):
        file.write_bytes(one)
        try:
            assert taken(file) == whole
        except LocalError as error:
            assert error.code == "backup.damaged"  # noqa: PT017  (either is right)
            refusals += 1
    assert refusals > 140
    assert list(where.iterdir()) == [file]


@pytest.mark.parametrize("name", ["silence/ok-guarantor", "misconduct/ok-two-leaves", "misconduct/ok-false-seen"])
def test_changed_by_chance_a_proof_is_refused(name: str) -> None:
    v, data = vector(f"{name}.json")
    trust, channel = Trust(unhex(v["charter"])), channel_of(v["charter"])
    assert verify(data, trust).verdict == "valid"
    for one in mutations(data, 150, name):
        report = verify(one, trust)
        assert (report.verdict in ("invalid", "unreadable"), bool(report.code)) == (True, True), one.hex()
        json.dumps(report.as_json())
        if name.startswith("misconduct"):
            with pytest.raises(PeerError):
                open_misconduct(one, channel)


def test_changed_by_chance_a_witness_request_is_not_cosigned() -> None:
    """Unless what was changed is a line by a stranger, which is passed over: then the checkpoint is still the one that was asked for."""
    v, data = vector("witness/ok-cosigned.json")
    keys = [VerifierKey.parse(key) for key in v["keys"]]
    known = (v["known"][0], unhex(v["known"][1]))
    head = witness.Request.parse(data).head
    for one in mutations(data, 1500, "witness"):
        try:
            asked = witness.Request.parse(one)
        except PeerError:
            continue
        if witness.admit(asked, keys) == witness.Status.COSIGNED == witness.decide(asked, known):
            assert asked.head == head, one
