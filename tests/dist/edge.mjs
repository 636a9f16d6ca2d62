// A program for a runtime that hands over the module compiled ahead: nothing is read or fetched by the package.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import init, { initSync, load } from "@avow/engine";
import * as edge from "@avow/engine/edge";
import { ask, bundle } from "./questions.mjs";

assert.equal(edge.load, load, "the condition `workerd` leads to the same entry");
globalThis.fetch = () => assert.fail("it fetches");
assert.throws(() => load(bundle("avow/site.avow")), /the engine has not been started/);
await assert.rejects(init(), /call init\(\{ module \}\)/);
await assert.rejects(init({}), /call init\(\{ module \}\)/);
assert.throws(() => initSync({ module: new Uint8Array([0]) }), WebAssembly.CompileError);

const module = new WebAssembly.Module(readFileSync(fileURLToPath(import.meta.resolve("@avow/engine/engine.wasm"))));
initSync({ module });
const asked = ask(load);
// Started is started, by either name.
await init();
await init({ module });
assert.equal(ask(edge.load), asked);
console.error(`edge: ${asked} answers from a module compiled ahead`);
