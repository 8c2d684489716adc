"""Files that a stranger made so that `ceasewire verify` takes long or fills the memory. FAULTS A7, A8, A9.

The real command runs in a process of its own, which says what it took: of the processor, beside an honest proof's verification on the same
machine; and of memory, as the kernel counted it for that process alone.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ceasewire import limits
from ceasewire.record import encoding
from ceasewire.record.charter import open_charter
from ceasewire.record.encoding import Value, encode_checked
from ceasewire.record.message import Body, Entry, disclose
from ceasewire.record.pieces import check_count
from ceasewire.record.silence import TAG
from helpers import START, make_channel, refused
from vectors.of_proofs import BODY, SEED, Maker

MOST_MIB = 150
# Of an honest proof, most of whose time is Python's start: the worst takes 6 to 8 times it, by the machine; without the bounds, 90.
MOST_TIMES = 15
MADE = make_channel()
MAKER = Maker(MADE)
ROOM = limits.PROOF_EXTRA_BYTES
# Prints seconds of the processor and MiB at the peak. The kernel's maxrss would count this process's memory, from before it became another.
CHILD = """
import resource, sys
from ceasewire.cli import main
status = main()
used = resource.getrusage(resource.RUSAGE_SELF)
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(used.ru_utime + used.ru_stime, int(peak.split()[1]) // 1024, file=sys.stderr)
sys.exit(status)
"""


@dataclass(frozen=True)
class Cost:
    """What one verification gave and took."""

    verdict: str
    code: str | None
    seconds: float
    mib: int


def cost(proof: Path, charter: Path) -> Cost:
    command = [sys.executable, "-c", CHILD, "verify", str(proof), "--charter", str(charter), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    report = json.loads(done.stdout)
    seconds, mib = done.stderr.splitlines()[-1].split()
    return Cost(report["verdict"], report["code"], float(seconds), int(mib))


@pytest.fixture(scope="module")
def charter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("costly") / "line.charter"
    path.write_bytes(MADE.signed.encode())
    return path


@pytest.fixture(scope="module")
def honest(charter: Path) -> Cost:
    path = charter.with_name("honest")
    path.write_text(MAKER.make())
    found = cost(path, charter)
    assert (found.verdict, found.code) == ("valid", None)
    return found


# --- What is made: signed with real keys, so that every step before the one that refuses it is gone through ---


def head(major: int, count: int) -> bytes:
    number = encode_checked(count)
    return bytes([number[0] | major << 5]) + number[1:]


def many(item: bytes, count: int) -> bytes:
    return head(4, count) + item * count


ENTRY = b"\x01" + encode_checked(MAKER.entry.encode())
BEFORE_FIELDS = b"\xa2" + ENTRY + b"\x02"
BEFORE_SUPPORTS = b"\xa3" + ENTRY + b"\x02" + encoding.encode(disclose(SEED, BODY, set(BODY)).value(), 16) + b"\x03"


def supports(count: int, seen: dict[int, int], body: Body) -> bytes:
    """Messages about officers, each whole and in its place; what they are worth is seen when their notes are looked at."""
    shown = disclose(SEED, body, set(body))
    parts: list[Value] = [Entry(14, START, seen, shown.root()).encode(), shown.value(), [], b"no note"]
    each = encoding.encode(parts, 16)[1:]
    return BEFORE_SUPPORTS + head(4, count) + b"".join(b"\x86\x00" + encode_checked(n) + each for n in range(count))


def keys(count: int) -> Iterator[bytes]:
    return ((2**24 + n).to_bytes(4, "big") for n in range(count))


def of_extra(extra: bytes) -> bytes:
    return MAKER.make(data=extra).encode()


def silence(rest: bytes) -> bytes:
    """A silence proof of which only the claim can be read."""
    claim = encoding.encode([3, 1, 1, 2, 2, 0])
    return b"\x86" + encoding.encode(TAG) + encoding.encode(bytes(32)) + claim + rest


FIELDS: Body = {0: [], 1: False}
NOTE_LINES = "— a AAAAAAAA\n".encode()
SHAPES: dict[str, tuple[str, Callable[[], bytes]]] = {
    "empty lists": ("enc.size", lambda: of_extra(BEFORE_SUPPORTS + many(b"\x80", ROOM - 500))),
    "many keys": ("enc.size", lambda: of_extra(BEFORE_FIELDS + head(5, 10**6) + b"".join(b"\x1a%b\x80" % key for key in keys(10**6)))),
    "as many maps as may be": ("enc.size", lambda: of_extra(BEFORE_SUPPORTS + many(b"\xa1\0\0", limits.PROOF_VALUES // 3 - 99))),
    "as much in each as may be": ("note.malformed", lambda: of_extra(supports(4096, {}, FIELDS | {16: [[] for _ in range(100)]}))),
    "as much seen as may be": ("note.malformed", lambda: of_extra(supports(4096, dict.fromkeys(range(2**31, 2**31 + 300), 1), FIELDS))),
    "deep": ("enc.size", lambda: of_extra(b"\x81" * ROOM)),
    "deep, no more than may be": ("enc.depth", lambda: of_extra(b"\x81" * limits.PROOF_VALUES)),
    "a long string": ("enc.shape", lambda: of_extra(BEFORE_FIELDS + head(2, ROOM - 200) + bytes(ROOM - 200))),
    "a long text": ("enc.shape", lambda: of_extra(BEFORE_FIELDS + head(3, ROOM - 200) + "é".encode() * (ROOM // 2 - 100))),
    "a huge count": ("enc.malformed", lambda: of_extra(BEFORE_FIELDS + b"\x9b\0\0\xff" + b"\xff" * 5)),
    "too long": ("enc.size", lambda: of_extra(bytes(limits.PROOF_BYTES // 4 * 3 - 1000))),
    "signature lines": ("note.malformed", lambda: MAKER.make().encode() + NOTE_LINES * (2**24 // len(NOTE_LINES) - 99)),
    "lines": ("proof.malformed", lambda: b"c2sp.org/tlog-proof@v1\n" + b"A\n" * (2**23 - 99) + b"\nx\ny"),
    "a charter": ("proof.malformed", MADE.signed.encode),
    "nothing of a proof": ("proof.malformed", lambda: b"c2sp.org/tlog-proof@v1" + bytes(limits.SILENCE_BYTES - 99)),
    "a piece of silence": ("enc.shape", lambda: silence(b"\x80" + many(b"\x80", 60 * 2**20))),
}  # fmt: skip


@pytest.mark.parametrize("what", SHAPES)
def test_no_file_makes_verify_slow_or_large(what: str, charter: Path, honest: Cost, tmp_path: Path) -> None:
    code, make = SHAPES[what]
    (tmp_path / "proof").write_bytes(make())
    found = cost(tmp_path / "proof", charter)
    print(f"{what}: {found.code}, {found.seconds:.2f} s, {found.mib} MiB (honest {honest.seconds:.2f} s, {honest.mib} MiB)")
    assert (found.verdict == "valid", found.code) == (False, code)
    assert found.seconds < MOST_TIMES * honest.seconds
    assert found.mib < MOST_MIB


# --- A hostile charter, to somebody who was talked into trusting it ---


def changed_charter(number: int, value: bytes) -> bytes:
    """The charter with another value of one field, signed by nobody."""
    fields = encoding.mapping(encoding.decode(MADE.signed.data, limits.CHARTER_BYTES))
    parts = b"".join(encode_checked(n) + (value if n == number else encode_checked(fields[n])) for n in sorted(fields))
    return b"\x82" + encode_checked(b"\xaf" + parts) + b"\x80"


def officers(count: int) -> bytes:
    key = MADE.channel.logs[0].log[0].key
    return head(4, count) + b"".join(encode_checked([0, 1, key, 1, f"{n:05}", "", ""]) for n in range(count))


def witnesses(count: int) -> bytes:
    key = MADE.channel.logs[0].receipt[0].text()
    return head(4, count) + b"".join(encode_checked([f"{n:05}", key, ""]) for n in range(count))


POINT = encode_checked([2**20, 2**20])
CHARTERS: dict[str, tuple[str, Callable[[], bytes]]] = {
    "empty lists": ("charter.malformed", lambda: many(b"\x80", 4 * 2**20 - 9)),
    "empty provisions": ("enc.size", lambda: changed_charter(6, many(b"\x80", 4 * 2**20 - 50_000))),
    "a long outline": ("charter.unsigned", lambda: changed_charter(12, b"\x81\x84\x61z\x61n\x01" + many(POINT, 120_000))),
    "officers": ("charter.malformed", lambda: changed_charter(13, officers(40_000))),
    "witnesses": ("charter.malformed", lambda: changed_charter(10, witnesses(25_000))),
}  # fmt: skip


@pytest.mark.parametrize("what", CHARTERS)
def test_nor_does_a_charter(what: str, charter: Path, honest: Cost, tmp_path: Path) -> None:
    code, make = CHARTERS[what]
    (tmp_path / "other.charter").write_bytes(make())
    found = cost(charter.with_name("honest"), tmp_path / "other.charter")
    print(f"{what}: {found.code}, {found.seconds:.2f} s, {found.mib} MiB (honest {honest.seconds:.2f} s, {honest.mib} MiB)")
    assert found.code == code
    assert found.seconds < MOST_TIMES * honest.seconds
    assert found.mib < MOST_MIB


@pytest.mark.parametrize(("count", "code"), [(limits.WITNESSES, "charter.party"), (limits.WITNESSES + 1, "charter.malformed")])
def test_a_charter_names_so_many_witnesses(count: int, code: str) -> None:
    """That two of them share a key is looked at when they are read, which only so many are."""
    with refused(code):
        open_charter(changed_charter(10, witnesses(count)), complete=True)


# --- The count ---


@pytest.mark.parametrize(
    ("value", "count"),
    [
        (0, 1),
        (2**40, 1),
        (-(2**40), 1),
        (True, 1),
        (b"\x80" * 300, 1),
        ("text " * 20_000, 1),
        ([[], {}, [1, 2]], 6),
        ({1: b"\xff" * 24, 2**32: [{}], 5: False}, 8),
    ],
)
def test_values_are_counted_as_they_are_built(value: Value, count: int) -> None:
    data = encoding.encode(value)
    check_count(data, count)
    check_count(data[: len(data) // 2], count)  # cut, it is the decoder that refuses it
    with refused("enc.size"):
        check_count(data, count - 1)
