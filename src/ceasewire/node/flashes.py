"""Flashes as a person must see them: which of them sounds, and the newest new thing on top. record/attention.py says the rule."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ..record.attention import WINDOW_SECONDS, Attention, Group
from ..record.fields import Json, show_time
from ..record.kinds import KINDS, kind_name
from ..store.derived_interface import DerivedTables, Item
from .view import Ref, View

SHOWN_SECONDS: Final = 86400  # what is newer is shown in any case; what is older, until a person of ours has read it
KEPT_SECONDS: Final = 7 * 86400
SHOWN_MOST: Final = 50
ANSWERED_MOST: Final = 20  # flashes of one group, the newest, whose answers are looked for
_FLASH: Final = KINDS["flash"]
_NOT_SAID: Final = frozenset(KINDS[kind] for kind in ("line_check", "acknowledgement", "keys"))
"""Kinds that answer nothing: a machine's own, and what says no more than that a person has read."""
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
    own = view.channel.party_of(view.own)
    wanted = [group for group in groups(view, now) if group.flashes[-1].place[0] > now - SHOWN_SECONDS or _unread(group, own)]
    shown = wanted[:SHOWN_MOST]
    answered = view.projection.ask(lambda tables: [_told(view, answering(tables, group)) for group in shown])
    return [_shown(view, group) | {"answered_by": told} for group, told in zip(shown, answered, strict=True)]


def groups(view: View, now: int) -> list[Group]:
    """The flashes of the last week, in groups; the newest that sounded first. `now` in POSIX seconds."""
    rows = sorted((one for kind in _KINDS for one in view.standing(kind, now - KEPT_SECONDS)), key=lambda one: one.place)
    return Attention(view.channel).feed(rows).groups()


def answering(tables: DerivedTables, group: Group) -> list[Item]:
    """What people of other parties said to a group, each party's first: to its newest flash that sounds or to one after it."""
    return _first(group.party, tables, _newest(group))


def _unread(group: Group, own: int) -> bool:
    return group.party != own and group.sounds and own not in group.read_by


def answers(view: View, ref: Ref) -> list[dict[str, Json]]:
    """What people of other parties said that names a flash, each party's first: `by`, `time`, `ref`, `kind`. Who answers has read it."""
    return view.projection.ask(lambda tables: _told(view, _first(view.channel.party_of(ref[0]), tables, [ref])))


def _first(own: int, tables: DerivedTables, refs: Iterable[Ref]) -> list[Item]:
    """Each other party's first message that names any of these, in record order."""
    first: dict[int, Item] = {}
    for ref in refs:
        for item in tables.naming(ref):
            if item.party != own and item.void is None and item.kind not in _NOT_SAID:
                first[item.party] = min(item, first.get(item.party, item), key=lambda one: one.key)
    return sorted(first.values(), key=lambda one: one.key)


def _told(view: View, items: Iterable[Item]) -> list[dict[str, Json]]:
    return [
        {"by": view.channel.slug(one.party), "time": show_time(one.time), "ref": view.name(*one.ref), "kind": kind_name(one.kind)}
        for one in items
    ]


def _newest(group: Group) -> list[Ref]:
    """The newest flash of a group that sounds, and those after it: what answers one of them answers the group."""
    raised = group.raised or group.flashes[0]
    return [one.ref for one in group.flashes if one.place >= raised.place][-ANSWERED_MOST:]


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
