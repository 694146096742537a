// What the page knows of the venue, renewed by the socket's events and by asking; views listen.

import { all, get } from "./api.js";

const listeners = new Set();

/** What is known: each part is null until it was told. */
export const known = { state: null, ready: null, batches: [], risk: null, instruments: [], trouble: null };

/** Calls back whenever something became known. */
export function listen(callback) {
  listeners.add(callback);
}

function tell() {
  for (const callback of listeners) callback(known);
}

/** Asks for what changes with batches. A refusal of one part leaves the others. */
export async function refresh() {
  const parts = await Promise.allSettled([get("v1/state"), get("readyz"), get("v1/batches?limit=25")]);
  const [state, ready, batches] = parts.map((part) => (part.status === "fulfilled" ? part.value : null));
  if (state) known.state = state;
  if (ready) known.ready = ready;
  if (batches) known.batches = batches.items;
  known.trouble = parts.find((part) => part.status === "rejected")?.reason ?? null;
  tell();
  if (known.state && known.risk?.epoch !== known.state.epoch) await refreshMarket();
}

/** Asks for the risk table in force and the instruments: they change with the epoch alone. */
export async function refreshMarket() {
  const [risk, instruments] = await Promise.allSettled([get("v1/risk"), all("v1/instruments?limit=200")]);
  if (risk.status === "fulfilled") known.risk = risk.value;
  if (instruments.status === "fulfilled") known.instruments = instruments.value;
  tell();
}

/** What an instrument is called. */
export function nameOf(id) {
  return known.instruments.find((each) => each.id === id)?.name ?? `instrument ${id}`;
}
