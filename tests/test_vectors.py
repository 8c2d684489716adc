"""Every file of spec/vectors/, judged by its own words alone; see spec/vectors/README.md for what each topic asks."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from ceasewire import errors, verifier
from ceasewire.errors import CeasewireError, PeerError
from ceasewire.exchange import bundle, seal
from ceasewire.exchange.bundle import Contents, Header, Run
from ceasewire.node.openings import stranger_key
from ceasewire.record import amendment, encoding, fingerprint, message, officers, release
from ceasewire.record import card as cards
from ceasewire.record.authority import GOVERNING, Authority
from ceasewire.record.channel import Channel
from ceasewire.record.charter import open_charter
from ceasewire.record.conviction import TWO_FACES, Court, two_faced
from ceasewire.record.draft import from_toml
from ceasewire.record.kinds import KINDS, UNDERSTOOD, read_body, show_body
from ceasewire.record.log import Held, admit
from ceasewire.record.message import Body, Disclosure, Entry, Message
from ceasewire.record.misconduct import open_by_policy, open_misconduct
from ceasewire.record.opening import check_first, open_opening
from ceasewire.record.standing import REPLACED, Sight, standing, stands
from ceasewire.record.values import LogState, Row
from ceasewire.tlog import checkpoint as checkpoints
from ceasewire.tlog import ed25519, merkle, mldsa, tiles, witness
from ceasewire.tlog.checkpoint import Checkpoint, SignedCheckpoint
from ceasewire.tlog.merkle import Frontier
from ceasewire.tlog.note import Note, VerifierKey
from ceasewire.tlog.policy import Policy
from ceasewire.tlog.proof import Proof
from ceasewire.verifier import misconduct
from record.histories import plain_sights

FOLDER = Path(__file__).resolve().parents[1] / "spec" / "vectors"
FILES = sorted(path for path in FOLDER.glob("*/*.json") if path.parent.name != "local")
Json = dict[str, Any]


@lru_cache(maxsize=256)
def unhex(text: str) -> bytes:
    """Bytes of hexadecimal in which `{name}` stands for spec/vectors/parts/name.hex, which is written the same way."""

    def part(match: re.Match[str]) -> str:
        return unhex((FOLDER / "parts" / f"{match[1]}.hex").read_text().strip()).hex()

    return bytes.fromhex(re.sub(r"\{([^}]+)\}", part, text))


@lru_cache(maxsize=8)
def channel_of(text: str) -> Channel:
    return Channel(open_charter(unhex(text), complete=True))


def channel_with(channel: Channel, files: Iterable[str]) -> Channel:
    """The channel with the logs of these opening files, each verified."""
    return channel.with_openings([open_opening(unhex(one), channel.channel_id, channel.charter.parties) for one in files])


# --- One function a topic: the vector and its input, to what `expect` must say of what is accepted ---


def judge_encoding(v: Json, data: bytes) -> Json:
    value = encoding.decode(data, v.get("max_bytes", 32 * 1024))
    assert encoding.encode(value) == data
    return {}


def judge_keys(v: Json, data: bytes) -> Json:
    check = {"enrol-ed25519": ed25519.check_public_key, "enrol-mldsa44": mldsa.check_public_key, "enrol-sealing": seal.check_public_key}
    check[v["use"]](data)
    return {}


def judge_signature(v: Json, data: bytes) -> Json:
    verify = {"verify-ed25519": ed25519.verify, "verify-mldsa44": mldsa.verify}[v["use"]]
    if not verify(unhex(v["key"]), data, unhex(v["message"])):
        raise PeerError("sig.invalid")
    return {}


def judge_note(v: Json, data: bytes) -> Json:
    assert Note.parse(data).encode() == data
    return {}


def judge_vkey(v: Json, data: bytes) -> Json:
    key = VerifierKey.parse(data.decode())
    return {"name": key.name, "kind": key.kind, "key_id": key.key_id.hex(), "key": key.key.hex()}


def judge_checkpoint(v: Json, data: bytes) -> Json:
    found = Checkpoint.parse(data.decode())
    return {"origin": found.origin, "size": found.size, "root": found.root.hex()}


def judge_cosignature(v: Json, data: bytes) -> Json:
    signed = SignedCheckpoint.parse(data)
    (line,) = signed.lines
    return {"time": checkpoints.verify(signed.checkpoint, line, VerifierKey.parse(v["vkey"]))}


def _hashes(data: bytes) -> list[bytes]:
    return [data[at : at + 32] for at in range(0, len(data), 32)]


def judge_inclusion(v: Json, data: bytes) -> Json:
    merkle.verify_inclusion(unhex(v["leaf"]), v["index"], v["size"], unhex(v["root"]), _hashes(data))
    return {}


def judge_consistency(v: Json, data: bytes) -> Json:
    merkle.verify_consistency(v["old_size"], unhex(v["old_root"]), v["new_size"], unhex(v["new_root"]), _hashes(data))
    return {}


def judge_tile(v: Json, data: bytes) -> Json:
    return {"entries": [entry.hex() for entry in tiles.decode_entry_bundle(data, v["width"])]}


def judge_proof(v: Json, data: bytes) -> Json:
    proof = Proof.parse(data)
    return {"index": proof.index, "path": [node.hex() for node in proof.path], "extra": (proof.extra or b"").hex()}


def judge_policy(v: Json, data: bytes) -> Json:
    return {"satisfied": Policy.parse(data).satisfied(set(v.get("witnessed", [])))}


def judge_witness(v: Json, data: bytes) -> Json:
    asked = witness.Request.parse(data)
    assert asked.encode() == data
    status = witness.admit(asked, [VerifierKey.parse(key) for key in v["keys"]])
    size, root = v["known"]
    return {"status": witness.decide(asked, (size, unhex(root))) if status == witness.Status.COSIGNED else status}


def judge_witness_answer(v: Json, data: bytes) -> Json:
    time, _ = witness.cosignature(data, Checkpoint.parse(v["checkpoint"]), VerifierKey.parse(v["vkey"]))
    return {"time": time}


def judge_witness_refusal(v: Json, data: bytes) -> Json:
    witness.check_history(v["status"], data, v["old"], v["ours"])
    return {}


def judge_witness_size(v: Json, data: bytes) -> Json:
    return {"size": witness.parse_size(data, v["ours"])}


def judge_fingerprint(v: Json, data: bytes) -> Json:
    return {"words": fingerprint.words(data)}


def judge_card(v: Json, data: bytes) -> Json:
    card, raw = cards.open_card(data)
    return {"slug": card.slug, "role": card.role, "fingerprint": fingerprint.words(_sha256(raw))}


def judge_card_text(v: Json, data: bytes) -> Json:
    return {"bytes": cards.unarmor(data).hex()}


def judge_charter(v: Json, data: bytes) -> Json:
    signed = open_charter(data, complete=v["complete"])
    return {"channel_id": signed.channel_id.hex(), "fingerprint": fingerprint.words(signed.channel_id)}


def judge_draft(v: Json, data: bytes) -> Json:
    return {"channel_id": from_toml(tomllib.loads(data.decode()), [unhex(card) for card in v["cards"]]).channel_id.hex()}


def judge_officer(v: Json, data: bytes) -> Json:
    officer = officers.from_charter(encoding.decode(data), 2)
    return {"id": officer.id.hex(), "role": officer.role}


def judge_release(v: Json, data: bytes) -> Json:
    channel = channel_of(v["charter"])
    asked = release.Asked(channel.channel_id, v["log"], v["kind"], unhex(v["rest"]))
    listed = {one.id: one for one in channel.charter.officers if one.party == channel.party_of(v["log"])}
    items = encoding.array(encoding.decode(data))
    count, recovered = release.check(asked, items, listed, channel.party(v["log"]).recovery, v["time"])
    until = items[0][2] if items else 0  # type: ignore[index]
    signed = {"message": asked.message(until).hex(), "challenge": asked.challenge(until).hex()}  # type: ignore[arg-type]
    return {"officers": count, "recovered": recovered, **signed}


def judge_amendment(v: Json, data: bytes) -> Json:
    channel = channel_of(v["charter"])
    amendment.apply(channel.charter, data)
    return {"hash": amendment.amendment_hash(channel.channel_id, unhex(v["base"]), data).hex()}


def judge_opening(v: Json, data: bytes) -> Json:
    channel = channel_of(v["charter"])
    parties = channel.charter.parties
    found = open_opening(data, channel.channel_id, parties)
    channel_with(channel, v.get("known", ())).with_openings([found])
    name = found.log_name(parties[found.position].slug)
    return {"number": found.number, "name": name, "predecessor": found.predecessor, "size": found.size}


def judge_entry(v: Json, data: bytes) -> Json:
    entry = Entry.decode(data)
    assert entry.encode() == data
    seen = {str(log): size for log, size in entry.seen.items()}
    return {"kind": entry.kind, "time": entry.time, "seen": seen, "body_root": entry.body_root.hex()}


def judge_message(v: Json, data: bytes) -> Json:
    one = Message.from_value(encoding.decode(data, 2**20, 16))
    kept = message.row(0, 0, one)
    leaves = message.body_tree(one.seed, one.body).leaves
    entry = Entry(one.kind, one.time, one.seen, kept.body_root).encode()
    return {"leaves": [h.hex() for h in leaves], "rest": kept.rest.hex(), "body_root": kept.body_root.hex(), "entry": entry.hex()}


def judge_disclosure(v: Json, data: bytes) -> Json:
    found = Disclosure.from_value(encoding.decode(data, 2**20, 16))
    return {"body_root": found.root().hex(), "hidden": found.hidden, "fields": sorted(found.fields)}


def judge_leaf(v: Json, data: bytes) -> Json:
    return {"leaf": message.leaf(data, v["field"], v["value"]).hex()}


def judge_body(v: Json, data: bytes) -> Json:
    channel = channel_of(v["charter"])
    body = read_body(UNDERSTOOD[KINDS[v["kind"]]], json.loads(data), channel, exercise=False)
    return {"body": encoding.encode(body).hex(), "shown": show_body(KINDS[v["kind"]], body, channel)}


def judge_seal(v: Json, data: bytes) -> Json:
    return {"plain": seal.unseal(unhex(v["seed"]), unhex(v["info"]), data).hex()}


def judge_sealing_key(v: Json, data: bytes) -> Json:
    key = seal.public_key(data)
    return {"key": key.hex(), "id": seal.key_id(key).hex()}


def judge_contents(v: Json, data: bytes) -> Json:
    found = Contents.decode(data)
    assert found.encode() == data
    return {"sender": found.log, "counter": found.counter, "messages": sum(len(run.messages) for run in found.runs)}


def judge_bundle(v: Json, data: bytes) -> Json:
    """The reader's steps of spec/bundle.md: header, channel, recipient, key, seal, signature, contents."""
    channel = channel_of(v["charter"])
    header = Header.decode(data)
    if header.channel_id != channel.channel_id:
        raise PeerError("bundle.channel")
    if header.recipient != v["reader"]:
        raise PeerError("bundle.recipient")
    seeds = {seal.key_id(seal.public_key(unhex(seed))): unhex(seed) for seed in v["seeds"]}
    if len(data) == len(bundle.split(data)) and header.key_id not in seeds:
        raise PeerError("bundle.key_gone")

    def log_key(number: int, contents: bytes) -> bytes:
        return channel.logs[number].log[0].key if number in channel.logs else stranger_key(channel, number, contents)

    opened = bundle.read(data, seeds[header.key_id], log_key)
    if Contents.decode(opened.contents).log != opened.sender:
        raise PeerError("bundle.signature")
    return {"sender": opened.sender, "contents": _sha256(opened.contents).hex()}


def judge_verify(v: Json, data: bytes) -> Json:
    charter = unhex(v["charter"]) if "charter" in v else None
    policy = v["policy"].encode() if "policy" in v else None
    report = verifier.verify(data, verifier.Trust(charter, policy, v.get("fingerprint")))
    if report.code:
        raise PeerError(report.code)
    assert report.verdict == "valid"
    return {"ref": report.about["ref"], "fields": report.fields}


def judge_silence(v: Json, data: bytes) -> Json:
    charter = unhex(v["charter"]) if "charter" in v else None
    policy = v["policy"].encode() if "policy" in v else None
    report = verifier.verify(data, verifier.Trust(charter, policy, v.get("fingerprint")))
    if report.code:
        raise PeerError(report.code)
    assert (report.verdict, report.kind) == ("valid", "silence")
    said: Json = report.about["silence"]
    return {"sentence": said["sentence"], "entries": said["entries"]}


def _sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


# --- Admission ---


@dataclass
class Node:
    """What a receiver holds, in memory; also log.Around."""

    channel: Channel
    states: dict[int, LogState] = field(default_factory=dict)
    rows: dict[int, list[Row]] = field(default_factory=dict)

    def size(self, log: int) -> int:
        return len(self.rows.get(log, ()))

    def frozen(self, log: int) -> bool:
        return self.state(log).frozen is not None

    def time(self, log: int, index: int) -> int:
        return self.rows[log][index].time

    def rests(self, log: int, rests: Collection[bytes]) -> Mapping[bytes, int]:
        found: dict[bytes, int] = {}
        for one in self.rows.get(log, ()):
            if one.rest in rests:
                found.setdefault(one.rest, one.index)
        return found

    def governing(self) -> list[Row]:
        return [one for rows in self.rows.values() for one in rows if one.kind in GOVERNING and one.void is None]

    def sights(self, channel: Channel) -> list[Sight]:
        return plain_sights(channel, self.rows.values())

    def authority(self, channel: Channel) -> Authority:
        return Authority(channel, self.governing(), self.sights(channel))

    def state(self, log: int) -> LogState:
        return self.states.get(log, LogState(log, Frontier.empty(), 0, {}))

    def take(self, run: Run, now: int, quota: int) -> list[str | None]:
        """The void codes of the run's messages. Raises PeerError, Held."""
        names = self.channel.logs.get(run.log)
        if names is None:
            raise PeerError("log.unknown") if self.channel.log_name(run.log) is None else Held("log.unknown", "")
        if not run.messages:
            raise PeerError("enc.shape")
        signed = SignedCheckpoint.parse(run.checkpoint)
        found = signed.checkpoint
        if found.origin != names.origin:
            raise PeerError("checkpoint.origin")
        lines = [(line, key) for line in signed.lines for key in names.log if line.is_by(key)]
        if not any(key is names.log[0] for _, key in lines):
            raise PeerError("sig.missing")
        for line, key in lines:
            checkpoints.verify(found, line, key)
        if found.size != run.start + len(run.messages):
            raise PeerError("log.root")
        held = self.rows.get(run.log, [])
        if found.size <= len(held) and merkle.tree_root([one.leaf for one in held[: found.size]]) != found.root:
            raise PeerError("log.fork")
        if run.start > len(held):
            raise Held("log.gap", "")
        messages = run.messages[len(held) - run.start :]
        if run.log in self.channel.openings and messages and not held:
            first = messages[0]
            check_first(self.channel.openings[run.log], first.kind, KINDS["keys"], first.body, self.channel.charter.parties)
        both = all(any(line.is_by(key) for line in signed.lines) for key in names.log)
        if not both and any(one.kind == KINDS["line_check"] for one in messages):
            raise PeerError("sig.missing")
        admitted = admit(self.channel, self.state(run.log), messages, found, now=now, quota=quota, around=self)
        self.states[run.log] = admitted.state
        self.rows.setdefault(run.log, []).extend(admitted.rows)
        return [one.void for one in admitted.rows]


def judge_admission(v: Json, data: bytes) -> Json:
    node = Node(channel_with(channel_of(v["charter"]), v.get("openings", ())))
    for held in v["held"]:
        assert set(node.take(Run.decode(unhex(held)), 2**63 - 1, 2**63 - 1)) <= {None}
    run = Run.decode(data)
    if "frozen" in v:
        node.states[run.log] = replace(node.state(run.log), frozen=v["frozen"])
    voids = node.take(run, v["now"], v.get("quota", 20_000))
    return {"size": node.size(run.log), "void": voids}


def judge_misconduct(v: Json, data: bytes) -> Json:
    charter = unhex(v["charter"]) if "charter" in v else None
    policy = v["policy"].encode() if "policy" in v else None
    report = misconduct.verify(data, verifier.Trust(charter, policy))
    try:
        if charter is not None:
            found = open_misconduct(data, channel_of(v["charter"]))
        else:
            found = open_by_policy(data, Policy.parse(policy or b"").logs)
    except PeerError as error:
        if (report.verdict, report.code) == ("invalid", error.code):  # the node's verdict and the verifier's are one
            raise
        raise AssertionError(f"{report.code}, {error.code}") from error
    assert (report.verdict, report.kind, report.fields["sentence"]) == ("valid", "misconduct", f"{found.sentence}.")
    return {name: getattr(found, name) for name in ("kind", "log", "from_index", "convicts", "sentence")}


def judge_conviction(v: Json, data: bytes) -> Json:
    log, index = map(int, data.decode().split("/"))
    body: Body = {0: [], 1: False, 18: [unhex(one) for one in v["carried"]]}
    line_check = message.row(2, 0, Message(KINDS["line_check"], 0, {}, bytes(16), body))
    bounds = two_faced(Court(channel_of(v["charter"])), [line_check])
    return {"void": [None if stands(bounds, log, index) else TWO_FACES]}


def judge_standing(v: Json, data: bytes) -> Json:
    log, index = map(int, data.decode().split("/"))
    channel = channel_with(channel_of(v["charter"]), v["openings"])
    bounds = standing(channel, [Sight(*one) for one in v["shown"]])
    return {"void": [None if stands(bounds, log, index) else REPLACED]}


JUDGES: dict[str, Callable[[Json, bytes], Json]] = {
    name.removeprefix("judge_").replace("_", "-"): judge for name, judge in globals().items() if name.startswith("judge_")
}


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_vector(path: Path) -> None:
    v: Json = json.loads(path.read_text("utf-8"))
    assert v["topic"] == path.parent.name
    data = unhex(v["input"]) if v["input_is"] == "hex" else v["input"].encode()
    expect = v["expect"]
    verdict, code, found = "ok", None, {}
    try:
        found = JUDGES[v["topic"]](v, data)
        code = next((void for void in found.get("void", ()) if void), None)
        verdict = "void" if code else "ok"
    except CeasewireError as error:
        verdict, code = "refused", error.code
    except Held as held:
        verdict, code = "held", held.code
    assert (verdict, code) == (expect["verdict"], expect.get("code"))
    if verdict == "ok":
        told = {name: unhex(value).hex() if name == "key" else value for name, value in expect.items() if name != "verdict"}
        assert {name: found[name] for name in told} == told


def test_each_file_says_its_code_and_no_two_are_the_same() -> None:
    """One defect a file: the name begins with the verdict's code, and no two ask the same."""
    seen: dict[str, str] = {}
    for path in FILES:
        v = json.loads(path.read_text("utf-8"))
        assert path.stem.startswith(v["expect"].get("code", "ok") + "-")
        question = json.dumps({key: value for key, value in v.items() if key not in ("what", "expect")}, sort_keys=True)
        assert seen.setdefault(question, str(path)) == str(path)
    whats = [(path.parent.name, json.loads(path.read_text("utf-8"))["what"], path.stem.split("-")[0]) for path in FILES]
    assert len({path.parent.name for path in FILES}) == len(JUDGES)
    assert all(what for _, what, _ in whats)


def test_vectors_are_small() -> None:
    files = [path for path in FOLDER.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 2 * 1024**2
    assert max(path.stat().st_size for path in FILES) < 20 * 1024


OTHERS_CODES: tuple[str, ...] = tuple(
    "usage json. draft. ref.malformed ref.missing file. node. pen. store. net. disk. random. field.unknown log.closed http.type"
    " witness.missing witness.rolled_back log.unsure backup. api. token. import. account. console.".split()
)


def test_every_code_for_bytes_from_outside_has_a_vector() -> None:
    """The codes of our own folder and line are spec/vectors/local."""
    found = {json.loads(path.read_text("utf-8"))["expect"].get("code") for path in FILES}
    wanted = {code for code in errors.CODES if not code.startswith(OTHERS_CODES)}
    assert wanted - found == set()
    assert found - {None} <= errors.CODES.keys()
