"""Bodies about the line itself: line_check, channel_status, acknowledgement, keys, amendment. spec/entry.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .. import limits
from .bodies import COMMON, LINE, NOTE, PROSE, RE, SHORT, Kind, in_order, one_of
from .fields import Code, Field, Flag, Many, Octets, Struct, Time, Uint, missing
from .message import Body
from .notation import Json, Wrong
from .officers import OfficerField
from .special import Cosigner, LogNumber
from .words import CHANNEL_STATUSES, KINDS

_OPENING_BYTES: Final = 16 * 1024
RECEIPTS_MOST: Final = 64  # cosignatures that one line check writes down
MISCONDUCT_MOST: Final = 8  # misconduct proofs that one line check carries
WITHHELD_MOST: Final = 64  # attestations of withholding in one line check

LINE_CHECK: Final[Mapping[str, Field]] = {
    "receipts": Field(
        16,
        Many(
            Struct(
                {
                    "log": Field(1, LogNumber(), required=True),
                    "size": Field(2, Uint(2**63 - 1), required=True),
                    "by": Field(3, Cosigner(), required=True),
                    "kind": Field(4, Uint(255), required=True),
                    "time": Field(5, Time(), required=True),
                    "signature": Field(6, Octets(0, hexadecimal=False), required=True),
                }
            ),
            RECEIPTS_MOST,
        ),
    ),
    "evidence_held": Field(17, Many(Octets(32), 500)),
    "misconduct": Field(18, Many(Octets(0, hexadecimal=False, most=limits.MISCONDUCT_BYTES), MISCONDUCT_MOST)),
    "withheld": Field(
        19,
        Many(
            Struct(
                {
                    "by": Field(1, LogNumber(), required=True),
                    "what": Field(2, Code(("receipt", "entries")), required=True),
                    "log": Field(3, LogNumber(), required=True),
                    "size": Field(4, Uint(2**63 - 1), required=True),
                    "since": Field(5, Time(), required=True),
                    "spoke": Field(6, Time(), required=True),
                }
            ),
            WITHHELD_MOST,
        ),
    ),
}

ACKNOWLEDGEMENT: Final[Mapping[str, Field]] = {
    "state": Field(16, Code(("read",))),
    "watch": Field(17, Flag()),
    "on_duty": Field(18, Many(SHORT, 20)),
    "nothing_to_report": Field(19, Flag()),
}

_CONTACT: Final = Struct({"role": Field(1, SHORT, required=True), "telephone": Field(2, SHORT), "note": Field(3, LINE)})
_SHIFT: Final = Struct(
    {"from": Field(1, Time(), required=True), "to": Field(2, Time(), required=True), "role": Field(3, SHORT, required=True)}
)
CHANNEL_STATUS: Final[Mapping[str, Field]] = {
    "status": Field(16, Code(CHANNEL_STATUSES), required=True),
    "from": Field(17, Time()),
    "until": Field(18, Time()),
    "reason": Field(19, NOTE),
    "duty_telephone": Field(20, SHORT),
    "contacts": Field(21, Many(_CONTACT, 50)),
    "roster": Field(22, Many(_SHIFT, 200)),
    "text": Field(23, PROSE),
}

KEYS: Final[Mapping[str, Field]] = {
    "opening": Field(16, Octets(0, hexadecimal=False, most=_OPENING_BYTES)),
    "officers": Field(17, Many(OfficerField(), 50)),
    "revoke": Field(18, Many(Octets(16), 50)),
    "url": Field(19, LINE),
    "reason": Field(20, NOTE),
    "duty_telephone": Field(21, SHORT),
}

AMENDMENT: Final[Mapping[str, Field]] = {
    "base": Field(16, Octets(32), required=True),
    "amendment": Field(17, Octets(32), required=True),
    "changes": Field(18, Octets(0, hexadecimal=False, most=limits.BODY_BYTES)),
    "text": Field(19, PROSE),
}


def _read_or_watch(body: Body) -> None:
    if (16 in body) == (17 in body):
        raise Wrong("state (read), with re, or watch (true), one of them")
    if 16 in body and RE not in body:
        raise missing("re", COMMON["re"])
    if body.get(17) is False:
        raise Wrong("watch: true")


def _read_is_meant(json: dict[str, Json]) -> dict[str, Json]:
    """An acknowledgement of a message that says nothing else says that it was read."""
    said = any(json.get(name) is not None for name in ACKNOWLEDGEMENT)
    return json if said or json.get("re") is None else {**json, "state": "read"}


def _shifts(body: Body) -> None:
    roster = body.get(22)
    for one in roster if isinstance(roster, list) else []:
        if isinstance(one, dict):
            in_order(1, 2, "roster: a shift that does not end before it begins")(one)


LINE_KINDS: Final = (
    Kind("line_check", KINDS["line_check"], LINE_CHECK),
    Kind(
        "channel_status",
        KINDS["channel_status"],
        CHANNEL_STATUS,
        (in_order(17, 18, "until: a time not before from"), _shifts),
    ),
    Kind("acknowledgement", KINDS["acknowledgement"], ACKNOWLEDGEMENT, (_read_or_watch,), meant=_read_is_meant),
    Kind(
        "keys",
        KINDS["keys"],
        KEYS,
        (one_of(16, 17, 18, 19, 21, said="one of opening, officers, revoke, url, duty_telephone"),),
    ),
    Kind("amendment", KINDS["amendment"], AMENDMENT),
)
