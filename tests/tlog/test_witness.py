"""The witness protocol, without a network: requests, decisions, answers. C2SP tlog-witness."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ceasewire import limits
from ceasewire.errors import PeerError
from ceasewire.tlog import merkle, witness
from ceasewire.tlog.merkle import EMPTY_ROOT
from ceasewire.tlog.note import COSIGNATURE_ED25519, MLDSA44
from ceasewire.tlog.witness import NOTHING, Head, Request, Status
from helpers import refused
from witness.foreign import ForeignLog, Signing

# The example of tlog-witness.
EXAMPLE = """old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=
""".encode()
LOG = ForeignLog()
OTHER = ForeignLog(face="b", parts=3)
KEYS = [LOG.signing.key]


def test_the_example_of_tlog_witness() -> None:
    request = Request.parse(EXAMPLE)
    assert (request.old, len(request.path), len(request.lines)) == (20_852_014, 4, 2)
    assert (request.head.origin, request.head.size) == ("example.com/behind-the-sofa", 20_852_163)
    assert request.encode() == EXAMPLE


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ((b"old 20852014", b"old  20852014"), "witness.malformed"),
        ((b"old 20852014", b"old 020852014"), "witness.malformed"),
        ((b"old 20852014", b"old -1"), "witness.malformed"),
        ((b"old 20852014", b"old 9223372036854775808"), "witness.malformed"),
        ((b"old 20852014", b"Old 20852014"), "witness.malformed"),
        ((b"old 20852014\n", b""), "witness.malformed"),
        ((b"old 20852014\n", b"old 20852014\r\n"), "witness.malformed"),
        ((b"kaw=\n", b"kax=\n"), "witness.malformed"),  # bits behind the last byte
        ((b"kaw=\n", b"kaw\n"), "witness.malformed"),
        ((b"PlRN", b"\nPlRN"), "checkpoint.malformed"),  # the proof ends here, and what follows is no note
        ((b"example.com/behind-the-sofa\n2", b"\n2"), "checkpoint.malformed"),
        ((b"20852163", b"020852163"), "checkpoint.malformed"),
        ((b"CsUYapGG", b"CsUYapG"), "checkpoint.malformed"),
        ((b"\n\n\xe2", b"\n\n-"), "note.malformed"),
    ],
)
def test_a_request_in_any_other_form_is_refused(change: tuple[bytes, bytes], code: str) -> None:
    assert EXAMPLE.count(change[0]) >= 1
    with refused(code):
        Request.parse(EXAMPLE.replace(*change, 1))


def test_every_cut_is_refused() -> None:
    for end in range(len(EXAMPLE)):
        if end == EXAMPLE.rindex("— ".encode()):
            continue  # a note with one signature less
        with pytest.raises(PeerError, check=lambda error: error.code.endswith(".malformed")):
            Request.parse(EXAMPLE[:end])


def test_63_hashes_are_the_most() -> None:
    request = LOG.request(1, 5, path=(bytes(32),) * 63)
    assert Request.parse(request.encode()) == request
    with refused("witness.malformed"):
        Request.parse(replace(request, path=(bytes(32),) * 64).encode())
    with refused("witness.malformed"):
        Request.parse(request.encode() + b" " * limits.WITNESS_REQUEST_BYTES)


def test_a_foreign_checkpoint_may_have_more_lines_and_no_empty_one() -> None:
    request = LOG.request(0, 3, extensions="more 1\nand 2\n")
    assert Request.parse(request.encode()) == request
    assert witness.admit(request, KEYS) == Status.COSIGNED
    changed = replace(request, head=LOG.head(3, "more 2\nand 2\n"))
    assert witness.admit(changed, KEYS) == Status.NOT_SIGNED
    for text in ("a\n1\n", "a\n1\n" + "A" * 43 + "=", "a\n\n1\n" + "A" * 43 + "=\n", ""):
        with refused("checkpoint.malformed"):
            Head.parse(text)


def test_who_must_have_signed() -> None:
    request = LOG.request(0, 3)
    stranger = Signing("foreign.example/log", seed="other")
    assert witness.admit(request, []) == Status.UNKNOWN_LOG
    assert witness.admit(request, [stranger.key]) == Status.NOT_SIGNED
    both = replace(request, lines=(stranger.line(request.head), *request.lines))
    assert witness.admit(both, KEYS) == Status.COSIGNED  # a stranger's line is passed over
    assert witness.signed_by(both.head, both.lines, KEYS) == request.lines
    # One that is a trusted key's and does not verify spoils the note, also beside another that does.
    bad = replace(request.lines[0], blob=bytes(64))
    assert witness.admit(replace(request, lines=(*request.lines, bad)), KEYS) == Status.NOT_SIGNED
    assert witness.admit(LOG.request(4, 3, path=()), KEYS) == Status.MALFORMED


KNOWN = (5, LOG.head(5).root)


@pytest.mark.parametrize(
    ("request_", "known", "status"),
    [
        (LOG.request(0, 0), NOTHING, Status.COSIGNED),
        (LOG.request(0, 3), NOTHING, Status.COSIGNED),
        (LOG.request(3, 5), NOTHING, Status.OTHER_SIZE),
        (LOG.request(0, 3, path=(bytes(32),)), NOTHING, Status.NOT_CONSISTENT),
        (LOG.request(5, 9), KNOWN, Status.COSIGNED),
        (LOG.request(5, 5), KNOWN, Status.COSIGNED),
        (LOG.request(0, 9), KNOWN, Status.OTHER_SIZE),
        (LOG.request(4, 9), KNOWN, Status.OTHER_SIZE),
        (LOG.request(4, 4), KNOWN, Status.OTHER_SIZE),
        (LOG.request(5, 5, path=(bytes(32),)), KNOWN, Status.NOT_CONSISTENT),
        (LOG.request(5, 9, path=()), KNOWN, Status.NOT_CONSISTENT),
        (LOG.request(5, 9, path=LOG.path(4, 9)), KNOWN, Status.NOT_CONSISTENT),
        (OTHER.request(5, 5), KNOWN, Status.NOT_CONSISTENT),
        (OTHER.request(5, 9), KNOWN, Status.NOT_CONSISTENT),
        (replace(LOG.request(0, 0), head=Head(LOG.origin, 0, bytes(32))), NOTHING, Status.NOT_CONSISTENT),
    ],
)
def test_the_decision(request_: Request, known: tuple[int, bytes], status: Status) -> None:
    assert witness.decide(request_, known) == status


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40))
def test_it_cosigns_what_goes_on_from_what_it_cosigned_and_nothing_else(known: int, old: int, size: int) -> None:
    state = (known, LOG.head(known).root)
    request = LOG.request(old, size)
    expected = Status.COSIGNED if old == known <= size else Status.OTHER_SIZE if old != known else Status.NOT_CONSISTENT
    assert witness.decide(request, state) == expected
    forked = ForeignLog(face="c", parts=0).request(old, size)
    assert witness.decide(forked, state) != Status.COSIGNED or known == 0


def test_the_answer_is_verified_strictly() -> None:
    head, time = LOG.head(5), 1_772_323_200
    tower, pq = Signing("tower.example", COSIGNATURE_ED25519), Signing("tower.example", MLDSA44)
    body = witness.cosign(head, [(one.key, one._private.sign) for one in (tower, pq)], time)
    for key in (tower.key, pq.key):
        assert witness.cosignature(body, head, key)[0] == time
    with refused("sig.missing"):
        witness.cosignature(body, head, Signing("other.example", COSIGNATURE_ED25519).key)
    with refused("sig.invalid"):
        witness.cosignature(body, LOG.head(6), tower.key)
    with refused("sig.invalid"):
        witness.cosignature(tower.line(head, 0).text().encode(), head, tower.key)
    for bad in (b"", b"no\n", body[:-1], body + b"\n", b"x\n\n" + body, body + b"\xff\n"):
        with refused("witness.malformed"):
            witness.cosignature(bad, head, tower.key)


def test_the_size_of_a_conflict() -> None:
    assert witness.parse_size(witness.size_body(20), 20) == 20
    for bad in (b"20", b"020\n", b"20\n\n", b"", b"\n", b"-1\n", b"2 0\n", "２0\n".encode()):
        with refused("witness.malformed"):
            witness.parse_size(bad, 20)
    with refused("witness.ahead"):
        witness.parse_size(b"21\n", 20)


def test_nothing_is_the_empty_tree() -> None:
    assert NOTHING == (0, EMPTY_ROOT) == (0, merkle.tree_root([]))
