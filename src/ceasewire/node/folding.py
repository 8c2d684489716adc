"""Cases kept in the derived tables: which must be folded again, the clocks of all, and each case's summary.

Four stages, each of which leaves the next its work, so that each question does no more than it needs:

1. Of each message that is new or of which something else is known now: the cases it belongs to are stale, and whatever asks and may have
   been answered by it is to be asked again.
2. Whatever is to be asked again brings to the clocks what it brings now.
3. The clocks of each asking party of which something changed are run again, and cases whose clock is another are stale.
4. Stale cases are summed up.

One case is shown after stage 3; a list of all takes stage 4. A stage begins when the one before it has nothing left to do, so a case of
very many new messages is folded once in stage 2 and once in stage 4. What is left is kept in the tables: whoever comes next goes on.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final

from ..record import case_shown, clocks
from ..record.case_asks import ask
from ..record.case_fold import fold
from ..record.case_record import ASKING
from ..record.kinds import KINDS
from ..record.order import RefTuple
from ..store.derived_interface import DerivedTables, Ref
from .asks import kept_clock, queue_of, read_ask, write_ask
from .table_record import TableRecord

TOUCHED_AT_ONCE: Final = 1024
ASKED_AT_ONCE: Final = 1024
STALE_AT_ONCE: Final = 1024
_QUEUES: Final = "queues"  # those to be run again
_NOTIFICATION: Final = KINDS["notification"]


def is_timed(tables: DerivedTables) -> bool:
    """Whether stages 1 to 3 have nothing to do."""
    return not tables.touched(1) and not tables.to_ask(1) and not _queues(tables)


def step(record: TableRecord, tables: DerivedTables, most: int) -> None:
    """One transaction's worth of whatever is to be done first. `most` clocks of one party run at once."""
    if touched := tables.touched(TOUCHED_AT_ONCE):
        _spread(tables, touched)
        tables.untouch(touched)
    elif to_ask := tables.to_ask(ASKED_AT_ONCE):
        _ask_again(record, tables, to_ask)
    elif _queues(tables):
        for queue in sorted(_queues(tables)):
            _run(tables, queue, most)
        tables.set_built(_QUEUES, b"[]")
    else:
        _sum_up(record, tables, tables.stale(STALE_AT_ONCE))


def _queues(tables: DerivedTables) -> set[str]:
    return set(json.loads(tables.built().get(_QUEUES, b"[]")))


def _spread(tables: DerivedTables, touched: Iterable[Ref]) -> None:
    """Stage 1. A reply that asks for a new date counts when its acceptance names it: so two steps from what is touched to what asks."""
    near = set(touched)
    for _ in range(2):
        near |= {ref for one in list(near) for ref in tables.named(one)}
    cases = {key for ref in near if (found := tables.belonging(ref)) for key in (*found[0], *found[1])}
    tables.make_stale(cases)
    tables.ask_again(ref for ref in cases | near if (item := tables.item(ref)) and item.kind in ASKING)


def _ask_again(record: TableRecord, tables: DerivedTables, to_ask: Iterable[Ref]) -> None:
    """Stage 2."""
    changed: set[str] = set()
    taken = record.read(to_ask)
    for ref in taken:
        one = record.placed(ref)
        brought = ask(record, one) if one else None
        changed |= tables.set_ask(ref, queue_of(brought), write_ask(brought)) if brought else tables.set_ask(ref, "", None)
    tables.asked(taken)
    if changed:
        tables.set_built(_QUEUES, json.dumps(sorted(_queues(tables) | changed)).encode())


def _run(tables: DerivedTables, queue: str, most: int) -> None:
    """Stage 3 for one asking party, exercise or actual."""
    before = tables.clocks(queue)
    found = clocks.run((read_ask(ref, value) for ref, value in tables.asks(queue)), most)
    changed = [(ref, kept) for ref, one in found.items() if (kept := kept_clock(one)) != before.get(ref)]
    tables.set_clocks(changed)
    tables.make_stale(ref for ref, _ in changed if (item := tables.item(ref)) and item.kind == _NOTIFICATION)


def _sum_up(record: TableRecord, tables: DerivedTables, keys: list[RefTuple]) -> None:
    """Stage 4."""
    taken = record.read(keys)
    found = ((one.place, fold(record, key)) for key in taken if (one := record.placed(key)))
    tables.set_summaries((place, json.dumps(case_shown.summary(record, case), ensure_ascii=False)) for place, case in found)
    tables.refresh(taken)
