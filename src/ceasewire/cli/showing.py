"""Messages, cases and status for people. Takes the same JSON that --json writes, and shows nothing that is not in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final

from ..record.saying import NO_SOURCE, RECEIVED, in_words, summary, violation
from ..record.telling import case_in_words
from .screen import Screen, counted

Json = Any
_CHUNK: Final = 500  # rows of a long list that share their columns' widths
_LONG: Final = 40  # characters of an item of a list that gets a line of its own
_EXERCISE: Final = "EXERCISE"


def scalar(value: Json) -> str:
    """A value that fits a line, in words."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def fields(screen: Screen, values: dict[str, Json], indent: int = 0) -> None:
    """Names and values, one below the other; what is nested is set in."""
    for name, value in values.items():
        label = name.replace("_", " ")
        if isinstance(value, dict) and value:
            screen.line(label, ":", indent=indent)
            fields(screen, value, indent + 2)
        elif isinstance(value, list) and any(isinstance(item, dict | list) or len(scalar(item)) > _LONG for item in value):
            screen.line(label, ":", indent=indent)
            _items(screen, value, indent + 2)
        elif isinstance(value, str) and "\n" in value:
            screen.line(label, ":", indent=indent)
            screen.block(value, indent + 2)
        elif isinstance(value, list | dict):
            screen.line(label, ": ", *_joined(list(value)), indent=indent)
        else:
            screen.line(label, ": ", scalar(value), indent=indent)


def _joined(values: list[Json]) -> Iterator[str]:
    """Each value as a part of its own, so that the direction of one does not reach the next."""
    if not values:
        yield "none"
    for n, value in enumerate(values):
        if n:
            yield ", "
        yield scalar(value)


def _items(screen: Screen, values: list[Json], indent: int) -> None:
    for value in values:
        if isinstance(value, dict):
            screen.line("-", indent=indent)
            fields(screen, value, indent + 2)
        else:
            screen.line("- ", *_joined(value if isinstance(value, list) else [value]), indent=indent)


def _marks(message: dict[str, Json]) -> str:
    body = message["body"]
    marks = [_EXERCISE] if body.get("exercise") is True else []
    marks += ["FLASH"] if body.get("precedence") == "flash" and message["kind"] != "flash" else []
    marks += ["for the record"] if body.get("historical") is True else []
    marks += [NO_SOURCE] if message["kind"] == "notification" and not body.get("sources") else []
    return " ".join([*marks, f"VOID {message['void']}"] if message["void"] else marks)


def messages(screen: Screen, items: Iterable[dict[str, Json]]) -> None:
    """A list, a line a message, however long it is."""
    rows = ((m["ref"], m["time"], m["kind"], _marks(m), summary(m["kind"], m["body"])) for m in items)
    first = True
    while chunk := list(islice(rows, _CHUNK)):
        screen.table(("ref", "time", "kind", "", "says"), chunk, header=first)
        first = False
    if first:
        screen.line("No messages.")


def message(screen: Screen, found: dict[str, Json]) -> None:
    """One message with its receipts."""
    if found["body"].get("exercise") is True:
        screen.line(_EXERCISE, style="bold reverse")
    screen.heading(found["ref"], "  ", found["kind"], "  ", found["time"])
    if found["void"]:
        screen.line("VOID: it was received and counts for nothing, by the rule ", found["void"], style="bold")
    fields(screen, in_words(found["kind"], found["body"]), indent=2)
    screen.gap()
    screen.line("case: ", scalar(found["case"]))
    receipts = found["receipts"]
    screen.line("receipts:" if receipts else "receipts: none yet: sent, not confirmed")
    for receipt in receipts:
        screen.line(RECEIVED, " ", receipt["by"], " at ", receipt["time"], indent=2)


def cases(screen: Screen, found: list[dict[str, Json]]) -> None:
    """Every case, a line each."""
    screen.table(
        ("case", "by", "time", "state", "", "types", "place", "respond by"),
        [
            (
                one["ref"],
                one["by"],
                one["time"],
                one["state"],
                " ".join([*([_EXERCISE] if one["exercise"] is True else []), *(["for the record"] if one["historical"] is True else [])]),
                ", ".join(map(violation, one.get("types") or [])),
                scalar(one.get("place") or ""),
                scalar(one["respond_by"]),
            )
            for one in found
        ],
    )
    if not found:
        screen.line("No cases.")


def case(screen: Screen, found: dict[str, Json], says: dict[str, str]) -> None:
    """One case, whole; `says` ref -> the message in a few words."""
    if found["exercise"] is True:
        screen.line(_EXERCISE, style="bold reverse")
    screen.heading("Case ", found["ref"], "  ", found["state"])
    fields(screen, {name: value for name, value in case_in_words(found).items() if name != "state"}, indent=2)
    screen.gap()
    screen.heading("Messages")
    screen.table(
        ("ref", "kind", "time", "", "says"),
        [(m["ref"], m["kind"], m["time"], f"VOID {m['void']}" if m["void"] else "", says[m["ref"]]) for m in found["messages"]],
    )


def status(screen: Screen, found: dict[str, Json]) -> None:
    """The channel, logs and lines, and whatever needs a person."""
    channel = found["channel"]
    if channel["exercise"]:
        screen.line(_EXERCISE, style="bold reverse")
    screen.heading(channel["title"])
    screen.pairs(
        [
            ("channel", channel["name"]),
            ("fingerprint", channel["fingerprint"]),
            ("party", found["party"]),
            ("health", found["health"]),
        ]
    )
    screen.gap()
    screen.table(
        ("log", "messages", "receipted by", "not yet by", "next line check", "root"),
        [
            (
                log["log"],
                str(log["size"]),
                _counts(log["receipts"]),
                _counts(log["unreceipted"]),
                scalar(log["line_check_due"]) + (" MISSED" if log["missed"] else ""),
                log["root"][:16],
            )
            for log in found["logs"]
        ],
    )
    screen.gap()
    screen.table(
        ("line", "last heard", "what they say of ours"),
        [(one["peer"], one["spoke"] or "never", scalar(one["told"])) for one in found["lines"]],
    )
    screen.gap()
    screen.table(
        ("party", "machines", "a person"),
        [(one["party"], one["machine"] or "never", one["person"] or "never") for one in found["watch"]],
    )
    screen.gap()
    _needs_a_person(screen, found)


def _counts(by: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in by.items()) or "-"


def _needs_a_person(screen: Screen, found: dict[str, Json]) -> None:
    quiet = not any(found[name] for name in ("flashes", "alarms", "overdue", "held", "refused"))
    if quiet:
        screen.line("Nothing is overdue, held or refused, and there is no alarm.")
    for one in found["flashes"]:
        times = f", {one['count']} times, last at {one['last']}" if one["count"] > 1 else ""
        exercise = "EXERCISE " if one["exercise"] else ""
        screen.line(f"{exercise}FLASH ", one["ref"], ": ", one["phrase"], " at ", one["time"], times, style="bold" if one["sounds"] else "")
    for alarm in found["alarms"]:
        screen.line("ALARM: ", alarm["code"], *([" ", alarm["log"]] if alarm["log"] else []), ": ", alarm["text"], style="bold")
    for one in found["overdue"]:
        screen.line("OVERDUE: ", one["ref"], " was to be answered by ", scalar(one["respond_by"]))
    for one in found["due_today"]:
        screen.line("due: ", one["ref"], " is to be answered by ", scalar(one["respond_by"]))
    for one in found["held"]:
        screen.line("held: ", str(one["count"]), " of ", one["log"], " from ", str(one["from"]), ": ", one["code"])
    for one in found["refused"]:
        screen.line("refused: number ", str(one["number"]), " at ", one["time"], ": ", one["code"])


def faults(screen: Screen, found: dict[str, Json]) -> None:
    """What fsck found."""
    counts = ", ".join(counted(count, name.removesuffix("s")) for name, count in found["checked"].items())
    screen.line("Clean: " if found["clean"] else "NOT CLEAN: ", counts, " checked", style="bold")
    screen.table(("place", "code", "detail"), [(one["place"], one["code"], one["detail"]) for one in found["faults"]])
