"""The command line, run in this process as a shell would run it, and two nodes that have joined one channel.

cli = Cli(tmp_path)
done = cli("list", "north", "--json")
done.status, done.out, done.err, done.json
"""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ceasewire.cli import main

PASSPHRASE = "a passphrase of nobody"
TOML = """
name = "line"
title = "A line for tests"

[[provisions]]
id = "II.3"
text = "No fire across the line."
"""
INCIDENT = {
    "types": ["A4"],
    "occurred_from": "2026-03-01T04:12:00Z",
    "place": "Kala",
    "accused": "south",
    "narrative": "twelve rounds\nfrom the ridge",
}


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, which holds one JSON value and nothing else."""
        assert self.out.count("\n") >= 1, self
        return json.loads(self.out)

    @property
    def code(self) -> Any:
        """The code of the error, of a command run with --json."""
        return self.json["error"]["code"]


class _Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


@dataclass
class Cli:
    """Runs commands in `folder`. `encoding` is that of standard output and error; a `terminal` is one as wide as COLUMNS says."""

    folder: Path
    encoding: str = "utf-8"
    terminal: bool = False

    def __call__(self, *arguments: object, stdin: str | bytes = b"") -> Done:
        kind = _Terminal if self.terminal else io.TextIOWrapper
        out, err = (kind(io.BytesIO(), encoding=self.encoding, write_through=True) for _ in range(2))
        given = io.TextIOWrapper(io.BytesIO(stdin.encode() if isinstance(stdin, str) else stdin), encoding="utf-8")
        with _in(self.folder), _streams(given, out, err):
            status = main([str(argument) for argument in arguments])
        return Done(status, *(self._read(stream) for stream in (out, err)))

    def _read(self, stream: io.TextIOWrapper) -> str:
        stream.flush()
        assert isinstance(stream.buffer, io.BytesIO)
        return stream.buffer.getvalue().decode(self.encoding)

    def good(self, *arguments: object, stdin: str | bytes = b"") -> Any:
        """The JSON of a command that must succeed."""
        done = self(*arguments, "--json", stdin=stdin)
        assert done.status == 0, done
        return done.json

    def send(self, node: str, kind: str, **body: Any) -> str:
        """Send a message; its reference."""
        ref: str = self.good("send", node, kind, "-", stdin=json.dumps(body))["ref"]
        return ref

    def carry(self, sender: str, recipient: str) -> Any:
        """Carry a file of bundles from one to the other; what reading it gave."""
        self.good("bundle", "write", sender, "--to", recipient, "-o", "carried.bundle")
        return self.good("bundle", "read", recipient, "carried.bundle")


@contextmanager
def _in(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


@contextmanager
def _streams(*streams: io.TextIOWrapper) -> Iterator[None]:
    before = sys.stdin, sys.stdout, sys.stderr
    sys.stdin, sys.stdout, sys.stderr = streams
    try:
        yield
    finally:
        sys.stdin, sys.stdout, sys.stderr = before


@cache
def _template(urls: tuple[str, ...]) -> tempfile.TemporaryDirectory[str]:
    """A folder with north and south, joined, and line.charter. Its nodes open by key files."""
    place = tempfile.TemporaryDirectory(prefix="ceasewire-cli-")
    cli = Cli(Path(place.name))
    (cli.folder / "line.toml").write_text(TOML)
    for slug, url in zip(("north", "south"), urls, strict=True):
        cli.good("init", slug, "--party", slug, "--name", f"{slug.title()} Command", "--no-passphrase", *(("--url", url) if url else ()))
        (cli.folder / f"{slug}.card").write_text(cli("card", slug).out)
    cli.good("charter", "draft", "line.toml", "north.card", "south.card", "-o", "line.charter")
    for slug in ("north", "south"):
        cli.good("charter", "sign", slug, "line.charter")
    for slug in ("north", "south"):
        cli.good("join", slug, "line.charter")
    return place


def joined(folder: Path, urls: tuple[str, str] = ("", "")) -> Cli:
    """North and south, joined, in a folder of their own."""
    shutil.copytree(_template(urls).name, folder, dirs_exist_ok=True)
    return Cli(folder)
