// A settlement as published: its words (docs/protocol.md section 8), their hash as the vault's event states it, clearing prices, touches.

import { keccak_256 } from "../vendor/hashes/sha3.js";
import { ascii, concat, toBytes, toHex } from "../crypto/field.js";
import { PARAMS, sizes } from "../crypto/reading.js";
import { get } from "./api.js";

const OPEN_WORDS = 5;
const LIVE = 1n << 21n;
const ID_BITS = 27n;
const PRICE_BITS = 42n;
const SETTLED_EVENT = "BatchSettled(uint32,uint256,uint256,bytes32,bytes32,address)";
const DATA_HASH_WORD = 2;
const EPOCH_EVENT = "EpochPosted(uint32,uint256,uint32[],(uint32,uint64)[],uint40)";
const RISK_ROOT_WORD = 0;

/** The settlement of a batch. */
export const settlementOf = (batch) => get(`v1/batches/${batch}/proof`);

/** The words of a settlement: those of each touch, a segment at a time, and the closing ones. */
export function wordsOf({ params, segments, words }) {
  const { touches } = PARAMS[params];
  const { words: length } = sizes(PARAMS[params]);
  const numbers = words.map(BigInt);
  const closing = numbers.slice(segments.length * touches * length);
  const split = Array.from({ length: segments.length }, (_, s) =>
    Array.from({ length: touches }, (_, t) =>
      numbers.slice((s * touches + t) * length, (s * touches + t + 1) * length),
    ),
  );
  return { segments: split, closing };
}

const bytes = (words) => concat(...words.map((word) => toBytes(word, 32)));

/** dataHash of the vault's event: keccak over the hashes of all segments and of the closing words. */
export function dataHash({ segments, closing }) {
  const hashes = segments.map((touches) => {
    const open = touches.flatMap((touch) => touch.slice(0, OPEN_WORDS));
    const encrypted = touches.flatMap((touch) => touch.slice(OPEN_WORDS));
    return keccak_256(concat(bytes(open), keccak_256(bytes(encrypted))));
  });
  return toHex(keccak_256(concat(...hashes, keccak_256(bytes(closing)))));
}

/** The words of an account's touch in a settlement, null if it was not touched or does not exist after it. */
export function touchOf({ segments }, index) {
  const own = (touch) => touch[0] & LIVE && touch[0] % LIVE === BigInt(index) && touch[2] !== 0n;
  return segments.flat().find(own) ?? null;
}

/** Clearing prices of what traded: [{instrument, price}], price a decimal string in price units. */
export async function closingPrices(batch) {
  const { closing } = wordsOf(await settlementOf(batch));
  return closing
    .filter((word) => (word >> (ID_BITS + PRICE_BITS)) & 1n)
    .map((word) => ({
      instrument: Number(word & ((1n << ID_BITS) - 1n)),
      price: String((word >> ID_BITS) & ((1n << PRICE_BITS) - 1n)),
    }));
}

/** The vault's own record of a settled batch at a node: dataHash of its event; null if the node has none. */
export const recordedHash = (node, vault, batch) => eventWord(node, vault, SETTLED_EVENT, batch, DATA_HASH_WORD);

/** The risk root of an epoch as the vault's event at a node names it; null if the node has none. */
export const recordedRoot = (node, vault, epoch) => eventWord(node, vault, EPOCH_EVENT, epoch, RISK_ROOT_WORD);

/** A word of the last event of a kind with a number as its first topic. */
async function eventWord(node, vault, event, number, place) {
  const topics = [toHex(keccak_256(ascii(event))), "0x" + number.toString(16).padStart(64, "0")];
  const logs = await call(node, "eth_getLogs", [{ address: vault, topics, fromBlock: "0x0", toBlock: "latest" }]);
  const last = logs.at(-1);
  return last ? "0x" + last.data.slice(2 + 64 * place, 66 + 64 * place) : null;
}

/** A JSON-RPC call to a node. */
export async function call(node, method, params) {
  const response = await fetch(node, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
  });
  const { result, error } = await response.json();
  if (error) throw new Error(`the node refused ${method}: ${error.message}`);
  return result;
}
