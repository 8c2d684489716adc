"""Cases a page at a time, newest first, and messages that are looked for by their words: what is shown is read, and no more.

A filter may pass over many cases before a page is full. So what it asks is looked for in the kept summary as it stands, and only a
summary that is shown is taken apart.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final

from ..record import case_shown
from ..record.case_fold import fold
from ..record.case_record import accused
from ..record.fields import Json, show_time
from ..record.kinds import KINDS, kind_name
from ..store.derived_interface import DerivedTables, Item, OrderKey, Wanted
from . import unbegun
from .asking import phrases_of
from .derived import LISTED, SUMMED_UP
from .inbox import rows_of
from .table_record import TableRecord
from .unbegun import Unbegun, begins
from .view import Ref, View

PAGE: Final = 25
SEARCHED_MOST: Final = 20_000  # hits of a search that are gone through for the cases they belong to
STRIP_MOST: Final = 200  # marks of a strip chart
OPEN: Final = ("notified", "received", "accepted", "disputed", "under_inquiry", "joint_inquiry", "found", "remedied")
MERGED: Final = "merged"
SIDES: Final = ("ours", "theirs", "others")
_NOTIFICATION: Final = KINDS["notification"]
_NOT_RECEIVED, _RECEIVED = OPEN[:2]


@dataclass(frozen=True, slots=True)
class Asked:
    """Which cases: all that is given must hold. `state` one of case_table's, `merged`, or `open` (any that asks something still); `side`
    whether our party notified (ours), is accused by it (theirs), or neither (others); `overdue` at `now`, POSIX seconds; `search` words of
    any message of the case; `after` the key of the last case of the page before."""

    state: str | None = None
    side: str | None = None
    overdue: bool = False
    search: str | None = None
    after: str | None = None


def cases(view: View, asked: Asked, now: int) -> tuple[list[dict[str, Json]], bool]:
    """One PAGE of cases, and whether there are more. Each is its summary (spec/case.md) with `late`, whether the answer is overdue at
    `now`, `strip`, when what was said: `time`, `by`, `kind`, `void`, and `unbegun`: null, or of one whose clock the record has not begun
    how it counts from receipt (unbegun.begins). Raises LocalError usage, ref.malformed, ref.missing."""
    after = None if asked.after is None else view.place(view.ref(asked.after))
    phrases = phrases_of(asked.search) if asked.search else None

    def found(tables: DerivedTables) -> list[dict[str, Json]]:
        if phrases is not None:
            keys: Iterator[Item] = _searched(tables, Wanted(search=phrases[0], prefix=phrases[1], newest=True), after)
        else:
            keys = tables.items(Wanted(kind=_NOTIFICATION, void=False, newest=True, after=after))
        return list(islice(_fitting(view, tables, keys, asked, now), PAGE + 1))

    rows = view.projection.ask(found, SUMMED_UP)
    return rows[:PAGE], len(rows) > PAGE


def count(view: View, now: int) -> tuple[int, int]:
    """How many cases there are, and of how many the answer is overdue."""

    def found(tables: DerivedTables) -> tuple[int, int]:
        late = _late(tables, unbegun.cases(view, tables, view.projection.record(tables)), now)
        return tables.summed_up_count(), sum(item.kind == _NOTIFICATION for ref in late if (item := tables.item(ref)))

    return view.projection.ask(found, SUMMED_UP)


def _late(tables: DerivedTables, counted: Mapping[Ref, Unbegun], now: int) -> set[Ref]:
    """What is overdue by the clocks of the record, or counted from receipt where none has begun."""
    return {*tables.overdue(now), *(ref for ref, one in counted.items() if one.due < now)}


def _searched(tables: DerivedTables, wanted: Wanted, after: OrderKey | None) -> Iterator[Item]:
    """The cases of messages with such words, by when the case began, newest first."""
    keys = {key for item in islice(tables.items(wanted), SEARCHED_MOST) if (belongs := tables.belonging(item.ref)) for key in belongs[0]}
    items = sorted((item for key in keys if (item := tables.item(key))), key=lambda item: item.key, reverse=True)
    return (item for item in items if item.void is None and (after is None or item.key < after))


def _fitting(view: View, tables: DerivedTables, keys: Iterator[Item], asked: Asked, now: int) -> Iterator[dict[str, Json]]:
    own = view.channel.party_of(view.own)
    record = view.projection.record(tables)
    counted = unbegun.cases(view, tables, record)
    late = _late(tables, counted, now)
    for item in keys:
        if asked.overdue and item.ref not in late:
            continue
        if asked.side and (asked.side == "ours") != (item.party == own):
            continue
        kept = summary(record, tables, item)
        if not _in_state(kept, asked.state, item.ref in counted):
            continue
        if asked.side in ("theirs", "others"):
            one = record.placed(item.ref)
            if one is None or (own in accused(view.channel, one, one.body())) != (asked.side == "theirs"):
                continue
        found = json.loads(kept)
        waits = None if found["received"] else counted.get(item.ref) or begins(view, tables, record, item.ref)
        told = {"late": item.ref in late, "unbegun": waits and waits.json(view)}
        yield found | told | {"strip": _strip(view, tables, item)}


def summary(record: TableRecord, tables: DerivedTables, item: Item) -> str:
    """A case's summary as it is kept, or would be: JSON."""
    return tables.summary(item.key) or json.dumps(case_shown.summary(record, fold(record, item.ref)), ensure_ascii=False)


def _in_state(kept: str, state: str | None, counted: bool) -> bool:
    """Whether a summary as it is kept is of that state; its text begins `{"ref": ..., "state": "..."`. `counted`: a machine has received
    it, which the record does not say yet."""
    if not state:
        return True
    head = kept[:160]
    merged = '"merged_into": null' not in kept
    if state == MERGED:
        return merged
    if state == "open":
        return not merged and any(f'"state": "{one}"' in head for one in OPEN)
    said = _NOT_RECEIVED if counted and state == _RECEIVED else state
    return not merged and not (counted and state == _NOT_RECEIVED) and f'"state": "{said}"' in head


def _strip(view: View, tables: DerivedTables, item: Item) -> list[dict[str, Json]]:
    told = [item, *islice((one for one in tables.members(item.ref) if one.kind != _NOTIFICATION), STRIP_MOST)]
    return [
        {"time": show_time(one.time), "by": view.channel.slug(one.party), "kind": kind_name(one.kind), "void": one.void} for one in told
    ]


def search(view: View, text: str, after: str | None = None, most: int = 50) -> tuple[list[dict[str, Json]], bool]:
    """The newest messages with such words (`asking.phrases_of`) as rows of a list, and whether there are more. Raises LocalError usage,
    ref.malformed, ref.missing."""
    phrases, prefix = phrases_of(text)
    place = None if after is None else view.place(view.ref(after))
    wanted = Wanted(search=phrases, prefix=prefix, newest=True, after=place)
    items = view.projection.ask(lambda tables: list(islice(tables.items(wanted), most + 1)), LISTED)
    return rows_of(view, items[:most]), len(items) > most
