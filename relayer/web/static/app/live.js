// News from the relayer: over its WebSocket while that stands, by asking every few seconds while it does not.
//
// The events of a channel are numbered without a gap. After a break the socket asks for what came after the last number it had; where the
// relayer does not keep that any more it says so, and everything is asked for anew. An event says that something changed; what it is now
// is always asked over HTTP.

import { at } from "./dom.js";

const POLL_SECONDS = 5;
const SOONEST_SECONDS = 1;
const LATEST_SECONDS = 30;
const PING_SECONDS = 25;
const SESSION_OVER = [4401, 4403];

let socket = null;
let wait = SOONEST_SECONDS;
let asking = null;
/** What is wanted: by channel, whom to call, the token that it needs, the last number that was told. */
const wanted = new Map();

const isOpen = () => socket?.readyState === WebSocket.OPEN;
const send = (message) => socket.send(JSON.stringify(message));

/** Subscribes to a channel; `changed` is called for each event, and after a break. `token` for channels of one's own. */
export function follow(channel, changed, token = null) {
  const before = wanted.has(channel);
  wanted.set(channel, { changed, token, seq: null });
  if (isOpen() && !before) subscribe(channel);
}

/** Ends a subscription. */
export function unfollow(channel) {
  if (wanted.delete(channel) && isOpen()) send({ unsubscribe: [channel] });
}

/** Connects, and stays so. */
export function start() {
  connect();
  setInterval(() => isOpen() && send({ ping: "page" }), PING_SECONDS * 1000);
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
    for (const channel of wanted.keys()) subscribe(channel);
  };
  socket.onmessage = (message) => take(JSON.parse(message.data));
  socket.onclose = ({ code }) => {
    if (SESSION_OVER.includes(code)) dropOwn();
    poll();
    setTimeout(connect, wait * 1000);
    wait = Math.min(2 * wait, LATEST_SECONDS);
  };
}

function subscribe(channel) {
  const { token, seq } = wanted.get(channel);
  send({ subscribe: { [channel]: seq }, ...(token ? { token } : {}) });
}

function take({ type, channel, seq }) {
  const followed = wanted.get(channel);
  if (!followed || type === "pong") return;
  const missed = type === "reset" || (type === "subscribed" && followed.seq === null);
  followed.seq = seq;
  if (type === "event" || missed) followed.changed();
}

/** Channels of a session that is over: whoever opened them hears of it by HTTP, and follows them anew. */
function dropOwn() {
  for (const [channel, { token }] of wanted) if (token) wanted.delete(channel);
}

function poll() {
  if (asking) return;
  show("polling");
  asking = setInterval(() => wanted.forEach(({ changed }) => changed()), POLL_SECONDS * 1000);
}

function show(how) {
  const texts = { live: "live", polling: `asking every ${POLL_SECONDS} s` };
  at("link").className = `link ${how}`;
  at("link-text").textContent = texts[how];
}
