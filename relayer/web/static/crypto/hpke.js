// HPKE (RFC 9180), base mode, to seal one message: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305.
//
// X25519 and ChaCha20-Poly1305 are noble's, so that a page that is not served over TLS on a machine's own network works as well, where
// browsers keep WebCrypto from pages. The sender's key is drawn for one message and used once; what is secret for longer never enters here.

import { chacha20poly1305 } from "../vendor/ciphers/chacha.js";
import { x25519 } from "../vendor/curves/ed25519.js";
import { expand, extract } from "../vendor/hashes/hkdf.js";
import { sha256 } from "../vendor/hashes/sha2.js";
import { ascii, concat, toBytes } from "./field.js";

const EMPTY = new Uint8Array();
const KEM_SUITE = concat(ascii("KEM"), toBytes(0x0020, 2));
const SUITE = concat(ascii("HPKE"), toBytes(0x0020, 2), toBytes(0x0001, 2), toBytes(0x0003, 2));
const BASE_MODE = Uint8Array.of(0);

const labeledExtract = (suite, salt, label, secret) =>
  extract(sha256, concat(ascii("HPKE-v1"), suite, ascii(label), secret), salt);
const labeledExpand = (suite, key, label, info, length) =>
  expand(sha256, key, concat(toBytes(length, 2), ascii("HPKE-v1"), suite, ascii(label), info), length);

/** The shared secret with a recipient, for a sender's key. */
function encapsulate(recipient, secretKey) {
  const encapsulated = x25519.getPublicKey(secretKey);
  const context = concat(encapsulated, recipient);
  const early = labeledExtract(KEM_SUITE, EMPTY, "eae_prk", x25519.getSharedSecret(secretKey, recipient));
  return { encapsulated, shared: labeledExpand(KEM_SUITE, early, "shared_secret", context, 32) };
}

/** Key and nonce of the first message. */
function schedule(shared, info) {
  const context = concat(
    BASE_MODE,
    labeledExtract(SUITE, EMPTY, "psk_id_hash", EMPTY),
    labeledExtract(SUITE, EMPTY, "info_hash", info),
  );
  const secret = labeledExtract(SUITE, shared, "secret", EMPTY);
  return {
    key: labeledExpand(SUITE, secret, "key", context, 32),
    nonce: labeledExpand(SUITE, secret, "base_nonce", context, 12),
  };
}

/** Seals a message to a public key of 32 bytes: {encapsulated, ciphertext}. The last argument is for vectors alone. */
export function seal(recipient, info, plain, aad = EMPTY, secretKey = x25519.utils.randomSecretKey()) {
  if (recipient.length !== 32) throw new RangeError("an encryption key has 32 bytes");
  const { encapsulated, shared } = encapsulate(recipient, secretKey);
  const { key, nonce } = schedule(shared, info);
  return { encapsulated, ciphertext: chacha20poly1305(key, nonce, aad).encrypt(plain) };
}
