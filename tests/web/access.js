// What a page must be for everybody, computed from what the browser shows: contrast, names, room. Each function lists what is wrong.

const LEAST_CONTRAST = 4.5;

function channels(color) {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  canvas.fillStyle = color;
  canvas.fillRect(0, 0, 1, 1);
  return [...canvas.getImageData(0, 0, 1, 1).data];
}

/** The ground that is seen behind an element. */
function ground(node) {
  for (let at = node; at; at = at.parentElement) {
    const color = channels(getComputedStyle(at).backgroundColor);
    if (color[3] === 255) return color;
    if (color[3] !== 0) throw new Error("a ground that shines through");
  }
  return [255, 255, 255, 255];
}

function luminance([r, g, b]) {
  const [x, y, z] = [r, g, b].map((channel) =>
    (channel /= 255) <= 0.03928 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4,
  );
  return 0.2126 * x + 0.7152 * y + 0.0722 * z;
}

function contrast(left, right) {
  const [dark, light] = [luminance(left), luminance(right)].sort((x, y) => x - y);
  return (light + 0.05) / (dark + 0.05);
}

const visible = (node) =>
  node.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && node.getClientRects().length > 0;

/** Texts that do not stand out from their ground, and how many were looked at. */
export function faint() {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  let count = 0;
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !visible(node) || node.closest("title, script, noscript, option")) continue;
    const style = getComputedStyle(node);
    const color = channels(node instanceof SVGElement ? style.fill : style.color);
    const ratio = contrast(color, ground(node));
    count++;
    if (ratio < LEAST_CONTRAST) found.push(`${ratio.toFixed(2)}: ${walker.currentNode.data.trim().slice(0, 40)}`);
  }
  return { count, found };
}

/** What has no name, a name twice, no label, or no header. */
export function unnamed() {
  const found = [];
  const ids = [...document.querySelectorAll("[id]")].map(({ id }) => id);
  ids.filter((id, i) => ids.indexOf(id) !== i).forEach((id) => found.push(`the id ${id} twice`));
  for (const node of document.querySelectorAll("input, select, textarea")) {
    if (visible(node) && !node.labels?.length && !node.ariaLabel)
      found.push(`no label: ${node.outerHTML.slice(0, 80)}`);
  }
  for (const node of document.querySelectorAll("button, a[href], summary, progress, [role=img], [role=region]")) {
    const named = node.textContent.trim() || node.ariaLabel || node.getAttribute("aria-labelledby") || node.title;
    if (visible(node) && !named) found.push(`no name: ${node.outerHTML.slice(0, 80)}`);
  }
  for (const node of document.querySelectorAll("[aria-labelledby], [aria-describedby]")) {
    for (const name of ["aria-labelledby", "aria-describedby"]) {
      for (const id of node.getAttribute(name)?.split(" ") ?? [])
        if (!document.getElementById(id)) found.push(`${name} names ${id}, which is not there`);
    }
  }
  for (const row of document.querySelectorAll("thead th"))
    if (row.scope !== "col") found.push("a column's header without scope");
  for (const row of document.querySelectorAll("tbody tr"))
    if (!row.querySelector("th[scope=row]")) found.push(`a row without header: ${row.textContent.slice(0, 40)}`);
  const levels = [...document.querySelectorAll("h1, h2, h3, h4")]
    .filter(visible)
    .map((node) => Number(node.tagName[1]));
  levels.forEach(
    (level, i) =>
      i > 0 &&
      level > levels[i - 1] + 1 &&
      found.push(`a heading of level ${level} under one of level ${levels[i - 1]}`),
  );
  if (!document.documentElement.lang) found.push("no language");
  return found;
}

/** What does not fit the window's width. */
export function tooWide() {
  const found = [];
  if (document.documentElement.scrollWidth > innerWidth)
    found.push(`the document is ${document.documentElement.scrollWidth} wide`);
  for (const node of document.querySelectorAll("main *, header *, footer *")) {
    const box = node.getBoundingClientRect();
    if (
      visible(node) &&
      getComputedStyle(node).clipPath === "none" &&
      box.width > 1 &&
      (box.right > innerWidth + 1 || box.left < -1)
    ) {
      found.push(
        `${node.tagName} ${Math.round(box.left)}…${Math.round(box.right)}: ${node.textContent.trim().slice(0, 30)}`,
      );
    }
  }
  return found;
}

/** Texts of a picture that run into each other or out of it. */
export function overlapping() {
  const found = [];
  for (const picture of document.querySelectorAll("svg.chart")) {
    const frame = picture.getBoundingClientRect();
    const bars = [...picture.querySelectorAll("rect")].map((bar) => bar.getBoundingClientRect());
    for (const text of picture.querySelectorAll("text")) {
      const box = text.getBoundingClientRect();
      if (box.left < frame.left - 1 || box.right > frame.right + 1)
        found.push(`out of the picture: ${text.textContent}`);
      const middle = (box.top + box.bottom) / 2;
      const hit = bars.some(
        (bar) => bar.top < middle && bar.bottom > middle && bar.left < box.right && bar.right > box.left,
      );
      if (hit) found.push(`over a bar: ${text.textContent}`);
    }
  }
  return found;
}

/** Whether the focus can be seen where it is. */
export function focusSeen() {
  const node = document.activeElement;
  const style = getComputedStyle(node);
  const box = node.getBoundingClientRect();
  return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 && box.width > 0 && box.height > 0;
}

/** What has the focus, in words. */
export function focused() {
  const node = document.activeElement;
  return `${node.tagName.toLowerCase()} ${node.id || node.textContent.trim().slice(0, 30)}`;
}
