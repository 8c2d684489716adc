"""Drafts that wait for officers are so many at most: whoever may draft cannot fill the folder, nor make every page slow."""

from __future__ import annotations

import pytest

from ceasewire import limits
from ceasewire.errors import LocalError
from ceasewire.node import drafts
from ceasewire.node.drafts import Drafts
from node.pair import ChannelPair


def test_no_more_drafts_wait_than_the_limit_and_one_that_waits_may_change() -> None:
    with ChannelPair() as pair:
        node = pair.north.node
        waiting = Drafts(pair.north.folder.path)
        first = drafts.make(node, "statement", {"text": "the first"}, bytes(16))
        waiting.save(first)
        for number in range(1, limits.WAITING_DRAFTS - 1):
            (waiting.path / f"{number:012x}.json").write_text("{}")
        waiting.save(drafts.make(node, "statement", {"text": "the last"}, bytes([1] * 16)))
        with pytest.raises(LocalError) as caught:
            waiting.save(drafts.make(node, "statement", {"text": "one more"}, bytes([2] * 16)))
        assert caught.value.code == "usage"
        waiting.save(drafts.make(node, "statement", {"text": "the first, in other words"}, bytes(16)))
        assert len(waiting.names()) == limits.WAITING_DRAFTS
