"""After a restart of the machine nothing is signed until somebody confirms our log. PROTOCOL section 6; FAULTS C9, C10, C11.

A folder whose file `boot` names another start is what a machine finds after it was started anew; nothing else needs to be passed in.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from ceasewire import boot
from ceasewire.errors import LocalError
from ceasewire.folder import Folder
from ceasewire.node.node import CONFIRMED, Node
from ceasewire.store import sqlite
from cli.driving import Cli, joined
from cli.test_exchange import free_port, served
from helpers import START, local, refused
from node.pair import ChannelPair, Side

ANOTHER = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(params=[(), ("mission:guarantor",)], ids=["two", "three"])
def pair(request: pytest.FixtureRequest) -> Iterator[ChannelPair]:
    with ChannelPair.among(*request.param) as made:
        made.north.say("before")
        made.south.say("before")
        made.sync("north", "south")
        yield made


def restarted(side: Side) -> list[str]:
    """The side's machine was started anew; what is returned grows when its log is confirmed."""
    side.reopen()
    told: list[str] = []
    node = Node(
        side.node.reading.store,
        side.node.pen,
        side.node.channel,
        side.node.own,
        clock=side.clock,
        random=side.node.draw,
        confirmed=lambda: told.append("confirmed"),
    )
    side.node = node
    side.exchange = type(side.exchange)(node)
    return told


def echo(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


# --- What confirms ---


def test_nothing_is_signed_until_a_peer_answers_us(pair: ChannelPair) -> None:
    north, south = pair.north, pair.south
    told = restarted(north)
    with local("log.unsure"):
        north.say()
    with local("log.unsure"):
        north.node.send_prepared([])
    south.say("taken meanwhile")
    north.receive(south.bundle(north))  # a request of theirs answers none of ours
    assert (north.size(south), north.node.store.covered(south.log)[north.log]) == (2, 1)  # stored and shown, and not receipted
    asked = north.bundle(south)
    south.receive(asked)
    north.receive(south.exchange.compose(north.log, echo=echo(asked)).data)
    assert told == ["confirmed"]
    assert north.node.store.covered(south.log)[north.log] == 2  # the receipt that was owed
    assert north.node.store.meta(CONFIRMED) == f"peer {START}".encode()
    north.say("after")
    pair.settle(1)
    pair.check()


def test_a_whole_talk_confirms_and_receipts_in_one(pair: ChannelPair) -> None:
    told = restarted(pair.north)
    pair.south.say("late")
    assert pair.sync("north", "south").error is None
    assert told == ["confirmed"]
    assert pair.south.node.store.covered(pair.south.log)[pair.north.log] == 2
    pair.check()


def test_whoever_has_no_address_is_confirmed_by_the_next_request_of_its_peer(pair: ChannelPair) -> None:
    """South calls and north never does: south's next bundle bears the mark of north's answer."""
    told = restarted(pair.north)
    pair.south.say("one")
    assert pair.sync("south", "north").error is None
    assert told == ["confirmed"]
    pair.check()


@pytest.mark.parametrize("mark", ["none", "another", "of before the restart", "of a bundle to somebody else"])
def test_an_answer_must_bear_the_mark_of_a_bundle_to_that_peer_since_the_start(mark: str) -> None:
    with ChannelPair(("north", "south", "mission:guarantor")) as pair:
        north, south = pair.north, pair.south
        north.say()
        pair.settle(1)
        before = north.bundle(south)
        told = restarted(north)
        asked, other = north.bundle(south), north.bundle(pair["mission"])
        south.receive(asked)
        marks = {"none": b"", "another": echo(b""), "of before the restart": echo(before), "of a bundle to somebody else": echo(other)}
        south.exchange._heard.clear()
        north.receive(south.exchange.compose(north.log, echo=marks[mark]).data)
        assert (told, north.node.unsure) == ([], "log.unsure")
        north.receive(south.exchange.compose(north.log, echo=echo(asked)).data)
        assert (told, north.node.unsure) == (["confirmed"], None)


def test_a_peer_that_lost_its_own_copy_confirms_nothing_until_it_has_caught_up(pair: ChannelPair) -> None:
    north, south = pair.north, pair.south
    for _ in range(2):
        north.say()
    pair.sync("north", "south")
    south.close()
    shutil.copy(south.folder.store_path, south.folder.path / "kept")
    told = restarted(north)
    south.folder.store_path.unlink()
    sqlite.create(south.folder.store_path)
    south.open()
    south.rotate()
    north.exchange.forget_fresh_key(1)
    asked = north.bundle(1)
    south.receive(asked)
    answer = south.exchange.compose(north.log, echo=echo(asked)).data
    north.receive(answer)
    assert told == []  # it holds nothing of ours, of which it had cosigned three
    pair.settle()
    assert told == ["confirmed"]


def test_who_had_nothing_of_ours_confirms_nothing_by_what_we_just_sent_it() -> None:
    """South may know of a newer head of ours. The mission holds what it has of the very bundle that asks it."""
    with ChannelPair.among("mission:guarantor") as pair:
        north, south, mission = pair.north, pair.south, pair["mission"]
        north.say("before")
        pair.sync("north", "south")
        for _ in range(2):  # by what is kept, the second process knows what the first one sent
            told = restarted(north)
            pair.sync("north", "mission")
            assert mission.size(north) == 1
            assert told == []
        pair.sync("north", "south")
        assert told == ["confirmed"]
        assert south.size(north) == 1
        assert restarted(north) == []  # at the next start others are asked anew
        pair.sync("north", "mission")
        assert north.node.unsure is None


def test_a_peer_that_claims_more_than_we_hold_confirms_nothing_and_closes_nothing(
    pair: ChannelPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Decision 0003: a claim without our signature closes nothing; it does not open either."""
    north, south = pair.north, pair.south
    told = restarted(north)
    asked = north.bundle(south)
    south.receive(asked)
    real = south.exchange._contents

    def claiming(*arguments: object) -> object:
        contents, more = real(*arguments)  # type: ignore[arg-type]
        return replace(contents, heads={**contents.heads, north.log: north.size(north) + 1}), more

    with monkeypatch.context() as patch:
        patch.setattr(south.exchange, "_contents", claiming)
        north.receive(south.exchange.compose(north.log, echo=echo(asked)).data)
    assert (told, north.node.closed, north.node.unsure) == ([], None, "log.unsure")


# --- What it is for ---


def test_c9_a_whole_folder_put_back_closes_at_its_first_exchange_and_has_signed_nothing(pair: ChannelPair) -> None:
    north = pair.north
    north.close()
    kept = pair.path / "yesterday"
    shutil.copytree(north.folder.path, kept)
    north.open().say("today")
    pair.sync("north", "south")
    north.close()
    shutil.rmtree(north.folder.path)
    kept.rename(north.folder.path)
    north.open()
    told = restarted(north)
    with local("log.unsure"):
        north.say("a second history")
    with suppress(LocalError):
        pair.sync("north", "south")
    assert (told, north.node.closed) == ([], "log.closed")
    north.node.confirm("officer")  # whatever anybody says now
    with local("log.closed"):
        north.say()
    assert pair.south.node.store.states()[0].frozen is None
    north.rotate()
    pair.settle()
    assert north.size(0) == pair.south.size(0) == 2
    pair.check()


def test_a_folder_put_back_that_lost_receipts_is_not_confirmed_by_whoever_holds_them(pair: ChannelPair) -> None:
    """Its own log is the newest there is, and yet it must not write: what it says it has seen would be less than it had receipted."""
    north, south = pair.north, pair.south
    north.close()
    kept = pair.path / "yesterday"
    shutil.copytree(north.folder.path, kept)
    north.open()
    for text in ("today", "also today"):
        south.say(text)
        pair.sync("south", "north")
    assert south.node.store.covered(south.log)[north.log] == 3
    north.close()
    shutil.rmtree(north.folder.path)
    kept.rename(north.folder.path)
    north.open()
    told = restarted(north)
    for more in (False, True):  # with nothing new of theirs, and with something behind what is missing here
        if more:
            south.say("tomorrow")
        pair.sync("north", "south")
        assert (told, north.node.unsure, north.node.store.covered(south.log)[north.log]) == ([], "log.unsure", 1)
    with local("log.unsure"):
        north.say()
    north.rotate()
    pair.set_clock(START + 60)
    north.say("We go on.")
    pair.settle()
    assert not any(side.node.store.proofs() for side in pair.sides.values())
    pair.check()


def test_a_line_check_that_a_successor_asks_for_waits_too(pair: ChannelPair) -> None:
    north, south = pair.north, pair.south
    told = restarted(north)
    south.rotate()
    north.receive(south.bundle(0))
    assert (told, north.size(north)) == ([], 1)
    pair.settle()
    assert told == ["confirmed"]
    assert north.size(north) == 2
    pair.check()


def test_a_folder_put_back_that_lost_the_keys_it_had_given_away_learns_it_all_the_same(pair: ChannelPair) -> None:
    """The peer seals to a key that the older store never had. It is told so under a counter that it has seen before."""
    north, south = pair.north, pair.south
    pair.sync("north", "south")
    north.close()
    kept = pair.path / "yesterday"
    shutil.copytree(north.folder.path, kept)
    north.open()
    for day in (1, 2):
        pair.set_clock(START + day * 90_000)
        north.say(f"day {day}")
        pair.sync("north", "south")
        south.say(f"day {day}")
        pair.sync("south", "north")
    north.close()
    shutil.rmtree(north.folder.path)
    kept.rename(north.folder.path)
    north.open()
    told = restarted(north)
    asked = north.bundle(south)
    south.receive(asked)
    with refused("bundle.key_gone"):
        north.receive(south.exchange.compose(north.log, echo=echo(asked)).data)
    asked = north.bundle(south)
    south.receive(asked)
    north.receive(south.exchange.compose(north.log, echo=echo(asked)).data)
    assert (told, north.node.closed) == ([], "log.closed")


# --- The file ---


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return joined(tmp_path, ("", f"http://127.0.0.1:{free_port()}"))


def put(cli: Cli, node: str, text: str = f"ceasewire boot 1\n{ANOTHER}\n") -> None:
    (cli.folder / node / "boot").write_text(text)


def sure(cli: Cli) -> bool:
    found: str = cli.good("status", "north")["health"]
    assert found in ("ok", "log.unsure")
    return found == "ok"


def test_c10_send_asks_a_peer_by_itself_and_refuses_when_none_answers(cli: Cli) -> None:
    cli.send("north", "statement", text="before")
    put(cli, "north")
    assert not sure(cli)
    done = cli("send", "north", "statement", "-", "--json", stdin='{"text": "x"}')
    assert (done.status, done.code) == (2, "log.unsure")
    assert "--not-restored" in done.json["error"]["step"]
    assert cli.good("fsck", "north")["clean"]
    with served(cli, "south"):
        assert cli.send("north", "statement", text="asked first") == "north/1"
    assert sure(cli)
    assert cli.send("north", "statement", text="the same start") == "north/2"


@pytest.mark.parametrize("command", ["send", "sync"])
def test_an_officer_s_word_is_kept(cli: Cli, command: str) -> None:
    cli.send("north", "statement", text="before")
    put(cli, "north")
    if command == "sync":
        assert cli("sync", "north", "--not-restored", "--json").status == 1  # the peer is out of reach, and the log sure
    else:
        cli.good("send", "north", "statement", "-", "--not-restored", stdin='{"text": "x"}')
    assert sure(cli)
    with Folder(cli.folder / "north").store() as store:
        assert (store.meta(CONFIRMED) or b"").startswith(b"officer ")


@pytest.mark.parametrize("text", ["", "ceasewire boot 1\n", "ceasewire boot 2\n" + ANOTHER + "\n", "x" * 1000])
def test_a_file_that_is_not_whole_counts_as_another_start(cli: Cli, text: str) -> None:
    cli.send("north", "statement", text="before")
    put(cli, "north", text)
    assert cli("send", "north", "statement", "-", "--json", stdin='{"text": "x"}').code == "log.unsure"


def test_a_folder_of_an_older_version_counts_once_and_a_copy_without_the_file_does_not(cli: Cli) -> None:
    assert not (cli.folder / "north" / "boot").exists()
    assert sure(cli)
    cli.send("north", "statement", text="first")
    assert boot.kept(cli.folder / "north" / "boot") == boot.current()
    (cli.folder / "north" / "boot").unlink()
    assert cli("send", "north", "statement", "-", "--json", stdin='{"text": "x"}').code == "log.unsure"


def test_where_the_system_gives_no_id_every_opening_is_a_new_start(cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert boot.current(tmp_path / "nothing") is None
    assert boot.current() == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    monkeypatch.setattr(boot, "current", lambda: None)
    assert cli("send", "north", "statement", "-", "--json", stdin='{"text": "x"}').code == "log.unsure"
    cli.good("send", "north", "statement", "-", "--not-restored", stdin='{"text": "x"}')
    assert cli("send", "north", "statement", "-", "--json", stdin='{"text": "x"}').code == "log.unsure"


def test_beside_serve_a_message_waits_for_the_answer_that_the_lines_ask_for(tmp_path: Path) -> None:
    cli = joined(tmp_path, (f"http://127.0.0.1:{free_port()}", f"http://127.0.0.1:{free_port()}"))
    cli.send("north", "statement", text="before")
    put(cli, "north")
    with served(cli, "south"), served(cli, "north"):
        assert cli.send("north", "statement", text="at once, and no flag") == "north/1"
        assert sure(cli)
