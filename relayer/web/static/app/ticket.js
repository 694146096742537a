// The order ticket: what a person fills in becomes an order as the protocol has it, shown in words before it is signed.

import { makeOrder } from "../crypto/orders.js";
import { randomElement } from "../crypto/field.js";
import { at, el, field, fill, mark } from "./dom.js";
import { cash, lots, parseDecimal, price, tokens } from "./format.js";

const LOT_SCALE = 4;
const PRICE_SCALE = 6;
const MOST_LOTS = 2n ** 32n - 1n;
const MOST_PRICE = 2n ** 42n - 1n;
const LAST_BATCH = 2 ** 32 - 1;
const CASH_A_VALUE = 10_000n;

/** What is wrong with the ticket: the id of a field and what to do. */
class Wrong extends Error {
  constructor(id, text) {
    super(text);
    this.id = id;
  }
}

const radio = (name, value, label, checked, onchange) =>
  el("label", {}, el("input", { type: "radio", name, value, checked, onchange }), label);

const amountInput = () => el("input", { type: "text", inputmode: "decimal", autocomplete: "off", spellcheck: "false" });

/**
 * Makes the form. `send` is called with a checked order and its words when the trader confirms, `check` with an order only to ask.
 */
export function ticket(known, { send, check }) {
  const form = el("form", { id: "ticket", novalidate: true, class: "panel", "aria-labelledby": "ticket-title" });
  const review = el("div", { id: "review" });
  const kind = () => form.elements.kind.value;
  const arrange = () => {
    for (const part of form.querySelectorAll("[data-for]")) part.hidden = part.dataset.for !== kind();
    fill(review);
  };
  const kinds = el(
    "fieldset",
    { class: "field whole" },
    el("legend", {}, "What"),
    el(
      "div",
      { class: "choices" },
      radio("kind", "trade", "Trade", true, arrange),
      radio("kind", "withdraw", "Withdraw", false, arrange),
      radio("kind", "cancel", "Cancel all older orders", false, arrange),
    ),
  );
  const trade = el(
    "div",
    { class: "fields", "data-for": "trade" },
    el(
      "fieldset",
      { class: "field" },
      el("legend", {}, "Side"),
      el("div", { class: "choices" }, radio("side", "buy", "Buy", true), radio("side", "sell", "Sell", false)),
    ),
    broad(field("order-instrument", "Instrument", instrumentSelect(known))),
    field("order-quantity", "Contracts", amountInput(), "up to four decimals"),
    field("order-limit", "Limit price a contract", amountInput(), "quote currency; you never trade at a worse one"),
  );
  const withdraw = el(
    "div",
    { class: "fields", "data-for": "withdraw", hidden: true },
    field("withdraw-amount", "Amount", amountInput(), "quote currency, up to six decimals"),
    field(
      "withdraw-recipient",
      "To the address",
      el("input", { type: "text", autocomplete: "off", spellcheck: "false" }),
      "0x and 40 digits; anyone may send the claim for it",
    ),
  );
  const cancel = el(
    "p",
    { "data-for": "cancel", hidden: true },
    "An order of this kind raises your nonce epoch: once a batch holds it, every older order of yours ends without a fill, receipts or not.",
  );
  const window = el(
    "div",
    { class: "fields" },
    field(
      "order-batches",
      "Good for",
      select(
        [
          ["1", "the next batch only"],
          ["3", "3 batches"],
          ["10", "10 batches"],
          ["0", "until cancelled"],
        ],
        "3",
      ),
    ),
    el(
      "div",
      { class: "field" },
      el("span", { class: "quiet-text" }, "After a void"),
      el(
        "div",
        { class: "choices" },
        el(
          "label",
          {},
          el("input", { type: "checkbox", id: "order-survives", checked: true }),
          "try again in a later batch",
        ),
      ),
    ),
  );
  const buttons = el("div", { class: "buttons" }, el("button", { class: "main", type: "submit" }, "Review order"));
  form.append(
    el("h2", { id: "ticket-title" }, "New order"),
    el("div", { class: "fields" }, kinds),
    trade,
    withdraw,
    cancel,
    el("h3", {}, "Window"),
    window,
    buttons,
    review,
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    reviewed(form, known, review, { send, check });
  });
  form.addEventListener("input", () => fill(review));
  return form;
}

const broad = (node) => (node.classList.add("broad"), node);

function select(options, chosen) {
  return el(
    "select",
    {},
    options.map(([value, label]) => el("option", { value, selected: value === chosen }, label)),
  );
}

function instrumentSelect(known) {
  return el("select", {}, instrumentOptions(known));
}

/** Offers the instruments that are known now; what was chosen stays chosen while it is there. */
export function renewInstruments(known) {
  const list = at("order-instrument");
  const chosen = list.value;
  fill(list, instrumentOptions(known));
  if ([...list.options].some(({ value }) => value === chosen)) list.value = chosen;
}

function instrumentOptions({ instruments }) {
  const groups = Map.groupBy(
    instruments.filter(({ state }) => state === "open"),
    ({ expires_at }) => expires_at?.slice(0, 10) ?? "open",
  );
  return [...groups].map(([expiry, rows]) =>
    el(
      "optgroup",
      { label: `expires ${expiry}` },
      rows.map((row) => el("option", { value: row.id }, `${row.name ?? `id ${row.id}`} · mark ${price(row.mark, 2)}`)),
    ),
  );
}

/** Shows the order in words with the buttons that sign it, or marks what is wrong. */
function reviewed(form, known, review, { send, check }) {
  for (const id of ["order-quantity", "order-limit", "withdraw-amount", "withdraw-recipient"]) mark(id, "");
  let made;
  try {
    made = orderOf(form, known);
  } catch (error) {
    if (!(error instanceof Wrong)) throw error;
    mark(error.id, error.message);
    at(error.id).focus();
    return;
  }
  const answer = el("div", { role: "status" });
  const busy = (run) => async (event) => {
    const buttons = [...review.querySelectorAll("button")];
    buttons.forEach((button) => (button.disabled = true));
    await run(made, answer, event.currentTarget);
    buttons.forEach((button) => (button.disabled = false));
  };
  const go = el("button", { class: "main", type: "button", onclick: busy(send) }, "Sign and send");
  const ask = el("button", { type: "button", onclick: busy(check) }, "Only check");
  fill(
    review,
    el(
      "div",
      { class: "notice" },
      made.words.map((line) => el("p", {}, line)),
      el("div", { class: "buttons" }, go, ask),
      answer,
    ),
  );
  go.focus();
}

/** The order of what was filled in, without its nonce, and in words. */
function orderOf(form, known) {
  const { state } = known;
  const first = state.open_batch ?? state.next_batch;
  const count = Number(at("order-batches").value);
  const last = count === 0 ? LAST_BATCH : Math.min(first + count - 1, LAST_BATCH);
  const window = {
    first_batch: first,
    last_batch: last,
    survives_void: at("order-survives").checked,
    max_fee_rate: state.fee_rate,
  };
  const content = { trade, withdraw, cancel }[form.elements.kind.value](form, known);
  const when =
    last === LAST_BATCH
      ? `from batch #${first} until cancelled`
      : first === last
        ? `in batch #${first} only`
        : `in batches #${first} to #${last}`;
  return {
    order: makeOrder({ ...window, ...content.order }, randomElement()),
    words: [...content.words, `Good ${when}.`],
  };
}

function read(id, scale, most, what) {
  const value = parseDecimal(at(id).value, scale);
  if (value === null)
    throw new Wrong(
      id,
      `${what} is a number with at most ${scale} decimals after a point; commas stand between groups of three digits, as in 1,250.5`,
    );
  if (value > most) throw new Wrong(id, `${what} is too large for an order`);
  return value;
}

function trade(form, known) {
  const quantity = read("order-quantity", LOT_SCALE, MOST_LOTS, "The number of contracts");
  if (quantity === 0n) throw new Wrong("order-quantity", "At least one lot: 0.0001 contracts");
  const limit = read("order-limit", PRICE_SCALE, MOST_PRICE, "The limit");
  const side = form.elements.side.value;
  const row = known.instruments.find(({ id }) => id === Number(at("order-instrument").value));
  const premium = quantity * limit;
  const fee = premium * BigInt(known.state.fee_rate);
  const bound = side === "buy" ? "at most" : "at least";
  const words = [
    `${side === "buy" ? "Buy" : "Sell"} ${lots(quantity)} ${row.name ?? `id ${row.id}`} at ${price(limit)} or better (mark ${price(row.mark, 2)}).`,
    `If filled in full at the limit: premium ${bound} ${cash(premium * CASH_A_VALUE)}, fee ${cash(fee)}.`,
  ];
  return {
    order: { kind: "trade", instrument: row.id, side, quantity: String(quantity), limit: String(limit) },
    words,
  };
}

function withdraw() {
  const amount = read("withdraw-amount", PRICE_SCALE, MOST_PRICE * 10n ** 6n, "The amount");
  if (amount === 0n) throw new Wrong("withdraw-amount", "More than nothing");
  const [quantity, limit] = amount <= MOST_PRICE ? [1n, amount] : [10n ** 6n, amount / 10n ** 6n];
  if (quantity * limit !== amount)
    throw new Wrong("withdraw-amount", "An amount above four million is in whole units of the quote currency");
  const recipient = at("withdraw-recipient").value.trim().toLowerCase();
  if (!/^0x[0-9a-f]{40}$/.test(recipient) || /^0x0*$/.test(recipient))
    throw new Wrong("withdraw-recipient", "An address is 0x and 40 hexadecimal digits, not all 0");
  const order = { kind: "withdraw", quantity: String(quantity), limit: String(limit), recipient };
  return { order, words: [`Withdraw ${tokens(amount)} to ${recipient}. Amount and address will be public on chain.`] };
}

function cancel() {
  return {
    order: { kind: "cancel", raises_epoch: true },
    words: ["End all older orders of this account, by raising its nonce epoch."],
  };
}
