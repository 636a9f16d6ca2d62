// Both layers as people meet them: by eye, by keyboard, by screen reader.

import assert from "node:assert/strict";

import { body, reached, site, test } from "./harness.mjs";

const VIEWS = [
  ["light", { colorScheme: "light" }],
  ["dark", { colorScheme: "dark" }],
  ["320 px wide", { viewport: { width: 320, height: 640 } }],
  ["reduced motion, forced colours", { reducedMotion: "reduce", forcedColors: "active" }],
];

export async function banner() {
  for (const [name, options] of VIEWS) {
    await test(`axe finds nothing on either layer: ${name}`, options, async (visit) => {
      await visit.open(`${site}/`);
      await visit.banner();
      assert.deepEqual(await visit.axe(), []);
      const wide = await visit.page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
      assert.equal(wide, false, "scrolls sideways");
      await visit.page.click("[data-avow=choose]");
      await visit.page.waitForSelector(".avow-dialog[open]");
      assert.deepEqual(await visit.axe(), []);
    });
  }

  await test("accept and reject have equal weight", {}, async (visit) => {
    await visit.open(`${site}/`);
    await visit.banner();
    const look = (what) => visit.page.$eval(`.avow-banner [data-avow=${what}]`, (button) => {
      const { width, height } = button.getBoundingClientRect();
      const { color, backgroundColor, borderColor, fontSize, fontWeight } = getComputedStyle(button);
      return { width, height, color, backgroundColor, borderColor, fontSize, fontWeight };
    });
    assert.deepEqual(await look("accept"), await look("reject"));
  });

  await test("everything goes by keyboard, and closing is not consent", {}, async (visit) => {
    const { page } = visit;
    const focused = () => page.evaluate(() => document.activeElement.dataset.avow ?? "");
    await visit.open(`${site}/`);
    await visit.banner();
    assert.equal(await page.evaluate(() => document.activeElement === document.body), true, "takes no focus by itself");
    for (let i = 0; i < 12 && (await focused()) !== "choose"; i += 1) await page.keyboard.press("Tab");
    assert.equal(await focused(), "choose");
    await page.keyboard.press("Enter");
    await page.waitForSelector(".avow-dialog[open]");
    assert.equal(await page.$$eval(".avow-switch", (all) => all.filter((one) => one.checked && !one.disabled).length), 0);
    await page.keyboard.press("Escape");
    await page.waitForSelector(".avow-dialog[open]", { state: "detached" });
    assert.equal(await focused(), "choose");
    assert.equal(await page.isVisible(".avow-banner"), true);
    assert.deepEqual(await visit.cookies(), []);
  });

  await test("a switch does nothing before Save", {}, async (visit) => {
    await visit.open(`${site}/`);
    await visit.banner();
    await visit.page.click("[data-avow=choose]");
    await visit.page.waitForSelector(".avow-dialog[open]");
    await visit.page.click(".avow-switch:not(:disabled)");
    await visit.page.waitForTimeout(400);
    assert.deepEqual(await reached(), []);
    assert.deepEqual(await visit.cookies(), []);
    await visit.choose("save", ".avow-dialog");
    await visit.page.waitForFunction(() => document.cookie.includes("_ga="));
  });

  await test("the second layer shows every cookie of the catalogue", {}, async (visit) => {
    await visit.open(`${site}/`);
    await visit.banner();
    await visit.page.click("[data-avow=choose]");
    await visit.page.waitForSelector(".avow-dialog[open]");
    const text = await visit.page.textContent(".avow-dialog");
    for (const name of ["en_session", "opsyn_consent", "_ga", "_ga_*", "_gid"]) assert.ok(text.includes(name), name);
  });

  await test("the page's language is the banner's, from right to left too", { locale: "ar" }, async (visit) => {
    const page = (await body(`${site}/`)).toString();
    const turned = page.replace(/<html[^>]*>/, '<html lang="ar" dir="rtl">');
    await visit.page.route(`${site}/`, (route) => route.fulfill({ contentType: "text/html; charset=utf-8", body: turned }));
    await visit.open(`${site}/`);
    await visit.banner();
    assert.equal(await visit.page.$eval(".avow-banner", (one) => getComputedStyle(one).direction), "rtl");
    assert.match(await visit.page.textContent(".avow-banner"), /[\u0600-\u06ff]/);
  });
}
