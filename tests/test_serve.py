"""`serve` as a process: one at a time, killed and started again, told to stop. FAULTS C13, F1."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import signal
import socket
import threading
import time
from pathlib import Path

import pytest

from carriers.sides import end, in_loop, make_sides, process, running, start, start_unready, until
from ceasewire import served
from ceasewire.carriers import alarm
from ceasewire.carriers.control import call
from ceasewire.carriers.listening import bind
from ceasewire.errors import CeasewireError
from ceasewire.node.exchange import Exchange
from ceasewire.serve import run
from helpers import local

SEND = {"op": "send", "kind": "statement", "json": {"text": "hello"}}


def test_c13_a_second_serve_is_refused_at_once(tmp_path: Path) -> None:
    sides = make_sides(tmp_path, {"north": None, "south": None})
    with process(sides["north"].folder):
        began = time.perf_counter()
        second = start_unready(sides["north"].folder, listen="127.0.0.1:0")
        out, error = second.communicate(timeout=20)
        assert second.returncode == 2
        assert "[node.locked]" in error
        assert out == ""
        assert time.perf_counter() - began < 5
        assert call(sides["north"].folder.control_path, SEND) == {"ref": "north/0", "size": 1}


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_within_two_seconds_with_polls_pending(tmp_path: Path, how: signal.Signals) -> None:
    sides = make_sides(tmp_path, {"north": None, "south": None})
    north, south = start(sides["north"].folder), start(sides["south"].folder)
    idle = socket.create_connection(("127.0.0.1", sides["north"].port))
    half = socket.create_connection(("127.0.0.1", sides["north"].port))
    half.send(b"POST /exchange HTTP/1.1\r\nHost: a\r\nContent-Type: application/octet-stream\r\nContent-Length: 999\r\n\r\nCW")
    time.sleep(1)
    seconds, status, out, error = end(north, how)
    assert seconds < 2
    assert (status, out) == (0, "")
    assert "Traceback" not in error
    assert "Exception" not in error
    seconds, status, _, _ = end(south)
    assert seconds < 2
    assert status == 0
    idle.close()
    half.close()
    assert not sides["north"].folder.control_path.exists()


def test_f1_killed_and_started_again_without_an_operator(tmp_path: Path) -> None:
    sides = make_sides(tmp_path, {"north": None, "south": None})
    acknowledged: list[str] = []
    north, south = sides["north"], sides["south"]
    with process(south.folder):
        for wait in (0.05, 0.2, 0.4):
            one = start(north.folder)
            ended = threading.Event()

            def sending(ended: threading.Event = ended) -> None:
                while not ended.is_set():
                    try:
                        acknowledged.append(call(north.folder.control_path, SEND)["ref"])
                    except CeasewireError:
                        return

            threads = [threading.Thread(target=sending) for _ in range(4)]
            for thread in threads:
                thread.start()
            time.sleep(wait)
            end(one, signal.SIGKILL)
            ended.set()
            for thread in threads:
                thread.join()
        with process(north.folder), south.folder.view() as view:
            began = time.perf_counter()
            assert call(north.folder.control_path, {"op": "status"})["health"] == "ok"
            last = max(int(ref.split("/")[1]) for ref in acknowledged)
            while (state := view.store.states().get(1 - view.own)) is None or state.size <= last:
                assert time.perf_counter() - began < 10
                time.sleep(0.01)
            theirs = {str(one["ref"]) for one in view.messages()}
    assert set(acknowledged) <= theirs
    assert len(set(acknowledged)) == len(acknowledged)


def test_both_sides_of_a_channel_in_one_process(tmp_path: Path) -> None:
    sides = make_sides(tmp_path, {"north": "http://127.0.0.1:PORT", "south": ""})
    port = sides["north"].port
    folders = [sides["north"].folder, sides["south"].folder]
    with process(*folders):
        assert call(sides["south"].folder.control_path, SEND)["ref"] == "south/0"
        began = time.perf_counter()
        with sides["north"].folder.view() as view:
            while not view.store.states():
                assert time.perf_counter() - began < 5
                time.sleep(0.01)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", "/health")
        found = json.loads(connection.getresponse().read())
        assert [node["party"] for node in found["nodes"]] == ["north", "south"]
        connection.request("GET", "/")
        assert connection.getresponse().read().count(b"<article>") == 2
        connection.close()


def test_what_cannot_be_served(tmp_path: Path) -> None:
    sides = make_sides(tmp_path, {"north": None, "south": None})
    nodes = [(sides["north"].folder, None)]
    (tmp_path / "cert.pem").write_text("none")
    for listen in ("", "127.0.0.1", ":1", "127.0.0.1:x", "127.0.0.1:70000", "::1:80", "[127.0.0.1]:80", "192.0.2.1:80"):
        with local("usage"):
            bind(listen)
            pytest.fail(listen)
    with local("usage"):
        run(nodes, tls_cert=tmp_path / "cert.pem")
    with local("file.unreadable"):
        run(nodes, tls_cert=tmp_path / "cert.pem", tls_key=tmp_path / "cert.pem")
    with local("usage"):
        run(nodes, alarm_command="'")
    with socket.create_server(("127.0.0.1", sides["north"].port)), local("usage"):
        run(nodes)
    with local("pen.passphrase"):
        run([(sides["north"].folder, b"wrong")])


def test_the_pen_is_synced_within_a_second_and_the_shelf_is_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served, "SHELF_SECONDS", 0.3)

    async def main() -> None:
        sides = make_sides(tmp_path, {"north": None, "south": None})
        async with running(sides["north"]) as north, running(sides["south"]) as south:
            south.node._clock = lambda: time.time() - 4000
            await north.send()
            await until(lambda: bool(south.node.store.shelved()))
            south.node._clock = time.time
            took = await until(lambda: north.receipted(south.node.own) == 1, 15)
            print(f"released and receipted after {took:.2f} s")
            await asyncio.sleep(1)
            assert not north.node.pen._noted
            assert not south.node.pen._noted

    in_loop(main())


def test_a_pen_that_fails_is_not_well_again_because_the_store_is(tmp_path: Path) -> None:
    async def main() -> None:
        sides = make_sides(tmp_path, {"north": None, "south": ""})
        with local("disk.failed"):  # at the end, for the last sync
            async with running(sides["north"]) as north:

                def status() -> int:
                    connection = http.client.HTTPConnection("127.0.0.1", sides["north"].port, timeout=5)
                    connection.request("GET", "/health")
                    found = connection.getresponse().status
                    connection.close()
                    return found

                north.node.pen.close()
                began = time.perf_counter()
                while await asyncio.to_thread(status) != 503:
                    assert time.perf_counter() - began < 5
                north.node.changed()  # as after a commit that signs nothing
                assert await asyncio.to_thread(status) == 503

    in_loop(main())


def test_the_status_does_not_disturb_what_the_node_remembers(tmp_path: Path) -> None:
    """A receipt comes while the status is worked out beside it: what the status had read before is not remembered after it."""

    async def main() -> None:
        sides = make_sides(tmp_path, {"north": "", "south": ""})
        with sides["south"].folder.node(None) as south:
            async with running(sides["north"]) as north:
                await north.send()
                ours, theirs = Exchange(north.node), Exchange(south)
                theirs.receive(ours.compose(south.own).data)
                answer = theirs.compose(north.node.own).data
                remembering = north.node.store
                inner = remembering._store  # type: ignore[attr-defined]
                read = inner.covered
                taken: list[bool] = []

                def covered(log: int) -> dict[int, int]:
                    found: dict[int, int] = read(log)
                    if log == north.node.own and not taken:
                        taken.append(True)
                        ours.receive(answer)
                    return found

                inner.covered = covered
                remembering._known.clear()  # type: ignore[attr-defined]
                await asyncio.to_thread(call, sides["north"].folder.control_path, {"op": "status"})
                assert taken
                assert north.receipted(south.own) == 1

    in_loop(main())


def test_a_flash_runs_the_command_once(tmp_path: Path) -> None:
    async def main() -> None:
        sides = make_sides(tmp_path, {"north": "", "south": None})
        out = tmp_path / "rung"
        words = ["/bin/sh", "-c", f'echo "$CEASEWIRE_ALARM $CEASEWIRE_REF $*" >> {out}', "sh", "; touch /never"]
        async with running(sides["south"], alarm=words) as south:
            async with running(sides["north"]) as north:
                await north.send()
                flash = ("flash", {"phrase": "cease_now", "text": "secret words"})
                await north.send("flash", {**flash[1], "historical": True})
                await until(lambda: south.size(north.node.own) == 2)
                await asyncio.sleep(0.5)
                assert not out.exists(), "what is only reported for the record rings nowhere"
                await north.send(*flash)
                await until(out.exists)
                await asyncio.to_thread(north.node.send_many, [flash, flash, flash])
                await until(lambda: south.size(north.node.own) == 6)
                await asyncio.sleep(0.5)
            assert out.read_text() == "flash north/2 ; touch /never\n", "three more within ten seconds wait"
            assert "secret" not in out.read_text()

    in_loop(main())


def test_a_flash_that_only_repeats_what_rang_does_not_ring_and_a_new_phrase_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alarm, "GAP_SECONDS", 0.05)

    async def main() -> None:
        sides = make_sides(tmp_path, {"north": "", "south": None})
        out = tmp_path / "rung"
        words = ["/bin/sh", "-c", f'echo "$CEASEWIRE_REF" >> {out}']
        async with running(sides["south"], alarm=words) as south, running(sides["north"]) as north:
            for _ in range(5):
                await north.send("flash", {"phrase": "cease_now", "place": "the bridge"})
                await until(lambda: south.size(north.node.own) == north.size(north.node.own))
                await asyncio.sleep(0.5)
            await north.send("flash", {"phrase": "medical_help", "place": "the mill"})
            await until(lambda: "north/5" in out.read_text())
            assert out.read_text().split() == ["north/0", "north/1", "north/2", "north/5"]
            status = await asyncio.to_thread(call, sides["south"].folder.control_path, {"op": "status"})
            assert [(one["phrase"], one["count"]) for one in status["flashes"]] == [("medical_help", 1), ("cease_now", 5)]

    in_loop(main())


def test_a_flash_that_is_held_rings_at_once_and_not_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served, "SHELF_SECONDS", 0.2)
    monkeypatch.setattr(alarm, "GAP_SECONDS", 0.1)

    async def main() -> None:
        sides = make_sides(tmp_path, {"north": "", "south": None})
        out = tmp_path / "rung"
        words = ["/bin/sh", "-c", f'echo "$CEASEWIRE_REF" >> {out}']
        async with running(sides["south"], alarm=words) as south, running(sides["north"]) as north:
            south.node._clock = lambda: time.time() - 4000
            await north.send("flash", {"phrase": "cease_now"})
            await until(out.exists)
            assert south.size(north.node.own) == 0
            south.node._clock = time.time
            await until(lambda: south.size(north.node.own) == 1)
            await asyncio.sleep(0.5)
            assert out.read_text() == "north/0\n"

    in_loop(main())


def test_nothing_of_a_message_reaches_the_log(tmp_path: Path) -> None:
    sides = make_sides(tmp_path, {"north": None, "south": None})
    north, south = start(sides["north"].folder), start(sides["south"].folder)
    canary = "canary-5f1d"
    call(sides["north"].folder.control_path, {"op": "send", "kind": "statement", "json": {"text": canary}})
    connection = http.client.HTTPConnection("127.0.0.1", sides["south"].port, timeout=5)
    for body, kind in ((canary.encode(), "application/octet-stream"), (b"", f"{canary}\x1b[31m")):
        connection.request("POST", "/exchange", body, {"Content-Type": kind})
        connection.getresponse().read()
        connection.close()
    time.sleep(0.5)
    said = [end(one) for one in (south, north)]
    assert all(canary not in out + error and "\x1b" not in error for _, _, out, error in said)
    assert os.environ.get("CEASEWIRE_DEBUG") is None
