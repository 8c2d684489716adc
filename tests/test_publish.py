"""`publish`: logs as C2SP tlog-tiles with a tlog-policy, read back as a stranger would. Foreign tools: tests/test_interop.py."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ceasewire.errors import PeerError
from ceasewire.node.view import View
from ceasewire.publish import Published, policy, publish
from ceasewire.record.message import Entry
from ceasewire.tlog import checkpoint as checkpoints
from ceasewire.tlog import merkle, tiles
from ceasewire.tlog.checkpoint import SignedCheckpoint
from ceasewire.tlog.note import COSIGNATURE_ED25519, SignatureLine, VerifierKey
from ceasewire.tlog.policy import Policy
from ceasewire.verifier import Trust, verify
from cli.driving import Cli, joined
from helpers import local
from node.pair import ChannelPair


def read(place: Path, trust: Policy) -> tuple[int, list[bytes]]:
    """A published log as a stranger reads it: signed by a log of the policy, its tiles give its root, its entries its leaves."""
    signed = SignedCheckpoint.parse((place / "checkpoint").read_bytes())
    head = signed.checkpoint
    keys = trust.log_for(head.origin)
    assert keys
    assert any(_verifies(head, line, key) for line in signed.lines for key in keys)
    found: dict[int, list[bytes]] = {}
    entries: list[bytes] = []
    for level, index, width in tiles.tile_layout(head.size):
        data = (place / tiles.tile_path(level, index, width)).read_bytes()
        assert len(data) == width * 32
        found.setdefault(level, []).extend(data[n : n + 32] for n in range(0, len(data), 32))
        if level == 0:
            entries += tiles.decode_entry_bundle((place / tiles.entries_path(index, width)).read_bytes(), width)
    assert [merkle.leaf_hash(entry) for entry in entries] == found[0]
    assert merkle.root_of(tiles.node_reader(lambda level, start, count: found[level][start : start + count]), head.size) == head.root
    return head.size, entries


def _verifies(head: checkpoints.Checkpoint, line: SignatureLine, key: VerifierKey) -> bool:
    try:
        checkpoints.verify(head, line, key)
    except PeerError:
        return False
    return True


def files(place: Path) -> dict[str, bytes]:
    return {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if path.is_file()}


def written(found: list[Published]) -> int:
    return sum(one.written for one in found)


@pytest.fixture
def pair() -> Iterator[ChannelPair]:
    with ChannelPair() as made:
        yield made


def say(pair: ChannelPair, count: int, at_once: int = 97) -> None:
    node = pair.north.node
    for start in range(0, count, at_once):
        node.send_many([("statement", {"text": f"a secret word {n}"}) for n in range(start, min(count, start + at_once))])


def test_a_log_grows_in_place_and_is_whole_at_every_step(pair: ChannelPair, tmp_path: Path) -> None:
    view: View = pair.north.node.reading
    place, before = tmp_path / "public", dict[str, bytes]()
    for count in (1, 5, 200, 50, 1, 260, 3):
        say(pair, count)
        publish(view, place)
        size, entries = read(place / "north", Policy.parse((place / "policy").read_bytes()))
        assert size == pair.north.node.store_size(0)
        assert [Entry.decode(entry).kind for entry in entries] == [2] * size
        now = files(place)
        kept = {name for name in before if ".p/" not in name and name != "north/checkpoint"}
        assert all(now[name] == before[name] for name in kept), "what is full never changes"
        before = now
        assert written(publish(view, place)) == 0
    assert not any(b"a secret word" in data for data in before.values())
    assert not any(name.startswith("north/tile/0/000.p") for name in before), "a full tile needs no partial ones"


def test_every_partial_width_that_a_checkpoint_asked_for_is_there(pair: ChannelPair, tmp_path: Path) -> None:
    say(pair, 300, at_once=7)
    publish(pair.north.node.reading, tmp_path / "public")
    widths = sorted(int(path.name) for path in (tmp_path / "public" / "north" / "tile" / "0" / "001.p").iterdir())
    sizes = [min(300, n) for n in range(7, 307, 7)]
    assert widths == [size - 256 for size in sizes if size > 256]


def test_the_policy_names_logs_witnesses_receipts_and_quorum(tmp_path: Path) -> None:
    keys = [VerifierKey(f"w{n}.example", COSIGNATURE_ED25519, _public(n)) for n in range(3)]
    names = [{"name": f"tower {n}", "vkey": key.text(), "url": f"https://w{n}.example"} for n, key in enumerate(keys)]
    with ChannelPair(witnesses=names, quorum=2) as pair:
        data = policy(pair.north.node.reading)
        found = Policy.parse(data)
        logs = pair.north.node.channel.logs
        assert [key.text() for key in found.logs] == [log.log[0].text() for log in logs.values()]
        assert [found.witnesses[f"witness-{n}"] for n in (1, 2, 3)] == keys
        assert found.witnesses["receipt-south"] == logs[1].receipt[0]
        assert not found.satisfied({"witness-1", "receipt-south", "receipt-north"})
        assert found.satisfied({"witness-1", "witness-3"})
        assert b"https://w2.example\n" in data


def _public(number: int) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415

    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(bytes([number])).digest()).public_key().public_bytes_raw()


def test_it_is_never_mixed_with_another_log_nor_put_back(pair: ChannelPair, tmp_path: Path) -> None:
    place = tmp_path / "public"
    say(pair, 9)
    publish(pair.north.node.reading, place)
    whole = files(place)
    with ChannelPair(title="Another") as other:
        say(other, 20)
        with local("file.unwritable"):
            publish(other.north.node.reading, place)
    (place / "north" / "checkpoint").write_bytes(b"nonsense")
    with local("file.unwritable"):
        publish(pair.north.node.reading, place)
    (place / "north" / "checkpoint").write_bytes(whole["north/checkpoint"])
    publish(pair.north.node.reading, place)
    assert files(place) == whole


def test_a_tile_that_was_lost_or_cut_is_written_again(pair: ChannelPair, tmp_path: Path) -> None:
    place = tmp_path / "public"
    say(pair, 600)
    publish(pair.north.node.reading, place)
    whole = files(place)
    (place / "north" / "tile" / "0" / "000").unlink()
    (place / "north" / "tile" / "0" / "001").write_bytes(b"short")
    (place / "north" / "tile" / "1" / "000.p" / "2").write_bytes(b"short")
    (place / "north" / "tile" / "entries" / "000").unlink()
    publish(pair.north.node.reading, place)
    assert files(place) == whole


def test_it_is_safe_while_others_write_and_read(pair: ChannelPair, tmp_path: Path) -> None:
    """Whoever reads at any moment finds all that the checkpoint covers."""
    place, ended = tmp_path / "public", threading.Event()
    say(pair, 40)
    view = View(pair.north.node.reading.store, pair.north.node.channel, 0)
    publish(view, place)
    trust = Policy.parse((place / "policy").read_bytes())
    errors: list[BaseException] = []

    def publishing() -> None:
        try:
            while not ended.is_set():
                publish(view, place)
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=publishing)
    thread.start()
    try:
        sizes, until = [40], time.monotonic() + 20
        for _ in range(16):
            say(pair, 17)
            before = sizes[-1]
            while sizes[-1] == before:
                assert time.monotonic() < until
                try:
                    sizes.append(read(place / "north", trust)[0])
                except FileNotFoundError as error:  # a partial tile whose full one came: as tlog-tiles says, that is there instead
                    full = Path(str(error.filename).partition(".p/")[0])
                    assert full.is_file()
    finally:
        ended.set()
        thread.join()
    assert not errors
    assert sizes == sorted(sizes)
    assert sizes[-1] > 256


def test_the_command_and_a_proof_that_its_policy_verifies(tmp_path: Path) -> None:
    cli: Cli = joined(tmp_path)
    ref = cli.send("north", "statement", text="A statement.")
    cli.carry("north", "south")
    cli.carry("south", "north")
    found = cli.good("publish", "north", "public")
    assert found["logs"] == [{"log": "north", "size": 1, "written": 3, "quorum": True}]
    assert (tmp_path / "public" / "north" / "checkpoint").stat().st_mode & 0o777 == 0o644
    cli.good("prove", "north", ref, "-o", "p")
    report = cli.good("verify", "p", "--policy", "public/policy")
    assert (report["verdict"], [one["as"] for one in report["vouched"]]) == ("valid", ["author", "witness"])
    assert report["vouched"][1]["by"].endswith("/south/receipt")
    (tmp_path / "other").mkdir()
    other = joined(tmp_path / "other", ("http://127.0.0.1:9", "http://127.0.0.1:10"))
    other.send("north", "statement", text="Of another channel.")
    other.good("publish", "north", "public")
    strange = verify((tmp_path / "p").read_bytes(), Trust(None, (tmp_path / "other" / "public" / "policy").read_bytes(), None))
    assert (strange.verdict, strange.code) == ("invalid", "checkpoint.origin")
