"""What a replaced log still counts for. PROTOCOL section 11; spec/keys.md, "Late entries".

Whoever stole a device, or found one that was thought lost, may go on writing in its log after a successor was opened, and may give what
is written then any time it likes. So each other log's first entry that sees the successor says, by its `seen` of the predecessor and by
the receipts for it that it writes down, how much of the predecessor there was:

1. Entry i of a log that a successor replaced stands if i < the size that the successor's opening names, or if such a first entry of
   another party's or a guarantor's log shows more than i entries of it.
2. Where several successors replaced one log, an entry stands only if it stands by each of them.
3. What does not stand shows nothing of another log either.

A function of the record alone, so that every node that holds the same entries says the same.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from .channel import Channel
from .encoding import Value
from .kinds import KINDS
from .message import message_of
from .values import Cosignature, Row

REPLACED: Final = "log.replaced"  # the void code of an entry that does not stand
_RECEIPTS: Final = 16  # the field of a line check
_LINE_CHECK: Final = KINDS["line_check"]


@dataclass(frozen=True, slots=True)
class Sight:
    """The first entry (`log`, `index`) of a log that has seen `successor`, and how many entries of its predecessor it shows."""

    log: int
    index: int
    successor: int
    shows: int


def newly_seen(channel: Channel, before: Mapping[int, int], seen: Mapping[int, int]) -> list[int]:
    """The logs in `seen` that replaced another and are not in `before`: log number -> size of an entry, and of the one before it."""
    found = (log for log in seen.keys() - before.keys() if log in channel.openings)
    return sorted(log for log in found if channel.openings[log].predecessor is not None)


def sights(
    channel: Channel, one: Row, before: Mapping[int, int], seen: Mapping[int, int], proved: Callable[[Cosignature], bool]
) -> list[Sight]:
    """What a row shows of predecessors whose successors it is the first of its log to see; mostly nothing.

    `before` is the `seen` of the row before it in its log (empty for index 0), `seen` its own. `proved` says whether a cosignature
    verifies over the log as it is held.
    """
    found = []
    for successor in newly_seen(channel, before, seen):
        predecessor = channel.openings[successor].predecessor
        if predecessor is None or not _may_witness(channel, one.log, predecessor):
            continue
        receipts = [c.size for c in written(one) if c.log == predecessor and _may_witness(channel, c.by, predecessor) and proved(c)]
        found.append(Sight(one.log, one.index, successor, max([seen.get(predecessor, 0), *receipts])))
    return found


def shown_by(channel: Channel, log: int, index: int, seen: Mapping[int, int]) -> list[Sight]:
    """What an entry shows by its `seen` alone, of the predecessors of all successors that it has seen, were it the first of its log to see
    them. That much is a function of what lies below whoever has seen the entry; a receipt that it writes down is not."""
    found = ((one, channel.openings[one].predecessor) for one in channel.successors() if seen.get(one, 0))
    return [
        Sight(log, index, successor, seen.get(predecessor, 0))
        for successor, predecessor in found
        if predecessor is not None and _may_witness(channel, log, predecessor)
    ]


def _may_witness(channel: Channel, log: int, of: int) -> bool:
    """Whether a log is another party's than `of`, or a guarantor's. Of a cosigner that is a witness of the charter: no."""
    if log not in channel.logs or of not in channel.logs or channel.party_of(log) == channel.party_of(of):
        return False
    return channel.party(log).role != "observer"


def written(one: Row) -> Sequence[Cosignature]:
    """The cosignatures that a line check writes down; none of a row that is no line check or is void."""
    if one.kind != _LINE_CHECK or one.void is not None:
        return ()
    items = message_of(one).body.get(_RECEIPTS, [])
    return [_cosignature(item) for item in items if isinstance(item, dict)] if isinstance(items, list) else ()


def _cosignature(item: dict[int, Value]) -> Cosignature:
    return Cosignature(*(item[number] for number in range(1, 7)))  # type: ignore[arg-type]  # the schema was checked: it is not void


def standing(channel: Channel, shown: Collection[Sight], held: Collection[int] | None = None) -> dict[int, int]:
    """Replaced log -> the index from which on its entries do not stand. A log that is not here was not replaced: all of it stands.

    `held` are the logs of which an entry is held (None: all): an opening whose message 0 has not come is not in the record yet.
    """
    found = {log: [one for one in channel.successors_of(log) if held is None or one in held] for log in channel.logs}
    followed = {log: {one: channel.openings[one].size for one in successors} for log, successors in found.items() if successors}
    bounds = {log: _end(sizes, ()) for log, sizes in followed.items()}
    while True:
        # From below: two thieves who have seen each other's late entries do not keep each other up.
        standing_ones = [one for one in shown if stands(bounds, one.log, one.index)]
        wider = {log: _end(sizes, standing_ones) for log, sizes in followed.items()}
        if wider == bounds:
            return bounds
        bounds = wider


def _end(sizes: Mapping[int, int], shown: Iterable[Sight]) -> int:
    """The index from which on a replaced log's entries do not stand, by what is shown: the least over its successors, each of which is
    given with the size that its opening names."""
    ends = dict(sizes)
    for one in shown:
        if one.successor in ends:
            ends[one.successor] = max(ends[one.successor], one.shows)
    return min(ends.values())


def stands(bounds: Mapping[int, int], log: int, index: int) -> bool:
    """Whether an entry stands, by what `standing` said."""
    return index < bounds.get(log, index + 1)
