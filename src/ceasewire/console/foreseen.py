"""What can be known of a message before anybody signs it, and would stand beside it for ever, or come too late. It is said, and refuses
nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from ..node import correcting
from ..node.composing import in_force
from ..node.view import View
from ..node.writing import Written
from ..record.bodies_action import NOTICE
from ..record.bodies_incident import NOTIFICATION
from ..record.case_record import seconds_of
from ..record.case_shown import marked
from ..record.corrections import in_force as corrected
from ..record.fields import Json, show_time
from ..record.kinds import KINDS
from ..record.message import Body
from .between import PROPOSED, urgent
from .forms import Trouble
from .tongue import Tongue

FUTURE: Final = "said to have happened after it was notified"
_PLAIN: Final = frozenset({"no source given", "no evidence named"})  # which the page says of every message that names none
_STARTED: Final = NOTIFICATION["occurred_from"].number
_COUNT: Final = NOTIFICATION["count"].number
_UNIT: Final = NOTIFICATION["count_unit"].number
_BEGINS: Final = NOTICE["window_from"].number


def _(text: str) -> str:
    """Marks a text for the catalogues."""
    return text


@dataclass(frozen=True, slots=True)
class Foreseen:
    """`marks` that its case will show (words of the list "mark"), and `notes`, whose values are in the reader's language."""

    marks: tuple[str, ...] = ()
    notes: tuple[Trouble, ...] = ()


def foreseen(view: View, one: Written, now: int, tongue: Tongue) -> Foreseen:
    """All of it, were the message signed `now` (POSIX seconds)."""

    def when(time: str) -> str:
        return Markup("<bdi>%s</bdi>") % tongue.when(time)

    marks: tuple[str, ...] = ()
    notes: list[Trouble] = []
    body = one.body
    if one.name == "notification":
        marks = _marks(view, body, now)
        notes += _of_notification(view, one, tongue.span)
    elif one.name == "correction" and (was := correcting.corrected(view, one.json)) and was.kind == KINDS["notification"]:
        body = corrected(was.kind, was.body, [one.body])
        marks = _brought(view, one, was.body, body)
    elif one.name == "notice":
        notes += _of_notice(one, now, when)
    if FUTURE in marks:
        started = body[_STARTED]
        notes.insert(0, Trouble(_("The time of the event has not come yet: %(time)s."), {"time": when(show_time(int(str(started))))}))
    return Foreseen(marks, tuple(notes))


def _marks(view: View, body: Body, at: int) -> tuple[str, ...]:
    began = view.projection.ask(lambda tables: view.projection.record(tables).began())
    return tuple(mark for mark, holds in marked(body, at, began or at).items() if holds and mark not in _PLAIN)


def _brought(view: View, one: Written, was: Body, now: Body) -> tuple[str, ...]:
    """The marks that a correction brings to its notification."""
    (named,) = one.json["re"] if isinstance(one.json["re"], list) else [one.json["re"]]
    at = view.row(view.ref(named)).time
    before = _marks(view, was, at)
    return tuple(mark for mark in _marks(view, now, at) if mark not in before)


def _of_notification(view: View, one: Written, span: Callable[[int], str]) -> list[Trouble]:
    found = []
    if _COUNT in one.body and _UNIT not in one.body:
        found.append(Trouble(_("A number stands without what it counts: rounds, explosions, people.")))
    said: dict[str, Json] = one.json
    if urgent(said) and said.get("precedence") in ("routine", "priority") and one.seconds is not None:
        values = {"span": span(one.seconds), "immediate": span(seconds_of(in_force(view).charter, PROPOSED))}
        text = _(
            "People were wounded or killed, or fire is going on, and they have %(span)s to answer. “Immediate” gives them %(immediate)s."
        )
        found.append(Trouble(text, values))
    return found


def _of_notice(one: Written, now: int, when: Callable[[str], str]) -> list[Trouble]:
    begins = one.body.get(_BEGINS)
    if one.seconds is None or not isinstance(begins, int) or begins >= now + one.seconds:
        return []
    text = _(
        "It begins at %(begins)s. The charter gives them until %(due)s at the earliest to answer: you may have no answer when it begins."
    )
    return [Trouble(text, {"begins": when(show_time(begins)), "due": when(show_time(now + one.seconds))})]
