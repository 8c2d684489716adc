"""The life of a case as one table: states, events, and what moves what. spec/case.md is drawn from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

STATES: Final[Mapping[str, str]] = {
    "notified": "a party or guarantor has notified; nobody who must answer is proved to have received it",
    "received": "the record proves that an answering party received it",
    "accepted": "an answering party accepts it",
    "disputed": "an answering party denies it, or a part of it",
    "under_inquiry": "an answering party inquires, asks for more, or proposes a joint inquiry",
    "joint_inquiry": "both sides agreed to a joint inquiry",
    "found": "a guarantor, or both sides alike, have made a finding",
    "remedied": "a remedy was carried out, and whoever was wronged or a guarantor says so",
    "closed": "the notifying party and every answering party consider it closed",
    "withdrawn": "the notifying party took the notification back",
}
EVENTS: Final[Mapping[str, str]] = {
    "received": "the first proof in the record that an answering party received the notification",
    "accepted": "a reply by an answering party",
    "disputed": "a reply by an answering party",
    "under_inquiry": "a reply by an answering party",
    "joint_inquiry": "a notice of a joint inquiry by one side or a guarantor, to which every side but its writer has agreed",
    "inquiry_cancelled": "the cancelling of that notice, by a side or a guarantor",
    "found": "a finding by a guarantor; or the last of findings by every side that say the same",
    "remedied": "the agreement of the notifying party, or a guarantor's finding, to a report that a remedy was carried out",
    "closed": "the last of closings by the notifying party and every answering party",
    "withdrawn": "the notifying party's withdrawal of the notification",
}
# A reply's stance -> event. Stances that answer a notice move no case.
ANSWERS: Final[Mapping[str, str]] = {
    "accepted": "accepted",
    "partly_accepted": "disputed",
    "denied": "disputed",
    "counter_claim": "disputed",
    "not_ours": "disputed",
    "under_inquiry": "under_inquiry",
    "need_information": "under_inquiry",
    "joint_inquiry": "under_inquiry",
}
_BEFORE: Final = ("notified", "received", "accepted", "disputed", "under_inquiry")
_OPEN: Final = (*_BEFORE, "joint_inquiry", "found", "remedied")

# (state, event) -> state. A pair that is not there changes nothing: nothing leads out of `closed` and `withdrawn`, but that the message
# which led there is itself withdrawn, and so no longer counts.
TRANSITIONS: Final[Mapping[tuple[str, str], str]] = {
    ("notified", "received"): "received",
    **{(state, answer): answer for state in _BEFORE for answer in ("accepted", "disputed", "under_inquiry")},
    **{(state, "joint_inquiry"): "joint_inquiry" for state in (*_BEFORE, "found")},
    ("joint_inquiry", "accepted"): "accepted",
    ("joint_inquiry", "inquiry_cancelled"): "under_inquiry",
    **{(state, "found"): "found" for state in (*_BEFORE, "joint_inquiry", "found")},
    **{(state, "remedied"): "remedied" for state in (*_BEFORE, "joint_inquiry", "found")},
    **{(state, "closed"): "closed" for state in _OPEN},
    **{(state, "withdrawn"): "withdrawn" for state in (*_OPEN, "closed")},
}
