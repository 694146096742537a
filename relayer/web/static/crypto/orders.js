// Orders, cancels and challenges: what an owner signs (docs/protocol.md section 4), and the domain that binds it to one vault.

import { keccak_256 } from "../vendor/hashes/sha3.js";
import { sign } from "./eddsa.js";
import { P, ascii, concat, element, fromHex, mod, parseElement, toBytes, toNumber } from "./field.js";
import { poseidon, sponge } from "./poseidon.js";

const CANCEL_TAG = 11;
const AUTH_TAG = 12;
export const NO_ADDRESS = "0x" + "0".repeat(40);
const WORD = /^(0|[1-9][0-9]*)$/;
const KINDS = ["trade", "withdraw", "cancel"];

/** The fields of `fields` in order: name, bits, offset. */
const FIELDS = [
  ["account", 21, 0],
  ["instrument", 27, 21],
  ["side", 1, 48],
  ["quantity", 32, 49],
  ["limit", 42, 81],
  ["max_fee_rate", 14, 123],
  ["epoch", 32, 137],
  ["slot", 6, 169],
  ["first_batch", 32, 175],
  ["last_batch", 32, 207],
  ["survives_void", 1, 239],
  ["kind", 2, 240],
];

/** The domain of a vault: what orders, salts and pads are bound to. */
export function domainOf(chainId, vault) {
  const name = new Uint8Array(32);
  name.set(ascii("tacit.domain.1"));
  const contract = concat(new Uint8Array(12), fromHex(vault));
  return mod(toNumber(keccak_256(concat(name, toBytes(chainId, 32), contract))));
}

function decimal(name, text) {
  if (typeof text !== "string" || !WORD.test(text)) throw new TypeError(`${name} is a string of decimal digits`);
  return BigInt(text);
}

function numbers(order) {
  if (!KINDS.includes(order.kind)) throw new TypeError("kind is trade, withdraw or cancel");
  if (order.side !== "buy" && order.side !== "sell") throw new TypeError("side is buy or sell");
  return {
    ...order,
    side: order.side === "buy" ? 1 : 0,
    quantity: decimal("quantity", order.quantity),
    limit: decimal("limit", order.limit),
    survives_void: order.survives_void ? 1 : 0,
    kind: KINDS.indexOf(order.kind),
  };
}

/** The word `fields` of an order as JSON carries it; a field out of range is refused by its name, its value never told. */
export function orderFields(order) {
  const plain = numbers(order);
  let word = 0n;
  for (const [name, bits, offset] of FIELDS) {
    const value = BigInt(plain[name]);
    if (value < 0n || value >> BigInt(bits)) throw new RangeError(`${name} does not fit its ${bits} bits`);
    word += value << BigInt(offset);
  }
  if (plain.quantity === 0n) throw new RangeError("quantity is at least 1");
  if ((order.kind === "trade") !== (order.instrument !== 0))
    throw new RangeError("a trade names an instrument, nothing else does");
  if (order.kind !== "withdraw" && order.recipient !== NO_ADDRESS)
    throw new RangeError("only a withdrawal has a recipient");
  if (order.kind === "withdraw" && order.side !== "buy") throw new RangeError("a withdrawal has side buy");
  return word;
}

/** o = H_4(domain, fields, recipient + 2¹⁶⁰·2, salt). */
export function orderHash(order, domain) {
  if (!/^0x[0-9a-f]{40}$/.test(order.recipient)) throw new TypeError("recipient is 0x and 40 hexadecimal digits");
  const recipient = BigInt(order.recipient) + (2n << 160n);
  return poseidon([domain, orderFields(order), recipient, parseElement(order.salt)]);
}

/** Signature of an order under a signing key. */
export function signOrder(key, order, domain) {
  return sign(key, orderHash(order, domain));
}

/** Signature that withdraws a waiting order, by its hash. */
export function signCancel(key, hash, domain) {
  return sign(key, sponge(CANCEL_TAG, [domain, hash]));
}

/** Signature that shows to the operator who asks. */
export function signChallenge(key, challenge, domain) {
  if (challenge < 0n || challenge >= P) throw new RangeError("the challenge is no field element");
  return sign(key, sponge(AUTH_TAG, [domain, challenge]));
}

/** An order of defaults with what is given: everything as JSON carries it. */
export function makeOrder(given, salt) {
  return {
    account: 0,
    instrument: 0,
    side: "buy",
    quantity: "1",
    limit: "0",
    max_fee_rate: 0,
    epoch: 0,
    slot: 0,
    first_batch: 0,
    last_batch: 2 ** 32 - 1,
    survives_void: true,
    kind: "trade",
    recipient: NO_ADDRESS,
    salt: element(salt),
    ...given,
  };
}
