"""What a message's own party has since said of it: the withdrawals and corrections that stand, of any message, whether or not it belongs
to a case."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .bodies_record import CORRECTION
from .case_record import Record, re_of, taken_back
from .corrections import in_force
from .fields import Json
from .kinds import KINDS, show_body
from .message import EXERCISE
from .order import Placed


@dataclass(frozen=True, slots=True)
class Changed:
    """One correction that stands: its message, and each field that it changed, by name: what stood there until then, and what it puts there
    (None: nothing), in JSON."""

    by: Placed
    fields: Mapping[str, tuple[Json, Json]]


def withdrawals(record: Record, one: Placed) -> list[Placed]:
    """The withdrawals of a message that stand, in record order."""
    return list(_of_its_party(record, one, KINDS["withdrawal"]))


def corrections(record: Record, one: Placed) -> list[Placed]:
    """The corrections of a message that stand, in record order."""
    found = _of_its_party(record, one, KINDS["correction"])
    return [by for by in found if by.body().get(CORRECTION["of"].number) == one.row.kind]


def changes(record: Record, one: Placed) -> list[Changed]:
    """Those corrections, each with what it changed in the message as the one before had left it."""
    kind, body, found, before = one.row.kind, one.body(), [], one.body()
    bodies = []
    for by in corrections(record, one):
        bodies.append(by.body())
        after = in_force(kind, body, bodies)
        changed = sorted(number for number in {*before, *after} if before.get(number) != after.get(number))
        was, now = (show_body(kind, {n: each[n] for n in changed if n in each}, record.channel) for each in (before, after))
        found.append(Changed(by, {name: (was.get(name), now.get(name)) for name in {**was, **now}}))
        before = after
    return found


def _of_its_party(record: Record, one: Placed, kind: int) -> Iterator[Placed]:
    party, exercise = record.channel.party_of(one.row.log), one.body().get(EXERCISE)
    for by in record.naming(one.ref):
        if by.row.kind != kind or by.row.void is not None or record.channel.party_of(by.row.log) != party:
            continue
        body = by.body()
        if one.ref in re_of(body) and body.get(EXERCISE) == exercise and not taken_back(record, by):
            yield by
