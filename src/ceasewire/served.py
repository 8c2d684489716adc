"""One node that is served: its lines, its control socket, what it does by the clock, and what it says of itself.

Several nodes may share a process and its address; they share nothing else. Each has its thread, its readers, its keys and its logs, and
what goes wrong with one stops none of the others, which may be of another level.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, ParamSpec, Protocol, TypeVar

from .carriers.alarm import Alarm
from .carriers.clockwork import Clockwork
from .carriers.control import Control
from .carriers.hub import Hub
from .carriers.line import talk_once
from .carriers.lines import Lines
from .carriers.logs import Log
from .carriers.witnesses import Witnessed, Witnesses, show_once
from .console.health import NodeHealth, node_health
from .errors import CeasewireError, LocalError
from .node import drafts, schedule
from .node.derived import SUMMED_UP
from .node.exchange import Report
from .node.flashes import sounds
from .node.heard import Heard
from .node.node import Node, Sent
from .node.schedule import Facts
from .node.status import status
from .node.view import Ref
from .record import fingerprint
from .record.fields import Json
from .record.message import SEED_BYTES

if TYPE_CHECKING:
    from .accounts import Accounts

PEN_SECONDS: Final = 0.5
SHELF_SECONDS: Final = 5.0
STATUS_SECONDS: Final = 2.0
QUIET_SECONDS: Final = 3.0  # so long after the last news, what is derived is brought up to date
NEWS_SECONDS: Final = 0.1  # what changes within this time is one piece of news
AGAIN_SECONDS: Final = 1.0  # after a defect of ours, until the chore that met it begins anew
READERS: Final = 2
_SLOW_STATUS: Final = 5  # a status that takes long to work out is kept for so many times as long

P = ParamSpec("P")
T = TypeVar("T")


class Home(Protocol):
    """A node's folder, as much of it as a node that is served needs."""

    @property
    def control_path(self) -> Path:
        """Where the control socket goes."""

    @property
    def tokens_path(self) -> Path:
        """Where the tokens of the API are listed."""

    @property
    def charter_path(self) -> Path:
        """Where the charter lies, as all signed it."""


class Served:
    """One node that is served. Made and used in one event loop. `alarm`: the operator's, if there is one."""

    def __init__(self, home: Home, hub: Hub, tls_ca: Path | None, log: Log, alarm: Alarm | None = None) -> None:
        node = hub.node
        self.hub = hub
        self.tokens_path = home.tokens_path
        self._charter_path = home.charter_path
        self._home = home.control_path.parent
        self.drafts = drafts.Drafts(self._home)
        self._log = log.bind(node=node.names.slug)
        self._tls_ca = tls_ca
        self._alarm = alarm
        self._lines = Lines(hub, tls_ca, self._log)
        self._witnesses = Witnesses(hub, tls_ca, self._log)
        self.control = Control(hub, home.control_path, self.sync, self.status, self.show_witnesses)
        # Reading beside the node's thread, so that no page delays a message.
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="status")
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="reading")
        self._clockwork = Clockwork(hub, self._facts, self._ring_schedule, self._log)
        self._news = asyncio.Event()
        hub.listeners.append(self._news.set)
        hub.listeners.append(self._tell)
        self._watching: set[asyncio.Event] = set()  # one for each page that is open
        self._ended = False
        self._accounts: Accounts | None = None
        self._one_opening = asyncio.Lock()
        if alarm is not None:
            hub.exchange.on_flash.append(self._ring_flash)
        self._status: dict[str, Json] = {}
        self._status_until = self._status_soonest = 0.0
        self._one_status = asyncio.Lock()

    @property
    def node(self) -> Node:
        """The node itself; its own calls belong into the hub's thread."""
        return self.hub.node

    @property
    def name(self) -> str:
        """What the API calls it: our log's name and the beginning of the channel's id."""
        return f"{self.node.names.slug}@{self.node.channel.channel_id.hex()[:8]}"

    def tasks(self) -> list[Coroutine[None, None, None]]:
        """What runs as long as it is served. None of them ends by an error, which would end the other nodes too."""
        lines = (self._lines.run, self._witnesses.run, self.control.run, self._clockwork.run)
        chores = (*lines, self._sync_pen, self._retry_shelf, self._warn, self._keep_ready)
        return [self._kept(chore) for chore in chores]

    async def _kept(self, chore: Callable[[], Coroutine[None, None, None]]) -> None:
        while True:
            try:
                await chore()
            except Exception as error:  # a defect of ours
                self._log.error("chore.failed", chore=chore.__qualname__, kind=type(error).__name__)
            await asyncio.sleep(AGAIN_SECONDS)

    def close(self) -> None:
        """Nobody asks any more."""
        self.control.close()
        self._reader.shutdown(wait=False, cancel_futures=True)
        self._readers.shutdown(wait=False, cancel_futures=True)
        if self._accounts is not None:
            self._accounts.close()

    # --- Chores ---

    async def _sync_pen(self) -> None:
        """The pen's last note is durable within a second, and so is what the store wrote without waiting for the disk. In a thread of its
        own: the node goes on meanwhile."""
        synced = -1
        while True:
            try:
                await asyncio.to_thread(self.node.store.settle)
                await asyncio.to_thread(self.node.store.make_room)
            except LocalError as error:
                self.hub.failed = error.code
                self._news.set()
            await asyncio.sleep(PEN_SECONDS)
            counter = self.node.pen.counter
            if counter == synced:
                continue
            try:
                await asyncio.to_thread(self.node.pen.sync)
                synced, self.hub.pen_failed = counter, None
            except LocalError as error:
                self.hub.pen_failed = error.code
                self._news.set()

    async def _retry_shelf(self) -> None:
        """What was held for the clock or the quota is tried again."""
        while True:
            await asyncio.sleep(SHELF_SECONDS)
            with suppress(CeasewireError):  # the hub remembers it
                if await self.hub.look(self.hub.exchange.retry_shelf):
                    self.node.changed()

    async def _keep_ready(self) -> None:
        """What is new goes into the derived tables before anybody asks, so that the first page after thousands of messages is as quick as
        the next. Only once it is quiet, so that no message waits for it; and not at a node that nobody signs in to, which needs no memory
        for it."""
        new = asyncio.Event()
        new.set()
        self.hub.listeners.append(new.set)
        try:
            while True:
                await new.wait()
                while new.is_set():
                    new.clear()
                    await asyncio.sleep(QUIET_SECONDS)
                with suppress(CeasewireError):  # a page that is asked for says so
                    if self._accounts is None or await asyncio.to_thread(self._accounts.is_empty):
                        continue
                    await self.read(self.node.reading.projection.ask, _nothing, SUMMED_UP)
        finally:
            self.hub.listeners.remove(new.set)

    async def _warn(self) -> None:
        """Say once, loudly, when the node cannot do its work, or a log has shown two histories."""
        said: set[str] = set()
        while True:
            self._news.clear()
            now = {self.hub.health} - {"ok"}
            with suppress(CeasewireError):
                now |= set(await self.hub.look(self._frozen))
            for what in sorted(now - said):
                self._log.critical("node.alarm", what=what)
            said = now
            await self._news.wait()
            await asyncio.sleep(PEN_SECONDS)

    def _frozen(self) -> list[str]:
        """Each log that showed two histories, and that it did."""
        node = self.node
        return [f"{state.frozen} {node.channel.log_name(number)}" for number, state in node.store.states().items() if state.frozen]

    # --- Alarms ---

    def _ring_flash(self, ref: str) -> None:
        """Called in the node's thread, after the commit. Whether it sounds is asked beside that thread."""
        place = self.node.ref(ref)
        held, leaves = self.node.store.row(*place) is None, self.node.leaves(place)
        with suppress(RuntimeError):  # we are stopping
            self._readers.submit(self._ring_if_it_sounds, ref, place, leaves, held)

    def _ring_if_it_sounds(self, ref: str, place: Ref, leaves: set[bytes], held: bool) -> None:
        """A flash that is held may be void for all we know, and rings; so does one that cannot be judged."""
        try:
            if not held and not sounds(self.node.reading, place):
                return
        except Exception as error:  # a silent alarm is the one fault that nobody would notice
            self._log.error("flash.unjudged", kind=type(error).__name__)
        if self._alarm is not None:
            self._alarm.ring(ref, leaves)

    def _ring_schedule(self, alarm: schedule.Alarm) -> None:
        if self._alarm is not None:
            self._alarm.tell(alarm.code, alarm.log or "")

    # --- Asked for ---

    async def sync(self, peer: int | None) -> list[Report]:
        """Talk with a peer, or with all, as `ceasewire sync`."""
        peers = self.hub.exchange.peers() if peer is None else [peer]
        return [await talk_once(self.hub, one, self._tls_ca, self._log) for one in peers]

    async def show_witnesses(self) -> list[Witnessed]:
        """Show every witness of the charter our logs, also where nothing is new."""
        return await show_once(self.hub, self._tls_ca, self._log)

    async def send(self, kind: str, json: Json, size: int) -> Sent:
        """Send one message, with others that come at the same time; `size` is the length of its JSON in bytes. Raises as Node.send."""
        sent = await self.control.send(kind, json, size)
        self._status_until = 0.0  # whoever sent it sees it
        return sent

    async def draft(self, kind: str, json: Json) -> dict[str, Json] | None:
        """If officers must release such a message: the draft that now waits for them, as `ceasewire release` shows it. None if none need.

        Raises LocalError as composing.read, and file.unwritable.
        """
        return await self.read(self._draft, kind, json)

    def _draft(self, kind: str, json: Json) -> dict[str, Json] | None:
        node = self.node
        if not drafts.needed(node.reading, kind, json):
            return None
        made = drafts.make(node.reading, kind, json, node.draw(SEED_BYTES))
        self.drafts.save(made)
        return drafts.describe(node.reading, *drafts.fitting(node.reading, made, node.now()))

    async def read(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call something that only reads `node.reading`, beside everything else. Raises what it raises."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, lambda: call(*args, **kwargs))

    # --- The console ---

    async def accounts(self) -> Accounts:
        """The people of this node; opened when first asked for. Raises LocalError account.*, file.unwritable."""
        async with self._one_opening:
            if self._accounts is None:
                from .accounts import Accounts  # noqa: PLC0415 - read when it is needed, as the console is

                self._accounts = await asyncio.to_thread(Accounts.open, self._home / "accounts.sqlite", os.urandom)
            return self._accounts

    async def first_link(self) -> str | None:
        """The secret of a new link for the first administrator; None if there is somebody. Raises as `accounts`."""
        accounts = await self.accounts()
        return await asyncio.to_thread(_first_link, accounts, self.node.now())

    async def charter(self) -> bytes:
        """The charter's file, as all signed it. Raises LocalError file.unreadable."""
        try:
            return await asyncio.to_thread(self._charter_path.read_bytes)
        except OSError as error:
            raise LocalError("file.unreadable", f"{self._charter_path.name}: {error.strerror}") from None

    async def act(self, call: Callable[[Node], T]) -> T:
        """Call something in the node's own thread. Raises what it raises."""
        found = await self.hub.run(call, self.node)
        self._status_until = 0.0  # whoever acted sees it
        self.node.changed()
        return found

    async def news(self) -> AsyncIterator[None]:
        """One item whenever something changed, until we stop."""
        event = asyncio.Event()
        self._watching.add(event)
        try:
            while True:
                await event.wait()
                if self._ended:
                    return
                await asyncio.sleep(NEWS_SECONDS)
                event.clear()
                yield None
        finally:
            self._watching.discard(event)

    def _tell(self) -> None:
        if self._watching:
            self._status_until = min(self._status_until, self._status_soonest)
        for event in self._watching:
            event.set()

    def end_news(self) -> None:
        """No page waits any longer."""
        self._ended = True
        self._tell()

    async def _facts(self) -> Facts:
        return await asyncio.get_running_loop().run_in_executor(self._reader, Heard(self.node.reading).facts)

    async def status(self) -> dict[str, Json]:
        """The JSON of `ceasewire status`, and how our own calls to each peer go. At most two seconds old."""
        loop = asyncio.get_running_loop()
        async with self._one_status:
            began = loop.time()
            if began >= self._status_until:
                self._status = await loop.run_in_executor(self._reader, self._read_status)
                self._status_soonest = loop.time() + _SLOW_STATUS * (loop.time() - began)
                self._status_until = max(self._status_soonest, loop.time() + STATUS_SECONDS)
        jumped = [alarm.as_json() for alarm in self._clockwork.jumped()]
        calls = {"calls": self._lines.calls(), "witness_calls": self._witnesses.calls()}
        return {**self._status, "alarms": [*self._status["alarms"], *jumped], **calls}

    def _read_status(self) -> dict[str, Json]:
        node = self.node
        return status(node.reading, node.now(), node.closed or node.unsure)

    async def health(self) -> NodeHealth:
        """What the status page shows. A node that cannot be read shows that, and takes no other from the page."""
        channel = self.node.channel
        names = {card.slug: card.name for card in channel.charter.parties}
        try:
            return node_health(await self.status(), names, self._lines.calls(), self.hub.health)
        except CeasewireError as error:
            own, charter = channel.party(self.node.own), channel.charter
            words = fingerprint.words(channel.channel_id)
            return NodeHealth(charter.title, charter.exercise, words, own.slug, own.name, error.code, ())


def _nothing(_: object) -> None:
    """The answer to nothing; asking it brings the derived tables up to date."""


def _first_link(accounts: Accounts, now: int) -> str | None:
    return accounts.invite("administrator", None, None, now).secret if accounts.is_empty() else None
