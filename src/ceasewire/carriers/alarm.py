"""The operator's own alarm: a flash also runs a command, so that a closed browser does not sleep through it.

The command is run without a shell, its words split as a POSIX shell would split them. It learns which message it is, in the variable
CEASEWIRE_REF (as south/12), and nothing of what that says. It runs once a message, held or
admitted; flashes that come while it runs, or within ten
seconds after it began, are told by one more run with the newest of them. It is ended after a minute.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import subprocess
import sys
from collections.abc import Collection
from typing import Final

from ..errors import LocalError
from .logs import Log

GAP_SECONDS: Final = 10.0
RUN_SECONDS: Final = 60.0
_REMEMBERED: Final = 10_000


def split_command(command: str) -> list[str]:
    """The words of an alarm command. Raises LocalError usage."""
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise LocalError("usage", f"--alarm-command: {error}") from None
    if not words:
        raise LocalError("usage", "--alarm-command is empty")
    return words


class Alarm:
    """Runs the command of one process that serves. `ring` is called in any thread."""

    def __init__(self, words: list[str], log: Log) -> None:
        self._words = words
        self._log = log
        self._loop = asyncio.get_running_loop()
        self._rung = asyncio.Event()
        self._newest = ""
        self._known: dict[tuple[str, bytes], None] = {}

    def ring(self, ref: str, leaves: Collection[bytes]) -> None:
        """A flash has come. `leaves`: the leaf hashes of what may be it, one once it is admitted."""
        self._loop.call_soon_threadsafe(self._ring, ref, leaves)

    def _ring(self, ref: str, leaves: Collection[bytes]) -> None:
        # By its leaf, since what is held may be a forgery, which must not silence what comes in its place.
        told = {(ref, leaf) for leaf in leaves or {b""}}
        if told <= self._known.keys():
            return  # it was held before, and rang then
        self._known |= dict.fromkeys(told)
        while len(self._known) > _REMEMBERED:
            del self._known[next(iter(self._known))]
        self._newest = ref
        self._rung.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._rung.wait()
            self._rung.clear()
            await asyncio.gather(self._command(self._newest), asyncio.sleep(GAP_SECONDS))

    async def _command(self, ref: str) -> None:
        try:
            process = await asyncio.create_subprocess_exec(
                *self._words, stdin=subprocess.DEVNULL, stdout=sys.stderr, env={**os.environ, "CEASEWIRE_REF": ref}
            )
        except OSError as error:
            self._log.error("alarm.failed", detail=type(error).__name__)
            return
        try:
            status = await asyncio.wait_for(process.wait(), RUN_SECONDS)
        except TimeoutError:
            self._log.error("alarm.slow")
            status = 0
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if status:
            self._log.error("alarm.failed", status=status)
