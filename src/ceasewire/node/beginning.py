"""The first transaction of a later log: its opening, its message 0, and our receipts anew under its keys. PROTOCOL section 11.

Message 0 has seen nothing: what the new device holds of other logs it says with its first receipts and in its next entry, which is a line
check if another log was replaced meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..exchange import seal
from ..record.kinds import KINDS
from ..record.message import EXERCISE, RELEASES, SEED_BYTES, Body, Message, row
from ..record.opening import FIELD
from ..record.values import LogState
from ..store.interface import Change, FreshKey, KeptCheckpoint
from ..tlog.checkpoint import Checkpoint
from ..tlog.merkle import Frontier
from .node import COSIGNED_AT, Node, Sent, int_of
from .openings import OWN


def begin(node: Node, files: dict[int, bytes], meta: dict[str, bytes], sealing: Sequence[bytes] = ()) -> Sent:
    """Write the beginning of the node's own log, which is empty. `files` are the opening files to know from now on, the node's own among
    them; `meta` what else the same transaction keeps; `sealing` the seeds of the standing sealing keys of the logs before it, under which
    those who have not heard of it still write. Raises LocalError disk.failed; then nothing of it is written."""
    own, held = node.own, node.store.states()
    states = [state for state in held.values() if state.size and state.number != own]
    time = max([node.now(), int_of(node.store.meta(COSIGNED_AT)), *(state.time for state in states)])
    body: Body = {RELEASES: [], EXERCISE: node.channel.charter.exercise, FIELD: files[own]}
    one = row(own, 0, Message(KINDS["keys"], time, {}, node.draw(SEED_BYTES), body))
    change = Change(signed=True, openings=files, meta={OWN: own.to_bytes(4, "big"), **meta})
    # What was sealed under the keys of the log before does not open any more.
    change.fresh_keys = [_kept(node, seed) for seed in sealing]
    again = {key.key_id for key in change.fresh_keys}
    change.drop_fresh_keys = [key.key_id for key in node.store.fresh_keys() if key.key_id not in again]
    after = LogState(own, Frontier.empty().extend([one.leaf]), time, {})
    node.keep(change, LogState(own, Frontier.empty(), 0, {}), [one], after)
    checkpoint = Checkpoint(node.names.origin, 1, after.frontier.root())
    change.checkpoints.append(KeptCheckpoint(own, 1, checkpoint.root, node.sign_checkpoint(checkpoint, time, both=True)))
    for state in states:
        kept = node.store.newest_checkpoint(state.number)
        if kept is not None and state.frozen is None:
            node.cosign(change, node.checkpoint(kept), state.number, time, both=True)
    node.commit(change)
    return Sent(node.names.slug, 0, 1)


def _kept(node: Node, seed: bytes) -> FreshKey:
    """A sealing key of a log before this one, sealed under the new pen; it is nobody's fresh key, so it stands under our own number."""
    public = seal.public_key(seed)
    return FreshKey(seal.key_id(public), node.own, public, node.pen.seal(seed, node.draw), node.now())
