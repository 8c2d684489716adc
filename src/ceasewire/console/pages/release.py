"""Release: the drafts that wait for officers. Each shows exactly what is signed; whoever releases it confirms anew, by a passkey over that
very text, or by password and code, which open their release key for this one act."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import wraps
from typing import Any, Final
from urllib.parse import urlencode

from starlette.responses import JSONResponse, RedirectResponse, Response

from ... import limits
from ...errors import LocalError, PeerError
from ...node import writing
from ...node.composing import in_force
from ...node.drafts import Draft, Standing, fitting
from ...node.inbox import precedence
from ...node.node import Node
from ...node.view import View
from ...record.authority import AMENDMENT
from ...record.clocks import URGENCY
from ...record.encoding import Value
from ...record.fields import show_time
from ...record.kinds import kind_name
from ...record.officers import Officer
from ...record.release import Asked, check, item, read_assertion
from ...record.terms import changed_terms
from .. import wording
from ..call import Call
from ..foreseen import foreseen
from ..forms import CLAIMS
from ..frame import SENT_ALREADY, shown
from ..seals import Seen
from ..signing import text
from ..table import Act, Route
from .compose import answer, page, reopened

UNTIL_SECONDS: Final = 24 * 3600  # a release that is not sent by then counts no more
_WEBAUTHN: Final = "webauthn_es256"
_WRITTEN: Final = ("draft_made", "draft_changed")
_PARTS: Final = ("authenticatorData", "clientDataJSON", "signature")


def _(text: str) -> str:
    """Marks a text for the catalogues."""
    return text


_WRONG: Final = {
    "account.wrong": _("The password or the code is not right. A code counts once: wait for the next."),
    "account.busy": _("Too many wrong ones: wait a little, then try again."),
    "account.password": _("The password or the code is not right. A code counts once: wait for the next."),
    "release.invalid": _("It was not released: the key is no officer's, has released it already, or did not sign this text."),
}
_CHANGED: Final = _("Somebody has changed the text since you looked. Read it again: nothing was released.")


# --- Where a draft stands ---


@dataclass(frozen=True, slots=True)
class Waiting:
    """A draft as one person sees it. `own` are their officers in force, by id; `asked` is what they would sign."""

    draft: Draft
    standing: Standing
    officers: dict[bytes, Officer]
    own: dict[bytes, Officer]
    asked: Asked

    @property
    def seen(self) -> str:
        """What the page's forms send back, so that an act is about what was read: a hash of all that officers sign, the kind too."""
        return self.asked.challenge(0).hex()

    @property
    def mine(self) -> bool:
        """Whether this person has released it, by whichever key."""
        return not self.own.keys().isdisjoint(self.standing.by)

    @property
    def may(self) -> bool:
        """Whether they could."""
        return bool(self.own) and not self.mine

    def own_of(self, algorithm: str) -> dict[bytes, Officer]:
        """Their officers of one algorithm."""
        return {key: one for key, one in self.own.items() if one.algorithm == algorithm}

    def row(self) -> dict[str, Any]:
        """For a page."""
        listed = [
            {"name": one.name, "role": one.role, "released": key in self.standing.by, "own": key in self.own}
            for key, one in self.officers.items()
        ]
        return {
            "id": self.draft.id,
            "kind": kind_name(self.draft.kind),
            "needed": self.standing.needed,
            "by": [self.officers[key] for key in self.standing.by],
            "officers": listed,
            "enough": self.standing.enough,
            "mine": self.mine,
            "may": self.may,
            "passkeys": bool(self.own_of(_WEBAUTHN)),
            "password": bool(self.own_of("ed25519")),
        }


def _waiting(view: View, draft: Draft, standing: Standing, keys: frozenset[str]) -> Waiting:
    officers = dict(sorted(in_force(view).officers.items(), key=lambda one: one[1].name))
    own = {key: one for key, one in officers.items() if one.public in keys}
    return Waiting(draft, standing, officers, own, draft.asked(view))


async def _keys(call: Call) -> frozenset[str]:
    """The public halves by which this person can release."""
    return frozenset(one.key for one in await asyncio.to_thread(call.accounts.officers, call.who.account))


async def _load(call: Call) -> Waiting:
    """The draft that the path names. Raises LocalError draft.missing."""
    keys = await _keys(call)
    view, drafts, name = call.desk.node.reading, call.desk.drafts, call.path["draft"]
    return await call.desk.read(lambda: _waiting(view, *fitting(view, drafts.load(name), call.now), keys))


def _unless_sent(page: Act) -> Act:
    """The page of a draft; once it was sent, the way to the message that it became, for whoever has the page open still."""

    @wraps(page)
    async def found(call: Call) -> Response:
        try:
            return await page(call)
        except LocalError as error:
            view = call.desk.node.reading
            sent = await call.desk.read(writing.sent_as, view, call.path["draft"]) if error.code == "draft.missing" else None
            if sent is None:
                raise
            return RedirectResponse(f"{call.base}/message/{sent}?{urlencode({'said': SENT_ALREADY})}", 303)

    return found


# --- Pages ---


async def release(call: Call) -> Response:
    """All that wait: the most urgent first, and of these the one that was written first."""
    keys = await _keys(call)
    view, drafts = call.desk.node.reading, call.desk.drafts

    def read() -> list[dict[str, Any]]:
        found = [_waiting(view, draft, standing, keys) for draft, standing in writing.waiting(drafts, view, call.now)]
        return [one.row() | _listed(view, one.draft) for one in found]

    rows = await call.desk.read(read)
    written = await asyncio.to_thread(call.accounts.last_of, _WRITTEN, {row["id"] for row in rows})
    rows.sort(key=lambda row: (URGENCY[row["precedence"]], written[row["id"]].id if row["id"] in written else 0))
    return await shown(call, "release.html", "release", rows=rows, written=written)


def _listed(view: View, draft: Draft) -> dict[str, Any]:
    """What a line says of what the draft says: `headline`, `precedence`."""
    kind, body = kind_name(draft.kind), writing.shown(view, draft.kind, draft.body)
    return {"headline": wording.headline(kind, body), "precedence": precedence(kind, body)}


async def one(call: Call) -> Response:
    """One of them: exactly what is signed, who has released it, and how to."""
    return await _one(call, await _load(call))


async def _one(call: Call, found: Waiting, wrong: str = "") -> Response:
    view = call.desk.node.reading

    def read() -> Any:
        kind, body = kind_name(found.draft.kind), writing.shown(view, found.draft.kind, found.draft.body)
        was = writing.as_it_stands(view, str(body["re"]))[1] if kind == "correction" else None
        if found.draft.kind == AMENDMENT:
            body["changes"] = changed_terms(in_force(view).charter, found.draft.body)
        return text(kind, body, call.tongue.when, found.asked.rest.hex(), was)

    return await shown(
        call,
        "release-one.html",
        "release",
        422 if wrong else 200,
        row=found.row(),
        seen=found.seen,
        text=await call.desk.read(read),
        foreseen=await call.desk.read(foreseen, view, await call.desk.read(writing.of_draft, view, found.draft), call.now, call.tongue),
        wrong=wrong,
        until=call.tongue.when(show_time(call.now + UNTIL_SECONDS)),
        may_release=call.who.may("releaser"),
        may_edit=kind_name(found.draft.kind) in writing.BY_PEOPLE,
    )


# --- Releasing ---


async def options(call: Call) -> Response:
    """What a passkey is asked to sign: this text, until a day from now."""
    found = await _load(call)
    until = call.now + UNTIL_SECONDS
    keys = {one.public for one in found.own_of(_WEBAUTHN).values()}
    challenge = found.draft.asked(call.desk.node.reading).challenge(until)
    asked = await asyncio.to_thread(call.accounts.passkey_release_options, call.who.account, challenge, keys)
    return JSONResponse({"options": asked, "until": until, "rest": found.seen})


async def released(call: Call) -> Response:
    """Release it as this person's officer; send it when enough have."""
    found = await _load(call)
    if call.given("rest") != found.seen:
        return await _one(call, found, _CHANGED)
    try:
        item_of = await _signer(call, found)
        standing = await call.desk.read(_add, call, found, item_of)
    except LocalError as error:
        if error.code not in _WRONG:
            raise
        return await _one(call, await _load(call), _WRONG[error.code])
    await asyncio.to_thread(call.accounts.note, call.who.account, "draft_released", found.draft.id, call.now)
    if standing.enough and call.given("hold") != "yes":
        return await _send(call, found.draft.id)
    return RedirectResponse(f"{call.base}/release/{found.draft.id}", 303)


async def _signer(call: Call, found: Waiting) -> Callable[[View, Draft], Value]:
    """What makes this person's item for a draft. Raises LocalError account.wrong, account.busy, release.invalid."""
    if call.given("signature"):
        return _by_passkey(call, found)
    key = await asyncio.to_thread(call.accounts.release_key, call.who.id, call.given("password"), call.now, call.given("code"))
    public = key.public_key().public_bytes_raw()
    officer = next((one for one in found.own_of("ed25519").values() if one.key == public), None)
    if officer is None:
        raise LocalError("release.invalid", "the key is of no officer in force of this party")
    until = call.now + UNTIL_SECONDS
    return lambda view, draft: item(officer, until, key.sign(draft.asked(view).message(until)))


def _by_passkey(call: Call, found: Waiting) -> Callable[[View, Draft], Value]:
    try:
        signature = read_assertion({name: call.given(name) for name in _PARTS})
        until = int(call.given("until"))
    except (PeerError, ValueError):
        raise LocalError("release.invalid", "the passkey's answer cannot be read") from None
    if not call.now < until <= call.now + UNTIL_SECONDS:
        raise LocalError("release.invalid", "it ends too late, or has ended")

    def made(view: View, draft: Draft) -> Value:
        """Which of the person's passkeys answered, its signature tells."""
        recovery = view.channel.party(view.own).recovery
        for key, officer in found.own_of(_WEBAUTHN).items():
            one = item(officer, until, signature)
            with suppress(PeerError):
                check(draft.asked(view), [one], {key: officer}, recovery, call.now)
                return one
        raise LocalError("release.invalid", "no passkey of this person signed this text")

    return made


def _add(call: Call, found: Waiting, made: Callable[[View, Draft], Value]) -> Standing:
    """Put the release to the draft. Raises LocalError release.invalid, draft.missing, account.session, account.role."""
    view = call.desk.node.reading

    def sign(draft: Draft) -> Sequence[Value]:
        if draft.asked(view) != found.asked:
            raise LocalError("release.invalid", "the draft has another text by now")
        _draft, standing = fitting(view, draft, call.now)
        if not found.own.keys().isdisjoint(standing.by):
            raise LocalError("release.invalid", "this person has released it already, by one key or another; it takes another person")
        return [made(view, draft)]

    with call.accounts.acting(call.who.id, "releaser", call.now):
        return call.desk.drafts.add(view, found.draft.id, sign, call.now)[1]


async def _send(call: Call, name: str) -> Response:
    """Send it, once. Raises LocalError as Drafts.send: draft.missing where another's release sent it in the same moment."""
    accounts, drafts, who, now = call.accounts, call.desk.drafts, call.who, call.now

    def act(node: Node) -> str:
        with accounts.acting(who.id, "releaser", now):
            return drafts.send(node, name).ref

    ref = await call.desk.act(act)
    await asyncio.to_thread(accounts.note, who.account, "message_sent", ref, now)
    return RedirectResponse(f"{call.base}/sent?said=Sent.", 303)


async def send(call: Call) -> Response:
    """Send one that enough have released."""
    found = await _load(call)
    if call.given("rest") != found.seen:
        return await _one(call, found, _CHANGED)
    return await _send(call, found.draft.id)


# --- Changing, throwing away ---


async def edit(call: Call) -> Response:
    """The form of a draft, as it says now."""
    found = await _load(call)
    kind = kind_name(found.draft.kind)
    if kind not in writing.BY_PEOPLE:
        raise LocalError("console.missing")
    view = call.desk.node.reading
    body = await call.desk.read(writing.shown, view, found.draft.kind, found.draft.body)
    json = {"sources": [], **body} if kind in CLAIMS else body
    seen = Seen(call.desk.name, call.who.id, call.now, kind, json, "", "", found.draft.id, found.asked.rest.hex())
    return await page(call, await call.desk.read(reopened, view, seen))


async def edited(call: Call) -> Response:
    """Another text for it: shown before it takes the old one's place."""
    found = await _load(call)
    kind = kind_name(found.draft.kind)
    if kind not in writing.BY_PEOPLE:
        raise LocalError("console.missing")
    if call.given("draft") != found.draft.id:
        raise LocalError("console.form", "it is of another draft")
    return await answer(call, kind)


async def discard(call: Call) -> Response:
    """Throw it away, and say why in the audit list."""
    found = await _load(call)
    if call.given("rest") != found.seen:
        return await _one(call, found, _CHANGED)
    reason = " ".join(call.given("reason").split())
    if not reason:
        return await _one(call, found, _("Say why you discard it."))
    view, drafts = call.desk.node.reading, call.desk.drafts

    def act() -> None:
        with call.accounts.acting(call.who.id, "drafter", call.now):
            writing.discard(drafts, view, found.draft.id, found.asked)

    await call.desk.read(act)
    about = f"{found.draft.id}: {reason}".encode()[: limits.AUDIT_ABOUT_BYTES].decode(errors="ignore")
    await asyncio.to_thread(call.accounts.note, call.who.account, "draft_discarded", about, call.now)
    return RedirectResponse(f"{call.base}/release?said=Discarded.", 303)


ROUTES: Final = (
    Route("release", "GET", "/release", "drafter", release),
    Route("release_one", "GET", "/release/{draft}", "drafter", _unless_sent(one)),
    Route("release_add", "POST", "/release/{draft}", "releaser", _unless_sent(released)),
    Route("release_options", "POST", "/release/{draft}/options", "releaser", options),
    Route("release_send", "POST", "/release/{draft}/send", "releaser", _unless_sent(send)),
    Route("release_edit", "GET", "/release/{draft}/edit", "drafter", _unless_sent(edit)),
    Route("release_edited", "POST", "/release/{draft}/edit", "drafter", _unless_sent(edited)),
    Route("release_discard", "POST", "/release/{draft}/discard", "drafter", _unless_sent(discard)),
)
