"""The names of places that the record's newest messages bear."""

from __future__ import annotations

from itertools import islice
from typing import Final

from ..record.kinds import KINDS
from ..store.derived_interface import Wanted
from .view import View

_NAMING: Final = {"notification": ("place", "place_other"), "notice": ("area",), "flash": ("place",)}
_LOOKED_AT: Final = 300  # messages of each kind, the newest first
_MOST: Final = 200


def named(view: View) -> list[str]:
    """Each name once, in the order of the alphabet, at most 200."""
    found: dict[str, None] = {}
    for kind, fields in _NAMING.items():
        wanted = Wanted(kind=KINDS[kind], void=False, newest=True)
        items = view.projection.ask(lambda tables, wanted=wanted: list(islice(tables.items(wanted), _LOOKED_AT)))  # type: ignore[misc]
        for one in view.store.at([item.ref for item in items]):
            body = view.message(one)["body"]
            found |= {body[name]: None for name in fields if isinstance(body.get(name), str)}
    return sorted(islice(found, _MOST))
