"""Two channels under one `serve` on each side, with a guarantor: what happens to one happens to no other. FAULTS I-5, I7."""

from __future__ import annotations

import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen

import pytest

from api.asking import Reply, add_token, ask, node_name
from carriers.sides import Side, end, free_port, make_sides, start

PARTIES = ("north", "south", "mission")
LEVELS = ("military", "political")


@dataclass
class Channel:
    """One channel: its nodes by party, and a sender's token of each."""

    sides: dict[str, Side]
    tokens: dict[str, str]

    def ask(self, slug: str, method: str, path: str, ports: dict[str, int], body: object = None) -> Reply:
        node = node_name(self.sides[slug])
        return ask(ports[slug], method, f"/api/v1/nodes/{node}{path}", self.tokens[slug], body)

    def send(self, slug: str, text: str, ports: dict[str, int]) -> Reply:
        return self.ask(slug, "POST", "/send", ports, {"kind": "statement", "body": {"text": text}})

    def texts(self, slug: str, ports: dict[str, int]) -> list[str]:
        return [one["body"]["text"] for one in self.ask(slug, "GET", "/list?kind=statement", ports).json]


@dataclass
class World:
    """Both channels, and for each party one process that serves its two nodes on one port."""

    channels: dict[str, Channel]
    ports: dict[str, int]
    processes: dict[str, Popen[str]]

    def start(self, slug: str) -> None:
        folders = [self.channels[level].sides[slug].folder for level in LEVELS]
        self.processes[slug] = start(*folders, listen=f"127.0.0.1:{self.ports[slug]}")

    def end(self, slug: str) -> None:
        end(self.processes[slug])

    def wait(self, level: str, slug: str, text: str, seconds: float = 20) -> None:
        began = time.perf_counter()
        while text not in self.channels[level].texts(slug, self.ports):
            assert time.perf_counter() - began < seconds, (level, slug, text)
            time.sleep(0.05)


@contextmanager
def _world(base: Path) -> Iterator[World]:
    ports = {slug: free_port() for slug in PARTIES}
    urls = {f"{slug}:guarantor" if slug == "mission" else slug: f"http://127.0.0.1:{ports[slug]}" for slug in PARTIES}
    channels = {}
    for level in LEVELS:
        sides = make_sides(base / level, urls, {"name": f"{level}-line", "title": f"The {level} line", "level": level})
        channels[level] = Channel(sides, {slug: add_token(side, "test", "sender") for slug, side in sides.items()})
    world = World(channels, ports, {})
    with ExitStack() as stack:
        for slug in PARTIES:
            world.start(slug)
            stack.callback(world.end, slug)
        yield world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with _world(tmp_path) as made:
        yield made


def test_both_channels_exchange_and_neither_knows_the_other(world: World) -> None:
    for level in LEVELS:
        for slug in PARTIES:
            assert world.channels[level].send(slug, f"{level} by {slug}", world.ports).status == 201
    for level, other in (LEVELS, LEVELS[::-1]):
        for slug in PARTIES:
            for by in PARTIES:
                world.wait(level, slug, f"{level} by {by}")
            channel = world.channels[level]
            assert not [text for text in channel.texts(slug, world.ports) if other in text]
            assert other.encode() not in channel.ask(slug, "GET", "/status", world.ports).data
            foreign = f"/api/v1/nodes/{node_name(world.channels[other].sides[slug])}/list"
            assert ask(world.ports[slug], "GET", foreign, channel.tokens[slug]).status == 404
            for path in ("/", "/health"):
                assert level.encode() not in ask(world.ports[slug], "GET", path).data
    began = time.perf_counter()
    while {one["by"] for one in world.channels["military"].ask("north", "GET", "/show/north/0", world.ports).json["receipts"]} < {
        "south",
        "mission",
    }:
        assert time.perf_counter() - began < 20


def test_a_process_that_is_killed_stops_neither_channel_of_the_others_and_gets_both_back(world: World) -> None:
    end(world.processes["south"], signal.SIGKILL)
    for level in LEVELS:
        world.channels[level].send("north", f"{level} meanwhile", world.ports)
        world.wait(level, "mission", f"{level} meanwhile")
    world.start("south")
    for level in LEVELS:
        world.wait(level, "south", f"{level} meanwhile")


def test_a_store_that_takes_nothing_stops_its_own_channel_alone(world: World) -> None:
    military, political = (world.channels[level] for level in LEVELS)
    with sqlite3.connect(military.sides["north"].folder.store_path, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")  # as a program that holds the file
        refused = military.send("north", "lost", world.ports)
        assert (refused.status, refused.code) == (503, "node.locked")
        assert military.ask("north", "GET", "/list", world.ports).status == 200, "it still reads"
        began = time.perf_counter()
        assert political.send("north", "political goes on", world.ports).status == 201
        world.wait("political", "south", "political goes on")
        assert time.perf_counter() - began < 5
        assert political.ask("north", "GET", "/status", world.ports).json["health"] == "ok"
        other.execute("ROLLBACK")
    other.close()
    assert military.send("north", "military again", world.ports).status == 201
    world.wait("military", "south", "military again")
