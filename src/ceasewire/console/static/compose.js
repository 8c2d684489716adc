// A form is kept while somebody types, and what is hard to see in a text is said beside it. Without this file the form has a button for it.
"use strict";
(() => {
  const form = document.querySelector("form.compose");
  if (!form) return;
  const saved = document.getElementById("saved");
  let due = 0;
  let asked = 0;
  const told = new Set();

  const tell = (notes) => {
    for (const path of told) {
      const place = form.querySelector(`[data-notices="${CSS.escape(path)}"]`);
      if (place && !(path in notes)) place.replaceChildren();
    }
    told.clear();
    for (const [path, lines] of Object.entries(notes)) {
      const place = form.querySelector(`[data-notices="${CSS.escape(path)}"]`);
      if (!place) continue;
      told.add(path);
      place.replaceChildren(...lines.map((line) => {
        const one = document.createElement("p");
        one.className = "care-note";
        one.textContent = line;
        return one;
      }));
    }
  };
  // What the node proposes is marked only where nobody chose, and given up when the reason for it goes.
  const propose = (word) => {
    const chosen = form.querySelector('[name="f.precedence"]:checked');
    if (!chosen) return;
    const wanted = word && !chosen.value ? word : !word && chosen.dataset.proposed ? "" : null;
    if (wanted === null) return;
    const radio = form.querySelector(`[name="f.precedence"][value="${CSS.escape(wanted)}"]`);
    if (!radio) return;
    delete chosen.dataset.proposed;
    radio.checked = true;
    if (wanted) radio.dataset.proposed = "yes";
    clearTimeout(due);
    due = setTimeout(save, 0);
  };
  const save = async () => {
    due = 0;
    const mine = ++asked;
    const answer = await fetch(form.dataset.saves, {
      method: "POST",
      body: new URLSearchParams(new FormData(form)),
      credentials: "same-origin",
      redirect: "manual",
    }).catch(() => null);
    if (mine !== asked) return;
    if (!answer || !answer.ok) {
      saved.textContent = saved.dataset.lost || "";
      return;
    }
    const found = await answer.json();
    saved.textContent = found.saved ? `${saved.dataset.words || ""} ${found.saved}` : "";
    tell(found.notes);
    for (const stale of form.querySelectorAll(".proposes")) stale.remove();
    const line = document.getElementById("due");
    if (line && found.due && line.textContent !== found.due) line.textContent = found.due;
    propose(found.proposed);
  };
  form.addEventListener("input", (event) => {
    if (event.target.name === "f.precedence") delete event.target.dataset.proposed;
    clearTimeout(due);
    due = setTimeout(save, 1000);
  });
  form.addEventListener("submit", () => {
    clearTimeout(due);
    asked += 1;
  });
})();
