// Where a batch is, in words, a sign and a track: never by colour alone.

import { el } from "./dom.js";

const WAY = ["open", "sealed", "proving", "proved", "submitted", "mined", "final"];
const BEFORE = { opening: -1, closing: 0 };
const WRONG = ["failed", "void", "expired"];
export const MEANING = {
  opening: "its opening is on the way to the chain",
  open: "takes orders",
  closing: "takes no more orders; its seal is on the way to the chain",
  sealed: "its orders are fixed on chain",
  proving: "is being proven",
  proved: "is proven",
  submitted: "its settlement is on the way to the chain",
  mined: "is settled; the chain could still take it back",
  final: "is settled for good",
  failed: "was not settled",
  reorged: "the chain took its settlement back; it is sent again",
  void: "was given up: no order of it was executed",
  expired: "was opened and not sealed in time",
};

const place = (state) => (WAY.indexOf(state) >= 0 ? WAY.indexOf(state) : (BEFORE[state] ?? -1));

/** A state in words and a sign. */
export function stateMark(state, past = false) {
  const kind = past
    ? "past"
    : WRONG.includes(state)
      ? "wrong"
      : state === "reorged"
        ? "held"
        : state === "final"
          ? "done"
          : "moving";
  return el("span", { class: `state ${kind}`, title: MEANING[state] ?? "" }, state);
}

/** How far a batch has come, for the eye; the state says it in words. */
export function track(state) {
  const kind = WRONG.includes(state) ? "wrong" : state === "final" ? "done" : "";
  const reached = WRONG.includes(state) ? 1 : place(state);
  const steps = WAY.map((_, i) => el("i", { class: i <= reached ? "past" : null }));
  return el("span", { class: `track ${kind}`, "aria-hidden": "true" }, steps);
}
