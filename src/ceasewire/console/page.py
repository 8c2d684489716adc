"""The status page: one HTML page without script that shows whether the lines hold. Where one process serves several channels, each shows
to its own token alone, and without one the page names nothing.

Everything that a person wrote is escaped and stands in `<bdi>`, so that its direction does not turn what is around it. The style sheet
uses logical properties alone, and no element bears a style of its own: the policy is `default-src 'none'; style-src 'self'`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from .health import LineHealth, NodeHealth
from .words import DIRECTIONS, NAMES, TEXTS, choose

_STYLE: Final = Path(__file__).with_name("style.css").read_bytes()
_LOGO: Final = (
    '<svg class="logo" viewBox="0 0 32 20" aria-hidden="true"><path d="M3 4h17a6 6 0 0 1 0 12h-8a6 6 0 0 1 0-12M29 16H15"'
    ' fill="none" stroke="currentColor" stroke-width="3" stroke-linecap="round"/></svg>'
)
_ICONS: Final = {
    "well": '<path d="m5 10 3.5 3.5L15 7"/>',
    "silent": '<path d="M5 10h10"/>',
    "down": '<path d="m6 6 8 8m0-8-8 8"/>',
    "attention": '<path d="M10 4.5v7m0 3v.5"/>',
}

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def routes(shown: Callable[[str | None], Awaitable[Sequence[NodeHealth] | None]]) -> list[Route]:
    """`/` and its style sheet. `shown`: what whoever sends this `Authorization` may see; None if nothing may be named."""

    async def page(request: Request) -> Response:
        language = choose(request.query_params.get("lang"), request.headers.get("accept-language", ""))
        html = render(await shown(request.headers.get("authorization")), language, datetime.now(UTC))
        return HTMLResponse(html, headers={"Content-Language": language, "Vary": "Accept-Language, Authorization"})

    async def style(_: Request) -> Response:
        return Response(_STYLE, media_type="text/css")

    return [Route("/", page, methods=["GET"]), Route("/style.css", style, methods=["GET"])]


def render(nodes: Sequence[NodeHealth] | None, language: str, now: datetime) -> str:
    """The page; of None, one that names nothing. `language` is a key of words.TEXTS."""
    say = TEXTS[language]
    when = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    title = escape(f"{say['page']} · {nodes[0].title}" if nodes and len(nodes) == 1 else say["page"])
    body = f"<h1>{say['page']}</h1><p>{say['several']}</p>" if nodes is None else "".join(_node(node, language) for node in nodes)
    return (
        f'<!doctype html><html lang="{language}" dir="{DIRECTIONS[language]}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">'
        f'<title>{title}</title><link rel="stylesheet" href="/style.css"></head><body>'
        f'<header class="bar"><div class="inside"><span class="brand">{_LOGO}<bdi>Ceasewire</bdi></span>{_languages(language)}</div>'
        f'</header><main class="inside">{body}</main>'
        f'<footer class="inside quiet"><p>{say["no_content"]}</p><p>{say["as_of"]} {_time(when)}</p></footer></body></html>'
    )


def _languages(current: str) -> str:
    links = []
    for code, name in NAMES.items():
        here = ' aria-current="true"' if code == current else ""
        links.append(f'<a href="?lang={code}" lang="{code}" dir="{DIRECTIONS[code]}" hreflang="{code}"{here}>{name}</a>')
    return f'<nav class="languages" aria-label="{TEXTS[current]["language"]}">{"".join(links)}</nav>'


def _node(node: NodeHealth, language: str) -> str:
    say = TEXTS[language]
    exercise = f'<p class="exercise" role="note"><strong>{say["exercise"]}</strong> {say["exercise_note"]}</p>' if node.exercise else ""
    tone, verdict = ("well", say["all_well"]) if node.well else ("attention", say["not_well"])
    closed = "" if node.health == "ok" else f'<p class="alarm"><strong>{say["closed"]}</strong> {_code(node.health, language)}</p>'
    closed += "".join(f'<p class="alarm">{_code(alarm, language)}</p>' for alarm in node.alarms)
    lines = "".join(_line(line, language) for line in node.lines)
    return (
        f"<article>{exercise}<h1>{_user(node.title)}</h1>"
        f'<p class="verdict {tone}">{_icon(tone)}<span>{verdict}</span></p>{closed}'
        f'<dl class="facts"><div><dt>{say["party"]}</dt><dd>{_user(node.name)} <span class="quiet">{_user(node.party)}</span></dd></div>'
        f'<div><dt>{say["fingerprint"]}</dt><dd><code dir="ltr">{escape(node.fingerprint).replace("-", "-<wbr>")}</code>'
        f'<span class="note quiet">{say["fingerprint_note"]}</span></dd></div></dl>'
        f'<h2>{say["lines"]}</h2><ul class="lines">{lines}</ul></article>'
    )


def _line(line: LineHealth, language: str) -> str:
    say = TEXTS[language]
    contact = ago(line.silent_seconds, language)
    when = f' <span class="quiet">{_time(line.spoke)}</span>' if line.spoke else ""
    down = f' <span class="quiet">{say["since"].format(when=_time(line.down_since))}</span>' if line.down_since else ""
    counts = [
        _count(say["sent"], line.sent),
        _count(say["receipted"], line.receipted),
        _count(say["unreceipted"], line.unreceipted, "warn" if line.unreceipted else ""),
        _count(say["received"], line.received),
        _count(say["held"], line.held, "bad" if line.held else ""),
        _count(say["overdue"], line.overdue, "bad" if line.overdue else ""),
    ]
    alarms = " ".join(_code(alarm, language) for alarm in line.alarms) or f'<span class="quiet">{say["none"]}</span>'
    return (
        f'<li class="line"><div class="head"><h3>{_user(line.name)} <span class="quiet">{_user(line.peer)}</span></h3>'
        f'<span class="state {line.state}">{_icon(line.state)}<span>{say[line.state]}{down}</span></span></div>'
        f'<p class="contact"><span class="quiet">{say["last_contact"]}</span> <strong>{contact}</strong>{when}</p>'
        f'<p class="contact"><span class="quiet">{say["machines"]}</span> {_when(line.machine, say)}</p>'
        f'<p class="contact"><span class="quiet">{say["person"]}</span> {_when(line.person, say)}</p>'
        f'<dl class="counts">{"".join(counts)}</dl>'
        f'<p class="alarms"><span class="quiet">{say["alarms"]}</span> {alarms}</p></li>'
    )


def ago(seconds: int | None, language: str) -> str:
    """A time that has passed, in words."""
    say = TEXTS[language]
    if seconds is None:
        return say["never"]
    for least, unit, word in ((2 * _DAY, _DAY, "days"), (2 * _HOUR, _HOUR, "hours"), (2 * _MINUTE, _MINUTE, "minutes")):
        if seconds >= least:
            return say[word].format(n=seconds // unit)
    return say["seconds"].format(n=seconds) if seconds >= 2 else say["now"]


def _user(text: str) -> str:
    return f'<bdi dir="auto">{escape(text)}</bdi>'


def _code(code: str, language: str) -> str:
    """A code, and its sentence."""
    from .refusals import sentence  # noqa: PLC0415 - no catalogue is read before there is an alarm to tell
    from .tongue import Tongue  # noqa: PLC0415

    said = sentence(Tongue(language), code.partition(":")[0])
    return f'<code class="code" dir="ltr">{escape(code)}</code>{f" <span>{said}</span>" if said else ""}'


def _time(text: str) -> str:
    return f'<time datetime="{escape(text)}" dir="ltr">{escape(text)}</time>'


def _when(text: str | None, say: Mapping[str, str]) -> str:
    return _time(text) if text else say["never"]


def _count(label: str, number: int, tone: str = "") -> str:
    return f'<div class="count {tone}"><dt>{label}</dt><dd>{number}</dd></div>'


def _icon(state: str) -> str:
    return f'<svg class="icon" viewBox="0 0 20 20" aria-hidden="true"><circle cx="10" cy="10" r="8.5"/>{_ICONS[state]}</svg>'
