"""Void codes judged again, where a log showed two histories. PROTOCOL section 8; spec/misconduct.md, "What follows".

On receipt each node judges an entry by what it held of the entry's causal past. Of a log with two histories that may be either, and what
was said there of officers or terms governs what others wrote. Once it is convicted, nothing that it said from the lowest proved index on
counts; an entry bears the code that it would have been given had nobody ever said that. So one record follows on every node, whichever
history it was shown, and also if it heard of the conviction first, and took what others wrote before it held what both histories share.

What a rule asks besides (references, party, schema, a `rest` used before) depends on the entry and its own log alone. So only entries
must be judged again that other officers or other terms govern now, and entries that were taken when something below them was not here.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from .authority import AMENDMENT, Authority, InForce
from .channel import Channel
from .conviction import UNOPENED
from .log import kind_allowed, officers_needed, validity
from .message import RELEASES, Body, message_of
from .order import RefTuple, seen_of
from .release import KEYS
from .standing import Sight, stands
from .values import Row


@dataclass(frozen=True, slots=True)
class Given:
    """What a review is made of. `faces`: see conviction.two_faced. `rows` are all of the kinds in authority.GOVERNING that are held, void
    ones too, with the codes they were admitted with; `sights` as for Authority. `unheld`: log -> how much of it was held, at the least,
    when an entry was admitted that had seen more."""

    channel: Channel
    faces: Mapping[int, int]
    rows: Collection[Row]
    sights: Collection[Sight]
    unheld: Mapping[int, int] = field(default_factory=dict)

    def may_change_codes(self) -> bool:
        """Whether a review may say anything else than what was said on receipt: what governs others does not stand, or came late."""
        places = [*((one.log, one.index) for one in self.rows if one.void is None), *((one.log, one.index) for one in self.sights)]
        if not all(stands(self.faces, *place) for place in places):
            return True
        if any(self.faces.get(log) == UNOPENED for log in self.channel.successors()):
            return True
        return bool(self.late())

    def late(self) -> dict[int, int]:
        """Of `unheld` the logs with two histories that say anything of authority from there on: it may have come after what had seen it."""
        places = {(one.log, one.index) for one in self.rows} | {(one.log, one.index) for one in self.sights}
        said = {
            log
            for log, size in self.unheld.items()
            if any(of == log and index >= size for of, index in places) or (not size and log in self.channel.successors())
        }
        return {log: size for log, size in self.unheld.items() if log in self.faces and log in said}


class Review:
    """The codes of one record. It is for one thread."""

    def __init__(self, given: Given, reused: Callable[[Row], bool], known: Mapping[RefTuple, str | None] | None = None) -> None:
        """`reused` says whether a row's `rest` stands in its log before it. `known` are `codes` of a review that was given the same."""
        self._reused = reused
        self._late = given.late()
        self._admitted = Authority(given.channel, given.rows, given.sights)
        self.authority = Authority(given.channel, (), given.sights, given.faces)
        self._compared: dict[int, tuple[InForce, InForce, bool]] = {}
        self.codes: dict[RefTuple, str | None] = {}
        for one in in_turn(one for one in given.rows if stands(given.faces, one.log, one.index)):
            code = self.code(one) if known is None else known[one.log, one.index]
            self.codes[one.log, one.index] = code
            self.authority.add(one if code == one.void else replace(one, void=code))

    def code(self, one: Row, body: Body | None = None) -> str | None:
        """The code of the first rule that a row breaks, whose log has one history up to it. All governing rows below it were given; `body`
        is its body, if the caller has read it."""
        seen = seen_of(one.seen)
        late = any(seen.get(log, 0) > size for log, size in self._late.items())
        then, now = self._admitted.at(one.log, one.index, seen), self.authority.at(one.log, one.index, seen)
        if not late and self._is_same(one.log, then, now):
            return one.void
        body = message_of(one).body if body is None else body
        if not late:
            before, after = (self._weighed(force, one, body) for force in (then, now))
            if before == after:
                return one.void
            if before[1:] == after[1:] and one.void is None and one.kind != KEYS:
                # Each of its releases is right, and an officer's: they need be counted alone.
                return "release.missing" if len(after[1]) < after[0] else None
        return validity(self.authority, one, body) or ("release.reused" if self._reused(one) else None)

    def _is_same(self, log: int, then: InForce, now: InForce) -> bool:
        """Whether the same governs a log as when a row was admitted. What a party's address is makes no message void."""
        known = self._compared.get(log)
        if known is None or known[0] is not then or known[1] is not now:
            same = (then.base, then.asked, then.officers) == (now.base, now.asked, now.officers)
            self._compared[log] = known = then, now, same
        return known[2]

    def _weighed(self, force: InForce, one: Row, body: Body) -> tuple[int, list[object], object]:
        """All that `validity` asks of what governs a row: first how many officers must release it, then whom it names as such."""
        field = body[RELEASES]
        named = [item[0] for item in field if isinstance(item, list) and item] if isinstance(field, list) else []
        officers: list[object] = [force.officers.get(key) if isinstance(key, bytes) else None for key in named]
        allowed = kind_allowed(self.authority.channel, one.log, one.kind, force.charter)
        return officers_needed(force, one.kind, body), officers, (allowed, force.asked, one.kind == AMENDMENT and force.base)


def in_turn(rows: Iterable[Row]) -> Iterator[Row]:
    """Rows sorted so that each comes after those of them that lie below it, by time, and by log and index where nothing else decides."""
    for _, second in groupby(sorted(rows, key=lambda one: (one.time, one.log, one.index)), key=lambda one: one.time):
        yield from _of_one_second(list(second))


def _of_one_second(rows: Sequence[Row]) -> Iterator[Row]:
    """Without recursion: a chain may be thousands long. Of forged ones that wait for each other, whichever is met first comes first."""
    waiting = {(one.log, one.index): one for one in rows}
    indexes: dict[int, list[int]] = {}
    for one in rows:
        indexes.setdefault(one.log, []).append(one.index)
    entered: set[RefTuple] = set()
    for start in list(waiting):
        stack = [start]
        while stack:
            ref = stack[-1]
            below = () if ref in entered or ref not in waiting else _just_below(waiting[ref], indexes)
            entered.add(ref)
            stack += (waits := [one for one in below if one in waiting and one not in entered])
            if not waits:
                stack.pop()
                if ref in waiting:
                    yield waiting.pop(ref)


def _just_below(one: Row, indexes: Mapping[int, Sequence[int]]) -> Iterator[RefTuple]:
    """Of each log the last of these rows that lies below one."""
    seen = seen_of(one.seen)
    for log, known in indexes.items():
        count = bisect_left(known, one.index if log == one.log else seen.get(log, 0))
        if count:
            yield log, known[count - 1]
