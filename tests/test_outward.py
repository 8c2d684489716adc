"""Alarms that go outward: real processes, Apprise itself, and a service of a test's own on loopback."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from carriers.sides import SOURCE, end, free_port, in_loop, make_sides, running, start, start_unready, until
from ceasewire import outward
from ceasewire.carriers.alarm import OUTWARD_GAP_SECONDS, Outward
from ceasewire.carriers.control import call
from helpers import local

SECRET = "s3cret-of-the-pager"
FLASH = {"phrase": "cease_now", "place": "the mill by the ford"}


@contextmanager
def service(status: int = 200) -> Iterator[tuple[int, list[tuple[str, str]]]]:
    """A service that takes notifications: its port, and the path and body of each."""
    found: list[tuple[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            found.append((self.path, self.rfile.read(int(self.headers["Content-Length"])).decode()))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port, found
        server.shutdown()
        thread.join()


def wish(folder: Path, *lines: str, mode: int = 0o600) -> Path:
    path = folder / "alarms"
    path.write_text("\n".join(lines), "utf-8")
    path.chmod(mode)
    return path


def test_a_flash_goes_outward_without_a_word_of_it(tmp_path: Path) -> None:
    sides = make_sides(tmp_path, {"north": None, "south": None})
    with service() as (port, found):
        wish(sides["south"].folder.path, "# the duty pager", "Bridge", f"json://127.0.0.1:{port}/{SECRET}")

        async def scenario() -> None:
            async with running(sides["south"]) as south, running(sides["north"]) as north:
                await north.send("flash", FLASH)
                await until(lambda: south.size(0) == 1 and bool(found), 20)

        in_loop(scenario())
    [(path, body)] = found
    assert path == f"/{SECRET}"
    said = json.loads(body)
    assert (said["message"], said["title"]) == ("Ceasewire: a flash is waiting (Bridge)", "")
    for word in ("mill", "cease", "north", "south", "flash/"):
        assert word not in body.replace("Ceasewire", "").replace("a flash", ""), word
    assert "http" not in body, "no address of anybody stands in it"


def test_what_fails_is_logged_without_the_secret(tmp_path: Path) -> None:
    with service(500) as (port, found):
        path = wish(tmp_path, f"json://127.0.0.1:{port}/{SECRET}")
        ran = subprocess.run(
            [sys.executable, "-m", "ceasewire.outward", str(path)],
            env={**os.environ, "PYTHONPATH": str(SOURCE), "CEASEWIRE_ALARM": "line.dead"},
            capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
        assert ran.returncode == 1
        assert json.loads(found[0][1])["message"] == "Ceasewire: an alarm is waiting"
        assert Outward.output == Outward.errors == subprocess.DEVNULL, "whatever it says goes nowhere"
        sides = make_sides(tmp_path / "sides", {"north": None, "south": None})
        wish(sides["south"].folder.path, f"json://127.0.0.1:{port}/{SECRET}")
        south, north = start(sides["south"].folder), start(sides["north"].folder)
        try:
            call(sides["north"].folder.control_path, {"op": "send", "kind": "flash", "json": FLASH})
            asyncio.run(until(lambda: len(found) == 2, 20))
            asyncio.run(asyncio.sleep(0.5))
        finally:
            end(north)
            *_, said = end(south)
    assert '"event": "alarm.outward_failed"' in said
    assert '"status": 1' in said
    assert SECRET not in said
    assert str(port) not in said


def test_it_goes_once_a_minute_at_most_and_passes_on_to_the_own_command(tmp_path: Path) -> None:
    assert Outward.gap() == OUTWARD_GAP_SECONDS == 60
    sides = make_sides(tmp_path, {"north": None, "south": None})
    rung = tmp_path / "rung"
    command = [sys.executable, "-c", "import os, sys; open(sys.argv[1], 'a').write(os.environ['CEASEWIRE_REF'] + '\\n')", str(rung)]
    with service() as (port, found):
        wish(sides["south"].folder.path, f"json://127.0.0.1:{port}/")

        async def scenario() -> None:
            async with running(sides["south"], alarm=command) as south, running(sides["north"]) as north:
                for place in ("the mill", "the ford", "the bridge"):
                    await north.send("flash", {**FLASH, "place": place})
                await until(lambda: south.size(0) == 3 and bool(found) and rung.exists(), 20)
                await asyncio.sleep(2)

        in_loop(scenario())
    assert len(found) == 1
    assert rung.read_text().startswith("north/")


@pytest.mark.parametrize(
    ("lines", "mode", "code"),
    [
        (["json://127.0.0.1/"], 0o644, "pen.mode"),
        (["only a name"], 0o600, "usage"),
        (["one name", "another", "json://127.0.0.1/"], 0o600, "usage"),
        ([], 0o600, "usage"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(tmp_path: Path, lines: list[str], mode: int, code: str) -> None:
    path = wish(tmp_path, *lines, mode=mode)
    with local(code):
        outward.wanted(path)
    assert outward.main(path) == 2


def test_serve_does_not_begin_with_a_silent_alarm(tmp_path: Path) -> None:
    side = make_sides(tmp_path, {"north": None, "south": None})["north"]
    wish(side.folder.path, "json://127.0.0.1/", mode=0o640)
    begun = start_unready(side.folder, listen=f"127.0.0.1:{free_port()}")
    _, error = begun.communicate(timeout=20)
    assert begun.returncode == 2
    assert "[pen.mode]" in error
    assert not outward.wanted(tmp_path / "nothing")
