"""What must hold of a folder after a command in it was broken: FAULTS F1, F2, I1, I2, I4.

Nothing acknowledged is gone; the command said that it failed, or it is done; no size was signed with two roots; the folder opens by itself,
every byte of it verifies, the next message and the next exchange work, and nothing is left lying about.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ceasewire.carriers.file import read_bundles
from ceasewire.errors import CODES, CeasewireError
from ceasewire.folder import Folder
from ceasewire.node import fsck
from ceasewire.node.exchange import Exchange
from ceasewire.node.node import Node
from sweep.injection import Ran
from sweep.scenes import Scene

KILLED, FAILED, DONE, HUNG = "killed", "failed", "done", "hung"
_SYNCS: Final = frozenset({"fsync", "fdatasync"})
_WRITES: Final = frozenset({"write", "pwrite64", "writev", "pwritev", "ftruncate"})
_OLD: Final = 1_000_000_000  # a time at which nobody can be writing a temporary file any more
_CODE: Final = re.compile(r"\[([a-z_.]+)\]$", re.MULTILINE)

ORDINARY: Final = frozenset(
    "card.txt charter.cwc store.sqlite derived.sqlite pen unlock.key lock boot drafts tokens control".split()
    + [name + suffix for name in ("store.sqlite", "derived.sqlite") for suffix in ("-wal", "-shm")]
)
"""What may lie in a node's folder, besides its recovery key."""

HARMLESS: Final = (
    ("*", r"/derived\.sqlite(-wal|-shm|-journal)?$", "it is derived from the store and made anew by whoever reads next"),
    ("*", r"-shm$", "an index of the write-ahead log, made anew from it"),
    ("pwrite64 fsync fdatasync ftruncate", r"/(store|witness)\.sqlite$", "moved there from the write-ahead log, which keeps it until then"),
    ("ftruncate", r"/((store|witness)\.sqlite|\.new-[^/]*)-wal$", "emptied after all of it was moved"),
    ("unlink unlinkat", r"(-wal|-shm|-journal|/\.new-[^/]*)$", "what is left over is removed by the next process that writes"),
    ("openat", r"/(store|witness|\.new-[^/]*)(\.sqlite)?-journal$", "looked for, in case an earlier process left one"),
    ("openat fdatasync", r"(^|/)(north|south|west|phone|tower|case)$", "SQLite's sync of a folder's names; the store makes one of its own"),
    ("flock", r"/(north|south)$", "keeps two from making the derived file at once; who does not get it reads without that file"),
    ("openat", r"/boot(_id)?$", "not knowing whether the machine was restored, the log signs nothing, and exchange goes on"),
    ("openat", r"/store\.sqlite$", "the store is then read as it lies, if nobody writes"),
    ("openat", r"/__pycache__/", "a compiled module, which is compiled anew"),
    ("openat", r"^/dev/urandom$", "where SQLite looks for the salts of its log; keys and seeds come from getrandom"),
    ("write", r"/err$", "the words for people; the exit status says the same"),
)
"""A fault that a command may swallow and still say that it is done: calls, whose file, and why nothing is lost by it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one case. `wrong`: each rule that was broken, in words; `lost` and `forked` are the two that must never be."""

    outcome: str
    code: str | None
    wrong: tuple[str, ...]
    lost: bool = False
    forked: bool = False


class Judge:
    """Looks at one folder after one command."""

    def __init__(self, scene: Scene, path: Path, ran: Ran, how: str | None) -> None:
        self.scene, self.path, self.ran, self.how = scene, path, ran, how
        self.wrong: list[str] = []
        self.lost = self.forked = False
        self.answer: Any = None
        self.code: str | None = None
        self.outcome = self._outcome()

    def verdict(self) -> Verdict:
        """All rules, one after the other."""
        try:
            self._said()
            if self.outcome == DONE:
                self._kept()
                self._swallowed()
            with chdir(self.path):
                self._opened_again()
        except CeasewireError as error:
            self.wrong.append(f"afterwards: {error}")
        except Exception as error:  # whatever it is, the case is wrong and the others go on
            self.wrong.append(f"afterwards: {error!r}")
        return Verdict(self.outcome, self.code, tuple(self.wrong), self.lost, self.forked)

    def _outcome(self) -> str:
        if self.ran.status is None:
            return HUNG
        if self.ran.status == -signal.SIGKILL:
            return KILLED
        return DONE if self.ran.status == self.scene.status else FAILED

    def _said(self) -> None:
        """It failed in words: one code that a person can look up, no traceback; or it gave its one JSON value."""
        if self.outcome == HUNG:
            self.wrong.append("it hung")
        if "Traceback" in self.ran.err:
            self.wrong.append("a traceback: " + self.ran.err.strip().rpartition("\n")[2])
        mute = any(call.name == "write" and call.path.endswith("/out") for call in self.ran.faulty)
        try:
            self.answer = json.loads(self.ran.out) if self.ran.out else None
        except ValueError:
            if not mute and self.outcome != KILLED:
                self.wrong.append(f"no JSON: {self.ran.out[:100]!r}")
        if self.outcome == DONE and (self.answer is None or mute) and self.how != "EINTR":
            self.wrong.append("it says that it is done, and its answer was not written")
        if self.outcome == FAILED:
            self._failed_clearly()

    def _failed_clearly(self) -> None:
        error = self.answer.get("error") if isinstance(self.answer, dict) else None
        found = _CODE.search(self.ran.err.strip())
        self.code = error["code"] if isinstance(error, dict) else (found[1] if found else None)
        deaf = any(call.name == "write" and call.path.endswith("/err") for call in self.ran.faulty)
        if self.code not in CODES and not deaf:
            self.wrong.append(f"it does not say what failed: {self.ran.status} {self.ran.err.strip()[-200:]}")

    def _kept(self) -> None:
        """What it promised is there."""
        before = len(self.wrong)
        try:
            if not self.scene.done(self.path, self.answer):
                self.wrong.append("it says that it is done, and it is not")
        except (CeasewireError, AssertionError, OSError) as error:
            self.wrong.append(f"it says that it is done, and it is not: {error!r}"[:300])
        self.lost = len(self.wrong) > before

    def _swallowed(self) -> None:
        """A call failed and the command says that it is done: only where nothing can be lost by it."""
        for at, call in enumerate(self.ran.calls):
            if not call.faulty or self._made_again(at) or self._was_durable(at) or self._was_over(at):
                continue
            harmless = (*HARMLESS, *self.scene.harmless)
            if not any((calls == "*" or call.name in calls.split()) and re.search(path, call.path) for calls, path, _ in harmless):
                self.wrong.append(f"swallowed: {call.name} {call.path}")

    def _made_again(self, at: int) -> bool:
        """The same call was made once more, and worked: some time after an interruption, at once after another error."""
        call, later = self.ran.calls[at], self.ran.calls[at + 1 :]
        among = later if self.how == "EINTR" else later[:1] if call.name == "openat" else ()
        return any((one.name, one.path, one.faulty) == (call.name, call.path, False) for one in among)

    def _was_durable(self, at: int) -> bool:
        """A sync of what had been synced already, and not been written to since."""
        call = self.ran.calls[at]
        before = [one for one in self.ran.calls[:at] if one.path == call.path and one.name in _WRITES | _SYNCS]
        before = [one for one in before if not (one.faulty and one.name in _SYNCS)]
        return call.name in _SYNCS and bool(before) and before[-1].name in _SYNCS

    def _was_over(self, at: int) -> bool:
        """What was promised was done by then, and what came after it may fail."""
        calls, paths = self.scene.then_optional
        names = [f"{one.name} {Path(one.path).name}" for one in self.ran.calls[:at] if not one.faulty]
        return bool(calls) and calls in names and re.search(paths, self.ran.calls[at].path) is not None

    # --- Opened again ---

    def _opened_again(self) -> None:
        if self.scene.after:
            self.wrong += self.scene.after(self.path, self.outcome == DONE)
            return
        self._half_made()
        for slug in ("north", "south"):
            for stray in (self.path / slug).glob(".new-*"):
                os.utime(stray, (_OLD, _OLD))
        if self.scene.again and self.outcome != DONE and self.scene.act() not in (0, self.scene.status):
            self.wrong.append("the same command, again, does not finish what was cut short")
        with Folder(self.path / "north").node(None, 0) as north, Folder(self.path / "south").node(None, 0) as south:
            self._go_on(north, south)
        for slug in ("north", "south"):
            self._tidy(slug)

    def _half_made(self) -> None:
        """What was to be made: whole and taken as such, or no node yet, which can be made once it is removed."""
        for name in self.scene.fresh:
            path = self.path / name
            if self.outcome == DONE or not path.exists():
                continue
            if path.is_file():
                if not self.scene.done(self.path, None):
                    self.wrong.append(f"a part of {name} is left")
            elif not (path / "card.txt").exists():
                shutil.rmtree(path)
                if self.scene.act():
                    self.wrong.append(f"{name} cannot be made after the rest of it is removed")

    def _go_on(self, north: Node, south: Node) -> None:
        """Each writes one more, and after three exchanges both hold and show the same, all of it verified."""
        for node in (north, south):
            if node.closed:
                self.wrong.append(f"{node.names.slug} is closed: {node.closed}")
                return
            held = sum(node.store_size(log) for log in node.channel.logs if node.channel.party_of(log) == node.channel.party_of(node.own))
            if held < self.scene.before:
                self.lost = True
                self.wrong.append(f"{node.names.slug} holds {held} of its own messages")
            node.send("statement", {"text": f"afterwards, {node.names.slug}"})
        for a, b in ((north, south), (south, north)) * 2 + ((north, south),):
            data, _ = Exchange(a).write_files(b.channel.party(b.own).slug)
            reading = read_bundles(Exchange(b), data)
            if not reading.well:
                self.wrong.append(f"{b.names.slug} refuses {reading.code or reading.refused}")
        self._agree(north, south)

    def _agree(self, north: Node, south: Node) -> None:
        if list(north.messages()) != list(south.messages()):
            self.wrong.append("the two show different records")
        if len(list(north.messages())) < 2 * self.scene.before + 2:
            self.lost = True
            self.wrong.append("messages are gone")
        for node in (north, south):
            if any(state.frozen for state in node.store.states().values()) or any(one.code == "log.fork" for one in node.store.refused()):
                self.forked = True
                self.wrong.append(f"{node.names.slug} has found two histories")
            for fault in fsck.check(node, lambda _done, _total: None).faults:
                self.wrong.append(f"fsck: {node.names.slug} {fault.place} {fault.code}")

    def _tidy(self, slug: str) -> None:
        removing = any(call.name.startswith("unlink") for call in self.ran.faulty)
        if self.outcome != KILLED and not removing:
            self.wrong += [f"left beside {slug}: {one.name[:5]}" for one in self.path.glob(".*")]
        held = {one.name for one in (self.path / slug).iterdir()}
        for stray in sorted(held - ORDINARY - {f"recovery-{slug}.txt"}):
            self.wrong.append(f"left in {slug}: {re.sub('new-.*', 'new-', stray)}")
