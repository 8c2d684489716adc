"""A bulletin of what a node holds: what reports/bulletin asks of the record, read from a view. docs/bulletin.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from .errors import LocalError
from .node import composing
from .node.view import View
from .record import encoding, fingerprint
from .record.standing import stands
from .reports import bulletin
from .reports.facts import EARLIER, Channel, Cut, Period
from .tlog import merkle

_TRIES: Final = 10  # to read one state of a record that grows


def survey(view: View, period: Period, *, exercise: bool, lang: str) -> dict[str, Any]:
    """The bulletin of one state of the record; computed again if something was written meanwhile. Raises LocalError usage, node.locked."""
    for _ in range(_TRIES):
        before = {number: state.size for number, state in view.store.states().items()}
        found = _once(view, period, exercise, lang)
        if before == {number: state.size for number, state in view.store.states().items()}:
            return found
    raise LocalError("node.locked", "the record grows faster than it can be read")


def _once(view: View, period: Period, exercise: bool, lang: str) -> dict[str, Any]:
    cases, charter, channel = view.cases(), composing.in_force(view).charter, view.channel
    faces = view.two_faced()
    glance = _glance(view, period.end, faces)
    began = min(glance.first.values(), default=0)
    facts = Channel(
        head=_head(view),
        exercise=charter.exercise,
        parties={party.slug: {"name": party.name, "role": party.role} for party in charter.parties},
        zones={zone.zone_id: zone.name for zone in charter.zones},
        clocks=charter.clocks,
        party_of={names.slug: channel.party(log).slug for log, names in channel.logs.items()},
        owing={channel.logs[log].slug: glance.first.get(log, began) if log in channel.openings else began for log in channel.live_logs()},
    )
    cuts, said = _cuts(view, glance.held, faces), _said(view, period)
    return bulletin.make(facts, period, said, cases, cuts, exercise=exercise, lang=lang, last=glance.last)


def _said(view: View, period: Period) -> Iterator[dict[str, Any]]:
    """The messages that a bulletin reads: of what is older than the period before, some kinds alone."""
    start = period.before.start
    for kind in EARLIER if start else ():
        yield from view.messages(kind=kind, until=start - 1)
    yield from view.messages(since=start, until=period.end - 1)


def _head(view: View) -> dict[str, Any]:
    charter, channel_id = view.channel.charter, view.channel.channel_id
    return {"name": charter.name, "title": charter.title, "id": channel_id.hex(), "fingerprint": fingerprint.words(channel_id)}


@dataclass
class _Glance:
    """Of each log the time of its first entry; how much of it each party's entries of before the end show to hold; the newest time."""

    first: dict[int, int] = field(default_factory=dict)
    held: dict[int, dict[str, int]] = field(default_factory=dict)
    last: int = 0


def _glance(view: View, end: int, faces: Mapping[int, int]) -> _Glance:
    """`faces` as conviction.two_faced: what does not stand by them may be another entry elsewhere."""
    found, channel = _Glance(), view.channel
    # What a log said after it was replaced may be a thief's, and shows nothing of another.
    ends = {log: min((channel.openings[one].size for one in channel.successors_of(log)), default=None) for log in channel.logs}
    newest: dict[int, bytes] = {}
    for one in (one for one in view.store.scan() if stands(faces, one.log, one.index)):
        found.first.setdefault(one.log, one.time)
        found.last = max(found.last, one.time)
        most = ends[one.log]
        if one.time < end and (most is None or one.index < most):
            newest[one.log] = one.seen
    for by, seen in newest.items():
        slug = channel.party(by).slug
        for log, size in encoding.sizes(encoding.decode(seen)).items():
            of = found.held.setdefault(log, {})
            of[slug] = max(size, of.get(slug, 0))
    return found


def _cuts(view: View, held: dict[int, dict[str, int]], faces: Mapping[int, int]) -> list[Cut]:
    """Every log by name, its size and root, and who holds how much of it; a party that was not shown to hold anything holds none. Of a log
    with two histories what is the same in both."""
    states = view.store.states()
    sizes = {number: max(0, min(state.size, faces.get(number, state.size))) for number, state in states.items()}
    parties = [party.slug for party in view.channel.charter.parties]
    found = []
    for log, names in sorted(view.channel.logs.items(), key=lambda item: item[1].slug):
        size = sizes.get(log, 0)
        root = view.root(log, size) if size else merkle.EMPTY_ROOT
        found.append(Cut(names.slug, size, root.hex(), {slug: held.get(log, {}).get(slug, 0) for slug in parties}))
    return found
