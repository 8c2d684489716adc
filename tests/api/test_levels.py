"""A token opens one node of one channel and nothing else: every route of the table, every token, every node. FAULTS I-5, I-14, I-1, I-3."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import pytest

from api.asking import Reply, add_token, ask, node_name
from carriers.sides import Side, make_sides, process
from ceasewire.api.acts import ENDPOINTS
from ceasewire.api.openapi import document
from ceasewire.api.table import PREFIX, Endpoint
from ceasewire.carriers.control import call
from ceasewire.folder import Folder
from ceasewire.node.drafts import Drafts
from signers import HERON, KESTREL

CANARY = "canary-political-7f31"
ABSENT = "north@00000000"


@dataclass
class World:
    """Two channels of the same two parties under one process; a token of each kind of the two nodes of north."""

    port: int
    nodes: dict[str, str]
    tokens: dict[str, str]
    sides: dict[str, Side]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    base = tmp_path_factory.mktemp("levels")
    military = make_sides(base / "military", {"north": None, "south": ""}, {"name": "line", "level": "military"})
    political = make_sides(
        base / "political", {"north": "", "east": ""}, {"name": "talks", "title": f"Talks {CANARY}", "level": "political"}
    )
    sides = {"military": military["north"], "political": political["north"]}
    held = {f"{level} {role}": add_token(side, role, role) for level, side in sides.items() for role in ("reader", "sender")}
    with process(military["north"].folder, political["north"].folder):
        for level, side in sides.items():
            text = CANARY if level == "political" else "A shot was heard."
            notification = {"types": ["A1"], "occurred_from": "2026-03-01T00:00:00Z", "place": "the bridge", "narrative": text}
            call(side.folder.control_path, {"op": "send", "kind": "notification", "json": notification})
        nodes = {level: node_name(side) for level, side in sides.items()}
        yield World(military["north"].port, nodes, held, sides)


def path_of(endpoint: Endpoint, node: str) -> str:
    return PREFIX + endpoint.path.format(node=node, log="north", index="0")


def body_of(endpoint: Endpoint) -> object:
    if endpoint.body is None:
        return None
    return {"kind": "statement", "body": {"text": "hello"}} if endpoint.operation == "send" else {}


def request(world: World, endpoint: Endpoint, node: str, token: str | None) -> Reply:
    return ask(world.port, endpoint.method, path_of(endpoint, node), token, body_of(endpoint))


@pytest.mark.parametrize("level", ["military", "political"])
@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda one: one.operation)
def test_i5_every_route_opens_to_its_own_token_and_to_no_other(world: World, endpoint: Endpoint, level: str) -> None:
    other = {"military": "political", "political": "military"}[level]
    allowed = {"reader": ("reader", "sender"), "sender": ("sender",)}[endpoint.role]
    for role in ("reader", "sender"):
        reply = request(world, endpoint, world.nodes[level], world.tokens[f"{level} {role}"])
        assert reply.status in ((200, 201) if role in allowed else (403,)), (role, reply.data)
        assert (CANARY.encode() in reply.data) <= (level == "political")
        if "{node}" not in endpoint.path:
            continue
        foreign = request(world, endpoint, world.nodes[other], world.tokens[f"{level} {role}"])
        absent = request(world, endpoint, ABSENT, world.tokens[f"{level} {role}"])
        assert foreign.status == absent.status == 404
        assert (foreign.data, foreign.headers) == (absent.data, absent.headers), "nothing tells that there is one"


def test_i5_a_node_of_another_channel_takes_no_longer_to_refuse_than_none(world: World) -> None:
    token = world.tokens["military reader"]
    seconds: dict[str, list[float]] = {world.nodes["political"]: [], ABSENT: []}
    for _ in range(60):
        for node, taken in seconds.items():
            taken.append(ask(world.port, "GET", f"{PREFIX}/nodes/{node}/cases", token).seconds)
    foreign, absent = (median(taken) for taken in seconds.values())
    assert max(foreign, absent) < 2 * min(foreign, absent), (foreign, absent)


def test_i5_without_a_token_that_opens_something_every_route_answers_alike(world: World) -> None:
    for token in (None, "cw_" + "A" * 43):
        with ThreadPoolExecutor(32) as at_once:
            asked = [(endpoint, node) for endpoint in ENDPOINTS for node in (world.nodes["military"], world.nodes["political"], ABSENT)]
            replies = [one.result() for one in [at_once.submit(request, world, endpoint, node, token) for endpoint, node in asked]]
        assert {reply.status for reply in replies} == {401}
        assert len({(reply.data, tuple(sorted(reply.headers.items()))) for reply in replies}) == 1


def test_i5_the_list_of_nodes_has_the_token_s_own_alone(world: World) -> None:
    for level in ("military", "political"):
        (one,) = ask(world.port, "GET", f"{PREFIX}/nodes", world.tokens[f"{level} reader"]).json
        assert (one["node"], one["party"], one["channel"]["level"], one["role"]) == (world.nodes[level], "north", level, "reader")


def test_i5_pages_errors_and_health_name_nothing_without_a_token(world: World) -> None:
    told = b"|".join([CANARY.encode(), b"talks", b"Northern", b"north", b"<article>", *(name.encode() for name in world.nodes.values())])
    paths = ("/", "/health", f"{PREFIX}/openapi.json", f"{PREFIX}/nodes", f"{PREFIX}/", "/api", "/nodes", "/none")
    for token, asked in ((None, paths), ("cw_" + "B" * 43, ("/", "/health", f"{PREFIX}/nodes"))):
        for path in asked:
            reply = ask(world.port, "GET", path, token)
            assert not re.search(told, reply.data), path
            assert not re.search(told, json.dumps(reply.headers).encode())
    assert ask(world.port, "GET", "/health").json == {"ok": True}
    page = ask(world.port, "GET", "/", world.tokens["military reader"]).data
    assert b"Test line" in page
    assert CANARY.encode() not in page
    assert CANARY.encode() in ask(world.port, "GET", "/", world.tokens["political reader"]).data


def test_the_api_says_what_the_commands_say(world: World) -> None:
    node, token = world.nodes["military"], world.tokens["military reader"]
    base = f"{PREFIX}/nodes/{node}"
    with world.sides["military"].folder.view() as view:
        assert ask(world.port, "GET", f"{base}/list?kind=notification", token).json == list(view.messages(kind="notification"))
        assert ask(world.port, "GET", f"{base}/show/north/0", token).json == json.loads(json.dumps(view.show((0, 0))))
        assert ask(world.port, "GET", f"{base}/cases", token).json == view.cases()
        assert ask(world.port, "GET", f"{base}/case/north/0", token).json == json.loads(json.dumps(view.case((0, 0))))
    status = ask(world.port, "GET", f"{base}/status", token).json
    assert (status["party"], status["health"]) == ("north", "ok")
    sent = ask(world.port, "POST", f"{base}/send", world.tokens["military sender"], {"kind": "statement", "body": {"text": "By HTTP."}})
    assert sent.status == 201
    assert ask(world.port, "GET", f"{base}/show/{sent.json['ref']}", token).json["body"]["text"] == "By HTTP."
    (report,) = ask(world.port, "POST", f"{base}/sync", world.tokens["military sender"], {"peer": "south"}).json
    assert report["error"] == "net.url"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/list?kind=none", 400, "usage"),
        ("GET", "/list?limit=-1", 400, "usage"),
        ("GET", "/list?limit=1e9", 400, "usage"),
        ("GET", "/list?limit=1&limit=2", 400, "usage"),
        ("GET", "/list?since=yesterday", 400, "usage"),
        ("GET", "/list?peer=south", 400, "usage"),
        ("GET", "/show/north/9", 404, "ref.missing"),
        ("GET", "/show/north/-1", 400, "ref.malformed"),
        ("GET", "/show/north/0%2f1", 404, "api.missing"),
        ("GET", "/show/%3Cscript%3E/0", 400, "ref.malformed"),
        ("GET", "/none", 404, "api.missing"),
        ("GET", "/send", 405, "api.method"),
        ("DELETE", "/list", 405, "api.method"),
        ("PUT", "/none", 404, "api.missing"),
    ],
)
def test_what_cannot_be_asked(world: World, method: str, path: str, status: int, code: str) -> None:
    reply = ask(world.port, method, f"{PREFIX}/nodes/{world.nodes['military']}{path}", world.tokens["military sender"])
    assert (reply.status, reply.code) == (status, code)
    assert (reply.headers["content-type"], reply.headers["x-content-type-options"]) == ("application/json", "nosniff")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "json.malformed"),
        (b"[]", "json.malformed"),
        (b'"statement"', "json.malformed"),
        (b"\xef\xbb\xbf{}", "json.malformed"),
        (b'{"kind": "statement", "kind": "flash", "body": {}}', "json.malformed"),
        (b'{"kind": "statement", "body": {"text": "a", "text": "b"}}', "json.malformed"),
        (b'{"kind": "statement", "body": {"x": 1e400}}', "json.malformed"),
        (b'{"kind": "statement", "body": {"x": NaN}}', "json.malformed"),
        (b'{"kind": "statement", "body": {"x": ' + b"9" * 5000 + b"}}", "json.malformed"),
        (b'{"kind": "statement", "body": {"text": "\\ud800"}}', "json.malformed"),
        (b'{"kind": "statement", "body": {"text": "\xff"}}', "json.malformed"),
        (b'{"kind": "statement", "body": ' + b"[" * 100_000, "json.malformed"),
        (b'{"kind": 3, "body": {}}', "usage"),
        (b'{"kind": "statement", "body": [], "log": "south"}', "field.unknown"),
        (b'{"kind": "statement", "body": []}', "json.malformed"),
        (b'{"kind": "statement"}', "json.malformed"),
        (b'{"kind": "none", "body": {}}', "usage"),
        (b'{"kind": "statement", "body": {"txet": ""}}', "field.unknown"),
    ],
    ids=range(18),
)
def test_a17_json_that_breaks_a_rule_is_400_and_never_500(world: World, body: bytes, code: str) -> None:
    reply = ask(world.port, "POST", f"{PREFIX}/nodes/{world.nodes['military']}/send", world.tokens["military sender"], body)
    assert (reply.status, reply.code) == (400, code)


def test_a18_i3_types_codings_and_sizes_that_are_refused(world: World) -> None:
    path, token = f"{PREFIX}/nodes/{world.nodes['military']}/send", world.tokens["military sender"]
    good = json.dumps({"kind": "statement", "body": {"text": "x"}}).encode()
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/json; charset=utf-7", ""):
        assert ask(world.port, "POST", path, token, good, Content_Type=kind).code == "api.type", "no form of a browser gets this far"
    assert ask(world.port, "POST", path, token, good, Content_Encoding="gzip").status == 415
    large = ask(world.port, "POST", path, token, good, Content_Length=str(1024**2 + 1))
    assert (large.status, large.code) == (413, "api.size")
    preflight = ask(world.port, "OPTIONS", path, None, None, Origin="https://evil.example", Access_Control_Request_Method="POST")
    assert preflight.status == 401
    assert not [name for name in preflight.headers if name.startswith("access-control")]
    for hidden in ({"Cookie": f"token={token}"}, {"X-Token": token}):
        assert ask(world.port, "POST", path, None, good, **hidden).status == 401
    assert ask(world.port, "GET", f"{PREFIX}/nodes?token={token}").status == 401
    assert ask(world.port, "POST", path, token, good, Content_Type='Application/JSON; charset="UTF-8"').status == 201


def test_the_document_has_every_route_and_names_no_node(world: World) -> None:
    reply = ask(world.port, "GET", f"{PREFIX}/openapi.json")
    assert reply.json == document(ENDPOINTS)
    found = {(method.upper(), path) for path, methods in reply.json["paths"].items() for method in methods}
    assert found == {(one.method, PREFIX + one.path) for one in ENDPOINTS}
    for path, methods in reply.json["paths"].items():
        named = {one["name"] for method in methods.values() for one in method["parameters"] if one["in"] == "path"}
        assert named == set(re.findall(r"{(\w+)}", path))


def test_i1_wrong_tokens_wait_and_right_ones_never_do(world: World) -> None:
    path, right = f"{PREFIX}/nodes", world.tokens["military reader"]
    waits = [ask(world.port, "GET", path, f"cw_{n:043}").seconds for n in range(6)]
    assert waits[-1] > 0.2
    assert max(ask(world.port, "GET", path, right).seconds for _ in range(5)) < waits[-1] / 2


def test_a_token_added_or_revoked_counts_at_once_and_a_list_of_another_node_opens_nothing(world: World, tmp_path: Path) -> None:
    side = world.sides["military"]
    kept = side.folder.tokens_path.read_bytes()
    secret = add_token(side, "third")
    assert ask(world.port, "GET", f"{PREFIX}/nodes", secret).status == 200
    political = world.sides["political"].folder.tokens_path.read_bytes()
    for data, mode in ((kept, 0o600), (political, 0o600), (b"[{}]", 0o600), (b"\x00", 0o600)):
        Folder.write(side.folder.tokens_path, data, mode)
        assert ask(world.port, "GET", f"{PREFIX}/nodes", secret).status == 401
    (one,) = ask(world.port, "GET", f"{PREFIX}/nodes", world.tokens["political reader"]).json
    assert one["node"] == world.nodes["political"], "it opens its own channel and not the one its list was copied to"
    Folder.write(side.folder.tokens_path, kept, 0o644)
    assert ask(world.port, "GET", f"{PREFIX}/nodes", world.tokens["military reader"]).status == 401, "others could read the list"
    Folder.write(side.folder.tokens_path, kept, 0o600)
    assert ask(world.port, "GET", f"{PREFIX}/nodes", world.tokens["military reader"]).status == 200


def test_i7_a_kind_that_officers_must_release_becomes_a_draft_and_is_not_sent(tmp_path: Path) -> None:
    officers = [{"party": "north", **officer.json} for officer in (KESTREL, HERON)]
    sides = make_sides(tmp_path, {"north": None, "south": ""}, {"officers": officers})
    north = sides["north"]
    token = add_token(north, "desk", "sender")
    base = f"{PREFIX}/nodes/{node_name(north)}"
    with process(north.folder):
        refused = ask(north.port, "POST", f"{base}/send", token, {"kind": "statement", "body": {"text": "For release."}})
        assert (refused.status, refused.code) == (409, "release.missing")
        draft = refused.json["draft"]
        assert (draft["kind"], draft["body"]["text"], draft["needed"], draft["released"]) == ("statement", "For release.", 2, 0)
        assert Drafts(north.folder.path).names() == [draft["draft"]]
        assert ask(north.port, "GET", f"{base}/list", token).json == []
        malformed = ask(north.port, "POST", f"{base}/send", token, {"kind": "statement", "body": {"txet": "x"}})
        assert (malformed.status, malformed.code) == (400, "field.unknown")
        free = ask(north.port, "POST", f"{base}/send", token, {"kind": "acknowledgement", "body": {"watch": True}})
        assert free.status == 201, "what needs no release is sent"
