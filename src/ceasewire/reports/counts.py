"""Counts of what was alleged: by party and type, sector, direction; casualties with their ranges. docs/bulletin.md."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from ..record.notation import Json
from ..record.words import VIOLATIONS
from .facts import Alleged, Facts, Message

_HARMS: Final = ("killed", "wounded", "missing", "detained")
_ORDER: Final = {name: number for number, name in enumerate(VIOLATIONS)}


def notified(facts: Facts, found: Alleged, text: Mapping[str, str]) -> list[dict[str, Json]]:
    """Of each party: how many it notified, against the period before, and how many of them it withdrew by the end."""
    now, before = Counter(one.by for one in found.now), Counter(one.by for one in found.before)
    gone = Counter(one.by for one in found.now if one.ref in facts.withdrawn)
    rows: list[dict[str, Json]] = []
    for slug, party in facts.channel.parties.items():
        if party["role"] == "observer" and not now[slug] and not before[slug]:
            continue
        change = now[slug] - before[slug]
        sentence = text["notified"] if now[slug] else text["nil_of"]
        says = sentence.format(party=party["name"], count=now[slug], change=signed(change))
        rows.append({"by": slug, "count": now[slug], "before": before[slug], "change": change, "withdrawn": gone[slug], "says": says})
    return rows


def signed(change: int) -> str:
    """`+4`, `-4`, `0`."""
    return f"{change:+d}" if change else "0"


def by_type(found: Alleged) -> list[dict[str, Json]]:
    """Of each party and type of violation."""
    rows = _counted(found, "type", lambda one: one.body.get("types") or [])
    rows.sort(key=lambda row: (row["by"], _ORDER.get(row["type"], len(_ORDER)), row["type"]))
    return [{**row, "name": VIOLATIONS.get(row["type"], "")} for row in rows]


def by_sector(found: Alleged, zones: Mapping[str, str]) -> list[dict[str, Json]]:
    """Of each party and sector; `basis` says whether that is a zone of the charter, a kind of zone, or the end of the place's name."""
    rows = _counted(found, "sector", lambda one: ["\n".join(sector(one.body))])
    named = []
    for row in rows:
        basis, _, name = row["sector"].partition("\n")
        named.append({**row, "sector": name or None, "basis": basis, "name": zones.get(name, "") if basis == "zone_id" else ""})
    return named


def sector(body: Mapping[str, Any]) -> tuple[str, str]:
    """What a notification says of its sector, and what: its zone's id, else the kind of its zone, else what stands behind the last comma
    of its place."""
    if body.get("zone_id"):
        return "zone_id", str(body["zone_id"])
    if body.get("zone") not in (None, "none"):
        return "zone", str(body["zone"])
    _, comma, last = str(body.get("place") or "").rpartition(",")
    return ("place", last.strip()) if comma and last.strip() else ("not_stated", "")


def by_direction(found: Alleged) -> list[dict[str, Json]]:
    """Of each party and direction of fire; None where none is stated."""
    rows = _counted(found, "direction", lambda one: [one.body.get("direction") or ""])
    return [{**row, "direction": row["direction"] or None} for row in rows]


def _counted(found: Alleged, name: str, keys: Callable[[Message], Iterable[str]]) -> list[dict[str, Any]]:
    now = Counter((one.by, key) for one in found.standing for key in dict.fromkeys(keys(one)))
    before = Counter((one.by, key) for one in found.standing_before for key in dict.fromkeys(keys(one)))
    return [
        {"by": by, name: key, "count": now[by, key], "before": before[by, key], "change": now[by, key] - before[by, key]}
        for by, key in sorted(now.keys() | before.keys())
    ]


def casualties(found: Alleged) -> list[dict[str, Json]]:
    """Of each alleging party, group and harm: the sums of low, best and high, over how many notifications, and apart from them each
    estimate that contradicts itself."""
    sums: dict[tuple[str, str, str], list[list[int]]] = {}
    wrong: dict[tuple[str, str, str], list[dict[str, Json]]] = {}
    for one in found.standing:
        for group, harms in (one.body.get("casualties") or {}).items():
            for harm, estimate in harms.items():
                low, best, high = estimate
                if low <= best <= high:
                    sums.setdefault((one.by, group, harm), []).append(estimate)
                else:
                    wrong.setdefault((one.by, group, harm), []).append({"ref": one.ref, "figures": estimate})
    rows: list[dict[str, Json]] = []
    for key in sorted(sums.keys() | wrong.keys(), key=lambda key: (key[0], key[1], _HARMS.index(key[2]))):
        by, group, harm = key
        figures = sums.get(key, [])
        low, best, high = (sum(one[place] for one in figures) for place in range(3))
        row = {"by": by, "group": group, "harm": harm, "low": low, "best": best, "high": high, "notifications": len(figures)}
        rows.append({**row, "contradicting": wrong.get(key, [])})
    return rows
