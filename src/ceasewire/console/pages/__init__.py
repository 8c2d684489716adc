"""The pages: each module holds some, and lists them in `ROUTES`. The table of all is made here."""

from __future__ import annotations

from typing import Final

from ..table import Route
from . import case, cases, channel, compose, desk, flash, gate, inbox, logbook, me, message, names, people, release, search, shift

ROUTES: Final[tuple[Route, ...]] = (
    *gate.ROUTES,
    *desk.ROUTES,
    *inbox.ROUTES,
    *flash.ROUTES,
    *channel.ROUTES,
    *message.ROUTES,
    *cases.ROUTES,
    *case.ROUTES,
    *names.ROUTES,
    *search.ROUTES,
    *compose.ROUTES,
    *release.ROUTES,
    *me.ROUTES,
    *people.ROUTES,
    *shift.ROUTES,
    *logbook.ROUTES,
)
