"""Messages, cases and status for people. Takes the same JSON that --json writes, and shows nothing that is not in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Final

from ..record.phrases import PHRASES
from ..record.saying import NO_SOURCE, RECEIVED, change, coded, in_words, position, stance_in_words, summary, violation, withheld
from ..record.telling import case_in_words, reply_due, state
from ..record.text import visible
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


_SINCE: Final = {"withdrawal": "WITHDRAWN", "correction": "CORRECTED"}


def _marks(message: dict[str, Json], since: str | None = None) -> str:
    body = message["body"]
    marks = [_SINCE[since]] if since else []
    marks += [_EXERCISE] if body.get("exercise") is True else []
    marks += ["FLASH"] if body.get("precedence") == "flash" and message["kind"] != "flash" else []
    marks += ["for the record"] if body.get("historical") is True else []
    marks += [NO_SOURCE] if message["kind"] == "notification" and not body.get("sources") else []
    return " ".join([*marks, f"VOID {message['void']}"] if message["void"] else marks)


def messages(screen: Screen, items: Iterable[dict[str, Json]], changed: Callable[[list[str]], Mapping[str, str]] = lambda _: {}) -> None:
    """A list, a line a message, however long it is. `changed` gives, of the messages of those references, those that their party has
    changed since: `withdrawal` or `correction`."""
    left = iter(items)
    first = True
    while chunk := list(islice(left, _CHUNK)):
        since = changed([m["ref"] for m in chunk])
        rows = [(m["ref"], m["time"], m["kind"], _marks(m, since.get(m["ref"])), summary(m["kind"], m["body"])) for m in chunk]
        screen.table(("ref", "time", "kind", "", "says"), rows, header=first)
        first = False
    if first:
        screen.line("No messages.")


def message(screen: Screen, found: dict[str, Json], near: Mapping[str, dict[str, Json]], since: Iterable[dict[str, Json]] = ()) -> None:
    """One message with its receipts. `near`: the messages that it refers to, by reference; `since`: what its party has said of it, as
    `View.since` gives it."""
    for one in since:
        reason = visible(str(one["reason"]))
        changes = "; ".join(change(name, each["was"], each["now"]) for name, each in one.get("fields", {}).items())
        told = f"{changes or 'nothing that was not so already'} ({reason})" if one["kind"] == "correction" else reason
        screen.line(_SINCE[one["kind"]], " by ", one["ref"], ": ", told, style="bold")
    if found["body"].get("exercise") is True:
        screen.line(_EXERCISE, style="bold reverse")
    screen.heading(found["ref"], "  ", found["kind"], "  ", found["time"])
    if found["void"]:
        screen.line("VOID: it was received and counts for nothing, by the rule ", found["void"], style="bold")
    fields(screen, in_words(found["kind"], found["body"], stance_in_words(found, near.get)), indent=2)
    screen.gap()
    screen.line("case: ", scalar(found["case"]))
    receipts = found["receipts"]
    screen.line("receipts:" if receipts else "receipts: none yet: sent, not confirmed")
    for receipt in receipts:
        screen.line(RECEIVED, " ", receipt["by"], " at ", receipt["time"], indent=2)
    for one in found["witnesses"]:
        screen.line("cosigned by the charter's witness ", one["by"], " at ", one["time"], indent=2)


def cases(screen: Screen, found: list[dict[str, Json]]) -> None:
    """Every case, a line each."""
    screen.table(
        ("case", "by", "time", "state", "", "types", "place", "respond by"),
        [
            (
                one["ref"],
                one["by"],
                one["time"],
                state(one),
                " ".join([*([_EXERCISE] if one["exercise"] is True else []), *(["for the record"] if one["historical"] is True else [])]),
                ", ".join(map(violation, one.get("types") or [])),
                _where(one),
                scalar(reply_due(one)),
            )
            for one in found
        ],
    )
    if not found:
        screen.line("No cases.")


def _where(one: Mapping[str, Json]) -> str:
    """The place by its name, else its position."""
    if one.get("place"):
        return visible(str(one["place"]))
    return position(one["location"], None) if one.get("location") else ""


def case(
    screen: Screen, found: dict[str, Json], says: dict[str, str], suspended: Iterable[dict[str, Json]], now: str | None = None
) -> None:
    """One case, whole; `says` ref -> the message in a few words; `suspended` as status has it; `now` as JSON shows a time."""
    if found["exercise"] is True:
        screen.line(_EXERCISE, style="bold reverse")
    screen.heading("Case ", found["ref"], "  ", state(found))
    _suspensions(screen, suspended)
    fields(screen, {name: value for name, value in case_in_words(found, now).items() if name != "state"}, indent=2)
    screen.gap()
    screen.heading("Messages")
    corrected = {one["corrects"] for one in found["corrections"] if not one["withdrawn"]}
    screen.table(
        ("ref", "kind", "time", "", "says"),
        [(m["ref"], m["kind"], m["time"], _mark_in_case(m, corrected), says[m["ref"]]) for m in found["messages"]],
    )


def _mark_in_case(one: Mapping[str, Json], corrected: set[str]) -> str:
    if one["void"]:
        return f"VOID {one['void']}"
    return "WITHDRAWN" if one["withdrawn"] else "CORRECTED" if one["ref"] in corrected else ""


def _suspensions(screen: Screen, suspended: Iterable[dict[str, Json]]) -> None:
    for one in suspended:
        until = f"until {one['until']}" if one["until"] else "until it resumes"
        exercise = f"{_EXERCISE} " if one["exercise"] else ""
        screen.line(
            f"{exercise}SUSPENDED by {one['by']} since {one['from']}, {until} ({one['ref']}): the line and its clocks run on", style="bold"
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
    if any(log["witnesses"] for log in found["logs"]):
        screen.table(("log", "cosigned by witnesses up to"), [(log["log"], _counts(log["witnesses"])) for log in found["logs"]])
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
    quiet = not any(found[name] for name in ("flashes", "alarms", "overdue", "held", "withheld", "refused"))
    if quiet:
        screen.line("Nothing is overdue, held or refused, and there is no alarm.")
    _suspensions(screen, found["suspended"])
    _flashes(screen, found)
    for alarm in found["alarms"]:
        screen.line("ALARM: ", alarm["code"], *([" ", alarm["log"]] if alarm["log"] else []), ": ", alarm["text"], style="bold")
    for one in found["overdue"]:
        screen.line("OVERDUE: ", one["ref"], " was to be answered by ", scalar(one["respond_by"]))
    for one in found["due_today"]:
        screen.line("due: ", one["ref"], " is to be answered by ", scalar(one["respond_by"]))
    for one in found["held"]:
        screen.line("held: ", str(one["count"]), " of ", one["log"], " from ", str(one["from"]), ": ", one["code"])
    for one in found["withheld"]:
        screen.line("WITHHELD: ", withheld(one), f" ({one['ref']})", style="bold")
    for one in found["refused"]:
        screen.line("refused: number ", str(one["number"]), " at ", one["time"], ": ", one["code"])


def _flashes(screen: Screen, found: dict[str, Json]) -> None:
    """Those of others first, then what this party sent."""
    for one in sorted(found["flashes"], key=lambda each: each["by"] == found["party"]):
        own = one["by"] == found["party"]
        exercise = f"{_EXERCISE} " if one["exercise"] else ""
        phrase = PHRASES[one["phrase"]].means if one["phrase"] in PHRASES else f"{coded(one['phrase'])}."
        where = _flash_at(one)
        text = f' "{visible(one["text"])}"' if one["text"] else ""
        times = f", {one['count']} times, last at {one['last']}" if one["count"] > 1 else ""
        told = [f"Read by a person of {' and '.join(one['read_by'])}."] if one["read_by"] else []
        told += [f"Answered by {each['by']} at {each['time']} ({coded(each['kind'])} {each['ref']})." for each in one["answered_by"]]
        read = " ".join(told) or "Read by nobody yet."
        who = "we sent a flash" if own else f"FLASH from {one['by']}"
        style = "bold" if one["sounds"] and not own else ""
        screen.line(f"{exercise}{who}: ", phrase, where, text, f" {one['time']}{times} ({one['ref']}). {read}", style=style)


def _flash_at(one: Mapping[str, Json]) -> str:
    point = position(one["location"], None) if one["location"] else ""
    if one["place"]:
        return f" At {visible(one['place'])}" + (f" ({point})." if point else ".")
    return f" At {point}." if point else ""


def faults(screen: Screen, found: dict[str, Json]) -> None:
    """What fsck found."""
    counts = ", ".join(counted(count, name.removesuffix("s")) for name, count in found["checked"].items())
    screen.line("Clean: " if found["clean"] else "NOT CLEAN: ", counts, " checked", style="bold")
    screen.table(("place", "code", "detail"), [(one["place"], one["code"], one["detail"]) for one in found["faults"]])
