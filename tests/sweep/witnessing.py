"""The scene of a witness: a log brings a checkpoint, and the witness breaks while it remembers and cosigns it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from ceasewire.carriers.logs import open_log
from ceasewire.errors import CeasewireError
from ceasewire.tlog.witness import Request
from ceasewire.witness.place import Place
from ceasewire.witness.serving import Witnessing
from cli.driving import Cli
from sweep.talking import failed
from witness.foreign import ForeignLog

OLD: Final = 3
NEW: Final = 8
LOG: Final = ForeignLog()
OTHER: Final = ForeignLog(face="b", parts=OLD)
"""The same log with another history from OLD on."""
_CONFLICT: Final = 409


def prepare(path: Path) -> None:
    """A witness that has cosigned the log's first messages."""
    path.mkdir()
    cli = Cli(path)
    cli.good("witness", "key", "tower", "--name", "tower.example/w")
    cli.good("witness", "add", "tower", LOG.signing.key.text())
    assert asked(path, LOG.request(0, OLD))[0] == 200


def asked(path: Path, request: Request) -> tuple[int, bytes]:
    """What the witness answers to an add-checkpoint, without the network: status and body."""
    place = Place(path / "tower")
    with place.locked(), place.ledger() as ledger:
        witness = Witnessing(place.key(), ledger, open_log(), lambda: 1_800_000_000)
        try:
            answer = witness._answer(request.encode())
        finally:
            witness.close()
    return answer.status_code, bytes(answer.body)


def act() -> int:
    """The log's next checkpoint, in the working directory."""
    try:
        status, body = asked(Path(), LOG.request(OLD, NEW))
        print(json.dumps({"status": status, "body": body.decode()}), flush=True)
    except (CeasewireError, OSError) as error:
        return failed(error)
    return int(status != 200)


def done(_: Path, answer: Any) -> bool:
    """The answer holds a cosignature by the witness."""
    return answer is None or "tower.example/w" in answer["body"]


def after(path: Path, left: bool) -> list[str]:
    """Once a cosignature has left, no other history of its size is ever cosigned; and the log itself goes on in any case."""
    if left and asked(path, OTHER.request(OLD, NEW))[0] == 200:
        return ["the witness cosigned a second history"]
    status, body = asked(path, LOG.request(OLD, NEW))
    if status == _CONFLICT:
        status, _ = asked(path, LOG.request(int(body), NEW))
    wrong = [] if status == 200 else [f"the witness does not go on: {status}"]
    if asked(path, OTHER.request(NEW, NEW))[0] == 200:
        wrong.append("the witness cosigned a second history")
    strays = {one.name for one in (path / "tower").iterdir()} - {"key", "mark", "lock", "witness.sqlite"}
    return wrong + [f"left in tower: {name}" for name in sorted(strays) if not name.startswith("witness.sqlite-")]
