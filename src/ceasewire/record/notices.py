"""Advance notices matched with later notifications, in time and place. spec/case.md, "Notices".

1. Matched are notices that announce something (phase planned, or none), are not void, and lie before the notification in record order.
2. Time: the notice's window touches the time of what is reported, widened by how precisely that is known (`SLACK_SECONDS`). What is
   ongoing lasts until it was notified.
3. Place: the notice's location or route comes as near to the reported location as both are precise (`REACH`, the sum of both); or both
   name one zone; or the notice's area is the place, or its other name, letter for letter but for capitals and spaces.
4. A notice that its party cancelled or withdrew, before what is reported began, is not matched. Exercise and actual are apart.

All arithmetic is in whole numbers, so that two machines never differ in the last digit.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, NamedTuple, TypeAlias

from .bodies import RE
from .bodies_action import NOTICE
from .bodies_incident import NOTIFICATION
from .encoding import Value
from .kinds import references
from .message import EXERCISE, Body
from .order import Place, RefTuple
from .words import ACTIVITIES, PRECISIONS

# By occurred_precision; the first where none is stated.
SLACK_SECONDS: Final[Mapping[str, int]] = {"": 3600, "exact": 0, "hour": 3600, "day": 86_400, "about": 7200}
# How far from the truth a position may be, by its precision, in 1e-5 degree of latitude (about 1.1 m).
REACH: Final[Mapping[str, int]] = {"exact": 1_000, "near": 2_000, "district": 15_000, "region": 150_000}
# Who moves under notice to help, repair or inquire: hit, they are a site that was struck. All other activities may explain a report.
SITES: Final = frozenset(
    {"infrastructure_repair", "medical_evacuation", "humanitarian_convoy", "recovery_of_remains", "prisoner_transfer", "joint_inquiry"}
)
QUESTIONS: Final[Mapping[str, str]] = {
    "live_fire_exercise": "notified exercise?",
    "humanitarian_convoy": "a notified convoy was struck",
}
_DAY: Final = 86_400
_LONGEST_DAYS: Final = 31  # a window of more days stands in one list instead of in each day's
_PRECISE: Final = ("", "exact", "hour", "day", "about")

Point: TypeAlias = tuple[int, int]


class Match(NamedTuple):
    """One notice that a notification matches: `relation` is notified_activity (it may explain what was reported) or
    notified_site_struck; `by` the notice's party by position."""

    relation: str
    ref: RefTuple
    by: int
    activity: str

    @property
    def question(self) -> str:
        """What a person is shown: a question, since a match in time and place proves nothing."""
        asked = "a notified site was struck" if self.relation == "notified_site_struck" else "notified activity?"
        return QUESTIONS.get(self.activity, asked)


@dataclass(frozen=True, slots=True)
class _Where:
    """A place as matching sees it: one position or the bends of a route, how precise, a zone's id, and names, folded."""

    points: tuple[Point, ...]
    reach: int
    zone: str
    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Notice:
    place: Place
    party: int
    activity: str
    start: int
    end: int
    where: _Where

    @property
    def ref(self) -> RefTuple:
        return self.place[2], self.place[3]


@dataclass(slots=True)
class Notices:
    """The notices of a record: fed with every notice and withdrawal that is not void, in record order."""

    _days: dict[tuple[bool, int], list[_Notice]] = field(default_factory=dict)
    _long: dict[bool, list[_Notice]] = field(default_factory=dict)
    _parties: dict[RefTuple, int] = field(default_factory=dict)
    _ended: dict[RefTuple, tuple[int, Place]] = field(default_factory=dict)  # when it was cancelled or withdrawn, and where that stands

    def feed_notice(self, place: Place, party: int, body: Body) -> None:
        """One notice, by the position of its party."""
        phase = body.get(NOTICE["phase"].number, 1)
        if phase == 4:
            self._end(place, party, body)
        if phase != 1:
            return
        start, end = body[NOTICE["window_from"].number], body[NOTICE["window_to"].number]
        code = body[NOTICE["activity"].number]
        if not (isinstance(start, int) and isinstance(end, int) and isinstance(code, int)):
            return
        one = _Notice(place, party, ACTIVITIES[code - 1], start, end, _of_notice(body))
        self._parties[one.ref] = party
        for bucket in self._buckets(body[EXERCISE] is True, start, end):
            bucket.append(one)

    def feed_withdrawal(self, place: Place, party: int, body: Body) -> None:
        """One withdrawal, of whatever it may be."""
        self._end(place, party, body)

    def matches(self, place: Place, body: Body) -> list[Match]:
        """The notices that a notification at this place matches, in record order."""
        start, end = span_of(place, body)
        exercise, where = body[EXERCISE] is True, _of_notification(body)
        began = body[NOTIFICATION["occurred_from"].number]
        found = {
            one.place: Match("notified_site_struck" if one.activity in SITES else "notified_activity", one.ref, one.party, one.activity)
            for one in self._near(exercise, start, end)
            if one.place < place and one.start <= end and start <= one.end and _touch(one.where, where)
            if not self._was_ended(one.ref, began, place)
        }
        return [found[at] for at in sorted(found)]

    def _was_ended(self, ref: RefTuple, began: Value, place: Place) -> bool:
        """Whether a notice was cancelled or withdrawn before what is reported began, as is said before it was notified."""
        ended = self._ended.get(ref)
        return ended is not None and isinstance(began, int) and ended[0] <= began and ended[1] < place

    def _end(self, place: Place, party: int, body: Body) -> None:
        for ref in references({RE: body[RE]}) if RE in body else ():
            if self._parties.get(ref) == party:
                self._ended.setdefault(ref, (place[0], place))

    def _buckets(self, exercise: bool, start: int, end: int) -> Iterator[list[_Notice]]:
        if end // _DAY - start // _DAY > _LONGEST_DAYS:
            yield self._long.setdefault(exercise, [])
        else:
            for day in range(start // _DAY, end // _DAY + 1):
                yield self._days.setdefault((exercise, day), [])

    def _near(self, exercise: bool, start: int, end: int) -> Iterator[_Notice]:
        """Whatever may overlap; some twice."""
        yield from self._long.get(exercise, ())
        if end // _DAY - start // _DAY > len(self._days):
            for (kind, _), bucket in self._days.items():
                if kind == exercise:
                    yield from bucket
            return
        for day in range(start // _DAY, end // _DAY + 1):
            yield from self._days.get((exercise, day), ())


def span_of(place: Place, body: Body) -> tuple[int, int]:
    """When what is reported happened, widened by what is not known of it."""
    start, end = body[NOTIFICATION["occurred_from"].number], body.get(NOTIFICATION["occurred_to"].number)
    code = body.get(NOTIFICATION["occurred_precision"].number, 0)
    if not isinstance(start, int) or not isinstance(code, int):
        return 0, -1
    last = end if isinstance(end, int) else start
    if body.get(NOTIFICATION["ongoing"].number) is True:
        last = max(last, place[0])
    slack = SLACK_SECONDS[_PRECISE[code]]
    return start - slack, last + slack


def _of_notice(body: Body) -> _Where:
    route = body.get(NOTICE["route"].number)
    points = _points(route if isinstance(route, list) else [])
    location = body.get(NOTICE["location"].number)
    return _Where(
        points or _points([location]),
        _reach(body.get(NOTICE["location_precision"].number)),
        str(body.get(NOTICE["zone_id"].number, "")),
        _names(body, (NOTICE["area"].number,)),
    )


def _of_notification(body: Body) -> _Where:
    return _Where(
        _points([body.get(NOTIFICATION["location"].number)]),
        _reach(body.get(NOTIFICATION["location_precision"].number)),
        str(body.get(NOTIFICATION["zone_id"].number, "")),
        _names(body, (NOTIFICATION["place"].number, NOTIFICATION["place_other"].number)),
    )


def _points(values: Iterable[Value]) -> tuple[Point, ...]:
    return tuple((one[0], one[1]) for one in values if isinstance(one, list))  # type: ignore[misc]


def _reach(code: Value) -> int:
    return REACH[PRECISIONS[code - 1]] if isinstance(code, int) and 1 <= code <= len(PRECISIONS) else REACH["near"]


def _names(body: Body, numbers: Collection[int]) -> frozenset[str]:
    return frozenset(fold(text) for number in numbers if isinstance(text := body.get(number), str))


def fold(text: str) -> str:
    """A name for comparison: without capitals and superfluous spaces."""
    return " ".join(text.casefold().split())


def _touch(one: _Where, other: _Where) -> bool:
    if one.zone and one.zone == other.zone:
        return True
    if one.names & other.names:
        return True
    return bool(one.points and other.points) and within(one.points, other.points[0], one.reach + other.reach)


# --- Distances, in whole numbers ---


def within(route: Sequence[Point], point: Point, reach: int) -> bool:
    """Whether a route, or its one point, comes within `reach` (1e-5 degree of latitude) of a point."""
    flat = [_flat(bend, point) for bend in route]
    if len(flat) == 1:
        flat *= 2
    return any(_square(a, b) <= reach * reach for a, b in pairwise(flat))


def _flat(point: Point, origin: Point) -> Point:
    """Where a point lies from another, northward and eastward, on a map that is flat there."""
    east = (point[1] - origin[1] + 18_000_000) % 36_000_000 - 18_000_000
    # cos(x) = (32400 - 4 x^2) / (32400 + x^2) for x in degrees, right to 0.2 per cent of the radius (Bhaskara, about 650).
    square = origin[0] * origin[0] // 10_000_000_000
    return point[0] - origin[0], east * (32_400 - 4 * square) // (32_400 + square)


def _square(a: Point, b: Point) -> int:
    """The square of the distance from (0, 0) to the stretch from a to b, rounded down."""
    step = (b[0] - a[0], b[1] - a[1])
    length = step[0] * step[0] + step[1] * step[1]
    along = -(a[0] * step[0] + a[1] * step[1])
    if length == 0 or along <= 0:
        return a[0] * a[0] + a[1] * a[1]
    if along >= length:
        return b[0] * b[0] + b[1] * b[1]
    cross = a[0] * b[1] - a[1] * b[0]
    return cross * cross // length
