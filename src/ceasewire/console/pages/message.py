"""One message whole: what it says and what became of it; its proof."""

from __future__ import annotations

import asyncio
import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import RedirectResponse, Response

from ...errors import LocalError
from ...node import proofs, unbegun, whole
from ...node.owed import answers_to
from ...node.view import Ref, View
from ...record.fields import Json
from .. import acts, wording
from ..call import Call
from ..frame import shown
from ..saying import acknowledge
from ..table import Route
from ..wording import NONE, Value

_UNSEEN: Final = frozenset({"Cc", "Cf", "Co", "Cn", "Zl", "Zp"})
_NOT_READ: Final = frozenset({"line_check", "acknowledgement"})  # what nobody tells that a person has read


def reference(call: Call, view: View) -> Ref:
    """The message that the path names. Raises LocalError console.missing."""
    try:
        ref = view.ref(f"{call.path['log']}/{call.path['index']}")
        view.row(ref)
    except LocalError as error:
        if error.code in ("ref.malformed", "ref.missing"):
            raise LocalError("console.missing") from None
        raise
    return ref


async def message(call: Call) -> Response:
    """What it says in words, how far it has got, what was said of it since."""
    view = call.desk.node.reading
    found, waits, may = await call.desk.read(_read, call, view)
    owed = await call.desk.read(answers_to, view, call.now, [view.ref(found["ref"])]) if found["kind"] == "flash" else {}
    own = view.channel.party(view.own).slug
    fields = wording.lines(found["kind"], found["body"])
    return await shown(
        call,
        "message.html",
        "sent" if found["by"] == own else "inbox",
        m=found,
        own=own,
        fields=changed_lines(found["kind"], found["body"], found["in_force"]),
        names_fields=[line.name for line in fields],
        parties=_heard(call, found),
        cards=[_card(one) for one in found["names"]],
        after=[_card(one) for one in found["named_by"] if one["kind"] != "line_check"],
        stance=wording.stance_parts(found["body"]["stance"], found["stance"]) if found["stance"] else [],
        cares=wording.cares(found["body"]),
        unbegun=waits,
        owed=[one.json(view, call.now) for one in owed.values()],
        acts=acts.of_message(call, found, may),
        may_read=_may_read(call, found, own),
        exact=exact({name: found[name] for name in ("ref", "kind", "time", "body", "void")}),
        charter=charter_name(call),
    )


def _read(call: Call, view: View) -> tuple[dict[str, Json], dict[str, dict[str, Json]], frozenset[str]]:
    """The message, how it and its cases count if their clocks have not begun, and which kinds our party may send."""
    ref = reference(call, view)
    found = whole.message(view, ref)
    return found, unbegun.waiting(view, [ref, *(view.ref(case["ref"]) for case in found["cases"])]), acts.allowed(view)


@dataclass(frozen=True, slots=True)
class Changed:
    """A field as it is in force; `was` what stood there, `how` it changed: corrected, added, removed, or "" for not at all."""

    name: str
    value: Value
    was: Value = NONE
    how: str = ""


def changed_lines(kind: str, sent: Mapping[str, Json], now: Mapping[str, Json]) -> list[Changed]:
    """The fields of a message as they are in force, each with what it said when it was sent."""
    made = []
    for line in wording.lines(kind, {**sent, **now}):
        was, value = sent.get(line.name), now.get(line.name)
        if was == value:
            made.append(Changed(line.name, line.value))
        else:
            how = "added" if was is None else "removed" if value is None else "corrected"
            made.append(Changed(line.name, wording.field(kind, line.name, now), wording.field(kind, line.name, sent), how))
    return made


def _card(row: Mapping[str, Json]) -> dict[str, Any]:
    return {**row, "headline": wording.headline(row["kind"], row["body"])}


def _heard(call: Call, found: Mapping[str, Json]) -> list[dict[str, Any]]:
    """Each other party: its machine, its people, its answer. Three things."""
    first = {name: {one["by"]: one for one in found[name]} for name in ("receipts", "read_by", "answered_by")}
    slugs = [card.slug for card in call.desk.node.channel.charter.parties if card.slug != found["by"]]
    return [{"by": slug, **{name: by.get(slug) for name, by in first.items()}} for slug in slugs]


def _may_read(call: Call, found: Mapping[str, Json], own: str) -> bool:
    """Whether this person may tell its sender that a person has read it, and nobody of ours has."""
    told = found["by"] == own or found["void"] or found["kind"] in _NOT_READ or any(one["by"] == own for one in found["read_by"])
    return not told and call.who.may("drafter")


def exact(found: Json) -> str:
    """JSON for people to compare: as it is, but what nobody can see is escaped."""
    text = json.dumps(found, ensure_ascii=False, indent=2)
    return "".join(one if one == "\n" or unicodedata.category(one) not in _UNSEEN else json.dumps(one)[1:-1] for one in text)


async def read(call: Call) -> Response:
    """Tell its sender that a person has read it, once."""
    view = call.desk.node.reading
    found = await call.desk.read(lambda: whole.message(view, reference(call, view)))
    own = view.channel.party(view.own).slug
    if _may_read(call, found, own):
        await acknowledge(call, {"re": found["ref"], "state": "read"}, "message_read", found["ref"])
    return RedirectResponse(f"{call.base}/message/{found['ref']}?said=They+are+told+that+a+person+has+read+it.", 303)


async def proof(call: Call) -> Response:
    """The message's proof as a file; with `reveal`, of those fields alone."""
    view = call.desk.node.reading
    reveal = [name for name in call.query.get("reveal", []) if name] or None

    def made() -> tuple[str, bytes]:
        ref = reference(call, view)
        return view.name(*ref), proofs.prove(view, ref, reveal)

    name, data = await call.desk.read(made)
    await asyncio.to_thread(call.accounts.note, call.who.account, "proof_taken", name, call.now)
    headers = {"Content-Disposition": f'attachment; filename="{name.replace("/", "-")}.tlog-proof"', "X-Content-Type-Options": "nosniff"}
    return Response(data, media_type="application/octet-stream", headers=headers)


async def charter(call: Call) -> Response:
    """The charter as all signed it: whoever checks a proof needs it."""
    name = charter_name(call)
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"}
    return Response(await call.desk.charter(), media_type="application/octet-stream", headers=headers)


def charter_name(call: Call) -> str:
    """The name that its file gets: `exercise-demo.charter`. A charter's name holds letters, digits, dots, hyphens and slashes alone."""
    return f"{call.desk.node.channel.charter.name.replace('/', '-')}.charter"


ROUTES: Final = (
    Route("charter", "GET", "/charter", "reader", charter),
    Route("message", "GET", "/message/{log}/{index}", "reader", message),
    Route("message_read", "POST", "/message/{log}/{index}/read", "drafter", read),
    Route("message_proof", "GET", "/message/{log}/{index}/proof", "reader", proof),
)
