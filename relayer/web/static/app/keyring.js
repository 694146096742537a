// A trader's keys while they are open. They stand in private fields of one object in this page's memory: in no storage, no attribute, no
// request. What leaves are public keys, signatures, and, once and encrypted to the operator, the viewing key.
//
// Closing overwrites the seed's bytes. Copies that the browser made of text that was typed, or of BigInt values, cannot be overwritten
// from here: closing the tab is what ends them.

import { accountEnvelope, orderEnvelope } from "../crypto/envelope.js";
import { packSignature } from "../crypto/eddsa.js";
import { domainOf, orderHash, signCancel, signChallenge, signOrder } from "../crypto/orders.js";
import { element, fromHex, parseElement, toHex } from "../crypto/field.js";
import { isKeystore, openKeystore, sealKeystore } from "../crypto/keystore.js";
import { readTouch } from "../crypto/reading.js";
import { holder, signingKey } from "../crypto/seed.js";

const SEED = /^(0x)?[0-9a-fA-F]{64}$/;

/** The seed in a text: 64 hexadecimal digits, or a keystore and its passphrase. The text is never repeated in an error. */
export async function seedOf(text, passphrase, onProgress) {
  if (isKeystore(text)) return openKeystore(text, passphrase, onProgress);
  if (!SEED.test(text.trim())) throw new Error("a seed is 64 hexadecimal digits; a keystore is a JSON file");
  return fromHex(text.trim());
}

/** A new seed, and its keystore under a passphrase. */
export async function drawSeed(passphrase, onProgress) {
  const seed = crypto.getRandomValues(new Uint8Array(32));
  return { seed, keystore: await sealKeystore(seed, passphrase, onProgress) };
}

/** Keys of one account of one vault. */
export class Keyring {
  #seed;
  #holder;
  #venue;

  /** `state` is the vault as the relayer names it; the domain follows from chain and address, and is not believed. */
  constructor(seed, state, subaccount = 0) {
    const domain = domainOf(BigInt(state.chain_id), state.vault);
    if (element(domain) !== state.domain)
      throw new Error("the relayer names a domain that is not its vault's: do not sign here");
    this.#seed = seed;
    this.#venue = { domain, vault: state.vault };
    this.#holder = holder(seed, domain, subaccount);
  }

  /** The owner word, which deposits name. */
  get owner() {
    return element(this.#holder.owner);
  }

  /** The vault's domain. */
  get domain() {
    return this.#venue.domain;
  }

  /** The hash of an order, o of the protocol. */
  hash(order) {
    return orderHash(order, this.#venue.domain);
  }

  /** The envelope of an order, signed. */
  orderEnvelope(order, encryptionKey) {
    const signature = signOrder(signingKey(this.#seed), order, this.#venue.domain);
    return orderEnvelope(this.#venue, encryptionKey, this.#holder.owner, order, signature);
  }

  /** The envelope that registers the account. */
  accountEnvelope(encryptionKey) {
    return accountEnvelope(this.#venue, encryptionKey, this.#holder);
  }

  /** The answer to a challenge. */
  answer(challenge) {
    return toHex(packSignature(signChallenge(signingKey(this.#seed), parseElement(challenge), this.#venue.domain)));
  }

  /** The cancelling of a waiting order by its hash. */
  cancel(hash) {
    return toHex(packSignature(signCancel(signingKey(this.#seed), parseElement(hash), this.#venue.domain)));
  }

  /** The account in a touch's words. */
  read(params, words, index) {
    return readTouch(params, words, this.#holder, this.#venue.domain, index);
  }

  /** Ends it. */
  close() {
    this.#seed.fill(0);
    this.#holder = null;
  }
}
