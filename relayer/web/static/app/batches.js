// Batches as everybody may see them: where each is, how far its proof is, what it cost; and one of them in detail, with its prices.

import { get } from "./api.js";
import { at, el, facts, fill, table } from "./dom.js";
import { count, ether, price, short, time, whole } from "./format.js";
import { closingPrices } from "./settlement.js";
import { MEANING, stateMark, track } from "./states.js";
import { known, nameOf } from "./store.js";

function proofs(batch) {
  if (!batch.proofs_total) return "–";
  if (batch.proofs_done >= batch.proofs_total) return count(batch.proofs_total);
  const label = `${batch.proofs_done} of ${batch.proofs_total} proofs`;
  return [
    el("progress", { max: batch.proofs_total, value: batch.proofs_done, "aria-label": label }),
    ` ${batch.proofs_done}/${batch.proofs_total}`,
  ];
}

const perOrder = (batch) => (batch.gas_used && batch.orders ? count(Math.round(batch.gas_used / batch.orders)) : "–");

let chosen = null;

const list = table(
  [
    {
      label: "Batch",
      head: true,
      cell: (b) =>
        el(
          "button",
          {
            class: "plain",
            "data-focus": `batch-${b.number}`,
            "aria-expanded": String(chosen === b.number),
            onclick: () => choose(b.number),
          },
          `#${b.number}`,
        ),
    },
    { label: "State", cell: (b) => stateMark(b.state) },
    { label: "Way", cell: (b) => track(b.state) },
    { label: "Orders", num: true, cell: (b) => (b.orders === null ? "–" : count(b.orders)) },
    { label: "Accounts", num: true, cell: (b) => (b.touches === null ? "–" : count(b.touches)) },
    { label: "Proofs", num: true, cell: proofs },
    { label: "Gas", num: true, cell: (b) => (b.gas_used === null ? "–" : count(b.gas_used)) },
    { label: "Gas an order", num: true, cell: perOrder },
    { label: "Cost, ETH", num: true, cell: (b) => (b.cost_wei === null ? "–" : ether(b.cost_wei)) },
    { label: "Changed", num: true, cell: (b) => time(b.updated_at) },
  ],
  {
    key: (b) => b.number,
    empty: "No batch yet: the first is opened when the service has a risk table in force.",
    chosen: (b) => b.number === chosen,
  },
);

/** Puts the list in its place. */
export function startBatches() {
  at("batches").append(list.node);
}

/** Shows the batches that are known, and renews the one that is open in detail. */
export function showBatches({ batches }) {
  list.show(batches);
  const now = batches.find((batch) => batch.number === chosen);
  if (now && now.updated_at !== shown?.updated_at) detail(chosen);
}

let shown = null;

async function choose(number) {
  chosen = chosen === number ? null : number;
  shown = null;
  list.show(known.batches);
  at("batches").querySelector(`[data-focus="batch-${number}"]`)?.focus();
  if (chosen === null) fill(at("batch"));
  else await detail(number);
}

async function detail(number) {
  try {
    const batch = await get(`v1/batches/${number}`);
    shown = batch;
    const settled = ["mined", "final"].includes(batch.state);
    const prices = settled ? await closingPrices(number).catch((error) => error) : [];
    if (chosen === number) fill(at("batch"), panel(batch, prices));
  } catch (error) {
    if (chosen === number) fill(at("batch"), el("p", { class: "notice bad" }, error.message));
  }
}

function panel(batch, prices) {
  const steps = batch.steps.map((step, i) =>
    el("li", {}, stateMark(step.state, i < batch.steps.length - 1), time(step.at)),
  );
  const sent = batch.transactions.map(({ purpose, hash, block }) => [
    `${purpose.split(":")[0]} `,
    short(hash),
    ` in block ${count(block)}`,
  ]);
  return el(
    "div",
    { class: "panel", role: "region", "aria-label": `Batch ${batch.number}` },
    el("h3", {}, `Batch ${batch.number} `, el("span", { class: "quiet-text" }, MEANING[batch.state] ?? "")),
    el("ol", { class: "way" }, steps),
    el(
      "div",
      { class: "pair" },
      el("div", {}, el("h3", {}, "Clearing prices"), priceTable(prices)),
      el(
        "div",
        {},
        el("h3", {}, "On chain"),
        facts([
          ["Epoch", count(batch.epoch)],
          ["Seal root", whole(batch.seal_root)],
          ["Root before", whole(batch.start_root)],
          ["Root after", whole(batch.end_root)],
          ["Receipts", whole(batch.receipts_hash)],
          ["Transactions", sent.length ? sent.map((each) => el("div", {}, each)) : "–"],
        ]),
      ),
    ),
  );
}

function priceTable(prices) {
  if (prices instanceof Error) return el("p", { class: "empty" }, `Not readable: ${prices.message}`);
  const rows = table(
    [
      { label: "Instrument", head: true, cell: (row) => nameOf(row.instrument) },
      { label: "Clearing price", num: true, cell: (row) => price(row.price) },
    ],
    { key: (row) => row.instrument, empty: "Nothing has traded, or the batch is not settled yet." },
  );
  rows.show(prices);
  return rows.node;
}
