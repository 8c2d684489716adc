"""Flashes as a person must see them: which of them sounds, and the newest new thing on top. record/attention.py says the rule."""

from __future__ import annotations

from typing import Final

from ..record.attention import WINDOW_SECONDS, Attention, Group
from ..record.fields import Json, show_time
from ..record.kinds import KINDS
from .view import Ref, View

SHOWN_SECONDS: Final = 86400  # what is newer is shown in any case; what is older, until a person of ours has read it
KEPT_SECONDS: Final = 7 * 86400
SHOWN_MOST: Final = 50
_FLASH: Final = KINDS["flash"]
_KINDS: Final = (_FLASH, KINDS["acknowledgement"])


def sounds(view: View, ref: Ref) -> bool:
    """Whether a flash that is in the record sounds: it is neither void nor historical, nor one more of what repeats itself.

    Raises LocalError ref.missing, disk.failed, store.*.
    """
    one = view.marked(ref)
    if one.void is not None:
        return False
    attention = Attention(view.channel)
    # What lies further back weighs nothing on it.
    for other in view.standing(_FLASH, one.time - WINDOW_SECONDS):
        if (flash := attention.flash(other, other.body())) is not None and flash.ref == ref:
            return flash.sounds
    return False


def attention(view: View, now: int) -> list[dict[str, Json]]:
    """The flashes of the last day, and those of the last week that no person of ours has acknowledged, in groups; the newest that
    sounded first. `now` in POSIX seconds."""
    rows = sorted((one for kind in _KINDS for one in view.standing(kind, now - KEPT_SECONDS)), key=lambda one: one.place)
    groups = Attention(view.channel).feed(rows).groups()
    own = view.channel.party_of(view.own)
    wanted = [group for group in groups if group.flashes[-1].place[0] > now - SHOWN_SECONDS or _unread(group, own)]
    return [_shown(view, group) for group in wanted[:SHOWN_MOST]]


def _unread(group: Group, own: int) -> bool:
    return group.party != own and group.sounds and own not in group.read_by


def _shown(view: View, group: Group) -> dict[str, Json]:
    newest = group.raised or group.flashes[-1]
    body = view.message(view.row(newest.ref))["body"]
    words = body if isinstance(body, dict) else {}
    return {
        "ref": view.name(*newest.ref),
        "by": view.channel.slug(group.party),
        "time": show_time(newest.place[0]),
        "phrase": group.phrase,
        "location": words.get("location"),
        "place": words.get("place"),
        "text": words.get("text"),
        "exercise": group.exercise,
        "sounds": group.sounds,
        "count": len(group.flashes),
        "last": show_time(group.flashes[-1].place[0]),
        "read_by": [view.channel.slug(party) for party in sorted(group.read_by)],
    }
