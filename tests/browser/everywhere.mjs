// Where browsers, pages and outages are at their worst: it fails closed, a refusal still works, and the page is unharmed.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { test } from "./harness.mjs";
import { asked, gated, origin, page, service } from "./lab.mjs";

const FILES = process.env.AVOW_LAB;
const settings = { jurisdiction: "de" };
/** What `avow build --first-layer` prints before the loader's tag. */
const STYLED = '<link id="avow-style" rel="stylesheet" href="/avow/avow.css">';
const press = (visit, what) => visit.page.click(`.avow-banner [data-avow=${what}]`);
const services = service("", "").replace("http://.", "http://*.").replace(/\/$/, "");

/** What `docs/bundle.md` puts at byte 80: the checksum of all the others. */
const checksum = (bundle) => {
  const rotl = (word, by) => BigInt.asUintN(64, word << by | word >> 64n - by);
  const mix = (bytes) => {
    const step = (sum, word) => rotl(BigInt.asUintN(64, (sum ^ word) * 0x9e3779b97f4a7c15n), 29n);
    let sum = BigInt(bytes.length);
    let at = 0;
    for (; at + 8 <= bytes.length; at += 8) sum = step(sum, bytes.readBigUInt64LE(at));
    for (; at < bytes.length; at += 1) sum = step(sum, BigInt(bytes[at]));
    return sum;
  };
  const body = bundle.subarray(0, bundle.readUInt32LE(8));
  return mix(body.subarray(0, 80)) ^ rotl(mix(body.subarray(88)), 1n);
};

export async function everywhere() {
  for (const [name, policy] of [
    ["a strict Content-Security-Policy", `default-src 'none'; script-src 'self' 'wasm-unsafe-eval' ${services}; style-src 'self'; connect-src 'self'`],
    ["one that refuses WebAssembly", `default-src 'none'; script-src 'self' ${services}; style-src 'self'; connect-src 'self'`],
    ["Trusted Types", `default-src 'none'; script-src 'self' 'wasm-unsafe-eval' ${services}; style-src 'self'; connect-src 'self'; require-trusted-types-for 'script'; trusted-types avow`],
  ]) {
    await test(`it works under ${name}`, {}, async (visit) => {
      const url = page({
        settings,
        headers: { "content-security-policy": policy },
        head: gated("counter") + `<script type="text/plain" data-service="adverts" data-src="${service("adverts", "script.js")}"></script>`,
      });
      await visit.open(url);
      await visit.banner();
      assert.deepEqual(asked, []);
      await press(visit, "choose");
      await visit.page.waitForSelector(".avow-dialog[open]");
      await visit.page.click(".avow-dialog [data-avow=accept]");
      await visit.page.waitForFunction(() => window.ran?.length === 2);
      await visit.open(url);
      await visit.page.waitForFunction(() => window.ran?.length === 2);
      assert.deepEqual(visit.errors.filter((error) => !/wasm-eval|WebAssembly/.test(error)), []);
    });
  }

  await test("the loader stands in the page itself, under the hash that it has", {}, async (visit) => {
    // As `avow build --inline` prints both. It takes no loader that would end the script early.
    const loader = readFileSync(join(FILES, "avow.js"), "utf8");
    assert.doesNotMatch(loader, /<\/script|<!--|\r/i);
    const hash = createHash("sha256").update(loader).digest("base64");
    const url = page({
      loader: `<script data-site="/avow/site.avow" data-base="/avow/" data-jurisdiction="de">${loader}</script>`,
      headers: { "content-security-policy": `default-src 'none'; script-src 'self' 'sha256-${hash}' 'wasm-unsafe-eval' ${services}; style-src 'self'; connect-src 'self'` },
      head: gated("counter"),
    });
    const fetched = [];
    visit.page.on("request", (request) => request.url().includes("/avow/") && fetched.push(new URL(request.url()).pathname));
    await visit.open(url);
    await visit.banner();
    assert.deepEqual(asked, []);
    await press(visit, "accept");
    await visit.page.waitForFunction(() => window.ran?.length === 1);
    assert.equal(fetched.includes("/avow/avow.js"), false);
    // Somebody who comes back has all that runs in the page.
    fetched.length = 0;
    await visit.open(url);
    await visit.page.waitForFunction(() => window.ran?.length === 1);
    assert.equal(await visit.page.isVisible(".avow-banner"), false);
    await visit.page.waitForSelector(".avow-open", { state: "visible" });
    assert.deepEqual(fetched, ["/avow/avow.css"]);
    await visit.page.click(".avow-open");
    await visit.page.waitForSelector(".avow-dialog[open]");
    assert.deepEqual(visit.errors, []);
  });

  await test("the engine translated to JavaScript answers as the WebAssembly does", {}, async (visit) => {
    const may = () => visit.page.evaluate(async () => {
      const answers = [];
      for (const [action, resources] of [["process", ["necessary", "statistics", "advertising", "media", "nothing"]], ["load", ["counter", "adverts", "player"]], ["ask", ["pack"]]]) {
        for (const resource of resources) {
          const { allowed, until } = await window.avow.decide({ action, resource });
          // What holds for no time at all is a no of this very instant.
          answers.push({ allowed, until: until > Date.now() ? until : "now" });
        }
      }
      return answers;
    });
    for (const jurisdiction of ["de", "gb", "us-ca"]) {
      const answers = [];
      for (const headers of [{}, { "content-security-policy": "script-src 'self'" }]) {
        await visit.context.clearCookies();
        await visit.page.goto(page({ path: "/policy", settings: { jurisdiction }, headers }));
        await visit.page.evaluate(() => localStorage.clear());
        await visit.page.reload();
        assert.equal(await visit.page.evaluate(() => window.avow.ready), true);
        answers.push(await may());
        await visit.page.evaluate(() => window.avow.grant("statistics"));
        const granted = await may();
        assert.equal(granted[1].allowed, true);
        // Until half a year from now, to the second.
        if (jurisdiction === "de") assert.ok(Math.abs(granted[1].until - Date.now() - 180 * 86_400_000) < 10_000, String(granted[1].until));
      }
      assert.deepEqual(answers[0], answers[1], jurisdiction);
    }
  });

  for (const [name, script] of [
    ["storage that throws", `for (const kind of ["localStorage", "sessionStorage"]) Object.defineProperty(window, kind, { get() { throw new Error("refused"); } });`],
    ["cookies that are off", `Object.defineProperty(Document.prototype, "cookie", { get: () => "", set() {} });`],
    ["cookies that throw", `Object.defineProperty(Document.prototype, "cookie", { get() { throw new Error("refused"); }, set() { throw new Error("refused"); } });`],
    ["neither", `for (const kind of ["localStorage", "sessionStorage"]) Object.defineProperty(window, kind, { get() { throw new Error("refused"); } }); Object.defineProperty(Document.prototype, "cookie", { get: () => "", set() {} });`],
  ]) {
    await test(`it survives ${name}, and grants nothing silently`, {}, async (visit) => {
      await visit.page.addInitScript(script);
      const url = page({ settings, head: `<script type="text/plain" data-service="player" src="${service("player", "script.js")}"></script>` });
      await visit.open(url);
      await visit.banner();
      await press(visit, "accept");
      await visit.page.waitForFunction(() => window.avow.may("player"));
      assert.equal(await visit.page.isVisible(".avow-banner"), false);
      await visit.page.evaluate(() => dispatchEvent(new Event("pageshow")));
      assert.equal(await visit.page.evaluate(() => window.avow.may("player")), true, "it lasts as long as the page");
      await visit.open(url);
      const remembered = name === "storage that throws";
      assert.equal(await visit.page.evaluate(() => window.avow.may("player")), remembered);
      assert.equal(await visit.page.isVisible(".avow-banner"), !remembered);
      assert.deepEqual(visit.errors, []);
    });
  }

  await test("a page may have a control of its own, but the link to opt out is there all the same", {}, async (visit) => {
    for (const [jurisdiction, says] of [["us-ca", /do not sell or share/], ["de", undefined]]) {
      await visit.context.clearCookies();
      await visit.open(page({ settings: { jurisdiction, reopen: "no" }, body: "<h1>Lab</h1><button data-avow-open>Choices</button>" }));
      await visit.page.evaluate(() => window.avow.withdraw());
      assert.equal(await visit.page.isVisible(".avow-banner"), false);
      assert.equal(await visit.page.locator(".avow-open").count(), says ? 1 : 0, jurisdiction);
      if (says) {
        assert.equal(await visit.page.isVisible(".avow-open"), true);
        assert.match(await visit.page.textContent(".avow-open"), says);
      }
      await visit.page.click(says ? ".avow-open" : "main [data-avow-open]");
      await visit.page.waitForSelector(".avow-dialog[open]");
    }
  });

  await test("errors of the page are the page's own", {}, async (visit) => {
    await visit.open(page({
      settings,
      head: `<script>throw new Error("the page's")</script>` + gated("counter"),
      body: `<h1>Lab</h1><script>document.addEventListener("click", (event) => event.stopImmediatePropagation(), true); nothing.here()</script>`,
    }));
    await visit.banner();
    await press(visit, "accept");
    await visit.page.waitForFunction(() => window.ran?.length === 1);
    assert.equal(visit.errors.length, 2);
  });

  const wasm = readFileSync(join(FILES, "avow-widget.wasm"));
  const bundle = readFileSync(join(FILES, "site.avow"));
  const damaged = Buffer.from(bundle);
  damaged[damaged.length >> 1] ^= 4;
  // Whole in all but the number of its format.
  const old = Buffer.from(bundle);
  old.writeUInt32LE(bundle.readUInt32LE(4) - 1, 4);
  assert.equal(bundle.readBigUInt64LE(80), checksum(bundle));
  old.writeBigUInt64LE(checksum(old), 80);
  const layer = readFileSync(join(FILES, "first-layer/en.html"), "utf8");
  for (const [name, file, answer, says, more] of [
    ["the bundle is missing", "site.avow", { status: 404 }, /404/],
    ["the bundle is missing and the first layer came with the page", "site.avow", { status: 404 }, /404/, { before: STYLED, first: layer }],
    ["the bundle is damaged", "site.avow", { body: damaged }, /damaged/],
    ["the bundle is of another format", "site.avow", { body: old }, /unknown-format/],
    ["the bundle is another program's", "site.avow", { body: "<!doctype html>" }, /not-a-bundle/],
    ["the engine is missing", "avow-widget.wasm", { status: 404 }, /404/],
    // A module that is sound, and has nothing of what this build asks of it.
    ["the engine is another build's", "avow-widget.wasm", { body: Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]) }, /not a function/],
    ["the network fails", "avow-widget.wasm", undefined, /fetch/],
  ]) {
    await test(`where ${name}, a refusal works and nothing else does`, {}, async (visit) => {
      await visit.page.route(`**/${file}`, (route) => (answer ? route.fulfill(answer) : route.abort()));
      await visit.page.goto(page({ settings, head: gated("counter"), ...more }));
      assert.equal(await visit.page.evaluate(() => window.avow.ready), false);
      await visit.banner();
      assert.equal(await visit.page.isVisible(".avow-banner [data-avow=reject]"), true);
      assert.equal(await visit.page.isVisible(".avow-banner [data-avow=choose]"), false);
      assert.equal(await visit.page.isVisible(".avow-banner [data-avow=accept]"), false);
      assert.match(await visit.page.textContent(".avow-banner"), /could not be loaded/);
      assert.deepEqual(await visit.axe(), []);
      await press(visit, "reject");
      await visit.page.waitForSelector(".avow-banner", { state: "hidden" });
      const [{ value }] = await visit.context.cookies(origin);
      assert.match(value, /!statistics!advertising!media\.\.reject\.en\./);
      assert.equal(await visit.page.isVisible("h1"), true);
      assert.deepEqual(asked, []);
      // One line of ours; the browser has one of its own for an address that failed.
      const ours = visit.errors.filter((error) => error.startsWith("avow: "));
      assert.equal(ours.length, 1, visit.errors.join("\n"));
      assert.match(ours[0], says);
      // It counts once the engine is there again.
      await visit.page.unroute(`**/${file}`);
      await visit.page.reload();
      assert.equal(await visit.page.evaluate(() => window.avow.ready), true);
      assert.equal(await visit.page.isVisible(".avow-banner"), false);
      assert.equal(await visit.page.evaluate(() => window.avow.consent().method), "reject");
    });
  }
  await test("a damaged engine is replaced by the one that is no WebAssembly", {}, async (visit) => {
    await visit.page.route("**/avow-widget.wasm", (route) => route.fulfill({ body: wasm.subarray(0, 4000) }));
    await visit.open(page({ settings }));
    assert.equal(await visit.page.evaluate(() => window.avow.ready), true);
    await visit.banner();
  });
  for (const [name, answer] of [
    ["is missing", { status: 404 }],
    ["is another build's", { contentType: "text/javascript", body: "export const start = () => {};" }],
  ]) {
    await test(`where the rest of the widget ${name}, nothing is asked that nobody could answer`, {}, async (visit) => {
      await visit.page.route("**/avow-widget.js", (route) => route.fulfill(answer));
      await visit.page.goto(page({ settings, before: STYLED, head: gated("counter"), first: layer }));
      assert.equal(await visit.page.evaluate(() => window.avow.ready), false);
      assert.equal(await visit.page.isVisible(".avow-banner"), false);
      assert.deepEqual(asked, []);
      assert.equal(visit.errors.filter((error) => error.startsWith("avow: ")).length, 1, visit.errors.join("\n"));
    });
  }
  await test("a loader that a browser has kept from the build before remembers nothing, and asks the engine each time", {}, async (visit) => {
    const loader = readFileSync(join(FILES, "avow.js"), "utf8");
    const stale = loader.replace(/"bundle":"[0-9a-f]{12}"/, '"bundle":"000000000000"');
    assert.notEqual(stale, loader);
    await visit.page.route("**/avow.js", (route) => route.fulfill({ contentType: "text/javascript", body: stale }));
    const engines = [];
    visit.page.on("request", (request) => request.url().endsWith(".wasm") && engines.push(1));
    const url = page({ settings, head: gated("counter") });
    await visit.open(url);
    await visit.banner();
    assert.deepEqual(asked, []);
    await press(visit, "accept");
    await visit.page.waitForFunction(() => window.ran?.length === 1);
    await visit.open(url);
    await visit.page.waitForFunction(() => window.ran?.length === 1);
    assert.equal(await visit.page.isVisible(".avow-banner"), false);
    assert.equal(engines.length, 2);
    assert.deepEqual(visit.errors, []);
  });

  await test("a first layer that comes with the page is shown at once to whom the rules ask, and to nobody else", {}, async (visit) => {
    // Whether it was ever visible, at any frame.
    await visit.page.addInitScript(() => {
      const look = () => {
        const banner = document.querySelector(".avow-banner");
        if (banner?.checkVisibility()) window.flashed = true;
        if (document.readyState !== "complete" || performance.now() < 1500) requestAnimationFrame(look);
      };
      look();
    });
    const flashed = async (more) => {
      await visit.page.goto(page({ before: STYLED, first: layer, ...more }));
      await visit.page.waitForTimeout(1600);
      return visit.page.evaluate(() => window.flashed === true);
    };
    assert.equal(await flashed({ settings: { jurisdiction: "us-ca" } }), false);
    assert.equal(await flashed({ settings: { jurisdiction: "de", surface: "app" } }), false);
    // It is there before the engine, and what is drawn without it is the same to the letter.
    const drawn = async (first) => {
      await visit.page.goto(page({ settings, before: first && STYLED, first }));
      await visit.page.evaluate(() => window.avow.ready);
      await visit.banner();
      return visit.page.$eval("#avow", (root) => root.outerHTML.replace(/<div class="avow-status"[^<]*<\/div>/, "").replace(/<dialog.*<\/dialog>/, ""));
    };
    const [taken, own] = [await drawn(layer), await drawn("")];
    assert.equal(taken.replaceAll(' hidden=""', ""), own.replaceAll(' hidden=""', ""));
    // Nothing but the loader and the style is needed for it, and neither is fetched twice.
    const fetched = [];
    visit.page.on("request", (request) => fetched.push(new URL(request.url()).pathname));
    await visit.page.route("**/avow-widget.js", () => {});
    await visit.page.goto(page({ settings, before: STYLED, first: layer }));
    await visit.banner();
    assert.deepEqual(fetched.filter((path) => /avow\.(css|js)$/.test(path)).sort(), ["/avow/avow.css", "/avow/avow.js"]);
    // Without its style it waits for the one that the loader fetches, and for what draws.
    await visit.page.goto(page({ settings, first: layer }));
    await visit.page.waitForTimeout(500);
    assert.equal(await visit.page.isVisible("#avow"), false);
    await visit.page.unrouteAll({ behavior: "ignoreErrors" });
    // Who has chosen never sees it.
    await visit.page.goto(page({ settings, before: STYLED, first: layer }));
    await visit.page.evaluate(() => window.avow.ready);
    await press(visit, "reject");
    assert.equal(await flashed({ settings }), false);
    await visit.page.evaluate(() => localStorage.clear());
    assert.equal(await flashed({ settings }), false, "not even where nothing is remembered");
  });
}
