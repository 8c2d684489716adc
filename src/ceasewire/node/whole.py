"""One message whole, and one case with all that was said in it: what the console's pages show. Read with nobody's clock.

Received (a machine), read (a person) and answered (a party) are told apart, as in `inbox`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Final

from ..errors import LocalError
from ..record.fields import Json, show_time
from ..record.message import message_of
from ..record.saying import named_by, stance_in_words
from ..store.derived_interface import DerivedTables, Item
from .caselist import summary
from .derived import TIMED
from .inbox import heard, rows_of
from .view import Ref, View

NEAR_MOST: Final = 60  # messages that a message names, or that name it, which are shown with it
_CASES_MOST: Final = 20


def message(view: View, ref: Ref) -> dict[str, Json]:
    """What `view.show` says of a message, and: `by` its party, `log`, `in_force` its body as corrected since, `since` (view.since),
    `read_by` and `answered_by` of others, `officers` (of each release: `id`, `name`, `role`; null where the record names none), `clock`
    (of what asks: `due`, `ended`, `start`, `behind`), `stance` in words, `names` and `named_by`: rows as `inbox` lists them, and `cases`
    it belongs to. Raises LocalError ref.missing."""
    found = view.show(ref)
    own = view.channel.party_of(ref[0])
    since = view.since(ref)
    near = view.near(found) if found["kind"] == "reply" else {}  # by what it answers, a stance means one thing or another

    def around(tables: DerivedTables) -> tuple[list[Item], list[Item], list[Json], Json]:
        naming = list(islice(tables.naming(ref), NEAR_MOST))
        named = [item for one in _named(view, found["body"])[:NEAR_MOST] if (item := tables.item(one))]
        record, belongs = view.projection.record(tables), tables.belonging(ref)
        keys = [item for key in (belongs[0][:_CASES_MOST] if belongs else ()) if (item := tables.item(key))]
        return naming, named, [json.loads(summary(record, tables, item)) for item in keys], _clock(view, tables, ref)

    naming, named, cases, clock = view.projection.ask(around, TIMED)
    return {
        **found,
        "by": view.channel.slug(own),
        "log": ref[0],
        "in_force": in_force(found["body"], since),
        "since": since,
        **heard(view, found["ref"], own),
        "officers": officers(view, ref, found["body"]),
        "clock": clock,
        "stance": stance_in_words(found, near.get),
        "names": rows_of(view, named),
        "named_by": rows_of(view, naming),
        "cases": cases,
    }


def _named(view: View, body: Mapping[str, Json]) -> list[Ref]:
    refs = [*named_by(body), *(link["ref"] for link in body.get("links") or ())]
    return [found for ref in dict.fromkeys(refs) if (found := _ref(view, ref)) is not None]


def _ref(view: View, name: str) -> Ref | None:
    """A reference that can be read here; a message may name a log that this node does not know."""
    try:
        return view.ref(name)
    except LocalError:
        return None


def _clock(view: View, tables: DerivedTables, ref: Ref) -> Json:
    kept = tables.clock(ref)
    if kept is None:
        return None
    _, one = kept
    times = {"start": one.start, "due": one.due, "ended": one.ended}
    said = {name: None if time is None else show_time(time) for name, time in times.items()}
    return {**said, "behind": view.name(*one.behind) if one.behind else None}


def in_force(body: Mapping[str, Json], since: Iterable[Mapping[str, Json]]) -> dict[str, Json]:
    """A body with what its corrections put there; `since` as `view.since` gives it."""
    found = dict(body)
    for one in since:
        for name, each in (one.get("fields") or {}).items():
            if each["now"] is None:
                found.pop(name, None)
            else:
                found[name] = each["now"]
    return found


def officers(view: View, ref: Ref, body: Mapping[str, Json]) -> list[dict[str, Json]]:
    """Who released a message: of each its key's id, and the name and role that the record gave it there."""
    releases = body.get("releases") or []
    if not releases:
        return []
    row = view.row(ref)
    known = view.reviews.now(view.channel).at(row.log, row.index, message_of(row).seen).officers
    named = {one.id.hex(): one.name for one in known.values()}
    return [
        {
            "id": one.get("officer") or one.get("recovery_key"),
            "name": named.get(one.get("officer")),
            "role": one.get("role"),
            "recovery": "recovery_key" in one,
            "not_after": one["not_after"],
        }
        for one in releases
    ]


def case(view: View, ref: Ref) -> dict[str, Json]:
    """What `view.case` says, and `bodies`: each of its messages' JSON by reference, of what lies near them too. Raises LocalError
    ref.missing."""
    found = view.case(ref)
    refs = [view.ref(one["ref"]) for one in found["messages"]]
    bodies = {one["ref"]: one for one in map(view.message, view.store.at(refs))}
    for one in found["messages"]:
        if one["ref"] in bodies:  # as the record judges it, which may be later than it was taken
            bodies[one["ref"]]["void"] = one["void"]
    others = {ref for one in bodies.values() for ref in named_by(one["body"])} - bodies.keys()
    places = [place for name in sorted(others) if (place := _ref(view, name)) is not None]
    bodies |= {one["ref"]: one for one in map(view.message, view.store.at(places[:NEAR_MOST]))}
    return {**found, "bodies": bodies, "read_by": _readers(found["messages"], bodies)}


def _readers(messages: Iterable[Mapping[str, Json]], bodies: Mapping[str, Mapping[str, Json]]) -> dict[str, list[str]]:
    """Of each message of a case which parties say that a person read it."""
    found: dict[str, list[str]] = {}
    for one in messages:
        if one["kind"] == "acknowledgement" and not one["void"]:
            for ref in named_by(bodies[one["ref"]]["body"]) if one["ref"] in bodies else ():
                if one["by"] not in found.setdefault(ref, []):
                    found[ref].append(one["by"])
    return found
