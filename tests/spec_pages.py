"""The parts of spec/ that follow from the code: examples, byte by byte, and tables. tests/test_spec.py compares them.

`PYTHONPATH=src:tests python tests/spec_pages.py` writes them into the pages, between `<!-- generated: NAME -->` and `<!-- end -->`.
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from ceasewire import errors, limits
from ceasewire.exchange import bundle, seal
from ceasewire.exchange.bundle import Contents, Header
from ceasewire.record import bodies, case, fields, fingerprint, kinds, message, notices, officers, phrases, release, special, words
from ceasewire.record.card import ROLES, tagged
from ceasewire.record.charter import CLOCKS, LEVELS, QUOTAS, ZONE_KINDS
from ceasewire.record.message import Body, Entry, body_tree, disclose, leaf
from ceasewire.record.misconduct import Maker as MisconductMaker
from ceasewire.record.officers import charter_value
from ceasewire.record.opening import Opening
from ceasewire.tlog import merkle, witness
from crimes import Device, history
from helpers import START, make_party, seed_of, statement
from signers import KESTREL, LATER, asked_of
from vectors import of_witness
from vectors.base import Vectors, cbor
from vectors.of_proofs import Maker
from vectors.of_silence import Scene

SPEC: Final = Path(__file__).resolve().parents[1] / "spec"
_BLOCK: Final = re.compile(r"<!-- generated: ([a-z._]+) -->\n.*?<!-- end -->\n", re.DOTALL)
_COLUMN: Final = 44
_SHOWN: Final = 34  # bytes of a string that are written out; of a longer one the first eight
SEED: Final = bytes(range(16))
BODY: Final[Body] = {0: [], 1: False, 16: "A title.", 17: "A text."}

Labels = Mapping[str, str]  # a place, as "3.0" (the first item of the item under key 3), to what it is


# --- CBOR, line by line ---


def annotated(data: bytes, labels: Labels, place: str = "") -> list[str]:
    """One line an item: its bytes, and what it is. `labels` by place; a place with a `*` for any index."""
    lines, at = _item(data, 0, 0, labels, place)
    assert at == len(data)
    return lines


def _item(data: bytes, at: int, depth: int, labels: Labels, place: str) -> tuple[list[str], int]:
    major, start = data[at] >> 5, at
    value, at = _head(data, at)
    label = labels.get(place, labels.get(re.sub(r"\d+$", "*", place), ""))
    if major in (4, 5):
        what = f"array of {value}" if major == 4 else f"map of {value}"
        lines = [_line(data[start:at], depth, f"{what}{': ' + label if label else ''}")]
        for n in range(value):
            key = n
            if major == 5:
                key, after = _head(data, at)
                lines.append(_line(data[at:after], depth + 1, f"key {key}"))
                at = after
            more, at = _item(data, at, depth + 1 + (major == 5), labels, f"{place}.{key}".lstrip("."))
            lines += more
        return lines, at
    if major in (2, 3):
        end = at + value
        what = f'"{data[at:end].decode()}"' if major == 3 and value <= _SHOWN else f"{value} bytes"
        lines = [_line(data[start:at], depth, f"{'text' if major == 3 else 'bytes'}, {what}{': ' + label if label else ''}")]
        return lines + list(_string(data[at:end], depth)), end
    what = {0: str(value), 1: str(-1 - value), 7: "true" if value == 21 else "false"}[major]
    return [_line(data[start:at], depth, f"{what}{': ' + label if label else ''}")], at


def _head(data: bytes, at: int) -> tuple[int, int]:
    small = data[at] & 31
    if small < 24:
        return small, at + 1
    width = 1 << (small - 24)
    return int.from_bytes(data[at + 1 : at + 1 + width], "big"), at + 1 + width


def _string(data: bytes, depth: int) -> Iterator[str]:
    if len(data) > _SHOWN:
        yield _line(data[:8], depth + 1, f"... {len(data)} bytes, SHA-256 {hashlib.sha256(data).hexdigest()[:16]}...")
    else:
        for at in range(0, len(data), 16):
            yield _line(data[at : at + 16], depth + 1, "")


def _line(data: bytes, depth: int, what: str) -> str:
    return f"{'  ' * depth + data.hex():<{_COLUMN}} {what}".rstrip()


def code(*lines: str) -> str:
    return "\n".join(["```", *lines, "```"])


def table(head: list[str], rows: list[list[str]]) -> str:
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows])


# --- Examples ---


def encoding_example(v: Vectors) -> str:
    value = {0: [], 1: False, 17: "Ceased.", 40: [-1, b"\x01"]}
    return code(*annotated(cbor(value), {}))


def keys_example(v: Vectors) -> str:
    north = v.test.parties["north"]
    digest = hashlib.sha256(north.card.encode()).digest()
    signed = tagged("ceasewire/card/1", digest)
    found = [
        _line(signed[:1], 0, "begins no text"),
        _line(signed[1:17], 0, '"ceasewire/card/1"'),
        *(_line(digest[at : at + 16], 0, "SHA-256 of north's card" if at == 0 else "") for at in (0, 16)),
        "",
        "north's Ed25519 signature over these 49 bytes:",
        *(north.signers["log", "ed25519"](signed)[at : at + 32].hex() for at in (0, 32)),
        f"fingerprint of the card: {fingerprint.words(digest)}",
    ]
    return code(*found)


def entry_example(v: Vectors) -> str:
    tree = body_tree(SEED, BODY)
    entry = Entry(2, START, {1: 4}, tree.root)
    names = {0: "releases", 1: "exercise", 16: "title", 17: "text"}
    found = [f"seed      {SEED.hex()}", ""]
    found += ["body:", *annotated(cbor(BODY), {str(k): name for k, name in names.items()}), ""]
    found += [
        "leaf_17 = cbor([salt_17, 17, value]):",
        *annotated(leaf(SEED, 17, BODY[17]), {"0": "salt_17", "1": "k", "2": "value_17"}),
        "",
    ]
    found += [f"hash of leaf_{k:<4} {node.hex()}" for k, node in zip(sorted(BODY), tree.leaves, strict=True)]
    found += [f"rest              {tree.rest.hex()}", f"body-root         {tree.root.hex()}", "", "entry:"]
    words = ("version", "kind, statement", "time, 2026-03-01T00:00:00Z", "seen", "body-root")
    labels = {str(n): word for n, word in enumerate(words)} | {"3.1": "size of log 1"}
    found += annotated(entry.encode(), labels)
    return code(*found, "", f"leaf hash in the log  {merkle.leaf_hash(entry.encode()).hex()}")


def disclosure_example(v: Vectors) -> str:
    labels = {"0": "leaf_0", "1": "leaf_1", "2": "hash of leaf_16", "3": "leaf_17"}
    return code(*annotated(cbor(disclose(SEED, BODY, {17}).value()), labels))


_CARD: Final = """slug|name|role|url|log, Ed25519|log, ML-DSA-44|receipts, Ed25519|receipts, ML-DSA-44|standing sealing key|recovery keys"""
_CHARTER: Final = (
    """name|title|level|exercise|cards|provisions|kinds|clocks, seconds|quotas|witnesses|quorum|zones|officers|releases|replaces"""
)
CARD_LABELS: Final = dict(enumerate(_CARD.split("|"), 1))
CHARTER_LABELS: Final = dict(enumerate(_CHARTER.split("|"), 1))


def card_example(v: Vectors) -> str:
    labels = {str(n): label for n, label in CARD_LABELS.items()}
    found = ["card bytes:", *annotated(v.test.parties["north"].card.encode(), labels), ""]
    places = {"0": "card bytes", "1": "signatures, in this order"}
    for place, label in enumerate(("log, Ed25519", "log, ML-DSA-44", "receipts, Ed25519", "receipts, ML-DSA-44")):
        places[f"1.{place}"] = label
    places |= {"1.4": "recovery, Ed25519", "1.5": "recovery, ML-DSA-44"}
    return code(*found, "card file:", *annotated(v.parts.parts["north.card"], places))


def charter_example(v: Vectors) -> str:
    labels = {str(n): label for n, label in CHARTER_LABELS.items()}
    found = ["charter bytes:", *annotated(v.test.signed.data, labels), ""]
    places = {"0": "charter bytes", "1": "signatures", "1.*": "position, algorithm, signature"}
    found += ["charter file:", *annotated(v.test.signed.encode(), places), ""]
    channel = v.test.channel
    found += [f"channel id   {channel.channel_id.hex()}", f"fingerprint  {fingerprint.words(channel.channel_id)}"]
    return code(*found, f"origin       {channel.logs[0].origin}")


def opening_example(v: Vectors) -> str:
    new = make_party("south-new")
    opening = Opening(v.test.channel.channel_id, 1, new.card.keys, 1, 12, seed_of("root"))
    labels = {
        "1": "channel id",
        "2": "position",
        "3": "keys, in the order of a card's fields 5 to 9",
        "4": "predecessor",
        "5": "size",
        "6": "root",
    }
    digest = hashlib.sha256(opening.encode()).hexdigest()
    named = [
        f"SHA-256      {digest}",
        f"log number   {opening.number} = 2^31 + 2^24 x 1 + 0x{digest[:6]}",
        f"log name     {opening.log_name('south')}",
    ]
    return code(*annotated(opening.encode(), labels), "", *named)


def bundle_example(v: Vectors) -> str:
    key = v.test.channel.logs[1].sealing
    contents = Contents(0, 1, {})
    data = contents.encode()
    header = Header(v.test.channel.channel_id, 1, seal.key_id(key), 2048 + seal.OVERHEAD_BYTES).encode()
    signed = tagged("ceasewire/bundle/1", hashlib.sha256(header).digest(), hashlib.sha256(data).digest())
    signature = v.test.parties["north"].signers["log", "ed25519"](signed)
    found = ["header:", _line(header[:8], 0, '"CWBUNDLE"'), _line(header[8:9], 0, "version")]
    found += [_line(header[9:25], 0, "channel id"), _line(header[25:41], 0, ""), _line(header[41:45], 0, "recipient's log: 1, south")]
    found += [
        _line(header[45:61], 0, "sealing key id"),
        _line(header[61:65], 0, f"length of what follows: {2048 + seal.OVERHEAD_BYTES}"),
        "",
    ]
    found += ["plain, before it is sealed:", _line(bytes(4), 0, "sender's log: 0, north")]
    found += [_line(signature[at : at + 16], 0, "signature" if at == 0 else "") for at in range(0, 64, 16)]
    found += [_line(len(data).to_bytes(4, "big"), 0, f"length of the contents: {len(data)}")]
    labels = dict(enumerate("log counter heads runs checkpoints openings evidence wants proofs sealing_key gone told echo".split(), 1))
    found += annotated(data, {str(n): label for n, label in labels.items()})
    return code(*found, _line(b"\x00", 0, f"... {2048 - 72 - len(data)} zeros, to 2048 bytes"))


def proof_example(v: Vectors) -> str:
    maker = Maker(v.test)
    text = maker.make(reveal={17})
    extra = maker.whole(disclose(bytes(seed_of("proof")[:16]), maker.body, {17}))
    lines = [line if len(line) <= 120 else f"{line[:100]}... ({len(line)} characters)" for line in text.rstrip("\n").split("\n")]
    labels = {
        "1": "entry",
        "2": "disclosure",
        "2.0": "hash of leaf_0",
        "2.1": "leaf_1, exercise",
        "2.2": "hash of leaf_16",
        "2.3": "leaf_17, text",
    }
    return code(*lines, "", "extra data:", *annotated(extra, labels))


def witness_example(v: Vectors) -> str:
    asked = of_witness.request(3, 7)
    cosigned, conflict = of_witness.answer(asked.head), witness.size_body(5).decode()
    said = ["POST /add-checkpoint", "", *asked.encode().decode().split("\n"), "200, text/plain:", "", *cosigned.split("\n")]
    return code(*(_cut(line) for line in said), "409, text/x.tlog.size, when it cosigned size 5 last:", "", *conflict.split("\n")[:-1])


def _cut(line: str) -> str:
    return line if len(line) <= 130 else f"{line[:100]}... ({len(line)} characters)"


# --- Tables ---


def kinds_table(v: Vectors) -> str:
    rows = []
    for name, number in kinds.KINDS.items():
        who = "all" if number in kinds.ALWAYS else "party, guarantor, observer" if number in kinds.OBSERVER_KINDS else "party, guarantor"
        who = "party" if number in kinds.GUARANTOR_NEVER else who
        rows.append([str(number), name, who, "yes" if number in kinds.ALWAYS else "no", "yes" if number in kinds.UNDERSTOOD else "later"])
    return table(["number", "kind", "sent by", "whatever the charter says", "understood"], rows)


def described(kind: fields.FieldType) -> str:
    """A field's type in words."""
    match kind:
        case fields.Text(most=most, pattern=pattern, like=like):
            return f"text, at most {most} bytes" + (f", {like}" if pattern else "")
        case fields.Code(words=words):
            return "code: " + ", ".join(f"{n} {word}" for n, word in enumerate(words, 1))
        case fields.Uint(most=most):
            return f"uint, at most {most}"
        case fields.Octets(length=length, hexadecimal=hexadecimal, most=most):
            return (f"{length} bytes" if length else f"bytes, 1 to {most}") + ("" if hexadecimal else " (base64 in JSON)")
        case bodies.Source(given=given):
            return described(given)
        case special.FieldNumber(of=of):
            return f"number of a field of a {of}"
        case fields.Many(item=item, most=most, bare=bare):
            return f"array of 1 to {most}{', or one alone' if bare else ''}: {described(item)}"
        case fields.Struct(fields=inner, bare=bare_text):
            found = "; ".join(f"{f.number} {name}{'!' if f.required else ''}: {described(f.type)}" for name, f in inner.items())
            return f"map {{{found}}}" + (f", or {described(bare_text)}" if bare_text else "")
    return WORDS[type(kind)]


WORDS: Final[Mapping[type, str]] = {
    fields.Flag: "bool",
    fields.Time: "time",
    fields.Position: "position",
    fields.Ref: "reference",
    fields.Party: "party: its position in the charter",
    officers.OfficerField: "officer: [algorithm, key, role, pseudonym, rp id, origin], see spec/charter.md",
    special.Estimate: "estimate: [low, best, high]",
    special.Casualties: "map of group to harms, see below",
    special.Cosigner: "cosigner: a log number, or -1 - i for witness i",
    special.LogNumber: "log number",
    special.Dependent: "follows from `of`, see below",
}


def fields_table(v: Vectors) -> str:
    sections = [("common to all kinds", kinds.COMMON)]
    sections += [(f"of {kind.name}, kind {kind.number}", kind.fields) for kind in kinds.UNDERSTOOD.values()]
    found = []
    for title, listed in sections:
        rows = [[str(f.number), f"`{name}`", "yes" if f.required else "", described(f.type)] for name, f in listed.items()]
        found += [f"### Fields {title}", "", table(["no", "name", "required", "type"], rows), ""]
    return "\n".join(found).rstrip()


def toml_table(v: Vectors) -> str:
    rows = [
        ["`name`", "required", "1", "1 to 64 letters, digits, `.`, `_`, `-`, and `/` between them; begins every origin"],
        ["`title`", "required", "2", "text, at most 500 bytes"],
        ["`level`", f'"{LEVELS[0]}"', "3", "code: " + ", ".join(f"{n} {word}" for n, word in enumerate(LEVELS, 1))],
        ["`exercise`", "false", "4", "true or false"],
        ["`[[provisions]]` `id`, `text`", "none", "6", "array of [id, text]; ids differ, at most 32 bytes"],
        ["`kinds`", "all", "7", "names in TOML; numbers in rising order in the charter"],
        *([f"`clocks.{name}`", str(seconds), f"8.{n}", "seconds, below 2^32"] for name, (n, seconds) in CLOCKS.items()),
        *([f"`quotas.{name}`", str(count), f"9.{n}", "count, 1 or more, below 2^32"] for name, (n, count) in QUOTAS.items()),
        [
            "`[[witnesses]]` `name`, `vkey`, `url`",
            'none; `url` ""',
            "10",
            "array of [name, vkey, url]; C2SP verifier keys of type 0x04 or 0x06",
        ],
        ["`quorum`", "the number of witnesses", "11", "how many witnesses must cosign"],
        ["`[[zones]]` `id`", "none", "12", "array of [id, name, kind, outline]; ids differ, at most 32 bytes"],
        ["`zones.name`", "its id", "12", "text, at most 200 bytes"],
        ["`zones.kind`", f'"{ZONE_KINDS[0]}"', "12", "code: " + ", ".join(f"{n} {word}" for n, word in enumerate(ZONE_KINDS, 1))],
        ["`zones.outline`", "empty", "12", "array of positions; degrees in TOML, 1e-5 degree in the charter"],
        ["`[[officers]]` `party`, `name`, `role`, `key`", "none", "13", "officers, in order of party and id; `key` is `ed25519:HEX`"],
        ["`officers.rp_id`, `officers.origin`", '""', "13", "with a `key` `webauthn_es256:HEX`, and only with one"],
        ["`releases.KIND`", "see below", "14", f"officers a message of the kind needs, below {limits.RELEASES}"],
        ["`replaces`", '""', "15", "the old channel's id in hexadecimal, or empty"],
    ]
    return table(["key in TOML", "default", "field", "rule"], rows)


def officer_example(v: Vectors) -> str:
    labels = {"": "an officer in a charter", "0": "party", "1": "algorithm, Ed25519", "2": "key", "3": "role", "4": "pseudonym"}
    labels |= {"5": "rp id", "6": "origin"}
    lines = annotated(cbor(charter_value(KESTREL.officer)), labels)
    return code(*lines, "", f"officer id  {KESTREL.officer.id.hex()}")


def officer_roles(v: Vectors) -> str:
    return table(["number", "role"], [[str(n), role] for n, role in enumerate(officers.OFFICER_ROLES, 1)])


def releases_table(v: Vectors) -> str:
    return table(["kind", "officers needed"], [[kind, str(count)] for kind, count in release.defaults().items()])


def release_example(v: Vectors) -> str:
    asked = asked_of(v.officers.channel, 0, statement())
    labels = {"": "field 0", "0": "one release", "0.0": "officer id", "0.1": "role", "0.2": "not-after", "0.3": "signature"}
    signed = {"1": "channel id", "2": "log number", "3": "kind, statement", "4": "rest", "5": "not-after"}
    field = annotated(cbor([KESTREL.item(asked)]), labels)
    return code("signed:", *annotated(asked.message(LATER), signed), "", "field 0:", *field)


def card_table(v: Vectors) -> str:
    rules = (
        "text: a small letter, then small letters, digits and hyphens, at most 32",
        "text, not blank, at most 200 bytes",
        "code: " + ", ".join(f"{n} {word}" for n, word in enumerate(ROLES, 1)),
        "text, at most 500 bytes; empty if it has none",
        *["32 bytes", "1312 bytes"] * 2,
        "1216 bytes",
        f"array of 1 to {limits.RECOVERY_KEYS}: [Ed25519 key, ML-DSA-44 key]",
    )
    return table(["field", "what", "rule"], [[str(n), CARD_LABELS[n], rule] for n, rule in enumerate(rules, 1)])


def case_table(v: Vectors) -> str:
    """A row a state, a column an event; empty where nothing changes."""
    rows = [[state, *(case.TRANSITIONS.get((state, event), "") for event in case.EVENTS)] for state in case.STATES]
    return table(["state", *case.EVENTS], rows)


def stances_table(v: Vectors) -> str:
    return table(["stance", "event"], [[stance, case.ANSWERS.get(stance, "none: it answers a notice")] for stance in kinds.STANCES])


def states_table(v: Vectors) -> str:
    return table(["state", "means"], [[state, means] for state, means in case.STATES.items()])


def events_table(v: Vectors) -> str:
    return table(["event", "is"], [[event, what] for event, what in case.EVENTS.items()])


def slack_table(v: Vectors) -> str:
    return table(["occurred_precision", "seconds"], [[word or "none stated", str(s)] for word, s in notices.SLACK_SECONDS.items()])


def reach_table(v: Vectors) -> str:
    return table(["precision", "reach, 1e-5 degree"], [[word, str(reach)] for word, reach in notices.REACH.items()])


def questions_table(v: Vectors) -> str:
    rows = []
    for activity in words.ACTIVITIES:
        relation = "notified_site_struck" if activity in notices.SITES else "notified_activity"
        rows.append([activity, relation, notices.Match(relation, (0, 0), 0, activity).question])
    return table(["activity", "as", "question"], rows)


def precision_table(v: Vectors) -> str:
    return table(["precision", "unit, 1e-5 degree"], [[name, str(unit)] for name, unit in kinds.PRECISION_UNITS.items()])


def taxonomy_table(v: Vectors) -> str:
    rows = [[group, words.GROUPS[group[0]] if group[1:] == "1" else "", means] for group, means in words.VIOLATIONS.items()]
    return table(["type", "group", "what"], rows)


def phrases_table(v: Vectors) -> str:
    rows = [[str(n), f"`{name}`", one.means, one.not_means] for n, (name, one) in enumerate(phrases.PHRASES.items(), 1)]
    return table(["no", "phrase", "means", "does not mean"], rows)


def pashto_table(v: Vectors) -> str:
    rows = [[f"`{name}`", one.means, one.pashto] for name, one in phrases.PHRASES.items()]
    return table(["phrase", "English", "Pashto, an unchecked draft"], rows)


def limits_table(v: Vectors) -> str:
    text = Path(limits.__file__).read_text("utf-8")
    rows = []
    for name, note in re.findall(r"(?m)^([A-Z_]+): Final = [^#\n]+(?:# (.*))?$", text):
        rows.append([f"`{name}`", f"{getattr(limits, name):,}", note or UNITS[name]])
    return table(["name", "at most", "what"], rows)


UNITS: Final[Mapping[str, str]] = {
    "BODY_BYTES": "a message's body, encoded",
    "TEXT_BYTES": "a text, in UTF-8, where its field says nothing smaller",
    "EVIDENCE_BYTES": "a file of evidence",
    "BUNDLE_CONTENTS_BYTES": "a bundle's contents, encoded",
    "BUNDLE_MESSAGES": "messages in a bundle",
    "OPENINGS_PER_BUNDLE": "openings in a bundle",
    "BATCH_BYTES": "bodies that one group commit may put under one checkpoint",
    "CHARTER_BYTES": "a charter file",
    "CARD_BYTES": "a card file, an opening",
    "PROOF_BYTES": "a proof file of a message",
    "NOTE_BYTES": "a signed note",
    "NOTE_SIGNATURES": "signature lines of a note",
    "CBOR_DEPTH": "arrays and maps inside each other, but in containers",
    "FIELD_COUNT": "fields of a body; every field number is below it",
    "CLOCK_TOLERANCE_SECONDS": "how far an entry may be ahead of the receiver's clock without being held",
    "SHELF_MESSAGES": "messages of one channel that wait on a shelf",
    "QUOTA_MESSAGES_PER_LOG_AND_DAY": "messages of a log that are taken on one day, unless the charter says otherwise",
    "RUNNING_CLOCKS_PER_PARTY": "clocks that one asking party may have running, unless the charter says otherwise",
    "PARTIES": "parties of a channel, of all roles",
    "RECOVERY_KEYS": "recovery keys of a card",
    "FRESH_KEY_DAYS": "days that a fresh sealing key lives after its peer first used a newer one",
    "REFUSED_BYTES_KEPT": "refused bytes that are kept as evidence",
    "POLL_SECONDS": "how long a long poll waits",
}


def silence_example(v: Vectors) -> str:
    """The proof of the vectors, and its first chunk."""
    proof = Scene(v).good()
    labels = {
        "0": "tag",
        "1": "channel id",
        "2": "claim",
        "2.0": "kind: request",
        "2.1": "party: south",
        "2.2": "from",
        "2.3": "to",
        "2.4": "by: mission",
        "2.5": "holder: north",
        "3": "lists",
        **{f"3.{n}": f"by {log}" for n, log in enumerate(("north", "mission"))},
        **{f"3.{n}.{place}": what for n in range(2) for place, what in enumerate("log/index/entry/path/signed checkpoint".split("/"))},
        "4": "stretches",
        **{f"4.{n}.{place}": what for n in range(2) for place, what in enumerate("log/size/frontier/signed checkpoints/chunks".split("/"))},
        "5": "openings",
    }
    chunk = proof.stretches[0].chunks[0]
    first = {"*": "an entry", "0.0": "kind: statement", "0.1": "seconds after time 0", "0.2": "growth", "0.3": "body-root"}
    return code(*annotated(proof.encode(), labels), "", "the chunk of the first stretch:", *annotated(bytes(chunk), first))


def withholding_example(v: Vectors) -> str:
    one = {1: 1, 2: 1, 3: 0, 4: 12, 5: START, 6: START + 5 * 86400}
    labels = {"1": "by: south", "2": "what: receipt", "3": "log: north", "4": "size", "5": "since", "6": "spoke"}
    return code(*annotated(cbor(one), labels))


def codes_of(page: str) -> Callable[[Vectors], str]:
    def made(v: Vectors) -> str:
        rows = [[f"`{name}`", found.sentence] for name, found in errors.CODES.items() if found.page == f"spec/{page}.md"]
        return table(["code", "meaning"], rows)

    return made


def misconduct_example(v: Vectors) -> str:
    device = Device(v.test.channel, 0, v.test.parties["north"])
    first = history(device, 6).note(6)
    data = MisconductMaker(v.test.channel, 0).two_faces(first, device.note(6, seed_of("another root")))
    labels = {"1": "channel id", "2": "two_faces", "3": "north's first log", "4": "the parts"}
    labels |= {"4.0": "a checkpoint", "4.1": "another of its size", "5": "no opening: it is a first log"}
    return "\n\n".join([code(*annotated(data, labels)), "The first of the two checkpoints:", code(*first.decode().splitlines())])


BLOCKS: Final[Mapping[str, Callable[[Vectors], str]]] = {
    "encoding.example": encoding_example,
    "encoding.codes": codes_of("encoding"),
    "keys.example": keys_example,
    "keys.codes": codes_of("keys"),
    "entry.example": entry_example,
    "entry.disclosure": disclosure_example,
    "entry.kinds": kinds_table,
    "entry.fields": fields_table,
    "entry.release": release_example,
    "entry.precisions": precision_table,
    "entry.taxonomy": taxonomy_table,
    "entry.codes": codes_of("entry"),
    "phrases.table": phrases_table,
    "phrases.pashto": pashto_table,
    "charter.card": card_example,
    "charter.card_fields": card_table,
    "charter.example": charter_example,
    "charter.toml": toml_table,
    "charter.officer": officer_example,
    "charter.roles": officer_roles,
    "charter.releases": releases_table,
    "charter.opening": opening_example,
    "charter.codes": codes_of("charter"),
    "bundle.example": bundle_example,
    "bundle.codes": codes_of("bundle"),
    "case.table": case_table,
    "case.stances": stances_table,
    "case.states": states_table,
    "case.events": events_table,
    "case.slack": slack_table,
    "case.reach": reach_table,
    "case.questions": questions_table,
    "proof.example": proof_example,
    "proof.codes": codes_of("proof"),
    "silence.example": silence_example,
    "silence.codes": codes_of("silence"),
    "withholding.example": withholding_example,
    "misconduct.example": misconduct_example,
    "misconduct.codes": codes_of("misconduct"),
    "witness.example": witness_example,
    "witness.codes": codes_of("witness"),
    "limits.table": limits_table,
}


def renewed(page: str, blocks: Mapping[str, str]) -> str:
    """The page with its generated parts as they must be."""
    return _BLOCK.sub(lambda match: f"<!-- generated: {match[1]} -->\n{blocks[match[1]]}\n<!-- end -->\n", page)


def blocks() -> dict[str, str]:
    """Every generated part."""
    vectors = Vectors()
    return {name: make(vectors) for name, make in BLOCKS.items()}


def main() -> None:
    made = blocks()
    for path in sorted(SPEC.glob("*.md")):
        page = path.read_text("utf-8")
        new = renewed(page, made)
        if new != page:
            path.write_text(new, "utf-8")
            sys.stdout.write(f"{path.name}\n")


if __name__ == "__main__":
    assert bundle.HEADER_BYTES == 65
    assert message.VERSION == 1
    main()
