// The operator's page, on the admin port: one look at the service, its transactions and policies. The token is typed in, kept in this
// page's memory alone, and sent to the port that the page came from and nowhere else.

import { stateMark } from "./states.js";
import { Problem, get } from "./api.js";
import { at, el, facts, field, fill, table } from "./dom.js";
import { count, decimal, ether, short, time, whole } from "./format.js";

const EVERY_SECONDS = 5;
const GWEI = 9;
const MEBIBYTE = 1024 * 1024;

let token = null;
let timer = null;
let chosen = null;

function askForToken(wrong = "") {
  token = null;
  clearInterval(timer);
  at("service").hidden = true;
  link("", "no token");
  const form = el(
    "form",
    { class: "panel", novalidate: true },
    el(
      "div",
      { class: "narrow" },
      field(
        "token",
        "Admin token",
        el("input", { type: "password", autocomplete: "off", spellcheck: "false" }),
        "with the scope status; kept in this page's memory until you leave it",
      ),
    ),
    el("div", { class: "buttons" }, el("button", { class: "main", type: "submit" }, "Show the service")),
    el("p", { class: "wrongness", role: "alert" }, wrong),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    token = at("token").value.trim();
    at("token").value = "";
    renew();
    timer = setInterval(renew, EVERY_SECONDS * 1000);
  });
  fill(at("door"), form);
}

function link(kind, text) {
  at("link").className = `link ${kind}`;
  at("link-text").textContent = text;
}

async function renew() {
  try {
    const [status, transactions] = await Promise.all([
      get("v1/relayer/status", { token }),
      get("v1/transactions?limit=50", { token }),
    ]);
    if (token === null) return;
    fill(
      at("door"),
      el(
        "div",
        { class: "panel line" },
        el("p", {}, "The token is in this page's memory."),
        el("button", { type: "button", "data-focus": "forget", onclick: () => askForToken() }, "Forget the token"),
      ),
    );
    at("service").hidden = false;
    link("live", `asked every ${EVERY_SECONDS} s`);
    show(status);
    list.show(transactions.items);
  } catch (error) {
    if (error instanceof Problem && (error.status === 401 || error.status === 403)) askForToken(error.message);
    else link("down", error.message);
  }
}

// ---- the service

const milliseconds = (at_) => (at_ === null || at_ === undefined ? "–" : time(new Date(at_).toISOString()));
const seconds = (at_) => (at_ === null || at_ === undefined ? "–" : milliseconds(at_ * 1000));

function show({ ready, reasons, policies, details }) {
  fill(at("alerts"), alarms(ready, reasons, details.alerts ?? []));
  fill(at("figures"), figures(details));
  processes.show(details.processes ?? []);
  leases.show(details.leases ?? []);
  underway.show((details.batches ?? []).map((batch) => ({ ...batch })));
  fill(
    at("policies"),
    facts(Object.entries(policies).map(([name, value]) => [name.replaceAll("_", " "), policy(name, value)])),
  );
  fill(at("machine"), facts(machine(details)));
}

function policy(name, value) {
  if (value === null) return el("span", { class: "quiet-text" }, "as configured");
  if (typeof value === "boolean")
    return value && name.endsWith("_paused") ? el("span", { class: "state held" }, "yes") : value ? "yes" : "no";
  return String(value);
}

function alarms(ready, reasons, alerts) {
  const lines = alerts.map(({ name, severity, message }) =>
    el(
      "p",
      { class: `notice ${severity === "critical" ? "bad" : "warn"}` },
      el("strong", {}, `${severity}: ${name} `),
      message,
    ),
  );
  const missing = reasons.length
    ? el(
        "div",
        { class: "notice warn" },
        "Not ready:",
        el(
          "ul",
          {},
          reasons.map((reason) => el("li", {}, reason)),
        ),
      )
    : null;
  return [
    missing,
    lines,
    ready && !lines.length ? el("p", { class: "notice good" }, "Ready, and nothing asks for attention.") : null,
  ];
}

function figures({ cost = {}, counts = {}, last_settled: settled, chain, version }) {
  const figure = (name, value, note) =>
    el("div", {}, el("dt", {}, name), el("dd", {}, value, note ? el("small", {}, note) : null));
  const total = (each) => Object.values(counts[each] ?? {}).reduce((sum, number) => sum + number, 0);
  return [
    figure("Last settled", settled ? `#${settled}` : "none", version ? `version ${version}` : ""),
    figure(
      "Gas an order",
      cost.gas_per_order ? count(cost.gas_per_order) : "–",
      cost.wei_per_order ? `${ether(cost.wei_per_order)} ETH` : "",
    ),
    figure("Balance", chain?.balance ? ether(chain.balance) : "–", "ETH, to send with"),
    figure(
      "Bond",
      chain?.bond ? ether(chain.bond) : "–",
      chain?.bond_orders ? `ETH, free: enough for ${count(chain.bond_orders)} orders` : "ETH, free",
    ),
    figure("Orders kept", count(total("orders")), ""),
    figure("Transactions", count(total("transactions")), ""),
  ];
}

const bytes = (number) =>
  number === null || number === undefined ? "–" : `${count(Math.round(number / MEBIBYTE))} MiB`;

function machine({ chain, database_bytes: used, free_bytes: free, key_ends: ends, oldest_transaction: oldest }) {
  const endpoints = (chain?.endpoints ?? []).map((behind, i) =>
    el("div", {}, `${i + 1}: ${behind === null ? "silent" : behind ? `${behind} blocks behind` : "at the head"}`),
  );
  return [
    ["Block", chain ? [count(chain.block), " at ", seconds(chain.block_time)] : "–"],
    ["Endpoints", endpoints.length ? endpoints : "–"],
    ["They disagree", chain?.disagreement ? el("span", { class: "state wrong" }, "yes") : "no"],
    ["First exit is due", seconds(chain?.exit_deadline)],
    ["Oldest transaction under way", milliseconds(oldest)],
    ["Encryption key ends", milliseconds(ends)],
    ["Database", `${bytes(used)}, ${bytes(free)} free`],
  ];
}

const processes = table(
  [
    { label: "Process", head: true, cell: ({ role }) => role },
    { label: "Where", cell: ({ instance }) => instance },
    { label: "Since", num: true, cell: ({ started_at }) => milliseconds(started_at) },
    { label: "Last sign", num: true, cell: ({ at: sign }) => milliseconds(sign) },
    {
      label: "State",
      cell: ({ silent }) => el("span", { class: `state ${silent ? "wrong" : "done"}` }, silent ? "silent" : "alive"),
    },
  ],
  { key: ({ instance, role }) => `${instance}/${role}`, empty: "No process has given a sign." },
);

const leases = table(
  [
    { label: "Lease", head: true, cell: ({ name }) => name },
    { label: "Holder", cell: ({ holder }) => holder },
    { label: "Until", num: true, cell: ({ expires_at }) => milliseconds(expires_at) },
    {
      label: "State",
      cell: ({ held }) => el("span", { class: `state ${held ? "done" : "held"}` }, held ? "held" : "free"),
    },
  ],
  { key: ({ name }) => name, empty: "No lease was ever taken." },
);

const underway = table(
  [
    { label: "Batch", head: true, cell: ({ number }) => `#${number}` },
    { label: "State", cell: ({ state }) => stateMark(state) },
    { label: "Orders", num: true, cell: ({ orders }) => ((orders ?? null) === null ? "–" : count(orders)) },
    { label: "Proofs", num: true, cell: ({ proofs_done: done, proofs_total: all }) => (all ? `${done}/${all}` : "–") },
    { label: "Since", num: true, cell: ({ since }) => milliseconds(since) },
  ],
  { key: ({ number }) => number, empty: "No batch is under way." },
);

// ---- transactions

const WAYS = { queued: "held", sent: "moving", mined: "done", final: "done", failed: "wrong" };

const list = table(
  [
    {
      label: "Purpose",
      head: true,
      cell: (each) =>
        el(
          "button",
          {
            class: "plain",
            type: "button",
            "data-focus": `transaction-${each.id}`,
            "aria-expanded": String(chosen === each.id),
            onclick: () => choose(each.id),
          },
          each.purpose,
        ),
    },
    { label: "State", cell: ({ state }) => el("span", { class: `state ${WAYS[state] ?? ""}` }, state) },
    { label: "Nonce", num: true, cell: ({ nonce }) => (nonce === null ? "–" : count(nonce)) },
    { label: "Block", num: true, cell: ({ block }) => (block === null ? "–" : count(block)) },
    { label: "Way", cell: (each) => (each.private ? "private" : "public") },
    { label: "Gas", num: true, cell: ({ gas_used }) => (gas_used === null ? "–" : count(gas_used)) },
    { label: "Cost, ETH", num: true, cell: ({ cost_wei }) => (cost_wei === null ? "–" : ether(cost_wei)) },
    { label: "Changed", num: true, cell: ({ updated_at }) => time(updated_at) },
    { label: "Error", wide: true, cell: ({ error }) => error ?? "–" },
  ],
  { key: ({ id }) => id, empty: "No transaction was ever queued.", chosen: ({ id }) => id === chosen },
);

async function choose(id) {
  chosen = chosen === id ? null : id;
  fill(at("transaction"));
  await renew();
  if (chosen !== id) return;
  try {
    fill(at("transaction"), transactionPanel(await get(`v1/transactions/${id}`, { token })));
  } catch (error) {
    fill(at("transaction"), el("p", { class: "notice bad" }, error.message));
  }
}

function transactionPanel(each) {
  const attempts = table(
    [
      { label: "Attempt", head: true, cell: ({ hash }) => short(hash, 10) },
      { label: "Highest fee, gwei", num: true, cell: ({ max_fee_wei }) => decimal(max_fee_wei, GWEI, 3, 3) },
      { label: "Tip, gwei", num: true, cell: ({ priority_fee_wei }) => decimal(priority_fee_wei, GWEI, 3, 3) },
      { label: "Channel", cell: ({ channel }) => channel },
      { label: "From block", num: true, cell: ({ block }) => count(block) },
      { label: "Sent", num: true, cell: ({ sends }) => `${sends} times` },
      { label: "Error", wide: true, cell: ({ error }) => error ?? "–" },
    ],
    { key: ({ hash }) => hash, empty: "Nothing was signed yet." },
  );
  attempts.show(each.attempts);
  return el(
    "div",
    { class: "panel", role: "region", "aria-label": `Transaction ${each.purpose}` },
    el("h3", {}, each.purpose),
    facts([
      ["From", whole(each.sender)],
      ["To", whole(each.to)],
      ["Mined as", whole(each.mined_hash)],
    ]),
    el("h3", {}, "Attempts"),
    attempts.node,
  );
}

at("processes").append(processes.node);
at("leases").append(leases.node);
at("underway").append(underway.node);
at("transactions").append(list.node);
askForToken();
