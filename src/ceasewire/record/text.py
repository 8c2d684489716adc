"""What a reader would not see in a text, said beside it; and the form of a text in which equal words are equal. FAULTS H1 to H5.

`marks` and `visible` are for showing: they never change what was signed. `folded` and `words` are for search alone. All are pure
functions of the text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

# --- Marks ---


@dataclass(frozen=True, slots=True)
class Mark:
    """What a text holds that a reader would miss: a kind of MARKS, how often, and the code points in question, rising."""

    kind: str
    count: int
    points: tuple[int, ...]


MARKS: Final = {  # kind -> what people are told, before the count
    "bidi_control": "direction controls",
    "zero_width": "zero-width characters",
    "soft_hyphen": "soft hyphens",
    "tag": "invisible tags",
    "variation_selector": "variation selectors",
    "combining_run": "marks piled on one letter",
    "replacement": "characters lost before signing",
    "private_use": "characters without a public meaning",
    "mixed_script": "words that mix look-alike scripts",
    "other_digits": "digits of another script",
    "ambiguous_date": "dates that can be read two ways",
    "ambiguous_number": "numbers whose comma can be read two ways",
}
HIDDEN: Final = frozenset({"bidi_control", "zero_width", "soft_hyphen", "tag", "variation_selector", "combining_run", "private_use"})

_BIDI: Final = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_ZERO: Final = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200d\u2060-\u2065\u206a-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb]")
_SOFT: Final = re.compile("\u00ad")
_TAG: Final = re.compile("[\U000e0000-\U000e007f]")
_SELECTOR: Final = re.compile("[\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_LOST: Final = re.compile("\ufffd")
_PILE: Final = 4  # marks on one letter that a language may need: Vietnamese has two, vocalised Arabic and Hebrew three
_JOINERS: Final = frozenset("\u200c\u200d")
_JOINED: Final = re.compile("[\u0600-\u08ff\u0900-\u109f\u1780-\u17ff\u1800-\u18af\ufb50-\ufdff\ufe70-\ufefc]")  # scripts that use joiners
_DATE: Final = re.compile(r"(?<!\d)(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|\d{2})(?!\d)", re.ASCII)
_COMMA: Final = re.compile(r"(?<![\d,.])\d+,\d+(?![\d,])", re.ASCII)
_WORD: Final = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)*")
_NOT_ARABIC: Final = frozenset("پچژگکیټډړږښڼځڅېۍ")  # letters of Pashto, Dari and Persian that Arabic does not have
_MIXABLE: Final = ("LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC", "FULLWIDTH", "MATHEMATICAL")


def marks(text: str) -> list[Mark]:
    """Every mark of the text, in the order of MARKS; none for text without anything to say."""
    if text.isascii() and not any(one.search(text) for one in (_DATE, _COMMA)):
        return []
    found = [(kind, find(text)) for kind, find in _FINDERS.items()]
    return [Mark(kind, len(points), tuple(sorted(set(points)))) for kind, points in found if points]


def marks_in_writing(text: str) -> list[Mark]:
    """The marks that whoever writes the text is told of: digits of the script that the text is in are none."""
    return [mark for mark in marks(text) if mark.kind != "other_digits" or foreign_digits(text)]


def foreign_digits(text: str) -> bool:
    """Whether digits stand there that are neither 0 to 9 nor of the script of the text's own letters. Pashto, Dari and Persian have
    U+06F0 to 06F9, Arabic U+0660 to 0669; both in one text are not of one script."""
    digits = {_named(one) for one in text if not one.isascii() and unicodedata.decimal(one, None) is not None}
    letters = {_named(one) for one in text if one.isalpha()}
    own = set(letters)
    if "ARABIC" in letters:
        own.add("EXTENDED" if "EXTENDED" in digits or not _NOT_ARABIC.isdisjoint(text) else "ARABIC-INDIC")
    return not digits <= own


def _named(one: str) -> str:
    """The first word of a character's name: of a letter its script."""
    return unicodedata.name(one, "").split(" ", 1)[0]


def hidden(text: str) -> int:
    """How many characters of the text a reader does not see, or cannot tell apart."""
    return sum(mark.count for mark in marks(text) if mark.kind in HIDDEN)


def visible(text: str) -> str:
    """The text with each hidden character spelt out as its code point, such as `<U+200B>`. Lines stay lines."""
    if text.isascii():
        return text
    places = {place for find in _PLACES for place in find(text)}
    return "".join(f"<U+{ord(one):04X}>" if place in places else one for place, one in enumerate(text))


def canonical_digits(text: str) -> str:
    """The text with every decimal digit of any script as 0 to 9, to be shown beside it."""
    return text if text.isascii() else "".join(_digit(one) for one in text)


def _digit(one: str) -> str:
    value = unicodedata.decimal(one, None)
    return one if value is None else str(value)


def _places(pattern: re.Pattern[str]) -> Callable[[str], Iterator[int]]:
    return lambda text: (match.start() for match in pattern.finditer(text))


def _zero_widths(text: str) -> Iterator[int]:
    """Joiners between letters of a script that is written with them are ordinary spelling, and no mark."""
    for match in _ZERO.finditer(text):
        at = match.start()
        if text[at] in _JOINERS and _joins(text, at):
            continue
        yield at


def _joins(text: str, at: int) -> bool:
    around = text[at - 1 : at] + text[at + 1 : at + 2]
    return len(around) == 2 and all(_JOINED.match(one) and unicodedata.category(one)[0] in "LM" for one in around)


def _selectors(text: str) -> Iterator[int]:
    """One selector after a symbol chooses between picture and letter form; any other carries what nobody sees."""
    for match in _SELECTOR.finditer(text):
        at = match.start()
        if text[at] in "\ufe0e\ufe0f" and at and unicodedata.category(text[at - 1]) in ("So", "Sm", "Po", "Nd"):
            continue
        yield at


def _piles(text: str) -> Iterator[int]:
    """Marks on one letter past the first four."""
    high = 0
    for at, one in enumerate(text):
        high = high + 1 if unicodedata.category(one) in ("Mn", "Me") else 0
        if high > _PILE:
            yield at


def _private(text: str) -> Iterator[int]:
    return (at for at, one in enumerate(text) if unicodedata.category(one) in ("Co", "Cn"))


def _mixed(text: str) -> list[int]:
    """The letters of each word's rarer script, one a word, where a word mixes scripts that look alike."""
    found = []
    for match in _WORD.finditer(text):
        if not match[0].isascii():
            scripts = [_script(one) for one in match[0]]
            there = {one for one in scripts if one}
            if len(there) > 1:
                rare = min(sorted(there), key=scripts.count)
                found.append(ord(match[0][scripts.index(rare)]))
    return found


@lru_cache(4096)
def _script(letter: str) -> str:
    """One of the scripts that can be mistaken for each other, or nothing."""
    name = unicodedata.name(letter, "").split(" ", 1)[0]
    return name if name in _MIXABLE else ""


def _points(find: Callable[[str], Iterator[int]]) -> Callable[[str], list[int]]:
    return lambda text: [ord(text[at]) for at in find(text)]


def _dates(text: str) -> list[int]:
    """Dates in figures whose day and month could each be the other."""
    found = _DATE.finditer(canonical_digits(text))
    return [ord(one[2]) for one in found if int(one[1]) <= 12 and int(one[3]) <= 12 and one[1] != one[3]]


_PLACES: Final = (_places(_BIDI), _zero_widths, _places(_SOFT), _places(_TAG), _selectors, _piles, _private)
_FINDERS: Final[dict[str, Callable[[str], list[int]]]] = {
    **dict(
        zip(
            ("bidi_control", "zero_width", "soft_hyphen", "tag", "variation_selector", "combining_run", "private_use"),
            map(_points, _PLACES),
            strict=True,
        )
    ),
    "replacement": _points(_places(_LOST)),
    "mixed_script": _mixed,
    "other_digits": lambda text: [ord(one) for one in text if not one.isascii() and unicodedata.decimal(one, None) is not None],
    "ambiguous_date": _dates,
    "ambiguous_number": lambda text: [ord(",") for _ in _COMMA.finditer(canonical_digits(text))],
}

# --- Search ---

# Letters that one keyboard or another writes for the same letter. What tells Pashto words apart stays apart: ye of `ې` and `ۍ`, `ځ`, `څ`,
# `ډ`, `ړ`, `ږ`, `ښ`, `ټ`, `ڼ`; only their forms on other keyboards are folded.
_LIKE: Final = {
    "\u0671": "\u0627",  # alef wasla; the other alefs fall apart into alef and a mark
    "\u0643": "\u06a9",  # kaf, swash kaf: keheh
    "\u06aa": "\u06a9",
    "\u06ab": "\u06af",  # gaf with ring, the Pashto form: gaf
    "\u064a": "\u06cc",  # ya, alef maqsura: Farsi yeh
    "\u0649": "\u06cc",
    "\u0629": "\u0647",  # ta marbuta, and the hehs of other keyboards: heh
    "\u06be": "\u0647",
    "\u06c1": "\u0647",
    "\u06c3": "\u0647",
    "\u06d5": "\u0647",
    "\u0131": "i",  # Latin letters that do not fall apart
    "\u0142": "l",
    "\u00f8": "o",
    "\u0111": "d",
    "\u00e6": "ae",
    "\u0153": "oe",
}
_KNOWN: Final = 0x3100  # what a character becomes is remembered below it: the scripts with letters, not the many signs above
_TATWEEL: Final = "\u0640"
_LEAST_MARK: Final = 10  # combining classes below are nuktas and viramas, which make other letters; class 0 holds vowel signs


class _Table(dict[int, str]):
    """What each character becomes, worked out when it is first met."""

    def __init__(self, become: Callable[[str], str]) -> None:
        super().__init__()
        self._become = become

    def __missing__(self, point: int) -> str:
        found = self._become(chr(point))
        if point < _KNOWN:
            self[point] = found
        return found


def _fold(one: str) -> str:
    if unicodedata.combining(one) >= _LEAST_MARK or unicodedata.category(one) in ("Cf", "Me") or one == _TATWEEL or _SELECTOR.match(one):
        return ""
    return _LIKE.get(one) or _digit(one)


def _letter(one: str) -> str:
    return one if unicodedata.category(one)[0] in "LMN" else " "


_FOLDING: Final = _Table(_fold)
_LETTERS: Final = _Table(_letter)


def folded(text: str) -> str:
    """The text in the form that search compares: no case, no diacritics, one form of each letter and digit; the same for NFC and NFD."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKD", text).casefold().translate(_FOLDING)


def words(text: str) -> list[str]:
    """The words of a text in the order in which they stand, folded."""
    return folded(text).translate(_LETTERS).split()
