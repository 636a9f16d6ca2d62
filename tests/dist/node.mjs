// A program for Node: the engine is there with the import, and what it cannot answer it refuses or throws.
import assert from "node:assert/strict";
import init, { initSync, load } from "@avow/engine";
import { ask, bundle } from "./questions.mjs";

const asked = ask(load, true);
await init();
// Whoever starts it a second time keeps what is loaded.
const engine = load(bundle("avow/site.avow"));
initSync({ module: new Uint8Array() });
const request = { principal: 'Visitor::"visitor"', action: "ask", resource: 'Settings::"pack"', context: { surface: "site", jurisdiction: "gb", gpc: false } };
assert.equal(engine.decide(request, 0).outcome, "allow");

const late = engine.decide(request);
assert.deepEqual([late.outcome, late.problem.path], ["refused", "context.now"], "without the time");
const strange = engine.decide({ ...request, context: { ...request.context, mood: "bad" } }, 0);
assert.deepEqual([strange.outcome, strange.decision, strange.problem.path], ["refused", "deny", "context.mood"]);
assert.throws(() => engine.encode({ ...request, action: "dance" }, 0), /action: the schema declares no action `dance`/);
for (const now of [NaN, Infinity, "today"]) assert.throws(() => engine.decide(request, now), /`now` is no instant/);

// Bytes in both forms, and such as are none.
const bytes = bundle("avow/site.avow");
const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
assert.equal(load(buffer).digest, engine.digest);
bytes[bytes.length - 1] ^= 1;
assert.throws(() => load(bytes), Error);
assert.throws(() => load(new Uint8Array()), Error);
console.error(`node: ${asked} answers, and as avow explain gives them`);
