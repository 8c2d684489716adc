"""What the core says of refusals, alarms and misconduct, in a reader's language.

The core speaks English alone: `errors.CODES`, `node.schedule.ALARMS`, the sentence of a misconduct proof. The catalogues hold each of these
texts; one without a translation is shown in English and marked as that, so that it is read aloud and laid out as English. A command that
stands between `backquotes` in a text is a command in every language. The detail behind a sentence is of one case, and stays English.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Final

from markupsafe import Markup, escape

from ..errors import CODES, CeasewireError
from ..node.schedule import ALARMS
from .tongue import Tongue

_COMMAND: Final = re.compile("`([^`]+)`")
_PLACE: Final = re.compile(r"%\\\((\w+)\\\)s")  # as re.escape writes it


def _(text: str) -> str:
    """Marks a text for the catalogues."""
    return text


# What a misconduct proof says, by its kind: record/misconduct_kinds.py writes these sentences, and a test holds the two together.
MISCONDUCT: Final[Mapping[str, tuple[str, ...]]] = {
    "two_faces": (_("%(party)s's log %(log)s showed two histories: its key signed two different contents for its first %(size)s entries"),),
    "two_leaves": (_("%(party)s's log %(log)s showed two histories: its key signed two different entries at index %(index)s"),),
    "rewrite": (
        _("%(party)s's log %(log)s rewrote its history: its %(newer)s entries do not begin with the %(older)s that its key had signed"),
        _("%(party)s's log %(log)s rewrote its history: its key signed a beginning of no entries that is not the empty log's"),
    ),
    "back_dating": (
        _("%(party)s's log %(log)s back-dated: its entry %(later)s bears an earlier time than its entry %(earlier)s before it"),
        _("%(party)s's log %(log)s back-dated: its entry %(later)s bears an earlier time than %(seen)s, which it says it had seen"),
    ),
    "false_seen": (
        _(
            "%(party)s's log %(log)s disowned what it had seen: its entry %(earlier)s has seen %(before)s entries of %(other)s,"
            " its later entry %(later)s only %(after)s"
        ),
        _(
            "%(party)s's device %(log)s disowned what it had received: it receipted %(before)s entries of %(other)s,"
            " and its later entry %(later)s has seen only %(after)s"
        ),
    ),
    "shrinking_receipt": (
        _("%(party)s's device %(log)s gave receipts for two different contents of the first %(size)s entries of %(other)s"),
        _("%(party)s's device %(log)s took back a receipt: it receipted %(before)s entries of %(other)s, and later only %(after)s"),
    ),
    "two_values": (
        _("%(party)s's log %(log)s wrote a message that says two things: its entry %(index)s opens to two values of field %(field)s"),
    ),
    "reused_release": (
        _("%(party)s's log %(log)s used one body twice: what was released for its entry %(earlier)s stands again in its entry %(later)s"),
    ),
    "flood": (_("%(party)s's log %(log)s flooded: %(count)s messages dated %(day)s, where the charter allows %(quota)s a day"),),
    "two_openings": (
        _("%(party)s's log %(log)s was opened twice: a recovery key of its party signed two different openings of that name"),
        _("%(party)s's log %(log)s shares a signing key with %(other)s: a recovery key of its party signed both openings"),
    ),
}


def sentence(tongue: Tongue, code: str, text: str = "") -> Markup:
    """What a code says; `text` where it is none that we know."""
    return of_core(tongue, CODES[code].sentence if code in CODES else ALARMS.get(code, text))


def step(tongue: Tongue, code: str) -> Markup:
    """The next step behind a code; nothing for an alarm of the schedule, whose sentence says all."""
    return of_core(tongue, CODES[code].step if code in CODES else "")


def what(tongue: Tongue, error: CeasewireError) -> Markup:
    """What was refused, with the detail of this case."""
    if tongue.language == "en":
        return _commands(error.message.rstrip("."))
    said = of_core(tongue, error.explained.sentence)
    return Markup("%s: %s") % (said, detail(tongue, error.detail.rstrip("."))) if error.detail else said


def refusal(tongue: Tongue, error: CeasewireError) -> Markup:
    """What was refused, and the next step."""
    return Markup("%s. %s") % (what(tongue, error), step(tongue, error.code))


def detail(tongue: Tongue, text: str) -> Markup:
    """What the core says of one case, which is in English unless it says no more than a code does."""
    if tongue.language != "en" and tongue.knows(text):
        return Markup("<bdi>%s</bdi>") % of_core(tongue, text)
    return Markup('<bdi lang="en" dir="ltr">%s</bdi>') % text


def of_core(tongue: Tongue, text: str) -> Markup:
    """A text of the core; "" stays nothing."""
    said = _commands(tongue.gettext(text)) if text else Markup("")
    return said if tongue.knows(text) or not text else _english(said)


def misconduct(tongue: Tongue, said: str) -> Markup:
    """The sentence of a misconduct proof."""
    for text in (one for texts in MISCONDUCT.values() for one in texts):
        places = places_of(text, said)
        if places is not None and tongue.knows(text):
            return escape(tongue.gettext(text)) % {name: Markup('<bdi dir="ltr">%s</bdi>') % value for name, value in places.items()}
    return _english(escape(said))


def places_of(text: str, said: str) -> dict[str, str] | None:
    """What stands in the places of a text of MISCONDUCT where a sentence says it; None where the sentence is another."""
    found = _pattern(text).fullmatch(said)
    return found.groupdict() if found else None


@cache
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(_PLACE.sub(r"(?P<\1>.+?)", re.escape(text)))


def _english(said: Markup) -> Markup:
    return Markup('<span lang="en" dir="ltr">%s</span>') % said


def _commands(text: str) -> Markup:
    """A text, with its commands as such."""
    return Markup(_COMMAND.sub(r'<code dir="ltr">\1</code>', str(escape(text))))  # noqa: S704 - it is escaped
