"""Runs the demo: founds a channel, starts three nodes as processes of their own, plays the day, proves, verifies, compares."""

from __future__ import annotations

import signal
import socket
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from ..errors import LocalError
from ..folder import Folder
from ..processes import free_port, serving
from ..record import fingerprint
from . import checking, story
from .checking import Outcome
from .desks import PASSWORD, Person, links, make_people, write_codes
from .founding import found_channel, make_hands, make_node
from .playing import Players

Say = Callable[[str], None]
_CODES_SECONDS = 5


def run(*, port: int, check: bool, say: Say, folder: Path | None = None) -> Outcome:
    """Run it in `folder` (default: a temporary one). With `check`, end when all is verified; else leave the status pages open until
    interrupted. `say` gets a line for people at each step. Raises LocalError if a port is taken or a node does not start."""
    ports = [free_port() for _ in story.PARTIES] if check else list(range(port, port + len(story.PARTIES)))
    for taken in () if check else ports:
        _check_free(taken)
    with _ended_by_signals(), _place(folder, keep=not check) as base:
        outcome = Outcome(base)
        say("EXERCISE. Two neutral parties, north and south, and a guarantor, mission, on this machine.")
        nodes = {slug: make_node(base, slug, number) for slug, number in zip(story.PARTIES, ports, strict=True)}
        hands, people = (make_hands(list(nodes)), []) if check else make_people(nodes)
        charter = found_channel(base, nodes, hands)
        say(f"All made keys, signed one charter and joined. The channel's fingerprint: {fingerprint.words(charter.channel_id)}")
        with serving(nodes, say):
            with ExitStack() as stack:
                Players(nodes, hands, stack).play(outcome.played, say)
            checking.compare(nodes, outcome, say)
            checking.write_proofs(base, nodes, outcome)
            if not check:
                checking.verify(base, charter, outcome, say)
                with ExitStack() as stack:
                    Players(nodes, hands, stack).leave_open()
                _leave_open(nodes, ports, people, outcome, say)
        if check:
            say("All nodes are stopped. A second process, with the proofs and the charter alone, verifies:")
            checking.verify(base, charter, outcome, say)
        return outcome


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """However it is ended, the nodes that it started must end with it."""
    before = {number: signal.signal(number, signal.default_int_handler) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _place(folder: Path | None, *, keep: bool) -> Iterator[Path]:
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
    elif keep:
        yield Path(tempfile.mkdtemp(prefix="ceasewire-demo-"))
    else:
        with tempfile.TemporaryDirectory(prefix="ceasewire-demo-") as name:
            yield Path(name)


def _check_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise LocalError("usage", f"port {port} is in use; choose another with --port") from None


def _leave_open(nodes: dict[str, Folder], ports: Sequence[int], people: Sequence[Person], outcome: Outcome, say: Say) -> None:
    if outcome.failures:
        return
    base, codes = outcome.folder, outcome.folder / "officers.txt"
    for line in links(nodes, ports):
        say(line)
    write_codes(codes, people, int(time.time()))
    say(f"To release a message: the password is {PASSWORD!r}, the codes are in {codes}, which is renewed.")
    pages = ", ".join(f"http://localhost:{port} ({slug})" for slug, port in zip(story.PARTIES, ports, strict=True))
    say(f"Status pages: {pages}. What was said, in words: {base / 'transcript.txt'}. Files: {base}. Ctrl-C ends it.")
    with suppress(KeyboardInterrupt):
        while True:
            time.sleep(_CODES_SECONDS)
            write_codes(codes, people, int(time.time()))
