"""The words of the field, each once: kinds, types of violation, codes, phrases. spec/entry.md, spec/phrases.md; DOMAIN.

A code's number is its place in its list, counted from 1, and lists only ever grow at their end. What a word means stands beside it
where pages must say it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

KINDS: Final = {
    "notification": 1,
    "statement": 2,
    "request": 3,
    "reply": 4,
    "notice": 5,
    "finding": 6,
    "flash": 7,
    "evidence": 8,
    "correction": 9,
    "withdrawal": 10,
    "line_check": 11,
    "channel_status": 12,
    "acknowledgement": 13,
    "keys": 14,
    "amendment": 15,
    "closing": 16,
}
KIND_NAMES: Final = {number: name for name, number in KINDS.items()}
PURPOSES: Final[Mapping[str, str]] = {
    "notification": "of a violation",
    "statement": "a position, clarification, commitment, condolence",
    "request": "for information: numbered questions",
    "reply": "to a notification, request or notice",
    "notice": "of an activity, in advance",
    "finding": "of a joint inquiry or of a guarantor's verification",
    "flash": "one coded phrase, at once",
    "evidence": "added to a case later",
    "correction": "replaces fields of an earlier message, visibly",
    "withdrawal": "of an earlier message, with a reason",
    "line_check": "a machine's: what it newly holds",
    "channel_status": "suspension, resumption, end, contact and duty roster",
    "acknowledgement": "by a person: read; or a watch check at the start of a shift",
    "keys": "officers, addresses, further and successor logs",
    "amendment": "of the charter: one party's own assent",
    "closing": "this party considers the case closed",
}

# --- Violations ---

GROUPS: Final[Mapping[str, str]] = {
    "A": "force",
    "B": "forces and lines",
    "C": "air and reconnaissance",
    "D": "civilians",
    "E": "access",
    "F": "the mechanism",
    "G": "information",
    "H": "digital",
    "I": "detainees and remains",
    "J": "political commitments",
}
VIOLATIONS: Final[Mapping[str, str]] = {
    "A1": "small arms, sniper",
    "A2": "machine gun, grenade launcher",
    "A3": "mortar",
    "A4": "artillery, tank",
    "A5": "rocket artillery, missile",
    "A6": "air strike",
    "A7": "armed drone, loitering munition",
    "A8": "mine, improvised device",
    "A9": "raid, ambush, offensive action",
    "A10": "naval",
    "A11": "prohibited weapon",
    "B1": "movement without notice",
    "B2": "massing",
    "B3": "new position, fortification",
    "B4": "weapons inside a withdrawal line",
    "B5": "line or zone crossed",
    "B6": "failure to withdraw",
    "B7": "checkpoint",
    "B8": "re-arming, recruitment, arms import",
    "B9": "forbidden training",
    "C1": "manned overflight",
    "C2": "drone overflight",
    "C3": "reconnaissance, sabotage",
    "C4": "jamming",
    "D1": "killing, injury",
    "D2": "abduction",
    "D3": "sexual violence",
    "D4": "ill-treatment",
    "D5": "child recruitment",
    "D6": "extortion",
    "D7": "displacement",
    "D8": "looting, arson",
    "D9": "protected object hit",
    "D10": "military use of civilian site",
    "E1": "aid blocked",
    "E2": "movement blocked",
    "E3": "aid looted",
    "E4": "notified convoy or site struck",
    "F1": "access denied",
    "F2": "monitor fired on",
    "F3": "liaison officer harmed",
    "F4": "equipment tampered with",
    "F5": "channel ignored, reply late",
    "F6": "no inquiry, no report of discipline",
    "G1": "incitement",
    "G2": "provocative display",
    "G3": "fabricated report",
    "G4": "published before its time",
    "H1": "shutdown",
    "H2": "threat",
    "H3": "attack",
    "I1": "release due",
    "I2": "remains",
    "I3": "demarcation",
    "J1": "timetable",
    "J2": "prisoner release",
    "J3": "third armed group",
    "J4": "sanctions",
    "J5": "other",
}
TAXONOMY: Final[Mapping[str, int]] = {group: sum(one[0] == group for one in VIOLATIONS) for group in GROUPS}
DELICATE: Final = frozenset({"D2", "D3", "D4", "D5"})  # identities only on a channel with the guarantor alone

# --- Codes that more than one kind or module uses ---

PRECEDENCES: Final = ("flash", "immediate", "priority", "routine")
PRECISION_UNITS: Final = {"exact": 1, "near": 1_000, "district": 10_000, "region": 100_000}  # 1e-5 degree
PRECISIONS: Final = tuple(PRECISION_UNITS)
REQUESTS: Final = ("cease", "withdraw", "explain", "release", "investigate_jointly", "none")
STANCES: Final = (
    "accepted",
    "partly_accepted",
    "denied",
    "counter_claim",
    "not_ours",
    "under_inquiry",
    "need_information",
    "joint_inquiry",
    "noted",
    "no_objection",
    "objection",
    "assurance",
)
SOURCE_CLASSES: Final = ("own_unit", "guarantor", "authority", "aid_organisation", "press", "civilian", "protected")
LINKS: Final = ("replies_to", "corrects", "withdraws", "same_incident", "counter_claim_to", "duplicate_of")
CONFIDENCES: Final = ("low", "medium", "high")
ACTIVITIES: Final = (
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
    "joint_inquiry",
)
PHASES: Final = ("planned", "started", "finished", "cancelled")
FINDINGS: Final = (
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
)
CHANNEL_STATUSES: Final = ("suspension", "resumption", "end", "contact")
