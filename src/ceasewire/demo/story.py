"""What the two sides of the demo say. Each act is (who, kind, JSON); references are filled in as the messages are sent."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from importlib.resources import files
from typing import Any, Final

Draft = dict[str, Any]
Act = tuple[str, str, Draft]

TOML: Final[dict[str, Any]] = {
    "name": "exercise/demo",
    "title": "Exercise: agreement on a ceasefire and its liaison channel",
    "exercise": True,
    "provisions": [
        {"id": "I.1", "text": "The parties cease all fire and every other hostile act."},
        {"id": "II.3", "text": "Each violation is notified in writing; the other side answers within the time of this charter."},
        {"id": "IV.2", "text": "Before either side speaks to the press of a violation, it has notified it and waited for the answer."},
    ],
}
PARTIES: Final = {"north": "Northern Command", "south": "Southern Command"}
OTHER: Final = {"north": "south", "south": "north"}

_REPLIES: Final[list[Draft]] = [
    {"stance": "denied", "account": "Our units were in their positions and did not fire.", "disputed": ["accused", "casualties"]},
    {"stance": "under_inquiry", "account": "The brigade has been asked. We answer before the time is over."},
    {"stance": "partly_accepted", "account": "There was an exchange of fire. It was opened by the other side.", "agreed": ["place"],
     "disputed": ["occurred_from"]},
    {"stance": "accepted", "account": "A patrol left its route and fired.", "orders": "The patrol was called back at once.",
     "discipline": "Its commander has been relieved.", "agreed": ["place", "casualties"]},
    {"stance": "not_ours", "account": "We have no unit within thirty kilometres of the place."},
    {"stance": "joint_inquiry", "account": "We propose that both go and look.",
     "joint_inquiry": {"where": "the bridge nearest to the place", "safe_passage": "white flag, by daylight, on the road alone"}},
]  # fmt: skip


def incidents() -> list[Draft]:
    """The incidents as they stand in the package."""
    found: list[Draft] = json.loads(files(__package__).joinpath("incidents.json").read_text("utf-8"))["incidents"]
    return found


def notification(incident: Draft, by: str) -> Draft:
    """A notification of an incident, in the words that the form asks for."""
    civilians = incident["civilians"]
    casualties: Draft = {"unattributed": {"killed": incident["killed"]}}
    if civilians:
        casualties["civilians"] = {"killed": [civilians, civilians, civilians]}
    return {
        "types": ["A9", "D1"] if civilians else ["A9"],
        "occurred_from": f"{incident['from']}T00:00:00Z",
        "occurred_to": f"{incident['to']}T23:59:59Z",
        "occurred_precision": "day" if incident["from"] == incident["to"] else "about",
        "place": incident["place"],
        "location": [incident["latitude"], incident["longitude"]],
        "location_precision": incident["precision"],
        "accused": OTHER[by],
        "basis_of_attribution": "unknown",
        "casualties": casualties,
        "provisions": ["I.1", "II.3"],
        "precedence": "priority" if civilians else "routine",
        "request": ["explain", "investigate_jointly"],
        "sources": [{"class": "press", "text": name} for name in incident["reported_by"]],
        "language": "en",
        "narrative": f"Exercise. Facts of UCDP GED 19.1, event {incident['ucdp_id']}; the parties named here are stand-ins.",
    }


def acts(ref_of: Callable[[int], str]) -> Iterator[Act]:
    """The story in order. `ref_of(n)` is the reference of the n-th act, which has been sent and receipted."""
    for side in PARTIES:
        yield side, "acknowledgement", {"watch": True, "on_duty": ["liaison officer", "duty clerk"], "nothing_to_report": True}
    start = len(PARTIES)
    told = incidents()
    sides = ["north" if n % 5 else "south" for n in range(len(told))]
    for side, incident in zip(sides, told, strict=True):
        yield side, "notification", notification(incident, side)
    for n, side in enumerate(sides[:10]):
        yield OTHER[side], "reply", {"re": ref_of(start + n), **_REPLIES[n % len(_REPLIES)]}
    asked = start + len(told) + 10
    yield (
        "north",
        "request",
        {
            "re": ref_of(start + 1),
            "questions": ["Which unit held the crossroads that day?", "Who ordered it to move?"],
        },
    )
    yield (
        "south",
        "reply",
        {
            "re": ref_of(asked),
            "stance": "under_inquiry",
            "answers": [{"question": 1, "text": "The second battalion."}, {"question": 2, "text": "We have asked it and will answer."}],
        },
    )
    yield "north", "acknowledgement", {"re": ref_of(asked + 1), "state": "read"}
    yield "south", "statement", {
        "title": "On the incidents of this year",
        "text": "We have a communication channel for the military. Where violations occur, we inform the other side and it informs us. "
        "We have answered ten notifications and are looking into the others.",
        "type": "position",
        "language": "en",
    }  # fmt: skip
    for side in PARTIES:
        yield side, "line_check", {}
