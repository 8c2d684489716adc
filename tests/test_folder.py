"""A node's folder: what is done whatever happens while the node is open."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

import pytest

from node.pair import ChannelPair


def _fail() -> NoReturn:
    raise KeyboardInterrupt


@pytest.mark.parametrize("fails", [False, True])
def test_the_pen_is_synced_however_the_node_is_left(fails: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was sent before an error may have left: the counter that shows a rolled-back store must be as durable as it."""
    synced: list[str] = []
    fsync = os.fsync

    def recorded(handle: int) -> None:
        synced.append(Path(f"/proc/self/fd/{handle}").readlink().name)
        fsync(handle)

    with ChannelPair() as pair:
        side = pair.north
        side.close()
        try:
            with side.folder.node(None) as node:
                monkeypatch.setattr(os, "fsync", recorded)
                node.send("statement", {"text": "x"})
                assert synced == []
                if fails:
                    _fail()
        except KeyboardInterrupt:
            assert fails
        monkeypatch.undo()
        assert synced == ["pen"]
        side.open()
