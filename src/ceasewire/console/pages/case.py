"""One case: both versions, the facts field by field, what was said when, what is due, what may be done next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from starlette.responses import RedirectResponse, Response

from ...errors import LocalError
from ...node import unbegun, whole
from ...node.view import View
from ...record.fields import Json, show_time
from ...record.saying import stance_in_words
from ...record.telling import reply_due
from .. import acts, casework, charts, wording
from ..call import Call
from ..frame import shown
from ..table import Route
from .cases import headline, kind_titles
from .message import reference

LISTED: Final = 100  # messages of the list that are shown at once
_DAY: Final = 86400


async def case(call: Call) -> Response:
    """The case of a notification; of any other message, its case's page."""
    view = call.desk.node.reading
    found, waits, may = await call.desk.read(_read, call, view)
    if found["ref"] != f"{call.path['log']}/{call.path['index']}":
        return RedirectResponse(f"{call.base}/case/{found['ref']}", 303)
    cards = call.desk.node.channel.charter.parties
    answering = casework.answering(found, [card.slug for card in cards if card.role == "party"])
    oldest, all_of_it = call.asked("order") == "oldest", call.asked("all") == "yes"
    events = _events(found)
    return await shown(
        call,
        "case.html",
        "cases",
        c=found,
        headline=headline(found),
        answering=answering,
        answers={slug: casework.answers(found, slug) for slug in answering},
        awaited=reply_due(found),
        held=_held(found, answering),
        unbegun=waits,
        asking=casework.ANSWERS,
        facts=casework.facts(found),
        denied_whole=casework.denied_whole(found, answering),
        own_words=wording.field("notification", "narrative", found["notification"]),
        cares=wording.cares(found["notification"]),
        own_request=wording.field("notification", "request", found["notification"]),
        clocks=casework.clocks(found, show_time(call.now)),
        questions=casework.questions(found),
        timeline=casework.timeline(found, [card.slug for card in cards], _reader(call)),
        events=_listed(events, oldest=oldest, all_of_it=all_of_it),
        count=len(events),
        oldest=oldest,
        acts=acts.of_case(call, found, may),
        inquiry_acts=acts.of_inquiries(call, found, may),
        legend=[(name, charts.sample(name)) for name in charts.SHAPES],
    )


def _read(call: Call, view: View) -> tuple[dict[str, Json], dict[str, dict[str, Json]], frozenset[str]]:
    """The case with its notification's receipts, and how those of its clocks count that have not begun."""
    try:
        found = whole.case(view, reference(call, view))
        asking = [view.ref(one["ref"]) for one in found["clocks"] if one["clock"] in casework.ANSWERS and one["due"] is None]
        receipts = {"receipts": view.receipts(view.ref(found["ref"]))}
        return found | receipts, unbegun.waiting(view, asking), acts.allowed(view)
    except LocalError as error:
        if error.code == "ref.missing":  # it belongs to no case
            raise LocalError("console.missing") from None
        raise


def _held(found: Mapping[str, Json], answering: Sequence[str]) -> Json:
    """The first receipt by a machine of whoever answers."""
    return next((one for one in found["receipts"] if one["by"] in answering), None)


def _events(found: Mapping[str, Json]) -> list[dict[str, Any]]:
    """Every message of the case in record order, with its first words, and who said that a person read it."""
    return [{**one, **_first_words(found, one["ref"]), "read_by": found["read_by"].get(one["ref"], [])} for one in found["messages"]]


def _first_words(found: Mapping[str, Json], ref: str) -> dict[str, Any]:
    """A message's headline; a reply's stance by what it answers."""
    message = found["bodies"].get(ref)
    if message is None:
        return {"headline": [], "stance": []}
    body, stance = dict(message["body"]), []
    if message["kind"] == "reply" and isinstance(body.get("stance"), str):
        stance = wording.stance_parts(body.pop("stance"), stance_in_words(message, found["bodies"].get))
    return {"headline": wording.headline(message["kind"], body), "stance": stance}


def _listed(events: Sequence[dict[str, Any]], *, oldest: bool, all_of_it: bool) -> Sequence[dict[str, Any]]:
    """The newest of them, or all; newest or oldest first."""
    few = events if all_of_it else events[-LISTED:]
    return few if oldest else few[::-1]


def _reader(call: Call) -> casework.Reader:
    tongue = call.tongue

    def tick(time: int, scale: charts.Scale) -> str:
        moment = datetime.fromtimestamp(time, UTC)
        if time % _DAY == 0 and scale.end - scale.start > _DAY // 2:
            return tongue.day(moment)
        return moment.strftime("%H:%M") + "Z"

    def words(count: int) -> str:
        return tongue.ngettext("%(n)s message of this party", "%(n)s messages of this party", count) % {"n": count}

    return casework.Reader(tongue.direction == "rtl", call.now, kind_titles(call), tick, words)


ROUTES: Final = (Route("case", "GET", "/case/{log}/{index}", "reader", case),)
