// The trader's view: opens keys in this page's memory, shows the account, takes orders, follows them, closes.

import { toHex } from "../crypto/field.js";
import { accountOf, accountParts, checkAgainst, readAccount } from "./account.js";
import { Problem, download, get, post, request } from "./api.js";
import { at, el, field, fill, say } from "./dom.js";
import { whole } from "./format.js";
import { Keyring } from "./keyring.js";
import { follow, unfollow } from "./live.js";
import { placed } from "./nonces.js";
import { openBatches } from "./opened.js";
import { showClosed } from "./opening.js";
import { fillTable, orderTable, saveAs } from "./orders.js";
import { judged, signedHere } from "./receipts.js";
import { encryptionKey, registration } from "./registering.js";
import { accepted, isKeyGone, isRefused, refusal, unanswered } from "./sending.js";
import { known, listen } from "./store.js";
import { renewInstruments, ticket } from "./ticket.js";

/** What is open: keys, session, and what was read with them. Null when closed. */
let own = null;
let started = false;

/** Shows the view; the first time it puts the form for keys there. */
export function startTrade() {
  if (started) return;
  started = true;
  closed();
  addEventListener("pagehide", () => own?.keys.close());
  listen(() => own?.account && renewSoon());
}

// ---- opening

const closed = () => showClosed(openSeed);

/** Opens a seed: what was typed goes from the page's fields, and what follows from the keys is shown. */
async function openSeed(seed) {
  if (!known.state) throw new Error("the relayer has not told which vault it serves yet; try again in a moment");
  const keys = new Keyring(seed, known.state);
  for (const input of at("trader").querySelectorAll("input")) input.value = "";
  own = {
    keys,
    state: known.state,
    token: null,
    account: null,
    reading: null,
    trust: null,
    node: "",
    proven: 0, // the highest nonce epoch that a node of the trader's own has confirmed
    signed: new Map(), // orders that were sent from here, by hash
    orders: [],
    fills: [],
  };
  await begin();
}

/** Makes the owner known to the relayer if it is registered; shows what follows. */
async function begin() {
  try {
    await signIn();
  } catch (error) {
    if (!(error instanceof Problem) || error.status !== 401) throw error;
    showUnregistered();
    return;
  }
  await showOpen();
}

async function signIn() {
  const { owner } = own.keys;
  const { challenge } = await post("v1/auth/challenges", { owner });
  const { token } = await post("v1/auth/sessions", { owner, challenge, signature: own.keys.answer(challenge) });
  own.token = token;
}

function closeKeys() {
  unfollow("orders");
  unfollow("account");
  own.keys.close();
  if (own.token)
    request("DELETE", "v1/auth/sessions", { token: own.token }).catch(() => say("The session ends by itself."));
  own = null;
  closed();
  say("Keys are closed.");
  at("key-file").focus();
}

function head() {
  const name = own.account?.account === null || !own.account ? "Your keys are open" : `Account ${own.account.account}`;
  return el(
    "div",
    { class: "panel line" },
    el("h2", { id: "open-account", tabindex: "-1" }, name),
    el("p", {}, el("span", { class: "quiet-text" }, "Owner word "), whole(own.keys.owner)),
    el("button", { type: "button", onclick: closeKeys }, "Close keys"),
  );
}

function showUnregistered() {
  const registered = async () => {
    await begin();
    say("The account is registered.");
  };
  fill(at("trader"), head(), registration(own, registered));
  at("open-account").focus();
}

// ---- the account

let orderList = null;
let fillList = null;

async function showOpen() {
  const node = field(
    "own-node",
    "Your own node (JSON-RPC)",
    el("input", { type: "url", placeholder: "http://127.0.0.1:8545", autocomplete: "off" }),
    "On this machine. The words that your account was read from are compared with its chain.",
  );
  const said = el("p", { class: "wrongness", id: "node-said", role: "alert" });
  const check = el(
    "form",
    { class: "panel", novalidate: true },
    el("h2", {}, "Trust the chain, not the relayer"),
    el("div", { class: "narrow" }, node),
    el("div", { class: "buttons" }, el("button", { type: "submit" }, "Compare")),
    said,
  );
  check.addEventListener("submit", (event) => {
    event.preventDefault();
    own.node = at("own-node").value.trim();
    compare(said).then(() => own && showAccount());
  });
  orderList = orderTable(cancel);
  fillList = fillTable();
  if (!(await read())) return;
  fill(
    at("trader"),
    head(),
    el("div", { id: "account" }),
    ticket(known, { send, check: onlyCheck }),
    el("h2", {}, "Orders"),
    orderList.node,
    el("div", { id: "account-rest" }),
    el("h2", {}, "Fills"),
    fillList.node,
    el("div", { class: "buttons" }, el("button", { type: "button", onclick: saveFills }, "Save fills as CSV")),
    check,
  );
  showAccount();
  at("open-account").focus();
  followOwn();
}

function followOwn() {
  follow("orders", renewSoon, own.token);
  follow("account", renewSoon, own.token);
}

/** Asks for all that is the trader's own, and decrypts the account. Says whether the same keys are open when it is done. */
async function read() {
  const mine = own;
  const { keys, token } = mine;
  const path = `v1/accounts/${keys.owner}`;
  const [account, orders, fills] = await Promise.all([
    accountOf(keys.owner, token),
    get(`${path}/orders?limit=50`, { token }),
    get(`${path}/fills?limit=50`, { token }),
  ]);
  if (own !== mine) return false;
  const settled = known.state.batch;
  if (account.account !== null && (mine.readAt !== settled || mine.account?.updates !== account.updates)) {
    const reading = await readAccount(keys, account.account, reorganised() ? null : mine.reading);
    if (own !== mine) return false;
    Object.assign(mine, { reading, readAt: settled, trust: null });
    if (mine.node) await compare(at("node-said"));
  }
  const checked = await judged(orders.items, { ...mine, account });
  if (own !== mine) return false;
  Object.assign(mine, { account, fills: fills.items, orders: checked });
  return own === mine;
}

/** Whether a batch that was read from is not settled any more: then nothing that was read stands. */
function reorganised() {
  return own.reading !== null && known.state.batch < own.reading.seen;
}

async function compare(said) {
  const mine = own;
  said.textContent = "";
  mine.trust = null;
  try {
    if (!mine.reading) throw new Error("nothing was read yet that could be compared");
    await checkAgainst(mine.node, mine.state.vault, mine.reading, known.risk);
    mine.proven = Math.max(mine.proven, mine.reading.leaf.epoch);
    mine.trust = "Its words, and the risk table, are those that the vault's events on your node's chain name.";
  } catch (error) {
    said.textContent = error.message;
  }
}

function showAccount() {
  const { summary, rest } = accountParts(own.account, own.reading, known, own.trust);
  const seen = JSON.stringify([
    own.account,
    own.trust,
    own.reading?.batch,
    known.risk?.epoch,
    known.instruments.length,
  ]);
  if (seen !== own.seen) {
    fill(at("account"), summary);
    fill(at("account-rest"), rest);
    own.seen = seen;
  }
  if (known.risk && own.epoch !== known.risk.epoch) {
    own.epoch = known.risk.epoch;
    renewInstruments(known);
  }
  orderList.show(own.orders);
  fillList.show(own.fills);
}

let renewing = null;

/** Renews the account soon, once however many events ask for it. */
function renewSoon() {
  renewing ??= setTimeout(async () => {
    renewing = null;
    if (!own?.account) return;
    try {
      if (await read()) showAccount();
    } catch (error) {
      if (own) await lost(error);
    }
  }, 400);
}

/** A session that is over is begun anew; anything else is said. */
async function lost(error) {
  if (!(error instanceof Problem) || error.status !== 401) return say(error.message);
  try {
    await signIn();
    followOwn();
  } catch (again) {
    say(again.message);
  }
}

/** All fills that the relayer keeps, as a file. */
async function saveFills() {
  try {
    const text = await download(`v1/accounts/${own.keys.owner}/fills?format=csv&limit=100`, own.token);
    saveAs("fills.csv", text, "text/csv");
  } catch (error) {
    say(error.message);
  }
}

// ---- orders

async function onlyCheck({ order }, answer) {
  const mine = own;
  try {
    const [{ next }, key] = [await openBatches(mine), await encryptionKey(mine.state)];
    if (own !== mine) throw new Error("the keys are closed");
    const envelope = mine.keys.orderEnvelope(placed(order, mine, next), key);
    const { issues } = await post("v1/orders/check", envelope, { token: mine.token });
    fill(
      answer,
      issues.length
        ? issues.map(({ code, detail }) => el("p", { class: "bad-text" }, `${code}: ${detail}`))
        : el("p", { class: "good-text" }, "Nothing stands against it now."),
    );
  } catch (error) {
    fill(answer, refusal(error));
  }
}

async function send(made, answer, button) {
  const mine = own;
  try {
    if (mine.account.account === null) throw new Error("the account has no index yet: deposit first");
    made.sent ??= await signedNow(made.order, mine);
    fill(answer, await accepted(await delivered(made.sent, mine), made.sent, mine));
    button.parentElement.remove();
  } catch (error) {
    if (own === mine) fill(answer, unsent(made, error));
    return;
  }
  try {
    if (await read()) showAccount();
  } catch (error) {
    say(error.message);
  }
}

/** An order that is about to be signed, with what its receipt is compared with: its hash, the oldest batch that it can be in. */
async function signedNow(unplaced, mine) {
  const { next } = await openBatches(mine);
  const order = placed(unplaced, mine, next);
  const idempotency = toHex(crypto.getRandomValues(new Uint8Array(16))).slice(2);
  return { order, hash: mine.keys.hash(order), since: next, idempotency };
}

/** The relayer's answer to a signed order. Sent again, it is the same order under the same idempotency key. */
async function delivered(sent, mine) {
  const key = sent.envelope ? null : await encryptionKey(mine.state);
  if (own !== mine) throw new Error("the keys are closed");
  sent.envelope ??= mine.keys.orderEnvelope(sent.order, key);
  sent.posted = true;
  mine.signed.set(sent.hash, sent);
  return post("v1/orders", sent.envelope, { token: mine.token, headers: { "Idempotency-Key": sent.idempotency } });
}

/** What is said of an order that got no acknowledgement. What was refused is made anew; all else may be stored, and stays the same order. */
function unsent(made, error) {
  const posted = made.sent?.posted && !isRefused(error);
  if (isKeyGone(error)) made.sent.envelope = null;
  if (!posted) {
    if (made.sent) made.sent.ended = true;
    made.sent = null;
  }
  return [refusal(error), posted ? unanswered() : null];
}

async function cancel(order) {
  try {
    await request("DELETE", `v1/orders/${order.id}`, {
      token: own.token,
      body: { signature: own.keys.cancel(order.hash) },
    });
    const sent = signedHere(order.hash, own);
    if (sent) sent.ended = true;
    say("The order is cancelled.");
  } catch (error) {
    say(error.message);
  }
  if (await read()) showAccount();
}
