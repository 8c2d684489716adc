"""Guessing is slowed, and no enemy keeps a commander out."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine, func, select

from accounts.conftest import NOW, PASSWORD, Team
from accounts.test_links import code_of
from ceasewire import limits
from ceasewire.accounts import Client, lanes, schema
from ceasewire.errors import LocalError

SECRET = b"a secret of the file"


@contextmanager
def table() -> Iterator[Connection]:
    """The lanes of a file in memory."""
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        schema.lane.create(connection)
        yield connection
    engine.dispose()


def wait(connection: Connection, slowed: list[lanes.Lane], now: int) -> int:
    """Try; the seconds to wait if the lanes are not open, else 0 for a try that was counted."""
    refused = None
    try:
        lanes.enter(connection, slowed, now)
    except LocalError as error:
        refused = error
    assert refused is None or refused.code == "account.busy"
    return 0 if refused is None else int(refused.detail)


def strangers(name: str, address: str) -> list[lanes.Lane]:
    return lanes.of_strangers(SECRET, name, Client(address))


def guesses(connection: Connection, seconds: int, name: str, addresses: int) -> int:
    """How many guesses at one name come through, of an enemy who tries every second from each of so many addresses."""
    return sum(
        wait(connection, strangers(name, f"198.51.100.{address}"), NOW + second) == 0
        for second in range(seconds)
        for address in range(addresses)
    )


def test_i1_ten_thousand_guesses_take_days() -> None:
    """Each further guess waits for the longest pause, of the name's lane (30 s) or, from few addresses, of theirs (15 min)."""
    with table() as connection:
        assert guesses(connection, 600, "kestrel", 1) <= 20
    with table() as connection:
        assert guesses(connection, 600, "kestrel", 4) <= 30


def test_i1_an_enemy_at_one_address_does_not_keep_a_stranger_out() -> None:
    """A commander at a new machine, while somebody guesses at their name every second: in within the name's longest pause."""
    with table() as connection:
        for second in range(1200):
            wait(connection, strangers("kestrel", "198.51.100.1"), NOW + second)
        waited = next(second for second in range(60) if wait(connection, strangers("kestrel", "192.0.2.1"), NOW + 1200 + second) == 0)
        assert waited <= lanes.ACCOUNT.longest


@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(0, 100), st.sampled_from(["198.51.100.1", "198.51.100.2", "2001:db8::1"])), max_size=120))
def test_no_stranger_ever_slows_a_known_device(tries: list[tuple[int, str]]) -> None:
    with table() as connection:
        now = NOW
        for pause, address in tries:
            now += pause
            wait(connection, strangers("kestrel", address), now)
        assert wait(connection, lanes.of_device(SECRET, b"kestrel's device"), now) == 0


@settings(max_examples=25)
@given(st.lists(st.integers(-5000, 5000), max_size=80))
def test_no_lane_closes_for_good_whatever_the_clock_does(steps: list[int]) -> None:
    with table() as connection:
        now = NOW
        for step in steps:
            now += step
            found = wait(connection, strangers("kestrel", "198.51.100.1"), now)
            assert found <= lanes.ADDRESS.longest
            if found:
                assert wait(connection, strangers("kestrel", "198.51.100.1"), now + found) == 0
                now += found


def test_pauses_double_up_to_the_longest_and_are_forgotten() -> None:
    pauses = [lanes.ACCOUNT.pause(failures) for failures in range(12)]
    assert pauses == [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 30, 30]
    assert lanes.ADDRESS.pause(10**9) == lanes.ADDRESS.longest
    with table() as connection:
        one = [lanes.Lane(lanes.ACCOUNT, b"one")]
        assert [wait(connection, one, NOW) for _ in range(6)] == [0, 0, 0, 0, 0, 1]
        assert wait(connection, one, NOW + lanes.ACCOUNT.forgotten) == 0
        assert [wait(connection, one, NOW + lanes.ACCOUNT.forgotten) for _ in range(5)] == [0, 0, 0, 0, 1]


def test_a_right_try_takes_itself_off_and_no_other() -> None:
    with table() as connection:
        one = strangers("kestrel", "198.51.100.1")
        for _ in range(4):
            lanes.enter(connection, one, NOW)
        lanes.leave(connection, one)
        assert [wait(connection, one, NOW) for _ in range(3)] == [0, 0, 1]


def test_lanes_are_bounded_and_the_oldest_give_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SIGN_IN_LANES", 50)
    with table() as connection:
        for number in range(200):
            lanes.enter(connection, [lanes.Lane(lanes.ACCOUNT, number.to_bytes(4, "big"))], NOW + number)
        assert connection.execute(select(func.count()).select_from(schema.lane)).scalar() == 50
        assert connection.execute(select(func.min(schema.lane.c.last))).scalar() == NOW + 150


@pytest.mark.parametrize(
    ("address", "network", "near"),
    [
        ("127.0.0.1", "127.0.0.1", "loopback"),
        ("::1", "::/64", "loopback"),
        ("10.1.2.3", "10.1.2.3", "private"),
        ("::ffff:8.8.8.8", "8.8.8.8", "public"),
        ("2606:4700:0:0:1:2:3:4", "2606:4700::/64", "public"),
        ("fe80::1%eth0", "fe80::/64", "private"),
        ("somewhere", "unknown", "unknown"),
        ("", "unknown", "unknown"),
    ],
)
def test_addresses(address: str, network: str, near: str) -> None:
    assert lanes.address_class(address) == near
    assert lanes.network(address) == network


def test_i1_strangers_wait_and_the_known_device_does_not(team: Team) -> None:
    """The whole way: twenty guess at once at Kestrel's name from twenty addresses, and once more; five of them are tried, the others are
    told when to come. Kestrel comes in at once from the device that signed in before, and a stranger who knows everything waits."""
    accounts = team.accounts
    together = threading.Barrier(20)

    def guess(number: int) -> str | None:
        together.wait()
        return code_of(accounts.sign_in, "Kestrel", f"a guess at the password {number}", "000000", NOW, Client(f"198.51.100.{number}"))

    with ThreadPoolExecutor(20) as pool:
        found = [*pool.map(guess, range(20)), *pool.map(guess, range(20))]
    assert found.count("account.wrong") == 5
    assert set(found) == {"account.busy", "account.wrong"}
    assert code_of(accounts.sign_in, "Kestrel", PASSWORD, team.code(), NOW, Client("203.0.113.9")) == "account.busy"
    assert code_of(accounts.sign_in, "Kestrel", PASSWORD, team.code(), NOW, Client("203.0.113.9", team.heron.device)) == "account.busy"
    device = team.kestrel.device
    assert device
    _, session = accounts.sign_in("Kestrel", PASSWORD, team.code(), NOW, Client("198.51.100.1", device))
    assert session.device not in ("", device), "each sign-in gives a new one"
    assert code_of(accounts.sign_in, "Kestrel", PASSWORD, team.code(NOW + 30), NOW, Client("198.51.100.1", device)) == "account.busy"
    link = accounts.sign_in_link(team.kestrel.account, None, NOW)
    assert code_of(accounts.redeem, link, NOW, Client("198.51.100.1")) is None, "links are never slowed"


def test_a_stolen_device_is_slowed_in_its_own_lane(team: Team) -> None:
    accounts = team.accounts
    thief = Client("198.51.100.1", team.kestrel.device)
    found = [code_of(accounts.sign_in, "Kestrel", "x", "000000", NOW, thief) for _ in range(6)]
    assert found == [*["account.wrong"] * 5, "account.busy"]
    assert code_of(accounts.sign_in, "Kestrel", PASSWORD, team.code(), NOW, Client("192.0.2.1")) is None, "and slows nobody else"
    accounts.end_sessions(team.kestrel.account, team.kestrel.account, NOW)
    link = accounts.sign_in_link(team.kestrel.account, None, NOW)
    accounts.redeem(link, NOW, Client("192.0.2.1"))
    assert code_of(accounts.sign_in, "Kestrel", "x", "000000", NOW, thief) == "account.wrong", "a stranger's lane now"


def test_who_signs_in_as_a_stranger_makes_no_room_for_others_guesses(team: Team) -> None:
    """Else an enemy would wait for the commander to sign in, and begin anew."""
    accounts = team.accounts
    slowed = lanes.of_strangers(accounts._secret, "kestrel", Client("192.0.2.1"))
    with accounts._db.writing() as connection:
        for _ in range(4):
            lanes.enter(connection, slowed, NOW)
    accounts.sign_in("Kestrel", PASSWORD, team.code(), NOW, Client("192.0.2.1"))
    with accounts._db.writing() as connection:
        assert [wait(connection, slowed, NOW) for _ in range(2)] == [0, 1]


def test_names_that_nobody_has_are_slowed_alike(team: Team) -> None:
    with team.accounts._db.writing() as connection:
        secret = team.accounts._secret
        for name in ("nobody", "kestrel"):
            for number in range(5):
                lanes.enter(connection, lanes.of_strangers(secret, name, Client(f"203.0.113.{number}")), NOW)
    for name in ("Nobody", "Kestrel"):
        assert code_of(team.accounts.sign_in, name, PASSWORD, "000000", NOW, Client("198.51.100.7")) == "account.busy"


def test_refusals_do_not_push_other_lines_out_of_the_list(team: Team, tmp_path: Path) -> None:
    accounts = team.accounts
    before = len(accounts.audit(1000))
    with accounts._db.writing() as connection:
        for second in range(1200):
            accounts._refuse(connection, None, Client("203.0.113.1"), NOW + second)
    assert [line.what for line in accounts.audit(1000)][: -before or None] == ["sign_in_refused"] * 2
