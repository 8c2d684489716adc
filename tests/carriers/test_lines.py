"""Lines follow the channel as it stands: an address that a `keys` message changes is called without a restart. PROTOCOL section 11."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path

from carriers.sides import asked_status, free_port, in_loop, make_sides, running, until
from ceasewire.renewal import rotate


def test_an_address_that_changed_is_called_without_a_restart(tmp_path: Path) -> None:
    async def main() -> None:
        sides = make_sides(tmp_path, {"north": "", "south": None})
        moved = replace(sides["south"], port=free_port())
        async with running(sides["north"]) as north:
            async with running(sides["south"]) as south:
                await south.send()
                await until(lambda: north.size(south.node.own) == 1)
                await south.send("keys", {"url": f"http://127.0.0.1:{moved.port}", "reason": "moved"})
                await until(lambda: north.size(south.node.own) == 2)
            async with running(moved) as south:
                await south.send()
                began = time.perf_counter()
                await until(lambda: north.size(south.node.own) == 3)
                print(f"reached at the new address after {time.perf_counter() - began:.1f} s")
                await north.send()
                await until(lambda: north.receipted(south.node.own) == 1)
                assert (await asked_status(north))["calls"]["south"]["code"] is None
                await south.send("keys", {"url": "gopher://127.0.0.1/", "reason": "a slip"})
                await until(lambda: north.size(south.node.own) == 4)
                deadline = time.perf_counter() + 10
                while (await asked_status(north))["calls"]["south"]["code"] != "net.url":
                    assert time.perf_counter() < deadline, "what may not be called is not called"
                    await asyncio.sleep(0.1)

    in_loop(main())


def test_a_peer_that_got_new_keys_is_called_as_its_new_log_without_a_restart(tmp_path: Path) -> None:
    async def main() -> None:
        sides = make_sides(tmp_path, {"north": "", "south": None})
        async with running(sides["north"]) as north:
            async with running(sides["south"]) as south:
                await south.send()
                await until(lambda: north.size(south.node.own) == 1)
            folder = sides["south"].folder
            await asyncio.to_thread(rotate, folder, None, folder.path / "recovery-south.txt")
            async with running(sides["south"]) as south:
                name, number = south.node.names.slug, south.node.own
                assert name.startswith("south.")
                await until(lambda: north.size(number) == south.size(number) > 0, 20)
                await north.send()
                await until(lambda: north.receipted(number) > 0)
                deadline = time.perf_counter() + 10
                while (calls := (await asked_status(north))["calls"]).keys() != {name}:
                    assert time.perf_counter() < deadline, "what was replaced is called no more"
                    await asyncio.sleep(0.1)
                assert calls[name]["code"] is None

    in_loop(main())
