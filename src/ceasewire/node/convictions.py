"""The misconduct proofs that a node keeps, as people see them."""

from __future__ import annotations

from ..errors import LocalError
from ..record.fields import Json, show_time
from ..record.misconduct import KINDS, open_misconduct
from ..store.interface import KeptProof
from .convicting import NUMBERS
from .view import View


def listed(view: View) -> list[dict[str, Json]]:
    """Every proof in order of log and kind, `ref` counted from 1. Raises PeerError for one that was changed on the disk."""
    return [_shown(view, number, one) for number, one in enumerate(view.store.proofs(), 1)]


def _shown(view: View, number: int, kept: KeptProof) -> dict[str, Json]:
    verdict = open_misconduct(kept.data, view.channel)
    return {
        "ref": number,
        "log": verdict.log_name,
        "party": verdict.party,
        "kind": verdict.kind,
        "convicts": verdict.convicts,
        "from_index": verdict.from_index,
        "time": show_time(kept.time),
        "bytes": len(kept.data),
        "sentence": verdict.sentence,
    }


def file_of(view: View, ref: int) -> bytes:
    """The proof with that number. Raises LocalError ref.missing."""
    kept = view.store.proofs()
    if not 1 <= ref <= len(kept):
        raise LocalError("ref.missing", f"There is no such misconduct proof here: {ref}; there are {len(kept)}")
    return kept[ref - 1].data


def kinds_against(view: View, log: int) -> list[str]:
    """Of which kinds a log's misconduct is proved here; a flood is no conviction, and is among them."""
    return [KINDS[one.kind] for one in view.store.proofs() if one.log == log]


def convictions(view: View) -> dict[int, tuple[int, list[str]]]:
    """Log -> when the first proof against it that convicts was made or came here, POSIX seconds, and the kinds of them all."""
    found: dict[int, tuple[int, list[str]]] = {}
    for one in view.store.proofs():
        if one.kind != NUMBERS["flood"]:
            since, kinds = found.get(one.log, (one.time, []))
            found[one.log] = (min(since, one.time), [*kinds, KINDS[one.kind]])
    return found
