// The trader's own orders and fills as tables.

import { el, table } from "./dom.js";
import { cash, lots, price, short, time, tokens } from "./format.js";

const LIVE = ["waiting", "receipted", "sealed"];
const ELSEWHERE = "Signed by the operator; the order was not signed in this page, which cannot tell whether it is this one.";

function receiptCell(order) {
  if (order.fault === null) return "–";
  if (order.fault) return el("span", { class: "state wrong", title: order.fault }, "does not hold");
  const { batch, sequence } = order.receipt;
  const text = JSON.stringify(order.receipt, null, 1) + "\n";
  const save = () => saveAs(`receipt-${batch}-${sequence}.json`, text);
  const place = `#${batch}·${sequence}`;
  return [
    order.compared
      ? el("span", { class: "state done" }, place)
      : el("span", { class: "state held", title: ELSEWHERE }, `${place} not compared`),
    " ",
    el(
      "button",
      {
        class: "small plain",
        type: "button",
        "aria-label": `Save the receipt ${sequence} of batch ${batch}`,
        onclick: save,
      },
      "save",
    ),
  ];
}

/** Offers a text as a file: it is made and saved here, no server sees it. */
export function saveAs(name, text, type = "application/json") {
  const address = URL.createObjectURL(new Blob([text], { type }));
  el("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

function wordsOf({ content }) {
  if (!content) return el("span", { class: "quiet-text" }, "deleted after finality");
  if (content.kind === "cancel") return "cancel all older";
  if (content.kind === "withdraw") return ["withdraw to ", short(content.recipient)];
  return `${content.side} ${content.name ?? `id ${content.instrument}`}`;
}

function amountOf({ content }) {
  if (!content || content.kind === "cancel") return "–";
  return content.kind === "withdraw"
    ? tokens(BigInt(content.quantity) * BigInt(content.limit))
    : lots(content.quantity);
}

function resultOf({ result, state }) {
  if (!result) return LIVE.includes(state) ? "–" : el("span", { class: "quiet-text" }, state);
  if (result.reason) return el("span", { class: "bad-text" }, `refused: ${result.why}`);
  return result.fill === "0"
    ? "not filled"
    : `${lots(result.fill)}${result.price === null ? "" : ` at ${price(result.price)}`}`;
}

const STATES = {
  waiting: "held",
  receipted: "moving",
  sealed: "moving",
  settled: "done",
  final: "done",
  cancelled: "past",
  lapsed: "wrong",
};

/** The table of orders; `cancel` is called with one that waits. */
export function orderTable(cancel) {
  return table(
    [
      { label: "Order", head: true, wide: true, cell: wordsOf },
      { label: "Amount", num: true, cell: amountOf },
      { label: "Limit", num: true, cell: ({ content }) => (content?.kind === "trade" ? price(content.limit) : "–") },
      { label: "State", cell: ({ state }) => el("span", { class: `state ${STATES[state] ?? ""}` }, state) },
      {
        label: "Batches",
        num: true,
        cell: ({ batch, content }) => (batch !== null ? `#${batch}` : content ? `#${content.first_batch}…` : "–"),
      },
      { label: "Receipt", cell: receiptCell },
      { label: "Result", num: true, cell: resultOf },
      { label: "Sent", num: true, cell: ({ created_at }) => time(created_at) },
      {
        label: "Action",
        cell: (order) =>
          order.state === "waiting"
            ? el(
                "button",
                { type: "button", class: "small", "data-focus": `cancel-${order.id}`, onclick: () => cancel(order) },
                "Cancel",
              )
            : "",
      },
    ],
    { key: ({ id }) => id, empty: "No orders yet." },
  );
}

/** The table of fills. */
export function fillTable() {
  return table(
    [
      {
        label: "Fill",
        head: true,
        wide: true,
        cell: ({ side, name, instrument }) => `${side} ${name ?? `id ${instrument}`}`,
      },
      { label: "Contracts", num: true, cell: ({ quantity }) => lots(quantity) },
      { label: "Price", num: true, cell: (fill) => price(fill.price) },
      { label: "Premium", num: true, cell: ({ premium }) => cash(premium) },
      { label: "Fee", num: true, cell: ({ fee }) => cash(fee) },
      { label: "Batch", num: true, cell: ({ batch }) => `#${batch}` },
      { label: "State", cell: ({ state }) => el("span", { class: `state ${STATES[state] ?? ""}` }, state) },
    ],
    { key: ({ order }) => order, empty: "No fills yet." },
  );
}
