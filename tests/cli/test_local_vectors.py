"""spec/vectors/local, performed: real folders, the real command line, real limits of the system."""

from __future__ import annotations

import fcntl
import http.client
import json
import os
import platform
import re
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import pytest

from accounts.performing import People
from carriers.sides import Side
from ceasewire.accounts import Accounts
from ceasewire.errors import CODES
from ceasewire.folder import Folder
from ceasewire.record.charter import open_charter
from cli.driving import Cli, Done, joined
from cli.test_exchange import free_port, served
from console.people import person

ROOT: Final = Path(__file__).resolve().parents[2]
FOLDER: Final = ROOT / "spec" / "vectors" / "local"
LOCAL: Final = {"usage", "field.unknown", "log.closed", "log.unsure", "disk.failed", "random.failed", "http.type"}
LOCAL_FAMILIES: Final = (
    "backup.",
    "json.",
    "ref.m",
    "file.",
    "node.",
    "pen.",
    "store.",
    "net.",
    "import.",
    "token.",
    "api.",
    "account.",
    "console.",
)
GETRANDOM: Final = {"x86_64": 318, "aarch64": 278}

# Run as `python -c LIMITED getrandom-number-or-0 file-bytes-or-0 ARGS`: it limits itself, then becomes the command line.
LIMITED: Final = """
import ctypes, os, resource, struct, sys
number, most = int(sys.argv[1]), int(sys.argv[2])
if most:
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
if number:  # seccomp: getrandom with flags 0 fails with EIO (5), all else is allowed
    rules = b"".join(
        struct.pack("=HBBI", *rule)
        for rule in (
            (0x20, 0, 0, 0), (0x15, 0, 3, number), (0x20, 0, 0, 32), (0x15, 0, 1, 0), (0x06, 0, 0, 0x00050005), (0x06, 0, 0, 0x7FFF0000)
        )
    )
    kept = ctypes.create_string_buffer(rules)
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", 6, ctypes.addressof(kept)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, program, 0, 0):
        sys.exit(77)
os.execv(sys.executable, [sys.executable, "-m", "ceasewire", *sys.argv[3:]])
"""


@dataclass
class Acting:
    """The acts of one vector, in a folder of its own."""

    cli: Cli
    port: int
    stack: ExitStack
    limits: list[str] = field(default_factory=lambda: ["0", "0"])

    @cached_property
    def accounts(self) -> People:
        accounts = Accounts.open(self.path("accounts.sqlite"), os.urandom)
        self.stack.callback(accounts.close)
        return People(accounts)

    def people(self, *step: Any) -> None:
        self.accounts.call(*step)

    def refused(self, code: str, *step: Any) -> None:
        assert self.accounts.refused(*step) == code

    def path(self, name: str) -> Path:
        return self.cli.folder / name

    def run(self, arguments: list[str], stdin: str) -> Done:
        if self.limits == ["0", "0"]:
            return self.cli(*arguments, "--json", stdin=stdin)
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-c", LIMITED, *self.limits, *arguments, "--json"]
        done = subprocess.run(command, cwd=self.cli.folder, env=environment, input=stdin.encode(), capture_output=True, check=False)
        if done.returncode == 77:
            pytest.skip("this system lets no process limit itself by seccomp")
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode())

    def output(self, name: str, arguments: list[str]) -> None:
        self.path(name).write_text(self.cli(*arguments).out)

    def write(self, name: str, words: str) -> None:
        self.path(name).parent.mkdir(parents=True, exist_ok=True)
        self.path(name).write_text(words, "utf-8")

    def copy(self, source: str, target: str) -> None:
        shutil.copyfile(self.path(source), self.path(target))

    def remove(self, name: str) -> None:
        self.path(name).unlink()

    def truncate(self, name: str, size: int) -> None:
        os.truncate(self.path(name), size)

    def chmod(self, name: str, mode: str) -> None:
        self.path(name).chmod(int(mode, 8))

    def sql(self, name: str, statement: str) -> None:
        database = sqlite3.connect(self.path(name), isolation_level=None)
        database.execute(statement).fetchall()
        database.close()

    def hold_lock(self, name: str) -> None:
        handle = os.open(self.path(name), os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(handle, fcntl.LOCK_EX)
        self.stack.callback(os.close, handle)

    def limit_file_bytes(self, most: int) -> None:
        self.limits[1] = str(most)

    def no_randomness(self, _: bool) -> None:
        if platform.machine() not in GETRANDOM:
            pytest.skip(f"the number of getrandom on {platform.machine()} is not listed here")
        self.limits[0] = str(GETRANDOM[platform.machine()])

    def answer_http(self, status: int) -> None:
        self.stack.enter_context(answering(self.port, status))

    def serve(self, node: str) -> None:
        self.stack.enter_context(served(self.cli, node))

    def post(self, type: str, body: str, coding: str = "") -> tuple[int, Any]:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        headers = {"Content-Type": type, **({"Content-Encoding": coding} if coding else {})}
        line.request("POST", "/exchange", body.encode(), headers)
        answer = line.getresponse()
        found = answer.status, json.loads(answer.read())
        line.close()
        return found

    def guess(self, count: int) -> None:
        """So many programs ask again and again with wrong tokens, until the end."""
        ended = threading.Event()

        def asking(number: int) -> None:
            time.sleep(number / count)
            while not ended.is_set():
                self.http("GET", "/nodes", token=f"cw_{number:043}")
                time.sleep(0.02)

        threads = [threading.Thread(target=asking, args=(number,)) for number in range(count)]
        for thread in threads:
            self.stack.callback(thread.join)
            thread.start()
        self.stack.callback(ended.set)
        time.sleep(2)

    def page(
        self, method: str, path: str, *, role: str = "reader", origin: str = "", form: dict[str, str] | None = None
    ) -> tuple[int, str]:
        """What the console of `south` answers somebody of that role: the status, and the code that the page names."""
        folder = Folder(self.path("south"))
        who = person(Side(folder, "south", "", self.port), role)
        fields = {"csrf": who.csrf, **(form or {})}
        body = None if form is None else urlencode(fields).encode()
        kind = {} if form is None else {"Content-Type": fields.pop("type", "application/x-www-form-urlencoded")}
        found = who.ask(method, path, body, Origin=origin or f"http://localhost:{self.port}", **kind)
        named = re.search(r'<code dir="ltr">([a-z_.]+)</code>', found.text)
        return found.status, named[1] if named else ""

    def http(self, method: str, path: str, *, token: str = "", type: str = "", body: str = "", length: int = 0) -> tuple[int, Any]:
        if "NODE" in path:
            channel_id = open_charter(self.path("south/charter.cwc").read_bytes(), complete=True).channel_id
            path = path.replace("NODE", f"south@{channel_id.hex()[:8]}")
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        headers = {"Content-Type": type} if type else {}
        if token in ("reader", "sender"):
            token = self.cli("token", "add", "south", token, "--role", token, "--json").json["token"]
        headers |= {"Authorization": f"Bearer {token}"} if token else {}
        headers |= {"Content-Length": str(length)} if length else {}
        line.request(method, f"/api/v1{path}", body.encode() if type else None, headers)
        answer = line.getresponse()
        found = answer.status, json.loads(answer.read())
        line.close()
        return found


@contextmanager
def answering(port: int, status: int) -> Iterator[None]:
    """A server that answers every POST with this status, and leads elsewhere."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            self.send_header("Location", f"http://127.0.0.1:{port}/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def code_of(value: Any) -> Any:
    """The one code of a failure: of an error, or of the report of a sync."""
    return value[0]["error"] if isinstance(value, list) else value["error"]["code"]


VECTORS: Final = sorted(FOLDER.glob("*.json"))


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_vector(path: Path, tmp_path: Path) -> None:
    vector = json.loads(path.read_text("utf-8"))
    assert set(vector) == {"topic", "what", "given", "do", "expect"}
    assert vector["expect"]["code"] in CODES
    port = free_port()
    cli = {"nothing": Cli, "joined": lambda folder: joined(folder, ("http://127.0.0.1:1", f"http://127.0.0.1:{port}"))}[vector["given"]](
        tmp_path
    )
    *before, last = vector["do"]
    with ExitStack() as stack:
        acting = Acting(cli, port, stack)
        for step in before:
            perform(acting, step)
        expect = vector["expect"]
        if "post" in last:
            status, answer = acting.post(**last["post"])
            assert (status, answer["code"]) == (expect["status"], expect["code"])
            return
        if "people" in last:
            assert acting.accounts.refused(*last["people"]) == expect["code"]
            return
        if "page" in last:
            assert acting.page(**last["page"]) == (expect["status"], expect["code"])
            return
        if "http" in last:
            status, answer = acting.http(**last["http"])
            assert (status, answer["error"]["code"]) == (expect["status"], expect["code"])
            return
        done = acting.run(last["run"], last.get("stdin", ""))
        assert (done.status, code_of(done.json)) == (expect["exit"], expect["code"]), done
        assert "Traceback" not in done.err


def perform(acting: Acting, step: dict[str, Any]) -> None:
    """A step that must succeed."""
    if "run" in step:
        done = acting.run(step["run"], step.get("stdin", ""))
        assert done.status == 0, (step, done)
        return
    ((name, value),) = step.items()
    act: Callable[..., None] = getattr(acting, name)
    act(*(value if isinstance(value, list) else [value]))


def test_every_local_code_has_a_vector() -> None:
    wanted = {code for code in CODES if code in LOCAL or code.startswith(LOCAL_FAMILIES)}
    found = {json.loads(path.read_text("utf-8"))["expect"]["code"] for path in VECTORS}
    assert wanted - found == set()
    assert all(path.name.startswith(json.loads(path.read_text("utf-8"))["expect"]["code"]) for path in VECTORS)
