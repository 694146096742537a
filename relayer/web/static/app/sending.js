// What is put into an order before it is signed, and what its answer is worth.

import { Problem } from "./api.js";
import { el } from "./dom.js";
import { cash } from "./format.js";
import { receiptFault } from "./orders.js";
import { known } from "./store.js";

const LIVE = ["waiting", "receipted", "sealed"];
const SLOTS = 64;

/** An order with the account and a free nonce; a cancel raises the epoch. */
export function placed(order, own) {
  const { raises_epoch: raises, ...plain } = order;
  const leaf = own.reading?.leaf ?? {
    epoch: own.account.nonce?.epoch ?? 0,
    bitmap: BigInt(own.account.nonce?.bitmap ?? 0),
  };
  const epoch = leaf.epoch + (raises ? 1 : 0);
  const taken = new Set(
    own.orders
      .filter(({ state, content }) => LIVE.includes(state) && content?.epoch === epoch)
      .map(({ content }) => content.slot),
  );
  const used = (slot) => taken.has(slot) || (!raises && (leaf.bitmap >> BigInt(slot)) & 1n);
  const slot = Array.from({ length: SLOTS }, (_, i) => i).find((i) => !used(i));
  if (slot === undefined) throw new Error("all 64 nonces of this epoch are used: cancel all older orders first");
  return { ...plain, account: own.account.account, epoch, slot };
}

/** What the trader has in hand: a receipt that binds the operator to this very order, or the knowledge that there is none. */
export function accepted(told, hash, own) {
  if (BigInt(told.hash) !== hash)
    return el(
      "p",
      { class: "bad-text" },
      "The relayer acknowledged another order than the one that was signed. Do not count on it.",
    );
  if (!told.receipt) return el("p", {}, "Stored; it waits for a batch and has no receipt yet.");
  const fault = receiptFault(told, own.account.account, own);
  if (fault) return el("p", { class: "bad-text" }, `The receipt does not hold: ${fault}. Do not count on this order.`);
  return el(
    "p",
    { class: "good-text" },
    `Receipt checked: number ${told.sequence} in batch #${told.batch}. The operator's bond stands for it.`,
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
