// Circomlib's Poseidon and the protocol's sponge (docs/protocol.md, introduction). Widths 5, 6 and 9: all that a client hashes.

import { P } from "./field.js";
import * as constants from "./poseidon_constants.js";

const FULL_ROUNDS = 8;
const RATE = 8;
const TAG_SHIFT = 64n;

const tables = new Map();

/** Round constants and matrix of a width, each a list of rows. */
function table(width) {
  if (!tables.has(width)) {
    const rounds = constants[`ROUNDS_${width}`];
    if (!rounds) throw new RangeError(`no constants for Poseidon of width ${width}`);
    tables.set(width, { rounds: rows(rounds, width), matrix: rows(constants[`MATRIX_${width}`], width) });
  }
  return tables.get(width);
}

function rows(text, width) {
  const words = text
    .trim()
    .split("\n")
    .map((word) => BigInt("0x" + word));
  return Array.from({ length: words.length / width }, (_, i) => words.slice(width * i, width * (i + 1)));
}

function fifth(x) {
  const square = (x * x) % P;
  return (((square * square) % P) * x) % P;
}

/** One permutation of a state. */
function permute(state) {
  const { rounds, matrix } = table(state.length);
  const half = FULL_ROUNDS / 2;
  let now = state;
  for (let round = 0; round < rounds.length; round++) {
    now = now.map((x, i) => x + rounds[round][i]);
    const full = round < half || round >= rounds.length - half;
    for (let i = 0; i < (full ? now.length : 1); i++) now[i] = fifth(now[i] % P);
    const before = now;
    now = matrix.map((row) => row.reduce((sum, factor, i) => sum + factor * before[i], 0n) % P);
  }
  return now;
}

function checked(inputs) {
  for (const x of inputs)
    if (typeof x !== "bigint" || x < 0n || x >= P) throw new RangeError("an input of a hash is no field element");
  return inputs;
}

/** H_k of k inputs: 4, 5 or 8 here. */
export function poseidon(inputs) {
  return permute([0n, ...checked(inputs)])[0];
}

/** S₈(tag; inputs …): eight field elements. */
export function sponge8(tag, inputs) {
  checked(inputs);
  let state = [(BigInt(tag) << TAG_SHIFT) + BigInt(inputs.length), ...Array(RATE).fill(0n)];
  for (let start = 0; start < Math.max(inputs.length, 1); start += RATE) {
    inputs.slice(start, start + RATE).forEach((x, i) => (state[1 + i] = (state[1 + i] + x) % P));
    state = permute(state);
  }
  return state.slice(1);
}

/** S(tag; inputs …): one field element. */
export function sponge(tag, inputs) {
  return sponge8(tag, inputs)[0];
}
