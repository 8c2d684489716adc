"""The scene of a talk: north sends and lets a bundle leave, three times over. What has left stays true, wherever north breaks."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from ceasewire.errors import CeasewireError, PeerError
from ceasewire.exchange import bundle
from ceasewire.folder import Folder
from ceasewire.node.exchange import Exchange

TIMES: Final = 3
LEFT: Final = tuple(f"left{n}.bundle" for n in range(TIMES))


def act() -> int:
    """Send and compose, in the working directory. A bundle has left once its file is whole."""
    try:
        with Folder(Path("north")).node(None) as node:
            exchange = Exchange(node)
            for n, name in enumerate(LEFT):
                node.send("statement", {"text": f"said {n}"})
                Path(name).write_bytes(exchange.compose(1 - node.own).data)
        print(json.dumps({"left": len(LEFT)}), flush=True)
    except (CeasewireError, OSError) as error:
        return failed(error)
    return 0


def failed(error: CeasewireError | OSError) -> int:
    """Say why, as a command does: in JSON, and for people."""
    code = error.code if isinstance(error, CeasewireError) else "file.unwritable"
    for stream, text in ((sys.stderr, f"failed [{code}]"), (sys.stdout, json.dumps({"error": {"code": code}}))):
        with suppress(OSError):
            print(text, file=stream, flush=True)
    return 2


def arrived(path: Path, answer: Any) -> bool:
    """South takes all that has left, and nothing of it is refused."""
    taken = 0
    with Folder(path / "south").node(None, 0) as node:
        exchange = Exchange(node)
        for name in LEFT:
            data = (path / name).read_bytes() if (path / name).exists() else b""
            try:
                if not data or bundle.split(data, 0) != data:
                    continue
            except PeerError:
                continue  # it was being written, and did not leave
            received = exchange.receive(data)
            if received.refused or received.held:
                return False
            taken += 1
    return answer is None or taken == answer["left"]
