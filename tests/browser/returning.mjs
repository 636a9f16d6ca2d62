// Somebody who comes back pays for the loader only, and never gets more than the engine would give.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

import { test } from "./harness.mjs";
import { cookie, gated, origin, page } from "./lab.mjs";

const DAY = 86_400_000;

/** What a page fetches of the widget from now on. */
const fetches = ({ page }) => {
  const paths = [];
  page.on("request", (request) => {
    const { pathname } = new URL(request.url());
    if (pathname.startsWith("/avow/")) paths.push(pathname.slice(6));
  });
  return paths;
};

export async function returning() {
  await test("a first visit fetches what the budget counts, and nothing else", {}, async (visit) => {
    const size = readFileSync(new URL("../../xtask/src/size.rs", import.meta.url), "utf8");
    const counted = size.match(/const FIRST_VISIT: [^=]*= \[([^\]]*)\]/)[1].match(/[\w.-]+/g);
    const fetched = fetches(visit);
    await visit.open(page({ settings: { jurisdiction: "de" }, head: gated("counter") }));
    await visit.banner();
    // What would come later would come now.
    await visit.page.waitForLoadState("networkidle");
    assert.deepEqual(fetched.sort(), counted.sort());
    await visit.page.click(".avow-banner [data-avow=accept]");
    await visit.page.waitForFunction(() => window.ran?.length === 1);
    assert.equal(fetched.length, counted.length);
  });

  await test("who has chosen fetches the loader alone, and what is allowed starts before the page is read", {}, async (visit) => {
    const note = `<script>addEventListener("DOMContentLoaded", () => (window.atReady = [...(window.ran ?? [])]))</script>`;
    const url = page({ settings: { jurisdiction: "de" }, head: note + gated("counter") + gated("adverts", " async"), body: "<h1>Lab</h1><p>text</p>" });
    await visit.open(url);
    await visit.banner();
    await visit.page.click(".avow-banner [data-avow=accept]");
    await visit.page.waitForFunction(() => window.ran?.length === 2);
    const fetched = fetches(visit);
    await visit.page.goto(url);
    // Started is what the browser has been told to load: an address is in the list of resources from then on.
    await visit.page.waitForFunction(() => window.ran?.length === 2);
    const begun = await visit.page.evaluate(() => performance.getEntriesByType("resource").filter((one) => one.name.includes("script.js"))
      .every((one) => one.startTime <= performance.getEntriesByType("navigation")[0].domContentLoadedEventStart));
    assert.equal(begun, true);
    // The way to withdraw is there all the same, and has its style.
    assert.equal(await visit.page.isVisible(".avow-open"), true);
    await visit.page.waitForLoadState("networkidle");
    assert.deepEqual(fetched.sort(), ["avow.css", "avow.js"]);
    assert.deepEqual(visit.errors, []);
  });

  // A zone is emulated once at most, and here each round has its own.
  await test("decisions that are remembered are never more than the engine's, whatever has changed since", { timezoneId: undefined }, async (visit) => {
    // Two pages that differ in nothing but this: one remembers, the other cannot, and asks the engine each time. Which changes
    // are made follows from the seed alone; another one looks elsewhere.
    const seed = Number(process.env.AVOW_SEED ?? 1);
    let state = seed;
    const random = (below) => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
      return (state >> 8) % below;
    };
    const pick = (all) => all[random(all.length)];
    const situations = [];
    const now = Date.UTC(2026, 5, 1);
    await visit.open(page({ settings: { jurisdiction: "de" } }));
    await visit.banner();
    await visit.page.click(".avow-banner [data-avow=reject]");
    const { offer } = await visit.page.evaluate(() => window.avow.consent());

    const remembers = await visit.context.newPage();
    const forgets = await (await visit.context.browser().newContext()).newPage();
    await forgets.addInitScript(() => Object.defineProperty(window, "localStorage", { get: () => { throw new Error("no storage"); } }));
    const signs = (id) => pick(["", "+", "+", "+", "!", "~"]).replace(/.$/, (sign) => sign + id);
    let fast = 0;
    let allowed = 0;
    let situation = {};
    for (let round = 0; round < 120; round += 1) {
      // Mostly one thing changes at a time, as in life; sometimes nothing.
      const change = () => ({
        jurisdiction: () => (situation.jurisdiction = pick(["de", "gb", "us-ca", "ch", ""])),
        surface: () => (situation.surface = pick(["site", "app"])),
        gpc: () => (situation.gpc = random(2) === 1),
        zone: () => (situation.zone = pick(["Europe/London", "Europe/Paris", "America/Los_Angeles"])),
        at: () => (situation.at = now - pick([0, random(90), random(200)]) * DAY),
        now: () => (situation.now = now + (pick([0, 0, 1, 100, 185]) - random(2)) * DAY),
        purposes: () => (situation.purposes = signs("statistics") + signs("advertising") + signs("media")),
        offer: () => (situation.offer = random(5) ? offer : "0".repeat(offer.length)),
        none: () => {},
      });
      if (round === 0) for (const act of Object.values(change())) act();
      // About another offer nothing is ever allowed: one round of that is enough.
      else if (situation.offer !== offer) situation.offer = offer;
      else change()[pick(Object.keys(change()))]();
      const kept = cookie(situation.offer, { at: situation.at, purposes: situation.purposes });
      const url = page({ path: "/memory", settings: { jurisdiction: situation.jurisdiction, surface: situation.surface } });
      const answers = [];
      for (const tab of [remembers, forgets]) {
        const context = tab.context();
        await context.clearCookies();
        await context.addCookies([{ name: "lab_consent", value: kept, url: origin }]);
        const session = await context.newCDPSession(tab);
        await session.send("Emulation.setTimezoneOverride", { timezoneId: situation.zone });
        const script = await session.send("Page.addScriptToEvaluateOnNewDocument", {
          source: `Object.defineProperty(Navigator.prototype, "globalPrivacyControl", { get: () => ${situation.gpc}, configurable: true });
            { const real = Date; const ahead = ${situation.now} - real.now(); window.Date = class extends real { constructor(...given) { super(...(given.length ? given : [real.now() + ahead])); } static now() { return real.now() + ahead; } }; }`,
        });
        const fetched = [];
        const listen = (request) => request.url().endsWith(".wasm") && fetched.push(1);
        tab.on("request", listen);
        await tab.goto(url);
        await tab.evaluate(() => window.avow.ready);
        answers.push(await tab.evaluate(() => ["counter", "adverts", "player"].filter((service) => window.avow.may(service))));
        if (tab === remembers && !fetched.length) fast += 1;
        tab.off("request", listen);
        await session.send("Page.removeScriptToEvaluateOnNewDocument", script);
        await session.detach();
      }
      situations.push(situation = { ...situation });
      assert.deepEqual(answers[0], answers[1], `seed ${seed}, round ${round}: ${JSON.stringify(situations.slice(-2))}`);
      allowed += answers[0].length;
    }
    // Both ways were taken, and something was allowed: else this would show nothing.
    assert.ok(fast > 10 && fast < 120, `${fast} of 120 from memory, seed ${seed}`);
    assert.ok(allowed > 20, `${allowed} allowed, seed ${seed}`);
    await forgets.context().close();
  });

  await test("another bundle makes every memory void", {}, async (visit) => {
    const url = page({ settings: { jurisdiction: "de" }, head: gated("counter") });
    await visit.open(url);
    await visit.banner();
    await visit.page.click(".avow-banner [data-avow=accept]");
    await visit.page.waitForFunction(() => window.ran?.length === 1);
    await visit.page.evaluate(() => (localStorage.avow = localStorage.avow.replace(/"key":"[0-9a-f]{4}/, '"key":"beef')));
    const fetched = [];
    visit.page.on("request", (request) => request.url().endsWith(".wasm") && fetched.push(1));
    await visit.open(url);
    assert.equal(fetched.length, 1);
  });
}
