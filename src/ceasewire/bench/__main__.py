"""`./run bench`: parse, measure with progress on standard error, print."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import Progress

from .asked import compared
from .attacks import ATTACKS
from .bulk import bulk, outage
from .channel import Result, Say
from .growth import growth
from .hostile import hostile
from .single import senders, single
from .table import table

BULK: Final = 10_000
SINGLES: Final = 200
EACH: Final = 50
ENTRIES: Final = 50_000
Part = Callable[[Path, Say], Result]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./run bench", description="What the channel costs, beside the floor.")
    parser.add_argument("--json", action="store_true", help="one JSON value on standard output")
    parser.add_argument("--check", action="store_true", help="say what is asked of each number, and exit with 1 where one does not hold")
    parser.add_argument("--messages", type=int, default=BULK, help="messages in bulk and after an outage (default %(default)s)")
    parser.add_argument("--singles", type=int, default=SINGLES, help="messages one by one (default %(default)s)")
    parser.add_argument("--each", type=int, default=EACH, help="messages of each of the sixteen senders (default %(default)s)")
    parser.add_argument("--away", type=float, default=20.0, metavar="SECONDS", help="how long the outage lasts (default %(default)s)")
    parser.add_argument(
        "--grow", type=int, default=ENTRIES, metavar="ENTRIES", help="grow a log to this size (default %(default)s; 1000000: some minutes)"
    )
    parser.add_argument("--cache", type=Path, metavar="FOLDER", help="keep the grown log here for the next time")
    parser.add_argument("--hostile", action="store_true", help="also measure beside a party with real keys that means harm")
    parser.add_argument("--attack", choices=list(ATTACKS), action="append", help="only this attack; may be repeated")
    parser.add_argument(
        "--only", choices=["bulk", "outage", "single", "senders", "growth", "hostile"], action="append", help="only this part"
    )
    return parser


def main() -> int:
    """Measure each part that was asked for; 1 if one was to be checked and does not hold what is asked."""
    asked = _parser().parse_args()
    parts: dict[str, Part] = {
        "bulk": lambda base, say: bulk(base, asked.messages, say),
        "outage": lambda base, say: outage(base, asked.messages, asked.away, say),
        "single": lambda base, say: single(base, asked.singles, say),
        "senders": lambda base, say: senders(base, asked.each, say),
        "growth": lambda base, say: growth(base, asked.grow, asked.cache, say),
        "hostile": lambda base, say: hostile(base, asked.singles, say, asked.attack),
    }
    hostile_too = asked.hostile or asked.attack
    chosen = asked.only or [name for name in parts if name != "hostile" or hostile_too]
    result: Result = {"growth": {"p50_1k_ms": None, "p50_1m_ms": None}}
    with Progress(console=Console(stderr=True), transient=True) as progress, tempfile.TemporaryDirectory(prefix="ceasewire-bench-") as name:
        task = progress.add_task("start", total=len(chosen))
        for title in chosen:
            base = Path(name) / title
            base.mkdir()
            result |= parts[title](base, lambda what: progress.update(task, description=what))
            progress.advance(task)
    print(json.dumps(result) if asked.json else table(result))
    if not asked.check:
        return 0
    lines = list(compared(result))
    print(*(line for line, _ in lines), sep="\n", file=sys.stderr if asked.json else sys.stdout)
    return int(any(holds is False for _, holds in lines))


if __name__ == "__main__":
    sys.exit(main())
