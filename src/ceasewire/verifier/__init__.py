"""The offline verifier: a proof file of any kind, a charter or a policy, and nothing else. spec/proof.md, spec/misconduct.md and
spec/silence.md have the same numbered steps.

It imports no storage and no network: a court can be handed this package, `record/` and `tlog/`.
"""

from .extra import Extra, Support
from .files import verify
from .report import WHAT, Report, Step, Trust

__all__ = ["WHAT", "Extra", "Report", "Step", "Support", "Trust", "verify"]
