"""Makes `.venv/LOCK` from `requirements/LOCK.txt`: `python3 requirements/install.py runtime|dev`.

`./run` calls this when the environment is not there or was made from another lock. It is built beside the old one and
takes its place whole, so a failure changes nothing; one process builds at a time and the others wait for it. uv is the
one on PATH, else the one that `requirements/uv.txt` locks, in `.tools`. Ends with 0, or 2 after one sentence.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import ssl
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TOOLS = ROOT / ".tools"


class CannotInstall(Exception):
    """One sentence for the person who typed `./run`."""


def say(sentence: str) -> None:
    print(f"run: {sentence}", file=sys.stderr, flush=True)


def call(*command: str | Path) -> bool:
    """Whether the command succeeded. What it prints goes to standard error: standard output is for JSON."""
    try:
        return subprocess.run(command, cwd=ROOT, stdout=sys.stderr, check=False).returncode == 0
    except OSError:
        return False


def works(uv: str | Path) -> bool:
    try:
        return subprocess.run([uv, "--version"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def trusts_own_authorities() -> bool:
    """Whether the machine has certificate authorities of its own to trust. pip uses them; uv does so only when told."""
    paths = ssl.get_default_verify_paths()
    return bool(paths.cafile or (paths.capath and os.listdir(paths.capath)))


def find_uv() -> str | Path:
    """The uv to use, installed first where there is none."""
    on_path, own = shutil.which("uv"), TOOLS / "bin" / "uv"
    if on_path and works(on_path):
        return on_path
    if works(own):
        return own
    say("installing uv into .tools")
    shutil.rmtree(TOOLS, ignore_errors=True)  # pip leaves a folder that is already there as it is
    lock = ROOT / "requirements" / "uv.txt"
    quiet = ("--quiet", "--disable-pip-version-check", "--root-user-action=ignore")
    pip = (sys.executable, "-m", "pip", "install", *quiet, "--require-hashes", "--target", TOOLS, "-r", lock)
    if not call(*pip) or not works(own):
        raise CannotInstall("uv could not be installed: put uv on PATH, or check that `python3 -m pip` works and reaches its index.")
    return own


def build(lock: Path, environment: Path) -> None:
    """Installs exactly what `lock` lists, wheels only: building a package would run code that no hash covers."""
    uv = find_uv()
    fresh = environment.with_suffix(".new")
    say(f"installing the packages of requirements/{lock.name} (once)")
    venv = (
        uv,
        "venv",
        "--quiet",
        "--clear",
        "--relocatable",
        "--no-project",
        "--no-python-downloads",
        "-p",
        sys.executable,
        fresh,
    )
    sync = (uv, "pip", "sync", "--quiet", "--require-hashes", "--no-build", "-p", fresh / "bin" / "python", lock)
    if not call(*venv) or not call(*sync):
        raise CannotInstall("the packages could not be installed: see above what uv says, check the network, and start again.")
    shutil.copyfile(lock, fresh / "lock.txt")
    shutil.rmtree(environment, ignore_errors=True)
    fresh.rename(environment)


def is_current(lock: Path, environment: Path) -> bool:
    """The same question that `run` asks."""
    made_from = environment / "lock.txt"
    return (environment / "bin" / "python").exists() and made_from.exists() and made_from.read_bytes() == lock.read_bytes()


def main(name: str) -> None:
    lock, environment = ROOT / "requirements" / f"{name}.txt", ROOT / ".venv" / name
    environment.parent.mkdir(exist_ok=True)
    with (environment.parent / "lock").open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another process is installing; waiting for it")
            fcntl.flock(held, fcntl.LOCK_EX)
        if not is_current(lock, environment):
            build(lock, environment)


if __name__ == "__main__":
    # An activated environment or a caller's PYTHONPATH must not decide what goes into this one.
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONPATH", "PYTHONHOME"):
        os.environ.pop(variable, None)
    if trusts_own_authorities():
        os.environ.setdefault("UV_SYSTEM_CERTS", "1")
    try:
        main(sys.argv[1])
    except (CannotInstall, OSError) as error:
        say(str(error))
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
