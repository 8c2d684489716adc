"""A charter as JSON: all that it says, and who has signed it. What `charter show` and a page that is to be signed both show."""

from __future__ import annotations

import hashlib
from typing import Any, Final

from . import fingerprint
from .amendment import apply
from .card import open_card
from .charter import Charter, SignedCharter
from .kinds import kind_name
from .message import Body
from .officers import show_officer
from .release import needed

_CHANGES: Final = 18  # field of an amendment


def charter_json(signed: SignedCharter) -> dict[str, Any]:
    """All of a charter. Clocks in seconds; outlines in degrees; a party's fingerprint is its card's, as `ceasewire card` prints it."""
    charter, unsigned = signed.charter, signed.unsigned
    opened = [open_card(card) for card in charter.cards]
    return {
        "name": charter.name,
        "title": charter.title,
        "level": charter.level,
        "exercise": charter.exercise,
        "id": signed.channel_id.hex(),
        "fingerprint": fingerprint.words(signed.channel_id),
        "parties": [
            {
                "slug": card.slug,
                "name": card.name,
                "role": card.role,
                "url": card.url,
                "fingerprint": fingerprint.words(hashlib.sha256(raw).digest()),
                "signed": card.slug not in unsigned,
            }
            for card, raw in opened
        ],
        **terms(charter),
        "witnesses": [{"name": one.name, "vkey": one.vkey, "url": one.url} for one in charter.witnesses],
        "quorum": charter.quorum,
        "replaces": charter.replaces.hex() or None,
        "signed": [card.slug for card, _ in opened if card.slug not in unsigned],
        "unsigned": unsigned,
        "complete": not unsigned,
    }


def terms(charter: Charter) -> dict[str, Any]:
    """What an amendment may change of a charter. `releases`: officers needed by kind, the defaults among them, where there are officers."""
    slugs = [party.slug for party in charter.parties]
    return {
        "provisions": [{"id": number, "text": text} for number, text in charter.provisions],
        "kinds": [kind_name(kind) for kind in charter.kinds],
        "clocks": dict(charter.clocks),
        "quotas": dict(charter.quotas),
        "zones": [
            {"id": zone.zone_id, "name": zone.name, "kind": zone.kind, "outline": [[a / 100_000, b / 100_000] for a, b in zone.outline]}
            for zone in charter.zones
        ],
        "officers": [{"party": slugs[one.party], **show_officer(one)} for one in charter.officers],
        "releases": {kind_name(kind): needed(charter.releases, kind, None) for kind in charter.kinds} if charter.officers else {},
    }


def changed_terms(charter: Charter, body: Body) -> dict[str, Any]:
    """What an amendment's body changes of the charter, as `terms` says it; of clocks, quotas and releases those alone that change."""
    changes = body.get(_CHANGES)
    if not isinstance(changes, bytes):
        return {}
    before, after = terms(charter), terms(apply(charter, changes))
    changed = {name: value for name, value in after.items() if value != before[name]}
    for name in ("clocks", "quotas", "releases"):
        if name in changed:
            changed[name] = {word: value for word, value in changed[name].items() if before[name].get(word) != value}
    return changed
