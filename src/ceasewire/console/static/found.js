// What a founding's pages do with a script: copy, print, read a file into a field. Without it one selects, prints and pastes by hand.
"use strict";
(() => {
  for (const button of document.querySelectorAll("[data-print]")) {
    button.hidden = false;
    button.addEventListener("click", () => window.print());
  }
  for (const button of document.querySelectorAll("[data-copy]")) {
    const text = document.getElementById(button.dataset.copy);
    button.hidden = !navigator.clipboard;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(text.value);
      button.textContent = button.dataset.done;
    });
  }
  for (const line of document.querySelectorAll("[data-file-for]")) {
    const field = document.getElementById(line.dataset.fileFor);
    line.hidden = false;
    line.querySelector("input").addEventListener("change", async (event) => {
      const file = event.target.files[0];
      if (!file) return;
      const bytes = new Uint8Array(await file.arrayBuffer());
      if (bytes[0] < 0x80) {
        field.value = new TextDecoder().decode(bytes);
        return;
      }
      // A charter's file itself, as `charter sign` writes it: the same as text.
      let data = "";
      for (const byte of bytes) data += String.fromCharCode(byte);
      const lines = btoa(data).match(/.{1,76}/g).join("\n");
      field.value = `-----BEGIN CEASEWIRE CHARTER-----\n${lines}\n-----END CEASEWIRE CHARTER-----\n`;
    });
  }
  document.getElementById("wrong")?.focus();
})();
