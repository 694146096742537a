// EdDSA-Poseidon on Baby Jubjub (EIP-2494), equal to circomlib's and zk-kit's: what owners sign orders, cancels and challenges with.
//
// Point arithmetic is noble's. Its multiplication by a secret does the same steps for every scalar; the BigInt steps themselves take
// time that depends on values (field.js).

import { edwards } from "../vendor/curves/abstract/edwards.js";
import { blake512 } from "../vendor/hashes/blake1.js";
import { P, concat, mod } from "./field.js";
import { poseidon } from "./poseidon.js";

/** Order of the subgroup that keys lie in. */
export const L = 2736030358979909402780800718157159386076813972158567259200215660948447373041n;
const COFACTOR = 8n;
const LENGTH = 32;

const Point = edwards({
  p: P,
  n: L,
  h: COFACTOR,
  a: 168700n,
  d: 168696n,
  Gx: 5299619240641551281634865583518297030282874472190772894086521144482721001553n,
  Gy: 16950150798460657717958625567821834550301663161624707787222815936182638968203n,
});

function littleEndian(bytes) {
  return bytes.reduceRight((sum, byte) => (sum << 8n) + BigInt(byte), 0n);
}

function toLittleEndian(value) {
  return Uint8Array.from({ length: LENGTH }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn));
}

/** The secret scalar and the second half of the expanded seed: original BLAKE-512, as circomlib expands. */
function expand(seed) {
  if (seed.length !== LENGTH) throw new RangeError(`a signing key has ${LENGTH} bytes, not ${seed.length}`);
  const hash = blake512(seed);
  const low = hash.slice(0, LENGTH);
  low[0] &= 0xf8;
  low[31] = (low[31] & 0x7f) | 0x40;
  return { scalar: littleEndian(low) >> 3n, prefix: hash.slice(LENGTH) };
}

const affine = (point) => {
  const { x, y } = point.toAffine();
  return [x, y];
};

/** The public key [x, y] of a seed of 32 bytes. */
export function publicKey(seed) {
  return affine(Point.BASE.multiply(mod(expand(seed).scalar, L)));
}

/** The deterministic signature {r8: [x, y], s} of a field element. It is verified before it is given: a fault must not leak the key. */
export function sign(seed, message) {
  const { scalar, prefix } = expand(seed);
  const key = Point.BASE.multiply(mod(scalar, L));
  const r = mod(littleEndian(blake512(concat(prefix, toLittleEndian(message)))), L);
  const r8 = affine(Point.BASE.multiply(r));
  const challenge = poseidon([...r8, ...affine(key), message]);
  const signature = { r8, s: mod(r + challenge * 8n * mod(scalar, L), L) };
  if (!verify(affine(key), message, signature))
    throw new Error("a signature came out wrong: this machine cannot be trusted to sign");
  return signature;
}

/** Whether a signature holds under a key; false for points off the curve, keys of low order and S not below the order. */
export function verify(key, message, { r8, s }) {
  if (s < 0n || s >= L) return false;
  const [a, r] = [point(key), point(r8)];
  if (!a || !r || a.isSmallOrder()) return false;
  const challenge = mod(poseidon([...r8, ...key, message]), L);
  const right = r.add(times(a.clearCofactor(), challenge));
  return times(Point.BASE, s).equals(right);
}

const times = (base, factor) => (factor === 0n ? Point.ZERO : base.multiplyUnsafe(factor));

/** A point of coordinates, null if it is not on the curve. */
function point([x, y]) {
  if (x < 0n || x >= P || y < 0n || y >= P) return null;
  const [x2, y2] = [mod(x * x), mod(y * y)];
  if (mod(168700n * x2 + y2) !== mod(1n + 168696n * x2 * y2)) return null;
  return Point.fromAffine({ x, y });
}

/** The 32 bytes of a point: y, least significant byte first, and the sign of x in the highest bit. */
export function packPoint([x, y]) {
  const bytes = toLittleEndian(y);
  if (x > P >> 1n) bytes[31] |= 0x80;
  return bytes;
}

/** The 64 bytes of a signature: R8 packed, then S, least significant byte first. */
export function packSignature({ r8, s }) {
  return concat(packPoint(r8), toLittleEndian(s));
}
