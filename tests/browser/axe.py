"""What axe finds wrong with a page, and how wide a page is."""

from __future__ import annotations

from typing import Any, Final

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

WIDE: Final = (1440, 900)
NARROW: Final = (320, 640)
_AXE: Final = Axe()


def violations(page: Page) -> list[tuple[str, list[str]]]:
    """Each rule that is broken, and where."""
    if page.evaluate("typeof axe === 'undefined'"):  # it stays until another page is opened
        page.evaluate(_AXE.axe_script)
    found: list[dict[str, Any]] = page.evaluate("axe.run({ resultTypes: ['violations'] }).then(all => all.violations)")
    return [(one["id"], [node["html"][:160] for node in one["nodes"][:3]]) for one in found]


def over(page: Page, size: tuple[int, int]) -> int:
    """By how many pixels the page is wider than a window of that size."""
    page.set_viewport_size({"width": size[0], "height": size[1]})
    return int(page.evaluate("document.documentElement.scrollWidth")) - size[0]


UNSEEN: Final = """() => {
  const wanted = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex]:not([tabindex='-1'])";
  const wrong = [];
  let stops = 0;
  for (const one of document.querySelectorAll(wanted)) {
    if (one.disabled || one.tabIndex < 0 || !one.checkVisibility({ visibilityProperty: true })) continue;
    one.focus();
    if (document.activeElement !== one) { wrong.push("no focus: " + one.outerHTML.slice(0, 160)); continue; }
    stops += 1;
    const style = getComputedStyle(one);
    const boxes = [...one.getClientRects()].filter(box => box.width > 0 && box.height > 0);
    const inside = boxes.some(box => box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth);
    const over = boxes.map(box => document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2));
    const free = over.some(top => top && (one.contains(top) || top.contains(one) || top.closest("label")?.control === one));
    if (style.outlineStyle === "none" || !(parseFloat(style.outlineWidth) > 0)) wrong.push("no ring: " + one.outerHTML.slice(0, 160));
    else if (!inside || !free) wrong.push("not seen: " + one.outerHTML.slice(0, 160));
  }
  document.activeElement.blur();
  return [stops, wrong];
}"""


def unseen(page: Page) -> tuple[int, list[str]]:
    """How many stops a keyboard makes on the page, and those at which nobody sees where it is. As Tab does it: a browser shows the focus
    that a script sets if a key was pressed last."""
    page.keyboard.press("Tab")
    stops, wrong = page.evaluate(UNSEEN)
    return int(stops), list(wrong)
