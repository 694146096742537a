// How keys come into the page: from a file, from digits that are typed, or drawn here and saved under a passphrase.

import { at, el, field, fill } from "./dom.js";
import { drawSeed, seedOf } from "./keyring.js";
import { saveAs } from "./orders.js";

/** Shows the forms that open keys; `open` is called with the seed, and what it throws is said there. */
export function showClosed(open) {
  const progress = el("progress", { max: 1, value: 0, hidden: true, "aria-label": "Opening the keystore" });
  const said = el("p", { class: "wrongness", id: "open-said", role: "alert" });
  const form = el(
    "form",
    { class: "panel", novalidate: true, "aria-labelledby": "open-title" },
    el("h2", { id: "open-title" }, "Open your keys"),
    el(
      "p",
      {},
      "Keys are opened in this page's memory and stay there: nothing is stored, and no key is sent. To close, press Close keys or leave the page.",
    ),
    el(
      "div",
      { class: "fields" },
      field(
        "key-file",
        "Keystore or seed file",
        el("input", { type: "file" }),
        "as made by “relayer account new”, or below",
      ),
      field(
        "key-seed",
        "or a seed",
        el("input", { type: "text", class: "secret", autocomplete: "off", autocapitalize: "off", spellcheck: "false" }),
        "64 hexadecimal digits; browsers offer to keep what looks like a password, so this is none",
      ),
      field(
        "key-passphrase",
        "Passphrase of the keystore",
        el("input", { type: "password", autocomplete: "current-password" }),
      ),
    ),
    el("div", { class: "buttons" }, el("button", { class: "main", type: "submit" }, "Open"), progress),
    said,
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    opening(said, progress, open, async (onProgress) => {
      const [file] = at("key-file").files;
      const text = file ? await file.text() : at("key-seed").value;
      return seedOf(text, at("key-passphrase").value, onProgress);
    });
  });
  fill(at("trader"), form, newSeedForm(open));
}

function newSeedForm(open) {
  const progress = el("progress", { max: 1, value: 0, hidden: true, "aria-label": "Making the keystore" });
  const said = el("p", { class: "wrongness", id: "new-said", role: "alert" });
  const form = el(
    "form",
    { novalidate: true },
    el(
      "p",
      {},
      "A new seed is drawn here and saved as a file under your passphrase. Whoever has file and passphrase has the account; without them nobody does.",
    ),
    el(
      "div",
      { class: "fields" },
      field(
        "new-passphrase",
        "Passphrase",
        el("input", { type: "password", autocomplete: "new-password" }),
        "at least 12 characters",
      ),
      field("new-again", "Passphrase again", el("input", { type: "password", autocomplete: "new-password" })),
    ),
    el("div", { class: "buttons" }, el("button", { type: "submit" }, "Draw, save and open"), progress),
    said,
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const [passphrase, again] = [at("new-passphrase").value, at("new-again").value];
    if (passphrase.length < 12 || passphrase !== again) {
      said.textContent = passphrase === again ? "A passphrase of at least 12 characters" : "The two are not the same";
      return;
    }
    opening(said, progress, open, async (onProgress) => {
      const { seed, keystore } = await drawSeed(passphrase, onProgress);
      saveAs("tacit-keystore.json", keystore);
      return seed;
    });
  });
  return el("details", { class: "panel" }, el("summary", {}, "I have no keys yet"), form);
}

async function opening(said, progress, open, seed) {
  if (progress.hidden === false) return; // one at a time: scrypt takes a second
  said.textContent = "";
  progress.hidden = false;
  try {
    const opened = await seed((share) => (progress.value = share));
    await open(opened);
  } catch (error) {
    said.textContent = error.message;
  } finally {
    progress.hidden = true;
  }
}
