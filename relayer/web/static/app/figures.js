// The head of the venue's page: where it stands, whether it can do its work, and what its vault is.

import { get } from "./api.js";
import { at, el, facts, fill } from "./dom.js";
import { count, ether, short, time, whole } from "./format.js";

/** The figures at the top. */
export function showFigures({ state, risk, batches, ready }) {
  if (!state) return;
  at("where").textContent = `chain ${state.chain_id} · ${state.vault.slice(0, 8)}…${state.vault.slice(-4)}`;
  fill(at("figures"), [
    figure(
      "Open batch",
      state.open_batch ? `#${state.open_batch}` : "none",
      state.open_batch ? "takes orders" : `next is #${state.next_batch}`,
    ),
    figure(
      "Last settled",
      state.batch ? `#${state.batch}` : "none",
      state.block === null ? "" : `block ${count(state.block)}`,
    ),
    figure("Risk table", `epoch ${count(state.epoch)}`, riskAge(risk)),
    figure("Cost an order", costPerOrder(batches), "ETH, last settled batches"),
    figure("Fee", `${state.fee_rate / 100} %`, "of the premium"),
    figure("Initial margin", `${state.margin_num}/${state.margin_den}`, `${state.scenarios} scenarios`),
  ]);
  showHealth(state, ready);
}

function figure(name, value, note) {
  return el("div", {}, el("dt", {}, name), el("dd", {}, value, note ? el("small", {}, note) : null));
}

function riskAge(risk) {
  if (!risk) return "";
  if (risk.stale) return el("span", { class: "bad-text" }, "too old: no batch opens");
  return ["posted ", time(risk.posted_at)];
}

function costPerOrder(batches) {
  const paid = batches.filter(({ cost_wei, orders }) => cost_wei !== null && orders);
  if (!paid.length) return "–";
  const wei = paid.reduce((sum, { cost_wei }) => sum + BigInt(cost_wei), 0n);
  return ether(wei / BigInt(paid.reduce((sum, { orders }) => sum + orders, 0)));
}

const MISSING = {
  intake_elsewhere: "another process takes the orders now: try again in a moment",
  vault_unread: "it has not read the vault yet",
  rpc_behind: "it does not hear from the chain, or is behind it",
  lease_lost: "a part of it is held by no process: batches may not move",
  process_silent: "one of its processes is silent: batches may not move",
};

function showHealth(state, ready) {
  const reasons = (ready?.reasons ?? []).map((code) => MISSING[code] ?? code);
  if (state.frozen) reasons.push("the vault is frozen: it takes no orders any more, everyone leaves by escape");
  if (state.retiring) reasons.push("the vault is being retired");
  const healthy = ready?.ready && !reasons.length;
  const text = healthy
    ? "The service is in order."
    : reasons.length
      ? null
      : "The service does not say whether it is in order.";
  const list = reasons.length
    ? el(
        "ul",
        {},
        reasons.map((reason) => el("li", {}, reason)),
      )
    : null;
  const kind = healthy ? "strip" : "notice warn";
  fill(at("health"), el("div", { class: kind }, text ?? "The service needs attention:", list));
}

let keys = null;

/** Everything about the vault that never changes, and the keys that orders are encrypted to. */
export async function showVault({ state }) {
  if (!state) return;
  keys ??= await get("v1/keys").catch(() => null);
  const circuits = Object.entries(state.fingerprints).map(([name, print]) => [`Circuit: ${name}`, whole(print)]);
  fill(
    at("vault-facts"),
    el(
      "p",
      { class: "quiet-text" },
      "Compare these with what you got from elsewhere: an auditor, the deployer, the code you built. The command ",
      el("code", {}, "relayer audit"),
      " checks every one of them, and every proof, from the chain alone.",
    ),
    el(
      "div",
      { class: "panel" },
      el("h2", {}, "State"),
      facts([
        ["Root of the accounts", whole(state.root)],
        ["after batch", state.batch ? count(state.batch) : "none: genesis"],
        ["Parameter set", state.params],
        ["Public data", state.validium ? "validium: ciphertexts are at replicas" : "rollup: all of it is in calldata"],
      ]),
    ),
    el("div", { class: "panel" }, el("h2", {}, "Fingerprints"), facts(circuits)),
    el(
      "div",
      { class: "panel" },
      el("h2", {}, "Addresses"),
      facts([
        ["Vault", whole(state.vault)],
        ["Domain", whole(state.domain)],
        ["Chain", count(state.chain_id)],
        ["Token", whole(state.token)],
        ["Bonds", whole(state.bonds)],
        ["Operator", whole(state.operator)],
        ["Receipts are signed by", whole(state.receipt_signer)],
      ]),
    ),
    el("div", { class: "panel" }, el("h2", {}, "Encryption keys"), keyList(keys)),
  );
}

function keyList(told) {
  if (!told) return el("p", { class: "empty" }, "The service names none now.");
  return el(
    "ul",
    {},
    told.keys.map((key) =>
      el("li", {}, el("code", {}, key.id), " until ", time(key.not_after), " ", short(key.public, 12)),
    ),
  );
}
