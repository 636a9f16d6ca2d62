// Lighthouse, its accessibility category, on each page of the demo as a visitor sees it who has not chosen: with the banner, where
// the rules ask.

import assert from "node:assert/strict";
import { snapshot } from "lighthouse";
import puppeteer from "puppeteer-core";

import { FLAGS, app, neighbours, site, test } from "./harness.mjs";

const SETTINGS = {
  extends: "lighthouse:default",
  settings: { onlyCategories: ["accessibility"], formFactor: "desktop", screenEmulation: { disabled: true }, disableFullPageScreenshot: true },
};

/** Each site: its address, whether somebody is asked there, and its pages. */
const SITES = {
  "the site": [site, true, ["/", "/pricing", "/privacy", "/newsletter", "/gallery", "/decisions", "/nowhere"]],
  "the application": [app, false, ["/sign-in", "/", "/people", "/records/nf-log-2093", "/open?id=hb-intake-208", "/decisions"]],
  ...Object.fromEntries(Object.entries(neighbours).map(([name, address]) =>
    [name, [address, ["aiopsos", "opsos"].includes(name), ["/", "/tries", "/privacy"]]])),
};

/** What Lighthouse misses on a page. */
async function missed(page, url, asks) {
  await page.goto(url);
  await page.evaluate(() => window.avow.ready);
  if (asks) await page.waitForSelector(".avow-banner", { visible: true });
  else assert.equal(await page.$(".avow-banner:not([hidden])"), null, url);
  const { lhr } = await snapshot(page, { config: SETTINGS, flags: { logLevel: "error" } });
  const { score, auditRefs } = lhr.categories.accessibility;
  const given = auditRefs.filter(({ id }) => lhr.audits[id].score !== null);
  assert.ok(given.length > 10, `${url}: ${given.length} audits`);
  if (score === 1) return [];
  return [`${url}: ${score} ${given.filter(({ id }) => lhr.audits[id].score < 1).map(({ id }) => id)}`];
}

export async function lighthouse() {
  // Lighthouse looks through Puppeteer, which has a browser of its own.
  const browser = await puppeteer.launch({ executablePath: process.env.CHROMIUM, args: FLAGS });
  try {
    const page = await browser.newPage();
    await page.setViewport({ width: 1280, height: 800 });
    await page.emulateTimezone("UTC");
    await page.goto(`${app}/sign-in`);
    await Promise.all([page.waitForNavigation(), page.click("button[value='northfield/ada']")]);
    for (const [name, [address, asks, paths]] of Object.entries(SITES)) {
      await test(`lighthouse gives every page of ${name} all points for accessibility`, {}, async () => {
        const found = [];
        for (const path of paths) found.push(...(await missed(page, address + path, asks)));
        assert.deepEqual(found, []);
      });
    }
  } finally {
    await browser.close();
  }
}
