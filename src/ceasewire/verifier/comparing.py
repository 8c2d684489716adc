"""Two published proofs of one message, side by side: where they show one field with two values, that is misconduct, and a proof of it."""

from __future__ import annotations

from ..errors import PeerError
from ..record import encoding
from ..record.channel import Channel
from ..record.misconduct import Maker, PlacedEntry
from ..record.opening import opening_of
from ..tlog.proof import Proof
from .extra import Extra


def compare(one: bytes, other: bytes, channel: Channel) -> bytes | None:
    """A misconduct proof from two tlog-proofs of one message: two values of a field, or two entries at one index. None if both say the same
    wherever both say something.

    Raises PeerError proof.malformed for files that are no proofs of one message of this channel, and as misconduct.Maker does.
    """
    first, second = Proof.parse(one), Proof.parse(other)
    said, also = Extra.decode(first.extra), Extra.decode(second.extra)
    origin = first.signed.checkpoint.origin
    if (origin, first.index) != (second.signed.checkpoint.origin, second.index):
        raise PeerError("proof.malformed", "the two are of different messages")
    files = {opening_of(data).number: data for data in (*said.openings, *also.openings)}
    names = channel.with_openings([opening_of(data) for data in files.values()]).by_origin(origin)
    if names is None:
        raise PeerError("checkpoint.origin")
    maker = Maker(channel, names.number, files.get(names.number))
    placed, differing = (_placed(first, said), _placed(second, also))
    if placed.leaf != differing.leaf:
        return maker.two_leaves(placed, differing)
    both = said.disclosure.fields.keys() & also.disclosure.fields.keys()
    if all(encoding.encode(said.disclosure.fields[n], 16) == encoding.encode(also.disclosure.fields[n], 16) for n in both):
        return None
    return maker.two_values(placed, said.disclosure, also.disclosure)


def _placed(proof: Proof, extra: Extra) -> PlacedEntry:
    return PlacedEntry(extra.entry.encode(), proof.index, proof.path, proof.signed.encode())
