"""A charter as JSON, and for people: everything it says."""

from __future__ import annotations

from typing import Any, Final

from .screen import Screen

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
