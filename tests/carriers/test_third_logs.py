"""A guarantor passes on what two parties do not bring each other, within seconds, by real processes on loopback."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from ceasewire.carriers import control
from ceasewire.folder import Folder
from ceasewire.processes import free_port, serving, wait
from ceasewire.record.card import Card
from ceasewire.record.charter import open_charter
from ceasewire.record.draft import from_toml

SECONDS = 15.0  # a poll alone would take 25


def found(base: Path, urls: dict[str, str]) -> dict[str, Folder]:
    """Nodes of a new channel, by slug; `mission` is the guarantor. A party without a URL cannot be called."""

    def party(slug: str) -> Folder:
        role = "guarantor" if slug == "mission" else "party"
        return Folder.create(base / slug, lambda keys, recovery: Card(slug, slug.title(), role, urls[slug], keys, recovery), None)

    nodes = {slug: party(slug) for slug in urls}
    signed = from_toml({"name": "third", "title": "Third logs"}, [node.card()[2] for node in nodes.values()])
    for node in nodes.values():
        with node.pen(None) as pen:
            signed = signed.sign(node.position(signed), {"ed25519": pen.sign_log, "mldsa44": pen.sign_log_mldsa})
    data = signed.encode()
    for node in nodes.values():
        node.join(open_charter(data, complete=True), data)
    return nodes


def test_a_message_reaches_the_other_party_by_way_of_the_guarantor(tmp_path: Path) -> None:
    """North and south can both call the guarantor, and nobody can call them."""
    nodes = found(tmp_path, {"mission": f"http://127.0.0.1:{free_port()}", "north": "", "south": ""})
    with ExitStack() as stack:
        stack.enter_context(serving({"mission": nodes["mission"]}, print))
        for slug in ("north", "south"):
            command = [sys.executable, "-m", "ceasewire", "serve", str(nodes[slug].path), "--listen", f"127.0.0.1:{free_port()}"]
            process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
            stack.callback(process.wait, 10)
            stack.callback(process.terminate)
            wait(nodes[slug].control_path.exists, 30, f"{slug} to start", process)
        south = stack.enter_context(nodes["south"].view())
        time.sleep(2)  # the polls of both are held by then
        began = time.monotonic()
        control.call(nodes["north"].control_path, {"op": "send", "kind": "statement", "json": {"text": "By way of the guarantor."}})
        wait(lambda: bool(list(south.messages(kind="statement"))), SECONDS, "north's statement at south")
        print(f"{time.monotonic() - began:.1f} s")
        north = stack.enter_context(nodes["north"].view())
        wait(lambda: {r["by"] for r in north.receipts(north.ref("north/0"))} == {"mission", "south"}, SECONDS, "south's receipt at north")
        print(f"{time.monotonic() - began:.1f} s")
