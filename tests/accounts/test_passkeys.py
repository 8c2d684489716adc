"""Passkeys: what is taken, each way of being wrong, replays and copies, and what a charter is told of one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.authenticator import AT, ORIGIN, RP_ID, UP, UV, Authenticator, b64, unb64
from accounts.conftest import HERE, NOW, PASSWORD, Team
from accounts.test_links import code_of
from ceasewire import limits
from ceasewire.accounts import Accounts, webauthn
from ceasewire.errors import LocalError
from ceasewire.record.officers import read_officer
from ceasewire.record.release import Asked, check, item, read_assertion

Json = dict[str, Any]


def enter(team: Team, answer: Mapping[str, Any] | None = None, now: int = NOW, origin: str = ORIGIN) -> str | None:
    """Sign Heron in; the code if refused."""
    given_ = team.passkey.get(team.accounts.passkey_sign_in(ORIGIN, NOW)) if answer is None else answer
    return code_of(team.accounts.finish_passkey_sign_in, given_, origin, now, HERE)


def enrolling(team: Team) -> tuple[str, Callable[[Json], Any]]:
    """A link of somebody new, and how it is used with an answer."""
    link = team.accounts.invite("drafter", "Wren", team.kestrel.account, NOW).secret
    return link, lambda answer: team.accounts.finish_passkey(link, None, answer, origin=ORIGIN, now=NOW, client=HERE)


def test_a_passkey_signs_in_without_a_name(team: Team) -> None:
    options = team.accounts.passkey_sign_in(ORIGIN, NOW)
    assert (options["rpId"], options["userVerification"], options["allowCredentials"]) == (RP_ID, "required", [])
    token, session = team.accounts.finish_passkey_sign_in(team.passkey.get(options), ORIGIN, NOW, HERE)
    assert (session.name, session.how, session.fresh_until) == ("Heron", "passkey", NOW + limits.FRESH_SECONDS)
    assert team.accounts.session(token, NOW) is not None
    assert team.accounts.passkeys(session.account)[0].used == NOW


def test_the_options_ask_for_what_is_needed(team: Team) -> None:
    link, _ = enrolling(team)
    options = team.accounts.passkey_registration(link, None, "https://north.example:8443", NOW)
    assert options["rp"]["id"] == RP_ID
    assert options["attestation"] == "none"
    assert options["pubKeyCredParams"] == [{"type": "public-key", "alg": -7}]
    chosen = {"residentKey": "required", "requireResidentKey": True, "userVerification": "required"}
    assert options["authenticatorSelection"] == chosen
    assert options["user"]["name"] == "Wren"
    _, heron = team.accounts.redeem(team.accounts.sign_in_link(team.heron.account, None, NOW), NOW, HERE)
    again = team.accounts.passkey_registration(heron.id, None, ORIGIN, NOW)
    assert again["excludeCredentials"] == [{"type": "public-key", "id": b64(team.passkey.id)}]
    assert unb64(again["user"]["id"]) == team.passkey.handle


@pytest.mark.parametrize(
    "origin",
    [
        "http://north.example",
        "https://192.0.2.1:8443",
        "https://[::1]",
        "http://127.0.0.1:8701",
        "https://North.example",
        "https://north.example/",
        "north.example",
        "",
        "https://n\u00f6rth.example",
    ],
)
def test_there_are_places_where_no_passkey_can_be(team: Team, origin: str) -> None:
    assert code_of(team.accounts.passkey_sign_in, origin, NOW) == "account.passkey"


@pytest.mark.parametrize("origin", ["http://localhost:8701", "https://localhost", "https://a.b-c.example:1", "http://north.localhost:1"])
def test_and_places_where_they_can(origin: str) -> None:
    assert origin.partition("//")[2].startswith(webauthn.rp_id_of(origin))


WRONG_ASSERTION: dict[str, dict[str, Any]] = {
    "another address": {"rp_id": "south.example"},
    "not present": {"flags": UV},
    "not verified": {"flags": UP},
    "with a credential": {"flags": UP | UV | AT},
    "backed up and cannot be": {"flags": UP | UV | 0x10},
    "another key": {"key": ec.derive_private_key(7, ec.SECP256R1())},
    "another act": {"client": {"type": "webauthn.create"}},
    "another origin": {"client": {"origin": "https://north.example.evil"}},
    "another port": {"client": {"origin": "https://north.example:444"}},
    "framed": {"client": {"crossOrigin": True}},
    "another challenge": {"client": {"challenge": b64(bytes(56))}},
    "no challenge": {"client": {"challenge": None}},
    "another person": {"handle": bytes(32)},
    "no person": {"handle": b""},
    "another credential": {"id": b"never registered"},
}


@pytest.mark.parametrize("name", WRONG_ASSERTION)
def test_an_assertion_that_is_wrong_in_one_way(team: Team, name: str) -> None:
    wrong = replace(team.passkey, **WRONG_ASSERTION[name])
    assert enter(team, wrong.get(team.accounts.passkey_sign_in(ORIGIN, NOW))) == "account.passkey"
    assert enter(team) is None, "and the right one is taken"


def test_our_own_page_at_another_address_is_no_page_of_the_passkey(team: Team) -> None:
    other = "https://north.example:8443"
    options = team.accounts.passkey_sign_in(other, NOW)
    assert enter(team, team.passkey.get(options, other), origin=other) == "account.passkey"
    assert enter(team, team.passkey.get(options, ORIGIN), origin=other) == "account.passkey", "an answer carried from one to the other"
    assert enter(team, team.passkey.get(options, ORIGIN)) is None


def test_i10_a_challenge_is_answered_once_in_time_and_for_its_purpose(team: Team) -> None:
    """Replays: the same answer again, twice at once, too late; a challenge of another act or session; one that we never made."""
    accounts = team.accounts
    answer = team.passkey.get(accounts.passkey_sign_in(ORIGIN, NOW))
    together = threading.Barrier(2)

    def at_once(_: int) -> str | None:
        together.wait()
        return enter(team, answer)

    with ThreadPoolExecutor(2) as pool:
        assert sorted(map(str, pool.map(at_once, range(2)))) == ["None", "account.passkey"]
    assert enter(team, answer) == "account.passkey"
    late = team.passkey.get(accounts.passkey_sign_in(ORIGIN, NOW))
    assert enter(team, late, now=NOW + limits.ENROLMENT_SECONDS) == "account.passkey"
    confirming = team.passkey.get(accounts.passkey_confirmation(team.heron.id, ORIGIN, NOW))
    assert enter(team, confirming) == "account.passkey"
    assert code_of(accounts.confirm_passkey, team.kestrel.id, confirming, ORIGIN, NOW) == "account.passkey"
    released = team.passkey.get(accounts.passkey_release_options(team.heron.account, bytes(32)))
    assert enter(team, released) == "account.passkey", "a release is no sign-in"
    assert code_of(accounts.confirm_passkey, team.heron.id, confirming, ORIGIN, NOW) is None
    assert code_of(accounts.confirm_passkey, team.heron.id, confirming, ORIGIN, NOW) == "account.passkey"


def test_a_confirmation_is_ones_own(team: Team) -> None:
    accounts = team.accounts
    options = accounts.passkey_confirmation(team.heron.id, ORIGIN, NOW)
    assert options["allowCredentials"] == [{"type": "public-key", "id": b64(team.passkey.id)}]
    assert code_of(accounts.passkey_confirmation, team.kestrel.id, ORIGIN, NOW) == "account.passkey", "Kestrel has none"
    assert code_of(accounts.passkey_confirmation, team.heron.id, "https://other.example", NOW) == "account.passkey"
    until = accounts.confirm_passkey(team.heron.id, team.passkey.get(options), ORIGIN, NOW)
    with accounts.acting(team.heron.id, "releaser", until - 1, fresh=True) as who:
        assert who.name == "Heron"
    with pytest.raises(LocalError, match=r"account\.fresh"), accounts.acting(team.heron.id, "releaser", until, fresh=True):
        pass
    _, wren = accounts.redeem(accounts.invite("releaser", "Wren", team.kestrel.account, NOW).secret, NOW, HERE)
    theirs = Authenticator(id=b"wren's credential")
    answer = theirs.create(accounts.passkey_registration(wren.id, None, ORIGIN, NOW))
    _, wren = accounts.finish_passkey(wren.id, None, answer, origin=ORIGIN, now=NOW, client=HERE)
    ours = accounts.passkey_confirmation(wren.id, ORIGIN, NOW)
    assert code_of(accounts.confirm_passkey, wren.id, team.passkey.get(ours), ORIGIN, NOW) == "account.passkey"


def test_a_copy_shows_by_its_counter_and_is_said(team: Team) -> None:
    accounts = team.accounts
    assert [enter(team) for _ in range(2)] == [None, None], "a passkey that always says 0 is synchronised, and good"
    team.passkey.counter = 5
    assert enter(team) is None
    copy = replace(team.passkey, counter=4)
    for wrong in (copy, replace(team.passkey, counter=0), copy):
        assert enter(team, wrong.get(accounts.passkey_sign_in(ORIGIN, NOW))) == "account.passkey"
    assert enter(team) is None
    refused = [line for line in accounts.audit() if line.what == "sign_in_refused"]
    assert [line.name for line in refused] == ["Heron"], "said once in ten minutes"


def test_somebody_disabled_does_not_sign_in(team: Team) -> None:
    answer = team.passkey.get(team.accounts.passkey_sign_in(ORIGIN, NOW))
    team.accounts.disable(team.heron.account, team.kestrel.account, NOW)
    assert enter(team, answer) == "account.passkey"


WRONG_REGISTRATION: dict[str, dict[str, Any]] = {
    "another address": {"rp_id": "south.example"},
    "not verified": {"flags": UP},
    "not present": {"flags": UV},
    "another act": {"client": {"type": "webauthn.get"}},
    "another origin": {"client": {"origin": "https://north.example.evil"}},
    "another challenge": {"client": {"challenge": b64(bytes(56))}},
    "framed": {"client": {"crossOrigin": True}},
    "an attestation of a maker": {"fmt": "packed", "statement": {"alg": -7, "sig": "own", "x5c": [b"a certificate"]}},
    "an attestation by another key": {"fmt": "packed", "statement": {"alg": -7, "sig": b"no signature"}},
    "none, and something": {"statement": {"alg": -7}},
    "a format that is none": {"fmt": "fido-u2f"},
    "a short id": {"id": b"fifteen bytes.."},
    "extensions that are not there": {"flags": UP | UV | 0x80},
    "bytes behind": {"extensions": b"\xa0\x00"},
    "extensions twice": {"extensions": b"\xa2\x61a\x01\x61a\x01"},
    "extensions at length": {"extensions": b"\xb8\x01\x61a\x01"},
    "extensions without end": {"extensions": b"\xbf\x61a\x01\xff"},
}


@pytest.mark.parametrize("name", WRONG_REGISTRATION)
def test_a_registration_that_is_wrong_in_one_way(team: Team, name: str) -> None:
    link, use = enrolling(team)
    options = team.accounts.passkey_registration(link, None, ORIGIN, NOW)
    assert code_of(use, Authenticator(**{"id": b"wren's credential", **WRONG_REGISTRATION[name]}).create(options)) == "account.passkey"
    right = Authenticator(id=b"wren's credential")
    assert code_of(use, right.create(options)) is None, "the challenge was not used up"


@pytest.mark.parametrize(
    "right",
    [
        {"fmt": "packed", "statement": {"alg": -7, "sig": "own"}},
        {"extensions": cbor2.dumps({"credProtect": 2})},
        {"flags": UP | UV},
        {"id": bytes(1023)},
    ],
    ids=["by its own key", "extensions", "bound to the device", "a long id"],
)
def test_a_registration_that_is_right_in_another_way(team: Team, right: dict[str, Any]) -> None:
    link, use = enrolling(team)
    passkey = Authenticator(**{"id": b"wren's credential", **right})
    assert code_of(use, passkey.create(team.accounts.passkey_registration(link, None, ORIGIN, NOW))) is None
    passkey.fmt, passkey.extensions = "none", b""
    assert code_of(team.accounts.finish_passkey_sign_in, passkey.get(team.accounts.passkey_sign_in(ORIGIN, NOW)), ORIGIN, NOW, HERE) is None


def test_a_credential_is_one_persons(team: Team) -> None:
    link, use = enrolling(team)
    stolen = replace(team.passkey)
    assert code_of(use, stolen.create(team.accounts.passkey_registration(link, None, ORIGIN, NOW))) == "account.passkey"
    assert len(team.accounts.accounts()) == 2


def test_a_challenge_for_one_link_registers_by_no_other(team: Team) -> None:
    link, _ = enrolling(team)
    options = team.accounts.passkey_registration(link, None, ORIGIN, NOW)
    other = team.accounts.invite("administrator", "Raven", team.kestrel.account, NOW).secret
    answer = Authenticator(id=b"wren's credential").create(options)
    assert code_of(team.accounts.finish_passkey, other, None, answer, origin=ORIGIN, now=NOW, client=HERE) == "account.passkey"


KEYS = {
    "whole": lambda cose: cose,
    "ES384": lambda cose: cose.replace(b"\x03\x26", b"\x03\x38\x22"),
    "another curve": lambda cose: cose.replace(b"\x20\x01", b"\x20\x02"),
    "compressed": lambda cose: cose[:43] + b"\x22\xf5",
    "no point": lambda cose: cose[:-1] + bytes([cose[-1] ^ 1]),
    "another order": lambda cose: b"\xa5\x03\x26\x01\x02" + cose[5:],
    "a private part": lambda cose: b"\xa6" + cose[1:] + b"\x23\x41\x01",
    "cut": lambda cose: cose[:-1],
}


@pytest.mark.parametrize("name", KEYS)
def test_a_key_has_one_form(team: Team, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    link, use = enrolling(team)
    passkey = Authenticator(id=b"wren's credential")
    changed = KEYS[name](passkey.cose())
    monkeypatch.setattr(passkey, "cose", lambda: changed)
    expected = None if name == "whole" else "account.passkey"
    assert code_of(use, passkey.create(team.accounts.passkey_registration(link, None, ORIGIN, NOW))) == expected


@settings(max_examples=150)
@given(st.data())
def test_no_answer_of_a_stranger_breaks_anything(data: st.DataObject) -> None:
    """Bytes changed anywhere, parts missing, other types: refused by the one code, or as it was."""
    passkey = Authenticator()
    challenge = bytes(range(56))
    options = {"challenge": b64(challenge), "rp": {"id": RP_ID}, "user": {"id": b64(bytes(32))}, "pubKeyCredParams": webauthn_params()}
    answer = passkey.create(options)
    part = data.draw(st.sampled_from(["attestationObject", "clientDataJSON"]))
    raw = bytearray(unb64(answer["response"][part]))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, 9999)) % len(raw)] = data.draw(st.integers(0, 255))
    answer["response"][part] = data.draw(
        st.sampled_from([b64(bytes(raw)), b64(bytes(raw[: len(raw) // 2])), b64(bytes(raw)) + "=", None, 7])
    )
    assert code_of(webauthn.registered, answer, challenge, ORIGIN, RP_ID) in (None, "account.passkey")
    odd: Any
    for odd in (None, 7, [], {}, {"response": []}, {**answer, "response": 1}, {**answer, "rawId": 1, "id": 1}):
        with pytest.raises(LocalError, match=r"account\.passkey"):
            webauthn.registered(odd, challenge, ORIGIN, RP_ID)


@settings(max_examples=60)
@given(st.data())
def test_a_changed_assertion_is_refused(data: st.DataObject) -> None:
    passkey = Authenticator()
    challenge = bytes(range(56))
    answer = passkey.get({"challenge": b64(challenge), "rpId": RP_ID})
    point = passkey.key.public_key().public_numbers()
    key = b"\x04" + point.x.to_bytes(32, "big") + point.y.to_bytes(32, "big")
    webauthn.check(webauthn.asserted(answer), key, challenge, ORIGIN, RP_ID)
    part = data.draw(st.sampled_from(["authenticatorData", "clientDataJSON", "signature"]))
    raw = bytearray(unb64(answer["response"][part]))
    raw[data.draw(st.integers(0, 9999)) % len(raw)] ^= data.draw(st.integers(1, 255))
    answer["response"][part] = b64(bytes(raw))
    with pytest.raises(LocalError, match=r"account\.passkey"):
        webauthn.check(webauthn.asserted(answer), key, challenge, ORIGIN, RP_ID)


def webauthn_params() -> list[Json]:
    return [{"type": "public-key", "alg": -7}]


def test_an_officers_public_half_goes_into_a_charter_and_its_assertion_releases(team: Team) -> None:
    """The whole way of a release by passkey: the half as an officer, the options for what is asked, the assertion under the message."""
    half = team.accounts.officer(team.heron.account)
    assert half is not None
    officer = read_officer({"name": "Heron", "role": "duty_officer", **half.json})
    asked = Asked(bytes(32), 1, 3, bytes(32))
    until = NOW + 600
    options = team.accounts.passkey_release_options(team.heron.account, asked.challenge(until), [half.key])
    answer = team.passkey.get(options)
    field = [item(officer, until, read_assertion(answer["response"]))]
    assert check(asked, field, {officer.id: officer}, [], NOW) == (1, False)
    assert code_of(team.accounts.passkey_release_options, team.heron.account, bytes(32), ["ed25519:00"]) == "account.passkey"
    sealed = team.accounts.officer(team.kestrel.account)
    assert sealed is not None
    assert read_officer({"name": "Kestrel", "role": "commander", **sealed.json}).public == sealed.key


def test_a_passkey_is_removed_unless_it_is_the_only_way_in(team: Team) -> None:
    accounts: Accounts = team.accounts
    id_ = b64(team.passkey.id)
    assert code_of(accounts.remove_passkey, team.heron.id, id_, NOW) == "account.fresh"
    accounts.confirm_passkey(team.heron.id, team.passkey.get(accounts.passkey_confirmation(team.heron.id, ORIGIN, NOW)), ORIGIN, NOW)
    assert code_of(accounts.remove_passkey, team.heron.id, id_, NOW) == "account.full"
    assert code_of(accounts.remove_passkey, team.heron.id, "AAAA", NOW) == "account.missing"
    other = Authenticator(id=b"another credential")
    answer = other.create(accounts.passkey_registration(team.heron.id, None, ORIGIN, NOW))
    _, heron = accounts.finish_passkey(team.heron.id, None, answer, origin=ORIGIN, now=NOW, client=HERE, label="key on a ring")
    accounts.remove_passkey(heron.id, id_, NOW)
    assert [one.label for one in accounts.passkeys(heron.account)] == ["key on a ring"]
    assert enter(team) == "account.passkey"


def test_a_person_may_have_both(team: Team) -> None:
    accounts = team.accounts
    accounts.confirm_passkey(team.heron.id, team.passkey.get(accounts.passkey_confirmation(team.heron.id, ORIGIN, NOW)), ORIGIN, NOW)
    assert [half.key.partition(":")[0] for half in accounts.officers(team.heron.account)] == ["webauthn_es256"]
    accounts.register_password(team.heron.id, None, PASSWORD, NOW)
    assert len(accounts.officers(team.heron.account)) == 1
