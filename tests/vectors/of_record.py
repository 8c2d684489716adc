"""Vectors of cards, charters, openings, entries, messages, bodies, disclosures."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ceasewire import limits
from ceasewire.record import encoding, fingerprint
from ceasewire.record.card import Card, armor, tagged
from ceasewire.record.charter import SignedCharter
from ceasewire.record.draft import from_toml
from ceasewire.record.kinds import KINDS, UNDERSTOOD, read_body, show_body
from ceasewire.record.message import Body, Entry, body_tree, disclose, leaf
from ceasewire.record.opening import Opening, sign_opening
from ceasewire.tlog.merkle import EMPTY_ROOT
from helpers import START, make_party, seed_of, statement
from signers import KESTREL

from .base import TOML, TOWER, Vectors, cbor

SEED = bytes(range(16))


def _fields(data: bytes, change: dict[int, Any]) -> bytes:
    fields = dict(encoding.mapping(encoding.decode(data, limits.CHARTER_BYTES)))
    return cbor({key: value for key, value in (fields | change).items() if value is not None})


def cards(v: Vectors) -> None:
    party = make_party("north")
    file = v.parts.parts["north.card"]
    data, signatures = encoding.array(encoding.decode(file, limits.CARD_BYTES))
    body, signed = encoding.octets(data), encoding.array(signatures)
    v.ok("card", "north", "a party's card", file, {"slug": "north", "role": "party", "fingerprint": _words(body)})
    ed, ml = party.card.recovery[0].ed25519, party.card.recovery[0].mldsa44
    for code, name, what, change in (
        ("card.malformed", "slug", "a capital letter in the slug", {1: "North"}),
        ("card.malformed", "slug-dot", "a dot in the slug", {1: "north.3fa91c"}),
        ("card.malformed", "name", "an empty name", {2: " "}),
        ("card.malformed", "role", "role 4", {3: 4}),
        ("card.malformed", "no-recovery", "no recovery key", {10: []}),
        ("card.malformed", "key-twice", "the log's key as receipt key too", {7: party.card.keys.log_ed25519}),
        ("enc.shape", "no-url", "field 4 is missing", {4: None}),
        ("enc.shape", "field-11", "a field too many", {11: 0}),
        ("enc.shape", "name-bytes", "bytes as a name", {2: b"North"}),
        ("key.weak", "identity", "the identity as the log's key", {5: b"\x01" + bytes(31)}),
        ("key.weak", "recovery", "the identity as a recovery key", {10: [[b"\x01" + bytes(31), ml]]}),
        ("key.length", "ed25519", "31 bytes", {5: party.card.keys.log_ed25519[:31]}),
        ("key.length", "sealing", "an X25519 key alone", {9: party.card.keys.sealing[1184:]}),
    ):
        v.bad("card", code, name, what, cbor([_fields(body, change), signed]))
    four: Any = [[ed, ml]] * 4
    v.bad("card", "card.malformed", "4-recovery", "four recovery keys", cbor([_fields(body, {10: four}), signed]))
    v.bad("card", "sig.invalid", "other-name", "another name than was signed", cbor([_fields(body, {2: "South"}), signed]))
    v.bad("card", "sig.invalid", "stripped", "the second ML-DSA-44 signature is empty", cbor([data, [*signed[:3], b"", *signed[4:]]]))
    other = party.signers["log", "ed25519"](tagged("ceasewire/charter/1", hashlib.sha256(body).digest()))
    v.bad("card", "sig.invalid", "other-format", "signed under another format's name", cbor([data, [other, *signed[1:]]]))
    v.bad("card", "enc.shape", "5-signatures", "a signature is missing", cbor([data, signed[:5]]))
    v.bad("card", "enc.trailing", "byte", "a byte too many", file + b"\x00")
    v.bad("card", "enc.malformed", "cut", "a byte too few", file[:-1])
    text = armor(cbor([1, 2]))
    v.ok("card-text", "short", "the text of some bytes", text, {"bytes": cbor([1, 2])})
    for name, what, bad in (
        ("head", "another first line", text.replace("BEGIN", "BEGINNING")),
        ("tail", "no last line", text.split("-----END")[0]),
        ("base64", "not base64", text.replace("ggEC", "gg*C")),
        ("empty", "nothing", ""),
    ):
        v.bad("card-text", "card.malformed", name, what, bad)


def _words(data: bytes) -> str:
    return fingerprint.words(hashlib.sha256(data).digest())


def charters(v: Vectors) -> None:
    signed = v.test.signed
    names = {"channel_id": signed.channel_id, "fingerprint": fingerprint.words(signed.channel_id)}
    v.ok("charter", "four", "two parties, a guarantor, an observer", signed.encode(), names, complete=True)
    part = SignedCharter(signed.data, signed.charter, {key: s for key, s in signed.signatures.items() if key[0] == 0})
    v.ok("charter", "unsigned", "for signing, some signatures may be missing", part.encode(), names, complete=False)
    v.bad("charter", "charter.unsigned", "north-alone", "three have not signed", part.encode(), complete=True)
    listed: list[Any] = list(encoding.array(encoding.array(encoding.decode(signed.encode(), limits.CHARTER_BYTES))[1]))
    for code, name, what, found in (
        ("charter.malformed", "twice", "a signature twice", [listed[0], *listed]),
        ("charter.malformed", "order", "signatures out of order", [listed[1], listed[0], *listed[2:]]),
        ("sig.invalid", "swapped", "south's signature as north's", [[0, 1, listed[2][2]], *listed[1:]]),
        ("sig.invalid", "stripped", "an empty ML-DSA-44 signature", [listed[0], [0, 2, b""], *listed[2:]]),
        ("enc.shape", "algorithm-3", "a third algorithm", [[0, 3, listed[0][2]], *listed[1:]]),
        ("enc.shape", "position-4", "a signature by nobody", [*listed, [4, 1, listed[0][2]]]),
    ):
        v.bad("charter", code, name, what, cbor([signed.data, found]), complete=True)
    card = v.parts.parts
    vkey = TOWER.text()
    for code, name, what, change in (
        ("charter.malformed", "name", "a space in the name", {1: "line 1"}),
        ("charter.malformed", "title", "an empty title", {2: " "}),
        ("charter.malformed", "level", "level 4", {3: 4}),
        ("charter.malformed", "no-kinds", "no kinds", {7: []}),
        ("charter.malformed", "kinds-order", "kinds out of order", {7: [2, 1]}),
        ("charter.malformed", "provision-twice", "a provision twice", {6: [["1", "a"], ["1", "b"]]}),
        ("charter.malformed", "quorum", "two of one witness", {11: 2}),
        ("charter.malformed", "quota", "a quota of no messages a day", {9: {1: 0, 2: 20}}),
        ("charter.malformed", "zone", "a latitude of 90.00001", {12: [["z", "z", 1, [[9_000_001, 0]]]]}),
        ("charter.malformed", "zone-kind", "zone kind 5", {12: [["z", "z", 5, []]]}),
        ("charter.malformed", "replaces", "31 bytes of a channel id", {15: bytes(31)}),
        ("charter.malformed", "log-as-witness", "a log's key as witness", {10: [["t", _log_vkey(), ""]]}),
        ("charter.party", "one", "one party", {5: [card["north.card"]]}),
        ("charter.party", "order", "the parties out of order", {5: [card["south.card"], card["north.card"]]}),
        ("charter.party", "twice", "one party twice", {5: [card["north.card"]] * 2}),
        ("charter.party", "no-second", "a party and a guarantor", {5: [card["north.card"], card["mission.card"]]}),
        ("charter.party", "shared-key", "one witness under two names", {10: [["t", vkey, ""], ["u", vkey, ""]]}),
        ("charter.malformed", "releases", "releases without officers", {14: {2: 2}}),
        ("charter.malformed", "release-of-machines", "a release of line checks", {13: [_officer()], 14: {11: 1}}),
        ("charter.malformed", "officer-of-nobody", "an officer of party 9", {13: [[9, *_officer()[1:]]]}),
        ("officer.malformed", "officer-twice", "an officer twice", {13: [_officer(), _officer()]}),
        ("officer.malformed", "officer-log", "a log's key as an officer's", {13: [[0, 1, _log_key(), 1, "k", "", ""]]}),
        ("vkey.malformed", "witness", "a witness's key that is none", {10: [["t", "tower", ""]]}),
        ("card.malformed", "card", "a card with role 4", {5: [_bad_card(card["north.card"]), card["south.card"]]}),
        ("enc.shape", "no-clocks", "the clocks are missing", {8: None}),
        ("enc.shape", "clock-missing", "one clock is missing", {8: dict.fromkeys(range(1, 9), 1)}),
        ("enc.text", "title-override", "U+202E in the title", None),
    ):
        data = _fields(signed.data, change) if change else signed.data.replace(b"gVectors", b"gVe\xe2\x80\xaers", 1)
        v.bad("charter", code, name, what, cbor([data, listed]), complete=True)


def _log_vkey() -> str:
    return replace(TOWER, kind=1).text()


def _officer() -> list[Any]:
    return [0, *KESTREL.officer.value()]


def _log_key() -> bytes:
    return make_party("north").card.keys.log_ed25519


def _bad_card(file: bytes) -> bytes:
    data, signatures = encoding.array(encoding.decode(file, limits.CARD_BYTES))
    return cbor([_fields(encoding.octets(data), {3: 4}), signatures])


def drafts(v: Vectors) -> None:
    cards = [v.parts.parts["south.card"], v.parts.parts["north.card"]]
    least = 'name = "line-1"\ntitle = "T"\n'
    signed = from_toml({"name": "line-1", "title": "T"}, cards)
    v.ok("draft", "least", "what is required", least, {"channel_id": signed.channel_id}, cards=cards)
    for name, what, text in (
        ("no-title", "no title", 'name = "line-1"\n'),
        ("unknown", "a key that is not known", least + 'colour = "red"\n'),
        ("level", "a level that is not known", least + 'level = "secret"\n'),
        ("kinds", "a kind that is not known", least + 'kinds = ["gossip"]\n'),
        ("kind-list", "a list as a kind", least + 'kinds = [["statement"]]\n'),
        ("clock", "a clock below zero", least + "clocks = {reply = -1}\n"),
        ("quota", "a quota of no messages a day", least + "quotas = {messages_per_log_and_day = 0}\n"),
        ("clock-true", "true as a clock", least + "clocks = {reply = true}\n"),
        ("table", "a table as provisions", least + "[provisions]\nid = 1\n"),
        ("outline", "a latitude of 91", least + '[[zones]]\nid = "z"\noutline = [[91, 0]]\n'),
    ):
        v.bad("draft", "charter.toml", name, what, text, cards=cards)
    v.bad("draft", "charter.party", "one-card", "one card", least, cards=cards[:1])
    v.bad("draft", "charter.malformed", "name", "a plus in the name", least.replace("line-1", "line+1"), cards=cards)
    officer = f'[[officers]]\nparty = "north"\nname = "kestrel"\nrole = "duty_officer"\nkey = "ed25519:{_officer()[2].hex()}"\n'
    listed = from_toml({"name": "line-1", "title": "T", "officers": [KESTREL.toml], "releases": {"flash": 2}}, cards)
    text = least + "[releases]\nflash = 2\n" + officer
    v.ok("draft", "officers", "an officer, and two for a flash", text, {"channel_id": listed.channel_id}, cards=cards)
    for name, what, text in (
        ("officer-id", "an officer with an id", officer + 'id = "o"\n'),
        ("officer-party", "an officer of nobody", officer.replace("north", "east")),
        ("officer-role", "a role that is not known", officer.replace("duty_officer", "king")),
        ("officer-key", "a key of another kind", officer.replace("ed25519", "rsa")),
        ("releases-kind", "a release of line checks", "[releases]\nline_check = 1\n"),
        ("releases-many", "sixteen officers", "[releases]\nstatement = 16\n" + officer),
    ):
        v.bad("draft", "charter.toml", name, what, least + text, cards=cards)


def openings(v: Vectors) -> None:
    south, new = v.test.parties["south"], make_party("south-new")
    good = Opening(v.test.channel.channel_id, 1, new.card.keys, 1, 12, seed_of("root"))
    signers: dict[str, tuple[bytes, Callable[[bytes], bytes]]] = {
        "recovery": (south.card.recovery[0].mldsa44, south.signers["recovery", "mldsa44"]),
        "log": (new.card.keys.log_mldsa44, new.signers["log", "mldsa44"]),
        "receipt": (new.card.keys.receipt_mldsa44, new.signers["receipt", "mldsa44"]),
    }
    for use, (key, _) in signers.items():
        v.parts.add(f"south-new.{use}.key", key)

    def write(name: str, opening: Opening, place: int = 0) -> bytes:
        found: list[Callable[[bytes], bytes]] = []
        for use, (key, sign) in signers.items():
            party = south if use == "recovery" else new
            part = f"opening.{name}.{use}"
            found += [party.signers[use, "ed25519"], lambda m, p=part, k=key, s=sign: v.parts.mldsa(p, k, s, m)]  # type: ignore[misc]
        return sign_opening(opening, place, found)

    charter = {"charter": v.test.signed.encode()}
    expect = {"number": good.number, "name": good.log_name("south"), "predecessor": 1, "size": 12}
    file = write("good", good)
    v.ok("opening", "successor", "a log after south's first", file, expect, **charter)
    further = replace(good, predecessor=None, size=0, root=EMPTY_ROOT)
    expect = {"number": further.number, "name": further.log_name("south"), "predecessor": None, "size": 0}
    v.ok("opening", "further", "a further device", write("further", further), expect, **charter)
    raw, _, signatures = encoding.array(encoding.decode(file, limits.CARD_BYTES))
    for code, name, what, data in (
        ("opening.malformed", "predecessor", "north's log as predecessor", replace(good, predecessor=0).encode()),
        ("opening.malformed", "root", "no entries and a root", replace(good, size=0).encode()),
        ("opening.malformed", "size", "entries of no predecessor", replace(good, predecessor=None).encode()),
        ("opening.malformed", "channel", "another channel", replace(good, channel_id=bytes(32)).encode()),
        ("opening.malformed", "party", "a position that no party has", replace(good, position=9, predecessor=9).encode()),
        ("opening.malformed", "tag", "another tag", good.encode().replace(b"open/1", b"open/2")),
        ("opening.malformed", "used-key", "the first log's key again", replace(good, keys=south.card.keys).encode()),
        ("key.weak", "log", "the identity", replace(good, keys=replace(new.card.keys, log_ed25519=b"\x01" + bytes(31))).encode()),
        ("sig.invalid", "other-size", "another size than was signed", replace(good, size=13).encode()),
    ):
        v.bad("opening", code, name, what, cbor([data, 0, signatures]), **charter)
    v.bad("opening", "opening.malformed", "recovery", "a recovery key that the card does not list", cbor([raw, 1, signatures]), **charter)


ENTRY = Entry(2, START, {0: 5, 7: 1}, seed_of("root"))


def entries(v: Vectors) -> None:
    expect = {"kind": 2, "time": START, "seen": {"0": 5, "7": 1}, "body_root": ENTRY.body_root}
    v.ok("entry", "statement", "an entry that has seen two logs", ENTRY.encode(), expect)
    value: list[Any] = [1, 2, START, {0: 5}, ENTRY.body_root]
    for name, what, place, bad in (
        ("version", "version 2", 0, 2),
        ("version-true", "true as version", 0, True),
        ("kind", "kind 65536", 1, 2**16),
        ("time", "a time below zero", 2, -1),
        ("seen-zero", "a size of zero in seen", 3, {0: 0}),
        ("seen-log", "log 2^32 in seen", 3, {2**32: 1}),
        ("root", "a root of 31 bytes", 4, bytes(31)),
        ("root-text", "text as root", 4, "a" * 32),
    ):
        v.bad("entry", "enc.shape", name, what, cbor([*value[:place], bad, *value[place + 1 :]]))
    v.bad("entry", "enc.shape", "six", "a sixth value", cbor([*value, 0]))
    v.bad("entry", "enc.trailing", "byte", "a byte too many", ENTRY.encode() + b"\x00")
    v.bad("entry", "enc.noncanonical", "time-width", "the time in eight bytes", ENTRY.encode().replace(b"\x1a", b"\x1b\0\0\0\0", 1))


def messages(v: Vectors) -> None:
    one = statement(seen={1: 4})
    tree = body_tree(one.seed, one.body)
    entry = Entry(one.kind, one.time, one.seen, tree.root).encode()
    expect = {"leaves": list(tree.leaves), "rest": tree.rest, "body_root": tree.root, "entry": entry}
    v.ok("message", "statement", "a message, its tree and its entry", cbor(one.value()), expect)
    value: list[Any] = [2, START, {}, SEED, {0: [], 1: False}]
    deep: Any = "x"
    for _ in range(8):
        deep = [deep]
    for code, name, what, place, bad in (
        ("enc.shape", "seed", "a seed of 15 bytes", 3, bytes(15)),
        ("enc.shape", "no-releases", "a body without field 0", 4, {1: False}),
        ("enc.shape", "no-exercise", "a body without field 1", 4, {0: []}),
        ("enc.shape", "exercise-0", "0 as exercise", 4, {0: [], 1: 0}),
        ("enc.shape", "field-64", "field 64", 4, {0: [], 1: False, 64: 0}),
        ("enc.depth", "body", "a body nine deep", 4, {0: [], 1: False, 40: deep}),
        ("enc.size", "body", "a body of one byte more than 32 KiB", 4, {0: [], 1: False, 40: v.parts.add("zeros", bytes(32 * 1024 - 9))}),
    ):
        v.bad("message", code, name, what, cbor([*value[:place], bad, *value[place + 1 :]]))


def disclosures(v: Vectors) -> None:
    body: Body = {0: [], 1: False, 16: "a title", 17: "a text", 40: b"later"}
    root = body_tree(SEED, body).root
    for name, what, reveal in (("all", "every field", set(body)), ("one", "field 17", {17}), ("none", "fields 0 and 1 alone", set())):
        shown = disclose(SEED, body, reveal)
        v.ok("disclosure", name, what, cbor(shown.value()), {"body_root": root, "hidden": shown.hidden, "fields": sorted(shown.fields)})
    hidden, part = bytes(32), [bytes(16), 2, "x"]
    for name, what, parts in (
        ("one-part", "one part", [hidden]),
        ("65-parts", "65 parts", [hidden] * 65),
        ("order", "fields that fall", [hidden, hidden, [bytes(16), 3, 0], [bytes(16), 2, 0]]),
        ("twice", "a field twice", [hidden, hidden, part, part]),
        ("place", "field 2 at the fourth place", [hidden, hidden, hidden, part]),
        ("field-1", "field 2 at the place of field 1", [hidden, part]),
        ("field-64", "field 64", [hidden, hidden, [bytes(16), 64, 0]]),
        ("after-63", "a hidden field after field 63", [hidden, hidden, [bytes(16), 63, 0], hidden]),
        ("hash", "a hash of 31 bytes", [hidden, bytes(31)]),
        ("salt", "a salt of 15 bytes", [hidden, [bytes(15), 1, True]]),
    ):
        v.bad("disclosure", "enc.shape", name, what, cbor(parts))
    v.ok("leaf", "field-17", "one leaf", SEED, {"leaf": leaf(SEED, 17, "a text")}, field=17, value="a text")


def bodies(v: Vectors) -> None:
    channel = v.test.channel
    given = {"charter": v.test.signed.encode()}
    good: dict[str, Any] = {
        "notification": {
            "types": ["A4"],
            "occurred_from": "2026-03-01T08:42:00+04:30",
            "location": [33.12345, -44.56789],
            "location_precision": "district",
            "accused": "south",
            "casualties": {"civilians": {"killed": [1, 2, 3]}, "south": {"wounded": [0, 0, 1]}},
            "means": "mortar",
            "sources": ["a shepherd", {"class": "protected"}],
        },
        "statement": {"text": "\u0645\u0648\u0696 \u0627\u0648\u0631\u0628\u0646\u062f \u06a9\u0693\u06cc", "language": "ps"},
        "request": {"questions": ["Who?", "Where?"], "re": ["north/0", "south/1"]},
        "reply": {"re": "north/0", "stance": "partly_accepted", "agreed": ["place"], "disputed": ["count"]},
        "line_check": {"evidence_held": ["ab" * 32]},
        "acknowledgement": {"watch": True, "on_duty": ["duty officer"], "nothing_to_report": True},
    }
    for name, body in good.items():
        read = read_body(UNDERSTOOD[KINDS[name]], body, channel, exercise=False)
        expect = {"body": cbor(read), "shown": show_body(KINDS[name], read, channel)}
        v.ok("body", name, f"a {name}", json.dumps(body, ensure_ascii=False), expect, kind=name, **given)
    for name, kind, what, body in (
        ("place", "notification", "neither place nor location", {"types": ["A4"], "occurred_from": "2026-03-01T00:00:00Z"}),
        (
            "type",
            "notification",
            "a type of violation that is none",
            {"types": ["A12"], "occurred_from": "2026-03-01T00:00:00Z", "place": "x"},
        ),
        ("zone", "notification", "a time without its zone", {"types": ["A4"], "occurred_from": "2026-03-01T00:00:00", "place": "x"}),
        ("no-text", "statement", "no text", {}),
        ("surrogate", "statement", "half a character", {"text": "\ud800"}),
        ("override", "statement", "U+202E", {"text": "\u202egpj.exe"}),
        ("stance", "reply", "a stance that is none", {"re": "north/0", "stance": "agreed"}),
        ("both", "reply", "a fact agreed and disputed", {"re": "north/0", "stance": "denied", "agreed": ["count"], "disputed": ["count"]}),
        ("log", "reply", "a log that is not known", {"re": "east/0", "stance": "denied"}),
        ("neither", "acknowledgement", "neither read nor watch", {}),
    ):
        v.bad("body", "body.schema", name, what, json.dumps(body), kind=kind, **given)


def add(v: Vectors) -> None:
    """Everything of this file."""
    assert TOML["title"] == "Vectors"  # what one charter's vector replaces
    assert Card.decode(v.test.parties["north"].card.encode()).slug == "north"
    for make in (cards, charters, drafts, openings, entries, messages, disclosures, bodies):
        make(v)
