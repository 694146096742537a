// The BN254 scalar field, bytes and hexadecimal text: what all other modules of the client's cryptography stand on.
//
// Numbers are BigInt. BigInt arithmetic takes time that depends on its values, in every browser: whoever can measure this page's
// running time finely enough may learn about keys that are used in it. What signs real money from a machine that others share should
// be the Python client or a device of its own; docs/client.md says so to traders.

export const P = 21888242871839275222246405745257275088548364400416034343698204186575808495617n;

/** The remainder in 0 … P − 1. */
export function mod(value, modulus = P) {
  const rest = value % modulus;
  return rest < 0n ? rest + modulus : rest;
}

/** Bytes of hexadecimal text, with or without 0x. The text is not repeated in the error: it may be a secret. */
export function fromHex(text) {
  const digits = typeof text === "string" ? text.replace(/^0x/, "") : "?";
  if (digits.length % 2 || !/^[0-9a-fA-F]*$/.test(digits)) throw new TypeError("not hexadecimal text of whole bytes");
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) => parseInt(digits.slice(2 * i, 2 * i + 2), 16));
}

/** Hexadecimal text of bytes, with 0x. */
export function toHex(bytes) {
  return "0x" + Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The number that bytes are, most significant first. */
export function toNumber(bytes) {
  return bytes.length ? BigInt(toHex(bytes)) : 0n;
}

/** A number as so many bytes, most significant first; what does not fit is refused. */
export function toBytes(value, length) {
  const digits = BigInt(value).toString(16);
  if (digits.startsWith("-") || digits.length > 2 * length)
    throw new RangeError(`a number does not fit ${length} bytes`);
  return fromHex(digits.padStart(2 * length, "0"));
}

/** Bytes one after another. */
export function concat(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** A field element as JSON carries it: 0x and 64 digits. */
export function element(value) {
  return toHex(toBytes(value, 32));
}

/** The field element of 0x and 64 digits; anything else is refused, never reduced. */
export function parseElement(text) {
  if (!/^0x[0-9a-f]{64}$/.test(text)) throw new TypeError("a field element is 0x and 64 lower-case hexadecimal digits");
  const value = BigInt(text);
  if (value >= P) throw new RangeError("a field element lies below the field's order");
  return value;
}

/** A uniformly random field element, from the browser's own source of randomness. */
export function randomElement() {
  for (;;) {
    const bytes = crypto.getRandomValues(new Uint8Array(32));
    bytes[0] &= 0x3f; // P has 254 bits: four in five draws hold
    const value = toNumber(bytes);
    if (value < P) return value;
  }
}

/** Bytes of ASCII text. */
export const ascii = (text) => new TextEncoder().encode(text);
