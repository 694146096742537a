// The root of a risk table (docs/protocol.md section 6): what the vault holds of the marks and scenario values that margin rests on.

import { poseidon, sponge } from "./poseidon.js";

const ROW_TAG = 7;
const ARITY = 8;
const ID_BITS = 27n;
const PRICE_BITS = 42n;
const VALUES_A_WORD = 6;

/** The hash of a row as JSON carries it. */
export function rowHash({ instrument, mark, short_minimum, greeks, values }) {
  const head = BigInt(instrument) + (BigInt(mark) << ID_BITS) + (BigInt(short_minimum) << (ID_BITS + PRICE_BITS));
  const words = [];
  values.forEach((value, i) => {
    const at = Math.floor(i / VALUES_A_WORD);
    words[at] = (words[at] ?? 0n) + (BigInt(value) << (PRICE_BITS * BigInt(i % VALUES_A_WORD)));
  });
  return sponge(ROW_TAG, [head, BigInt(greeks), ...words]);
}

/** The root over rows in a table with room for `most`. */
export function riskRoot(rows, most) {
  let level = rows.map(rowHash);
  let empty = 0n;
  for (let size = 1; size < most; size *= ARITY) {
    const parents = Math.max(Math.ceil(level.length / ARITY), 1);
    const below = empty;
    level = Array.from({ length: parents }, (_, i) =>
      poseidon(Array.from({ length: ARITY }, (_, child) => level[ARITY * i + child] ?? below)),
    );
    empty = poseidon(Array(ARITY).fill(below));
  }
  return level[0] ?? empty;
}
