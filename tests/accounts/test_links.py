"""One-time links: who may make them, that each lets one in, and nobody twice."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from accounts.authenticator import ORIGIN, Authenticator
from accounts.conftest import HERE, NOW, PASSWORD, Team
from ceasewire import limits
from ceasewire.accounts import Accounts
from ceasewire.errors import LocalError


def code_of(call: Callable[..., Any], *arguments: Any, **more: Any) -> str | None:
    """The code with which a call is refused; None if it is not."""
    try:
        call(*arguments, **more)
    except LocalError as error:
        return error.code
    return None


def test_the_first_link_makes_an_administrator_and_only_once(empty: Accounts) -> None:
    assert empty.is_empty()
    assert code_of(empty.invite, "reader", None, None, NOW) == "account.role"
    old = empty.invite("administrator", None, None, NOW)
    new = empty.invite("administrator", None, None, NOW)
    assert code_of(empty.redeem, old.secret, NOW, HERE, name="Kestrel") == "account.link", "a new start's link voids the old one's"
    assert empty.invitation(new.secret, NOW).role == "administrator"
    assert code_of(empty.redeem, new.secret, NOW, HERE) == "account.name", "it bears no name"
    _, session = empty.redeem(new.secret, NOW, HERE, name="Kestrel")
    assert (session.role, session.name, session.enrolled, session.fresh_until) == ("administrator", "Kestrel", False, 0)
    assert not empty.is_empty()
    assert code_of(empty.redeem, new.secret, NOW, HERE, name="Heron") == "account.link"
    assert code_of(empty.invite, "administrator", None, None, NOW) == "account.role"


def test_only_an_administrator_invites_and_only_while_one(team: Team) -> None:
    accounts, admin = team.accounts, team.kestrel.account
    assert code_of(accounts.invite, "reader", None, team.heron.account, NOW) == "account.role"
    assert code_of(accounts.invite, "reader", None, 99, NOW) == "account.role"
    assert code_of(accounts.invite, "king", None, admin, NOW) == "usage"
    accounts.set_role(team.heron.account, "administrator", admin, NOW)
    link = accounts.invite("reader", "Wren", team.heron.account, NOW)
    accounts.disable(team.heron.account, admin, NOW)
    assert code_of(accounts.redeem, link.secret, NOW, HERE) == "account.link", "whoever invited is no administrator any more"


@pytest.mark.parametrize(
    "name", ["Kestrel", " kestrel ", "KESTREL", "", "a" * 101, "Kes\u200btrel", "Wr\u200ben", "Kestrel\u202e", "\ud800", "a\nb\0"]
)
def test_names_that_cannot_be(team: Team, name: str) -> None:
    link = team.accounts.invite("reader", None, team.kestrel.account, NOW)
    assert code_of(team.accounts.redeem, link.secret, NOW, HERE, name=name) == "account.name"
    assert code_of(team.accounts.redeem, link.secret, NOW, HERE, name="جبار") is None, "a refusal uses nothing up"


def test_links_end(team: Team) -> None:
    accounts, admin = team.accounts, team.kestrel.account
    late = accounts.invite("reader", "Wren", admin, NOW)
    assert code_of(accounts.invitation, late.secret, late.expires - 1) is None
    assert code_of(accounts.invitation, late.secret, late.expires) == "account.link"
    first, second = (accounts.sign_in_link(team.heron.account, admin, NOW) for _ in range(2))
    assert code_of(accounts.redeem, first, NOW, HERE) == "account.link", "a newer one voids it"
    assert code_of(accounts.redeem, second, NOW + limits.SIGN_IN_LINK_SECONDS, HERE) == "account.link"
    accounts.disable(team.heron.account, admin, NOW)
    assert code_of(accounts.redeem, second, NOW, HERE) == "account.link"
    assert code_of(accounts.sign_in_link, team.heron.account, admin, NOW) == "account.disabled"
    assert [(one.name, one.account, one.expires) for one in accounts.links(NOW)] == [("Wren", None, late.expires)]
    assert accounts.links(late.expires) == []
    assert accounts.end_links(admin, NOW) == 1
    assert accounts.links(NOW) == []
    for nothing in ("", "cwl_", "cws_" + late.secret[4:], late.secret + "A", late.secret.swapcase(), "\ud800"):
        assert code_of(accounts.invitation, nothing, NOW) == "account.link"


def test_of_many_who_open_one_link_one_is_let_in(team: Team) -> None:
    accounts, admin = team.accounts, team.kestrel.account
    with ThreadPoolExecutor(8) as pool:
        for number in range(10):
            link = accounts.invite("reader", None, admin, NOW)
            together = threading.Barrier(8)

            def open_it(one: int, secret: str = link.secret, number: int = number, together: threading.Barrier = together) -> str | None:
                together.wait()
                return code_of(accounts.redeem, secret, NOW, HERE, name=f"reader {number} {one}")

            assert sorted(map(str, pool.map(open_it, range(8)))) == ["None", *["account.link"] * 7]
    assert len(accounts.accounts()) == 12


def _redeem_all(path: str, secrets: list[str], prefix: str) -> list[str | None]:
    accounts = Accounts.open(Path(path), os.urandom)
    found = [code_of(accounts.redeem, secret, NOW, HERE, name=f"{prefix} {at}") for at, secret in enumerate(secrets)]
    accounts.close()
    return found


def test_of_two_processes_one_is_let_in(team: Team) -> None:
    """Links redeemed by two processes at once, beside a third that has the file open: each lets in one, and nothing is lost."""
    secrets = [team.accounts.invite("reader", None, team.kestrel.account, NOW).secret for _ in range(30)]
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        jobs = [pool.apply_async(_redeem_all, (str(team.path), secrets, prefix)) for prefix in ("one", "two")]
        found = [job.get(60) for job in jobs]
    for results in zip(*found, strict=True):
        assert sorted(map(str, results)) == ["None", "account.link"]
    assert len(team.accounts.accounts()) == 32


def test_a_link_is_used_up_by_enrolling_too(team: Team) -> None:
    accounts = team.accounts
    link = accounts.invite("drafter", "Wren", team.kestrel.account, NOW).secret
    passkey = Authenticator(id=b"wren's credential")
    answer = passkey.create(accounts.passkey_registration(link, None, ORIGIN, NOW))
    accounts.register_password(link, None, PASSWORD, NOW)
    _, wren = accounts.finish_passkey(link, None, answer, origin=ORIGIN, now=NOW, client=HERE)
    assert (wren.name, wren.role, wren.enrolled, wren.how) == ("Wren", "drafter", True, "passkey")
    assert code_of(accounts.redeem, link, NOW, HERE) == "account.link"
    assert code_of(accounts.confirm_totp, link, "000000", NOW, HERE) == "account.wrong"
    assert code_of(accounts.finish_passkey, link, None, answer, origin=ORIGIN, now=NOW, client=HERE) == "account.passkey"


def test_nothing_is_made_until_the_enrolment_ends(empty: Accounts) -> None:
    link = empty.invite("administrator", None, None, NOW).secret
    empty.register_password(link, "Kestrel", PASSWORD, NOW)
    empty.passkey_registration(link, "Kestrel", ORIGIN, NOW)
    assert empty.is_empty()
    assert empty.invitation(link, NOW).role == "administrator"
    assert code_of(empty.confirm_totp, link, "000000", NOW + limits.ENROLMENT_SECONDS, HERE) == "account.link"


def test_whoever_holds_a_link_of_theirs_enrols_anew(team: Team) -> None:
    """A lost passkey: a link, and another passkey. The old one still is theirs until it is removed."""
    link = team.accounts.sign_in_link(team.heron.account, None, NOW)
    _, session = team.accounts.redeem(link, NOW, HERE)
    assert (session.account, session.how, session.fresh_until) == (team.heron.account, "link", 0)
    other = Authenticator(id=b"another credential")
    answer = other.create(team.accounts.passkey_registration(session.id, None, ORIGIN, NOW))
    token, again = team.accounts.finish_passkey(session.id, None, answer, origin=ORIGIN, now=NOW, client=HERE)
    assert again.account == team.heron.account
    assert team.accounts.session(token, NOW) is not None
    assert [one.label for one in team.accounts.passkeys(team.heron.account)] == ["", ""]
    assert other.handle == team.passkey.handle
