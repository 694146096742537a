// Envelopes: an order, or the registration of an account, encrypted to the operator's key in force and bound to vault and window.

import { sha256 } from "../vendor/hashes/sha2.js";
import { packSignature } from "./eddsa.js";
import { ascii, concat, element, fromHex, toBytes, toHex } from "./field.js";
import { seal } from "./hpke.js";
import { holderToWire } from "./seed.js";

const PLAIN_BYTES = 1024;
const KEY_ID_BYTES = 8;

/** JSON in the one length that every plaintext has. */
export function pad(document) {
  const text = ascii(JSON.stringify(document));
  if (text.length > PLAIN_BYTES - 2)
    throw new RangeError(`the content is longer than an envelope of ${PLAIN_BYTES} bytes`);
  const plain = new Uint8Array(PLAIN_BYTES);
  plain.set(toBytes(text.length, 2));
  plain.set(text, 2);
  return plain;
}

/** What the encryption is bound to. */
export function infoOf(purpose, { domain, vault }, first, last, keyId) {
  return concat(ascii(purpose), toBytes(domain, 32), fromHex(vault), toBytes(first, 4), toBytes(last, 4), keyId);
}

function enveloped(purpose, venue, encryptionKey, first, last, document, secretKey) {
  const key = fromHex(encryptionKey);
  const keyId = sha256(key).slice(0, KEY_ID_BYTES);
  const { encapsulated, ciphertext } = seal(
    key,
    infoOf(purpose, venue, first, last, keyId),
    pad(document),
    undefined,
    secretKey,
  );
  return {
    key_id: toHex(keyId).slice(2),
    first_batch: first,
    last_batch: last,
    encapsulated: toHex(encapsulated),
    ciphertext: toHex(ciphertext),
  };
}

/** The envelope of a signed order. `venue` is {domain, vault}; the last argument is for vectors alone. */
export function orderEnvelope(venue, encryptionKey, owner, order, signature, secretKey) {
  const document = { owner: element(owner), order, signature: toHex(packSignature(signature)) };
  return enveloped("tacit.order.1", venue, encryptionKey, order.first_batch, order.last_batch, document, secretKey);
}

/** The envelope that registers an account: the operator learns the viewing key, nobody else does. */
export function accountEnvelope(venue, encryptionKey, holder, secretKey) {
  return enveloped("tacit.account.1", venue, encryptionKey, 0, 0, { holder: holderToWire(holder) }, secretKey);
}
