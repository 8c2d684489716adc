"""Messages, cases and status for people. Takes the same JSON that --json writes, and shows nothing that is not in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final

from .screen import Screen, counted

Json = Any
_CHUNK: Final = 500  # rows of a long list that share their columns' widths
_SUMMARY_CHARACTERS: Final = 100
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
        elif isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
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


def summary(kind: str, body: dict[str, Json]) -> str:
    """The message in a few words of its own."""
    words = {
        "notification": ("types", "place", "location", "narrative"),
        "reply": ("re", "stance", "account"),
        "statement": ("title", "text"),
        "request": ("re", "questions"),
        "acknowledgement": ("state", "watch", "re"),
    }.get(kind, ("re", "text"))
    found = [_short(body[name]) for name in words if body.get(name) not in (None, [], "")]
    text = " ".join("; ".join(found).split())
    return text if len(text) <= _SUMMARY_CHARACTERS else text[: _SUMMARY_CHARACTERS - 3] + "..."


def _short(value: Json) -> str:
    return ", ".join(map(scalar, value)) if isinstance(value, list) else scalar(value)


def _marks(message: dict[str, Json]) -> str:
    marks = [_EXERCISE] if message["body"].get("exercise") is True else []
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
    fields(screen, found["body"], indent=2)
    screen.gap()
    screen.line("case: ", scalar(found["case"]))
    receipts = found["receipts"]
    screen.line("receipts:" if receipts else "receipts: none yet")
    for receipt in receipts:
        screen.line(receipt["by"], " at ", receipt["time"], indent=2)


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
                _EXERCISE if one["exercise"] is True else "",
                _short(one.get("types") or []),
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
    rest = {name: value for name, value in found.items() if name not in ("ref", "state", "exercise", "messages")}
    fields(screen, {name: value for name, value in rest.items() if value not in (None, [], {})}, indent=2)
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
        ("log", "messages", "receipted by", "not yet by", "last line check", "last watch check", "root"),
        [
            (
                log["log"],
                str(log["size"]),
                _counts(log["receipts"]),
                _counts(log["unreceipted"]),
                scalar(log["line_checks"]["last"]),
                scalar(log["watch_checks"]["last"]),
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
    _needs_a_person(screen, found)


def _counts(by: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in by.items()) or "-"


def _needs_a_person(screen: Screen, found: dict[str, Json]) -> None:
    quiet = not any(found[name] for name in ("alarms", "overdue", "held", "refused"))
    if quiet:
        screen.line("Nothing is overdue, held or refused, and there is no alarm.")
    for alarm in found["alarms"]:
        screen.line("ALARM: ", alarm, style="bold")
    for one in found["overdue"]:
        screen.line("OVERDUE: ", one["ref"], " was to be answered by ", scalar(one["respond_by"]))
    for one in found["held"]:
        screen.line("held: ", str(one["count"]), " of ", one["log"], " from ", str(one["from"]), ": ", one["code"])
    for one in found["refused"]:
        screen.line("refused: number ", str(one["number"]), " at ", one["time"], ": ", one["code"])


def faults(screen: Screen, found: dict[str, Json]) -> None:
    """What fsck found."""
    counts = ", ".join(counted(count, name.removesuffix("s")) for name, count in found["checked"].items())
    screen.line("Clean: " if found["clean"] else "NOT CLEAN: ", counts, " checked", style="bold")
    screen.table(("place", "code", "detail"), [(one["place"], one["code"], one["detail"]) for one in found["faults"]])
