// What the vault's receipt signer signs, as a trader checks it: receipts before trusting one (docs/protocol.md section 14: the signature,
// and that it is about this order), and the keys of the operator before encrypting to one (section 4, "Envelopes").

import { secp256k1 } from "../vendor/curves/secp256k1.js";
import { keccak_256 } from "../vendor/hashes/sha3.js";
import { ascii, concat, fromHex, toBytes, toHex, toNumber } from "./field.js";

const DOMAIN_TYPE = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";
const RECEIPT_TYPE = "Receipt(bytes32 order,uint32 sequence,uint32 account,uint32 batch,bytes32 previous)";
const KEY_TYPE = "EncryptionKey(bytes32 key,uint64 notBefore,uint64 notAfter)";
const EARLY_SECONDS = 300; // a trader's clock may be so far behind
const hashed = (text) => keccak_256(ascii(text));

/** The EIP-712 domain separator of a vault. */
export function separator(chainId, vault) {
  const names = [DOMAIN_TYPE, "tacit", "1"].map(hashed);
  return keccak_256(concat(...names, toBytes(chainId, 32), new Uint8Array(12), fromHex(vault)));
}

/** h_0 of a batch. */
export function chainStart(domain, batch) {
  return keccak_256(concat(toBytes(domain, 32), toBytes(batch, 32)));
}

/** What is signed. */
export function digest(receipt, domainSeparator) {
  const numbers = [receipt.sequence, receipt.account, receipt.batch].map((number) => toBytes(number, 32));
  const content = keccak_256(
    concat(hashed(RECEIPT_TYPE), fromHex(receipt.order), ...numbers, fromHex(receipt.previous)),
  );
  return keccak_256(concat(Uint8Array.of(0x19, 0x01), domainSeparator, content));
}

/** The address whose key signed a digest, null if the signature is none in the one form that counts. */
export function signerOf(hash, signature) {
  const v = signature[64];
  if (signature.length !== 65 || (v !== 27 && v !== 28)) return null;
  try {
    const parsed = secp256k1.Signature.fromBytes(signature.slice(0, 64), "compact").addRecoveryBit(v - 27);
    if (parsed.hasHighS()) return null;
    const key = parsed.recoverPublicKey(hash).toBytes(false);
    return toHex(keccak_256(key.slice(1)).slice(12));
  } catch {
    return null; // r or s out of range, or no point: a signature of nobody
  }
}

/** Checks a receipt for what the trader sent; throws with the reason if it binds the operator to something else, or to nothing. */
export function checkReceipt(receipt, { signer, chainId, vault, domain, order, account, batch }) {
  const made = signerOf(digest(receipt, separator(chainId, vault)), fromHex(receipt.signature));
  if (made !== signer.toLowerCase()) throw new Error("the receipt is not signed by the vault's receipt key");
  if (toNumber(fromHex(receipt.order)) !== order) throw new Error("the receipt is for another order");
  if (receipt.account !== account) throw new Error("the receipt is for another account");
  if (receipt.batch !== batch) throw new Error("the receipt is for another batch");
  if (!(receipt.sequence >= 1)) throw new Error("sequence numbers start at 1, the receipt has less");
  if (receipt.sequence === 1 && receipt.previous !== toHex(chainStart(domain, batch))) {
    throw new Error("the receipt of the first order does not start from h₀");
  }
  return receipt;
}

/** What is signed for a key; times in seconds. */
export function keyDigest(key, notBefore, notAfter, domainSeparator) {
  const times = [notBefore, notAfter].map((time) => toBytes(time, 32));
  const content = keccak_256(concat(hashed(KEY_TYPE), fromHex(key), ...times));
  return keccak_256(concat(Uint8Array.of(0x19, 0x01), domainSeparator, content));
}

/** The key as /v1/keys tells one, if orders may be encrypted to it at the second `now`; else throws with the reason. */
export function checkKey(told, { signer, chainId, vault, now }) {
  const [begin, end] = [told.not_before, told.not_after].map((time) => Math.floor(Date.parse(time) / 1000));
  if (!(begin >= 0 && end > begin)) throw new Error("the relayer's encryption key has no time that it is for");
  const hash = keyDigest(told.public, begin, end, separator(chainId, vault));
  if (signerOf(hash, fromHex(told.signature)) !== signer.toLowerCase()) {
    throw new Error("the encryption key is not signed by the vault's receipt key: somebody else could read what is sent");
  }
  if (now < begin - EARLY_SECONDS || now >= end) {
    throw new Error("the relayer's encryption key is for another time: is this device's clock right?");
  }
  return told.public;
}
