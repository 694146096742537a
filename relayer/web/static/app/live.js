// News from the relayer: over its WebSocket while that stands, by asking every few seconds while it does not.
//
// Events have one gapless sequence. After a break the socket asks for what came after the last it had; if the relayer does not have that
// any more, everything is asked for anew. An event says that something changed; what it is now is always asked over HTTP.

import { at } from "./dom.js";

const POLL_SECONDS = 5;
const SOONEST_SECONDS = 1;
const LATEST_SECONDS = 30;
const PING_SECONDS = 25;

let socket = null;
let wait = SOONEST_SECONDS;
let last = null;
let asking = null;
const wanted = new Map();

/** Subscribes to a channel; `changed` is called with each event's payload, and once after a break. `token` for channels of one's own. */
export function follow(channel, changed, token = null) {
  wanted.set(channel, { changed, token });
  if (socket?.readyState === WebSocket.OPEN) subscribe();
}

/** Ends a subscription. */
export function unfollow(channel) {
  wanted.delete(channel);
  if (socket?.readyState === WebSocket.OPEN) socket.close(); // the next connection asks for what is left
}

/** Connects, and stays so. */
export function start() {
  connect();
  setInterval(() => socket?.readyState === WebSocket.OPEN && socket.send(JSON.stringify({ type: "ping" })), PING_SECONDS * 1000);
}

function connect() {
  const address = new URL("v1/ws", document.baseURI);
  address.protocol = address.protocol.replace("http", "ws");
  socket = new WebSocket(address);
  socket.onopen = () => {
    wait = SOONEST_SECONDS;
    show("live");
    clearInterval(asking);
    asking = null;
    subscribe();
  };
  socket.onmessage = (message) => take(JSON.parse(message.data));
  socket.onclose = () => {
    poll();
    setTimeout(connect, wait * 1000);
    wait = Math.min(2 * wait, LATEST_SECONDS);
  };
}

function subscribe() {
  const tokens = [...wanted.values()].map(({ token }) => token).filter(Boolean);
  const ask = { type: "subscribe", channels: [...wanted.keys()] };
  if (tokens.length) ask.token = tokens[0];
  if (last !== null) ask.since = last;
  socket.send(JSON.stringify(ask));
}

function take(message) {
  if (message.type === "event") {
    last = message.seq;
    wanted.get(message.channel)?.changed(message.payload);
  } else if (message.type === "subscribed") {
    if (last !== null && message.since > last) everything();
    last = message.since ?? message.seq ?? last;
  } else if (message.type === "lost" || message.code === "GONE") {
    last = null;
    everything();
  }
}

function everything() {
  for (const { changed } of wanted.values()) changed(null);
}

function poll() {
  if (asking) return;
  show("polling");
  asking = setInterval(everything, POLL_SECONDS * 1000);
}

/** Says how the page is kept up to date. */
export function show(how) {
  const texts = { live: "live", polling: `asking every ${POLL_SECONDS} s`, down: "no answer" };
  at("link").className = `link ${how}`;
  at("link-text").textContent = texts[how];
}
