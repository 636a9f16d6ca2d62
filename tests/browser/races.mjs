// What happens at once: presses before the engine is there, other tabs, failures that pass. The last word is the visitor's.

import assert from "node:assert/strict";

import { test } from "./harness.mjs";
import { cookie, drawAhead, gated, ledger, origin, page } from "./lab.mjs";

const settings = { jurisdiction: "de", ledger: "/consent" };
const press = (visit, what) => visit.page.click(`.avow-banner [data-avow=${what}]`);
const consent = (visit) => visit.page.evaluate(() => window.avow.consent());

/** Waits until the ledger has heard of something. */
const recorded = async ({ page }) => {
  for (const end = Date.now() + 15_000; Date.now() < end && !ledger.records.length;) await page.waitForTimeout(50);
};

/** Keeps the engine from a page until it is let go. */
const holdEngine = async (visit) => {
  let release;
  const held = new Promise((resolve) => (release = resolve));
  await visit.page.route("**/avow-widget.wasm", async (route) => {
    await held;
    await route.continue();
  });
  return release;
};

/** Opens a page that asks while its engine is kept from it; gives what lets it go. */
const askedAhead = async (visit) => {
  const release = await holdEngine(visit);
  await visit.page.goto(page({ settings, head: gated("counter") }));
  await visit.banner();
  return release;
};

/** Opens a page, agrees on it, and gives the offer that this was about. */
const agreed = async (visit, url) => {
  await visit.open(url);
  await visit.banner();
  await press(visit, "accept");
  await visit.page.waitForFunction(() => window.ran?.includes("counter"));
  return (await consent(visit)).offer;
};

export async function races() {
  await test("a refusal after an agreement that waits for the engine is what counts", {}, async (visit) => {
    const release = await askedAhead(visit);
    await press(visit, "accept");
    await press(visit, "reject");
    release();
    await visit.page.evaluate(() => window.avow.ready);
    await visit.page.waitForTimeout(400);
    assert.equal((await consent(visit)).method, "reject");
    assert.equal(await visit.page.evaluate(() => window.ran), undefined);
  });

  await test("an agreement that is pressed twice is recorded once", {}, async (visit) => {
    const release = await askedAhead(visit);
    await press(visit, "accept");
    await press(visit, "accept");
    release();
    await visit.page.waitForFunction(() => window.ran?.includes("counter"));
    await recorded(visit);
    await visit.page.waitForTimeout(400);
    assert.equal(ledger.records.length, 1);
  });

  await test("what a page grants by its own code and takes back before the engine is there is not granted", {}, async (visit) => {
    const release = await askedAhead(visit);
    await visit.page.evaluate(() => {
      window.avow.grant("statistics");
      window.avow.withdraw();
    });
    release();
    await visit.page.evaluate(() => window.avow.ready);
    await visit.page.waitForTimeout(400);
    assert.equal((await consent(visit)).method, "withdraw");
    assert.equal(await visit.page.evaluate(() => window.ran), undefined);
    // Grants add up.
    await visit.page.evaluate(() => {
      window.avow.grant("statistics");
      window.avow.grant("media");
    });
    await visit.page.waitForFunction(() => window.avow.may("counter") && window.avow.may("player"));
  });

  await test("who refuses and leaves before the engine is there is recorded all the same", {}, async (visit) => {
    await holdEngine(visit);
    await visit.page.goto(page({ settings }));
    await visit.banner();
    await press(visit, "reject");
    await visit.page.goto(page({ path: "/next", settings: { ...settings, reopen: "no" } }));
    await recorded(visit);
    assert.equal(ledger.records.length, 1);
    assert.match(ledger.records[0].choice, /\.reject\./);
  });

  await test("what another tab refuses counts in one that has not decided yet", {}, async (visit) => {
    const url = page({ settings, head: gated("counter") });
    const offer = await agreed(visit, url);
    // A page without memory has the agreement in its cookie and waits for the engine; then somebody withdraws elsewhere.
    await visit.page.evaluate(() => localStorage.clear());
    const release = await holdEngine(visit);
    await visit.page.goto(url);
    const refused = cookie(offer, { purposes: "!statistics!advertising!media", method: "withdraw" });
    await visit.context.addCookies([{ name: "lab_consent", value: refused, url: origin }]);
    await visit.page.evaluate(() => dispatchEvent(new StorageEvent("storage", { key: "avow" })));
    release();
    await visit.page.evaluate(() => window.avow.ready);
    await visit.page.waitForTimeout(300);
    assert.equal(await visit.page.evaluate(() => window.ran), undefined);
    assert.equal((await consent(visit)).method, "withdraw");
  });

  await test("a page that is drawn ahead of a visit goes by the choice at the visit", {}, async (visit) => {
    const url = page({ settings, head: gated("counter") });
    const offer = await agreed(visit, url);
    await drawAhead(visit);
    await visit.page.goto(url);
    const refused = cookie(offer, { purposes: "!statistics!advertising!media", method: "withdraw" });
    await visit.context.addCookies([{ name: "lab_consent", value: refused, url: origin }]);
    await visit.page.evaluate(() => window.visit());
    await visit.page.evaluate(() => window.avow.ready);
    assert.equal((await consent(visit)).method, "withdraw");
    assert.equal(await visit.page.evaluate(() => window.ran), undefined);
  });

  await test("what failed once is asked for anew", {}, async (visit) => {
    for (const file of ["en.json", "avow-widget.js"]) {
      await visit.page.route(`**/${file}`, (route) => route.fulfill({ status: 503 }));
      await visit.page.goto(page({ settings, head: gated("counter"), body: `<button data-avow-open>Cookies</button>` }));
      assert.equal(await visit.page.evaluate(() => window.avow.ready), false);
      // Until somebody has answered, nothing is allowed, and that is said in so many words.
      assert.equal(await visit.page.evaluate(() => window.avow.may("counter")), false);
      await visit.page.unrouteAll({ behavior: "ignoreErrors" });
      // A browser keeps a module that it could not fetch from being fetched again, but not a file.
      if (file.endsWith(".js")) continue;
      await visit.page.click("[data-avow-open]");
      await visit.page.waitForSelector(".avow-dialog[open]");
    }
    assert.deepEqual(visit.errors.filter((error) => !/^avow: |503/.test(error)), []);
  });

  await test("an agreement waits for the engine, and nothing is kept of it before", {}, async (visit) => {
    const release = await askedAhead(visit);
    await press(visit, "accept");
    assert.deepEqual(await visit.cookies(origin), []);
    release();
    await visit.page.waitForFunction(() => window.ran?.includes("counter"));
    assert.equal((await consent(visit)).method, "accept");
  });
}
