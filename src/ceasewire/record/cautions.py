"""What whoever sends a message is told of its dangers: on standard error, or on the page that shows what will be signed. The message goes
all the same."""

from __future__ import annotations

from typing import Any, Final

from .words import DELICATE

STAND: Final = "Warning: this shows where your people stand: observer position, bearing and distance help correct fire."
VICTIMS: Final = "Warning: names of victims belong on a channel with the guarantor alone."
_SHOWING: Final = ("observer_position", "bearing", "distance")


def cautions(message: Any) -> tuple[str, ...]:
    """The warnings of a message's JSON, or of what a correction puts in its place."""
    found = message if isinstance(message, dict) else {}
    replaced = found.get("fields")
    bodies = [found, replaced] if isinstance(replaced, dict) else [found]
    stand = (STAND,) if any(map(_shows_people, bodies)) else ()
    victims = (VICTIMS,) if any(map(_of_victims, bodies)) else ()  # every channel has a second party: none is with the guarantor alone
    return (*stand, *victims)


def _shows_people(body: dict[str, Any]) -> bool:
    exact = str(body.get("location_precision")).lower() == "exact"
    return exact or any(body.get(name) is not None for name in _SHOWING)


def _of_victims(body: dict[str, Any]) -> bool:
    types = body.get("types")
    return any(str(one).upper() in DELICATE for one in (types if isinstance(types, list) else [types]))
