"""Which message one of our own may not refer to, said to whoever wrote it."""

from __future__ import annotations

from ..record import encoding
from ..record.bodies import LINKED, RE
from ..record.kinds import KINDS, kind_name, references
from ..record.log import refer_back, refers_rightly
from ..record.message import Body
from ..record.values import Row
from ..record.words import LINKS
from .view import View

_REPLY = KINDS["reply"]


def why_refused(view: View, code: str, one: Row, body: Body) -> str:
    """What of a checked message of ours broke the rule of that code; "" where the code is about something else."""
    if code == "ref.unknown":
        return _unknown(view, one, body)
    return _wrong_party(view, one, body) if code == "ref.party" else ""


def _unknown(view: View, one: Row, body: Body) -> str:
    seen = encoding.sizes(encoding.decode(one.seen))
    log, index = next(ref for ref in references(body) if not refer_back([ref], {one.log}, one.index, seen))
    return f"There is no such message here: {view.name(log, index)}" + ("" if log == one.log else "; sync first")


def _wrong_party(view: View, one: Row, body: Body) -> str:
    party = view.channel.party_of(one.log)
    for ref in references({RE: body[RE]}) if RE in body else []:
        if not refers_rightly(party, one.kind, {RE: list(ref)}):
            if one.kind == _REPLY:
                return f"A reply is to another party's message, and {view.name(*ref)} is this party's own"
            return f"A {kind_name(one.kind)} is of its own party's message, and {view.name(*ref)} is another party's"
    links = body.get(LINKED)
    for link in links if isinstance(links, list) else []:
        if isinstance(link, dict) and isinstance(link[1], int) and not refers_rightly(party, one.kind, {LINKED: [link]}):
            (ref,) = references({LINKED: [link]})
            return f"links: {LINKS[link[1] - 1]} is for its own party's message, and {view.name(*ref)} is another party's"
    return ""
