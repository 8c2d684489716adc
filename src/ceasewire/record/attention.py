"""What must be looked at: flashes, so that a new one is never buried under those that repeat. spec/case.md, "Attention".

1. Flashes of one party with one phrase at one place are one group. The place is the position, as coarse as it was sent, or its name, folded
   as notices are; two flashes without either have the same place.
2. Of one party's flashes, the first three in any ten minutes sound, whatever they say. From the fourth on, only those sound whose phrase,
   or whose place, none of its flashes of those ten minutes had.
3. A flash that does not sound is counted in its group and lifts it no higher. Groups are listed by the newest flash of each that sounds,
   and those of which none does below them.
4. Void and historical flashes never sound and are in no group. Exercise and actual are apart, also in what is counted.

It follows from the rows alone: no clock, no viewer. `now` is nowhere in it; whoever has a clock says how long ago a flash was.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from .bodies import HISTORICAL
from .bodies_action import FLASH
from .case_record import answered_by, word
from .channel import Channel
from .encoding import Value
from .kinds import KINDS
from .message import EXERCISE, Body
from .notices import fold
from .order import Place, Placed, RefTuple
from .phrases import PHRASES

WINDOW_SECONDS: Final = 600
ALWAYS_SOUND: Final = 3  # flashes of one party in those seconds

Spot: TypeAlias = tuple[int, int, int] | str  # a position with its code of precision, or a folded name; "" for neither
_PHRASES: Final = tuple(PHRASES)


@dataclass(frozen=True, slots=True)
class Flash:
    """One flash, with whether it sounds."""

    place: Place
    party: int
    phrase: str
    spot: Spot
    exercise: bool
    sounds: bool

    @property
    def ref(self) -> RefTuple:
        """Log number and index."""
        return self.place[2], self.place[3]


@dataclass(slots=True)
class Group:
    """The flashes of one party with one phrase at one place, in record order; `read_by` are the parties of whom a person acknowledged the
    newest that sounds, or one after it."""

    party: int
    phrase: str
    spot: Spot
    exercise: bool
    flashes: list[Flash] = field(default_factory=list)
    raised: Flash | None = None
    read_by: set[int] = field(default_factory=set)

    @property
    def sounds(self) -> bool:
        """Whether a flash of it sounds."""
        return self.raised is not None


@dataclass(slots=True)
class _Recent:
    """One party's flashes of the last ten minutes before its newest."""

    flashes: deque[tuple[int, str, Spot]] = field(default_factory=deque)
    phrases: Counter[str] = field(default_factory=Counter)
    spots: Counter[Spot] = field(default_factory=Counter)

    def sounds(self, time: int, phrase: str, spot: Spot) -> bool:
        """Whether one more flash sounds, which is taken."""
        while self.flashes and self.flashes[0][0] <= time - WINDOW_SECONDS:
            _, old, where = self.flashes.popleft()
            self.phrases[old] -= 1
            self.spots[where] -= 1
        found = len(self.flashes) < ALWAYS_SOUND or not self.phrases[phrase] or not self.spots[spot]
        self.flashes.append((time, phrase, spot))
        self.phrases[phrase] += 1
        self.spots[spot] += 1
        return found


@dataclass(slots=True)
class Attention:
    """The groups, fed with every flash and acknowledgement in record order; other kinds are passed over."""

    channel: Channel
    _groups: dict[tuple[int, str, Spot, bool], Group] = field(default_factory=dict)
    _of: dict[RefTuple, tuple[Group, Flash]] = field(default_factory=dict)
    _recent: dict[tuple[int, bool], _Recent] = field(default_factory=dict)

    def feed(self, rows: Iterable[Placed]) -> Attention:
        """Take more of the record."""
        for one in rows:
            if one.row.void is None and one.row.kind == KINDS["flash"]:
                self.flash(one, one.body())
            elif one.row.void is None and one.row.kind == KINDS["acknowledgement"]:
                self._read(one, one.body())
        return self

    def flash(self, one: Placed, body: Body) -> Flash | None:
        """Take one flash that is not void; None if it is historical."""
        if body.get(HISTORICAL) is True:
            return None
        party, exercise = self.channel.party_of(one.row.log), body[EXERCISE] is True
        phrase, spot = word(_PHRASES, body.get(FLASH["phrase"].number)), _spot(body)
        sounds = self._recent.setdefault((party, exercise), _Recent()).sounds(one.row.time, phrase, spot)
        found = Flash(one.place, party, phrase, spot, exercise, sounds)
        group = self._groups.setdefault((party, phrase, spot, exercise), Group(party, phrase, spot, exercise))
        group.flashes.append(found)
        self._of[one.ref] = group, found
        if found.sounds:
            group.raised = found
            group.read_by.clear()
        return found

    def _read(self, one: Placed, body: Body) -> None:
        for ref in answered_by(body):
            group, flash = self._of.get(ref, (None, None))
            if group and flash and (group.raised is None or flash.place >= group.raised.place):
                group.read_by.add(self.channel.party_of(one.row.log))

    def groups(self) -> list[Group]:
        """Every group, that of the newest flash that sounds first."""
        return sorted(self._groups.values(), key=_raised, reverse=True)


def _raised(group: Group) -> tuple[bool, Place]:
    return group.sounds, (group.raised or group.flashes[0]).place


def _spot(body: Body) -> Spot:
    position: Value = body.get(FLASH["location"].number)
    if isinstance(position, list):
        precision = body.get(FLASH["location_precision"].number)
        return position[0], position[1], precision if isinstance(precision, int) else 0  # type: ignore[return-value]
    name = body.get(FLASH["place"].number)
    return fold(name) if isinstance(name, str) else ""
