"""The coded phrases of a flash: at most sixteen, each with what it means and what it does not mean. spec/phrases.md; DOMAIN.

A flash must be understood when nobody can be asked. So a phrase is a number on the wire, and its words are shown in the reader's
language only where a speaker of that language has checked them; everywhere else the English stands beside them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

CHECKED: Final[frozenset[str]] = frozenset({"en"})  # the languages whose words a speaker has checked


@dataclass(frozen=True, slots=True)
class Phrase:
    """A code's words in English, what it does not say, and the words in Pashto: a draft, until `ps` is in `CHECKED`."""

    means: str
    not_means: str
    pashto: str


PHRASES: Final[Mapping[str, Phrase]] = {
    "cease_now": Phrase(
        "Cease fire now at the place named.",
        "It does not say who began, and it is no threat.",
        "په یاد شوي ځای کې همدا اوس ډزې بندې کړئ.",
    ),
    "we_have_ceased": Phrase(
        "We have ceased fire.",
        "It is no admission that the fire was ours, or that it was wrong.",
        "موږ ډزې بندې کړې دي.",
    ),
    "checking": Phrase(
        "We are checking and will say what we find.",
        "It accepts nothing and denies nothing.",
        "موږ یې څېړو او پایله به ووایو.",
    ),
    "not_ours": Phrase(
        "It is not ours, as far as we know now.",
        "It is no admission that it happened, and it does not say whose it is.",
        "تر اوسه چې موږ ته معلومه ده، دا زموږ نه دي.",
    ),
    "medical_help": Phrase(
        "Wounded need help: hold fire and let them be reached.",
        "It does not say whose wounded they are, or who wounded them.",
        "ټپیان مرستې ته اړتیا لري: ډزې مه کوئ او پرېږدئ چې ورته ورسېږو.",
    ),
    "notified_convoy_under_fire": Phrase(
        "A convoy that was notified is under fire.",
        "It does not say by whom.",
        "هغه کاروان چې خبر یې ورکړل شوی و، تر ډزو لاندې دی.",
    ),
    "accident": Phrase(
        "It was an accident and was not meant.",
        "It settles no question of fault or remedy.",
        "دا یوه ناڅاپي پېښه وه او قصدي نه وه.",
    ),
    "false_alarm": Phrase(
        "Our flash before this one was a false alarm.",
        "It withdraws no other message: a withdrawal does.",
        "زموږ مخکینی بیړنی پیغام ناسم خبر و.",
    ),
    "not_understood": Phrase(
        "We did not understand your message: say it again, in other words.",
        "It does not refuse the message.",
        "ستاسو په پیغام پوه نه شو: په نورو ټکو یې بیا ووایئ.",
    ),
    "telephone_us": Phrase(
        "Telephone our duty officer.",
        "It does not replace the record: what is agreed by telephone is written here afterwards.",
        "زموږ نوکریوال افسر ته ټلیفون وکړئ.",
    ),
    "civilians_in_danger": Phrase(
        "Civilians are in danger at the place named.",
        "It does not say who endangers them.",
        "په یاد شوي ځای کې ملکي وګړي په خطر کې دي.",
    ),
    "recovering_people": Phrase(
        "We are recovering the wounded or the dead: hold fire.",
        "It gives no permission to go further than to them.",
        "موږ ټپیان یا مړي راټولوو: ډزې مه کوئ.",
    ),
    "guarantor_needed": Phrase(
        "We ask the guarantor to come in at once.",
        "It does not break off the talk between the parties.",
        "موږ غواړو چې ضامن سمدستي مرسته وکړي.",
    ),
}


AT_PLACE: Final[frozenset[str]] = frozenset({"cease_now", "civilians_in_danger"})  # those that speak of "the place named"


def texts(name: str, language: str) -> tuple[str, ...]:
    """What a page in that language shows of a phrase, each to stand by itself: the words of the language if there are any, and the
    English unless a speaker has checked them. Raises KeyError for a name that is no phrase."""
    one = PHRASES[name]
    words = {"ps": one.pashto, "en": one.means}.get(language)
    if words is None:
        return (one.means,)
    return (words,) if language in CHECKED else (words, one.means)
