"""What the clocks of a channel ask for: which line check is due, who missed one, which line is dead, where nobody is. DOMAIN, "machines
answer, nobody is there"; docs/operators.md, "The schedule".

Facts and a time in, values out: no clock, no store. All times are POSIX seconds, all clocks seconds of the charter; a clock of 0 asks
for nothing. What is missed is counted from the record, so both sides find the same but for what has not reached them; that a line is
dead is each node's own finding.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from .. import limits
from ..record.fields import Json, show_time

FIRST_CHECK_SECONDS: Final = 60  # a log that never checked does so as long after its node begins to serve

MISSED: Final = "line_check.missed"
DEAD: Final = "line.dead"
NOBODY: Final = "watch.nobody"
OVERDUE: Final = "clock.overdue"
JUMPED: Final = "clock.jumped"
MISCONDUCT: Final = "misconduct"
# What a person is told. Codes of refusal and of held messages keep their own sentence (errors.CODES).
ALARMS: Final = {
    MISSED: "No line check came in time",
    DEAD: "Not a word has come over the line",
    NOBODY: "Nobody has said to be on watch",
    OVERDUE: "Answers are overdue",
    JUMPED: "This machine's clock jumped, and no line check is sent by itself until others' clocks agree",
    MISCONDUCT: "Misconduct is proved: see `ceasewire misconduct`",
}


@dataclass(frozen=True, slots=True)
class Alarm:
    """One thing that needs a person. `log`: the log or party it is about; `since`: from when on, None if that is not known."""

    code: str
    log: str | None
    since: int | None
    text: str

    def as_json(self) -> dict[str, Json]:
        """As `ceasewire status` shows it."""
        return {"code": self.code, "log": self.log, "since": None if self.since is None else show_time(self.since), "text": self.text}


@dataclass(frozen=True, slots=True)
class Clocks:
    """The three clocks of the charter in force that a schedule asks for, in seconds."""

    line_check: int
    watch: int
    flash: int


@dataclass(frozen=True, slots=True)
class LogFacts:
    """A log that is in use. `checked`: its last line check. `since`: from when on it owes one if it sent none, None if it does not."""

    log: str
    checked: int | None
    since: int | None


@dataclass(frozen=True, slots=True)
class PartyFacts:
    """A party. `machine`: the last line check of any of its logs; `person`: its last watch check; `since` as in LogFacts."""

    party: str
    role: str
    machine: int | None
    person: int | None
    since: int | None


@dataclass(frozen=True, slots=True)
class LineFacts:
    """The line to a log. `spoke`: when a bundle of it last came; `entry`: the time of its last entry, whoever brought it; `network`:
    whether one end has an address, so that bundles flow without people."""

    log: str
    spoke: int | None
    entry: int | None
    network: bool
    since: int | None


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a schedule is worked out from."""

    clocks: Clocks
    logs: tuple[LogFacts, ...]
    parties: tuple[PartyFacts, ...]
    lines: tuple[LineFacts, ...]


def tolerance(clock: int) -> int:
    """How many seconds late a line check may be: as far as clocks may differ, and never more than its own clock again."""
    return min(limits.CLOCK_TOLERANCE_SECONDS, clock)


def check_due(log: LogFacts, clock: int) -> int | None:
    """When the log's next line check is due; None if none is."""
    last = log.checked if log.checked is not None else log.since
    return None if last is None or not clock else last + clock


def is_missed(log: LogFacts, clock: int, now: int) -> bool:
    """Whether the log's line check is late. To the second at which the tolerance ends it is not."""
    due = check_due(log, clock)
    return due is not None and now > due + tolerance(clock)


def seconds_to_check(checked: int | None, clock: int, now: int) -> int | None:
    """For how long our own log waits with its next line check: 0 when it is due or was missed while nobody served, None for ever.

    A last check that lies ahead of the clock was signed while the clock was wrong, and says nothing of when the next is due: 0. The
    caller sees to it that no second one follows at once.
    """
    if not clock:
        return None
    if checked is None:
        return min(clock, FIRST_CHECK_SECONDS)
    return 0 if checked > now + limits.CLOCK_TOLERANCE_SECONDS else max(0, checked + clock - now)


def may_check(clock: int, now: int, newest: int | None, *, jumped: bool) -> bool:
    """Whether a machine may sign a line check at this time. After its clock jumped ahead it may once others' entries (`newest`: the time
    of the newest) show that the time is right: an entry of a wrong year would bind the log to that year for ever."""
    return not jumped or (newest is not None and newest >= now - clock - limits.CLOCK_TOLERANCE_SECONDS)


def dead_after(line: LineFacts, clocks: Clocks) -> int:
    """After how many seconds without a word a line is dead: over a network when a flash could no longer have been answered in time, else
    when the line check is late. 0: never."""
    late = clocks.line_check + tolerance(clocks.line_check)
    return min(late or clocks.flash, clocks.flash or late) if line.network else late


def is_dead(line: LineFacts, clocks: Clocks, now: int) -> bool:
    """Whether no word came over the line for too long."""
    after, last = dead_after(line, clocks), last_word(line)
    return bool(after) and last is not None and now > last + after


def last_word(line: LineFacts) -> int | None:
    """When the line last bore a word. What is carried by hand is dated by who wrote it."""
    known = [line.spoke, line.since] if line.network else [line.spoke, line.entry, line.since]
    return max((time for time in known if time is not None), default=None)


def is_unwatched(party: PartyFacts, clock: int, now: int) -> bool:
    """Whether a signatory owes a person's watch check. A guarantor or observer stands no watch over the line."""
    last = party.person if party.person is not None else party.since
    return party.role == "party" and bool(clock) and last is not None and now > last + clock


def alarms(facts: Facts, now: int) -> list[Alarm]:
    """Every alarm that time alone raises: missed line checks, dead lines, watches that nobody stands."""
    return [*_missed(facts.logs, facts.clocks, now), *_dead(facts.lines, facts.clocks, now), *_nobody(facts.parties, facts.clocks, now)]


def _missed(logs: Iterable[LogFacts], clocks: Clocks, now: int) -> Iterator[Alarm]:
    for log in logs:
        if is_missed(log, clocks.line_check, now):
            yield Alarm(MISSED, log.log, check_due(log, clocks.line_check), f"{ALARMS[MISSED]}: {_last(log.checked)}")


def _dead(lines: Iterable[LineFacts], clocks: Clocks, now: int) -> Iterator[Alarm]:
    for line in lines:
        if is_dead(line, clocks, now):
            yield Alarm(DEAD, line.log, last_word(line), f"{ALARMS[DEAD]}: {_last(line.spoke)}")


def _nobody(parties: Iterable[PartyFacts], clocks: Clocks, now: int) -> Iterator[Alarm]:
    for party in parties:
        if is_unwatched(party, clocks.watch, now):
            since = party.person if party.person is not None else party.since
            said = f"machines {_short(party.machine)}, a person {_short(party.person)}"
            yield Alarm(NOBODY, party.party, since, f"{ALARMS[NOBODY]}: {said}")


def _last(time: int | None) -> str:
    return "there never was one" if time is None else f"the last was at {show_time(time)}"


def _short(time: int | None) -> str:
    return "never" if time is None else show_time(time)
