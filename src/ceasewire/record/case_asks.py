"""Which messages ask something, and what each brings to `clocks.run`. spec/case.md, "Clocks"."""

from __future__ import annotations

from collections.abc import Iterable

from .bodies import COMMON
from .bodies_action import NOTICE
from .case import Case, Ending
from .case_fold import accepted_dates, asked_date, fold
from .case_record import (
    ASKING,
    Record,
    Said,
    accused,
    activity,
    answered_by,
    first_proof,
    historical,
    parties,
    phase,
    precedence,
    re_of,
    said,
    seconds_of,
    start_of,
)
from .clocks import Ask
from .kinds import KINDS, references
from .message import EXERCISE, Body
from .order import Place, Placed, RefTuple

_RESPOND_BY = COMMON["respond_by"].number


def asks(one: Placed, body: Body) -> bool:
    """Whether a message asks for an answer: a notification, a request, a notice that asks for an assurance or proposes a joint inquiry.
    Void and historical messages never do."""
    if one.row.kind not in ASKING or one.row.void is not None or historical(body):
        return False
    if one.row.kind != KINDS["notice"]:
        return True
    return phase(body) == "planned" and (body.get(NOTICE["assurance_asked"].number) is True or activity(body) == "joint_inquiry")


def ask(record: Record, one: Placed) -> Ask | None:
    """What a message brings to the pass; None if it asks nothing, or nobody is proved to have received it."""
    own = said(one, record.channel)
    if not asks(one, own.body):
        return None
    if own.kind == KINDS["notification"]:
        return of_case(record, fold(record, own.ref))
    return _of_other(record, own)


def of_case(record: Record, case: Case) -> Ask | None:
    """What a case's notification brings to the pass."""
    if case.received is None or case.start is None or historical(case.notification.body):
        return None
    return _made(record, case.notification, (case.start, case.received.place), case.ended, case.dates)


def answering(record: Record, one: Said) -> frozenset[int]:
    """Who answers a request or notice: the parties whose messages it names, but its own; where it names its own notification alone, or is
    a notice, also whoever answers the notification it names; else every other party."""
    named, own = references(one.body), one.party
    others = parties(record.channel) - {own}
    found = {record.channel.party_of(log) for log, _ in named if log in record.channel.logs} & others
    if not found or one.kind == KINDS["notice"]:
        for ref in named:
            other = record.placed(ref)
            if other and other.row.kind == KINDS["notification"] and other.row.void is None:
                found |= accused(record.channel, other, other.body()) & others
    return frozenset(found) or others


def end_of(record: Record, one: Said) -> Ending | None:
    """What first ended the clock of a request or notice: an answer by whoever must give it, or its withdrawal."""
    by = answering(record, one)
    for other in _naming(record, one.ref):
        if other.kind == KINDS["reply"] and other.party in by and one.ref in answered_by(other.body) and asked_date(other) is None:
            return other.time, "answered", other.ref
        if other.kind == KINDS["withdrawal"] and other.party == one.party and one.ref in re_of(other.body):
            return other.time, "withdrawn", other.ref
    return None


def _of_other(record: Record, one: Said) -> Ask | None:
    proof = first_proof(record.receipts(one.ref), answering(record, one))
    if proof is None:
        return None
    return _made(record, one, (start_of(one.at, proof), proof.place), end_of(record, one), _dates(record, one))


def _dates(record: Record, one: Said) -> list[tuple[int, int]]:
    by = answering(record, one)
    asked = {
        other.ref: date
        for other in _naming(record, one.ref)
        if other.kind == KINDS["reply"] and other.party in by and one.ref in answered_by(other.body)
        if (date := asked_date(other)) is not None
    }
    accepting = {other.ref: other for ref in asked for other in _naming(record, ref) if other.party == one.party}
    found = sorted(accepting.values(), key=lambda other: other.at.place)
    return [date for other in found for date in accepted_dates(other, asked)]


def _naming(record: Record, ref: RefTuple) -> Iterable[Said]:
    return (said(one, record.channel) for one in record.naming(ref))


def _made(record: Record, one: Said, received: tuple[int, Place], ended: Ending | None, dates: list[tuple[int, int]]) -> Ask:
    start, proof = received
    seconds = seconds_of(record.charter(one.at), precedence(one.body))
    later = one.body.get(_RESPOND_BY)
    if isinstance(later, int):  # the asker may give more time than the charter, never less
        seconds = max(seconds, later - start)
    end = ended[0] if ended else None
    return Ask(one.ref, one.party, one.body[EXERCISE] is True, precedence(one.body), start, proof, seconds, end, tuple(dates))
