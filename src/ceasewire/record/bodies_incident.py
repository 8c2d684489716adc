"""Bodies about one incident: notification, reply, finding. spec/entry.md; DOMAIN "A notification", "A reply", "A finding"."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from .bodies import COMMON, LINE, NOTE, PRECISION, PROSE, Kind, Placed, in_order, needed, one_of
from .fields import Code, Field, Flag, Many, Octets, Party, Position, Struct, Text, Time, Uint
from .message import Body
from .notation import Wrong
from .special import Casualties, FieldNumber
from .words import CONFIDENCES, FINDINGS, KINDS, REQUESTS, STANCES, VIOLATIONS

VIOLATION: Final = Text(3, re.compile("|".join(VIOLATIONS)), "a type of violation from A1 to J5", "A4", capitals=True)

NOTIFICATION: Final[Mapping[str, Field]] = {
    "types": Field(16, Many(VIOLATION, 20, alone=True), required=True),
    "occurred_from": Field(17, Time(), required=True),
    "occurred_to": Field(18, Time()),
    "occurred_precision": Field(19, Code(("exact", "hour", "day", "about"))),
    "ongoing": Field(20, Flag()),
    "place": Field(21, LINE),
    "place_other": Field(22, LINE),
    "location": Field(23, Position()),
    "location_precision": Field(24, PRECISION),
    "zone": Field(25, Code(("contact_line", "security_zone", "disengagement_area", "withdrawal_line", "none"))),
    "controlled_by": Field(26, Party()),
    "accused": Field(27, Party()),
    "accused_unit": Field(28, LINE),
    "basis_of_attribution": Field(29, Code(("seen", "heard", "radar", "impact_analysis", "admission", "inference", "unknown"))),
    "direction": Field(30, Code(("incoming", "outgoing", "both", "lateral", "not_applicable"))),
    "bearing": Field(31, Uint(359)),
    "distance": Field(32, Uint(1_000_000)),
    "observer_position": Field(33, Position()),
    "means": Field(34, Many(LINE, 20, bare=True)),
    "count": Field(35, Uint(1_000_000)),
    "count_unit": Field(36, Code(("round", "burst", "explosion", "crossing", "flight", "person", "vehicle"), plural=True)),
    "count_quality": Field(37, Code(("exact", "at_least", "estimate"))),
    "how_observed": Field(38, LINE),
    "casualties": Field(39, Casualties()),
    "damage": Field(40, NOTE),
    "protected_object": Field(41, LINE),
    "present_situation": Field(42, NOTE),
    "own_fire_returned": Field(43, Flag()),
    "own_fire_ordered_by": Field(44, LINE),
    "channel_tried_first": Field(45, Flag()),
    "request": Field(46, Many(Code(REQUESTS), len(REQUESTS), bare=True)),
    "steps_taken": Field(47, NOTE),
    "severity": Field(48, Code(("low", "moderate", "serious", "grave"))),
    "reporter_level": Field(49, LINE),
    "confidence": Field(50, Code(CONFIDENCES)),
    "press_intention": Field(51, Code(("none", "after_reply", "at_time"))),
    "press_time": Field(52, Time()),
    "narrative": Field(53, PROSE),
    "zone_id": Field(54, Text(32)),
}

NOTIFICATION_FIELD: Final = FieldNumber({name: field.number for name, field in {**COMMON, **NOTIFICATION}.items()}, "notification")

REPLY: Final[Mapping[str, Field]] = {
    "stance": Field(16, Code(STANCES), required=True),
    "account": Field(17, PROSE),
    "agreed": Field(18, Many(NOTIFICATION_FIELD, 64)),
    "disputed": Field(19, Many(NOTIFICATION_FIELD, 64)),
    "orders": Field(20, NOTE),
    "discipline": Field(21, NOTE),
    "remedy": Field(22, NOTE),
    "remedy_by": Field(23, Time()),
    "joint_inquiry": Field(24, Struct({"when": Field(1, Time()), "where": Field(2, LINE), "safe_passage": Field(3, NOTE)})),
    "new_respond_by": Field(25, Time()),
    "publish": Field(26, Code(("both", "ours_only", "none"))),
    "answers": Field(
        27,
        Many(Struct({"question": Field(1, Uint(50), required=True), "text": Field(2, Text(4000), required=True)}), 50),
    ),
    "reason": Field(28, NOTE),
    "until": Field(29, Time()),
}

FINDING: Final[Mapping[str, Field]] = {
    "finding": Field(16, Code(FINDINGS), required=True),
    "attribution": Field(17, Code(("attributed", "shared", "unattributed"))),
    "attributed_to": Field(18, Many(Party(), 16)),
    "confidence": Field(19, Code(CONFIDENCES)),
    "mandate": Field(20, NOTE),
    "team": Field(21, Many(LINE, 50)),
    "visits": Field(22, Many(Struct({"place": Field(1, LINE, required=True), "date": Field(2, Time(), required=True)}), 50)),
    "access_refused_by": Field(23, Many(Party(), 16)),
    "methods": Field(24, NOTE),
    "exhibits": Field(25, Many(Octets(32), 100)),
    "chronology": Field(26, Text(8000)),
    "agreed": Field(27, Many(NOTIFICATION_FIELD, 64)),
    "disputed": Field(
        28,
        Many(Struct({"party": Field(1, Party(), required=True), "fields": Field(2, Many(NOTIFICATION_FIELD, 64), required=True)}), 16),
    ),
    "dissent": Field(29, NOTE),
    "comments": Field(30, Many(Struct({"party": Field(1, Party(), required=True), "text": Field(2, NOTE, required=True)}), 16)),
    "remedy": Field(31, NOTE),
    "remedy_by": Field(32, Time()),
    "narrative": Field(33, PROSE),
}


def _press_time(body: Body) -> None:
    if (body.get(51) == 3) != (52 in body):
        raise Wrong("press_time: with press_intention at_time, and only then")


def _agreed_or_disputed(body: Body) -> None:
    agreed, disputed = body.get(18), body.get(19)
    if isinstance(agreed, list) and isinstance(disputed, list) and any(field in disputed for field in agreed):
        raise Wrong("disputed: only fields that are not agreed")


def _attributed(body: Body) -> None:
    """Whom it is attributed to is said exactly when it is attributed, and two at least share it."""
    attribution, to = body.get(17), body.get(18)
    found = to if isinstance(to, list) else []
    if len(found) != len(set(map(str, found))):
        raise Wrong("attributed_to: each party once")
    least = {1: 1, 2: 2}.get(attribution if isinstance(attribution, int) else 0, 0)
    if len(found) < least:
        raise Wrong("attributed_to: " + ("a party at least" if least == 1 else "two parties at least, or all between them"))
    if found and not least:
        raise Wrong("attribution: attributed or shared, where attributed_to names a party")


def _found_disputed(body: Body) -> None:
    agreed, disputed = body.get(27), body.get(28)
    if not isinstance(agreed, list) or not isinstance(disputed, list):
        return
    for one in disputed:
        fields = one.get(2) if isinstance(one, dict) else None
        if isinstance(fields, list) and any(field in agreed for field in fields):
            raise Wrong("disputed: only fields that are not agreed")


INCIDENT: Final = (
    Kind(
        "notification",
        KINDS["notification"],
        NOTIFICATION,
        (one_of(21, 23, said="place or location"), in_order(17, 18, "occurred_to: a time not before occurred_from"), _press_time),
        Placed(24, (23, 33)),
    ),
    Kind("reply", KINDS["reply"], REPLY, (needed("re"), _agreed_or_disputed)),
    Kind("finding", KINDS["finding"], FINDING, (needed("re"), _attributed, _found_disputed)),
)
