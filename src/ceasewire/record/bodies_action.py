"""Bodies about what is done or must be done now: notice, flash. spec/entry.md, spec/phrases.md; DOMAIN "A notice"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .bodies import LINE, PRECISION, PROSE, RE, Kind, Placed, in_order
from .fields import Code, Field, Flag, Many, Position, Text, Time, Uint, missing
from .message import Body
from .notation import Wrong
from .phrases import PHRASES
from .words import ACTIVITIES, KINDS, PHASES

NOTICE: Final[Mapping[str, Field]] = {
    "activity": Field(16, Code(ACTIVITIES), required=True),
    "phase": Field(17, Code(PHASES)),
    "area": Field(18, LINE),
    "route": Field(19, Many(Position(), 100)),
    "location": Field(20, Position()),
    "location_precision": Field(21, PRECISION),
    "window_from": Field(22, Time()),
    "window_to": Field(23, Time()),
    "people": Field(24, Uint(1_000_000)),
    "vehicles": Field(25, Uint(100_000)),
    "marks": Field(26, LINE),
    "contact": Field(27, LINE),
    "lead_time": Field(28, Code(("normal", "emergency"))),
    "assurance_asked": Field(29, Flag()),
    "zone_id": Field(30, Text(32)),
    "text": Field(31, PROSE),
}

FLASH: Final[Mapping[str, Field]] = {
    "phrase": Field(16, Code(tuple(PHRASES)), required=True),
    "location": Field(17, Position()),
    "location_precision": Field(18, PRECISION),
    "place": Field(19, LINE),
    "text": Field(20, Text(500)),
}


def planned(body: Mapping[int, object]) -> bool:
    """Whether a notice announces, rather than following up an earlier notice: planned is also what it is without a phase."""
    return body.get(17, 1) == 1


def _phases(body: Body) -> None:
    """A plan says when and where; what follows it up refers to it."""
    if not planned(body):
        if RE not in body:
            raise Wrong("re: the notice that this follows up")
        return
    for name in ("window_from", "window_to"):
        if NOTICE[name].number not in body:
            raise missing(name, NOTICE[name])
    if not any(number in body for number in (18, 19, 20)):
        raise Wrong("area, location or route is missing")


INQUIRY: Final = ACTIVITIES.index("joint_inquiry") + 1


def _inquiry(body: Body) -> None:
    if body.get(16) == INQUIRY and RE not in body:
        raise Wrong("re: the case of the joint inquiry")


ACTION: Final = (
    Kind(
        "notice",
        KINDS["notice"],
        NOTICE,
        (_phases, _inquiry, in_order(22, 23, "window_to: a time not before window_from")),
        Placed(21, (20,), (19,)),
    ),
    Kind("flash", KINDS["flash"], FLASH, (), Placed(18, (17,))),
)
