"""Compose: choose a kind, fill its form, see exactly what will be signed, then send it or put it before the officers.

What is sent is what was shown: the page that shows it carries it sealed (seals.py), and the button sends that back. A text that was shown
can be sent once, since its seed was drawn before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from starlette.responses import JSONResponse, RedirectResponse, Response

from ...accounts import Saved
from ...errors import LocalError
from ...node import drafts as node_drafts
from ...node import writing
from ...node.composing import in_force
from ...node.node import Node
from ...node.owed import TELLING
from ...node.view import View
from ...node.writing import Written
from ...record.bodies_record import CORRECTED
from ...record.fields import show_time
from ...record.kinds import KINDS, UNDERSTOOD
from ...record.notation import Wrong, parse_time
from ...record.phrases import PHRASES, Phrase
from ...record.words import GROUPS, PURPOSES
from .. import between, drafting, meanwhile, moments, seals, wording
from ..call import Call
from ..drafting import Sheet
from ..foreseen import foreseen
from ..form_parts import Group, fields_of_correction
from ..forms import Filled, Trouble, filled
from ..frame import shown
from ..seals import Seen
from ..signing import Text, text
from ..table import Route

_MORE: Final = 3  # rows that "one more" adds, so that a list is not asked for one by one
_NEVER_SAVED: Final = frozenset({"csrf", "act", "more", "saved", "kind", "draft", "before"})


def _(text: str) -> str:
    """Marks a text for the catalogues."""
    return text


STANCES: Final[Mapping[str, str]] = {
    "accepted": _("The facts are as they say."),
    "partly_accepted": _("Some of the facts are as they say; name them below."),
    "denied": _("It did not happen, or not so."),
    "counter_claim": _("They did it, or something of theirs came first: link your own notification."),
    "not_ours": _("It was none of ours. It admits not even that it happened."),
    "under_inquiry": _("We are looking into it. Nothing is agreed; say by when you will answer."),
    "need_information": _("We cannot answer before we know more: ask in words, or by a request."),
    "joint_inquiry": _("We propose that both look at it together."),
    "noted": _("We have read the notice. It is no consent."),
    "no_objection": _("We have nothing against what was announced."),
    "objection": _("We have something against it: say why."),
    "assurance": _("We assure that it will not be disturbed: say until when."),
}

_TO_NOTICE: Final = ("noted", "no_objection", "objection", "assurance")


def _fitting(sheet: Sheet) -> list[str]:
    """The stances that answer a message of that kind; all where none is named."""
    kind = sheet.about.kind if sheet.about else None
    if kind == "notice":
        return [*_TO_NOTICE, "need_information"]
    if kind == "notification":
        return [one for one in STANCES if one not in _TO_NOTICE]
    return list(STANCES)


# --- Choosing ---


async def choose(call: Call) -> Response:
    """Which kind, or a form that was begun."""
    kinds = await call.desk.read(writing.offered, call.desk.node.reading)
    saved = await asyncio.to_thread(call.accounts.drafts, call.who.account)
    begun = [_begun(one) for one in saved if one.key.startswith("compose ")]
    begun = [one for one in begun if one["kind"] in kinds]
    return await shown(call, "compose.html", "compose", kinds=kinds, purposes=PURPOSES, begun=begun)


def _begun(one: Saved) -> dict[str, Any]:
    form = one.json if isinstance(one.json, dict) else {}
    _, kind, *_ = f"{one.key} ".split(" ")
    re = "".join(form.get("f.re", []))
    line = next((form[name][0] for name in _LINES if form.get(name, [""])[0]), "")
    query = urlencode({"saved": one.key} | ({"re": re} if re else {}))
    return {"key": one.key, "kind": kind, "time": show_time(one.time), "re": re, "line": line[:80], "query": query}


_LINES: Final = ("f.place", "f.title", "f.text", "f.questions.0", "f.account", "f.reason", "f.narrative")


async def forget(call: Call) -> Response:
    """A form that was begun is kept no longer."""
    await asyncio.to_thread(call.accounts.drop_draft, call.who.account, call.given("saved"))
    return RedirectResponse(f"{call.base}/compose", 303)


# --- The form ---


@dataclass(frozen=True, slots=True)
class Open:
    """An open form: its sheet, when it was opened, the key under which it is saved, and the draft whose text it changes."""

    sheet: Sheet
    opened: int
    saved: str
    draft: str = ""
    before: str = ""


async def form(call: Call) -> Response:
    """A new form, or one that was begun."""
    kind = await _kind(call)
    saved = call.asked("saved")
    given: Filled = {}
    if saved:
        kept = await asyncio.to_thread(call.accounts.draft, call.who.account, saved)
        if isinstance(kept, dict):
            given = {str(name): [str(one) for one in values] for name, values in kept.items()}
    opened = _opened(given.get("opened", [""])[0], call.now)
    key = saved if saved.startswith(f"compose {kind} ") else f"compose {kind} {drafting.draw_seed().hex()[:12]}"
    ref = call.asked("re")
    sheet = await call.desk.read(_sheet, call.desk.node.reading, kind, given, ref, opened)
    if not given:
        sheet = _begin(call, sheet)
    return await page(call, Open(sheet, opened, key))


def _begin(call: Call, sheet: Sheet) -> Sheet:
    """What stands in a form that nobody has touched: near, what the address says of fields, and what is corrected."""
    fields = sheet.kind.all_fields
    given: Filled = {f"f.{name}": values for name, values in call.query.items() if name in fields and name != "re"}
    if "location_precision" in fields:
        given.setdefault("f.location_precision", ["near"])
    if sheet.about is not None:
        given["f.re"] = [sheet.about.ref]
        if sheet.kind.name == "reply" and sheet.about.kind == "request":
            asked = sheet.about.body.get("questions") or []
            given |= {f"f.answers.{n}.question": [str(n + 1)] for n in range(len(asked))}
    return Sheet(sheet.kind, given | sheet.as_it_was(), sheet.around, sheet.about)


async def _kind(call: Call) -> str:
    """The kind that the path names, if it may be sent. Raises LocalError console.missing."""
    kind = call.path["kind"]
    if kind not in await call.desk.read(writing.offered, call.desk.node.reading):
        raise LocalError("console.missing")
    return kind


def _sheet(view: View, kind: str, given: Filled, ref: str, opened: int) -> Sheet:
    named = ref or "".join(given.get("f.re", [])).split(" ")[0]
    about = None
    with suppress(LocalError):  # what a person typed may name nothing: then it is said beside it
        about = drafting.about(view, named) if named else None
    if kind == "correction" and about is not None and KINDS.get(about.kind) not in CORRECTED:
        about = None  # a kind that none corrects, or that this version does not know
    if about is None and ref:
        raise LocalError("console.missing")
    return Sheet(UNDERSTOOD[KINDS[kind]], given, drafting.around(view, opened, given.get("zone", [""])[0]), about)


def _opened(text: str, now: int) -> int:
    """When a form was opened, never later than now."""
    try:
        return min(parse_time(text), now)
    except Wrong:
        return now


async def page(
    call: Call, one: Open, troubles: Mapping[str, Trouble] | None = None, spare: Mapping[str, int] | None = None, status: int = 200
) -> Response:
    """The page of a form."""
    sheet, found = one.sheet, dict(troubles or {})
    kind, spans = sheet.kind.name, await _spans(call)
    said = sheet.read()[0] if meanwhile.asks(kind) else {}
    groups = sheet.groups(found, spare or {})
    fresh = {path: path.split(".")[1] if "." in path else "" for path in found}
    return await shown(
        call,
        "compose-form.html",
        "release" if one.draft else "compose",
        status,
        kind=kind,
        groups=groups,
        troubles=found,
        names_of=fresh,
        about=sheet.about,
        corrects=sheet.corrects,
        about_lines=wording.lines(sheet.about.kind, sheet.about.body) if sheet.about else [],
        re_shown=_shows(groups, "f.re"),
        facts=_facts(sheet) if kind == "reply" else [],
        stances=STANCES,
        first_stances=_fitting(sheet),
        asked=_questions(sheet),
        phrases=_phrases(sheet),
        taxonomy=GROUPS,
        zones=sheet.around.zones,
        offsets=moments.ZONES,
        zone=sheet.around.zone,
        spans=spans,
        due=meanwhile.due(call.tongue, kind, said, spans),
        proposed=kind == "notification" and between.urgent(said),
        zone_at=_first_time(groups),
        opened=show_time(one.opened),
        opened_typed=moments.typed(show_time(one.opened)),
        saved=one.saved,
        saved_at=show_time(call.now) if call.given("act") == "save" else None,
        draft=one.draft,
        before=one.before,
        action=f"{call.base}/release/{one.draft}/edit" if one.draft else f"{call.base}/compose/{kind}",
    )


def _shows(groups: list[Group], path: str) -> bool:
    return any(ask.path == path for group in groups for ask in group.asks)


def _first_time(groups: Iterable[Group]) -> str:
    """The first field for a time, beside which the zone is chosen."""
    todo = [ask for group in reversed(list(groups)) for ask in reversed(group.asks)]
    while todo:
        ask = todo.pop()
        if ask.shape == "time":
            return ask.path
        todo += reversed(ask.parts)
    return ""


def _phrases(sheet: Sheet) -> dict[str, Phrase]:
    """All phrases; where a flash is answered, those that answer one first."""
    answers = TELLING if sheet.about and sheet.about.kind == "flash" else ()
    return {code: PHRASES[code] for code in sorted(PHRASES, key=lambda one: one not in answers)}


def _facts(sheet: Sheet) -> list[dict[str, Any]]:
    said = sheet.about.body if sheet.about and sheet.about.kind == "notification" else {}
    return [
        {"name": name, "value": wording.field("notification", name, said), "chosen": sheet.given.get(f"f.fact.{name}", [""])[0]}
        for name in sheet.facts
    ]


def _questions(sheet: Sheet) -> dict[str, str]:
    """The questions that a reply answers, by their numbers."""
    found = sheet.about.body.get("questions") if sheet.about and sheet.about.kind == "request" else None
    return {str(number): str(one) for number, one in enumerate(found or (), 1)}


async def _spans(call: Call) -> dict[str, str]:
    """How long the charter gives for an answer, by precedence."""
    charter = (await call.desk.read(in_force, call.desk.node.reading)).charter
    clocks = {"routine": "reply", "priority": "priority", "immediate": "immediate", "flash": "flash"}
    return {word: call.tongue.span(charter.clocks[clock]) for word, clock in clocks.items()}


# --- What was typed ---


async def filled_in(call: Call) -> Response:
    """A form that somebody has filled: show what will be signed, or the form again."""
    return await answer(call, await _kind(call))


async def answer(call: Call, kind: str) -> Response:
    """What becomes of a form that was sent, of a new message or of a draft."""
    if call.given("act") == "change":
        return await change(call)
    given = _typed(call)
    opened = _opened(call.given("opened"), call.now)
    sheet = await call.desk.read(_sheet, call.desk.node.reading, kind, given, "", opened)
    one = Open(sheet, opened, call.given("saved"), call.given("draft"), call.given("before"))
    more = call.given("more")
    if more or call.given("act") == "save":
        try:
            if not one.draft:
                await _save(call, given)
        except LocalError as error:
            if error.code != "account.full":
                raise
            return await page(call, one, {"": Trouble(_("The form is too long to be kept here."))}, status=422)
        return await page(call, one, spare={more: _MORE} if more else None)
    message, reading = sheet.read()
    troubles = dict(reading.troubles)
    if not troubles:
        try:
            written = await call.desk.read(sheet.written, call.desk.node.reading, message, drafting.draw_seed())
            return await preview(call, written, one.saved, one.draft, one.before, typed=given)
        except LocalError as error:
            path, trouble = drafting.beside(error, sheet)
            troubles[path] = trouble
    return await page(call, one, troubles, status=422)


def _typed(call: Call) -> Filled:
    """The fields of the form, without what goes with every form."""
    return {name: list(values) for name, values in call.form.items() if name not in _NEVER_SAVED}


# --- Before it is signed ---


async def preview(
    call: Call, written: Written, saved: str, draft: str = "", before: str = "", *, typed: Filled | None = None, moved: bool = False
) -> Response:
    """The page that shows exactly what will be signed."""
    who = (call.desk.name, call.who.id, call.now)
    seen = Seen(*who, written.name, written.json, written.seed.hex(), written.hash, draft, before, saved, typed)
    found, officers = await call.desk.read(_shown, call.desk.node.reading, written, call.tongue.when)
    told = await call.desk.read(foreseen, call.desk.node.reading, written, call.now, call.tongue)
    return await shown(
        call,
        "preview.html",
        "release" if draft else "compose",
        422 if moved else 200,
        text=found,
        foreseen=told,
        proposed=_was_proposed(written, typed),
        seen=seen.sealed(),
        span=None if written.seconds is None else call.tongue.span(written.seconds),
        needed=written.needed,
        officers=officers,
        may_send=_may_send(call, written),
        draft=draft,
        moved=moved,
    )


def _shown(view: View, written: Written, when: Callable[[str], str]) -> tuple[Text, list[Any]]:
    body = writing.shown(view, written.kind, written.body)
    was = None
    if written.name == "correction":
        was = writing.as_it_stands(view, str(body["re"]))[1]
    rest = written.draft().asked(view).rest.hex()
    return text(written.name, body, when, rest, was), list(in_force(view).officers.values())


def _was_proposed(written: Written, typed: Filled | None) -> bool:
    """Whether the precedence is one that nobody chose."""
    return typed is not None and "precedence" in written.json and not "".join(typed.get("f.precedence", []))


def _may_send(call: Call, written: Written) -> bool:
    """A releaser sends; what a person says of having read something, or of a shift, every drafter may say."""
    return call.who.may("releaser") or written.name == "acknowledgement"


async def _seen(call: Call) -> tuple[Seen, Written]:
    """What was shown, and what it would say now. Raises LocalError console.form, and as writing.write."""
    seen = seals.opened(call.given("seen"), call.desk.name, call.who.id, call.now)
    return seen, await call.desk.read(writing.write, call.desk.node.reading, seen.kind, seen.json, bytes.fromhex(seen.seed))


async def send(call: Call) -> Response:
    """Send what was shown, if no officer must release it."""
    seen, written = await _seen(call)
    if written.hash != seen.hash or seen.draft:
        return await preview(call, written, seen.saved, seen.draft, seen.before, typed=_kept(seen), moved=True)
    if not _may_send(call, written):
        raise LocalError("console.role")
    if written.needed:
        raise LocalError("release.missing", f"0 of {written.needed}")
    least = "drafter" if written.name == "acknowledgement" else "releaser"
    accounts, who, now = call.accounts, call.who, call.now

    def act(node: Node) -> str:
        with accounts.acting(who.id, least, now):
            return writing.send(node, written).ref

    ref = await call.desk.act(act)
    await asyncio.to_thread(_done, call, "message_sent", ref, seen.saved)
    return RedirectResponse(f"{call.base}/sent?said=Sent.", 303)


async def put(call: Call) -> Response:
    """Put what was shown before the officers: a new draft, or another text in an old one's place."""
    seen, written = await _seen(call)
    if written.hash != seen.hash:
        return await preview(call, written, seen.saved, seen.draft, seen.before, typed=_kept(seen), moved=True)
    desk, view = call.desk, call.desk.node.reading
    accounts, who, now, before = call.accounts, call.who, call.now, _hash_of(seen.before)

    def act() -> node_drafts.Draft:
        with accounts.acting(who.id, "drafter", now):
            if seen.draft:
                return writing.edit(desk.drafts, view, seen.draft, before, written)
            return writing.put(desk.drafts, view, written)

    draft = await desk.read(act)
    await asyncio.to_thread(_done, call, "draft_changed" if seen.draft else "draft_made", draft.id, seen.saved)
    return RedirectResponse(f"{call.base}/release/{draft.id}?said=Kept+as+a+draft.", 303)


def _hash_of(text: str) -> bytes:
    """The hash of the text that a draft had. Raises LocalError console.form: it came with a form."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise LocalError("console.form", "which text it replaces") from None


def _done(call: Call, what: str, about: str, saved: str) -> None:
    call.accounts.note(call.who.account, what, about, call.now)
    if saved:
        call.accounts.drop_draft(call.who.account, saved)


def _kept(seen: Seen) -> Filled | None:
    """What was typed, where it is known."""
    return None if seen.typed is None else {name: list(values) for name, values in seen.typed.items()}


async def change(call: Call) -> Response:
    """Back to the form that says what was shown."""
    seen = seals.opened(call.given("seen"), call.desk.name, call.who.id, call.now)
    return await page(call, await call.desk.read(reopened, call.desk.node.reading, seen))


def reopened(view: View, seen: Seen) -> Open:
    """The form of a message that was shown, or of a draft."""
    kind = UNDERSTOOD[KINDS[seen.kind]]
    if (typed := _kept(seen)) is not None:
        opened = _opened(typed.get("opened", [""])[0], seen.time)
        return Open(_sheet(view, seen.kind, typed, "", opened), opened, seen.saved, seen.draft, seen.before)
    sheet = _sheet(view, seen.kind, filled(kind.all_fields, "f", seen.kind, seen.json), "", seen.time)
    if sheet.corrects is not None and sheet.about is not None:
        fields = fields_of_correction(sheet.about.kind)
        gone = set(seen.json.get("removed") or ())
        now = {name: one for name, one in {**sheet.about.body, **(seen.json.get("fields") or {})}.items() if name not in gone}
        given = {**sheet.given, **filled(fields, "c", sheet.about.kind, now)}
        sheet = Sheet(sheet.kind, given, sheet.around, sheet.about)
    return Open(sheet, seen.time, seen.saved, seen.draft, seen.before)


# --- While somebody types ---


async def autosave(call: Call) -> Response:
    """Keep what was typed so far; give what is to be said beside fields, by path, in the reader's language."""
    given = _typed(call)
    if call.given("saved"):  # the text of a draft that waits for officers is kept in no other place
        await _save(call, given)
    saved = call.tongue.when(show_time(call.now), now=call.now) if call.given("saved") else ""
    kind, said = call.given("kind"), {}
    if meanwhile.asks(kind):
        sheet = await call.desk.read(_sheet, call.desk.node.reading, kind, given, "", _opened(call.given("opened"), call.now))
        said = sheet.read()[0]
    due = meanwhile.due(call.tongue, kind, said, await _spans(call))
    proposed = between.PROPOSED if kind == "notification" and between.urgent(said) else ""
    return JSONResponse({"saved": saved, "notes": meanwhile.notes(call.tongue, given, said), "due": due, "proposed": proposed})


async def _save(call: Call, given: Filled) -> None:
    key = call.given("saved")
    if not key.startswith("compose "):
        raise LocalError("console.form", "it is no form of a message")
    kept = {name: values for name, values in given.items() if any(values)}
    await asyncio.to_thread(call.accounts.save_draft, call.who.account, key, kept | {"opened": [call.given("opened")]}, call.now)


ROUTES: Final = (
    Route("compose", "GET", "/compose", "drafter", choose),
    Route("compose_autosave", "POST", "/compose/autosave", "drafter", autosave),
    Route("compose_forget", "POST", "/compose/forget", "drafter", forget),
    Route("compose_send", "POST", "/compose/send", "drafter", send),
    Route("compose_put", "POST", "/compose/put", "drafter", put),
    Route("compose_form", "GET", "/compose/{kind}", "drafter", form),
    Route("compose_filled", "POST", "/compose/{kind}", "drafter", filled_in),
)
