// The relayer's API as the page uses it: paths beside the page, JSON, problems as errors.

/** A refusal of the API: its code, and the values that it names. */
export class Problem extends Error {
  constructor(status, document) {
    super(document.detail || document.title || `the relayer answered ${status}`);
    this.status = status;
    this.code = document.code ?? "";
    this.values = document.values ?? {};
  }
}

/** The relayer did not answer. */
export class Unreachable extends Error {
  constructor() {
    super("the relayer does not answer; what is shown is the last that it told");
  }
}

/** One request. `token` is a bearer token; a body is sent as JSON. */
export async function request(method, path, { body, token, headers = {} } = {}) {
  const sent = { Accept: "application/json", ...headers };
  if (body !== undefined) sent["Content-Type"] = "application/json";
  const response = await ask(
    path,
    { method, headers: sent, body: body === undefined ? undefined : JSON.stringify(body) },
    token,
  );
  const document = parsed(await response.text());
  if (!response.ok && !(path === "readyz" && response.status === 503))
    throw new Problem(response.status, document ?? {});
  return document;
}

async function ask(path, options, token) {
  if (token) options.headers.Authorization = `Bearer ${token}`;
  try {
    return await fetch(path, { ...options, cache: "no-store" });
  } catch {
    throw new Unreachable();
  }
}

/** All pages of a CSV as one text. */
export async function download(path, token) {
  const lines = [];
  let cursor = null;
  do {
    const page = cursor ? `${path}&cursor=${encodeURIComponent(cursor)}` : path;
    const response = await ask(page, { headers: { Accept: "text/csv" } }, token);
    const text = await response.text();
    if (!response.ok) throw new Problem(response.status, parsed(text) ?? {});
    lines.push(
      ...text
        .split("\r\n")
        .filter(Boolean)
        .slice(lines.length ? 1 : 0),
    );
    cursor = response.headers.get("Next-Cursor");
  } while (cursor);
  return lines.join("\r\n") + "\r\n";
}

function parsed(text) {
  try {
    return text ? JSON.parse(text) : null;
  } catch {
    return null; // not JSON: a proxy's own page; the status says enough
  }
}

export const get = (path, options) => request("GET", path, options);
export const post = (path, body, options) => request("POST", path, { body, ...options });

/** All pages of a list, at most so many entries. */
export async function all(path, most = 1000, options = {}) {
  const found = [];
  let cursor = null;
  do {
    const mark = path.includes("?") ? "&" : "?";
    const page = await get(path + (cursor ? `${mark}cursor=${encodeURIComponent(cursor)}` : ""), options);
    found.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor && found.length < most);
  return found;
}
