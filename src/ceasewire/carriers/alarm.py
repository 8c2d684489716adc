"""The operator's own alarm: a flash, or a line that needs a person, also runs a command, so that a closed browser does not sleep
through it.

The command is run without a shell, its words split as a POSIX shell would split them. CEASEWIRE_ALARM says what it is: `flash`, or the
code of another alarm (node/schedule.py). CEASEWIRE_REF says about what: the message (as south/12), or the log or party; nothing of what a
message says. It runs once a message, held or admitted, and once for each alarm until that has ended; what comes while it
runs, or within ten seconds after it began, is told by one more run of each kind with the newest of them, flashes first. It is ended
after a minute. What goes outward (outward.py) is such a command too, run once a minute at most.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Final, TextIO

from ..errors import LocalError
from .logs import Log

GAP_SECONDS: Final = 10.0
RUN_SECONDS: Final = 60.0
OUTWARD_GAP_SECONDS: Final = 60.0
FLASH: Final = "flash"
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

    failed = "alarm.failed"
    output: int | TextIO = sys.stderr
    errors: int | None = None  # as ours

    def __init__(self, words: list[str], log: Log) -> None:
        self._words = words
        self._log = log
        self._loop = asyncio.get_running_loop()
        self._rung = asyncio.Event()
        self._newest: dict[str, str] = {}  # alarm -> about what
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
        self._begun(FLASH, ref)

    def tell(self, alarm: str, about: str) -> None:
        """An alarm has begun. In the event loop."""
        self._begun(alarm, about)

    def _begun(self, alarm: str, about: str) -> None:
        self._newest[alarm] = about
        self._rung.set()

    @staticmethod
    def gap() -> float:
        """Seconds from one run's beginning to the next."""
        return GAP_SECONDS

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._rung.wait()
            alarm = FLASH if FLASH in self._newest else next(iter(self._newest))
            about = self._newest.pop(alarm)
            if not self._newest:
                self._rung.clear()
            await asyncio.gather(self._command(alarm, about), asyncio.sleep(self.gap()))

    async def _command(self, alarm: str, about: str) -> None:
        environment = {**os.environ, "CEASEWIRE_ALARM": alarm, "CEASEWIRE_REF": about}
        try:
            process = await asyncio.create_subprocess_exec(
                *self._words, stdin=subprocess.DEVNULL, stdout=self.output, stderr=self.errors, env=environment
            )
        except OSError as error:
            self._log.error(self.failed, detail=type(error).__name__)
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
            self._log.error(self.failed, status=status)


class Outward(Alarm):
    """Sends the alarms of one node to what its file `alarms` names, and passes them to the operator's own command, if there is one.

    What the program prints is dropped: it may hold a URL, whose secret belongs into no log.
    """

    failed = "alarm.outward_failed"
    output = errors = subprocess.DEVNULL

    def __init__(self, path: Path, log: Log, also: Alarm | None) -> None:
        super().__init__([sys.executable, "-m", "ceasewire.outward", str(path)], log)
        self._also = also

    @staticmethod
    def gap() -> float:
        """As of Alarm."""
        return OUTWARD_GAP_SECONDS

    def ring(self, ref: str, leaves: Collection[bytes]) -> None:
        """As of Alarm."""
        if self._also is not None:
            self._also.ring(ref, leaves)
        super().ring(ref, leaves)

    def tell(self, alarm: str, about: str) -> None:
        """As of Alarm."""
        if self._also is not None:
            self._also.tell(alarm, about)
        super().tell(alarm, about)
