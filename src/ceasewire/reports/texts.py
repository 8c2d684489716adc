"""What a bulletin says in words, by language. A further language is a further entry of `TEXTS`, with the same names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

TEXTS: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {
        "title": "Bulletin",
        "exercise": "EXERCISE EXERCISE EXERCISE",
        "actual": "Actual, not an exercise",
        "sample": "Counts are what the parties chose to notify: a sample, not a measure of severity.",
        "alleged": "Each count says who alleges. It is no finding that a violation took place.",
        "types": "A notification of several types counts once under each of them.",
        "corrected": "Types, sectors, directions and casualties are as corrected by the end of the period, and without what was "
        "withdrawn by then.",
        "casualties": "Casualties are added up for each alleging party apart: two parties may mean the same dead. Figures that contradict "
        "themselves (not low <= best <= high) are listed and not added.",
        "half_open": "The period begins at its first second and ends before its last: the next one begins there.",
        "cut": "Computed from the record up to these sizes and roots; the same record gives the same bytes on every side.",
        "cases_now": "Open cases are those that the record up to the cut leaves open.",
        "historical": "Reported for the record from before or beside the channel: counted apart, and without clocks.",
        "not_looked": "Where we could not look",
        "notified": "{party} notified {count} ({change} against the period before)",
        "nil_of": "{party} notified nothing",
        "nil": "NIL RETURN: nobody notified anything in this period.",
        "refused": "{party} is said to have refused access",
        "suspended": "{party} declared the channel suspended",
        "not_stated": "not stated",
    }
}
LANGUAGES: Final = tuple(TEXTS)
NOTES: Final = ("sample", "alleged", "types", "corrected", "casualties", "half_open", "cut", "cases_now", "historical")
