"""One day of the demo, act by act: what two neutral parties and a guarantor say to each other.

It is modelled on what was reported of a military channel on 8 August 2020: both sides notify violations through it, each speaks of the
other's to the press, one of them names no source. Nothing in it happened; the real incidents are in `past`. An act may refer to
an earlier one by its label, in braces.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from . import past

Draft = dict[str, Any]

NORTH, SOUTH, MISSION = "north", "south", "mission"
PARTIES: Final = {NORTH: "Northern Command", SOUTH: "Southern Command", MISSION: "Monitoring Mission"}
ROLES: Final = {NORTH: "party", SOUTH: "party", MISSION: "guarantor"}
OTHER: Final = {NORTH: SOUTH, SOUTH: NORTH}
OFFICERS: Final = {  # pseudonyms, each with a role
    NORTH: (("Larch", "duty_officer"), ("Cedar", "liaison_officer")),
    SOUTH: (("Heron", "duty_officer"), ("Plover", "liaison_officer")),
    MISSION: (("Basalt", "verification_officer"), ("Granite", "head_of_mission")),
}
TOML: Final[dict[str, Any]] = {
    "name": "exercise/demo",
    "title": "Exercise: agreement on a ceasefire and its liaison channel",
    "exercise": True,
    "provisions": [
        {"id": "I.1", "text": "The parties cease all fire and every other hostile act."},
        {"id": "II.3", "text": "Each violation is notified in writing; the other side answers within the time of this charter."},
        {"id": "III.2", "text": "Exercises and convoys are announced through the channel before they begin."},
        {"id": "IV.2", "text": "Before either side speaks to the press of a violation, it has notified it and waited for the answer."},
    ],
}


class Act(NamedTuple):
    """What one of them says: a label for later acts, who, which kind, and the JSON."""

    label: str
    who: str
    kind: str
    draft: Draft


class Day:
    """The day's times, counted from `now`, the moment of the first message."""

    def __init__(self, now: datetime) -> None:
        self._now = now.astimezone(UTC).replace(microsecond=0)

    def at(self, hours: float) -> str:
        """So many hours after now (before, if below zero), as the protocol writes a time."""
        return f"{self._now + timedelta(hours=hours):%Y-%m-%dT%H:%M:%SZ}"


def acts(now: datetime) -> Iterator[Act]:
    """The story in order."""
    day = Day(now)
    for part in (_shift, _past, _notices, _mortar, _denied, _found, _allegation, _drones, _convoy, _press, _evening):
        yield from part(day)


def filled(value: Any, ref_of: Callable[[str], str]) -> Any:
    """A draft with each label in braces replaced by its message's reference."""
    if isinstance(value, str):
        return ref_of(value[1:-1]) if value.startswith("{") and value.endswith("}") else value
    if isinstance(value, list):
        return [filled(item, ref_of) for item in value]
    return {name: filled(item, ref_of) for name, item in value.items()} if isinstance(value, dict) else value


def _file(name: str) -> Draft:
    """Evidence by its hash; in the exercise the hash is of its name, and no file is behind it."""
    return {"name": name, "sha256": hashlib.sha256(f"exercise: {name}".encode()).hexdigest(), "custody_note": "Exercise: no file."}


def _shift(day: Day) -> Iterator[Act]:
    """Each machine checks its line, and each side's people come on watch and say who is on duty."""
    for who in PARTIES:
        yield Act(f"{who} morning check", who, "line_check", {})
        yield Act(f"{who} on watch", who, "acknowledgement", {"watch": True, "on_duty": ["liaison officer", "duty clerk"]})
    for who in OTHER:
        yield Act(
            f"{who} roster",
            who,
            "channel_status",
            {
                "status": "contact",
                "duty_telephone": "+000 000 0000 (exercise)",
                "roster": [{"role": "duty officer", "from": day.at(0), "to": day.at(8)}],
            },
        )


def _past(day: Day) -> Iterator[Act]:
    """Real incidents, for the record: North tells four of five."""
    for n, incident in enumerate(past.incidents()):
        who = NORTH if n % 5 else SOUTH
        yield Act(f"incident {incident['ucdp_id']}", who, "notification", past.notification(incident, OTHER[who]))


def _notices(day: Day) -> Iterator[Act]:
    """What each will do today, announced and answered."""
    convoy: Draft = {
        "activity": "humanitarian_convoy",
        "route": [[0.41234, 0.51234], [0.43987, 0.55678], [0.46111, 0.59999]],
        "window_from": day.at(0),
        "window_to": day.at(6),
        "vehicles": 7,
        "people": 21,
        "marks": "white, with a red crescent on roof and doors",
        "assurance_asked": True,
        "provisions": ["III.2"],
        "text": "Flour and blankets from the railhead to Mill Town by the Old Road.",
    }
    yield Act("convoy", NORTH, "notice", convoy)
    yield Act("assurance", SOUTH, "reply", {"re": "{convoy}", "stance": "assurance", "until": day.at(6), "account": "All posts are told."})
    yield Act("convoy starts", NORTH, "notice", {"activity": "humanitarian_convoy", "phase": "started", "re": "{convoy}"})
    firing: Draft = {
        "activity": "live_fire_exercise",
        "location": [0.70512, 0.30488],
        "area": "Quarry range",
        "window_from": day.at(-1),
        "window_to": day.at(3),
        "provisions": ["III.2"],
    }
    yield Act("firing", SOUTH, "notice", firing)
    yield Act("no objection", NORTH, "reply", {"re": "{firing}", "stance": "no_objection"})


def _mortar(day: Day) -> Iterator[Act]:
    """Mortar fire on a post."""
    yield Act(
        "mortar",
        NORTH,
        "notification",
        {
            "types": ["A3"],
            "occurred_from": day.at(-3),
            "occurred_precision": "exact",
            "place": "Post 12, above Stone Bridge",
            "location": [0.51873, 0.47112],
            "location_precision": "district",
            "accused": SOUTH,
            "basis_of_attribution": "heard",
            "means": "mortar, 82 mm",
            "count": 12,
            "count_unit": "round",
            "casualties": {NORTH: {"wounded": [2, 2, 2]}},
            "own_fire_returned": False,
            "channel_tried_first": True,
            "request": ["cease", "explain"],
            "precedence": "immediate",
            "severity": "serious",
            "provisions": ["I.1", "II.3"],
            "sources": [{"class": "own_unit", "text": "the post's log"}, {"class": "protected"}],
            "evidence": [_file("crater.jpg")],
            "press_intention": "after_reply",
            "language": "en",
            "narrative": "Exercise. Twelve rounds in ten minutes, then silence.",
        },
    )


def _denied(day: Day) -> Iterator[Act]:
    """Checked, read, denied; asked, answered."""
    yield Act("checking", SOUTH, "flash", {"phrase": "checking", "re": "{mortar}", "place": "Stone Bridge"})
    yield Act("read", SOUTH, "acknowledgement", {"state": "read", "re": "{mortar}"})
    yield Act(
        "denial",
        SOUTH,
        "reply",
        {
            "re": "{mortar}",
            "stance": "denied",
            "account": "No mortar of ours fired. Our posts heard the same rounds and took cover.",
            "agreed": ["occurred_from", "place"],
            "disputed": ["accused", "count"],
        },
    )
    yield Act(
        "questions",
        NORTH,
        "request",
        {"re": "{mortar}", "questions": ["Which unit held the ridge south of Stone Bridge?", "Who may fire there, and by whose order?"]},
    )
    yield Act(
        "answers",
        SOUTH,
        "reply",
        {
            "re": "{questions}",
            "stance": "under_inquiry",
            "answers": [
                {"question": 1, "text": "The second company."},
                {"question": 2, "text": "Nobody, without the brigade. We have asked it."},
            ],
        },
    )


def _found(day: Day) -> Iterator[Act]:
    """The count corrected, then what the guarantor found."""
    yield Act(
        "count corrected",
        NORTH,
        "correction",
        {"re": "{mortar}", "fields": {"count": 9, "count_quality": "exact"}, "reason": "The craters were counted again by daylight."},
    )
    yield Act(
        "mortar found",
        MISSION,
        "finding",
        {
            "re": "{mortar}",
            "finding": "probable",
            "attribution": "unattributed",
            "confidence": "medium",
            "mandate": "Verification at the request of both parties.",
            "visits": [{"place": "Post 12", "date": day.at(0)}],
            "methods": "Crater analysis, two interviews on each side.",
            "agreed": ["place", "occurred_from"],
            "disputed": [{"party": SOUTH, "fields": ["accused"]}],
            "remedy": "Both move their mortars ten kilometres back.",
            "remedy_by": day.at(24 * 7),
            "narrative": "Nine craters of 82 mm. The tubes stood south of the bridge, on ground that neither side holds.",
        },
    )


def _allegation(day: Day) -> Iterator[Act]:
    """An allegation with no source and no evidence: marked, answered by asking, then mended, then accepted in part."""
    yield Act(
        "allegation",
        SOUTH,
        "notification",
        {
            "types": ["A1"],
            "occurred_from": day.at(-12),
            "occurred_precision": "about",
            "place": "Mill Town",
            "accused": NORTH,
            "basis_of_attribution": "unknown",
            "request": "explain",
            "precedence": "priority",
            "provisions": ["I.1"],
            "narrative": "Exercise. The ceasefire was violated several times during the night.",
        },
    )
    yield Act(
        "which",
        NORTH,
        "reply",
        {"re": "{allegation}", "stance": "need_information", "account": "Who saw it, where in the town, and when?"},
    )
    yield Act(
        "named",
        SOUTH,
        "evidence",
        {
            "re": "{allegation}",
            "sources": [{"class": "civilian", "text": "two residents of the east quarter"}],
            "evidence": [_file("wall.jpg")],
            "text": "Shots from the east at half past two; marks on one wall.",
        },
    )
    yield Act(
        "partly",
        NORTH,
        "reply",
        {
            "re": "{allegation}",
            "stance": "partly_accepted",
            "account": "A sentry fired twice in the air at half past two. Nobody aimed at the town.",
            "agreed": ["occurred_from", "types"],
            "disputed": ["place"],
            "orders": "Sentries near the town carry no chambered rounds.",
            "publish": "both",
        },
    )
    for who in OTHER:
        yield Act(f"{who} closes", who, "closing", {"re": "{allegation}", "text": "Settled between us."})


def _drones(day: Day) -> Iterator[Act]:
    """An overflight that was their own, withdrawn; and shots that were a notified exercise."""
    overflight: Draft = {
        "types": ["C2"],
        "occurred_from": day.at(-2),
        "place": "Railhead",
        "accused": SOUTH,
        "count": 1,
        "count_unit": "flight",
        "sources": [{"class": "own_unit"}],
        "request": "explain",
    }
    yield Act("overflight", NORTH, "notification", overflight)
    yield Act("not ours", SOUTH, "flash", {"phrase": "not_ours", "re": "{overflight}"})
    yield Act("withdrawn", NORTH, "withdrawal", {"re": "{overflight}", "reason": "The aircraft was one of ours, flown without notice."})
    explosions: Draft = {
        "types": ["A4"],
        "occurred_from": day.at(0),
        "place": "near the Quarry",
        "location": [0.70811, 0.30901],
        "accused": SOUTH,
        "basis_of_attribution": "heard",
        "count": 6,
        "count_unit": "explosion",
        "sources": [{"class": "own_unit"}],
        "request": "explain",
    }
    yield Act("explosions", NORTH, "notification", explosions)
    yield Act(
        "range",
        SOUTH,
        "reply",
        {"re": "{explosions}", "stance": "denied", "account": "This was the live fire of our notice.", "disputed": ["types"]},
    )
    yield Act(
        "permitted",
        MISSION,
        "finding",
        {
            "re": "{explosions}",
            "finding": "permitted_activity",
            "confidence": "high",
            "narrative": "It lay inside the area and the window.",
        },
    )


def _convoy(day: Day) -> Iterator[Act]:
    """The notified convoy is hit: flashes within seconds, then the whole of it, and its acceptance."""
    yield Act("struck now", NORTH, "flash", {"phrase": "Notified convoy under fire", "re": "{convoy}", "location": [0.43912, 0.55702]})
    yield Act("stopped", SOUTH, "flash", {"phrase": "we_have_ceased", "re": "{struck now}"})
    yield Act(
        "struck",
        NORTH,
        "notification",
        {
            "types": ["E4", "A2"],
            "occurred_from": day.at(0),
            "place": "Old Road, at the ford",
            "location": [0.43912, 0.55702],
            "accused": SOUTH,
            "casualties": {"civilians": {"killed": [0, 0, 0], "wounded": [1, 1, 3]}},
            "protected_object": "aid convoy, marked",
            "request": ["cease", "investigate_jointly"],
            "precedence": "immediate",
            "severity": "grave",
            "provisions": ["I.1", "III.2"],
            "sources": [{"class": "aid_organisation", "text": "the convoy's leader, by radio"}],
            "evidence": [_file("convoy.jpg")],
            "links": [{"as": "same_incident", "ref": "{struck now}"}],
        },
    )
    yield Act(
        "admitted",
        SOUTH,
        "reply",
        {
            "re": "{struck}",
            "stance": "accepted",
            "account": "The post at the ford had not been told. It fired one burst and stopped when called.",
            "agreed": ["place", "occurred_from", "types"],
            "orders": "Every post on the Old Road has now confirmed the notice by name.",
            "discipline": "The post's commander is relieved and will be heard.",
            "remedy": "Treatment of the wounded driver, and a new vehicle.",
            "remedy_by": day.at(24 * 14),
        },
    )
    yield Act(
        "inquiry",
        SOUTH,
        "notice",
        {
            "activity": "joint_inquiry",
            "re": "{struck}",
            "area": "Old Road, at the ford",
            "window_from": day.at(20),
            "window_to": day.at(24),
            "contact": "duty officer",
            "marks": "white flag, by daylight",
        },
    )
    yield Act("inquiry agreed", NORTH, "reply", {"re": "{inquiry}", "stance": "no_objection"})
    yield Act("convoy arrived", NORTH, "notice", {"activity": "humanitarian_convoy", "phase": "finished", "re": "{convoy}"})


def _press(day: Day) -> Iterator[Act]:
    """What South tells the press: the other side's words are in the record beside it."""
    yield Act(
        "statement",
        SOUTH,
        "statement",
        {
            "title": "On the incidents of this day",
            "text": "We have a communication channel for the military. Where violations occur, we inform the other side and it informs us. "
            "Today we have answered four notifications. We accept that a post of ours fired on a notified convoy, and we regret it.",
            "type": "position",
            "language": "en",
            "embargo": day.at(1),
            "translations": [
                {
                    "language": "fr",
                    "field": "text",
                    "text": "Nous avons un canal de communication militaire. Lorsque des violations se produisent, nous en informons "
                    "l'autre partie et elle nous informe. Aujourd'hui nous avons répondu à quatre notifications. Nous admettons qu'un "
                    "de nos postes a tiré sur un convoi annoncé, et nous le regrettons.",
                }
            ],
            "re": "{struck}",
        },
    )


def _evening(day: Day) -> Iterator[Act]:
    """The machines say what they hold."""
    for who in PARTIES:
        yield Act(f"{who} line check", who, "line_check", {})


def left_open(now: datetime) -> Iterator[Act]:
    """What nobody has answered yet when the day's story is told: for whoever opens the consoles."""
    day = Day(now)
    yield Act(
        "mortar at the mill",
        NORTH,
        "notification",
        {
            "types": ["A3"],
            "occurred_from": day.at(0),
            "occurred_precision": "about",
            "place": "the mill at Mill Town",
            "location": [0.46111, 0.59999],
            "accused": SOUTH,
            "precedence": "immediate",
            "count": 4,
            "count_unit": "explosion",
            "count_quality": "at_least",
            "basis_of_attribution": "heard",
            "casualties": {"civilians": {"killed": [0, 0, 0], "wounded": [1, 2, 3]}},
            "request": ["cease", "explain"],
            "provisions": ["I.1"],
            "narrative": "Four explosions within ten minutes, from the south-west. Two people were brought to the clinic.",
            "sources": [{"class": "own_unit", "text": "the post at the mill"}],
        },
    )
    questions = ["Which of your units were within five kilometres of Mill Town?", "Who gave the order, if one was given?"]
    yield Act("questions", NORTH, "request", {"questions": questions})
    yield Act(
        "drone",
        SOUTH,
        "notification",
        {
            "types": ["C2"],
            "occurred_from": day.at(0),
            "place": "Railhead",
            "accused": NORTH,
            "count": 1,
            "count_unit": "flight",
            "request": ["explain"],
            "narrative": "A drone without lights crossed from the north and turned back after nine minutes.",
            "sources": [{"class": "own_unit", "text": "the guard at the railhead"}],
        },
    )
    yield Act(
        "patrol",
        MISSION,
        "notice",
        {
            "activity": "patrol",
            "area": "Old Road, from the ford to Mill Town",
            "window_from": day.at(1),
            "window_to": day.at(5),
            "vehicles": 2,
            "marks": "white, with the mission's flag",
            "assurance_asked": True,
        },
    )


WAITING: Final[Draft] = {
    "title": "On the explosions at Mill Town",
    "text": "Our command has asked every unit near Mill Town. We will say what they answer, whatever it is.",
}
"""A statement of South's that one officer has released and the charter wants a second for."""
