# ruff: noqa: PLC0415 - each command imports its own part of the program, so that all of them start fast
"""Commands about officers and what they release: officer add, list, revoke; release; charter amend."""

from __future__ import annotations

import json as json_module
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias

from cyclopts import Parameter

from ..errors import LocalError, PeerError
from . import files
from .access import own_files, reading, writing
from .answer import Answer, tell
from .parameters import AsJson, Node, Output, PassphraseFile
from .screen import Screen

if TYPE_CHECKING:
    from ..node.drafts import Draft
    from ..node.view import View
    from ..record.encoding import Value

RecoveryFile: TypeAlias = Annotated[
    Path | None,
    Parameter(name="--recovery-file", help="The recovery key: it releases the message by itself.", show_default=False),
]
KeyPassphraseFile: TypeAlias = Annotated[
    Path | None,
    Parameter(name="--key-passphrase-file", help="A file whose first line opens the officer's key.", show_default=False),
]
_DAY: Final = 86400
_SEED_BYTES: Final = 16


def waiting(path: Path, kind: str, body: Any) -> Answer | None:
    """A draft of a message that officers must release before it can be sent; None for one that needs none."""
    from ..node import drafts

    with reading(path, to_write=True) as view:
        count = drafts.needed(view, kind, body)
        if not count:
            return None
        draft = drafts.make(view, kind, body, os.urandom(_SEED_BYTES))
    _kept(path, draft)
    return _missing(path, draft.id, count)


def _kept(path: Path, draft: Draft) -> None:
    from ..node.drafts import Drafts

    store = Drafts(path)
    with store.locked():
        store.save(draft)


def _missing(path: Path, draft: str, count: int) -> Answer:
    """What is said of a draft that nobody has released."""
    officers = "one officer" if count == 1 else f"{count} different officers"
    note = f"ceasewire: Not sent: {officers} must release it: ceasewire release {path} {draft} --key FILE [release.missing]"
    waits = {"draft": draft, "needed": count, "released": 0}
    return Answer(waits, lambda screen: screen.line("draft ", draft), status=1, notes=(note,))


# --- officer ---


def add(
    node: Node,
    /,
    *,
    name: Annotated[str, Parameter(help="A pseudonym: the other parties see it.")],
    role: Annotated[str, Parameter(help="duty_officer, liaison_officer, commander, ...: spec/charter.md lists them.")],
    key: Annotated[Path | None, Parameter(help="The key file to make. Default: NAME.officer-key.", show_default=False)] = None,
    public: Annotated[
        str | None, Parameter(help="A key that is there already: ed25519:HEX or webauthn_es256:HEX.", show_default=False)
    ] = None,
    rp_id: Annotated[str, Parameter(help="The web address, a host name, that a WebAuthn key is for.", show_default=False)] = "",
    origin: Annotated[str, Parameter(help="The same as an origin: https://...", show_default=False)] = "",
    key_passphrase_file: KeyPassphraseFile = None,
    no_key_passphrase: Annotated[bool, Parameter(help="Leave the key file unsealed.", show_default=False)] = False,
    recovery_file: RecoveryFile = None,
    passphrase_file: PassphraseFile = None,
    json: AsJson = False,
) -> Answer:
    """Make an officer's key, and name the officer: for the charter before it is joined, by a `keys` message after that.

    Example: ceasewire officer add north --name kestrel --role duty_officer --key kestrel.key --key-passphrase-file kestrel.txt
    """
    from ..folder import Folder
    from ..record.notation import Wrong
    from ..record.officers import read_officer, show_officer

    folder = Folder(node)
    with own_files():
        party, joined = folder.card()[0].slug, folder.charter_path.exists()
    given = {"name": name, "role": role, **({"rp_id": rp_id, "origin": origin} if rp_id or origin else {})}
    place = key or Path(f"{name}.officer-key")
    try:
        # Looked at before a key is made for it: any sound key stands in for the one to come.
        read_officer({**given, "key": public or f"ed25519:{'58' + '66' * 31}"})
        officer = read_officer({**given, "key": public or _made(place, key_passphrase_file, no_key_passphrase)})
    except Wrong as wrong:
        raise LocalError("usage", str(wrong)) from None
    toml = "\n".join(["[[officers]]", *(f"{word} = {json_module.dumps(value)}" for word, value in _toml(party, officer).items())])
    shown = {**show_officer(officer), "party": party, "file": None if public else str(place), "toml": toml}
    if not joined:
        return Answer(shown, lambda screen: screen.block(toml), notes=("Put these lines into the charter's TOML.",))
    body = {"officers": [{word: value for word, value in show_officer(officer).items() if word != "id"}]}
    sent = _say_keys(node, body, recovery_file, files.passphrase(passphrase_file))
    told: dict[str, Any] = {**shown, **sent.json}  # type: ignore[dict-item]
    return Answer(told, sent.human, status=sent.status, notes=sent.notes)


def _made(place: Path, passphrase_file: Path | None, unsealed: bool) -> str:
    """A new key file; its public half as people pass it on."""
    from .. import officerkey

    if unsealed == (passphrase_file is not None):
        raise LocalError("usage", "give --key-passphrase-file or --no-key-passphrase, one of them")
    made = officerkey.create(place, files.passphrase(passphrase_file), os.urandom)
    return f"ed25519:{made.public.hex()}"


def _toml(party: str, officer: Any) -> dict[str, str]:
    from ..record.officers import show_officer

    return {"party": party, **{word: value for word, value in show_officer(officer).items() if word != "id"}}


def _say_keys(path: Path, body: dict[str, Any], recovery_file: Path | None, secret: bytes | None) -> Answer:
    """Send a `keys` message that the recovery key releases; without that, keep it as a draft for officers. Raises LocalError
    release.missing where there are none."""
    from ..node import drafts
    from ..node.composing import in_force, releases_needed

    with reading(path, to_write=True) as view:
        force = in_force(view)
        draft = drafts.make(view, "keys", body, os.urandom(_SEED_BYTES))
        if recovery_file is None and not force.officers:
            raise LocalError("release.missing", "this party has no officer who could: give --recovery-file")
        count = releases_needed(force, draft.kind, draft.body)
    _kept(path, draft)
    if recovery_file is None:
        return _missing(path, draft.id, count)
    with reading(path) as view:
        drafts.Drafts(path).add(view, draft.id, _by_recovery(view, recovery_file, _now() + _DAY), _now())
    return _send(path, draft.id, secret)


def _now() -> int:
    return int(time.time())


def _by_recovery(view: View, path: Path, not_after: int) -> Callable[[Draft], list[Value]]:
    from ..folder import recovery_key, signer, signer_pq
    from ..keyfile import read_recovery
    from ..record.release import recovery_item

    first, second = read_recovery(path)

    def sign(draft: Draft) -> list[Value]:
        message = draft.asked(view).message(not_after)
        return [recovery_item(recovery_key(first, second), not_after, [signer(first)(message), signer_pq(second)(message)])]

    return sign


def list_officers(node: Node, /, *, json: AsJson = False) -> Answer:
    """List the officers in force of every party, after all that is held here.

    Example: ceasewire officer list north
    """
    from ..record.officers import show_officer

    with reading(node) as view:
        authority = view.reviews.now(view.channel)
        sizes = {log: state.size for log, state in view.store.states().items()}
        found = [
            {"party": card.slug, **show_officer(officer)}
            for position, card in enumerate(view.channel.charter.parties)
            for _, officer in sorted(authority.now(position, sizes).officers.items())
        ]

    def human(screen: Screen) -> None:
        screen.table(
            ("party", "name", "role", "id", "key"), [[one[word] for word in ("party", "name", "role", "id", "key")] for one in found]
        )
        if not found:
            screen.line("No party has an officer: no message needs a release.")

    return Answer(found, human)


def revoke(
    node: Node,
    officer: Annotated[str, Parameter(name="ID", help="The officer's id, as `officer list` shows it.")],
    /,
    *,
    reason: Annotated[str, Parameter(help="Why, for the other parties to read.", show_default=False)] = "",
    recovery_file: RecoveryFile = None,
    passphrase_file: PassphraseFile = None,
    json: AsJson = False,
) -> Answer:
    """Revoke an officer of this party, for good, by a `keys` message. What they released before it stands.

    Example: ceasewire officer revoke north 6b1f0c52a94be1d0a6f5d9c7e3b2a184 --recovery-file recovery-north.txt
    """
    from ..node.composing import in_force

    with reading(node) as view:
        known = [key.hex() for key in in_force(view).officers]
    if officer not in known:
        raise LocalError("usage", f"there is no officer {officer} in force; there is {', '.join(known) or 'none'}")
    body = {"revoke": [officer], **({"reason": reason} if reason else {})}
    return _say_keys(node, body, recovery_file, files.passphrase(passphrase_file))


# --- release ---


def release(
    node: Node,
    draft: Annotated[str | None, Parameter(name="DRAFT", help="The draft's id. Without it: list what waits.")] = None,
    /,
    *,
    key: Annotated[Path | None, Parameter(help="An officer's key file. Without it: send what has enough.", show_default=False)] = None,
    assertion: Annotated[Path | None, Parameter(help="Or a WebAuthn assertion, as JSON.", show_default=False)] = None,
    key_passphrase_file: KeyPassphraseFile = None,
    not_after: Annotated[str | None, Parameter(help="The release ends then. Default: in 24 hours.", show_default=False)] = None,
    passphrase_file: PassphraseFile = None,
    json: AsJson = False,
) -> Answer:
    """Release a draft as one of this party's officers. When enough have, it is sent.

    What is signed is shown first. While `serve` runs, the message goes through it; else --passphrase-file opens the node's keys (and the
    officer's, unless --key-passphrase-file is given).

    Example: ceasewire release north 0b5e4c2f9a77 --key kestrel.key --key-passphrase-file kestrel.txt
    """
    from ..node import drafts

    if draft is None:
        return _listed(node)
    store = drafts.Drafts(node)
    until = _time(not_after)
    if key or assertion:
        with reading(node) as view:
            sign = _sign_with(view, key, key_passphrase_file or passphrase_file, assertion, until)
            _, standing = store.add(view, draft, sign, _now())
            shown = drafts.describe(view, *drafts.fitting(view, store.load(draft), _now()))
    else:
        with reading(node) as view:
            found, standing = drafts.fitting(view, store.load(draft), _now())
            shown = drafts.describe(view, found, standing)
    if not standing.enough:
        waits = {"draft": draft, "needed": standing.needed, "released": len(standing.by)}
        missing = f"{standing.needed - len(standing.by)} more must release it."
        return Answer(waits, lambda screen: screen.line("draft ", draft, f": {shown['released']} of {shown['needed']} released; ", missing))
    sealed = key_passphrase_file is not None or not (node / "unlock.key").exists()
    return _send(node, draft, files.passphrase(passphrase_file) if sealed else None)


def _listed(path: Path) -> Answer:
    from ..node import drafts

    store = drafts.Drafts(path)
    with reading(path) as view:
        found = [drafts.describe(view, *drafts.fitting(view, store.load(name), _now())) for name in store.names()]

    def human(screen: Screen) -> None:
        rows = [
            (one["draft"], one["kind"], f"{one['released']} of {one['needed']}", ", ".join(by["name"] for by in one["by"])) for one in found
        ]
        screen.table(("draft", "kind", "released", "by"), rows)
        if not found:
            screen.line("No draft waits.")

    return Answer(found, human)


def _time(text: str | None) -> int:
    from ..record.notation import Wrong, parse_time

    if text is None:
        return _now() + _DAY
    try:
        return parse_time(text)
    except Wrong as wrong:
        raise LocalError("usage", f"--not-after: {wrong}") from None


def _sign_with(
    view: View, key: Path | None, passphrase_file: Path | None, assertion: Path | None, until: int
) -> Callable[[Draft], Sequence[Value]]:
    """What makes an officer's item, after showing what it signs."""
    from .. import officerkey
    from ..node.composing import in_force
    from ..record.release import item, read_assertion

    officers = in_force(view).officers.values()
    opened = officerkey.open_key(key, files.passphrase(passphrase_file)) if key else None
    given = files.read_json(str(assertion)) if assertion else {}
    named = given.get("officer")
    officer = next((one for one in officers if (one.key == opened.public if opened else one.id.hex() == named)), None)
    if officer is None:
        raise LocalError("release.invalid", "the key is of no officer in force of this party")

    def sign(draft: Draft) -> Sequence[Value]:
        show_signed(view, draft, until)
        if opened is None:
            try:
                return [item(officer, int(given.get("not_after", until)), read_assertion(given))]
            except (PeerError, ValueError, TypeError):
                raise LocalError("release.invalid", "the assertion cannot be read") from None
        return [item(officer, until, opened.sign(draft.asked(view).message(until)))]

    return sign


def _send(path: Path, draft: str, secret: bytes | None) -> Answer:
    from ..folder import Folder
    from ..node.drafts import Drafts

    sent: dict[str, Any] = writing(
        Folder(path),
        secret,
        {"op": "send_draft", "draft": draft},
        lambda it: Drafts(path).send(it, draft).as_json(),
        lambda answer: {"ref": answer["ref"], "size": answer["size"]},
    )
    return Answer(sent, lambda screen: screen.line(sent["ref"]))


def show_signed(view: View, draft: Draft, until: int) -> None:
    """Say on standard error exactly what an officer is about to sign."""
    from ..node.composing import in_force
    from ..node.drafts import Standing, describe
    from ..record.authority import AMENDMENT
    from ..record.notation import show_time
    from ..record.terms import changed_terms

    asked = draft.asked(view)
    said = describe(view, draft, Standing(0, (), False))
    tell("You release this ", said["kind"], " of ", view.channel.log_name(view.own) or "", " on ", view.channel.charter.name, ":")
    if draft.kind == AMENDMENT:
        said["body"]["changes"] = changed_terms(in_force(view).charter, draft.body)
    for word, value in said["body"].items():
        tell("  ", word, ": ", json_module.dumps(value, ensure_ascii=False))
    tell("  until ", show_time(until), "; hash ", asked.rest.hex(), "; channel ", asked.channel_id.hex())


# --- charter amend ---


def amend(
    node: Node,
    file: Annotated[Path, Parameter(name="FILE.toml", help="The keys that change, as of a charter; each whole, but clocks one by one.")],
    /,
    *,
    output: Output,
    json: AsJson = False,
) -> Answer:
    """Write an amendment of the charter in force, to be sent by every party: `ceasewire send NODE amendment FILE.json`.

    Provisions, kinds, clocks, quotas, zones, officers and releases can change. It is in force once every party has sent it.

    Example: ceasewire charter amend north shorter.toml -o shorter.json
    """
    from ..node.composing import in_force
    from ..record.amendment import amendment_hash, changes_between
    from ..record.draft import amended

    toml = files.read_toml(file)
    with reading(node) as view:
        force, channel_id = in_force(view), view.channel.channel_id
    try:
        changes = changes_between(force.charter, amended(force.charter, toml))
    except PeerError as error:
        raise LocalError("charter.toml", error.detail or error.explained.sentence.lower()) from None
    if changes == b"\xa0":
        raise LocalError("charter.toml", "it changes nothing of the charter in force")
    import base64

    shown = {
        "base": force.base.hex(),
        "amendment": amendment_hash(channel_id, force.base, changes).hex(),
        "changes": base64.b64encode(changes).decode(),
    }
    files.write(output, json_module.dumps(shown, indent=1).encode() + b"\n")
    return Answer({**shown, "file": str(output)}, lambda screen: screen.line("amendment ", shown["amendment"], ": ", str(output)))
