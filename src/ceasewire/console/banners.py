"""What every page says of flashes, above its own work and never in its place: the newest that nobody of ours has read in full, others in a
line each, the rest as a number; and those of ours that nobody has read, or that were answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ..node.duty import telephones
from ..node.owed import Owed
from ..record.fields import Json, parse_time, show_time
from ..record.phrases import texts
from .call import Call
from .naming import Naming

FLASH_SECONDS: Final = 300  # so long after a flash that no person has read, both pages show the duty telephone
LINES: Final = 3  # flashes that have a line of their own, below the one that is shown in full
FORMS: Final = frozenset({"compose", "release"})  # where somebody writes or signs: all flashes together have one line
_ANSWERED_SECONDS: Final = 3600  # so long every page tells that a flash of ours was answered; its own page tells it ever after
_UNANSWERED_SECONDS: Final = 86400  # so long every page tells that a flash was read and not answered; the inbox tells it for a week

Flash = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Duty:
    """Whom to telephone: a party's name, and the numbers that it named."""

    party: str
    numbers: list[str]


@dataclass(frozen=True, slots=True)
class Banners:
    """`first` in full, unless the page is a form (`brief`); `lines` in a line each, `more` as a number. `unread`: how many of these nobody
    of ours has read. Of our own: `waiting` for a person, the newest first; `silent`, how long the oldest has, seconds; `duty`, whom to
    telephone for it; `answered` lately."""

    brief: bool
    first: Flash | None
    lines: list[Flash]
    more: list[Flash]
    unread: int
    waiting: list[Flash] = field(default_factory=list)
    silent: int = 0
    duty: list[Duty] | None = None
    answered: list[Flash] = field(default_factory=list)

    @property
    def first_of_all(self) -> Flash | None:
        """What one line for all is about."""
        return self.first or next(iter(self.lines), None)

    @property
    def sounding(self) -> str:
        """The flashes without a place of their own that sound, for the script: whoever silences silences them all."""
        hidden = [*self.lines, *self.more] if self.brief else self.more
        return " ".join(one["ref"] for one in hidden if one["rings"])


async def banners(call: Call, naming: Naming, flashes: Sequence[Flash], owed: Sequence[Owed], here: str) -> Banners:
    """Of the flashes of a status (node/flashes.py), and of what awaits us."""
    own = call.desk.node.channel.party(call.desk.node.own).slug
    due = {call.desk.node.reading.name(*one.item.ref): one for one in owed if one.refs}
    theirs = [_shown(call, naming, one, due.get(one["ref"]), own) for one in flashes if one["by"] != own]
    unread = [one for one in theirs if not one["read"]]
    asked = [one for one in theirs if one["read"] and one["asks"] and call.now - parse_time(one["time"]) < _UNANSWERED_SECONDS]
    brief = here in FORMS
    first = None if brief or not unread else unread[0]
    if first:
        first["duty"] = await _duty(call, naming, [first["by"]]) if first["silent"] >= FLASH_SECONDS else None
    rest = [*unread, *asked][1 if first else 0 :]
    sent = [one for one in flashes if one["by"] == own and one["sounds"]]
    waiting = [one for one in sent if not one["read_by"] and not one["answered_by"]]
    silent = max((call.now - parse_time(one["time"]) for one in waiting), default=0)
    return Banners(
        brief,
        first,
        rest[:LINES],
        rest[LINES:],
        len(unread),
        waiting,
        silent,
        await _duty(call, naming, [slug for slug in naming.written if slug != own]) if silent >= FLASH_SECONDS else None,
        [one for one in sent if any(call.now - parse_time(by["time"]) < _ANSWERED_SECONDS for by in one["answered_by"])],
    )


def _shown(call: Call, naming: Naming, one: dict[str, Json], due: Owed | None, own: str) -> Flash:
    """A flash of others: whether a person of ours has read it, whether it rings, whether it asks for our answer and by when."""
    log, _, index = one["ref"].rpartition("/")
    where = one["place"] or (", ".join(map(str, one["location"])) if one["location"] else "")
    read = own in one["read_by"] or any(by["by"] == own for by in one["answered_by"])
    return {
        **one,
        "log": log,
        "index": index,
        "words": texts(one["phrase"], call.tongue.language),
        "where": naming.place(where),
        "by_name": naming.party(one["by"]),
        "silent": call.now - parse_time(one["time"]),
        "read": read,
        "rings": one["sounds"] and not read,
        "asks": due is not None and bool(due.by),
        "respond_by": None if due is None or due.due is None else show_time(due.due),
        "duty": None,
    }


async def _duty(call: Call, naming: Naming, slugs: Sequence[str]) -> list[Duty]:
    """The duty telephones of these parties; of those that named none, only if nobody named one."""
    view = call.desk.node.reading
    found = [Duty(naming.party(slug), await call.desk.read(telephones, view, slug)) for slug in slugs]
    return [one for one in found if one.numbers] or found
