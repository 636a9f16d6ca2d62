// A site of the tests' own, for what the demo does not do: pages are what a test writes, the widget's files are those that
// `avow build` wrote for the pack in `pack/`, and the ledger answers as a test tells it to. A server like any other, on a name
// under `localhost`; the services that its pages embed are further names of the same server, and leave the traces that such
// services leave.

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";

import { before } from "./harness.mjs";

const FILES = process.env.AVOW_LAB;
const TYPES = { js: "text/javascript", mjs: "text/javascript", css: "text/css", json: "application/json", wasm: "application/wasm", avow: "application/octet-stream", html: "text/html" };

/** What a service's script does: says that it ran, and stores what the catalogue says that it stores. */
const SCRIPTS = {
  counter: `(window.ran ??= []).push("counter"); document.cookie = "_count1=1; Path=/; Max-Age=86400"; localStorage["count.a"] = 1;`,
  adverts: `(window.ran ??= []).push("adverts"); document.cookie = "_advert=1; Path=/; Max-Age=86400"; sessionStorage["advert.seen"] = 1;`,
};

/** Records that reached the ledger, and what it answers. */
export const ledger = { records: [], status: 201, delay: 0, headers: {} };
/** What was asked of the services, as `counter/script.js`. */
export const asked = [];
/** What `/context` says. */
export const context = { jurisdiction: "", ask: true, gpc: false };

const pages = new Map();
const server = createServer(async (request, answer) => {
  const { host } = request.headers;
  const { pathname, searchParams } = new URL(request.url, `http://${host}`);
  const send = (status, type, body, headers = {}) => {
    answer.writeHead(status, { "content-type": type, "cache-control": "no-cache", ...headers });
    answer.end(body);
  };
  const service = host.match(/^(counter|adverts|player)\./)?.[1];
  if (service) {
    asked.push(service + pathname);
    if (pathname.endsWith(".html")) return send(200, "text/html", "<!doctype html><title>A video</title><p>A video</p>");
    if (pathname.endsWith(".css")) return send(200, "text/css", ":root { --gated: shown }");
    // `?delay=300&name=a`: comes late, and says by name when it runs.
    await new Promise((done) => setTimeout(done, Number(searchParams.get("delay"))));
    const step = searchParams.has("name") ? `(window.steps ??= []).push("${searchParams.get("name")}");` : "";
    return send(200, "text/javascript", step + (SCRIPTS[service] ?? ""));
  }
  if (pathname === "/consent" && request.method === "POST") {
    // What is answered after its test has ended is not told to the next.
    const { records } = ledger;
    const record = JSON.parse(Buffer.concat(await request.toArray()));
    const cookie = request.headers.cookie ?? "";
    await new Promise((done) => setTimeout(done, ledger.delay));
    if (ledger.status < 300) records.push({ ...record, cookie });
    return send(ledger.status, "application/json", "{}", ledger.headers);
  }
  if (pathname === "/favicon.ico") return send(204, "image/x-icon");
  if (pathname === "/context") return send(200, "application/json", JSON.stringify(context));
  if (pathname.startsWith("/avow/")) {
    try {
      return send(200, TYPES[pathname.split(".").pop()] ?? "text/plain", readFileSync(join(FILES, pathname.slice(6))));
    } catch {
      return send(404, "text/plain", "");
    }
  }
  const page = pages.get(pathname);
  if (!page) return send(404, "text/plain", "");
  send(200, "text/html; charset=utf-8", page.html, page.headers);
});
await new Promise((done) => server.listen(0, "127.0.0.1", done));
server.unref();
const { port } = server.address();

export const origin = `http://www.lab.localhost:${port}`;
export const service = (name, path) => `http://${name}.localhost:${port}/${path}`;

const attributes = (all) => Object.entries(all).map(([name, value]) => ` data-${name}="${value}"`).join("");

/**
 * Puts up a page.
 * @param {{ path?: string, lang?: string, settings?: Record<string, string>, before?: string, head?: string, first?: string, body?: string,
 * headers?: Record<string, string>, loader?: string }} page `settings` are the loader's attributes
 * @returns its address
 */
export const page = ({ path = "/", lang = "en", settings = {}, before = "", head = "", first = "", body = "<h1>Lab</h1>", headers = {}, loader }) => {
  const tag = loader ?? `<script src="/avow/avow.js"${attributes({ site: "/avow/site.avow", ...settings })}></script>`;
  pages.set(path, {
    headers,
    html: `<!doctype html><html lang="${lang}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">${before}${tag}<title>Lab</title>${head}</head><body>${first}<main>${body}</main></body></html>`,
  });
  return origin + path;
};

/** A service's script, kept back. */
export const gated = (name, more = "") => `<script type="text/plain" data-service="${name}" src="${service(name, "script.js")}"${more}></script>`;

/** A cookie of a choice about today's offer. */
export const cookie = (offer, { at = Date.now(), purposes = "", services = "", method = "save" }) =>
  `1.${at}.${offer}.${purposes}.${services}.${method}.en.labtestlabtestlabtes`;

/** Has the pages that follow believe that they are drawn ahead of a visit, until `window.visit()`. */
export const drawAhead = (visit) => visit.page.addInitScript(() => {
  let ahead = true;
  Object.defineProperty(Document.prototype, "prerendering", { get: () => ahead });
  window.visit = () => {
    ahead = false;
    document.dispatchEvent(new Event("prerenderingchange"));
  };
});

/** Everything as it was before the first test. */
const clear = () => {
  pages.clear();
  Object.assign(ledger, { records: [], status: 201, delay: 0, headers: {} });
  Object.assign(context, { jurisdiction: "", ask: true, gpc: false });
  asked.length = 0;
};
before.push(clear);
