// What a page does by itself: it renews its parts when the node has news, counts time, and wakes its officer. Without it every page still
// works by links and forms.
"use strict";
(() => {
  const body = document.body;
  const live = body.dataset.live;
  const silenced = new Set(JSON.parse(sessionStorage.getItem("silenced") || "[]"));
  const store = window.sessionStorage;
  let sound = null;
  let ringing = null;

  // --- News ---

  // What an act answered may have no page of its own to be renewed from; what stands around it is on every page.
  let source = "";
  // Once the person goes elsewhere, a page that is no more must not call them back: their act's answer is on its way.
  let leaving = 0;
  addEventListener("beforeunload", () => { leaving = Date.now(); });
  const renew = async () => {
    let answer;
    try {
      const asked = { headers: { "X-Live": "1" }, credentials: "same-origin", signal: AbortSignal.timeout(8000) };
      answer = await fetch(source || location.href, asked);
      if (answer.status === 405) {
        source = `${body.dataset.base}/me`;
        answer = await fetch(source, asked);
      }
    } catch {
      return false;
    }
    if (answer.redirected || !answer.ok) {
      if (answer.redirected && Date.now() - leaving > 10000) location.reload();
      return false;
    }
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of document.querySelectorAll("[data-part]")) {
      const other = part.id && fresh.getElementById(part.id);
      if (!other || part.contains(document.activeElement) && part.querySelector("input:focus, textarea:focus, select:focus")) continue;
      if (part.innerHTML === other.innerHTML) continue;
      const focus = part.contains(document.activeElement) ? focusOf(document.activeElement) : null;
      part.replaceChildren(...other.childNodes);
      if (focus) part.querySelector(focus)?.focus();
    }
    for (const menu of [...fresh.querySelectorAll(".menu .count")]) {
      if (!document.getElementById(menu.id)) {
        const link = fresh.getElementById(menu.id).closest("a").getAttribute("href");
        document.querySelector(`.menu a[href="${CSS.escape(link)}"]`)?.append(menu);
      }
    }
    ring();
    return true;
  };

  const focusOf = (element) => {
    if (element.dataset.silence) return `[data-silence="${CSS.escape(element.dataset.silence)}"]`;
    const link = element.getAttribute("href");
    return link ? `a[href="${CSS.escape(link)}"]` : null;
  };

  let due = 0;
  let lost = 0;
  const stale = document.getElementById("stale");
  const soon = () => {
    if (due) return;
    due = setTimeout(async () => {
      due = 0;
      if (await renew()) stale.hidden = true;
      else setTimeout(soon, 2000); // a flash may be what was not fetched
    }, 150);
  };
  const found = () => {
    clearTimeout(lost);
    lost = 0;
    soon();
  };
  const missed = () => {
    if (!lost) lost = setTimeout(() => { stale.hidden = false; }, 8000);
  };
  // A browser has six connections to one host: of all windows of a node one listens, and tells the others.
  const others = "BroadcastChannel" in window && navigator.locks ? new BroadcastChannel(live) : null;
  const heard = { news: soon, found, missed };
  const tell = (what) => {
    heard[what]();
    if (others) others.postMessage(what);
  };
  const listen = () => {
    const source = new EventSource(live);
    source.addEventListener("news", () => tell("news"));
    source.addEventListener("open", () => tell("found"));
    source.addEventListener("error", () => {
      tell("missed");
      if (source.readyState === EventSource.CLOSED) setTimeout(listen, 3000);
    });
  };
  const begin = () => {
    if (!others) {
      listen();
      return;
    }
    others.addEventListener("message", (event) => heard[event.data]?.());
    navigator.locks.request(live, () => {
      listen();
      return new Promise(() => {});
    });
  };

  // --- The time: of the node, whatever this machine's clock says, and the same where this machine is ---

  const clock = document.getElementById("now");
  const ahead = Number(clock.dataset.now) * 1000 - Date.now();
  const two = (number) => String(number).padStart(2, "0");
  const showTime = () => {
    const at = new Date(Date.now() + ahead);
    clock.querySelector("bdi").textContent = `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}Z`;
    const here = clock.dataset.here.replace("{time}", `${two(at.getHours())}:${two(at.getMinutes())}`);
    clock.querySelector(".here").textContent = at.getTimezoneOffset() === 0 ? "" : here;
  };
  showTime();
  setInterval(showTime, 1000);

  // --- Print ---

  for (const button of document.querySelectorAll("[data-print]")) {
    button.hidden = false;
    button.addEventListener("click", () => window.print());
  }
  for (const words of document.querySelectorAll("[data-unscripted]")) words.hidden = true;

  // --- Alarm ---

  const bar = document.getElementById("alarm-bar");
  const arm = document.getElementById("arm");

  const armed = () => sound !== null && sound.state === "running";
  const show = () => {
    bar.dataset.armed = armed() ? "yes" : "no";
    bar.querySelector(".unarmed").hidden = armed();
    bar.querySelector(".armed").hidden = !armed();
    arm.hidden = armed();
  };
  const start = async () => {
    sound = sound || new AudioContext();
    await sound.resume();
    store.setItem("armed", "yes");
    clearInterval(ringing);
    ringing = null;
    show();
    ring();
  };
  const beep = () => {
    if (!armed()) return;
    const exercise = body.classList.contains("exercise");
    const now = sound.currentTime;
    for (let n = 0; n < 3; n += 1) {
      const tone = sound.createOscillator();
      const loud = sound.createGain();
      tone.type = exercise ? "sine" : "square";
      tone.frequency.value = (exercise ? [520, 520, 520] : [880, 660, 880])[n];
      loud.gain.setValueAtTime(0.0001, now + n * 0.3);
      loud.gain.exponentialRampToValueAtTime(0.5, now + n * 0.3 + 0.02);
      loud.gain.exponentialRampToValueAtTime(0.0001, now + n * 0.3 + 0.28);
      tone.connect(loud).connect(sound.destination);
      tone.start(now + n * 0.3);
      tone.stop(now + n * 0.3 + 0.3);
    }
    body.dataset.beeps = String(Number(body.dataset.beeps || 0) + 1);
  };
  const ring = () => {
    let any = false;
    for (const banner of document.querySelectorAll(".flash-banner")) {
      const told = (banner.dataset.flash || "").split(" ").every((one) => silenced.has(one)); // one line may stand for several
      const sounds = banner.dataset.sounds === "yes" && !told;
      banner.classList.toggle("ringing", sounds);
      const button = banner.querySelector("[data-silence]");
      if (button) button.hidden = !sounds;
      any = any || sounds;
    }
    if (any && !ringing) {
      beep();
      ringing = setInterval(beep, 2000);
    } else if (!any && ringing) {
      clearInterval(ringing);
      ringing = null;
    }
    document.title = (any ? "⚠ " : "") + document.title.replace(/^⚠ /, "");
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-silence]");
    if (button) {
      for (const one of button.dataset.silence.split(" ")) silenced.add(one);
      store.setItem("silenced", JSON.stringify([...silenced]));
      ring();
    }
  });
  arm.addEventListener("click", start);
  if (store.getItem("armed") === "yes") {
    sound = new AudioContext();
    sound.addEventListener("statechange", () => { show(); ring(); });
    sound.resume().catch(() => {});
  }
  show();
  ring();
  begin();
  // Countdowns are the node's words, asked for again each minute, and each half minute while something is late.
  setInterval(soon, 30000);
})();
