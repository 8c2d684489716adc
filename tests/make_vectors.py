"""Write spec/vectors/ anew: `PYTHONPATH=src:tests python tests/make_vectors.py`. Twice gives the same files.

What draws randomness (ML-DSA-44 signatures, sealed bytes) is kept in spec/vectors/parts and used again; delete a part to make it anew.
"""

from __future__ import annotations

import sys
from pathlib import Path

from vectors import (
    of_admission,
    of_authority,
    of_bodies,
    of_encoding,
    of_exchange,
    of_later_logs,
    of_misconduct,
    of_proofs,
    of_record,
    of_silence,
    of_tlog,
    of_witness,
)
from vectors.base import FOLDER, Vectors

NOT_OURS = ("local", "README.md")


def make(folder: Path = FOLDER) -> dict[str, str]:
    """Path below spec/vectors -> text, of every file that this script answers for."""
    vectors = Vectors(folder)
    for module in (
        of_encoding,
        of_tlog,
        of_witness,
        of_record,
        of_bodies,
        of_admission,
        of_exchange,
        of_proofs,
        of_authority,
        of_later_logs,
        of_silence,
        of_misconduct,
    ):
        module.add(vectors)
    return vectors.files()


def present(folder: Path = FOLDER) -> dict[str, str]:
    """What lies there now, of the same files."""
    paths = (path for path in folder.rglob("*") if path.is_file() and path.relative_to(folder).parts[0] not in NOT_OURS)
    return {str(path.relative_to(folder)): path.read_text("utf-8") for path in paths}


def main() -> None:
    made, found = make(), present()
    for name in sorted(made.keys() | found.keys()):
        path = FOLDER / name
        if name not in made:
            path.unlink()
        elif found.get(name) != made[name]:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(made[name], "utf-8")
    changed = sum(found.get(name) != made.get(name) for name in made.keys() | found.keys())
    sys.stdout.write(f"{len(made)} files, {sum(map(len, made.values()))} bytes, {changed} changed\n")


if __name__ == "__main__":
    main()
