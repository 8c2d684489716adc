"""account list and account link, beside a node and its people."""

from __future__ import annotations

import os
import time
from pathlib import Path

from ceasewire import remains
from ceasewire.accounts import FILE, Accounts, Client
from cli.driving import joined

HERE = Client("127.0.0.1")


def test_a_link_for_the_first_administrator_and_for_whoever_lost_everything(tmp_path: Path) -> None:
    cli = joined(tmp_path)
    assert cli.good("account", "list", "north") == []
    assert not (tmp_path / "north" / FILE).exists(), "listing makes no file"
    first = cli.good("account", "link", "north")
    assert (first["name"], first["role"]) == (None, "administrator")
    assert first["page"].startswith(f"/c/{first['node']}/enter/cwl_")
    accounts = Accounts.open(tmp_path / "north" / FILE, os.urandom)
    now = int(time.time())
    secret = first["page"].rpartition("/")[2]
    token, session = accounts.redeem(secret, now, HERE, name="Kestrel")
    accounts.redeem(accounts.invite("releaser", "Heron", session.account, now).secret, now, HERE)

    listed = cli.good("account", "list", "north")  # while the file is open here
    assert [(one["name"], one["role"], one["disabled"], one["password"], one["passkeys"]) for one in listed] == [
        ("Kestrel", "administrator", None, False, 0),
        ("Heron", "releaser", None, False, 0),
    ]
    again = cli.good("account", "link", "north")
    assert again["name"] == "Kestrel"
    theirs = cli.good("account", "link", "north", "heron")
    assert (theirs["name"], theirs["role"]) == ("Heron", "releaser")
    _, heron = accounts.redeem(theirs["page"].rpartition("/")[2], int(time.time()), HERE)
    assert heron.name == "Heron"
    assert [line.who for line in accounts.audit() if line.what == "link_made"] == [None, None]
    accounts.disable(heron.account, session.account, now)
    assert cli("account", "link", "north", "Heron", "--json").code == "account.disabled"
    assert accounts.session(token, now) is not None
    accounts.close()
    assert "disabled" in cli("account", "list", "north").out


def test_what_cannot_be_done(tmp_path: Path) -> None:
    cli = joined(tmp_path)
    assert cli("account", "link", "north", "Heron", "--json").code == "account.missing"
    assert cli("account", "list", "nowhere", "--json").code == "node.missing"
    assert cli("account", "link", "nowhere", "--json").code == "node.missing"
    cli.good("account", "link", "north")
    (tmp_path / "north" / FILE).chmod(0o644)
    assert cli("account", "list", "north", "--json").code == "pen.mode"


def test_a_backup_holds_nobody_and_recover_leaves_them_in_their_folder(tmp_path: Path) -> None:
    cli = joined(tmp_path)
    page = cli.good("account", "link", "north")["page"]
    accounts = Accounts.open(tmp_path / "north" / FILE, os.urandom)
    accounts.redeem(page.rpartition("/")[2], int(time.time()), HERE, name="Kestrel of the north")
    accounts.close()
    cli.good("backup", "north", "north.backup")
    assert b"Kestrel of the north" not in (tmp_path / "north.backup").read_bytes()
    assert b"Kestrel of the north" in (tmp_path / "north" / FILE).read_bytes()
    assert all(remains._is_ours(f"{FILE}{suffix}") for suffix in ("", "-wal", "-shm"))
    assert remains._is_ours("accounts.lock")
