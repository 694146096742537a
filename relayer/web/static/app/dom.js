// Making and renewing elements. Text is always text: nothing here, and nothing on the page, parses HTML.

/** An element of a tag, attributes (on… are listeners, class, dataset as data-…) and children: nodes, text, lists; null is left out. */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) set(node, name, value);
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

function set(node, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
  else if (value === true) node.setAttribute(name, "");
  else node.setAttribute(name, value);
}

/** The element with an id. */
export const at = (id) => document.getElementById(id);

/** Replaces what is in an element; focus stays where it was if an element with the same data-focus comes again. */
export function fill(node, ...children) {
  const kept = node.contains(document.activeElement) ? document.activeElement.dataset?.focus : undefined;
  node.replaceChildren(
    ...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false),
  );
  if (kept) node.querySelector(`[data-focus="${CSS.escape(kept)}"]`)?.focus();
}

/** Says something to everyone, screen readers included. */
export function say(text) {
  at("said").textContent = text;
}

/** Facts as pairs of a name and what it is. */
export function facts(pairs) {
  return el(
    "dl",
    { class: "facts" },
    pairs.map(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]),
  );
}

/**
 * A table that becomes cards on a narrow screen. Columns: {label, cell(row), num, head, wide}; rows keep their elements as long as
 * nothing in them changes, so that live data moves no focus and no selection.
 */
export function table(columns, { key, caption, empty, chosen = () => false }) {
  const body = el("tbody");
  const head = el(
    "tr",
    {},
    columns.map(({ label, num }) => el("th", { scope: "col", class: num ? "num" : null }, label)),
  );
  const frame = el(
    "table",
    { class: "cards" },
    caption ? el("caption", {}, caption) : null,
    el("thead", {}, head),
    body,
  );
  const nothing = el("p", { class: "empty" }, empty);
  const node = el("div", { class: "scroll" }, frame, nothing);
  const known = new Map();

  function line(row) {
    const cells = columns.map(({ label, cell, num, head: isHead, wide }) => {
      const content = cell(row);
      const names = [num ? "num" : "", wide ? "wide" : "", content === "–" ? "none" : ""].filter(Boolean).join(" ");
      const attributes = { class: names || null, "data-label": isHead ? null : label, scope: isHead ? "row" : null };
      return el(isHead ? "th" : "td", attributes, content);
    });
    return el("tr", { class: chosen(row) ? "chosen" : null }, cells);
  }

  return {
    node,
    show(rows) {
      const lines = rows.map((row) => {
        const mark = JSON.stringify([row, chosen(row)]);
        const before = known.get(key(row));
        if (before?.mark === mark) return before.line;
        const made = line(row);
        known.set(key(row), { mark, line: made });
        return made;
      });
      const same = lines.length === body.children.length && lines.every((each, i) => each === body.children[i]);
      if (!same) fill(body, lines);
      frame.hidden = rows.length === 0;
      nothing.hidden = rows.length > 0;
    },
  };
}

/** An input with its label, hint and place for what is wrong with it. */
export function field(id, label, input, hint) {
  const wrong = el("p", { class: "wrongness", id: `${id}-wrong`, hidden: true });
  const note = hint ? el("p", { class: "hint", id: `${id}-hint` }, hint) : null;
  input.id = id;
  input.setAttribute("aria-describedby", [note ? `${id}-hint` : "", `${id}-wrong`].filter(Boolean).join(" "));
  return el("div", { class: "field" }, el("label", { for: id }, label), input, note, wrong);
}

/** Says what is wrong with an input, or that nothing is. */
export function mark(id, text) {
  const [input, wrong] = [at(id), at(`${id}-wrong`)];
  wrong.textContent = text ?? "";
  wrong.hidden = !text;
  if (text) input.setAttribute("aria-invalid", "true");
  else input.removeAttribute("aria-invalid");
}
