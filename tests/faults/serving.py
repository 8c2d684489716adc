"""Starts processes that serve, at once: everything is imported, and each is forked. Run as `python -m faults.serving`.

Each line of standard input is a node's folder; the answer is the process id of the one that serves it from now on. A child whose parent has
gone ends too.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from pathlib import Path

from ceasewire.folder import Folder
from ceasewire.serve import run

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Start what is asked for, until standard input ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            os.close(0)
            try:
                run([(Folder(Path(line.rstrip("\n"))), None)])
            finally:
                os._exit(0)
        print(child, flush=True)


if __name__ == "__main__":
    main()
