# ruff: noqa: PLC0415 - each command imports its own part of the program, so that all of them start fast
"""`prove --silence`, and what `verify` says of such a proof to people."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import LocalError
from . import files
from .access import reading
from .answer import Answer, error_json, tell
from .screen import Screen, counted

if TYPE_CHECKING:
    from ..verifier import Report

_SENT = "silence.broken"


def prove_silence(node: Path, kind: str, by: str | None, period: tuple[str | None, str | None], output: Path) -> Answer:
    """A proof that a party sent no message of the kind in the period; status 1, and no file, if it did. Raises LocalError usage,
    silence.*, file.unwritable."""
    from ..node import silence
    from ..node.asking import kind_of, party_of

    start, to = period
    if by is None or start is None or to is None:
        raise LocalError("usage", "--silence goes with --by SLUG, --from TIME and --to TIME")
    times = (_time("--from", start), _time("--to", to))
    with reading(node) as view:
        asked = (view, kind_of(kind), party_of(view.channel, by), *times)
        try:
            data = silence.prove(*asked)
        except LocalError as error:
            if error.code != _SENT:
                raise
            tell("ceasewire: ", str(error))
            return Answer(error_json(error), lambda screen: None, status=1)
        late = list(silence.dated(*asked))
    files.write(output, data)
    proved = {"silence": kind, "by": by, "from": start, "to": to, "file": str(output), "bytes": len(data), "late": late}

    def human(screen: Screen) -> None:
        screen.line(f"proof that {by} sent no {kind}: ", str(output), f", {counted(len(data), 'byte')}")

    notes = (f"dated within that time, and not there until later: {', '.join(late)}",) if late else ()
    return Answer(proved, human, notes=notes)


def _time(option: str, text: str) -> int:
    from ..record.notation import Wrong, parse_time

    try:
        return parse_time(text)
    except Wrong as wrong:
        raise LocalError("usage", f"{option} is {wrong}") from None


def show_silence(screen: Screen, report: Report) -> None:
    """What a silence proof that holds says: its verdict, and the logs that it shows."""
    found = report.about["silence"]
    if not isinstance(found, dict):
        return
    screen.gap()
    screen.heading(str(found["sentence"]))
    screen.line(f"asked for: {found['from']} to {found['to']}", indent=2)
    if found["weaker"]:
        screen.line(f"WEAKER: by the word of {found['receiver']} alone; no third party vouches for it", indent=2, style="bold")
    for log in found["logs"]:
        count = int(log["to"]) - int(log["from"])
        what = f"entries {log['from']} to {int(log['to']) - 1}" if count else "no entry"
        screen.line(str(log["log"]), f": {what}, none a {found['kind']}", indent=2)
