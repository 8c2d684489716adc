"""Trust policies: C2SP tlog-policy to the letter."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceasewire.errors import PeerError
from ceasewire.tlog import note
from ceasewire.tlog.note import VerifierKey
from ceasewire.tlog.policy import Group, Policy

from .helpers import attempt, ed25519_key, mldsa_key, refused


def log_key(seed: int, name: str = "log") -> str:
    return ed25519_key(name, note.ED25519, seed)[0].text()


def witness_key(seed: int, name: str = "w") -> str:
    return ed25519_key(name, note.COSIGNATURE_ED25519, seed)[0].text()


def parse(*lines: str) -> Policy:
    return Policy.parse("".join(f"{line}\n" for line in lines).encode())


WITNESSES = [f"witness {name} {witness_key(seed)}" for seed, name in enumerate(["X1", "X2", "X3", "Y1", "Y2", "Y3"], 10)]
EXAMPLE = [
    f"log {log_key(1)}",
    "",
    *WITNESSES[:3],
    "group X-witnesses 2 X1 X2 X3",
    "",
    *WITNESSES[3:],
    "group Y-witnesses any Y1 Y2 Y3",
    "",
    "group X-and-Y all X-witnesses Y-witnesses",
    "quorum X-and-Y",
]
W1, W2 = f"witness a {witness_key(2)}", f"witness b {witness_key(3)}"


def test_the_example_of_the_specification() -> None:
    policy = parse(*EXAMPLE)
    assert [key.text() for key in policy.logs] == [log_key(1)]
    assert list(policy.witnesses) == ["X1", "X2", "X3", "Y1", "Y2", "Y3"]
    assert policy.groups["X-witnesses"] == Group(2, ("X1", "X2", "X3"))
    assert policy.quorum == "X-and-Y"
    for count in range(7):
        for names in itertools.combinations(policy.witnesses, count):
            met = len([name for name in names if name[0] == "X"]) >= 2 and any(name[0] == "Y" for name in names)
            assert policy.satisfied(set(names)) == met


def test_names_that_are_no_witnesses_count_for_nothing() -> None:
    policy = parse(*EXAMPLE)
    assert not policy.satisfied({"X-and-Y", "X-witnesses", "Y-witnesses", "none", ""})
    assert policy.satisfied(["X1", "X3", "Y2", "stranger"])


def test_quorums() -> None:
    none = parse("quorum none")
    assert none == Policy((), {}, {}, "none")
    assert none.satisfied(())
    one = parse(W1, W2, "quorum b")
    assert one.satisfied({"b"})
    assert not one.satisfied({"a"})
    early = parse(W1, "quorum a", W2, f"log {log_key(1)}", "group g any a b")
    assert early.satisfied({"a"})
    assert not early.satisfied({"b"})


def test_thresholds() -> None:
    for text, needed in [("any", 1), ("all", 2), ("1", 1), ("2", 2), ("02", 2)]:
        policy = parse(W1, W2, f"group g {text} a b", "quorum g")
        assert policy.groups["g"].threshold == needed
        assert policy.satisfied({"a"}) == (needed == 1)
        assert policy.satisfied({"a", "b"})


def test_logs() -> None:
    policy = parse(f"log {log_key(1)} https://one.example/", f"log {log_key(2)}", f"log {log_key(3, 'other')}", "quorum none")
    assert [key.key for key in policy.log_for("log")] == [ed25519_key("log", seed=seed)[0].key for seed in (1, 2)]
    assert [key.name for key in policy.log_for("other")] == ["other"]
    assert policy.log_for("absent") == []


def test_mldsa_keys() -> None:
    log, witness = mldsa_key("log", 1)[0], mldsa_key("w", 2)[0]
    policy = parse(f"log {log.text()}", f"witness w {witness.text()} https://w.example", "quorum w")
    assert policy.logs == (log,)
    assert policy.witnesses == {"w": witness}


def test_one_key_may_be_a_log_and_a_witness() -> None:
    policy = parse(f"log {log_key(1)}", f"witness w {witness_key(1)}", "quorum w")
    assert policy.logs[0].key == policy.witnesses["w"].key


def test_blanks_and_comments() -> None:
    policy = Policy.parse(
        f" \t\n# a comment, \xff and \u2603\n \t# another\n#\n\tlog \t {log_key(1)}\t\n  {W1}  \t\n\n \tquorum\t a \n# end\n".encode()
    )
    assert (len(policy.logs), list(policy.witnesses), policy.quorum) == (1, ["a"], "a")


def test_names_are_octets() -> None:
    kelvin = "\u212a".encode()
    data = b"".join(
        [
            b"witness K " + witness_key(1).encode() + b"\n",
            b"witness " + kelvin + b" " + witness_key(2).encode() + b"\n",
            b"witness \xff\x85\xa0 " + witness_key(3).encode() + b" \xfe\n",
            b"group # 1 K " + kelvin + b" \xff\x85\xa0\n",
            b"quorum #\n",
        ]
    )
    policy = Policy.parse(data)
    assert list(policy.witnesses) == ["K", kelvin.decode("latin-1"), "\xff\x85\xa0"]
    assert policy.satisfied({"\xff\x85\xa0"})
    assert list(parse(W1, f"witness all {witness_key(5)}", f"witness quorum {witness_key(6)}", "quorum all").witnesses) == [
        "a",
        "all",
        "quorum",
    ]


def test_keys_are_utf_8() -> None:
    key = ed25519_key("é.example/ж", note.COSIGNATURE_ED25519)[0]
    assert parse(f"witness w {key.text()}", "quorum w").witnesses["w"] == key
    with refused("policy.malformed"):
        Policy.parse(b"log \xe9" + log_key(1).encode() + b"\nquorum none\n")
    spaced = VerifierKey("a.b", note.ED25519, key.key).text().replace("a.b", "a\u00a0b")
    with refused("policy.malformed"):
        parse(f"log {spaced}", "quorum none")


@pytest.mark.parametrize("octet", [*range(9), *range(11, 32), 0x7F])
def test_forbidden_octets(octet: int) -> None:
    for data in (b"# %c\nquorum none\n", b"quorum none%c\n", b"quorum%cnone\n"):
        with refused("policy.malformed"):
            Policy.parse(data % octet)


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["# quorum none"],
        ["quorum none", "quorum none"],
        ["quorum"],
        ["quorum none none"],
        ["quorum none # no comment here"],
        ["quorum a"],
        ["quorum a", W1],
        ["quorum g", W1, "group g any a"],
        ["Quorum none"],
        ["quorum NONE"],
        ["quorum none", "unknown"],
        ["quorum none", "unknown line"],
        ["quorum none", "log"],
        ["quorum none", f"log {log_key(1)} url more"],
        ["quorum none", f"log name {log_key(1)}"],
        ["quorum none", "log key"],
        ["quorum none", f"log {witness_key(1)}"],
        ["quorum none", f"log {log_key(1)[:-1]}"],
        ["quorum none", f"log {log_key(1).replace('+', '+0', 1)}"],
        ["quorum none", f"log {log_key(1)}", f"log {log_key(1)}"],
        ["quorum none", f"log {log_key(1)}", f"log {log_key(1, 'other')} url"],
        ["quorum none", "witness"],
        ["quorum none", "witness a"],
        ["quorum none", f"witness {witness_key(1)}"],
        ["quorum none", f"witness a {witness_key(1)} url more"],
        ["quorum none", f"witness a {log_key(1)}"],
        ["quorum none", f"witness none {witness_key(1)}"],
        ["quorum none", W1, W1],
        ["quorum none", W1, f"witness a {witness_key(9)}"],
        ["quorum none", W1, f"witness b {witness_key(2, 'other')}"],
        ["quorum none", W1, "group a any a"],
        ["quorum none", W1, "group none any a"],
        ["quorum none", W1, "group g any a", f"witness g {witness_key(9)}"],
        ["quorum none", W1, W2, "group g any a", "group g any b"],
        ["quorum none", W1, "group g any a", "group h any a"],
        ["quorum none", W1, "group g any a a"],
        ["quorum none", W1, "group g any a", "group h any g", "group i any g"],
        ["quorum none", W1, "group g any g"],
        ["quorum none", W1, "group g any b", W2],
        ["quorum none", W1, "group g any none"],
        ["quorum none", "group g any"],
        ["quorum none", "group g"],
        ["quorum none", "group"],
        ["quorum none", W1, "group g a"],
        ["quorum none", W1, "group g 0 a"],
        ["quorum none", W1, "group g 2 a"],
        ["quorum none", W1, "group g -1 a"],
        ["quorum none", W1, "group g +1 a"],
        ["quorum none", W1, "group g 1.0 a"],
        ["quorum none", W1, "group g ALL a"],
        ["quorum none", W1, "group g \u00b2 a"],
        ["quorum none", W1, f"group g {'1' * 5000} a"],
    ],
)
def test_malformed_policies(lines: list[str]) -> None:
    with refused("policy.malformed"):
        parse(*lines)


def test_an_unterminated_line() -> None:
    with refused("policy.malformed"):
        Policy.parse(b"quorum none")
    with refused("policy.malformed"):
        Policy.parse(b"quorum none\n# no end")


def test_unsafe_keys_keep_their_code() -> None:
    weak = VerifierKey("w", note.COSIGNATURE_ED25519, bytes([1]) + bytes(31)).text()
    with pytest.raises(PeerError, match="line 2") as caught:
        parse("# first", f"witness a {weak}", "quorum a")
    assert caught.value.code == "key.weak"


def test_at_least_thirty_two_of_each() -> None:
    logs = [f"log {log_key(seed)}" for seed in range(1, 41)]
    witnesses = [f"witness w{seed} {witness_key(seed)}" for seed in range(1, 41)]
    groups = [f"group g{seed} all w{seed}" for seed in range(1, 41)]
    members = " ".join(f"g{seed}" for seed in range(1, 41))
    policy = parse(*logs, *witnesses, *groups, f"group most 39 {members}", "quorum most")
    assert (len(policy.logs), len(policy.witnesses), len(policy.groups)) == (40, 40, 41)
    assert policy.satisfied({f"w{seed}" for seed in range(1, 40)})
    assert not policy.satisfied({f"w{seed}" for seed in range(1, 39)})


def test_deep_nesting() -> None:
    groups = [f"group g{depth} all {'a' if depth == 0 else f'g{depth - 1}'}" for depth in range(5000)]
    policy = parse(W1, *groups, "quorum g4999")
    assert policy.satisfied({"a"})
    assert not policy.satisfied(())


@given(st.binary(max_size=80))
def test_arbitrary_bytes_never_raise_anything_else(data: bytes) -> None:
    valid = "".join(f"{line}\n" for line in EXAMPLE).encode()
    for candidate in (data, data + b"\n", valid + data + b"\n", b"witness " + data + b"\nquorum none\n"):
        policy = attempt({"policy.malformed"}, Policy.parse, candidate)
        assert policy is None or policy.quorum in {"none", "X-and-Y"}
