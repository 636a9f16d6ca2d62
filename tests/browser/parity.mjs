// The engine for JavaScript, in Chromium, gives the native engine's bytes; `tests/tests/parity.rs` holds those to Cedar.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

import { site, test } from "./harness.mjs";

/** A page that can import the engine, which the demo serves; the cases come from the build. */
async function parityPage({ page }) {
  await page.route("**/parity/cases.json", (route) =>
    route.fulfill({ contentType: "application/json", body: readFileSync(process.env.AVOW_PARITY) }));
  await page.goto(`${site}/decisions`);
  return page;
}

export async function parity() {
  await test("request and answer bytes are the native engine's, case by case", {}, async (visit) => {
    const page = await parityPage(visit);
    const { compared, differing } = await page.evaluate(async () => {
      const { default: init, load } = await import("/engine/avow_engine.js");
      await init({ module_or_path: "/engine/avow_engine_bg.wasm" });
      const { bundle, cases } = await (await fetch("/parity/cases.json")).json();
      const bytes = (hex) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
      const hex = (array) => Array.from(array, (byte) => byte.toString(16).padStart(2, "0")).join("");
      const engine = load(bytes(bundle));
      const differing = [];
      for (const one of cases) {
        const stamp = [one.now ?? undefined, one.tenant ?? undefined];
        const same = hex(engine.encode(one.json, ...stamp)) === one.request
          && hex(engine.decideBytes(bytes(one.request))) === one.answer
          && engine.decide(one.json, ...stamp).outcome === one.outcome;
        if (!same) differing.push(one.name);
      }
      return { compared: cases.length, differing };
    });
    assert.deepEqual(differing, []);
    assert.ok(compared > 300, String(compared));
  });

  await test("the widget's lean engine answers as the whole one, for each pack", {}, async (visit) => {
    const page = await parityPage(visit);
    const seen = await page.evaluate(async () => {
      const { packs } = await (await fetch("/parity/cases.json")).json();
      // Names of one letter are explained in host/cli/build/bindings.js.
      const module = await WebAssembly.compileStreaming(fetch("/avow/avow-widget.wasm"));
      // What it imports says that something is wrong.
      const refuse = () => { throw new Error("refused"); };
      const imports = { a: new Proxy({}, { get: () => refuse }) };
      const seen = [];
      for (const { name, bundle, questions } of packs) {
        const { exports: wasm } = await WebAssembly.instantiate(module, imports);
        const put = (bytes) => {
          const at = wasm.m(bytes.length, 1);
          new Uint8Array(wasm.b.buffer).set(bytes, at);
          return [at, bytes.length];
        };
        const widget = wasm.s(...put(Uint8Array.from(bundle.match(/../g), (pair) => parseInt(pair, 16))));
        const answers = questions.map(([situation, now, gpc]) =>
          wasm.d(widget, ...put(new TextEncoder().encode(situation)), now, gpc));
        seen.push({
          name,
          asked: questions.length,
          allowed: answers.filter((answer) => answer > 0).length,
          // Null is for ever.
          differing: questions
            .filter(([, , , allowed, until], at) => (until ?? Infinity) * (allowed ? 1 : -1) !== answers[at])
            .map(([situation]) => situation)
            .slice(0, 3),
        });
      }
      return seen;
    });
    assert.ok(seen.length >= 5);
    for (const { name, asked, allowed, differing } of seen) {
      assert.deepEqual(differing, [], name);
      assert.ok(asked > 500 && allowed > 50 && allowed < asked, `${name}: ${allowed} of ${asked}`);
    }
  });

  await test("the lean engine refuses a bundle that needs the whole one, and says so", {}, async (visit) => {
    const page = await parityPage(visit);
    const operators = [...readFileSync(new URL("../golden/v1/operators.avow", import.meta.url))];
    const said = await page.evaluate(async (operators) => {
      let wasm;
      const refuse = (at, length) => {
        throw new Error(new TextDecoder().decode(new Uint8Array(wasm.b.buffer, at, length)));
      };
      const imports = { a: new Proxy({}, { get: () => refuse }) };
      wasm = (await WebAssembly.instantiateStreaming(fetch("/avow/avow-widget.wasm"), imports)).instance.exports;
      const at = wasm.m(operators.length, 1);
      new Uint8Array(wasm.b.buffer).set(operators, at);
      try {
        return wasm.s(at, operators.length);
      } catch (error) {
        return error.message;
      }
    }, operators);
    assert.equal(said, "needs-whole-engine");
  });

  await test("a bundle that is no bundle throws, and a request that does not fit is refused", {}, async (visit) => {
    const page = await parityPage(visit);
    const seen = await page.evaluate(async () => {
      const { default: init, load } = await import("/engine/avow_engine.js");
      await init({ module_or_path: "/engine/avow_engine_bg.wasm" });
      const { bundle } = await (await fetch("/parity/cases.json")).json();
      const bytes = Uint8Array.from(bundle.match(/../g), (pair) => parseInt(pair, 16));
      let thrown = "";
      try { load(bytes.slice(1)); } catch (error) { thrown = error.message; }
      const engine = load(bytes);
      const answer = engine.decide({ principal: 'Visitor::"v"', action: "ask", resource: 'Settings::"pack"', context: { gpc: "yes" } });
      return { thrown, outcome: answer.outcome, path: answer.problem.path };
    });
    assert.match(seen.thrown, /not a bundle/);
    assert.equal(seen.outcome, "refused");
    assert.equal(seen.path, "context.gpc");
  });
}
