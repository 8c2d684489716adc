"""Alarms that go outward, to a telephone or a pager, by Apprise: that something waits, and never what. docs/decisions/0023.

NODE/alarms has one URL of Apprise a line, and at most one line that is no URL: the name by which the message calls this channel. Lines that
begin with # are passed over. The URLs hold secrets, so the file is 0600, and they stand in no argument, variable or log.

`serve` starts this as a program of its own, for each alarm anew, so that it grows neither by Apprise nor by what a service answers.
`python -m ceasewire.outward FILE`; CEASEWIRE_ALARM is as of carriers/alarm.py. Ends with 0; 1 if a service did not take it; 2 if the file
cannot be used.
"""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from .errors import LocalError
from .keyfile import open_secret

FLASH: Final = "Ceasewire: a flash is waiting"
OTHER: Final = "Ceasewire: an alarm is waiting"
_BYTES: Final = 64 * 1024
_NAME_LETTERS: Final = 60


def read(path: Path) -> tuple[str, list[str]]:
    """The name that is said ("" if none) and the URLs. Raises LocalError pen.mode, pen.damaged, disk.failed, usage."""
    with os.fdopen(open_secret(path), "rb") as file:
        data = file.read(_BYTES + 1)
    try:
        lines = [line.strip() for line in data.decode().splitlines()]
    except UnicodeDecodeError:
        raise LocalError("usage", f"{path.name} is not UTF-8") from None
    said = [line for line in lines if line and not line.startswith("#")]
    urls, names = [line for line in said if "://" in line], [line for line in said if "://" not in line]
    if len(data) > _BYTES or not urls or len(names) > 1 or len("".join(names)) > _NAME_LETTERS:
        raise LocalError(
            "usage", f"{path.name} has URLs, one a line, and at most one other line, a name of at most {_NAME_LETTERS} letters"
        )
    return "".join(names), urls


def wanted(path: Path) -> bool:
    """Whether alarms go outward; False if there is no such file. Raises LocalError as `read`, and usage where Apprise is not installed."""
    if not os.path.lexists(path):
        return False
    read(path)
    if find_spec("apprise") is None:
        raise LocalError("usage", f"{path.name} is there, but not Apprise: install requirements/alarms.txt, or ceasewire[alarms]")
    return True


def text(alarm: str, name: str) -> str:
    """All that is said: that a flash, or another alarm, waits; and the channel's name if the operator gave one."""
    said = FLASH if alarm == "flash" else OTHER
    return f"{said} ({name})" if name else said


def main(path: Path) -> int:
    """Tell every service. The exit status."""
    try:
        name, urls = read(path)
    except LocalError:
        return 2
    import apprise  # noqa: PLC0415 - a node without such a file does without

    asset = apprise.AppriseAsset(
        app_id="Ceasewire", app_desc="Ceasewire", app_url="", image_url_mask="", image_url_logo="", plugin_paths=[]
    )
    services = apprise.Apprise(asset=asset)
    known = [services.add(url) for url in urls]
    told = services.notify(body=text(os.environ.get("CEASEWIRE_ALARM", ""), name)) if any(known) else False
    return 0 if told and all(known) else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
