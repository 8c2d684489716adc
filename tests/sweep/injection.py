"""One command in a forked process, with a fault at one of its system calls. FAULTS F2, F4.

`strace` does the harm: it attaches to the process before its first step, lets the Nth call of one name fail without being made (or kills
the process on entering it), and writes down every call, so that a fault which the program swallows shows. Whoever calls this has
everything imported and forks, hence no case waits for Python to start.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

CALLS: Final = (
    "openat write pwrite64 writev pwritev pwritev2 fsync fdatasync rename renameat renameat2 link linkat unlink unlinkat rmdir ftruncate "
    "truncate mkdir mkdirat chmod fchmod fallocate copy_file_range sendfile flock"
).split()
"""What touches a file system. `read` is not among them: a child waits in one until strace is there."""
SECONDS: Final = 30.0
KILL: Final = "KILL"
FOR_EVER: Final = "+"

_LINE: Final = re.compile(r"^\d+ +(\w+)\((.*)\) += (.*)$")
_CUT: Final = re.compile(r"^\d+ +(\w+)\((.*?)(?:\) += \?| <unfinished \.\.\.>)$")
_OF_HANDLE: Final = re.compile(r"^\d+<([^>]*)>")
_PATHS: Final = re.compile(r'"((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """The `nth` call (from 1) named `call` fails with the error `how`, or the process is killed on entering it (KILL).

    An error that ends with `+` comes back at every later call of that name.
    """

    call: str
    nth: int
    how: str

    def __str__(self) -> str:
        return f"{self.call}:{self.nth}:{self.how}"

    @staticmethod
    def read(text: str) -> Fault:
        """What `str` wrote."""
        call, nth, how = text.split(":")
        return Fault(call, int(nth), how)

    def as_option(self) -> str:
        """In the words of strace."""
        what = "signal=SIGKILL" if self.how == KILL else f"error={self.how.removesuffix(FOR_EVER)}"
        return f"--inject={self.call}:{what}:when={self.nth}{FOR_EVER * self.how.endswith(FOR_EVER)}"


@dataclass(frozen=True, slots=True)
class Call:
    """One call as strace saw it: its name, the last path it names, and whether the fault was put there."""

    name: str
    path: str
    faulty: bool


@dataclass(frozen=True, slots=True)
class Ran:
    """A command that has ended: exit status (None: it was killed by us because it hung; -9: killed by the fault), and what it said."""

    status: int | None
    out: str
    err: str
    calls: tuple[Call, ...]

    @property
    def counts(self) -> dict[str, int]:
        """How many calls of each name it made."""
        return dict(Counter(call.name for call in self.calls))

    @property
    def faulty(self) -> list[Call]:
        """The calls that were made to fail, or the last before it was killed."""
        return [call for call in self.calls if call.faulty]


def lacks() -> str | None:
    """Why this machine can inject nothing, or None."""
    if shutil.which("strace") is None:
        return "there is no strace"
    child = os.fork()
    if child == 0:
        time.sleep(20)
        os._exit(0)
    with _attached(child, Path(os.devnull), ["--inject=fsync:error=EIO:when=1"]) as tracer:
        said = _first_line(tracer)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return None if "attached" in said else f"strace cannot attach to a process: {said.strip()}"


def run(act: Callable[[], int], folder: Path, scratch: Path, fault: Fault | None = None) -> Ran:
    """Do `act` in a forked process whose working directory is `folder`; what it says goes to files in `scratch`."""
    out, err, log = scratch / "out", scratch / "err", scratch / "calls"
    ready, go = os.pipe()
    streams = [os.open(os.devnull, os.O_RDONLY), os.open(out, _NEW, 0o600), os.open(err, _NEW, 0o600)]
    child = os.fork()
    if child == 0:
        _child(act, folder, streams, (ready, go))
    for handle in (ready, *streams):
        os.close(handle)
    options = [f"--trace={','.join(CALLS)}", *([fault.as_option()] if fault else [])]
    try:
        with _attached(child, log, options) as tracer:
            said = _first_line(tracer)
            if "attached" not in said:
                os.kill(child, signal.SIGKILL)
                raise RuntimeError(f"strace: {said}")
            os.write(go, b"x")
            status = _end(child)
    finally:
        os.close(go)
    calls = _read(log.read_text(errors="replace"))
    if fault is not None and fault.how == KILL and status == -signal.SIGKILL and calls:
        calls = (*calls[:-1], Call(calls[-1].name, calls[-1].path, True))
    return Ran(status, out.read_text(errors="replace"), err.read_text(errors="replace"), calls)


def _child(act: Callable[[], int], folder: Path, streams: list[int], pipe: tuple[int, int]) -> None:
    """Until it is told to go on, which is when strace is there, it makes none of the calls that can fail."""
    status = 70
    try:
        os.chdir(folder)
        for number, handle in enumerate(streams):
            os.dup2(handle, number)
            os.close(handle)
        os.close(pipe[1])
        os.read(pipe[0], 1)
        os.close(pipe[0])
        try:
            status = act()
            sys.stdout.flush()
        except SystemExit as error:
            status = error.code if isinstance(error.code, int) else 1
        except BaseException:  # what Python itself would do
            status = 1
            traceback.print_exc()
            sys.stderr.flush()
    finally:
        os._exit(status)


_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_TRUNC


def _attached(child: int, log: Path, options: list[str]) -> subprocess.Popen[str]:
    command = ["strace", "-f", "-y", "-s", "200", "-o", str(log), *options, "-p", str(child)]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def _first_line(tracer: subprocess.Popen[str]) -> str:
    """What strace says once it holds the process, or why it does not. It stops the process before that is written."""
    assert tracer.stderr is not None
    return tracer.stderr.readline()


def _end(child: int) -> int | None:
    """Wait for the child; None if it hung and was killed. What it had started itself is not waited for."""
    deadline = time.monotonic() + SECONDS
    pause = 0.0005
    while time.monotonic() < deadline:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        time.sleep(pause)
        pause = min(pause * 1.5, 0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def _read(log: str) -> tuple[Call, ...]:
    found = []
    for line in log.splitlines():
        whole = _LINE.match(line) or _CUT.match(line)
        if whole is None or whole[1] not in CALLS:
            continue
        name, arguments = whole[1], whole[2]
        at_handle = _OF_HANDLE.match(arguments)
        paths = _PATHS.findall(arguments)
        path = at_handle[1] if at_handle else (paths[-1] if paths else "")
        found.append(Call(name, path, "(INJECTED)" in line))
    return tuple(found)
