"""The console's texts and their translations: `python -m catalogues` takes the texts from code, templates and the tables of codes and
brings every catalogue up to date; what has no translation yet stays empty and is shown in English. `tests/console/test_tongue.py` holds
them to it."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from babel.messages import extract
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

from ceasewire.console import frame, labels, refusals
from ceasewire.errors import CODES
from ceasewire.node.schedule import ALARMS
from ceasewire.record import cautions, phrases, words

CONSOLE = Path(__file__).resolve().parents[1] / "src" / "ceasewire" / "console"
LOCALE = CONSOLE / "locale"
LANGUAGES = ("ps", "prs", "ar", "ru", "uk", "fr", "es")
COMPLETE = ("ps",)  # these have a translation of every text
_HEADER = """\
# The texts of Ceasewire's console.
# DRAFT: written without a native speaker who knows the field, and not yet checked by one. Where a word is in doubt the English decides.
"""
_KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2)}


@cache
def texts() -> dict[str | tuple[str, str], list[str]]:
    """Every text of the console, with its plural if it has one, and the files it is in."""
    found: dict[str | tuple[str, str], list[str]] = {}
    for path in sorted([*CONSOLE.rglob("*.py"), *CONSOLE.rglob("*.html")]):
        method = "jinja2.ext:babel_extract" if path.suffix == ".html" else "python"
        options = {"newstyle_gettext": "true", "trimmed": "false"} if path.suffix == ".html" else {}
        for _, text, _, _ in extract.extract(method, io.BytesIO(path.read_bytes()), _KEYWORDS, (), options):
            found.setdefault(text if isinstance(text, str) else (text[0], text[1]), []).append(path.relative_to(CONSOLE).as_posix())
    for file, table in tables().items():
        for one in table:
            found.setdefault(one, []).append(file)
    return found


def tables() -> dict[str, list[str]]:
    """The texts that pages take from tables outside the console, or by a code, by the file they are in."""
    return {
        "labels.py": [words for table in labels.lists().values() for words in table.values()],
        "frame.py": sorted(frame.SAID),
        "../errors.py": [text for said in CODES.values() for text in (said.sentence, said.step)],
        "../node/schedule.py": list(ALARMS.values()),
        "../record/cautions.py": [cautions.STAND, cautions.VICTIMS],
        "../record/phrases.py": [one.not_means for one in phrases.PHRASES.values()],
        "../record/words.py": [*words.GROUPS.values(), *words.PURPOSES.values()],
    }


@cache
def codes() -> dict[str, list[str]]:
    """What a translator must know of a text of the core: which codes say it, as a sentence or as the next step behind one."""
    found: dict[str, list[str]] = {}
    for code, said in CODES.items():
        found.setdefault(said.sentence, []).append(code)
        found.setdefault(said.step, []).append(f"next step after {code}")
    for alarm, text in ALARMS.items():
        found.setdefault(text, []).append(f"alarm {alarm}")
    for kind, texts_ in refusals.MISCONDUCT.items():
        for text in texts_:
            found.setdefault(text, []).append(f"proof of misconduct {kind}")
    return found


def catalogue(language: str) -> Catalog:
    """A language's catalogue as it is."""
    path = LOCALE / language / "LC_MESSAGES" / "console.po"
    if not path.exists():
        return Catalog(locale=None if language == "prs" else language)
    with path.open("rb") as file:
        return read_po(file, locale=None if language == "prs" else language)


def renewed(language: str) -> bytes:
    """A language's catalogue with every text and no other."""
    known = catalogue(language)
    made = Catalog(
        locale=None if language == "prs" else language, project="Ceasewire", charset="utf-8", header_comment=_HEADER.rstrip("\n")
    )
    made.creation_date = made.revision_date = datetime(2026, 11, 23, tzinfo=UTC)  # so that the same texts give the same bytes
    for text, files in sorted(texts().items(), key=lambda one: (one[1][0], str(one[0]))):
        old = known.get(text if isinstance(text, str) else text[0])
        said_by = codes().get(text, []) if isinstance(text, str) else []
        made.add(text, old.string if old else None, locations=[(one, 0) for one in dict.fromkeys(files)], auto_comments=said_by)
    data = io.BytesIO()
    write_po(data, made, width=0, include_lineno=False, omit_header=False)
    return data.getvalue()


def main() -> None:
    """Bring every catalogue up to date."""
    for language in LANGUAGES:
        path = LOCALE / language / "LC_MESSAGES" / "console.po"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(renewed(language))
        known = catalogue(language)
        filled = sum(1 for one in known if one.id and one.string and all(one.string if isinstance(one.string, tuple) else [one.string]))
        print(f"{language}: {filled} of {len(known)}")


if __name__ == "__main__":
    main()
