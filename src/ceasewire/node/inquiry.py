"""What logs does my party have? Asked by whoever lost all but the recovery key, answered by any peer. spec/bundle.md, "Inquiries".

A successor names the log that it follows, once and for ever, and a party whose disk is gone may not know how its newest log was called. So
before it opens one it asks, under keys made for the question: a bundle that leads with an opening which follows nothing, holds no run, and
tells `log.unknown` of its own log. Only a recovery key makes such an opening. The peer keeps nothing of it and answers with the openings of
the asker's party and of its own log, sealed to the key that the opening names.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Final

from .. import limits
from ..errors import PeerError
from ..exchange import bundle, seal
from ..exchange.bundle import Contents, Told
from ..record.channel import Channel
from ..record.opening import Opening, open_opening, opening_of, position_of
from .node import Node
from .openings import stranger_key

_UNKNOWN: Final = "log.unknown"
_OPENINGS: Final = 16  # in an answer: they stay below limits.STRANGER_BYTES


def question(channel: Channel, opening: Opening, file: bytes, peer: int, sign: Callable[[bytes], bytes]) -> bytes:
    """The bundle that asks a peer, by the log number of its card; `sign` is the opening's Ed25519 log key."""
    told = (Told(_UNKNOWN, opening.number, ""),)
    contents = Contents(opening.number, 1, {}, openings=[file], told=told)
    return _write(contents, peer, channel, channel.logs[peer].sealing, sign)


def asks(channel: Channel, contents: Contents) -> Opening | None:
    """The opening of whoever asks, if a bundle is an inquiry. Its signatures were verified before the bundle's."""
    if contents.log in channel.logs or contents.runs or Told(_UNKNOWN, contents.log, "") not in contents.told:
        return None
    found = (opening_of(data) for data in contents.openings[: limits.OPENINGS_PER_BUNDLE])
    return next((one for one in found if one.number == contents.log and one.predecessor is None), None)


def answer(node: Node, opening: Opening, echo: bytes) -> bytes:
    """The answer to an inquiry: our own opening, if we have one, and those of the asker's party, live logs first."""
    channel, files = node.channel, node.store.openings()
    theirs = [log for log in channel.openings if channel.party_of(log) == opening.position]
    live = set(channel.live_logs())
    chosen = [log for log in [node.own, *sorted(theirs, key=lambda log: log not in live)] if log in files]
    contents = Contents(node.own, node.next_counter(), {}, openings=[files[log] for log in chosen[:_OPENINGS]], echo=echo)
    return _write(contents, opening.number, channel, opening.keys.sealing, node.pen.sign_log)


def _write(contents: Contents, to: int, channel: Channel, sealing: bytes, sign: Callable[[bytes], bytes]) -> bytes:
    return bundle.write(
        contents.encode(),
        sender=contents.log,
        recipient=to,
        channel_id=channel.channel_id,
        sealing_key=sealing,
        sign=sign,
        seal_to=seal.seal,
    )


def read(data: bytes, asked: bytes, seed: bytes, channel: Channel, position: int) -> dict[int, bytes]:
    """The opening files of the asker's party in the answer to the bundle `asked`, verified, by log number. `seed` is the sealing key's.

    Raises PeerError bundle.*, enc.*, opening.*, log.unknown.
    """

    def key(number: int, contents: bytes) -> bytes:
        names = channel.logs.get(number)
        return stranger_key(channel, number, contents) if names is None else names.log[0].key

    contents = Contents.decode(bundle.read(data, seed, key).contents)
    if contents.echo != hashlib.sha256(asked).digest():
        raise PeerError("bundle.signature", "an answer to another question")
    found = {}
    for file in contents.openings[: limits.OPENINGS_PER_BUNDLE]:
        opening = open_opening(file, channel.channel_id, channel.charter.parties)
        if position_of(opening.number) == position:
            found[opening.number] = file
    return found
