"""A charter as JSON, and for people: everything it says."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

from ..record import fingerprint
from ..record.amendment import apply
from ..record.card import open_card
from ..record.kinds import kind_name
from ..record.officers import show_officer
from ..record.release import needed
from .screen import Screen

if TYPE_CHECKING:
    from ..record.charter import Charter, SignedCharter
    from ..record.message import Body

_CHANGES: Final = 18  # field of an amendment
_CLOCKS: Final = {
    "flash": "to answer what has the precedence flash",
    "immediate": "to answer what has the precedence immediate",
    "priority": "to answer what has the precedence priority",
    "reply": "to answer anything else that asks",
    "finding": "for a finding, where there is an inquiry",
    "discipline_report": "for a report of discipline, where a violation is admitted or found",
    "press": "before the notifying party tells the press",
    "watch": "without a person's watch check that are an alarm (counted from the last)",
    "line_check": "between line checks by machines (counted from the last)",
}
_UNITS: Final = ((86400, "d"), (3600, "h"), (60, "min"))


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


def duration(seconds: int) -> str:
    """Seconds in the largest unit that divides them: 900 is `15 min`."""
    for length, unit in _UNITS:
        if seconds and seconds % length == 0:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


def show_charter_json(screen: Screen, charter: dict[str, Any]) -> None:
    """Print what `charter_json` gives."""
    if charter["exercise"]:
        screen.line("EXERCISE: this channel is for exercises alone", style="bold reverse")
    screen.heading(charter["title"])
    screen.pairs(
        [
            ("name", charter["name"]),
            ("level", charter["level"]),
            ("channel", charter["id"]),
            ("fingerprint", charter["fingerprint"]),
            ("replaces", charter["replaces"] or "no other channel"),
            ("kinds", ", ".join(charter["kinds"])),
        ]
    )
    screen.gap()
    screen.heading("Parties")
    screen.table(
        ("party", "name", "role", "signed", "fingerprint", "url"),
        [(p["slug"], p["name"], p["role"], "yes" if p["signed"] else "NOT YET", p["fingerprint"], p["url"]) for p in charter["parties"]],
    )
    running = charter["quotas"]["running_clocks_per_party"]
    screen.heading(f"Clocks, counted from the first proof of receipt in the record; of each asking party {running} run at once")
    screen.pairs([(name, f"{duration(seconds)}  {_CLOCKS[name]}") for name, seconds in charter["clocks"].items()], indent=2)
    screen.heading("Officers" if charter["officers"] else "No officers: the parties' devices speak alone, and no message needs a release")
    screen.table(("party", "name", "role", "id"), [[one[word] for word in ("party", "name", "role", "id")] for one in charter["officers"]])
    if charter["officers"]:
        screen.heading("How many officers release a message")
        screen.pairs([(kind, str(count)) for kind, count in charter["releases"].items()], indent=2)
        screen.line("a reply under_inquiry, need_information or noted: at most 1", indent=2)
        for slug in sorted({party["slug"] for party in charter["parties"]} - {one["party"] for one in charter["officers"]}):
            screen.line(slug, " lists no officer: its device speaks alone until it names one.", indent=2)
    screen.heading("Quotas")
    screen.pairs([(name, str(value)) for name, value in charter["quotas"].items()], indent=2)
    screen.heading("Provisions" if charter["provisions"] else "No provisions")
    for provision in charter["provisions"]:
        screen.line(provision["id"], indent=2)
        screen.block(provision["text"], indent=4)
    screen.heading("Zones" if charter["zones"] else "No zones")
    for zone in charter["zones"]:
        screen.line(zone["id"], "  ", zone["name"], "  ", zone["kind"], f", {len(zone['outline'])} points", indent=2)
    witnesses = charter["witnesses"]
    screen.heading(f"Witnesses, of which {charter['quorum']} must cosign" if witnesses else "No witnesses")
    for witness in witnesses:
        screen.line(witness["name"], "  ", witness["vkey"], "  ", witness["url"], indent=2)
    screen.gap()
    screen.line(
        "Signed by all." if charter["complete"] else "NOT YET SIGNED by " + ", ".join(charter["unsigned"]),
        style="bold",
    )
