"""What a node does by the clock while it is served: it sends its line checks, and tells of what time alone makes an alarm.

When a line check is due follows from the record, so that a restart, a stop of days or a clock that was set neither forgets one nor sends
two: the last one stands in our own log, and the look at it and the sending are one call in the node's thread. A machine never says
that there is nothing to report; that is a person's watch check (docs/operators.md, "The schedule").
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from ..errors import CeasewireError
from ..limits import CLOCK_TOLERANCE_SECONDS
from ..node import schedule
from ..node.heard import Heard, OwnChecks
from ..node.schedule import Alarm, Facts
from .hub import Hub
from .logs import Log

TURN_SECONDS: Final = 2.0  # how often the clock and the alarms are looked at
RETRY_SECONDS: Final = 30  # after a line check that could not be sent
_LOOKED_FOR: Final = 20  # a look that takes long is followed by so many times as long without one
RING_AFTER_SECONDS: Final = 60  # nobody is told of what others failed to send while it was we who were away


def elapsed() -> float:
    """Seconds that have passed, also while the machine was suspended, whatever the clock on the wall was set to."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass(slots=True)
class Steady:
    """Whether the wall clock goes as time does. `jumped`: it was set ahead by more than clocks may differ, and nobody confirmed it yet."""

    offset: float
    jumped: bool = False

    def look(self, wall: float, passed: float) -> bool:
        """Whether it has jumped ahead. A jump back ends that, and needs no care: no entry is dated before the one it follows."""
        ahead = (wall - passed) - self.offset
        if ahead > CLOCK_TOLERANCE_SECONDS:
            self.jumped = True
        elif ahead < -CLOCK_TOLERANCE_SECONDS:
            self.offset += ahead
        elif self.jumped:  # it was put right again
            self.jumped = False
        return self.jumped

    def trust(self, wall: float, passed: float) -> None:
        """Others' entries show that the time is right."""
        self.offset, self.jumped = wall - passed, False


class Clockwork:
    """Of one node. `facts` reads the schedule's facts beside the node's thread; `ring` tells the operator of a new alarm; `passed` gives
    seconds that pass whatever clocks are set to."""

    def __init__(
        self,
        hub: Hub,
        facts: Callable[[], Awaitable[Facts]],
        ring: Callable[[Alarm], None],
        log: Log,
        passed: Callable[[], float] = elapsed,
    ) -> None:
        self._passed = passed
        self._hub = hub
        self._facts = facts
        self._ring = ring
        self._log = log
        self._own = OwnChecks(hub.node)  # in the node's thread alone
        self._clocks = Heard(hub.node).clocks
        self._steady = Steady(hub.node.now() - passed())
        self._sent: float | None = None
        self._failed: str | None = None
        self._told: set[tuple[str, str | None]] = set()
        self._began = passed()

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._check_for_ever())
            group.create_task(self._tell_for_ever())

    # --- Line checks ---

    async def _check_for_ever(self) -> None:
        while True:
            await asyncio.sleep(min(TURN_SECONDS, await self._check()))

    async def _check(self) -> float:
        """Send a line check if one is due; after how many seconds to look again."""
        try:
            wait = await self._hub.look(self.check_if_due)
        except CeasewireError as error:
            if error.code != self._failed:
                self._log.error("line_check.failed", code=error.code)
            self._failed = error.code
            return RETRY_SECONDS
        self._failed = None
        return TURN_SECONDS if wait is None else wait

    def check_if_due(self) -> float | None:
        """Send a line check if one is due; seconds until the next is, None if that is not known. In the node's thread, so that nobody
        else's line check comes between the look and the sending. Raises as Node.send."""
        node, passed = self._hub.node, self._passed()
        now = node.now()
        jumped = self._steady.look(now, passed)
        if node.closed or node.unsure:
            return None
        checked, clock = self._own.last(), self._clocks().line_check
        asked = schedule.seconds_to_check(checked, clock, now)
        if asked is None:
            return None
        wait = float(asked)
        if checked is None:
            wait = max(0, wait - (passed - self._began))
        elif checked > now and self._sent is not None:  # sent by a clock that was ahead: the next goes by the time that passes
            wait = max(wait, clock - (passed - self._sent))
        if wait > 0:
            return max(0.05, wait)
        if not schedule.may_check(clock, now, self._own.newest_of_others(), jumped=jumped):
            return None
        if jumped:
            self._steady.trust(now, passed)
        node.send("line_check", {})
        self._sent = passed
        return float(clock)

    # --- Alarms ---

    def jumped(self) -> list[Alarm]:
        """That our own clock jumped, which no record shows."""
        return [Alarm(schedule.JUMPED, None, None, schedule.ALARMS[schedule.JUMPED])] if self._steady.jumped else []

    async def _tell_for_ever(self) -> None:
        """What stood when we began is told when it still stands after others had time to speak. To look takes little of the time."""
        clock = self._hub.node.channel.charter.clocks["line_check"]
        await asyncio.sleep(min(RING_AFTER_SECONDS, schedule.tolerance(clock) or RING_AFTER_SECONDS))
        while True:
            began = self._passed()
            await self._tell()
            await asyncio.sleep(max(TURN_SECONDS, _LOOKED_FOR * (self._passed() - began)))

    async def _tell(self) -> None:
        """Each new alarm once."""
        try:
            facts = await self._facts()
        except CeasewireError:
            return  # the store cannot be read, and says so itself
        alarms = [*schedule.alarms(facts, self._hub.node.now()), *self.jumped()]
        found = {(one.code, one.log): one for one in alarms}
        for key in [key for key in found if key not in self._told]:
            self._log.warning("schedule.alarm", code=found[key].code, about=found[key].log)
            self._ring(found[key])
        self._told = set(found)
