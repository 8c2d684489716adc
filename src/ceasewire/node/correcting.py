"""What a correction corrects, found in the store before the correction is written."""

from __future__ import annotations

from ..errors import LocalError
from ..record.corrections import Corrected, in_force
from ..record.kinds import KINDS, references
from ..record.message import message_of
from ..record.notation import Json, Wrong, parse_ref
from ..record.order import in_order
from .view import View


def corrected(view: View, json: Json) -> Corrected | None:
    """The message that a correction's JSON refers to, as earlier corrections left it; None where the JSON names no one message, which
    `read_body` then says. Raises LocalError body.schema, ref.missing."""
    named = json.get("re") if isinstance(json, dict) else None
    if isinstance(named, list) and len(named) == 1:
        named = named[0]
    if named is None or isinstance(named, list):
        return None
    try:
        ref = parse_ref(named, view.channel)
    except Wrong as wrong:
        raise LocalError("body.schema", f"correction: re: {wrong}") from None
    one = view.row(ref)
    party = view.channel.party_of(ref[0])
    code = view.reviews.codes(view.channel)
    own = (row for row in view.store.scan(kinds={KINDS["correction"]}) if view.channel.party_of(row.log) == party)
    earlier = (row for row in own if code(row) is None)
    bodies = (message_of(row).body for row in in_order(earlier))
    return Corrected(one.kind, in_force(one.kind, message_of(one).body, (body for body in bodies if references(body)[:1] == [ref])))
