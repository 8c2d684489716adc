"""Amendments, and what governs an entry: PROTOCOL section 11. The fold against a plain computation over random histories."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ceasewire.record import amendment, encoding
from ceasewire.record.authority import Authority
from ceasewire.record.channel import Channel
from ceasewire.record.charter import Charter
from ceasewire.record.encoding import Value
from ceasewire.record.kinds import KINDS
from ceasewire.record.log import mark_void
from ceasewire.record.message import Body, Message, row
from ceasewire.record.opening import Opening
from ceasewire.record.standing import Sight
from ceasewire.record.values import Row
from ceasewire.tlog.merkle import EMPTY_ROOT
from helpers import START, make_channel, make_party, refused, seed_of, statement
from signers import HERON, KESTREL, OFFICERS, RAVEN, SWIFT, WREN, TestOfficer, released

from .histories import Store, plain_sights

PARTIES = ("north", "south", "mission:guarantor")
MADE = make_channel(PARTIES)
CHANNEL = MADE.channel
CLOCKS: dict[int, Value] = {1: 900, 2: 7200, 3: 21600, 4: 3600, 5: 1209600, 6: 2592000, 7: 86400, 8: 43200, 9: 43200}


def opened(name: str, position: int, predecessor: int | None, size: int, channel: Channel = CHANNEL) -> Opening:
    """How a later log begins."""
    root = seed_of("root") if size else EMPTY_ROOT
    return Opening(channel.channel_id, position, make_party(name).card.keys, predecessor, size, root)


PHONE, TABLET, NEW = opened("phone", 0, None, 0), opened("tablet", 1, None, 0), opened("new", 1, 1, 2)
LATER = CHANNEL.with_openings([PHONE, TABLET, NEW])  # south's first log was replaced, when two entries of it were held
SHORTER = encoding.encode({8: CLOCKS})
LONGER = encoding.encode({8: CLOCKS | {4: 7 * 86400}})
BACK = encoding.encode({8: CLOCKS | {4: 86400}})


def assent(base: bytes, changes: bytes, *, bring: bool = True, seen: dict[int, int] | None = None, time: int = START) -> Message:
    body: Body = {0: [], 1: False, 16: base, 17: amendment.amendment_hash(CHANNEL.channel_id, base, changes)}
    if bring:
        body[18] = changes
    return Message(KINDS["amendment"], time, seen or {}, seed_of(changes, bring, repr(seen), time)[:16], body)


class Both:
    """The logs of a channel, written one after another; each message must get the code expected."""

    def __init__(self, channel: Channel = CHANNEL) -> None:
        self.channel = channel
        self.store = Store()

    def put(self, log: int, message: Message, code: str | None = None) -> None:
        one = row(log, self.store.size(log), message)
        (marked,) = mark_void(self.channel, [one], [message.body], self.store)
        assert marked.void == code
        self.store.put([marked])

    def reply_clock(self, log: int = 0) -> int:
        sizes = {number: len(rows) for number, rows in self.store.logs.items()}
        return Authority(self.channel, self.store.governing(), self.store.sights(self.channel)).now(log, sizes).charter.clocks["reply"]


ID = CHANNEL.channel_id
FIRST = amendment.amendment_hash(ID, ID, SHORTER)


def test_an_amendment_is_in_force_when_each_party_has_assented_and_not_before() -> None:
    both = Both()
    both.put(0, assent(ID, SHORTER))
    assert both.reply_clock() == 86400
    both.put(1, assent(ID, SHORTER, bring=False, seen={0: 1}))
    assert both.reply_clock() == 3600
    authority = Authority(CHANNEL, both.store.governing())
    seen = [{}, {0: 1}, {1: 1}, {0: 1, 1: 1}]
    assert [authority.at(2, 0, one).charter.clocks["reply"] for one in seen] == [86400, 86400, 86400, 3600]
    assert authority.at(2, 0, seen[-1]).base == FIRST
    assert authority.at(0, 1, {1: 1}).base == FIRST
    assert authority.at(0, 0, {1: 1}).base == ID


def test_somebody_must_have_said_what_the_changes_are() -> None:
    both = Both()
    both.put(0, assent(ID, SHORTER, bring=False))
    both.put(1, assent(ID, SHORTER, bring=False))
    assert both.reply_clock() == 86400
    both.put(1, assent(ID, SHORTER))
    assert both.reply_clock() == 3600


def test_receipts_and_guarantors_assent_to_nothing() -> None:
    both = Both()
    both.put(0, assent(ID, SHORTER))
    both.put(1, statement(seen={0: 1}))
    both.put(2, assent(ID, SHORTER, seen={0: 1}), "kind.not_allowed")
    assert both.reply_clock() == 86400


def test_the_next_amendment_is_of_the_charter_as_amended() -> None:
    both = Both()
    both.put(0, assent(ID, SHORTER))
    both.put(1, assent(ID, SHORTER, seen={0: 1}))
    both.put(1, assent(ID, LONGER, seen={0: 1}), "amendment.base")
    both.put(0, assent(FIRST, BACK, seen={1: 2}, time=START + 2))
    both.put(1, assent(FIRST, BACK, bring=False, seen={0: 2}, time=START + 2))
    assert both.reply_clock() == 86400
    second = amendment.amendment_hash(ID, FIRST, BACK)
    both.put(0, assent(ID, SHORTER, seen={1: 3}, time=START + 3), "amendment.base")  # changed back, it is another charter all the same
    both.put(0, assent(second, SHORTER, seen={1: 3}, time=START + 3))


def test_of_a_partys_assents_on_one_base_the_newest_counts() -> None:
    both = Both(LATER)
    both.put(0, assent(ID, SHORTER))
    both.put(0, assent(ID, LONGER))
    both.put(1, assent(ID, SHORTER))
    assert both.reply_clock() == 86400  # north has turned to another proposal
    both.put(PHONE.number, assent(ID, SHORTER))
    assert both.reply_clock() == 3600  # its other device, which wrote at the same time, has not
    both.put(0, assent(ID, LONGER, seen={PHONE.number: 1}, time=START + 1))
    assert both.reply_clock() == 86400
    both.put(1, assent(ID, LONGER, time=START + 1))
    assert both.reply_clock() == 7 * 86400
    both.put(1, assent(ID, SHORTER, seen={0: 3}, time=START + 2), "amendment.base")  # it has seen that all assented


def test_who_hides_what_it_has_seen_takes_back_its_own_assent_and_no_more() -> None:
    """Nobody can know that it had seen more. What is left in force is what was before, never what another party had dropped."""
    both = Both(LATER)
    both.put(0, assent(ID, LONGER))
    both.put(0, assent(ID, SHORTER))
    both.put(1, assent(ID, SHORTER, seen={0: 2}))
    assert both.reply_clock() == 3600
    both.put(TABLET.number, assent(ID, LONGER))  # it says that it has seen nothing: then it supersedes nothing either
    assert both.reply_clock() == 3600
    both.put(TABLET.number, assent(ID, LONGER, seen={1: 1}, time=START + 1))
    assert both.reply_clock() == 86400


def test_after_a_lost_disk_what_others_had_seen_governs_at_once() -> None:
    """Also what comes in one run with the entry that shows it."""
    lost = opened("lost", 0, 0, 0)
    both = Both(CHANNEL.with_openings([lost]))
    both.put(0, assent(ID, SHORTER))
    both.put(1, assent(ID, SHORTER))
    both.put(lost.number, statement())
    assert both.reply_clock(1) == both.reply_clock(lost.number) == 86400
    seen = {0: 1, lost.number: 1}
    run = [statement(START + 1, seen=seen), assent(ID, LONGER, seen=seen, time=START + 1)]
    rows = [row(1, n, message) for n, message in enumerate(run, 1)]
    assert [one.void for one in mark_void(both.channel, rows, [one.body for one in run], both.store)] == [None, "amendment.base"]


def test_what_decides_is_each_partys_newest_and_whoever_brought_the_changes() -> None:
    both = Both()
    both.put(0, assent(ID, SHORTER))
    both.put(1, assent(ID, SHORTER, bring=False))
    both.put(0, assent(ID, SHORTER, bring=False))
    both.put(0, assent(ID, LONGER))
    authority = Authority(CHANNEL, both.store.governing())
    assert authority.deciding(2, 0, {0: 1}) == []
    assert authority.deciding(2, 0, {0: 1, 1: 1}) == [(0, 0), (1, 0)]
    assert authority.deciding(2, 0, {0: 2, 1: 1}) == [(0, 0), (0, 1), (1, 0)]
    assert authority.deciding(2, 0, {0: 3, 1: 1}) == [(0, 2), (1, 0)]  # by which SHORTER is not in force, though all assented to it once


def test_of_two_to_which_all_assent_at_once_the_lower_hash_is_in_force() -> None:
    both = Both(LATER)
    other = amendment.amendment_hash(ID, ID, LONGER)
    for log, changes in ((0, SHORTER), (PHONE.number, LONGER), (1, SHORTER), (TABLET.number, LONGER)):
        both.put(log, assent(ID, changes))
    assert both.reply_clock() == (3600 if other > FIRST else 7 * 86400)


def test_late_entries_of_a_replaced_log_govern_only_if_another_had_seen_them() -> None:
    both = Both(LATER)
    both.put(1, assent(ID, LONGER))
    both.put(1, statement())
    both.put(0, assent(ID, SHORTER))
    both.put(1, assent(ID, SHORTER, time=START + 1))  # index 2, which the opener of NEW did not hold
    assert both.reply_clock() == 3600
    both.put(NEW.number, statement(START + 1))
    assert both.reply_clock() == 86400  # nobody is known to have seen it
    both.put(NEW.number, statement(START + 1, seen={0: 1}))
    assert both.reply_clock() == 86400  # its own party does not count
    late: dict[str, Any] = {"seen": {1: 3, NEW.number: 1}, "time": START + 2}
    authority = Authority(LATER, both.store.governing(), both.store.sights(LATER))
    assert authority.at(0, 1, {1: 3}).base == FIRST  # who has not heard of the successor
    assert authority.at(0, 1, {1: 3, NEW.number: 1}).base == ID
    both.put(2, statement(START + 2, seen={0: 1, 1: 3, NEW.number: 1}))  # the guarantor's line check, as it were
    assert both.reply_clock() == 3600
    authority = Authority(LATER, both.store.governing(), both.store.sights(LATER))
    assert authority.sights(0, 1, {1: 3, 2: 1, NEW.number: 1}) == [Sight(2, 0, NEW.number, 3)]
    assert authority.sights(0, 1, {1: 2, 2: 1, NEW.number: 1}) == authority.sights(0, 1, {1: 3, 2: 1}) == []
    both.put(0, assent(ID, LONGER, **late))
    both.put(0, assent(FIRST, BACK, seen={1: 3, 2: 1, NEW.number: 1}, time=START + 2), "amendment.base")  # but now north has turned


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {4: True},
        {5: []},
        {10: []},
        {8: {1: 1}},
        {9: {1: 0, 2: 20}},
        {9: {1: 20_000, 2: 21}},
        {7: [2, 1]},
        {8: CLOCKS, 16: 0},
        {13: [1]},
        {14: {2: 1}},
    ],
)
def test_changes_that_make_no_charter_are_void(changes: dict[int, Any]) -> None:
    Both().put(0, assent(ID, encoding.encode(changes)), "amendment.changes")
    with refused("amendment.changes"):
        amendment.apply(CHANNEL.charter, encoding.encode(changes))


def test_changes_are_those_that_the_hash_names() -> None:
    message = assent(ID, SHORTER)
    Both().put(0, Message(message.kind, START, {}, message.seed, {**message.body, 18: LONGER}), "amendment.changes")
    with refused("amendment.changes"):
        amendment.apply(CHANNEL.charter, b"\xa0\x00")


def test_changes_lead_from_one_charter_to_the_other() -> None:
    officers = make_channel(PARTIES, officers=OFFICERS, clocks={"reply": 3600}).channel.charter
    changes = amendment.changes_between(CHANNEL.charter, officers)
    assert amendment.apply(CHANNEL.charter, changes).clocks == officers.clocks
    assert set(encoding.mapping(encoding.decode(changes))) == {8, 13}
    assert amendment.changes_between(officers, Charter.decode(officers.encode())) == b"\xa0"


def test_kinds_releases_and_officers_of_the_charter_in_force_govern() -> None:
    made = make_channel(PARTIES, officers=OFFICERS)
    officers = made.signed.charter.officers
    listed: list[Value] = [[one.party, *one.value()] for one in officers if one.id != HERON.officer.id]
    changes = encoding.encode({7: [2, 11, 13, 14, 15], 13: listed, 14: {2: 1}})
    base = made.channel.channel_id
    body: Body = {0: [], 1: False, 16: base, 17: amendment.amendment_hash(base, base, changes), 18: changes}
    both = Both(made.channel)

    def say(log: int, message: Message, *by: TestOfficer, code: str | None = None) -> None:
        both.put(log, released(made.channel, log, message, *by), code)

    def amend(log: int, seen: dict[int, int]) -> Message:
        return Message(15, START, seen, seed_of("amend", log)[:16], body)

    say(0, amend(0, {}), KESTREL, code="release.missing")
    say(0, amend(0, {}), KESTREL, HERON, code="release.reused")  # its body is the same
    other = Message(15, START, {}, seed_of("again")[:16], body)
    say(0, other, KESTREL, HERON)
    say(1, amend(1, {0: 3}), WREN, SWIFT)
    say(0, statement(START + 1, seen={1: 1}), KESTREL)
    say(0, statement(START + 2, seen={1: 1}), HERON, code="release.invalid")
    say(0, statement(START + 3, seen={1: 1}, kind=3, f16=["why?"]), KESTREL, code="kind.not_allowed")
    say(1, statement(START + 1, text="not seen", seen={0: 3}), WREN)  # south's own assent completes it


LOGS = (0, 1, 2, PHONE.number, NEW.number)


@st.composite
def governing(draw: st.DrawFn) -> list[Row]:
    """Rows of `keys` and `amendment` as they might lie in five logs, some of which had seen some of the others."""
    logs: dict[int, list[Row]] = {log: [] for log in LOGS}
    held: dict[int, dict[int, int]] = {log: {} for log in LOGS}
    birds = [KESTREL, HERON, RAVEN, WREN]
    hashes = [amendment.amendment_hash(ID, ID, changes) for changes in (SHORTER, LONGER)]
    for step in range(draw(st.integers(0, 20))):
        log = draw(st.sampled_from(LOGS))
        for other in draw(st.sets(st.sampled_from(LOGS), max_size=2)) - {log}:
            size = draw(st.integers(held[log].get(other, 0), len(logs[other])))
            held[log] |= {other: size} if size else {}
        what = draw(st.integers(0, 5))
        if what == 0:
            body: Body = {17: [draw(st.sampled_from(birds)).officer.value()]}
        elif what == 1:
            body = {18: [draw(st.sampled_from(birds)).officer.id], 21: draw(st.sampled_from(["+1", "+2"]))}
        else:
            named = draw(st.sampled_from([SHORTER, LONGER]))
            base = draw(st.sampled_from([ID, ID, *hashes]))
            body = {16: base, 17: amendment.amendment_hash(ID, base, named)}
            body |= {18: named} if draw(st.booleans()) else {}
        kind, index = KINDS["keys" if what < 2 else "amendment"], len(logs[log])
        message = Message(kind, START + step // 3, dict(held[log]), seed_of(log, index)[:16], {0: [], 1: False, **body})
        logs[log].append(row(log, index, message))
    return [one for rows in logs.values() for one in rows]


def seen_of(one: Row) -> dict[int, int]:
    return dict(encoding.sizes(encoding.decode(one.seen)))


def plainly(rows: list[Row], log: int, sizes: dict[int, int]) -> tuple[list[Row], bytes, set[bytes], str | None]:
    """The rows that govern the next entry of a log; base in force, officers and telephone of its party: computed from scratch."""
    below = [one for one in rows if one.index < sizes[one.log]]
    if sizes[NEW.number]:
        first = {one.log: seen_of(one) for one in reversed(below) if NEW.number in seen_of(one) and LATER.party_of(one.log) != 1}
        end = max([NEW.size, *(seen.get(1, 0) for seen in first.values())])
        below = [one for one in below if one.log != 1 or one.index < end]
    base = ID
    bodies: Any = [(one, encoding.decode(one.body)) for one in sorted(below, key=lambda r: (r.time, r.log, r.index))]
    while True:
        on: Any = [(one, body) for one, body in bodies if one.kind == 15 and body[16] == base]

        def counts(one: Row, on: Any = on) -> bool:
            own = [other for other, _ in on if LATER.party_of(other.log) == LATER.party_of(one.log)]
            after = [other for other in own if other.log == one.log and other.index > one.index]
            return not after and not any(seen_of(other).get(one.log, 0) > one.index for other in own)

        named = [{body[17] for one, body in on if counts(one) and LATER.party_of(one.log) == party} for party in (0, 1)]
        complete = named[0] & named[1] & {body[17] for _, body in on if 18 in body}
        if not complete:
            break
        base = min(complete)
    own = [body for one, body in bodies if one.kind == 14 and LATER.party_of(one.log) == LATER.party_of(log)]
    added = {value[1] for body in own for value in body.get(17, [])}
    ids = {one.officer.id for one in (KESTREL, HERON, RAVEN, WREN) if one.officer.key in added}
    gone = {key for body in own for key in body.get(18, [])}
    telephones = [body[21] for body in own if 21 in body]
    return below, base, ids - gone, telephones[-1] if telephones else None


@settings(max_examples=200, deadline=None)
@given(governing(), st.data())
def test_the_fold_is_the_plain_computation_in_any_order_of_rows_and_questions(rows: list[Row], data: st.DataObject) -> None:
    shown = plain_sights(LATER, [[one for one in rows if one.log == log] for log in LOGS])
    authority = Authority(LATER, sights=shown)
    waiting = data.draw(st.permutations(rows)) if data.draw(st.booleans()) else list(rows)
    for one in waiting:
        authority.add(one)
    for _ in range(8):
        sizes = {log: data.draw(st.integers(0, 9)) for log in LOGS}
        log = data.draw(st.sampled_from(LOGS))
        found = authority.now(log, sizes)
        below, *expected = plainly(rows, log, sizes)
        assert [found.base, set(found.officers), found.telephone] == expected
        assert authority.below(log, sizes[log], sizes) == sorted((one.log, one.index) for one in below)
        # What decides is enough, and so is anything between it and all that there is.
        places = set(authority.deciding(log, sizes[log], sizes))
        between = [one for one in below if (one.log, one.index) in places or data.draw(st.booleans())]
        again = Authority(LATER, between, authority.sights(log, sizes[log], sizes)).now(log, sizes)
        assert (again.base, again.officers) == (found.base, found.officers)


OFFICERED = make_channel(PARTIES, officers=OFFICERS)
REPLACING = opened("replacing", 0, 0, 1, OFFICERED.channel)
REPLACED = OFFICERED.channel.with_openings([REPLACING])  # north's first log, of which its opener held one entry
BIRDS = {0: [KESTREL, HERON, RAVEN], 1: [WREN, SWIFT, RAVEN], 2: [RAVEN], REPLACING.number: [KESTREL, HERON, RAVEN]}


@st.composite
def spoken(draw: st.DrawFn) -> dict[int, list[Message]]:
    """Four devices, of which one goes on in a log that was replaced: they say things of officers, and things that officers released or did
    not, while hearing some of each other."""
    logs: dict[int, list[Message]] = {log: [] for log in BIRDS}
    held: dict[int, dict[int, int]] = {log: {} for log in logs}
    for step in range(draw(st.integers(1, 16))):
        log = draw(st.sampled_from(list(BIRDS)))
        for other, written in logs.items():
            if other != log and draw(st.booleans()):
                heard = draw(st.integers(held[log].get(other, 0), len(written)))
                # What was heard brings what its writer had heard, or it would wait.
                known = all(held[log].get(one, 0) >= size for m in written[:heard] for one, size in m.seen.items() if one != log)
                held[log] |= {other: heard} if heard and known else {}
        bird = draw(st.sampled_from(BIRDS[log]))
        sayings: list[tuple[int, Body]] = [(2, {17: "x"}), (14, {17: [bird.officer.value()]}), (14, {18: [bird.officer.id]})]
        kind, body = draw(st.sampled_from(sayings))
        message = Message(kind, START + step, dict(held[log]), seed_of(step, log)[:16], {0: [], 1: False, **body})
        by = draw(st.lists(st.sampled_from(BIRDS[log]), max_size=3))
        logs[log].append(released(REPLACED, log, message, *by))
    return logs


@settings(max_examples=120, deadline=None)
@given(spoken(), st.data())
def test_every_node_marks_alike_whatever_the_order_and_the_batches(logs: dict[int, list[Message]], data: st.DataObject) -> None:
    """I6, I9: each device computes voids as runs reach it, in an order and in batches of its own."""

    def receive() -> dict[int, list[str | None]]:
        store = Store()
        while any(store.size(log) < len(written) for log, written in logs.items()):
            free = [log for log, written in logs.items() if store.size(log) < len(written) and _fits(written[store.size(log)], store)]
            log = data.draw(st.sampled_from(free))
            most = data.draw(st.integers(1, 4))
            batch = []
            for message in logs[log][store.size(log) :][:most]:
                if not _fits(message, store):
                    break
                batch.append(message)
            rows = [row(log, store.size(log) + n, one) for n, one in enumerate(batch)]
            store.put(mark_void(REPLACED, rows, [one.body for one in batch], store))
        again = {
            log: [one.void for one in mark_void(REPLACED, [replace(one, void=None) for one in held], bodies, store)]
            for log, held in store.logs.items()
            for bodies in [[message.body for message in logs[log]]]
        }
        assert again == {log: [one.void for one in held] for log, held in store.logs.items()}  # as fsck computes them, all at once
        return again

    first = receive()
    assert receive() == first


def _fits(message: Message, store: Store) -> bool:
    return all(store.size(log) >= size for log, size in message.seen.items())
