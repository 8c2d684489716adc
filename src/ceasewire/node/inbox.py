"""What an officer's shift begins with: what awaits our answer, what came lately, and how far what we sent has got. Read with a clock of our
own; nothing of it is part of the record.

Received (a machine), read (a person) and answered (a party) are three things (DOMAIN, "Fields common to all"), and are told apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import islice
from typing import Final

from ..record.case_fold import asked_date
from ..record.case_record import said
from ..record.fields import Json, parse_time, show_time
from ..record.kinds import KINDS
from ..record.order import Placed
from ..record.saying import stance_in_words, summary
from ..store.derived_interface import DerivedTables, Item, Wanted
from .flashes import answers
from .owed import NOTHING, Owed, answers_to, our_owed, owed
from .view import View

PAGE: Final = 25
LOGBOOK_MOST: Final = 200
_QUIET: Final = (KINDS["line_check"],)
_FLASH: Final = KINDS["flash"]
_REPLY, _READ = KINDS["reply"], KINDS["acknowledgement"]


def awaiting(view: View, now: int, ours: Sequence[Owed] | None = None) -> list[dict[str, Json]]:
    """The messages of others that our party must answer, and the flashes that it must read or answer; what is to be looked at first comes
    first, at most owed.MOST. Each as `_row`, with what `Owed.json` says of it, and `begins`: when what a notice announces begins, if it has
    not. `now` in POSIX seconds; `ours` what our party owes, if that was asked already."""
    found = our_owed(view, now) if ours is None else ours
    rows = {row["ref"]: row for row in rows_of(view, [one.item for one in found])}
    told = [rows[view.name(*one.item.ref)] | one.json(view, now) for one in found]
    soonest = {row["ref"]: one.urgency for row, one in zip(told, found, strict=True)}
    for row in told:
        begins = row["body"].get("window_from") if row["kind"] == "notice" else None
        row["begins"] = begins if begins and parse_time(begins) >= now else None
        if row["begins"]:
            soonest[row["ref"]] = min(soonest[row["ref"]], (True, parse_time(row["begins"])))
    return sorted(told, key=lambda row: soonest[row["ref"]])


def due_by(view: View, now: int, until: int) -> list[dict[str, Json]]:
    """What is overdue, or due until then, on either side, the first to fall due first: lines as `awaiting`. POSIX seconds."""
    everybody = frozenset(range(len(view.channel.charter.parties)))
    found = [one for one in owed(view, now, everybody) if one.by and one.due is not None and one.due <= until]
    rows = {row["ref"]: row for row in rows_of(view, [one.item for one in found])}
    return [rows[view.name(*one.item.ref)] | one.json(view, now) for one in found]


def received(view: View, *, kind: str | None = None, after: str | None = None) -> list[dict[str, Json]]:
    """What others sent, the newest first, one PAGE of it: void messages too, line checks not. `after` the last of the page before. Raises
    LocalError ref.missing."""
    own = view.channel.party_of(view.own)
    return _page(view, Wanted(others=own, without=_QUIET, newest=True), kind, after)


def sent(view: View, now: int, *, kind: str | None = None, after: str | None = None) -> list[dict[str, Json]]:
    """What our party sent, as `received`; each with `receipts`, `read_by` and `answered_by`: `{"by", "time"}`, and `ref` of an answer, and
    with what `Owed.json` says of the answers that it still awaits. `now` in POSIX seconds."""
    own = view.channel.party_of(view.own)
    rows = _page(view, Wanted(party=own, without=_QUIET, newest=True), kind, after)
    refs = {row["ref"]: view.ref(row["ref"]) for row in rows}
    waits = answers_to(view, now, refs.values())
    withdrawn = {row["ref"] for row in rows if row["changed"] == "withdrawal"}
    due = {name: waits[ref].json(view, now) if ref in waits and name not in withdrawn else NOTHING for name, ref in refs.items()}
    return [row | {"receipts": view.receipts(refs[row["ref"]])} | heard(view, row["ref"], own) | due[row["ref"]] for row in rows]


def logbook(view: View, since: int, until: int, *, newest: bool = False, after: str | None = None) -> list[dict[str, Json]]:
    """What was said between two times, POSIX seconds, in record order or the newest first, at most LOGBOOK_MOST: lines as `received`, with
    `receipts`. `after` the last of the page before. Raises LocalError ref.missing."""
    rows = _page(view, Wanted(since=since, until=until, newest=newest), None, after, LOGBOOK_MOST)
    return [row | {"receipts": view.receipts(view.ref(row["ref"]))} for row in rows]


def heard(view: View, name: str, own: int) -> dict[str, Json]:
    """Which persons of others read a message, and who answered it. Who only asks for a new date has not (spec/case.md, rule 13); a flash is
    answered by whatever a person says of it (flashes.answers)."""

    ref = view.ref(name)

    def found(tables: DerivedTables) -> list[Item]:
        return [item for item in tables.naming(ref) if item.party != own and item.void is None]

    naming = view.projection.ask(found)
    answered = _first(view, _answers(view, [item for item in naming if item.kind == _REPLY]))
    return {
        "read_by": _first(view, [item for item in naming if item.kind == _READ]),
        "answered_by": answers(view, ref) if view.row(ref).kind == _FLASH else answered,
    }


def _answers(view: View, replies: Sequence[Item]) -> list[Item]:
    rows = {(one.log, one.index): one for one in view.store.at([item.ref for item in replies])}
    return [item for item in replies if asked_date(said(Placed(item.key, rows[item.ref]), view.channel)) is None]


def _first(view: View, items: Iterable[Item]) -> list[dict[str, Json]]:
    """Each party's first of these."""
    first: dict[int, Item] = {}
    for item in items:
        first.setdefault(item.party, item)
    return [{"by": view.channel.slug(party), "time": show_time(item.time), "ref": view.name(*item.ref)} for party, item in first.items()]


def _page(view: View, wanted: Wanted, kind: str | None, after: str | None, most: int = PAGE) -> list[dict[str, Json]]:
    if kind is not None:
        wanted = replace(wanted, kind=KINDS[kind])
    if after is not None:
        wanted = replace(wanted, after=view.place(view.ref(after)))
    return rows_of(view, view.projection.ask(lambda tables: list(islice(tables.items(wanted), most))))


def rows_of(view: View, items: Sequence[Item]) -> list[dict[str, Json]]:
    """Each message as a line of a list: `ref`, `kind`, `by`, `log`, `time`, `summary`, `body`, `void`, `exercise`, `precedence`, and
    `changed`: withdrawn or corrected since."""
    voids = {item.ref: item for item in items}
    placed = [Placed(voids[one.log, one.index].key, one) for one in view.store.at([item.ref for item in items])]
    found = {}
    for one in placed:
        message = view.message(one.row) | {"void": voids[one.row.log, one.row.index].void}
        found[message["ref"]] = message
    changed = view.changed_since(list(found))
    wanted = [found[view.name(*item.ref)] for item in items]
    return [_row(view, message, changed.get(message["ref"]), found) for message in wanted]


def precedence(kind: str, body: dict[str, Json]) -> Json:
    """How urgent a message is, by the name of its kind and its body as lists show it: a flash whatever it says, else what it says, or
    `routine`."""
    return "flash" if kind == "flash" else body.get("precedence") or "routine"


def _row(view: View, message: dict[str, Json], changed: str | None, found: dict[str, dict[str, Json]]) -> dict[str, Json]:
    body = message["body"]
    log = view.ref(message["ref"])[0]
    return {
        "ref": message["ref"],
        "kind": message["kind"],
        "by": view.channel.party(log).slug,
        "time": message["time"],
        "summary": summary(message["kind"], body, stance_in_words(message, found.get)),
        "body": body,
        "void": message["void"],
        "exercise": body.get("exercise") is True,
        "precedence": precedence(message["kind"], body),
        "changed": changed,
    }
