"""Vectors of bodies: each kind as a person writes it, and each way in which it can be wrong."""

from __future__ import annotations

import json
from typing import Any, Final

from ceasewire.record.kinds import KINDS, UNDERSTOOD, read_body, show_body

from .base import Vectors, cbor

Json = dict[str, Any]

INCIDENT: Final[Json] = {"types": ["A4"], "occurred_from": "2026-03-01T04:12:00Z", "place": "Bridge 4"}
PLAN: Final[Json] = {
    "activity": "humanitarian_convoy",
    "area": "the old road",
    "window_from": "2026-03-01T06:00:00Z",
    "window_to": "2026-03-01T09:00:00Z",
}
FOUND: Final[Json] = {"re": "north/0", "finding": "confirmed"}
CORRECTION: Final[Json] = {"re": "north/0", "of": "notification", "fields": {"count": 3}, "reason": "Counted again."}
FILE: Final[Json] = {"name": "crater.jpg", "sha256": "ab" * 32}
SHIFT: Final[Json] = {"from": "2026-03-01T06:00:00Z", "to": "2026-03-01T14:00:00Z", "role": "duty officer"}
KEY: Final = "ed25519:d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"  # RFC 8032, test 1

# kind, name, what, JSON
GOOD: Final[list[tuple[str, str, str, Json]]] = [
    (
        "notice",
        "notice",
        "a convoy announced, its route finer than its precision",
        {**PLAN, "route": [[33.12345, -44.56789], [33.2, -44.61]], "location_precision": "district", "assurance_asked": True},
    ),
    ("notice", "notice-started", "a convoy that has started", {"activity": "humanitarian_convoy", "phase": "started", "re": "north/0"}),
    (
        "finding",
        "finding",
        "a finding, facts agreed and disputed",
        {
            **FOUND,
            "attribution": "shared",
            "attributed_to": ["north", "south"],
            "confidence": "medium",
            "visits": [{"place": "Bridge 4", "date": "2026-03-02T00:00:00Z"}],
            "exhibits": ["ab" * 32],
            "agreed": ["place"],
            "disputed": [{"party": "south", "fields": ["count", "means"]}],
            "comments": [{"party": "south", "text": "We saw two."}],
            "remedy": "Both withdraw the guns.",
            "remedy_by": "2026-03-09T00:00:00Z",
        },
    ),
    ("flash", "flash", "a phrase with spaces and capitals", {"phrase": "Cease now", "location": [33.12345, -44.56789]}),
    ("evidence", "evidence", "a file", {"re": "north/0", "evidence": [FILE], "text": "Taken from the road."}),
    (
        "correction",
        "correction",
        "a position at its new precision, and a field removed",
        {
            **CORRECTION,
            "fields": {"location": [33.12345, -44.56789], "location_precision": "district", "accused": "south"},
            "removed": ["severity"],
        },
    ),
    ("withdrawal", "withdrawal", "a withdrawal", {"re": "north/0", "reason": "It was thunder."}),
    (
        "channel_status",
        "channel-status",
        "a contact with its roster",
        {
            "status": "contact",
            "duty_telephone": "+000 0000",
            "contacts": [{"role": "liaison officer", "telephone": "+000 0001"}],
            "roster": [SHIFT],
        },
    ),
    (
        "keys",
        "keys",
        "an officer and an address",
        {"officers": [{"name": "Falcon", "role": "duty_officer", "key": KEY}], "url": "https://n"},
    ),
    ("amendment", "amendment", "an assent", {"base": "ab" * 32, "amendment": "cd" * 32, "changes": "oA=="}),
    ("closing", "closing", "a closing", {"re": ["north/0"]}),
]

# name, kind, what, JSON
BAD: Final[list[tuple[str, str, str, Json]]] = [
    ("order", "notification", "an end before its beginning", {**INCIDENT, "occurred_to": "2026-03-01T04:11:59Z"}),
    ("press", "notification", "a time for the press and no such intention", {**INCIDENT, "press_time": "2026-03-01T04:12:00Z"}),
    ("latitude", "notification", "a latitude of 90.1", {**INCIDENT, "location": [90.1, 0]}),
    ("casualties", "notification", "the dead of no party", {**INCIDENT, "casualties": {"east": {"killed": [1, 1, 1]}}}),
    ("time-none", "notification", "the 30th of February", {**INCIDENT, "occurred_from": "2026-02-30T00:00:00Z"}),
    ("no-questions", "request", "no question", {"text": "Well?"}),
    ("answer", "reply", "an answer to question 51", {"re": "north/0", "stance": "noted", "answers": [{"question": 51, "text": "x"}]}),
    ("reply-re", "reply", "in reply to nothing", {"stance": "denied"}),
    ("watch-false", "acknowledgement", "no watch", {"watch": False}),
    ("read-re", "acknowledgement", "read, and not what", {"state": "read"}),
    ("digest", "line_check", "31 bytes as a hash", {"evidence_held": ["ab" * 31]}),
    ("re-twice", "closing", "a message twice in re", {"re": ["north/0", "north/0"]}),
    (
        "links-twice",
        "statement",
        "a link twice",
        {"text": "x", "links": [{"as": "same_incident", "ref": "north/0"}, {"as": "same_incident", "ref": "north/0"}]},
    ),
    ("protected", "statement", "words about a protected source", {"text": "x", "sources": [{"class": "protected", "text": "A."}]}),
    (
        "translation",
        "statement",
        "a translation of a field that is not there",
        {"text": "x", "translations": [{"language": "fr", "field": "title", "text": "t"}]},
    ),
    ("notice-window", "notice", "no window", {"activity": "patrol", "area": "the old road"}),
    ("notice-where", "notice", "no area, location or route", {k: v for k, v in PLAN.items() if k != "area"}),
    ("notice-started", "notice", "started, and no notice", {"activity": "patrol", "phase": "started"}),
    ("notice-order", "notice", "a window that ends before it begins", {**PLAN, "window_to": "2026-03-01T05:59:59Z"}),
    ("notice-inquiry", "notice", "a joint inquiry into no case", {**PLAN, "activity": "joint_inquiry"}),
    ("notice-activity", "notice", "an activity that is none", {**PLAN, "activity": "picnic"}),
    ("finding-re", "finding", "a finding on nothing", {"finding": "confirmed"}),
    ("finding-none", "finding", "no finding", {"re": "north/0"}),
    ("finding-nobody", "finding", "attributed to nobody", {**FOUND, "attribution": "attributed"}),
    ("finding-shared", "finding", "shared by one", {**FOUND, "attribution": "shared", "attributed_to": ["north"]}),
    ("finding-twice", "finding", "one party twice", {**FOUND, "attribution": "shared", "attributed_to": ["north", "north"]}),
    ("finding-unattributed", "finding", "unattributed, to north", {**FOUND, "attribution": "unattributed", "attributed_to": ["north"]}),
    (
        "finding-both",
        "finding",
        "a fact agreed and disputed",
        {**FOUND, "agreed": ["count"], "disputed": [{"party": "north", "fields": ["count"]}]},
    ),
    ("flash-phrase", "flash", "a phrase that is none", {"phrase": "cease-now"}),
    ("flash-text", "flash", "a text of 501 bytes", {"phrase": "checking", "text": "x" * 501}),
    ("evidence-none", "evidence", "no file", {"re": "north/0", "text": "see above"}),
    ("evidence-re", "evidence", "a file of no case", {"evidence": [FILE]}),
    ("correction-of", "correction", "of a kind that is never corrected", {**CORRECTION, "of": "line_check"}),
    ("correction-two", "correction", "two messages", {**CORRECTION, "re": ["north/0", "north/1"]}),
    ("correction-nothing", "correction", "nothing changes", {"re": "north/0", "of": "notification", "reason": "x"}),
    ("correction-reason", "correction", "no reason", {k: v for k, v in CORRECTION.items() if k != "reason"}),
    ("correction-field", "correction", "a field of another kind", {**CORRECTION, "fields": {"stance": "denied"}}),
    ("correction-type", "correction", "a count that is none", {**CORRECTION, "fields": {"count": "three"}}),
    ("correction-clock", "correction", "a new date by correction", {**CORRECTION, "fields": {"respond_by": "2026-03-01T00:00:00Z"}}),
    ("correction-both", "correction", "a field replaced and removed", {**CORRECTION, "removed": ["count"]}),
    ("correction-required", "correction", "a required field removed", {**CORRECTION, "removed": ["types"]}),
    ("withdrawal-reason", "withdrawal", "no reason", {"re": "north/0"}),
    ("withdrawal-re", "withdrawal", "of nothing", {"reason": "x"}),
    ("status", "channel_status", "a status that is none", {"status": "busy"}),
    (
        "status-order",
        "channel_status",
        "until before from",
        {"status": "suspension", "from": "2026-03-02T00:00:00Z", "until": "2026-03-01T00:00:00Z"},
    ),
    (
        "roster-order",
        "channel_status",
        "a shift that ends first",
        {"status": "contact", "roster": [{**SHIFT, "to": "2026-03-01T05:00:00Z"}]},
    ),
    ("keys-nothing", "keys", "nothing of keys", {"reason": "x"}),
    (
        "keys-weak",
        "keys",
        "an officer with a key of small order",
        {"officers": [{"name": "F", "role": "delegate", "key": f"ed25519:{'00' * 32}"}]},
    ),
    ("keys-opening", "keys", "an opening of no bytes", {"opening": ""}),
    ("amendment-base", "amendment", "a base of 31 bytes", {"base": "ab" * 31, "amendment": "cd" * 32}),
    ("amendment-hash", "amendment", "no hash", {"base": "ab" * 32}),
    ("closing-re", "closing", "of nothing", {}),
]


def add(v: Vectors) -> None:
    """Everything of this file."""
    channel = v.test.channel
    given = {"charter": v.test.signed.encode()}
    for kind, name, what, body in GOOD:
        read = read_body(UNDERSTOOD[KINDS[kind]], body, channel, exercise=False)
        expect = {"body": cbor(read), "shown": show_body(KINDS[kind], read, channel)}
        v.ok("body", name, what, json.dumps(body), expect, kind=kind, **given)
    for name, kind, what, body in BAD:
        v.bad("body", "body.schema", name, what, json.dumps(body), kind=kind, **given)
