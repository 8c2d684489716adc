"""Codes in words: what a page calls each kind, type, stance, state. The English text is also the key of its translations (tongue.py).

A code that is not here is shown as itself with its underlines as spaces, so that nothing is hidden because it is new.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ..record.words import VIOLATIONS
from .terms import CODES, FIELDS


def _(text: str) -> str:
    """Marks a text for the catalogues."""
    return text


_OF: Final[Mapping[str, Mapping[str, str]]] = {
    "kind": {
        "notification": _("Notification"),
        "statement": _("Statement"),
        "request": _("Request"),
        "reply": _("Reply"),
        "notice": _("Notice"),
        "finding": _("Finding"),
        "flash": _("Flash"),
        "evidence": _("Evidence"),
        "correction": _("Correction"),
        "withdrawal": _("Withdrawal"),
        "line_check": _("Line check"),
        "channel_status": _("Channel status"),
        "acknowledgement": _("Acknowledgement"),
        "keys": _("Keys"),
        "amendment": _("Amendment"),
        "closing": _("Closing"),
    },
    "role": {
        "reader": _("Reader"),
        "drafter": _("Drafter"),
        "releaser": _("Releaser"),
        "administrator": _("Administrator"),
    },
    "party_role": {"party": _("party"), "guarantor": _("guarantor"), "observer": _("observer")},
    "flag": {"yes": _("yes"), "no": _("no")},
    "calendar": {"gregorian": _("Gregorian"), "solar_hijri": _("Solar Hijri")},
    "theme": {"auto": _("As the device has it"), "light": _("Light"), "dark": _("Dark")},
    "how": {"link": _("By a link"), "password": _("By password and code"), "passkey": _("By a passkey")},
    "place": {
        "loopback": _("on this machine"),
        "private": _("from a network nearby"),
        "public": _("from the internet"),
        "unknown": _("from where is not known"),
    },
    "audit": {
        "signed_in": _("Signed in"),
        "signed_out": _("Signed out"),
        "sign_in_refused": _("Was not let in"),
        "confirmed": _("Confirmed who they are"),
        "confirm_refused": _("Could not confirm who they are"),
        "invited": _("Invited somebody"),
        "joined": _("Came by an invitation"),
        "link_made": _("Made a sign-in link"),
        "links_ended": _("Ended all unused links"),
        "role_set": _("Gave a role"),
        "disabled": _("Disabled somebody"),
        "enabled": _("Let somebody in again"),
        "session_ended": _("Ended a session"),
        "passkey_added": _("Added a passkey"),
        "passkey_removed": _("Removed a passkey"),
        "password_set": _("Set a password"),
        "name_set": _("Gave a name of our own"),
        "duty_set": _("Wrote the roster"),
        "duty_removed": _("Took a duty off the roster"),
        "shift_started": _("Began a shift"),
        "shift_ended": _("Ended a shift"),
        "draft_made": _("Wrote a draft"),
        "draft_changed": _("Changed a draft"),
        "draft_released": _("Released a draft"),
        "draft_discarded": _("Discarded a draft"),
        "message_sent": _("Sent a message"),
        "message_read": _("Told them that a person has read a message"),
        "flash_read": _("Told them that a person has read a flash"),
        "watch_told": _("Told them that a person watches"),
        "proof_taken": _("Downloaded a proof"),
    },
    **CODES,
    "zone_kind": CODES["zone"],
    "clock": {**CODES["clock"], "watch": _("Watch by a person"), "line_check": _("Line check by the machine")},
    "field": {
        **FIELDS,
        # Of what a guarantor's machine says was withheld
        "as": _("As"),
        "by": _("By"),
        "what": _("What"),
        "log": _("Log"),
        "since": _("Since"),
        "spoke": _("Spoke last"),
        # Of an opening
        "kind": _("Kind"),
        "ref": _("Message"),
        "time": _("Time"),
        "signature": _("Signature"),
    },
}
_LISTS: Final[Mapping[str, Mapping[str, str]]] = {
    "of": _OF["kind"],
    "violation": {code: words[0].upper() + words[1:] for code, words in VIOLATIONS.items()},
}


def lists() -> dict[str, dict[str, str]]:
    """Every list of codes by its name, with the English words of each code."""
    return {name: {**_LISTS.get(name, {}), **_OF.get(name, {})} for name in (*_OF, *_LISTS)}


def label(code: str, of: str = "") -> str:
    """The English words of a code."""
    for known in (_OF.get(of, {}), _LISTS.get(of, {})):
        if code in known:
            return known[code]
    plain = code.replace("_", " ")
    return plain[:1].upper() + plain[1:]
