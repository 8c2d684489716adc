"""Pages from templates: Jinja2 with everything escaped, and the filters that write a person's words, codes and times.

What a person wrote goes through `user`: it stands in `<bdi dir="auto">`, so that its direction turns nothing around it, and what is hidden
or looks alike in it is marked beside it (record/text.py), never changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from ..record import phrases
from ..record import text as texts
from ..record.fields import show_time
from . import refusals
from .call import Call
from .labels import label
from .tongue import LANGUAGES, RIGHT_TO_LEFT, Tongue
from .wording import headline

_HERE: Final = Path(__file__).parent
_STATIC: Final = _HERE / "static"
_TYPES: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".woff2": "font/woff2"}


@cache
def environment() -> Environment:
    """The templates, each read once."""
    made = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        extensions=["jinja2.ext.i18n"],
    )
    made.filters.update(user=user, word=_word, when=_when, until=_until, ago=_ago, stamp=_stamp, party=_party, place=_place)
    made.filters["english"] = english
    for act in (refusals.sentence, refusals.step, refusals.detail, refusals.refusal, refusals.misconduct):
        made.filters[act.__name__] = _in_tongue(act)
    made.globals.update(static=static, languages=LANGUAGES, right_to_left=RIGHT_TO_LEFT, phrase_texts=_phrase, headline_of=headline)
    made.install_gettext_callables(_gettext, _ngettext, newstyle=True)  # type: ignore[attr-defined]
    return made


@pass_context
def _gettext(context: Context, text: str) -> str:
    return _tongue(context).gettext(text)


@pass_context
def _ngettext(context: Context, one: str, many: str, number: int) -> str:
    return _tongue(context).ngettext(one, many, number)


def _tongue(context: Context) -> Tongue:
    found: Tongue = context["tongue"]
    return found


async def render(asks: Call | Tongue, template: str, status: int, values: Mapping[str, Any]) -> Response:
    """A page for a call, or for somebody of whom no more than a language is known."""
    call, tongue = (asks, asks.tongue) if isinstance(asks, Call) else (None, asks)
    shown = {"call": call, "tongue": tongue, "now": call.now if call else 0, **values}
    html = environment().get_template(template).render(shown)
    return HTMLResponse(html, status, headers={"Content-Language": tongue.language, "Vary": "Accept-Language, Cookie"})


# --- Filters ---


def user(text: object) -> Markup:
    """What a person wrote."""
    if text is None:
        return Markup("")
    said = str(text)
    hidden = texts.hidden(said)
    shown = texts.visible(said) if hidden else said
    return Markup('<bdi dir="auto">%s</bdi>') % escape(shown)


@pass_context
def english(context: Context, values: Mapping[str, object]) -> dict[str, object]:
    """What stands in the places of a sentence: words of the core, which speaks English alone."""
    tongue = _tongue(context)
    return {name: refusals.detail(tongue, one) if isinstance(one, str) else one for name, one in values.items()}


def _in_tongue(act: Callable[..., Markup]) -> Callable[..., Markup]:
    """A filter that writes in the reader's language."""

    @pass_context
    def written(context: Context, *values: object) -> Markup:
        return act(_tongue(context), *values)

    return written


@pass_context
def _word(context: Context, code: object, of: str = "") -> str:
    """A code in words, in the reader's language. `of`: the list it is from, where two lists have one code."""
    return _tongue(context).gettext(label(str(code), of))


@pass_context
def _when(context: Context, time: str | None) -> Markup:
    if not time:
        return Markup("")
    said = _tongue(context).when(time, now=context["now"])
    return Markup('<time datetime="%s" title="%s"><bdi>%s</bdi></time>') % (time, time, said)


@pass_context
def _stamp(context: Context, seconds: int | None) -> Markup:
    """A time of ours in POSIX seconds."""
    return Markup("") if seconds is None else _when(context, show_time(seconds))


@pass_context
def _until(context: Context, time: str | None, about: bool = False) -> Markup:
    if not time:
        return Markup("")
    return Markup('<time datetime="%s" data-until="%s">%s</time>') % (time, time, _tongue(context).until(time, context["now"], about=about))


@pass_context
def _ago(context: Context, time: str | None) -> Markup:
    if not time:
        return escape(_tongue(context).gettext("never"))
    return Markup('<time datetime="%s">%s</time>') % (time, _tongue(context).ago(time, context["now"]))


@pass_context
def _phrase(context: Context, code: str) -> tuple[str, ...]:
    """A flash's phrase in the reader's language, and in English while no speaker has checked that."""
    return phrases.texts(code, _tongue(context).language)


@pass_context
def _party(context: Context, slug: object) -> Markup:
    """A party by the name that this node's people gave it, else by its own."""
    return user(context["naming"].party(str(slug)))


@pass_context
def _place(context: Context, text: object) -> Markup:
    """A place, likewise."""
    return user(context["naming"].place(str(text)))


# --- Files ---


@cache
def _file(name: str) -> tuple[bytes, str, str]:
    path = _STATIC / name
    data = path.read_bytes()
    return data, _TYPES[path.suffix], hashlib.sha256(data).hexdigest()[:12]


@cache
def _names() -> frozenset[str]:
    return frozenset(path.name for path in _STATIC.iterdir() if path.suffix in _TYPES)


def static(name: str) -> str:
    """The address of a file of `static/`, which changes with its content."""
    if name not in _names():
        raise LookupError(name)
    return f"/c/static/{name}?{_file(name)[2]}"


async def statics(request: Request) -> Response:
    """A file of `static/`."""
    name = request.path_params["file"]
    if name not in _names():  # a stranger's names are not kept: there is no end of them
        return Response(status_code=404)
    found = _file(name)
    return Response(found[0], media_type=found[1], headers={"Cache-Control": "public, max-age=31536000, immutable"})
