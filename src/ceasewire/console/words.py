"""The texts of the status page, in each language it speaks. A language has every key of English; a test holds it to that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

DIRECTIONS: Final[Mapping[str, str]] = {"en": "ltr", "ps": "rtl"}
NAMES: Final[Mapping[str, str]] = {"en": "English", "ps": "پښتو"}

_ENGLISH: Final = {
    "page": "Line status",
    "exercise": "EXERCISE",
    "exercise_note": "Nothing on this channel is real.",
    "party": "This node",
    "fingerprint": "Channel fingerprint",
    "fingerprint_note": "Compare it with the agreement’s annex, word by word.",
    "lines": "Lines",
    "well": "Working",
    "silent": "Never heard",
    "down": "Not reached",
    "attention": "Needs attention",
    "closed": "Closed",
    "last_contact": "Last contact",
    "never": "never",
    "now": "just now",
    "seconds": "{n} s ago",
    "minutes": "{n} min ago",
    "hours": "{n} h ago",
    "days": "{n} days ago",
    "since": "since {when}",
    "sent": "Sent",
    "receipted": "Receipted by them",
    "unreceipted": "Not receipted",
    "received": "Received",
    "held": "Held back",
    "overdue": "Overdue answers",
    "alarms": "Alarms",
    "none": "none",
    "all_well": "All lines are working",
    "not_well": "Something needs a person",
    "as_of": "As of",
    "no_content": "This page shows lines, not messages.",
    "language": "Language",
    "several": "This process runs. It serves several channels, and shows each to those alone who have a token of it.",
    "machines": "Last line check by the machine",
    "person": "Last watch check by a person",
}

# A draft translation, not yet read by a native speaker.
_PASHTO: Final = {
    "page": "د لیکې حالت",
    "exercise": "تمرین",
    "exercise_note": "په دې کانال کې هېڅ شی رښتینی نه دی.",
    "party": "دا غوټه",
    "fingerprint": "د کانال نښه",
    "fingerprint_note": "د تړون له ضمیمې سره یې کلمه په کلمه پرتله کړئ.",
    "lines": "لیکې",
    "well": "کار کوي",
    "silent": "هېڅکله نه دی اورېدل شوی",
    "down": "نه رسېږي",
    "attention": "پاملرنې ته اړتیا لري",
    "closed": "تړل شوی",
    "last_contact": "وروستۍ اړیکه",
    "never": "هېڅکله",
    "now": "همدا اوس",
    "seconds": "{n} ثانیې مخکې",
    "minutes": "{n} دقیقې مخکې",
    "hours": "{n} ساعته مخکې",
    "days": "{n} ورځې مخکې",
    "since": "له {when} راهیسې",
    "sent": "لېږل شوي",
    "receipted": "د دوی له خوا رسید شوي",
    "unreceipted": "بې رسیده",
    "received": "ترلاسه شوي",
    "held": "ځنډول شوي",
    "overdue": "ځنډېدلي ځوابونه",
    "alarms": "خبرداري",
    "none": "نشته",
    "all_well": "ټولې لیکې کار کوي",
    "not_well": "یو څه د انسان پاملرنې ته اړتیا لري",
    "as_of": "د دې وخت حالت",
    "no_content": "دا پاڼه لیکې ښيي، پیغامونه نه.",
    "language": "ژبه",
    "several": "دا پروسه چلېږي. څو کانالونه لري، او هر یو یوازې هغو ته ښيي چې د هغه نښه لري.",
    "machines": "د ماشین وروستۍ کتنه",
    "person": "د کس وروستۍ کتنه",
}

TEXTS: Final[Mapping[str, Mapping[str, str]]] = {"en": _ENGLISH, "ps": _PASHTO}


def choose(asked: str | None, accepted: str, known: Mapping[str, str] | None = None) -> str:
    """The language of a page: what `?lang=` asks for, else the first of Accept-Language (RFC 9110, 12.5.4) that we have, else
    English. `known`: tag, or its first part, in small letters -> language; by default those of this page."""
    known = {code: code for code in TEXTS} if known is None else known
    if asked in known.values():
        return str(asked)
    ranked = []
    for place, part in enumerate(accepted[:1000].split(",")):
        tag, _, quality = part.strip().partition(";q=")
        try:
            weight = float(quality or "1")
        except ValueError:
            continue
        found = known.get(tag.lower()) or known.get(tag.split("-")[0].lower())
        ranked += [(-weight, place, found)] if found and weight > 0 else []
    return min(ranked, default=(0, 0, "en"))[2]
