// Passkeys. A form with data-passkey="create" or "get" and the options in data-options asks the browser, and sends what it answers in its
// field `answer`. A form of class "passkey" releases: the node says what is to be signed, the authenticator signs it, the form takes it back.
"use strict";
(() => {
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const described = (list) => (list || []).map((one) => ({ ...one, id: bytes(one.id) }));

  const create = async (options) => {
    const made = await navigator.credentials.create({ publicKey: { ...options, challenge: bytes(options.challenge),
      user: { ...options.user, id: bytes(options.user.id) }, excludeCredentials: described(options.excludeCredentials) } });
    return { id: made.id, rawId: text(made.rawId), type: made.type,
      response: { clientDataJSON: text(made.response.clientDataJSON), attestationObject: text(made.response.attestationObject) } };
  };
  const get = async (options) => {
    const found = await navigator.credentials.get({ publicKey: { ...options, challenge: bytes(options.challenge),
      allowCredentials: described(options.allowCredentials) } });
    const said = found.response;
    return { id: found.id, rawId: text(found.rawId), type: found.type, response: { clientDataJSON: text(said.clientDataJSON),
      authenticatorData: text(said.authenticatorData), signature: text(said.signature), userHandle: said.userHandle ? text(said.userHandle) : null } };
  };

  for (const form of document.querySelectorAll("form[data-passkey]")) {
    const button = form.querySelector("button");
    if (!window.PublicKeyCredential || !navigator.credentials) {
      button.disabled = true;
      continue;
    }
    form.hidden = false; // some are of no use without this script
    form.addEventListener("submit", async (event) => {
      if (form.elements.answer.value) return;
      event.preventDefault();
      button.disabled = true;
      try {
        const ask = form.dataset.passkey === "create" ? create : get;
        form.elements.answer.value = JSON.stringify(await ask(JSON.parse(form.dataset.options)));
        form.submit();
      } catch (error) {
        const told = form.querySelector("[data-failed]");
        if (told) told.hidden = false;
        button.disabled = false;
      }
    });
  }

  // --- Releasing ---

  const field = (form, name) => form.querySelector(`input[name="${name}"]`);

  const release = async (form) => {
    const answer = await fetch(form.dataset.options, {
      method: "POST",
      body: new URLSearchParams({ csrf: field(form, "csrf").value }),
      credentials: "same-origin",
    });
    if (!answer.ok) throw new Error("no options");
    const { options, until, rest } = await answer.json();
    if (rest !== field(form, "rest").value) {
      location.reload(); // the text has changed since it was shown
      return;
    }
    const found = await get(options);
    field(form, "until").value = until;
    for (const name of ["authenticatorData", "clientDataJSON", "signature"]) field(form, name).value = found.response[name];
    form.submit();
  };

  for (const form of document.querySelectorAll("form.passkey")) {
    form.hidden = !window.PublicKeyCredential;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const wrong = form.querySelector(".wrong");
      wrong.hidden = true;
      release(form).catch(() => { wrong.hidden = false; });
    });
  }
})();
