"""Made-up messages: for each kind of message, JSON as a person writes it beside the JSON that every node must show for it.

The pairs are written from spec/entry.md, not from the code: what a position or a time must become is worked out here again.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, TypeAlias

from hypothesis import strategies as st

from ceasewire import limits
from ceasewire.record import kinds
from ceasewire.record.fields import LAST_TIME

Pair: TypeAlias = tuple[Any, Any]  # what is written, what is shown
Pairs: TypeAlias = st.SearchStrategy[Pair]

PARTIES = ("north", "south")
UNITS = {"exact": 1, "near": 1_000, "district": 10_000, "region": 100_000}
CHARACTERS = st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn", "Cf"))


def same(strategy: st.SearchStrategy[Any]) -> Pairs:
    return strategy.map(lambda value: (value, value))


def texts(most: int = 60) -> Pairs:
    return same(st.text(CHARACTERS, min_size=1, max_size=most // 4).map(lambda text: text if text.strip() else "-"))


def code(*words: str) -> Pairs:
    return same(st.sampled_from(words))


def uint(most: int) -> Pairs:
    return same(st.integers(0, most))


FLAG = same(st.booleans())


@st.composite
def times(draw: st.DrawFn) -> Pair:
    """Any second of 1970 to 9999, written in any zone, in small or large letters, with or without a fraction."""
    seconds = draw(st.integers(0, LAST_TIME))
    shown = f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}Z"
    offset = draw(st.sampled_from([0, 0, 1, 270, 345, 14 * 60, -12 * 60, -210]))
    if not 86_400 <= seconds <= LAST_TIME - 86_400:  # in another zone the year might be 1969 or 10000
        offset = 0
    zoned = datetime.fromtimestamp(seconds, timezone(timedelta(minutes=offset)))
    zone = (
        draw(st.sampled_from(["Z", "z", "+00:00"]))
        if not offset
        else f"{'-' if offset < 0 else '+'}{abs(offset) // 60:02}:{abs(offset) % 60:02}"
    )
    fraction = draw(st.sampled_from(["", ".5", ".999999", ".9999999999"]))
    return f"{zoned:%Y-%m-%d}{draw(st.sampled_from('Tt'))}{zoned:%H:%M:%S}{fraction}{zone}", shown


def lists(item: Pairs, most: int = 4) -> Pairs:
    return st.lists(item, min_size=1, max_size=most).map(lambda pairs: ([a for a, _ in pairs], [b for _, b in pairs]))


def bare(item: Pairs) -> Pairs:
    return st.one_of(item, lists(item))


@st.composite
def objects(draw: st.DrawFn, fields: dict[str, Pairs], required: tuple[str, ...] = (), *, nulls: bool = True) -> Pair:
    """An object of some of these fields; those left out are absent or null, and shown as absent."""
    written: dict[str, Any] = {}
    shown: dict[str, Any] = {}
    some = draw(st.sets(st.sampled_from(sorted(fields)), max_size=6))
    for name in [*sorted(some.difference(required), reverse=draw(st.booleans())), *required]:
        if nulls and name not in required and draw(st.integers(0, 5)) == 0:
            written[name] = None
        else:
            written[name], shown[name] = draw(fields[name])
    return written, shown


REFS = same(st.builds("{}/{}".format, st.sampled_from(PARTIES), st.integers(0, 10**18 - 1)))
TYPES = same(st.sampled_from([f"{letter}{n}" for letter, last in kinds.TAXONOMY.items() for n in range(1, last + 1)]))
LANGUAGE = same(st.sampled_from(["ps", "prs", "fr", "uk", "zh-Hant-TW", "en-001"]))
DIGESTS = st.binary(min_size=32, max_size=32).map(lambda d: (d.hex().upper(), d.hex()))
ESTIMATE = same(st.lists(st.integers(0, 10_000_000), min_size=3, max_size=3))
HARMS = objects(dict.fromkeys(("killed", "wounded", "missing", "detained"), ESTIMATE))
GROUPS: dict[str, Pairs] = dict.fromkeys(("civilians", "unattributed", *PARTIES), HARMS)
CASUALTIES = st.sampled_from(sorted(GROUPS)).flatmap(lambda group: objects(GROUPS, (group,), nulls=False))
POSITIONS = st.tuples(st.floats(-90, 90), st.floats(-180, 180)).map(list)

EVIDENCE = objects(
    {
        "name": texts(255),
        "sha256": DIGESTS,
        "media_type": texts(100),
        "size": uint(limits.EVIDENCE_BYTES),
        "captured_at": times(),
        "captured_by": texts(),
        "custody_note": texts(),
    },
    ("name", "sha256"),
)
SOURCE = st.one_of(
    texts(),
    objects(
        {
            "class": code("own_unit", "guarantor", "authority", "aid_organisation", "press", "civilian", "protected"),
            "text": texts(),
        },
        ("class",),
    ),
)
LINK = objects(
    {
        "as": code("replies_to", "corrects", "withdraws", "same_incident", "counter_claim_to", "duplicate_of"),
        "ref": REFS,
    },
    ("as", "ref"),
)
COMMON: dict[str, Pairs] = {
    "exercise": FLAG,
    "precedence": code("flash", "immediate", "priority", "routine"),
    "re": bare(REFS),
    "links": lists(LINK),
    "provisions": lists(texts(32)),
    "respond_by": times(),
    "embargo": times(),
    "language": LANGUAGE,
    "translations": lists(objects({"language": LANGUAGE, "field": texts(), "text": texts()}, ("language", "field", "text"))),
    "evidence": lists(EVIDENCE, 2),
    "sources": lists(SOURCE),
}
NOTIFICATION: dict[str, Pairs] = {
    "types": lists(TYPES),
    "occurred_precision": code("exact", "hour", "day", "about"),
    "ongoing": FLAG,
    "place": texts(),
    "place_other": texts(),
    "zone": code("contact_line", "security_zone", "disengagement_area", "withdrawal_line", "none"),
    "controlled_by": code(*PARTIES),
    "accused": code(*PARTIES),
    "accused_unit": texts(),
    "basis_of_attribution": code("seen", "heard", "radar", "impact_analysis", "admission", "inference", "unknown"),
    "direction": code("incoming", "outgoing", "both", "lateral", "not_applicable"),
    "bearing": uint(359),
    "distance": uint(1_000_000),
    "means": bare(texts()),
    "count": uint(1_000_000),
    "count_unit": code("round", "burst", "explosion", "crossing", "flight", "person", "vehicle"),
    "count_quality": code("exact", "at_least", "estimate"),
    "how_observed": texts(),
    "casualties": CASUALTIES,
    "damage": texts(),
    "protected_object": texts(),
    "present_situation": texts(),
    "own_fire_returned": FLAG,
    "own_fire_ordered_by": texts(),
    "channel_tried_first": FLAG,
    "request": bare(code("cease", "withdraw", "explain", "release", "investigate_jointly", "none")),
    "steps_taken": texts(),
    "severity": code("low", "moderate", "serious", "grave"),
    "reporter_level": texts(),
    "confidence": code("low", "medium", "high"),
    "narrative": texts(400),
    "zone_id": texts(32),
}
STATEMENT: dict[str, Pairs] = {
    "title": texts(),
    "text": texts(400),
    "type": code("position", "clarification", "commitment", "condolence"),
}
REQUEST: dict[str, Pairs] = {"questions": lists(texts()), "text": texts()}
REPLY: dict[str, Pairs] = {
    "stance": code(*kinds.STANCES),
    "account": texts(),
    "orders": texts(),
    "discipline": texts(),
    "remedy": texts(),
    "remedy_by": times(),
    "joint_inquiry": objects({"when": times(), "where": texts(), "safe_passage": texts()}),
    "new_respond_by": times(),
    "publish": code("both", "ours_only", "none"),
    "answers": lists(objects({"question": uint(50), "text": texts()}, ("question", "text"))),
    "reason": texts(),
    "until": times(),
}
# A cosigner is written by a machine as its number, and shown by its name: the test channel's two logs and its one witness.
COSIGNERS = st.sampled_from([(0, "north"), (1, "south"), (-1, "tower"), (-2, "-2"), (7, "7")])
LINE_CHECK: dict[str, Pairs] = {
    "receipts": lists(
        objects(
            {
                "log": code(*PARTIES),
                "size": uint(2**63 - 1),
                "by": COSIGNERS,
                "kind": uint(255),
                "time": times(),
                "signature": same(st.sampled_from(["AA==", "AQID", "/+8="])),
            },
            ("log", "size", "by", "kind", "time", "signature"),
        )
    ),
    "evidence_held": lists(DIGESTS),
}
ACKNOWLEDGEMENT: dict[str, Pairs] = {"on_duty": lists(texts()), "nothing_to_report": FLAG}


def _rounded(position: list[float], precision: str) -> list[float]:
    """Half away from zero, in decimal arithmetic on the 1e-5 degree that is nearest to what was written."""
    unit = UNITS[precision]
    steps = [(Decimal(round(x * 100_000)) / unit).to_integral_value(ROUND_HALF_UP) * unit for x in position]
    return [float(step / 100_000) for step in steps]


@st.composite
def notifications(draw: st.DrawFn) -> Pair:
    written, shown = draw(objects(COMMON | NOTIFICATION, ("types",)))
    start, end = sorted([draw(times()), draw(times())], key=lambda pair: pair[1])
    written["occurred_from"], shown["occurred_from"] = start
    if draw(st.booleans()):
        written["occurred_to"], shown["occurred_to"] = end
    for name in ("location", "observer_position"):
        if draw(st.booleans()):
            written[name] = draw(POSITIONS)
    if not written.get("place") and "location" not in written:
        written["location"] = draw(POSITIONS)
    placed = [name for name in ("location", "observer_position") if name in written]
    precision = draw(st.sampled_from([None, *UNITS]))
    if precision:
        written["location_precision"] = shown["location_precision"] = precision
    elif placed:
        shown["location_precision"] = "near"
    for name in placed:
        shown[name] = _rounded(written[name], precision or "near")
    press = draw(st.sampled_from([None, "none", "after_reply", "at_time"]))
    if press:
        written["press_intention"] = shown["press_intention"] = press
    if press == "at_time":
        written["press_time"], shown["press_time"] = draw(times())
    return written, shown


@st.composite
def replies(draw: st.DrawFn) -> Pair:
    written, shown = draw(objects(COMMON | REPLY, ("stance", "re")))
    fields_of = st.sets(st.sampled_from([*NOTIFICATION, *COMMON]), max_size=3)
    agreed = draw(fields_of)
    disputed = draw(fields_of) - agreed
    for view, fields in (("agreed", sorted(agreed)), ("disputed", sorted(disputed))):
        if fields:
            written[view] = shown[view] = fields
    return written, shown


@st.composite
def acknowledgements(draw: st.DrawFn) -> Pair:
    read = draw(st.booleans())
    written, shown = draw(objects(COMMON | ACKNOWLEDGEMENT, ("re",) if read else ()))
    written["state" if read else "watch"] = shown["state" if read else "watch"] = "read" if read else True
    return written, shown


MESSAGES: dict[str, Pairs] = {
    "notification": notifications(),
    "statement": objects(COMMON | STATEMENT, ("text",)),
    "request": objects(COMMON | REQUEST, ("questions",)),
    "reply": replies(),
    "line_check": objects(COMMON | LINE_CHECK),
    "acknowledgement": acknowledgements(),
}
