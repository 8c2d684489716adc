"""The socket in a node's folder, through which other commands reach the process that writes. docs/operators.md.

One JSON object a line asks, one answers: `{"op": "send", "kind": K, "json": {...}}`, `{"op": "send_many", "drafts": [[K, {...}], ...]}`
(all of them under one signature, or none), `{"op": "sync", "peer": SLUG or null}` (with `"witnesses": true` also
the witnesses, and the answer is `{"peers", "witnesses"}`),
`{"op": "bundle_write", "to": SLUG}`, `{"op": "bundle_read", "data": BASE64}`, `{"op": "status"}`,
`{"op": "send_draft", "draft": ID}`; with each, `"not_restored": true` for an officer's word after a restart. The answer is
`{"result": ...}`, or
`{"error": {"code", "detail", "peer"}}`; `peer` says whether bytes from outside were at fault. The socket is the owner's alone (0600).

Sends that come together are committed together: one signature and one fsync for all of them.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import os
import socket
import stat
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from ..errors import CODES, CeasewireError, LocalError, PeerError
from ..limits import BATCH_BYTES
from ..node.drafts import Drafts
from ..node.exchange import Report
from ..node.node import Prepared, Sent
from ..node.openings import called
from ..record.fields import Json
from .file import read_bundles
from .hub import Hub
from .witnesses import Witnessed

CALL_SECONDS: Final = 60.0
SURE_SECONDS: Final = 10.0  # how long a message waits, after a restart, for a peer to confirm our log (docs/decisions/0017)
_SURE_STEP_SECONDS: Final = 0.05
LINE_BYTES: Final = 512 * 1024**2  # a file of bundles, in base64
_BACKLOG: Final = 512
# The CBOR of a body is never four times its JSON, so that what is gathered, at most Node.batch_most, fits one batch: it is committed whole
# or not at all, and the halves that are tried after a failure send nothing twice.
_GATHERED_BYTES: Final = BATCH_BYTES // 4

Draft = tuple[str, Json]


@contextmanager
def _short(path: Path) -> Iterator[str]:
    """A name of the socket within the 107 bytes that a socket's address may have."""
    try:
        folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        raise LocalError("node.missing", str(path.parent)) from None
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


# --- The side that asks ---


def call(path: Path, request: dict[str, Any]) -> Any:
    """What the process that serves the node answers. Blocks for at most a minute.

    Raises LocalError node.locked if nobody listens or answers, and whatever the request raised there.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.settimeout(CALL_SECONDS)
        try:
            with _short(path) as name:
                line.connect(name)
            with line.makefile("rwb") as stream:
                stream.write(json.dumps(request).encode() + b"\n")
                stream.flush()
                found = stream.readline(LINE_BYTES)
        except TimeoutError:
            raise LocalError("node.locked", f"{path} does not answer") from None
        except OSError as error:
            raise LocalError("node.locked", f"nobody listens at {path}: {error.strerror}") from None
    if not found.endswith(b"\n"):
        raise LocalError("node.locked", f"{path} ended in the middle of its answer")
    answer = json.loads(found)
    if "error" in answer:
        raise _error(answer["error"])
    return answer["result"]


def _error(said: dict[str, Any]) -> CeasewireError:
    code = said["code"] if said["code"] in CODES else "usage"
    return (PeerError if said.get("peer") else LocalError)(code, said["detail"])


# --- The side that answers ---


class Control:
    """The socket of one node. `sync(peer or None)` talks with the peers, as `ceasewire sync`."""

    def __init__(
        self,
        hub: Hub,
        path: Path,
        sync: Callable[[int | None], Awaitable[list[Report]]],
        status: Callable[[], Awaitable[dict[str, Json]]],
        witnesses: Callable[[], Awaitable[list[Witnessed]]] | None = None,
    ) -> None:
        self._hub = hub
        self._path = path
        self._sync = sync
        self._status = status
        self._witnesses = witnesses
        self._sends: asyncio.Queue[tuple[Draft, int, asyncio.Future[Sent]]] = asyncio.Queue()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._inode: tuple[int, int] | None = None

    async def run(self) -> None:
        """Answer on the socket, once it is open, until cancelled."""
        server = await asyncio.start_unix_server(self._serve, sock=self._socket, limit=LINE_BYTES, backlog=_BACKLOG)
        try:
            await self._send_together()
        finally:
            server.close()

    def open(self) -> None:
        """Make the socket, so that callers can wait in it. Raises LocalError file.unwritable."""
        try:
            os.fchmod(self._socket.fileno(), 0o600)  # before it is bound, the mode is the new file's
            with _short(self._path) as name:
                self._remove_stale()
                self._socket.bind(name)
            self._socket.listen(_BACKLOG)
            found = self._path.lstat()
            self._inode = (found.st_dev, found.st_ino)
        except OSError as error:
            raise LocalError("file.unwritable", f"{self._path}: {error.strerror}") from None

    def close(self) -> None:
        """Remove the socket, if it is ours."""
        self._socket.close()
        with suppress(OSError):
            found = self._path.lstat()
            if (found.st_dev, found.st_ino) == self._inode:
                self._path.unlink()

    def _remove_stale(self) -> None:
        """We hold the node's lock, so a socket that is there is of a process that was killed."""
        with suppress(FileNotFoundError):
            if not stat.S_ISSOCK(self._path.lstat().st_mode):
                raise LocalError("file.unwritable", f"{self._path} is there and is not a socket")
            self._path.unlink()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                writer.write(json.dumps(await self._answer(line)).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError):
            pass  # the caller went away, or wrote a line without end
        finally:
            writer.close()

    async def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            request = json.loads(line)
            if not isinstance(request, dict):
                raise LocalError("usage", "a request is an object")
            return {"result": await self._do(request, len(line))}
        except CeasewireError as error:
            return {"error": {"code": error.code, "detail": error.detail, "peer": isinstance(error, PeerError)}}
        except (ValueError, RecursionError) as error:
            return {"error": {"code": "json.malformed", "detail": type(error).__name__, "peer": False}}

    async def _do(self, request: dict[str, Any], size: int) -> Json:
        op, hub = request.get("op"), self._hub
        if request.get("not_restored") is True:
            await hub.run(hub.node.confirm, "officer")
        if op in ("send_many", "send_draft"):
            await self._sure()
        if op == "send" and isinstance(request.get("kind"), str):
            return (await self.send(request["kind"], request.get("json"), size)).as_json()
        if op == "send_many":
            drafts = _drafts(request.get("drafts"), size, hub.node.batch_most)
            return [sent.as_json() for sent in await hub.run(hub.node.send_many, drafts)]
        if op == "sync":
            slug = request.get("peer")
            peers: Sequence[int | None] = [None] if slug is None else called(hub.node, _name(slug))
            reports = [report.as_json() for peer in peers for report in await self._sync(peer)]
            if request.get("witnesses") is not True:
                return reports
            shown = [] if slug is not None or self._witnesses is None else await self._witnesses()
            return {"peers": reports, "witnesses": [one.as_json() for one in shown]}
        if op == "bundle_write":
            data, messages = await hub.run(hub.exchange.write_files, _name(request.get("to")))
            return {"data": base64.b64encode(data).decode(), "messages": messages}
        if op == "bundle_read":
            reading = await hub.run(read_bundles, hub.exchange, _octets(request.get("data")))
            return reading.as_json()
        if op == "send_draft":
            sent = await hub.run(Drafts(self._path.parent).send, hub.node, _name(request.get("draft")))
            return sent.as_json()
        if op == "status":
            return await self._status()
        raise LocalError("usage", "an operation that this version does not have")

    async def _sure(self) -> None:
        """After a restart the lines ask at once, and an answer is mostly there before an officer could read why a message is refused."""
        loop = asyncio.get_running_loop()
        until = loop.time() + SURE_SECONDS
        while self._hub.node.unsure and loop.time() < until:
            await asyncio.sleep(_SURE_STEP_SECONDS)

    # --- Group commit ---

    async def send(self, kind: str, json: Json, size: int) -> Sent:
        """Send one message together with whatever comes at the same time; `size`: bytes of its JSON. Raises as Node.send."""
        await self._sure()
        done: asyncio.Future[Sent] = asyncio.get_running_loop().create_future()
        self._sends.put_nowait(((kind, json), size, done))
        return await done

    async def _send_together(self) -> None:
        while True:
            together = [await self._sends.get()]
            size = together[0][1]
            while not self._sends.empty() and len(together) < self._hub.node.batch_most and size < _GATHERED_BYTES:
                together.append(self._sends.get_nowait())
                size += together[-1][1]
            drafts = [draft for draft, _, _ in together]
            try:
                results = await self._hub.run(send_each, self._hub, drafts)
            except asyncio.CancelledError:
                for _, _, done in together:
                    done.cancel()
                raise
            except Exception as error:  # whoever waits must hear of it
                results = [error] * len(drafts)
            for (_, _, done), result in zip(together, results, strict=True):
                if done.done():
                    continue
                if isinstance(result, Sent):
                    done.set_result(result)
                else:
                    self._hub.blame(result)
                    done.set_exception(result)


def send_each(hub: Hub, drafts: list[Draft]) -> list[Sent | Exception]:
    """Send drafts together; of each what was sent, or why it was not. A bad draft takes no other with it. In the node's thread."""
    results: dict[int, Sent | Exception] = {}
    prepared: dict[int, Prepared] = {}
    for place, draft in enumerate(drafts):
        try:
            prepared[place] = Prepared(*hub.node.read(*draft))
        except CeasewireError as error:
            results[place] = error
    _send_some(hub, prepared, list(prepared), results)
    return [results[place] for place in range(len(drafts))]


def _send_some(hub: Hub, prepared: dict[int, Prepared], places: list[int], results: dict[int, Sent | Exception]) -> None:
    """All of them under one checkpoint; if one of them is not valid in the log as it stands, each half by itself."""
    if not places:
        return
    try:
        results.update(zip(places, hub.node.send_prepared([prepared[place] for place in places]), strict=True))
    except CeasewireError as error:
        if len(places) == 1 or error.code in {"log.closed", "log.replaced", "log.unsure", "disk.failed", "random.failed", "store.damaged"}:
            results.update(dict.fromkeys(places, error))
            return
        middle = len(places) // 2
        _send_some(hub, prepared, places[:middle], results)
        _send_some(hub, prepared, places[middle:], results)


def _drafts(found: object, size: int, most: int) -> list[Draft]:
    """The drafts of `send_many`, so few that they fit one batch. Raises LocalError usage."""
    if not isinstance(found, list) or not 0 < len(found) <= most or size > _GATHERED_BYTES:
        raise LocalError("usage", f"1 to {most} drafts of at most {_GATHERED_BYTES} bytes together")
    if any(not isinstance(one, list) or len(one) != 2 or not isinstance(one[0], str) for one in found):
        raise LocalError("usage", "a draft is a kind and an object")
    return [(one[0], one[1]) for one in found]


def _name(value: object) -> str:
    if not isinstance(value, str):
        raise LocalError("usage", "the name of a party or of a log")
    return value


def _octets(value: object) -> bytes:
    try:
        return base64.b64decode(value if isinstance(value, str) else "*", validate=True)
    except binascii.Error:
        raise LocalError("usage", "data in base64") from None
