"""What every test may lean on: the shared vectors, and how Hypothesis searches."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from coverage import Coverage
from hypothesis import settings

SHARED = Path(__file__).resolve().parents[2] / "shared"
"""The folder beside the repository that holds public vectors and data. A checkout by itself does not have it."""

# No deadline: a busy machine is not a defect. With CI=true the examples are the same in every run, so that what
# lands is judged by the change and not by luck; at a developer's desk the search goes on.
settings.register_profile("desk", deadline=None, print_blob=True)
settings.register_profile("ci", deadline=None, print_blob=True, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "desk")


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """In a worker pytest-cov 7.1 begins to measure twice; the first, which it forgets, would go on where `no_cover` pauses the other."""
    if hasattr(session.config, "workerinput") and (forgotten := Coverage.current()) is not None:
        forgotten.stop()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow tests run unmeasured, in half the time: they ask what holds in the long run, and the quick ones which lines are reached."""
    for one in items:
        if one.get_closest_marker("slow"):
            one.add_marker("no_cover")


def shared_path(*parts: str) -> Path:
    """`../shared/PARTS`, or a skip that says what is missing. At module level: `pytest.mark.skipif(not SHARED.exists())`."""
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"{Path('..', 'shared', *parts)} is not beside this checkout")
    return path


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder `../shared`; the test is skipped where there is none."""
    return shared_path()
