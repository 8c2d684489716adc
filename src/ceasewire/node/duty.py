"""Whom to telephone: what a party last said of its duty telephone in the record. DOMAIN, kinds 12 and 14."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import Final

from ..record.kinds import KINDS
from ..store.derived_interface import DerivedTables, Item, Wanted
from .view import View

_SAYING: Final = (KINDS["channel_status"], KINDS["keys"])
_LOOKED_AT: Final = 400  # messages of each kind, the newest first


def telephones(view: View, slug: str) -> list[str]:
    """The duty telephones that a party's newest message about them names; none if it never named one."""
    party = next(n for n, card in enumerate(view.channel.charter.parties) if card.slug == slug)
    found: list[tuple[tuple[int, int, int, int], list[str]]] = []
    for kind in _SAYING:
        wanted = Wanted(kind=kind, party=party, void=False, newest=True)
        items = list(islice(view.projection.stream(partial(_items, wanted)), _LOOKED_AT))
        bodies = {(one.log, one.index): view.message(one)["body"] for one in view.store.at([item.ref for item in items])}
        for item in items:
            named = _named(bodies[item.ref])
            if named:
                found.append((item.key, named))
                break
    return max(found)[1] if found else []


def _items(wanted: Wanted, tables: DerivedTables) -> Iterator[Item]:
    return tables.items(wanted)


def _named(body: object) -> list[str]:
    if not isinstance(body, dict):
        return []
    own = [body["duty_telephone"]] if isinstance(body.get("duty_telephone"), str) else []
    contacts = body.get("contacts") or []
    return own + [one["telephone"] for one in contacts if isinstance(one, dict) and isinstance(one.get("telephone"), str)]
