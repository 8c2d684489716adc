"""Two who write at once: C13, C14."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

from ceasewire.record.values import LogState
from ceasewire.store import sqlite
from ceasewire.store.interface import Change
from helpers import local
from node.pair import ChannelPair

SOURCE = Path(__file__).resolve().parents[2] / "src"
SECOND = """
import sys
from pathlib import Path
from ceasewire.errors import LocalError
from ceasewire.folder import Folder
try:
    with Folder(Path(sys.argv[1])).node(None, wait=0):
        pass
except LocalError as error:
    sys.exit(error.code)
"""


def test_c13_a_second_process_is_refused_at_once_and_goes_on_when_the_first_has_ended() -> None:
    with ChannelPair() as pair:
        command = [sys.executable, "-c", SECOND, str(pair.north.folder.path)]
        ended = subprocess.run(command, capture_output=True, text=True, env={"PYTHONPATH": str(SOURCE)}, check=False, timeout=30)
        assert (ended.returncode, ended.stderr.strip()) == (1, "node.locked")
        pair.north.close()
        ended = subprocess.run(command, capture_output=True, text=True, env={"PYTHONPATH": str(SOURCE)}, check=False, timeout=30)
        assert (ended.returncode, ended.stderr) == (0, "")
        pair.north.open()


def test_c13_a_second_writer_that_goes_round_the_lock_writes_no_second_history() -> None:
    """As on a file system whose locks do nothing: the store itself takes no entry at an index that is taken."""
    with ChannelPair() as pair:
        pair.north.say("one")
        rows = pair.north.node.store.rows(0, 0, 1)
        state = pair.north.node.store.states()[0]
        other = sqlite.open_writer(pair.north.folder.store_path)
        try:
            before = pair.north.dump()
            with local("store.damaged"):
                other.commit(Change(rows=rows, states=[LogState(0, state.frontier, 0, {})], signed=True))
            assert pair.north.dump() == before
        finally:
            other.close()
        assert pair.north.say("two").index == 1


def test_c14_many_threads_that_send_make_one_line_without_a_gap() -> None:
    threads, each = 8, 40
    with ChannelPair() as pair:
        sent: list[int] = []

        def work() -> None:
            for n in range(each):
                sent.append(pair.north.say(str(n)).index)

        running = [threading.Thread(target=work) for _ in range(threads)]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()
        assert sorted(sent) == list(range(threads * each))
        pair.sync("north", "south")
        pair.check()


def test_c14_sending_receiving_and_composing_at_once_keep_one_record() -> None:
    with ChannelPair() as pair:
        failed: list[BaseException] = []

        def guarded(name: str, other: str) -> None:
            try:
                for n in range(15):
                    pair[name].say(f"{name} {n}")
                    pair[other].receive(pair[name].bundle(pair[other]))
                    time.sleep(0)
            except BaseException as error:  # the test raises it
                failed.append(error)

        running = [threading.Thread(target=guarded, args=args) for args in (("north", "south"), ("south", "north")) for _ in range(2)]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()
        assert failed == []
        pair.settle()
        pair.check()
        assert (pair.north.size(0), pair.north.size(1)) == (30, 30)
