"""The control socket beside a node that serves: every operation, many at once, odd paths, odd callers. FAULTS A17, C13, C14."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import socket
import stat
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from carriers.sides import Running, in_loop, make_sides, process, running, until
from ceasewire.carriers.control import Control, call
from ceasewire.carriers.hub import Hub
from ceasewire.errors import LocalError
from ceasewire.node.exchange import Exchange
from helpers import local
from node.pair import ChannelPair

SEND = {"op": "send", "kind": "statement", "json": {"text": "hello"}}


async def asks(running_: Running, request: Mapping[str, Any]) -> Any:
    """As a command would, from another thread."""
    return await asyncio.to_thread(call, running_.side.folder.control_path, dict(request))


def test_every_operation(tmp_path: Path) -> None:
    async def main() -> None:
        sides = make_sides(tmp_path, {"north": "", "south": None})
        async with running(sides["south"]) as south, running(sides["north"]) as north:
            assert await asks(north, SEND) == {"ref": "north/0", "size": 1}
            await until(lambda: north.receipted(south.node.own) == 1)
            quiet = [{"peer": "south", "sent": 0, "received": 0, "receipted": 0, "error": None}]
            assert await asks(north, {"op": "sync"}) == quiet
            assert await asks(north, {"op": "sync", "peer": "south"}) == quiet
            status = await asks(north, {"op": "status"})
            assert isinstance(status, dict)
            assert (status["party"], status["calls"]["south"]["attempts"]) == ("north", 0)
        async with running(sides["north"]) as north:
            await asks(north, SEND)
            made = await asks(north, {"op": "bundle_write", "to": "south"})
            assert isinstance(made, dict)
            assert made["messages"] == 1
            assert base64.b64decode(made["data"]).startswith(b"CWBUNDLE")
        async with running(sides["south"]) as south:
            read = await asks(south, {"op": "bundle_read", "data": made["data"]})
            assert isinstance(read, dict)
            assert (read["received"], read["error"]) == (1, None)
            with_error = await asks(south, {"op": "bundle_read", "data": base64.b64encode(b"no bundle").decode()})
            assert isinstance(with_error, dict)
            assert with_error["error"] == {"code": "bundle.magic", "offset": 0}

    in_loop(main())


def test_errors_come_back_as_they_were(tmp_path: Path) -> None:
    async def main() -> None:
        sides = make_sides(tmp_path, {"north": "", "south": ""})
        async with running(sides["north"]) as north:
            for request, code in (
                ({"op": "nothing"}, "usage"),
                ({"op": "send", "kind": 3}, "usage"),
                ({"op": "send", "kind": "flash", "json": {}}, "body.schema"),
                ({"op": "send", "kind": "none such", "json": {}}, "usage"),
                ({"op": "send", "kind": "statement", "json": []}, "json.malformed"),
                ({"op": "send", "kind": "statement", "json": {"txet": "x"}}, "field.unknown"),
                ({"op": "sync", "peer": "nobody"}, "usage"),
                ({"op": "sync", "peer": "north"}, "usage"),
                ({"op": "bundle_write"}, "usage"),
                ({"op": "bundle_read", "data": "***"}, "usage"),
            ):
                with local(code):
                    await asks(north, request)
                    pytest.fail(str(request))
            north.node._closed = "log.closed"
            with local("log.closed"):
                await asks(north, SEND)
        with local("node.locked"):
            call(sides["north"].folder.control_path, SEND)
        with local("node.missing"):
            call(tmp_path / "nowhere" / "control", SEND)

    in_loop(main())


def test_a17_what_is_not_a_request(tmp_path: Path) -> None:
    async def main() -> None:
        sides = make_sides(tmp_path, {"north": "", "south": ""})
        async with running(sides["north"]):
            path = sides["north"].folder.control_path

            def lines(*asked: bytes) -> list[str]:
                with socket.socket(socket.AF_UNIX) as one:
                    one.settimeout(5)
                    one.connect(str(path))
                    with one.makefile("rwb") as stream:
                        found = []
                        for line in asked:
                            stream.write(line + b"\n")
                            stream.flush()
                            found.append(json.loads(stream.readline())["error"]["code"])
                        return found

            odd = [b"", b"{", b"[]", b"1", b"\xff\xfe", b"[" * 100_000, b"1" * 10_000, b'{"op":"send","kind":"\\ud800","json":1}']
            found = await asyncio.to_thread(lines, *odd)
            assert set(found) <= {"json.malformed", "usage"}, found
            # One that goes away in the middle harms nobody.
            one = socket.socket(socket.AF_UNIX)
            one.connect(str(path))
            one.send(json.dumps(SEND).encode()[:10])
            one.close()
            assert await asyncio.to_thread(call, path, SEND) == {"ref": "north/0", "size": 1}

    in_loop(main())


def test_c14_two_hundred_sends_at_once(tmp_path: Path) -> None:
    sides = make_sides(tmp_path, {"north": None, "south": None})
    folder = sides["north"].folder

    def send(number: int) -> str:
        if number % 50 == 49:  # a bad one among them fails alone
            with local("body.schema"):
                call(folder.control_path, {"op": "send", "kind": "statement", "json": {"text": 7}})
            return ""
        if number % 50 == 48:  # and so does one that only the log can judge
            with local("ref.unknown"):
                call(folder.control_path, {"op": "send", "kind": "acknowledgement", "json": {"re": "south/900", "state": "read"}})
            return ""
        sent = call(folder.control_path, {"op": "send", "kind": "statement", "json": {"text": f"number {number}"}})
        return f"{sent['ref']} number {number}"

    with process(folder), ThreadPoolExecutor(200) as pool:
        began = time.perf_counter()
        refs = [ref for ref in pool.map(send, range(200)) if ref]
        took = time.perf_counter() - began
    with folder.view() as view:
        found = [f"{one['ref']} {one['body']['text']}" for one in view.messages()]
        assert sorted(found) == sorted(refs), "every acknowledged message stands where it was said to stand"
        assert len(found) == 192
        assert view.store.states()[view.own].size == 192
        sizes, at_least = [], 1
        while kept := view.store.next_checkpoint(view.own, at_least):
            sizes.append(kept.size)
            at_least = kept.size + 1
        assert len(sizes) < 100
        print(f"\n200 sends in {took:.2f} s under {len(sizes)} checkpoints")


def test_a_bad_send_beyond_a_days_quota_sends_no_other_twice(tmp_path: Path) -> None:
    async def nothing(*_: object) -> Any:
        raise NotImplementedError

    async def main(pair: ChannelPair) -> None:
        hub = Hub(pair.north.exchange)
        control = Control(hub, tmp_path / "control", nothing, nothing)
        bodies = [{"text": "a"}, {"text": "b"}, {"text": "bad", "re": "south/99"}, {"text": "c"}]
        asked = [asyncio.create_task(control._do({"op": "send", "kind": "statement", "json": body}, 60)) for body in bodies]
        await asyncio.sleep(0)
        sending = asyncio.create_task(control._send_together())
        found = await asyncio.gather(*asked, return_exceptions=True)
        sending.cancel()
        control.close()
        hub.close()
        assert [isinstance(one, LocalError) for one in found] == [False, False, True, False]
        assert [one["body"]["text"] for one in pair.north.node.messages()] == ["a", "b", "c"]

    with ChannelPair(quotas={"messages_per_log_and_day": 2}) as pair:
        asyncio.run(main(pair))


def test_a_long_path_a_stale_socket_and_the_mode(tmp_path: Path) -> None:
    async def main() -> None:
        sides = make_sides(tmp_path / ("x" * 100) / ("y" * 100), {"north": "", "south": ""})
        path = sides["north"].folder.control_path
        assert len(os.fsencode(path)) > 107
        with socket.socket(socket.AF_UNIX) as stale:
            handle = os.open(path.parent, os.O_PATH)
            stale.bind(f"/proc/self/fd/{handle}/control")
            os.close(handle)
        assert path.is_socket()
        async with running(sides["north"]) as north:
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            assert await asks(north, SEND) == {"ref": "north/0", "size": 1}
        assert not path.exists()

    in_loop(main())


def test_a_file_in_the_place_of_the_socket_is_left_alone(tmp_path: Path) -> None:
    async def main() -> None:
        sides = make_sides(tmp_path, {"north": "", "south": ""})
        path = sides["north"].folder.control_path
        path.write_text("mine")
        with local("file.unwritable"):
            async with running(sides["north"]):
                pass
        assert path.read_text() == "mine"

    in_loop(main())


def test_a_send_is_carried_at_once(tmp_path: Path) -> None:
    sides = make_sides(tmp_path, {"north": None, "south": None})
    with process(sides["north"].folder), process(sides["south"].folder):
        time.sleep(0.5)
        times = []
        for number in range(1, 21):
            began = time.perf_counter()
            call(sides["north"].folder.control_path, SEND)
            with sides["north"].folder.view() as view:
                while view.store.covered(view.own).get(1 - view.own, 0) < number:
                    assert time.perf_counter() - began < 5
                    time.sleep(0.002)
            times.append(time.perf_counter() - began)
        print(f"\nsend by socket to receipt, two processes: p50 {sorted(times)[10] * 1e3:.1f} ms")
        assert sorted(times)[10] < 0.5
    with sides["south"].folder.node(None) as south:
        assert Exchange(south).peers()
        assert south.store_size(1 - south.own) == 20
