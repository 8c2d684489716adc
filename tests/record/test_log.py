"""Admission: FAULTS A14, B5, C1 to C6, C16, D1, D2, D4, E13, E14, I-7 at the level of one run of messages."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ceasewire import limits
from ceasewire.errors import PeerError
from ceasewire.record import kinds
from ceasewire.record.authority import Authority
from ceasewire.record.channel import Channel
from ceasewire.record.kinds import KINDS
from ceasewire.record.log import Admitted, Held, admit, kind_allowed, least_time, mark_void, refers_rightly, validity
from ceasewire.record.message import Body, Message, row
from ceasewire.record.values import LogState, Row
from ceasewire.tlog.checkpoint import Checkpoint
from ceasewire.tlog.merkle import Frontier
from helpers import START, make_channel, refused, seed_of, statement

from .histories import History, Store, histories

CHANNEL = make_channel(("north", "south", "mission:guarantor", "press:observer"))
NOW = START + 100


def checkpoint_of(state: LogState, messages: list[Message]) -> Checkpoint:
    leaves = [row(state.number, state.size + n, one).leaf for n, one in enumerate(messages)]
    frontier = state.frontier.extend(leaves)
    return CHANNEL.checkpoint(state.number, frontier.size, frontier.root())


def take(
    messages: list[Message],
    state: LogState | None = None,
    *,
    around: Store | None = None,
    now: int = NOW,
    quota: int = 100,
    channel: Channel = CHANNEL.channel,
    checkpoint: Checkpoint | None = None,
) -> Admitted:
    state = state or CHANNEL.empty(0)
    checkpoint = checkpoint or checkpoint_of(state, messages)
    return admit(channel, state, messages, checkpoint, now=now, quota=quota, around=around or Store())


def held_by(**call: Any) -> Held:
    with pytest.raises(Held) as caught:
        take(**call)
    return caught.value


def test_a_run_is_admitted_whole() -> None:
    messages = [statement(START + n, text=str(n)) for n in range(5)]
    admitted = take(messages)
    assert [(one.log, one.index, one.time, one.void) for one in admitted.rows] == [(0, n, START + n, None) for n in range(5)]
    assert (admitted.state.size, admitted.state.time, admitted.state.seen, admitted.state.frozen) == (5, START + 4, {}, None)
    assert admitted.state.frontier.root() == checkpoint_of(CHANNEL.empty(0), messages).root
    more = take([statement(START + 9, text="more")], admitted.state)
    assert (more.rows[0].index, more.state.size) == (5, 6)


def test_c1_an_empty_run_at_the_size_held_changes_nothing() -> None:
    """C1: what is here already is cut off by the caller, and the same checkpoint again is right."""
    state = take([statement()]).state
    again = take([], state)
    assert (again.rows, again.state) == ((), state)
    with refused("log.root"):
        take([], state, checkpoint=CHANNEL.checkpoint(0, 1, seed_of("x")))


@pytest.mark.parametrize("size", [0, 1, 3, 2**62])
def test_c3_a_gap_is_refused(size: int) -> None:
    """C3: sizes that the messages do not lead to."""
    messages = [statement(), statement(text="two")]
    with refused("log.gap"):
        take(messages, checkpoint=replace(checkpoint_of(CHANNEL.empty(0), messages), size=size))


def test_c4_another_root_is_refused() -> None:
    """C4, C16: any change of seed, body, kind, time or seen gives another root than the log signed."""
    one = statement(seen={1: 1})
    store = Store({1: [row(1, 0, statement())]})
    good = checkpoint_of(CHANNEL.empty(0), [one])
    for change in (
        replace(one, seed=bytes(16)),
        replace(one, body={**one.body, 17: "other"}),
        replace(one, body={**one.body, 18: 1}),
        replace(one, kind=3),
        replace(one, time=one.time + 1),
        replace(one, seen={}),
    ):
        with refused("log.root"):
            take([change], around=store, checkpoint=good)
    assert take([one], around=store, checkpoint=good).state.size == 1


def test_a_frozen_log_takes_nothing_more() -> None:
    """C4, C5: not even what would be right."""
    state = replace(take([statement()]).state, frozen="log.fork")
    with refused("log.frozen") as caught:
        take([statement(text="two")], state)
    assert caught.value.detail == "log.fork"


def test_d2_time_does_not_go_back() -> None:
    """D2: within a run, and after what is held."""
    with refused("log.time"):
        take([statement(START + 5), statement(START + 4, text="two")])
    state = take([statement(START + 5)]).state
    with refused("log.time"):
        take([statement(START + 4, text="two")], state)
    assert take([statement(START + 5, text="two")], state).state.size == 2


def test_d2_nothing_is_dated_before_what_it_has_seen() -> None:
    """D2."""
    store = Store({1: [row(1, 0, statement(START + 50))]})
    with refused("log.time"):
        take([statement(START + 49, seen={1: 1})], around=store)
    assert take([statement(START + 50, seen={1: 1})], around=store).state.seen == {1: 1}


def test_seen_does_not_shrink_and_never_names_the_log_itself() -> None:
    store = Store({1: [row(1, n, statement(text=str(n))) for n in range(3)], 2: [row(2, 0, statement())]})
    state = take([statement(seen={1: 2, 2: 1})], around=store).state
    for seen in ({1: 1, 2: 1}, {1: 2}, {2: 1}, {}, {0: 1, 1: 2, 2: 1}):
        with refused("log.seen"):
            take([statement(START + 1, seen=seen, text="two")], state, around=store)
    with refused("log.seen"):
        take([statement(seen={1: 2}), statement(seen={1: 1}, text="two")], around=store)
    assert take([statement(START + 1, seen={1: 3, 2: 1}, text="two")], state, around=store).state.size == 2


def test_d1_a_clock_ahead_is_a_hold_and_not_a_refusal() -> None:
    """D1, I12: ten minutes are allowed; a time before ours is nobody's fault."""
    for now in (START - 600, START, START + 10**9):
        assert take([statement()], now=now).state.size == 1
    held = held_by(messages=[statement()], now=START - 601)
    assert (held.code, held.detail) == ("hold.clock", "601 s ahead")
    assert held_by(messages=[statement(2**62)]).code == "hold.clock"


def test_e14_the_quota_holds_a_run() -> None:
    """E13, E14."""
    messages = [statement(text=str(n)) for n in range(3)]
    assert take(messages, quota=3).state.size == 3
    assert held_by(messages=messages, quota=2).code == "hold.quota"
    assert take([], quota=0).rows == ()


def test_a_seen_that_has_not_arrived_is_a_hold() -> None:
    """C3: the sender cosigned it and must serve it."""
    store = Store({1: [row(1, 0, statement())]})
    assert held_by(messages=[statement(seen={1: 3, 2: 5, 2**31: 1})], around=store).code == "hold.seen"


def test_c5_a_log_that_showed_two_histories_holds_nobody() -> None:
    """What another has seen of it may be the history that never comes here: neither its size nor its times say anything."""
    store = Store({1: [row(1, n, statement(START + 50, text=str(n))) for n in range(3)]})
    further, earlier = statement(START + 60, seen={1: 5}), statement(START + 10, seen={1: 2})
    assert held_by(messages=[further], around=store).code == "hold.seen"
    with refused("log.time"):
        take([earlier], around=store)
    store.convicted.add(1)
    assert take([further], around=store).state.seen == {1: 5}
    assert take([earlier], around=store).state.seen == {1: 2}
    assert held_by(messages=[statement(START + 60, seen={1: 5, 2: 1})], around=store).code == "hold.seen"


def test_integrity_goes_before_holds() -> None:
    """A fault is evidence even if the run would have to wait."""
    with refused("log.root"):
        take([statement(2**62)], checkpoint=CHANNEL.checkpoint(0, 1, seed_of("x")), quota=0)


@settings(max_examples=60)
@given(histories(3), st.data())  # the fourth is an observer
def test_what_honest_devices_write_is_admitted_everywhere(history: History, data: st.DataObject) -> None:
    """I9: in any cut of the run, by any device that holds what was seen, with the same rows."""
    log = data.draw(st.sampled_from(sorted(history.written) or [0]))
    messages = history.written.get(log, [])
    everything = Store({n: store.logs.get(n, []) for n, store in enumerate(history.devices)})
    cut = data.draw(st.integers(0, len(messages)))
    first = take(messages[:cut], CHANNEL.empty(log), around=everything)
    second = take(messages[cut:], first.state, around=everything)
    assert [*first.rows, *second.rows] == everything.logs.get(log, [])


@settings(max_examples=60)
@given(st.data())
def test_a15_a_changed_run_is_refused(data: st.DataObject) -> None:
    """A15: swapped, dropped, doubled or changed messages never give the root that was signed."""
    messages = [statement(START, text=str(n)) for n in range(data.draw(st.integers(2, 6)))]
    good = checkpoint_of(CHANNEL.empty(0), messages)
    changed = messages.copy()
    at = data.draw(st.integers(0, len(messages) - 1))
    what = data.draw(st.sampled_from(["swap", "drop", "double", "change"]))
    if what == "swap":
        changed[at], changed[at - 1] = changed[at - 1], changed[at]
    elif what == "drop":
        del changed[at]
    elif what == "double":
        changed.insert(at, changed[at])
    else:
        changed[at] = replace(changed[at], seed=bytes(16))
    with pytest.raises(PeerError) as caught:
        take(changed, checkpoint=good)
    assert caught.value.code in {"log.root", "log.gap"}


# --- Validity: stored, receipted, void ---


def voids(messages: list[Message], log: int = 0, channel: Channel = CHANNEL.channel, around: Store | None = None) -> list[str | None]:
    return [one.void for one in take(messages, CHANNEL.empty(log), channel=channel, around=around).rows]


def of(kind: int | str, body: Body, seen: dict[int, int] | None = None) -> Message:
    number = KINDS[kind] if isinstance(kind, str) else kind
    whole: Body = {0: [], 1: False, **body}
    return Message(number, START, seen or {}, seed_of(kind, repr(body))[:16], whole)


@pytest.mark.parametrize(
    ("code", "one"),
    [
        (None, of("statement", {17: "x"})),
        (None, of("line_check", {})),
        (None, of("acknowledgement", {17: True})),
        ("body.schema", of("statement", {})),
        ("body.schema", of("statement", {17: 5})),
        ("body.schema", of("statement", {17: "x", 2: 9})),
        ("body.schema", of("acknowledgement", {})),
        ("body.schema", of("reply", {16: 1})),
        ("body.schema", of("notification", {16: ["A4"], 17: START})),
        ("release.unknown", of("statement", {0: [[b"key", 1, START, b"signature"]], 17: "x"})),
        ("ref.unknown", of("statement", {17: "x", 3: [0, 0]})),
        ("ref.unknown", of("statement", {17: "x", 3: [1, 0]})),
        ("ref.unknown", of("statement", {17: "x", 3: [2**31, 0]})),
        ("ref.unknown", of("statement", {17: "x", 3: [1, 1]}, {1: 1})),
        ("ref.unknown", of("statement", {17: "x", 4: [{1: 1, 2: [1, 1]}]}, {1: 1})),
        (None, of("statement", {17: "x", 3: [1, 0]}, {1: 1})),
        (None, of("statement", {17: "x", 3: [[1, 0]], 4: [{1: 1, 2: [1, 0]}]}, {1: 1})),
        ("kind.not_allowed", of(0, {})),
        ("kind.not_allowed", of(99, {})),
        (None, of("flash", {16: 1})),
        (None, of("keys", {16: b"later"})),
    ],
)
def test_validity(code: str | None, one: Message) -> None:
    """A14, B5: the same rule on every node; what is void is admitted all the same."""
    store = Store({1: [row(1, 0, statement())]})
    assert voids([one], around=store) == [code]
    marked = mark_void(CHANNEL.channel, [row(0, 0, one)], [one.body], store)
    assert [one.void for one in marked] == [code]


def test_a_reference_to_an_earlier_message_of_the_log_itself() -> None:
    assert voids([statement(), of("statement", {17: "x", 3: [0, 0]}), of("statement", {17: "x", 3: [0, 2]})]) == [None, None, "ref.unknown"]


def test_a_body_used_before_is_void() -> None:
    """I-7: a release covers a body once; in the same run, in an earlier one, and void the third time too."""
    one = statement()
    again = replace(one, time=START + 1)
    assert voids([one, again, again]) == [None, "release.reused", "release.reused"]
    state = take([one]).state
    store = Store({0: [row(0, 0, one)]})
    assert [r.void for r in take([again], state, around=store).rows] == ["release.reused"]
    assert [r.void for r in take([again], CHANNEL.empty(1), around=store).rows] == [None]  # another log's is its own


def test_the_first_rule_that_is_broken_gives_the_code() -> None:
    bad: Body = {0: [[b"x"]], 1: False, 3: [1, 9]}
    exercise = make_channel(("north", "south"), exercise=True, kinds=["statement"]).channel
    assert voids([of("request", bad)], channel=exercise) == ["kind.not_allowed"]
    assert voids([of("statement", bad)], channel=exercise) == ["exercise.mismatch"]
    assert voids([of("statement", {**bad, 1: True})], channel=exercise) == ["release.unknown"]
    assert voids([of("statement", {0: [], 1: True, 3: [1, 9]})], channel=exercise) == ["body.schema"]
    assert voids([of("statement", {0: [], 1: True, 3: [1, 9], 17: "x"})], channel=exercise) == ["ref.unknown"]
    twice = of("statement", {17: "x", 3: [1, 9]})
    assert voids([twice, twice]) == ["ref.unknown", "ref.unknown"]


def test_an_exercise_channel_takes_exercises_alone_and_another_takes_both() -> None:
    exercise = make_channel(("north", "south"), exercise=True).channel
    for flag, there, here in ((True, None, None), (False, "exercise.mismatch", None)):
        one = of("statement", {1: flag, 17: "x"})
        assert (voids([one], channel=exercise), voids([one])) == ([there], [here])


@pytest.mark.parametrize(
    ("log", "allowed"),
    [
        (0, set(range(1, 17))),
        (1, set(range(1, 17))),
        (2, set(range(1, 17)) - {KINDS["amendment"], KINDS["reply"]}),
        (3, {KINDS[name] for name in ("line_check", "acknowledgement", "keys", "channel_status")}),
    ],
)
def test_b5_who_may_send_what(log: int, allowed: set[int]) -> None:
    """B5: by the charter and the role."""
    assert {kind for kind in range(1, 20) if kind_allowed(CHANNEL.channel, log, kind)} == allowed
    narrow = make_channel(("north", "south", "mission:guarantor", "press:observer"), kinds=["statement"]).channel
    always = {KINDS[name] for name in ("line_check", "acknowledgement", "keys")}
    assert {kind for kind in range(1, 20) if kind_allowed(narrow, log, kind)} == always | ({2} if log < 3 else set())


def test_a14_a_kind_of_a_newer_version_that_the_charter_names_is_kept() -> None:
    """A14: stored, receipted, not void, whatever its fields say."""
    newer = replace(CHANNEL.channel.charter, kinds=(1, 99))
    channel = Channel(replace(CHANNEL.signed, charter=newer))
    one = of(99, {16: "x", 3: [7, 7]})
    assert voids([one], channel=channel) == [None]
    assert 99 not in kinds.UNDERSTOOD
    assert validity(Authority(channel), row(0, 0, one), one.body) is None


def test_the_schema_is_checked_once() -> None:
    """A body that read_body has just made is not checked again; everything else is."""
    bad = of("statement", {3: [0, 9]})
    kept = row(0, 0, bad)
    assert validity(Authority(CHANNEL.channel), kept, bad.body) == "body.schema"
    assert validity(Authority(CHANNEL.channel), kept, bad.body, schema=False) == "ref.unknown"


def test_nothing_to_mark() -> None:
    assert mark_void(CHANNEL.channel, [], [], Store()) == []


@given(st.lists(st.integers(0, 2**40), min_size=4, max_size=4))
def test_least_time_is_the_latest_of_all_it_must_not_precede(times: list[int]) -> None:
    """PROTOCOL section 5."""
    clock, before, cosigned, other = times
    state = LogState(0, Frontier.empty(), before, {})
    found: Row = row(1, 4, statement(other))
    assert least_time(clock, state, cosigned, {1: 5}, lambda log, index: found.time if (log, index) == (1, 4) else 0) == max(times)
    assert least_time(clock, state, cosigned, {}, lambda *_: 0) == max(clock, before, cosigned)


def test_limits_are_what_the_protocol_says() -> None:
    assert limits.CLOCK_TOLERANCE_SECONDS == 600


@pytest.mark.parametrize(
    ("code", "one"),
    [
        (None, of("withdrawal", {3: [0, 0], 16: "x"})),
        ("ref.party", of("withdrawal", {3: [1, 0], 16: "x"}, {1: 1})),
        ("ref.party", of("withdrawal", {3: [[0, 0], [1, 0]], 16: "x"}, {1: 1})),
        ("ref.party", of("correction", {3: [1, 0], 16: 2, 17: {17: "y"}, 18: "x"}, {1: 1})),
        (None, of("correction", {3: [0, 0], 16: 2, 17: {17: "y"}, 18: "x"})),
        (None, of("reply", {3: [1, 0], 16: 3}, {1: 1})),
        ("ref.party", of("reply", {3: [0, 0], 16: 3})),
        ("ref.party", of("statement", {17: "x", 4: [{1: 2, 2: [1, 0]}]}, {1: 1})),
        ("ref.party", of("statement", {17: "x", 4: [{1: 3, 2: [1, 0]}]}, {1: 1})),
        (None, of("statement", {17: "x", 4: [{1: 3, 2: [0, 0]}, {1: 4, 2: [1, 0]}]}, {1: 1})),
    ],
)
def test_nobody_takes_back_what_another_said_or_answers_themselves(code: str | None, one: Message) -> None:
    """B5: a later log of the same party may; its number says whose it is."""
    store = Store({1: [row(1, 0, statement())]})
    assert voids([statement(), one], around=store)[1] == code
    later = 2**31 + 5
    assert refers_rightly(0, KINDS["withdrawal"], {3: [later, 0]})
    assert not refers_rightly(1, KINDS["withdrawal"], {3: [later, 0]})
