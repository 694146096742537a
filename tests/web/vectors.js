// The vectors of the protocol against the page's modules, in the browser. Each function gives how many cases held, and throws at the first
// that does not.

import { packPoint, packSignature, publicKey, sign, verify } from "/web/crypto/eddsa.js";
import { element, fromHex, toHex } from "/web/crypto/field.js";
import { domainOf, orderFields, orderHash } from "/web/crypto/orders.js";
import { poseidon, sponge, sponge8 } from "/web/crypto/poseidon.js";
import { margin } from "/web/crypto/margin.js";
import { PARAMS, readTouch } from "/web/crypto/reading.js";
import { holder, holderToWire, signingKey } from "/web/crypto/seed.js";

function same(found, expected, what) {
  const [left, right] = [found, expected].map((each) => JSON.stringify(each, (_, v) => (typeof v === "bigint" ? String(v) : v)));
  if (left !== right) throw new Error(`${what}: ${left} is not ${right}`);
}

const numbers = (texts) => texts.map(BigInt);

export function poseidonVectors({ vectors }) {
  const own = vectors.filter(({ t }) => t === 5 || t === 6);
  own.forEach((each) => same(poseidon(numbers(each.inputs)), BigInt(each.out), each.name));
  return own.length;
}

export function spongeVectors({ hashes }) {
  const inputs = numbers(hashes.inputs);
  for (const each of hashes.sponge) same(element(sponge(each.tag, inputs.slice(0, each.inputs))), each.out, "S");
  for (const each of hashes.sponge8) same(sponge8(each.tag, inputs.slice(0, each.inputs)).map(element), each.out, "S₈");
  return hashes.sponge.length + hashes.sponge8.length;
}

export function signatureVectors({ vectors, negative }) {
  for (const each of vectors) {
    const seed = fromHex(each.prv);
    const signature = sign(seed, BigInt(each.msg));
    same(publicKey(seed), numbers(each.A), each.name);
    same(toHex(packPoint(numbers(each.A))), "0x" + each.A_packed, each.name);
    same(signature.r8, numbers(each.R8), each.name);
    same(signature.s, BigInt(each.S), each.name);
    same(toHex(packSignature(signature)), "0x" + each.sig_packed, each.name);
  }
  for (const each of negative) {
    const holds = verify(numbers(each.A), BigInt(each.msg), { r8: numbers(each.R8), s: BigInt(each.S) });
    same(holds, each.valid, each.kind);
  }
  return vectors.length + negative.length;
}

export function seedVectors({ cases }) {
  for (const each of cases) {
    const own = holder(fromHex(each.seed), BigInt(each.domain), each.subaccount);
    same(toHex(signingKey(fromHex(each.seed))), each.signing_key, "signing key");
    same(holderToWire(own), { key: each.key, viewing_key: each.viewing_key, subaccount: each.subaccount }, "holder");
    same(element(own.owner), each.owner, "owner");
  }
  return cases.length;
}

export function orderVectors({ orders, order_secret, domain }) {
  same(element(domainOf(domain.chain_id, domain.contract)), domain.domain, "domain");
  for (const { order, fields, hash, signature } of orders) {
    const made = sign(fromHex(order_secret), BigInt(hash));
    same(element(orderFields(order)), fields, "fields");
    same(element(orderHash(order, BigInt(domain.domain))), hash, "order");
    same({ r8: made.r8.map(String), s: String(made.s) }, signature, "signature");
  }
  return orders.length;
}

const holdersOf = (batch) => new Map(batch.touches.map((touch) => [touch.index, touch]));
const positionsOf = (positions) => positions.map(({ instrument, quantity }) => ({ instrument, quantity: String(quantity) }));

function isRefused(run) {
  try {
    run();
  } catch {
    return true;
  }
  return false;
}

/** Accounts after batches, read from the public words with their owners' keys. */
export function readingVectors({ cases }) {
  let count = 0;
  for (const { params, batch, expected } of cases) {
    const holders = holdersOf(batch);
    for (const touch of expected.touches.filter(({ new: leaf }) => leaf && leaf.owner !== "0x" + "0".repeat(64))) {
      const { viewing_key } = holders.get(touch.index).holder;
      const owner = { viewing: BigInt(viewing_key), owner: BigInt(touch.new.owner) };
      const [words, domain] = [numbers(touch.words), BigInt(batch.context.domain)];
      const { leaf, outcomes } = readTouch(PARAMS[params], words, owner, domain, touch.index);
      const found = { owner: element(leaf.owner), cash: String(leaf.cash), epoch: leaf.epoch, bitmap: String(leaf.bitmap) };
      same({ ...found, updates: leaf.updates, salt: element(leaf.salt), positions: positionsOf(leaf.positions) }, touch.new, "leaf");
      touch.orders.forEach((order, i) => same({ fill: outcomes[i].fill, reason: outcomes[i].reason }, { fill: order.fill, reason: order.reason }, "outcome"));
      for (const place of [2, 5, 6, words.length - 1]) {
        const other = words.map((word, i) => (i === place ? word ^ 1n : word));
        same(isRefused(() => readTouch(PARAMS[params], other, owner, domain, touch.index)), true, `word ${place} altered`);
      }
      const stranger = { ...owner, viewing: owner.viewing ^ 1n };
      same(isRefused(() => readTouch(PARAMS[params], words, stranger, domain, touch.index)), true, "another key");
      count++;
    }
  }
  return count;
}

/** Claims in every scenario of accounts that no order changed. */
export function marginVectors({ cases }) {
  let count = 0;
  for (const { params, batch, expected } of cases) {
    const rows = new Map(batch.risk.rows.map((row) => [row.instrument, {
      mark: BigInt(row.mark), shortMinimum: BigInt(row.short_minimum), values: numbers(row.values),
    }]));
    const still = ({ orders, fee_credit, paid, new: leaf, withdrawal }) =>
      leaf && orders.every(({ survived }) => !survived) && fee_credit === "0" && paid === "0" && withdrawal === "0";
    for (const touch of expected.touches.filter(still)) {
      const leaf = {
        cash: BigInt(touch.new.cash),
        positions: touch.new.positions.map(({ instrument, quantity }) => ({ instrument, quantity: BigInt(quantity) })),
      };
      const { claims } = margin(leaf, rows, batch.context, PARAMS[params].scenarios);
      same(claims.map(String), touch.claims, `claims in ${batch.context.batch}`);
      count++;
    }
  }
  return count;
}
