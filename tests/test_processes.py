"""Whether a node that was started is there: not before its port takes connections."""

from __future__ import annotations

import socket
from pathlib import Path

from carriers.sides import make_sides
from ceasewire.processes import _answers


def test_a_node_answers_once_its_socket_and_its_port_do(tmp_path: Path) -> None:
    sides = make_sides(tmp_path, {"north": None, "south": ""})
    north, south = sides["north"], sides["south"].folder
    with socket.create_server(("127.0.0.1", north.port)):
        assert not _answers(north.folder)
        north.folder.control_path.touch()
        assert _answers(north.folder)
    assert not _answers(north.folder)
    assert not _answers(south)
    south.control_path.touch()
    assert _answers(south), "it has no address"
