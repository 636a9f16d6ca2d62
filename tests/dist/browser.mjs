// The entry for browsers, as Node can run it: a server on this machine gives it the module.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import init, { load } from "@avow/engine";
import { ask, bundle } from "./questions.mjs";

const file = fileURLToPath(import.meta.resolve("@avow/engine/engine.wasm"));
const source = readFileSync(new URL(import.meta.resolve("@avow/engine")), "utf8");
// Bundlers look for exactly this, and put the module where it says.
assert.match(source, /new URL\("engine\.wasm",import\.meta\.url\)/);
assert.match(import.meta.resolve("@avow/engine"), /\/browser\.js$/);

const asked = [];
const server = createServer((request, response) => {
  asked.push(request.url);
  if (request.url === "/gone.wasm") return response.writeHead(404).end();
  response.writeHead(200, { "Content-Type": request.url === "/engine.wasm" ? "application/wasm" : "text/plain" });
  response.end(readFileSync(file));
});
await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
const at = (name) => `http://127.0.0.1:${server.address().port}/${name}`;
try {
  assert.throws(() => load(bundle("avow/site.avow")), /the engine has not been started/);
  await assert.rejects(init({ module: at("gone.wasm") }), /cannot be fetched: 404/);
  // After a failure anew, and once for all who wait. The type is wrong here, as simple servers have it.
  await Promise.all([init({ module: new URL(at("untyped.wasm")) }), init({ module: at("engine.wasm") })]);
  assert.deepEqual(asked, ["/gone.wasm", "/untyped.wasm"]);
  const answers = ask(load);
  // Another copy of the package, where the type is right.
  const folder = new URL(".", import.meta.resolve("@avow/engine"));
  const second = await import(new URL("browser.js?second", folder));
  await second.default({ module: at("engine.wasm") });
  await second.default();
  assert.equal(ask(second.load), answers);
  console.error(`browser: ${answers} answers from a module that was fetched`);
} finally {
  server.close();
}
