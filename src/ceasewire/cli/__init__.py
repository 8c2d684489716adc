# ruff: noqa: PLC0415 - imported when called, so that commands start fast
"""The command line: it parses, calls, and prints. docs/cli.md.

Exit status: 0 done or verified; 1 the answer is no (bytes from outside were refused, a proof does not verify); 2 it could not be done.
With `--json`, standard output holds exactly one JSON value, also when the command fails; what is for people goes to standard error.
"""

from __future__ import annotations

from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command with these arguments (those of the process if None); its exit status."""
    import sys

    from .running import run

    return run(list(sys.argv[1:] if argv is None else argv))
