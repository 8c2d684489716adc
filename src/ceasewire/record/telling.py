"""A case and a whole record in an officer's words: who told whom what when, who held it, read it, answered it, and what is still due.

Made of the JSON that every node computes alike, so that both sides tell the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from .notation import Json
from .saying import RECEIVED, change, coded, estimate, in_words, party_of, refs_of, source, stance_in_words, violation
from .text import visible
from .words import KINDS, PURPOSES

_LONG: Final = 40  # characters of an item of a list that gets a line of its own
_CLOCKS: Final = {
    "reply": "an answer",
    "flash": "an answer to a flash",
    "immediate": "an answer, immediate",
    "priority": "an answer, with priority",
    "finding": "a finding",
    "discipline_report": "a report of discipline",
    "press": "until either may tell the press",
}


def clock(one: Mapping[str, Json], now: str | None = None) -> str:
    """One clock of a case in a sentence. `now`, a time as JSON shows it, tells whether one that waited has begun and whether it is overdue;
    the record has no clock of its own."""
    owed = " and ".join(one.get("owed_by") or ())
    what = f"{_CLOCKS.get(one['clock'], coded(one['clock']))} to {one['ref']}" + (f", owed by {owed}" if owed else "")
    ended = one.get("ended")
    if ended:
        end = f"; {coded(ended['by'])} at {ended['time']}" + (f" by {ended['ref']}" if ended.get("ref") else "")
    else:
        overdue = now is not None and bool(one.get("due")) and now > str(one["due"])
        end = "" if one["clock"] == "press" else "; OVERDUE" if overdue else "; open"
    return f"{what}: {_running(one, end, now)}" + "".join(map(_new_date, one.get("new_dates") or ()))


def _running(one: Mapping[str, Json], end: str, now: str | None) -> str:
    """How it runs, or what it waits behind."""
    behind, start, ended = one.get("queued_behind"), one.get("start"), one.get("ended")
    if one.get("due") is None:
        if ended:
            return f"{end[2:]}, before it began to run"
        return f"waits behind {behind}" if behind else "has not begun; open"
    if behind and not ended and (now is None or str(start) > now):
        return f"waits behind {behind}; it runs from {start} at the latest, to {one['due']}"
    suspended = "; due within a suspension" if one.get("fell_due_during_suspension") and one["clock"] != "press" else ""
    return f"from {start} to {one['due']}{end}{suspended}"


def _new_date(one: Mapping[str, Json]) -> str:
    asked = f", asked for in {one['asked_in']}" if one.get("asked_in") else ""
    by = f" by {party_of(one['accepted_in'])} in {one['accepted_in']}" if one.get("accepted_in") else ""
    return f"; new date {one['date']}{asked}, accepted{by} at {one['accepted']}"


def case_in_words(found: Mapping[str, Json], now: str | None = None) -> dict[str, Json]:
    """A case for people: what is alleged, as it is in force, then how it stands; its messages are left to whoever lists them. `now` as
    `clock` takes it."""
    said: dict[str, Json] = {"state": state(found), "told by": found.get("by")}
    for name in ("withdrawn", "marks"):
        if found.get(name):
            said[name] = _CASE[name](found[name])
    alleged = in_words("notification", found["notification"]) if found.get("notification") else {}
    alleged.pop("historical", None)  # which the case says itself
    said |= alleged
    dead = is_dead(found)
    for name, say in _CASE.items():
        if found.get(name) not in (None, [], {}) and (coded(name) not in alleged or name == "evidence"):
            said[coded(name)] = say(found[name])
    if found.get("clocks"):
        said["clocks"] = [clock(one, now) for one in found["clocks"] if one["clock"] != "press" or not dead]
    if dead and isinstance(said.get("publication"), dict):
        said["publication"].pop("press from", None)
        said = {name: value for name, value in said.items() if name != "publication" or value}
    left = {name for name in found.keys() - _CASE.keys() - _PASSED - {"state", "by"} if coded(name) not in alleged}
    return said | {coded(name): _there(found[name]) for name in found if name in left and found[name] not in (None, [], {}, False)}


def state(found: Mapping[str, Json]) -> str:
    """A case's state; of one that merged, into which."""
    return f"merged into {found['merged_into']}" if found.get("merged_into") else coded(found.get("state"))


def is_dead(found: Mapping[str, Json]) -> bool:
    """Whether nothing more is told of a case under its own name: it was withdrawn, or merged into another."""
    return bool(found.get("state") == "withdrawn" or found.get("merged_into"))


def reply_due(found: Mapping[str, Json]) -> str | None:
    """When the reply is due, while it is awaited."""
    over = is_dead(found) or found.get("state") == "closed" or found.get("answered")
    return None if over else found.get("respond_by")


def _there(value: Json) -> Json:
    """What is there of a value: nothing is said of fields that are empty."""
    if isinstance(value, list):
        return [_there(item) for item in value]
    return {name: _there(one) for name, one in value.items() if one not in (None, [], {})} if isinstance(value, dict) else value


def _stances(value: Json) -> Json:
    return {party: f"{coded(one['stance'])} ({one['ref']}, {one['time']})" for party, one in value.items()}


def _facts(value: Json) -> Json:
    return {coded(name): ", ".join(f"{view} by {party}" for party, view in views.items()) for name, views in value.items()}


def _received(value: Json) -> Json:
    return f"{RECEIVED} {value['by']} at {value['time']}, as {value['proof']} shows"


def _findings(value: Json) -> Json:
    return [_finding(one) for one in value]


def _finding(one: Mapping[str, Json]) -> str:
    """A finding with whom it names, its narrative's first line, and who differs."""
    to = f" to {' and '.join(one['attributed_to'])}" if one.get("attributed_to") else ""
    said = f"{coded(one['finding'])}, {coded(one.get('attribution') or 'not attributed')}{to}, confidence "
    said += f"{one.get('confidence') or 'not said'} ({one['ref']} by {one['by']})" + (", WITHDRAWN" if one.get("withdrawn") else "")
    first = visible(str(one.get("narrative") or "").split("\n")[0])
    disputed = "; ".join(f"disputed by {each['party']}: {', '.join(map(coded, each['fields']))}" for each in one.get("disputed") or ())
    agreed = f"agreed: {', '.join(map(coded, one['agreed']))}" if one.get("agreed") else ""
    refused = f"access refused by {' and '.join(one['access_refused_by'])}" if one.get("access_refused_by") else ""
    dissent = f"dissent: {visible(str(one['dissent']))}" if one.get("dissent") else ""
    comments = "; ".join(f"comment of {each['party']}: {visible(str(each['text']))}" for each in one.get("comments") or ())
    return ". ".join([said, *(part for part in (first.rstrip("."), agreed, disputed, refused, dissent, comments) if part)])


def _remedies(value: Json) -> Json:
    return [f"{visible(str(one['remedy']))} ({one['ref']} by {one['by']}), due {one.get('due') or 'when not said'}" for one in value]


def _corrections(value: Json) -> Json:
    """Each correction with what it changed in the message as the one before had left it. One that was withdrawn changes nothing."""
    said: list[Json] = []
    stands: dict[tuple[str, str], Json] = {}
    for one in value:
        changed = []
        for name, each in one["fields"].items():
            was = stands.get((one["corrects"], name), each["was"])
            if one.get("withdrawn"):
                continue
            if was != each["now"]:
                changed.append(change(name, was, each["now"]))
            stands[one["corrects"], name] = each["now"]
        gone = f"WITHDRAWN by {one['withdrawn']}" if one.get("withdrawn") else "; ".join(changed) or "nothing that was not so already"
        said.append(f"{one['ref']} by {one['by']} corrects {one['corrects']}: {gone}. Reason: {visible(str(one['reason']))}")
    return said


def _requests(value: Json) -> Json:
    return [
        f"{one['ref']} by {one['by']}, question {asked['number']}: {visible(str(asked['question']))} "
        + (f"answered by {', '.join(asked['answers'])}" if asked["answers"] else "not answered")
        for one in value
        for asked in one["questions"]
    ]


def _inquiries(value: Json) -> Json:
    return [
        f"{one['state']} ({one['ref']} by {one['by']}), from {one['window_from']} to {one['window_to']}"
        + (f", {visible(str(one['area']))}" if one.get("area") else "")
        for one in value
    ]


def _notices(value: Json) -> Json:
    return [f"{one['question']} ({one['ref']} by {one['by']}, {coded(one['activity'])})" for one in value]


def _consents(value: Json) -> Json:
    consents = {party: coded(one["publish"]) for party, one in (value.get("consents") or {}).items()}
    told = {name: value.get(name) for name in ("press_intention", "press_time", "press_from", "embargo")}
    return {coded(name): coded(one) if name == "press_intention" else one for name, one in told.items() if one} | consents


_CASE: Final[Mapping[str, Callable[[Json], Json]]] = {
    "marks": lambda value: value,
    "types": lambda value: [violation(code) for code in value],
    "place": lambda value: visible(str(value)),
    "occurred_from": lambda value: value,
    "occurred_to": lambda value: value,
    "accused": lambda value: value,
    "received": _received,
    "stances": _stances,
    "facts": _facts,
    "clocks": lambda value: [clock(one) for one in value],
    "findings": _findings,
    "remedies": _remedies,
    "notices": _notices,
    "requests": _requests,
    "joint_inquiry": _inquiries,
    "corrections": _corrections,
    "publication": _consents,
    "closed_by": lambda value: ", ".join(f"{party} ({ref})" for party, ref in value.items()),
    "withdrawn": lambda value: f"by {value['by']} ({value['ref']}): {visible(str(value['reason']))}",
    "evidence": lambda value: [f"{visible(str(one['name']))} ({one['ref']} by {one['by']})" for one in value],
}
_PASSED: Final = frozenset(
    "ref exercise time messages original finding confidence answered respond_by location notification merged_into".split()
)


def lines(said: Mapping[str, Json], indent: int = 0) -> Iterator[str]:
    """Names and values as plain lines, one below the other; what is nested is set in."""
    space = " " * indent
    for name, value in said.items():
        label = name.replace("_", " ")
        if isinstance(value, dict) and value:
            yield f"{space}{label}:"
            yield from lines(value, indent + 2)
        elif isinstance(value, list) and any(isinstance(item, dict) or len(str(item)) > _LONG for item in value):
            yield f"{space}{label}:"
            for item in value:
                yield from _item(item, indent + 2)
        elif isinstance(value, list):
            yield f"{space}{label}: {', '.join(map(_plain, value)) or 'none'}"
        elif isinstance(value, str) and "\n" in value:
            yield f"{space}{label}:"
            yield from (f"{space}  {line}" for line in value.split("\n"))
        else:
            yield f"{space}{label}: {_plain(value)}"


def _item(item: Json, indent: int) -> Iterator[str]:
    space = " " * indent
    if isinstance(item, dict):
        first, *rest = lines(item, indent + 2)
        yield f"{space}- {first.lstrip()}"
        yield from rest
    else:
        yield f"{space}- {_plain(item)}"


def _plain(value: Json) -> str:
    return {True: "yes", False: "no", None: "-"}[value] if value is None or isinstance(value, bool) else str(value)


# --- A whole record ---


def told(
    messages: Iterable[Mapping[str, Json]],
    receipts: Callable[[str], Iterable[Mapping[str, Json]]],
    names: Mapping[str, str],
) -> Iterator[str]:
    """A record as lines: each message, by whom it was received, read and answered. `messages` in record order, `receipts` of a
    reference, `names` slug of a log's party -> name. What is reported for the record alone is one line."""
    listed = list(messages)
    about: dict[str, list[Mapping[str, Json]]] = {}
    by_ref = {one["ref"]: one for one in listed}
    for one in listed:
        for ref in refs_of(one["body"]):
            about.setdefault(ref, []).append(one)
    for one in listed:
        yield from _told(one, stance_in_words(one, by_ref.get), about.get(one["ref"], []), receipts(one["ref"]), names)


def _told(
    one: Mapping[str, Json],
    stance: str | None,
    about: Iterable[Mapping[str, Json]],
    receipts: Iterable[Mapping[str, Json]],
    names: Mapping[str, str],
) -> Iterator[str]:
    body, who = one["body"], _who(one["ref"], names)
    if body.get("historical") is True:
        yield f"{one['time']}  {who} reports for the record ({one['ref']}): {_past(body)}"
        return
    yield ""
    purpose = PURPOSES.get(one["kind"], "")
    yield f"{one['time']}  {who}: {coded(one['kind']).upper()} {one['ref']}" + (f" ({purpose})" if one["kind"] in KINDS else "")
    if one.get("void"):
        yield f"    VOID: it was received and counts for nothing, by the rule {one['void']}"
    yield from lines(in_words(one["kind"], body, stance), 4)
    for receipt in receipts:
        yield f"    {RECEIVED} {receipt['by']} at {receipt['time']}"
    for other in about:
        yield f"    {_followed(other)} {_who(other['ref'], names)} at {other['time']} ({other['ref']})"


def _followed(other: Mapping[str, Json]) -> str:
    if other["kind"] == "reply":
        return f"answered ({coded(other['body'].get('stance'))}) by"
    if other["kind"] == "acknowledgement":
        return "read by a person of"
    return f"followed by a {coded(other['kind'])} of"


def _who(ref: str, names: Mapping[str, str]) -> str:
    return names.get(party_of(ref), party_of(ref))


def _past(body: Mapping[str, Json]) -> str:
    killed = body.get("casualties", {}).get("unattributed", {}).get("killed")
    found = [
        str(body.get("occurred_from", ""))[:10],
        visible(str(body.get("place", ""))),
        *map(violation, body.get("types", [])),
        *([f"killed {estimate(killed)}"] if killed else []),
        "said by " + ", ".join(map(source, body["sources"])) if body.get("sources") else "no source given",
    ]
    return "; ".join(found)
