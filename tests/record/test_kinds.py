"""Bodies: JSON in, checked, encoded, decoded, JSON out. FAULTS A12, A13, A14, A17."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ceasewire import limits
from ceasewire.errors import LocalError, PeerError
from ceasewire.record import encoding, kinds, message
from ceasewire.record.fields import Wrong
from ceasewire.record.kinds import KINDS, UNDERSTOOD, Kind, check_schema, read_body, references, show_body
from ceasewire.tlog.note import COSIGNATURE_ED25519, VerifierKey
from helpers import local, make_channel, make_party

from .bodies import MESSAGES, PARTIES, Pair

TOWER = VerifierKey("tower.example/w", COSIGNATURE_ED25519, make_party("tower").card.keys.log_ed25519)
NAMES = make_channel(PARTIES, witnesses=[{"name": "tower", "vkey": TOWER.text()}]).channel
KIND = {kind.name: kind for kind in UNDERSTOOD.values()}
RECEIPT = {"log": "north", "size": 1, "by": 1, "kind": 4, "time": "2026-03-01T04:12:00Z", "signature": "AA=="}
LEAST: dict[str, dict[str, Any]] = {
    "notification": {"types": ["A4"], "occurred_from": "2026-03-01T04:12:00Z", "place": "Bridge 4"},
    "statement": {"text": "We have ceased."},
    "request": {"questions": ["Who?"]},
    "reply": {"re": "north/0", "stance": "denied"},
    "notice": {
        "activity": "humanitarian_convoy",
        "area": "the old road",
        "window_from": "2026-03-01T06:00:00Z",
        "window_to": "2026-03-01T09:00:00Z",
    },
    "finding": {"re": "north/0", "finding": "confirmed"},
    "flash": {"phrase": "cease_now"},
    "evidence": {"re": "north/0", "evidence": [{"name": "a.jpg", "sha256": "ab" * 32}]},
    "correction": {"re": "north/0", "of": "notification", "fields": {"place": "Bridge 5"}, "reason": "The number was misheard."},
    "withdrawal": {"re": "north/0", "reason": "It was thunder."},
    "line_check": {},
    "channel_status": {"status": "contact"},
    "acknowledgement": {"watch": True},
    "keys": {"duty_telephone": "+000 0000"},
    "amendment": {"base": "ab" * 32, "amendment": "cd" * 32},
    "closing": {"re": "north/0"},
}


def read(name: str, body: Any, *, exercise: bool = False) -> message.Body:
    return read_body(KIND[name], body, NAMES, exercise=exercise)


@pytest.mark.parametrize("name", MESSAGES)
def test_what_is_written_is_what_is_shown(name: str) -> None:
    """A16: read, encode, decode, show; for made-up JSON of each kind, beside what spec/entry.md says it must become."""

    @settings(max_examples=60)
    @given(MESSAGES[name], st.booleans())
    def check(pair: Pair, exercise: bool) -> None:
        written, shown = pair
        body = read(name, json.loads(json.dumps(written)), exercise=exercise)
        data = encoding.encode(body)
        again = encoding.decode(data)
        assert again == body
        assert list(body) == sorted(body)
        message.check_body(body)
        assert show_body(KINDS[name], body, NAMES) == {"exercise": exercise, **shown}
        if name != "line_check":  # whose cosigners are shown by name and written by number
            assert read(name, show_body(KINDS[name], body, NAMES)) == body

    check()


def test_the_least_of_each_kind() -> None:
    for name, body in LEAST.items():
        assert show_body(KINDS[name], read(name, body), NAMES) == {"exercise": False, **body}


JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(10**25), 10**25),
        st.floats(),
        st.text(max_size=10),
        st.sampled_from(["\ud800", "north/0", "north", "2026-03-01T04:12:00Z", "a\x00", "", "A4", "10" * 3000, "\u202egpj.exe"]),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=6), inner, max_size=4)),
    max_leaves=8,
)


@pytest.mark.parametrize("name", MESSAGES)
def test_a17_any_json_is_a_body_or_a_code(name: str) -> None:
    """A17: wrong types, NaN, huge integers, lone surrogates in any field: a body that can be encoded, or a local code."""
    fields = sorted(KIND[name].all_fields)

    @settings(max_examples=150)
    @given(st.dictionaries(st.sampled_from(fields), JSON, max_size=3))
    def check(more: dict[str, Any]) -> None:
        try:
            body = read(name, {**LEAST[name], **more})
        except LocalError as error:
            assert error.code == "body.schema"  # noqa: PT017
            str(error).encode()
        else:
            assert encoding.decode(encoding.encode(body)) == body
            json.dumps(show_body(KINDS[name], body, NAMES)).encode()

    check()


@pytest.mark.parametrize("name", MESSAGES)
def test_a12_a17_every_field_refuses_every_wrong_type(name: str) -> None:
    """A12, A17: what no field takes."""
    traps: list[Any] = [
        float("nan"),
        float("inf"),
        10**400,
        -1,
        1.5,
        "",
        " \n",
        "\ud800",
        "\u202e",
        [],
        [[]],
        [None],
        {},
        {"a": 1},
    ]
    for field in KIND[name].all_fields:
        for trap in traps:
            if (field, trap) in [("joint_inquiry", {}), ("sources", [])]:  # an empty list of sources is "no source given"
                continue
            with local("body.schema") as caught:
                read(name, {**LEAST[name], field: trap})
            assert field in caught.value.detail


@pytest.mark.parametrize("body", [None, [], "text", 1, 1.5, True, [["text", "x"]]])
def test_a17_a_body_is_an_object(body: Any) -> None:
    with local("json.malformed"):
        read("statement", body)


def test_a_field_that_is_not_known_is_named_and_a_near_one_offered() -> None:
    with local("field.unknown") as caught:
        read("statement", {"txt": "x"})
    assert caught.value.detail == "txt; perhaps text"
    with local("field.unknown") as caught:
        read("statement", {"types": ["A4"], "zzzz": 1, "text": "x"})
    assert "zzzz" not in caught.value.detail


@pytest.mark.parametrize("name", ["\ud800", "\x1b[31m", "a" * 10**6, "\u202egpj"])
def test_a17_a_name_from_outside_is_said_back_without_harm(name: str) -> None:
    """A17, H11: escaped and cut, whatever it is."""
    for code, body in (
        ("field.unknown", {name: 1}),
        ("body.schema", {**LEAST["notification"], "accused": name}),
        ("body.schema", {**LEAST["notification"], "casualties": {name: {"killed": [0, 0, 0]}}}),
        ("body.schema", {**LEAST["notification"], "evidence": [{name: 1}]}),
        ("body.schema", {**LEAST["notification"], "re": f"{name}/1"}),
    ):
        with local(code) as caught:
            read("notification", body)
        detail = caught.value.detail
        assert detail.isascii()
        assert detail.isprintable()
        assert len(detail) < 400
    with local("body.schema") as caught:
        read("reply", {**LEAST["reply"], "agreed": [name]})
    assert caught.value.detail.isprintable()


@pytest.mark.parametrize(
    ("name", "change", "word"),
    [
        ("notification", {"types": None}, "types"),
        ("notification", {"occurred_from": None}, "occurred_from"),
        ("notification", {"place": None}, "place or location"),
        ("notification", {"types": ["A12"]}, "A1 to J5"),
        ("notification", {"types": ["A4"] * 21}, "1 to 20"),
        ("notification", {"types": "Z9"}, "A1 to J5"),
        ("notification", {"types": {"A4": 1}}, 'a list such as ["A4"]'),
        ("notification", {"types": None}, 'types is missing: a list such as ["A4"]'),
        ("notification", {"count_unit": "rockets"}, "count_unit: one of round, burst"),
        ("notification", {"precedence": "urgent"}, "notification: precedence: one of flash, immediate"),
        ("notification", {"occurred_from": None}, "occurred_from is missing: a time such as 2026"),
        ("notification", {"evidence": [{"name": "a"}]}, "evidence: sha256 is missing: hexadecimal digits of 32 bytes"),
        ("evidence", {"evidence": None}, 'evidence is missing: a list such as [{"name": ..., "sha256": ...}]'),
        ("evidence", {"re": None}, 're is missing: "north/12", or a list such as ["north/12"]'),
        ("notice", {"window_to": None}, "window_to is missing: a time such as"),
        ("notice", {"area": None}, "area, location or route is missing"),
        ("reply", {"stance": None}, "stance is missing: one of accepted"),
        ("statement", {"translations": {"ps": "x"}}, 'a list such as [{"language": ..., "field": ..., "text": ...}]'),
        ("acknowledgement", {"watch": None, "re": "north/0", "on_duty": ["x"]}, "one of them"),
        ("notification", {"occurred_to": "2026-03-01T04:11:59Z"}, "not before"),
        ("notification", {"press_intention": "at_time"}, "press_time"),
        ("notification", {"press_time": "2026-03-01T04:11:59Z"}, "press_time"),
        ("notification", {"location": [91, 0]}, "latitude"),
        ("notification", {"location": [0, -180.1]}, "longitude"),
        ("notification", {"location": [0]}, "degrees"),
        ("notification", {"location": [True, 0]}, "degrees"),
        ("notification", {"bearing": 360}, "359"),
        ("notification", {"accused": "east"}, "slug"),
        ("notification", {"casualties": {"east": {}}}, "slug"),
        ("notification", {"casualties": {"north": {"lost": [0, 0, 0]}}}, "killed"),
        ("notification", {"casualties": {"north": {"killed": [0, 0]}}}, "low"),
        ("notification", {"casualties": {"north": {"killed": [0, 0, 10**7 + 1]}}}, "10000000"),
        ("notification", {"request": ["cease"] * 7}, "1 to 6"),
        ("notification", {"evidence": [{"name": "a"}]}, "sha256"),
        ("notification", {"evidence": [{"name": "a", "sha256": "00" * 31}]}, "32 bytes"),
        ("notification", {"evidence": [{"name": "a", "sha256": "zz"}]}, "hexadecimal"),
        ("notification", {"sources": [{"text": "x"}]}, "class"),
        ("notification", {"sources": [{"class": "rumour"}]}, "own_unit"),
        ("notification", {"sources": [1]}, "class, text"),
        ("notification", {"language": "english please"}, "language tag"),
        ("notification", {"narrative": "x" * (limits.TEXT_BYTES + 1)}, "16384"),
        ("notification", {"narrative": "\u067e" * (limits.TEXT_BYTES // 2 + 1)}, "16384"),
        ("notification", {"narrative": "\u202egpj"}, "U+202E"),
        ("notification", {"re": []}, "1 to 1000"),
        ("notification", {"re": "east/1"}, "east"),
        ("notification", {"re": "north"}, "north/12"),
        ("notification", {"re": "north/01"}, "north/12"),
        ("notification", {"re": "north/\u0661"}, "north/12"),
        ("notification", {"links": [{"as": "replies_to"}]}, "ref"),
        ("statement", {"text": None}, "text"),
        ("statement", {"exercise": 0}, "true or false"),
        ("reply", {"re": None}, "re"),
        ("reply", {"stance": "agreed"}, "accepted"),
        ("reply", {"agreed": ["types"], "disputed": ["count", "types"]}, "not agreed"),
        ("reply", {"agreed": ["stance"]}, "field of a notification"),
        ("reply", {"disputed": [1]}, "field of a notification"),
        ("acknowledgement", {"watch": None}, "one of them"),
        ("acknowledgement", {"state": "read"}, "one of them"),
        ("acknowledgement", {"watch": False}, "true"),
        ("acknowledgement", {"watch": None, "state": "read"}, "re"),
        ("line_check", {"receipts": [{"log": "east"}]}, "east"),
        ("line_check", {"receipts": [{**RECEIPT, "by": "south"}]}, "whole number"),
        ("line_check", {"receipts": [{**RECEIPT, "by": 2**32}]}, "cosigner"),
        ("line_check", {"receipts": [{**RECEIPT, "signature": "AA="}]}, "base64"),
        ("line_check", {"receipts": [{"log": "north"}]}, "size"),
    ],
)
def test_rules_of_kinds(name: str, change: dict[str, Any], word: str) -> None:
    with local("body.schema") as caught:
        read(name, {**LEAST[name], **change})
    assert word in caught.value.detail


@pytest.mark.parametrize(
    ("name", "written", "meant"),
    [
        ("notification", {"count_unit": "rounds"}, {"count_unit": "round"}),
        ("notification", {"types": "A4"}, {"types": ["A4"]}),
        ("notification", {"types": ["a4", "j5"]}, {"types": ["A4", "J5"]}),
        ("notification", {"types": "d10"}, {"types": ["D10"]}),
        ("request", {"questions": "Who?"}, {"questions": ["Who?"]}),
        ("notice", {"activity": "Live fire exercise"}, {"activity": "live_fire_exercise"}),
        ("acknowledgement", {"watch": None, "re": "north/0"}, {"watch": None, "re": "north/0", "state": "read"}),
    ],
)
def test_what_is_unambiguous_is_taken_and_signed_in_its_one_form(name: str, written: dict[str, Any], meant: dict[str, Any]) -> None:
    assert encoding.encode(read(name, {**LEAST[name], **written})) == encoding.encode(read(name, {**LEAST[name], **meant}))


@pytest.mark.parametrize(("kind", "field", "value"), [(1, 16, "A4"), (1, 16, ["a4"]), (1, 36, "rounds"), (3, 16, "Who?")])
def test_what_people_may_write_is_void_on_the_wire(kind: int, field: int, value: encoding.Value) -> None:
    body = read(kinds.KIND_NAMES[kind], LEAST[kinds.KIND_NAMES[kind]]) | {field: value}
    with pytest.raises(Wrong):
        check_schema(kind, body, NAMES)


def test_an_acknowledgement_without_state_is_void_on_the_wire() -> None:
    with pytest.raises(Wrong, match="one of them"):
        check_schema(13, {0: [], 1: False, 3: [0, 0]}, NAMES)


def test_casualties_of_each_group() -> None:
    found = {"north": {"killed": [1, 2, 3], "detained": [0, 0, 0]}, "civilians": {"wounded": [4, 3, 9]}, "unattributed": {}}
    body = read("notification", {**LEAST["notification"], "casualties": found})
    assert body[39] == {0: {2: [4, 3, 9]}, 1: {}, 16: {1: [1, 2, 3], 4: [0, 0, 0]}}
    assert show_body(1, body, NAMES)["casualties"] == found


def test_null_is_the_same_as_absent() -> None:
    assert read("statement", {"text": "x", "title": None}) == read("statement", {"text": "x"})


def test_exercise_is_the_channels_unless_it_is_said() -> None:
    assert read("statement", {"text": "x"}, exercise=True)[1] is True
    assert read("statement", {"text": "x", "exercise": True})[1] is True
    assert read("statement", {"text": "x", "exercise": False}, exercise=True)[1] is False


@pytest.mark.parametrize(
    ("precision", "shown"),
    [("exact", [33.12345, -44.56789]), (None, [33.12, -44.57]), ("district", [33.1, -44.6]), ("region", [33.0, -45.0])],
)
def test_positions_are_rounded_before_signing(precision: str | None, shown: list[float]) -> None:
    body = read("notification", {**LEAST["notification"], "location": [33.12345, -44.56789], "location_precision": precision})
    assert show_body(1, body, NAMES)["location"] == shown


def test_a_position_finer_than_its_precision_is_void() -> None:
    body = read("notification", {**LEAST["notification"], "location": [33.12, 44.57]})
    check_schema(1, body, NAMES)
    changes: list[message.Body] = [{23: [3_312_345, 4_457_000]}, {33: [1, 1]}, {24: 3}]
    for change in changes:
        with pytest.raises(Wrong, match="rounded"):
            check_schema(1, body | change, NAMES)
    del body[24]
    with pytest.raises(Wrong, match="location_precision"):
        check_schema(1, body, NAMES)


# What a peer may put into a field, whose JSON no person can write.
WRONG_VALUES: list[tuple[int, int, encoding.Value]] = [
    (1, 2, 5),
    (1, 2, True),
    (1, 3, [0]),
    (1, 3, [0, 1, 2]),
    (1, 3, [[0, 1], 5]),
    (1, 3, [2**32, 0]),
    (1, 3, {}),
    (1, 4, [[1, [0, 0]]]),
    (1, 4, [{1: 1, 2: [0, 0], 3: 0}]),
    (1, 4, [{1: 1}]),
    (1, 6, 2**62),
    (1, 10, [{1: "a", 2: bytes(31)}]),
    (1, 10, [{1: "a", 2: "text"}]),
    (1, 11, [5]),
    (1, 16, 5),
    (1, 16, []),
    (1, 23, 5),
    (1, 23, [1]),
    (1, 23, [True, False]),
    (1, 23, [9_000_001, 0]),
    (1, 27, 2),
    (1, 27, -1),
    (1, 39, {}),
    (1, 39, []),
    (1, 39, {2: {}}),
    (1, 39, {18: {}}),
    (1, 39, {0: {5: [0, 0, 0]}}),
    (1, 39, {0: {1: [0, 0, True]}}),
    (1, 43, 1),
    (2, 17, "   "),
    (2, 17, b"text"),
    (4, 18, [63]),
    (4, 18, ["types"]),
    (11, 16, [{1: 2**32, 2: 1, 3: 1, 4: 4, 5: 0, 6: b""}]),
    (11, 16, [{1: 0, 2: 1, 3: -(2**16) - 1, 4: 4, 5: 0, 6: b""}]),
    (11, 16, [{1: 0, 2: 1, 3: 1, 4: 4, 5: 0, 6: bytes(8193)}]),
    (11, 17, [bytes(31)]),
    (1, 23, ["3312000", 0]),
]


@pytest.mark.parametrize(("kind", "field", "value"), WRONG_VALUES)
def test_a12_a_peers_wrong_values_are_void_and_still_shown(kind: int, field: int, value: encoding.Value) -> None:
    """A12: `check_schema` raises Wrong and nothing else, and the page shows them under not_understood."""
    body = read(kinds.KIND_NAMES[kind], LEAST[kinds.KIND_NAMES[kind]]) | {field: value}
    with pytest.raises(Wrong):
        check_schema(kind, body, NAMES)
    shown = show_body(kind, body, NAMES)
    assert shown["not_understood"] == {str(field): kinds.plain(value)}
    json.dumps(shown)


def test_a13_an_optional_field_that_is_not_known_is_kept_and_shown_as_such() -> None:
    """A13: bytes are kept, the message is not void, and pages say that they do not understand it."""
    body = read("statement", LEAST["statement"]) | {40: {1: [b"\x01", "x", True, {2: -1}]}, 63: b"\xff"}
    check_schema(2, body, NAMES)
    shown = show_body(2, body, NAMES)
    assert shown["not_understood"] == {"40": {"1": ["01", "x", True, {"2": -1}]}, "63": "ff"}
    assert encoding.decode(encoding.encode(body)) == body


@pytest.mark.parametrize("number", [17, 99, 65535])
def test_a14_a_kind_that_is_not_known_is_shown_by_its_common_fields(number: int) -> None:
    """A14: never more than shown; tests/record/test_log.py says that it is stored and relayed."""
    shown = show_body(number, {0: [], 1: False, 3: [0, 4], 20: "x"}, NAMES)
    assert shown == {"exercise": False, "re": "north/4", "not_understood": {"20": "x"}}
    assert kinds.kind_name(number) == kinds.KIND_NAMES.get(number, f"kind_{number}")
    assert number not in UNDERSTOOD


def test_releases_are_not_hidden_when_somebody_writes_them() -> None:
    assert show_body(2, {0: [[b"\x01"]], 1: False}, NAMES) == {"exercise": False, "not_understood": {"0": [["01"]]}}


def test_a_log_that_is_not_known_is_shown_by_what_its_number_says() -> None:
    """A later log's name follows from its number, so that all show the same; a number that no party here can have is shown itself."""
    nobody = 2**31 + (9 << 24)
    shown = show_body(2, {0: [], 1: False, 3: [[2**31, 5], [nobody, 5], [1, 6]]}, NAMES)
    assert shown["re"] == ["north.000000/5", f"{nobody}/5", "south/6"]
    receipt: message.Body = {1: 2**31, 2: 1, 3: nobody, 4: 4, 5: 0, 6: b"\x00"}
    body: message.Body = {0: [], 1: False, 16: [receipt]}
    check_schema(11, body, NAMES)
    shown = show_body(11, body, NAMES)
    assert shown["receipts"][0] | {"time": ""} == {
        "log": "north.000000",
        "size": 1,
        "by": str(nobody),
        "kind": 4,
        "time": "",
        "signature": "AA==",
    }


def test_references_of_every_shape() -> None:
    assert references({}) == []
    assert references({3: [0, 1]}) == [(0, 1)]
    assert references({3: [[0, 1], [1, 2]], 4: [{1: 1, 2: [1, 9]}]}) == [(0, 1), (1, 2), (1, 9)]


def test_the_table_is_consistent() -> None:
    """Common fields below 16, a kind's own from 16 to 63; no number twice; the words of the taxonomy."""
    assert all(field.number < 16 for field in kinds.COMMON.values())
    for kind in UNDERSTOOD.values():
        assert KINDS[kind.name] == kind.number
        numbers = [field.number for field in kind.all_fields.values()]
        assert len(set(numbers)) == len(numbers)
        assert all(16 <= field.number < limits.FIELD_COUNT for field in kind.fields.values())
    assert sum(kinds.TAXONOMY.values()) == 59
    assert sorted(KINDS.values()) == list(range(1, 17))


def test_an_error_of_a_body_is_the_users_and_never_the_peers() -> None:
    with pytest.raises(LocalError) as caught:
        read("statement", {"text": "\ud800"})
    assert not isinstance(caught.value, PeerError)
    assert isinstance(KIND["statement"], Kind)


def test_an_empty_list_of_sources_is_no_source_given() -> None:
    """INTERFACE: none is shown as "no source given", however none is written."""
    written = {"types": ["A4"], "occurred_from": "2026-03-01T04:12:00Z", "place": "the school", "sources": []}
    body = read_body(KIND["notification"], written, NAMES, exercise=False)
    assert "sources" not in show_body(1, body, NAMES)
