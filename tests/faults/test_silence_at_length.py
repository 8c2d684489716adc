"""The issue's demonstration: "They did not ask us". Months, many messages, two logs; then a request, and no proof.

`pytest tests/faults/test_silence_at_length.py -m sweep -s` plays it in full and prints sizes and times; every run plays a short one.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import ceasewire as package
from ceasewire.record.kinds import KINDS
from ceasewire.record.message import entry_of
from ceasewire.record.notation import show_time
from ceasewire.record.silence import Silence, packed
from ceasewire.verifier import Trust, verify
from helpers import START
from node.pair import ChannelPair

DAY = 86400


def at(day: float) -> int:
    return START + int(day * DAY)


def ceasewire(*arguments: str, folder: Path) -> tuple[int, Any, float]:
    """Exit status, JSON and seconds of a command in a process of its own."""
    started = time.monotonic()
    command = [sys.executable, "-m", "ceasewire", *arguments, "--json"]
    where = {**os.environ, "PYTHONPATH": str(Path(package.__file__).parents[1])}
    done = subprocess.run(command, cwd=folder, env=where, capture_output=True, check=False, timeout=300)
    return done.returncode, json.loads(done.stdout), time.monotonic() - started


def months(pair: ChannelPair, days: int, a_day: int) -> None:
    """North writes so many messages each day, and everyone a line check; half-way north's keys are made anew."""
    for day in range(days):
        pair.set_clock(at(day))
        if day == days // 2:
            pair.north.rotate()
        pair.north.node.send_many([("statement", {"text": f"Day {day}, message {n}."}) for n in range(a_day)])
        for side in pair:
            side.node.send("line_check", {})
        pair.settle(2)


@pytest.mark.parametrize(("days", "a_day"), [(8, 3), pytest.param(94, 55, marks=pytest.mark.sweep)])
def test_they_did_not_ask_us(days: int, a_day: int, tmp_path: Path) -> None:
    with ChannelPair(("north", "south", "mission:guarantor")) as pair:
        months(pair, days, a_day)
        south, period = str(pair.path / "south"), (show_time(at(0.5)), show_time(at(days - 1.5)))
        asked = ("prove", south, "--silence", "request", "--by", "north", "--from", period[0], "--to", period[1], "-o", "none.silence")
        status, proved, proving = ceasewire(*asked, folder=tmp_path)
        assert (status, proved["by"]) == (0, "north")

        court = tmp_path / "court"  # which never met the parties: two files
        court.mkdir()
        shutil.move(tmp_path / "none.silence", court / "none.silence")
        (court / "line.charter").write_bytes(pair.made.signed.encode())
        status, report, checking = ceasewire("verify", "none.silence", "--charter", "line.charter", folder=court)
        found = report["silence"]
        assert (status, report["verdict"], len(found["logs"])) == (0, "valid", 2)
        assert found["entries"] >= (days - 2) * (a_day + 1)
        data = (court / "none.silence").read_bytes()
        started = time.process_time()
        assert verify(data, Trust(pair.made.signed.encode())).verdict == "valid"
        alone = time.process_time() - started
        assert alone < 1
        each = len(data) / found["entries"]
        print(f"\n{found['sentence']}")
        print(f"{found['entries']} entries of 2 logs over {days - 2} days: {len(data)} bytes, {each:.1f} an entry")
        print(f"prove {proving:.2f} s and verify {checking:.2f} s as commands; the verification alone {alone:.3f} s")

        a_request_and_no_proof(pair, days, asked, tmp_path)


def a_request_and_no_proof(pair: ChannelPair, days: int, asked: tuple[str, ...], folder: Path) -> None:
    """North asks, the line goes on; the command refuses and names it, and leaving it out of a file gives another root."""
    pair.set_clock(at(days))
    sent = pair.north.node.send("request", {"questions": ["Who fired on Kala?"]})
    pair.settle(1)
    for day in (days + 1, days + 2):
        pair.set_clock(at(day))
        for side in pair:
            side.node.send("line_check", {})
        pair.settle(2)
    later = (*asked[:-3], show_time(at(days + 1.5)), *asked[-2:])
    status, refused, _ = ceasewire(*later, folder=folder)
    assert (status, refused["error"]["code"]) == (1, "silence.broken")
    assert f"{sent.log}/{sent.index}, a request" in refused["error"]["message"]
    assert not (folder / "none.silence").exists()
    print(f"exit {status}: {refused['error']['message']}")

    other = ("prove", asked[1], "--silence", "notice", *later[4:])
    assert ceasewire(*other, folder=folder)[0] == 0
    honest = Silence.decode((folder / "none.silence").read_bytes())
    first, last = honest.stretches
    rows = pair.south.node.store.rows(last.log, last.start.size, pair.south.size(last.log))
    without = [entry_of(row) for row in rows if row.kind != KINDS["request"]]
    cheat = replace(last, chunks=tuple(packed(without)))
    lied = replace(honest, claim=replace(honest.claim, kind=KINDS["request"]), stretches=(first, cheat))
    report = verify(lied.encode(), Trust(pair.made.signed.encode()))
    assert (report.verdict, report.code) == ("invalid", "silence.entries")
    print(f"with the request left out of the file: {report.verdict}, step {report.steps[-1].step}, {report.code}")
