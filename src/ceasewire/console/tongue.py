"""One person's language and calendar: texts from the catalogues, dates and spans of time written as their readers do.

Catalogues are gettext's: `locale/LANG/LC_MESSAGES/console.po`, whose msgid is the English text. A text without a translation is shown in
English. They are read when first asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from gettext import c2py
from pathlib import Path
from typing import Final

from babel.messages.pofile import read_po
from jalali_core import GregorianToJalali

from . import words

LANGUAGES: Final[Mapping[str, str]] = {
    "en": "English",
    "ps": "پښتو",
    "prs": "دری",
    "ar": "العربية",
    "ru": "Русский",
    "uk": "Українська",
    "fr": "Français",
    "es": "Español",
}
RIGHT_TO_LEFT: Final = frozenset({"ps", "prs", "ar"})
# The months of the Solar Hijri year as Kabul names them, in Pashto, in Dari, and in Latin letters.
MONTHS: Final[Mapping[str, tuple[str, ...]]] = {
    "ps": ("وری", "غویی", "غبرګولی", "چنګاښ", "زمری", "وږی", "تله", "لړم", "لیندۍ", "مرغومی", "سلواغه", "کب"),
    "prs": ("حمل", "ثور", "جوزا", "سرطان", "اسد", "سنبله", "میزان", "عقرب", "قوس", "جدی", "دلو", "حوت"),
    "en": ("Hamal", "Sawr", "Jawza", "Saratan", "Asad", "Sunbula", "Mizan", "Aqrab", "Qaws", "Jadi", "Dalw", "Hut"),
}
_TAGS: Final = {**{code: code for code in LANGUAGES}, "fa-af": "prs"}  # browsers call Dari so
_LOCALE: Final = Path(__file__).with_name("locale")
_MINUTE, _HOUR, _DAY = 60, 3600, 86400

Key = str | tuple[str, str]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Translations by msgid, or by context and msgid; of a plural every form."""

    texts: Mapping[Key, str | tuple[str, ...]]
    plural: Callable[[int], int]  # the number of the form for so many, by the language's own rule

    @staticmethod
    @cache
    def of(language: str) -> Catalogue | None:
        """The catalogue of a language; None where there is none."""
        path = _LOCALE / language / "LC_MESSAGES" / "console.po"
        if not path.is_file():
            return None
        with path.open("rb") as file:
            found = read_po(file, locale=None if language == "prs" else language)
        texts: dict[Key, str | tuple[str, ...]] = {}
        for one in found:
            filled = all(one.string) if isinstance(one.string, (tuple, list)) else bool(one.string)
            if one.id and filled:
                name = one.id[0] if isinstance(one.id, (tuple, list)) else one.id
                texts[(one.context, name) if one.context else name] = one.string if isinstance(one.string, str) else tuple(one.string or ())
        return Catalogue(texts, c2py(found.plural_expr))


@dataclass(frozen=True, slots=True)
class Tongue:
    """A language, a calendar."""

    language: str = "en"
    calendar: str = "gregorian"

    @property
    def direction(self) -> str:
        """`ltr` or `rtl`."""
        return "rtl" if self.language in RIGHT_TO_LEFT else "ltr"

    def gettext(self, text: str) -> str:
        """The text in this language, else in English."""
        catalogue = Catalogue.of(self.language)
        found = catalogue.texts.get(text) if catalogue else None
        return found if isinstance(found, str) else text

    def knows(self, text: str) -> bool:
        """Whether this language has a text of its own for it, as English has for all."""
        catalogue = Catalogue.of(self.language)
        return self.language == "en" or (catalogue is not None and text in catalogue.texts)

    def ngettext(self, one: str, many: str, number: int) -> str:
        """The text for so many."""
        catalogue = Catalogue.of(self.language)
        found = catalogue.texts.get(one) if catalogue else None
        if catalogue and isinstance(found, tuple):
            return found[min(catalogue.plural(number), len(found) - 1)]
        return one if number == 1 else many

    # --- Time ---

    def when(self, text: str | None, *, now: int | None = None) -> str:
        """An RFC 3339 time as people read it; of today (of `now`, POSIX seconds) the hour alone."""
        if not text:
            return ""
        time = datetime.fromisoformat(text)
        clock = time.strftime("%H:%M") + "Z"
        if now is not None and time.date() == datetime.fromtimestamp(now, UTC).date():
            return clock
        return f"{self.day(time)} {clock}"

    def day(self, time: datetime) -> str:
        """The day in this person's calendar: `2026-11-23`, or `2 Qaws 1405`."""
        if self.calendar != "solar_hijri":
            return time.strftime("%Y-%m-%d")
        year, month, day = GregorianToJalali(time.year, time.month, time.day).getJalaliList()
        return f"{day} {MONTHS.get(self.language, MONTHS['en'])[month - 1]} {year}"

    def span(self, seconds: int) -> str:
        """A length of time in words: `2 h 5 min`."""
        seconds = abs(seconds)
        if seconds >= 2 * _DAY:
            return self.ngettext("%(n)s day", "%(n)s days", seconds // _DAY) % {"n": seconds // _DAY}
        if seconds >= _HOUR and seconds % _HOUR < _MINUTE:
            return self.gettext("%(h)s h") % {"h": seconds // _HOUR}
        if seconds >= _HOUR:
            return self.gettext("%(h)s h %(m)s min") % {"h": seconds // _HOUR, "m": seconds % _HOUR // _MINUTE}
        if seconds >= _MINUTE:
            return self.gettext("%(m)s min") % {"m": seconds // _MINUTE}
        return self.gettext("%(s)s s") % {"s": seconds}

    def until(self, text: str | None, now: int, *, about: bool = False) -> str:
        """`in 2 h 5 min`, or `5 min late`; `in about 2 h 5 min` of what may still change."""
        if not text:
            return ""
        left = int(datetime.fromisoformat(text).timestamp()) - now
        if about:
            words = self.gettext("in about %(span)s") if left >= 0 else self.gettext("about %(span)s late")
        else:
            words = self.gettext("in %(span)s") if left >= 0 else self.gettext("%(span)s late")
        return words % {"span": self.span(left)}

    def ago(self, text: str | None, now: int) -> str:
        """`5 min ago`."""
        if not text:
            return self.gettext("never")
        return self.gettext("%(span)s ago") % {"span": self.span(now - int(datetime.fromisoformat(text).timestamp()))}


def choose(wanted: str | None, header: str) -> str:
    """A language we have: the one that is asked for, else the first of an Accept-Language header, else English."""
    return words.choose(wanted, header, _TAGS)
