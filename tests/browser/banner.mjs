// Both layers as people meet them: by eye, by keyboard, by screen reader.

import assert from "node:assert/strict";

import { body, reached, site, test } from "./harness.mjs";

const VIEWS = [
  ["400 % of a desktop", { viewport: { width: 320, height: 256 } }],
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

  await test("the page's language is the banner's, from right to left too", { viewport: { width: 320, height: 640 } }, async (visit) => {
    const page = (await body(`${site}/`)).toString();
    const turned = page.replace(/<html[^>]*>/, '<html lang="ar" dir="rtl">');
    await visit.page.route(`${site}/`, (route) => route.fulfill({ contentType: "text/html; charset=utf-8", body: turned }));
    await visit.open(`${site}/`);
    await visit.banner();
    assert.equal(await visit.page.$eval(".avow-banner", (one) => getComputedStyle(one).direction), "rtl");
    assert.match(await visit.page.textContent(".avow-banner"), /[\u0600-\u06ff]/);
    assert.deepEqual(await visit.axe(), []);
    const wide = await visit.page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
    assert.equal(wide, false, "scrolls sideways");
    await visit.page.click("[data-avow=choose]");
    await visit.page.waitForSelector(".avow-dialog[open]");
    assert.deepEqual(await visit.axe(), []);
  });

  // What page and browser say, and which language the banner then has. Only one is fetched.
  const SPOKEN = [
    ["de-AT", ["fr"], "de"],
    ["", ["pt-BR", "en"], "pt-br"],
    ["", ["pt-AO"], "pt"],
    ["ZH-tw", [], "zh-hant"],
    ["zh-Hant-HK", [], "zh-hant"],
    ["zh-Hans-HK", [], "zh"],
    ["no", [], "nb"],
    ["nn-NO", ["sv"], "nb"],
    ["sr-Latn-RS", [], "sr-latn"],
    ["sr-RS", [], "sr"],
    ["eo", ["ia", "cy-GB", "en"], "cy"],
    ["eo", ["ia"], "en"],
  ];
  await test("the banner speaks the page's language, else the browser's, else the pack's", {}, async (visit) => {
    const page = (await body(`${site}/`)).toString();
    for (const [lang, languages, wanted] of SPOKEN) {
      const context = await visit.page.context().browser().newContext({ timezoneId: "UTC" });
      try {
        const tab = await context.newPage();
        const fetched = [];
        tab.on("request", (request) => request.url().endsWith(".json") && fetched.push(request.url()));
        const said = page.replace(/<html[^>]*>/, `<html lang="${lang}">`);
        await tab.route(`${site}/`, (route) => route.fulfill({ contentType: "text/html; charset=utf-8", body: said }));
        await tab.addInitScript((all) => Object.defineProperty(Navigator.prototype, "languages", { get: () => all }), languages);
        await tab.goto(`${site}/`);
        await tab.waitForSelector(".avow-banner");
        assert.equal(await tab.$eval(".avow", (root) => root.lang), wanted, `${lang} ${languages}`);
        assert.deepEqual(fetched, [`${site}/avow/${wanted}.json`]);
      } finally {
        await context.close();
      }
    }
  });

  await test("no language breaks a word on a button at 320 px", { viewport: { width: 320, height: 640 } }, async (visit) => {
    await visit.open(`${site}/`);
    await visit.banner();
    await visit.page.click("[data-avow=choose]");
    await visit.page.waitForSelector(".avow-dialog[open]");
    const loader = (await body(`${site}/avow/avow.js`)).toString();
    const tags = loader.match(/\^\(([a-z|-]+)\)/)[1].split("|");
    assert.ok(tags.length >= 40);
    const words = [];
    for (const tag of tags) words.push([tag, { ...JSON.parse(await body(`${site}/avow/${tag}.json`)), ...JSON.parse(await body(`${site}/avow/${tag}.more.json`)) }]);
    const broken = await visit.page.evaluate((all) => {
      const found = [];
      for (const [tag, said] of all) {
        for (const button of document.querySelectorAll("[data-avow=accept],[data-avow=reject],[data-avow=choose],[data-avow=save]")) {
          button.lang = tag;
          button.textContent = said[button.dataset.avow];
          // Written without spaces, it breaks where its readers expect it.
          if (["ja", "th", "zh", "zh-hant"].includes(tag)) continue;
          for (const word of button.textContent.matchAll(/[^\s-]+/gu)) {
            const range = document.createRange();
            range.setStart(button.firstChild, word.index);
            range.setEnd(button.firstChild, word.index + word[0].length);
            const lines = new Set([...range.getClientRects()].filter((one) => one.width).map((one) => Math.round(one.top)));
            if (lines.size > 1) found.push(`${tag}: ${word[0]}`);
          }
        }
      }
      return found;
    }, words);
    assert.deepEqual(broken, []);
  });
}
