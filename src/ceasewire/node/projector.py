"""Messages turned into rows of the derived tables, one after another, each after all that it names or has seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from ..record.bodies_action import NOTICE
from ..record.bodies_line import ACKNOWLEDGEMENT
from ..record.case_record import ASKING, Belonging, belonging
from ..record.channel import Channel
from ..record.conviction import TWO_FACES, Court, carries, of_common, opened_once
from ..record.encoding import Value
from ..record.kinds import KINDS, UNDERSTOOD, references
from ..record.message import EXERCISE, Body, message_of
from ..record.order import Placed, level_of, place_of, seen_of
from ..record.review import Review
from ..record.standing import REPLACED, sights, standing, stands, written
from ..record.text import words
from ..record.values import Cosignature, Row
from ..store.derived_interface import DerivedTables, Item, Proof, Ref, Wanted
from ..store.interface import Store

BETWEEN: Final = "\u2029"  # stands between the texts of one message, so that no phrase goes from one into another; no word holds it
_LINE_CHECK, _ACKNOWLEDGEMENT, _NOTICE = KINDS["line_check"], KINDS["acknowledgement"], KINDS["notice"]
_WATCH: Final = ACKNOWLEDGEMENT["watch"].number

Standing = Mapping[int, int]
Proved = Callable[[Cosignature], bool]


class Projector:
    """Takes messages; `finish` writes what has gathered. `bounds` say what stands, and `proved` whether a cosignature verifies over the log
    as it is held; of a log with two histories only what is the same in both is asked. `faces` are those of `bounds`, lowered by what proofs
    of misconduct show that messages carry, which `court` judges."""

    def __init__(self, channel: Channel, tables: DerivedTables, bounds: Bounds, proved: Proved, court: Court) -> None:
        self.faces = dict(bounds.faces)
        self._court = court
        self._channel = channel
        self._tables = tables
        self._bounds = bounds
        self._proved = bounds.proving(proved)
        self._items: dict[Ref, tuple[Item, str]] = {}
        self._belongs: dict[Ref, Belonging | None] = {}
        self._touched: list[Ref] = []

    def take(self, one: Row) -> None:
        """Take the next message. Raises PeerError enc.* if what is kept is no message."""
        body = message_of(one).body
        if carries(one.kind, body):
            self._court.add(self.faces, one)
        one = self._bounds.marked(one, body)
        at = Placed(place_of(one, 0 if one.void == TWO_FACES else level_of(one, self._before)), one)
        watch = one.kind == _ACKNOWLEDGEMENT and body.get(_WATCH) is True
        item = Item(*at.place, one.kind, self._channel.party_of(one.log), one.void, watch)
        self._items[at.ref] = item, text_of(body)
        if one.kind in UNDERSTOOD:
            self._relate(at, body)
        if one.kind == _LINE_CHECK and one.void is None:
            self._receipts(at)

    def finish(self) -> None:
        """Write what is not written yet."""
        first = next(self._tables.items(Wanted()), None)
        if first and any(item.time < first.time for item, _ in self._items.values()):
            self._tables.make_all_stale()  # a case may say that something happened before the channel began
        self._tables.add(self._items.values())
        self._tables.touch(self._touched)
        self._items.clear()
        self._touched.clear()

    def _before(self, log: int, index: int) -> tuple[int, int] | None:
        if not stands(self._bounds.faces, log, index):
            return None  # another node may hold another entry there, or none
        known = self._items.get((log, index))
        item = known[0] if known else self._tables.item((log, index))
        return None if item is None else (item.time, item.level)

    def _relate(self, at: Placed, body: Body) -> None:
        found = belonging(at, body, self._channel, self._belonging)
        self._belongs[at.ref] = found if at.row.void is None else None
        if found:
            self._tables.add_belonging(at.ref, found.keys, found.joins, found.exercise)
        if at.row.void is None:
            named = references(body)
            self._tables.add_named(at.ref, named)
            if found or named or at.row.kind in ASKING:
                self._touched.append(at.ref)
            if at.row.kind == _NOTICE:
                self._notice(at, body)
        elif found:
            self._touched.append(at.ref)

    def _notice(self, at: Placed, body: Body) -> None:
        start, stop = body.get(NOTICE["window_from"].number), body.get(NOTICE["window_to"].number)
        if isinstance(start, int) and isinstance(stop, int):
            self._tables.add_notice(at.ref, body[EXERCISE] is True, start, stop)

    def _belonging(self, ref: Ref) -> Belonging | None:
        if ref not in self._belongs:
            item = self._tables.item(ref)
            found = self._tables.belonging(ref) if item and item.void is None else None
            self._belongs[ref] = Belonging(*found) if found else None
        return self._belongs[ref]

    def _receipts(self, at: Placed) -> None:
        """The cosignatures by parties' devices that a line check writes down, of what its writer held, and that verify. One that proves
        nothing new is not verified."""
        seen = seen_of(at.row.seen)
        for ordinal, found in enumerate(written(at.row), 1):
            bound = at.row.index if found.log == at.row.log else seen.get(found.log, 0)
            if found.by not in self._channel.logs or not 0 < found.size <= bound:
                continue
            proof = Proof(at.place, ordinal, self._channel.party_of(found.by), found.time)
            earlier = self._tables.receipts((found.log, found.size - 1))
            if any(one.party == proof.party and (one.place, one.ordinal) < (proof.place, ordinal) for one in earlier):
                continue
            if self._proved(found):
                start = self._tables.add_written(found.log, found.size, proof)
                if start is not None:
                    self._tables.touch_range(found.log, start, found.size, ASKING)


@dataclass(frozen=True, slots=True)
class Bounds:
    """From which index on a log's entries do not stand: `replaced` of logs that successors replaced, `faces` of those that showed two
    histories. A log that is in neither stands. `review` gives messages' codes, if those may be others than they were admitted with."""

    replaced: Standing
    faces: Standing
    review: Review | None = None

    def marked(self, one: Row, body: Body) -> Row:
        """The row, whose body is given, with the code it bears in the record: of the first of these that it does not stand by, or else its
        own, as reviewed."""
        if not stands(self.faces, one.log, one.index):
            return replace(one, void=TWO_FACES)
        if not stands(self.replaced, one.log, one.index):
            return replace(one, void=REPLACED)
        code = one.void if self.review is None else self.review.code(one, body)
        return one if code == one.void else replace(one, void=code)

    def proving(self, proved: Proved) -> Proved:
        """See `of_common`."""
        return of_common(self.faces, proved)

    def are_out_of_step(self, tables: DerivedTables) -> bool:
        """Whether a message of a replaced log that is in stands now and did not when it came, or the other way round."""
        return any(tables.is_out_of_step(log, end, REPLACED) for log, end in self.replaced.items())


def standing_of(channel: Channel, store: Store, tables: DerivedTables, proved: Proved, faces: Standing) -> Standing:
    """What stands of replaced logs, by all that was seen so far by what stands by `faces`."""
    if not channel.openings:
        return {}
    found = []
    for place in sorted({ref for log in channel.openings for ref in tables.first_seen(log, 1)}):
        log, index = place
        if not stands(faces, log, index):
            continue
        rows = store.rows(log, max(0, index - 1), index + 1)
        before = seen_of(rows[0].seen) if index else {}
        found += sights(channel, rows[-1], before, seen_of(rows[-1].seen), proved)
    # Of one that two histories convict from its first message on, a node may hold none; that it was opened, both say.
    held = [log for log, state in store.states().items() if state.size or log in faces]
    return standing(channel, found, opened_once(faces, held))


def text_of(body: Body) -> str:
    """All words of all texts at any depth of a body, folded, as the search index takes them."""
    return f" {BETWEEN} ".join(" ".join(found) for text in _texts(body) if (found := words(text)))


def _texts(value: Value) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        for number in sorted(value):
            yield from _texts(value[number])
