"""A cloned machine, with real commands and real processes: whoever was told different things by the two convicts it, and everyone hears."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from carriers.test_third_logs import found
from ceasewire.node.view import View
from ceasewire.processes import free_port, serving, wait

SECONDS = 20.0
COMMAND = [sys.executable, "-m", "ceasewire"]


def ceasewire(*arguments: object, stdin: str = "") -> Any:
    """The JSON of one command in a process of its own."""
    command = [*COMMAND, *map(str, arguments), "--json"]
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done
    return json.loads(done.stdout)


def test_a_cloned_machine_is_convicted_at_both_ends_by_themselves(tmp_path: Path) -> None:
    nodes = found(tmp_path, {"mission": f"http://127.0.0.1:{free_port()}", "north": "", "south": f"http://127.0.0.1:{free_port()}"})
    north, clone = nodes["north"].path, tmp_path / "clone"
    ceasewire("send", north, "statement", "-", stdin='{"text": "To all."}')
    shutil.copytree(north, clone)
    told = ((north, "We fire.", "south"), (clone, "We hold fire.", "mission"))
    for folder, text, peer in told:
        ceasewire("send", folder, "statement", "-", stdin=json.dumps({"text": text}))
        ceasewire("bundle", "write", folder, "--to", peer, "-o", tmp_path / f"{peer}.bundle")
    with ExitStack() as stack:
        stack.enter_context(serving({slug: nodes[slug] for slug in ("mission", "south")}, print))
        views = [stack.enter_context(nodes[slug].view()) for slug in ("mission", "south")]
        for _, _, peer in told:  # of which the second may be refused already, if the first came to the mission by the line
            subprocess.run([*COMMAND, "bundle", "read", nodes[peer].path, tmp_path / f"{peer}.bundle"], capture_output=True, check=False)
        began = time.monotonic()
        wait(lambda: all(exact(view) == [1] for view in views), SECONDS, "the proof at both")
        wait(lambda: all(carried(view) for view in views), SECONDS, "a line check that carries it")
        wait(lambda: len({json.dumps(record(view)) for view in views}) == 1, SECONDS, "one record")
        print(f"{time.monotonic() - began:.1f} s")
    (proof,) = [one for one in ceasewire("misconduct", nodes["south"].path) if one["kind"] == "two_leaves"]
    ceasewire("misconduct", nodes["south"].path, proof["ref"], "-o", tmp_path / "proof")
    assert ceasewire("verify", tmp_path / "proof", "--charter", nodes["north"].charter_path)["verdict"] == "valid"


def exact(view: View) -> list[int | None]:
    """From which index on a node has proved that there are two histories."""
    return [one.from_index for one in view.store.proofs() if one.kind == 2]


def carried(view: View) -> bool:
    """Whether a line check here carries a proof."""
    return any(one["body"].get("misconduct") for one in view.messages(kind="line_check"))


def record(view: View) -> list[Any]:
    """What stands in the record, but line checks, which go on by the clock."""
    return [one for one in view.messages(void=False) if one["kind"] != "line_check"]
