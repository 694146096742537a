// Keystores of ours, `tacit.keystore.1` (docs/formats.md): a seed under a passphrase, by scrypt and ChaCha20-Poly1305. What a file asks
// of this machine is bounded before anything is derived; a wrong passphrase and a changed file are one error.

import { chacha20poly1305 } from "../vendor/ciphers/chacha.js";
import { scryptAsync } from "../vendor/hashes/scrypt.js";
import { ascii, fromHex, toHex } from "./field.js";

const FORMAT = "tacit.keystore.1";
const R = 8;
const LOWEST = 14;
const HIGHEST = 19;
const COST = 17;
const LONGEST = 16 * 1024;

/** Whether a text is meant as a keystore rather than as plain hexadecimal digits. */
export const isKeystore = (text) => text.trimStart().startsWith("{");

async function keyOf(passphrase, salt, cost, onProgress) {
  return scryptAsync(new TextEncoder().encode(passphrase), salt, {
    N: 2 ** cost,
    r: R,
    p: 1,
    dkLen: 32,
    maxmem: 2 ** 30,
    onProgress,
  });
}

function parsed(text) {
  if (text.length > LONGEST) throw new Error(`a keystore has at most ${LONGEST} characters`);
  let document = null;
  try {
    document = JSON.parse(text);
  } catch {
    throw new Error("the file is no keystore: it is not JSON"); // the parser would quote it
  }
  if (document?.format !== FORMAT) throw new Error(`the file is no keystore of the format ${FORMAT}`);
  const { log_n: cost, r, p } = document.scrypt ?? {};
  if (!Number.isInteger(cost) || cost < LOWEST || cost > HIGHEST || r !== R || p !== 1) {
    throw new Error(`the keystore asks for a scrypt that is not taken: log_n is ${LOWEST} to ${HIGHEST}, r ${R}, p 1`);
  }
  const [salt, nonce, sealed] = [document.scrypt.salt, document.nonce, document.ciphertext].map(fromHex);
  if (salt.length !== 32 || nonce.length !== 12 || sealed.length !== 48)
    throw new Error("the keystore's parts are not of their lengths");
  return { cost, salt, nonce, sealed };
}

/** The seed of a keystore. `onProgress` is told the share of the work that is done. */
export async function openKeystore(text, passphrase, onProgress) {
  const { cost, salt, nonce, sealed } = parsed(text);
  const key = await keyOf(passphrase, salt, cost, onProgress);
  try {
    return chacha20poly1305(key, nonce, ascii(FORMAT)).decrypt(sealed);
  } catch {
    throw new Error("the keystore does not open: another passphrase, or the file was changed");
  } finally {
    key.fill(0);
  }
}

/** A seed as the text of a keystore. */
export async function sealKeystore(seed, passphrase, onProgress, cost = COST) {
  const salt = crypto.getRandomValues(new Uint8Array(32));
  const nonce = crypto.getRandomValues(new Uint8Array(12));
  const key = await keyOf(passphrase, salt, cost, onProgress);
  const sealed = chacha20poly1305(key, nonce, ascii(FORMAT)).encrypt(seed);
  key.fill(0);
  const scrypt = { log_n: cost, r: R, p: 1, salt: toHex(salt) };
  return JSON.stringify({ format: FORMAT, scrypt, nonce: toHex(nonce), ciphertext: toHex(sealed) }, null, 1) + "\n";
}
