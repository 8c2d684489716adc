"""Runs the demo: founds a channel, starts two nodes as processes of their own, plays the story, proves, verifies, compares."""

from __future__ import annotations

import json
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ..carriers import control
from ..errors import LocalError
from ..folder import Folder
from ..node.proofs import prove
from ..node.view import View
from ..processes import free_port, serving, wait
from ..record import fingerprint
from ..record.card import Card
from ..record.charter import SignedCharter, open_charter
from ..record.draft import from_toml
from . import story

Say = Callable[[str], None]
_RECEIPT_SECONDS: Final = 20.0


@dataclass(slots=True)
class Outcome:
    """What the demo came to."""

    folder: Path
    refs: list[str] = field(default_factory=list)
    receipt_ms: list[float] = field(default_factory=list)
    counts: dict[str, Any] = field(default_factory=dict)
    proofs: list[dict[str, Any]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """The JSON of `ceasewire demo --check`."""
        return {
            "ok": not self.failures,
            "exercise": True,
            **self.counts,
            "receipt_ms_median": round(statistics.median(self.receipt_ms), 1) if self.receipt_ms else None,
            "proofs": self.proofs,
            "failures": self.failures,
        }


def run(*, port: int, check: bool, say: Say, folder: Path | None = None) -> Outcome:
    """Run it in `folder` (default: a temporary one). With `check`, end when all is verified; else leave both status pages open until
    interrupted. `say` gets a line for people at each step. Raises LocalError if a port is taken or a node does not start."""
    if not check:
        for taken in (port, port + 1):
            _check_free(taken)
    # However it is ended, the nodes that it started must end with it.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    with _place(folder, keep=not check) as base:
        outcome = Outcome(base)
        ports = [free_port(), free_port()] if check else [port, port + 1]
        say("EXERCISE. Two neutral parties, north and south, on this machine.")
        nodes = {slug: _party(base, slug, number) for slug, number in zip(story.PARTIES, ports, strict=True)}
        charter = _found(base, nodes, say)
        with serving(nodes, say):
            _play(nodes, outcome, say)
            _compare(nodes, outcome, say)
            _prove(base, nodes, outcome)
            if not check:
                _verify(base, charter, outcome, say)
                _leave_open(ports, base, outcome, say)
        if check:
            say("Both nodes are stopped. A second process, with the proofs and the charter alone, verifies:")
            _verify(base, charter, outcome, say)
        return outcome


@contextmanager
def _place(folder: Path | None, *, keep: bool) -> Iterator[Path]:
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
    elif keep:
        yield Path(tempfile.mkdtemp(prefix="ceasewire-demo-"))
    else:
        with tempfile.TemporaryDirectory(prefix="ceasewire-demo-") as name:
            yield Path(name)


def _check_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise LocalError("usage", f"port {port} is in use; choose another with --port") from None


def _party(base: Path, slug: str, port: int) -> Folder:
    url = f"http://127.0.0.1:{port}"
    return Folder.create(base / slug, lambda keys, recovery: Card(slug, story.PARTIES[slug], "party", url, keys, recovery), None)


def _found(base: Path, nodes: dict[str, Folder], say: Say) -> SignedCharter:
    """Draft from both cards, sign by both, join on both."""
    signed = from_toml(story.TOML, [node.card()[2] for node in nodes.values()])
    for node in nodes.values():
        with node.pen(None) as pen:
            signed = signed.sign(node.position(signed), {"ed25519": pen.sign_log, "mldsa44": pen.sign_log_mldsa})
    data = signed.encode()
    (base / "demo.charter").write_bytes(data)
    for node in nodes.values():
        node.join(open_charter(data, complete=True), data)
    say(f"Both made keys, signed one charter and joined. The channel's fingerprint: {fingerprint.words(signed.channel_id)}")
    return signed


def _play(nodes: dict[str, Folder], outcome: Outcome, say: Say) -> None:
    """Send each act through the node that serves, and wait for the other side's receipt before the next."""
    with nodes["north"].view() as north, nodes["south"].view() as south:
        views = {"north": north, "south": south}
        for side, kind, draft in story.acts(lambda n: outcome.refs[n]):
            started = time.perf_counter()
            sent = control.call(nodes[side].control_path, {"op": "send", "kind": kind, "json": draft})
            view, ref = views[side], views[side].ref(sent["ref"])
            wait(lambda view=view, ref=ref: bool(view.receipts(ref)), _RECEIPT_SECONDS, f"the receipt of {sent['ref']}")  # type: ignore[misc]
            outcome.receipt_ms.append((time.perf_counter() - started) * 1000)
            outcome.refs.append(sent["ref"])
            say(f"{sent['ref']:>9}  {kind:<16} {_about(draft)}")
        wait(lambda: _settled(north, south), _RECEIPT_SECONDS, "both sides to hold every receipt")


def _about(draft: dict[str, Any]) -> str:
    words = (draft.get("place"), draft.get("title"), draft.get("stance"), *draft.get("questions", [])[:1], draft.get("state"))
    text = next((word for word in words if word), "on watch" if draft.get("watch") else "")
    return f"{text}  (re {draft['re']})" if "re" in draft else str(text)


def _settled(north: View, south: View) -> bool:
    """Whether every message is at both sides with the other side's receipt known to its sender."""
    for mine, other in ((north, south), (south, north)):
        state = mine.store.states().get(mine.own)
        if state is None or mine.store.covered(mine.own).get(other.own, 0) != state.size:
            return False
    return [s.size for s in _states(north)] == [s.size for s in _states(south)]


def _states(view: View) -> list[Any]:
    return [state for _, state in sorted(view.store.states().items())]


def _compare(nodes: dict[str, Folder], outcome: Outcome, say: Say) -> None:
    """Both sides' lists and cases, byte for byte."""
    records = []
    for node in nodes.values():
        with node.view() as view:
            messages, cases = list(view.messages()), view.cases()
            records.append(json.dumps([messages, cases, [view.case(view.ref(case["ref"])) for case in cases]]))
            receipts = sum(len(view.receipts(view.ref(message["ref"]))) for message in messages)
    if records[0] != records[1]:
        outcome.failures.append("the two sides compute different records")
    kinds = {kind: sum(message["kind"] == kind for message in messages) for kind in sorted({m["kind"] for m in messages})}
    outcome.counts = {
        "messages": len(messages),
        "receipts": receipts,
        "kinds": kinds,
        "cases": len(cases),
        "same_record": records[0] == records[1],
        "record_bytes": len(records[0]),
    }
    if receipts != len(messages):
        outcome.failures.append("a message has no receipt")
    say(f"{len(messages)} messages, {receipts} receipts, {len(cases)} cases; both records are the same {len(records[0])} bytes.")


def _prove(base: Path, nodes: dict[str, Folder], outcome: Outcome) -> None:
    """A statement for the press, whole; and a notification of which only three fields are shown."""
    place = base / "press"
    place.mkdir(exist_ok=True)
    with nodes["south"].view() as view:
        statement = next(m["ref"] for m in view.messages(kind="statement"))
        (place / "statement.tlog-proof").write_bytes(prove(view, view.ref(statement), None))
        told = next(m["ref"] for m in view.messages(kind="notification"))
        shown = ["types", "place", "occurred_from"]
        (place / "notification.tlog-proof").write_bytes(prove(view, view.ref(told), shown))


def _verify(base: Path, charter: SignedCharter, outcome: Outcome, say: Say) -> None:
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


def _leave_open(ports: list[int], base: Path, outcome: Outcome, say: Say) -> None:
    if outcome.failures:
        return
    say(f"Status pages: http://localhost:{ports[0]} (north), http://localhost:{ports[1]} (south). Files: {base}. Ctrl-C ends it.")
    with suppress(KeyboardInterrupt):
        while True:
            signal.pause()
