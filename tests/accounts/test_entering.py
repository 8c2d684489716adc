"""Password and code: what is taken, what is refused, what is on the disk, and that refusing tells nothing."""

from __future__ import annotations

import base64
import threading
import time
import unicodedata
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from accounts.authenticator import totp_code
from accounts.conftest import HERE, NOW, PASSWORD, Team
from accounts.test_links import code_of
from ceasewire import limits
from ceasewire.accounts import Client, schema, totp
from ceasewire.accounts.passwords import prepared, tried
from ceasewire.errors import LocalError
from ceasewire.tlog import ed25519

RFC6238 = [  # appendix B, SHA-1: time, code of eight digits
    (59, "94287082"),
    (1111111109, "07081804"),
    (1111111111, "14050471"),
    (1234567890, "89005924"),
    (2000000000, "69279037"),
    (20000000000, "65353130"),
]


@pytest.mark.parametrize(("time_", "code"), RFC6238)
def test_codes_are_those_of_the_rfc(time_: int, code: str) -> None:
    assert totp.code(b"12345678901234567890", time_ // 30, 8) == code
    assert totp.step_of(b"12345678901234567890", code[2:], time_) == time_ // 30


def test_codes_are_read_one_step_early_and_late_in_any_digits() -> None:
    secret = bytes(range(20))
    step = NOW // 30
    found = {off: totp.step_of(secret, totp.code(secret, step + off), NOW) for off in range(-3, 4)}
    assert found == {-3: None, -2: None, -1: step - 1, 0: step, 1: step + 1, 2: None, 3: None}
    code = totp.code(secret, step)
    pashto = "".join(chr(0x6F0 + int(digit)) for digit in code)
    assert totp.step_of(secret, f" {pashto[:3]} {pashto[3:]} ", NOW) == step
    for wrong in ("", code[:5], code + "0", "0" * 10_000, "\ud800", "abcdef"):
        assert totp.step_of(secret, wrong, NOW) is None


def test_the_uri_is_read_back_by_an_app() -> None:
    uri = totp.uri(b"x" * 20, "جبار / Kestrel & co", "Ceasewire")
    assert uri.startswith("otpauth://totp/Ceasewire:%D8%AC")
    assert f"secret={base64.b32encode(b'x' * 20).decode()}&" in uri
    assert "algorithm=SHA1&digits=6&period=30" in uri
    assert not set(" /&") & set(uri.removeprefix("otpauth://totp/").partition("?")[0])


@settings(max_examples=50)
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=15, max_size=60))
def test_a_password_is_the_same_however_it_is_composed(text: str) -> None:
    composed, taken_apart = (tried(unicodedata.normalize(form, text)) for form in ("NFC", "NFD"))
    assert composed == taken_apart


@pytest.mark.parametrize("text", ["", "fourteen signs", "a" * 1025, "ب" * 513, "half a character \ud800", "e\u0301" * 14])
def test_a_password_is_refused_by_length_alone(text: str) -> None:
    assert code_of(prepared, text) == "account.password"
    assert tried(text) == b"\0"


@pytest.mark.parametrize("text", ["aaaaaaaaaaaaaaa", "a" * 1024, "ب" * 512, "e\u0301" * 15, "               "])
def test_any_other_is_taken(text: str) -> None:
    assert prepared(text) == unicodedata.normalize("NFC", text).encode()


def test_i10_a_code_lets_in_once(team: Team) -> None:
    """Replay: neither the same code again, nor an older one that has not run out, nor two at the same moment."""
    accounts = team.accounts
    together = threading.Barrier(2)

    def enter(address: str) -> str | None:
        together.wait()
        return code_of(accounts.sign_in, "kestrel", PASSWORD, team.code(), NOW, Client(address))

    with ThreadPoolExecutor(2) as pool:
        assert sorted(map(str, pool.map(enter, ("192.0.2.1", "192.0.2.2")))) == ["None", "account.wrong"]
    assert code_of(accounts.sign_in, "Kestrel", PASSWORD, team.code(NOW - 30), NOW, HERE) == "account.wrong"
    token, session = accounts.sign_in("Kestrel", PASSWORD, team.code(NOW + 30), NOW, HERE)
    assert (session.how, session.fresh_until) == ("password", NOW + limits.FRESH_SECONDS)
    assert accounts.session(token, NOW) is not None
    assert code_of(accounts.confirm, session.id, PASSWORD, team.code(NOW + 30), NOW) == "account.wrong"


def test_i1_refusing_tells_neither_who_is_here_nor_what_was_wrong(team: Team) -> None:
    """The same code and detail, and the same work, for a wrong password, an unknown name, somebody without a password, somebody disabled,
    and a wrong code. Work is processor time, which other programs do not stretch; the least of three."""
    accounts = team.accounts
    link = accounts.invite("reader", "Wren", team.kestrel.account, NOW)
    _, wren = accounts.redeem(link.secret, NOW, HERE)
    accounts.disable(wren.account, team.kestrel.account, NOW)
    tries = {
        "password": ("Kestrel", PASSWORD + "x", team.code()),
        "short": ("Kestrel", "x", team.code()),
        "code": ("Kestrel", PASSWORD, "abcdef"),
        "nobody": ("Nobody", PASSWORD, team.code()),
        "passkey": ("Heron", PASSWORD, team.code()),
        "disabled": ("Wren", PASSWORD, team.code()),
    }
    spent: dict[str, list[float]] = {name: [] for name in tries}
    for turn in range(3):
        for at, (name, (who, password, code)) in enumerate(tries.items()):
            began = time.process_time()
            with pytest.raises(LocalError) as caught:
                accounts.sign_in(who, password, code, NOW + 3600 * turn, Client(f"192.0.2.{10 * turn + at}"))
            spent[name].append(time.process_time() - began)
            assert (caught.value.code, caught.value.detail) == ("account.wrong", "")
    least = [min(times) for times in spent.values()]
    assert max(least) < 1.5 * min(least), spent  # a case that asked Argon2 nothing would take a thousandth


def test_i11_the_file_opens_nothing(team: Team) -> None:
    """What a thief of the disk has: no token, no link, no device, no TOTP secret, no seed, no password."""
    accounts = team.accounts
    token, session = accounts.sign_in("Kestrel", PASSWORD, team.code(), NOW, HERE)
    seed = accounts.release_key(session.id, PASSWORD, NOW).private_bytes_raw()
    link = accounts.sign_in_link(team.heron.account, None, NOW)
    secret = base64.b32decode(team.secret + "=" * (-len(team.secret) % 8))
    disk = team.everything_on_disk()
    assert b"Kestrel" in disk
    for kept in (token, session.device, session.csrf, link, PASSWORD, team.secret):
        assert kept.encode() not in disk
    for raw in (secret, seed, base64.urlsafe_b64decode(token[4:] + "=")):
        assert raw not in disk


def test_the_release_key_is_given_within_a_confirmation_and_outlives_a_new_password(team: Team) -> None:
    accounts = team.accounts
    half = accounts.officer(team.kestrel.account)
    assert half is not None
    public = bytes.fromhex(half.key.removeprefix("ed25519:"))
    assert code_of(accounts.release_key, team.kestrel.id, PASSWORD, NOW) == "account.fresh", "it was fresh 900 s ago"
    assert code_of(accounts.release_key, team.kestrel.id, PASSWORD, NOW, "abcdef") == "account.wrong"
    signer = accounts.release_key(team.kestrel.id, PASSWORD, NOW, team.code())
    assert ed25519.verify(public, signer.sign(b"said"), b"said")
    assert code_of(accounts.release_key, team.kestrel.id, PASSWORD + "x", NOW) == "account.wrong"
    assert code_of(accounts.change_password, team.kestrel.id, PASSWORD, team.code(), "too short", NOW) == "account.password"
    other, _ = accounts.redeem(accounts.sign_in_link(team.kestrel.account, None, NOW), NOW, HERE)
    with accounts._db.reading() as connection:
        who, old = accounts._tried_on(connection, "kestrel")
    accounts.change_password(team.kestrel.id, PASSWORD, team.code(NOW + 30), "another sentence of nobody", NOW + 30)
    again = accounts.release_key(team.kestrel.id, "another sentence of nobody", NOW + 40)
    assert again.private_bytes_raw() == signer.private_bytes_raw()
    assert accounts.session(other, NOW + 40) is None, "whoever else was signed in is out"
    assert accounts.session(team.kestrel_token, NOW + 40) is not None
    with accounts._db.writing() as connection:
        assert not accounts._right(connection, who, old, NOW // 30 + 9), "an old password that was being tried meanwhile"
    assert accounts.officer(team.kestrel.account) == half
    assert code_of(accounts.release_key, team.kestrel.id, PASSWORD, NOW + 40) == "account.wrong"
    assert code_of(accounts.sign_in, "Kestrel", "another sentence of nobody", team.code(NOW + 90), NOW + 90, HERE) is None


def test_i10_a_password_enrolled_anew_brings_another_release_key(team: Team) -> None:
    """Whoever comes by a link does not come by the key that lies under the lost password."""
    accounts = team.accounts
    before = accounts.officer(team.kestrel.account)
    _, session = accounts.redeem(accounts.sign_in_link(team.kestrel.account, None, NOW), NOW, HERE)
    enrolment = accounts.register_password(session.id, None, PASSWORD, NOW)
    assert accounts.officer(team.kestrel.account) == before, "nothing changes until the first code"
    assert code_of(accounts.confirm_totp, session.id, "abcdef", NOW, HERE) == "account.wrong"
    token, after = accounts.confirm_totp(session.id, totp_code(enrolment.secret, NOW), NOW, HERE)
    assert accounts.officer(team.kestrel.account) not in (before, None)
    assert after.id != session.id
    assert accounts.session(token, NOW) is not None
    assert [one.id for one in accounts.sessions(team.kestrel.account)] == [after.id, team.kestrel.id]
    assert code_of(accounts.confirm_totp, session.id, totp_code(enrolment.secret, NOW + 30), NOW, HERE) == "account.session"


def test_another_phone_leaves_the_release_key_as_it_was(team: Team) -> None:
    """With a code of the old one; or, if that is lost, by a link and the password, which whoever made the link does not know."""
    accounts, kestrel = team.accounts, team.kestrel.account
    half = accounts.officer(kestrel)
    assert code_of(accounts.renew_totp, team.kestrel.id, PASSWORD, NOW) == "account.fresh"
    enrolment = accounts.renew_totp(team.kestrel.id, PASSWORD, NOW, team.code())
    _, session = accounts.confirm_totp(team.kestrel.id, totp_code(enrolment.secret, NOW), NOW, HERE)
    assert accounts.officer(kestrel) == half
    assert code_of(accounts.confirm, session.id, PASSWORD, team.code(NOW + 60), NOW + 60) == "account.wrong", "the old app's"
    assert code_of(accounts.confirm, session.id, PASSWORD, totp_code(enrolment.secret, NOW + 60), NOW + 60) is None
    later = NOW + limits.FRESH_SECONDS + 60
    _, came = accounts.redeem(accounts.sign_in_link(kestrel, None, later), later, HERE)
    assert code_of(accounts.renew_totp, came.id, PASSWORD + "x", later) == "account.wrong"
    assert code_of(accounts.release_key, came.id, PASSWORD, later) == "account.fresh", "a link is no confirmation"
    accounts.renew_totp(came.id, PASSWORD, later)
    assert code_of(accounts.renew_totp, came.id, PASSWORD, later + limits.SIGN_IN_LINK_SECONDS) == "account.fresh"


def test_what_is_sealed_for_one_person_opens_for_no_other(team: Team) -> None:
    """Whoever can write the file puts Kestrel's row in Heron's place, and knows Kestrel's password."""
    with team.accounts._db.writing() as connection:
        connection.execute(update(schema.password).values(account=team.heron.account))
    assert code_of(team.accounts.sign_in, "Heron", PASSWORD, team.code(), NOW, HERE) == "account.wrong"


def test_a_credential_is_added_only_in_a_fresh_session(team: Team) -> None:
    """A browser that was left open is no way to make oneself at home."""
    accounts = team.accounts
    assert code_of(accounts.register_password, team.kestrel.id, None, PASSWORD, NOW) == "account.fresh"
    assert code_of(accounts.passkey_registration, team.heron.id, None, "https://north.example", NOW) == "account.fresh"
    until = accounts.confirm(team.kestrel.id, PASSWORD, team.code(), NOW)
    assert until == NOW + limits.FRESH_SECONDS
    assert code_of(accounts.passkey_registration, team.kestrel.id, None, "https://north.example", until - 1) is None
    assert code_of(accounts.passkey_registration, team.kestrel.id, None, "https://north.example", until) == "account.fresh"
