"""A message in an officer's words: the same JSON that --json writes, said so that nobody need know a code or a field's name.

`in_words` adds nothing to what was signed but what its lack means ("no source given"), and takes nothing away. Hidden characters are
spelt out where they stand, and counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, TypeAlias

from .notation import Json
from .phrases import PHRASES
from .text import HIDDEN, MARKS, Mark, canonical_digits, marks, visible
from .words import DELICATE, VIOLATIONS

READ: Final = "read by a person, who agrees to nothing by it"
RECEIVED: Final = "received by the machine of"  # H14: received, read and agreed are three things
NO_SOURCE: Final = "no source given"
NO_EVIDENCE: Final = "no evidence named"
WITHHELD: Final = "withheld for safety"
_CLAIMS: Final = frozenset({"notification", "finding"})  # kinds whose lack of sources and evidence is said
MOST: Final = 100  # characters of a message's summary
_PRECISION: Final = {"exact": "exact", "near": "to about 1 km", "district": "to about 11 km", "region": "to about 111 km"}
_STANCES: Final = {
    "not_ours": "not ours (no admission that it happened)",
    "under_inquiry": "under inquiry (nothing is agreed yet)",
    "noted": "noted (no consent)",
}
_STATUSES: Final = {
    "suspension": "suspension: this party says that it stops talking here; the line and its clocks run on",
    "resumption": "resumption",
    "end": "end: this party says that it leaves the channel",
    "contact": "contact and duty roster",
}


_AGREES: Final = {"accepted": "accepted: the facts are agreed", "partly_accepted": "partly accepted: some of the facts are agreed"}
_DELAYS: Final = frozenset({"under_inquiry", "need_information", "joint_inquiry"})
Lookup: TypeAlias = Callable[[str], Mapping[str, Json] | None]  # a message's JSON by its reference


def violation(code: Json) -> str:
    """`A4 artillery, tank`."""
    means = VIOLATIONS.get(code) if isinstance(code, str) else None
    return f"{code} {means}" if means else str(code)


def source(one: Json) -> str:
    """A source in words; a protected one is never named and never missing."""
    if not isinstance(one, dict):
        return visible(str(one))
    if one.get("class") == "protected":
        return WITHHELD
    who = str(one.get("class", "")).replace("_", " ")
    return f"{who}: {visible(str(one['text']))}" if one.get("text") else who


def position(point: Json, precision: Json) -> str:
    """`33.1, 44.6, to about 11 km`."""
    place = f"{point[0]}, {point[1]}" if isinstance(point, list) and len(point) == 2 else str(point)
    return f"{place}, {_PRECISION.get(precision, precision)}" if precision else place


def estimate(figures: Json) -> str:
    """`2 (1 to 3)`; figures that contradict each other are said to."""
    if not isinstance(figures, list) or len(figures) != 3:
        return str(figures)
    low, best, high = figures
    if low == best == high:
        return str(best)
    return f"{best} ({low} to {high})" + ("" if low <= best <= high else ", figures contradict each other")


def coded(word: Json) -> str:
    """A code as words."""
    return str(word).replace("_", " ")


def summary(kind: str, body: Mapping[str, Json], stance: str | None = None) -> str:
    """The message in a few words of its own, for a list; `stance` as `in_words` takes it."""
    if stance:
        body = {**body, "stance": stance}
    found = [_short(kind, name, body[name]) for name in _SUMMARY.get(kind, ("re", "text")) if body.get(name) not in (None, [], "", {})]
    text = " ".join("; ".join(found).split())
    return text if len(text) <= MOST else text[: MOST - 3] + "..."


_SUMMARY: Final[Mapping[str, tuple[str, ...]]] = {
    "notification": ("types", "place", "location", "narrative"),
    "reply": ("re", "stance", "account"),
    "statement": ("title", "text"),
    "request": ("re", "questions"),
    "notice": ("activity", "phase", "re", "area", "location", "window_from", "window_to"),
    "finding": ("re", "finding", "confidence", "narrative"),
    "flash": ("phrase", "place", "location", "text"),
    "evidence": ("re", "evidence", "text"),
    "correction": ("re", "fields", "removed", "reason"),
    "withdrawal": ("re", "reason"),
    "channel_status": ("status", "from", "until", "duty_telephone", "reason", "text"),
    "acknowledgement": ("state", "watch", "re"),
    "keys": ("officers", "revoke", "url", "duty_telephone", "reason"),
    "line_check": ("withheld", "evidence_held"),
    "amendment": ("amendment", "text"),
}


def _short(kind: str, name: str, value: Json) -> str:
    """One field in a few words."""
    if name in ("re", "location"):
        return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    said = next(iter(_said(kind, name, value, None).values()))
    if isinstance(said, dict):
        return ", ".join(said if name == "fields" else map(str, said.values()))
    if isinstance(said, list):
        return ", ".join(str(one.get("name", "")) if isinstance(one, dict) else str(one) for one in said)
    return coded(name) if said is True else str(said)


def in_words(kind: str, body: Mapping[str, Json], stance: str | None = None) -> dict[str, Json]:
    """A message's body for people, in the order in which it is read. Common fields come after what the kind says. `stance` is what a
    reply's says of what it answers (`stance_in_words`); without it, its bare word is said."""
    own = {name: value for name, value in body.items() if name not in _COMMON}
    if stance:
        own["stance"] = stance
    said: dict[str, Json] = {}
    if body.get("precedence"):
        said["precedence"] = coded(body["precedence"])
    if "re" in body:
        said[_RE.get(kind, "about")] = body["re"]
    precision = own.pop("location_precision", None)
    for name, value in own.items():
        said |= _said(kind, name, value, precision)
    if precision is not None and not own.keys() & {"location", "observer_position", "route"}:
        said["precision of places"] = coded(precision)
    return said | dict(_common(kind, body))


_RE: Final = {
    "reply": "in reply to",
    "correction": "corrects",
    "withdrawal": "withdraws",
    "acknowledgement": "of",
    "closing": "closes",
    "finding": "on",
    "evidence": "for",
}
_COMMON: Final = frozenset(
    "exercise precedence re links provisions respond_by embargo language translations evidence sources historical releases".split()
)


def _said(kind: str, name: str, value: Json, precision: Json) -> dict[str, Json]:
    label = name.replace("_", " ")
    if name in ("location", "observer_position"):
        return {label: position(value, precision)}
    if name == "route":
        return {label: f"{'; '.join(position(point, None) for point in value)}, {_PRECISION.get(precision, precision)}"}
    if name in _SAY:
        return _SAY[name](kind, value)
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return {label: [_plain(name, item) for item in value]}
    return {label: _spelt(_plain(name, value))}


_WORDED: Final = frozenset(
    "activity phase attribution finding confidence severity zone basis_of_attribution direction count_unit count_quality request "
    "press_intention occurred_precision publish type agreed disputed lead_time of removed".split()
)


def _plain(name: str, value: Json) -> Json:
    return coded(value) if name in _WORDED and isinstance(value, str) else value


def _types(kind: str, value: Json) -> dict[str, Json]:
    found = value if isinstance(value, list) else [value]
    said: dict[str, Json] = {"types": [violation(code) for code in found]}
    if DELICATE.intersection(map(str, found)):
        said["identities"] = "only on a channel with the guarantor alone"
    return said


def _casualties(kind: str, value: Json) -> dict[str, Json]:
    groups = value if isinstance(value, dict) else {}
    return {"casualties": {group: {harm: estimate(figures) for harm, figures in harms.items()} for group, harms in groups.items()} or value}


def _phrase(kind: str, value: Json) -> dict[str, Json]:
    known = PHRASES.get(str(value))
    return {"phrase": known.means, "but": known.not_means} if known else {"phrase": coded(value)}


def _state(kind: str, value: Json) -> dict[str, Json]:
    return {"state": READ if value == "read" else value}


def _watch(kind: str, value: Json) -> dict[str, Json]:
    return {"watch": "a person has begun a shift" if value is True else value}


def _keyed(pairs: Iterable[tuple[str, Json]]) -> dict[str, Json]:
    """By name; a name that comes again is numbered, so that nothing is lost."""
    found: dict[str, Json] = {}
    for name, value in pairs:
        again = sum(key == name or key.startswith(f"{name} (") for key in found)
        found[f"{name} ({again + 1})" if again else name] = value
    return found


def _questions(kind: str, value: Json) -> dict[str, Json]:
    return {"questions": {str(number): visible(text) for number, text in enumerate(value, 1)}}


def _answers(kind: str, value: Json) -> dict[str, Json]:
    return {"answers": _keyed((f"to question {one['question']}", visible(one["text"])) for one in value)}


def _disputed(kind: str, value: Json) -> dict[str, Json]:
    """In a reply a list of fields, in a finding one for each party."""
    if all(isinstance(one, dict) for one in value):
        return {"facts disputed": _keyed((f"by {one['party']}", [coded(name) for name in one["fields"]]) for one in value)}
    return {"facts disputed": [coded(name) for name in value]}


def _comments(kind: str, value: Json) -> dict[str, Json]:
    return {"comments": _keyed((f"of {one['party']}", visible(one["text"])) for one in value)}


def _visits(kind: str, value: Json) -> dict[str, Json]:
    return {"visits": [f"{visible(one['place'])}, {one['date']}" for one in value]}


def _corrected(kind: str, value: Json) -> dict[str, Json]:
    return {"now says": in_words("", value) if isinstance(value, dict) else value}


def withheld(one: Mapping[str, Json]) -> str:
    """What a guarantor's node attests of a device, in a sentence without its full stop."""
    if one["what"] == "receipt":
        what = f"has given no receipt for the first {one['size']} messages of {one['log']}, which were there to be had since {one['since']}"
    else:
        what = f"has not served the first {one['size']} messages of {one['log']}, which it had signed by {one['since']}"
    return f"{one['by']} {what}; it spoke last at {one['spoke']}"


def _withheld(kind: str, value: Json) -> dict[str, Json]:
    return {"withheld, by the guarantor's machine": [withheld(one) for one in value]}


_SAY: Final[Mapping[str, Callable[[str, Json], dict[str, Json]]]] = {
    "types": _types,
    "casualties": _casualties,
    "phrase": _phrase,
    "state": _state,
    "watch": _watch,
    "withheld": _withheld,
    "fields": _corrected,
    "questions": _questions,
    "answers": _answers,
    "agreed": lambda kind, value: {"facts agreed": [coded(name) for name in value]},
    "disputed": _disputed,
    "comments": _comments,
    "visits": _visits,
    "stance": lambda kind, value: {"stance": _STANCES.get(value, coded(value))},
    "status": lambda kind, value: {"status": _STATUSES.get(value, coded(value))},
    "removed": lambda kind, value: {"no longer says": [coded(name) for name in value]},
    "not_understood": lambda kind, value: {"not understood by this version": value},
}


# --- A reply, by what it answers ---


def stance_in_words(reply: Mapping[str, Json], lookup: Lookup) -> str | None:
    """What a reply's stance says of what it answers, which `lookup` gives; None of what is no reply. Only an answering party's reply to
    a notification agrees to facts."""
    stance = reply["body"].get("stance")
    if reply["kind"] != "reply" or not isinstance(stance, str):
        return None
    named = (lookup(ref) for ref in named_by(reply["body"])) if not reply.get("void") else ()
    found = [said for one in named if one and not one.get("void") and (said := _agreed_to(reply, stance, one, lookup))]
    return "; ".join(dict.fromkeys(found)) or _STANCES.get(stance, coded(stance))


def _agreed_to(reply: Mapping[str, Json], stance: str, one: Mapping[str, Json], lookup: Lookup) -> str | None:
    own, body = party_of(reply["ref"]), one["body"]
    if one["kind"] == "notification":
        return _AGREES.get(stance) if _owes_answer(own, one) else None
    twins = [link["ref"] for link in body.get("links") or () if link["as"] == "duplicate_of"]
    if stance in ("accepted", "no_objection") and twins and refs_of(body):
        return f"agrees that {refs_of(body)[0]} and {twins[0]} are one"
    if stance != "accepted":
        return None
    if one["kind"] == "reply" and body.get("stance") in _DELAYS and body.get("new_respond_by") and _is_to(own, body, lookup):
        return f"accepts the new date {body['new_respond_by']}"
    if one["kind"] in ("statement", "evidence"):
        sources = [found for ref in refs_of(body) if (found := lookup(ref)) and found["body"].get("remedy")]
        if any(found["kind"] in ("reply", "finding") and _is_to(own, found["body"], lookup) for found in sources):
            return "confirms that the remedy was carried out"
    return None


def _owes_answer(party: str, notification: Mapping[str, Json]) -> bool:
    """Whether a party is among those who answer a notification."""
    by, accused = party_of(notification["ref"]), notification["body"].get("accused")
    return party != by and accused in (None, by, party)


def _is_to(party: str, body: Mapping[str, Json], lookup: Lookup) -> bool:
    """Whether a message answers one of a party's own."""
    return any(party_of(ref) == party and lookup(ref) is not None for ref in named_by(body))


def named_by(body: Mapping[str, Json]) -> list[str]:
    """What a message is about, and what its links say that it replies to."""
    return [*refs_of(body), *(link["ref"] for link in body.get("links") or () if link["as"] == "replies_to")]


def refs_of(body: Mapping[str, Json]) -> list[str]:
    """What a message's `re` names."""
    named = body.get("re") or []
    return [named] if isinstance(named, str) else list(named)


def party_of(ref: str) -> str:
    """Whose log a reference names: `north` of `north/3` and of `north.3fa91c/0`."""
    return ref.partition("/")[0].partition(".")[0]


# --- What was changed ---


def change(name: str, was: Json, now: Json) -> str:
    """`count was 6, now 5`."""
    return f"{coded(name)} was {_brief(name, was)}, now {_brief(name, now)}"


def _brief(name: str, value: Json) -> str:
    if value is None:
        return "not said"
    if name in ("location", "observer_position"):
        return position(value, None)
    if name == "sources":
        return ", ".join(map(source, value))
    text = " ".join(_flat(next(iter(_said("", name, value, None).values()))).split())
    return text if len(text) <= MOST else text[: MOST - 3] + "..."


def _flat(value: Json) -> str:
    """A value in a line."""
    if isinstance(value, dict):
        return ", ".join(f"{name.replace('_', ' ')} {_flat(one)}" for name, one in value.items())
    if isinstance(value, list):
        return ", ".join(map(_flat, value))
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _common(kind: str, body: Mapping[str, Json]) -> Iterator[tuple[str, Json]]:
    if body.get("sources") or kind in _CLAIMS:
        yield "sources", [source(one) for one in body.get("sources") or ()] or NO_SOURCE
    if body.get("evidence") or kind in _CLAIMS:
        yield "evidence", [_spelt(one) for one in body.get("evidence") or ()] or NO_EVIDENCE
    for name in ("provisions", "links"):
        if body.get(name):
            yield name, [f"{coded(one['as'])} {one['ref']}" if isinstance(one, dict) else visible(one) for one in body[name]]
    for name, label in (("respond_by", "answer asked by"), ("embargo", "not to be published before")):
        if body.get(name):
            yield label, body[name]
    if body.get("language"):
        yield "language", f"{body['language']}: the original, which prevails" if body.get("translations") else body["language"]
    if body.get("translations"):
        yield "translations", _keyed((f"{one['field']} in {one['language']}", visible(one["text"])) for one in body["translations"])
    if body.get("releases"):
        yield "released by", [_released(one) for one in body["releases"]]
    if body.get("historical") is True:
        yield "historical", "reported for the record: it starts no clock and no alarm"
    yield from _noticed(body)


def _released(one: Mapping[str, Json]) -> str:
    """An officer by role and the first half of the key's id; names stand with the officers."""
    if "officer" in one:
        return f"{coded(one.get('role', 'officer'))} ({str(one['officer'])[:8]})"
    return f"recovery key ({str(one.get('recovery_key', ''))[:8]})"


def _spelt(value: Json) -> Json:
    """Every text in a value, its hidden characters spelt out."""
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, list):
        return [_spelt(item) for item in value]
    return {name: _spelt(item) for name, item in value.items()} if isinstance(value, dict) else value


def texts(value: Json) -> Iterator[str]:
    """Every text in a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from texts(item)


def _noticed(body: Mapping[str, Json]) -> Iterator[tuple[str, Json]]:
    """What a reader of the texts would miss: hidden characters, and digits and dates to be read with care."""
    found = [mark for name, value in body.items() if name not in ("re", "links") for text in texts(value) for mark in marks(text)]
    concealed = [mark for mark in found if mark.kind in HIDDEN]
    if concealed:
        points = sorted({point for mark in concealed for point in mark.points})
        yield "hidden characters", f"{sum(mark.count for mark in concealed)} ({', '.join(f'U+{point:04X}' for point in points)})"
    for kind, label in MARKS.items():
        if kind not in HIDDEN and any(mark.kind == kind for mark in found):
            yield label, _beside(kind, [mark for mark in found if mark.kind == kind], body)


def _beside(kind: str, found: list[Mark], body: Mapping[str, Json]) -> Json:
    if kind == "other_digits":  # each number beside its value in the digits 0 to 9
        numbers = [word for text in texts(dict(body)) for word in text.split() if canonical_digits(word) != word]
        return [f"{visible(word)} is {canonical_digits(word)}" for word in dict.fromkeys(numbers)]
    return sum(mark.count for mark in found)
