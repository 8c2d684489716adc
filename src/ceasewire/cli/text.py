"""Text of others, made safe for a terminal: it may neither act on it nor reorder what stands beside it."""

from __future__ import annotations

import unicodedata
from typing import Final

from ..errors import CODES

FIRST_STRONG_ISOLATE: Final = "\u2068"
POP_ISOLATE: Final = "\u2069"

# Format characters that ordinary words need: joiners of Pashto, Dari and Persian, direction marks, signs before Arabic numbers.
_NEEDED: Final = frozenset("\u200c\u200d\u200e\u200f\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u08e2")
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp", "Cn", "Co"})


def is_hidden(character: str) -> bool:
    """Whether a terminal would act on the character, or show nothing for it."""
    return character not in _NEEDED and unicodedata.category(character) in _HIDDEN


def escaped(text: str) -> str:
    """The text on one line, with every character that is not to be seen written as its escape."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escape(character) if is_hidden(character) else character for character in text)


def explained(code: str) -> str:
    """A code with its sentence and the next step."""
    known = CODES.get(code)
    return f"{known.sentence}. {known.step} [{code}]" if known else code


def _escape(character: str) -> str:
    if character in "\n\r\t":
        return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}[character]
    number = ord(character)
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def shown(text: str) -> str:
    """The text escaped, and isolated so that its direction stays its own. Plain ASCII needs no isolation and gets none."""
    safe = escaped(text)
    return safe if safe.isascii() else f"{FIRST_STRONG_ISOLATE}{safe}{POP_ISOLATE}"
