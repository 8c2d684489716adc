"""Tidiness is a test: who may import whom, what the pure core may not touch, how long a piece of code may be.

`LAYERS` is the table of docs/architecture.md. A rule is a function from one parsed `Source` to sentences, each with its
line; no sentence means tidy. The last third of this file gives every rule something untidy to find.
"""

from __future__ import annotations

import ast
import json
import re
import symtable
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import pytest

from ceasewire import errors, limits

ROOT = Path(__file__).resolve().parents[1]
VECTORS = ROOT / "spec" / "vectors"

MODULE_LINES = 500
TEST_MODULE_LINES = 700
FUNCTION_LINES = 60

# --- The table -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Layer:
    """What one top-level name under `ceasewire` may import, besides itself and the standard library.

    `ours`: names below `ceasewire`; each covers what is below it, unless it ends with `!`: then that module alone.
    `theirs`: third-party packages, None for any. `never`: taken away again, whatever the other two say.
    """

    ours: str = ""
    theirs: str | None = ""
    never: str = ""


CORE = "tlog record exchange verifier"
ALL = f"errors limits {CORE} store pen node carriers console"
DATABASES = "sqlite3 dbm"
FACE = Layer(
    ours="errors limits record exchange node",
    theirs="aiohttp httptools starlette structlog uvicorn uvloop",
    never=f"exchange.seal {DATABASES}",
)

LAYERS: dict[str, Layer] = {
    "__init__": Layer(),
    "errors": Layer(),
    "limits": Layer(),
    "tlog": Layer("errors limits", "cryptography nacl"),
    "record": Layer("errors limits tlog", "cbor2"),
    "exchange": Layer("errors limits tlog record"),
    "verifier": Layer("errors limits tlog record"),
    "reports": Layer("errors limits tlog record"),
    "survey": Layer("errors limits tlog record node reports"),
    "store": Layer("errors limits tlog record", "sqlalchemy alembic"),
    "keyfile": Layer("errors limits"),
    "strictjson": Layer("errors"),
    "tokens": Layer("errors"),
    "paths": Layer(),
    "pen": Layer("errors limits tlog record keyfile", "cryptography"),
    "officerkey": Layer("errors limits keyfile pen", "cryptography"),
    "accounts": Layer("errors limits tlog record keyfile pen", "cryptography cbor2 sqlalchemy"),
    "boot": Layer(),
    "folder": Layer(f"{ALL} boot keyfile", "cryptography", "carriers console"),
    "renewal": Layer(f"{ALL} boot keyfile folder", "", "carriers console"),
    "backup": Layer(f"{ALL} keyfile folder strictjson", "", "carriers console"),
    "remains": Layer(f"{ALL} keyfile folder backup", "", "carriers console"),
    "recovery": Layer(f"{ALL} keyfile folder renewal remains"),
    # The node knows the store by its interface alone: the command line chooses a database and passes it in.
    "node": Layer(
        f"errors limits {CORE} store! store.interface store.derived_interface pen", "cryptography nacl cbor2 structlog", DATABASES
    ),
    "carriers": replace(FACE, ours=f"{FACE.ours} tlog.witness"),
    "console": Layer(
        f"{FACE.ours} accounts paths", "starlette structlog jinja2 markupsafe babel jalali_core segno mgrs", f"exchange.seal {DATABASES}"
    ),
    "api": Layer("errors limits record node tokens paths strictjson", "starlette structlog", DATABASES),
    "witness": Layer("errors limits tlog keyfile carriers", "cryptography starlette structlog uvloop"),
    "publish": Layer("errors limits tlog record store! store.interface node folder"),
    "served": Layer("errors limits record node carriers console accounts", "structlog", DATABASES),
    "founding": Layer(
        "errors limits record exchange node keyfile folder carriers console", "starlette structlog uvicorn uvloop", DATABASES
    ),
    # What a person starts. The command line calls the other two; nothing else imports any of the three.
    "cli": Layer(
        f"{ALL} keyfile officerkey folder renewal backup remains recovery "
        "founding serve tokens accounts strictjson reports survey demo bench witness publish",
        None,
    ),
    "outward": Layer("errors keyfile", "apprise"),
    "serve": Layer(
        "errors limits record exchange node carriers console api served outward", "uvicorn uvloop starlette structlog", DATABASES
    ),
    "processes": Layer("errors limits folder"),
    "demo": Layer(f"{ALL} folder reports processes accounts", None),
    "bench": Layer(f"{ALL} folder processes", None),
    "__main__": Layer("cli"),
}

# One module may have what the rest of its layer may not.
ALSO_THEIRS = {"exchange.seal": "cryptography"}

PURE = frozenset(f"errors limits {CORE} reports".split())
IMPURE_MODULES = frozenset(
    "asyncio builtins concurrent ctypes fcntl getpass glob http importlib locale logging mmap multiprocessing nacl.utils os "
    "pathlib platform random sched secrets select selectors shutil signal socket socketserver sqlite3 ssl subprocess tempfile "
    "threading time urllib.request uuid".split()
)
IMPURE_NAMES = re.compile(
    r"datetime\.(datetime|date)\.(now|utcnow|today)|io\.open|nacl\.bindings\.(\w+\.)*randombytes\w*|(cryptography|nacl)\..*\.generate"
)
IMPURE_BUILTINS = frozenset({"open", "print", "input", "breakpoint", "__import__"})
MAY_CATCH_ALL = frozenset({"node", "carriers", "console", "api", "served", "cli"})
EVERYTHING = frozenset({"Exception", "BaseException"})


# --- Reading a source ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Import:
    """One imported name: `target` is its full dotted name, `bound` the name here, `stands_for` what that name means."""

    line: int
    target: str
    bound: str
    stands_for: str


@dataclass(frozen=True)
class Source:
    """One module. `name` is dotted below `ceasewire` (`tlog.merkle`; a package has its own name, the root `__init__`).

    `modules` are the names of all modules, to tell `from ceasewire.store import sql` (a module) from a value.
    """

    name: str
    text: str
    is_package: bool = False
    modules: frozenset[str] = field(default=frozenset(), repr=False)

    @property
    def layer(self) -> str:
        return self.name.partition(".")[0]

    @cached_property
    def nodes(self) -> list[ast.AST]:
        return list(ast.walk(ast.parse(self.text, self.name)))

    @cached_property
    def imports(self) -> list[Import]:
        found = []
        for node in self.nodes:
            if isinstance(node, ast.Import):
                for n in node.names:
                    root = n.name.partition(".")[0]
                    found.append(Import(node.lineno, n.name, n.asname or root, n.name if n.asname else root))
            elif isinstance(node, ast.ImportFrom):
                for n in node.names:
                    target = f"{self._base(node)}.{n.name}"
                    found.append(Import(node.lineno, target, n.asname or n.name, target))
        return found

    def _base(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        whole = ["ceasewire"] if self.name == "__init__" else ["ceasewire", *self.name.split(".")]
        up = node.level - self.is_package
        return ".".join(whole[: len(whole) - up] + ([node.module] if node.module else []))

    @cached_property
    def uses(self) -> list[tuple[int, str]]:
        """(line, full dotted name) of every name and attribute that leads back to an import."""
        bound = {i.bound: i.stands_for for i in self.imports}

        def full(node: ast.AST) -> str | None:
            if isinstance(node, ast.Name):
                return bound.get(node.id)
            if isinstance(node, ast.Attribute) and (base := full(node.value)):
                return f"{base}.{node.attr}"
            return None

        return [(n.lineno, name) for n in self.nodes if isinstance(n, ast.expr) and (name := full(n))]


def sources_below(folder: Path) -> list[Source]:
    """Every module under `folder`, which is `ceasewire` or looks like it."""
    found = {}
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        is_package = parts[-1] == "__init__"
        found[".".join(parts[:-1] if is_package and len(parts) > 1 else parts)] = path, is_package
    modules = frozenset(found)
    return [Source(name, path.read_text("utf-8"), package, modules) for name, (path, package) in found.items()]


SOURCES = sources_below(ROOT / "src" / "ceasewire")


# --- The rules: a source in, sentences out ---------------------------------------------------------------------------


def covers(rule: str, name: str) -> bool:
    return name == rule or name.startswith(f"{rule}.")


def is_listed(source: Source) -> list[str]:
    if source.layer in LAYERS:
        return []
    return [f"ceasewire.{source.name}: {source.layer} is not in the table; add its row to LAYERS and to docs/architecture.md"]


def imports_follow_the_table(source: Source) -> list[str]:
    if source.layer not in LAYERS:
        return []  # is_listed says so
    complaints = (_import_complaint(source, i) for i in source.imports)
    return [f"ceasewire.{source.name}:{i.line}: {c}" for i, c in zip(source.imports, complaints, strict=True) if c]


def _import_complaint(source: Source, imported: Import) -> str | None:
    layer = LAYERS[source.layer]
    root, _, below = imported.target.partition(".")
    if root == "ceasewire":
        return _own_complaint(source, layer, below)
    if any(covers(never, imported.target) for never in layer.never.split()):
        return f"{source.layer} must never import {imported.target}"
    if root in sys.stdlib_module_names or layer.theirs is None:
        return None
    allowed = {*layer.theirs.split(), *ALSO_THEIRS.get(source.name, "").split()}
    return None if root in allowed else f"{source.layer} may not import {root} (only: {', '.join(sorted(allowed)) or 'nothing'})"


def _own_complaint(source: Source, layer: Layer, below: str) -> str | None:
    if not below:
        return "name the module: `from ceasewire import errors`, not `import ceasewire`"
    # What is not a module is a value inside the module before it.
    while below and below not in source.modules and below not in LAYERS:
        below = below.rpartition(".")[0]
    if not below or below.partition(".")[0] == source.layer:
        return None
    rules = layer.ours.split()
    allowed = any(below == rule[:-1] if rule.endswith("!") else covers(rule, below) for rule in rules)
    if allowed and not any(covers(never, below) for never in layer.never.split()):
        return None
    return f"{source.layer} may not import ceasewire.{below} (only: {', '.join(rules) or 'nothing'})"


def imports_are_written_out(source: Source) -> list[str]:
    """An import by string would go round the table."""
    dynamic = {"importlib.import_module", "importlib.__import__"}
    found = [(i.line, i.target) for i in source.imports] + source.uses + _builtin_uses(source, frozenset({"__import__"}))
    return [f"ceasewire.{source.name}:{line}: {name} hides an import" for line, name in found if name in {*dynamic, "__import__"}]


def core_is_pure(source: Source) -> list[str]:
    """No clock, randomness, disk, network, logging or terminal: they are passed in."""
    if source.layer not in PURE:
        return []
    named = [(i.line, i.target) for i in source.imports] + source.uses
    found = [(line, name) for line, name in named if IMPURE_NAMES.fullmatch(name) or any(covers(m, name) for m in IMPURE_MODULES)]
    found += _builtin_uses(source, IMPURE_BUILTINS)
    return [f"ceasewire.{source.name}:{line}: the core is pure and may not use {name}" for line, name in sorted(set(found))]


def _builtin_uses(source: Source, builtins: frozenset[str]) -> list[tuple[int, str]]:
    """Where a name means the builtin: a parameter or a function of our own called `open` is another thing."""
    top = symtable.symtable(source.text, source.name, "exec")
    ours = {s.get_name() for s in top.get_symbols() if s.is_assigned() or s.is_imported() or s.is_namespace()}
    found = []
    for scope in _scopes(top):
        for name in builtins - ours:
            if name in scope.get_identifiers() and scope.lookup(name).is_global() and scope.lookup(name).is_referenced():
                lines = [n.lineno for n in source.nodes if isinstance(n, ast.Name) and n.id == name]
                found.append((min((n for n in lines if n >= scope.get_lineno()), default=scope.get_lineno()), name))
    return found


def _scopes(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    yield table
    for child in table.get_children():
        yield from _scopes(child)


def catches_what_it_names(source: Source) -> list[str]:
    """Only the node and the edges turn any error into a decision. `except BaseException: ...; raise` decides nothing."""
    if source.layer in MAY_CATCH_ALL:
        return []
    handlers = [n for n in source.nodes if isinstance(n, ast.ExceptHandler)]
    found = [n.lineno for n in handlers if (n.type is None or _names_everything(n.type)) and not _only_cleans_up(n)]
    for node in source.nodes:
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"suppress", "contextlib.suppress"}:
            found += [node.lineno for arg in node.args if _names_everything(arg)]
    where = ", ".join(sorted(MAY_CATCH_ALL))
    return [f"ceasewire.{source.name}:{line}: name the errors; only {where} may catch every one" for line in found]


def _only_cleans_up(handler: ast.ExceptHandler) -> bool:
    """Whether it is written `except BaseException:`, ends with a bare `raise`, and leaves in no other way."""
    last = handler.body[-1]
    leaves = any(isinstance(n, ast.Return | ast.Break | ast.Continue) for n in ast.walk(handler))
    named = isinstance(handler.type, ast.Name) and handler.type.id == "BaseException"
    return named and isinstance(last, ast.Raise) and last.exc is None and not leaves


def _names_everything(node: ast.expr) -> bool:
    return any(isinstance(n, ast.Name | ast.Attribute) and ast.unparse(n).rpartition(".")[2] in EVERYTHING for n in ast.walk(node))


def raises_known_codes(source: Source) -> list[str]:
    """`PeerError("...")` and `LocalError("...")` with a code that errors.CODES does not hold."""
    found = []
    for node in source.nodes:
        if isinstance(node, ast.Call) and node.args and ast.unparse(node.func).rpartition(".")[2] in {"PeerError", "LocalError"}:
            code = node.args[0]
            if isinstance(code, ast.Constant) and code.value not in errors.CODES:
                found.append(f"ceasewire.{source.name}:{node.lineno}: {code.value!r} is not in errors.CODES")
    return found


def functions_are_short(source: Source) -> list[str]:
    found = []
    for node in source.nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES:
                found.append(f"{source.name}:{node.lineno}: {node.name} has {lines} lines, {FUNCTION_LINES} are allowed")
    return found


def is_short(source: Source, allowed: int = MODULE_LINES) -> list[str]:
    lines = len(source.text.splitlines())
    return [f"{source.name}: {lines} lines, {allowed} are allowed"] if lines > allowed else []


Rule = Callable[[Source], list[str]]
RULES: list[Rule] = [
    is_listed,
    imports_follow_the_table,
    imports_are_written_out,
    core_is_pure,
    catches_what_it_names,
    raises_known_codes,
    functions_are_short,
    is_short,
]


# --- The rules about all sources together ----------------------------------------------------------------------------


def unraised_codes(codes: Iterable[str], sources: Iterable[Source]) -> list[str]:
    """Codes that no module but `errors` writes as a string."""
    strings = {n.value for s in sources if s.name != "errors" for n in s.nodes if isinstance(n, ast.Constant)}
    return [code for code in codes if code not in strings]


def unused_limits(names: Iterable[str], sources: Iterable[Source]) -> list[str]:
    """Limits that no module but `limits` reads."""
    used = {name for s in sources if s.name != "limits" for _, name in s.uses}
    return [name for name in names if f"ceasewire.limits.{name}" not in used]


def codes_with_vectors(folder: Path) -> set[str]:
    """The codes that a vector expects: its file's name is `CODE` or `CODE.anything`, or it holds a field `code`."""
    found = set()
    for path in (p for p in folder.rglob("*") if p.is_file()):
        found |= {code for code in errors.CODES if covers(code, path.name)}
        if path.suffix == ".json":
            found |= set(_code_fields(json.loads(path.read_text("utf-8"))))
        else:
            found |= set(re.findall(r"(?m)^code: *([a-z0-9_.]+)\s*$", path.read_bytes().decode("latin-1")))
    return found


def _code_fields(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(code := value.get("code"), str):
            yield code
        for item in value.values():
            yield from _code_fields(item)
    elif isinstance(value, list):
        for item in value:
            yield from _code_fields(item)


def lock_complaints(name: str, text: str) -> list[str]:
    """A lock is versions and hashes: no address, no option, no path."""
    pin = re.compile(r"[a-z0-9][a-z0-9._-]*==[0-9][\w.+!]*( ; [\w.'<>=!() -]+)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?")
    lines = text.splitlines()
    found = [f"{name}:{n}: not a pin or a hash: {line}" for n, line in enumerate(lines, 1) if not pin.fullmatch(line)]
    bare = [a for a, b in zip(lines, [*lines[1:], ""], strict=True) if "==" in a and "--hash" not in b]
    return found + [f"{name}: without a hash: {line}" for line in bare]


def pins(text: str) -> dict[str, str]:
    """Package to version."""
    return dict(re.findall(r"(?m)^([a-z0-9._-]+)==([^ ;]+)", text))


# --- This tree is tidy -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_source_is_tidy(rule: Rule) -> None:
    assert {"errors", "limits", "tlog"} <= {s.name for s in SOURCES}, "the sources were not found"
    untidy = [sentence for source in SOURCES for sentence in rule(source)]
    assert not untidy, "\n".join(["", *untidy])


def test_tests_are_short() -> None:
    tests = sources_below(ROOT / "tests")
    assert "test_tidy" in {t.name for t in tests}
    untidy = [sentence for t in tests for sentence in is_short(t, TEST_MODULE_LINES) + functions_are_short(t)]
    assert not untidy, "\n".join(["", *untidy])


def test_every_code_is_raised() -> None:
    unraised = unraised_codes(errors.CODES, SOURCES)
    assert not unraised, f"in errors.CODES, but nothing in src raises: {', '.join(unraised)}"


@pytest.mark.skipif(not VECTORS.is_dir(), reason="there is no spec/vectors yet")
def test_every_code_has_a_vector() -> None:
    missing = sorted(set(errors.CODES) - codes_with_vectors(VECTORS))
    assert not missing, f"no file below spec/vectors expects: {', '.join(missing)}"


def test_every_limit_is_used() -> None:
    unused = unused_limits([name for name in vars(limits) if name.isupper()], SOURCES)
    assert not unused, f"in limits.py, but nothing in src reads: {', '.join(unused)}"


@pytest.mark.parametrize("name", ["runtime.txt", "dev.txt", "uv.txt", "alarms.txt"])
def test_locks_hold_hashes_and_nothing_else(name: str) -> None:
    assert not lock_complaints(name, (ROOT / "requirements" / name).read_text("utf-8"))


def test_locks_hold_what_the_project_asks_for() -> None:
    runtime, dev = (pins((ROOT / "requirements" / f"{name}.txt").read_text("utf-8")) for name in ("runtime", "dev"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    asked = {re.split(r"[^\w.-]", d)[0] for d in project["project"]["dependencies"]}
    asked_dev = {re.split(r"[^\w.-]", d)[0] for d in project["dependency-groups"]["dev"]}
    assert asked <= set(runtime)
    assert asked | asked_dev <= set(dev)
    assert {name: dev.get(name) for name in runtime} == runtime, "tests would run on other versions than users do"


# --- The rules find what is untidy, and only that --------------------------------------------------------------------

MODULES = frozenset({"errors", "limits", "store", "store.interface", "store.sql", "tlog", "tlog.merkle", "exchange.seal", "cli"})


def snippet(name: str, text: str) -> Source:
    return Source(name, text, name in {"tlog", "store", "__init__"}, MODULES)


UNTIDY: list[tuple[Rule, str, str, str]] = [
    (is_listed, "helpers", "", "helpers is not in the table"),
    (is_listed, "utils.text", "", "utils is not in the table"),
    (imports_follow_the_table, "errors", "from ceasewire import limits", "only: nothing"),
    (imports_follow_the_table, "limits", "import ceasewire.errors", "ceasewire.errors"),
    (imports_follow_the_table, "tlog.note", "from ceasewire.record import message", "ceasewire.record"),
    (imports_follow_the_table, "tlog.note", "from ..record.message import Message", "ceasewire.record"),
    (imports_follow_the_table, "tlog", "from .. import record", "ceasewire.record"),
    (imports_follow_the_table, "tlog.note", "def f():\n    import cbor2", ":2: tlog may not import cbor2"),
    (imports_follow_the_table, "record.case", "from ceasewire import tlog, store", "ceasewire.store"),
    (imports_follow_the_table, "record.case", "from cryptography import x509", "cryptography"),
    (imports_follow_the_table, "exchange.session", "from cryptography.hazmat import primitives", "cryptography"),
    (imports_follow_the_table, "verifier", "from ceasewire.node import Node", "ceasewire.node"),
    (imports_follow_the_table, "verifier", "from ceasewire.exchange import bundle", "ceasewire.exchange"),
    (imports_follow_the_table, "store.sql", "from ceasewire import pen", "ceasewire.pen"),
    (imports_follow_the_table, "store.sql", "import psycopg", "psycopg"),
    (imports_follow_the_table, "pen", "import ceasewire.store", "ceasewire.store"),
    (imports_follow_the_table, "node", "from ceasewire.store import sql", "ceasewire.store.sql"),
    (imports_follow_the_table, "node", "from ceasewire.store.sql import Sql", "ceasewire.store.sql"),
    (imports_follow_the_table, "node", "import sqlalchemy.engine", "sqlalchemy"),
    (imports_follow_the_table, "node", "import sqlite3", "must never import sqlite3"),
    (imports_follow_the_table, "node", "import starlette", "starlette"),
    (imports_follow_the_table, "node", "from ceasewire import carriers", "ceasewire.carriers"),
    (imports_follow_the_table, "carriers.http", "from ceasewire.store.interface import Store", "ceasewire.store"),
    (imports_follow_the_table, "carriers.http", "from ceasewire.exchange import seal", "ceasewire.exchange.seal"),
    (imports_follow_the_table, "console.app", "import nacl", "nacl"),
    (imports_follow_the_table, "console.app", "import sqlite3", "sqlite3"),
    (imports_follow_the_table, "console.app", "import ceasewire", "name the module"),
    (imports_follow_the_table, "demo", "from ceasewire.cli import main", "ceasewire.cli"),
    (imports_follow_the_table, "cli", "import ceasewire.__main__", "ceasewire.__main__"),
    (imports_follow_the_table, "__init__", "from .errors import PeerError", "ceasewire.errors"),
    (imports_are_written_out, "cli", "import importlib\nimportlib.import_module('x')", ":2: importlib.import_module"),
    (imports_are_written_out, "node", "from importlib import import_module as load", "hides an import"),
    (imports_are_written_out, "store", "__import__('x')", "__import__"),
    *[(core_is_pure, "record.log", f"import {module}", module) for module in ("time", "random", "os", "secrets", "logging")],
    (core_is_pure, "exchange.session", "from socket import create_connection", "socket"),
    (core_is_pure, "tlog.tiles", "from pathlib import Path", "pathlib"),
    (core_is_pure, "tlog.tiles", "import os.path as p", "os.path"),
    (core_is_pure, "record.case", "import datetime as d\nx = d.datetime.now(d.UTC)", ":2: the core is pure"),
    (core_is_pure, "record.case", "from datetime import datetime\ndef f(clock=datetime.utcnow): ...", "datetime.datetime.utcnow"),
    (core_is_pure, "record.case", "from datetime import date as Day\nDay.today().isoformat()", "datetime.date.today"),
    (core_is_pure, "verifier", "def f(p):\n    return open(p).read()", ":2: the core is pure and may not use open"),
    (core_is_pure, "verifier", "print('valid')", "print"),
    (core_is_pure, "verifier", "say = print", "print"),
    (core_is_pure, "record.log", "def f(open): open()\ndef g(): open()", ":2: "),
    (core_is_pure, "tlog.note", "import nacl.utils", "nacl.utils"),
    (core_is_pure, "tlog.note", "from nacl import utils", "nacl.utils"),
    (core_is_pure, "tlog.note", "import nacl.bindings\nnacl.utils.random(32)", ":2: the core is pure"),
    (core_is_pure, "tlog.note", "from nacl.bindings import randombytes", "randombytes"),
    (core_is_pure, "exchange.seal", "from cryptography.x import Key\nKey.generate()", "cryptography.x.Key.generate"),
    (core_is_pure, "errors", "import logging", "logging"),
    (catches_what_it_names, "store.sql", "try: f()\nexcept Exception: pass", ":2: name the errors"),
    (catches_what_it_names, "record.log", "try: f()\nexcept: pass", ":2: "),
    (catches_what_it_names, "pen", "try: f()\nexcept (OSError, BaseException) as e: raise", ":2: "),
    (catches_what_it_names, "pen", "def f():\n  try: g()\n  except BaseException:\n    if x: return 1\n    raise", ":3: "),
    (catches_what_it_names, "pen", "try: f()\nexcept BaseException as e: raise ValueError from e", ":2: "),
    (catches_what_it_names, "pen", "try: f()\nexcept Exception:\n  g()\n  raise", ":2: "),
    (catches_what_it_names, "demo", "from contextlib import suppress\nwith suppress(Exception): f()", ":2: "),
    (raises_known_codes, "tlog.note", "raise PeerError('note.oddly_shaped')", "'note.oddly_shaped' is not in errors.CODES"),
    (raises_known_codes, "pen", "errors.LocalError('pen.lost', 'x')", "pen.lost"),
    (functions_are_short, "node", "def f():\n" + "    x = 1\n" * FUNCTION_LINES, "f has 61 lines, 60 are allowed"),
    (functions_are_short, "node", "class A:\n  async def f(self):\n" + "    x = 1\n" * FUNCTION_LINES, ":2: f has 61"),
    (is_short, "node", "x = 1\n" * (MODULE_LINES + 1), "501 lines, 500 are allowed"),
]


@pytest.mark.parametrize(("rule", "name", "text", "says"), UNTIDY)
def test_rule_finds(rule: Rule, name: str, text: str, says: str) -> None:
    found = rule(snippet(name, text))
    assert any(says in sentence for sentence in found), found


TIDY: list[tuple[str, str]] = [
    ("tlog.note", "import base64, nacl.bindings\nfrom ceasewire import limits\nfrom ceasewire.errors import PeerError"),
    ("tlog.note", "from . import merkle\nfrom .merkle import root\nfrom cryptography.hazmat.primitives import hashes"),
    ("tlog", "from .merkle import root\nfrom ..errors import PeerError"),
    ("record.time", "from datetime import UTC, datetime\ndef f(now: int) -> datetime: return datetime.fromtimestamp(now, UTC)"),
    ("record.case", "class Case:\n    now: int\ndef f(c): return c.now"),
    ("exchange.seal", "from cryptography.hazmat.primitives import hpke\ndef seal(random): return random(32)"),
    ("exchange.bundle", "def open(b): return b\ndef f(b): return open(b)"),
    ("exchange.bundle", "def f(b, open): return open(b)\nclass A:\n    def open(self): return self.open()"),
    ("node", "from ceasewire.store import Store\nfrom ceasewire.store.interface import Row\nimport time, structlog"),
    ("node", "try: f()\nexcept Exception: pass"),
    ("store.sql", "try: f()\nexcept BaseException:\n    g()\n    raise"),
    ("store.sql", "import sqlite3, sqlalchemy as sa\nfrom ceasewire.store.interface import Row\ntry: f()\nexcept OSError: pass"),
    ("carriers.http", "from ceasewire.node import Node\nfrom ceasewire.exchange import bundle\nimport aiohttp, asyncio"),
    ("cli", "import cyclopts, sqlalchemy\nfrom ceasewire import __version__, demo, store\nprint(open(1))"),
    ("__main__", "from ceasewire.cli import main"),
    ("verifier", "raise PeerError('sig.invalid', 'x')\nraise PeerError(code)"),
    ("node", "def f():\n" + "    x = 1\n" * (FUNCTION_LINES - 1)),
    ("node", "x = 1\n" * MODULE_LINES),
]


@pytest.mark.parametrize(("name", "text"), TIDY)
def test_rules_leave_tidy_code_alone(name: str, text: str) -> None:
    assert [sentence for rule in RULES for sentence in rule(snippet(name, text))] == []


def test_nothing_imports_the_command_line() -> None:
    users = {edge: sorted(name for name, row in LAYERS.items() if edge in row.ours.split()) for edge in ("cli", "demo", "bench")}
    assert users == {"cli": ["__main__"], "demo": ["cli"], "bench": ["cli"]}


def test_codes_and_limits_are_looked_for_outside_their_own_module() -> None:
    sources = [
        snippet("errors", "CODES = {'a.one': 1, 'a.two': 2}"),
        snippet("limits", "A_BYTES = 1\nB_BYTES = 2\nC_BYTES = A_BYTES"),
        snippet("tlog.note", "from ceasewire import limits\nf('a.one', 'about a.two', limits.A_BYTES)  # a.two"),
        snippet("pen", "from ceasewire.limits import B_BYTES as most\nf(most)\nf(C_BYTES)"),
    ]
    assert unraised_codes(["a.one", "a.two"], sources) == ["a.two"]
    assert unused_limits(["A_BYTES", "B_BYTES", "C_BYTES"], sources) == ["C_BYTES"]


def test_vectors_name_their_code_in_three_ways(tmp_path: Path) -> None:
    (tmp_path / "note").mkdir()
    (tmp_path / "note" / "note.malformed.no-newline.txt").write_bytes(b"\xff")
    (tmp_path / "note" / "one.json").write_text('{"cases": [{"code": "sig.invalid"}, {"code": null, "data": "key.weak"}]}')
    (tmp_path / "two.txt").write_text("verdict: refused\ncode: enc.depth\n\ncode enc.text\n")
    assert codes_with_vectors(tmp_path) & set(errors.CODES) == {"note.malformed", "sig.invalid", "enc.depth"}


@pytest.mark.parametrize(
    "line",
    ["--index-url x", "-e .", "name @ file:///x", "name>=1", "name==1.0", "    --hash=md5:00", "# via name"],
)
def test_a_lock_with_anything_else_is_refused(line: str) -> None:
    good = "name==1.0 ; sys_platform == 'win32' \\\n    --hash=sha256:" + "0" * 64
    assert lock_complaints("x.txt", good) == []
    assert lock_complaints("x.txt", f"{good}\n{line}")
    assert lock_complaints("x.txt", f"name==1.0 \\\n{good}") == ["x.txt: without a hash: name==1.0 \\"]
