"""Cases: a violation's life, folded from all logs' messages. spec/case.md.

A case begins with each notification that is not void; the notification's reference is its key. Everything of one case follows from
its own messages, so that one can be folded without the others: `case_fold.fold(record, key)`. State moves by `TRANSITIONS` alone.

A message that is void changes nothing, and neither does one that its party has withdrawn: the case is what it would be without it, but
for the clocks, which never run backwards. Both stay listed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from .case_record import Belonging, Received, Record, Said, belonging
from .case_table import ANSWERS, EVENTS, STATES, TRANSITIONS
from .corrections import in_force
from .encoding import Value
from .message import Body
from .order import RefTuple

__all__ = ["ANSWERS", "EVENTS", "STATES", "TRANSITIONS", "Belonging", "Case", "Received", "Record", "Said", "belonging"]

Ending: TypeAlias = tuple[int, str, RefTuple]  # when a clock ended, by what (answered, withdrawn, closed, merged), and which message


@dataclass(slots=True)
class Inquiry:
    """A joint inquiry as a notice proposed it: who has agreed, and whether it was cancelled."""

    notice: Said
    agreed: set[int] = field(default_factory=set)
    held: bool = False
    cancelled: bool = False


@dataclass(slots=True)
class Remedy:
    """A remedy that a reply offers or a finding asks for, with the messages that report and confirm that it was carried out."""

    source: Said
    text: str
    due: int | None
    reported: RefTuple | None = None
    confirmed: RefTuple | None = None


@dataclass(slots=True)
class Duplicate:
    """Another case that is said to be the same: whether it began before this one, by whom it is said (position -> message), who must say
    so, and since when all do."""

    other: RefTuple
    before: bool
    needed: frozenset[int]
    said: dict[int, RefTuple] = field(default_factory=dict)
    merged: int | None = None


@dataclass(slots=True)
class Correction:
    """What a message puts in the place of fields of another: values by field number, and fields that it takes away."""

    message: Said
    target: Said
    fields: Mapping[int, Value]
    removed: tuple[int, ...]


@dataclass(slots=True)
class Case:
    """One case as folded. Parties by position, times in POSIX seconds. `sides` are the notifying party and those who answer."""

    notification: Said
    answering: frozenset[int]
    sides: frozenset[int]
    state: str = "notified"
    received: Received | None = None
    start: int | None = None  # since when it counts as received
    answered: Said | None = None
    stances: dict[int, tuple[str, Said]] = field(default_factory=dict)
    facts: dict[int, dict[int, str]] = field(default_factory=dict)  # field -> party -> agreed, disputed
    dates: list[tuple[int, int]] = field(default_factory=list)  # accepted at, new date
    published: dict[int, Said] = field(default_factory=dict)  # whose reply says what it consents to
    linked: list[tuple[str, RefTuple]] = field(default_factory=list)
    linked_from: list[tuple[str, RefTuple]] = field(default_factory=list)
    duplicates: dict[RefTuple, Duplicate] = field(default_factory=dict)
    inquiries: dict[RefTuple, Inquiry] = field(default_factory=dict)  # by their notices
    findings: list[tuple[Said, str]] = field(default_factory=list)  # with guarantor, joint, party, remedy
    finding: Said | None = None
    remedies: dict[RefTuple, Remedy] = field(default_factory=dict)  # by what offers or asks for them
    discipline: Said | None = None
    closings: dict[int, Said] = field(default_factory=dict)
    corrections: dict[RefTuple, list[Correction]] = field(default_factory=dict)  # by what they correct
    withdrawn: dict[RefTuple, Said] = field(default_factory=dict)  # message -> the withdrawal that stands
    messages: list[Said] = field(default_factory=list)  # the notification first
    endings: list[Ending] = field(default_factory=list)

    @property
    def key(self) -> RefTuple:
        """The notification's reference."""
        return self.notification.ref

    @property
    def by(self) -> int:
        """The notifying party."""
        return self.notification.party

    @property
    def merged_into(self) -> RefTuple | None:
        """The earlier case that this one is, as every side of both says."""
        return next((one.other for one in self.duplicates.values() if one.merged is not None and one.before), None)

    @property
    def ended(self) -> Ending | None:
        """What first ended the clock for a reply."""
        return min(self.endings, key=lambda one: one[0], default=None)

    def standing(self, one: Said) -> bool:
        """Whether a message is neither void nor withdrawn."""
        return one.void is None and one.ref not in self.withdrawn

    def move(self, event: str) -> None:
        """Apply an event by the table."""
        self.state = TRANSITIONS.get((self.state, event), self.state)

    def in_force(self, one: Said) -> Body:
        """A message's body with its party's corrections applied, each over the one before."""
        found = [each.message.body for each in self.corrections.get(one.ref, ()) if self.standing(each.message)]
        return in_force(one.kind, one.body, found) if found else one.body
