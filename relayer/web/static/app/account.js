// The trader's account: decrypted here from the public words, compared with what the relayer tells, valued in every scenario.

import { binding, margin } from "../crypto/margin.js";
import { element } from "../crypto/field.js";
import { PARAMS } from "../crypto/reading.js";
import { riskRoot } from "../crypto/risk.js";
import { all, get } from "./api.js";
import { chart, titleOf } from "./chart.js";
import { el, fill, table } from "./dom.js";
import { cash, cashExact, decimal, lots, price, tokens } from "./format.js";
import { dataHash, recordedHash, recordedRoot, settlementOf, touchOf, wordsOf } from "./settlement.js";
import { nameOf } from "./store.js";

const CASH_A_VALUE = 10_000n;
const LOOKED_BACK = 200;

/**
 * The account in the newest settled batch that touched it: {batch, leaf, hash, seen}, null if none of the last did. `hash` is that of the
 * batch's words, `seen` the newest batch that was looked at; `before`, an earlier reading, stands if no later batch touched the account.
 */
export async function readAccount(keys, index, before = null) {
  const batches = (await all("v1/batches?limit=100", LOOKED_BACK)).filter(
    ({ state }) => state === "mined" || state === "final",
  );
  const seen = batches[0]?.number ?? 0;
  for (const { number } of batches) {
    if (before && number <= before.seen) return { ...before, seen };
    const document = await settlementOf(number);
    const words = wordsOf(document);
    const touch = touchOf(words, index);
    if (touch)
      return { batch: number, seen, hash: dataHash(words), ...keys.read(PARAMS[document.params], touch, index) };
  }
  return before && { ...before, seen };
}

/** Whether a node's chain has the words that the account was read from, and the risk table; throws with what is wrong. */
export async function checkAgainst(node, vault, { batch, hash }, risk) {
  const recorded = await recordedHash(node, vault, batch);
  if (recorded === null) throw new Error(`the node knows no settlement of batch ${batch} in this vault`);
  if (recorded !== hash)
    throw new Error(`the relayer's words of batch ${batch} are not those on chain: do not believe what is shown`);
  if ((await recordedRoot(node, vault, risk.epoch)) !== risk.risk_root) {
    throw new Error(
      `the relayer's risk table of epoch ${risk.epoch} is not the one on chain: do not believe the margin that is shown`,
    );
  }
}

const roots = new Map();

/** Whether the rows of a risk table hash to the root that it names. */
function hashes(risk, params) {
  if (!roots.has(risk)) roots.set(risk, element(riskRoot(risk.rows, PARAMS[params].rows)));
  return roots.get(risk) === risk.risk_root;
}

/** Rows of the risk table by instrument, as margin takes them. */
function rowsOf(risk) {
  return new Map(
    risk.rows.map((row) => [
      row.instrument,
      {
        mark: BigInt(row.mark),
        shortMinimum: BigInt(row.short_minimum),
        values: row.values.map(BigInt),
      },
    ]),
  );
}

function settledOf(instruments) {
  return new Map(
    instruments.filter((each) => each.settlement !== null).map((each) => [each.id, BigInt(each.settlement)]),
  );
}

/** Margin of a leaf in every scenario and at the mark: {rows: [{label, excess}], least}, excess in cash units. */
export function marginOf(leaf, { risk, instruments, state }) {
  const terms = { num: risk.margin_num, den: risk.margin_den };
  const { claims } = margin(leaf, rowsOf(risk), terms, state.scenarios, settledOf(instruments));
  const named = (i) => risk.scenarios.find(({ number }) => number === i)?.label.replaceAll("-", "−");
  const label = (i) => named(i) ?? (i === state.scenarios ? "the mark" : `scenario ${i}`);
  const den = BigInt(terms.den);
  const rows = claims.map((claim, i) => ({ label: label(i), excess: floor(claim * CASH_A_VALUE, den) }));
  return { rows, least: binding(claims) };
}

const floor = (value, by) => (value - (((value % by) + by) % by)) / by;

function equityOf(leaf, known) {
  const [rows, settled] = [rowsOf(known.risk), settledOf(known.instruments)];
  return leaf.positions.reduce(
    (sum, { instrument, quantity }) =>
      sum + CASH_A_VALUE * quantity * (rows.get(instrument)?.mark ?? settled.get(instrument) ?? 0n),
    leaf.cash,
  );
}

/** The relayer's own word for the account, for as long as no batch that touched it can be read. */
function told(account) {
  if (account.cash === null) return null;
  const positions = account.positions.map(({ instrument, quantity }) => ({ instrument, quantity: BigInt(quantity) }));
  return { cash: BigInt(account.cash), positions };
}

/** The parts of an account: {summary, rest}. `reading` is what was decrypted, or null; `trust` says where the words were compared. */
export function accountParts(account, reading, known, trust) {
  const leaf = reading?.leaf ?? told(account);
  if (!leaf || !known.risk) return { summary: summaryOfNothing(account), rest: [] };
  let margins;
  try {
    if (!hashes(known.risk, known.state.params)) throw new Error("the risk table's rows are not those of its root");
    margins = marginOf(leaf, known);
  } catch (error) {
    return {
      summary: el("p", { class: "notice bad" }, `The account cannot be valued: ${error.message}.`),
      rest: [positions(leaf, known)],
    };
  }
  const { rows, least } = margins;
  return {
    summary: summary(leaf, known, rows[least], provenance(account, reading, trust)),
    rest: [positions(leaf, known), picture(rows, least)],
  };
}

function summaryOfNothing(account) {
  const waiting = account.deposits.map(({ amount }) => tokens(amount));
  const text = waiting.length
    ? `Deposits that wait for a batch: ${waiting.join(", ")}.`
    : "No batch has touched this account. Deposit to its owner word in the vault; the next batch credits it.";
  return el("div", { class: "panel" }, el("h2", {}, "Account"), el("p", {}, text));
}

function provenance(account, reading, trust) {
  if (!reading)
    return el(
      "p",
      { class: "notice warn" },
      "Told by the relayer; no settled batch that touched the account could be read here yet.",
    );
  if (account.batch > reading.seen) {
    return el(
      "p",
      { class: "notice warn" },
      `Decrypted here from the public words of batch ${reading.batch}; the relayer tells of batch ${account.batch}, whose words it has not shown yet.`,
    );
  }
  if (
    account.cash !== null &&
    (BigInt(account.cash) !== reading.leaf.cash || account.updates !== reading.leaf.updates)
  ) {
    return el(
      "p",
      { class: "notice bad" },
      `The relayer tells another account than batch ${reading.batch} holds. What is shown is what was proven there.`,
    );
  }
  const text = `Decrypted here from the public words of batch ${reading.batch}. ${trust ?? "Words from the relayer; name your own node below to compare them with the chain."}`;
  return el("p", { class: trust ? "notice good" : "notice" }, text);
}

function summary(leaf, known, tightest, source) {
  const figure = (name, value, note, bad) =>
    el("div", {}, el("dt", {}, name), el("dd", { class: bad ? "bad-text" : null }, value, el("small", {}, note)));
  const short = tightest.excess < 0n;
  return el(
    "div",
    {},
    el(
      "dl",
      { class: "figures" },
      figure("Cash", el("span", { title: cashExact(leaf.cash) }, cash(leaf.cash)), "quote currency"),
      figure("Worth at the marks", cash(equityOf(leaf, known)), `${leaf.positions.length} positions`),
      figure(
        short ? "Margin short by" : "Margin left",
        cash(short ? -tightest.excess : tightest.excess),
        `binds: ${tightest.label}`,
        short,
      ),
    ),
    source,
  );
}

function positions(leaf, known) {
  const rows = new Map(known.instruments.map((each) => [each.id, each]));
  const list = table(
    [
      { label: "Position", head: true, cell: ({ id }) => nameOf(id) },
      { label: "Contracts", num: true, cell: ({ quantity }) => lots(quantity) },
      { label: "Mark", num: true, cell: ({ mark }) => (mark === null ? "–" : price(mark, 2)) },
      { label: "Value", num: true, cell: ({ value }) => (value === null ? "–" : cash(value)) },
      { label: "Delta", num: true, cell: ({ delta }) => (delta === null ? "–" : decimal(delta, 10, 3, 3)) },
      { label: "Vega", num: true, cell: ({ vega }) => (vega === null ? "–" : decimal(vega, 10, 2, 2)) },
    ],
    { key: ({ id }) => id, empty: "No positions." },
  );
  list.show(
    leaf.positions.map(({ instrument, quantity }) => {
      const row = rows.get(instrument);
      const mark = row?.mark ?? row?.settlement ?? null;
      const times = (value) => (value === null || value === undefined ? null : String(quantity * BigInt(value)));
      return {
        id: instrument,
        quantity: String(quantity),
        mark,
        value: mark === null ? null : String(CASH_A_VALUE * quantity * BigInt(mark)),
        delta: times(row?.delta),
        vega: times(row?.vega),
      };
    }),
  );
  return el("div", {}, el("h2", {}, "Positions"), list.node);
}

/** The picture, drawn anew when the room for it changes, and its numbers as a table. */
function picture(rows, least) {
  const frame = el("div");
  const watcher = new ResizeObserver(([entry]) => {
    const width = Math.floor(entry.contentRect.width);
    if (width > 0 && Number(frame.dataset.width) !== width) {
      frame.dataset.width = width;
      fill(frame, chart(rows, least, width));
    }
  });
  watcher.observe(frame);
  const numbers = table(
    [
      { label: "Scenario", head: true, cell: (row) => row.label },
      { label: "Excess", num: true, cell: (row) => cashExact(row.excess) },
    ],
    { key: (row) => row.place, empty: "" },
  );
  numbers.show(rows.map((row, place) => ({ ...row, excess: String(row.excess), place })));
  return el(
    "div",
    {},
    el("h2", {}, "Margin by scenario"),
    el(
      "div",
      { class: "panel" },
      el("p", { id: "margin-text" }, titleOf(rows, least)),
      frame,
      el(
        "p",
        { class: "hint" },
        "A scenario is a move of the price with volatility up or down; tails count in the part that stands behind ×. Excess is what is left of the initial margin requirement, in the quote currency.",
      ),
      el("details", {}, el("summary", {}, "Exact numbers"), numbers.node),
    ),
  );
}

/** The account as the relayer tells it to its owner. */
export const accountOf = (owner, token) => get(`v1/accounts/${owner}`, { token });
