// What a receipt is worth to the trader: the operator's signature, and, for an order that was signed in this page, that it is for this very
// order in a batch that the vault had open since it was sent. No bond stands for a batch that never opens, or whose bond is free again.
// The relayer tells hash and content of an order from elsewhere alike, so that its receipt cannot be compared with anything.

import { checkReceipt } from "../crypto/receipts.js";
import { newestBatch } from "./opened.js";

/** The order of a hash as the relayer writes it, if it was signed here. */
export function signedHere(hash, own) {
  try {
    return own.signed.get(BigInt(hash)) ?? null;
  } catch {
    return null; // no number: none of ours
  }
}

/**
 * Orders as the relayer tells them, each with `fault`: null without a receipt, "" if it holds, else why it does not; and `compared`:
 * whether the order was signed here.
 */
export async function judged(rows, own) {
  const found = rows.map((row) => ({ row, sent: signedHere(row.hash, own) }));
  const open = await opened(found, own);
  return found.map(({ row, sent }) => ({ ...row, compared: sent !== null, fault: faultOf(row, sent, own, open) }));
}

/** {newest} of the vault's batches if there are receipts to compare with it, {trouble} if nobody tells. */
async function opened(found, own) {
  const fresh = found.filter(({ row, sent }) => row.receipt && sent && sent.held !== JSON.stringify(row.receipt));
  if (!fresh.length) return {};
  try {
    return { newest: await newestBatch(own, Math.max(...fresh.map(({ row }) => row.batch))) };
  } catch (error) {
    return { trouble: error.message };
  }
}

function faultOf(row, sent, own, open) {
  if (sent && otherContent(row, sent)) return "the relayer shows another order than was signed here";
  if (!row.receipt) return null;
  if (sent && sent.held === JSON.stringify(row.receipt)) return "";
  const fault = signatureFault(row, sent, own) || (sent && placeFault(row.batch, sent, open)) || "";
  if (sent && !fault) sent.held = JSON.stringify(row.receipt);
  return fault;
}

/** Whether what is told of an order differs from what was signed under its hash. */
function otherContent({ content }, { order }) {
  if (!content) return false;
  return Object.keys(order).some((name) => name !== "salt" && content[name] !== order[name]);
}

function signatureFault(row, sent, { state, keys, account }) {
  try {
    checkReceipt(row.receipt, {
      signer: state.receipt_signer,
      chainId: BigInt(state.chain_id),
      vault: state.vault,
      domain: keys.domain,
      order: sent ? sent.hash : BigInt(row.hash),
      account: sent ? sent.order.account : account.account,
      batch: row.batch,
    });
    return "";
  } catch (error) {
    return error.message;
  }
}

/** Why an order cannot be in a batch. */
function placeFault(batch, { order, since }, { newest, trouble }) {
  if (trouble) return trouble;
  if (!(order.first_batch <= batch && batch <= order.last_batch)) return "its batch is outside of the order's window";
  if (batch < since) return `it is for batch ${batch}, and none before ${since} was open when the order was sent`;
  if (!(batch <= newest)) return `the vault has not opened batch ${batch}`;
  return "";
}
