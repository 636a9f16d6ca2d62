// The entry for browsers in one, unbundled, under a strict policy: it finds the module beside itself, and the README's page shows and hides.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";
import { bundle } from "./questions.mjs";

const { CHROMIUM } = process.env;
const { chromium } = createRequire(join(process.cwd(), "package.json"))("playwright-core");
const folder = new URL("node_modules/@avow/engine/", import.meta.url);
const TYPES = { js: "text/javascript", wasm: "application/wasm", html: "text/html; charset=utf-8", avow: "application/octet-stream" };
const policy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'";

const readme = readFileSync(new URL("README.md", folder), "utf8");
const shown = readme.slice(readme.indexOf("## Show and hide"));
const code = shown.match(/```js\n([\s\S]*?)```/)[1];
const button = shown.match(/```html\n([\s\S]*?)```/)[1];
const page = `<!doctype html><title>record</title>${button}<script type="module" src="/page.js"></script>`;
const script = `
import init, { load } from "/engine/browser.js";
const [bundle] = await Promise.all([fetch("/app.avow").then((answer) => answer.arrayBuffer()), init()]);
const engine = load(bundle);
const instructed = ["service", "support"];
const user = { uid: 'User::"ada"', attrs: { tenant: "acme", role: "admin" } };
const record = (tenant) => ({ uid: 'Record::"r"', attrs: { tenant, class: "operational-record", holds: [], erasure_requested: false } });
${code}
window.look = (of) => {
  show(record(of), user, "acme");
  return !document.querySelector("[data-action]").hidden;
};
document.title = "ready";
`;

const server = createServer((request, response) => {
  const made = { "/": page, "/page.js": script }[request.url];
  const name = request.url === "/" ? "x.html" : request.url;
  const body = made ?? (name.endsWith(".avow") ? bundle("app.avow") : readFileSync(new URL(name.replace("/engine/", ""), folder)));
  response.writeHead(200, { "Content-Type": TYPES[name.split(".").pop()], "Content-Security-Policy": policy });
  response.end(body);
});
await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
try {
  const tab = await browser.newPage();
  const errors = [];
  tab.on("pageerror", (error) => errors.push(String(error)));
  tab.on("console", (message) => message.type() === "error" && !message.text().includes("favicon") && errors.push(message.text()));
  await tab.route("**/favicon.ico", (route) => route.fulfill({ status: 204, body: "" }));
  await tab.goto(`http://127.0.0.1:${server.address().port}/`);
  await tab.waitForFunction(() => document.title === "ready", null, { timeout: 60_000 }).catch(() => {});
  assert.deepEqual(errors, []);
  assert.equal(await tab.evaluate(() => window.look("acme")), true, "the own customer's record");
  assert.equal(await tab.evaluate(() => window.look("bolt")), false, "another customer's record");
  console.error("chromium: the module is found beside its script, and a part of the page shows and hides");
} finally {
  await browser.close();
  server.close();
}
