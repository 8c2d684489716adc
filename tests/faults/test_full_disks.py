"""F6: a disk that is full, has no more files, or may only be read. What was said stays, reading and proving go on, sending says why it
cannot, and does it again by itself once there is room."""

from __future__ import annotations

import http.client
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from carriers.sides import end, make_sides, start
from ceasewire.carriers.control import call
from ceasewire.errors import LocalError
from ceasewire.store import sqlite
from cli.driving import Cli
from faults.mounts import fill, in_memory, read_only
from helpers import local
from sweep.scenes import killed_before, talked

PLAIN = {"disk.failed", "file.unwritable"}
"""Codes that tell an operator to look at the disk."""
SEND = ("send", "north", "statement", "hello.json", "--json")
STATEMENT = {"op": "send", "kind": "statement", "json": {"text": "hello"}}


@contextmanager
def small(size: int = 8 * 1024**2, inodes: int = 0) -> Iterator[tuple[Cli, Path, Path]]:
    """Two nodes that talked on a small disk: the commands there, the disk, and a folder elsewhere."""
    with in_memory(size, inodes) as place, in_memory(8 * 1024**2) as elsewhere:
        yield talked(place / "nodes"), place, elsewhere


def reads(cli: Cli, elsewhere: Path, messages: int) -> None:
    """All that needs no writing works, and so does what is written elsewhere."""
    assert len(cli.good("list", "north")) == messages
    assert cli.good("status", "north")
    assert cli.good("fsck", "north")["clean"]
    assert cli.good("show", "north", "north/0")["ref"] == "north/0"
    assert cli.good("cases", "north") == []
    proof, charter = elsewhere / "proof", elsewhere / "line.charter"
    cli.good("prove", "north", "north/0", "-o", proof)
    shutil.copyfile(cli.folder / "line.charter", charter)
    assert cli("verify", proof, "--charter", charter).status == 0


def refused(cli: Cli) -> str:
    """A send says that the disk is why, and what to do; its code."""
    done = cli(*SEND)
    assert done.status == 2, done
    assert done.code in PLAIN, done
    assert done.json["error"]["step"]
    assert "Traceback" not in done.err
    return str(done.code)


def test_f6_a_disk_that_fills_up_at_each_step_of_sending() -> None:
    with small() as (cli, place, elsewhere):
        sent = failed = 0
        for left in range(0, 160 * 1024, 8192):
            fill(place, left)
            done = cli(*SEND)
            assert done.status == 0 or done.code in PLAIN, (left, done)
            sent, failed = sent + (done.status == 0), failed + (done.status != 0)
            (place / "filler").unlink()
        assert min(sent, failed) > 1, "neither too little room nor enough was tried"
        fill(place, 0)
        refused(cli)
        reads(cli, elsewhere, 6 + sent)
        (place / "filler").unlink()
        cli.good(*SEND[:-1])
        assert cli.carry("north", "south")["received"] == sent + 1
        cli.carry("south", "north")
        for slug in ("north", "south"):
            assert cli.good("fsck", slug)["clean"]
            assert len(cli.good("list", slug)) == 7 + sent


def test_f6_a_store_whose_last_process_was_killed_is_read_on_a_full_disk() -> None:
    with in_memory(8 * 1024**2) as place, in_memory(8 * 1024**2) as elsewhere:
        killed_before(place / "nodes")
        cli = Cli(place / "nodes")
        assert (cli.folder / "north" / "store.sqlite-wal").stat().st_size > 0
        fill(place, 0)
        reads(cli, elsewhere, 9)
        (place / "filler").unlink()
        read_only(place, True)
        reads(cli, elsewhere, 9)
        read_only(place, False)
        cli.good(*SEND[:-1])


def test_f6_a_disk_that_may_only_be_read_is_read() -> None:
    with small() as (cli, place, elsewhere):
        read_only(place, True)
        refused(cli)
        reads(cli, elsewhere, 6)
        read_only(place, False)
        cli.good(*SEND[:-1])
        reads(cli, elsewhere, 7)


def test_f6_a_disk_without_room_for_one_more_file() -> None:
    with small(inodes=400) as (cli, place, elsewhere):
        count = 0
        while True:
            try:
                (place / f"file {count}").touch()
            except OSError:
                break
            count += 1
        refused(cli)
        reads(cli, elsewhere, 6)
        for n in range(count):
            (place / f"file {n}").unlink()
        cli.good(*SEND[:-1])


@pytest.mark.slow
def test_f6_a_node_that_serves_says_so_and_goes_on_when_there_is_room() -> None:
    with in_memory(24 * 1024**2) as place:
        sides = make_sides(place, {"north": None, "south": None})
        control = sides["north"].folder.control_path
        process = start(sides["north"].folder)
        try:
            sent = [call(control, STATEMENT)["ref"]]
            fill(place, 0)
            codes = [tried(control, sent) for _ in range(60)]
            assert set(filter(None, codes)) == {"disk.failed"}, codes
            assert health(sides["north"].port) == "disk.failed"
            with sides["north"].folder.view() as view:
                assert [one["ref"] for one in view.messages()] == sent
            os.unlink(place / "filler")
            sent.append(call(control, STATEMENT)["ref"])
            assert health(sides["north"].port) == "ok"
        finally:
            _, status, _, error = end(process)
        assert (status, "Traceback" in error) == (0, False)
        with sides["north"].folder.node(None, 0) as node:
            assert [one["ref"] for one in node.messages()] == sent


def health(port: int) -> str:
    """What the node's page for monitors says of it."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/health")
        return str(json.loads(connection.getresponse().read())["nodes"][0]["health"])
    finally:
        connection.close()


def tried(control: Path, sent: list[Any]) -> str | None:
    """One more message: its reference goes to `sent`, or why it was not taken."""
    try:
        sent.append(call(control, {"op": "send", "kind": "statement", "json": {"text": "x" * 8000}})["ref"])
    except LocalError as error:
        return error.code
    return None


def test_a_store_is_not_read_without_its_log() -> None:
    """Where the log cannot be read, its messages are not left out as if they had never been."""
    with small() as (cli, place, _):
        north = cli.folder / "north"
        (north / "store.sqlite-wal").write_bytes(b"x")
        read_only(place, True)
        with local("disk.failed"):
            sqlite.open_still(north / "store.sqlite")
