// The page of the public port: four views of one document, chosen by the address's fragment, so that keys stay in memory between them.

import { at, fill } from "./dom.js";
import { showBatches, startBatches } from "./batches.js";
import { showFigures, showVault } from "./figures.js";
import { showInstruments, startInstruments } from "./instruments.js";
import { follow, start } from "./live.js";
import { known, listen, refresh } from "./store.js";

const SLOWLY_SECONDS = 30;
const VIEWS = ["venue", "instruments", "trade", "vault"];

function view() {
  const asked = location.hash.slice(1);
  return VIEWS.includes(asked) ? asked : "venue";
}

async function showView(moved) {
  const chosen = view();
  for (const name of VIEWS) {
    at(name).hidden = name !== chosen;
    if (name === chosen) at(`to-${name}`).setAttribute("aria-current", "page");
    else at(`to-${name}`).removeAttribute("aria-current");
  }
  document.title = `${at(`${chosen}-title`).textContent} · tacit`;
  if (moved) {
    at("main").focus({ preventScroll: true });
    scrollTo(0, 0);
  }
  if (chosen === "vault") showVault(known);
  if (chosen === "trade") (await import("./trade.js")).startTrade();
}

function show(now) {
  showFigures(now);
  showBatches(now);
  showInstruments(now);
  if (view() === "vault") showVault(now);
  at("trouble").hidden = !now.trouble;
  fill(at("trouble"), now.trouble?.message ?? "");
}

let renewing = null;

/** Renews what is shown, at most a few times a second however many events come. */
function renew() {
  renewing ??= setTimeout(() => {
    renewing = null;
    refresh();
  }, 250);
}

startBatches();
startInstruments();
listen(show);
addEventListener("hashchange", () => {
  if (location.hash === "#main") {
    history.replaceState(null, "", `#${document.querySelector("nav [aria-current]").id.slice(3)}`);
    at("main").focus();
  } else showView(true);
});
showView(false);
refresh();
follow("batches", renew);
setInterval(renew, SLOWLY_SECONDS * 1000); // health and the block change without an event
start();
