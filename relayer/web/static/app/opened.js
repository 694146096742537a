// Which batches the vault has opened: by a node of the trader's own where one is named, else as the relayer tells.

import { ascii, toHex } from "../crypto/field.js";
import { keccak_256 } from "../vendor/hashes/sha3.js";
import { get } from "./api.js";
import { call } from "./settlement.js";

const GLANCES = [250, 500, 1000]; // milliseconds between looks at who is behind a receipt
const FIRST_WORD = 66;

async function numberOf(node, vault, name) {
  const data = toHex(keccak_256(ascii(`${name}()`)).slice(0, 4));
  const words = await call(node, "eth_call", [{ to: vault, data }, "latest"]);
  return Number(BigInt(words.slice(0, FIRST_WORD)));
}

/** {next, newest}: the oldest batch that an order sent now can be in, and the newest that was opened. */
export async function openBatches({ node, state }) {
  if (!node) {
    const { open_batch: open, next_batch: next } = await get("v1/state");
    return { next: open ?? next, newest: open ?? next - 1 };
  }
  try {
    const names = ["batch", "opening"];
    const [newest, open] = await Promise.all(names.map((name) => numberOf(node, state.vault, name)));
    return { next: open || newest + 1, newest };
  } catch (error) {
    throw new Error(`your node does not tell which batches the vault has opened: ${error.message}`);
  }
}

/** The newest batch that was opened; looked at again for a while where it is before `batch`. */
export async function newestBatch(own, batch) {
  for (const pause of GLANCES) {
    const { newest } = await openBatches(own);
    if (newest >= batch) return newest;
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
  return (await openBatches(own)).newest;
}
