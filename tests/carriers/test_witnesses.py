"""Our checkpoints at witnesses: one that is honest, and many that are not. C2SP tlog-witness, the client's side; FAULTS E9, E17, E18."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from carriers.sides import Running, Side, asked_status, free_port, in_loop, make_sides, running, synced_by_hand, until
from ceasewire import limits
from ceasewire.carriers import witnesses
from ceasewire.carriers.control import call
from ceasewire.carriers.hub import Hub
from ceasewire.carriers.listening import bind
from ceasewire.carriers.logs import open_log
from ceasewire.carriers.witnesses import Submitter
from ceasewire.cli.access import _ask_peers
from ceasewire.errors import CeasewireError, LocalError
from ceasewire.folder import Folder
from ceasewire.node.confirming import Confirming
from ceasewire.node.exchange import Exchange
from ceasewire.node.node import Node, is_overtaken
from ceasewire.node.proofs import prove
from ceasewire.node.witnessing import submission
from ceasewire.publish import policy
from ceasewire.renewal import rotate
from ceasewire.tlog import checkpoint as checkpoints
from ceasewire.tlog import witness
from ceasewire.tlog.note import COSIGNATURE_ED25519, VerifierKey
from ceasewire.tlog.witness import Head, Request
from ceasewire.verifier import Report, Trust, verify
from ceasewire.witness import serving
from ceasewire.witness.place import Place
from helpers import local

TOWER = -1


def private(name: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())


def key_of(name: str) -> VerifierKey:
    return VerifierKey(name, COSIGNATURE_ED25519, private(name).public_key().public_bytes_raw())


def line(head: Head, name: str = "tower.example", at: int | None = None) -> bytes:
    return checkpoints.sign(head, key_of(name), private(name).sign, int(time.time()) if at is None else at).text().encode()


# --- An honest one ---


@asynccontextmanager
async def honest(place: Place, port: int, clock: Callable[[], float] = time.time) -> AsyncIterator[None]:
    with place.ledger() as ledger, bind(f"127.0.0.1:{port}") as listener:
        stop, ready = asyncio.Event(), asyncio.Event()
        serve = serving.serve(place.key(), ledger, serving.Options(listener, None, clock), stop, lambda _: ready.set())
        done = asyncio.create_task(serve)
        await ready.wait()
        try:
            yield
        finally:
            stop.set()
            await done


@dataclass
class Channel:
    """North and south with one witness, the tower, which knows both their logs."""

    sides: dict[str, Side]
    tower: Place
    port: int

    @property
    def charter(self) -> bytes:
        return self.sides["north"].folder.charter_path.read_bytes()


def channel(base: Path, *, quorum: int = 1) -> Channel:
    port, place = free_port(), Place(base / "tower")
    key = place.make("tower.example")
    toml = {"witnesses": [{"name": "tower", "vkey": key.ed25519.text(), "url": f"http://127.0.0.1:{port}/"}], "quorum": quorum}
    sides = make_sides(base, {"north": None, "south": None}, toml)
    with place.ledger() as ledger, sides["north"].folder.view() as view:
        for names in view.channel.logs.values():
            for one in names.log:
                ledger.add(names.origin, one)
    return Channel(sides, place, port)


def judged(made: Channel, node: Node, ref: str) -> Report:
    return verify(prove(node, node.ref(ref), None), Trust(made.charter, None, None))


def test_a_line_check_is_cosigned_told_written_down_shown_and_proved(tmp_path: Path) -> None:
    made = channel(tmp_path)

    async def main() -> None:
        async with honest(made.tower, made.port), running(made.sides["north"]) as north, running(made.sides["south"]) as south:
            ref = await north.send()
            report = judged(made, north.node, ref)
            assert (report.verdict, report.code) == ("invalid", "policy.quorum")
            # As `ceasewire send` does beside `serve`, and a message right behind it: the newest checkpoint is another one then.
            await asyncio.to_thread(call, made.sides["north"].folder.control_path, {"op": "send", "kind": "line_check", "json": {}})
            await until(lambda: north.node.store.covered(0).get(TOWER, 0) >= 2)
            await north.send()
            await until(lambda: south.node.store.covered(0).get(TOWER, 0) >= 2 and south.size(0) >= 3)
            for node in (north.node, south.node):
                report = judged(made, node, ref)
                assert (report.verdict, report.code) == ("valid", None)
                assert [one["by"] for one in report.vouched if one["as"] == "witness"] == ["tower"]
                assert [one["by"] for one in node.reading.show(node.ref(ref))["witnesses"]] == ["tower"]
                by_policy = [verify(prove(node, node.ref(one), None), Trust(None, policy(node.reading), None)) for one in (ref, "north/2")]
                assert [(one.verdict, one.code) for one in by_policy] == [("valid", None), ("invalid", "policy.quorum")]
            await north.send("line_check", {})
            written = north.node.reading.show(north.node.ref(f"north/{north.size(0) - 1}"))["body"]["receipts"]
            assert ("tower", 2) in {(one["by"], one["size"]) for one in written}
            assert (await said(north, lambda one: True))["attempts"] == 0
            await until(lambda: north.node.store.covered(0).get(TOWER, 0) == north.size(0))

    in_loop(main())


def test_what_came_while_the_witness_was_away_is_shown_to_it_later(tmp_path: Path) -> None:
    made = channel(tmp_path)

    async def main() -> None:
        async with running(made.sides["north"]) as north:
            await north.send("line_check", {})
            assert (await said(north, lambda one: one["attempts"] > 0))["code"] == "net.unreachable"
            async with honest(made.tower, made.port):
                await until(lambda: north.node.store.covered(0).get(TOWER, 0) == 1, 20)
                assert (await said(north, lambda one: one["since"] is None))["attempts"] == 0

    in_loop(main())


async def said(node: Running, so: Callable[[Any], bool]) -> Any:
    """What a served node says of its calls to the tower, once it is so."""
    for _ in range(500):
        found = (await asked_status(node))["witness_calls"]["tower"]
        if so(found):
            return found
        await asyncio.sleep(0.02)
    raise TimeoutError(found)


def test_sync_shows_it_what_is_unchanged_and_the_first_and_newest_time_are_kept(tmp_path: Path) -> None:
    made, ahead = channel(tmp_path), [0]

    async def main() -> list[list[int]]:
        found = []
        with made.sides["north"].folder.node(None) as node:
            node.send("statement", {"text": "once"})
            async with honest(made.tower, made.port, lambda: time.time() + ahead[0]):
                for ahead[0] in (0, 50, 90):
                    shown = await asyncio.to_thread(witnesses.show, Exchange(node))
                    assert [(one.witness, one.size, one.error) for one in shown] == [("tower", 1, None)]
                    found.append([one.time for one in node.store.cosignatures(0, 1) if one.by == TOWER])
        return found

    times = in_loop(main())
    assert [len(one) for one in times] == [1, 2, 2]
    first, second, third = times
    assert first[0] == second[0] == third[0] < second[1] < third[1]


def test_a_witness_that_knows_more_than_we_remember_is_followed_once(tmp_path: Path) -> None:
    """It cosigned an earlier checkpoint, and its answer got lost."""
    made = channel(tmp_path)

    async def main() -> None:
        with made.sides["north"].folder.node(None) as node:
            node.send_many([("statement", {"text": str(n)}) for n in range(3)])
            async with honest(made.tower, made.port):
                kept = submission(node, 0, TOWER)
                assert kept is not None
                lost = Request.parse(kept.body)
                with made.tower.ledger() as ledger:
                    ledger.cosign(lost, lost.lines, [(made.tower.key().ed25519, made.tower.key().sign_ed25519)], time.time)
                node.send_many([("statement", {"text": str(n)}) for n in range(5)])
                assert [one.error for one in await asyncio.to_thread(witnesses.show, Exchange(node))] == [None]
                assert node.store.covered(0)[TOWER] == 8

    in_loop(main())


def test_told_to_the_other_side_a_few_times_and_no_more(tmp_path: Path) -> None:
    made = channel(tmp_path)

    async def main() -> None:
        with made.sides["north"].folder.node(None) as north, made.sides["south"].folder.node(None) as south:
            north.send("line_check", {})
            async with honest(made.tower, made.port):
                await asyncio.to_thread(witnesses.show, Exchange(north))
            north.send("statement", {"text": "behind it"})
            synced_by_hand(north, south)
            assert south.store.covered(0)[TOWER] == 1
            exchange = Exchange(north)
            sizes = [len(exchange._notes(1, set(), set())) for _ in range(6)]
            assert sizes[0] == sizes[1] == sizes[2] == sizes[3] + 1 == sizes[5] + 1

    in_loop(main())


def test_a_witness_whose_clock_is_behind_is_not_asked_again_and_again(tmp_path: Path) -> None:
    """The log that was replaced is shown once a line check, whatever time comes back."""
    made = channel(tmp_path, quorum=0)
    folder = made.sides["north"].folder
    with folder.node(None) as node:
        node.send("statement", {"text": "before"})
    rotate(folder, None, folder.path / "recovery-north.txt")
    with made.tower.ledger() as ledger, folder.view() as view:
        ledger.add(view.channel.logs[view.own].origin, view.channel.logs[view.own].log[0])

    async def main() -> None:
        async with honest(made.tower, made.port, lambda: time.time() - 30), running(made.sides["north"]) as north:
            for count in (1, 2):
                await north.send("line_check", {})
                await until(lambda count=count: len(times(north.node)) == count)  # type: ignore[misc]
                for _ in range(3):
                    await north.send()
                    await asyncio.sleep(0.5)
                assert len(times(north.node)) == count

    in_loop(main())


def times(node: Node) -> list[int]:
    """Of the witness's cosignatures over the log that was replaced."""
    return [one.time for one in node.store.cosignatures(0, 1) if one.by == TOWER]


def reboot(side: Side) -> None:
    """The machine was started since its log was last confirmed."""
    (side.folder.path / "boot").write_text(f"ceasewire boot 1\n{uuid.UUID(int=1)}\n")


def spoken(north: Side, south: Side) -> None:
    """North has said something, and South has receipted it."""
    with north.folder.node(None) as one, south.folder.node(None) as other:
        one.send("statement", {"text": "before"})
        synced_by_hand(one, other)


@pytest.mark.parametrize("ahead", [0, -5])
def test_after_a_restart_its_word_confirms_nothing(tmp_path: Path, ahead: int) -> None:
    """It knows what it was shown at the last line check: what left since, it cannot tell (decision 0017)."""
    made = channel(tmp_path)
    north = made.sides["north"]

    async def main() -> None:
        with north.folder.node(None) as node:
            node.send("statement", {"text": "before"})
        reboot(north)
        async with honest(made.tower, made.port, lambda: time.time() + ahead), running(north) as served:
            assert served.node.unsure == "log.unsure"
            await until(lambda: served.node.store.covered(0).get(TOWER) == 1)
            await asyncio.sleep(1.5)
            assert served.node.unsure == "log.unsure"
            assert len(served.node.store.cosignatures(0, 1)) <= 3, "it is not asked again and again"

    in_loop(main())


@pytest.mark.parametrize("first", ["witness", "peer"])
def test_where_a_witness_knows_more_no_peer_confirms(tmp_path: Path, first: str) -> None:
    """A machine is put back whole, and its last message had reached the witness alone: a peer, who knows of nothing newer, would confirm
    it, and its next message would begin a second history."""
    made = channel(tmp_path)
    north, south = made.sides["north"], made.sides["south"]

    async def main() -> None:
        spoken(north, south)
        copy = shutil.copytree(north.folder.path, tmp_path / "copy")
        with north.folder.node(None) as one:
            one.send("line_check", {})
            async with honest(made.tower, made.port):
                await asyncio.to_thread(witnesses.show, Exchange(one))
        shutil.rmtree(north.folder.path)
        copy.rename(north.folder.path)
        reboot(north)
        if first == "peer":
            async with running(south), running(north) as served:
                await until(lambda: served.node.unsure is None)
        with north.folder.node(None) as one:
            async with honest(made.tower, made.port):
                await asyncio.to_thread(witnesses.show, Exchange(one))
            assert one.unsure == "log.unsure"
            with local("log.unsure"):
                one.send("statement", {"text": "a second history"})
        async with running(south) as peer, running(north) as served:  # another start, without the witness
            counters = peer.node.store.peers
            before = counters()[0].counter_in if 0 in counters() else 0
            await until(lambda: counters()[0].counter_in > before + 2)
            assert served.node.unsure == "log.unsure"
            assert (await asked_status(served))["health"] == "log.unsure"
        with north.folder.node(None) as one:
            assert is_overtaken(one.store, one.own)
            one.confirm("officer")
            async with honest(made.tower, made.port):
                await asyncio.to_thread(witnesses.show, Exchange(one))
            assert one.unsure is None, "who has looked is not asked again"

    in_loop(main())


@pytest.mark.parametrize("more", [0, 1])
def test_a_fork_that_only_a_witness_knows_of_stops_the_log(tmp_path: Path, more: int) -> None:
    """A snapshot that knows nothing of having been put back has written a second history, as long as the first or longer: no peer has
    seen the other one."""
    made = channel(tmp_path)
    north, south = made.sides["north"], made.sides["south"]

    async def shown(one: Node) -> str | None:
        async with honest(made.tower, made.port):
            (told,) = await asyncio.to_thread(witnesses.show, Exchange(one))
        return told.error

    async def main() -> None:
        spoken(north, south)
        copy = shutil.copytree(north.folder.path, tmp_path / "copy")
        with north.folder.node(None) as one:
            one.send("line_check", {})
            assert await shown(one) is None
        shutil.rmtree(north.folder.path)
        copy.rename(north.folder.path)
        with north.folder.node(None) as one:
            assert one.unsure is None
            one.send_many([("statement", {"text": f"a second history {number}"}) for number in range(1 + more)])
            assert await shown(one) == "witness.history"
            with pytest.raises(LocalError, match="or another history of it"):
                one.send("statement", {"text": "and more of it"})
        async with running(south) as peer, running(north) as served:  # another start, without the witness
            before = peer.node.store.peers()[0].counter_in
            await until(lambda: peer.node.store.peers()[0].counter_in > before + 2)
            assert served.node.unsure == "log.unsure"
        with north.folder.node(None) as one:
            one.confirm("officer")
            assert await shown(one) == "witness.history"
            assert one.unsure is None, "who has looked is not asked again"

    in_loop(main())


def test_what_an_officer_said_before_a_witness_spoke_does_not_answer_it(tmp_path: Path) -> None:
    """He says that no disk was put back; then a witness says that it knows more. When he says so again he has heard it."""
    made = channel(tmp_path)
    north, south = made.sides["north"], made.sides["south"]

    async def main() -> None:
        spoken(north, south)
        reboot(north)
        liar = Liar(lambda request, _: size(request.head.size + 1), path="/add-checkpoint")
        async with lying(made.port, liar):
            with north.folder.node(None) as one:
                for unsure in ("log.unsure", None):
                    one.confirm("officer")
                    assert one.unsure is None
                    (told,) = await asyncio.to_thread(witnesses.show, Exchange(one))
                    assert (told.error, one.unsure) == ("witness.ahead", unsure)
            reboot(north)
            with north.folder.node(None) as one:
                one.confirm("officer")
                await asyncio.to_thread(witnesses.show, Exchange(one))
                assert one.unsure == "log.unsure", "another start, another look"

    in_loop(main())


# --- Liars ---

Answer = Callable[[Request], Awaitable[web.StreamResponse]]


def text(body: bytes, status: int = 200, content_type: str = "text/plain") -> web.Response:
    return web.Response(body=body, status=status, content_type=content_type)


def size(number: int) -> web.Response:
    return text(witness.size_body(number), 409, witness.SIZE_TYPE)


@dataclass
class Liar:
    """Answers as the test says, and counts."""

    answer: Callable[[Request, int], Any]
    asked: list[Request] = field(default_factory=list)
    elsewhere: int = 0
    path: str = "/deep/add-checkpoint"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if request.path != self.path:
            self.elsewhere += 1
            return text(b"")
        self.asked.append(Request.parse(await request.read()))
        found = self.answer(self.asked[-1], len(self.asked))
        answer: web.StreamResponse = await found if asyncio.iscoroutine(found) else found
        return answer


async def hang(*_: object) -> web.Response:
    await asyncio.sleep(30)
    return text(b"")


async def endless(_: Request, __: int) -> web.Response:
    return text(b"a" * (limits.WITNESS_ANSWER_BYTES + 1))


LIES: dict[str, tuple[Callable[[Request, int], Any], str, int]] = {
    "another key": (lambda asked, _: text(line(asked.head, "stranger.example")), "sig.missing", 1),
    "our key's name, another's signature": (
        lambda asked, _: text(line(asked.head).replace(line(asked.head)[-30:], line(asked.head, at=5)[-30:])),
        "sig.invalid",
        1,
    ),
    "another checkpoint": (lambda asked, _: text(line(Head(asked.head.origin, asked.head.size, bytes(32)))), "sig.invalid", 1),
    "another log": (lambda asked, _: text(line(Head("x.example", asked.head.size, asked.head.root))), "sig.invalid", 1),
    "a smaller one": (lambda asked, _: text(line(Head(asked.head.origin, 1, asked.head.root))), "sig.invalid", 1),
    "no time": (lambda asked, _: text(line(asked.head, at=0)), "sig.invalid", 1),
    "next year": (lambda asked, _: text(line(asked.head, at=int(time.time()) + 31_536_000)), "hold.clock", 1),
    "nothing": (lambda asked, _: text(b""), "witness.malformed", 1),
    "a page": (lambda asked, _: text(b"<html>welcome</html>\n", 200, "text/html"), "witness.malformed", 1),
    "a huge answer": (endless, "net.refused", 1),
    "a huge line": (lambda asked, _: text(line(asked.head) * 400), "witness.malformed", 1),
    "a redirect": (lambda *_: web.Response(status=307, headers={"Location": "/elsewhere"}), "net.refused", 1),
    "a redirect with the body": (
        lambda *_: web.Response(status=308, headers={"Location": "http://127.0.0.1:1/"}),
        "net.refused",
        1,
    ),
    "a failure": (lambda *_: text(b"", 500), "net.refused", 1),
    "forbidden": (lambda *_: text(b"", 403), "net.refused", 1),
    "a conflict of another kind": (lambda *_: text(b"1\n", 409), "net.refused", 1),
    "conflicts for ever": (lambda _, n: size(n % 2 + 1), "net.refused", 2),
    "more than there is": (lambda *_: size(99), "witness.ahead", 1),
    "another history": (lambda *_: text(b"", 422), "witness.history", 1),
    "one size with two roots": (lambda *_: size(3), "witness.history", 2),
    "no size": (lambda *_: text(b"many\n", 409, witness.SIZE_TYPE), "witness.malformed", 1),
    "coded": (lambda asked, _: web.Response(body=line(asked.head), headers={"Content-Encoding": "gzip"}), "net.refused", 1),
    "silence": (hang, "net.unreachable", 1),
}


@asynccontextmanager
async def lying(port: int, liar: Liar) -> AsyncIterator[None]:
    app = web.Application()
    app.router.add_route("*", "/{any:.*}", liar.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield
    finally:
        await runner.cleanup()


@pytest.fixture(scope="module")
def lied_to(tmp_path_factory: pytest.TempPathFactory) -> tuple[Folder, int]:
    """A node with three messages, and the port of its one witness."""
    port = free_port()
    toml = {"witnesses": [{"name": "tower", "vkey": key_of("tower.example").text(), "url": f"http://127.0.0.1:{port}/deep"}], "quorum": 1}
    folder = make_sides(tmp_path_factory.mktemp("lied"), {"north": None, "south": None}, toml)["north"].folder
    with folder.node(None) as node:
        node.send_many([("statement", {"text": str(n)}) for n in range(3)])
    return folder, port


async def show(node: Node) -> str | None:
    """Submit once; the code of what went wrong."""
    hub = Hub(Exchange(node))
    submitter = Submitter(hub, 0, None, open_log())
    try:
        await submitter.show(node.own)
    except CeasewireError as error:
        return error.code
    finally:
        await submitter.close()
        hub.close()
    return None


@pytest.mark.parametrize("lie", LIES)
def test_a_witness_that_lies_gains_nothing(lied_to: tuple[Folder, int], lie: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, port = lied_to
    answer, code, asked = LIES[lie]
    monkeypatch.setattr(witnesses, "ANSWER_SECONDS", 1.0 if lie == "silence" else 10.0)
    liar = Liar(answer)

    async def main() -> str | None:
        with folder.node(None) as node:
            async with lying(port, liar):
                found = await show(node)
            assert TOWER not in node.store.covered(0)
            return found

    assert in_loop(main()) == code
    assert (len(liar.asked), liar.elsewhere) == (asked, 0)


def test_what_else_it_says_is_passed_over(lied_to: tuple[Folder, int]) -> None:
    """Cosignatures by keys that the charter does not name, beside its own."""
    folder, port = lied_to
    liar = Liar(lambda asked, _: text(line(asked.head, "stranger.example") + line(asked.head) + line(asked.head, "third.example")))

    async def main() -> None:
        with folder.node(None) as node:
            async with lying(port, liar):
                assert await show(node) is None
            assert node.store.covered(0)[TOWER] == 3

    in_loop(main())


def test_a_served_node_goes_on_while_its_witness_lies(tmp_path: Path) -> None:
    port = free_port()
    toml = {"witnesses": [{"name": "tower", "vkey": key_of("tower.example").text(), "url": f"http://127.0.0.1:{port}/deep"}], "quorum": 0}
    sides = make_sides(tmp_path, {"north": None, "south": None}, toml)
    liar = Liar(lambda asked, _: text(line(asked.head, "stranger.example")))

    async def main() -> None:
        async with lying(port, liar), running(sides["north"]) as north, running(sides["south"]):
            await north.send("line_check", {})
            await until(lambda: len(liar.asked) > 1, 20)
            await north.send()
            await until(lambda: north.receipted(1) == 2)
            assert (await said(north, lambda one: one["code"] is not None))["code"] == "sig.missing"
            assert (await asked_status(north))["logs"][0]["witnesses"] == {}

    in_loop(main())


@pytest.mark.parametrize(
    ("own", "url", "code"),
    [
        ("https://north.example", "http://127.0.0.1:1", "net.url"),
        ("https://north.example", "https://localhost", "net.url"),
        ("", "http://tower.example", "net.url"),
        ("", "https://169.254.169.254", "net.url"),
        ("", "https://a@tower.example", "net.url"),
        ("", "https://tower.example/x?y", "net.url"),
        ("", "file:///etc/passwd", "net.url"),
    ],
)
def test_e17_where_a_witness_may_not_be(tmp_path: Path, own: str, url: str, code: str) -> None:
    toml = {"witnesses": [{"name": "tower", "vkey": key_of("tower.example").text(), "url": url}], "quorum": 0}
    folder = make_sides(tmp_path, {"north": own, "south": own}, toml)["north"].folder

    async def main() -> str | None:
        with folder.node(None) as node:
            node.send("statement", {"text": "hello"})
            return await show(node)

    assert in_loop(main()) == code


# --- After a restart ---


@pytest.mark.parametrize("seconds", [0.0, 0.5])
def test_a_peers_word_waits_for_the_witnesses(tmp_path: Path, seconds: float) -> None:
    """All are up at the first start after it was put back, and the peer, who knows of nothing newer, answers before the witness."""
    made = channel(tmp_path)
    north, south = made.sides["north"], made.sides["south"]

    async def slow(request: Request, _: int) -> web.Response:
        await asyncio.sleep(seconds)
        return size(request.head.size + 1)

    async def main() -> None:
        spoken(north, south)
        reboot(north)
        async with running(south), lying(made.port, Liar(slow, path="/add-checkpoint")), running(north) as served:
            again = {"op": "send", "kind": "statement", "json": {"text": "a second history"}}
            with local("log.unsure"):
                await asyncio.to_thread(call, north.folder.control_path, again)
            assert is_overtaken(served.node.store, served.node.own)

    in_loop(main())


def test_a_disk_that_fails_as_a_log_is_confirmed_ends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, asked = channel(tmp_path), []

    def failing(_: Confirming) -> None:
        asked.append(1)
        raise LocalError("disk.failed")

    monkeypatch.setattr(Confirming, "witnesses_asked", failing)

    async def main() -> None:
        async with honest(made.tower, made.port), running(made.sides["north"]) as north:
            await until(lambda: bool(asked))
            await north.send("line_check", {})
            await until(lambda: north.node.store.covered(0).get(TOWER, 0) >= 1)

    in_loop(main())


def test_a_command_without_serve_asks_the_witnesses_first_too(tmp_path: Path) -> None:
    made = channel(tmp_path)
    north, south = made.sides["north"], made.sides["south"]
    spoken(north, south)
    reboot(north)

    async def main() -> None:
        liar = Liar(lambda request, _: size(request.head.size + 1), path="/add-checkpoint")
        async with running(south) as peer, lying(made.port, liar):
            with north.folder.node(None) as one:
                await asyncio.to_thread(_ask_peers, one)
                assert is_overtaken(one.store, one.own)
                assert one.unsure == "log.unsure"
                with pytest.raises(LocalError, match="a witness says that it cosigned more of this log"):
                    one.send("statement", {"text": "a second history"})
            assert peer.node.store.peers()[0].counter_in, "the peer was asked, and would have said that all is well"

    in_loop(main())


@pytest.mark.parametrize("code", ["witness.ahead", "witness.history"])
def test_what_a_witness_knows_of_a_log_that_was_replaced_is_no_alarm(tmp_path: Path, code: str) -> None:
    """After `recover` it knows more of the old log for ever, or another history, if that was lost for good; the new one is confirmed by a
    peer as any other."""
    made = channel(tmp_path)
    north = made.sides["north"]

    async def knows(request: Request, _: int) -> web.Response:
        if not request.head.origin.endswith("/north"):
            return text(line(request.head, "tower.example"))
        return text(b"", 422) if code == "witness.history" else size(request.head.size + 1)

    async def main() -> None:
        with north.folder.node(None) as one:
            one.send("statement", {"text": "before"})
            async with lying(made.port, Liar(knows, path="/add-checkpoint")):
                (told,) = await asyncio.to_thread(witnesses.show, Exchange(one))
            assert (told.error, one.unsure) == (code, "log.unsure")
        rotate(north.folder, None, north.folder.path / "recovery-north.txt")
        with north.folder.node(None) as one:
            assert one.unsure is None, "what was said is of the old log"
            async with lying(made.port, Liar(knows, path="/add-checkpoint")):
                (told,) = await asyncio.to_thread(witnesses.show, Exchange(one))
            assert told.error != code
            assert one.unsure is None

    in_loop(main())


def test_a_witness_that_is_away_keeps_a_peers_word_waiting_for_seconds(tmp_path: Path) -> None:
    made = channel(tmp_path)
    north, south = made.sides["north"], made.sides["south"]

    async def main() -> None:
        spoken(north, south)
        reboot(north)
        async with running(south), lying(made.port, Liar(hang, path="/add-checkpoint")), running(north) as served:
            took = await until(lambda: served.node.unsure is None)
            assert witnesses.FIRST_SECONDS - 1 < took < witnesses.FIRST_SECONDS + 3

    in_loop(main())
