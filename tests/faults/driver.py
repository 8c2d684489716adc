"""A node's process that is killed while it works. Run as `python -m faults.driver FOLDER send|receive|cosign [DISK]`.

Each line of its standard input is `start SECONDS`, `open SECONDS` or `act SECONDS`: it then starts a child that opens the node and works,
kills it with SIGKILL that long after its start, after the node is open, or after its first act, and writes `{"killed": true}`. A child
writes one line of JSON for each act, after the act is durable and never before. Children are forked from a process that has everything
imported. With DISK, where a file system is mounted, its power fails first. Bundles to take are the files of FOLDER/../inbox, in order
of name.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import sys
import time
from pathlib import Path

from ceasewire.folder import Folder
from ceasewire.node.exchange import Exchange
from ceasewire.node.node import Node
from faults.mounts import cut

PROGRESS: list[int] = []
"""Of a child: the pipe on which its parent waits for the first act, until it has happened."""


def tell(**what: object) -> None:
    """One line, in one write: a reader sees all of it or none."""
    os.write(1, json.dumps(what).encode() + b"\n")
    if PROGRESS:
        os.write(PROGRESS.pop(), b"x")


def note(node: Node, log: int) -> str:
    """The newest checkpoint of a log with all its signatures, as it would leave."""
    kept = node.store.newest_checkpoint(log)
    return node.note(kept).encode().decode() if kept else ""


def send(node: Node) -> None:
    """Send one message, then three at a time, for ever."""
    while True:
        for count in (1, 1, 3):
            sent = node.send_many([("statement", {"text": f"{os.getpid()} {n}"}) for n in range(count)])
            tell(acknowledged=[one.index for one in sent], note=note(node, node.own))


def receive(node: Node, inbox: Path, *, answer: bool) -> None:
    """Take every bundle that brings something new; with `answer`, let the receipt leave."""
    exchange, peer = Exchange(node), 1 - node.own
    for path in sorted(inbox.iterdir()):
        if int(path.stem) <= node.store_size(peer):
            continue
        exchange.receive(path.read_bytes())
        tell(acknowledged=[node.store_size(peer) - 1], note=note(node, peer))
        if answer:
            data = exchange.compose(peer).data
            tell(bundle=base64.b64encode(data).decode(), note=note(node, peer))
    tell(empty=True)


def work(folder: Path, act: str, opened: int) -> None:
    """What a child does until it is killed."""
    with Folder(folder).node(None) as node:
        os.write(opened, b"x")
        PROGRESS.append(opened)
        if act == "send":
            send(node)
        receive(node, folder.parent / "inbox", answer=act == "cosign")


def main() -> None:
    """Start children and kill them."""
    folder, act = Path(sys.argv[1]), sys.argv[2]
    for line in sys.stdin:
        since, seconds = line.split()
        told, opened = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                work(folder, act, opened)
                time.sleep(60)  # until it is killed
            finally:
                os._exit(1)
        os.close(opened)
        for _ in range(("start", "open", "act").index(since)):
            os.read(told, 1)  # or nothing, if the child has ended
        time.sleep(float(seconds))
        if len(sys.argv) > 3:
            cut(Path(sys.argv[3]))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        os.close(told)
        # Without its disk a child may end by itself, and says nothing any more that counts.
        tell(killed=len(sys.argv) > 3 or (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL))


if __name__ == "__main__":
    main()
