"""Void codes judged again after a log showed two histories: alike for everyone, whichever history they were shown and in whatever order
things came, and as if the log had said nothing from there on."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from ceasewire.record import amendment, encoding
from ceasewire.record.authority import GOVERNING
from ceasewire.record.channel import Channel
from ceasewire.record.conviction import UNOPENED
from ceasewire.record.encoding import Value
from ceasewire.record.kinds import KINDS
from ceasewire.record.log import mark_void
from ceasewire.record.message import Body, Message, message_of, row
from ceasewire.record.opening import Opening
from ceasewire.record.order import seen_of
from ceasewire.record.review import Given, Review, in_turn
from ceasewire.record.values import Row
from ceasewire.tlog.merkle import EMPTY_ROOT
from helpers import START, make_channel, make_party, seed_of
from signers import HERON, KESTREL, OFFICERS, RAVEN, SWIFT, WREN, TestOfficer, make_officer, released

from .histories import Store

ONE = dict.fromkeys(("statement", "keys", "amendment"), 1)
MADE = make_channel(("north", "south", "mission:guarantor"), officers=OFFICERS, releases=ONE)
NORTH, SOUTH, MISSION = range(3)
PHONE = Opening(MADE.channel.channel_id, NORTH, make_party("phone").card.keys, None, 0, EMPTY_ROOT)
NEW = Opening(MADE.channel.channel_id, SOUTH, make_party("new").card.keys, SOUTH, 2, seed_of("root"))
CHANNEL = MADE.channel.with_openings([PHONE, NEW])
ID = CHANNEL.channel_id
OWL = make_officer("south", "owl")
BY_PARTY = {MISSION: [], NORTH: [KESTREL, HERON, RAVEN], SOUTH: [WREN, SWIFT, OWL]}
TERMS: list[dict[int, Value]] = [{7: [2, 14, 15]}, {14: {2: 1, 14: 1, 15: 2}}, {14: {2: 2, 14: 2, 15: 1}}]
CHANGES = [encoding.encode(one) for one in TERMS]
NAMED = [amendment.amendment_hash(ID, ID, one) for one in CHANGES]
HONEST = (SOUTH, MISSION, PHONE.number, NEW.number)
HISTORIES = 40


class World:
    """North's log has two histories from `end` on, 0 and 1; each honest device is shown one of them."""

    def __init__(self, number: int) -> None:
        self.draw = random.Random(number)
        self.end = self.draw.randrange(6)
        self.sizes = [0, 0]  # of both histories
        self.rows: list[tuple[Row, int | None]] = []  # as they were written, each with the one history that it is of
        self.stores = {log: Store() for log in HONEST}
        self.shown = {log: self.draw.randrange(2) for log in HONEST}
        self.time = START
        for _ in range(self.draw.randrange(20, 50)):
            self.draw.choice((self.write, self.write, self.lie, self.lie, self.meet))()
        for log, store in self.stores.items():
            take(store, self.of(self.shown[log]))
            store.convicted.add(NORTH)
            take(store, self.of(None))

    def of(self, history: int | None) -> list[Row]:
        """What honest devices wrote, what both histories share, and one of them."""
        return [one for one, only in self.rows if only in (None, history)]

    def body(self, log: int) -> tuple[int, Body]:
        kind, party = self.draw.choice((14, 15) if log == NORTH else (2, 2, 3, 14, 15)), CHANNEL.party_of(log)
        body: Body = {0: [], 1: False}
        if kind == 2:
            body[17] = "A statement."
        elif kind == 3:
            body[16] = ["Why?"]
        elif kind == 14:
            officer = self.draw.choice(BY_PARTY[party] or [RAVEN]).officer
            said: list[Body] = [{17: [officer.value()]}, {18: [officer.id]}, {19: "https://north.example"}]
            body |= self.draw.choice(said)
        else:
            base, n = self.draw.choice((ID, ID, ID, NAMED[0])), self.draw.choice((0, 0, 1, 2, 2))
            body |= {16: base, 17: amendment.amendment_hash(ID, base, CHANGES[n])}
            body |= {18: CHANGES[n]} if self.draw.random() < 0.8 else {}
        return kind, dict(sorted(body.items()))

    def message(self, log: int, seen: dict[int, int]) -> Message:
        self.time += self.draw.choice((0, 0, 1))
        party = CHANNEL.party_of(log)
        kind, body = self.body(log)
        others = {of: size for of, size in sorted(seen.items()) if size and of != log}
        plain = Message(kind, self.time, others, self.draw.randbytes(16), body)
        officers = self.draw.sample(BY_PARTY[party], min(len(BY_PARTY[party]), self.draw.choice((1, 2))))
        return released(CHANNEL, log, plain, *officers)

    def write(self) -> None:
        log = self.draw.choice(HONEST)
        store = self.stores[log]
        one = row(log, store.size(log), self.message(log, {of: len(rows) for of, rows in store.logs.items()}))
        self.rows.append((one, None))
        take(store, [one])

    def lie(self) -> None:
        """One entry more: the same in both histories while they are one, else of one of them."""
        history = None if self.sizes[0] < self.end else self.draw.randrange(2)
        size = self.sizes[history or 0]
        log = self.draw.choice(HONEST)  # by whom it has heard of the others
        last = [one for one in self.of(history) if one.log == NORTH]
        held, seen = self.stores[log].logs, seen_of(last[-1].seen) if last else {}
        message = self.message(NORTH, {of: max(seen.get(of, 0), len(held.get(of, ()))) for of in HONEST})
        self.rows.append((row(NORTH, size, message), history))
        for n in (0, 1) if history is None else (history,):
            self.sizes[n] += 1

    def meet(self) -> None:
        """One device is brought all that another holds; and the lie that it is shown, as far as it has come."""
        one, other = self.draw.sample(HONEST, 2)
        for log in (one, other):
            take(self.stores[log], [each for each in self.of(self.shown[log]) if each.log == NORTH])
        held = {of: len(rows) for of, rows in self.stores[other].logs.items() if of != NORTH}
        take(self.stores[one], [each for each in self.of(self.shown[one]) if each.index < held.get(each.log, 10**6)])


def take(store: Store, rows: Iterable[Row], channel: Channel = CHANNEL) -> None:
    """Admit what is new of these rows, written in this order. Of a convicted log nobody waits for what others have seen."""
    for one in rows:
        there = (size <= store.size(of) or store.frozen(of) for of, size in seen_of(one.seen).items())
        if one.index == store.size(one.log) and all(there):
            store.put(mark_void(channel, [replace(one, void=None)], [message_of(one).body], store))


def judged(store: Store, rows: Iterable[Row], faces: dict[int, int], unheld: dict[int, int] | None = None) -> list[str | None]:
    """The codes of rows by a review of what a device holds."""
    held = [one for one in reversed(store.rows) if one.kind in GOVERNING]
    given = Given(CHANNEL, faces, held, store.sights(CHANNEL), unheld or {})
    review = Review(given, lambda one: store.rests(one.log, [one.rest])[one.rest] < one.index)
    assert Review(given, lambda _: False, review.codes).codes == review.codes
    # Each was judged when all below it was.
    assert review.codes == {(one.log, one.index): review.code(one) for one in held if (one.log, one.index) in review.codes}
    found = [review.code(store.logs[one.log][one.index]) for one in rows]
    if not given.may_change_codes():
        assert found == [store.logs[one.log][one.index].void for one in rows]
    return found


def test_every_device_gives_the_codes_of_a_record_without_the_lie() -> None:
    met: Counter[str] = Counter()
    for number in range(HISTORIES):
        world = World(number)
        plain = Store(convicted={NORTH})
        take(plain, [one for one in world.of(0) if one.log != NORTH or one.index < world.end])
        rows = plain.rows
        expected = [one.void for one in rows]
        for store in world.stores.values():
            met["differed"] += any(store.logs[one.log][one.index].void != one.void for one in rows)
            assert judged(store, rows, {NORTH: world.end}) == expected, number
        # Who took the others' entries before what both histories share.
        late = Store(convicted={NORTH})
        take(late, [one for one in world.of(1) if one.log != NORTH])
        take(late, world.of(1))
        met["late"] += any(late.logs[one.log][one.index].void != one.void for one in rows)
        assert judged(late, rows, {NORTH: world.end}, {NORTH: 0}) == expected, number
        met.update(code or "stands" for code in expected)
    wanted = ("differed", "late", "stands", "release.invalid", "release.missing", "kind.not_allowed", "amendment.base")
    assert min(met[name] for name in wanted) > 3, met


def test_a_log_that_was_opened_twice_replaces_nothing() -> None:
    """Nor does it say anything: by its number alone nobody knows which of the two it is."""
    differed = 0
    for number in range(30):
        world = World(number)
        rows = [one for one, history in world.rows if history is None and one.log not in (NORTH, NEW.number)]
        plain = Store(convicted={NORTH, NEW.number})
        take(plain, [one for one in world.of(None) if one.log != NEW.number], MADE.channel.with_openings([PHONE]))
        expected = [plain.logs[one.log][one.index].void for one in rows]
        for store in world.stores.values():
            assert judged(store, rows, {NORTH: world.end, NEW.number: UNOPENED}) == expected, number
        differed += expected != judged(world.stores[SOUTH], rows, {NORTH: world.end})
    assert differed


def test_what_a_lie_had_seen_keeps_no_late_entry_of_another_log() -> None:
    """South revoked an officer in a log that it had replaced. Who has seen of that only what North shows in one history goes by the
    other's record; and if South's later log was opened twice, nothing was replaced."""
    codes = {}
    for lied in (True, False):
        store = Store()

        def put(log: int, body: Body, kind: int, seen: dict[int, int], *by: TestOfficer, store: Store = store) -> Row:
            message = Message(kind, START, seen, seed_of(log, store.size(log))[:16], {0: [], 1: False, **body})
            take(store, [row(log, store.size(log), released(CHANNEL, log, message, *by))])
            return store.logs[log][-1]

        for _ in range(2):
            put(SOUTH, {17: "A statement."}, 2, {}, WREN)
        put(SOUTH, {18: [SWIFT.officer.id]}, 14, {}, WREN)
        put(NEW.number, {17: "A statement."}, 2, {SOUTH: 2}, SWIFT)
        put(NORTH, {17: "A statement."}, 2, {}, HERON)
        put(NORTH, {17: "A statement."}, 2, {SOUTH: 3, NEW.number: 1} if lied else {}, HERON)
        one = put(SOUTH, {17: "A statement."}, 2, {NORTH: 2, NEW.number: 1}, SWIFT)
        codes[lied] = [one.void, *judged(store, [one], {NORTH: 1}), *judged(store, [one], {NORTH: 1, NEW.number: UNOPENED})]
    assert codes == {True: ["release.invalid", None, "release.invalid"], False: [None, None, "release.invalid"]}


def test_rows_come_after_what_lies_below_them_also_where_they_wait_for_each_other() -> None:
    def made(log: int, index: int, seen: dict[int, int], time: int = START) -> Row:
        return row(log, index, Message(KINDS["keys"], time, seen, bytes(16), {0: [], 1: False, 19: "x"}))

    chain = [made(2, 5, {0: 9}), made(0, 8, {1: 30}), made(1, 4, {}), made(1, 20, {}), made(0, 2, {}, START + 1)]
    assert [(one.log, one.index) for one in in_turn(chain)] == [(1, 4), (1, 20), (0, 8), (2, 5), (0, 2)]
    around = [made(0, 0, {1: 1}), made(1, 0, {2: 1}), made(2, 0, {0: 1}), made(2, 1, {0: 1})]
    for n in range(4):
        found = [(one.log, one.index) for one in in_turn(around[n:] + around[:n])]
        assert found == [(2, 0), (1, 0), (0, 0), (2, 1)]
