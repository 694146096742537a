// The risk table in force as a market sees it: instruments by expiry and strike, marks, Greeks, what a short costs.

import { at, el, fill, table } from "./dom.js";
import { count, decimal, price, time } from "./format.js";

const QUOTE = 2;

const columns = [
  { label: "Instrument", head: true, cell: (row) => row.name ?? `id ${row.id}` },
  { label: "Mark", num: true, cell: (row) => amount(row.mark, (mark) => price(mark, QUOTE)) },
  { label: "Delta", num: true, cell: (row) => amount(row.delta, (delta) => decimal(delta, 6, 3, 3)) },
  { label: "Gamma", num: true, cell: (row) => amount(row.gamma, (gamma) => decimal(gamma, 12, 7, 7)) },
  { label: "Vega", num: true, cell: (row) => amount(row.vega, (vega) => decimal(vega, 6, 2, 2)) },
  { label: "Short minimum", num: true, cell: (row) => amount(row.short_minimum, (least) => price(least, QUOTE)) },
  { label: "Expires", num: true, cell: (row) => (row.expires_at ? time(row.expires_at) : "–") },
  { label: "State", cell: (row) => (row.state === "settled" ? `settled at ${price(row.settlement)}` : "open") },
];

const amount = (value, shown) => (value === null ? "–" : shown(value));

let rows = [];
const list = table(columns, { key: (row) => row.id, empty: "No instrument is listed under that name." });
const found = el("p", { class: "hint", role: "status" });

/** Puts filter and list in their place. */
export function startInstruments() {
  const filter = el("input", {
    type: "search",
    id: "instrument-filter",
    autocomplete: "off",
    spellcheck: "false",
    oninput: show,
  });
  fill(
    at("instrument-list"),
    el(
      "div",
      { class: "panel" },
      el("div", { class: "field narrow" }, el("label", { for: "instrument-filter" }, "Name contains"), filter, found),
    ),
    list.node,
  );
}

/** Shows the instruments that are known. */
export function showInstruments({ instruments }) {
  if (instruments === rows) return;
  rows = instruments;
  show();
}

function show() {
  const wanted = at("instrument-filter").value.trim().toUpperCase();
  const matching = rows.filter((row) => (row.name ?? `ID ${row.id}`).toUpperCase().includes(wanted));
  list.show(matching);
  found.textContent = `${count(matching.length)} of ${count(rows.length)}; prices in the quote currency a contract`;
}
