// All keys of a trader from one seed of 32 bytes (docs/protocol.md section 3), and the owner word of an account.

import { hkdf } from "../vendor/hashes/hkdf.js";
import { sha256 } from "../vendor/hashes/sha2.js";
import { publicKey } from "./eddsa.js";
import { ascii, concat, element, mod, toBytes, toNumber } from "./field.js";
import { poseidon } from "./poseidon.js";

const SALT = ascii("tacit.keys.1");

/** The EdDSA key of a seed: the same in every vault. */
export function signingKey(seed) {
  return hkdf(sha256, seed, SALT, ascii("signing"), 32);
}

/** The viewing key in a vault, of a subaccount below 2³². */
export function viewingKey(seed, domain, subaccount = 0) {
  const info = concat(ascii("viewing"), toBytes(domain, 32), toBytes(subaccount, 4));
  return mod(toNumber(hkdf(sha256, seed, SALT, info, 64)));
}

/** Who owns an account: public key [x, y], viewing key (secret, shared with the operator), subaccount, and their owner word. */
export function holder(seed, domain, subaccount = 0) {
  const key = publicKey(signingKey(seed));
  const viewing = viewingKey(seed, domain, subaccount);
  return { key, viewing, subaccount, owner: poseidon([...key, viewing, BigInt(subaccount)]) };
}

/** A holder as JSON carries it. */
export function holderToWire({ key, viewing, subaccount }) {
  return { key: key.map(String), viewing_key: element(viewing), subaccount };
}
