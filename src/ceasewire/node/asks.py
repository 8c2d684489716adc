"""What a message brings to the clocks (`record.clocks.Ask`), as the derived tables keep it."""

from __future__ import annotations

import json

from ..record.clocks import Ask, Clock
from ..record.order import RefTuple
from ..store.derived_interface import KeptClock


def queue_of(one: Ask) -> str:
    """The asks that one clock waits among: those of one party, exercise or actual."""
    return f"{one.by}{'e' if one.exercise else ''}"


def write_ask(one: Ask) -> str:
    """As kept; the reference is kept beside it."""
    return json.dumps([one.by, one.exercise, one.precedence, one.received, one.proof, one.seconds, one.ended, one.dates])


def read_ask(ref: RefTuple, value: str) -> Ask:
    """From what was kept."""
    by, exercise, precedence, received, (time, level, log, index), seconds, ended, dates = json.loads(value)
    pairs = tuple((at, new) for at, new in dates)
    return Ask(ref, by, exercise, precedence, received, (time, level, log, index), seconds, ended, pairs)


def kept_clock(one: Clock) -> KeptClock:
    """A clock as kept; what the message brought to it is kept beside it."""
    return KeptClock(one.start, one.due, one.ask.ended, one.behind)
