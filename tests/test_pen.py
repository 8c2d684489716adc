"""The pen and the other files that hold secrets."""

from __future__ import annotations

import errno
import hashlib
import os
import pickle
import struct
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

from ceasewire import keyfile, pen
from ceasewire.errors import LocalError
from ceasewire.pen import Pen, Seeds
from ceasewire.tlog import ed25519, mldsa

SEEDS = Seeds(*(hashlib.sha256(f"canary {name}".encode()).digest() for name in ("log", "log2", "receipt", "receipt2", "sealing")))
KEY = hashlib.sha256(b"unlock").digest()


def refuses(code: str, act: Callable[[], object]) -> LocalError:
    with pytest.raises(LocalError) as caught:
        act()
    assert caught.value.code == code
    return caught.value


@pytest.fixture
def path(tmp_path: Path) -> Path:
    Pen.create(tmp_path / "pen", SEEDS, KEY, passphrase=False, random=os.urandom)
    return tmp_path / "pen"


@pytest.fixture
def held(path: Path) -> Iterator[Pen]:
    opened = Pen.open(path, KEY)
    yield opened
    opened.close()


def counter_of(path: Path) -> int:
    opened = Pen.open(path, KEY)
    opened.close()
    return opened.counter


def overwrite(path: Path, at: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(data)


# --- keys ---


def test_the_keys_are_those_of_the_seeds(held: Pen) -> None:
    public = held.public()
    assert public.log_ed25519 == Ed25519PrivateKey.from_private_bytes(SEEDS.log_ed25519).public_key().public_bytes_raw()
    assert ed25519.verify(public.log_ed25519, held.sign_log(b"m"), b"m")
    assert ed25519.verify(public.receipt_ed25519, held.sign_receipt(b"m"), b"m")
    assert mldsa.verify(public.log_mldsa44, held.sign_log_mldsa(b"m"), b"m")
    assert mldsa.verify(public.receipt_mldsa44, held.sign_receipt_mldsa(b"m"), b"m")
    assert not ed25519.verify(public.receipt_ed25519, held.sign_log(b"m"), b"m")
    assert held.sealing_seed() == SEEDS.sealing
    assert len({*vars_of(public)}) == 4


def vars_of(public: pen.PublicKeys) -> tuple[bytes, ...]:
    return (public.log_ed25519, public.log_mldsa44, public.receipt_ed25519, public.receipt_mldsa44)


def test_mldsa_is_hedged_and_ed25519_is_not(held: Pen) -> None:
    assert held.sign_log(b"m") == held.sign_log(b"m")
    first, second = held.sign_log_mldsa(b"m"), held.sign_log_mldsa(b"m")
    assert first != second
    MLDSA44PublicKey.from_public_bytes(held.public().log_mldsa44).verify(second, b"m")


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_seed_is_of_32_bytes(length: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Seeds(bytes(32), bytes(32), bytes(32), bytes(length), bytes(32))


def test_a_passphrase_opens_and_another_does_not(tmp_path: Path) -> None:
    path = tmp_path / "pen"
    Pen.create(path, SEEDS, "کابل گلاب".encode(), passphrase=True, random=os.urandom)
    opened = Pen.open(path, "کابل گلاب".encode())
    assert opened.sealing_seed() == SEEDS.sealing
    opened.close()
    for wrong in (b"", "کابل گلاب ".encode(), KEY):
        refuses("pen.passphrase", lambda wrong=wrong: Pen.open(path, wrong))  # type: ignore[misc]


@pytest.mark.parametrize("wrong", [b"", KEY[:-1], KEY + b"\n", bytes(32)])
def test_another_key_file_does_not_open(path: Path, wrong: bytes) -> None:
    refuses("pen.passphrase", lambda: Pen.open(path, wrong))


@pytest.mark.parametrize(("secret", "passphrase"), [(b"", True), (b"", False), (KEY[:31], False)])
def test_a_pen_is_not_made_under_a_secret_that_is_none(tmp_path: Path, secret: bytes, passphrase: bool) -> None:
    with pytest.raises(ValueError, match="secret is empty"):
        Pen.create(tmp_path / "pen", SEEDS, secret, passphrase, os.urandom)
    assert list(tmp_path.iterdir()) == []


def test_the_passphrase_costs_what_the_pen_says(tmp_path: Path) -> None:
    Pen.create(tmp_path / "pen", SEEDS, b"p", passphrase=True, random=os.urandom)
    header = (tmp_path / "pen").read_bytes()[8192:8249]
    assert struct.unpack(">16sBIII", header[:29]) == (b"ceasewire/pen/1\n", 1, 65536, 3, 4)


def test_two_pens_of_the_same_seeds_share_no_bytes_but_the_plain_ones(tmp_path: Path) -> None:
    for name in ("a", "b"):
        Pen.create(tmp_path / name, SEEDS, KEY, passphrase=False, random=os.urandom)
    one, two = (tmp_path / "a").read_bytes(), (tmp_path / "b").read_bytes()
    assert one[8221:8457] != two[8221:8457]
    assert not {one[at : at + 16] for at in range(8221, 8441)} & {two[at : at + 16] for at in range(8221, 8441)}


# --- what shows ---


def secrets_in(text: bytes) -> list[bytes]:
    seeds = [SEEDS.joined()[at : at + 32] for at in range(0, 160, 32)] + [KEY]
    return [seed for seed in seeds if any(form in text for form in (seed, seed.hex().encode(), repr(seed)[2:-1].encode()))]


def test_nothing_that_shows_holds_a_key(path: Path, held: Pen) -> None:
    seen = [repr(SEEDS), str(SEEDS), f"{held!r} {held}", repr([SEEDS]), repr({"seeds": SEEDS})]
    overwrite(path, 8300, b"x")
    for act in (lambda: Pen.open(path, KEY), lambda: held.unseal(SEEDS.joined()), lambda: Seeds(KEY, b"", b"", b"", b"")):
        try:
            act()
        except (LocalError, ValueError) as error:
            seen += traceback.format_exception(error)
        else:
            raise AssertionError("it was to be refused")
    assert secrets_in("\n".join(seen).encode()) == []
    assert secrets_in(path.read_bytes()) == []
    assert secrets_in(SEEDS.joined()) != []  # the search finds what is there


def test_an_open_pen_cannot_be_written_out(held: Pen) -> None:
    with pytest.raises(TypeError):
        pickle.dumps(held)


# --- the counter ---


def test_the_counter_starts_at_nothing_and_is_kept(path: Path, held: Pen) -> None:
    assert held.counter == 0
    for counter in (1, 2, 2, 3, 10, 2**40):
        held.note(counter)
        assert held.counter == counter
        assert counter_of(path) == counter
    with pytest.raises(ValueError, match="does not go back"):
        held.note(2**40 - 1)
    assert held.counter == counter_of(path) == 2**40


def test_a_note_leaves_the_synced_slot_alone(path: Path, held: Pen) -> None:
    held.note(5)
    held.sync()
    held.sync()  # nothing was noted in between, so nothing changes places
    before = path.read_bytes()
    for counter in (6, 7, 8):
        held.note(counter)
    after = path.read_bytes()
    changed = {at // 512 for at in range(len(before)) if before[at] != after[at]}
    assert len(changed) == 1
    (sector,) = changed
    overwrite(path, sector * 512, bytes(300) + os.urandom(212))
    assert counter_of(path) == 5


@pytest.mark.parametrize("slot", [0, 4096])
@pytest.mark.parametrize("torn", [1, 8, 20, 40, 511])
def test_of_two_slots_one_may_be_torn(path: Path, slot: int, torn: int) -> None:
    opened = Pen.open(path, KEY)
    for counter in range(1, 9):
        opened.note(counter)
        opened.sync()
    opened.close()
    whole = {at: int.from_bytes(path.read_bytes()[at : at + 8], "big") for at in (0, 4096)}
    assert set(whole.values()) == {7, 8}
    old = path.read_bytes()[slot : slot + 512]
    overwrite(path, slot, bytes(byte ^ 0xFF for byte in old[:torn]))
    assert counter_of(path) == whole[4096 - slot]
    # The next note mends the torn slot and never touches the only whole one.
    opened = Pen.open(path, KEY)
    opened.note(100)
    opened.close()
    assert counter_of(path) == 100
    assert path.read_bytes()[4096 - slot : 4096 - slot + 512] != bytes(512)
    overwrite(path, slot, bytes(512))
    assert counter_of(path) == whole[4096 - slot]


def test_both_slots_torn_is_damage(path: Path) -> None:
    overwrite(path, 7, b"\x01")
    overwrite(path, 4096 + 7, b"\x01")
    refuses("pen.damaged", lambda: Pen.open(path, KEY))


def test_a_slot_of_another_pen_does_not_count(path: Path, tmp_path: Path) -> None:
    Pen.create(tmp_path / "other", SEEDS, KEY, passphrase=False, random=os.urandom)
    other = Pen.open(tmp_path / "other", KEY)
    other.note(77)
    other.close()
    overwrite(path, 4096, (tmp_path / "other").read_bytes()[4096:4608])
    assert counter_of(path) == 0


def test_a_note_survives_being_killed(path: Path) -> None:
    script = "import os, sys; from pathlib import Path; from ceasewire.pen import Pen\n"
    script += "pen = Pen.open(Path(sys.argv[1]), bytes.fromhex(sys.argv[2])); pen.note(41); pen.note(42); os.kill(os.getpid(), 9)"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    killed = subprocess.run([sys.executable, "-c", script, str(path), KEY.hex()], env=environment, check=False)
    assert killed.returncode == -9
    assert counter_of(path) == 42


def test_a_closed_pen_says_so(path: Path) -> None:
    opened = Pen.open(path, KEY)
    opened.close()
    opened.close()
    refuses("disk.failed", lambda: opened.note(1))
    refuses("disk.failed", opened.sync)
    assert opened.counter == counter_of(path) == 0


def test_after_a_failed_sync_nothing_is_noted(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Pen.open(path, KEY)
    opened.note(1)
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", failing)
        refuses("disk.failed", opened.sync)
    refuses("disk.failed", lambda: opened.note(2))
    refuses("disk.failed", opened.sync)
    opened.close()
    assert counter_of(path) == 1


def failing(_: object) -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_a_note_that_is_written_in_part_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Pen.open(path, KEY)
    real = os.pwrite
    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", lambda handle, data, at: real(handle, data[:100], at))
        refuses("disk.failed", lambda: opened.note(1))
    assert opened.counter == 0
    opened.note(2)
    opened.close()
    assert counter_of(path) == 2


def test_opening_on_a_failing_disk_says_so(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", failing)
    refuses("disk.failed", lambda: Pen.open(path, KEY))


# --- damage ---


def test_every_other_length_is_damage(path: Path) -> None:
    data = path.read_bytes()
    for length in (0, 1, 512, 4096, 8192, 8249, 8489, len(data) - 1):
        path.write_bytes(data[:length])
        refuses("pen.damaged", lambda: Pen.open(path, KEY))
    path.write_bytes(data + b"\0")
    refuses("pen.damaged", lambda: Pen.open(path, KEY))


@pytest.mark.parametrize("at", range(8192, 8489, 8))
def test_a_changed_byte_among_the_keys_is_damage(path: Path, at: int) -> None:
    overwrite(path, at, bytes([path.read_bytes()[at] ^ 1]))
    refuses("pen.damaged", lambda: Pen.open(path, KEY))


def test_a_header_that_is_whole_and_not_ours_is_damage(path: Path) -> None:
    data = path.read_bytes()
    original = struct.unpack_from(">16sBIII16s12s", data, 8192)
    changes = {0: b"ceasewire/pen/2\n", 1: 2, 2: 2**31, 3: 0, 4: 0}
    for field, value in [*changes.items(), (2, 1), (3, 1000), (4, 1000)]:
        header = struct.pack(">16sBIII16s12s", *(value if at == field else each for at, each in enumerate(original)))
        body = header + data[8249:8457]
        path.write_bytes(data[:8192] + body + hashlib.sha256(body).digest() + data[8489:])
        refuses("pen.damaged", lambda: Pen.open(path, KEY))


# --- files ---


def test_a_pen_is_ours_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        Pen.create(tmp_path / "pen", SEEDS, KEY, passphrase=False, random=os.urandom)
        keyfile.write_recovery(tmp_path / "recovery", KEY, KEY)
        keyfile.write_unlock_key(tmp_path / "unlock.key", os.urandom)
    finally:
        os.umask(before)
    assert {each.name: each.stat().st_mode & 0o777 for each in tmp_path.iterdir()} == dict.fromkeys(
        ("pen", "recovery", "unlock.key"), 0o600
    )


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o700, 0o601, 0o4600])
def test_a_wider_mode_is_refused(path: Path, mode: int) -> None:
    path.chmod(mode)
    refuses("pen.mode", lambda: Pen.open(path, KEY))
    refuses("pen.mode", lambda: keyfile.read_unlock_key(path))


def test_a_symbolic_link_is_refused(path: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(path)
    refuses("pen.mode", lambda: Pen.open(tmp_path / "link", KEY))


def test_another_owner_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.geteuid() == 0:
        os.chown(path, 65534, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
    assert "another user" in refuses("pen.mode", lambda: Pen.open(path, KEY)).detail


def test_what_is_no_file_is_damage_and_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    for wrong in (tmp_path / "none", tmp_path / "pipe", tmp_path):
        refuses("pen.damaged", lambda wrong=wrong: Pen.open(wrong, KEY))  # type: ignore[misc]


def test_a_pen_is_never_replaced(path: Path) -> None:
    before = path.read_bytes()
    refuses("node.exists", lambda: Pen.create(path, SEEDS, KEY, False, os.urandom))
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_no_folder_and_a_failing_disk_leave_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refuses("file.unwritable", lambda: Pen.create(tmp_path / "none" / "pen", SEEDS, KEY, False, os.urandom))
    monkeypatch.setattr(os, "fsync", failing)
    refuses("disk.failed", lambda: Pen.create(tmp_path / "pen", SEEDS, KEY, False, os.urandom))
    assert list(tmp_path.iterdir()) == []


# --- randomness ---


def no_entropy(_: int) -> bytes:
    raise OSError(errno.EIO, "no entropy")


def no_source(_: int) -> bytes:
    raise NotImplementedError


@pytest.mark.parametrize("random", [no_entropy, no_source, lambda count: bytes(count - 1), lambda _: b""])
def test_without_randomness_nothing_is_made(tmp_path: Path, held: Pen, path: Path, random: Callable[[int], bytes]) -> None:
    refuses("random.failed", lambda: Pen.create(tmp_path / "another", SEEDS, KEY, False, random))
    refuses("random.failed", lambda: keyfile.write_unlock_key(tmp_path / "unlock.key", random))
    refuses("random.failed", lambda: held.seal(b"x", random))
    assert list(tmp_path.iterdir()) == [path]


# --- small secrets kept in the store ---


@pytest.mark.parametrize("plain", [b"", b"x", bytes(32), bytes(5000)])
def test_what_is_sealed_opens_and_says_nothing(held: Pen, plain: bytes) -> None:
    sealed = held.seal(plain, os.urandom)
    assert held.unseal(sealed) == plain
    assert len(sealed) == len(plain) + 28
    assert held.seal(plain, os.urandom) != sealed


def test_what_was_sealed_opens_after_a_restart_and_with_no_other_pen(path: Path, held: Pen, tmp_path: Path) -> None:
    sealed = held.seal(b"fresh key", os.urandom)
    again = Pen.open(path, KEY)
    assert again.unseal(sealed) == b"fresh key"
    again.close()
    Pen.create(tmp_path / "other", SEEDS, KEY, passphrase=False, random=os.urandom)
    other = Pen.open(tmp_path / "other", KEY)
    refuses("store.damaged", lambda: other.unseal(sealed))
    other.close()


def test_any_change_of_a_sealed_secret_is_found(held: Pen) -> None:
    sealed = held.seal(b"fresh", os.urandom)
    for at in range(len(sealed)):
        changed = sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :]
        refuses("store.damaged", lambda changed=changed: held.unseal(changed))  # type: ignore[misc]
        refuses("store.damaged", lambda at=at: held.unseal(sealed[:at]))  # type: ignore[misc]


def test_a_nonce_that_comes_twice_shows_only_that_two_secrets_are_the_same(held: Pen) -> None:
    def stuck(count: int) -> bytes:
        return bytes(count)

    one, two, third = bytes(32), bytes(31) + b"\x01", bytes(32)
    a, b, c = (held.seal(plain, stuck)[12:] for plain in (one, two, third))
    assert a == c
    # With a counter mode the difference of the ciphertexts would be that of the secrets: 31 zero bytes and a one.
    difference = bytes(x ^ y for x, y in zip(a[:32], b[:32], strict=True))
    assert difference.count(0) < 16


# --- key file and recovery key ---


def test_a_key_file_opens_the_pen(tmp_path: Path) -> None:
    key = keyfile.write_unlock_key(tmp_path / "unlock.key", os.urandom)
    assert keyfile.read_unlock_key(tmp_path / "unlock.key") == key
    refuses("node.exists", lambda: keyfile.write_unlock_key(tmp_path / "unlock.key", os.urandom))


@pytest.mark.parametrize("data", [b"", bytes(31), bytes(33)])
def test_a_key_file_of_another_length_is_damage(tmp_path: Path, data: bytes) -> None:
    keyfile.write_secret(tmp_path / "unlock.key", data)
    refuses("pen.damaged", lambda: keyfile.read_unlock_key(tmp_path / "unlock.key"))


def test_the_recovery_key_says_what_it_is_and_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "recovery"
    keyfile.write_recovery(path, SEEDS.log_ed25519, SEEDS.log_mldsa44)
    first = path.read_text().split("\n")[0]
    assert first == "CEASEWIRE RECOVERY KEY. Take this file away: it must not stay on this machine."
    assert keyfile.read_recovery(path) == (SEEDS.log_ed25519, SEEDS.log_mldsa44)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))  # a stick, another system
    assert keyfile.read_recovery(path) == (SEEDS.log_ed25519, SEEDS.log_mldsa44)


def test_a_recovery_key_that_is_not_whole_is_damage_and_is_not_quoted(tmp_path: Path) -> None:
    path = tmp_path / "recovery"
    keyfile.write_recovery(path, SEEDS.log_ed25519, SEEDS.log_mldsa44)
    data = path.read_bytes()
    digit = data.index(b"ed25519 ") + 10
    wrong = [b"", b"\xff" * 100, data[:-1], data + b"\n", data[1:], data.replace(b"check", b"chuck"), data.upper(), data * 20]
    wrong += [data[:at] + (b"0" if data[at : at + 1] != b"0" else b"1") + data[at + 1 :] for at in (digit, len(data) - 3)]
    for each in wrong:
        path.write_bytes(each)
        error = refuses("pen.damaged", lambda: keyfile.read_recovery(path))
        assert secrets_in("".join(traceback.format_exception(error)).encode()) == []
    refuses("file.unreadable", lambda: keyfile.read_recovery(tmp_path / "none"))


def test_a_recovery_key_is_two_whole_seeds(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="two seeds"):
        keyfile.write_recovery(tmp_path / "recovery", KEY, KEY[:31])
    assert list(tmp_path.iterdir()) == []
