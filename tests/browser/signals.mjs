// What tag managers are told, and Global Privacy Control.

import assert from "node:assert/strict";

import { test } from "./harness.mjs";
import { asked, context, gated, page } from "./lab.mjs";

const TYPES = ["ad_personalization", "ad_storage", "ad_user_data", "analytics_storage", "functionality_storage", "personalization_storage", "security_storage"];

/** The consent commands in a data layer, in order. */
const commands = (visit) => visit.page.evaluate(() =>
  window.dataLayer.map((one) => Array.from(one)).filter(([name]) => name === "consent").map(([, how, state]) => [how, state]));

/** What the browser says to a site, before any of the page runs. */
const signal = (visit) => visit.page.addInitScript(() =>
  Object.defineProperty(Navigator.prototype, "globalPrivacyControl", { get: () => true }));

export async function signals() {
  await test("Consent Mode and UET hear of the refusal first, and of the choice then", {}, async (visit) => {
    // As Google's snippet has it: it stands behind the loader, and looks at what is in the layer by then.
    const snippet = `<script>window.dataLayer = window.dataLayer || []; window.seen = dataLayer.length; dataLayer.push({"gtm.start": Date.now(), event: "gtm.js"}); window.seenUet = (window.uetq || []).length;</script>`;
    const url = page({ settings: { jurisdiction: "de" }, head: snippet });
    await visit.open(url);
    assert.equal(await visit.page.evaluate(() => window.seen), 1);
    assert.ok(await visit.page.evaluate(() => window.seenUet) >= 3);
    await visit.banner();
    const [[how, state]] = await commands(visit);
    assert.equal(how, "default");
    assert.deepEqual(Object.keys(state).filter((name) => name !== "wait_for_update").sort(), TYPES);
    assert.deepEqual([...new Set(TYPES.map((type) => state[type]))], ["denied"]);
    assert.equal(state.wait_for_update, 500);
    assert.deepEqual(await visit.page.evaluate(() => window.uetq.slice(0, 3)), ["consent", "default", { ad_storage: "denied" }]);

    const told = async () => (await commands(visit)).at(-1);
    const before = await told();
    assert.equal(before[0], "update");
    assert.deepEqual(TYPES.filter((type) => before[1][type] === "granted"), ["functionality_storage", "security_storage"]);
    await visit.page.evaluate(() => window.avow.grant("statistics"));
    assert.deepEqual(TYPES.filter((type) => state[type] === "granted"), []);
    assert.equal((await told())[1].analytics_storage, "granted");
    assert.equal((await told())[1].ad_storage, "denied");
    await visit.page.evaluate(() => window.avow.grant("advertising"));
    assert.deepEqual(TYPES.filter((type) => type.startsWith("ad_")).map((type) => [type, "granted"]).flat(),
      Object.entries((await told())[1]).filter(([type]) => type.startsWith("ad_")).flat());
    assert.deepEqual(await visit.page.evaluate(() => window.uetq.slice(-3)), ["consent", "update", { ad_storage: "granted" }]);

    // Somebody who comes back: refused first all the same, then granted, before any other script has run.
    await visit.open(url);
    assert.equal(await visit.page.evaluate(() => window.seen), 2);
    assert.deepEqual((await commands(visit)).map(([how, state]) => [how, state.ad_storage]), [["default", "denied"], ["update", "granted"]]);
    // Nothing has run that would have the page loaded afresh: tags that are there are told on the spot, and the rules say no
    // less than at first.
    const refused = { ad_personalization: "denied", ad_storage: "denied", ad_user_data: "denied", analytics_storage: "denied" };
    await visit.page.evaluate(() => window.avow.withdraw());
    const [last, then] = await told();
    assert.equal(last, "update");
    assert.deepEqual({ ...then, ...refused }, then);
    assert.deepEqual(await visit.page.evaluate(() => window.uetq.slice(-3)), ["consent", "update", { ad_storage: "denied" }]);
    await visit.page.evaluate(() => window.avow.decide({ action: "ask", resource: "pack" }));
    assert.deepEqual(await told(), before);
    assert.deepEqual(await visit.page.evaluate(() => window.uetq.slice(-3)), ["consent", "update", { ad_storage: "denied" }]);
    await visit.open(url);
    assert.deepEqual(await told(), before);
  });

  await test("Global Privacy Control is honoured by rule and said to be, and an explicit choice stands apart from it", {}, async (visit) => {
    await signal(visit);
    const url = page({ settings: { jurisdiction: "us-ca" } });
    const allowed = () => visit.page.evaluate(() => ["counter", "adverts"].map((service) => window.avow.may(service)));
    await visit.open(url);
    assert.equal(await visit.page.locator(".avow-banner").isVisible(), false, "California is not asked");
    assert.deepEqual(await allowed(), [true, false], "a sale is refused, counting for ourselves is not");
    assert.match(await visit.page.textContent(".avow-open"), /Global Privacy Control.*honoured/);
    assert.equal(await visit.page.evaluate(() => window.avow.consent()), null, "the signal is no choice");
    await visit.page.click(".avow-open");
    await visit.page.waitForSelector(".avow-dialog[open]");
    assert.match(await visit.page.textContent(".avow-dialog"), /Global Privacy Control/);
    // Asked by name, somebody says yes to it.
    await visit.page.check(".avow-dialog [aria-describedby=avow-advertising]");
    await visit.page.click("[data-avow=save]");
    assert.deepEqual(await allowed(), [true, true]);
    await visit.open(url);
    assert.deepEqual(await allowed(), [true, true]);
    assert.deepEqual(await visit.axe(), []);
  });

  await test("without the signal nothing is said of it", {}, async (visit) => {
    await visit.open(page({ settings: { jurisdiction: "us-ca" } }));
    assert.deepEqual(await visit.page.evaluate(() => ["counter", "adverts"].map((service) => window.avow.may(service))), [true, true]);
    assert.doesNotMatch(await visit.page.textContent(".avow-open"), /Global Privacy Control/);
  });

  // Jurisdiction, whether it is asked, what runs without a choice, and what the control says.
  const PLACES = [
    ["de", true, [false, false, false], /^Privacy choices$/],
    ["gb", true, [true, false, false], /^Privacy choices$/],
    ["ch", true, [true, false, false], /^Privacy choices$/],
    ["br", true, [false, false, false], /^Privacy choices$/],
    ["us-ca", false, [true, true, false], /do not sell or share/],
    ["us-co", false, [true, true, false], /do not sell or share/],
    ["us", true, [false, false, false], /^Privacy choices$/],
    ["", true, [false, false, false], /^Privacy choices$/],
    ["atlantis", true, [false, false, false], /^Privacy choices$/],
  ];
  await test("each place has its own rules, and a place that nobody knows the strictest", {}, async (visit) => {
    for (const [place, asks, runs, says] of PLACES) {
      await visit.context.clearCookies();
      await visit.open(page({ settings: { jurisdiction: place } }));
      await visit.page.waitForSelector(".avow-open", { state: "attached" });
      assert.equal(await visit.page.isVisible(".avow-banner"), asks, place);
      const may = await visit.page.evaluate(() => ["counter", "adverts", "player"].map((service) => window.avow.may(service)));
      assert.deepEqual(may, runs, place);
      assert.match(await visit.page.locator(".avow-open").textContent(), says, place);
    }
  });

  await test("the server may say the place, and the clock's zone makes it only stricter", { timezoneId: "America/Los_Angeles" }, async (visit) => {
    const url = page({ settings: { context: "/context" } });
    const may = () => visit.page.evaluate(() => window.avow.may("adverts"));
    Object.assign(context, { jurisdiction: "us-ca", ask: false });
    await visit.open(url);
    assert.equal(await may(), true);
    // Remembered for a day: the next page asks nobody.
    const requests = [];
    visit.page.on("request", (request) => requests.push(request.url()));
    await visit.open(url);
    assert.equal(await may(), true);
    assert.deepEqual(requests.filter((one) => one.endsWith("/context") || one.endsWith(".wasm")), []);
    // A server that cannot be asked knows no place.
    await visit.page.evaluate(() => localStorage.clear());
    await visit.page.route("**/context", (route) => route.abort());
    await visit.open(url);
    assert.equal(await may(), false);
  });
  await test("somebody whose clock is in Europe is not taken for a Californian", { timezoneId: "Europe/Paris" }, async (visit) => {
    await visit.open(page({ settings: { jurisdiction: "us-ca" } }));
    assert.equal(await visit.page.evaluate(() => window.avow.may("adverts")), false);
    await visit.banner();
  });

  // Jurisdiction, the clock's zone, and whether counter and adverts run without a choice.
  const CLOCKS = [
    ["us-ca", "America/Los_Angeles", [true, true]],
    ["us-ca", "Atlantic/Bermuda", [true, true]],
    ["us-ca", "Atlantic/Reykjavik", [false, false]],
    ["us-ca", "Atlantic/Canary", [false, false]],
    ["us-ca", "Asia/Nicosia", [false, false]],
    ["us-ca", "America/Cayenne", [false, false]],
    ["us-ca", "Arctic/Longyearbyen", [false, false]],
    ["us-ca", "Europe/Zurich", [true, false]],
    ["us-ca", "Europe/London", [true, false]],
    ["de", "America/Los_Angeles", [false, false]],
  ];
  await test("what both the place and the clock's zone allow runs, and no more", { timezoneId: undefined }, async (visit) => {
    const session = await visit.context.newCDPSession(visit.page);
    for (const [jurisdiction, timezoneId, runs] of CLOCKS) {
      const what = `${jurisdiction} ${timezoneId}`;
      await session.send("Emulation.setTimezoneOverride", { timezoneId });
      asked.length = 0;
      await visit.open(page({ settings: { jurisdiction }, head: gated("counter") + gated("adverts") }));
      const services = ["counter", "adverts"];
      assert.deepEqual(await visit.page.evaluate((services) => services.map((service) => window.avow.may(service)), services), runs, what);
      const allowed = services.filter((_, at) => runs[at]);
      await visit.page.waitForFunction((count) => (window.ran?.length ?? 0) >= count, allowed.length);
      assert.deepEqual(asked.toSorted(), allowed.map((one) => `${one}/script.js`).toSorted(), what);
      assert.equal(await visit.page.isVisible(".avow-banner"), !runs[1], what);
    }
  });

  await test("what runs without consent in the United Kingdom can be objected to", {}, async (visit) => {
    const url = page({ settings: { jurisdiction: "gb" } });
    await visit.open(url);
    await visit.banner();
    await visit.page.click("[data-avow=choose]");
    await visit.page.waitForSelector(".avow-dialog[open]");
    const object = visit.page.locator("[aria-describedby=avow-statistics]");
    assert.equal(await object.isChecked(), false);
    assert.match(await visit.page.locator("label", { has: object }).textContent(), /I object/);
    await object.check();
    await visit.page.click("[data-avow=save]");
    assert.equal(await visit.page.evaluate(() => window.avow.may("counter")), false);
    const chosen = await visit.page.evaluate(() => window.avow.consent());
    assert.deepEqual([chosen.objected, chosen.refused], [["statistics"], ["advertising", "media"]]);
    await visit.open(url);
    assert.equal(await visit.page.evaluate(() => window.avow.may("counter")), false);
  });
}
