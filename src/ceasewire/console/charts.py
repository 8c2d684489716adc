"""Charts drawn by the server: SVG of shapes and figures alone, without a style or a script of its own. Whatever a person wrote stands in
the page beside it.

All widths are percents, so that a chart is as wide as its place and its figures stay as large as other text. From right to left, earlier
stands at the right.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from ..record.fields import Json, parse_time

SHAPES: Final = ("notification", "reply", "finding", "flash", "change", "other", "void")
_CHANGES: Final = frozenset({"correction", "withdrawal", "closing"})
_EDGE: Final = 2.5  # percent of the width that stays free at each side, for the shape of what stands there
_STEP: Final = 1.6  # percent within which two marks would cover each other
_HIGH: Final = 11  # from one mark to the next that stands above it
_STACK: Final = 5
_LEAST_SPAN: Final = 600


@dataclass(frozen=True, slots=True)
class Scale:
    """Times from `start` to `end`, POSIX seconds, over the width; `rtl` from the right."""

    start: int
    end: int
    rtl: bool = False

    @staticmethod
    def over(times: Iterable[int], rtl: bool) -> Scale:
        """One that holds all of them, ten minutes at least. Raises ValueError for no times."""
        found = list(times)
        start, end = min(found), max(found)
        return Scale(start, max(end, start + _LEAST_SPAN), rtl)

    def x(self, time: int) -> float:
        """Percent of the width."""
        part = min(1.0, max(0.0, (time - self.start) / (self.end - self.start)))
        at = _EDGE + part * (100 - 2 * _EDGE)
        return round(100 - at if self.rtl else at, 2)


@dataclass(frozen=True, slots=True)
class Mark:
    """What was said at a time, POSIX seconds: a shape of SHAPES, and what its title says."""

    time: int
    shape: str
    title: str


def shape(kind: str, void: object) -> str:
    """The shape for a message of a kind."""
    if void:
        return "void"
    if kind in _CHANGES:
        return "change"
    return kind if kind in SHAPES else "other"


def marks(said: Iterable[Mapping[str, Json]], title: Mapping[str, str]) -> list[Mark]:
    """Marks of messages with `time`, `kind` and `void`; `title` gives a kind's words."""
    return [Mark(parse_time(one["time"]), shape(one["kind"], one["void"]), title.get(one["kind"], one["kind"])) for one in said]


def strip(found: Sequence[Mark], scale: Scale, label: str, *, lines: Sequence[tuple[int, str]] = ()) -> Markup:
    """One lane: its marks along a line, those of one time above each other. `lines` are times that are drawn through it, each with a class
    (due, late, now)."""
    placed = list(_placed(found, scale))
    high = _HIGH * (1 + max((level for _, _, level in placed), default=0)) + 9
    base = high - 10
    drawn = Markup("").join(
        [
            Markup('<line class="axis" x1="0" y1="%d" x2="100%%" y2="%d"/>') % (base, base),
            *(_line(scale.x(time), high, name) for time, name in lines if scale.start <= time <= scale.end),
            *(_mark(one, x, base - level * _HIGH) for one, x, level in placed),
        ]
    )
    return Markup('<svg class="strip" width="100%%" height="%d" role="img" aria-label="%s">%s</svg>') % (high, label, drawn)


def _placed(found: Sequence[Mark], scale: Scale) -> Iterator[tuple[Mark, float, int]]:
    """Where each stands: beside what is near it in time, above it; what would stand too high covers the highest."""
    free: dict[int, int] = {}
    for one in found:
        x = scale.x(one.time)
        column = round(x / _STEP)
        level = max(free.get(near, 0) for near in (column - 1, column, column + 1))
        free[column] = level + 1
        yield one, x, min(level, _STACK)


def _line(x: float, high: int, name: str) -> Markup:
    return Markup('<line class="at %s" x1="%s%%" y1="0" x2="%s%%" y2="%d"/>') % (name, x, x, high)


def _mark(one: Mark, x: float, y: int) -> Markup:
    """A shape at a percent of the width: a nested svg, since only its corner can be given in percent."""
    return Markup('<svg x="%s%%" y="%d" width="1" height="1" overflow="visible" class="mark %s"><title>%s</title>%s</svg>') % (
        x,
        y,
        one.shape,
        one.title,
        _SHAPES[one.shape],
    )


_SHAPES: Final = {
    "notification": Markup('<path d="M0-5.500 5.500 0 0 5.500-5.500 0z"/>'),
    "reply": Markup('<circle r="4.500"/>'),
    "finding": Markup('<path d="M-4.500-4.500h9v9h-9z"/>'),
    "flash": Markup('<path d="M0-5.500 5.500 4.500h-11z"/>'),
    "change": Markup('<path class="open" d="M0-5 5 0 0 5-5 0z"/>'),
    "other": Markup('<circle class="open" r="3.500"/>'),
    "void": Markup('<path class="open" d="M-4-4 4 4M4-4-4 4"/>'),
}


def sample(name: str) -> Markup:
    """A shape by itself, for a legend."""
    return Markup('<svg class="key" width="14" height="14" viewBox="-7 -7 14 14" aria-hidden="true"><g class="mark %s">%s</g></svg>') % (
        name,
        _SHAPES[name],
    )


# --- The axis ---

_DAY: Final = 86400
_STEPS: Final = (300, 600, 1800, 3600, 7200, 10800, 21600, 43200, *(days * _DAY for days in (1, 2, 7, 30, 91, 365, 3650)))
_TICKS: Final = 4


def ticks(scale: Scale) -> list[int]:
    """At most four round times within a scale."""
    span = scale.end - scale.start
    step = next((one for one in _STEPS if span / one <= _TICKS), _STEPS[-1])
    first = -(-scale.start // step) * step
    return list(range(first, scale.end + 1, step))[: _TICKS + 1]


def axis(scale: Scale, said: Sequence[tuple[int, str]]) -> Markup:
    """The times below the lanes: each with its words, which must be figures alone."""
    drawn = Markup("").join(_tick(scale.x(time), words) for time, words in said)
    return Markup('<svg class="ticks" width="100%%" height="24" aria-hidden="true">%s</svg>') % drawn


def _tick(x: float, words: str) -> Markup:
    anchor = "start" if x < 12 else "end" if x > 88 else "middle"
    return Markup(
        '<line class="axis" x1="%s%%" y1="0" x2="%s%%" y2="5"/><text x="%s%%" y="19" text-anchor="%s" direction="ltr">%s</text>'
    ) % (x, x, x, anchor, words)
