"""The status page: it says what is so, in every language, and nothing that a person wrote gets out of its place. FAULTS H1, H7."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from string import Formatter

import pytest

from ceasewire.console import page as pages
from ceasewire.console.health import LineHealth, NodeHealth, node_health
from ceasewire.console.page import ago, render
from ceasewire.console.words import DIRECTIONS, NAMES, TEXTS, choose

NOW = datetime(2026, 11, 22, 13, 8, tzinfo=UTC)
STYLE = Path(pages.__file__).with_name("style.css").read_text()
NASTY = "</bdi></h1><script>alert(1)</script><img src=x onerror=alert(1)>\"'&\u202e{{7*7}}"
VOID = {"meta", "link", "br", "img", "path", "circle", "wbr"}


def line(**changes: object) -> LineHealth:
    well = {
        "peer": "south", "name": "Southern Command", "sent": 12, "receipted": 12, "received": 7, "held": 0, "overdue": 0,
        "silent_seconds": 12, "spoke": "2026-11-22T13:07:48Z", "down_since": None, "alarms": (),
    }  # fmt: skip
    return LineHealth(**(well | changes))  # type: ignore[arg-type]


def node(*lines: LineHealth, title: str = "Line of contact", exercise: bool = False, health: str = "ok") -> NodeHealth:
    return NodeHealth(title, exercise, "babab-gutih-tugad-josap", "north", "Northern Command", health, lines)


class Outline(HTMLParser):
    """Every element opened and closed in order; what attributes there are; what text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data if self.open and self.open[-1] == "bdi" else f"{data.strip()} "


@pytest.mark.parametrize("language", TEXTS)
def test_the_page_is_well_formed_and_has_no_script_or_style_of_its_own(language: str) -> None:
    html = render([node(line(), line(name=NASTY, alarms=(NASTY,)), title=NASTY, exercise=True, health="log.closed")], language, NOW)
    outline = Outline(html)
    assert outline.open == []
    assert not {"script", "img", "style", "iframe", "form"} & {tag for tag, _ in outline.tags}
    attributes = {name for _, found in outline.tags for name in found}
    assert "style" not in attributes
    assert not any(name.startswith("on") for name in attributes)
    assert outline.tags[0] == ("html", {"lang": language, "dir": DIRECTIONS[language]})
    assert NASTY in outline.text, "shown as it was written"
    hrefs = [found["href"] for _, found in outline.tags if "href" in found]
    assert hrefs == ["/style.css", "?lang=en", "?lang=ps"]


def test_what_people_wrote_is_isolated() -> None:
    html = render([node(line(name="شمالي قومانده"), title="د تماس کرښه")], "en", NOW)
    for text in ("شمالي قومانده", "د تماس کرښه", "Northern Command"):
        assert f'<bdi dir="auto">{text}</bdi>' in html


def test_what_it_says() -> None:
    text = Outline(render([node(line())], "en", NOW)).text
    assert "All lines are working" in text
    assert "12 s ago" in text
    assert "EXERCISE" not in text
    bad = line(receipted=9, held=2, overdue=1, alarms=("hold.clock",))
    text = Outline(render([node(bad, exercise=True)], "en", NOW)).text
    for words in (
        "EXERCISE",
        "Something needs a person",
        "Needs attention",
        "hold.clock",
        "Not receipted 3",
        "Held back 2",
        "Overdue answers 1",
    ):
        assert words in text, words
    text = Outline(render([node(line(silent_seconds=None, spoke=None))], "en", NOW)).text
    assert "Never heard" in text
    text = Outline(render([node(line(down_since="2026-11-22T12:00:00Z"))], "en", NOW)).text
    assert "Not reached" in text
    assert "since 2026-11-22T12:00:00Z" in text


@pytest.mark.parametrize("language", TEXTS)
def test_with_several_channels_and_no_token_it_names_nothing(language: str) -> None:
    html = render(None, language, NOW)
    outline = Outline(html)
    assert outline.open == []
    assert TEXTS[language]["several"] in html
    assert "<article>" not in html


def test_an_alarm_of_our_own_needs_a_person() -> None:
    ours = NodeHealth("T", False, "a-b", "north", "N", "ok", (line(),), ("watch.nobody",))
    text = Outline(render([ours], "en", NOW)).text
    assert "Something needs a person" in text
    assert "watch.nobody  Nobody has said to be on watch" in text


@pytest.mark.parametrize("language", TEXTS)
def test_every_language_says_everything(language: str) -> None:
    assert TEXTS[language].keys() == TEXTS["en"].keys()
    assert language in DIRECTIONS
    assert language in NAMES
    for key, text in TEXTS[language].items():
        fields = {name for _, name, _, _ in Formatter().parse(text) if name}
        assert fields == {name for _, name, _, _ in Formatter().parse(TEXTS["en"][key]) if name}, key
        assert text.strip() == text != ""


def test_times_in_words() -> None:
    said = [ago(seconds, "en") for seconds in (None, 0, 1, 2, 119, 120, 7199, 7200, 172_799, 172_800)]
    assert said == [
        "never",
        "just now",
        "just now",
        "2 s ago",
        "119 s ago",
        "2 min ago",
        "119 min ago",
        "2 h ago",
        "47 h ago",
        "2 days ago",
    ]


@pytest.mark.parametrize(
    ("asked", "accepted", "language"),
    [
        ("ps", "en", "ps"), (None, "ps-AF,en;q=0.5", "ps"), (None, "fr,ps;q=0.2,en;q=0.9", "en"), (None, "", "en"), ("xx", "ps", "ps"),
        (None, "ps;q=0,en", "en"), (None, "ps;q=x", "en"), (None, "," * 100_000, "en"), ("<script>", "", "en"), (None, "ps;q=nan", "en"),
    ],
)  # fmt: skip
def test_the_language(asked: str | None, accepted: str, language: str) -> None:
    assert choose(asked, accepted) == language


def test_the_sheet_knows_no_left_and_no_right() -> None:
    rules = re.sub(r"/\*.*?\*/", "", STYLE, flags=re.S)
    physical = r"\b(left|right|(margin|padding|border)-(top|bottom)|float|width|height)\s*:"
    assert not re.findall(r"[{;\s]" + physical, re.sub(r"@media[^{]*|stroke-width|border-inline-start-width", "", rules))
    assert "url(" not in STYLE
    assert "@import" not in STYLE
    used = set(re.findall(r'class="([^"{]*)"', Path(pages.__file__).read_text()))
    for name in {one for names in used for one in names.split()}:
        assert f".{name}" in STYLE or name in {"count", "facts"}, name


def contrast(one: str, other: str) -> float:
    """WCAG 2.2 contrast ratio of two colours as #rrggbb."""

    def light(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_h13_every_text_can_be_read() -> None:
    for block in re.findall(r":root \{(.*?)\}", STYLE, re.S):
        colour = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", block))
        pairs = [(ink, "card") for ink in ("ink", "quiet", "good", "warn", "bad")]
        pairs += [(ink, "page") for ink in ("ink", "quiet", "good", "warn", "bad")]
        pairs += [("ink", "warn-page"), ("warn", "warn-page"), ("bad", "bad-page"), ("on-bar", "bar")]
        for ink, ground in pairs:
            assert contrast(colour[ink], colour[ground]) >= 4.5, (ink, ground)


def test_health_from_the_status() -> None:
    log = {"log": "north", "size": 5, "receipts": {"south": 3}, "frozen": None}
    status = {
        "channel": {"title": "T", "exercise": True, "fingerprint": "a-b"},
        "party": "north",
        "log": "north",
        "watch": [{"party": "south", "machine": "2026-11-22T04:00:00Z", "person": "2026-11-21T22:10:00Z"}],
        "alarms": [{"code": code, "log": "south"} for code in ("log.fork", "line.dead", "hold.quota")] + [{"code": "x", "log": "north"}],
        "logs": [log, {"log": "south", "size": 2, "receipts": {}, "frozen": "log.fork"}],
        "lines": [{"peer": "south", "spoke": None, "seconds_silent": None, "told": "hold.clock"}],
        "held": [{"log": "south", "from": 2, "count": 4, "code": "hold.quota", "since": "x"}],
        "overdue": [{"by": "north", "accused": "south"}, {"by": "north", "accused": "east"}, {"by": "south", "accused": "north"}],
    }
    calls = {"south": {"code": "net.refused", "detail": "bundle.channel", "since": "2026-11-22T12:00:00Z", "warning": None}}
    found = node_health(status, {"north": "N", "south": "S"}, calls, "ok")
    (south,) = found.lines
    assert (south.sent, south.receipted, south.unreceipted, south.received, south.held, south.overdue) == (5, 3, 2, 2, 4, 2)
    assert south.alarms == ("log.fork", "line.dead", "hold.quota", "hold.clock", "net.refused: bundle.channel")
    assert (south.machine, south.person) == ("2026-11-22T04:00:00Z", "2026-11-21T22:10:00Z")
    assert found.alarms == ("x",)
    assert (south.state, found.well, found.exercise) == ("attention", False, True)
