"""A peer that was put back to before it heard of our later log is told of it again, with nobody else's help."""

from __future__ import annotations

import shutil

from ceasewire.errors import CeasewireError
from node.pair import ChannelPair, Side


def test_a_successor_is_introduced_again_to_a_peer_that_was_put_back_to_before_it() -> None:
    with ChannelPair() as pair:
        north = pair.north
        north.say("one")
        pair.south.say("two")
        pair.sync("north", "south")
        north.close()
        kept = {name: (north.folder.path / name).read_bytes() for name in ("store.sqlite", "pen")}
        north.open()
        new = pair.device("south", "new", replaces="south")
        pair.sides.pop("south").close()
        pair.sync("new", "north")
        new.say("three")
        pair.sync("new", "north")
        north.close()
        for name, data in kept.items():
            (north.folder.path / name).write_bytes(data)
        for path in [*north.folder.path.glob("derived*"), *north.folder.path.glob("store.sqlite-*")]:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        north.open()
        assert new.log not in north.node.channel.logs
        refused = [_brings(new, north) for _ in range(3)]
        assert refused == ["bundle.key_gone", "log.unknown", None]
        assert new.log in north.node.channel.logs
        assert north.node.store.states()[new.log].size > 0


def _brings(one: Side, other: Side) -> str | None:
    """A bundle from one side to the other; the code if it is refused, of which the side makes what its line makes (carriers/line.py)."""
    try:
        other.receive(one.bundle(other.log))
    except CeasewireError as error:
        if error.code == "bundle.key_gone":
            one.exchange.forget_fresh_key(other.log)
        else:
            one.exchange.introduce(other.log)
        return error.code
    return None


def test_a_log_of_the_charter_is_known_to_everybody_and_not_introduced() -> None:
    with ChannelPair() as pair:
        assert not pair.north.exchange.introduce(pair.south.log)
        pair.north.say("one")
        pair.sync("north", "south")
