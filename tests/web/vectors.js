// The vectors of the protocol against the page's modules, in the browser. Each function gives how many cases held, and throws at the first
// that does not.

import { packPoint, packSignature, publicKey, sign, verify } from "/web/crypto/eddsa.js";
import { accountEnvelope, orderEnvelope } from "/web/crypto/envelope.js";
import { element, fromHex, toHex } from "/web/crypto/field.js";
import { seal } from "/web/crypto/hpke.js";
import { domainOf, orderFields, orderHash, signCancel, signChallenge, signOrder } from "/web/crypto/orders.js";
import { poseidon, sponge, sponge8 } from "/web/crypto/poseidon.js";
import { margin } from "/web/crypto/margin.js";
import { PARAMS, readTouch } from "/web/crypto/reading.js";
import { riskRoot, rowHash } from "/web/crypto/risk.js";
import { checkKey, checkReceipt, keyDigest, separator } from "/web/crypto/receipts.js";
import { holder, holderToWire, signingKey } from "/web/crypto/seed.js";

function same(found, expected, what) {
  const [left, right] = [found, expected].map((each) =>
    JSON.stringify(each, (_, v) => (typeof v === "bigint" ? String(v) : v)),
  );
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
const positionsOf = (positions) =>
  positions.map(({ instrument, quantity }) => ({ instrument, quantity: String(quantity) }));

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
      const found = {
        owner: element(leaf.owner),
        cash: String(leaf.cash),
        epoch: leaf.epoch,
        bitmap: String(leaf.bitmap),
      };
      same(
        { ...found, updates: leaf.updates, salt: element(leaf.salt), positions: positionsOf(leaf.positions) },
        touch.new,
        "leaf",
      );
      touch.orders.forEach((order, i) =>
        same(
          { fill: outcomes[i].fill, reason: outcomes[i].reason },
          { fill: order.fill, reason: order.reason },
          "outcome",
        ),
      );
      for (const place of [2, 5, 6, words.length - 1]) {
        const other = words.map((word, i) => (i === place ? word ^ 1n : word));
        same(
          isRefused(() => readTouch(PARAMS[params], other, owner, domain, touch.index)),
          true,
          `word ${place} altered`,
        );
      }
      const stranger = { ...owner, viewing: owner.viewing ^ 1n };
      same(
        isRefused(() => readTouch(PARAMS[params], words, stranger, domain, touch.index)),
        true,
        "another key",
      );
      count++;
    }
  }
  return count;
}

/** Rows of a risk table and their root. */
export function riskVectors({ risk }) {
  for (const { params, rows, hashes, root } of risk) {
    same(
      rows.map((row) => element(rowHash(row))),
      hashes,
      "rows",
    );
    same(element(riskRoot(rows, PARAMS[params].rows)), root, "risk root");
  }
  return risk.length;
}

/** Claims in every scenario of accounts that no order changed. */
export function marginVectors({ cases }) {
  let count = 0;
  for (const { params, batch, expected } of cases) {
    const rows = new Map(
      batch.risk.rows.map((row) => [
        row.instrument,
        {
          mark: BigInt(row.mark),
          shortMinimum: BigInt(row.short_minimum),
          values: numbers(row.values),
        },
      ]),
    );
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

/** RFC 9180 A.2.1, its first message. */
export function hpkeVectors({ info, pkRm, skEm, enc, pt, encryptions }) {
  const { aad, ct } = encryptions[0];
  const made = seal(fromHex(pkRm), fromHex(info), fromHex(pt), fromHex(aad), fromHex(skEm));
  same([toHex(made.encapsulated), toHex(made.ciphertext)], ["0x" + enc, "0x" + ct], "RFC 9180");
  return 1;
}

/** What a client sends and what it checks, from a seed to bytes on the wire. */
export function clientVectors({ cases }) {
  for (const each of cases) {
    const seed = fromHex(each.seed);
    const domain = domainOf(BigInt(each.chain_id), each.vault);
    const venue = { domain, vault: each.vault };
    const own = holder(seed, domain, each.holder.subaccount);
    const key = signingKey(seed);
    const signature = signOrder(key, each.order, domain);
    same(element(domain), each.domain, "domain");
    same(element(own.owner), each.owner, "owner");
    same(element(orderHash(each.order, domain)), each.order_hash, "order hash");
    same(toHex(packSignature(signature)), each.signature, "signature");
    const { sealed_order: order, sealed_registration: registration } = each;
    same(
      orderEnvelope(venue, each.encryption_key.public, own.owner, each.order, signature, fromHex(order.ephemeral)),
      order.envelope,
      "order",
    );
    same(
      accountEnvelope(venue, each.encryption_key.public, own, fromHex(registration.ephemeral)),
      registration.envelope,
      "registration",
    );
    same(
      toHex(packSignature(signChallenge(key, BigInt(each.challenge.challenge), domain))),
      each.challenge.signature,
      "challenge",
    );
    same(toHex(packSignature(signCancel(key, BigInt(each.order_hash), domain))), each.cancel.signature, "cancel");
    receiptVector(each, domain);
    keyVector(each);
  }
  return cases.length;
}

function keyVector({ chain_id, vault, receipt, encryption_key: key }) {
  const expected = { signer: receipt.signer, chainId: BigInt(chain_id), vault, now: key.not_before };
  const time = (seconds) => new Date(1000 * seconds).toISOString();
  const told = { ...key, not_before: time(key.not_before), not_after: time(key.not_after) };
  const own = separator(expected.chainId, vault);
  same(toHex(keyDigest(key.public, key.not_before, key.not_after, own)), key.digest, "key digest");
  for (const now of [key.not_before - 300, key.not_before, key.not_after - 1])
    same(checkKey(told, { ...expected, now }), key.public, "key");
  const flipped = (hex) => hex.slice(0, -4) + (hex.at(-4) === "0" ? "1" : "0") + hex.slice(-3);
  const wrong = [
    [{ public: flipped(key.public) }, {}],
    [{ signature: flipped(key.signature) }, {}],
    [{ not_before: time(key.not_before - 1) }, {}],
    [{ not_after: time(key.not_after + 1) }, {}],
    [{ not_after: "never" }, {}],
    [{}, { signer: "0x" + "1".repeat(40) }],
    [{}, { vault: flipped(vault) }],
    [{}, { chainId: expected.chainId + 1n }],
    [{}, { now: key.not_before - 301 }],
    [{}, { now: key.not_after }],
  ];
  wrong.forEach(([other, place], i) =>
    same(
      isRefused(() => checkKey({ ...told, ...other }, { ...expected, ...place })),
      true,
      `key ${i}`,
    ),
  );
}

function receiptVector({ chain_id, vault, order_hash, receipt }, domain) {
  const { signed, signer } = receipt;
  const expected = {
    signer,
    chainId: BigInt(chain_id),
    vault,
    domain,
    order: BigInt(order_hash),
    account: signed.account,
    batch: signed.batch,
  };
  checkReceipt(signed, expected);
  const flipped = (hex) => hex.slice(0, -4) + (hex.at(-4) === "0" ? "1" : "0") + hex.slice(-3);
  const high = (L_SECP - BigInt("0x" + signed.signature.slice(66, 130))).toString(16).padStart(64, "0");
  const malleated = signed.signature.slice(0, 66) + high + (signed.signature.endsWith("1b") ? "1c" : "1b");
  const wrong = [
    { ...signed, account: signed.account + 1 },
    { ...signed, batch: signed.batch + 1 },
    { ...signed, sequence: signed.sequence + 1 },
    { ...signed, previous: flipped(signed.previous) },
    { ...signed, signature: flipped(signed.signature) },
    { ...signed, signature: malleated },
    { ...signed, signature: signed.signature.slice(0, -2) + "00" },
  ];
  wrong.forEach((other, i) =>
    same(
      isRefused(() => checkReceipt(other, expected)),
      true,
      `receipt ${i} altered`,
    ),
  );
  for (const name of ["account", "batch"])
    same(
      isRefused(() => checkReceipt(signed, { ...expected, [name]: expected[name] + 1 })),
      true,
      name,
    );
  same(
    isRefused(() => checkReceipt(signed, { ...expected, order: expected.order ^ 1n })),
    true,
    "order",
  );
}

const L_SECP = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
