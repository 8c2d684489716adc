// Releasing by a passkey: the node says what is to be signed, the authenticator signs it, the form takes the answer back.
"use strict";
(() => {
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (one) => one.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
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
    const found = await navigator.credentials.get({
      publicKey: {
        ...options,
        challenge: bytes(options.challenge),
        allowCredentials: options.allowCredentials.map((one) => ({ ...one, id: bytes(one.id) })),
      },
    });
    field(form, "until").value = until;
    for (const name of ["authenticatorData", "clientDataJSON", "signature"]) field(form, name).value = text(found.response[name]);
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
