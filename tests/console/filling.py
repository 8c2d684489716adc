"""Filling a form as a browser does: what stands in a page's form, and what is sent of it."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

from console.desks import Answer, Browser


class Form(HTMLParser):
    """The form of a page with the given class or action: the values that pressing a button would send."""

    def __init__(self, html: str, find: str) -> None:
        super().__init__()
        self.values: dict[str, list[str]] = {}
        self._find, self._in, self._select, self._text = find, False, "", ""
        self._written = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._in = self._find in (found.get("class"), found.get("action"))
        if not self._in:
            return
        name = found.get("name", "")
        if tag == "input" and name:
            if found.get("type") in ("checkbox", "radio") and "checked" not in found:
                return
            self.values.setdefault(name, []).append(found.get("value", "on" if "type" in found else ""))
        elif tag == "select":
            self._select = name
            self.values.setdefault(name, [])
        elif tag == "option" and self._select and "selected" in found:
            self.values[self._select].append(found["value"])
        elif tag == "textarea":
            self._text, self._written = name, ""

    def handle_data(self, data: str) -> None:
        if self._text:
            self._written += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._in = False
        elif tag == "select":
            self._select = ""
        elif tag == "textarea" and self._text:
            self.values.setdefault(self._text, []).append(self._written.removeprefix("\n"))
            self._text = ""

    @property
    def filled(self) -> dict[str, list[str]]:
        """What is more than empty."""
        return {name: values for name, values in self.values.items() if any(values)}


def form_of(page: Answer) -> dict[str, list[str]]:
    """What stands in the form of a message."""
    return Form(page.text, "compose").values


def fill(who: Browser, path: str, **typed: Any) -> Answer:
    """Open a form, type into it, and press "Show what will be signed"; fields by their paths, with `__` for a dot."""
    page = who.get(path)
    assert page.status == 200, page.text
    changed = {name.replace("__", "."): value if isinstance(value, list) else [value] for name, value in typed.items()}
    return who.post(
        path.partition("?")[0], **({name: one for name, one in form_of(page).items() if name != "csrf"} | changed | {"act": "preview"})
    )


def seen_in(page: Answer) -> str:
    """The seal of a page that shows what will be signed."""
    found = re.search(r'name="seen" value="([^"]+)"', page.text)
    assert found, page.text[-3000:]
    return found[1]


def rest_in(page: Answer) -> str:
    """The hash of what a page shows for release."""
    found = re.search(r'name="rest" value="([0-9a-f]{64})"', page.text)
    assert found, page.text[-3000:]
    return found[1]
