"""What the verifier found, for people: the verdict first, in words and not by colour alone."""

from __future__ import annotations

from typing import Final

from ..errors import CODES
from ..record.notation import Json
from ..record.saying import in_words
from ..verifier import Report
from .screen import Screen
from .showing import fields
from .silence import show_silence
from .text import explained

_FINGERPRINT: Final = 3  # the step that is taken only if it was asked for
_AFTER_AUTHORITY: Final = 14  # the step after those that need a charter
_VERDICTS: Final = {
    "valid": ("VALID: the proof holds.", "bold green"),
    "invalid": ("NOT VALID: do not rely on it.", "bold red"),
    "unreadable": ("UNREADABLE: this cannot be verified.", "bold yellow"),
}


def show_report(screen: Screen, report: Report) -> None:
    """Print a report. The first line of an exercise says so."""
    if report.about.get("exercise") is True:
        what = "this message says" if report.kind == "message" else "is said in this channel"
        screen.line(f"EXERCISE: nothing that {what} is real", style="bold reverse")
    words, style = _VERDICTS[report.verdict]
    screen.line(words, style=style)
    if report.code is not None and report.code in CODES:
        screen.line(explained(report.code))
    channel = report.about.get("channel")
    if isinstance(channel, dict):
        screen.line("Channel ", channel["name"], ", ", channel["title"])
        screen.line("Fingerprint ", channel["fingerprint"])
    if report.steps:
        screen.gap()
    asked = [step.step for step in report.steps]
    for step in report.steps:
        if step.step == _FINGERPRINT + 1 and _FINGERPRINT not in asked:
            screen.line(f"({_FINGERPRINT})".rjust(4), " not asked: give --fingerprint to have the channel's compared")
        if step.step == _AFTER_AUTHORITY and _AFTER_AUTHORITY - 1 not in asked:
            screen.line("(11) to (13) left out: a policy knows neither parties nor officers")
        mark = "ok    " if step.ok else "FAILED"
        screen.line(f"({step.step})".rjust(4), " ", mark, " ", step.what, *([": ", step.detail] if step.detail else []))
    if report.verdict == "valid":
        shown = {"message": _message, "misconduct": _misconduct, "silence": show_silence}.get(report.kind)
        if shown is not None:
            shown(screen, report)
        _vouched(screen, report)


def _message(screen: Screen, report: Report) -> None:
    about = report.about
    screen.gap()
    screen.heading(f"{about['message']} ", str(about["ref"]), f", dated {about['time']} by its author")
    fields(screen, _worded(report.fields), indent=2)
    released = about.get("released_by")
    if isinstance(released, list) and released:
        names = [f"{one['name']}, {one['role'].replace('_', ' ')}" for one in released]
        screen.line(f"released by {len(names)}: ", "; ".join(names), indent=2)
    if about.get("amended"):
        screen.line("under the charter as amended: ", str(about["amended"]), indent=2)
    if about["hidden"]:
        screen.line(f"{about['hidden']} more fields are hidden", indent=2)


def _worded(found: dict[str, Json]) -> dict[str, Json]:
    """The fields as they are; but what a guarantor attests of others in words."""
    attested = {"withheld": found["withheld"]} if "withheld" in found else {}
    return {name: value for name, value in found.items() if name not in attested} | (in_words("line_check", attested) if attested else {})


def _misconduct(screen: Screen, report: Report) -> None:
    screen.gap()
    screen.heading(str(report.fields["sentence"]))
    if not report.fields["convicts"]:
        screen.line("This is a finding to ask about, not a conviction.", indent=2)
    fields(screen, {name: value for name, value in report.fields.items() if name not in ("sentence", "convicts")}, indent=2)


def _vouched(screen: Screen, report: Report) -> None:
    screen.gap()
    screen.heading("Who vouches for it")
    screen.table(("by", "as", "time"), [(str(v["by"]), str(v["as"]), str(v["time"] or "no time")) for v in report.vouched])
    screen.heading("Not proved")
    for what in report.not_proved:
        screen.line("- ", what, indent=2)
