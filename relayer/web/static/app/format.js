// Numbers, times and hashes as people read them. Amounts come as decimal strings and are never made floats.

import { el } from "./dom.js";

const GROUPS = /\B(?=(\d{3})+(?!\d))/g;

/** A decimal string in units of 10^-scale as a number of at least `least` and at most `most` decimals, cut, not rounded. */
export function decimal(amount, scale, least = 2, most = scale) {
  const value = BigInt(amount);
  const digits = (value < 0n ? -value : value).toString().padStart(scale + 1, "0");
  const whole = digits.slice(0, digits.length - scale).replace(GROUPS, ",");
  let part = digits.slice(digits.length - scale).slice(0, most);
  while (part.length > least && part.endsWith("0")) part = part.slice(0, -1);
  return (value < 0n ? "−" : "") + whole + (part ? "." + part : "");
}

/** Digits as they are, or in groups of three with one mark between them: a comma elsewhere may be meant as a decimal point. */
const TYPED = /^\s*([0-9]+|[1-9][0-9]{0,2}([,'])[0-9]{3}(?:\2[0-9]{3})*)(?:\.([0-9]+))?\s*$/;

/** Reads what a person typed as a decimal number into units of 10^-scale; null if it is none or finer than that. */
export function parseDecimal(text, scale) {
  const match = TYPED.exec(text);
  if (!match) return null;
  const part = (match[3] ?? "").replace(/0+$/, "");
  if (part.length > scale) return null;
  return BigInt(match[1].replace(/[,']/g, "") + part.padEnd(scale, "0"));
}

export const price = (units, most = 6) => decimal(units, 6, 2, most);
export const lots = (quantity) => decimal(quantity, 4, 0);
export const cash = (units) => decimal(units, 14, 2, 2);
export const cashExact = (units) => decimal(units, 14, 2, 14);
export const tokens = (units) => decimal(units, 6, 2);
export const ether = (wei) => decimal(wei, 18, 6, 6);
export const count = (number) => String(number).replace(GROUPS, ",");

/** A hash, short, with the whole of it for who asks. */
export function short(hash, digits = 6) {
  if (!hash) return "–";
  return el("code", { title: hash }, `${hash.slice(0, 2 + digits)}…${hash.slice(-4)}`);
}

/** A hash in full. */
export const whole = (hash) => (hash ? el("code", {}, hash) : "–");

/** A time of day in UTC, with the date where it is not today's. */
export function time(text) {
  if (!text) return "–";
  const [date, clock] = new Date(text).toISOString().slice(0, 19).split("T");
  const [, month, day] = date.split("-");
  const today = new Date().toISOString().startsWith(date);
  return el(
    "time",
    { datetime: text, title: `${date} ${clock} UTC` },
    today ? clock : `${Number(day)} ${MONTHS[month - 1]} ${clock.slice(0, 5)}`,
  );
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
