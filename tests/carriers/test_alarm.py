"""The alarm: once for each flash, and what is forged does not stand for what is genuine; flashes before other alarms."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from carriers.sides import until
from ceasewire.carriers import alarm
from ceasewire.carriers.alarm import Alarm
from ceasewire.carriers.logs import open_log


def test_a_flash_that_comes_in_the_place_of_a_held_one_rings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alarm, "GAP_SECONDS", 0.01)
    out = tmp_path / "rung"

    async def main() -> None:
        one = Alarm(["/bin/sh", "-c", f'echo "$CEASEWIRE_REF" >> {out}'], open_log())
        running = asyncio.create_task(one.run())

        async def rung(leaves: set[bytes]) -> int:
            one.ring("north/1", leaves)
            await asyncio.sleep(0.3)
            return out.read_text().count("north/1\n")

        assert await rung({b"forged"}) == 1
        assert await rung({b"forged"}) == 1
        assert await rung({b"forged", b"genuine"}) == 2, "both are held"
        assert await rung({b"genuine"}) == 2, "and one of them is admitted"
        assert await rung({b"another"}) == 3
        running.cancel()
        await until(running.done)

    asyncio.run(main())


def test_flashes_go_first_and_nothing_is_lost_behind_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alarm, "GAP_SECONDS", 0.05)

    async def main() -> None:
        out = tmp_path / "rung"
        one = Alarm(["/bin/sh", "-c", f'echo "$CEASEWIRE_ALARM $CEASEWIRE_REF" >> {out}'], open_log())
        one.tell("line.dead", "south")
        one.tell("watch.nobody", "north")
        one.tell("line.dead", "east")
        one.ring("south/4", {b"leaf"})
        one.ring("south/4", {b"leaf"})
        await asyncio.sleep(0)
        running = asyncio.create_task(one.run())
        await until(lambda: out.exists() and len(out.read_text().splitlines()) == 3)
        await asyncio.sleep(0.3)
        running.cancel()
        await until(running.done)
        assert out.read_text().splitlines() == ["flash south/4", "line.dead east", "watch.nobody north"]

    asyncio.run(main())
