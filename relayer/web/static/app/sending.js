// What the answer to an order is worth.

import { Problem } from "./api.js";
import { el } from "./dom.js";
import { cash } from "./format.js";
import { judged } from "./receipts.js";
import { known } from "./store.js";

/** What the trader has in hand: a receipt that binds the operator to the order that was signed, or the knowledge that there is none. */
export async function accepted(told, sent, own) {
  if (BigInt(told.hash) !== sent.hash)
    return el(
      "p",
      { class: "bad-text" },
      "The relayer acknowledged another order than the one that was signed. Do not count on it.",
    );
  sent.answered = true;
  if (!told.receipt) return el("p", {}, "Stored; it waits for a batch and has no receipt yet.");
  const [{ fault }] = await judged([told], own);
  if (fault) return el("p", { class: "bad-text" }, `The receipt does not hold: ${fault}. Do not count on this order.`);
  const { sequence, batch } = told.receipt;
  return el(
    "p",
    { class: "good-text" },
    `Receipt checked: number ${sequence} in batch #${batch}. The operator's bond stands for it.`,
  );
}

/** What the relayer answers once it has judged an order and stored none of that hash. */
const REFUSED = [
  "BATCH_FULL",
  "EXPIRED",
  "INSUFFICIENT_MARGIN",
  "INVALID_ORDER",
  "INVALID_SIGNATURE",
  "NONCE_USED",
  "UNKNOWN_ACCOUNT",
  "UNKNOWN_INSTRUMENT",
];
const KEY_GONE = ["UNKNOWN_KEY", "DECRYPTION_FAILED"];

/** Whether an error says that the order was judged and not taken. A failure, a proxy's answer or none may come after it was stored. */
export const isRefused = (error) =>
  error instanceof Problem && error.status >= 400 && error.status < 500 && REFUSED.includes(error.code);

/** Whether the envelope was encrypted to a key that is not in force any more: the same order is encrypted anew. */
export const isKeyGone = (error) => error instanceof Problem && KEY_GONE.includes(error.code);

/** What is said where an order was sent and no answer judged it. */
export const unanswered = () =>
  el(
    "p",
    {},
    "Whether it was taken is not known. “Sign and send” sends the same order again, which is never executed twice; a new review makes another order.",
  );

/** A refusal as a line. */
export function refusal(error) {
  const { scenario, shortfall } = error.values ?? {};
  const label = known.risk?.scenarios.find(({ number }) => number === scenario)?.label ?? scenario ?? "the mark";
  const where = shortfall ? ` (short by ${cash(shortfall)} in ${label})` : "";
  return el("p", { class: "bad-text" }, error.code ? `${error.code}${where}: ${error.message}` : error.message);
}
