"""New keys in a node's folder: killed anywhere in between, one pen signs and no other. PROTOCOL section 11; FAULTS B12, B14, C9, I2."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ceasewire import renewal
from ceasewire.errors import LocalError
from ceasewire.folder import Folder
from ceasewire.keyfile import write_recovery
from ceasewire.pen import Pen, Seeds
from ceasewire.renewal import add_device, rotate
from ceasewire.store.sqlite import SqliteStore
from helpers import START, local, seed_of
from node.pair import ChannelPair, Side


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture
def pair() -> Iterator[ChannelPair]:
    with ChannelPair(("north", "south", "mission:guarantor")) as made:
        made.north.say("before")
        made.settle(1)
        yield made


def killed_at(monkeypatch: pytest.MonkeyPatch, of: Any, name: str, *, after: bool = False) -> None:
    real = getattr(of, name)

    def kill(*args: Any, **kwargs: Any) -> Any:
        if after:
            real(*args, **kwargs)
        raise Killed

    monkeypatch.setattr(of, name, kill if not isinstance(of, type) or name == "commit" else staticmethod(kill))


def cut_short(side: Side, monkeypatch: pytest.MonkeyPatch, of: Any, name: str, *, after: bool = False) -> None:
    side.close()
    with monkeypatch.context() as patch:
        killed_at(patch, of, name, after=after)
        with pytest.raises(Killed):
            rotate(side.folder, None, side.recovery, clock=side.clock)
    side.open()


@pytest.mark.parametrize(
    ("of", "name", "after"),
    [(Pen, "create", False), (Pen, "create", True), (SqliteStore, "commit", False)],
    ids=["no pen yet", "a pen and no more", "before the transaction"],
)
def test_killed_before_its_transaction_a_rotation_has_not_happened(
    pair: ChannelPair, monkeypatch: pytest.MonkeyPatch, of: Any, name: str, after: bool
) -> None:
    north = pair.north
    before = north.node.pen.public()
    cut_short(north, monkeypatch, of, name, after=after)
    assert (north.log, north.node.pen.public()) == (0, before)
    assert not north.folder.next_pen_path.exists()
    north.say("as before")
    pair.settle(1)
    assert north.rotate().log > 2**31
    pair.settle()
    pair.check()


@pytest.mark.parametrize(
    ("of", "name", "after"),
    [(SqliteStore, "commit", True), (Pen, "replace", False), (os, "replace", False), (Pen, "replace", True)],
    ids=["after the transaction", "before the old pen goes", "while the old pen goes", "at the end"],
)
def test_killed_after_its_transaction_a_rotation_is_finished_by_whoever_comes_next(
    pair: ChannelPair, monkeypatch: pytest.MonkeyPatch, of: Any, name: str, after: bool
) -> None:
    north = pair.north
    before, old = north.node.pen.public(), north.folder.pen_path.read_bytes()
    cut_short(north, monkeypatch, of, name, after=after)
    assert north.log > 2**31
    assert north.node.pen.public() != before
    assert not north.folder.next_pen_path.exists()
    assert old[8192:8489] not in b"".join(path.read_bytes() for path in north.folder.path.iterdir() if path.is_file())
    assert north.say("after").index == 1
    pair.settle()
    assert pair.south.node.channel.successor_of(0) == north.log
    pair.check()


def test_the_old_pen_opens_nothing_and_signs_nothing(pair: ChannelPair, tmp_path: Path) -> None:
    """Whoever kept a copy of the old pen holds keys of a log that has ended; in the folder it is refused."""
    north = pair.north
    shutil.copy(north.folder.pen_path, tmp_path / "kept")
    north.rotate().close()
    shutil.copy(tmp_path / "kept", north.folder.pen_path)
    with local("pen.damaged"), north.folder.node(None):
        pass
    rotate(north.folder, None, north.recovery, clock=north.clock)  # which needs no pen that is whole
    north.open()
    pair.settle()
    assert north.node.closed is None
    pair.check()


def test_a_store_of_before_the_rotation_is_refused_and_another_rotation_is_the_way_on(pair: ChannelPair, tmp_path: Path) -> None:
    north = pair.north
    north.close()
    shutil.copy(north.folder.store_path, tmp_path / "store")
    north.open().rotate().say("after")
    pair.settle(1)
    north.close()
    shutil.copy(tmp_path / "store", north.folder.store_path)
    with local("pen.damaged"), north.folder.node(None):
        pass
    rotate(north.folder, None, north.recovery, clock=north.clock)
    north.open()
    pair.settle()
    assert [str(one["body"]["text"]) for one in north.node.messages(kind="statement")] == ["before", "after"]
    pair.check()


def test_rotation_waits_for_nobody_and_says_so(pair: ChannelPair) -> None:
    with local("node.locked") as caught:
        rotate(pair.north.folder, None, pair.north.recovery)
    assert "stop `serve`" in caught.value.detail


def test_a_recovery_key_of_another_party_opens_nothing(pair: ChannelPair, tmp_path: Path) -> None:
    north = pair.north
    north.close()
    before = {path.name: path.read_bytes() for path in north.folder.path.iterdir() if "store" not in path.name}
    with local("usage"):
        rotate(north.folder, None, pair.south.recovery)
    write_recovery(tmp_path / "unknown.txt", seed_of("a"), seed_of("b"))
    with local("usage"):
        rotate(north.folder, None, tmp_path / "unknown.txt")
    with local("file.unreadable"):
        rotate(north.folder, None, tmp_path / "none.txt")
    with local("usage"):
        add_device(north.folder, tmp_path / "phone", None, pair.south.recovery)
    assert not (tmp_path / "phone").exists()
    assert {path.name: path.read_bytes() for path in north.folder.path.iterdir() if "store" not in path.name} == before
    assert north.open().node.channel.openings == {}


def test_without_randomness_nothing_is_made(pair: ChannelPair, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """B14."""
    north = pair.north
    north.close()

    def fails(_count: int) -> bytes:
        raise LocalError("random.failed")

    with monkeypatch.context() as patch:
        patch.setattr(renewal, "new_seeds", lambda: Seeds(*(fails(32) for _ in range(5))))
        with local("random.failed"):
            rotate(north.folder, None, north.recovery)
        with local("random.failed"):
            add_device(north.folder, tmp_path / "phone", None, north.recovery)
    assert not (tmp_path / "phone").exists()
    assert north.open().log == 0


def test_a_device_s_folder_is_a_node_of_the_same_party(pair: ChannelPair, tmp_path: Path) -> None:
    north = pair.north
    opened = add_device(north.folder, tmp_path / "phone", b"secret", north.recovery, replaces="north", clock=north.clock)
    assert (opened.replaces, opened.size) == ("north", 1)
    phone = Folder(tmp_path / "phone")
    assert phone.card()[2] == north.folder.card()[2]
    assert not (phone.path / "unlock.key").exists()
    with phone.node(b"secret") as node:
        assert node.names.slug == opened.log
        assert node.store.row(node.own, 0).time == START  # type: ignore[union-attr]
    with local("pen.passphrase"), phone.node(b"another"):
        pass
    with local("node.exists"):
        add_device(north.folder, tmp_path / "phone", None, north.recovery)
    with local("usage") as caught:
        add_device(north.folder, tmp_path / "tablet", None, north.recovery, replaces="south")
    assert "south is no log of north; its logs are north" in caught.value.detail


def test_a_passphrase_must_be_the_one_of_the_old_pen(pair: ChannelPair) -> None:
    north = pair.north
    north.close()
    with local("pen.passphrase"):
        rotate(north.folder, b"mistyped", north.recovery)
    north.open()
