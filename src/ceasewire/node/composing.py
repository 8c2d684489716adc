"""From a person's JSON to a body, by what is read alone: beside the process that writes, and without keys."""

from __future__ import annotations

from typing import Final

from ..errors import LocalError
from ..record.authority import InForce
from ..record.kinds import KINDS, UNDERSTOOD, read_body
from ..record.log import officers_needed
from ..record.message import Body
from ..record.notation import Json
from .correcting import corrected
from .view import View

_LINE_CHECK: Final = KINDS["line_check"]
_CORRECTION: Final = KINDS["correction"]


def in_force(view: View) -> InForce:
    """What governs the next message of our own log, after all that is held here."""
    sizes = {log: state.size for log, state in view.store.states().items()}
    return view.reviews.now(view.channel).now(view.own, sizes)


def address(view: View, log: int) -> str:
    """Where the device that keeps a log is reached: what its party's last `keys` message names, else its card; empty if it is not."""
    if log != view.own and log not in view.channel.called_logs:
        return ""
    if not view.store.governing():
        return view.channel.party(log).url
    sizes = {number: state.size for number, state in view.store.states().items()}
    named = view.reviews.now(view.channel).now(log, sizes).url
    return view.channel.party(log).url if named is None else named


def read(view: View, kind: str, json: Json) -> tuple[int, Body]:
    """A kind's number and the body of its JSON. Raises LocalError usage, json.malformed, field.unknown, body.schema, ref.missing."""
    number = KINDS.get(kind)
    if number is None:
        raise LocalError("usage", f"there is no kind {kind}; the kinds are {', '.join(KINDS)}")
    if number == _LINE_CHECK and isinstance(json, dict) and "receipts" in json:
        raise LocalError("body.schema", "line_check: receipts: none, they are written down by the node itself")
    exercise = view.channel.charter.exercise
    if isinstance(json, dict) and json.get("exercise") is not None:
        exercise = json["exercise"] is True
    return number, read_body(
        UNDERSTOOD[number],
        json,
        view.channel,
        exercise=exercise,
        provisions=_provisions(view, json),
        corrected=corrected(view, json) if number == _CORRECTION else None,
    )


def _provisions(view: View, json: Json) -> list[str]:
    """The provisions that the charter in force lists, if the message names any."""
    named = isinstance(json, dict) and json.get("provisions")
    return [provision for provision, _ in in_force(view).charter.provisions] if named else []


def releases_needed(force: InForce, kind: int, body: Body) -> int:
    """How many officers must release a message of ours."""
    return officers_needed(force, kind, body)
