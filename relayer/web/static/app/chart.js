// Margin by scenario as a picture: one bar a scenario from the line where margin just holds, drawn as wide as there is room. What a bar
// says also stands beside it in words and numbers, so that no colour, and no picture, is needed.

import { cash } from "./format.js";

const SVG = "http://www.w3.org/2000/svg";
const ROW = 20;
const HEAD = 22;
const NARROW = 520;

function shape(name, attributes, text) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  return node;
}

/** Hatching for what is short. */
function hatching() {
  const pattern = shape("pattern", {
    id: "hatch",
    width: 6,
    height: 6,
    patternUnits: "userSpaceOnUse",
    patternTransform: "rotate(45)",
  });
  pattern.append(shape("line", { class: "hatch", x1: 0, y1: 0, x2: 0, y2: 6 }));
  const defs = shape("defs", {});
  defs.append(pattern);
  return defs;
}

function columnsOf(width) {
  const narrow = width < NARROW;
  const [label, value] = narrow ? [132, 66] : [170, 120];
  return { narrow, label, value, from: label + 8, to: width - value - 8 };
}

/** Where an amount lies between the least and the greatest shown, both counting zero. */
function scaleOf(rows, { from, to }) {
  const amounts = rows.map(({ excess }) => excess);
  const low = amounts.reduce((least, each) => (each < least ? each : least), 0n);
  const high = amounts.reduce((most, each) => (each > most ? each : most), 0n);
  const span = high - low || 1n;
  return (amount) => from + (Number(((amount - low) * 10_000n) / span) / 10_000) * (to - from);
}

/**
 * The picture of rows [{label, excess}], excess BigInt in cash units, `least` the place of the one that binds. `width` in pixels.
 */
export function chart(rows, least, width) {
  const columns = columnsOf(width);
  const x = scaleOf(rows, columns);
  const height = HEAD + rows.length * ROW + 6;
  const picture = shape("svg", {
    class: columns.narrow ? "chart narrow-chart" : "chart",
    viewBox: `0 0 ${width} ${height}`,
    height,
    role: "img",
    "aria-labelledby": "chart-title",
  });
  picture.append(shape("title", { id: "chart-title" }, titleOf(rows, least)), hatching());
  picture.append(shape("text", { class: "faint", x: 0, y: 12 }, "Scenario"));
  picture.append(
    shape(
      "text",
      { class: "faint", x: width, y: 12, "text-anchor": "end" },
      columns.narrow ? "Excess" : "Excess of margin",
    ),
  );
  picture.append(shape("line", { class: "axis", x1: x(0n), x2: x(0n), y1: HEAD - 4, y2: height }));
  rows.forEach((row, i) => picture.append(...bar(row, i === least, HEAD + i * ROW, x, width, columns)));
  return picture;
}

function bar({ label, excess }, binds, y, x, width, columns) {
  const [zero, end] = [x(0n), x(excess)];
  const kind = `bar${excess < 0n ? " short" : ""}${binds ? " least" : ""}`;
  const box = {
    class: kind,
    x: Math.min(zero, end),
    y: y + 4,
    width: Math.max(Math.abs(end - zero), 1),
    height: ROW - 8,
  };
  const weight = binds ? "least-text" : "";
  const amount = columns.narrow ? cash(excess).replace(/\.\d+$/, "") : cash(excess);
  return [
    shape("text", { class: weight, x: 0, y: y + 14 }, (binds ? "▸ " : "") + label),
    shape("rect", box),
    shape("text", { class: weight, x: width, y: y + 14, "text-anchor": "end" }, amount),
  ];
}

/** The picture in one sentence. */
export function titleOf(rows, least) {
  const { label, excess } = rows[least];
  const what = excess < 0n ? `short by ${cash(-excess)}` : `${cash(excess)} left`;
  return `Margin in ${rows.length - 1} scenarios and at the mark. What binds is ${label}: ${what}.`;
}
