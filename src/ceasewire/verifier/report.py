"""What the verifier is given and what it hands back. spec/proof.md has the same numbered steps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from ..record.notation import Json

WHAT: Final = {
    1: "the file is a C2SP tlog-proof, in its one form",
    2: "the charter is signed by every party, or the policy can be read",
    3: "the channel's fingerprint is the one given",
    4: "the checkpoint is of a log that the charter or policy names, or whose opening the proof bears",
    5: "the log's own key signed the checkpoint",
    6: "every other signature that counts is by a known key and verifies",
    7: "as many witnesses cosigned as are required",
    8: "the entry and the disclosed fields are canonical and belong together",
    9: "the proof shows whether this was an exercise",
    10: "the entry stands in the log at its index",
    11: "the messages in the proof about officers and amendments stand in their logs and hold there",
    12: "the charter in force lets the sender send this kind",
    13: "as many officers as this kind needs have released it, and each release verifies",
    14: "what is shown has the fields of its kind and refers to what was seen",
}

Verdict = Literal["valid", "invalid", "unreadable"]


@dataclass(frozen=True, slots=True)
class Step:
    """One numbered step, in words, and whether it held; `detail` says what broke."""

    step: int
    what: str
    ok: bool
    detail: str = ""


@dataclass(slots=True)
class Report:
    """What the verifier found. `vouched` says who stands for what at which time; `not_proved` what no proof can say."""

    verdict: Verdict = "invalid"
    kind: str = "message"
    steps: list[Step] = field(default_factory=list)
    fields: dict[str, Json] = field(default_factory=dict)
    vouched: list[dict[str, Json]] = field(default_factory=list)
    not_proved: list[str] = field(default_factory=list)
    code: str | None = None
    about: dict[str, Json] = field(default_factory=dict)

    def as_json(self) -> dict[str, Json]:
        """The JSON of `ceasewire verify` (INTERFACE)."""
        steps = [{"step": s.step, "what": s.what, "ok": s.ok, **({"detail": s.detail} if s.detail else {})} for s in self.steps]
        return {
            "verdict": self.verdict,
            "kind": self.kind,
            "steps": steps,
            "fields": self.fields,
            "vouched": self.vouched,
            "not_proved": self.not_proved,
            "code": self.code,
            **self.about,
        }


@dataclass(frozen=True, slots=True)
class Trust:
    """What the reader trusts: a charter file or a policy file, whole, and the fingerprint they were told by other means."""

    charter: bytes | None = None
    policy: bytes | None = None
    fingerprint: str | None = None
