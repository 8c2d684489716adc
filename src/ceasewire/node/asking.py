"""What a person asks a list for, made into what the tables are asked for."""

from __future__ import annotations

from collections.abc import Iterator

from .. import limits
from ..errors import LocalError
from ..record.channel import Channel
from ..record.kinds import KINDS
from ..record.text import words


def kind_of(name: str) -> int:
    """The number of a kind. Raises LocalError usage."""
    if name not in KINDS:
        raise LocalError("usage", f"there is no kind {name}; the kinds are {', '.join(KINDS)}")
    return KINDS[name]


def log_of(channel: Channel, slug: str) -> int:
    """The number of a log. Raises LocalError usage."""
    number = channel.number(slug)
    if number is None:
        raise LocalError("usage", f"there is no log {slug}; the logs are {', '.join(log.slug for log in channel.logs.values())}")
    return number


def party_of(channel: Channel, slug: str) -> int:
    """The position of a party. Raises LocalError usage."""
    position = channel.position(slug)
    if position is None:
        raise LocalError("usage", f"there is no party {slug}; the parties are {', '.join(card.slug for card in channel.charter.parties)}")
    return position


def phrases_of(text: str) -> tuple[list[list[str]], bool]:
    """What to search for: each word by itself, and what stands in double quotes as one phrase; and whether the last word may be the
    beginning of a longer one, which it may unless it is quoted. Nothing else has a meaning. Raises LocalError usage for no words, or
    more than limits.SEARCH_WORDS."""
    parts = text.split('"')
    if len(parts) % 2 == 0:  # a quote that is not closed opens nothing
        parts[-2:] = [" ".join(parts[-2:])]
    found = list(_phrases(parts))
    count = sum(len(phrase) for phrase in found)
    if not 0 < count <= limits.SEARCH_WORDS:
        raise LocalError("usage", f"a search is for 1 to {limits.SEARCH_WORDS} words, not {count}")
    return found, bool(words(parts[-1]))


def _phrases(parts: list[str]) -> Iterator[list[str]]:
    for place, part in enumerate(parts):
        found = words(part)
        if place % 2 == 0:
            yield from ([word] for word in found)
        elif found:
            yield found
