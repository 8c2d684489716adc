"""What the demo came to: one record at three nodes, told in words, and proofs that a second process verifies without them."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..folder import Folder
from ..node.proofs import prove
from ..node.view import View
from ..record import fingerprint, telling
from ..record.charter import SignedCharter
from . import story
from .playing import Played

Say = Callable[[str], None]


@dataclass(slots=True)
class Outcome:
    """What the demo came to."""

    folder: Path
    played: Played = field(default_factory=Played)
    counts: dict[str, Any] = field(default_factory=dict)
    proofs: list[dict[str, Any]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """The JSON of `ceasewire demo --check`."""
        waited = self.played.receipt_ms
        return {
            "ok": not self.failures,
            "exercise": True,
            **self.counts,
            "receipt_ms_median": round(statistics.median(waited), 1) if waited else None,
            "proofs": self.proofs,
            "failures": self.failures,
        }


def compare(nodes: Mapping[str, Folder], outcome: Outcome, say: Say) -> None:
    """All nodes' lists and cases, byte for byte."""
    records = []
    for node in nodes.values():
        with node.view() as view:
            messages, cases = list(view.messages()), view.cases()
            records.append(json.dumps([messages, cases, [view.case(view.ref(case["ref"])) for case in cases]]))
            receipts = {message["ref"]: len(view.receipts(view.ref(message["ref"]))) for message in messages}
    same = len(set(records)) == 1
    kinds = dict(sorted(Counter(message["kind"] for message in messages).items()))
    outcome.counts = {
        "parties": len(nodes),
        "messages": len(messages),
        "receipts": sum(receipts.values()),
        "kinds": kinds,
        "cases": len(cases),
        "historical": sum(case["historical"] is True for case in cases),
        "void": sum(message["void"] is not None for message in messages),
        "same_record": same,
        "record_bytes": len(records[0]),
    }
    if not same:
        outcome.failures.append("the nodes compute different records")
    if outcome.counts["void"]:
        outcome.failures.append("a message is void")
    if any(count != len(nodes) - 1 for count in receipts.values()):
        outcome.failures.append("a message lacks a receipt")
    say(
        f"{len(messages)} messages, {sum(receipts.values())} receipts, {len(cases)} cases; the records of all {len(nodes)} are the same "
        f"{len(records[0])} bytes."
    )


def transcript(view: View) -> Iterator[str]:
    """The whole story in words, as any of the nodes tells it."""
    charter = view.channel.charter
    yield "EXERCISE: nothing that is said here is real, but the incidents reported for the record, whose parties are stand-ins."
    yield f"{charter.title} ({charter.name})"
    yield f"Fingerprint: {fingerprint.words(view.channel.channel_id)}"
    yield "Times are UTC; the day is played in seconds. Received is what a machine signed, read is what a person said, and only an answer"
    yield "agrees to anything."
    yield ""
    yield from telling.told(view.messages(), lambda ref: view.receipts(view.ref(ref)), story.PARTIES)
    for case in view.cases():
        if not case["historical"]:
            yield from ("", f"CASE {case['ref']}")
            yield from telling.lines(telling.case_in_words(view.case(view.ref(case["ref"]))), 4)


def write_proofs(base: Path, nodes: Mapping[str, Folder], outcome: Outcome) -> None:
    """The transcript; the statement for the press, whole; and two messages of which only some fields are shown."""
    place = base / "press"
    place.mkdir(exist_ok=True)
    wanted: dict[str, list[str] | None] = {
        "statement": None,
        "mortar": ["types", "place", "occurred_from"],
        "mortar found": ["finding", "attribution", "confidence"],
    }
    with nodes[story.SOUTH].view() as view:
        (base / "transcript.txt").write_text("\n".join(transcript(view)) + "\n", "utf-8")
        for label, fields in wanted.items():
            path = place / f"{label.replace(' ', '-')}.tlog-proof"
            path.write_bytes(prove(view, view.ref(outcome.played.refs[label]), fields))


def verify(base: Path, charter: SignedCharter, outcome: Outcome, say: Say) -> None:
    """Each proof by a process that has only it, the charter and the fingerprint; and once more with one byte changed."""
    words = fingerprint.words(charter.channel_id)
    for path in sorted((base / "press").glob("*.tlog-proof")):
        report, status = _verifier(base, path, words)
        changed = bytearray(path.read_bytes())
        changed[len(changed) // 2] ^= 1
        damaged = path.with_suffix(".changed")
        damaged.write_bytes(changed)
        refused, refused_status = _verifier(base, damaged, words)
        outcome.proofs.append({"file": path.name, "verdict": report["verdict"], "steps": len(report["steps"]), "bytes": len(changed)})
        if (status, report["verdict"], report.get("exercise")) != (0, "valid", True):
            outcome.failures.append(f"{path.name}: {report['verdict']}, {report['code']}")
        if (refused_status, refused["verdict"]) != (1, "invalid"):
            outcome.failures.append(f"{path.name} with one byte changed: {refused['verdict']}")
        vouched = ", ".join(f"{v['by']} as {v['as']}" for v in report["vouched"])
        say(f"{path.name}: EXERCISE, {report['verdict']} in {len(report['steps'])} steps; {vouched}.")
        say(f"{path.name} with one byte changed: {refused['verdict']}.")


def _verifier(base: Path, path: Path, words: str) -> tuple[dict[str, Any], int]:
    command = [sys.executable, "-m", "ceasewire", "verify", str(path), "--charter", str(base / "demo.charter")]
    done = subprocess.run([*command, "--fingerprint", words, "--json"], capture_output=True, check=False, timeout=120)  # noqa: S603
    report: dict[str, Any] = json.loads(done.stdout)
    return report, done.returncode
