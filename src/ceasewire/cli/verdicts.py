"""What the verifier found, for people: the verdict first, in words and not by colour alone."""

from __future__ import annotations

from typing import Final

from ..errors import CODES
from ..verifier import Report
from .screen import Screen
from .showing import fields
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
        screen.line("EXERCISE: nothing that this message says is real", style="bold reverse")
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
        _message(screen, report)


def _message(screen: Screen, report: Report) -> None:
    about = report.about
    screen.gap()
    screen.heading(f"{about['message']} ", str(about["ref"]), f", dated {about['time']} by its author")
    fields(screen, report.fields, indent=2)
    released = about.get("released_by")
    if isinstance(released, list) and released:
        names = [f"{one['name']}, {one['role'].replace('_', ' ')}" for one in released]
        screen.line(f"released by {len(names)}: ", "; ".join(names), indent=2)
    if about.get("amended"):
        screen.line("under the charter as amended: ", str(about["amended"]), indent=2)
    if about["hidden"]:
        screen.line(f"{about['hidden']} more fields are hidden", indent=2)
    screen.gap()
    screen.heading("Who vouches for it")
    screen.table(("by", "as", "time"), [(str(v["by"]), str(v["as"]), str(v["time"])) for v in report.vouched])
    screen.heading("Not proved")
    for what in report.not_proved:
        screen.line("- ", what, indent=2)
