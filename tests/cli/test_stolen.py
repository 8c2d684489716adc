"""Three nodes served as processes of their own, over loopback: north's keys are rotated, its phone is stolen, a new one takes its place."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ceasewire.folder import Folder
from ceasewire.processes import free_port, serving
from cli.driving import INCIDENT, TOML, Cli

SLUGS = ("north", "south", "mission")
SECONDS = 60.0


def founded(folder: Path) -> Cli:
    """North, south and a guarantor, joined; each has an address on this machine, and its recovery key is on a stick."""
    cli = Cli(folder)
    (folder / "line.toml").write_text(TOML)
    (folder / "stick").mkdir()
    for slug in SLUGS:
        role = "guarantor" if slug == "mission" else "party"
        url = f"http://127.0.0.1:{free_port()}"
        cli.good("init", slug, "--party", slug, "--name", slug.title(), "--role", role, "--url", url, "--no-passphrase")
        (folder / f"{slug}.card").write_text(cli("card", slug).out)
        shutil.move(folder / slug / f"recovery-{slug}.txt", folder / "stick")
    cli.good("charter", "draft", "line.toml", *(f"{slug}.card" for slug in SLUGS), "-o", "line.charter")
    for command in ("sign", "join"):
        for slug in SLUGS:
            cli.good(*(("charter", "sign") if command == "sign" else ("join",)), slug, "line.charter")
    return cli


@contextmanager
def served(cli: Cli, *slugs: str) -> Iterator[None]:
    with serving({slug: Folder(cli.folder / slug) for slug in slugs}, lambda _: None):
        yield


def until(what: Callable[[], Any], wanted: Callable[[Any], bool]) -> Any:
    """What `what` gives, once it is as wanted."""
    deadline = time.monotonic() + SECONDS
    while not wanted(found := what()):
        assert time.monotonic() < deadline, found
        time.sleep(0.2)
    return found


def receipted(cli: Cli, node: str, ref: str, *by: str) -> None:
    until(lambda: cli.good("show", node, ref)["receipts"], lambda found: {one["by"] for one in found} >= set(by))


@pytest.mark.slow
def test_keys_are_rotated_and_a_phone_is_stolen(tmp_path: Path) -> None:
    cli = founded(tmp_path)
    key = ("--recovery-file", "stick/recovery-north.txt")
    with served(cli, "south", "mission"):
        with served(cli, "north"):
            receipted(cli, "north", cli.send("north", "notification", **INCIDENT), "south", "mission")
            locked = cli("keys", "rotate", "north", *key, "--json")
            assert (locked.status, locked.code) == (2, "node.locked")
        rotated = cli.good("keys", "rotate", "north", *key)["log"]
        with served(cli, "north"):
            after = cli.send("north", "statement", text="under new keys")
            assert after == f"{rotated}/1"
            receipted(cli, "north", after, "south", "mission")

            # A phone of north's own, which has no address: it calls.
            phone = cli.good("keys", "device", "north", "phone", *key, "--no-passphrase")["log"]
            reports = cli.good("sync", "phone")
            assert {one["peer"] for one in reports} == {rotated, "south", "mission"}
            seen = cli.send("phone", "statement", text="from the ridge")
            cli.good("sync", "phone")
            receipted(cli, "south", seen, "south")
            texts = [one["body"]["text"] for one in cli.good("list", "phone", "--kind", "statement")]
            assert sorted(texts) == ["from the ridge", "under new keys"]

            # It is stolen. The office opens a successor on another, which tells the others.
            size = cli.good("keys", "list", "north")[-1]["size"]
            made = cli.good("keys", "device", "north", "tablet", *key, "--replaces", phone, "--no-passphrase")
            assert (made["replaces"], made["size"]) == (phone, next(one["size"] for one in keys(cli, "north") if one["log"] == phone))
            cli.good("sync", "tablet")
            until(lambda: keys(cli, "mission"), lambda logs: any(made["log"] in one["replaced_by"] for one in logs))

            # The thief, who has heard nothing, gives in on north's behalf, to the guarantor alone.
            stolen = cli.send("phone", "statement", text="we give up the ridge")
            thief = cli("sync", "phone", "--peer", "mission", "--json")
            assert (thief.status, thief.json[0]["error"]) == (1, "log.replaced")
            assert cli("send", "phone", "statement", "-", "--json", stdin='{"text": "again"}').code == "log.replaced"
            assert cli.good("status", "phone")["health"] == "log.replaced"

            # Everyone shows the same, and that message as void.
            for node in ("south", "mission", "north", "tablet"):
                cli("sync", node)
                until(lambda node=node: voids(cli, node), lambda found: found.get(stolen) == "log.replaced")  # type: ignore[misc]
            lists = until(
                lambda: (cli("sync", "tablet"), [cli.good("list", node) for node in ("north", "south", "mission", "tablet")])[1],
                lambda found: all(one == found[0] for one in found),
            )
            assert [one["ref"] for one in lists[0] if one["void"]] == [stolen]
            assert size >= 1
            for node in ("north", "south", "mission"):
                assert cli.good("cases", node) == cli.good("cases", "south")
                assert cli.good("status", node)["health"] == "ok"
    for node in (*SLUGS, "phone", "tablet"):
        assert cli.good("fsck", node)["clean"], node


def keys(cli: Cli, node: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = cli.good("keys", "list", node)
    return found


def voids(cli: Cli, node: str) -> dict[str, str | None]:
    return {one["ref"]: one["void"] for one in cli.good("list", node)}
