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


def lists(item: Pairs, most: int = 4, *, once: bool = False) -> Pairs:
    unique = (lambda pair: repr(pair[1])) if once else None
    return st.lists(item, min_size=1, max_size=most, unique_by=unique).map(lambda pairs: ([a for a, _ in pairs], [b for _, b in pairs]))


def bare(item: Pairs) -> Pairs:
    return st.one_of(item, lists(item, once=True))


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
            "class": code("own_unit", "guarantor", "authority", "aid_organisation", "press", "civilian"),
            "text": texts(),
        },
        ("class",),
    ),
    st.just(({"class": "protected", "text": None}, {"class": "protected"})),
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
    "links": lists(LINK, once=True),
    "provisions": lists(texts(32)),
    "respond_by": times(),
    "embargo": times(),
    "language": LANGUAGE,
    "translations": lists(objects({"language": LANGUAGE, "field": code("translations"), "text": texts()}, ("language", "field", "text"))),
    "evidence": lists(EVIDENCE, 2),
    "sources": lists(SOURCE),
    "historical": FLAG,
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


NOTICE: dict[str, Pairs] = {
    "area": texts(),
    "people": uint(1_000_000),
    "vehicles": uint(100_000),
    "marks": texts(),
    "contact": texts(),
    "lead_time": code("normal", "emergency"),
    "assurance_asked": FLAG,
    "zone_id": texts(32),
    "text": texts(400),
}
ACTIVITY = code(
    "live_fire_exercise",
    "troop_rotation",
    "resupply",
    "flight",
    "demining",
    "infrastructure_repair",
    "medical_evacuation",
    "humanitarian_convoy",
    "patrol",
    "recovery_of_remains",
    "prisoner_transfer",
    "controlled_detonation",
)
FIELD_NAMES = lists(st.sampled_from([*NOTIFICATION, *COMMON]).map(lambda name: (name, name)), 3)
FINDING: dict[str, Pairs] = {
    "finding": code(
        "confirmed",
        "probable",
        "unconfirmed",
        "contradicted",
        "not_a_violation",
        "permitted_activity",
        "accident",
        "outside_mandate",
        "inadmissible",
        "settled_bilaterally",
    ),
    "confidence": code("low", "medium", "high"),
    "mandate": texts(),
    "team": lists(texts()),
    "visits": lists(objects({"place": texts(), "date": times()}, ("place", "date"))),
    "access_refused_by": lists(code(*PARTIES)),
    "methods": texts(),
    "exhibits": lists(DIGESTS),
    "chronology": texts(400),
    "dissent": texts(),
    "comments": lists(objects({"party": code(*PARTIES), "text": texts()}, ("party", "text"))),
    "remedy": texts(),
    "remedy_by": times(),
    "narrative": texts(400),
}
FLASH: dict[str, Pairs] = {
    "phrase": st.sampled_from([("cease_now", "cease_now"), ("Cease now", "cease_now"), ("NOT OURS", "not_ours"), ("checking", "checking")]),
    "place": texts(),
    "text": texts(),
}
CHANNEL_STATUS: dict[str, Pairs] = {
    "status": code("suspension", "resumption", "end", "contact"),
    "reason": texts(),
    "duty_telephone": texts(100),
    "contacts": lists(objects({"role": texts(100), "telephone": texts(100), "note": texts()}, ("role",))),
    "text": texts(400),
}
KEY = "ed25519:d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"  # RFC 8032, test 1
OFFICER_ID = "7ccf1541320fb9cf2e78b912f4cf13d5"  # the first 16 bytes of SHA-256(82 01 58 20 and the key)
KEYS: dict[str, Pairs] = {
    "opening": same(st.sampled_from(["AA==", "AQID"])),
    "revoke": lists(st.binary(min_size=16, max_size=16).map(lambda d: (d.hex().upper(), d.hex()))),
    "url": texts(),
    "reason": texts(),
}
AMENDMENT: dict[str, Pairs] = {
    "base": DIGESTS,
    "amendment": DIGESTS,
    "changes": same(st.sampled_from(["AA==", "AQID"])),
    "text": texts(400),
}
TEXT: dict[str, Pairs] = {"text": texts(400)}
WITHDRAWAL: dict[str, Pairs] = {"reason": texts(400)}


def _rounded(position: list[float], precision: str) -> list[float]:
    """Half away from zero, in decimal arithmetic on the 1e-5 degree that is nearest to what was written."""
    unit = UNITS[precision]
    steps = [(Decimal(round(x * 100_000)) / unit).to_integral_value(ROUND_HALF_UP) * unit for x in position]
    return [float(step / 100_000) for step in steps]


@st.composite
def placed(draw: st.DrawFn, pair: Pairs, points: tuple[str, ...], routes: tuple[str, ...] = ()) -> Pair:
    """With positions, perhaps, written as finely as a person likes, and shown no finer than their precision."""
    written, shown = draw(pair)
    for name in (*points, *routes):
        if draw(st.booleans()):
            written[name] = draw(st.lists(POSITIONS, min_size=1, max_size=3) if name in routes else POSITIONS)
    there = [name for name in (*points, *routes) if name in written]
    precision = draw(st.sampled_from([None, *UNITS]))
    if precision:
        written["location_precision"] = shown["location_precision"] = precision
    elif there:
        shown["location_precision"] = "near"
    for name in there:
        found = written[name] if name in routes else [written[name]]
        rounded = [_rounded(point, precision or "near") for point in found]
        shown[name] = rounded if name in routes else rounded[0]
    return written, shown


@st.composite
def notices(draw: st.DrawFn) -> Pair:
    written, shown = draw(placed(objects(COMMON | NOTICE | {"activity": ACTIVITY}, ("activity",)), ("location",), ("route",)))
    phase = draw(st.sampled_from([None, "planned", "started", "finished", "cancelled"]))
    if phase:
        written["phase"] = shown["phase"] = phase
    if phase in (None, "planned"):
        start, end = sorted([draw(times()), draw(times())], key=lambda pair: pair[1])
        (written["window_from"], shown["window_from"]), (written["window_to"], shown["window_to"]) = start, end
        if not {"area", "route", "location"} & shown.keys():
            written["area"] = shown["area"] = "the old road"
    elif "re" not in shown:
        written["re"], shown["re"] = draw(REFS)
    return written, shown


@st.composite
def findings(draw: st.DrawFn) -> Pair:
    written, shown = draw(objects(COMMON | FINDING, ("finding", "re")))
    attribution = draw(st.sampled_from([None, "attributed", "shared", "unattributed"]))
    if attribution:
        written["attribution"] = shown["attribution"] = attribution
    if attribution in ("attributed", "shared"):
        parties = list(PARTIES if attribution == "shared" else PARTIES[:1])
        written["attributed_to"] = shown["attributed_to"] = parties
    agreed = draw(st.sets(st.sampled_from([*NOTIFICATION]), max_size=3))
    disputed = draw(st.sets(st.sampled_from([*NOTIFICATION]), max_size=3)) - agreed
    if agreed:
        written["agreed"] = shown["agreed"] = sorted(agreed)
    if disputed:
        written["disputed"] = shown["disputed"] = [{"party": "south", "fields": sorted(disputed)}]
    return written, shown


@st.composite
def statuses(draw: st.DrawFn) -> Pair:
    written, shown = draw(objects(COMMON | CHANNEL_STATUS, ("status",)))
    for first, second, there in (("from", "until", draw(st.booleans())), ("from", "to", draw(st.booleans()))):
        start, end = sorted([draw(times()), draw(times())], key=lambda pair: pair[1])
        if there and second == "to":
            written["roster"] = [{"role": "duty officer", first: start[0], second: end[0]}]
            shown["roster"] = [{"role": "duty officer", first: start[1], second: end[1]}]
        elif there:
            (written[first], shown[first]), (written[second], shown[second]) = start, end
    return written, shown


@st.composite
def keys(draw: st.DrawFn) -> Pair:
    written, shown = draw(objects(COMMON | KEYS))
    officer = {"name": "Falcon", "role": "duty_officer", "key": KEY}
    if draw(st.booleans()) or not shown.keys() & KEYS.keys() - {"reason"}:
        written["officers"] = [officer]
        shown["officers"] = [{"id": OFFICER_ID, **officer}]
    return written, shown


@st.composite
def corrections(draw: st.DrawFn) -> Pair:
    kept = {"exercise", "precedence", "re", "links", "respond_by", "historical"}
    of = draw(st.sampled_from(sorted(CORRECTABLE)))
    fields = {name: pairs for name, pairs in (COMMON | CORRECTABLE[of]).items() if name not in kept}
    pairs: Pairs = objects(fields, nulls=False)
    if of in ("notification", "notice", "flash"):
        pairs = placed(pairs, ("location",), ("route",) if of == "notice" else ())
    changed, changed_shown = draw(pairs)
    required = {"types", "activity", "phrase", "finding", "stance", "status", "questions", "occurred_from"}
    removable = sorted(fields.keys() - changed.keys() - required - ({"text"} if of == "statement" else set()))
    removed = draw(st.lists(st.sampled_from(removable), max_size=2, unique=True))
    written, shown = draw(objects(COMMON, ()))
    written["of"] = shown["of"] = of
    written["reason"], shown["reason"] = draw(texts())
    written["re"], shown["re"] = draw(REFS)
    if changed:
        written["fields"], shown["fields"] = changed, changed_shown
    if removed or not changed:
        written["removed"] = shown["removed"] = removed or removable[:1]
    return written, shown


@st.composite
def notifications(draw: st.DrawFn) -> Pair:
    written, shown = draw(placed(objects(COMMON | NOTIFICATION, ("types",)), ("location", "observer_position")))
    start, end = sorted([draw(times()), draw(times())], key=lambda pair: pair[1])
    written["occurred_from"], shown["occurred_from"] = start
    if draw(st.booleans()):
        written["occurred_to"], shown["occurred_to"] = end
    if not shown.get("place") and "location" not in written:
        written["place"] = shown["place"] = "Bridge 4"
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


CORRECTABLE: dict[str, dict[str, Pairs]] = {
    "notification": NOTIFICATION,
    "statement": STATEMENT,
    "request": REQUEST,
    "reply": REPLY,
    "notice": NOTICE,
    "finding": FINDING,
    "flash": FLASH,
    "evidence": TEXT,
    "channel_status": CHANNEL_STATUS,
}
MESSAGES: dict[str, Pairs] = {
    "notification": notifications(),
    "statement": objects(COMMON | STATEMENT, ("text",)),
    "request": objects(COMMON | REQUEST, ("questions",)),
    "reply": replies(),
    "notice": notices(),
    "finding": findings(),
    "flash": placed(objects(COMMON | FLASH, ("phrase",)), ("location",)),
    "evidence": objects(COMMON | TEXT, ("re", "evidence")),
    "correction": corrections(),
    "withdrawal": objects(COMMON | WITHDRAWAL, ("re", "reason")),
    "line_check": objects(COMMON | LINE_CHECK),
    "channel_status": statuses(),
    "acknowledgement": acknowledgements(),
    "keys": keys(),
    "amendment": objects(COMMON | AMENDMENT, ("base", "amendment")),
    "closing": objects(COMMON | TEXT, ("re",)),
}
