"""The vectors in spec/vectors/ are what tests/make_vectors.py makes of the code as it is."""

from __future__ import annotations

from make_vectors import make, present


def test_the_files_are_what_the_script_makes() -> None:
    """If this fails after a change that is meant, run the script and look at what changed."""
    made, found = make(), present()
    assert sorted(made) == sorted(found)
    changed = [name for name in made if made[name] != found[name]]
    assert changed == []
