"""What is overdue and what falls due: the clocks of cases, requests and notices, looked at with a clock of our own. FAULTS D7."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ..record.bodies_incident import NOTIFICATION
from ..record.fields import Json, show_time
from ..record.kinds import KINDS, kind_name
from ..record.message import Body, message_of
from ..store.derived_interface import DerivedTables
from .derived import TIMED
from .view import Ref, View

SHOWN_MOST: Final = 1000  # of ten thousand that fall due at once nobody reads the last; their number is told
_NOTIFICATION: Final = KINDS["notification"]
_ACCUSED: Final = NOTIFICATION["accused"].number


@dataclass(frozen=True, slots=True)
class Due:
    """Messages whose answer is overdue or falls due, by date: how many there are, and the first of them as JSON."""

    count: int
    first: list[dict[str, Json]]
    since: int | None


def due(view: View, now: int, seconds: int) -> tuple[Due, Due]:
    """What is overdue at `now`, POSIX seconds, and what will be so many seconds later. Raises LocalError disk.failed, store.*."""

    def found(tables: DerivedTables) -> tuple[Due, Due]:
        late = tables.overdue(now)
        known = set(late)
        coming = [ref for ref in tables.overdue(now + seconds) if ref not in known]
        return _due(view, tables, late), _due(view, tables, coming)

    return view.projection.ask(found, TIMED)


def _due(view: View, tables: DerivedTables, refs: Sequence[Ref]) -> Due:
    dates = {ref: _date(tables, ref) for ref in refs[:SHOWN_MOST]}
    rows = view.store.at(list(dates))
    first = [_shown(view, (row.log, row.index), row.kind, message_of(row).body, dates[row.log, row.index]) for row in rows]
    return Due(len(refs), first, dates[refs[0]] if refs else None)


def _date(tables: DerivedTables, ref: Ref) -> int | None:
    kept = tables.clock(ref)
    return kept[1].due if kept else None


def _shown(view: View, ref: Ref, kind: int, body: Body, date: int | None) -> dict[str, Json]:
    accused = body.get(_ACCUSED) if kind == _NOTIFICATION else None
    return {
        "ref": view.name(*ref),
        "kind": kind_name(kind),
        "by": view.channel.party(ref[0]).slug,
        "accused": view.channel.slug(accused) if isinstance(accused, int) else None,
        "respond_by": None if date is None else show_time(date),
    }
