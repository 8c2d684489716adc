"""Which parties hold the channel suspended at a time: what status says before all else, and a case above its clocks."""

from __future__ import annotations

from typing import Final

from ..record.casebook import suspend
from ..record.clocks import Suspensions
from ..record.fields import Json, show_time
from ..record.kinds import KINDS
from ..record.message import EXERCISE
from ..record.order import Placed
from .view import View

_STATUS: Final = KINDS["channel_status"]


def suspended(view: View, now: int) -> list[dict[str, Json]]:
    """Each suspension in force at `now`, POSIX seconds, by spec/case.md, rule 42: `by`, `from`, `until` (null: until that party resumes),
    `ref` of the message that says so last, `exercise`; in charter order. Raises LocalError disk.failed, store.*."""
    said: dict[tuple[int, bool], list[Placed]] = {}
    for one in view.standing(_STATUS):
        if view.channel.party(one.row.log).role != "observer":
            said.setdefault((view.channel.party_of(one.row.log), one.body()[EXERCISE] is True), []).append(one)
    found = (_in_force(view, party, exercise, said[party, exercise], now) for party, exercise in sorted(said))
    return [one for one in found if one]


def _in_force(view: View, party: int, exercise: bool, said: list[Placed], now: int) -> dict[str, Json] | None:
    """The suspension of one party in force at `now`, told by its messages."""
    told, by = Suspensions(), None
    for one in sorted(said, key=lambda each: each.place):
        before = told.spans
        suspend(told, party, one, one.body())
        if any(start <= now for start, _ in told.spans) and told.spans != before:
            by = one
    for start, until in told.spans:
        if by is not None and start <= now and (until is None or now < until):
            return {
                "by": view.channel.slug(party),
                "from": show_time(start),
                "until": None if until is None else show_time(until),
                "ref": view.name(*by.ref),
                "exercise": exercise,
            }
    return None
