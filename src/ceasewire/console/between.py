"""What the fields of a form ask of each other, in the words of the form: all of it at once, before the message is written. The record's own
rules (record/bodies_*.py) hold in any case; `SAID` has the form's words for those that only they know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeAlias

from ..record.bodies import Kind
from ..record.fields import Json
from ..record.kinds import UNDERSTOOD
from ..record.phrases import AT_PLACE
from .forms import MISSING, Reading

Found: TypeAlias = Mapping[str, Json]


def _(text: str) -> str:
    """Marks a text for the catalogues."""
    return text


_WHERE: Final = _("Say where: the name of the place, or its position.")
_ENDS: Final = _("It ends before it begins.")
_TWICE: Final = _("A message is named twice.")

SAID: Final[Mapping[str, tuple[str, str]]] = {  # what the record's rules say -> the field, and the form's words
    "place or location is missing": ("place", _WHERE),
    "occurred_to: a time not before occurred_from": ("occurred_to", _ENDS),
    "window_to: a time not before window_from": ("window_to", _ENDS),
    "until: a time not before from": ("until", _ENDS),
    "roster: a shift that does not end before it begins": ("roster", _("A shift ends before it begins.")),
    "press_time: with press_intention at_time, and only then": (
        "press_time",
        _("A time goes with “at a time” above, and with nothing else: choose it and say the time, or leave the time out."),
    ),
    "area, location or route is missing": ("area", _("Say where: the area, a position or a route.")),
    "re: the notice that this follows up": ("re", _("Name the notice that this follows up.")),
    "re: the case of the joint inquiry": ("re", _("Name the case of the joint inquiry by its notification.")),
    "re: the one message that is corrected": ("re", _("Name the one message that is corrected.")),
    "re: each message once": ("re", _TWICE),
    "links: each message once": ("links", _TWICE),
    "disputed: only fields that are not agreed": ("disputed", _("What is agreed cannot be disputed as well.")),
    "attributed_to: a party at least": ("attributed_to", _("Choose a party at least.")),
    "attributed_to: two parties at least, or all between them": ("attributed_to", _("Choose two parties at least.")),
    "attribution: attributed or shared, where attributed_to names a party": (
        "attribution",
        _("Parties are named: choose whether it is attributed to them, or shared by them."),
    ),
    "state (read), with re, or watch (true), one of them": (
        "state",
        _("Say that a message was read, or that somebody is on watch: one of the two."),
    ),
    "watch: true": ("watch", _("Only “yes” can be said here.")),
}


def check(kind: Kind, found: Found, reading: Reading) -> None:
    """Put what the fields ask of each other among the troubles of the reading; a field that is wrong already is not told twice."""
    asked = list(_needs_re(kind, found))
    if kind.name in _RULES:
        asked += _RULES[kind.name](found)
    for name, text in asked:
        if not reading.wrong_at(f"f.{name}"):
            reading.fail(f"f.{name}", text)


def _needs_re(kind: Kind, found: Found) -> Iterable[tuple[str, str]]:
    if kind.name in ("reply", "finding", "evidence", "withdrawal", "closing") and "re" not in found:
        yield "re", MISSING
    if kind.name == "evidence" and "evidence" not in found:
        yield "evidence", MISSING


def _notification(found: Found) -> Iterable[tuple[str, str]]:
    if "place" not in found and "location" not in found:
        yield "place", _WHERE
    if _turned(found, "occurred_from", "occurred_to"):
        yield "occurred_to", _ENDS
    if (found.get("press_intention") == "at_time") != ("press_time" in found):
        yield SAID["press_time: with press_intention at_time, and only then"]


def _notice(found: Found) -> Iterable[tuple[str, str]]:
    if found.get("phase", "planned") != "planned":
        if "re" not in found:
            yield SAID["re: the notice that this follows up"]
    else:
        if "window_from" not in found:
            yield "window_from", _("Say when it begins.")
        if "window_to" not in found:
            yield "window_to", _("Say when it ends.")
        if not {"area", "location", "route"} & found.keys():
            yield SAID["area, location or route is missing"]
    if found.get("activity") == "joint_inquiry" and "re" not in found:
        yield SAID["re: the case of the joint inquiry"]
    if _turned(found, "window_from", "window_to"):
        yield "window_to", _ENDS


def _flash(found: Found) -> Iterable[tuple[str, str]]:
    if found.get("phrase") in AT_PLACE and "place" not in found and "location" not in found:
        yield "place", _("That phrase speaks of a place: say which, then choose it again.")


def _turned(found: Found, first: str, second: str) -> bool:
    """Whether a time, RFC 3339 in UTC, lies before the one it should follow."""
    return first in found and second in found and str(found[second]) < str(found[first])


_RULES: Final[Mapping[str, Callable[[Found], Iterable[tuple[str, str]]]]] = {
    "notification": _notification,
    "notice": _notice,
    "flash": _flash,
}


# --- What goes without saying ---


def completed(kind: Kind, found: Mapping[str, Json], reading: Reading) -> dict[str, Json]:
    """The same with the precedence that is proposed where nobody chose one, and without a precision of no position."""
    made = dict(found)
    if kind.name == "notification" and "precedence" not in made and not reading.wrong_at("f.precedence") and urgent(made):
        made["precedence"] = PROPOSED
    if not placed(kind.name, made):
        made.pop("location_precision", None)
    return made


def placed(kind: str, names: Iterable[str]) -> bool:
    """Whether one of these fields of a kind is a position; also for a kind without any."""
    known = next(one for one in UNDERSTOOD.values() if one.name == kind)
    if known.placed is None:
        return True
    numbers = {*known.placed.points, *known.placed.routes}
    return any(known.fields[name].number in numbers for name in names if name in known.fields)


PROPOSED: Final = "immediate"
_FIRE: Final = "A"  # the group of violations by force


def urgent(said: Found) -> bool:
    """Whether a notification says that people were killed or wounded, or that force is still used."""
    if said.get("historical") is True:
        return False
    harms = said.get("casualties") or {}
    hurt = any(max(group.get(harm) or [0]) > 0 for group in harms.values() for harm in ("killed", "wounded"))
    return hurt or (said.get("ongoing") is True and any(str(one).startswith(_FIRE) for one in said.get("types") or ()))
