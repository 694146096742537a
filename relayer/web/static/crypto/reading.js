// An account decrypted from the public words of its touch with its owner's keys (docs/protocol.md sections 3 and 8).
//
// What comes out is what was proven, if the words are the chain's: the leaf is hashed again and compared, and so is v. Where the words
// are from, and that they stand on chain, is for who calls this to know (chain.js).

import { mod } from "./field.js";
import { sponge, sponge8 } from "./poseidon.js";

const LEAF_TAG = 1;
const IV_TAG = 5;
const PAD_TAG = 6;
const OPEN_WORDS = 5;
const CASH_OFFSET = 1n << 91n;
const QUANTITY_OFFSET = 1n << 35n;

/** Sizes of the parameter sets. */
export const PARAMS = {
  dev: { depth: 3, touches: 2, orders: 2, positions: 4, scenarios: 4, rows: 8 },
  standard: { depth: 7, touches: 7, orders: 4, positions: 16, scenarios: 24, rows: 64 },
  large: { depth: 7, touches: 28, orders: 4, positions: 16, scenarios: 24, rows: 256 },
};

export const REASONS = [
  "",
  "the account does not exist",
  "the batch is outside the order's window",
  "its nonce is used or outdated",
  "the instrument is unknown",
  "the instrument is settled",
  "the batch's fee rate is above what the order accepts",
  "the account has no place for another position",
  "account and orders together are beyond the range of margin",
  "the withdrawal is not covered by cash",
  "initial margin",
];

/** Words of a touch: ⌈(n_x + 1)/8⌉ pads cover n_x ciphertexts and the salt. */
export function sizes(params) {
  const outcomes = Math.ceil(params.orders / 7);
  const ciphers = 1 + params.positions / 4 + outcomes;
  return { outcomes, ciphers, blocks: Math.ceil((ciphers + 1) / 8), words: 6 + ciphers };
}

const bits = (word, offset, count) => (word >> BigInt(offset)) & ((1n << BigInt(count)) - 1n);

/** The pads of a touch, the salt of its new leaf last. */
export function pads(viewing, domain, index, v, blocks) {
  return Array.from({ length: blocks }, (_, b) =>
    sponge8(PAD_TAG, [viewing, domain, BigInt(index), mod(v + BigInt(b))]),
  ).flat();
}

/** Positions of the leaf's words. */
function positionsOf(words) {
  const places = words.flatMap((word) => [0, 1, 2, 3].map((i) => bits(word, 63 * i, 63)));
  return places
    .map((place) => ({ instrument: Number(place & 0x7ffffffn), quantity: (place >> 27n) - QUANTITY_OFFSET }))
    .filter(({ instrument }) => instrument !== 0);
}

/** What became of each order place: lots filled and the reason, 0 for none. */
function outcomesOf(words, count) {
  const slots = words.flatMap((word) => Array.from({ length: 7 }, (_, i) => bits(word, 36 * i, 36)));
  return slots.slice(0, count).map((slot) => ({ fill: slot & 0xffffffffn, reason: Number(slot >> 32n) }));
}

/**
 * The account after a touch and what became of its orders: {leaf, outcomes}. `words` are the touch's public ones (BigInt), `owner` the
 * holder {viewing, owner}. Refused if the keys do not open it.
 */
export function readTouch(params, words, owner, domain, index) {
  const { outcomes, ciphers, blocks, words: length } = sizes(params);
  if (words.length !== length) throw new RangeError(`a touch has ${length} words, not ${words.length}`);
  const v = words[OPEN_WORDS];
  const stream = pads(owner.viewing, domain, index, v, blocks);
  const plain = words.slice(OPEN_WORDS + 1).map((cipher, i) => mod(cipher - stream[i]));
  const [state, positionWords, outcomeWords] = [
    plain[0],
    plain.slice(1, ciphers - outcomes),
    plain.slice(ciphers - outcomes),
  ];
  if (sponge(IV_TAG, [owner.viewing, domain, ...plain]) !== v) throw new Error("these keys do not open the account");
  if (bits(state, 188, 21) !== BigInt(index)) throw new Error("the touch is another account's");
  const updates = bits(state, 209, 32);
  const salt = stream[stream.length - 1];
  const leafWords = [owner.owner, bits(state, 0, 188), updates, salt, ...positionWords];
  const hash = sponge(LEAF_TAG, leafWords);
  if (hash !== words[2]) throw new Error("the account does not hash to the leaf that was proven");
  const leaf = {
    owner: owner.owner,
    cash: bits(state, 0, 92) - CASH_OFFSET,
    epoch: Number(bits(state, 92, 32)),
    bitmap: bits(state, 124, 64),
    updates: Number(updates),
    salt,
    positions: positionsOf(positionWords),
    hash,
  };
  return { leaf, outcomes: outcomesOf(outcomeWords, params.orders) };
}
