"""The one rule of exchange: what is due, and that both ends come to rest. FAULTS C1, C7, E1, E4, I9."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from ceasewire.exchange.session import Span, due, lacking

SIZES = st.dictionaries(st.integers(0, 4), st.integers(0, 9))


def test_own_log_first_then_what_is_wanted_in_order() -> None:
    assert due(1, {0: 5, 1: 9, 2: 4}, covered=6, wants={2: 1, 0: 3}) == [Span(1, 6, 9), Span(0, 3, 5), Span(2, 1, 4)]


def test_nothing_is_due_to_who_has_everything() -> None:
    assert due(0, {0: 5, 1: 3}, covered=5, wants={}) == []
    assert due(0, {0: 5, 1: 3}, covered=5, wants={1: 3, 2: 0}) == []
    assert due(0, {}, covered=0, wants={0: 0, 1: 0}) == []


def test_a_peer_that_lost_its_copy_gets_it_again() -> None:
    """C7: a want of our own log from below what it once cosigned."""
    assert due(0, {0: 5}, covered=5, wants={0: 2}) == [Span(0, 2, 5)]
    assert due(0, {0: 5}, covered=3, wants={0: 4}) == [Span(0, 3, 5)]


def test_only_third_logs_are_wanted() -> None:
    assert lacking({0: 1, 2: 3}, heads={0: 9, 1: 9, 2: 4, 3: 1, 4: 0}, sender=1, own=0) == {2: 3, 3: 0}


@given(SIZES, SIZES, st.integers(0, 9), st.integers(0, 4))
def test_spans_are_of_what_is_held_and_lacked(held: dict[int, int], wants: dict[int, int], covered: int, own: int) -> None:
    spans = due(own, held, covered, wants)
    assert len({span.log for span in spans}) == len(spans)
    for span in spans:
        assert 0 <= span.start < span.stop == held[span.log]
        assert span.start == (min(covered, wants.get(own, covered)) if span.log == own else wants[span.log])


@settings(max_examples=200)
@given(st.integers(2, 4), st.data())
def test_i9_after_the_links_are_up_everybody_holds_everything(devices: int, data: st.DataObject) -> None:
    """I9, E1, E4: losses cost repetitions and never a message. Three rounds of honest exchange end any partition."""
    written = {log: data.draw(st.integers(0, 5)) for log in range(devices)}
    held = [{log: written[log]} for log in range(devices)]
    wants: list[dict[int, dict[int, int]]] = [{} for _ in range(devices)]

    def send(sender: int, to: int) -> None:
        for span in due(sender, held[sender], held[to].get(sender, 0), wants[sender].get(to, {})):
            if span.start <= held[to].get(span.log, 0) < span.stop:
                held[to][span.log] = span.stop
        wants[to][sender] = {}
        wants[sender].setdefault(to, {})
        wants[sender][to] = lacking(held[to], held[sender], sender, to)

    for _ in range(data.draw(st.integers(0, 10))):
        one, other = data.draw(st.permutations(range(devices)))[:2]
        if data.draw(st.booleans()):  # the others are lost on the way
            send(one, other)
    for _ in range(3):
        for one in range(devices):
            for other in range(devices):
                if one != other:
                    send(one, other)
    expected = {log: size for log, size in written.items() if size}
    for device in held:
        assert {log: size for log, size in device.items() if size} == expected
