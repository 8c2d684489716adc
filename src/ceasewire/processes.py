"""Nodes as processes of their own on this machine, for the demo and the bench: started, waited for, and ended by the ids we started."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from typing import Final
from urllib.parse import urlsplit

from .errors import LocalError
from .folder import Folder

START_SECONDS: Final = 30.0
STOP_SECONDS: Final = 10.0


def free_port() -> int:
    """A loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        found: int = probe.getsockname()[1]
        return found


def wait(ready: Callable[[], bool], seconds: float, what: str, process: subprocess.Popen[bytes] | None = None) -> None:
    """Wait until `ready`. Raises LocalError net.unreachable after so many seconds, or when `process` ends first."""
    deadline = time.monotonic() + seconds
    while not ready():
        if process is not None and process.poll() is not None:
            raise LocalError("net.unreachable", f"waited for {what}, but its process ended; its serve.log says why")
        if time.monotonic() > deadline:
            raise LocalError("net.unreachable", f"waited {seconds:.0f} s for {what}")
        time.sleep(0.002)


def _answers(node: Folder) -> bool:
    """Whether a node serves: its control socket is there, and its port, if it has a URL, takes connections."""
    if not node.control_path.exists():
        return False
    url = urlsplit(node.card()[0].url)
    try:
        with socket.create_connection(("127.0.0.1", url.port), timeout=1) if url.port else nullcontext():
            return True
    except OSError:
        return False


@contextmanager
def serving(nodes: dict[str, Folder], say: Callable[[str], None]) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Each node served by a process of its own. Raises LocalError net.unreachable when one does not start."""
    command = [sys.executable, "-m", "ceasewire", "serve"]
    running: list[subprocess.Popen[bytes]] = []
    try:
        for node in nodes.values():
            with (node.path / "serve.log").open("wb") as log:
                running.append(subprocess.Popen([*command, str(node.path)], stdout=log, stderr=log, stdin=subprocess.DEVNULL))  # noqa: S603
        for node, process in zip(nodes.values(), running, strict=True):
            wait(partial(_answers, node), START_SECONDS, f"{node.path.name} to start", process)
        say(f"The nodes serve, as processes {' and '.join(str(process.pid) for process in running)}.")
        yield running
    finally:
        for process in running:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
        for process in running:
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
